"""Closes a run: champion, decision.json, outcome.json, the turn, the slot, the ledger, metrics, the notice, in
this order.

A notice that SNS did not take is asked for again by reconcile.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from sluice.aws.objects import read_json, write_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, emit, logger, step
from sluice.dataset.config import DatasetConfig, read_known_config
from sluice.documents import stored
from sluice.endpoint.aws.turns import give_turn_back
from sluice.evaluation.aws.documents import read_evaluation
from sluice.layout import RunLayout
from sluice.messages import NoticeRequest, Outcome, RecordRequest, Run, RunResult
from sluice.runs.aws.ledger import Closing, Deployed, Due, close_run, crown_champion, mark_done, read_claim
from sluice.runs.aws.slots import give_slot_back
from sluice.runs.decision import Decision, decide
from sluice.runs.outcome import close, notice
from sluice.settings import RecordSettings

settings = RecordSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
sns = boto3.client("sns", config=TRANSFER_CONFIG)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Records a run, or tells people of one that is recorded: that asks without an outcome."""
    return record(event, context) if "outcome" in event else tell_again(event, context)


@step(RecordRequest)
def record(request: RecordRequest) -> RunResult:
    run, table, now = request.run, settings.runs_table, datetime.now(UTC)
    config = config_of(request)
    result = close(request, now.isoformat(timespec="seconds"), settings.artifact_bucket)
    claim = read_claim(dynamodb, table, run.run_id)
    if claim and claim.execution_arn != run.execution_arn:
        return foreign(result, run)
    if request.outcome is Outcome.DEPLOYED and request.deployment:
        crown_champion(
            dynamodb,
            table,
            run.dataset,
            Deployed.of(run, request.deployment.config_name, result.trainer),
            request.deployment.champion_run_id,
            result.finished_at,
        )
    layout, decision = RunLayout(run.dataset, run.run_id), decision_of(request, config, result)
    write_json(s3, settings.artifact_bucket, layout.decision, decision.model_dump(mode="json"))
    write_json(s3, settings.artifact_bucket, layout.outcome, stored(result))
    give_turn_back(dynamodb, table, run.dataset, run.execution_arn)
    give_slot_back(dynamodb, table, run.execution_arn)
    # Last: a run that is closed is not taken up again, so all that must be done is done by then.
    closing = close_run(dynamodb, table, result, request)
    if closing is Closing.FOREIGN:
        return foreign(result, run)
    if closing is Closing.CLOSED:
        measure(result, (now - datetime.fromisoformat(run.started_at)).total_seconds())
    try:
        if closing is Closing.TOLD:
            mark_done(dynamodb, table, run, Due.NOTICE)
        else:
            tell(result, run)
    except (ClientError, BotoCoreError):
        # The outcome stands whether people hear of it or not, and reconcile tells them.
        logger.exception("the notice was not sent")
    return result


@step(NoticeRequest)
def tell_again(request: NoticeRequest) -> RunResult:
    tell(request.result, request.run)
    return request.result


def foreign(result: RunResult, run: Run) -> RunResult:
    logger.warning("another execution owns this run; nothing was recorded")
    give_slot_back(dynamodb, settings.runs_table, run.execution_arn)
    return result


def tell(result: RunResult, run: Run) -> None:
    subject, text = notice(result, run.key)
    sns.publish(TopicArn=settings.outcome_topic_arn, Subject=subject, Message=text)
    mark_done(dynamodb, settings.runs_table, run, Due.NOTICE)


def config_of(request: RecordRequest) -> DatasetConfig | None:
    """The dataset's configuration as the run resolved it; None if the file was refused before."""
    if request.validation is None or request.validation.config_uri is None:
        return None
    return read_known_config(read_json(s3, request.validation.config_uri))


def decision_of(request: RecordRequest, config: DatasetConfig | None, result: RunResult) -> Decision:
    return decide(request, read_evaluation(s3, request.evaluation), config, result)


def measure(result: RunResult, seconds: float) -> None:
    counts = {
        "RowsReceived": (float(result.rows.received), MetricUnit.Count),
        "RowsRejected": (float(result.rows.rejected), MetricUnit.Count),
        "RunSeconds": (seconds, MetricUnit.Seconds),
    }
    if result.price_estimate_usd is not None:
        counts["PriceEstimateUSD"] = (result.price_estimate_usd, MetricUnit.NoUnit)
    emit(result.dataset, counts)
    emit(result.dataset, {"Runs": (1.0, MetricUnit.Count)}, outcome=result.outcome)
