"""Intervals: against resamples that are drawn one by one, and against what theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.evaluation import Scored, calibration_curve, measure
from scoring.metrics import Floats, Ints, row_brier, row_log_losses
from scoring.resampling import MAX_GROUPS, Resamples, expanded_tail, interval, mirrored_interval
from tests.search import examples


def noisy(size: int, seed: int = 0) -> tuple[Ints, Floats]:
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-rng.normal(size=size)))
    return (rng.random(size) < scores).astype(np.int64), scores


def test_resamples_draw_as_many_rows_as_there_are() -> None:
    few, many = Resamples(50), Resamples(MAX_GROUPS + 500)
    assert few.groups == 50
    assert few.weights.sum(axis=1).tolist() == [50] * few.replicates
    assert many.groups == MAX_GROUPS
    assert sorted(np.unique(np.bincount(many.group))) == [1, 2], "groups of about equal size"


def test_resampled_counts_and_sums_are_those_of_the_drawn_rows() -> None:
    resamples = Resamples(40, replicates=30)
    rng = np.random.default_rng(1)
    kinds, values = rng.integers(0, 3, 40), rng.normal(size=40)
    for replicate, weights in enumerate(resamples.weights.astype(int)):
        drawn = np.repeat(np.arange(40), weights)
        assert resamples.counts(kinds, 3)[replicate].tolist() == np.bincount(kinds[drawn], minlength=3).tolist()
        assert resamples.means(values)[replicate] == pytest.approx(values[drawn].mean())


METRICS = {
    "log_loss": sklearn.metrics.log_loss,
    "brier": sklearn.metrics.brier_score_loss,
    "roc_auc": sklearn.metrics.roc_auc_score,
    "average_precision": sklearn.metrics.average_precision_score,
    "accuracy": lambda labels, scores: sklearn.metrics.accuracy_score(labels, scores >= 0.5),
    "f1": lambda labels, scores: sklearn.metrics.f1_score(labels, scores >= 0.5),
    "mcc": lambda labels, scores: sklearn.metrics.matthews_corrcoef(labels, scores >= 0.5),
}


@pytest.mark.parametrize("name", METRICS)
def test_intervals_are_the_percentiles_of_the_metric_over_the_same_resamples(name: str) -> None:
    labels, scores = noisy(300)
    scored = Scored(labels, scores, replicates=200)
    found = measure(scored, 0.69).intervals[name]
    drawn = [np.repeat(np.arange(300), weights) for weights in scored.resamples.weights.astype(int)]
    values = [METRICS[name](scored.labels[rows], scored.scores[rows]) for rows in drawn]
    assert found == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])), abs=1e-9)


@pytest.mark.parametrize(
    "name", [name if name in {"log_loss", "f1"} else pytest.param(name, marks=pytest.mark.longer) for name in METRICS]
)
def test_groups_of_rows_give_the_intervals_of_single_rows(name: str) -> None:
    labels, scores = noisy(20_000)
    low, high = measure(Scored(labels, scores), 0.69).intervals[name]
    rng = np.random.default_rng(5)
    values = []
    for _ in range(300):
        rows = rng.integers(0, labels.size, labels.size)
        values.append(METRICS[name](labels[rows], scores[rows]))
    spread = np.percentile(values, 97.5) - np.percentile(values, 2.5)
    assert high - low == pytest.approx(spread, rel=0.2)
    assert (low + high) / 2 == pytest.approx(np.mean(values), abs=0.1 * spread)


def test_the_accuracy_of_many_rows_has_the_interval_of_theory() -> None:
    labels, scores = noisy(200_000)
    found = measure(Scored(labels, scores), 0.69)
    half = 1.96 * math.sqrt(found.accuracy * (1 - found.accuracy) / labels.size)
    assert found.intervals["accuracy"] == pytest.approx((found.accuracy - half, found.accuracy + half), abs=0.1 * half)


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(2, 400), st.integers(0, 10))
def test_intervals_do_not_depend_on_the_order_of_rows(size: int, seed: int) -> None:
    labels, scores = noisy(size, seed)
    labels[:2] = [0, 1]
    scores = np.round(scores, 1)  # ties
    order = np.random.default_rng(seed).permutation(size)
    one, other = Scored(labels, scores, replicates=50), Scored(labels[order], scores[order], replicates=50)
    assert measure(one, 0.69) == measure(other, 0.69)
    assert calibration_curve(one) == calibration_curve(other)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    labels, scores = noisy(500)
    one, again, other = (measure(Scored(labels, scores, seed=seed), 0.69) for seed in (0, 0, 1))
    assert one == again
    assert one.intervals["log_loss"] != other.intervals["log_loss"]
    assert one.log_loss == other.log_loss


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Binomial: of 200 intervals with 95 % coverage fewer than 180 hold the truth once in 2,000 times."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        labels = rng.integers(0, 2, 150)
        labels[:2] = [0, 1]
        wrong = rng.random(150) < 0.3
        scores = np.where(wrong, 1 - labels, labels) * 0.8 + 0.1
        low, high = measure(Scored(labels, scores, replicates=400), 0.69).intervals["accuracy"]
        held += low <= 0.7 <= high
    assert held >= 180


def test_several_classes_have_intervals_too() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 3000)
    logits = rng.normal(size=(3000, 4)) + 2 * np.eye(4)[labels]
    powers = np.exp(logits)
    scores = powers / powers.sum(axis=1, keepdims=True)
    found = measure(Scored(labels, scores), 1.39)
    values = found.model_dump()
    assert set(found.intervals) == {
        "log_loss",
        "brier",
        "roc_auc",
        "average_precision",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "mcc",
        "expected_calibration_error",
    }
    for name, (low, high) in found.intervals.items():
        assert low <= values[name] <= high, name


def test_too_few_resamples_with_a_value_make_no_interval() -> None:
    assert interval(np.array([0.5] * 94 + [math.nan] * 6)) is None
    assert interval(np.array([0.5] * 95 + [math.nan] * 5)) == (0.5, 0.5)
    assert mirrored_interval(np.array([math.nan] * 10), 0.5) is None


@pytest.mark.parametrize(("units", "quantile"), [(6, 2.57058), (9, 2.30600), (23, 2.07387), (61, 2.00030)])
def test_the_percentiles_of_few_units_lie_as_far_out_as_students_t(units: int, quantile: float) -> None:
    """Quantiles are of tables of Student's t, at 97.5 %."""
    tail = math.erfc(quantile * math.sqrt(units / (units - 1)) / math.sqrt(2)) / 2
    assert expanded_tail(units) == pytest.approx(tail, rel=1e-3)
    assert expanded_tail(1) == 0


def test_intervals_of_means_of_few_rows_hold_the_true_mean_as_often_as_they_promise() -> None:
    rng = np.random.default_rng(2)
    held = {"plain": 0, "expanded": 0}
    for seed in range(600):
        resamples, rows = Resamples(9, seed, 400), rng.normal(0, 1, 9)
        means = resamples.means(rows)
        for name, ends in (("plain", interval(means)), ("expanded", interval(means, units=9))):
            assert ends is not None
            held[name] += ends[0] <= 0 <= ends[1]
    assert held["plain"] / 600 < 0.92
    assert held["expanded"] / 600 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("classes", [2, 3])
def test_shares_of_the_baseline_are_of_both_on_the_same_resamples(classes: int) -> None:
    rng = np.random.default_rng(classes)
    scores = rng.dirichlet(np.ones(classes), 400)
    labels = np.array([rng.choice(classes, p=row) for row in scores])
    shares = np.bincount(labels, minlength=classes) / 400
    scored = Scored(labels, scores if classes > 2 else scores[:, 1])
    constant = np.tile(shares, (400, 1)) if classes > 2 else np.full(400, shares[1])
    found = measure(scored, 0.7, shares=shares).of_prior
    for name, losses in (("log_loss", row_log_losses), ("brier", row_brier)):
        own, prior = losses(scored.labels, scored.scores), losses(scored.labels, constant)
        group_weights = scored.resamples.weights[:, scored.resamples.group]
        ends = interval((group_weights @ own) / (group_weights @ prior), units=400)
        assert found[name] == pytest.approx(ends)
    assert not measure(scored, 0.7).of_prior


def test_beside_the_baseline_rows_of_a_rare_class_do_not_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(1000) < 0.03).astype(np.int64)
    scored = Scored(labels, np.where(labels == 1, 0.05, 0.02))
    shares = np.array([0.97, 0.03])
    baseline = float(-np.log(shares[labels]).mean())
    found = measure(scored, baseline, shares=shares)
    alone, paired = found.intervals["log_loss"], found.of_prior["log_loss"]
    assert paired[1] < 1 < alone[1] / baseline
