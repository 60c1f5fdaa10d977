"""What a request on the wire is: which function makes which call on what, and which permissions that takes on AWS.

Read from the request alone, in the protocols that boto3 speaks. Only services that the functions call are known;
another one is an error, not a guess.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.sagemaker.authorization import required_actions

_CREDENTIAL: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_S3: Final = {
    ("GET", True, ""): "GetObject",
    ("GET", True, "tagging"): "GetObjectTagging",
    ("HEAD", True, ""): "HeadObject",
    ("PUT", True, ""): "PutObject",
    ("PUT", True, "uploadId"): "UploadPart",
    ("POST", True, "uploads"): "CreateMultipartUpload",
    ("POST", True, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", True, "uploadId"): "AbortMultipartUpload",
    ("DELETE", True, ""): "DeleteObject",
    ("GET", False, "list-type"): "ListObjectsV2",
    ("GET", False, "versions"): "ListObjectVersions",
    ("HEAD", False, ""): "HeadBucket",
}
"""By HTTP method, whether the path has a key, and the query parameter that makes the difference."""
_S3_QUERIES: Final = ("uploads", "uploadId", "tagging", "versions", "list-type")
_S3_ACTIONS: Final = {
    "HeadObject": "s3:GetObject",
    "UploadPart": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
}
_SUBJECTS: Final = (
    "TrainingJobName", "EndpointName", "EndpointConfigName", "ModelName", "ModelPackageName", "ModelPackageGroupName",
    "ModelCardName", "NameContains", "ResourceArn", "ResourceARN", "ResourceId", "AlarmName", "AlarmNames",
    "MetricName", "TopicArn", "executionArn", "stateMachineArn", "name", "taskToken", "logGroupName",
    "QueueUrl", "FunctionName",
)  # fmt: skip
"""Of the members of a request, those that name what it is about; the first that is there does."""


@dataclass(frozen=True)
class Call:
    """One request of a function.

    Attributes:
        caller: the access key that signed it.
        subject: what it is about, such as a key or a name; empty if the request names nothing.
    """

    caller: str
    region: str
    service: str
    operation: str
    subject: str
    parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    def permissions(self, account: str) -> Iterator[tuple[str, str]]:
        """Each action that AWS checks for this call, and the ARN that it is checked on.

        Source: Service Authorization Reference of each service.
        """
        match self.service:
            case "s3":
                yield from self._s3_permissions()
            case "sagemaker":
                for action in required_actions(self.operation, self.parameters, account, self.region):
                    yield action.name, action.resource
            case "application-autoscaling":
                for action in required_actions(self.name, self.parameters, account, self.region):
                    yield action.name, action.resource
            case "monitoring":
                yield from self._cloudwatch_permissions(account)
            case "lambda":
                yield "lambda:InvokeFunction", self.parameters["FunctionName"]
            case _:
                yield f"{self.service}:{self.operation}", self._resource(f"{self.region}:{account}")

    def _resource(self, here: str) -> str:
        """ARN of what is checked, for services that check one."""
        of = self.parameters
        match self.service:
            case "dynamodb":
                table = f"arn:aws:dynamodb:{here}:table/{of['TableName']}"
                return f"{table}/index/{of['IndexName']}" if "IndexName" in of else table
            case "sns":
                return str(of["TopicArn"])
            case "states":
                return str(of.get("executionArn") or of.get("stateMachineArn") or "*")
            case "logs":
                group = f"arn:aws:logs:{here}:log-group:{of.get('logGroupName', '*')}"
                return f"{group}:log-stream:{of['logStreamName']}" if "logStreamName" in of else group
            case "sqs":
                return f"arn:aws:sqs:{here}:{of['QueueUrl'].rstrip('/').rpartition('/')[2]}"
            case _:
                raise ValueError(f"no permissions are known for {self.name}")

    def _cloudwatch_permissions(self, account: str) -> Iterator[tuple[str, str]]:
        for name in self.parameters.get("AlarmNames") or [self.parameters.get("AlarmName")]:
            arn = f"arn:aws:cloudwatch:{self.region}:{account}:alarm:{name}" if name else "*"
            yield f"cloudwatch:{self.operation}", arn
            if self.operation == "PutMetricAlarm" and self.parameters.get("Tags"):
                yield "cloudwatch:TagResource", arn

    def _s3_permissions(self) -> Iterator[tuple[str, str]]:
        arn = f"arn:aws:s3:::{self.subject}"
        action = _S3_ACTIONS.get(self.operation, f"s3:{self.operation}")
        if self.parameters.get("versionId") and action == "s3:GetObject":
            action = "s3:GetObjectVersion"
        yield action, arn
        if self.parameters.get("tagged"):
            yield "s3:PutObjectTagging", arn


def read_call(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """
    Args:
        target: path and query of the request line.
        headers: names in lower case.

    Raises:
        ValueError: it is no signed request of a service that is known here.
    """
    found = _CREDENTIAL.search(headers.get("authorization", ""))
    if found is None:
        raise ValueError(f"{method} {target.partition('?')[0]} is not signed")
    service = found["service"]
    url = urllib.parse.urlsplit(target)
    if service == "s3":
        operation, subject, parameters = _read_s3(method, url, headers)
    else:
        operation, parameters = _read_other(service, method, url, headers, body)
        subject = _subject(parameters)
    return Call(found["key"], found["region"], service, operation, subject, parameters)


def _read_s3(method: str, url: urllib.parse.SplitResult, headers: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
    path = urllib.parse.unquote(url.path).lstrip("/")
    which = next((name for name in _S3_QUERIES if name in query), "")
    operation = _S3.get((method, "/" in path.rstrip("/"), which))
    if operation is None:
        raise ValueError(f"no operation of S3 is known for {method} with {which or 'no query'}")
    return operation, path, {**query, "tagged": bool(headers.get("x-amz-tagging"))}


def _read_other(
    service: str, method: str, url: urllib.parse.SplitResult, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, Any]]:
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    if invoked := re.fullmatch(r"/endpoints/([^/]+)/invocations", url.path):
        return "InvokeEndpoint", {"EndpointName": urllib.parse.unquote(invoked[1])}
    if invoked := re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", url.path):
        return "Invoke", {"FunctionName": urllib.parse.unquote(invoked[1])}
    form = dict(urllib.parse.parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    if "Action" in form:
        return form.pop("Action"), form
    raise ValueError(f"no operation of {service} is known for {method} {url.path}")


def _subject(parameters: Mapping[str, Any]) -> str:
    for item in (parameters.get("Key"), parameters.get("Item")):
        if isinstance(item, Mapping) and "pk" in item:
            return str(item["pk"]["S"])
    if index := parameters.get("IndexName"):
        return str(index)
    for name in _SUBJECTS:
        if value := parameters.get(name):
            return ",".join(value) if isinstance(value, list) else str(value)
    return ""


Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""

_TOO_OFTEN: Final = {
    "s3": (503, "SlowDown"),
    "sns": (400, "Throttling"),
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
}
"""How each service says that it is asked too often: status and code."""


def throttled(call: Call) -> Answer:
    """An answer that says that the caller asks too often. Clients may try again."""
    return _error(call, *_TOO_OFTEN.get(call.service, (400, "ThrottlingException")))


def denied(call: Call) -> Answer:
    """An answer that says that the caller may not. No client tries again by itself."""
    return _error(call, 403, "AccessDenied" if call.service in ("s3", "sns") else "AccessDeniedException")


def _error(call: Call, status: int, code: str) -> Answer:
    """In the protocol of the call's service."""
    said = "said by the wire of the tests"
    if call.service == "s3":
        return status, [("content-type", "application/xml")], f"<Error><Code>{code}</Code></Error>".encode()
    if call.service == "sns":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{said}</Message></Error></ErrorResponse>"
        return status, [("content-type", "text/xml")], body.encode()
    headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)]
    return status, headers, json.dumps({"__type": code, "message": said}).encode()
