"""What is known of a model of one split of a table, and the file that it is kept in."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT

type Name = Literal["default", "one_job", "tutorial", "xgboost", "lightgbm", "catboost"]

SLUICE: Final[tuple[Name, ...]] = ("default", "one_job", "tutorial", "xgboost")
"""Trained by the local SageMaker on Sluice's features. ``one_job``: the default without a refit; ``xgboost``: the
container with XGBoost's own defaults."""
PEERS: Final[tuple[Name, ...]] = ("lightgbm", "catboost")
PEERS_PYTHON: Final = ROOT / ".venv-models" / "bin" / "python"


@dataclass(frozen=True)
class Result:
    """How a model did on the test rows.

    Attributes:
        losses: (n,), the negative log likelihood of each row, or its squared error.
        calibration_error: the expected one; 0 of numbers.
        seconds: of CPU that training took.
        rounds: of the model.
        size: of the model in bytes.
        squared: whether the losses are squared errors.
    """

    losses: NDArray[np.float64]
    calibration_error: float
    seconds: float
    rounds: int
    size: int
    squared: bool = False

    @property
    def loss(self) -> float:
        """The log loss; RMSE where the target is a number."""
        mean = float(self.losses.mean())
        return math.sqrt(mean) if self.squared else mean

    @classmethod
    def load(cls, file: Path) -> Self:
        with np.load(file) as found:
            return cls(losses=found["losses"], **json.loads(str(found["told"])))

    def store(self, file: Path) -> None:
        """The file is there whole, or not at all."""
        told = {name: value for name, value in vars(self).items() if name != "losses"}
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part.npz")
        np.savez_compressed(unfinished, losses=self.losses, told=json.dumps(told))
        unfinished.replace(file)
