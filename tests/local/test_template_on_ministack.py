"""What the local deploy leaves out of the template is what MiniStack refuses, no more and no less."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from local.stack import SHIPPED
from local.template import NOT_ON_MINISTACK, for_ministack, without

from .conftest import LocalAws

MINIMAL: dict[str, dict[str, Any]] = {
    "AWS::Logs::QueryDefinition": {"Name": "q", "QueryString": "fields @message"},
    "AWS::CloudWatch::CompositeAlarm": {"AlarmRule": 'ALARM("other")'},
    "AWS::CloudWatch::Alarm.Metrics": {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "Metrics": [
            {"Id": "sum", "Expression": "a + a", "ReturnData": True},
            {
                "Id": "a",
                "ReturnData": False,
                "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"},
            },
        ],
    },
}


@pytest.mark.parametrize("kind", sorted(NOT_ON_MINISTACK))
def test_ministack_refuses_what_is_left_out(local_aws: LocalAws, kind: str) -> None:
    body = {"Resources": {"It": {"Type": kind.split(".", maxsplit=1)[0], "Properties": MINIMAL[kind]}}}
    with pytest.raises((ClientError, RefusedError), match=r"Unrecognized resource types|not supported"):
        create(local_aws, "refused", yaml.safe_dump(body))


class RefusedError(Exception):
    """A resource could not be created."""


def create(local_aws: LocalAws, stack: str, template: str) -> None:
    cloudformation = local_aws.aws.cloudformation
    try:
        cloudformation.create_stack(StackName=stack, TemplateBody=template, OnFailure="DO_NOTHING")
        await_creation(local_aws, stack)
    finally:
        cloudformation.delete_stack(StackName=stack)


def await_creation(local_aws: LocalAws, stack: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for event in local_aws.aws.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
            if event["ResourceStatus"] == "CREATE_FAILED":
                raise RefusedError(event["ResourceStatusReason"])
            if event["ResourceStatus"] == "CREATE_COMPLETE" and event["LogicalResourceId"] == stack:
                return
        time.sleep(0.05)
    raise TimeoutError(f"{stack} is neither created nor refused")


def test_the_template_has_everything_that_the_list_names(local_aws: LocalAws) -> None:
    _, left_out = without(built_template(), NOT_ON_MINISTACK)

    assert set(left_out.values()) == NOT_ON_MINISTACK


def test_everything_else_of_the_template_is_deployed(local_aws: LocalAws) -> None:
    template, _ = for_ministack(built_template())

    pages = local_aws.aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName="sluice")
    deployed = {
        resource["LogicalResourceId"]: resource["ResourceStatus"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }
    conditional = {name for name, body in template["Resources"].items() if "Condition" in body}
    layers = {name for name, body in template["Resources"].items() if body["Type"] == "AWS::Serverless::LayerVersion"}
    missing = set(template["Resources"]) - conditional - layers - set(deployed)  # layers get a hash in their names
    assert missing == set()
    assert set(deployed.values()) == {"CREATE_COMPLETE"}


def built_template() -> dict[str, Any]:
    built: dict[str, Any] = yaml.safe_load(Path(SHIPPED.built_template).read_text())
    return built
