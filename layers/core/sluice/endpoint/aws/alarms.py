"""The alarms of an endpoint, which guard its updates. The client comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sluice.aws.step import logger

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


def put_alarms(cloudwatch: CloudWatchClient, requests: Sequence[dict[str, Any]]) -> list[str]:
    """Makes an endpoint's alarms. Repeatable.

    An alarm that is on already has nothing to say about a new model, which may be what turns it off.

    Args:
        requests: the PutMetricAlarm requests.

    Returns:
        The names of those that may roll an update back.
    """
    names = [request["AlarmName"] for request in requests]
    found = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    for request in requests:
        cloudwatch.put_metric_alarm(**request)
    on = {alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM"}
    if on:
        logger.warning("an alarm that is on already does not guard this update", extra={"alarms": sorted(on)})
    return [name for name in names if name not in on]
