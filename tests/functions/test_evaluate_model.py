from __future__ import annotations

import json
from typing import Any

import pytest

from functions.evaluate_model import app
from sluice.messages import EvaluationResult
from tests.functions.conftest import ARTIFACTS, Aws, Context, request
from tests.messages import GOOD


@pytest.fixture
def body(aws: Aws, model_archive: tuple[bytes, str]) -> dict[str, Any]:
    """A request for the three-feature model, with all that it refers to in place."""
    archive, test = model_archive
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    aws.put(ARTIFACTS, GOOD.training.model_uri.removeprefix(f"s3://{ARTIFACTS}/"), archive)
    aws.put(ARTIFACTS, f"{aws.layout.test}test.csv", test)
    aws.put(ARTIFACTS, aws.layout.config, "{}")
    asked = request("evaluate_model")
    asked["validation"]["features"] = 3
    return asked


def evaluate(body: dict[str, Any], context: Context) -> EvaluationResult:
    return EvaluationResult.model_validate(app.handler(body, context))


def test_a_good_model_passes_and_leaves_evidence(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    result = evaluate(body, context)
    assert result.verdict == "accepted", result.reasons
    assert result.metrics is not None
    assert result.metrics.rows == 100
    assert result.metrics.log_loss < 0.3
    stored = json.loads(aws.read(aws.layout.evaluation))
    assert stored["metrics"]["log_loss"] == result.metrics.log_loss
    golden = json.loads(aws.read(aws.layout.golden))
    assert len(golden["rows"]) == len(golden["scores"]) == app.GOLDEN_ROWS
    assert all(row.count(",") == 2 for row in golden["rows"]), "the label is not sent to the endpoint"


def test_a_gate_of_the_dataset_rejects(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"gates": {"min_accuracy": 0.999}}))
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "min_accuracy" in result.reasons[0]


@pytest.mark.parametrize("test", ["", "1,0.1,0.2,0.3\n1,0.1,0.2,0.3\n"])
def test_nothing_to_measure_means_rejection(aws: Aws, context: Context, body: dict[str, Any], test: str) -> None:
    aws.put(ARTIFACTS, f"{aws.layout.test}test.csv", test)
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "not measured" in result.reasons[0]
    assert json.loads(aws.read(aws.layout.evaluation))["verdict"] == "rejected"


def test_a_foreign_model_is_rejected(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, body["training"]["model_uri"].removeprefix(f"s3://{ARTIFACTS}/"), b"not an archive")
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "archive" in result.reasons[0]


def test_a_model_without_a_prior_to_beat_is_rejected(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    body["validation"]["prior_log_loss"] = None
    assert evaluate(body, context).verdict == "rejected"
