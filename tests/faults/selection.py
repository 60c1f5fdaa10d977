"""Which cases of the enumeration a run of CI tries: a quarter that the commit chooses, and what the change touched.

The whole takes half an hour of two cores. A quarter by the commit's hash comes round to every case within some commits,
whoever makes them, and the same commit always tries the same cases.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
QUARTERS: Final = 4
#: Of all cases, those of touched functions that are tried beside the quarter. A change to what all functions share
#: touches everything; more of it is for `make faults`.
MAX_TOUCHED_SHARE: Final = 0.15


@dataclass(frozen=True)
class Selection:
    """Numbers of the chosen cases, and how many were chosen for which reason.

    Attributes:
        touched: cases of touched functions that the quarter does not have.
        left_out: of these, those that were too many.
    """

    chosen: frozenset[int]
    quarter: int
    touched: int
    left_out: int

    def __str__(self) -> str:
        said = (
            f"quarter {self.quarter + 1} of {QUARTERS} by the commit's hash, and {self.touched} cases of what changed"
        )
        if self.left_out:
            said += f" ({self.left_out} more are left out; make faults tries all)"
        return said


def select(cases: Sequence[tuple[str, str]], commit: str, functions: Collection[str]) -> Selection:
    """Chooses cases.

    Args:
        cases: of each its function and its description.
        commit: hexadecimal hash.
        functions: names of the functions that the change touched.
    """
    quarter = int(commit, 16) % QUARTERS
    places = {number: _place(description) for number, (_, description) in enumerate(cases)}
    chosen = {number for number, place in places.items() if place % QUARTERS == quarter}
    # In the order of a hash with the commit's: another commit tries others of too many.
    beside = sorted(
        (number for number, (function, _) in enumerate(cases) if function in functions and number not in chosen),
        key=lambda number: _place(f"{commit} {number}"),
    )
    most = round(MAX_TOUCHED_SHARE * len(cases))
    return Selection(
        frozenset(chosen | set(beside[:most])), quarter, min(len(beside), most), max(0, len(beside) - most)
    )


def _place(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def touched_functions(changed: Collection[str], root: Path = ROOT) -> frozenset[str]:
    """Names, as in the state machine, of the functions that changed files are part of: their own, or ones they import.

    Args:
        changed: paths from the root, with slashes.
    """
    return frozenset(
        "".join(part.capitalize() for part in app.parent.name.split("_"))
        for app in root.glob("functions/*/app.py")
        if not changed_parts(app, root).isdisjoint(changed)
    )


def changed_parts(app: Path, root: Path) -> set[str]:
    """The files that a handler is made of: its own, and the modules of the layers that it imports itself."""
    imported = {
        f"layers/{layer}/{node.module.replace('.', '/')}.py"
        for node in ast.walk(ast.parse(app.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for layer in ("core", "tabular", "scoring", "plotting")
    }
    return {app.relative_to(root).as_posix(), *imported}


def head() -> str:
    return _git("rev-parse", "HEAD").strip()


def changed_since(base: str) -> list[str]:
    """Paths that differ between a commit and the checkout."""
    return _git("diff", "--name-only", base).splitlines()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
