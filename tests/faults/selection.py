"""Which cases of the enumeration a run of CI tries: a quarter that the commit chooses, and what the change touched.

The whole takes half an hour of two cores. A quarter by the commit's hash comes round to every case within some commits,
whoever makes them, and the same commit always tries the same cases. Every call of a function that the change touched is
tried with every fault, but in one scenario of those that make it: most scenarios make the same calls, and a commit that
touches all functions still adds less than half of the cases.
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


@dataclass(frozen=True)
class Tried:
    """What a case tries: a fault of a call, in a scenario."""

    scenario: str
    function: str
    call: str
    """Of the function, with its subject and the fault: the same in all scenarios that make it."""

    def __str__(self) -> str:
        return f"{self.scenario}: {self.function} {self.call}"


@dataclass(frozen=True)
class Selection:
    """Numbers of the chosen cases, and how many were chosen for which reason.

    Attributes:
        touched: cases of touched functions that the quarter does not have.
    """

    chosen: frozenset[int]
    quarter: int
    touched: int

    def __str__(self) -> str:
        return (
            f"quarter {self.quarter + 1} of {QUARTERS} by the commit's hash, and {self.touched} cases of what changed"
        )


def select(cases: Sequence[Tried], commit: str, functions: Collection[str]) -> Selection:
    """Chooses cases.

    Args:
        cases: all, in their order.
        commit: hexadecimal hash.
        functions: names of the functions that the change touched.
    """
    quarter = int(commit, 16) % QUARTERS
    chosen = {number for number, case in enumerate(cases) if _place(str(case)) % QUARTERS == quarter}
    tried = {(cases[number].function, cases[number].call) for number in chosen}
    beside: dict[tuple[str, str], int] = {}
    # In the order of a hash with the commit's: another commit tries a call in another scenario.
    for number in sorted(range(len(cases)), key=lambda number: _place(f"{commit} {cases[number]}")):
        case = cases[number]
        if case.function in functions and (case.function, case.call) not in tried:
            beside.setdefault((case.function, case.call), number)
    return Selection(frozenset(chosen | set(beside.values())), quarter, len(beside))


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
