"""What a model scores on values of an identifier that it knows, and on new ones.

If rows of one customer share their label, a model learns customers by heart. A random split puts their rows into
training and test data alike, so the test measures customers that the model knows; predictions may be asked for new
ones. Both are measured on the same rows: each is predicted once by a model whose training rows have others with its
value, and once by a model that was trained without its value. Those are two cross-validations, with folds of rows and
with folds of values (``split.group_by``), of small models with the settings of the training job. The difference of a
row's two losses is free of how hard the row is; values are resampled for its interval, as rows of one are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.held_out import read_held_out, read_held_out_numbers
from scoring.metrics import Floats, Ints, row_log_losses
from scoring.model import Matrix, Model
from scoring.resampling import Resamples, interval
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import ValueGap
from sluice.messages import Task
from sluice.wording import in_yaml, one_line

FOLDS: Final = 5
"""Each model trains on 64 % of the rows, nearly as much as of a whole table."""

MIN_GROUPS: Final = 20
"""Values: of fewer, an interval says nothing."""

MIN_SHARE: Final = 0.02
"""Of the baseline's loss: a smaller difference is not worth another split. Validation warns from the same share of the
log loss on."""

_MAX_WORK: Final = 1_000_000_000
"""Rows times features times trees of one model, which take some 10 s; beyond, it has fewer rounds. Several identifiers
share it."""

_MIN_ROUNDS: Final = 10

_STRETCH: Final = 1.2
"""Of the interval: the models are fitted to the sample, too, which resampled values alone do not vary. On tables
without effect the difference varies as much more than its resamples say (docs/decisions.md)."""


@dataclass(frozen=True)
class GroupSample:
    """Rows by the value of an identifier that they share.

    Args:
        column: of the identifier.
        labels: (n,) class numbers, or the numbers to predict.
        groups: (n,) the number of the row's value, from 0.
        numbers: (n,) the number of the row itself, from 0, in an order that chance made.
        features: (n, f) of the recipe.
    """

    column: str
    labels: Ints | Floats
    groups: Ints
    numbers: Ints
    features: Matrix


def read_group_sample(path: Path, column: str, features: int, task: Task = "classification") -> GroupSample:
    """``group_sample.csv`` as validation wrote it.

    Args:
        path: of the file.
        column: of the identifier.
        features: of the recipe.
        task: says what the labels are.

    Raises:
        ValueError: the file has another number of columns, or something in it is no number.
    """
    read = read_held_out if task == "classification" else read_held_out_numbers
    labels, rows = read(path, features + 2)
    groups, numbers = (rows[:, place].astype(np.int64) for place in (0, 1))
    return GroupSample(column, labels, groups, numbers, rows[:, 2:])


def measure_group_gaps(
    model: Model, recipe: Recipe, samples: Sequence[GroupSample], hyperparameters: Mapping[str, str]
) -> tuple[ValueGap, ...]:
    """What new values of each identifier cost, as far as it can be measured.

    Args:
        model: that was trained: the small ones are of its kind.
        recipe: of the model.
        samples: rows of all parts, by each identifier.
        hyperparameters: of the training job.
    """
    max_work = _MAX_WORK // max(len(samples), 1)
    found = (measure_group_gap(model, recipe, sample, hyperparameters, max_work) for sample in samples)
    return tuple(gap for gap in found if gap is not None)


def measure_group_gap(
    model: Model,
    recipe: Recipe,
    sample: GroupSample,
    hyperparameters: Mapping[str, str],
    max_work: int = _MAX_WORK,
) -> ValueGap | None:
    """The same of one; None if too few values, or a class in too few of them, allow no measurement.

    Args:
        model: that was trained.
        recipe: of the model.
        sample: rows of all parts.
        hyperparameters: of the training job.
        max_work: rows times features times trees of one small model.
    """
    # With `group_by` the column itself is no feature.
    others = [place for place, feature in enumerate(recipe.features) if feature.source != sample.column]
    if sample.groups.max() + 1 < MIN_GROUPS or np.unique(sample.labels).size < 2 or not others:
        return None
    of_numbers = recipe.target.task == "regression"
    folded = _Folded(model, sample, hyperparameters, max_work, of_numbers=of_numbers)
    known = folded.losses(sample.features, sample.numbers)
    new = folded.losses(sample.features[:, others], sample.groups)
    if known is None or new is None:
        return None
    resamples = Resamples(sample.labels.size, clusters=sample.groups)
    if of_numbers:
        totals = math.sqrt(known.mean()), math.sqrt(new.mean())
        resampled = np.sqrt(resamples.means(new)) - np.sqrt(resamples.means(known))
    else:
        totals = float(known.mean()), float(new.mean())
        resampled = resamples.means(new - known)
    difference = totals[1] - totals[0]
    ends = interval(difference + _STRETCH * (resampled - difference))
    if ends is None:
        return None
    prior = float(sample.labels.std()) if of_numbers else _prior_log_loss(sample.labels.astype(np.int64))
    return ValueGap(
        column=sample.column,
        groups=int(sample.groups.max()) + 1,
        rows=sample.labels.size,
        folds=FOLDS,
        loss="RMSE" if of_numbers else "log loss",
        known=totals[0],
        new=totals[1],
        difference=difference,
        interval=ends,
        flatters=ends[0] > 0 and difference >= MIN_SHARE * prior,
        prior=prior,
    )


def _prior_log_loss(labels: Ints) -> float:
    counts = np.bincount(labels)
    shares = counts[counts > 0] / labels.size
    return -float(shares @ np.log(shares))


@dataclass(frozen=True)
class _Folded:
    """Small models of a kind, each without the rows of a fold."""

    model: Model
    sample: GroupSample
    hyperparameters: Mapping[str, str]
    max_work: int
    of_numbers: bool

    def losses(self, features: Matrix, units: Ints) -> Floats | None:
        """(n,), the log loss or the squared error of each row by a model without the rows of its fold; None if such a
        model would lack a class.

        Args:
            features: (n, f), those that the models have.
            units: (n,), numbers from 0 of what stays together in a fold.
        """
        labels = self.sample.labels
        max_rounds = max(_MIN_ROUNDS, self.max_work // (features.size * self._trees()))
        losses = np.empty(labels.size)
        for fold in range(FOLDS):
            tested = units % FOLDS == fold
            watched = ~tested & (units // FOLDS % FOLDS == 0)
            trained = ~tested & ~watched
            if not self.of_numbers and not _same_classes(labels, trained):
                return None
            train, watch = ((features[rows], labels[rows]) for rows in (trained, watched))
            other = self.model.retrained(train, watch, self.hyperparameters, max_rounds)
            losses[tested] = self._row_losses(labels[tested], other.scores(features[tested]))
        return losses

    def _trees(self) -> int:
        """Of a round."""
        return 1 if self.of_numbers or self.sample.labels.max() < 2 else int(self.sample.labels.max()) + 1

    def _row_losses(self, labels: Ints | Floats, scores: Floats) -> Floats:
        if self.of_numbers:
            squares: Floats = np.square(scores - labels)
            return squares
        return row_log_losses(labels.astype(np.int64), scores)


def _same_classes(labels: Ints | Floats, trained: NDArray[np.bool_]) -> bool:
    return np.unique(labels[trained]).size == np.unique(labels).size


def tell_group_gap(found: ValueGap) -> str:
    """Sentences for the notice, the report's first screen and ``sluice show``."""
    column = f"`{found.column}`"
    told = (found.known, found.new, found.difference, *found.interval, found.prior)
    known, new, difference, low, high, prior = (_number(found, value) for value in told)
    measured = (
        f"on values that it knows, {found.loss} is {known}, on new ones {new} (difference {difference}, 95 % interval "
        f"{low} to {high}; baseline {prior}; {found.rows:,} rows with {found.groups:,} values)"
    )
    setting = f"set `split: {{group_by: {in_yaml(found.column)}}}` in config.yaml: the test then measures those"
    if found.flatters:
        said = (
            f"The test flatters the model, because it knows the values of {column} from training: {measured}. If "
            f"predictions will be asked for new values, {setting}"
        )
    elif found.difference < MIN_SHARE * found.prior:
        said = f"The test hardly flatters the model, though it knows the values of {column} from training: {measured}"
    else:
        said = (
            f"Too few values of {column} tell whether the test flatters the model, which knows them from training: "
            f"{measured}. To be safe if predictions will be asked for new values, {setting}"
        )
    return one_line(f"{said}.")


def _number(found: ValueGap, value: float) -> str:
    if found.loss == "log loss":
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
