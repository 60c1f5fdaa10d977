from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from functions.render_report import app
from sluice.messages import Rendered, RunResult
from tests.functions.conftest import ARTIFACTS, Aws, Context, request
from tests.report_samples import binary_evaluation, validation_json

EVENT: dict[str, Any] = request("render_report")
NOTHING = dict.fromkeys(("validation", "training", "evaluation"))


def record(aws: Aws, **changes: Any) -> None:
    outcome = RunResult.model_validate({**EVENT["result"], **changes})
    aws.put(ARTIFACTS, aws.layout.outcome, outcome.model_dump_json())


def render(context: Context, **changes: Any) -> Rendered:
    return Rendered.model_validate(app.handler(request("render_report", **changes), context))


def test_the_page_lies_beside_what_it_is_drawn_from(aws: Aws, context: Context) -> None:
    record(aws)
    aws.put(ARTIFACTS, aws.layout.evaluation, binary_evaluation().model_dump_json())
    aws.put(ARTIFACTS, aws.layout.validation_report, validation_json())
    answer = render(context)
    assert answer == Rendered(verdict="rendered", report_uri=f"s3://{ARTIFACTS}/{aws.layout.report}")
    stored = aws.s3.get_object(Bucket=ARTIFACTS, Key=aws.layout.report)
    assert stored["ContentType"] == "text/html; charset=utf-8"
    html = stored["Body"].read().decode()
    assert html.startswith("<!DOCTYPE html>")
    assert "figure-roc" in html
    assert "credit_utilisation" in html


def test_a_file_that_was_refused_unread_has_its_page(aws: Aws, context: Context) -> None:
    record(aws, outcome="dataset_rejected")
    aws.put(ARTIFACTS, aws.layout.validation_report, '{"verdict": "rejected", "reasons": ["too large"]}')
    refused = {"verdict": "rejected", "reasons": ["too large"]}
    result = {**EVENT["result"], "outcome": "dataset_rejected", "reasons": ["too large"], "metrics": None, "gates": []}
    render(context, **{**NOTHING, "outcome": "dataset_rejected", "validation": refused, "result": result})
    html = aws.read(aws.layout.report).decode()
    assert "The file was rejected" in html
    assert "too large" in html


def test_a_run_that_left_nothing_has_its_page(aws: Aws, context: Context) -> None:
    record(aws, outcome="error")
    render(context, **NOTHING, outcome="error", result={**EVENT["result"], "outcome": "error"})
    assert "A fault of the pipeline" in aws.read(aws.layout.report).decode()


@pytest.mark.parametrize("recorded", [None, {"outcome": "error"}, {"finished_at": "2026-01-01T00:00:00+00:00"}])
def test_the_page_of_a_run_that_another_execution_owns_is_left_alone(
    aws: Aws, context: Context, recorded: dict[str, Any] | None
) -> None:
    if recorded is not None:
        record(aws, **recorded)
    assert render(context).verdict == "left_alone"
    assert aws.layout.report not in aws.stored()


def test_an_evaluation_that_does_not_parse_is_a_fault(aws: Aws, context: Context) -> None:
    record(aws)
    aws.put(ARTIFACTS, aws.layout.evaluation, '{"schema_version": 2}')
    with pytest.raises(ValidationError):
        render(context)
