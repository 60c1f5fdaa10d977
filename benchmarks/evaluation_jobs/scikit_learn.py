"""The same metrics and intervals as a person would write them: scikit-learn in a loop over resamples.

The loop makes few resamples, since each takes seconds; what it takes for as many as the evaluation makes is more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import sklearn.metrics
import xgboost
from numpy.typing import NDArray

RESAMPLES: Final = 20
_BINS: Final = 10

type Prepared = tuple[xgboost.Booster, NDArray[np.float32]]
type Floats = NDArray[np.float64]


def prepare(folder: Path) -> Prepared:
    return xgboost.Booster(model_file=folder / "model.ubj"), np.load(folder / "test.npy")


def run(prepared: Prepared) -> float | None:
    booster, table = prepared
    labels = table[:, 0].astype(np.int64)
    scores = booster.inplace_predict(table[:, 1:]).astype(np.float64)
    found = _metrics(labels, scores)
    random = np.random.default_rng(0)
    resampled = []
    for _ in range(RESAMPLES):
        rows = random.integers(0, labels.size, labels.size)
        resampled.append(_metrics(labels[rows], scores[rows]))
    np.percentile([list(values.values()) for values in resampled], [2.5, 97.5], axis=0)
    return found["log_loss"]


def _metrics(labels: NDArray[np.int64], scores: Floats) -> dict[str, float]:
    predicted = scores >= 0.5
    bins = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    distances = [
        abs(scores[bins == i].mean() - labels[bins == i].mean()) * (bins == i).mean()
        for i in range(_BINS)
        if (bins == i).any()
    ]
    return {
        "log_loss": sklearn.metrics.log_loss(labels, scores),
        "brier": sklearn.metrics.brier_score_loss(labels, scores),
        "roc_auc": sklearn.metrics.roc_auc_score(labels, scores),
        "average_precision": sklearn.metrics.average_precision_score(labels, scores),
        "accuracy": sklearn.metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(labels, predicted),
        "precision": sklearn.metrics.precision_score(labels, predicted),
        "recall": sklearn.metrics.recall_score(labels, predicted),
        "f1": sklearn.metrics.f1_score(labels, predicted),
        "mcc": sklearn.metrics.matthews_corrcoef(labels, predicted),
        "expected_calibration_error": float(sum(distances)),
    }
