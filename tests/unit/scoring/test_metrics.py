"""scikit-learn is the oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.evaluation import NothingToMeasureError, judge, measure
from scoring.metrics import Floats, Ints, confusion_matrix, log_loss, roc_auc
from sluice.config import Gates

Sample = tuple[Ints, Floats]


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Labels of both classes, with scores that have ties and extremes."""
    size = draw(st.integers(2, 60))
    rows = [
        (draw(st.integers(0, 1)), draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1))) for _ in range(size)
    ]
    labels = np.array([0, 1] + [label for label, _ in rows], dtype=np.int64)
    scores = np.array([0.3, 0.6] + [score for _, score in rows], dtype=np.float64)
    return labels, scores


@settings(max_examples=60)
@given(samples())
def test_metrics_equal_those_of_scikit_learn(sample: Sample) -> None:
    labels, scores = sample
    found = measure(labels, scores, prior_log_loss=0.7)
    predicted = (scores >= 0.5).astype(int)
    assert found.log_loss == pytest.approx(sklearn.metrics.log_loss(labels, scores), rel=1e-9)
    assert found.roc_auc == pytest.approx(sklearn.metrics.roc_auc_score(labels, scores), rel=1e-9)
    assert found.accuracy == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted))
    assert [list(row) for row in found.confusion_matrix] == sklearn.metrics.confusion_matrix(labels, predicted).tolist()
    assert found.recall == pytest.approx(sklearn.metrics.recall_score(labels, predicted))
    if predicted.any():
        assert found.precision == pytest.approx(sklearn.metrics.precision_score(labels, predicted))
    else:
        assert found.precision is None


@settings(max_examples=30)
@given(samples(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(sample: Sample, random: object) -> None:
    labels, scores = sample
    order = np.random.default_rng(0).permutation(labels.size)
    before, after = measure(labels, scores, 0.7), measure(labels[order], scores[order], 0.7)
    assert before.confusion_matrix == after.confusion_matrix
    assert before.log_loss == pytest.approx(after.log_loss)
    assert before.roc_auc == pytest.approx(after.roc_auc)


@st.composite
def many_class_samples(draw: st.DrawFn) -> Sample:
    """Labels of three to five classes, each present, with float32 probabilities as XGBoost gives them."""
    classes = draw(st.integers(3, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, draw(st.integers(0, 60)))])
    logits = rng.normal(size=(labels.size, classes)).astype(np.float32) * draw(st.sampled_from([0.1, 1, 10]))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels.astype(np.int64), (powers / powers.sum(axis=1, keepdims=True)).astype(np.float64)


def adding_up(scores: Floats) -> Floats:
    """What scikit-learn asks for, and float32 gives within rounding only."""
    return scores / scores.sum(axis=1, keepdims=True)


@settings(max_examples=60)
@given(many_class_samples())
def test_metrics_of_many_classes_equal_those_of_scikit_learn(sample: Sample) -> None:
    labels, scores = sample
    classes = list(range(scores.shape[1]))
    predicted = scores.argmax(axis=1)
    found = measure(labels, scores, prior_log_loss=1.1)
    oracle = sklearn.metrics.log_loss(labels, adding_up(scores), labels=classes)
    assert found.log_loss == pytest.approx(oracle, rel=1e-6)
    assert [list(row) for row in found.confusion_matrix] == sklearn.metrics.confusion_matrix(labels, predicted).tolist()
    assert found.accuracy == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted))
    assert found.recall == pytest.approx(sklearn.metrics.recall_score(labels, predicted, average="macro"))
    one_against_the_rest = [sklearn.metrics.roc_auc_score(labels == k, scores[:, k]) for k in classes]
    assert found.roc_auc == pytest.approx(np.mean(one_against_the_rest), rel=1e-9)
    if set(predicted) == set(classes):
        oracle = sklearn.metrics.precision_score(labels, predicted, average="macro")
        assert found.precision == pytest.approx(oracle)
    else:
        assert found.precision is None, "a class that is never predicted has no precision"
    assert found.cutoff is None


@settings(max_examples=30)
@given(samples())
def test_two_classes_measure_the_same_in_either_form(sample: Sample) -> None:
    labels, scores = sample
    both = np.column_stack([1 - scores, scores])
    assert log_loss(labels, both) == pytest.approx(log_loss(labels, scores), rel=1e-9, abs=1e-12)


@settings(max_examples=30)
@given(many_class_samples())
def test_renaming_classes_rearranges_the_matrix(sample: Sample) -> None:
    labels, scores = sample
    order = np.random.default_rng(1).permutation(scores.shape[1])
    renamed = measure(np.argsort(order)[labels], scores[:, order], 1.1)
    before = np.array(measure(labels, scores, 1.1).confusion_matrix)
    assert np.array_equal(np.array(renamed.confusion_matrix), before[order][:, order])


def test_scores_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(NothingToMeasureError, match="probabilities"):
        measure(np.array([0, 1, 2]), np.full((3, 3), 0.5), 1.1)


def test_a_perfect_model_has_no_loss() -> None:
    labels = np.array([0, 1, 1, 0])
    assert log_loss(labels, labels.astype(np.float64)) == pytest.approx(0, abs=1e-12)


def test_a_confident_error_costs_much_but_not_infinitely() -> None:
    assert 30 < log_loss(np.array([1]), np.array([0.0])) < math.inf


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    assert confusion_matrix(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 0, 0])) == ((2, 1), (2, 0))


def test_one_class_has_no_roc_curve() -> None:
    assert roc_auc(np.array([1, 1]), np.array([0.1, 0.2])) is None


@pytest.mark.parametrize(
    ("labels", "scores", "prior", "says"),
    [
        ([], [], 0.7, "empty"),
        ([0, 0], [0.1, 0.2], 0.7, "one class"),
        ([0, 1], [0.1, math.nan], 0.7, "probabilities"),
        ([0, 1], [0.1, 1.5], 0.7, "probabilities"),
        ([0, 2], [0.1, 0.5], 0.7, "not all from 0 to 1"),
        ([0, 1], [0.1], 0.7, "2 test rows but 1 scores"),
        ([0, 1], [0.1, 0.5], None, "class shares"),
        ([0, 1], [0.1, 0.5], math.nan, "class shares"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    labels: list[int], scores: list[float], prior: float | None, says: str
) -> None:
    with pytest.raises(NothingToMeasureError, match=says):
        measure(np.array(labels, dtype=np.int64), np.array(scores, dtype=np.float64), prior)


GOOD = measure(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]), 0.7)


def test_without_gates_of_its_own_a_dataset_has_the_stacks() -> None:
    (gate,) = judge(GOOD, Gates(), 0.9)
    assert gate.name == "max_log_loss_share_of_prior"
    assert gate.passed
    assert gate.value == pytest.approx(GOOD.log_loss / 0.7)


def test_gates_of_its_own_replace_the_stacks() -> None:
    gates = judge(GOOD, Gates(min_accuracy=0.5, max_log_loss=0.01), 0.9)
    assert {gate.name: gate.passed for gate in gates} == {"max_log_loss": False, "min_accuracy": True}


def test_a_gate_with_nothing_to_measure_fails() -> None:
    nothing_predicted = measure(np.array([0, 1]), np.array([0.1, 0.2]), 0.7)
    (gate,) = judge(nothing_predicted, Gates(min_precision=0.1), 0.9)
    assert gate.value is None
    assert not gate.passed


def test_a_prior_without_loss_leaves_nothing_to_beat() -> None:
    (gate,) = judge(measure(np.array([0, 1]), np.array([0.1, 0.9]), 0.0), Gates(), 0.9)
    assert not gate.passed


@pytest.mark.parametrize("limit", [0.5, 0.75, 1.0])
def test_a_value_at_the_limit_passes(limit: float) -> None:
    metrics = GOOD.model_copy(update={"accuracy": limit})
    (gate,) = judge(metrics, Gates(min_accuracy=limit), 0.9)
    assert gate.passed
