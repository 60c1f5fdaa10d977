from __future__ import annotations

import io
from typing import Any

import pytest
from pydantic import ValidationError

from functions.render_report import app
from plotting import read_cells
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


HELD_OUT = 'name,"note, of the clerk"\r\n"O\'Neil","two\nlines"\r\n=cmd(),ünïcode\r\n<b>x</b>,\r\n'


def with_mistakes(aws: Aws, *rows: int) -> None:
    evaluation = binary_evaluation()
    assert evaluation.training is not None
    worst = evaluation.training.mistakes[0]
    training = evaluation.training.model_copy(
        update={"mistakes": tuple(worst.model_copy(update={"row": row}) for row in rows)}
    )
    aws.put(ARTIFACTS, aws.layout.evaluation, evaluation.model_copy(update={"training": training}).model_dump_json())


def test_the_worst_mistakes_show_the_cells_of_the_persons_file_as_text(
    aws: Aws, context: Context, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    record(aws)
    with_mistakes(aws, 3, 1, 2)
    aws.put(ARTIFACTS, aws.layout.held_out_rows, HELD_OUT)
    render(context)
    html = aws.read(aws.layout.report).decode()
    assert "<dd>O&#39;Neil</dd>" in html
    assert "<dt>note, of the clerk</dt><dd>two lines</dd>" in html
    assert "<dd>=cmd()</dd>" in html
    assert "<dd>ünïcode</dd>" in html
    assert "<dd>&lt;b&gt;x&lt;/b&gt;</dd>" in html
    assert html.index("&lt;b&gt;x") < html.index("O&#39;Neil") < html.index("=cmd()"), "in the mistakes' order"
    printed = capsys.readouterr()
    assert "Neil" not in printed.out + printed.err + caplog.text


def test_the_page_of_a_run_whose_held_out_rows_are_gone_has_its_mistakes_without_cells(
    aws: Aws, context: Context
) -> None:
    record(aws)
    with_mistakes(aws, 1)
    assert render(context).verdict == "rendered"
    html = aws.read(aws.layout.report).decode()
    assert "mistakes-table" in html
    assert '<tr class="cells"' not in html


def test_rows_beyond_the_last_mistake_are_not_read() -> None:
    stream = io.BytesIO(b"a,b\n1,2\n3,4\nwrong number of cells\n")
    assert read_cells(stream, {2}) == {2: {"a": "3", "b": "4"}}
    assert read_cells(io.BytesIO(b"a\n1\n"), {1, 7}) == {1: {"a": "1"}}
