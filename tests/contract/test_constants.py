"""One way to document a constant, a docstring below it, and one to name a limit, MAX_ or MIN_."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SUPERLATIVES: Final = re.compile(
    r"(^|_)(MOST|UTMOST|LEAST|FEW|FEWEST|LONGEST|SHORTEST|LARGEST|SMALLEST|GREATEST|BIGGEST|HIGHEST|LOWEST)(_|$)"
)
NO_LIMITS: Final = {"TOO_FEW_ROWS"}
"""The name of a rule, which people read in reports."""


def modules() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split():
        yield name, (ROOT / name).read_text()


def comments_as_documentation(source: str) -> list[int]:
    return [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and token.string.startswith("#:")
    ]


def test_a_comment_as_documentation_is_seen_above_and_beside_a_constant() -> None:
    source = 'A = 1\n"""Fine."""\n#: Above.\nB = 2\nC = 3  #: Beside.\nD = "#: no comment"\n# Plain.\nE = 5\n'
    assert comments_as_documentation(source) == [3, 5]


def test_constants_are_documented_by_a_docstring_below_and_never_by_a_comment_above() -> None:
    found = [f"{name}:{line}" for name, source in modules() for line in comments_as_documentation(source)]
    assert not found, "write a docstring below the constant instead of `#:` above it"


def names_of_limits_in_words(source: str) -> list[str]:
    names = {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return sorted(name for name in names - NO_LIMITS if name.isupper() and SUPERLATIVES.search(name))


def test_a_limit_named_in_words_is_seen_at_the_start_in_the_middle_and_at_the_end() -> None:
    source = (
        "MOST_ROWS = 1\n_LEAST: int = 2\nclass Rule:\n    GAP_FEWEST_ROWS = 3\nMAX_ROWS, ALMOST_ALL, few = 4, 5, 6\n"
    )
    assert names_of_limits_in_words(source) == ["GAP_FEWEST_ROWS", "MOST_ROWS", "_LEAST"]


def test_limits_are_named_max_and_min() -> None:
    found = [f"{name}: {limit}" for name, source in modules() for limit in names_of_limits_in_words(source)]
    assert not found, "name a limit MAX_ or MIN_ and what it bounds"
