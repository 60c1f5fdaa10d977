from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.cutoff import choose_cutoff
from scoring.evaluation import Scored
from sluice.dataset.config import Costs, Cutoff
from tests.unit.scoring.test_metrics import Sample, samples


def f1_at(sample: Sample, cutoff: float) -> float:
    labels, scores = sample
    return float(sklearn.metrics.f1_score(labels, scores >= cutoff))


@settings(max_examples=60, deadline=None)
@given(samples())
def test_no_cutoff_has_a_better_f1_than_the_chosen_one(sample: Sample) -> None:
    found = choose_cutoff(Cutoff(), None, Scored(*sample))
    best = max(f1_at(sample, cutoff) for cutoff in sample[1] if cutoff > 0)
    assert f1_at(sample, found.value) == pytest.approx(best)
    assert 0 < found.value <= 1
    assert (found.policy, found.rows) == ("best_f1", sample[0].size)


@settings(max_examples=40, deadline=None)
@given(samples(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_no_cutoff_costs_less_than_the_chosen_one(sample: Sample, false: float, missed: float) -> None:
    labels, scores = sample

    def cost(cutoff: float) -> float:
        predicted = scores >= cutoff
        return float((false * (predicted & (labels == 0)) + missed * (~predicted & (labels == 1))).mean())

    costs = Costs(false_positive=false, false_negative=missed)
    found = choose_cutoff(Cutoff(policy="minimum_cost"), costs, Scored(labels, scores))
    # Beyond the highest score nobody is predicted to be positive, unless that score is 1 already.
    possible = [cutoff for cutoff in scores if cutoff > 0] + ([1.0] if scores.max() < 1 else [])
    assert cost(found.value) == pytest.approx(min(map(cost, possible)))


@pytest.mark.parametrize(("policy", "metric"), [("target_recall", "recall"), ("target_precision", "precision")])
@settings(max_examples=40, deadline=None)
@given(sample=samples(), wanted=st.floats(0.05, 0.95))
def test_a_target_is_reached_where_any_cutoff_reaches_it(
    sample: Sample, wanted: float, policy: str, metric: str
) -> None:
    labels, scores = sample
    measure = {"recall": sklearn.metrics.recall_score, "precision": sklearn.metrics.precision_score}[metric]
    reached = [measure(labels, scores >= cutoff, zero_division=0) >= wanted for cutoff in scores if cutoff > 0]
    found = choose_cutoff(Cutoff.model_validate({"policy": policy, "value": wanted}), None, Scored(labels, scores))
    if any(reached):
        assert measure(labels, scores >= found.value, zero_division=0) >= wanted
        assert "at least" in found.reason
    else:
        assert f"No cutoff reaches a {metric}" in found.reason


def test_to_predict_nobody_may_be_cheapest() -> None:
    labels, scores = np.array([0, 0, 0, 1]), np.array([0.2, 0.2, 0.9, 0.3])
    costs = Costs(false_positive=100, false_negative=1)
    found = choose_cutoff(Cutoff(policy="minimum_cost"), costs, Scored(labels, scores))
    assert 0.9 < found.value < 1
    assert "0.25 a row" in found.reason


def test_a_fixed_cutoff_needs_no_rows() -> None:
    assert choose_cutoff(Cutoff(policy="fixed"), None, None).value == 0.5
    assert choose_cutoff(Cutoff(policy="fixed", value=0.3), None, None).value == 0.3


def test_without_rows_the_cutoff_is_one_half_and_says_so() -> None:
    found = choose_cutoff(Cutoff(), None, None)
    assert found.value == 0.5
    assert "could not be measured" in found.reason


def test_a_cutoff_is_as_short_as_parts_the_rows() -> None:
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.6, 0.9])
    assert choose_cutoff(Cutoff(), None, Scored(labels, scores)).value == 0.5
    close = np.array([0.1, 0.3331, 0.3338, 0.9])
    found = choose_cutoff(Cutoff(), None, Scored(labels, close)).value
    assert 0.3331 < found <= 0.3338
    assert len(f"{found!r}") <= 6


def test_a_cutoff_of_scores_from_the_model_parts_them_in_float32_too() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(500).astype(np.float32)
    labels = (rng.random(500) < scores).astype(np.int64)
    scored = Scored(labels, scores.astype(np.float64))
    found = choose_cutoff(Cutoff(), None, scored).value
    assert (scores >= np.float32(found)).sum() == (scored.scores >= found).sum()
