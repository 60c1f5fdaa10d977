"""A model that rests on one column alone: the trace that a column known only after the outcome leaves in a model.

Such a column has nearly all of the gain, the score is far too good, and without it nothing is left. Without it means:
its values are exchanged between test rows, some times over, and the mean of the scores is what the other columns still
say (permutation importance, Breiman 2001, of the mean score). No second training is needed.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Final

import numpy as np

from scoring.metrics import Floats, Ints
from scoring.model import Matrix, Model
from sluice.dataset.config import Leaks
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import Importance, SoleColumn
from sluice.messages import GateCheck
from sluice.wording import in_yaml, one_line

MIN_GAIN_SHARE: Final = 0.95
"""Of the model's gain: from here on one column has nearly all of it."""
MAX_LOSS_SHARE: Final = 0.25
"""Of the baseline's log loss: a model with more of it is not too good."""
MAX_ERROR_SHARE: Final = 0.01
"""Of the baseline's mean squared error: the same of a model of numbers, of which one honest column may well tell most
of the variance."""
MIN_LOSS_SHARE_WITHOUT: Final = 0.8
"""Of the baseline's log loss or mean squared error: what is left without the column is not worth a model."""

_MAX_ROWS: Final = 2_000
_EXCHANGES: Final = 8
_MIN_SCORE: Final = 1e-7
"""Scores are held as 32-bit floats."""


def find_sole_column(
    model: Model,
    recipe: Recipe,
    features: Matrix,
    labels: Ints | Floats,
    importances: Sequence[Importance],
    *,
    loss: float,
    prior_loss: float,
) -> SoleColumn | None:
    """The column that the model rests on alone; None if there is none.

    Args:
        model: that was trained.
        recipe: of the model.
        features: (n, f) of the test rows.
        labels: (n,) class numbers, or true numbers.
        importances: of the model, by column.
        loss: log loss of the model on these rows, or mean squared error.
        prior_loss: of the baseline.
    """
    classes = recipe.target.task == "classification"
    gain = sum(importance.gain for importance in importances)
    most = MAX_LOSS_SHARE if classes else MAX_ERROR_SHARE
    if not gain or prior_loss <= 0 or loss > most * prior_loss:
        return None
    first = max(importances, key=lambda importance: importance.gain)
    if first.gain < MIN_GAIN_SHARE * gain:
        return None
    places = [place for place, feature in enumerate(recipe.features) if feature.source == first.column]
    without = _loss_without(model, features, labels, places, classes=classes)
    if without < MIN_LOSS_SHARE_WITHOUT * prior_loss:
        return None
    return SoleColumn(
        column=first.column,
        gain_share=first.gain / gain,
        log_loss_without=without,
        prior_log_loss=prior_loss,
        loss="log loss" if classes else "mean squared error",
    )


def _loss_without(
    model: Model, features: Matrix, labels: Ints | Floats, places: Sequence[int], *, classes: bool, seed: int = 0
) -> float:
    if labels.size > _MAX_ROWS:
        some = np.linspace(0, labels.size - 1, _MAX_ROWS).astype(np.int64)
        features, labels = features[some], labels[some]
    rng = np.random.default_rng(seed)
    total: Floats | None = None
    for _ in range(_EXCHANGES):
        exchanged = features.copy()
        exchanged[:, places] = features[rng.permutation(labels.size)][:, places]
        scores = np.asarray(model.scores(exchanged), np.float64)
        total = scores if total is None else total + scores
    mean = np.asarray(total) / _EXCHANGES
    if not classes:
        return float(np.square(mean - labels).mean())
    numbers = labels.astype(np.int64)
    of_truth = np.where(numbers == 1, mean, 1 - mean) if mean.ndim == 1 else mean[np.arange(numbers.size), numbers]
    return float(-np.log(of_truth.clip(_MIN_SCORE, 1)).mean())


def judge_sole_column(
    found: SoleColumn | None, leaks: Leaks, suspected: Set[str]
) -> tuple[str | None, GateCheck | None]:
    """The warning about such a column, or the gate that fails for it; neither if there is nothing to say.

    Args:
        found: the column.
        leaks: what the configuration says of such columns.
        suspected: the columns that validation warned of. What both find is certain.
    """
    if found is None or leaks.allows(found.column):
        return None, None
    name = in_yaml(found.column)
    share = found.log_loss_without / found.prior_log_loss
    what = (
        f"The model rests on the column `{found.column}` alone: it has {found.gain_share:.0%} of the gain, and without "
        f"it {found.loss} is {share:.0%} of the baseline's. If its value is known only after the outcome, set "
        f"`drop: [{name}]` in config.yaml; if it is known when a prediction is made, set `leaks: {{allow: [{name}]}}`"
    )
    if leaks.action == "warn" or found.column not in suspected:
        return one_line(f"{what}."), None
    reason = one_line(f"{what}. Validation warned of the same column")
    gate = GateCheck(
        name="leaks", value=share, limit=MIN_LOSS_SHARE_WITHOUT, comparison="at_most", passed=False, reason=reason
    )
    return None, gate
