"""A file that lies where no run starts is told of, on the deployed stack."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws import ACCESS_KEY, REGION, SECRET_KEY
from tests.local.conftest import LocalAws
from tests.local.test_template_on_ministack import built_template

PATIENCE_SECONDS = 30


def client(local_aws: LocalAws, service: str, region: str = REGION) -> Any:
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=region)
    return session.client(service, endpoint_url=local_aws.aws.endpoint_url, config=Config(proxies={}))  # type: ignore[call-overload]


class Mailbox:
    """What people who subscribed to the stack's topic get."""

    def __init__(self, local_aws: LocalAws) -> None:
        self._sqs = client(local_aws, "sqs")
        self._queue = self._sqs.create_queue(QueueName=f"mailbox-{uuid.uuid4().hex}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        self._sns = client(local_aws, "sns")
        self._subscription = self._sns.subscribe(
            TopicArn=local_aws.outputs["OutcomeTopicArn"], Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
        )["SubscriptionArn"]

    def next(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for message in self._sqs.receive_message(QueueUrl=self._queue, WaitTimeSeconds=1).get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                return str(json.loads(message["Body"])["Message"])
        raise TimeoutError("no notice came")

    def close(self) -> None:
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._queue)


@pytest.fixture
def mailbox(local_aws: LocalAws) -> Iterator[Mailbox]:
    opened = Mailbox(local_aws)
    yield opened
    opened.close()


def test_files_that_start_nothing_are_told_of_once_with_the_way_out(local_aws: LocalAws, mailbox: Mailbox) -> None:
    s3, inbox = local_aws.aws.s3, local_aws.outputs["InboxBucketName"]
    started = local_aws.aws.stepfunctions.list_executions(stateMachineArn=local_aws.outputs["StateMachineArn"])
    # The last one, of another place, ends the wait: whatever the two before it sent has come by then.
    for key in ("incomming/churn/june.csv", "incomming/churn/july.csv", "june.csv"):
        s3.put_object(Bucket=inbox, Key=key, Body=b"a,b\n1,2\n")
        if key.endswith("churn/june.csv"):
            first = mailbox.next()
    assert first.startswith("incomming/churn/june.csv starts nothing: only files under incoming/<dataset>/ do.")
    assert "Put it into incoming/churn/june.csv." in first
    assert mailbox.next().startswith("june.csv starts nothing")
    now = local_aws.aws.stepfunctions.list_executions(stateMachineArn=local_aws.outputs["StateMachineArn"])
    assert len(now["executions"]) == len(started["executions"])


def test_a_region_without_the_algorithm_is_refused_by_the_rule(local_aws: LocalAws) -> None:
    built = built_template()
    template = {
        "Parameters": built["Parameters"],
        "Rules": built["Rules"],
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    for region, refused in (("mx-central-1", True), ("eu-west-3", False)):
        cloudformation = client(local_aws, "cloudformation", region)
        name = f"rule-{uuid.uuid4().hex[:8]}"
        if refused:
            with pytest.raises(ClientError, match=r"no built-in XGBoost .* for this region"):
                cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        else:
            cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
            cloudformation.delete_stack(StackName=name)
