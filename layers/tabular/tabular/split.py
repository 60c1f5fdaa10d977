"""Which part a row falls into: train, validation or test.

A row's place depends on its own content and the seed, and on how many rows of its class there are. It is hashed (XXH64,
a published function that is the same in every engine and version; the engine's own hash is not) to a number u in
[0, 2^52). Equal rows have the same u and land together. Of each class, the rows with the lowest u are the test part and
those above them the validation part: as many as the shares ask for, to the row (``ranks``). The cuts lie near the
shares of the range of u and move little when rows come, so nearly all rows keep their part; those of a class of more
than ``MAX_RANKED`` different rows are the shares themselves, and never move.

A block of equal rows that would fill a part by itself trains.

With ``group_by`` the group alone is hashed, so that all of its rows land together; the cuts are then those of all rows,
whatever their class. With ``by_time`` the latest rows are the test part and those before them the validation part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
import polars_hash  # noqa: F401 - registers the expressions' namespace `nchash`

from sluice.dataset.config import Split
from sluice.evaluation.split import CELL_SEPARATOR, HASH_BITS, PartCuts
from sluice.layout import PARTS
from tabular.findings import Finding, RefusedError, Rule, shown
from tabular.intervals import wilson
from tabular.ranks import Cuts, Ranks, fitting_cuts, usual_cuts

MIN_TRAINING_ROWS: Final = 20
MIN_TRAINING_ROWS_PER_CLASS: Final = 3
"""Of a class of 10 rows, the fewest that are taken, 7 train by default."""

MIN_TELLING_ROWS: Final = 5
"""Test rows of a class with fewer of which hardly anything can be told; with 4, a share is known to 35 points."""

_QUANTILE: Final = 1.96
"""Of the normal distribution, for 95 %."""


def hash_expression(cells: Sequence[str | pl.Expr], seed: int) -> pl.Expr:
    """u: the first 52 bits of the XXH64 of the seed and the cells' text, joined by unit separators.

    Args:
        cells: columns of text without nulls.
        seed: of the split.
    """
    text = pl.concat_str(pl.lit(str(seed)), *cells, separator=CELL_SEPARATOR)
    hashed: pl.Expr = text.nchash.xxhash64()  # type: ignore[attr-defined]
    return hashed // (1 << (64 - HASH_BITS))


@dataclass(frozen=True)
class Places:
    """The cuts of the split: the same for all rows, but for the classes whose own are given.

    By time, ``times`` are the values after which rows are of the validation and of the test part.
    """

    cuts: Cuts
    own: Mapping[str, Cuts] = field(default_factory=dict)
    times: tuple[float, float] | None = None

    def of(self, stratum: str) -> Cuts:
        return self.own.get(stratum, self.cuts)

    def reported(self) -> tuple[PartCuts, ...]:
        return tuple(
            PartCuts(label=label, test=cuts.test, validation=cuts.validation, trained=cuts.trained)
            for label, cuts in [(None, self.cuts), *self.own.items()]
        )

    def part(self) -> pl.Expr:
        """0 for training, 1 for validation, 2 for test, from ``label`` and ``u``, or from ``time``."""
        if self.times is not None:
            return _number(pl.col("time") > self.times[1], pl.col("time") > self.times[0])
        test, validation = pl.lit(self.cuts.test), pl.lit(self.cuts.validation)
        if self.own:
            labels = list(self.own)
            test, validation = (
                pl.col("label").replace_strict(labels, values, default=usual, return_dtype=pl.Int64)
                for values, usual in (
                    ([cuts.test for cuts in self.own.values()], self.cuts.test),
                    ([cuts.validation for cuts in self.own.values()], self.cuts.validation),
                )
            )
        number = _number(pl.col("u") < test, pl.col("u") < validation)
        trained = [*_within(self.cuts)]
        for label, cuts in self.own.items():
            trained += [(pl.col("label") == label) & within for within in _within(cuts)]
        return pl.when(pl.any_horizontal(trained)).then(pl.lit(0, pl.Int8)).otherwise(number) if trained else number


def _within(cuts: Cuts) -> Iterator[pl.Expr]:
    return (pl.col("u").is_between(start, end, closed="left") for start, end in cuts.trained)


def _number(test: pl.Expr, validation: pl.Expr) -> pl.Expr:
    return pl.when(test).then(2).when(validation).then(1).otherwise(0).cast(pl.Int8)


ALL_ROWS: Final = ""
"""The stratum of every row if the split keeps groups together."""


def fitting_places(ranks: Ranks, split: Split, *, by_class: bool = True) -> tuple[Places, tuple[str, ...]]:
    """The split that gives each stratum its shares, and the strata that cannot be in all three parts. ``by_class``: of
    single rows, each class is a stratum; otherwise all rows are one."""
    found = {stratum: fitting_cuts(keys, ranks.width(stratum), split) for stratum, keys in ranks.strata()}
    impossible = tuple(stratum for stratum, cuts in found.items() if cuts is None)
    usual = usual_cuts(split)
    if split.group_by is not None or not by_class:
        return Places(found.get(ALL_ROWS) or usual), impossible
    return Places(
        usual, {label: cuts for label, cuts in sorted(found.items()) if cuts not in (None, usual)}
    ), impossible


def refuse_impossible(labels: Sequence[str]) -> None:
    """Raises RefusedError if a stratum cannot be in all three parts."""
    for label in labels:
        rows = (
            "the table has too few different rows or groups"
            if label == ALL_ROWS
            else (f"class `{shown(label)}` has too few different rows")
        )
        what = f"{rows} to be in training, validation and test data"
        raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))


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


def small_test_part(tested: Mapping[str, int], column: str) -> Finding | None:
    """What the test part can show if it has few rows of a class; None if it has enough.

    Args:
        tested: rows of the test part by label.
        column: the target.
    """
    few = {label: rows for label, rows in tested.items() if rows < MIN_TELLING_ROWS}
    if not few:
        return None
    rarest = min(few, key=lambda label: few[label])
    rows = few[rarest]
    low, high = wilson(rows / 2, rows, _QUANTILE)
    others = "" if len(few) == 1 else f", and few of {len(few) - 1} other class{'' if len(few) == 2 else 'es'}"
    what = (
        f"the test part has {sum(tested.values()):,} rows, only {rows} of class `{shown(rarest)}`{others}: a share of "
        f"50% that is measured on {rows} means a true one between {low:.0%} and {high:.0%} (with 95 % confidence)"
    )
    return Finding(rule=Rule.SMALL_TEST_PART, column=column, what=what)
