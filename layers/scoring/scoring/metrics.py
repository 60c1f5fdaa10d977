"""Classification metrics with numpy. scikit-learn is the oracle in tests, not a dependency of the function.

``labels`` are (n,) class numbers from 0. Of two classes ``scores`` are (n,), the probability of class 1; of k classes
(n, k), rows adding up to 1. Functions of counts take arrays with any leading axes, so that one call measures all
resamples of a bootstrap; what cannot be measured is NaN.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[Any]

_EPSILON: Final = float(np.finfo(np.float64).eps)
"""Probabilities of exactly 0 or 1 have no finite logarithm; this is the least distance that is kept from them, the
float64 resolution that scikit-learn's log_loss uses too."""

HARD_LABEL_CLIP: Final = 1e-15
"""What scikit-learn clipped at until 1.2, and so what log losses of hard labels in older tutorials rest on."""


def row_log_losses(labels: Ints, scores: Floats) -> Floats:
    """Negative log likelihood of each row, (n,), natural logarithm."""
    if scores.ndim == 1:
        kept = np.clip(np.where(labels == 1, scores, 1 - scores), _EPSILON, 1 - _EPSILON)
        return -np.log(kept)
    # Rows of float32 add up to 1 within rounding only.
    of_truth = scores[np.arange(labels.size), labels] / scores.sum(axis=1)
    return -np.log(np.clip(of_truth, _EPSILON, 1 - _EPSILON))


def row_brier(labels: Ints, scores: Floats) -> Floats:
    """Squared difference of score and label of each row, (n,); of k classes summed over them, so from 0 to 2."""
    if scores.ndim == 1:
        return np.square(scores - labels)
    of_truth = scores[np.arange(labels.size), labels]
    return np.square(scores).sum(axis=1) - 2 * of_truth + 1


def log_loss(labels: Ints, scores: Floats) -> float:
    """Mean negative log likelihood, natural logarithm."""
    return float(row_log_losses(labels, scores).mean())


def confusion_counts(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """(classes, classes). Rows: true class; columns: predicted class."""
    return np.bincount(classes * labels + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_matrix(labels: Ints, predicted: Ints, classes: int = 2) -> tuple[tuple[int, ...], ...]:
    """Counts, ``classes`` x ``classes``. Rows: true class; columns: predicted class."""
    return tuple(tuple(int(count) for count in row) for row in confusion_counts(labels, predicted, classes))


def _divided(part: Counts, whole: Counts) -> Floats:
    """NaN if there is nothing to divide by."""
    result = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result


def of_confusions(counts: Counts) -> dict[str, Floats]:
    """What a confusion matrix tells, by the name of the metric.

    Of two classes precision, recall, specificity and F1 are those of class 1; from three classes on the plain mean over
    the classes, each against the rest, and NaN if one of them has none.

    Args:
        counts: (..., k, k). Rows: true class; columns: predicted class.
    """
    counts = np.asarray(counts, np.float64)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    of_truth, of_prediction = counts.sum(axis=-1), counts.sum(axis=-2)
    total, hits = of_truth.sum(axis=-1), right.sum(axis=-1)
    recalls = _divided(right, of_truth)
    each = {
        "precision": _divided(right, of_prediction),
        "recall": recalls,
        "specificity": _divided(total[..., None] - of_truth - of_prediction + right, total[..., None] - of_truth),
        "f1": _divided(2 * right, of_truth + of_prediction),
    }
    two = counts.shape[-1] == 2
    found = {name: values[..., 1] if two else values.mean(axis=-1) for name, values in each.items()}
    chance = (of_truth * of_prediction).sum(axis=-1)
    spread = np.sqrt(total**2 - np.square(of_truth).sum(axis=-1)) * np.sqrt(
        total**2 - np.square(of_prediction).sum(axis=-1)
    )
    # Where all rows are predicted alike, or are alike, there is no correlation (scikit-learn says 0, too).
    mcc = np.where(spread > 0, (hits * total - chance) / np.where(spread > 0, spread, 1), 0.0)
    return {"accuracy": _divided(hits, total), "balanced_accuracy": recalls.mean(axis=-1), **found, "mcc": mcc}


class Ranked(NamedTuple):
    """How many rows of the class and of the others lie at each different score, highest score first."""

    thresholds: Floats
    positives: Counts
    negatives: Counts


def ranked(of_class: NDArray[np.bool_], scores: Floats, order: Ints | None = None) -> Ranked:
    """
    Args:
        of_class: (n,), whether the row is of the class.
        scores: (n,), of the class.
        order: what sorts the scores upwards, if it is known.
    """
    order = np.argsort(scores, kind="stable") if order is None else order
    falling, hit = scores[order][::-1], of_class[order][::-1]
    ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)) if falling.size else np.empty(0, np.int64)
    positives = np.diff(np.cumsum(hit)[ends], prepend=0)
    return Ranked(falling[ends], positives, np.diff(ends + 1, prepend=0) - positives)


def areas(positives: Counts, negatives: Counts) -> tuple[Floats, Floats]:
    """ROC AUC by the rank statistic, ties at half, and average precision as the sum of precision over steps of recall.

    NaN if one side has no rows.

    Args:
        positives: (..., thresholds), rows of the class at each threshold, highest score first.
        negatives: the same of the others.
    """
    hits, misses = np.cumsum(positives, axis=-1, dtype=np.float64), np.cumsum(negatives, axis=-1, dtype=np.float64)
    all_hits, all_misses = hits[..., -1], misses[..., -1]
    better = ((hits - np.asarray(positives) / 2) * negatives).sum(axis=-1)
    roc_auc = _divided(better, all_hits * all_misses)
    precisions = hits / np.maximum(hits + misses, 1e-300)
    return roc_auc, _divided((precisions * positives).sum(axis=-1), all_hits)


def roc_auc(labels: Ints, scores: Floats) -> float | None:
    """Area under the ROC curve; None if one class is missing."""
    if not labels.size:
        return None
    counts = ranked(labels == 1, scores)
    return known(areas(counts.positives, counts.negatives)[0])


CALIBRATION_BINS: Final = 10


def calibration_bins(confidence: Floats) -> Ints:
    """(n,), the number of the bin that a score falls into: ten of equal width, 1.0 in the last."""
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_error(rows: Counts, scores: Counts, hits: Counts) -> Floats:
    """Expected calibration error: mean distance of a bin's mean score from its share of hits, weighted by rows.

    Args:
        rows: (..., bins), how many there are.
        scores: (..., bins), their sum.
        hits: (..., bins), how many are of the class.
    """
    return _divided(np.abs(np.asarray(scores, np.float64) - hits).sum(axis=-1), np.asarray(rows).sum(axis=-1))


def hard_label_log_loss(error_rate: float) -> float:
    """Log loss of labels taken for probabilities, clipped at 1e-15: in truth an error rate times 34.54."""
    return -error_rate * math.log(HARD_LABEL_CLIP) - (1 - error_rate) * math.log1p(-HARD_LABEL_CLIP)


def known(value: Any) -> float | None:
    """The number, or None if there was nothing to measure."""
    number = float(value)
    return number if np.isfinite(number) else None
