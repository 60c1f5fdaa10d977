"""Writes the parts of docs/configuration.md, docs/evaluation.md and docs/stack.md that follow from code and template.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. Keys, types, defaults and limits of
``config.yaml`` come from the pydantic models that read it, metrics from the metric table. Parameters, outputs and
alarms come from ``template.yaml``.

Run ``python scripts/reference_docs.py`` after a change. With ``--check`` it writes nothing and names what is stale.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

ROOT: Final = Path(__file__).resolve().parent.parent
for _folder in (ROOT, ROOT / "layers" / "core"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

import annotated_types  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from sluice.dataset.config import DatasetConfig, Gates, Limits, QualityGates, QualityLimits  # noqa: E402
from sluice.dataset.contract import Thresholds  # noqa: E402
from sluice.evaluation.metrics import of_task  # noqa: E402
from sluice.training.hyperparameters import MAX_SMALL_ROWS, PRESETS, TUNABLE, defaults  # noqa: E402
from tests.template import TEMPLATE  # noqa: E402

CONFIGURATION: Final = ROOT / "docs" / "configuration.md"
EVALUATION: Final = ROOT / "docs" / "evaluation.md"
STACK: Final = ROOT / "docs" / "stack.md"

_PART: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS: Final = {str: "text", float: "number", int: "whole number", bool: "`true` or `false`"}
_GIVEN_BY_METRIC: Final[dict[type[BaseModel], type[BaseModel]]] = {Gates: Limits, QualityGates: QualityLimits}
"""Sections whose keys are metrics, all alike: they are listed in one line, not in a table. With what each has."""


# -- configuration.md


def top() -> str:
    """The keys at the top of the file."""
    return _keys_of(DatasetConfig, "")


def sections() -> str:
    """A table for each section, below the keys at the top, in their order."""
    return "\n".join(_section(path, model) for path, model in _sections(DatasetConfig, ""))


def hyperparameters() -> str:
    """What may be tuned, with what is sent if it is not: by default, for many rows, and by each preset."""
    sets = (defaults(MAX_SMALL_ROWS), defaults(MAX_SMALL_ROWS + 1), *PRESETS.values())
    rows = [
        (f"`{name}`", *(f"`{chosen[name]}`" if name in chosen else "" for chosen in sets)) for name in sorted(TUNABLE)
    ]
    head = (
        "key",
        f"default, up to {MAX_SMALL_ROWS:,} training rows",
        "default, beyond",
        *(f"`preset: {name}`" for name in PRESETS),
    )
    return _table(head, rows)


def undescribed() -> list[str]:
    """Keys that say nothing about themselves."""
    found = [f"{path}.{name}" for path, model in _sections(DatasetConfig, "") for name in _silent(model)]
    return sorted({*found, *_silent(DatasetConfig)})


def _silent(model: type[BaseModel]) -> list[str]:
    if model in _GIVEN_BY_METRIC:
        return []
    return [name for name, field in model.model_fields.items() if not _description(field)]


def _section(path: str, model: type[BaseModel]) -> str:
    said = _first_paragraph(model)
    head = f"### `{path}`\n\n" + (f"{said}\n\n" if said else "")
    if model in _GIVEN_BY_METRIC:
        names = ", ".join(f"`{name}`" for name in model.model_fields)
        return f"{head}Its keys are metrics, each with the limits below: {names}.\n"
    return head + _keys_of(model, path)


def _keys_of(model: type[BaseModel], path: str) -> str:
    rows = []
    for name, field in model.model_fields.items():
        here, said = _joined(path, name), _description(field)
        if _has_table(_model_in(field.annotation)):
            said = f"{said} See [`{here}`](#{_anchor(here)})."
        rows.append((f"`{name}`", _kind(field), _default(field), said.strip()))
    return _table(("key", "value", "default", "meaning"), rows)


def _sections(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        section, here = _model_in(field.annotation), _joined(path, name)
        if section is None or not _has_table(section):
            continue
        yield here, section
        if section in _GIVEN_BY_METRIC:
            yield f"{here}.<metric>", _GIVEN_BY_METRIC[section]
        else:
            yield from _sections(section, here)


def _has_table(section: type[BaseModel] | None) -> bool:
    """Whether a section is more than a pair of thresholds, whose default says it all."""
    return section not in (None, Thresholds)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _anchor(path: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^a-z0-9_-]", "", path.lower())


def _description(field: FieldInfo) -> str:
    section = _model_in(field.annotation)
    return field.description or (_first_sentence(section) if section is not None else "")


def _first_paragraph(model: type[BaseModel]) -> str:
    doc = model.__doc__ if "__doc__" in vars(model) else None
    paragraphs = re.split(r"\n\s*\n", (doc or "").strip())
    return "\n\n".join(" ".join(paragraph.split()).replace("``", "`") for paragraph in paragraphs if paragraph)


def _first_sentence(model: type[BaseModel]) -> str:
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", _first_paragraph(model))[0]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds: itself, or none, or a list of them."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _kind(field: FieldInfo) -> str:
    said = "severity or thresholds" if _model_in(field.annotation) is Thresholds else _kind_of(field.annotation)
    limits = _limits(field)
    return f"{said}, {limits}" if limits else said


def _kind_of(annotation: Any) -> str:
    annotation = getattr(annotation, "__value__", annotation)  # of a `type` statement
    if annotation in _WORDS:
        return _WORDS[annotation]
    arguments = [one for one in get_args(annotation) if one not in (NoneType, Ellipsis)]
    origin = get_origin(annotation)
    if origin is Literal:
        *others, last = (f"`{_plain(one)}`" for one in arguments)
        return f"{', '.join(others)} or {last}" if others else last
    if origin is tuple:
        return f"list of {'texts' if arguments[0] is str else 'sections'}"
    if origin is dict or _model_in(annotation) is annotation:
        return "section"
    return " or ".join(dict.fromkeys(_kind_of(one) for one in arguments))


def _limits(field: FieldInfo) -> str:
    said = []
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge(ge=limit):
                said.append(f"at least {limit:,}")
            case annotated_types.Gt(gt=limit):
                said.append(f"above {limit:,}")
            case annotated_types.Le(le=limit):
                said.append(f"at most {limit:,}")
            case annotated_types.Lt(lt=limit):
                said.append(f"below {limit:,}")
    return " and ".join(said)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ((), {}) or isinstance(value, BaseModel):
        return _default_section(value) if isinstance(value, BaseModel) else "none"
    return f"`{_plain(value)}`"


def _default_section(section: BaseModel) -> str:
    """The value of a small section whose keys are written in one line; a larger one has a table of its own."""
    values = section.model_dump()
    if isinstance(section, Thresholds):
        return f"`{{{', '.join(f'{name}: {_plain(value)}' for name, value in values.items())}}}`"
    return ""


def _plain(value: Any) -> str:
    """As it is written in YAML."""
    if isinstance(value, str):
        return value
    return json.dumps(list(value) if isinstance(value, tuple) else value)


# -- evaluation.md


def metrics() -> str:
    """Every metric of a target of classes, in the table's order."""
    rows = [
        (
            f"`{metric.name}`",
            f"{metric.title}: {metric.what}",
            metric.several,
            metric.better,
            metric.range,
            " ".join(f"`{name}`" for name in dict.fromkeys(metric.quality_names(2) + metric.quality_names(3))),
        )
        for metric in of_task("classification").values()
    ]
    head = ("metric", "what it is", "three classes or more", "better", "range", "in SageMaker's quality document")
    return _table(head, rows)


def number_metrics() -> str:
    """Every metric of a target of numbers, in the table's order."""
    rows = [
        (
            f"`{metric.name}`",
            f"{metric.title}: {metric.what}",
            metric.better,
            metric.range,
            " ".join(f"`{name}`" for name in metric.quality_names(0)),
        )
        for metric in of_task("regression").values()
    ]
    return _table(("metric", "what it is", "better", "range", "in SageMaker's quality document"), rows)


# -- stack.md


def parameters() -> str:
    rows = [
        (f"`{name}`", _default_of(parameter), parameter["Description"])
        for name, parameter in TEMPLATE["Parameters"].items()
    ]
    return _table(("parameter", "default", "meaning"), rows)


def _default_of(parameter: Mapping[str, Any]) -> str:
    default = parameter.get("Default", "")
    return f"`{default}`" if str(default) else "none"


def outputs() -> str:
    return _table(
        ("output", "meaning"), [(f"`{name}`", output["Description"]) for name, output in TEMPLATE["Outputs"].items()]
    )


def alarms() -> str:
    rows = [
        (f"`{name}`", resource["Properties"]["AlarmDescription"])
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    ]
    return _table(("alarm", "meaning"), rows)


# -- the documents

PARTS: Final[dict[Path, dict[str, Callable[[], str]]]] = {
    CONFIGURATION: {"top": top, "sections": sections, "hyperparameters": hyperparameters},
    EVALUATION: {"metrics": metrics, "number-metrics": number_metrics},
    STACK: {"parameters": parameters, "outputs": outputs, "alarms": alarms},
}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_in_cell(cell) for cell in line)} |\n" for line in lines)


def _in_cell(text: str) -> str:
    """On one line, and with what Markdown would take for a tag or a column's end escaped, but in code spans."""
    text = " ".join(text.split()).replace("|", "\\|")
    outside = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in outside)


def rendered(document: Path) -> str:
    """The document with its generated parts written again."""
    parts = PARTS[document]

    def replaced(found: re.Match[str]) -> str:
        return f"{found.group(1)}{parts[found.group(2)]()}{found.group(3)}"

    return _PART.sub(replaced, document.read_text(encoding="utf-8"))


def stale() -> list[str]:
    """The documents that are not as the script writes them, or that lack a part."""
    return [
        document.name
        for document, parts in PARTS.items()
        if rendered(document) != document.read_text(encoding="utf-8")
        or {name for _, name, _ in _PART.findall(document.read_text(encoding="utf-8"))} != set(parts)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Write the generated parts of docs/configuration.md, docs/evaluation.md and docs/stack.md."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale, with exit status 1")
    if parser.parse_args(arguments).check:
        found = stale()
        for name in found:
            print(f"stale: {name}; run python scripts/reference_docs.py", file=sys.stderr)
        return 1 if found else 0
    for document in PARTS:
        document.write_text(rendered(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
