"""Binary classification metrics with numpy. scikit-learn is the oracle in tests, not a dependency of the function.

All take ``labels`` (n,) of 0 and 1 and ``scores`` (n,), the probability of class 1.
"""

from __future__ import annotations

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
    kept = np.clip(scores, _EPSILON, 1 - _EPSILON)
    return float(-np.mean(np.where(labels == 1, np.log(kept), np.log1p(-kept))))


def confusion_matrix(labels: Ints, predicted: Ints) -> tuple[tuple[int, ...], ...]:
    """Counts, 2 x 2. Rows: true class; columns: predicted class."""
    counts = np.bincount(2 * labels + predicted, minlength=4).reshape(2, 2)
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
