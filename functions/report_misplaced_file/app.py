"""Sends a notice about a file in the inbox that starts nothing where it lies, which says what to do."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger
from sluice.runs.aws.misplaced import folders, one_notice
from sluice.runs.misplaced import Misplaced, misplaced, notice
from sluice.settings import NAMESPACE, MisplacedSettings

settings = MisplacedSettings.load()
s3 = boto3.client("s3", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
sns = boto3.client("sns", config=TRANSFER_CONFIG)


def handler(event: dict[str, Any], context: Any) -> dict[str, bool]:
    """Takes S3's event for an object outside ``incoming/``. Returns: whether the object is misplaced, and whether a
    notice about it was sent."""
    logger.append_keys(step="ReportMisplacedFile", request_id=context.aws_request_id)
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    found = misplaced(key, folders(s3, bucket))
    if found is None:
        logger.info("this file is where it belongs", extra={"key": key})
        return {"misplaced": False, "told": False}
    logger.warning("a file in the inbox starts nothing", extra={"key": key, "reason": found.reason})
    count(found)
    with one_notice(dynamodb, settings.runs_table, found.place, event["time"][:13]) as is_new:
        if is_new:
            subject, text = notice(bucket, found)
            sns.publish(TopicArn=settings.outcome_topic_arn, Subject=subject, Message=text)
    return {"misplaced": True, "told": is_new}


def count(found: Misplaced) -> None:
    """Counts the file, in CloudWatch's embedded metric format."""
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_metric(name="MisplacedFiles", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
