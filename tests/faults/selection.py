"""Which cases of the enumeration a run of CI tries: a quarter that the commit chooses, and what the change touched.

The whole takes half an hour of two cores. A quarter by the commit's hash comes round to every case within some commits,
whoever makes them, and the same commit always tries the same cases.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
QUARTERS: Final = 4
MAX_TOUCHED_SHARE: Final = 0.25
"""Share of all cases that touched functions may add to the quarter, so that CI tries half of them at most. A commit
that touches most functions at once is for `make faults`."""


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
    max_beside = round(MAX_TOUCHED_SHARE * len(cases))
    return Selection(
        frozenset(chosen | set(beside[:max_beside])),
        quarter,
        min(len(beside), max_beside),
        max(0, len(beside) - max_beside),
    )


def _place(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def touched_functions(changed: Collection[str], root: Path = ROOT) -> frozenset[str]:
    """Names, as in the state machine, of the functions that changed files are part of.

    A function is made of its handler and of all that it imports of the layers, but for what most functions share: a
    change of that touches everything, and the quarter stands for it.

    Args:
        changed: paths from the root, with slashes.
    """
    parts = {app.parent.name: _parts(app, root) for app in root.glob("functions/*/app.py")}
    users = Counter(part for of_function in parts.values() for part in of_function)
    return frozenset(
        "".join(word.capitalize() for word in name.split("_"))
        for name, of_function in parts.items()
        if any(part in changed and 2 * users[part] <= len(parts) for part in of_function)
    )


def _parts(app: Path, root: Path) -> set[str]:
    """The files that a handler is made of: its own, and what it imports of the layers, by way of other modules too."""
    found: set[str] = set()
    waiting = [app]
    while waiting:
        file = waiting.pop()
        if (part := file.relative_to(root).as_posix()) in found:
            continue
        found.add(part)
        waiting += [module for module in _imported(file, root) if module.exists()]
    return found


def _imported(file: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for layer in ("core", "tabular", "scoring", "plotting"):
                yield root / "layers" / layer / f"{node.module.replace('.', '/')}.py"


def head() -> str:
    return _git("rev-parse", "HEAD").strip()


def changed_since(base: str) -> list[str]:
    """Paths that differ between a commit and the checkout."""
    return _git("diff", "--name-only", base).splitlines()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
