"""scikit-learn is the oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.evaluation import NothingToMeasureError, Scored, class_curves, cutoff_curve
from scoring.evaluation import measure as measured
from scoring.metrics import Floats, Ints, confusion_matrix, hard_label_log_loss, log_loss, roc_auc
from sluice.dataset.config import Costs
from sluice.messages import Metrics
from tests.search import examples

Sample = tuple[Ints, Floats]


def measure(labels: Ints, scores: Floats, prior_log_loss: float | None) -> Metrics:
    """Without intervals."""
    return measured(Scored(labels, scores), prior_log_loss, intervals=False)


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


@settings(max_examples=examples(60), deadline=None)
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
    assert found.brier == pytest.approx(sklearn.metrics.brier_score_loss(labels, scores))
    assert found.average_precision == pytest.approx(sklearn.metrics.average_precision_score(labels, scores))
    assert found.balanced_accuracy == pytest.approx(sklearn.metrics.balanced_accuracy_score(labels, predicted))
    assert found.specificity == pytest.approx(sklearn.metrics.recall_score(labels, predicted, pos_label=0))
    assert found.f1 == pytest.approx(sklearn.metrics.f1_score(labels, predicted))
    assert found.mcc == pytest.approx(sklearn.metrics.matthews_corrcoef(labels, predicted))
    if predicted.any():
        assert found.precision == pytest.approx(sklearn.metrics.precision_score(labels, predicted))
    else:
        assert found.precision is None


@settings(max_examples=examples(30), deadline=None)
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


@settings(max_examples=examples(60), deadline=None)
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
    areas = [sklearn.metrics.average_precision_score(labels == k, scores[:, k]) for k in classes]
    assert found.average_precision == pytest.approx(np.mean(areas), rel=1e-9)
    one_hot = np.eye(len(classes))[labels]
    assert found.brier == pytest.approx(np.square(scores - one_hot).sum(axis=1).mean(), rel=1e-6)
    assert found.balanced_accuracy == pytest.approx(sklearn.metrics.balanced_accuracy_score(labels, predicted))
    of_the_rest = [sklearn.metrics.recall_score(labels != k, predicted != k) for k in classes]
    assert found.specificity == pytest.approx(np.mean(of_the_rest))
    assert found.f1 == pytest.approx(sklearn.metrics.f1_score(labels, predicted, average="macro"))
    assert found.mcc == pytest.approx(sklearn.metrics.matthews_corrcoef(labels, predicted), abs=1e-12)
    if set(predicted) == set(classes):
        oracle = sklearn.metrics.precision_score(labels, predicted, average="macro")
        assert found.precision == pytest.approx(oracle)
    else:
        assert found.precision is None, "a class that is never predicted has no precision"
    assert found.cutoff is None


@settings(max_examples=examples(30), deadline=None)
@given(samples())
def test_two_classes_measure_the_same_in_either_form(sample: Sample) -> None:
    labels, scores = sample
    both = np.column_stack([1 - scores, scores])
    assert log_loss(labels, both) == pytest.approx(log_loss(labels, scores), rel=1e-9, abs=1e-12)


@settings(max_examples=examples(30), deadline=None)
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


def test_calibration_error_is_the_mean_distance_of_score_and_share() -> None:
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.1, 0.15, 0.9, 0.95])
    # Bins of 0.1: two rows with a mean score of 0.125 and a share of 1/2, two with 0.925 and 1.
    assert measure(labels, scores, 0.7).expected_calibration_error == pytest.approx((0.375 + 0.075) / 2)


@settings(max_examples=examples(40), deadline=None)
@given(samples())
def test_curves_equal_those_of_scikit_learn(sample: Sample) -> None:
    labels, scores = sample
    (curves,) = class_curves(Scored(labels, scores), ("no", "yes"))
    assert curves.label == "yes"
    false_rates, hit_rates, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert [p.false_positive_rate for p in curves.roc] == pytest.approx(false_rates.tolist())
    assert [p.true_positive_rate for p in curves.roc] == pytest.approx(hit_rates.tolist())
    precisions, recalls, _ = sklearn.metrics.precision_recall_curve(labels, scores)
    assert [p.recall for p in curves.precision_recall] == pytest.approx(recalls[:-1][::-1].tolist())
    assert [p.precision for p in curves.precision_recall] == pytest.approx(precisions[:-1][::-1].tolist())


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 5000), rng.random(5000)
    (curves,) = class_curves(Scored(labels, scores), ("no", "yes"))
    assert 100 < len(curves.roc) <= 202
    assert (curves.roc[0].true_positive_rate, curves.roc[-1].true_positive_rate) == (0, 1)
    assert curves.precision_recall[-1].recall == 1


@settings(max_examples=examples(40), deadline=None)
@given(samples(), st.floats(0.001, 0.999))
def test_each_cutoff_equals_predicting_by_it(sample: Sample, cutoff: float) -> None:
    labels, scores = sample
    costs = Costs(false_positive=2, false_negative=5, true_positive=-1)
    curve = cutoff_curve(Scored(labels, scores, cutoff), costs)
    assert cutoff in [point.cutoff for point in curve]
    for point in curve[:: max(1, len(curve) // 7)]:
        predicted = (scores >= point.cutoff).astype(int)
        (right_no, false), (missed, hits) = sklearn.metrics.confusion_matrix(labels, predicted)
        assert point.error_rate == pytest.approx((false + missed) / labels.size)
        assert point.recall == pytest.approx(hits / (hits + missed))
        assert point.cost == pytest.approx((2 * false + 5 * missed - hits) / labels.size)
        hard = np.clip(np.where(labels == predicted, 1.0, 0.0), 1e-15, 1 - 1e-15)
        assert point.hard_label_log_loss == pytest.approx(float(-np.log(hard).mean()), rel=1e-9)
        assert right_no == labels.size - false - missed - hits


def test_a_hard_label_log_loss_is_an_error_rate_in_disguise() -> None:
    assert hard_label_log_loss(0.1) == pytest.approx(0.1 * 34.538776, rel=1e-6)
