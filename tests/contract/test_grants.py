"""Functions are granted what they were seen to use on the local AWS, and nothing else."""

from __future__ import annotations

import json
from typing import Final

from tests.template import RESOURCES, resources
from tests.wire.grants import NOT_GRANTED, USED, Grant, as_written, grants_of, template_grants

OF_LAMBDA: Final = {
    "logs:CreateLogStream": "writes the log",
    "logs:PutLogEvents": "writes the log",
    "xray:PutTraceSegments": "writes the trace",
    "xray:PutTelemetryRecords": "writes the trace",
    "sqs:SendMessage": "puts what failed into the queue",
}
"""What Lambda itself does in the name of a function."""
_BOTH_WAYS: Final = "AWS names a log group with `:*` behind it or without, by action; both are granted"
_ABANDONED: Final = "what still goes on when the stack is deleted; tests/functions/test_remove_stack.py"
_BROUGHT_BACK: Final = "autoscaling that an update ended before it was refused; tests/functions"
_MISSING: Final = "an older run may lack it, and only who may list a bucket is told that an object is missing"
NOT_SEEN: Final = {
    ("AskForApprovalRole", "states:SendTaskSuccess"): "a decision that was made before; tests/functions",
    ("CheckTrainingRole", "logs:DescribeLogStreams"): _BOTH_WAYS,
    ("CheckTrainingRole", "logs:GetLogEvents"): "a job that fails on request has no log here",
    ("DeployEndpointRole", "application-autoscaling:PutScalingPolicy"): _BROUGHT_BACK,
    ("DeployEndpointRole", "application-autoscaling:RegisterScalableTarget"): _BROUGHT_BACK,
    ("DeployEndpointRole", "sagemaker:DeleteEndpoint"): "a first creation that failed and that nobody took away",
    ("EvaluateModelRole", "logs:DescribeLogStreams"): _BOTH_WAYS,
    ("EvaluateModelRole", "logs:GetLogEvents"): _BOTH_WAYS,
    ("EvaluateModelRole", "s3:ListBucket"): _MISSING,
    ("ReconcileRole", "dynamodb:UpdateItem"): "keeps how far an endpoint's way back is; tests/functions",
    ("RegisterModelRole", "s3:GetObject"): "SageMaker looks at the model in the name of who makes a package of it",
    ("RenderReportRole", "s3:ListBucket"): _MISSING,
    ("TearDownRole", "sagemaker:DescribeTrainingJob"): _ABANDONED,
    ("TearDownRole", "sagemaker:ListTags"): _ABANDONED,
    ("TearDownRole", "sagemaker:StopTrainingJob"): _ABANDONED,
    ("TearDownRole", "states:StopExecution"): _ABANDONED,
    ("ValidateDataRole", "s3:AbortMultipartUpload"): "a large file whose upload breaks off",
    ("VerifyEndpointRole", "iam:CreateServiceLinkedRole"): "the first endpoint of an account that scales by itself",
}
"""What no test on the local AWS uses, and why it is granted all the same."""


def granted() -> set[Grant]:
    roles = {
        body["Properties"]["Role"]["Fn::GetAtt"].removesuffix(".Arn")
        for body in resources("AWS::Serverless::Function").values()
    }
    return {(role, action, as_written(resource)) for role, action, resource in template_grants() if role in roles}


def used() -> set[Grant]:
    return grants_of(json.loads(USED.read_text(encoding="utf-8")))


def test_nothing_is_used_that_is_not_granted() -> None:
    assert {grant for grant in used() if grant[2] == NOT_GRANTED} == set()
    assert used() <= granted(), "the record is older than the template"


def test_nothing_is_granted_that_was_not_seen_to_be_used() -> None:
    unused = {grant for grant in granted() - used() if grant[1] not in OF_LAMBDA}
    assert {grant for grant in unused if grant[:2] not in NOT_SEEN} == set()


def test_what_is_granted_and_not_seen_is_still_so() -> None:
    unused = {grant[:2] for grant in granted() - used()}
    assert {pair for pair in NOT_SEEN if pair not in unused} == set()
    assert {role for role, _ in NOT_SEEN} <= RESOURCES.keys()
