"""A model of XGBoost's, behind what ``scoring.model`` asks of any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import xgboost

from scoring.metrics import Floats, Ints
from scoring.model import Matrix
from scoring.xgboost.artifact import load_booster, read_model_bytes
from scoring.xgboost.contributions import contributions
from scoring.xgboost.fitting import fit, fit_again
from scoring.xgboost.training_report import read_curves, training_report
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import ClassCount, TrainingReport
from sluice.training.hyperparameters import refit_hyperparameters


@dataclass(frozen=True)
class XGBoostModel:
    """See :class:`scoring.model.Model`."""

    booster: xgboost.Booster

    @property
    def rounds(self) -> int:
        """Boosting rounds; early stopping leaves none behind the best one."""
        return self.booster.num_boosted_rounds()

    def scores(self, features: Matrix) -> Floats:
        if not len(features):  # XGBoost refuses no rows
            return np.empty(0)
        return np.asarray(self.booster.inplace_predict(features), dtype=np.float64)

    def retrained(
        self,
        train: tuple[Matrix, Ints | Floats],
        validation: tuple[Matrix, Ints | Floats],
        hyperparameters: Mapping[str, str],
        max_rounds: int,
    ) -> XGBoostModel:
        return XGBoostModel(fit(train, validation, hyperparameters, max_rounds))

    def refitted(self, rows: tuple[Matrix, Ints | Floats], hyperparameters: Mapping[str, str]) -> XGBoostModel:
        return XGBoostModel(fit_again(rows, refit_hyperparameters(hyperparameters, self.rounds)))

    def explain(
        self,
        recipe: Recipe,
        features: Sequence[Sequence[float]],
        predicted: Sequence[int],
        records: Sequence[Mapping[str, Any]],
        max_columns: int,
    ) -> list[dict[str, Any]]:
        return contributions(self.booster, recipe, features, predicted, records, max_columns)

    def training_report(
        self,
        recipe: Recipe,
        features: Matrix,
        labels: Ints | Floats,
        scores: Floats,
        predicted: Ints | Floats,
        *,
        classes: Sequence[str],
        class_counts: tuple[ClassCount, ...],
        log: Iterable[str],
        hyperparameters: Mapping[str, str],
    ) -> TrainingReport:
        return training_report(
            self.booster,
            recipe,
            features,
            labels,
            scores,
            predicted,
            classes=classes,
            class_counts=class_counts,
            curves=read_curves(log),
            early_stopping_rounds=_whole(hyperparameters.get("early_stopping_rounds")),
        )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def load(archive: BinaryIO, features: int | None = None) -> XGBoostModel:
    """The model of a ``model.tar.gz``.

    Args:
        archive: the file's bytes.
        features: columns that the model must have been trained on; None: any.

    Raises:
        UnsafeArtifactError: it is not what training writes, or is of another width.
    """
    return XGBoostModel(load_booster(read_model_bytes(archive), features))
