"""``make remove`` on moto: it takes all that runs made, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scripts.remove_stack import RemoveError, remove

REGION = "us-east-1"
TEMPLATE = {
    "Parameters": {"NamePrefix": {"Type": "String", "Default": "sluice"}},
    "Resources": {name: {"Type": "AWS::S3::Bucket"} for name in ("InboxBucket", "ArtifactBucket")},
    "Outputs": {
        **{f"{name}Name": {"Value": {"Ref": name}} for name in ("InboxBucket", "ArtifactBucket")},
        "StateMachineArn": {"Value": "arn:aws:states:us-east-1:123456789012:stateMachine:pipeline"},
    },
}
TAGS = [{"Key": "sluice:name_prefix", "Value": "sluice"}, {"Key": "sluice:dataset", "Value": "churn"}]
WAITING = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}})
ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.fixture
def session() -> Iterator[Any]:
    with mock_aws():
        yield boto3.Session(region_name=REGION)


def deploy(session: Any, name: str = "sluice", template: dict[str, Any] | None = None) -> list[str]:
    cloudformation = session.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template or TEMPLATE))
    session.client("stepfunctions").create_state_machine(name="pipeline", definition=WAITING, roleArn=ROLE)
    return [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]


def serve(session: Any, name: str, tags: list[dict[str, str]]) -> None:
    sagemaker = session.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, Tags=tags)
    variant = {"VariantName": "a", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tags)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)


def names(session: Any) -> tuple[list[str], list[str], list[str]]:
    sagemaker = session.client("sagemaker")
    return (
        [item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]],
        [item["EndpointConfigName"] for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]],
        [item["ModelName"] for item in sagemaker.list_models()["Models"]],
    )


def test_everything_that_costs_money_is_removed(session: Any) -> None:
    buckets = deploy(session)
    s3 = session.client("s3")
    for bucket in buckets:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            s3.put_object(Bucket=bucket, Key="a", Body=b"x")
        s3.delete_object(Bucket=bucket, Key="a")
    serve(session, "sluice-churn", TAGS)
    said: list[str] = []
    assert remove(session, "sluice", lambda name: name == "sluice", said.append)
    assert names(session) == ([], [], [])
    assert s3.list_buckets()["Buckets"] == []
    assert any("endpoint sluice-churn" in line for line in said)


def test_what_is_under_way_is_stopped_first(session: Any) -> None:
    deploy(session)
    stepfunctions = session.client("stepfunctions")
    machine = stepfunctions.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    run = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    remove(session, "sluice", lambda _: True, lambda _: None)
    assert stepfunctions.describe_execution(executionArn=run)["status"] == "ABORTED"


def test_what_others_made_is_left_alone(session: Any) -> None:
    deploy(session)
    serve(session, "sluice-lookalike", [])
    serve(session, "sluice-two-churn", [{"Key": "sluice:name_prefix", "Value": "sluice-two"}])
    remove(session, "sluice", lambda _: True, lambda _: None)
    assert names(session)[0] == ["sluice-lookalike", "sluice-two-churn"]


def test_without_the_word_nothing_is_touched(session: Any) -> None:
    deploy(session)
    serve(session, "sluice-churn", TAGS)
    assert not remove(session, "sluice", lambda _: False, lambda _: None)
    assert names(session)[0] == ["sluice-churn"]


def test_an_unknown_stack_is_an_error(session: Any) -> None:
    with pytest.raises(RemoveError, match="no stack"):
        remove(session, "sluice", lambda _: True)


def test_a_stack_of_something_else_is_refused(session: Any) -> None:
    deploy(session, "shop", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}})
    with pytest.raises(RemoveError, match="not one of Sluice"):
        remove(session, "shop", lambda _: True)
    assert session.client("s3").list_buckets()["Buckets"]
