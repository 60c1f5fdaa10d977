"""Draws the run's page for people, from what the run left in S3 and what was recorded of it."""

from __future__ import annotations

import boto3

from plotting import ReportInput, TableProfile, render
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
        # A page that can never be drawn is not asked for again; of another execution's run nothing is taken off.
        mark_done(dynamodb, settings.runs_table, request.run, Due.PAGE)
        return Rendered(verdict="left_alone", report_uri=where)
    evaluation = read_text(s3, settings.artifact_bucket, layout.evaluation) if request.evaluation else None
    profile = read_text(s3, settings.artifact_bucket, layout.validation_report) if request.validation else None
    html = render(
        ReportInput(
            run=request.run,
            result=request.result,
            profile=read_stored(TableProfile, profile) if profile else None,
            training=request.training,
            evaluation=Evaluation.read(evaluation) if evaluation else None,
        )
    )
    s3.put_object(
        Bucket=settings.artifact_bucket, Key=layout.report, Body=html.encode(), ContentType="text/html; charset=utf-8"
    )
    if not waits:
        mark_done(dynamodb, settings.runs_table, request.run, Due.PAGE)
    return Rendered(verdict="rendered", report_uri=where)


def is_recorded(result: RunResult, layout: RunLayout) -> bool:
    """Whether outcome.json tells of this result. A run that another execution owns is not recorded, so not drawn."""
    recorded = read_text(s3, settings.artifact_bucket, layout.outcome)
    if recorded is None:
        return False
    stored = read_stored(RunResult, recorded)
    return (stored.finished_at, stored.outcome) == (result.finished_at, result.outcome)
