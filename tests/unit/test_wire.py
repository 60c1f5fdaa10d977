"""What a request is, is read from the wire alone: held to what boto3 sends for each service that functions call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.wire.calls import Answer, Call, denied, read_call, throttled

ACCOUNT = "000000000000"
HERE = f"us-east-1:{ACCOUNT}"
JOB = f"arn:aws:sagemaker:{HERE}:training-job/sluice-churn"
ALARM = f"arn:aws:cloudwatch:{HERE}:alarm:sluice-churn/latency"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sluice"
TABLE = f"arn:aws:dynamodb:{HERE}:table/runs"


def client(service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name="us-east-1",
        aws_access_key_id="ASIA0123456789ABCDEF",
        aws_secret_access_key="secret",
        endpoint_url="http://127.0.0.1:1",
        config=Config(retries={"total_max_attempts": 1}),
    )


class _Raw:
    """A body that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body


def sent(
    service: str, operation: str, parameters: dict[str, Any], answer: Callable[[Call], Answer] = denied
) -> tuple[Call, str]:
    """What boto3 sends, as the wire reads it, and the code of the error that it gets for it."""
    calls: list[Call] = []

    def instead(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): text.decode() if isinstance(text, bytes) else text for name, text in request.headers.items()
        }
        target = request.url.removeprefix("http://127.0.0.1:1")
        stream: Any = request.body
        body = stream.read() if hasattr(stream, "read") else stream or b""
        calls.append(read_call(request.method, target, headers, body.encode() if isinstance(body, str) else body))
        status, named, said = answer(calls[0])
        return AWSResponse(request.url, status, HTTPHeaders.from_pairs(named), _Raw(said))

    made = client(service)
    made.meta.events.register("before-send.*.*", instead)
    with pytest.raises(ClientError) as caught:
        getattr(made, operation)(**parameters)
    return calls[0], caught.value.response["Error"]["Code"]


PROBES = [
    (f"sagemaker:{name}", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:{kind}/application-autoscaling-permission-probe")
    for name, kind in (
        ("DescribeEndpoint", "endpoint"),
        ("UpdateEndpointWeightsAndCapacities", "endpoint"),
        ("DescribeEndpointConfig", "endpoint-config"),
    )
] + [
    (f"cloudwatch:{name}", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:application-autoscaling-permission-probe")
    for name in ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms")
]
"""What Application Auto Scaling asks of its caller, on resources that it invents."""
REQUESTS: list[tuple[str, str, dict[str, Any], str, str, list[tuple[str, str]]]] = [
    (
        "s3",
        "get_object",
        {"Bucket": "inbox", "Key": "incoming/a+b c/ü.csv", "VersionId": "v"},
        "s3:GetObject",
        "inbox/incoming/a+b c/ü.csv",
        [("s3:GetObjectVersion", "arn:aws:s3:::inbox/incoming/a+b c/ü.csv")],
    ),
    (
        "s3",
        "put_object",
        {"Bucket": "b", "Key": "k/x.csv", "Body": b"1", "Tagging": "a=b"},
        "s3:PutObject",
        "b/k/x.csv",
        [("s3:PutObject", "arn:aws:s3:::b/k/x.csv"), ("s3:PutObjectTagging", "arn:aws:s3:::b/k/x.csv")],
    ),
    ("s3", "head_object", {"Bucket": "b", "Key": "k"}, "s3:HeadObject", "b/k", [("s3:GetObject", "arn:aws:s3:::b/k")]),
    (
        "s3",
        "list_object_versions",
        {"Bucket": "b"},
        "s3:ListObjectVersions",
        "b",
        [("s3:ListBucketVersions", "arn:aws:s3:::b")],
    ),
    ("s3", "list_objects_v2", {"Bucket": "b"}, "s3:ListObjectsV2", "b", [("s3:ListBucket", "arn:aws:s3:::b")]),
    (
        "s3",
        "create_multipart_upload",
        {"Bucket": "b", "Key": "k"},
        "s3:CreateMultipartUpload",
        "b/k",
        [("s3:PutObject", "arn:aws:s3:::b/k")],
    ),
    (
        "dynamodb",
        "get_item",
        {"TableName": "runs", "Key": {"pk": {"S": "RUN#1"}}},
        "dynamodb:GetItem",
        "RUN#1",
        [("dynamodb:GetItem", TABLE)],
    ),
    (
        "dynamodb",
        "scan",
        {"TableName": "runs", "IndexName": "by_running"},
        "dynamodb:Scan",
        "by_running",
        [("dynamodb:Scan", f"{TABLE}/index/by_running")],
    ),
    (
        "sns",
        "publish",
        {"TopicArn": f"arn:aws:sns:{HERE}:t", "Message": "m"},
        "sns:Publish",
        f"arn:aws:sns:{HERE}:t",
        [("sns:Publish", f"arn:aws:sns:{HERE}:t")],
    ),
    (
        "cloudwatch",
        "put_metric_alarm",
        {
            "AlarmName": "sluice-churn/latency",
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 1.5,
            "Tags": [{"Key": "a", "Value": "b"}],
        },
        "monitoring:PutMetricAlarm",
        "sluice-churn/latency",
        [("cloudwatch:PutMetricAlarm", ALARM), ("cloudwatch:TagResource", ALARM)],
    ),
    (
        "cloudwatch",
        "describe_alarms",
        {"AlarmNames": ["sluice-churn/latency", "x"]},
        "monitoring:DescribeAlarms",
        "sluice-churn/latency,x",
        [("cloudwatch:DescribeAlarms", ALARM), ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:x")],
    ),
    (
        "stepfunctions",
        "describe_execution",
        {"executionArn": f"arn:aws:states:{HERE}:execution:m:e"},
        "states:DescribeExecution",
        f"arn:aws:states:{HERE}:execution:m:e",
        [("states:DescribeExecution", f"arn:aws:states:{HERE}:execution:m:e")],
    ),
    (
        "logs",
        "get_log_events",
        {"logGroupName": "/g", "logStreamName": "s"},
        "logs:GetLogEvents",
        "/g",
        [("logs:GetLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:s")],
    ),
    (
        "lambda",
        "invoke",
        {"FunctionName": f"arn:aws:lambda:{HERE}:function:f", "Payload": b"{}"},
        "lambda:Invoke",
        f"arn:aws:lambda:{HERE}:function:f",
        [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f")],
    ),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "sluice-churn", "Body": b"1"},
        "sagemaker:InvokeEndpoint",
        "sluice-churn",
        [("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:{HERE}:endpoint/sluice-churn")],
    ),
    (
        "sagemaker",
        "create_model",
        {"ModelName": "sluice-churn", "ExecutionRoleArn": ROLE, "Tags": [{"Key": "a", "Value": "b"}]},
        "sagemaker:CreateModel",
        "sluice-churn",
        [
            ("sagemaker:CreateModel", f"arn:aws:sagemaker:{HERE}:model/sluice-churn"),
            ("sagemaker:AddTags", f"arn:aws:sagemaker:{HERE}:model/sluice-churn"),
            ("iam:PassRole", ROLE),
        ],
    ),
    (
        "application-autoscaling",
        "deregister_scalable_target",
        {
            "ServiceNamespace": "sagemaker",
            "ResourceId": "endpoint/e/variant/v",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        },
        "application-autoscaling:DeregisterScalableTarget",
        "endpoint/e/variant/v",
        [("application-autoscaling:DeregisterScalableTarget", "*"), *PROBES],
    ),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "name", "subject", "permissions"), REQUESTS)
def test_a_request_is_read_as_it_was_meant(
    service: str,
    operation: str,
    parameters: dict[str, Any],
    name: str,
    subject: str,
    permissions: list[tuple[str, str]],
) -> None:
    call, _ = sent(service, operation, parameters)
    assert (call.caller, call.region) == ("ASIA0123456789ABCDEF", "us-east-1")
    assert (call.name, call.subject) == (name, subject)
    assert list(call.permissions(ACCOUNT)) == permissions


def test_what_is_not_signed_is_no_call() -> None:
    with pytest.raises(ValueError, match="not signed"):
        read_call("GET", "/inbox/key", {}, b"")


PROTOCOLS = [
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "SlowDown", "AccessDenied"),
    ("sns", "publish", {"TopicArn": "t", "Message": "m"}, "Throttling", "AccessDenied"),
    ("cloudwatch", "describe_alarms", {}, "ThrottlingException", "AccessDeniedException"),
    ("sagemaker", "list_models", {}, "ThrottlingException", "AccessDeniedException"),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "e", "Body": b""},
        "ThrottlingException",
        "AccessDeniedException",
    ),
]
"""One service of each protocol, and the code for calls that come too often."""


@pytest.mark.parametrize(("service", "operation", "parameters", "too_often", "may_not"), PROTOCOLS)
def test_the_wires_own_errors_are_those_of_the_service_to_a_client(
    service: str, operation: str, parameters: dict[str, Any], too_often: str, may_not: str
) -> None:
    codes = [sent(service, operation, parameters, answer)[1] for answer in (throttled, denied)]
    assert codes == [too_often, may_not]
