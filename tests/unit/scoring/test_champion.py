"""A challenger that ties, one that is better or worse, and one of which nobody can tell."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.champion import compare
from scoring.evaluation import Scored
from scoring.metrics import Floats, Ints, log_loss
from sluice.dataset.config import ChampionPolicy
from sluice.evaluation.document import ChampionComparison
from sluice.messages import Metrics
from tests.search import examples

NOT_WORSE, BETTER, IGNORE = (ChampionPolicy(policy=policy) for policy in ("not_worse", "better", "ignore"))


def rows(size: int, seed: int = 0) -> tuple[Ints, Floats]:
    """Labels and the probabilities that they were drawn with."""
    rng = np.random.default_rng(seed)
    scores = 1 / (1 + np.exp(-2 * rng.normal(size=size)))
    return (rng.random(size) < scores).astype(np.int64), scores


def blunted(scores: Floats, by: float) -> Floats:
    """A worse model: its scores are drawn to one half."""
    return scores * (1 - by) + by / 2


def compared(labels: Ints, challenger: Floats, champion: Floats, policy: ChampionPolicy) -> ChampionComparison:
    return compare(Scored(labels, challenger), champion, "c" * 12, policy, 0.69)


@pytest.mark.parametrize("policy", [NOT_WORSE, BETTER])
@pytest.mark.parametrize("noise", [0.0, 1e-8])
def test_a_tie_does_not_deploy(policy: ChampionPolicy, noise: float) -> None:
    labels, scores = rows(2000)
    found = compared(labels, scores, scores + noise * (scores < 0.9), policy)
    assert not found.deploys
    assert "nothing to deploy" in found.reason


@pytest.mark.parametrize("policy", [NOT_WORSE, BETTER])
def test_a_clearly_better_model_deploys(policy: ChampionPolicy) -> None:
    labels, scores = rows(3000)
    found = compared(labels, scores, blunted(scores, 0.3), policy)
    assert found.deploys
    assert found.interval is not None
    assert found.interval[1] < 0
    assert "lower than that of the live model" in found.reason


@pytest.mark.parametrize("policy", [NOT_WORSE, BETTER])
def test_a_clearly_worse_model_does_not(policy: ChampionPolicy) -> None:
    labels, scores = rows(3000)
    found = compared(labels, blunted(scores, 0.3), scores, policy)
    assert not found.deploys
    assert found.difference is not None
    assert found.difference > 0


def test_an_equally_good_model_replaces_the_live_one_only_where_it_may() -> None:
    labels, scores = rows(20_000)
    rng = np.random.default_rng(1)
    other = np.clip(scores + rng.normal(0, 0.01, scores.size), 0.001, 0.999)
    assert compared(labels, other, scores, NOT_WORSE).deploys
    assert not compared(labels, other, scores, BETTER).deploys


def test_too_few_rows_to_tell_do_not_deploy_and_the_way_out_is_said() -> None:
    labels, scores = rows(60)
    rng = np.random.default_rng(1)
    other = np.clip(scores + rng.normal(0, 0.1, scores.size), 0.01, 0.99)
    found = compared(labels, other, blunted(scores, 0.05), ChampionPolicy(margin=0.05))
    assert not found.deploys
    assert "is not certain" in found.reason or "is worse" in found.reason
    assert compared(labels, other, blunted(scores, 0.05), ChampionPolicy(margin=0.9)).deploys


def test_ignored_the_live_model_is_measured_all_the_same() -> None:
    labels, scores = rows(1000)
    found = compared(labels, blunted(scores, 0.3), scores, IGNORE)
    assert found.deploys
    assert found.metrics is not None
    assert found.metrics.loss == pytest.approx(log_loss(labels, scores))


@settings(max_examples=examples(15), deadline=None)
@given(st.integers(10, 300), st.integers(0, 5), st.sampled_from(["not_worse", "better"]))
def test_the_order_of_rows_does_not_matter(size: int, seed: int, policy: Literal["not_worse", "better"]) -> None:
    labels, scores = rows(size, seed)
    labels[:2] = [0, 1]
    other, order = blunted(scores, 0.2), np.random.default_rng(seed).permutation(size)
    asked = ChampionPolicy(policy=policy)
    one, shuffled = (compared(labels[i], scores[i], other[i], asked) for i in (np.arange(size), order))
    assert one.difference == pytest.approx(shuffled.difference)
    assert one.interval == pytest.approx(shuffled.interval)
    assert one.deploys == shuffled.deploys


def test_resamples_are_paired() -> None:
    """Both models err on the same rows, so the difference is known far better than either loss."""
    labels, scores = rows(2000)
    found = compared(labels, blunted(scores, 0.02), scores, NOT_WORSE)
    assert found.interval is not None
    assert found.metrics is not None
    of_loss = found.metrics.intervals["log_loss"]
    assert found.interval[1] - found.interval[0] < 0.1 * (of_loss[1] - of_loss[0])


def test_the_live_model_is_measured_at_its_own_cutoff() -> None:
    labels, scores = rows(2000)
    found = compare(Scored(labels, scores, 0.9), blunted(scores, 0.1), "c" * 12, NOT_WORSE, 0.69, cutoff=0.3)
    assert isinstance(found.metrics, Metrics)
    assert found.metrics.cutoff == 0.3
    predicted = blunted(scores, 0.1) >= 0.3
    assert found.metrics.recall == pytest.approx((predicted & (labels == 1)).sum() / labels.sum())


def test_rows_that_belong_together_tell_less() -> None:
    """A model that is good for some customers and bad for others, twenty in all: these count, not their rows."""
    labels, scores = rows(2000)
    customers = np.repeat(np.arange(20), 100)
    of_truth = np.where(customers % 2 == 0, 0.9, 0.3)
    other = np.where(labels == 1, of_truth, 1 - of_truth)
    single = compare(Scored(labels, other), scores, "c" * 12, NOT_WORSE, 0.69)
    together = compare(Scored(labels, other, clusters=customers), scores, "c" * 12, NOT_WORSE, 0.69)
    assert single.interval is not None
    assert together.interval is not None
    assert together.difference == single.difference
    assert together.interval[1] - together.interval[0] > 2 * (single.interval[1] - single.interval[0])


def test_several_classes_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 3000)
    powers = np.exp(rng.normal(size=(3000, 3)) + 2 * np.eye(3)[labels])
    scores = powers / powers.sum(axis=1, keepdims=True)
    assert compared(labels, scores, scores * 0.7 + 0.1, BETTER).deploys
