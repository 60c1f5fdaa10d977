"""How good a model is on the held-out test set, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scoring.metrics import Floats, Ints, confusion_matrix, log_loss, macro, ratio, roc_auc
from sluice.config import Gates
from sluice.messages import GateCheck, Metrics

CUTOFF = 0.5


class NothingToMeasureError(ValueError):
    """The test set or the scores allow no honest measurement; the message says why. Such a model is rejected."""


def measure(labels: Ints, scores: Floats, prior_log_loss: float | None) -> Metrics:
    """Scores a model's predictions.

    Args:
        labels: (n,) class numbers from 0.
        scores: (n,), probability of class 1, or (n, k), of each of k classes.
        prior_log_loss: log loss on the same rows of always predicting the training data's class shares.

    Raises:
        NothingToMeasureError: no rows, one class only, scores that are no probabilities, no prior to compare with.
    """
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    if labels.size == 0:
        raise NothingToMeasureError("the test set is empty")
    if labels.size != scores.shape[0]:
        raise NothingToMeasureError(f"{labels.size} test rows but {scores.shape[0]} scores")
    if labels.min() < 0 or labels.max() >= classes:
        raise NothingToMeasureError(f"the test labels are not all from 0 to {classes - 1}")
    if np.unique(labels).size < 2:
        raise NothingToMeasureError("the test set has one class only")
    if not _are_probabilities(scores):
        raise NothingToMeasureError("the model's scores are not all probabilities")
    if prior_log_loss is None or not np.isfinite(prior_log_loss):
        raise NothingToMeasureError("the log loss of predicting the class shares is unknown")
    predicted = (scores >= CUTOFF).astype(np.int64) if classes == 2 else scores.argmax(axis=1)
    matrix = confusion_matrix(labels, predicted, classes)
    counts = np.array(matrix)
    right, of_truth, of_prediction = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    shown = [1] if classes == 2 else range(classes)
    return Metrics(
        rows=int(labels.size),
        log_loss=log_loss(labels, scores),
        prior_log_loss=prior_log_loss,
        accuracy=int(right.sum()) / int(labels.size),
        precision=macro([ratio(int(right[k]), int(of_prediction[k])) for k in shown]),
        recall=macro([ratio(int(right[k]), int(of_truth[k])) for k in shown]),
        roc_auc=macro([roc_auc((labels == k).astype(np.int64), _score_of(scores, k)) for k in shown]),
        cutoff=CUTOFF if classes == 2 else None,
        confusion_matrix=matrix,
    )


def _are_probabilities(scores: Floats) -> bool:
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
        return False
    return scores.ndim == 1 or bool(np.allclose(scores.sum(axis=1), 1, atol=1e-4))


def _score_of(scores: Floats, number: int) -> Floats:
    return scores if scores.ndim == 1 else scores[:, number]


def judge(metrics: Metrics, gates: Gates, default_share_of_prior: float) -> tuple[GateCheck, ...]:
    """Holds metrics against the gates: all that the dataset sets, or the stack's default where it sets none at all."""
    if all(limit is None for limit in gates.model_dump().values()):
        gates = Gates(max_log_loss_share_of_prior=default_share_of_prior)
    return tuple(_checks(metrics, gates))


def _checks(metrics: Metrics, gates: Gates) -> Iterator[GateCheck]:
    if gates.max_log_loss is not None:
        yield _at_most("max_log_loss", metrics.log_loss, gates.max_log_loss)
    if gates.max_log_loss_share_of_prior is not None:
        share = metrics.log_loss / metrics.prior_log_loss if metrics.prior_log_loss > 0 else None
        check = _at_most("max_log_loss_share_of_prior", share, gates.max_log_loss_share_of_prior)
        told = f"log loss {metrics.log_loss:.4f}, {metrics.prior_log_loss:.4f} for always predicting the class shares"
        yield check.model_copy(update={"reason": f"{check.reason} ({told})"})
    for name, value, limit in (
        ("min_accuracy", metrics.accuracy, gates.min_accuracy),
        ("min_precision", metrics.precision, gates.min_precision),
        ("min_recall", metrics.recall, gates.min_recall),
        ("min_roc_auc", metrics.roc_auc, gates.min_roc_auc),
    ):
        if limit is not None:
            yield _at_least(name, value, limit)


def _at_most(name: str, value: float | None, limit: float) -> GateCheck:
    passed = value is not None and value <= limit
    said = f"{_text(value)} {'is within' if passed else 'is not within'} the limit of at most {limit:g}"
    return GateCheck(name=name, value=value, limit=limit, comparison="at_most", passed=passed, reason=said)


def _at_least(name: str, value: float | None, limit: float) -> GateCheck:
    passed = value is not None and value >= limit
    said = f"{_text(value)} {'reaches' if passed else 'does not reach'} the limit of at least {limit:g}"
    return GateCheck(name=name, value=value, limit=limit, comparison="at_least", passed=passed, reason=said)


def _text(value: float | None) -> str:
    return "nothing to measure" if value is None else f"{value:.5f}"
