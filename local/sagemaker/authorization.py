"""Whether a caller may: who signed the request, and what IAM says of them.

Asked of MiniStack with ``AUTH=true``, in three steps:

1. The signature. The request is passed on to MiniStack as it came: it verifies the signature of any request with the
   headers that were signed, and only then finds that it has no SageMaker. So an unknown, expired or forged credential
   is refused in MiniStack's, that is AWS's, words.
2. The principal. MiniStack has no call that names the owner of another's access key. A Lambda function's key is
   derived from the ARNs of the function and its role (``ministack.core.lambda_runtime.execution_credentials``), so the
   functions are gone through; a user's key is found by GetAccessKeyLastUsed. Other sessions of roles are not known
   here and are refused.
3. The policies, judged by MiniStack's own evaluator: ``sagemaker:<Operation>`` on the resource, and as on AWS
   ``iam:PassRole`` for each role handed over, ``sagemaker:AddTags`` if a new resource gets tags, and what Application
   Auto Scaling asks of who registers or deregisters a variant.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from local.sagemaker import policies
from local.sagemaker.arns import resource_arn
from local.sagemaker.aws import ROOT_ACCESS_KEY, SERVICE_PRINCIPAL, Aws
from local.sagemaker.errors import ApiError, access_denied
from local.sagemaker.policies import Policies

POLICY_CACHE_SECONDS: Final = 2.0
PRINCIPAL_CACHE_SECONDS: Final = 300.0

_CREDENTIAL: Final = re.compile(r"AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_ACCOUNT: Final = re.compile(r"\d{12}")
_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "expect", "upgrade", "te", "content-length"}
_IMAGE: Final = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+/([^:@]+)")
_PROBED: Final = {
    "endpoint": ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities"),
    "endpoint-config": ("DescribeEndpointConfig",),
    "alarm": ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms"),
}
"""What Application Auto Scaling does in its caller's name with a variant of an endpoint. It asks before whether the
caller may, of resources that it invents: rights on narrower ones do not count. Source: developer guide, "Auto scaling
prerequisites" (the required permissions are on all resources)."""
_PROBING: Final = frozenset({"RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy"})
_INVENTED: Final = "application-autoscaling-permission-probe"
_ROLE_MEMBERS: Final = ("RoleArn", "ExecutionRoleArn")

TagsOf = Callable[[str, str, str], Mapping[str, str]]
"""Tags of the resource with this ARN, in this account and region."""


@dataclass(frozen=True)
class Caller:
    """Who says to have signed a request, from its credential scope."""

    access_key: str
    account: str
    region: str

    @classmethod
    def of(cls, authorization: str, default_account: str, default_region: str) -> Caller:
        found = _CREDENTIAL.match(authorization)
        if found is None:
            return cls("", default_account, default_region)
        key, region, _ = found.groups()
        return cls(key, key if _ACCOUNT.fullmatch(key) else default_account, region)

    @property
    def is_root(self) -> bool:
        """Whom MiniStack takes for its root: ``test``, an account id, or the key that both were started with."""
        return self.access_key in (ROOT_ACCESS_KEY, os.environ.get("AWS_ACCESS_KEY_ID")) or bool(
            _ACCOUNT.fullmatch(self.access_key)
        )


@dataclass(frozen=True)
class Principal:
    """An IAM user, or a role in a session."""

    arn: str
    user: str | None = None
    role: str | None = None


@dataclass(frozen=True)
class Action:
    """One permission that a request needs."""

    name: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


class Authorizer:
    """Thread-safe.

    Args:
        aws: the local AWS, with IAM enforced.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._principals: dict[str, tuple[float, Principal]] = {}
        self._policies: dict[str, tuple[float, Policies]] = {}
        self._lock = threading.Lock()

    def check(
        self, request: Any, body: bytes, caller: Caller, operation: str, parameters: Mapping[str, Any], tags_of: TagsOf
    ) -> None:
        """
        Raises:
            ApiError: the caller is not who they say, or may not.
        """
        if not caller.access_key:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        if caller.is_root:
            return
        self._verify_signature(request, body)
        principal = self._principal(caller)
        granted = self._granted(principal, caller.region)
        tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or [] if isinstance(tag, Mapping)}
        for action in required_actions(operation, parameters, caller.account, caller.region):
            context = dict(action.context)
            for key, value in tags_of(action.resource, caller.account, caller.region).items():
                context[f"aws:resourcetag/{key}".lower()] = value
            decision = policies.decide(
                granted, principal.arn, action.name, action.resource, caller.region, context, tags
            )
            if decision != "Allow":
                raise access_denied(principal.arn, action.name, action.resource, explicit=decision == "Deny")

    def _verify_signature(self, request: Any, body: bytes) -> None:
        address = urllib.parse.urlsplit(self._aws.endpoint)
        connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=10)
        try:
            connection.putrequest(
                request.method, request.full_path.rstrip("?"), skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise ApiError("ServiceUnavailable", f"The local AWS does not answer: {error}", 503) from error
        finally:
            connection.close()
        code = response.headers.get("x-amzn-errortype")
        if code is not None:
            try:
                message = json.loads(content).get("message", "")
            except ValueError:
                message = content.decode(errors="replace")
            raise ApiError(code.partition(":")[0], message, response.status)

    def _principal(self, caller: Caller) -> Principal:
        with self._lock:
            until, known = self._principals.get(caller.access_key, (0.0, None))
        if known is not None and time.monotonic() < until:
            return known
        principal = self._function_role(caller) or self._user(caller)
        if principal is None:
            raise ApiError(
                "AccessDeniedException",
                "This local SageMaker knows the sessions of Lambda functions, IAM users and root, and no others: whose "
                f"{caller.access_key} is, it cannot find out.",
            )
        with self._lock:
            self._principals[caller.access_key] = (time.monotonic() + PRINCIPAL_CACHE_SECONDS, principal)
        return principal

    def _function_role(self, caller: Caller) -> Principal | None:
        client = self._aws.client("lambda", caller.region)
        for page in client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            for function in page["Functions"]:
                role, arn = function["Role"], function["FunctionArn"]
                unqualified = ":".join(arn.split(":")[:7])
                if caller.access_key in (lambda_access_key(arn, role), lambda_access_key(unqualified, role)):
                    name = role.rsplit("/", 1)[-1]
                    session = function["FunctionName"][:64]
                    return Principal(f"arn:aws:sts::{caller.account}:assumed-role/{name}/{session}", role=name)
        return None

    def _user(self, caller: Caller) -> Principal | None:
        try:
            found = self._aws.client("iam", caller.region).get_access_key_last_used(AccessKeyId=caller.access_key)
        except ClientError:
            return None
        name = found.get("UserName")
        return Principal(f"arn:aws:iam::{caller.account}:user/{name}", user=name) if name else None

    def _granted(self, principal: Principal, region: str) -> Policies:
        with self._lock:
            until, known = self._policies.get(principal.arn, (0.0, None))
        if known is not None and time.monotonic() < until:
            return known
        iam = self._aws.client("iam", region)
        try:
            granted = (
                policies.of_role(iam, principal.role) if principal.role else policies.of_user(iam, str(principal.user))
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            granted = Policies([])
        with self._lock:
            self._policies[principal.arn] = (time.monotonic() + POLICY_CACHE_SECONDS, granted)
        return granted


def lambda_access_key(function_arn: str, role_arn: str) -> str:
    """The access key that MiniStack gives a function's processes."""
    return f"ASIA{hashlib.sha256(f'{function_arn}:{role_arn}'.encode()).hexdigest()[:16].upper()}"


def required_actions(operation: str, parameters: Mapping[str, Any], account: str, region: str) -> Iterator[Action]:
    """The permissions that AWS asks for.

    Source: Service Authorization Reference of Amazon SageMaker AI, and the developer guide's table of API permissions
    (CreateEndpoint and UpdateEndpoint need both the endpoint and the configuration, CreateModelPackage both the package
    and its group, and the rights to look at the image that it names).
    """

    def arn(kind: str, name: Any) -> str:
        return resource_arn(kind, str(name), account, region)

    if ":" in operation:  # of another service, which knows no narrower resource
        yield Action(operation, "*")
        if operation.partition(":")[2] in _PROBING:
            yield from _probes(account, region)
        return
    name = f"sagemaker:{operation}"
    context = _context(operation, parameters)
    resource = _resource(operation, parameters, arn)
    yield Action(name, resource, context)
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        yield Action(name, arn("endpoint-config", parameters.get("EndpointConfigName", "")), context)
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in parameters:
        yield Action(name, arn("model-package-group", _last(parameters["ModelPackageGroupName"])), context)
        for repository in _repositories(parameters):
            yield Action("ecr:BatchGetImage", repository)
            yield Action("ecr:DescribeImages", repository)
    if operation.startswith("Create") and parameters.get("Tags"):
        yield Action("sagemaker:AddTags", resource, context)
    for member in _ROLE_MEMBERS:
        if not operation.startswith(("Describe", "List")) and isinstance(parameters.get(member), str):
            yield Action("iam:PassRole", parameters[member], {"iam:passedtoservice": SERVICE_PRINCIPAL})


def _probes(account: str, region: str) -> Iterator[Action]:
    for kind, names in _PROBED.items():
        for name in names:
            if kind == "alarm":
                yield Action(f"cloudwatch:{name}", f"arn:aws:cloudwatch:{region}:{account}:alarm:{_INVENTED}")
            else:
                yield Action(f"sagemaker:{name}", resource_arn(kind, _INVENTED, account, region))


def _resource(operation: str, parameters: Mapping[str, Any], arn: Callable[[str, Any], str]) -> str:
    for member in ("ResourceArn", "ModelPackageArn"):
        if isinstance(parameters.get(member), str):
            return str(parameters[member])
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in parameters:
        # It acts on a package; the version that it will be is not known to the caller.
        return arn("model-package", f"{_last(parameters['ModelPackageGroupName'])}/*")
    if operation.startswith("List"):
        return "*"
    verb = re.match(r"[A-Z][a-z]+", operation)
    noun = operation.removeprefix(verb[0]) if verb else operation
    # UpdateEndpointWeightsAndCapacities, InvokeEndpointAsync and the like act on the noun they begin with.
    for kind in ("TrainingJob", "Model", "EndpointConfig", "Endpoint"):
        own = noun == kind or (noun.startswith(kind) and f"{noun}Name" not in parameters)
        if own and f"{kind}Name" in parameters:
            return arn(_kebab(kind), parameters[f"{kind}Name"])
    named = parameters.get(f"{noun}Name")
    if isinstance(named, str) and named.startswith("arn:"):
        return named
    return arn(_kebab(noun), named) if named is not None else "*"


def _repositories(parameters: Mapping[str, Any]) -> Iterator[str]:
    """ARNs of the ECR repositories of the images that a model package names."""
    for container in (parameters.get("InferenceSpecification") or {}).get("Containers") or []:
        if found := _IMAGE.match(str(container.get("Image"))):
            account, region, name = found.groups()
            yield f"arn:aws:ecr:{region}:{account}:repository/{name}"


def _last(name_or_arn: Any) -> str:
    return str(name_or_arn).rsplit("/", 1)[-1]


def _kebab(noun: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"-\1", noun).lower()


def _context(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """SageMaker's own condition keys, for the requests that this project makes."""
    context: dict[str, Any] = {}
    if operation in ("CreateTrainingJob", "CreateModel"):
        context["sagemaker:networkisolation"] = str(bool(parameters.get("EnableNetworkIsolation"))).lower()
    resources = parameters.get("ResourceConfig")
    if isinstance(resources, Mapping) and "InstanceType" in resources:
        context["sagemaker:instancetypes"] = [resources["InstanceType"]]
    variants = parameters.get("ProductionVariants")
    if isinstance(variants, list):
        context["sagemaker:instancetypes"] = [item["InstanceType"] for item in variants if "InstanceType" in item]
    return context
