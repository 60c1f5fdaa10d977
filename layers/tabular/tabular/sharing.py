"""What rows with one value of a column share: how well the others of its value predict a row.

Each row is predicted by the other rows with its value (leave one out, shrunken to all rows). An identifier says this by
itself; a quantity is known by its neighbours, too: so the row is also predicted by the rows of the next values below
and above, and the difference counts. Of classes the loss is log loss. Of numbers it is the squared error of their
ranks, which a few huge ones do not decide.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Protocol

import polars as pl

MIN_DIFFERENT: Final = 21
"""Values of an identifier that repeats; fewer are read as categories."""

_MIN_REPEATED: Final = 10
"""Values that stand in two rows or more."""

MIN_GAP: Final = 0.02
"""Share of the baseline's loss by which the own rows predict better than the neighbours, if the name says
identifier."""

MIN_GAP_OF_CATEGORY: Final = 0.25
"""The same for a text whose name may as well say category: a product's label differs from another's, too."""

_CHANCE: Final = 1e-4
"""That such a difference is luck in any of the columns that are compared: each has its share (Bonferroni)."""

_MAX_IMPURE: Final = 0.01
"""Share of the repeated values with two labels, up to which the label is called the same in all rows of a value."""

MIN_EXPECTED_IMPURE: Final = 20.0
"""Values with two labels that chance would make. If there are none, the chance is e^-20 (Poisson)."""

_SHRINKAGES: Final = (0.25, 1.0, 4.0, 16.0, 64.0)
"""Rows that all rows together count for."""

_REACHES: Final = (1, 2, 4, 8, 16, 32)
"""Neighbouring values on each side."""


@dataclass(frozen=True)
class Shared:
    """What rows of one value of a column share, over different training rows.

    Losses are a row's: ``own`` of predicting each row by the others of its value, ``near`` by the rows of neighbouring
    values or by all rows, whichever is better, ``prior`` by all rows. Of classes they are natural log losses, of
    ``numbers`` squared errors of ranks between 0 and 1. ``deviations`` is the difference in standard errors over the
    values, and ``compared`` how many columns are. Of the ``repeated`` values ``impure`` have rows of two labels, or two
    numbers; ``expected`` is how many would by chance.
    """

    rows: int
    values: int
    repeated: int
    top_share: float
    prior: float
    own: float
    near: float
    deviations: float
    impure: int
    expected: float
    compared: int = 1
    numbers: bool = False

    @property
    def rows_per_value(self) -> float:
        return self.rows / self.values

    @property
    def gap(self) -> float:
        """Share of the baseline's loss."""
        return (self.near - self.own) / self.prior if self.prior else 0.0

    def beyond_chance(self, min_gap: float) -> bool:
        return self.gap >= min_gap and self.deviations >= -NormalDist().inv_cdf(_CHANCE / self.compared)

    @property
    def label_is_constant(self) -> bool:
        return (
            self.impure <= _MAX_IMPURE * self.repeated
            and self.expected >= MIN_EXPECTED_IMPURE
            and self.beyond_chance(MIN_GAP_OF_CATEGORY)
        )

    @property
    def target(self) -> str:
        """What rows share, in a word."""
        return "target" if self.numbers else "label"

    @property
    def losses(self) -> str:
        """Words for what a value is worth that is known."""
        if self.numbers:
            return (
                f"predicting a row by the other rows with its value leaves {self.own / self.prior:.0%} of the variance "
                f"of the target's ranks, predicting a row with a new value {self.near / self.prior:.0%}"
            )
        return (
            f"a row that is predicted by the other rows with its value costs a log loss of {self.own:.3f}, a row with "
            f"a new value {self.near:.3f}"
        )


class _Counts(Protocol):
    """Sums over the rows of each value, and expressions over these: the loss of all rows of a value."""

    by_value: pl.DataFrame
    """``value`` in order, ``n``, its rows, and sums over them, as floats."""
    prior: float
    """Of a row."""

    def by_all(self) -> pl.Expr: ...

    def by_own(self, shrinkage: float) -> pl.Expr: ...

    def by_neighbours(self, reach: int, shrinkage: float) -> pl.Expr: ...

    def is_impure(self) -> pl.Expr: ...

    def expected(self, repeated: pl.DataFrame) -> float:
        """Values of these that would be impure by chance."""


class _OfClasses:
    """n0, n1, ... are the rows of a value of each class."""

    def __init__(self, rows: pl.DataFrame) -> None:
        counts = rows.group_by("label").len().sort("label")
        self._shares = [n / rows.height for n in counts["len"]]
        self._names = [f"n{k}" for k in range(counts.height)]
        of_label = zip(counts["label"], self._names, strict=True)
        self.by_value = _by_value(rows, [(pl.col("label") == label).sum().alias(name) for label, name in of_label])
        self.prior = -sum(share * math.log(share) for share in self._shares)

    def by_all(self) -> pl.Expr:
        return _total(-pl.col(k) * math.log(share) for k, share in zip(self._names, self._shares, strict=True))

    def by_own(self, shrinkage: float) -> pl.Expr:
        return self._loss(pl.col("n") - 1, lambda k: pl.col(k) - 1, shrinkage)

    def by_neighbours(self, reach: int, shrinkage: float) -> pl.Expr:
        return self._loss(_around("n", reach), functools.partial(_around, reach=reach), shrinkage)

    def _loss(self, others: pl.Expr, of_label: Callable[[str], pl.Expr], shrinkage: float) -> pl.Expr:
        """Of predicting a value's rows from so many others, ``of_label`` of a label."""
        return _total(
            pl.when(pl.col(k) > 0)
            .then(-pl.col(k) * ((of_label(k) + shrinkage * share) / (others + shrinkage)).log())
            .otherwise(0.0)
            for k, share in zip(self._names, self._shares, strict=True)
        )

    def is_impure(self) -> pl.Expr:
        return pl.max_horizontal(self._names) < pl.col("n")

    def expected(self, repeated: pl.DataFrame) -> float:
        return _expected(repeated, self._shares)


class _OfNumbers:
    """Over the rows of a value ``s`` is the sum of their ranks, which go from -1/2 to 1/2 over all rows, and ``q`` that
    of the squares; ``different`` are its numbers."""

    def __init__(self, rows: pl.DataFrame) -> None:
        rank = (pl.col("y").rank() - (rows.height + 1) / 2) / rows.height
        ranked = rows.with_columns(rank.alias("rank"))
        sums = [pl.col("rank").sum().alias("s"), (pl.col("rank") ** 2).sum().alias("q")]
        self.by_value = _by_value(ranked, [*sums, pl.col("y").n_unique().alias("different")])
        self.prior = float(self.by_value["q"].sum()) / max(rows.height, 1)
        self._shares = [n / rows.height for n in rows.group_by("y").len()["len"]]

    def by_all(self) -> pl.Expr:
        return pl.col("q")

    def by_own(self, shrinkage: float) -> pl.Expr:
        """A row of rank r is predicted to have (s - r) / (n - 1 + shrinkage)."""
        n, s, q = pl.col("n"), pl.col("s"), pl.col("q")
        return ((n + shrinkage) ** 2 * q - (n + 2 * shrinkage) * s**2) / (n - 1 + shrinkage) ** 2

    def by_neighbours(self, reach: int, shrinkage: float) -> pl.Expr:
        told = _around("s", reach) / (_around("n", reach) + shrinkage)
        return pl.col("q") - 2 * told * pl.col("s") + pl.col("n") * told**2

    def is_impure(self) -> pl.Expr:
        return pl.col("different") > 1

    def expected(self, repeated: pl.DataFrame) -> float:
        return _expected(repeated, self._shares)


def shared(rows: pl.DataFrame, *, ordered: bool, compared: int = 1) -> Shared | None:
    """What rows of one value share; None if too few values repeat.

    Args:
        rows: ``value`` and ``label`` of different training rows; ``y`` too if the target is a number.
        ordered: the values are numbers, so that they have neighbours.
        compared: columns of the table that are compared with the target.
    """
    numbers = "y" in rows.columns
    if rows["y" if numbers else "label"].n_unique() < 2:
        return None
    counts: _Counts = _OfNumbers(rows) if numbers else _OfClasses(rows)
    by_value, prior = counts.by_value, counts.prior * rows.height
    repeated = by_value.filter(pl.col("n") > 1)
    if by_value.height < MIN_DIFFERENT or repeated.height < _MIN_REPEATED:
        return None
    own = _least(by_value, [counts.by_own(a) for a in _SHRINKAGES])
    near = [counts.by_all()]
    # The neighbours can only narrow the gap.
    if ordered and prior - float(own.sum()) >= MIN_GAP * prior:
        near += [counts.by_neighbours(reach, a) for reach in _REACHES for a in _SHRINKAGES]
    other = _least(by_value, near)
    gain = other - own
    spread = float(gain.std() or 0.0) / math.sqrt(by_value.height)  # type: ignore[arg-type]
    return Shared(
        rows=rows.height,
        values=by_value.height,
        repeated=repeated.height,
        top_share=float(by_value["n"].max() or 0) / rows.height,  # type: ignore[arg-type]
        prior=counts.prior,
        own=float(own.sum()) / rows.height,
        near=float(other.sum()) / rows.height,
        deviations=float(gain.mean() or 0.0) / spread if spread else 0.0,  # type: ignore[arg-type]
        impure=repeated.filter(counts.is_impure()).height,
        expected=counts.expected(repeated),
        compared=compared,
        numbers=numbers,
    )


def _by_value(rows: pl.DataFrame, sums: Sequence[pl.Expr]) -> pl.DataFrame:
    counted = rows.group_by("value").agg(pl.len().alias("n"), *sums).sort("value")
    return counted.with_columns(pl.exclude("value").cast(pl.Float64))


def _expected(repeated: pl.DataFrame, shares: Sequence[float]) -> float:
    """Of these values, those that would have two labels by chance, which have these shares."""
    sizes = repeated.group_by("n").len().sort("n")
    return math.fsum(values * (1 - math.fsum(share**n for share in shares)) for n, values in sizes.iter_rows())


def _total(terms: Iterable[pl.Expr]) -> pl.Expr:
    return functools.reduce(operator.add, terms)


def _around(name: str, reach: int) -> pl.Expr:
    """The sum over neighbouring values without the value itself."""
    return pl.col(name).rolling_sum(2 * reach + 1, center=True, min_samples=1) - pl.col(name)


def _least(by_value: pl.DataFrame, losses: Sequence[pl.Expr]) -> pl.Series:
    """The losses by value that are least in all."""
    found = by_value.select(loss.alias(str(n)) for n, loss in enumerate(losses))
    return min(found.iter_columns(), key=lambda one: float(one.sum()))
