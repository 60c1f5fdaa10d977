"""Which column is predicted, and which labels it has. Never guessed in silence."""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from tabular.findings import Finding, RefusedError, Rule, listed, shown
from tabular.table import Table

CONVENTIONAL_NAMES: Final = ("target", "label", "class", "y")
POSITIVE_WORDS: Final = frozenset({"1", "1.0", "true", "t", "yes", "y", "positive"})
MINIMUM_ROWS_PER_CLASS: Final = 10

_MANY_VALUES: Final = 50


@dataclass(frozen=True)
class Classes:
    """Labels by class number, the positive one last; rows of each."""

    labels: tuple[str, ...]
    rows: Mapping[str, int]


def resolve_target(names: Sequence[str], configured: str | None, default: str | None, dropped: Sequence[str]) -> int:
    """The number of the target column: the configured one, else the default one, else one named by convention.

    Raises:
        RefusedError: none is named, or it is no column of the file, or it is dropped.
    """
    wanted = configured or default
    if wanted is None:
        matches = [i for i, name in enumerate(names) if name.lower() in CONVENTIONAL_NAMES]
        if len(matches) > 1:
            what = f"several columns could be the target: {listed([names[i] for i in matches])}"
            raise RefusedError(Finding(rule=Rule.TARGET_AMBIGUOUS, what=what))
        if not matches:
            what = (
                f"no target is named, and no column is called {' or '.join(CONVENTIONAL_NAMES)}; "
                f"the columns are {listed(list(names))}"
            )
            raise RefusedError(Finding(rule=Rule.TARGET_NOT_NAMED, what=what))
        wanted = names[matches[0]]
    if wanted.strip() not in names:
        near = get_close_matches(wanted.lower(), [name.lower() for name in names], n=1)
        hint = f"did you mean `{next(n for n in names if n.lower() == near[0])}`? " if near else ""
        what = f"the target `{wanted}` is no column of the file; {hint}the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.TARGET_UNKNOWN, what=what))
    if wanted in dropped:
        raise RefusedError(Finding(rule=Rule.TARGET_DROPPED, column=wanted, what="the target is listed under `drop`"))
    return names.index(wanted.strip())


def find_classes(table: Table, target: int, name: str, positive: str | None) -> Classes:
    """The classes of the good rows. Raises RefusedError where they cannot be learnt."""
    distinct = int(table.row(f"SELECT count(DISTINCT c{target}) FROM good")[0])
    top = table.rows(f"SELECT c{target}, count(*) FROM good GROUP BY ALL ORDER BY count(*) DESC, c{target} LIMIT 10")
    rows = {str(label): int(count) for label, count in top}
    shares = ", ".join(f"`{shown(label)}` ({count:,} rows)" for label, count in rows.items())
    if distinct < 2:
        raise RefusedError(Finding(rule=Rule.TARGET_ONE_CLASS, column=name, what=f"there is only one class, {shares}"))
    if distinct > 2:
        raise RefusedError(Finding(rule=Rule.TARGET_MANY_CLASSES, column=name, what=_many(distinct, shares)))
    small = [
        Finding(
            rule=Rule.CLASS_TOO_SMALL,
            column=name,
            what=f"class `{shown(label)}` has {count} rows; {MINIMUM_ROWS_PER_CLASS} are needed",
        )
        for label, count in rows.items()
        if count < MINIMUM_ROWS_PER_CLASS
    ]
    if small:
        raise RefusedError(*small)
    if positive is not None and positive.strip() not in rows:
        what = f"`positive: {positive}` is no label of the target; the labels are {listed(list(rows))}"
        raise RefusedError(Finding(rule=Rule.POSITIVE_UNKNOWN, column=name, what=what))
    last = positive.strip() if positive is not None else _positive_by_convention(rows)
    first = next(label for label in rows if label != last)
    return Classes((first, last), rows)


def _many(distinct: int, shares: str) -> str:
    if distinct > _MANY_VALUES:
        return (
            f"it has {distinct:,} different values, so it looks like a quantity; "
            "only targets of two classes are supported, and predicting numbers is not"
        )
    return f"it has {distinct} classes, {shares}; more than two (multi-class) are not supported yet"


def _positive_by_convention(rows: Mapping[str, int]) -> str:
    """The label that says yes; else the rarer one; else the later one in code point order."""
    said = [label for label in rows if label.lower() in POSITIVE_WORDS]
    if len(said) == 1:
        return said[0]
    return min(sorted(rows, reverse=True), key=lambda label: rows[label])


def prior_log_loss(train: Mapping[str, int], test: Mapping[str, int]) -> float:
    """Log loss (natural) on the test labels of always predicting the class frequencies of the training part."""
    trained, tested = sum(train.values()), sum(test.values())
    return -sum(rows * math.log(train[label] / trained) for label, rows in test.items() if rows) / tested
