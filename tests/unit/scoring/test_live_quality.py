from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sklearn import metrics as oracle

from scoring.evaluation import Scored, intervals_of, values_of
from scoring.live_quality import distance, quality_report
from sluice.dataset.config import Monitor
from sluice.evaluation.metrics import METRICS
from sluice.monitoring.comparison import FALSE_ALARM, Window
from sluice.monitoring.quality import LabelCounts, MeasuredModel, QualityReport, SeenAnswers
from sluice.monitoring.truth import Answer, Joined, Truth

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
WINDOW = Window("churn", "2026-11-01", "2026-11-30", "2026-11-30T09:00:00+00:00", log_share=1.0)
GATES = Monitor.model_validate({"gates": {"log_loss": {"max_of_test": 1.2}, "roc_auc": {"min_of_test": 0.9}}})


def draw(rows: int, seed: int, *, fair: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores; fair ones come true as often as they say."""
    random = np.random.default_rng(seed)
    scores = random.beta(1, 2, rows)
    return (random.random(rows) < (scores if fair else 0.33)).astype(np.int64), scores


def model(version: str = "live", classes: tuple[str, ...] = ("no", "yes"), seed: int = 0) -> MeasuredModel:
    scored = Scored(*draw(1000, seed), 0.4)
    test = {name: value for name, value in values_of(scored).items() if value is not None}
    return MeasuredModel(version, "classification", classes, 0.4, None, 0.9, test, intervals_of(scored))


LIVE = model()


def report(
    truths: Sequence[Truth | None],
    scores: Sequence[float | tuple[float, ...]],
    live: MeasuredModel = LIVE,
    limits: Monitor = GATES,
    days: Sequence[int] = (0,),
    keys: Sequence[str | None] = (None,),
) -> QualityReport:
    answers = [
        Answer(f"{i}", keys[i % len(keys)], START + timedelta(days=days[i % len(days)]), "live", score)
        for i, score in enumerate(scores)
    ]
    weeks: dict[str, int] = {}
    for one in answers:
        monday = (one.at - timedelta(days=one.at.weekday())).date().isoformat()
        weeks[monday] = weeks.get(monday, 0) + 1
    seen = SeenAnswers(len(answers), weeks, len(answers), log_loss=0.5 * len(answers), right=0.7 * len(answers))
    joined = Joined(tuple(truths), repeated=1, contradicted=2, unmatched=3)
    return quality_report(live, [], answers, joined, {"live": seen}, LabelCounts(), limits, WINDOW)


def named(labels: np.ndarray) -> list[Truth | None]:
    return [("no", "yes")[label] for label in labels]


def test_every_metric_of_the_evaluation_is_there_with_its_interval_and_the_test_sets() -> None:
    labels, scores = draw(500, 1)
    figures = report(named(labels), scores.tolist()).quality.figures
    assert [*figures] == [name for name, metric in METRICS.items() if metric.task == "classification"]
    predicted = scores >= 0.4
    expected = {
        "log_loss": oracle.log_loss(labels, scores),
        "brier": oracle.brier_score_loss(labels, scores),
        "roc_auc": oracle.roc_auc_score(labels, scores),
        "average_precision": oracle.average_precision_score(labels, scores),
        "accuracy": oracle.accuracy_score(labels, predicted),
        "f1": oracle.f1_score(labels, predicted),
        "mcc": oracle.matthews_corrcoef(labels, predicted),
    }
    assert {name: figures[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
    assert all(one.interval and one.test is not None and one.p_value is not None for one in figures.values())


def test_several_classes_are_measured_as_scikit_learn_does() -> None:
    random = np.random.default_rng(3)
    scores = random.dirichlet((1, 1, 1), 400)
    labels = np.array([random.choice(3, p=row) for row in scores])
    live = MeasuredModel("live", "classification", ("a", "b", "c"), None, None, 0.9, {}, {})
    found = report(["abc"[i] for i in labels], [tuple(row) for row in scores.tolist()], live, Monitor())
    assert found.quality.figures["log_loss"].value == pytest.approx(oracle.log_loss(labels, scores))
    assert found.quality.figures["accuracy"].value == pytest.approx((scores.argmax(axis=1) == labels).mean())
    assert (found.state, found.quality.figures["log_loss"].p_value) == ("ok", None)


def test_numbers_have_their_metrics_and_no_estimate() -> None:
    random = np.random.default_rng(4)
    truths = random.normal(50, 10, 300)
    predicted = truths + random.normal(0, 2, 300)
    test, ends = {"rmse": 2.0, "mae": 1.6}, {"rmse": (1.9, 2.1), "mae": (1.5, 1.7)}
    live = MeasuredModel("live", "regression", (), None, 3.3, 0.9, test, ends)
    limits = Monitor.model_validate({"gates": {"rmse": {"max_of_test": 1.2}}})
    found = report(truths.tolist(), predicted.tolist(), live, limits)
    figures = found.quality.figures
    assert figures["rmse"].value == pytest.approx(oracle.root_mean_squared_error(truths, predicted))
    assert figures["r2"].value == pytest.approx(oracle.r2_score(truths, predicted))
    assert figures["coverage"].value == pytest.approx((np.abs(truths - predicted) <= 3.3).mean())
    assert (found.state, found.estimate) == ("ok", None)
    worse = report(truths.tolist(), (predicted + random.normal(0, 4, 300)).tolist(), live, limits)
    assert worse.state == "degraded"
    assert "RMSE is" in worse.reason


def test_a_model_that_lost_its_grip_is_degraded_with_every_broken_gate_in_the_reason() -> None:
    labels, scores = draw(600, 5, fair=False)
    found = report(named(labels), scores.tolist())
    assert found.state == "degraded"
    assert [gate.verdict for gate in found.gates] == ["broken", "broken"]
    assert found.reason.startswith("Log loss is ")
    assert "; ROC AUC is " in found.reason


@pytest.mark.longer
def test_quiet_days_break_no_gate_more_often_than_is_said() -> None:
    """With limits that chance alone crosses half of the time."""
    limits = Monitor.model_validate({"gates": {"log_loss": {"max_of_test": 1}, "roc_auc": {"min_of_test": 1}}})
    found = [
        report(named(labels), scores.tolist(), model(seed=500 + i), limits)
        for i, (labels, scores) in enumerate(draw(200, 100 + i) for i in range(100))
    ]
    assert sum(one.state != "ok" for one in found) <= 1, "of 100 reports 0.1 are false at most"
    doubtful = sum(min(gate.p_value for gate in one.gates) <= 0.05 for one in found)
    assert doubtful <= 13, "5 are to be expected, and 13 or fewer come in 99.9 % of the cases"


def test_the_test_of_two_figures_is_that_of_two_normal_samples() -> None:
    error = math.hypot(0.01, 0.02)
    ends = (0.5 - 1.959964 * 0.01, 0.5 + 1.959964 * 0.01), (0.4 - 1.959964 * 0.02, 0.4 + 1.959964 * 0.02)
    assert distance(0.5, ends[0], 0.4, ends[1]) == pytest.approx(0.1 / error, rel=1e-6)
    assert distance(0.4, ends[1], 0.5, ends[0]) == pytest.approx(-0.1 / error, rel=1e-6)
    assert distance(0.5, None, 0.4, ends[1]) is None
    assert distance(1.0, (1.0, 1.0), 0.9, (0.9, 0.9)) == math.inf


def test_a_gate_without_a_test_figure_is_not_kept_silently() -> None:
    labels, scores = draw(300, 6)
    live = MeasuredModel("live", "classification", ("no", "yes"), 0.4, None, 0.9, {}, {})
    found = report(named(labels), scores.tolist(), live)
    assert (found.state, found.gates) == ("unknown", ())
    assert found.reason.startswith("The gate on log loss, ROC AUC cannot be judged")


def test_weeks_are_those_of_the_predictions_and_small_ones_are_not_measured() -> None:
    labels, scores = draw(600, 7)
    found = report(named(labels), scores.tolist(), days=(0, 6, 8, 0, 0, 0))
    assert [(week.week, week.labelled, bool(week.figures)) for week in found.weeks] == [
        ("2026-11-02", 500, True),
        ("2026-11-09", 100, False),
    ]


def test_predictions_of_one_key_are_drawn_together() -> None:
    labels, scores = draw(100, 8)
    times = 5
    many = np.repeat(labels, times), np.repeat(scores, times)
    alone = report(named(many[0]), many[1].tolist()).quality.figures["log_loss"].interval
    keys = [f"C-{i // times}" for i in range(many[0].size)]
    together = report(named(many[0]), many[1].tolist(), keys=keys).quality.figures["log_loss"].interval
    assert alone is not None
    assert together is not None
    widths = [ends[1] - ends[0] for ends in (alone, together)]
    assert widths[1] / widths[0] == pytest.approx(math.sqrt(times), rel=0.15)


def test_one_class_alone_measures_nothing() -> None:
    found = report(["no"] * 300, [0.1] * 300)
    assert (found.state, found.reason) == ("unknown", "The labels have one class only.")


def test_the_estimate_is_the_mean_of_what_the_scores_promise() -> None:
    found = report([None] * 300, [0.2] * 300).estimate
    assert found is not None
    assert found.rows == 300
    assert [found.log_loss, found.accuracy] == pytest.approx([0.5, 0.7])
    assert found.test_log_loss == LIVE.test["log_loss"]


def test_the_counts_of_the_join_and_the_false_alarm_are_told() -> None:
    found = report(["no", "yes"], [0.1, 0.9])
    assert (found.labels.repeated, found.labels.contradicted, found.labels.unmatched) == (1, 2, 3)
    assert found.false_alarm == FALSE_ALARM
    assert QualityReport.read(found.model_dump_json()) == found
