"""scikit-learn is the oracle; the interval holds as many rows as it promises, whatever the errors."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.champion import compare_numbers
from scoring.evaluation import NothingToMeasureError
from scoring.gates import judge
from scoring.metrics import Floats
from scoring.number_metrics import (
    ScoredNumbers,
    measure_numbers,
    number_report,
    prediction_interval,
    prior_metrics,
)
from scoring.slices import number_slice_results
from sluice.dataset.config import ChampionPolicy, Gates
from sluice.evaluation.document import PredictionInterval
from sluice.evaluation.metrics import of_task
from sluice.messages import TargetNumbers
from tests.search import examples

BASELINE = TargetNumbers(mean=3, median=2, low=-14, high=20, minimum=-40, maximum=50, deviation=10)
FINITE = st.floats(-1e6, 1e6)


def rows(size: int, seed: int = 0, spread: float = 3.0) -> tuple[Floats, Floats]:
    """True and predicted numbers."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 10, size)
    return truth, truth + rng.normal(0, spread, size)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=60), st.floats(0, 1e6), st.sampled_from([0.5, 0.9]))
def test_metrics_equal_those_of_scikit_learn(pairs: list[tuple[float, float]], width: float, coverage: float) -> None:
    truth, told = (np.array(column) for column in zip(*pairs, strict=True))
    scored = ScoredNumbers(truth, told, width, coverage)
    found = measure_numbers(scored, BASELINE, intervals=False)
    assert found.rmse == pytest.approx(sklearn.metrics.root_mean_squared_error(truth, told))
    assert found.mae == pytest.approx(sklearn.metrics.mean_absolute_error(truth, told))
    assert found.median_error == pytest.approx(sklearn.metrics.median_absolute_error(truth, told))
    if found.r2 is not None and np.ptp(truth) > 1e-3:
        assert found.r2 == pytest.approx(sklearn.metrics.r2_score(truth, told), rel=1e-6)
    rest = (1 - coverage) / 2
    ends = [
        sklearn.metrics.mean_pinball_loss(truth, told + side * width, alpha=share)
        for side, share in ((-1, rest), (1, 1 - rest))
    ]
    assert found.pinball == pytest.approx(np.mean(ends))
    assert found.coverage == pytest.approx(np.mean(np.abs(scored.scores - scored.labels) <= width))


def test_the_baseline_predicts_the_mean_the_median_and_the_range_between_quantiles() -> None:
    truth, told = rows(500)
    found = prior_metrics(ScoredNumbers(truth, told, 5.0), BASELINE)
    constant = np.full(truth.size, BASELINE.mean)
    assert found.rmse == found.prior_rmse == pytest.approx(sklearn.metrics.root_mean_squared_error(truth, constant))
    assert found.r2 == pytest.approx(sklearn.metrics.r2_score(truth, constant))
    assert found.mae == pytest.approx(np.abs(truth - BASELINE.median).mean())
    assert found.coverage == np.mean((truth >= BASELINE.low) & (truth <= BASELINE.high))


def test_numbers_that_are_all_alike_have_no_r2() -> None:
    assert measure_numbers(ScoredNumbers(np.ones(5), np.arange(5.0)), BASELINE).r2 is None


@pytest.mark.parametrize("told", [np.array([1.0, np.nan]), np.array([1.0, np.inf]), np.array([1.0])])
def test_predictions_that_are_no_numbers_are_not_measured(told: Floats) -> None:
    with pytest.raises(NothingToMeasureError):
        ScoredNumbers(np.array([1.0, 2.0]), told)


def test_intervals_of_metrics_are_those_of_plain_resamples() -> None:
    truth, told = rows(400)
    found = measure_numbers(ScoredNumbers(truth.copy(), told.copy(), 5.0), BASELINE)
    draws = np.random.default_rng(1).integers(0, truth.size, (4000, truth.size))
    errors = np.abs(told - truth)[draws]
    slow = {
        "rmse": np.sqrt(np.square(errors).mean(axis=1)),
        "median_error": np.median(errors, axis=1),
        "r2": 1 - np.square(errors).mean(axis=1) / truth[draws].var(axis=1),
    }
    for name, values in slow.items():
        low, high = np.percentile(values, [2.5, 97.5])
        assert found.intervals[name] == pytest.approx((low, high), abs=0.15 * (high - low)), name
    shares = slow["rmse"] / np.sqrt(np.square(truth - BASELINE.mean)[draws].mean(axis=1))
    low, high = np.percentile(shares, [2.5, 97.5])
    assert found.of_prior["rmse"] == pytest.approx((low, high), abs=0.15 * (high - low))


def test_the_order_of_rows_does_not_matter() -> None:
    truth, told = rows(2500)
    order = np.random.default_rng(5).permutation(truth.size)
    one, other = (
        measure_numbers(ScoredNumbers(*pair, 5.0), BASELINE) for pair in ((truth, told), (truth[order], told[order]))
    )
    assert one == other


# The interval of a prediction.


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "exponential"])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_intervals_hold_as_many_new_rows_as_they_promise(draw: str, coverage: float) -> None:
    """Over 1,000 draws of validation and test rows."""
    rng = np.random.default_rng(7)
    held = []
    for _ in range(1000):
        errors = getattr(rng, draw)(size=100)
        half_width = prediction_interval(errors[:60], coverage).half_width
        assert half_width is not None
        held.append(np.mean(np.abs(errors[60:]) <= half_width))
    assert np.mean(held) == pytest.approx(coverage, abs=0.01)


@pytest.mark.parametrize(
    ("size", "coverage", "enough"), [(8, 0.9, False), (9, 0.9, True), (3, 0.8, False), (4, 0.8, True)]
)
def test_too_few_validation_rows_give_no_interval(size: int, coverage: float, enough: bool) -> None:
    found = prediction_interval(np.arange(float(size)), coverage)
    assert (found.half_width is not None) is enough
    assert enough or f"needs {size + 1} validation rows" in found.reason


# Gates, the live model, slices.


def test_a_model_that_is_surely_better_than_the_mean_passes_by_default_and_another_does_not() -> None:
    truth, told = rows(300)
    good = ScoredNumbers(truth.copy(), told.copy(), 5.0)
    noise = ScoredNumbers(truth.copy(), np.random.default_rng(3).normal(3, 1, 300), 20.0)
    (passed,) = judge(measure_numbers(good, BASELINE), Gates(), 0.9)
    (failed,) = judge(measure_numbers(noise, BASELINE), Gates(), 0.9)
    assert (passed.name, passed.passed, failed.passed) == ("rmse.max_of_prior", True, False)
    assert "upper end of its interval" in failed.reason


def test_useless_models_of_numbers_hardly_ever_pass_by_default() -> None:
    """Predictions that say nothing, and differ from the mean by as little as a model that learned noise does."""
    rng = np.random.default_rng(11)
    passed = 0
    for seed in range(60):
        truth, told = rng.normal(3, 10, 100), 3 + rng.normal(0, 2, 100)
        found = measure_numbers(ScoredNumbers(truth, told, 16.0, seed=seed, replicates=100), BASELINE)
        passed += all(gate.passed for gate in judge(found, Gates(), 0.9))
    assert passed <= 1


def test_a_tie_with_the_live_model_does_not_deploy_and_a_better_model_does() -> None:
    truth, told = rows(600)
    policy, live = ChampionPolicy(), "c" * 12
    tie = compare_numbers(ScoredNumbers(truth.copy(), told.copy()), told, live, policy, BASELINE)
    assert not tie.deploys
    assert "nothing to deploy" in tie.reason
    better = compare_numbers(ScoredNumbers(truth.copy(), told.copy()), told + 3, live, policy, BASELINE)
    assert better.deploys
    assert better.difference == pytest.approx(np.mean((told - truth) ** 2 - (told + 3 - truth) ** 2))
    assert "mean squared error is" in better.reason
    worse = compare_numbers(ScoredNumbers(truth.copy(), told + 3), told, live, policy, BASELINE)
    assert not worse.deploys
    assert worse.margin == pytest.approx(policy.margin * np.mean((told - truth) ** 2))


def test_slices_are_measured_as_all_rows_are() -> None:
    truth, told = rows(200)
    interval = PredictionInterval(coverage=0.9, half_width=5.0, rows=100, reason="It was found.")
    cells = pd.DataFrame({"sex": np.where(np.arange(200) % 4 == 0, "f", "m")})
    f, m = number_slice_results(truth, told, interval, BASELINE, cells, ["sex"], [])
    assert (f.rows, m.rows) == (50, 150)
    assert f.metrics.keys() == of_task("regression").keys()
    of_f = cells["sex"].to_numpy() == "f"
    assert f.metrics["rmse"] == pytest.approx(math.sqrt(np.mean((told - truth)[of_f] ** 2)))


# What the page draws.


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_every_row_is_in_one_bin_of_residuals_and_one_of_sizes(size: int) -> None:
    truth, told = rows(size)
    found = number_report(ScoredNumbers(truth.copy(), told.copy(), 5.0))
    assert sum(one.rows for one in found.residuals) == size
    assert sum(one.rows for one in found.sizes) == size
    assert all(one.low <= one.high for one in found.residuals)
    assert all(one.low <= one.high for one in found.sizes)
    assert 1 <= len(found.points) <= 400
    mean_error = sum(one.rows * one.mean_error for one in found.sizes) / size
    assert mean_error == pytest.approx(float(np.mean(told - truth)))


def test_predictions_that_are_all_alike_are_one_size() -> None:
    found = number_report(ScoredNumbers(np.arange(50.0), np.full(50, 3.0), 5.0))
    assert len(found.sizes) == 1
