from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.cutoff import choose_cutoff
from scoring.evaluation import Scored
from sluice.dataset.config import Costs, Cutoff
from tests.search import examples
from tests.unit.scoring.test_metrics import Sample, samples


def f1_at(sample: Sample, cutoff: float) -> float:
    labels, scores = sample
    return float(sklearn.metrics.f1_score(labels, scores >= cutoff))


@settings(max_examples=examples(60), deadline=None)
@given(samples())
def test_a_cutoff_is_a_possible_one_whatever_the_scores(sample: Sample) -> None:
    found = choose_cutoff(Cutoff(), None, Scored(*sample))
    assert 0 < found.value <= 1
    assert (found.policy, found.rows) == ("best_f1", sample[0].size)
    assert found.reason.endswith(".")


def scored(rows: int, positive: float, signal: float, seed: int) -> Scored:
    """Rows whose scores are the probability of their label; ``signal``: how far the two classes lie apart."""
    rng = np.random.default_rng([seed, rows])
    odds = np.log(positive / (1 - positive)) + signal * rng.normal(size=rows)
    scores = 1 / (1 + np.exp(-odds))
    labels = (rng.random(rows) < scores).astype(np.int64)
    labels[:2] = (0, 1)
    return Scored(labels, scores)


@settings(max_examples=examples(30), deadline=None)
@given(st.sampled_from([0.05, 0.2, 0.4, 0.7]), st.floats(1.5, 4), st.integers(0, 99))
def test_with_many_rows_f1_is_about_as_good_as_at_the_best_cutoff(positive: float, signal: float, seed: int) -> None:
    chosen_on, measured_on = (scored(5000, positive, signal, seed + more) for more in (0, 1000))
    found = choose_cutoff(Cutoff(), None, chosen_on)
    sample = (measured_on.labels, measured_on.scores)
    best = max(f1_at(sample, cutoff) for cutoff in np.quantile(measured_on.scores, np.linspace(0.03, 0.97, 33)))
    assert f1_at(sample, found.value) > best - 0.03
    assert "median of the best cutoffs" in found.reason


@pytest.mark.longer
def test_the_median_of_resamples_varies_less_than_the_best_place_of_one_ragged_curve() -> None:
    samples_of_90 = [scored(90, 0.3, 1.5, seed) for seed in range(40)]
    found = [choose_cutoff(Cutoff(), None, sample).value for sample in samples_of_90]
    ragged = []
    for sample in samples_of_90:
        cutoffs = np.unique(sample.scores)
        ragged.append(cutoffs[np.argmax([f1_at((sample.labels, sample.scores), cutoff) for cutoff in cutoffs])])
    assert np.std(found) < np.std(ragged)


def test_scores_that_say_nothing_leave_the_cutoff_at_one_half() -> None:
    """Their F1 is best if nearly every row is predicted to be positive, which is right less often than a constant."""
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels, scores = (rng.random(90) < 0.4).astype(np.int64), rng.normal(0.4, 0.1, 90).clip(0.01, 0.99)
        found = choose_cutoff(Cutoff(), None, Scored(labels, scores))
        kept += found.value == 0.5 and "cannot tell which cutoff is good" in found.reason
    assert kept >= 17


def test_a_model_that_gives_every_row_the_same_score_predicts_no_row_to_be_positive() -> None:
    found = choose_cutoff(Cutoff(), None, Scored(np.arange(1000) % 500 == 0, np.full(1000, 0.002)))
    assert (found.value, "the same score" in found.reason) == (0.5, True)


def test_a_few_rare_positives_that_are_found_set_the_cutoff_though_it_is_uncertain() -> None:
    labels, scores = np.zeros(1500, np.int64), np.linspace(0.0001, 0.01, 1500)
    labels[[100, 700, 1499]], scores[1499] = 1, 0.2
    found = choose_cutoff(Cutoff(), None, Scored(labels, scores))
    assert 0.005 < found.value <= 0.2


def test_if_no_row_reaches_one_half_as_many_are_positive_as_there_should_be() -> None:
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels, scores = (rng.random(60) < 0.25).astype(np.int64), rng.uniform(0.2, 0.3, 60)
        found = choose_cutoff(Cutoff(), None, Scored(labels, scores))
        assert found.value < 0.5
        if "as many rows as are positive" in found.reason:
            seen += 1
            assert (scores >= found.value).sum() == labels.sum()
    assert seen


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_does_not_depend_on_the_order_of_the_rows(seed: int) -> None:
    sample = scored(200, 0.3, 1.5, seed)
    order = np.random.default_rng(seed).permutation(200)
    again = choose_cutoff(Cutoff(), None, Scored(sample.labels[order], sample.scores[order]))
    assert again == choose_cutoff(Cutoff(), None, sample)


@settings(max_examples=examples(40), deadline=None)
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
@settings(max_examples=examples(40), deadline=None)
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
    found = choose_cutoff(Cutoff(), None, Scored(np.tile(labels, 25), np.tile(close, 25))).value
    assert 0.3331 < found <= 0.3338
    assert len(f"{found!r}") <= 6


def test_a_cutoff_of_scores_from_the_model_parts_them_in_float32_too() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(500).astype(np.float32)
    labels = (rng.random(500) < scores).astype(np.int64)
    scored = Scored(labels, scores.astype(np.float64))
    found = choose_cutoff(Cutoff(), None, scored).value
    assert (scores >= np.float32(found)).sum() == (scored.scores >= found).sum()
