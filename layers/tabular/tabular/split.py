"""Which part a row falls into: train, validation or test.

A row's place depends on its own content and the seed alone. It is hashed (MD5, which is the same in every engine and
version; DuckDB's own hash is not) to a number u in [0, 2^52), and the parts are cut at fixed shares of that range: the
same row always lands in the same part, whichever rows come with it, and duplicates land together. Within each class the
shares are the same, so the parts are stratified up to chance.

Where a class is so small that no row of it falls below a cut, the cut moves up to its lowest row, so that each part has
both classes.
"""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sluice.config import Split
from tabular.findings import Finding, RefusedError, Rule, shown
from tabular.table import Table, literal

HASH_BITS: Final = 52
PARTS: Final = ("train", "validation", "test")

MINIMUM_TRAINING_ROWS: Final = 20
MINIMUM_TRAINING_ROWS_PER_CLASS: Final = 3
"""Of a class of 10 rows, the fewest that are taken, 7 train by default, and fewer than 3 once in 600 times."""

_CELL_SEPARATOR: Final = "chr(31)"


def hash_expression(cells: Sequence[str], seed: int) -> str:
    """SQL for u: the first 52 bits of the MD5 of the seed and the cells' text, each preceded by a unit separator."""
    return f"CAST('0x' || left(md5(concat_ws({_CELL_SEPARATOR}, '{seed}', {', '.join(cells)})), 13) AS BIGINT)"


@dataclass(frozen=True)
class Cuts:
    """Of one class: rows with u below ``test`` are the test part, then those below ``validation``; the rest train."""

    label: str
    test: int
    validation: int


def find_cuts(table: Table, target: int, classes: Sequence[str], split: Split) -> list[Cuts]:
    """The cuts of each class. Raises RefusedError where a class cannot be in all three parts."""
    lowest = _lowest_by_class(table, target, dict.fromkeys(classes, 0))
    test = {label: max(_cut_at(split.test), lowest[label] + 1) for label in classes}
    above = _lowest_by_class(table, target, test)
    both = _cut_at(split.test + split.validation)
    validation = {label: max(both, above.get(label, 0) + 1) for label in classes}
    left = _lowest_by_class(table, target, validation)
    for label in classes:
        if label not in above or label not in left:
            what = f"class `{shown(label)}` has too few different rows to be in training, validation and test data"
            raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
    return [Cuts(label, test[label], validation[label]) for label in classes]


def _cut_at(share: float) -> int:
    return round(share * (1 << HASH_BITS))


def _lowest_by_class(table: Table, target: int, floors: dict[str, int]) -> dict[str, int]:
    """The lowest u of each class that is not below the class's floor; a class without one is left out."""
    floor = " ".join(f"WHEN {literal(label)} THEN {value}" for label, value in floors.items())
    query = f"SELECT c{target}, min(u) FROM good WHERE u >= CASE c{target} {floor} END GROUP BY ALL"
    return {str(label): int(u) for label, u in table.rows(query)}


def make_parts(table: Table, target: int, cuts: Sequence[Cuts]) -> None:
    """Makes the view ``parts``: the good rows with ``label``, the class number, and ``part``."""
    label = " ".join(f"WHEN {literal(cut.label)} THEN {number}" for number, cut in enumerate(cuts))
    part = " ".join(
        f"WHEN c{target} = {literal(cut.label)} THEN CASE WHEN u < {cut.test} THEN 'test' "
        f"WHEN u < {cut.validation} THEN 'validation' ELSE 'train' END"
        for cut in cuts
    )
    table.execute(
        f"CREATE VIEW parts AS SELECT *, CASE c{target} {label} END AS label, CASE {part} END AS part FROM good"
    )


def class_counts(table: Table, classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rows by part and by label."""
    counts = {part: dict.fromkeys(classes, 0) for part in PARTS}
    for part, number, rows in table.rows("SELECT part, label, count(*) FROM parts GROUP BY ALL"):
        counts[part][classes[number]] = int(rows)
    return counts


def check_training(counts: Mapping[str, Mapping[str, int]]) -> None:
    """Raises RefusedError where the training part is too small to learn from. ``counts``: rows by part and label."""
    train = counts["train"]
    total, everything = sum(train.values()), sum(sum(rows.values()) for rows in counts.values())
    if total < MINIMUM_TRAINING_ROWS:
        what = f"only {total} of {everything:,} rows are left to train on; {MINIMUM_TRAINING_ROWS} are needed"
        raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
    for label, rows in train.items():
        if rows < MINIMUM_TRAINING_ROWS_PER_CLASS:
            what = (
                f"only {rows} rows of class `{shown(label)}` are left to train on; "
                f"{MINIMUM_TRAINING_ROWS_PER_CLASS} are needed"
            )
            raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))


def repeated_in_test(table: Table, columns: Sequence[int]) -> int:
    """Test rows that have a training row's label and the same cells in the given columns."""
    row = f"hash(label, {', '.join(f'c{i}' for i in columns)})"
    test, train = (f"SELECT {row} AS h FROM parts WHERE part = '{part}'" for part in ("test", "train"))
    return int(table.row(f"SELECT count(*) FROM ({test}) WHERE h IN ({train})")[0])
