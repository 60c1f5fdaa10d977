"""XGBoost's own scoring of the test rows, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

type Prepared = tuple[xgboost.Booster, NDArray[np.float32]]


def prepare(folder: Path) -> Prepared:
    return xgboost.Booster(model_file=folder / "model.ubj"), np.load(folder / "test.npy")[:, 1:]


def run(prepared: Prepared) -> float | None:
    booster, features = prepared
    booster.inplace_predict(features)
    return None
