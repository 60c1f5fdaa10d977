"""Classification metrics with numpy. scikit-learn is the oracle in tests, not a dependency of the function.

``labels`` are (n,) class numbers from 0. Of two classes ``scores`` are (n,), the probability of class 1; of k classes
(n, k), rows adding up to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Probabilities of exactly 0 or 1 have no finite logarithm; this is the least distance that is kept from them, the
#: float64 resolution that scikit-learn's log_loss uses too.
_EPSILON: Final = float(np.finfo(np.float64).eps)


def log_loss(labels: Ints, scores: Floats) -> float:
    """Mean negative log likelihood, natural logarithm."""
    if scores.ndim == 1:
        kept = np.clip(scores, _EPSILON, 1 - _EPSILON)
        return float(-np.mean(np.where(labels == 1, np.log(kept), np.log1p(-kept))))
    # Rows of float32 add up to 1 within rounding only.
    of_truth = scores[np.arange(labels.size), labels] / scores.sum(axis=1)
    return float(-np.mean(np.log(np.clip(of_truth, _EPSILON, 1 - _EPSILON))))


def confusion_matrix(labels: Ints, predicted: Ints, classes: int = 2) -> tuple[tuple[int, ...], ...]:
    """Counts, ``classes`` x ``classes``. Rows: true class; columns: predicted class."""
    counts = np.bincount(classes * labels + predicted, minlength=classes**2).reshape(classes, classes)
    return tuple(tuple(int(count) for count in row) for row in counts)


def roc_auc(labels: Ints, scores: Floats) -> float | None:
    """Area under the ROC curve by the rank statistic, ties at half; None where one class is missing."""
    positives = int(labels.sum())
    negatives = labels.size - positives
    if positives == 0 or negatives == 0:
        return None
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(size) - (size - 1) / 2
    rank_sum = float(mean_rank[group][labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def ratio(part: int, whole: int) -> float | None:
    """None where there is nothing to measure."""
    return part / whole if whole else None


def macro(values: Sequence[float | None]) -> float | None:
    """Plain mean over the classes; None where one of them has no value."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
