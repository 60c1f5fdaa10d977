"""Closes a run: champion, ledger, decision.json, outcome.json, metrics, the dataset's turn, the notice for people, in
this order; its slot is free before."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from sluice.config import DatasetConfig
from sluice.decision import Decision, decide
from sluice.evaluation_store import read_evaluation
from sluice.images import training_image
from sluice.layout import RunLayout
from sluice.ledger import Closing, Deployed, close_run, crown_champion, give_turn_back
from sluice.messages import Outcome, RecordRequest, RunResult
from sluice.objects import read_json, write_json
from sluice.outcome import close, notice
from sluice.settings import RecordSettings
from sluice.slots import give_slot_back
from sluice.step import CLIENT_CONFIG, TRANSFER_CONFIG, emit, logger, step

settings = RecordSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
sns = boto3.client("sns", config=TRANSFER_CONFIG)


@step(RecordRequest)
def handler(request: RecordRequest) -> RunResult:
    run, now = request.run, datetime.now(UTC)
    config = config_of(request)
    instance_type = (config and config.training.instance_type) or settings.training_instance_type
    result = close(request, now.isoformat(timespec="seconds"), settings.artifact_bucket, instance_type)
    if request.outcome is Outcome.DEPLOYED and request.deployment:
        crown_champion(
            dynamodb,
            settings.runs_table,
            run.dataset,
            Deployed.of(run, request.deployment.config_name),
            request.deployment.champion_run_id,
            result.finished_at,
        )
    give_slot_back(dynamodb, settings.runs_table, run.execution_arn)
    closing = close_run(dynamodb, settings.runs_table, result, run.execution_arn)
    if closing is Closing.FOREIGN:
        logger.warning("another execution owns this run; nothing was recorded")
        return result
    layout, decision = RunLayout(run.dataset, run.run_id), decision_of(request, config, result)
    write_json(s3, settings.artifact_bucket, layout.decision, decision.model_dump(mode="json"))
    write_json(s3, settings.artifact_bucket, layout.outcome, result.as_json())
    if closing is Closing.CLOSED:
        measure(result, (now - datetime.fromisoformat(run.started_at)).total_seconds())
    give_turn_back(dynamodb, settings.runs_table, run.dataset, run.execution_arn)
    notify(result, run.key)
    return result


def notify(result: RunResult, key: str) -> None:
    """Tells people. The outcome stands whether they hear of it or not, so a notice that fails is logged, not raised."""
    subject, text = notice(result, key)
    try:
        sns.publish(TopicArn=settings.outcome_topic_arn, Subject=subject, Message=text)
    except (ClientError, BotoCoreError):
        logger.exception("the notice was not sent")


def config_of(request: RecordRequest) -> DatasetConfig | None:
    """The dataset's configuration as the run resolved it; None where the file was refused before."""
    if request.validation is None or request.validation.config_uri is None:
        return None
    return DatasetConfig.model_validate(read_json(s3, request.validation.config_uri))


def decision_of(request: RecordRequest, config: DatasetConfig | None, result: RunResult) -> Decision:
    image = training_image(settings.aws_region) if request.training_started else None
    return decide(request, read_evaluation(s3, request.evaluation), config, result, image)


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
