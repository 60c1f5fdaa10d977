"""Features of a small table's folds, for the evaluation to cross-validate the model (``scoring.cross_validation``).

The training files hold one split. Of a few hundred rows, its test part decides by luck, and its features cannot be used
for another split: levels, ranks and rates were learned on its training part, the rates from labels. So the recipe is
learned again for each fold, by what learned that of the run, and the features of all rows are written by it.

Folds are cut by u, as the parts are (``split``): of each class every fold has its share of the rows, equal rows stay
together, and so do those of a group with ``group_by``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from sluice.dataset.config import Split
from sluice.dataset.recipe import Recipe
from sluice.evaluation.split import HASH_BITS
from tabular.census import Census
from tabular.columns import Profile
from tabular.question import Question
from tabular.ranks import Cuts
from tabular.report import FoldsReport
from tabular.split import Places
from tabular.transform import Folded, feature_expressions, label_number

FOLDS: Final = 5
"""Each model learns from 80 % of the rows; that of the run, by default, from 85 %."""

MAX_ROWS: Final = 5_000
"""Of a small table. Beyond, the test part alone tells as much as is needed (docs/decisions.md)."""

MAX_CELLS: Final = 400_000
"""Rows times features: a wider table has fewer rows, or the folds would take longer than they are worth."""

MAX_ROWS_OFTEN: Final = 600
"""Up to here the rows are cut into folds ``OFTEN`` times, each time otherwise: of so few rows it makes a difference
which of them a model has learned from."""
OFTEN: Final = 3

_HASHES: Final = 1 << HASH_BITS
_MULTIPLIER: Final = 0x9E3779B97F4A7C14
"""Even: times a whole number, and one more, it is odd, so that no two u become the same."""

type _Interval = tuple[int, int]
"""From the first u to the last one, which is not part of it."""


@dataclass(frozen=True)
class FoldPlaces(Places):
    """The parts of one fold: by stratum, the u of its test and of its validation rows; the others train.

    ``shuffle`` takes the place of the rows' own order by u.
    """

    tested: Mapping[str, _Interval] = field(default_factory=dict)
    validated: Mapping[str, _Interval] = field(default_factory=dict)
    by_label: bool = True
    shuffle: int = 0

    def part(self) -> pl.Expr:
        return (
            pl.when(self._within(self.tested))
            .then(2)
            .when(self._within(self.validated))
            .then(1)
            .otherwise(0)
            .cast(pl.Int8)
        )

    def _within(self, intervals: Mapping[str, _Interval]) -> pl.Expr:
        if not self.by_label:
            return shuffled(self.shuffle).is_between(*next(iter(intervals.values())), closed="left")
        start, end = (
            pl.col("label").replace_strict(list(intervals), list(of), default=0, return_dtype=pl.Int64)
            for of in zip(*intervals.values(), strict=True)
        )
        return shuffled(self.shuffle).is_between(start, end, closed="left")


def shuffled(shuffle: int) -> pl.Expr:
    """u, or another number below 2^52 in its place that follows from it. Products go round at 2^64."""
    odd = (shuffle * _MULTIPLIER + 1) % (1 << 64)
    return (pl.col("u").cast(pl.UInt64) * pl.lit(odd, pl.UInt64)) % _HASHES


def times_cut(rows: int, features: int) -> int:
    """How many times the rows of a table are cut into folds; 0 if it is not small."""
    if rows > MAX_ROWS or rows * features > MAX_CELLS:
        return 0
    return OFTEN if rows <= MAX_ROWS_OFTEN else 1


def write_folds(
    path: Path,
    question: Question,
    census: Census,
    learned: Callable[[Question, Sequence[Profile]], tuple[Recipe, Folded]],
    times: int,
    out: Path,
) -> FoldsReport | None:
    """Writes a line for each row of each fold: the fold, the row's part in it (0 training, 1 validation, 2 test), the
    number of its u from 0 on, its label, and its features by the fold's recipe. Without a header, as the training
    files; folds differ in the number of their features. None, and no file, if some fold has no features.

    Args:
        path: text in UTF-8.
        question: as the census was taken.
        census: of the file, which says which rows are rejected.
        learned: the recipe, and what its columns know of the labels, by the parts of a question and profiles of the
            columns.
        times: that the rows are cut.
        out: the file to write.
    """
    units = pl.concat(
        frame.select("u", "label" if question.group is None else pl.lit("").alias("label"))
        for frame in census.good_frames(path)
    )
    numbers = units["u"].unique().sort()
    positions = {name: i for i, name in enumerate(question.names)}
    written = 0
    with out.open("wb") as stream:
        for fold, places in enumerate(_all_places(units, question, times)):
            recipe, folded = learned(replace(question, places=places), census.profiles_by(path, places))
            if not recipe.features:
                written = 0
                break
            features = feature_expressions(recipe, positions, folded, places.part())
            for frame in census.good_frames(path):
                lines = frame.select(
                    pl.lit(fold).alias("fold"),
                    places.part().alias("part"),
                    numbers.search_sorted(frame["u"]).alias("unit"),
                    label_number(question, recipe).alias("label"),
                    *features,
                )
                lines.write_csv(stream, include_header=False, quote_style="never")
            written += 1
    if not written:
        out.unlink()
        return None
    return FoldsReport(folds=FOLDS, times=times, rows=units.height, units=numbers.len())


def _all_places(units: pl.DataFrame, question: Question, times: int) -> Iterator[FoldPlaces]:
    for shuffle in range(times):
        keys = units.group_by("label", shuffled(shuffle).alias("u")).agg(pl.len().alias("rows")).sort("label", "u")
        strata = {str(label): of for (label,), of in keys.group_by("label", maintain_order=True)}
        for fold in range(FOLDS):
            cuts = {label: _fold_cuts(of, fold, question.config.split) for label, of in strata.items()}
            yield FoldPlaces(
                Cuts(0, 0),
                tested={label: tested for label, (tested, _) in cuts.items()},
                validated={label: validated for label, (_, validated) in cuts.items()},
                by_label=question.group is None,
                shuffle=shuffle,
            )


def _fold_cuts(keys: pl.DataFrame, fold: int, split: Split) -> tuple[_Interval, _Interval]:
    """The u of a stratum's test and validation rows in a fold. Of the rows that are not tested, the validation part has
    the share that it has in the run.

    Args:
        keys: ``u`` and how many ``rows`` have it, in the order of u.
        fold: from 0 on.
        split: the shares of the run.
    """
    start, end = fold / FOLDS, (fold + 1) / FOLDS
    share = split.validation / (1 - split.test) * (1 - 1 / FOLDS)
    # On the side where there is more room.
    validated = (end, end + share) if end <= 1 - start else (start - share, start)
    return _interval(keys, start, end), _interval(keys, *validated)


def _interval(keys: pl.DataFrame, start: float, end: float) -> _Interval:
    """The u between two shares of the rows."""
    upto = [0, *keys["rows"].cum_sum().to_list()]
    starts = [*keys["u"].to_list(), _HASHES]
    places = [min(range(len(upto)), key=lambda i: abs(upto[i] - share * upto[-1])) for share in (start, end)]
    first, last = (0 if place == 0 else starts[place] for place in places)
    return first, last
