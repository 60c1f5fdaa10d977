"""The scoring layer knows no trainer: what is XGBoost's lies in a folder of that name, behind a small surface."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

import scoring.xgboost

ROOT: Final = Path(__file__).parents[2]
SCORING: Final = ROOT / "layers" / "scoring" / "scoring"
TRAINER: Final = SCORING / "xgboost"
SHARED: Final = sorted(SCORING.glob("*.py"))
OUTSIDE: Final = sorted(
    path
    for folder in ("layers", "functions", "local", "cli", "scripts", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if TRAINER not in path.parents
)


def insides(module: Path) -> set[str]:
    """What a module imports of the folder beyond its surface."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("scoring.xgboost.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "scoring.xgboost":
            found |= {alias.name for alias in node.names} - set(scoring.xgboost.__all__)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("scoring.xgboost."):
            found.add(node.module)
    return found


def test_what_is_outside_the_folder_uses_its_surface_alone() -> None:
    assert OUTSIDE
    assert {str(path.relative_to(ROOT)): found for path in OUTSIDE if (found := insides(path))} == {}


def test_insides_are_seen_however_they_are_imported(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import scoring.xgboost.ubjson\n"
        "from scoring.xgboost import artifact, load\n"
        "from scoring.xgboost.model import XGBoostModel\n"
    )
    assert insides(module) == {"scoring.xgboost.ubjson", "artifact", "scoring.xgboost.model"}


@pytest.mark.parametrize("module", SHARED, ids=lambda path: path.stem)
def test_the_rest_of_the_layer_names_no_trainer(module: Path) -> None:
    assert "xgboost" not in module.read_text().lower()


@pytest.mark.parametrize("module", sorted(SCORING.rglob("*.py")), ids=lambda path: path.stem)
def test_pandas_is_imported_only_by_what_reads_cells(module: Path) -> None:
    at_the_top = {
        alias.name
        for node in ast.parse(module.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert "pandas" not in at_the_top, "a third of a second of every cold start, see benchmarks.evaluate"
