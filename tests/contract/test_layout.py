"""``layout`` alone knows what lies where in S3, and ``names`` alone how AWS resources are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sluice import layout

ROOT: Final = Path(__file__).parents[2]
CORE: Final = ROOT / "layers" / "core" / "sluice"
FOLDERS: Final = ("layers", "functions", "cli", "local", "following", "scripts", "benchmarks")
"""``local/sagemaker`` stands for AWS: it knows nothing of Sluice's layout, and has SageMaker's own names."""
MODULES: Final = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if not path.is_relative_to(ROOT / "local" / "sagemaker")
)

RUN: Final = layout.RunLayout("churn", "0123456789ab")
FILES: Final = {
    Path(key).name
    for key in (
        *(getattr(RUN, name) for name, value in vars(layout.RunLayout).items() if isinstance(value, property)),
        *map(RUN.part_file, layout.PARTS),
        *map(RUN.group_sample, range(len(layout.GROUP_SAMPLES))),
        layout.contract_key("churn"),
        layout.config_key("churn"),
    )
    if not key.endswith("/")
}
PREFIXES: Final = re.compile(r"(\A|/)(incoming|datasets|runs|captured|predictions|held_out)/")
HOLE: Final = re.compile(r"\{[^}]*\}")
"""What a format string fills in, as the source has it."""
RESOURCE: Final = re.compile(r"\A\{[^}]*prefix\}-|\Asluice:|\A/aws/(sagemaker|lambda)/|\Areconcile-")
"""A resource's name and its tags, such as f"{prefix}-{dataset}", and where SageMaker logs."""


def described(tree: ast.AST) -> set[ast.AST]:
    """Texts that are for people: docstrings, descriptions and helps."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg in ("description", "help", "metavar"):
            found.update(ast.walk(node.value))
    return found


def as_written(part: ast.expr) -> str:
    """A part of a format string; what it fills in stands in braces."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return "{" + ast.unparse(part.value).replace("}", ")") + "}"


def literals(module: Path) -> Iterator[tuple[str, int]]:
    """Texts without blanks that a module has, and their lines; those with blanks are sentences."""
    tree = ast.parse(module.read_text())
    passed = described(tree)
    for node in ast.walk(tree):
        if node in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed.update(node.values)
            text = "".join(map(as_written, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if text and not re.search(r"\s", HOLE.sub("", text)):
            yield text, node.lineno


def is_place(text: str) -> bool:
    """Whether a text is a key of the layout, or a part of one."""
    name = HOLE.sub("{}", text).rpartition("/")[2]
    plain = name.replace("{}", "")
    return plain in FILES or (name != plain and plain in (".csv", ".json")) or bool(PREFIXES.search(text))


ELSEWHERE: Final = {
    "benchmarks/burst.py": {"{number}.csv", "{file[1]}.csv"},
    "benchmarks/model_jobs/tables.py": {"{name}.csv"},
}
"""Files of these names that are not in S3, by module."""


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_builds_keys_or_names_of_resources(module: Path) -> None:
    allowed = ELSEWHERE.get(str(module.relative_to(ROOT)), set())
    found = dict(literals(module))
    if module != CORE / "layout.py":
        places = {text: line for text, line in found.items() if is_place(text) and text not in allowed}
        assert not places, "sluice/layout.py has a function for it, or should have one"
    if module != CORE / "names.py":
        names = {text: line for text, line in found.items() if RESOURCE.search(text)}
        assert not names, "sluice/names.py has a function for it, or should have one"


@pytest.mark.parametrize(
    "line",
    [
        'key = f"{dataset}/runs/{run_id}/recipe.json"',
        'prefix = f"{dataset}/runs/"',
        'path = out / "validation.json"',
        'key = f"{where}test.csv"',
        'key = f"{part}.csv"',
        'key = f"incoming/{folder}/{file}"',
    ],
)
def test_a_key_that_is_built_elsewhere_is_found(line: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(line)
    assert [text for text, _ in literals(module) if is_place(text)]


@pytest.mark.parametrize("line", ['name = f"{prefix}-{dataset}"', 'name = f"{prefix}-{dataset}-{run_id}"'])
def test_a_name_that_is_built_elsewhere_is_found(line: str, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(line)
    assert [text for text, _ in literals(module) if RESOURCE.search(text)]


def test_a_sentence_may_name_a_file(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""Writes recipe.json."""\nwhat = "see validation.json"\nField(description="outcome.json")')
    assert not [text for text, _ in literals(module) if is_place(text)]


def calls(module: Path, function: str) -> bool:
    found = (node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id == function for called in found)


def test_the_image_table_is_asked_for_training_jobs_alone() -> None:
    """What serves and what is recorded is the image that the job ran, as its description has it."""
    askers = [module for module in MODULES if calls(module, "training_image")]
    assert askers == [CORE / "training" / "job.py"]
