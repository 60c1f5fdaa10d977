"""The metric table is the one place for what a metric is, and no metric of it is nowhere shown."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from plotting.page import render
from scoring.evaluation import Scored, measure
from scoring.number_metrics import ScoredNumbers, measure_numbers
from scoring.slices import slice_results
from sluice.dataset.config import Gates, Limits
from sluice.evaluation.document import Evaluation
from sluice.evaluation.metrics import FACTS, METRICS, NUMBER_FACTS, Metric, of_task
from sluice.evaluation.model_card import card_content
from sluice.evaluation.registry import model_quality
from sluice.messages import AnyMetrics, Metrics, NumberMetrics, RegisterRequest, TargetNumbers
from sluice.settings import RegisterSettings
from tests.evaluations import evaluation
from tests.messages import event
from tests.report_samples import binary

ROOT: Final = Path(__file__).parents[2]
SETTINGS: Final = RegisterSettings(
    artifact_bucket="artifacts", runs_table="runs", name_prefix="sluice", aws_region="eu-west-1"
)


def measured(classes: int) -> Metrics:
    """Of a model that is often right."""
    rng = np.random.default_rng(classes)
    labels = np.arange(300) % classes
    logits = rng.normal(size=(300, classes)) + 2 * np.eye(classes)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return measure(Scored(labels, scores[:, 1] if classes == 2 else scores), prior_log_loss=math.log(classes))


def measured_numbers(spread: float, half_width: float) -> NumberMetrics:
    """Of a model whose errors spread so much, with intervals that are so wide on either side."""
    rng = np.random.default_rng(0)
    truth = rng.normal(5, 10, 300)
    numbers = TargetNumbers(mean=5, median=5, low=-11.4, high=21.4, minimum=-30, maximum=40, deviation=10)
    scored = ScoredNumbers(truth, truth + rng.normal(0, spread, 300), half_width)
    return measure_numbers(scored, numbers)


CLASSES, NUMBERS = of_task("classification"), of_task("regression")
MEASURED: Final = {classes: measured(classes) for classes in (2, 3)}
OF_NUMBERS: Final = measured_numbers(3, 5)
EACH: Final = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
EACH_OF_CLASSES: Final = pytest.mark.parametrize("metric", CLASSES.values(), ids=CLASSES)
EACH_OF_NUMBERS: Final = pytest.mark.parametrize("metric", NUMBERS.values(), ids=NUMBERS)
FOR_EACH_SIZE: Final = pytest.mark.parametrize("classes", MEASURED)


def test_a_field_of_metrics_is_a_metric_of_the_table_or_named_as_none() -> None:
    assert set(Metrics.model_fields) == CLASSES.keys() | FACTS
    assert set(NumberMetrics.model_fields) == NUMBERS.keys() | NUMBER_FACTS
    assert not METRICS.keys() & (FACTS | NUMBER_FACTS)


def test_a_document_that_is_older_than_a_metric_is_read() -> None:
    old = {"rows": 9, "log_loss": 0.1, "prior_log_loss": 0.6, "accuracy": 1, "confusion_matrix": [[5, 0], [0, 4]]}
    assert Metrics.model_validate(old).specificity is None


@FOR_EACH_SIZE
@EACH_OF_CLASSES
def test_every_metric_is_measured_with_its_interval_within_its_bounds(metric: Metric, classes: int) -> None:
    value = getattr(MEASURED[classes], metric.name)
    assert value is not None
    assert metric.is_possible(value)
    low, high = MEASURED[classes].intervals[metric.name]
    assert metric.low <= low <= value <= high <= metric.high


@EACH_OF_CLASSES
def test_a_metric_is_better_on_the_side_that_the_table_says(metric: Metric) -> None:
    scores = np.where(np.arange(300) % 2 == 1, 0.9, 0.1)
    better = measure(Scored(np.arange(300) % 2, scores), prior_log_loss=math.log(2), intervals=False)
    sides = getattr(better, metric.name), getattr(MEASURED[2], metric.name)
    if metric.is_calibration:
        sides = 0.0, sides[1]  # a model that is always right is not calibrated by that
    assert (sides[0] > sides[1]) is metric.higher_is_better


@FOR_EACH_SIZE
def test_a_metric_has_no_value_if_a_class_is_never_predicted_exactly_if_the_table_says_so(classes: int) -> None:
    scores = np.linspace(0.1, 0.4, 300) if classes == 2 else np.tile([0.5, 0.3, 0.2], (300, 1))
    found = measure(Scored(np.arange(300) % classes, scores), prior_log_loss=math.log(classes), intervals=False)
    without = {name for name in CLASSES if getattr(found, name) is None}
    assert without == {name for name, metric in CLASSES.items() if metric.of_predicted_rows}


@EACH_OF_NUMBERS
def test_every_metric_of_numbers_is_measured_with_its_interval_within_its_bounds(metric: Metric) -> None:
    value = getattr(OF_NUMBERS, metric.name)
    assert metric.is_possible(value)
    low, high = OF_NUMBERS.intervals[metric.name]
    assert metric.low <= low <= value <= high <= metric.high


@EACH_OF_NUMBERS
def test_a_metric_of_numbers_is_better_on_the_side_that_the_table_says(metric: Metric) -> None:
    better = measured_numbers(1, 5)
    sides = getattr(better, metric.name), getattr(OF_NUMBERS, metric.name)
    if metric.name == "pinball":
        sides = measured_numbers(3, 5).pinball, measured_numbers(3, 50).pinball  # of intervals that are far too wide
    assert (sides[0] > sides[1]) is metric.higher_is_better


@EACH_OF_NUMBERS
def test_the_docs_explain_every_metric_of_numbers(metric: Metric) -> None:
    document = (ROOT / "docs" / "evaluation.md").read_text()
    assert f"| `{metric.name}` | {metric.title}: {metric.what} | {metric.better} |" in document


def test_evaluation_json_has_every_metric_of_numbers() -> None:
    stored = evaluation(metrics=OF_NUMBERS, task="regression", classes=()).model_dump(mode="json")
    assert stored["metrics"].keys() >= NUMBERS.keys()
    assert Evaluation.read(stored).metrics == OF_NUMBERS


@EACH_OF_NUMBERS
def test_the_quality_document_of_numbers_has_every_metric_by_sagemakers_names(metric: Metric) -> None:
    (body,) = model_quality(OF_NUMBERS).values()
    assert body[metric.name]["value"] == getattr(OF_NUMBERS, metric.name)
    assert model_quality(OF_NUMBERS).keys() == {"regression_metrics"}
    assert body.keys() >= {"mae", "mse", "rmse", "r2"}
    assert body["mse"]["value"] == pytest.approx(OF_NUMBERS.rmse**2)


def test_rows_of_one_class_have_the_metrics_of_the_confusion_matrix_that_do_not_need_both() -> None:
    rows = pd.DataFrame({"sex": ["f"] * 2})
    (found,) = slice_results(np.array([1, 1]), np.array([0.9, 0.2]), 0.5, rows, ["sex"], [])
    needing = {name for name, metric in METRICS.items() if metric.needs_both_classes}
    assert {name for name, metric in METRICS.items() if metric.by_cutoff} - found.metrics.keys() == needing
    assert needing == {"balanced_accuracy", "mcc"}


@FOR_EACH_SIZE
def test_evaluation_json_has_every_metric(classes: int) -> None:
    stored = evaluation(metrics=MEASURED[classes]).model_dump(mode="json")
    assert stored["metrics"].keys() >= CLASSES.keys()
    assert Evaluation.model_validate(stored).metrics == MEASURED[classes]


@FOR_EACH_SIZE
def test_the_page_shows_every_metric_in_the_order_of_the_table(classes: int) -> None:
    html = render(binary(metrics=MEASURED[classes], prior=None, classes=tuple("abc"[:classes])))
    (table,) = re.findall(r'id="metrics-table".*?</table>', html, re.DOTALL)
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == [metric.title for metric in CLASSES.values()]


@EACH_OF_CLASSES
def test_the_docs_explain_every_metric(metric: Metric) -> None:
    document = (ROOT / "docs" / "evaluation.md").read_text()
    assert f"| `{metric.name}` | {metric.title}: {metric.what} | {metric.several} |" in document


@FOR_EACH_SIZE
@EACH_OF_CLASSES
def test_the_quality_document_has_every_metric_by_each_of_its_names(metric: Metric, classes: int) -> None:
    (body,) = model_quality(MEASURED[classes]).values()
    for name in metric.quality_names(classes):
        assert body[name]["value"] == pytest.approx(getattr(MEASURED[classes], metric.name))
        assert body[name]["standard_deviation"] != "NaN"


@EACH
def test_the_model_card_has_every_metric(metric: Metric) -> None:
    found: AnyMetrics = MEASURED[2] if metric.task == "classification" else OF_NUMBERS
    request = RegisterRequest.model_validate(event("register_model"))
    assert request.evaluation is not None
    request = request.model_copy(update={"evaluation": request.evaluation.model_copy(update={"metrics": found})})
    assert f'{{"name": "{metric.name}", "type": "number"' in card_content(request, None, 1, SETTINGS)


def test_gates_are_the_metrics_that_may_be_one() -> None:
    assert list(Gates.model_fields) == [metric.name for metric in METRICS.values() if metric.is_gate]


@EACH
def test_a_gate_takes_a_limit_within_the_metrics_bounds_and_none_beyond(metric: Metric) -> None:
    ends = [end for end in (metric.low, metric.high) if math.isfinite(end)]
    possible = [*ends, (max(metric.low, -1) + min(metric.high, 3)) / 2]
    for key in ("min", "max", "min_of_slice", "max_of_slice"):
        for limit in possible:
            assert Gates.model_validate({metric.name: {key: limit}}).by_metric() == {
                metric.name: Limits.model_validate({key: limit})
            }
        beyond = [end + (0.01 if end == metric.high else -0.01) for end in ends]
        for limit in beyond:
            with pytest.raises(ValidationError, match=f"no model has such a value: {metric.words} is {metric.range}"):
                Gates.model_validate({metric.name: {key: limit}})
