"""A target of numbers: whether it can be learned, and what the baseline is to predict.

Of very many training rows the quantiles are those of a sample, which is chosen by the rows' hash, so that neither the
file's order nor its pieces change it. Memory is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.layout import PARTS
from sluice.messages import TargetNumbers
from tabular.columns import Kind, Profile
from tabular.findings import Finding, RefusedError, Rule
from tabular.split import MIN_TRAINING_ROWS

MAX_SAMPLED: Final = 1 << 20
"""Training rows up to which quantiles are exact."""

MIN_DIFFERENT: Final = 10
"""Different numbers: fewer may as well be classes."""

_TAIL_SHARE: Final = 0.01
MAX_TAIL_WEIGHT: Final = 0.5
"""Share of the squared deviations from the mean that the farthest 1 % of the rows may have. Of a normal distribution
they have 7 %, of a lognormal one with a standard deviation of 1 some 45 %."""


class NumberSample:
    """The target's numbers over the training part: counts and sums of all rows, and the rows of a sample."""

    def __init__(self, max_rows: int = MAX_SAMPLED) -> None:
        self._max_rows = max_rows
        self._kept: list[pl.DataFrame] = []
        self._rows = 0
        self._mask = 0
        self._counted = pl.DataFrame(schema={"rows": pl.Int64, "mean": pl.Float64, "squares": pl.Float64})

    def add(self, rows: pl.DataFrame) -> None:
        """Args: ``rows``: of the training part, ``u``, the split's hash, and ``y``, the number."""
        if not rows.height:
            return
        y = pl.col("y")
        counted = rows.select(
            pl.len().cast(pl.Int64).alias("rows"), y.mean().alias("mean"), (y - y.mean()).pow(2).sum().alias("squares")
        )
        self._counted = pl.concat([self._counted, counted])
        self._kept.append(self._chosen(rows))
        self._rows += self._kept[-1].height
        while self._rows > self._max_rows:
            self._mask = 2 * self._mask + 1
            self._kept = [self._chosen(kept) for kept in self._kept]
            self._rows = sum(kept.height for kept in self._kept)

    def _chosen(self, rows: pl.DataFrame) -> pl.DataFrame:
        # By the lowest bits of the hash: by the highest ones the split goes.
        return rows.filter((pl.col("u") & self._mask) == 0) if self._mask else rows

    def numbers(self) -> pl.Series:
        """Of the sample, in rising order."""
        return pl.concat([kept["y"] for kept in self._kept]).sort()

    def described(self, coverage: float) -> TargetNumbers:
        """What the baseline predicts. ``coverage``: share of the rows between its two quantiles."""
        numbers, rows = self.numbers(), self._counted["rows"]
        total = int(rows.sum())
        mean = float((self._counted["mean"] * rows).sum()) / total
        apart = (self._counted["mean"] - mean).pow(2) * rows
        variance = float((self._counted["squares"] + apart).sum()) / total
        rest = (1 - coverage) / 2
        median, low, high, least, most = (
            float(numbers.quantile(share, "linear") or 0.0) for share in (0.5, rest, 1 - rest, 0.0, 1.0)
        )
        return TargetNumbers(
            mean=mean, median=median, low=low, high=high, minimum=least, maximum=most, deviation=variance**0.5
        )


def check_numbers(p: Profile) -> None:
    """
    Raises:
        RefusedError: the target is no column of numbers, or all are the same.
    """
    if p.kind is not Kind.NUMBER:
        what = f"`task: regression` predicts numbers, and its values are {'dates' if p.kind is Kind.DATE else 'texts'}"
        raise RefusedError(Finding(rule=Rule.TARGET_NOT_NUMBERS, column=p.name, what=what))
    if p.least == p.greatest:
        what = f"it has one number only, {p.least:g}"
        raise RefusedError(Finding(rule=Rule.TARGET_ONE_NUMBER, column=p.name, what=what))


def check_rows(rows: dict[str, int]) -> None:
    """
    Args:
        rows: by part.

    Raises:
        RefusedError: a part has none, or training too few.
    """
    for part in PARTS:
        needed = MIN_TRAINING_ROWS if part == "train" else 1
        if rows[part] < needed:
            what = f"the {part} part has {rows[part]} of {sum(rows.values()):,} rows; {needed} are needed"
            raise RefusedError(Finding(rule=Rule.SPLIT_IMPOSSIBLE, what=what))


@dataclass(frozen=True)
class Judged:
    """A target of numbers, judged by its training rows."""

    name: str
    numbers: pl.Series
    described: TargetNumbers

    def warnings(self) -> Iterator[Finding]:
        different = self.numbers.n_unique()
        if different < MIN_DIFFERENT:
            what = f"it has {different} different numbers only, which may as well be classes"
            yield Finding(rule=Rule.TARGET_LIKE_CLASSES, column=self.name, what=what)
        weight = self._tail_weight()
        if weight > MAX_TAIL_WEIGHT:
            what = (
                f"1 % of the training rows have {weight:.0%} of the squared deviations from the mean (the numbers go "
                f"from {self.described.minimum:g} to {self.described.maximum:g}, and half of them are below "
                f"{self.described.median:g}): training and RMSE rest on these few rows"
            )
            yield Finding(rule=Rule.TARGET_TAILS, column=self.name, what=what)

    def _tail_weight(self) -> float:
        squares = (self.numbers - self.described.mean).pow(2).sort(descending=True)
        whole = float(squares.sum())
        return float(squares.head(max(1, round(_TAIL_SHARE * squares.len()))).sum()) / whole if whole else 0.0
