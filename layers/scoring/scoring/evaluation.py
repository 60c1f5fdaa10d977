"""How good a model is on the held-out test set, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scoring.metrics import Floats, Ints, confusion_matrix, log_loss, ratio, roc_auc
from sluice.config import Gates
from sluice.messages import GateCheck, Metrics

CUTOFF = 0.5


class NothingToMeasureError(ValueError):
    """The test set or the scores allow no honest measurement; the message says why. Such a model is rejected."""


def measure(labels: Ints, scores: Floats, prior_log_loss: float | None) -> Metrics:
    """Scores a model's predictions.

    Args:
        labels: (n,) of 0 and 1.
        scores: (n,), probability of class 1.
        prior_log_loss: log loss on the same rows of always predicting the training data's class shares.

    Raises:
        NothingToMeasureError: no rows, one class only, scores that are no probabilities, no prior to compare with.
    """
    if labels.size == 0:
        raise NothingToMeasureError("the test set is empty")
    if labels.shape != scores.shape:
        raise NothingToMeasureError(f"{labels.size} test rows but {scores.size} scores")
    if not np.isin(labels, (0, 1)).all():
        raise NothingToMeasureError("the test labels are not all 0 or 1")
    if np.unique(labels).size < 2:
        raise NothingToMeasureError("the test set has one class only")
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
        raise NothingToMeasureError("the model's scores are not all probabilities")
    if prior_log_loss is None or not np.isfinite(prior_log_loss):
        raise NothingToMeasureError("the log loss of predicting the class shares is unknown")
    matrix = confusion_matrix(labels, (scores >= CUTOFF).astype(np.int64))
    (_, false_positive), (false_negative, true_positive) = matrix
    return Metrics(
        rows=int(labels.size),
        log_loss=log_loss(labels, scores),
        prior_log_loss=prior_log_loss,
        accuracy=(matrix[0][0] + true_positive) / int(labels.size),
        precision=ratio(true_positive, true_positive + false_positive),
        recall=ratio(true_positive, true_positive + false_negative),
        roc_auc=roc_auc(labels, scores),
        cutoff=CUTOFF,
        confusion_matrix=matrix,
    )


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
        yield _at_most("max_log_loss_share_of_prior", share, gates.max_log_loss_share_of_prior)
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
