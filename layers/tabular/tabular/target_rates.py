"""What stands beside a level of a text in the training part: shares of classes, or the mean of the number to predict.

A rank tells a model how common a level is, and of hundreds of levels it takes many splits to find those that mean
something. Their rates say it in one number (Micci-Barreca 2001). A row that a model learns from must not say its own
target that way: its rates are those of the other training rows, a fold at a time, and those of validation, of test and
of every prediction are those of all training rows.

What is counted are sums by level and fold, so that those of chunks, and of parts of a file, are added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from sluice.dataset.recipe import FrequencyRankColumn, Recipe, TargetRates
from tabular.census import Census
from tabular.chunks import worked
from tabular.fit import MAX_ONE_HOT_LEVELS
from tabular.question import Question
from tabular.spellings import words

FOLDS: Final = 5
"""Of the training part, by the hash that splits the rows: equal rows, and those of one group, are in one fold."""

MIN_SIGNIFICANCE: Final = 3.0
"""Standard deviations by which the levels must differ beyond chance; otherwise the rates would be noise."""

MAX_SMOOTHING: Final = 15.0
"""Rows like the whole part that a level gets beside its own, at most: of levels that differ less (by an intraclass
correlation of less than 6 %) the rates add more noise than the rank and the other columns leave to be said."""

MAX_TOLD_CLASSES: Final = 10
MAX_RATES_IN_ALL: Final = 200_000
"""Of the whole table: every rate is written into the recipe."""

_SIFTED: Final = 5.0
"""Standard deviations by which a sample of the rows must miss what the rates need, so that no row is counted."""

_MIN_WITHIN: Final = 1e-9
"""Of the variance: that of levels whose rows all have the same number, which is divided by."""

_MAX_REPEATED: Final = 0.01
"""Of the rows; otherwise a sample of different rows does not stand for them."""

_DIGITS: Final = 6
"""Of a share of a class."""

_SIGNIFICANT: Final = 9
"""Digits of a mean, which tell it from its neighbours in XGBoost's float32."""

_ALL: Final = FOLDS
"""Stands for no fold: the rates of all training rows."""


@dataclass(frozen=True)
class FoldedRates:
    """The rates of one column as the files have them. ``texts`` are those of each level and fold, at ``level * (FOLDS +
    1) + fold``; the last level stands for all that the recipe does not list."""

    rates: TargetRates
    texts: Sequence[str]

    @property
    def missing(self) -> str:
        """The rates of a row without a value."""
        return "," * (len(self.rates.prior) - 1)

    def expression(self, column: FrequencyRankColumn, position: int, tokens: Sequence[str], part: pl.Expr) -> pl.Expr:
        """The rates of a row over a frame (see ``Question.frame``), with commas between them.

        Args:
            column: of the recipe.
            position: its number in the file.
            tokens: cells that mean: no value.
            part: number of the row's part.
        """
        fold = pl.when(part == 0).then(fold_of_row()).otherwise(_ALL)
        known = level_of_cell(column, position, tokens) * (FOLDS + 1) + fold
        return known.replace_strict(
            list(range(len(self.texts))), list(self.texts), default=self.missing, return_dtype=pl.String
        )


def fold_of_row() -> pl.Expr:
    """The fold of a training row. The last digits of u: its first ones tell the part."""
    return (pl.col("u") % FOLDS).cast(pl.Int64)


def level_of_cell(column: FrequencyRankColumn, position: int, tokens: Sequence[str]) -> pl.Expr:
    """The number of a cell's level from 0 on, that of all unlisted ones after the last; null if it is missing."""
    cell = pl.col(f"c{position}")
    word = cell.map_batches(words, return_dtype=pl.String) if column.merged else cell
    numbers, unlisted = list(range(len(column.levels))), len(column.levels)
    level = word.replace_strict(list(column.levels), numbers, default=unlisted, return_dtype=pl.Int64)
    return pl.when(~cell.is_in(list(tokens))).then(level)


def is_many_valued(column: FrequencyRankColumn) -> bool:
    """Whether it would be ranked in a narrow table, too."""
    return len(column.levels) + len(column.once) > MAX_ONE_HOT_LEVELS


def find_rates(path: Path, question: Question, census: Census, recipe: Recipe) -> dict[str, FoldedRates]:
    """The rates of the ranked columns by name: of those whose levels differ in the target, if there are any.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file.
        recipe: with the levels of these columns.
    """
    ranked = [c for c in recipe.columns if isinstance(c, FrequencyRankColumn) and c.levels and is_many_valued(c)]
    columns = {question.names.index(column.name): column for column in ranked}
    told = _told(question, census, recipe)
    in_all = told.width * sum(len(column.levels) for column in columns.values())
    if not columns or told.width > MAX_TOLD_CLASSES or in_all > MAX_RATES_IN_ALL:
        return {}
    columns = _sifted(question, census, columns, told)
    if not columns:
        return {}
    counts = _count(path, question, census, columns, told)
    folded = {column.name: _folded(counts, position, column, told) for position, column in columns.items()}
    return {name: rates for name, rates in folded.items() if rates is not None}


def _told(question: Question, census: Census, recipe: Recipe) -> _Classes | _Number:
    """What the rates say: of two classes the positive one alone."""
    classes = recipe.target.classes
    if classes:
        return _Classes(classes[1:] if len(classes) == 2 else classes)
    sample = census.identities.rows.table()
    some = None if sample is None else sample["y"].mean()
    return _Number(question.target, float(some) if isinstance(some, float) else 0.0)


def _sifted(
    question: Question, census: Census, columns: Mapping[int, FrequencyRankColumn], told: _Classes | _Number
) -> dict[int, FrequencyRankColumn]:
    """The columns that may have rates by the census's sample of rows. That shows of most columns of a large file that
    their levels differ too little, so that all rows are gone through for the others alone.

    The sample has rows of all parts, and equal ones once: it stands for the training rows of a random split if hardly
    any rows are equal.
    """
    split, sampled = question.config.split, census.identities.rows
    is_random = split.by_time is None and split.group_by is None
    sample = sampled.table() if is_random and not sampled.is_whole else None
    if sample is None or census.repeated_rows > _MAX_REPEATED * census.good_rows:
        return dict(columns)
    sums = sample.with_columns(told.sums()).select(
        *told.names, *(pl.col(f"v{position}").alias(str(position)) for position in columns)
    )
    whole = sums.select(pl.len(), pl.col(told.names).sum()).row(0)

    def may_differ(position: int, column: FrequencyRankColumn) -> bool:
        listed = pl.col(str(position)).is_in(pl.Series(column.levels).hash().implode())
        levels = sums.filter(listed).group_by(str(position)).agg(pl.len(), pl.col(told.names).sum())
        found = told.difference(levels.drop(str(position)).rows(), whole)
        return column.merged or found is None or _may_smooth(found)

    return {position: column for position, column in columns.items() if may_differ(position, column)}


def _may_smooth(found: _Difference) -> bool:
    """Whether many more rows than these may have a smoothing that is small enough."""
    # A sum of squares varies by chance, and by what it is beyond its degrees of freedom.
    spread = math.sqrt(found.variance + found.rarity + 4 * max(found.beyond, 0))
    return found.beyond + _SIFTED * spread >= found.rows / MAX_SMOOTHING


def with_rates(recipe: Recipe, rates: Mapping[str, FoldedRates]) -> Recipe:
    """The recipe with the rates of its ranked columns."""
    columns = tuple(
        column.model_copy(update={"rates": rates[column.name].rates}) if column.name in rates else column
        for column in recipe.columns
    )
    return recipe.model_copy(update={"columns": columns})


def _count(
    path: Path,
    question: Question,
    census: Census,
    columns: Mapping[int, FrequencyRankColumn],
    told: _Classes | _Number,
) -> pl.DataFrame:
    """Training rows by position, level and fold, and the sums over them; those at position -1 are all of them."""
    part = question.places.part()
    target = [pl.col(f"x{position}").alias("y") for position in question.target_value]
    time = [] if question.time is None else ["time"]
    needed = ["label", "u", *time, *target, *(f"c{position}" for position in columns)]

    def counted(frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.select(needed).filter(part == 0)  # a filter copies all columns
        numbered = rows.select(
            *told.sums(),
            fold_of_row().alias("fold"),
            pl.lit(0, pl.Int64).alias("-1"),
            *(
                level_of_cell(column, position, question.tokens).alias(str(position))
                for position, column in columns.items()
            ),
        )
        return pl.concat(
            numbered.lazy()
            .group_by(pl.col(str(position)).alias("level"), "fold")
            .agg(pl.len().cast(pl.Int64).alias("rows"), pl.col(told.names).sum())
            .select(pl.lit(position, pl.Int64).alias("position"), "level", "fold", "rows", *told.names)
            for position in (-1, *columns)
        ).collect()

    total: pl.DataFrame | None = None
    for found in worked(census.good_frames(path), counted):
        together = found if total is None else pl.concat([total, found])
        total = together.group_by("position", "level", "fold").agg(pl.col("rows", *told.names).sum())
    return pl.DataFrame() if total is None else total


def _folded(
    counts: pl.DataFrame, position: int, column: FrequencyRankColumn, told: _Classes | _Number
) -> FoldedRates | None:
    """None if the levels do not differ enough."""
    everything = _without_each_fold(counts.filter(pl.col("position") == -1), 1, told)
    priors = {
        fold: [one / max(rows, 1) for one in sums[: told.width]] for (_, fold), (rows, *sums) in everything.items()
    }
    own = _without_each_fold(counts.filter(pl.col("position") == position), len(column.levels), told)
    found = told.difference([sums for (_, fold), sums in own.items() if fold == _ALL], everything[0, _ALL])
    smoothing = None if found is None else smoothing_of(found)
    if smoothing is None or smoothing > MAX_SMOOTHING:
        return None
    rates = {
        (level, fold): [
            told.written((one + smoothing * prior) / (rows + smoothing))
            for one, prior in zip(sums[: told.width], priors[fold], strict=True)
        ]
        for (level, fold), (rows, *sums) in own.items()
    }
    for fold, prior in priors.items():
        rates[len(column.levels), fold] = [told.written(one) for one in prior]
    texts = [
        ",".join(map(str, rates[level, fold])) for level in range(len(column.levels) + 1) for fold in range(FOLDS + 1)
    ]
    listed = tuple(tuple(rates[level, _ALL]) for level in range(len(column.levels)))
    return FoldedRates(TargetRates(prior=tuple(rates[len(column.levels), _ALL]), levels=listed), texts)


def _without_each_fold(
    counts: pl.DataFrame, levels: int, told: _Classes | _Number
) -> dict[tuple[int, int], tuple[float, ...]]:
    """By level and fold: the training rows that are not of the fold, and the sums over them."""
    known = counts.select("level", "fold", "rows", *told.names)
    by_fold = {(level, fold): tuple(found) for level, fold, *found in known.iter_rows()}
    none = (0,) * (len(told.names) + 1)
    made = {}
    for level in range(levels):
        folds = [by_fold.get((level, fold), none) for fold in range(FOLDS)]
        total = tuple(map(sum, zip(*folds, strict=True)))
        for fold, found in enumerate(folds):
            made[level, fold] = tuple(a - b for a, b in zip(total, found, strict=True))
        made[level, _ALL] = total
    return made


# How much levels differ.


@dataclass(frozen=True)
class _Difference:
    """What the sum of squares between levels says, in units of the variance within them.

    Attributes:
        beyond: by how much it exceeds its degrees of freedom.
        variance: that it has by chance.
        rows: by which ``beyond`` grows if the levels differ.
        rarity: by how much it varies more than that, as classes are rare in levels.
    """

    beyond: float
    variance: float
    rows: float
    rarity: float = 0.0


def smoothing_of(found: _Difference) -> float | None:
    """The variance within the levels by that between them, which is estimated by moments (empirical Bayes; the moments
    are those of DerSimonian and Laird 1986). None if the levels do not differ beyond chance."""
    if found.beyond <= MIN_SIGNIFICANCE * found.variance**0.5:
        return None
    return found.rows / found.beyond


@dataclass(frozen=True)
class _Classes:
    """Shares of classes: of each the rows that have it."""

    labels: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        return [f"of {number}" for number, _ in enumerate(self.labels)]

    def sums(self) -> list[pl.Expr]:
        """Of a row, what is added up."""
        is_class = (pl.col("label") == label for label in self.labels)
        return [one.cast(pl.Int64).alias(name) for one, name in zip(is_class, self.names, strict=True)]

    def written(self, share: float) -> float:
        return round(share, _DIGITS)

    def difference(self, levels: Sequence[tuple[float, ...]], whole: tuple[float, ...]) -> _Difference | None:
        """Of levels, by the rows and the sums of each and of the whole part. None if that cannot be said."""
        prior = [count / max(whole[0], 1) for count in whole[1:]]
        return difference_of_classes(levels, prior) if len(levels) > 1 and all(prior) else None


@dataclass(frozen=True)
class _Number:
    """The mean of the target, whose numbers are taken from near it, so that sums of squares are exact."""

    target: int
    near: float
    width: int = 1

    @property
    def names(self) -> list[str]:
        return ["sum", "squares", "fourth"]

    def sums(self) -> list[pl.Expr]:
        return [
            ((pl.col("y") - self.near) ** power).alias(name) for power, name in zip((1, 2, 4), self.names, strict=True)
        ]

    def written(self, mean: float) -> float:
        return float(f"{mean + self.near:.{_SIGNIFICANT}g}")

    def difference(self, levels: Sequence[tuple[float, ...]], whole: tuple[float, ...]) -> _Difference | None:
        return difference_of_numbers(levels, whole)


def difference_of_classes(levels: Sequence[tuple[float, ...]], prior: Sequence[float]) -> _Difference:
    """By the chi-square statistic.

    Args:
        levels: two or more: rows, and those of each told class.
        prior: the share of each told class.
    """
    variances = [share * ((1 - share) if len(prior) == 1 else 1) for share in prior]
    chi_square = sum(
        (count - rows * share) ** 2 / (rows * variance)
        for rows, *classes in levels
        for count, share, variance in zip(classes, prior, variances, strict=True)
    )
    rows = [found[0] for found in levels]
    dimensions = max(len(prior) - 1, 1)
    freedom = (len(levels) - 1) * dimensions
    weight = dimensions * (sum(rows) - sum(count * count for count in rows) / sum(rows))
    rarity = sum(1 / count for count in rows) * sum(1 / variance for variance in variances)
    return _Difference(chi_square - freedom, 2 * freedom, weight, rarity)


def difference_of_numbers(levels: Sequence[tuple[float, ...]], whole: tuple[float, ...]) -> _Difference | None:
    """By the analysis of variance (Fisher 1925). Of numbers with long tails the means of small levels differ more by
    chance: by the kurtosis of the numbers (Box and Andersen 1955).

    Args:
        levels: rows, and the sums of their numbers, of these squared, and to the power of four.
        whole: the same of all rows.
    """
    rows, total = [found[0] for found in levels], sum(found[0] for found in levels)
    freedom, freedom_within = len(levels) - 1, total - len(levels)
    if freedom < 1 or freedom_within < 1:
        return None
    mean = sum(found[1] for found in levels) / total
    between = sum((one - count * mean) ** 2 / count for count, one, *_ in levels)
    squares = sum(found[2] for found in levels) - total * mean * mean
    variance = max((squares - between) / freedom_within, _MIN_WITHIN * squares / total)
    if variance <= 0:
        return None
    spread = whole[2] / whole[0] - (whole[1] / whole[0]) ** 2
    tails = max(whole[3] / whole[0] / spread**2 - 3, 0.0) * sum(1 / count for count in rows)
    by_chance = 2 * freedom * (1 + freedom / freedom_within) + tails
    weight = total - sum(count * count for count in rows) / total
    return _Difference(between / variance - freedom, by_chance, weight)
