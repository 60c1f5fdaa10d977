"""Draws the run's page for people, from what the run left in S3 and what was recorded of it."""

from __future__ import annotations

from typing import IO, cast

import boto3
from botocore.exceptions import ClientError

from plotting import ReportInput, TableProfile, read_cells, render
from sluice.aws.errors import is_not_found
from sluice.aws.objects import read_text
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.documents import read_stored
from sluice.evaluation.document import Evaluation
from sluice.layout import RunLayout, uri
from sluice.messages import Outcome, Rendered, RenderRequest, RunResult
from sluice.runs.aws.ledger import Due, mark_done
from sluice.settings import RenderSettings

settings = RenderSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)


@step(RenderRequest)
def handler(request: RenderRequest) -> Rendered:
    layout = RunLayout(request.run.dataset, request.run.run_id)
    where = uri(settings.artifact_bucket, layout.report)
    waits = request.outcome is Outcome.AWAITING_APPROVAL
    if not waits and not is_recorded(request.result, layout):
        # This page can never be drawn, so it is no longer due. What is due for another execution's run stays so.
        mark_done(dynamodb, settings.runs_table, request.run, Due.PAGE)
        return Rendered(verdict="left_alone", report_uri=where)
    stored = read_text(s3, settings.artifact_bucket, layout.evaluation) if request.evaluation else None
    evaluation = Evaluation.read(stored) if stored else None
    profile = read_text(s3, settings.artifact_bucket, layout.validation_report) if request.validation else None
    html = render(
        ReportInput(
            run=request.run,
            result=request.result,
            profile=read_stored(TableProfile, profile) if profile else None,
            training=request.training,
            evaluation=evaluation,
            cells=cells_of_mistakes(evaluation, layout),
        )
    )
    s3.put_object(
        Bucket=settings.artifact_bucket, Key=layout.report, Body=html.encode(), ContentType="text/html; charset=utf-8"
    )
    if not waits:
        mark_done(dynamodb, settings.runs_table, request.run, Due.PAGE)
    return Rendered(verdict="rendered", report_uri=where)


def cells_of_mistakes(evaluation: Evaluation | None, layout: RunLayout) -> dict[int, dict[str, str]]:
    """By row and column. None are there once the lifecycle rule has removed the held-out rows."""
    mistakes = evaluation.training.mistakes if evaluation and evaluation.training else ()
    if not mistakes:
        return {}
    try:
        body = s3.get_object(Bucket=settings.artifact_bucket, Key=layout.held_out_rows)["Body"]
    except ClientError as error:
        if is_not_found(error):
            return {}
        raise
    return read_cells(cast("IO[bytes]", body), {one.row for one in mistakes})


def is_recorded(result: RunResult, layout: RunLayout) -> bool:
    """Whether outcome.json is of this result. A run that another execution owns has another one."""
    recorded = read_text(s3, settings.artifact_bucket, layout.outcome)
    if recorded is None:
        return False
    stored = read_stored(RunResult, recorded)
    return (stored.finished_at, stored.outcome) == (result.finished_at, result.outcome)
