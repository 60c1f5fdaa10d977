"""How often each class stands beside a level of a text in the training part: target statistics.

A rank tells a model how common a level is, and of hundreds of levels it takes many splits to find those that mean
something. Their rates say it in one number (Micci-Barreca 2001). A row that a model learns from must not say its own
label that way: its rates are those of the other training rows, a fold at a time, and those of validation, of test and
of every prediction are those of all training rows.

The counts are sums by level, fold and class, so that those of chunks, and of parts of a file, are added.
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
"""Rows with the class shares that a level gets beside its own, at most: of levels that differ less (by an intraclass
correlation of less than 6 %) the rates add more noise than the rank and the other columns leave to be said."""

MAX_TOLD_CLASSES: Final = 10
MAX_RATES_IN_ALL: Final = 200_000
"""Of the whole table: every rate is written into the recipe."""

_SIFTED: Final = 5.0
"""Standard deviations by which a sample of the rows must miss what the rates need, so that no row is counted."""

_MAX_REPEATED: Final = 0.01
"""Of the rows; otherwise a sample of different rows does not stand for them."""

_DIGITS: Final = 6
_ALL: Final = FOLDS
"""Stands for no fold: the rates of all training rows."""

_COUNTS: Final = {"position": pl.Int64, "level": pl.Int64, "fold": pl.Int64, "class": pl.Int64, "rows": pl.Int64}


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
    """The rates of the ranked columns by name: of those whose levels differ in the classes, if there are any.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file.
        recipe: with the levels of these columns.
    """
    ranked = [c for c in recipe.columns if isinstance(c, FrequencyRankColumn) and c.levels and is_many_valued(c)]
    columns = {question.names.index(column.name): column for column in ranked}
    classes = len(recipe.target.classes)
    told = [1] if classes == 2 else list(range(classes))
    in_all = len(told) * sum(len(column.levels) for column in columns.values())
    if not columns or not told or len(told) > MAX_TOLD_CLASSES or in_all > MAX_RATES_IN_ALL:
        return {}
    columns = _sifted(question, census, columns, [recipe.target.classes[number] for number in told])
    if not columns:
        return {}
    counts = _count(path, question, census, columns, recipe.target.classes)
    folded = {column.name: _folded(counts, position, column, told) for position, column in columns.items()}
    return {name: rates for name, rates in folded.items() if rates is not None}


def _sifted(
    question: Question, census: Census, columns: Mapping[int, FrequencyRankColumn], told: Sequence[str]
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
    of_class = [(sample["label"] == label).alias(str(number)) for number, label in enumerate(told)]
    prior = [float(is_class.sum()) / sample.height for is_class in of_class]

    def may_differ(position: int, column: FrequencyRankColumn) -> bool:
        level = sample[f"v{position}"].alias("level")
        listed = level.is_in(pl.Series(column.levels).hash().implode())
        counts = (
            pl.DataFrame([level, *of_class]).filter(listed).group_by("level").agg(pl.len(), pl.exclude("len").sum())
        )
        return column.merged or not all(prior) or _may_smooth(counts.drop("level").rows(), prior)

    return {position: column for position, column in columns.items() if may_differ(position, column)}


def _may_smooth(levels: Sequence[tuple[int, ...]], prior: Sequence[float]) -> bool:
    """Whether many more rows than these may have a smoothing that is small enough."""
    if len(levels) < 2:
        return True
    found = _difference(levels, prior)
    # A sum of squares varies by its degrees of freedom, by what it is beyond them, and more if a class is rare.
    spread = math.sqrt(2 * found.freedom + 4 * max(found.beyond, 0) + found.rarity)
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
    classes: Sequence[str],
) -> pl.DataFrame:
    """Training rows by position, level, fold and class; those of no column, at position -1, are all of them."""
    number_of = pl.col("label").replace_strict(list(classes), list(range(len(classes))), return_dtype=pl.Int64)
    part = question.places.part()
    tokens = question.tokens
    needed = ["label", "u", *([] if question.time is None else ["time"]), *(f"c{position}" for position in columns)]

    def counted(frame: pl.DataFrame) -> pl.DataFrame:
        rows = frame.select(needed).filter(part == 0)  # a filter copies all columns
        told = rows.select(
            number_of.alias("class"),
            fold_of_row().alias("fold"),
            pl.lit(0, pl.Int64).alias("-1"),
            *(level_of_cell(column, position, tokens).alias(str(position)) for position, column in columns.items()),
        )
        return pl.concat(
            told.lazy()
            .group_by(pl.col(str(position)).alias("level"), "fold", "class")
            .agg(pl.len().cast(pl.Int64).alias("rows"))
            .select(pl.lit(position, pl.Int64).alias("position"), "level", "fold", "class", "rows")
            for position in (-1, *columns)
        ).collect()

    total = pl.DataFrame(schema=_COUNTS)
    for found in worked(census.good_frames(path), counted):
        total = pl.concat([total, found]).group_by("position", "level", "fold", "class").agg(pl.col("rows").sum())
    return total


def _folded(
    counts: pl.DataFrame, position: int, column: FrequencyRankColumn, told: Sequence[int]
) -> FoldedRates | None:
    """None if the levels do not differ enough."""
    everything = _without_each_fold(counts.filter(pl.col("position") == -1), 1, told)
    priors = {fold: [count / max(rows, 1) for count in classes] for (_, fold), (rows, *classes) in everything.items()}
    own = _without_each_fold(counts.filter(pl.col("position") == position), len(column.levels), told)
    smoothing = smoothing_of([found for (_, fold), found in own.items() if fold == _ALL], priors[_ALL])
    if smoothing is None or smoothing > MAX_SMOOTHING:
        return None
    rates = {
        (level, fold): [
            round((count + smoothing * prior) / (rows + smoothing), _DIGITS)
            for count, prior in zip(classes, priors[fold], strict=True)
        ]
        for (level, fold), (rows, *classes) in own.items()
    }
    for fold, prior in priors.items():
        rates[len(column.levels), fold] = [round(share, _DIGITS) for share in prior]
    texts = [
        ",".join(map(str, rates[level, fold])) for level in range(len(column.levels) + 1) for fold in range(FOLDS + 1)
    ]
    listed = tuple(tuple(rates[level, _ALL]) for level in range(len(column.levels)))
    return FoldedRates(TargetRates(prior=tuple(rates[len(column.levels), _ALL]), levels=listed), texts)


def smoothing_of(levels: Sequence[tuple[int, ...]], prior: Sequence[float]) -> float | None:
    """Rows with the class shares that each level gets beside its own: the variance within the levels by that between
    them, which is estimated by moments from the chi-square statistic (empirical Bayes; the moments are those of
    DerSimonian and Laird 1986). None if the statistic is not significant.

    Args:
        levels: rows, and those of each told class.
        prior: the share of each told class.
    """
    found = _difference(levels, prior)
    if found.beyond <= MIN_SIGNIFICANCE * (2 * found.freedom) ** 0.5:
        return None
    return found.rows / found.beyond


@dataclass(frozen=True)
class _Difference:
    """What a chi-square statistic of levels and classes says.

    Attributes:
        beyond: by how much it exceeds its degrees of freedom.
        freedom: these.
        rows: by which ``beyond`` grows if the levels differ.
        rarity: by how much its variance exceeds that of the chi-square distribution, as classes are rare in levels.
    """

    beyond: float
    freedom: int
    rows: float
    rarity: float


def _difference(levels: Sequence[tuple[int, ...]], prior: Sequence[float]) -> _Difference:
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
    return _Difference(chi_square - freedom, freedom, weight, rarity)


def _without_each_fold(
    counts: pl.DataFrame, levels: int, told: Sequence[int]
) -> dict[tuple[int, int], tuple[int, ...]]:
    """By level and fold: the training rows that are not of the fold, and those of each told class."""
    grouped = counts.group_by("level", "fold").agg(
        pl.col("rows").sum().alias("all"),
        *(pl.col("rows").filter(pl.col("class") == number).sum().alias(f"of {number}") for number in told),
    )
    by_fold = {(level, fold): tuple(found) for level, fold, *found in grouped.iter_rows()}
    none = (0,) * (len(told) + 1)
    made = {}
    for level in range(levels):
        folds = [by_fold.get((level, fold), none) for fold in range(FOLDS)]
        total = tuple(map(sum, zip(*folds, strict=True)))
        for fold, found in enumerate(folds):
            made[level, fold] = tuple(a - b for a, b in zip(total, found, strict=True))
        made[level, _ALL] = total
    return made
