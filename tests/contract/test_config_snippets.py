"""Whatever a message or a page tells people to write into config.yaml, the parser takes.

What is read: fenced ``yaml`` blocks and code spans ``key: value`` and ``key.key`` of README and docs, and such spans in
the texts of code and of the report's template. The rules for what is config:

- A fenced ``yaml`` block is. A block that repeats a key at the top shows alternatives, each with the keys that stand
  once.
- A span ``key: value`` is, unless ``NOT_CONFIG`` names it. Its key stands at the top or in any section. Without a space
  after the colon it is no YAML (``kms:Decrypt``).
- A span ``key.key`` is if the first key is one of config.yaml and it is no file's name.
- ``<column>``, ``...`` and what code fills in stand for some value.
- A snippet may leave out what it needs beside it, which the parser then asks for ("needs", "required").
- The table of validation.json's fields is about another document.
- docs/decisions.md tells of what was rejected, too, and is left out.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest
from pydantic import BaseModel

from sluice.dataset.config import BiasName, ConfigError, DatasetConfig, parse_config
from sluice.training.hyperparameters import TUNABLE

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "decisions.md"})
CODE: Final = sorted(
    path
    for folder in ("layers", "functions", "cli", "local", "following")
    for ending in ("*.py", "*.j2")
    for path in (ROOT / folder).rglob(ending)
)
NOT_CONFIG: Final = {"key: value"}
"""The form of a line, not a line."""

FILLED_IN: Final = "\0"
SOME_VALUES: Final = ("x", "1", "0.5", "[x]", "canary", "best_f1", "target_recall")
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PAIR: Final = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): (\S.*)")
_KEYS: Final = re.compile(r"[a-z_]+(?:\.(?:[A-Za-z0-9_]+|\0))+")
_WANTS_MORE: Final = re.compile(r" needs |give the values of|Field required")
_FIELDS: Final = re.compile(r"<!-- generated: fields -->.*?<!-- end -->", re.DOTALL)
_FILE: Final = re.compile(r".*\.(csv|gz|html|json|jsonl|j2|md|py|sh|tsv|txt|ya?ml|zip)")


def section_of(annotation: object) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def sections(model: type[BaseModel] = DatasetConfig, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a key may stand, the top first."""
    yield path
    for name, field in model.model_fields.items():
        if section := section_of(field.annotation):
            yield from sections(section, (*path, name))


PLACES: Final = list(sections())


def written(path: tuple[str, ...], value: str) -> str:
    """``value`` below the keys of the path, in one line. What stands below ``facets`` is an item of a list."""
    text = value
    for place, key in reversed(list(enumerate(path))):
        item = f"[{text}]" if key == "facets" and place == 0 and place < len(path) - 1 else text
        text = f"{{{key}: {item}}}"
    return text


def refused(text: str) -> list[str]:
    """Why the parser does not take it; what it needs beside it is no reason."""
    try:
        parse_config(text, "config.yaml")
    except ConfigError as error:
        return [reason for reason in error.reasons if not _WANTS_MORE.search(reason)]
    return []


def filled(value: str) -> list[str]:
    if FILLED_IN not in value and "..." not in value and not re.search(r"<\w+>", value):
        return [value]
    return [re.sub(rf"{FILLED_IN}|\.\.\.|<\w+>", some, value) for some in SOME_VALUES]


def refused_pair(span: str) -> list[str]:
    """Why a span ``key: value`` can stand nowhere."""
    found = _PAIR.fullmatch(span)
    assert found
    keys = tuple(found[1].split("."))
    tries = [refused(written((*place, *keys), value)) for place in PLACES for value in filled(found[2])]
    return [] if [] in tries else tries[0]


def is_path(keys: list[str]) -> bool:
    """Whether the keys lead somewhere, from the top or from any section on."""
    return any(_leads(DatasetConfig, [*place, *keys]) for place in PLACES)


def _leads(model: type[BaseModel], keys: list[str]) -> bool:
    field = model.model_fields.get(keys[0])
    if field is None:
        return keys[0] == FILLED_IN
    if len(keys) == 1:
        return True
    if keys[0] == "hyperparameters":
        return keys[1] in TUNABLE
    if keys[1] in get_args(BiasName.__value__) and "dict" in str(field.annotation):
        return keys[2:] in ([], ["min"], ["max"], [FILLED_IN])
    section = section_of(field.annotation)
    return section is not None and _leads(section, keys[1:])


FIRST_KEYS: Final = set(DatasetConfig.model_fields)


def is_dotted(span: str) -> bool:
    return bool(_KEYS.fullmatch(span)) and not _FILE.fullmatch(span) and span.split(".", maxsplit=1)[0] in FIRST_KEYS


def faults_of_spans(spans: list[str]) -> list[str]:
    faults = []
    for span in spans:
        if _PAIR.fullmatch(span) and span not in NOT_CONFIG and refused_pair(span):
            faults.append(f"{span}: {refused_pair(span)}")
        if is_dotted(span) and not is_path(span.split(".")):
            faults.append(f"{span}: no such key")
    return faults


def alternatives(block: str) -> list[str]:
    """What a block shows: itself, or one for each of the keys that it repeats."""
    parts = re.findall(r"^[a-z_]+:.*?(?=^[a-z_]+:|\Z)", block, re.MULTILINE | re.DOTALL)
    counts = Counter(part.partition(":")[0] for part in parts)
    once = "".join(part for part in parts if counts[part.partition(":")[0]] == 1)
    repeated = [part for part in parts if counts[part.partition(":")[0]] > 1]
    return [part + once for part in repeated] or [block]


def blocks(page: str) -> list[str]:
    return [body for language, body in _FENCE.findall(page) if language in ("yaml", "yml")]


def spans(text: str) -> list[str]:
    return [" ".join(span.split()) for span in _SPAN.findall(_FIELDS.sub("", _FENCE.sub("", text)))]


def texts(source: str) -> Iterator[str]:
    """The strings of a module, those that stand side by side as one; what is filled in as ``FILLED_IN``."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED_IN for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_people_to_write_is_taken(page: Path) -> None:
    text = page.read_text()
    assert [found for block in blocks(text) for one in alternatives(block) for found in refused(one)] == []
    assert faults_of_spans(spans(text)) == []


def test_what_messages_tell_people_to_write_is_taken() -> None:
    found = {}
    for path in CODE:
        source = path.read_text()
        said = texts(source) if path.suffix == ".py" else [source]
        if faults := faults_of_spans([span for text in said for span in spans(text)]):
            found[str(path.relative_to(ROOT))] = faults
    assert found == {}


@pytest.mark.parametrize(
    "span",
    [
        "contract: {reset: true}",
        "gates: {acuracy: {min: 0.8}}",
        "kind: serverles",
        "previous.rule: shadow",
        "colour: red",
        "gates.recall.least",
        "hyperparameters.depth",
        "split.share",
    ],
)
def test_what_the_parser_refuses_is_found(span: str) -> None:
    assert faults_of_spans([span])


@pytest.mark.parametrize(
    "span",
    [
        "contract: reset",
        "kind: instance",
        "previous.role: shadow",
        "favoured_label: <label>",
        f"policy: {FILLED_IN}",
        "split: {group_by: ...}",
        "kms:Decrypt",
        "validation.csv",
        "gates.recall.min",
        f"gates.{FILLED_IN}.{FILLED_IN}",
        "gates.DI.min",
        "hyperparameters.max_depth",
    ],
)
def test_what_the_parser_takes_is_not_found(span: str) -> None:
    assert faults_of_spans([span]) == []


def test_a_block_with_alternatives_is_taken_apart() -> None:
    assert alternatives("cutoff: {policy: best_f1}\ncutoff: {policy: minimum_cost}\ncosts: {}\n") == [
        "cutoff: {policy: best_f1}\ncosts: {}\n",
        "cutoff: {policy: minimum_cost}\ncosts: {}\n",
    ]
    assert blocks("```yaml\na: 1\n```\n```sh\nls\n```\n") == ["a: 1\n"]
