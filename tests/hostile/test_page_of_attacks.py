"""docs/hostile-input.md names every test of the hostile corpus, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[1] / "docs" / "hostile-input.md"


def names_in(file: Path) -> set[str]:
    functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {function.name for function in functions if function.name.startswith("test_")}


def test_the_page_names_the_tests_that_there_are() -> None:
    there = {name for file in HERE.glob("test_*.py") if file != Path(__file__) for name in names_in(file)}
    assert set(re.findall(r"`(test_\w+)`", PAGE.read_text())) == there
