"""Makes what an evaluation is measured on: ``python -m benchmarks.make_scores FOLDER ROWS FEATURES ROUNDS``.

Writes ``test.npy`` and ``validation.npy`` (float32, the label in column 0) and ``model.ubj`` into the folder: numbers
that say something of the label, a twentieth of them missing, and a model that other such rows trained.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

_SEED: Final = 1
_TRAINING_ROWS: Final = 100_000
_MISSING: Final = 0.05


def make(folder: Path, rows: int, features: int, rounds: int) -> None:
    random = np.random.default_rng(_SEED)
    weights = random.normal(size=features) / np.sqrt(features)
    train = labelled_rows(random, weights, _TRAINING_ROWS)
    data = xgboost.DMatrix(train[:, 1:], label=train[:, 0])
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 5, "eta": 0.1}, data, rounds)
    booster.save_model(folder / "model.ubj")
    for name in ("test", "validation"):
        np.save(folder / f"{name}.npy", labelled_rows(random, weights, rows))


def labelled_rows(random: np.random.Generator, weights: NDArray[np.float64], rows: int) -> NDArray[np.float32]:
    """(rows, 1 + features): the label, 0 or 1, and the features, of which some are NaN."""
    table = random.normal(size=(rows, weights.size + 1)).astype(np.float32)
    odds = 2 * table[:, 1:] @ weights + table[:, 1] * table[:, 2]
    table[:, 0] = random.random(rows) < 1 / (1 + np.exp(-odds))
    features = table[:, 1:]
    features[random.random(features.shape) < _MISSING] = np.nan
    return table


if __name__ == "__main__":
    make(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
