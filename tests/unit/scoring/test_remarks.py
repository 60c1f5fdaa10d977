"""A rejection names its true cause, and a label that a constant would give as well is remarked on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.evaluation import Scored, measure
from scoring.gates import failures, judge
from scoring.held_out import read_held_out
from scoring.metrics import Floats, Ints
from scoring.model import Matrix
from scoring.number_metrics import prediction_interval
from scoring.remarks import Learned, cause, expected_coverage, is_constant, number_warnings, warnings
from sluice.dataset.config import DatasetConfig, Gates
from sluice.evaluation.document import ClassCount, CutoffChoice, PredictionInterval
from sluice.messages import Metrics, NumberMetrics
from tabular import validate_table
from tests.search import examples
from tests.shared import shared_case

TUTORIAL = DatasetConfig.model_validate({"training": {"preset": "tutorial"}})
CUTOFF = CutoffChoice(value=0.31, policy="best_f1", rows=90, reason="It is best.")


def learned(train: Mapping[str, int], hyperparameters: Mapping[str, str], *, constant: bool = True) -> Learned:
    counts = tuple(ClassCount(label=label, train=rows, validation=20, test=20) for label, rows in train.items())
    return Learned(tuple(train), counts, hyperparameters, constant)


def measured(scores: Floats, labels: Ints, cutoff: float = 0.5) -> Metrics:
    return measure(Scored(labels, scores, cutoff), 0.5, intervals=False)


def constant(rows: int, positives: int) -> Metrics:
    return measured(np.full(rows, positives / rows), (np.arange(rows) < positives).astype(np.int64))


ENOUGH = constant(1500, 30)


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(1000, 10**6), st.floats(0.0005, 0.01), st.integers(3, 20))
def test_a_leaf_that_rare_rows_cannot_fill_is_named(rows: int, share: float, minimum: int) -> None:
    positives = max(3, round(share * rows))
    found = cause(learned({"no": rows - positives, "yes": positives}, {"min_child_weight": str(minimum)}), ENOUGH)
    p = positives / rows
    needed = minimum / (p * (1 - p))
    if needed > max(0.05 * rows + 1, positives + 1):
        assert found is not None
        assert f"`min_child_weight` is {minimum}" in found
        assert f"a leaf needs {int(np.ceil(needed)):,} of the {rows:,} training rows" in found
        assert "columns" not in found


def test_the_defaults_are_never_blamed() -> None:
    for classes in ({"no": 9980, "yes": 20}, {"a": 500, "b": 500}, {"a": 900, "b": 90, "c": 10}):
        resolved = DatasetConfig.model_validate({}).resolved_hyperparameters(len(classes), sum(classes.values()))
        assert cause(learned(classes, resolved), ENOUGH) is None


def test_a_gamma_that_forbids_every_split_is_named() -> None:
    found = cause(learned({"no": 500, "yes": 500}, {"gamma": "4", "min_child_weight": "1"}), ENOUGH)
    assert found is not None
    assert "`gamma` is 4" in found


def test_too_few_test_rows_of_a_class_are_named_and_the_columns_are_not_blamed() -> None:
    few = constant(1500, 3)
    found = cause(learned({"no": 6986, "yes": 14}, {}, constant=False), few)
    assert found is not None
    assert "Only 3 test rows of class `yes`" in found
    gates = judge(few, Gates(), 0.0001, cause=found)
    (said,) = failures(gates)
    assert "Only 3 test rows" in said
    assert "columns" not in said
    assert cause(learned({"no": 6986, "yes": 14}, {}, constant=False), ENOUGH) is None


def test_scores_are_constant_only_if_all_are() -> None:
    assert is_constant(np.full(5, 0.2))
    assert is_constant(np.tile([0.2, 0.3, 0.5], (5, 1)))
    assert not is_constant(np.array([0.2, 0.2, 0.3]))


def test_a_label_that_is_right_no_more_often_than_a_constant_is_remarked_on() -> None:
    labels = (np.arange(100) < 40).astype(np.int64)
    prior = measured(np.full(100, 0.4), labels)
    of_model = learned({"no": 420, "yes": 280}, {}, constant=False)
    poor = measured(np.linspace(0.2, 0.6, 100), labels, cutoff=0.31)
    (said,) = warnings(poor, prior, CUTOFF, of_model)
    assert said.startswith("At the cutoff of 0.31 the model is right no more often than if it always said `no`: ")
    assert f"{poor.accuracy:.2%} on 100 test rows, against 60.00%" in said
    assert "`costs`" in said
    good = measured(np.linspace(0.9, 0.1, 100), labels)
    assert [*warnings(good, prior, CUTOFF, of_model)] == []


def test_a_model_without_a_split_is_remarked_on_once() -> None:
    prior = constant(1500, 30)
    rare = learned({"no": 6986, "yes": 14}, {"min_child_weight": "6", "gamma": "4"})
    (said,) = warnings(prior, prior, CUTOFF, rare)
    assert said.startswith("The model makes no split and gives every row the same score: `min_child_weight` is 6")
    assert said.endswith(".")


def parts_of(path: Path, folder: Path, config: DatasetConfig) -> dict[str, tuple[Ints, Matrix]]:
    report = validate_table(path, name=path.name, config=config, default_target=None, out=folder)
    assert report.verdict == "accepted", report.reasons
    return {
        part: read_held_out(folder / part / f"{part}.csv", report.features) for part in ("train", "validation", "test")
    }


def trained(parts: dict[str, tuple[Ints, Matrix]], config: DatasetConfig) -> xgb.Booster:
    parameters = config.resolved_hyperparameters(2, parts["train"][0].size)
    rounds, patience = int(parameters.pop("num_round")), int(parameters.pop("early_stopping_rounds"))
    train, validation = (xgb.DMatrix(parts[part][1], parts[part][0]) for part in ("train", "validation"))
    stop = xgb.callback.EarlyStopping(rounds=patience, save_best=True)
    evals = [(validation, "validation")]
    return xgb.train(
        parameters | {"nthread": 1}, train, num_boost_round=rounds, evals=evals, callbacks=[stop], verbose_eval=False
    )


def rare_table(path: Path, rows: int, positives: int, seed: int) -> Path:
    """Two columns of noise, of which the first lies higher where the label is 1."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(rows) < positives).astype(int)
    rng.shuffle(labels)
    a, b = rng.normal(size=(2, rows))
    lines = [f"{x + 2.5 * y:.3f},{z:.3f},{y}" for x, z, y in zip(a, b, labels, strict=True)]
    path.write_text("\n".join(["a,b,target", *lines]) + "\n")
    return path


def below_the_baseline(table: Path, folder: Path, config: DatasetConfig) -> bool:
    """Whether the model passes the default gate: log loss at most 0.9 of the baseline's, on all rows not trained on."""
    parts = parts_of(table, folder, config)
    booster = trained(parts, config)
    labels = np.concatenate([parts["validation"][0], parts["test"][0]])
    scores = booster.inplace_predict(np.concatenate([parts["validation"][1], parts["test"][1]]))
    share = parts["train"][0].mean()
    prior = -np.where(labels == 1, np.log(share), np.log(1 - share)).mean()
    loss = -np.where(labels == 1, np.log(scores), np.log(1 - scores)).mean()
    return bool(loss < 0.9 * prior)


@pytest.mark.parametrize("which", ["case", pytest.param("sibling", marks=pytest.mark.longer)])
def test_a_column_that_tells_twenty_rows_of_ten_thousand_apart_is_learned(tmp_path: Path, which: str) -> None:
    passed = {}
    for seed in range(6):
        table = shared_case("rare_class.csv") if which == "case" else rare_table(tmp_path / "t.csv", 10_000, 20, seed)
        for preset in (None, "tutorial"):
            config = DatasetConfig.model_validate({"training": {"preset": preset}, "split": {"seed": seed}})
            passed[preset, seed] = below_the_baseline(table, tmp_path / f"{preset}{seed}", config)
    assert sum(passed[None, seed] for seed in range(6)) >= 4
    assert sum(passed["tutorial", seed] for seed in range(6)) <= 1


def test_the_tutorials_hyperparameters_make_no_split_of_rare_rows_and_the_cause_is_named(tmp_path: Path) -> None:
    parts = parts_of(rare_table(tmp_path / "t.csv", 10_000, 20, 0), tmp_path / "out", TUTORIAL)
    scores = trained(parts, TUTORIAL).inplace_predict(parts["test"][1])
    assert is_constant(scores)
    train = {"0": int((parts["train"][0] == 0).sum()), "1": int(parts["train"][0].sum())}
    found = cause(learned(train, TUTORIAL.resolved_hyperparameters(2, 7000)), constant(1500, 3))
    assert found is not None
    assert "`min_child_weight` is 6" in found


@pytest.mark.parametrize(
    ("ends", "rows", "warned"),
    [((0.94, 1.0), 67, False), ((0.94, 0.97), 4000, True), ((0.70, 0.80), 67, True), ((0.88, 0.92), 4000, False)],
)
def test_a_coverage_beyond_what_the_validation_rows_allow_is_warned_of(
    ends: tuple[float, float], rows: int, warned: bool
) -> None:
    metrics = NumberMetrics(
        rows=100, rmse=1, prior_rmse=2, mae=1, median_error=1, coverage=sum(ends) / 2, intervals={"coverage": ends}
    )
    interval = PredictionInterval(coverage=0.9, half_width=3, rows=rows, reason="It was found.")
    found = list(number_warnings(metrics, interval, Learned((), (), {}, is_constant=False)))
    assert bool(found) is warned
    assert not warned or "not the 90% that they promise" in found[0]


def test_coverage_spreads_as_conformal_intervals_do() -> None:
    """Over 4,000 draws of 60 validation rows, of which the true coverage is known."""
    rng = np.random.default_rng(0)
    half_widths = [prediction_interval(rng.normal(size=60), 0.9).half_width or 0.0 for _ in range(4000)]
    covered = [math.erf(half_width / math.sqrt(2)) for half_width in half_widths]
    least, most = expected_coverage(PredictionInterval(coverage=0.9, half_width=1, rows=60, reason="It was found."))
    inside = np.mean([least <= coverage <= most for coverage in covered])
    assert inside == pytest.approx(0.95, abs=0.02)


def test_a_model_of_numbers_that_is_constant_or_has_no_interval_says_why() -> None:
    metrics = NumberMetrics(rows=100, rmse=1, prior_rmse=1, mae=1, median_error=1)
    interval = PredictionInterval(coverage=0.9, half_width=None, rows=3, reason="It needs 9 validation rows.")
    constant, without = number_warnings(metrics, interval, Learned((), (), {"gamma": "4"}, is_constant=True))
    assert "`gamma` is 4" in constant
    assert without == "Predictions have no interval. It needs 9 validation rows."
