"""The command does not load the local AWS unless it is meant. docs/architecture.md says which package imports which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LAPTOP: Final = "laptop.py"
"""The one module of the command that knows the local AWS."""


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """The first part of the name of each package that is imported."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


@pytest.mark.parametrize("module", sorted((ROOT / "cli").rglob("*.py")), ids=lambda path: path.name)
def test_one_module_of_the_command_imports_the_local_aws_and_only_when_it_is_meant(module: Path) -> None:
    tree = ast.parse(module.read_text())
    names = imported(iter(ast.walk(tree)))
    assert "sys.path" not in module.read_text()
    if module.name == LAPTOP:
        assert "local" in names
        assert "local" not in imported(iter(tree.body)), "at the top it would be imported by every command"
    else:
        assert "local" not in names
