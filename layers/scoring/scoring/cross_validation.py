"""What models of a small table's folds score on rows that they have not seen: the loss over all rows, not of one part.

Of a few hundred rows the test part has some dozens, and which ones these are decides whether a model passes. So every
row is predicted by a model that was trained without it, the way the run's own model was: recipe, early stopping and, if
the run does it, the training again on training and validation rows (``tabular.folds`` makes the features). That says
how good models are which are made this way from that many rows; the model that is deployed is one of them.

Each row has the loss of a model and that of the baseline, which predicts what is commonest among the rows outside of
its fold, so that their ratio is free of how hard the rows are. Its interval comes from resampled rows (groups, if the
split keeps them together). Models of different folds have learned from mostly the same rows, so their losses vary
together, which resampled rows do not show (Bates, Hastie and Tibshirani, 2023, "Cross-validation: what does it estimate
and how well does it do it?"): the interval is wider by ``STRETCH``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from scoring.held_out import parse_numbers
from scoring.metrics import Floats, Ints, row_log_losses
from scoring.model import Matrix, Model
from scoring.resampling import Resamples, interval
from sluice.layout import PARTS
from sluice.messages import CrossValidation, Task

STRETCH: Final = 1.6
"""Of the interval. docs/decisions.md has its coverage with and without."""

MAX_WORK: Final = 4_000_000_000
"""Rows times features times trees of all models, which take some 20 s: beyond, nothing is cross-validated."""

_MORE_ROUNDS: Final = 2
"""Times the rounds of the run's model, that those of the folds must be free to have."""

_TRAIN, _VALIDATION, _TEST = range(len(PARTS))


@dataclass(frozen=True)
class Fold:
    """The rows of a table by one fold.

    Args:
        parts: (n,) 0 for training, 1 for validation, 2 for test.
        units: (n,) numbers from 0 of what is resampled together: equal rows, or those of a group.
        labels: (n,) class numbers, or the numbers to predict.
        features: (n, f) of the fold's own recipe.
    """

    parts: Ints
    units: Ints
    labels: Floats
    features: Matrix

    def rows(self, *parts: int) -> tuple[Matrix, Floats]:
        chosen = np.isin(self.parts, parts)
        return self.features[chosen], self.labels[chosen]


@dataclass(frozen=True)
class OutOfFold:
    """Losses of the rows of all folds' test parts: log losses, or squared errors of a target of numbers.

    Args:
        losses: (n,) of the folds' models; each row of the table has as many as the folds were cut times.
        baseline: (n,) of the baseline, on the same rows.
        units: (n,) numbers from 0 of what is resampled together.
        folds: models whose losses these are.
    """

    losses: Floats
    baseline: Floats
    units: Ints
    folds: int


def read_folds(path: Path) -> tuple[Fold, ...]:
    """``folds.csv`` as validation wrote it.

    Raises:
        ValueError: rows of a fold have different numbers of columns, or something in it is no number.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    folds = []
    for _, of_fold in itertools.groupby(lines, key=lambda line: line.partition(",")[0]):
        table = parse_numbers(of_fold, path.name)
        parts, units = (table[:, place].astype(np.int64) for place in (1, 2))
        folds.append(Fold(parts, units, table[:, 3].astype(np.float64), table[:, 4:]))
    return tuple(folds)


def out_of_fold(
    model: Model, folds: Sequence[Fold], hyperparameters: Mapping[str, str], task: Task, *, refits: bool
) -> OutOfFold | None:
    """Trains a model of each fold and scores its test rows. None if there is more work than ``MAX_WORK``, or if a fold
    lacks a class among the rows to learn from.

    Args:
        model: of the run: the others are of its kind, and take about as many rounds.
        folds: of the run's table.
        hyperparameters: of the run's first training job.
        task: of the target.
        refits: whether the run's model was trained again on training and validation rows.
    """
    classes = 0 if task == "regression" else int(max(fold.labels.max() for fold in folds)) + 1
    trees = classes if classes > 2 else 1
    cells = sum(fold.features.size for fold in folds) * (2 if refits else 1)
    max_rounds = MAX_WORK // max(cells * trees, 1)
    if max_rounds < _MORE_ROUNDS * model.rounds:
        return None
    if not all(_can_be_learned(fold, classes) for fold in folds):
        return None
    losses, baseline, units = [], [], []
    for fold in folds:
        known = fold.rows(_TRAIN, _VALIDATION)
        other = model.retrained(fold.rows(_TRAIN), fold.rows(_VALIDATION), hyperparameters, max_rounds)
        if refits:
            other = other.refitted(known, hyperparameters)
        features, labels = fold.rows(_TEST)
        of_model, of_baseline = _losses(labels, other.scores(features), known[1], classes)
        losses.append(of_model)
        baseline.append(of_baseline)
        units.append(fold.units[fold.parts == _TEST])
    return OutOfFold(np.concatenate(losses), np.concatenate(baseline), np.concatenate(units), len(folds))


def _can_be_learned(fold: Fold, classes: int) -> bool:
    """Whether no part is empty, and all classes train."""
    filled = np.unique(fold.parts).size == len(PARTS)
    return filled and (not classes or np.unique(fold.rows(_TRAIN)[1]).size == classes)


def _losses(labels: Floats, scores: Floats, known: Floats, classes: int) -> tuple[Floats, Floats]:
    """Of the model and of the baseline, whose constant is that of the ``known`` labels."""
    if not classes:
        return np.square(scores - labels), np.square(known.mean() - labels)
    numbers = labels.astype(np.int64)
    shares = np.bincount(known.astype(np.int64), minlength=classes) / known.size
    constant = np.full(labels.size, shares[1]) if classes == 2 else np.tile(shares, (labels.size, 1))
    return row_log_losses(numbers, scores), row_log_losses(numbers, constant)


def summed_up(found: OutOfFold, task: Task, times: int) -> CrossValidation | None:
    """The loss over all rows, as a share of the baseline's, with its interval; None if the baseline has no loss, or the
    rows are too few for an interval.

    Args:
        found: the losses of the rows.
        task: of the target.
        times: that the rows were cut into folds.
    """
    # Rows in an order of their own, so that no interval depends on that of the file.
    order = np.lexsort((found.losses, found.units))
    losses, baseline, units = found.losses[order], found.baseline[order], found.units[order]
    loss, prior = float(losses.mean()), float(baseline.mean())
    if prior <= 0:
        return None
    resamples = Resamples(losses.size, clusters=units)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = resamples.sums(losses)[:, 0] / resamples.sums(baseline)[:, 0]
    share = loss / prior
    root = math.sqrt if task == "regression" else float
    ends = interval(share + STRETCH * (shares - share), units=resamples.groups)
    if ends is None:
        return None
    low, high = (root(max(end, 0.0)) for end in ends)
    return CrossValidation(
        metric="rmse" if task == "regression" else "log_loss",
        value=root(loss),
        baseline=root(prior),
        share=root(share),
        interval=(low, high),
        rows=losses.size // times,
        units=np.unique(units).size,
        folds=found.folds // times,
        times=times,
    )
