"""Makes the reports on live models' predictions that are due, and tells of those that change a model's state.

Called once an hour: what a round leaves undone, because a fault or the time kept it from it, the next one does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, emit, logger
from sluice.monitoring.aws.endpoint_traffic import endpoint_traffic
from sluice.monitoring.aws.watched import datasets, newest_report, read_monitor, read_watched, write_report
from sluice.monitoring.aws.watching import report_on
from sluice.monitoring.report import MonitorReport
from sluice.monitoring.rounds import due_days, in_turn, notice
from sluice.names import endpoint_name
from sluice.runs.aws.ledger import read_champion
from sluice.settings import NAMESPACE, MonitorSettings
from tabular.traffic import count_traffic

MIN_SECONDS = 60
"""With less time left no further report is begun."""

settings = MonitorSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CLIENT_CONFIG)
sns = boto3.client("sns", config=TRANSFER_CONFIG)


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Returns: how many models are watched, reports were made, models drift, and datasets had a fault."""
    logger.append_keys(step="Monitor", request_id=context.aws_request_id)
    at = datetime.fromisoformat(event["time"])
    done = {"watched": 0, "reports": 0, "drifting": 0, "faults": 0}
    for dataset in in_turn(datasets(s3, settings.artifact_bucket), at.hour):
        if context.get_remaining_time_in_millis() < 1000 * MIN_SECONDS:
            logger.warning("the next round goes on")
            break
        logger.append_keys(dataset=dataset)
        try:
            watch(dataset, at, done)
        except Exception:  # noqa: BLE001 - one dataset's fault must not keep the others from their reports
            logger.exception("fault")
            done["faults"] += 1
    logger.remove_keys(["dataset"])
    count(done["drifting"])
    logger.info("watched", extra=done)
    return done


def watch(dataset: str, at: datetime, done: dict[str, int]) -> None:
    champion = read_champion(dynamodb, settings.runs_table, dataset)
    monitor = read_monitor(s3, settings.artifact_bucket, dataset, champion.run_id) if champion else None
    if champion is None or monitor is None or monitor.every is None:
        return
    done["watched"] += 1
    newest = newest_report(s3, settings.artifact_bucket, dataset)
    if days := due_days(monitor, newest, at.date()):
        watched = read_watched(s3, settings.artifact_bucket, dataset, champion.run_id)
        traffic = endpoint_traffic(cloudwatch, endpoint_name(settings.name_prefix, dataset), dataset, days)
        report = report_on(s3, settings.artifact_bucket, dataset, watched, days, count_traffic, newest, traffic)
        tell(report, newest)
        write_report(s3, settings.artifact_bucket, report)
        done["reports"] += 1
        newest = report
    done["drifting"] += newest is not None and newest.state == "drifting"


def tell(report: MonitorReport, before: MonitorReport | None) -> None:
    """Sends a notice if the state changes. It goes out before the report is written: a fault in between sends it again,
    the other way round nobody would ever get it."""
    logger.info("compared", extra={"state": report.state, "reason": report.reason, "rows": report.rows})
    counts = {"MonitoredPredictions": (float(report.rows), MetricUnit.Count)}
    emit(report.dataset, {**counts, "DriftFindings": (float(len(report.findings)), MetricUnit.Count)})
    told = notice(report, before)
    if told is not None:
        subject, text = told
        sns.publish(TopicArn=settings.outcome_topic_arn, Subject=subject, Message=text)


def count(drifting: int) -> None:
    """Counts the models that drift, for the alarm, in CloudWatch's embedded metric format."""
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_metric(name="DriftingModels", unit=MetricUnit.Count, value=drifting)
    metrics.flush_metrics()
