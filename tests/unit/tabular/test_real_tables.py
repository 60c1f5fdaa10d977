"""Real tables: the right types, the right columns left out, and data that the built-in algorithm learns from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import xgboost as xgb
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import log_loss

from scoring.held_out import read_held_out
from scoring.raw_rows import apply_recipe, read_raw_rows
from sluice.dataset.config import DatasetConfig
from tests.shared import shared_table
from tests.unit.tabular.conftest import Judge, Judged

SHIPPED: Final[dict[str, Callable[..., Any]]] = {"breast-cancer": load_breast_cancer, "digits": load_digits}


def table_of(name: str, folder: Path) -> Path:
    """One of the tables that scikit-learn ships, or one of those beside the repository."""
    if name not in SHIPPED:
        return shared_table(name)
    path = folder / f"{name}.csv"
    SHIPPED[name](as_frame=True).frame.to_csv(path, index=False)
    return path


def uses(judged: Judged) -> dict[str, str | None]:
    return {column.name: column.use for column in judged.report.columns}


def test_telco_has_the_right_types(judge: Judge) -> None:
    judged = judge(shared_table("telco-customer-churn.csv"), target="Churn")
    report = judged.report
    assert (report.verdict, report.warnings, report.classes) == ("accepted", (), ("No", "Yes"))
    assert (report.rows.received, report.rows.rejected) == (7043, 0)
    found = uses(judged)
    assert found["customerID"] == "dropped"
    assert [name for name, use in found.items() if use == "number"] == [
        "SeniorCitizen",
        "tenure",
        "MonthlyCharges",
        "TotalCharges",
    ]
    assert [name for name, use in found.items() if use == "boolean"] == [
        "Partner",
        "Dependents",
        "PhoneService",
        "PaperlessBilling",
    ]
    missing = {column.name: column.missing for column in report.columns if column.missing}
    assert missing == {"TotalCharges": 11}


def test_adult_has_the_right_types(judge: Judge) -> None:
    judged = judge(shared_table("adult.csv"), target="income")
    report = judged.report
    assert (report.verdict, report.classes) == ("accepted", ("<=50K", ">50K"))
    assert (report.rows.received, report.rows.rejected) == (32561, 0)
    found = uses(judged)
    assert [name for name, use in found.items() if use == "number"] == [
        "age",
        "fnlwgt",
        "education_num",
        "capital_gain",
        "capital_loss",
        "hours_per_week",
    ]
    assert found["native_country"] == "frequency_rank"
    assert "dropped" not in found.values()
    missing = {column.name: column.missing for column in report.columns if column.missing}
    assert missing == {"workclass": 1836, "occupation": 1843, "native_country": 583}


@pytest.mark.parametrize(("name", "target"), [("telco-customer-churn.csv", "Churn"), ("adult.csv", "income")])
def test_the_held_out_rows_become_the_test_part_through_the_recipe(judge: Judge, name: str, target: str) -> None:
    judged = judge(shared_table(name), target=target)
    rows = read_raw_rows(judged.out / "held_out" / "rows.csv")
    made = apply_recipe(judged.recipe, rows)
    labels, features = read_held_out(judged.out / "test" / "test.csv", len(judged.recipe.features))
    assert len(rows) == judged.report.rows.test == labels.size
    assert made.misfits == {}
    np.testing.assert_array_equal(made.features, features)


def matrix(judged: Judged, part: str) -> xgb.DMatrix:
    rows = np.genfromtxt(judged.out / part / f"{part}.csv", delimiter=",", dtype=np.float32)
    return xgb.DMatrix(rows[:, 1:], rows[:, 0])


@pytest.mark.longer
@pytest.mark.parametrize(
    ("name", "target", "max_loss"),
    [
        ("breast-cancer", "target", 0.15),
        ("digits", "target", 0.45),  # 0.30 to 0.40 by the seed of the split: there are 270 test rows
        ("telco-customer-churn.csv", "Churn", 0.45),
        ("adult.csv", "income", 0.30),
    ],
)
def test_the_built_in_algorithm_learns_from_the_files(
    judge: Judge, tmp_path: Path, name: str, target: str, max_loss: float
) -> None:
    judged = judge(table_of(name, tmp_path), target=target)
    parameters = DatasetConfig.model_validate({}).resolved_hyperparameters(
        len(judged.report.classes), judged.report.rows.train
    )
    rounds, patience = int(parameters.pop("num_round")), int(parameters.pop("early_stopping_rounds"))
    train, validation, test = (matrix(judged, part) for part in ("train", "validation", "test"))
    booster = xgb.train(
        parameters | {"nthread": 1},  # threads that wait for a busy core make it many times slower
        train,
        rounds,
        evals=[(validation, "validation")],
        early_stopping_rounds=patience,
        verbose_eval=False,
    )
    scores = booster.predict(test, iteration_range=(0, booster.best_iteration + 1))
    loss = log_loss(test.get_label(), scores)
    assert loss < max_loss
    assert judged.report.prior_log_loss is not None
    assert loss < 0.9 * judged.report.prior_log_loss
