"""The walk-through "Get started with Amazon SageMaker", reproduced: golden.json holds what a right evaluation gives.

Its published 4.3485 is the log loss of hard labels, an error rate in disguise: see docs/evaluation.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from scoring.evaluation import Scored, cutoff_curve, measure
from scoring.held_out import read_held_out
from scoring.metrics import Floats, Ints
from sluice.messages import Metrics
from sluice.training.hyperparameters import PRESETS

TUTORIAL = Path(__file__).parents[4] / "shared" / "data" / "adult-tutorial"
FEATURES = 12

pytestmark = pytest.mark.skipif(not TUTORIAL.is_dir(), reason=f"the tutorial's data are not there ({TUTORIAL.name})")


@dataclass(frozen=True)
class Tutorial:
    golden: dict[str, Any]
    labels: Ints
    scores: Floats
    prior: float

    @property
    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = self.golden["xgboost_3.2.0"]
        return found


@pytest.fixture(scope="module")
def tutorial() -> Tutorial:
    golden = json.loads((TUTORIAL / "golden.json").read_text())
    asked = dict(golden["hyperparameters"])
    rounds = asked.pop("num_round")
    parameters = {name: value for name, value in PRESETS["tutorial"].items() if name in asked}
    assert parameters == asked  # the preset trains what the walk-through trained
    labels, features = read_held_out(TUTORIAL / "train.csv", FEATURES)
    booster = xgboost.train({**parameters, "nthread": 2}, xgboost.DMatrix(features, label=labels), rounds)
    test_labels, test_features = read_held_out(TUTORIAL / "test.csv", FEATURES)
    share, positive = labels.mean(), test_labels.mean()
    prior = -(positive * np.log(share) + (1 - positive) * np.log(1 - share))
    return Tutorial(golden, test_labels, np.asarray(booster.inplace_predict(test_features), np.float64), float(prior))


@pytest.fixture(scope="module")
def metrics(tutorial: Tutorial) -> Metrics:
    return measure(Scored(tutorial.labels, tutorial.scores), tutorial.prior)


def test_the_metrics_are_those_of_the_golden_file_to_the_digits_given(tutorial: Tutorial, metrics: Metrics) -> None:
    expected = tutorial.expected
    assert [list(row) for row in metrics.confusion_matrix] == expected["confusion_at_0.5"]
    for name in ("accuracy", "roc_auc", "average_precision", "log_loss", "brier"):
        assert getattr(metrics, name) == pytest.approx(expected[name], abs=5e-11), name
    assert metrics.prior_log_loss == pytest.approx(expected["train_prior_log_loss"], abs=5e-11)


def test_the_intervals_hold_the_values(metrics: Metrics) -> None:
    for name, (low, high) in metrics.intervals.items():
        assert low <= getattr(metrics, name) <= high, name


def test_the_tutorials_minimum_is_found_and_is_an_error_rate(tutorial: Tutorial) -> None:
    expected = tutorial.expected["hard_label_minimum"]
    curve = cutoff_curve(Scored(tutorial.labels, tutorial.scores), None)
    best = min(curve, key=lambda point: point.hard_label_log_loss)
    assert best.cutoff == expected["cutoff"]
    assert round(best.error_rate * tutorial.labels.size) == expected["errors"]
    assert best.hard_label_log_loss == pytest.approx(expected["log_loss_clip_1e-15"], abs=5e-11)
    assert best.hard_label_log_loss == pytest.approx(best.error_rate * 34.538776394910684, rel=1e-9)


def test_the_published_figure_is_one_error_more(tutorial: Tutorial) -> None:
    published = tutorial.golden["published_by_aws"]["minimum_log_loss"]
    errors = tutorial.golden["xgboost_1.2.1_and_1.7.6"]["hard_label_minimum"]["errors"]
    # In double precision 1 - (1 - 1e-15) is a little less than 1e-15, which old scikit-learn charged a false positive.
    assert published == pytest.approx(errors / tutorial.labels.size * 34.538776394910684, rel=2e-5)
    assert errors == tutorial.expected["hard_label_minimum"]["errors"] + 1


def test_the_files_are_what_the_golden_file_says(tutorial: Tutorial) -> None:
    for part, rows in tutorial.golden["rows"].items():
        assert len(pd.read_csv(TUTORIAL / f"{part}.csv", header=None)) == rows
