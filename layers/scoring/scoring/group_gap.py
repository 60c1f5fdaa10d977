"""What a model scores on values of an identifier that it knows, and on new ones.

If rows of one customer share their label, a model learns customers by heart. A random split puts their rows into
training and test data alike, so the test measures customers that the model knows; predictions may be asked for new
ones. Both are measured on the same rows: each is predicted once by a model whose training rows have others with its
value, and once by a model that was trained without its value. Those are two cross-validations, with folds of rows and
with folds of values (``split.group_by``), of small models with the settings of the training job. The difference of a
row's two losses is free of how hard the row is; values are resampled for its interval, as rows of one are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.held_out import read_held_out
from scoring.metrics import Floats, Ints, row_log_losses
from scoring.model import Matrix, Model
from scoring.resampling import Resamples, interval
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import GroupGap
from sluice.wording import in_yaml, one_line

FOLDS: Final = 5
"""Each model trains on 64 % of the rows, nearly as much as of a whole table."""

MIN_GROUPS: Final = 20
"""Values: of fewer, an interval says nothing."""

MIN_SHARE: Final = 0.02
"""Of the baseline's log loss: a smaller difference is not worth another split. Validation warns from the same share
on."""

_MAX_WORK: Final = 1_000_000_000
"""Rows times features times trees of one model, which take some 10 s; beyond, it has fewer rounds."""

_MIN_ROUNDS: Final = 10

_STRETCH: Final = 1.2
"""Of the interval: the models are fitted to the sample, too, which resampled values alone do not vary. On tables
without effect the difference varies as much more than its resamples say (docs/decisions.md)."""


@dataclass(frozen=True)
class GroupSample:
    """Rows by the value of an identifier that they share.

    Args:
        column: of the identifier.
        labels: (n,) class numbers.
        groups: (n,) the number of the row's value, from 0.
        numbers: (n,) the number of the row itself, from 0, in an order that chance made.
        features: (n, f) of the recipe.
    """

    column: str
    labels: Ints
    groups: Ints
    numbers: Ints
    features: Matrix


def read_group_sample(path: Path, column: str, features: int) -> GroupSample:
    """``group_sample.csv`` as validation wrote it.

    Args:
        path: of the file.
        column: of the identifier.
        features: of the recipe.

    Raises:
        ValueError: the file has another number of columns, or something in it is no number.
    """
    labels, rows = read_held_out(path, features + 2)
    groups, numbers = (rows[:, place].astype(np.int64) for place in (0, 1))
    return GroupSample(column, labels, groups, numbers, rows[:, 2:])


def measure_group_gap(
    model: Model, recipe: Recipe, sample: GroupSample, hyperparameters: Mapping[str, str]
) -> GroupGap | None:
    """What new values cost; None if too few values, or a class in too few of them, allow no measurement.

    Args:
        model: that was trained: the small ones are of its kind.
        recipe: of the model.
        sample: rows of all parts.
        hyperparameters: of the training job.
    """
    counts = np.bincount(sample.labels)
    # With `group_by` the column itself is no feature.
    others = [place for place, feature in enumerate(recipe.features) if feature.source != sample.column]
    if sample.groups.max() + 1 < MIN_GROUPS or np.count_nonzero(counts) < 2 or not others:
        return None
    known = _losses(model, sample, sample.features, sample.numbers, hyperparameters)
    new = _losses(model, sample, sample.features[:, others], sample.groups, hyperparameters)
    if known is None or new is None:
        return None
    differences = new - known
    difference = float(differences.mean())
    resampled = Resamples(sample.labels.size, clusters=sample.groups).means(differences)
    ends = interval(difference + _STRETCH * (resampled - difference))
    if ends is None:
        return None
    shares = counts[counts > 0] / sample.labels.size
    prior = -float(shares @ np.log(shares))
    return GroupGap(
        column=sample.column,
        groups=int(sample.groups.max()) + 1,
        rows=sample.labels.size,
        folds=FOLDS,
        log_loss_known=float(known.mean()),
        log_loss_new=float(new.mean()),
        difference=difference,
        interval=ends,
        flatters=ends[0] > 0 and difference >= MIN_SHARE * prior,
        prior_log_loss=prior,
    )


def _losses(
    model: Model, sample: GroupSample, features: Matrix, units: Ints, hyperparameters: Mapping[str, str]
) -> Floats | None:
    """(n,), the log loss of each row by a model without the rows of its fold; None if such a model would lack a class.

    Args:
        model: gives others of its kind.
        sample: of rows.
        features: (n, f), those that the models have.
        units: (n,), numbers from 0 of what stays together in a fold.
        hyperparameters: of the models.
    """
    trees = 1 if sample.labels.max() < 2 else int(sample.labels.max()) + 1
    max_rounds = max(_MIN_ROUNDS, _MAX_WORK // (features.size * trees))
    losses = np.empty(sample.labels.size)
    for fold in range(FOLDS):
        tested = units % FOLDS == fold
        watched = ~tested & (units // FOLDS % FOLDS == 0)
        trained = ~tested & ~watched
        if not _same_classes(sample.labels, trained):
            return None
        train, watch = ((features[rows], sample.labels[rows]) for rows in (trained, watched))
        other = model.retrained(train, watch, hyperparameters, max_rounds)
        losses[tested] = row_log_losses(sample.labels[tested], other.scores(features[tested]))
    return losses


def _same_classes(labels: Ints, trained: NDArray[np.bool_]) -> bool:
    return np.unique(labels[trained]).size == np.unique(labels).size


def tell_group_gap(found: GroupGap) -> str:
    """Sentences for the notice, the report's first screen and ``sluice show``."""
    low, high = found.interval
    column = f"`{found.column}`"
    measured = (
        f"on values that it knows, log loss is {found.log_loss_known:.3f}, on new ones {found.log_loss_new:.3f} "
        f"(difference {found.difference:.3f}, 95 % interval {low:.3f} to {high:.3f}; baseline "
        f"{found.prior_log_loss:.3f}; {found.rows:,} rows with {found.groups:,} values)"
    )
    setting = f"set `split: {{group_by: {in_yaml(found.column)}}}` in config.yaml: the test then measures those"
    if found.flatters:
        said = (
            f"The test flatters the model, because it knows the values of {column} from training: {measured}. If "
            f"predictions will be asked for new values, {setting}"
        )
    elif found.difference < MIN_SHARE * found.prior_log_loss:
        said = f"The test hardly flatters the model, though it knows the values of {column} from training: {measured}"
    else:
        said = (
            f"Too few values of {column} tell whether the test flatters the model, which knows them from training: "
            f"{measured}. To be safe if predictions will be asked for new values, {setting}"
        )
    return one_line(f"{said}.")
