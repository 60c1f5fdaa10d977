"""What CloudWatch has counted of an endpoint. The client comes first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from sluice.endpoint.requests import VARIANT
from sluice.monitoring.report import EndpointTraffic
from sluice.settings import NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_DAY_SECONDS = 86_400


def endpoint_traffic(
    cloudwatch: CloudWatchClient, endpoint: str, dataset: str, days: Sequence[datetime.date]
) -> EndpointTraffic:
    """The counts of some days (UTC), all variants' but the live model's left out."""

    def counted(namespace: str, name: str, dimensions: dict[str, str], statistic: Literal["Sum", "Average"]) -> Any:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=datetime.datetime.combine(days[0], datetime.time(), datetime.UTC),
            EndTime=datetime.datetime.combine(days[-1] + datetime.timedelta(days=1), datetime.time(), datetime.UTC),
            Period=_DAY_SECONDS * len(days),
            Statistics=[statistic],
        )["Datapoints"]
        return points[0].get(statistic) if points else None

    variant = {"EndpointName": endpoint, "VariantName": VARIANT}
    invocations = counted("AWS/SageMaker", "Invocations", variant, "Sum")
    errors = counted("AWS/SageMaker", "Invocation5XXErrors", variant, "Sum")
    microseconds = counted("AWS/SageMaker", "ModelLatency", variant, "Average")
    return EndpointTraffic(
        invocations=None if invocations is None else int(invocations),
        server_errors=None if errors is None else int(errors),
        latency_ms=None if microseconds is None else microseconds / 1000,
        refused_share=counted(NAMESPACE, "PredictRefused", {"dataset": dataset}, "Average"),
    )
