"""This project's evaluation, whole: cutoff, metrics with intervals, curves, gates, explanations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xgboost

from scoring.assessment import Rows, Subject, assess
from scoring.xgboost import XGBoostModel
from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import NumberColumn, Recipe, Target


def prepare(folder: Path) -> Subject:
    test, validation = (_part(folder / f"{name}.npy") for name in ("test", "validation"))
    columns = tuple(NumberColumn(name=f"f{i}") for i in range(test.features.shape[1]))
    shares = {label: int((test.labels == number).sum()) for number, label in enumerate(("no", "yes"))}
    return Subject(
        run_id="0" * 12,
        dataset="benchmark",
        job_name="benchmark",
        model_uri="s3://bucket/model.tar.gz",
        model=XGBoostModel(xgboost.Booster(model_file=folder / "model.ubj")),
        recipe=Recipe(target=Target(name="label", classes=("no", "yes")), missing=(), columns=columns),
        config=DatasetConfig.model_validate({}),
        test=test,
        validation=validation,
        prior_log_loss=0.6931,
        default_share_of_prior=None,
        class_counts={"train": shares, "validation": shares, "test": shares},
    )


def _part(file: Path) -> Rows:
    table = np.load(file)
    return Rows(table[:, 0].astype(np.int64), table[:, 1:])


def run(prepared: Subject) -> float | None:
    metrics = assess(prepared).metrics
    return metrics.loss if metrics else None
