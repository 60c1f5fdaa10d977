"""A model that rests on one column alone is told from one that has a strong column."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_iris, load_wine

from scoring.sole_column import MIN_LOSS_SHARE_WITHOUT, find_sole_column, judge_sole_column
from scoring.xgboost.model import XGBoostModel
from sluice.dataset.config import Leaks
from sluice.dataset.recipe import NumberColumn, OneHotColumn, Recipe, Target
from sluice.evaluation.document import Importance, SoleColumn
from sluice.training.hyperparameters import DEFAULTS, objective_of

Floats = NDArray[np.float64]


def log_loss(labels: NDArray[np.int64], scores: Floats) -> float:
    of_truth = np.where(labels == 1, scores, 1 - scores) if scores.ndim == 1 else scores[np.arange(len(labels)), labels]
    return float(-np.log(of_truth).mean())


def sole_column(
    features: NDArray[np.float64], labels: NDArray[np.int64], columns: Sequence[NumberColumn | OneHotColumn]
) -> SoleColumn | None:
    """Of a model that is trained with the defaults on 70 % of the rows, and looked at on the others."""
    classes = int(labels.max()) + 1
    rng = np.random.default_rng(0)
    order = rng.permutation(len(labels))
    train, test = np.split(order, [int(0.7 * len(labels))])
    parameters = {**DEFAULTS, **objective_of(classes)}
    rounds, _ = int(parameters.pop("num_round")), parameters.pop("early_stopping_rounds")
    data = xgboost.DMatrix(features[train], labels[train])
    booster = xgboost.train({**parameters, "nthread": 1}, data, min(rounds, 60))
    recipe = Recipe(
        target=Target(name="y", classes=tuple(map(str, range(classes)))), missing=(), columns=tuple(columns)
    )
    model = XGBoostModel(booster)
    rows = features[test].astype(np.float32)
    gains = booster.get_score(importance_type="total_gain")
    places = itertools.accumulate((column.width for column in columns), initial=0)
    importances = [
        Importance(
            column=column.name,
            gain=sum(gains.get(f"f{i}", 0.0) for i in range(start, start + column.width)),
            cover=0,
            weight=0,
        )
        for column, start in zip(columns, places, strict=False)
    ]
    shares = np.bincount(labels[train], minlength=classes) / len(train)
    return find_sole_column(
        model,
        recipe,
        rows,
        labels[test],
        importances,
        loss=log_loss(labels[test], model.scores(rows)),
        prior_loss=float(-np.log(shares[labels[test]]).mean()),
    )


def numbers(count: int) -> list[NumberColumn]:
    return [NumberColumn(name=f"x{i}") for i in range(count)]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("wrong", [0.0, 0.01])
def test_a_column_that_decides_the_label_is_found(classes: int, wrong: float) -> None:
    rng = np.random.default_rng(classes)
    features = rng.normal(size=(2000, 4))
    labels = np.digitize(features[:, 1], [-1, 0, 1]) if classes == 4 else (features[:, 1] > 0.5).astype(int)
    labels = np.where(rng.random(2000) < wrong, rng.integers(0, classes, 2000), labels)
    found = sole_column(features, labels, numbers(4))
    assert found is not None
    assert found.column == "x1"
    assert found.gain_share > 0.9
    assert found.log_loss_without > MIN_LOSS_SHARE_WITHOUT * found.prior_log_loss


def test_the_features_of_a_column_are_exchanged_together() -> None:
    rng = np.random.default_rng(3)
    level = rng.integers(0, 4, 2000)
    features = np.column_stack([rng.normal(size=2000), *(level == i for i in range(4)), rng.normal(size=2000)])
    state = OneHotColumn(name="state", levels=tuple("pqrs"))
    columns: list[NumberColumn | OneHotColumn] = [NumberColumn(name="a"), state, NumberColumn(name="b")]
    found = sole_column(features, np.isin(level, [1, 2]).astype(int), columns)
    assert found is not None
    assert found.column == "state"


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
def test_strong_honest_columns_are_none(load: Callable[[], Any]) -> None:
    table = load()
    assert sole_column(table.data, table.target, numbers(table.data.shape[1])) is None


def test_one_strong_column_with_a_score_that_is_not_too_good_is_none() -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(2000, 4))
    labels = (features[:, 0] + rng.normal(size=2000) > 0).astype(int)
    assert sole_column(features, labels, numbers(4)) is None


def test_a_score_that_two_columns_hold_is_none() -> None:
    rng = np.random.default_rng(6)
    features = rng.normal(size=(3000, 4))
    assert sole_column(features, (features[:, 0] + features[:, 1] > 0).astype(int), numbers(4)) is None


@pytest.mark.parametrize(
    ("of_others", "noise", "found"),
    [(0.0, 0.0, "x1"), (0.0, 0.02, "x1"), (0.0, 0.5, None), (1.0, 0.0, None)],
    ids=["copied", "with little noise", "strong and honest", "with another column"],
)
def test_a_column_that_a_model_of_numbers_rests_on_alone_is_found(
    of_others: float, noise: float, found: str | None
) -> None:
    rng = np.random.default_rng(8)
    features = rng.normal(size=(4000, 4)).astype(np.float32)
    truth = np.sin(features[:, 1]) + of_others * features[:, 2] + noise * rng.normal(size=4000)
    parameters = {**DEFAULTS, **objective_of(0), "eta": 0.1, "nthread": 1}
    rounds, _ = parameters.pop("num_round"), parameters.pop("early_stopping_rounds")
    booster = xgboost.train(parameters, xgboost.DMatrix(features[:3000], truth[:3000]), min(int(rounds), 150))
    model, rows, tested = XGBoostModel(booster), features[3000:], truth[3000:]
    gains = booster.get_score(importance_type="total_gain")
    importances = [Importance(column=f"x{i}", gain=gains.get(f"f{i}", 0.0), cover=0, weight=0) for i in range(4)]
    recipe = Recipe(target=Target(name="y", task="regression"), missing=(), columns=tuple(numbers(4)))
    loss, prior = (
        float(np.mean((model.scores(rows) - tested) ** 2)),
        float(np.mean((tested - truth[:3000].mean()) ** 2)),
    )
    sole = find_sole_column(model, recipe, rows, tested, importances, loss=loss, prior_loss=prior)
    assert (sole and sole.column) == found
    if sole:
        warning, _ = judge_sole_column(sole, Leaks(), frozenset())
        assert warning is not None
        assert "without it mean squared error is" in warning


FOUND = SoleColumn(column="no: of visits", gain_share=0.98, log_loss_without=0.71, prior_log_loss=0.69)


def test_what_validation_did_not_suspect_is_a_warning() -> None:
    warning, gate = judge_sole_column(FOUND, Leaks(), frozenset())
    assert gate is None
    assert warning == (
        "The model rests on the column `no: of visits` alone: it has 98% of the gain, and without it log loss is 103% "
        'of the baseline\'s. If its value is known only after the outcome, set `drop: ["no: of visits"]` in '
        'config.yaml; if it is known when a prediction is made, set `leaks: {allow: ["no: of visits"]}`.'
    )


def test_what_validation_suspected_too_is_a_gate_that_fails_unless_the_configuration_only_warns() -> None:
    warning, gate = judge_sole_column(FOUND, Leaks(), {FOUND.column})
    assert (warning, gate and gate.passed, gate and gate.name) == (None, False, "leaks")
    warning, gate = judge_sole_column(FOUND, Leaks(action="warn"), {FOUND.column})
    assert warning is not None
    assert gate is None


@pytest.mark.parametrize("leaks", [Leaks(action="ignore"), Leaks(allow=(FOUND.column,))])
def test_what_the_configuration_allows_is_not_named(leaks: Leaks) -> None:
    assert judge_sole_column(FOUND, leaks, {FOUND.column}) == (None, None)
