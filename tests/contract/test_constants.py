"""One way to document a constant: a docstring below it, as attributes and type aliases have it."""

from __future__ import annotations

import io
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


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
