"""Guarded updates over the wire, and what endpoints tell CloudWatch, S3 and autoscaling meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.sagemaker import LocalSageMaker
from tests.local_sagemaker.conftest import BUCKET, IMAGE, Lab, SageMaker, policy, tarball, wait_for
from tests.local_sagemaker.test_endpoints import refused, trained

ALARM = "guard/errors"
MINUTE = 60


@pytest.fixture(scope="module")
def role(lab: Lab) -> str:
    return lab.role(
        "guarded",
        policy(
            (["s3:GetObject", "s3:PutObject"], [f"arn:aws:s3:::{BUCKET}/*"]),
            (["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], ["*"]),
            (["cloudwatch:DescribeAlarms"], ["*"]),
        ),
    )


@pytest.fixture(scope="module")
def guarded(lab: Lab, role: str) -> Iterator[SageMaker]:
    """A SageMaker whose minutes last 0.6 s."""
    with LocalSageMaker(aws_endpoint=lab.url, pace=0.02, wait_scale=0.01) as server:
        yield SageMaker(lab, server, role)


@pytest.fixture
def cloudwatch(lab: Lab) -> Any:
    client = boto3.client(
        "cloudwatch",
        endpoint_url=lab.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.put_metric_alarm(
        AlarmName=ALARM, Namespace="none", MetricName="none", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    client.set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="test")
    return client


def config(sagemaker: SageMaker, artefacts: dict[str, str], instances: int = 2, **more: Any) -> str:
    """Name of a configuration with a variant for each artefact."""
    name = sagemaker.lab.name("guarded")
    variants = []
    for number, (variant, artefact) in enumerate(artefacts.items()):
        model = f"{name}-{number}"
        sagemaker.api.create_model(
            ModelName=model,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artefact},
            ExecutionRoleArn=sagemaker.role,
        )
        variants.append(
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": instances,
                "InitialVariantWeight": 1.0,
            }
        )
    shadow = {"ShadowProductionVariants": [variants.pop()]} if more.pop("shadow", False) else {}
    sagemaker.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **shadow, **more)
    return name


@pytest.fixture
def other(lab: Lab) -> str:
    return lab.put("other/model.tar.gz", tarball(xgboost_model=trained(seed=3)))


@pytest.fixture
def endpoint(guarded: SageMaker, artefact: str) -> Iterator[str]:
    name = guarded.lab.name("guarded")
    guarded.api.create_endpoint(EndpointName=name, EndpointConfigName=config(guarded, {"champion": artefact}))
    assert guarded.settled(name)["EndpointStatus"] == "InService"
    yield name
    guarded.server.faults.clear()


def guards(kind: str = "ALL_AT_ONCE", wait: int = 0, baking: int = 0, **size: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **size},
            "TerminationWaitInSeconds": baking,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
    }


def half(member: str) -> dict[str, Any]:
    return {member: {"Type": "INSTANCE_COUNT", "Value": 1}}


def answers(sagemaker: SageMaker, endpoint: str, count: int = 40) -> set[bytes]:
    return {sagemaker.ask(endpoint)["Body"].read() for _ in range(count)}


@pytest.mark.usefixtures("cloudwatch")
@pytest.mark.parametrize(("kind", "member"), [("CANARY", "CanarySize"), ("LINEAR", "LinearStepSize")])
def test_requests_move_in_parts_and_old_and_new_answer_meanwhile(
    guarded: SageMaker, endpoint: str, other: str, kind: str, member: str
) -> None:
    (before,) = answers(guarded, endpoint, 5)
    new = config(guarded, {"champion": other})
    guarded.api.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=guards(kind, 5 * MINUTE, 0, **half(member))
    )
    wait_for(lambda: len(answers(guarded, endpoint, 20)) == 2)
    shown = guarded.api.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "Updating"
    (variant,) = shown["PendingDeploymentSummary"]["ProductionVariants"]
    assert variant["VariantStatus"][0]["Status"] in {"Baking", "ActivatingTraffic"}
    assert guarded.settled(endpoint)["EndpointConfigName"] == new
    (after,) = answers(guarded, endpoint, 5)
    assert after != before


@pytest.mark.parametrize("stage", ["shifting", "baking"])
def test_an_alarm_rolls_the_update_back(
    guarded: SageMaker, endpoint: str, other: str, cloudwatch: Any, stage: str
) -> None:
    before = answers(guarded, endpoint, 5)
    old = guarded.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    waits = (20 * MINUTE, 0) if stage == "shifting" else (0, 20 * MINUTE)
    guarded.api.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config(guarded, {"champion": other}),
        DeploymentConfig=guards("CANARY", *waits, **half("CanarySize")),
    )
    wait_for(lambda: answers(guarded, endpoint, 20) != before)
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="test")
    shown = guarded.settled(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    assert ALARM in shown["FailureReason"]
    assert answers(guarded, endpoint) == before


@pytest.mark.usefixtures("cloudwatch")
def test_no_request_fails_while_the_fleets_change(guarded: SageMaker, endpoint: str, other: str, artefact: str) -> None:
    failures: list[str] = []
    ending = threading.Event()

    def ask() -> None:
        while not ending.is_set():
            try:
                guarded.ask(endpoint)
            except ClientError as error:
                failures.append(str(error))

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        for version in (other, artefact, other):
            new = config(guarded, {"champion": version})
            guarded.api.update_endpoint(
                EndpointName=endpoint,
                EndpointConfigName=new,
                DeploymentConfig=guards("CANARY", 10, 10, **half("CanarySize")),
            )
            assert guarded.settled(endpoint)["EndpointConfigName"] == new
    finally:
        ending.set()
        for caller in callers:
            caller.join()
    assert failures == []


@pytest.mark.usefixtures("cloudwatch")
def test_an_endpoint_that_cannot_be_updated_so_says_why(
    guarded: SageMaker, endpoint: str, other: str, lab: Lab
) -> None:
    def asked(name: str, deployment: dict[str, Any]) -> str:
        code, message = refused(
            guarded.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=name, DeploymentConfig=deployment
        )
        assert code == "ValidationException"
        return message

    one = config(guarded, {"champion": other}, instances=1)
    assert "two instances" in asked(one, guards("CANARY", **half("CanarySize")))
    big: dict[str, Any] = {"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60}}
    assert "50%" in asked(config(guarded, {"champion": other}), guards("CANARY", **big))
    assert "variant names" in asked(config(guarded, {"another": other}), guards())
    missing = guards()
    missing["AutoRollbackConfiguration"]["Alarms"][0]["AlarmName"] = "not-there"
    assert "not-there" in asked(config(guarded, {"champion": other}), missing)


@pytest.mark.usefixtures("cloudwatch")
def test_a_role_that_may_not_see_the_alarms_is_refused(
    lab: Lab, guarded: SageMaker, endpoint: str, other: str, execution_role: str
) -> None:
    blind = SageMaker(lab, guarded.server, execution_role)
    code, message = refused(
        guarded.api.update_endpoint,
        EndpointName=endpoint,
        EndpointConfigName=config(blind, {"champion": other}),
        DeploymentConfig=guards(),
    )
    assert code == "ValidationException"
    assert "cloudwatch:DescribeAlarms" in message


@pytest.mark.parametrize("outcome", ["RollBack", "HealthCheck"])
@pytest.mark.parametrize("stage", ["creating", "shifting", "baking"])
@pytest.mark.usefixtures("cloudwatch")
def test_a_fault_at_any_stage_leaves_the_old_model_answering(
    guarded: SageMaker, endpoint: str, other: str, outcome: str, stage: str
) -> None:
    before = answers(guarded, endpoint, 5)
    old = guarded.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    guarded.server.faults.endpoint(endpoint, outcome, stage=stage)
    guarded.api.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config(guarded, {"champion": other}),
        DeploymentConfig=guards("CANARY", 1, 1, **half("CanarySize")),
    )
    shown = guarded.settled(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    assert shown["FailureReason"]
    assert answers(guarded, endpoint) == before


@pytest.mark.usefixtures("cloudwatch")
def test_a_fleet_that_answers_wrongly_looks_healthy(guarded: SageMaker, endpoint: str, artefact: str) -> None:
    (before,) = answers(guarded, endpoint, 5)
    guarded.server.faults.endpoint(endpoint, "WrongScores")
    for expected in (False, True):
        new = config(guarded, {"champion": artefact})
        guarded.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
        assert guarded.settled(endpoint)["EndpointConfigName"] == new
        assert (answers(guarded, endpoint, 5) == {before}) is expected


def test_requests_are_counted_in_cloudwatch(guarded: SageMaker, endpoint: str, cloudwatch: Any) -> None:
    guarded.ask(endpoint)
    with pytest.raises(ClientError):
        guarded.ask(endpoint, "a,header")

    def sums() -> dict[str, float] | None:
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "champion"}]
        found = {}
        for metric in ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency"):
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Period=3600, Statistics=["Sum"],
                StartTime="2026-01-01T00:00:00Z", EndTime="2036-01-01T00:00:00Z",
            )["Datapoints"]  # fmt: skip
            found[metric] = sum(point["Sum"] for point in points)
        return found if found["Invocations"] == 2 else None

    counted = wait_for(sums)
    assert (counted["Invocation4XXErrors"], counted["Invocation5XXErrors"]) == (1, 0)
    assert counted["ModelLatency"] > 0


def captured(lab: Lab, prefix: str) -> list[dict[str, Any]]:
    found = lab.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    bodies = [lab.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in found]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_a_shadow_gets_copies_and_its_answers_are_captured(
    lab: Lab, guarded: SageMaker, artefact: str, other: str
) -> None:
    name = lab.name("shadowed")
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured/",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    made = config(guarded, {"champion": artefact, "previous": other}, shadow=True, DataCaptureConfig=capture)
    guarded.api.create_endpoint(EndpointName=name, EndpointConfigName=made)
    shown = guarded.settled(name)
    assert [variant["VariantName"] for variant in shown["ShadowProductionVariants"]] == ["previous"]
    assert shown["DataCaptureConfig"]["CaptureStatus"] == "Started"
    answer = guarded.ask(name)["Body"].read().decode()
    (mine,) = wait_for(lambda: captured(lab, f"captured/{name}/champion/"))
    (copy,) = wait_for(lambda: captured(lab, f"captured/{name}/previous/"))
    assert mine["captureData"]["endpointInput"]["data"] == "0.1,0.2,0.3,0.4"
    assert mine["captureData"]["endpointOutput"]["data"] == answer
    assert copy["captureData"]["endpointOutput"]["data"] != answer


def test_what_serverless_variants_cannot_have_is_refused(guarded: SageMaker, artefact: str) -> None:
    made = config(guarded, {"champion": artefact})
    (variant,) = guarded.api.describe_endpoint_config(EndpointConfigName=made)["ProductionVariants"]
    serverless = {
        "VariantName": "champion",
        "ModelName": variant["ModelName"],
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    code, message = refused(
        guarded.api.create_endpoint_config,
        EndpointConfigName=f"{made}-serverless",
        ProductionVariants=[serverless],
        DataCaptureConfig={
            "InitialSamplingPercentage": 1,
            "DestinationS3Uri": f"s3://{BUCKET}/x",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    )
    assert code == "ValidationException"
    assert "serverless" in message


def test_variants_are_registered_for_autoscaling(guarded: SageMaker, endpoint: str) -> None:
    client = boto3.client(
        "application-autoscaling",
        endpoint_url=guarded.server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/champion",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling: dict[str, Any] = {
        "PolicyName": "calls",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 100.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    }
    with pytest.raises(client.exceptions.ObjectNotFoundException):
        client.put_scaling_policy(**target, **scaling)
    client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    assert client.put_scaling_policy(**target, **scaling)["PolicyARN"]
    (shown,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"]) == (1, 3)
    client.deregister_scalable_target(**target)
    assert client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    with pytest.raises(client.exceptions.ValidationException):
        client.register_scalable_target(
            **{**target, "ResourceId": "endpoint/none/variant/champion"}, MinCapacity=1, MaxCapacity=3
        )
