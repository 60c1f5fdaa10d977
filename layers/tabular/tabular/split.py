"""Which part a row falls into: train, validation or test.

A row's place depends on its own content and the seed alone. It is hashed (XXH64, a published function that is the same
in every engine and version; the engine's own hash is not) to a number u in [0, 2^52), and the parts are cut at fixed
shares of that range: the same row always lands in the same part, whichever rows come with it, and duplicates land
together. Within each class the shares are the same, so the parts are stratified up to chance.

If a class is so small that no row of it falls below a cut, the cut moves up to its lowest row, so that each part has
every class.

With ``group_by`` the group alone is hashed, so that all of its rows land together; the cuts are then the same for all
classes. With ``by_time`` the latest rows are the test part and those before them the validation part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import polars_hash  # noqa: F401 - registers the expressions' namespace `nchash`

from sluice.dataset.config import Split
from sluice.layout import PARTS
from tabular.findings import Finding, RefusedError, Rule, shown

HASH_BITS: Final = 52

MIN_TRAINING_ROWS: Final = 20
MIN_TRAINING_ROWS_PER_CLASS: Final = 3
"""Of a class of 10 rows, the fewest that are taken, 7 train by default, and fewer than 3 once in 600 times."""

_CELL_SEPARATOR: Final = "\x1f"


def hash_expression(cells: Sequence[str], seed: int) -> pl.Expr:
    """u: the first 52 bits of the XXH64 of the seed and the cells' text, joined by unit separators.

    Args:
        cells: names of columns of text without nulls.
        seed: of the split.
    """
    text = pl.concat_str(pl.lit(str(seed)), *cells, separator=_CELL_SEPARATOR)
    hashed: pl.Expr = text.nchash.xxhash64()  # type: ignore[attr-defined]
    return hashed // (1 << (64 - HASH_BITS))


@dataclass(frozen=True)
class Cuts:
    """Rows with u below ``test`` are the test part, then those below ``validation``; the rest train."""

    test: int
    validation: int


@dataclass(frozen=True)
class Places:
    """The cuts of the split: the same for all classes, but for those whose own are given.

    By time, ``times`` are the values after which rows are of the validation and of the test part.
    """

    cuts: Cuts
    moved: Mapping[str, Cuts] = field(default_factory=dict)
    times: tuple[float, float] | None = None

    def part(self) -> pl.Expr:
        """0 for training, 1 for validation, 2 for test, from ``label`` and ``u``, or from ``time``."""
        if self.times is not None:
            return _number(pl.col("time") > self.times[1], pl.col("time") > self.times[0])
        test, validation = pl.lit(self.cuts.test), pl.lit(self.cuts.validation)
        if self.moved:
            labels = list(self.moved)
            test, validation = (
                pl.col("label").replace_strict(labels, values, default=usual, return_dtype=pl.Int64)
                for values, usual in (
                    ([cuts.test for cuts in self.moved.values()], self.cuts.test),
                    ([cuts.validation for cuts in self.moved.values()], self.cuts.validation),
                )
            )
        return _number(pl.col("u") < test, pl.col("u") < validation)


def _number(test: pl.Expr, validation: pl.Expr) -> pl.Expr:
    return pl.when(test).then(2).when(validation).then(1).otherwise(0).cast(pl.Int8)


def usual_cuts(split: Split) -> Cuts:
    return Cuts(_cut_at(split.test), _cut_at(split.test + split.validation))


def _cut_at(share: float) -> int:
    return round(share * (1 << HASH_BITS))


class Lowest:
    """The lowest different u of each class, as many as it takes to move its cuts."""

    def __init__(self, cuts: Cuts) -> None:
        self._cuts = cuts
        self._floors = (0, cuts.test, cuts.validation)
        self._found: dict[str, tuple[list[int], list[int], list[int]]] = {}

    def settled(self) -> frozenset[str]:
        """The classes whose cuts cannot move any more."""
        return frozenset(label for label in self._found if self._cuts_of(label) == self._cuts)

    def look(self, rows: pl.DataFrame, settled: frozenset[str]) -> pl.DataFrame:
        """What ``add`` is to learn of rows with ``label`` and ``u``. Changes nothing."""
        open_rows = rows.filter(~pl.col("label").is_in(list(settled))) if settled else rows
        u = pl.col("u")
        return open_rows.group_by("label").agg(
            u.filter(u >= floor).unique().bottom_k(3).alias(str(floor)) for floor in self._floors
        )

    def add(self, found: pl.DataFrame) -> None:
        for label, *lowest in found.iter_rows():
            known = self._found.get(label, ([], [], []))
            merged = [sorted({*old, *new})[:3] for old, new in zip(known, lowest, strict=True)]
            self._found[label] = (merged[0], merged[1], merged[2])

    def moved(self, labels: Sequence[str]) -> dict[str, Cuts]:
        """The classes whose cuts must move.

        Raises:
            RefusedError: a class cannot be in all three parts.
        """
        moved = {}
        for label in labels:
            cuts = self._cuts_of(label)
            if cuts is None:
                what = f"class `{shown(label)}` has too few different rows to be in training, validation and test data"
                raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
            if cuts != self._cuts:
                moved[label] = cuts
        return moved

    def _cuts_of(self, label: str) -> Cuts | None:
        lowest, beyond_test, beyond_validation = self._found[label]
        first = bool(lowest) and lowest[0] < self._cuts.test
        test = self._cuts.test if first else lowest[0] + 1
        above = (beyond_test if first else lowest[1:])[:2]
        if not above:
            return None
        second = above[0] < self._cuts.validation
        validation = self._cuts.validation if second else above[0] + 1
        left = beyond_validation if second else above[1:]
        return Cuts(test, validation) if left else None


def find_times(times: pl.DataFrame, split: Split) -> tuple[float, float]:
    """The values after which rows are validation and test data.

    Args:
        times: ``time``, each once and in order, and how many rows have it, ``rows``; of all times or of a sample.
        split: the shares of the rows.

    Raises:
        RefusedError: there are too few different times.
    """
    later = times["rows"].sum() - times["rows"].cum_sum()
    total = int(times["rows"].sum())
    cuts = [(later - share * total).abs().arg_min() for share in (split.test + split.validation, split.test)]
    validation, test = (-1 if cut is None else cut for cut in cuts)
    if not 0 <= validation < test < times.height - 1:
        what = "the values of `by_time` are too few or too similar to separate training, validation and test data"
        raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
    return float(times["time"][validation]), float(times["time"][test])


def check_parts(counts: Mapping[str, Mapping[str, int]]) -> None:
    """Raises RefusedError if a part lacks a class, or training is too small. ``counts``: rows by part and label."""
    for part in PARTS:
        for label, rows in counts[part].items():
            if not rows:
                what = f"class `{shown(label)}` does not occur in the {part} part, because `split` keeps rows together"
                raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
    train = counts["train"]
    total, everything = sum(train.values()), sum(sum(rows.values()) for rows in counts.values())
    if total < MIN_TRAINING_ROWS:
        what = f"only {total} of {everything:,} rows are left to train on; {MIN_TRAINING_ROWS} are needed"
        raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
    for label, rows in train.items():
        if rows < MIN_TRAINING_ROWS_PER_CLASS:
            what = (
                f"only {rows} rows of class `{shown(label)}` are left to train on; "
                f"{MIN_TRAINING_ROWS_PER_CLASS} are needed"
            )
            raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))
