"""What endpoints tell CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from local.sagemaker import LocalSageMaker
from local.sagemaker.aws import Aws
from local.sagemaker.metrics import EndpointMetrics, Invocation
from tests.local_sagemaker.conftest import PACE_SECONDS, Lab, SageMaker, wait_for

METRICS = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency")


def sums(lab: Lab, endpoint: str, variant: str = "AllTraffic") -> dict[str, float]:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    now = datetime.now(UTC)

    def total(metric: str) -> float:
        points = lab.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Period=3600, Statistics=["Sum"],
            StartTime=now - timedelta(hours=2), EndTime=now + timedelta(hours=1),
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    return {metric: total(metric) for metric in METRICS}


def test_requests_and_errors_are_counted_by_variant(lab: Lab, sagemaker: SageMaker, artefact: str) -> None:
    endpoint = sagemaker.deploy(artefact)["EndpointName"]
    sagemaker.ask(endpoint)
    with pytest.raises(ClientError):
        sagemaker.ask(endpoint, "a,header")
    with pytest.raises(ClientError):
        sagemaker.ask(endpoint, Accept="application/jsonlines")
    wait_for(lambda: sums(lab, endpoint)["Invocations"] == 3)
    counted = sums(lab, endpoint)
    assert (counted["Invocation4XXErrors"], counted["Invocation5XXErrors"]) == (1, 1)
    # Microseconds: more than a millisecond in all, and less than the test's own patience.
    assert 100 < counted["ModelLatency"] < 20e6
    assert 10 < counted["OverheadLatency"] < 20e6


def test_the_last_requests_are_counted_when_the_server_stops(lab: Lab, execution_role: str, artefact: str) -> None:
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS) as server:
        sagemaker = SageMaker(lab, server, execution_role)
        endpoint = sagemaker.deploy(artefact)["EndpointName"]
        sagemaker.ask(endpoint)
    assert sums(lab, endpoint)["Invocations"] == 1


def test_metrics_that_cannot_be_put_are_said_once_and_harm_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EndpointMetrics(Aws("http://127.0.0.1:9"))
    metrics.start()
    heard: list[str] = []

    def told() -> bool:
        metrics.note("us-east-1", Invocation("endpoint", "variant", 200, 0.1, 0.1))
        heard.append(capsys.readouterr().err)
        return any(heard)

    wait_for(told)
    metrics.close()
    heard.append(capsys.readouterr().err)
    assert "".join(heard).count("cannot put the metrics of endpoints") == 1
