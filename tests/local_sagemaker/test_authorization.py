"""Who may: signatures, and IAM policies of users and of Lambda functions, as MiniStack knows them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.sagemaker import LocalSageMaker
from local.sagemaker.authorization import required_actions
from tests.local_sagemaker.conftest import ACCOUNT, PACE_SECONDS, Lab, SageMaker, policy

ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
SOURCE = """
import os

def handler(event, context):
    return {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
"""
INVENTED = "application-autoscaling-permission-probe"
ALARM = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{INVENTED}"
PROBES = [
    ("sagemaker:DescribeEndpoint", f"{ARN}:endpoint/{INVENTED}"),
    ("sagemaker:UpdateEndpointWeightsAndCapacities", f"{ARN}:endpoint/{INVENTED}"),
    ("sagemaker:DescribeEndpointConfig", f"{ARN}:endpoint-config/{INVENTED}"),
    ("cloudwatch:DescribeAlarms", ALARM),
    ("cloudwatch:PutMetricAlarm", ALARM),
    ("cloudwatch:DeleteAlarms", ALARM),
]
"""What Application Auto Scaling asks of who registers or deregisters a variant."""
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def guarded(lab: Lab, execution_role: str) -> Iterator[SageMaker]:
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS, auth=True) as server:
        yield SageMaker(lab, server, execution_role)


def acting_as(guarded: SageMaker, credentials: dict[str, str]) -> SageMaker:
    """The same SageMaker for someone else."""
    other = SageMaker(guarded.lab, guarded.server, guarded.role)
    other.api = guarded.lab.client("sagemaker", guarded.server.url, credentials)
    other.runtime = guarded.lab.client("sagemaker-runtime", guarded.server.url, credentials)
    return other


def user(lab: Lab, permissions: dict[str, Any] | None) -> tuple[str, dict[str, str]]:
    """ARN and credentials of a new user."""
    name = lab.name("user")
    lab.iam.create_user(UserName=name)
    if permissions is not None:
        lab.iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(permissions))
    key = lab.iam.create_access_key(UserName=name)["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return f"arn:aws:iam::{ACCOUNT}:user/{name}", credentials


def function(lab: Lab, permissions: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Principal and credentials of a new Lambda function, as the function itself finds them."""
    name = lab.name("function")
    role = lab.role(name, permissions, LAMBDA_TRUST)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", SOURCE)
    client = lab.client("lambda", lab.url)
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    found = json.loads(client.invoke(FunctionName=name)["Payload"].read())
    credentials = {name.lower(): value for name, value in found.items()}
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}", credentials


def denial(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def pass_role(role: str, service: str = "sagemaker.amazonaws.com") -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": service}},
    }


def test_root_may_do_everything(guarded: SageMaker) -> None:
    assert guarded.train()["TrainingJobStatus"] == "Completed"


def test_a_request_without_a_signature_is_refused(guarded: SageMaker) -> None:
    anonymous = boto3.client(
        "sagemaker",
        endpoint_url=guarded.server.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}),
    )
    assert denial(anonymous.list_endpoints)[0] == "MissingAuthenticationTokenException"


def test_a_forged_signature_is_refused(guarded: SageMaker) -> None:
    _, credentials = user(guarded.lab, policy((["sagemaker:*"], ["*"])))
    forger = acting_as(guarded, credentials | {"aws_secret_access_key": "guessed"})
    assert denial(forger.api.list_endpoints)[0] == "InvalidSignatureException"
    assert denial(forger.runtime.invoke_endpoint, EndpointName="a", Body=b"1")[0] == "InvalidSignatureException"


def test_an_unknown_access_key_is_refused(guarded: SageMaker) -> None:
    stranger = acting_as(guarded, {"aws_access_key_id": "AKIA" + "X" * 16, "aws_secret_access_key": "guessed"})
    assert denial(stranger.api.list_endpoints) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


def test_a_user_may_what_their_policy_allows_and_no_more(guarded: SageMaker) -> None:
    arn, credentials = user(guarded.lab, policy((["sagemaker:Describe*", "sagemaker:List*"], ["*"])))
    someone = acting_as(guarded, credentials)
    someone.api.list_endpoints()
    assert denial(someone.api.stop_training_job, TrainingJobName="Some-Job") == (
        "AccessDeniedException",
        f"User: {arn} is not authorized to perform: sagemaker:StopTrainingJob on resource: {ARN}:training-job/some-job "
        "because no identity-based policy allows the sagemaker:StopTrainingJob action",
    )


def test_a_function_with_the_pipelines_permissions_starts_a_job(guarded: SageMaker) -> None:
    permissions = policy((["sagemaker:CreateTrainingJob", "sagemaker:AddTags"], [f"{ARN}:training-job/job-*"]))
    permissions["Statement"].append(pass_role(guarded.role))
    _, credentials = function(guarded.lab, permissions)
    name = acting_as(guarded, credentials).start(Tags=[{"Key": "project", "Value": "sluice"}])
    assert guarded.finished(name)["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("passes", "lacks"),
    [("to another service", "iam:PassRole"), ("nothing", "iam:PassRole"), ("without tags", "sagemaker:AddTags")],
)
def test_a_function_that_lacks_a_part_is_told_which(guarded: SageMaker, passes: str, lacks: str) -> None:
    permissions = policy((["sagemaker:CreateTrainingJob"], ["*"]))
    if passes != "nothing":
        service = "glue.amazonaws.com" if passes == "to another service" else "sagemaker.amazonaws.com"
        permissions["Statement"].append(pass_role(guarded.role, service))
    principal, credentials = function(guarded.lab, permissions)
    tags = [{"Key": "a", "Value": "b"}] if lacks == "sagemaker:AddTags" else []
    name = guarded.lab.name("job")
    resource = guarded.role if lacks == "iam:PassRole" else f"{ARN}:training-job/{name}"
    function_client = acting_as(guarded, credentials)
    assert denial(function_client.api.create_training_job, **guarded.job_request(name, Tags=tags)) == (
        "AccessDeniedException",
        f"User: {principal} is not authorized to perform: {lacks} on resource: {resource} because no identity-based "
        f"policy allows the {lacks} action",
    )


def test_an_invocation_needs_permission_and_takes_little_time(guarded: SageMaker) -> None:
    artefact = guarded.train()["ModelArtifacts"]["S3ModelArtifacts"]
    endpoint = guarded.deploy(artefact)["EndpointName"]
    _, allowed = user(guarded.lab, policy((["sagemaker:InvokeEndpoint"], [f"{ARN}:endpoint/{endpoint}"])))
    _, elsewhere = user(guarded.lab, policy((["sagemaker:InvokeEndpoint"], [f"{ARN}:endpoint/other"])))
    someone = acting_as(guarded, allowed)
    someone.ask(endpoint)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        someone.ask(endpoint)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.1
    with pytest.raises(ClientError, match="AccessDeniedException"):
        acting_as(guarded, elsewhere).ask(endpoint)


def test_autoscaling_needs_permissions_of_its_own(guarded: SageMaker) -> None:
    allowed, denied = (
        user(guarded.lab, policy(([action], ["*"])))
        for action in ("application-autoscaling:DescribeScalableTargets", "sagemaker:*")
    )
    someone, another = (
        guarded.lab.client("application-autoscaling", guarded.server.url, credentials)
        for _, credentials in (allowed, denied)
    )
    assert someone.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    action = "application-autoscaling:DescribeScalableTargets"
    assert denial(another.describe_scalable_targets, ServiceNamespace="sagemaker") == (
        "AccessDeniedException",
        f"User: {denied[0]} is not authorized to perform: {action} on resource: * because no identity-based policy "
        f"allows the {action} action",
    )


def scaled_endpoint(guarded: SageMaker, artefact: str) -> tuple[str, dict[str, Any]]:
    """Name of an endpoint, and its variant as a scalable target."""
    endpoint = guarded.deploy(artefact)["EndpointName"]
    return endpoint, {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


@pytest.mark.parametrize("denied", [name for name, _ in PROBES])
def test_who_registers_a_variant_needs_what_autoscaling_asks_for_on_all_resources(
    guarded: SageMaker, artefact: str, denied: str
) -> None:
    _, target = scaled_endpoint(guarded, artefact)
    own = ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:DeregisterScalableTarget"]
    asked = [name for name, _ in PROBES if name != denied]
    prefix = [f"{ARN}:endpoint/endpoint-*", f"{ARN}:endpoint-config/*", "arn:aws:cloudwatch:us-east-1:*:alarm:end*"]
    if denied == "sagemaker:DescribeEndpointConfig":
        prefix = [f"{ARN}:endpoint-config/endpoint-*"]
    _, credentials = user(guarded.lab, policy((own + asked, ["*"]), ([denied], prefix)))
    someone = guarded.lab.client("application-autoscaling", guarded.server.url, credentials)
    limits = {"MinCapacity": 1, "MaxCapacity": 3}
    code, message = denial(someone.register_scalable_target, **target, **limits)
    assert (code, denied in message) == ("AccessDeniedException", True)
    assert denial(someone.deregister_scalable_target, **target)[0] == "AccessDeniedException"

    _, credentials = user(guarded.lab, policy((own + [name for name, _ in PROBES], ["*"])))
    someone = guarded.lab.client("application-autoscaling", guarded.server.url, credentials)
    assert someone.register_scalable_target(**target, **limits)["ScalableTargetARN"]


def test_an_endpoint_that_scales_is_deleted_by_nobody_who_may_not_deregister_it(
    guarded: SageMaker, artefact: str
) -> None:
    endpoint, target = scaled_endpoint(guarded, artefact)
    deleting = ["sagemaker:DescribeEndpoint", "sagemaker:DeleteEndpoint"]
    _, credentials = user(guarded.lab, policy((deleting, [f"{ARN}:endpoint/*"])))
    someone = acting_as(guarded, credentials)
    root = guarded.lab.client("application-autoscaling", guarded.server.url)
    root.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    code, message = denial(someone.api.delete_endpoint, EndpointName=endpoint)
    assert (code, "application-autoscaling:DeregisterScalableTarget" in message) == ("AccessDeniedException", True)

    root.deregister_scalable_target(**target)

    someone.api.delete_endpoint(EndpointName=endpoint)


def test_an_explicit_deny_says_so(guarded: SageMaker) -> None:
    permissions = policy((["sagemaker:*"], ["*"]))
    permissions["Statement"].append({"Effect": "Deny", "Action": "sagemaker:ListEndpoints", "Resource": "*"})
    _, credentials = user(guarded.lab, permissions)
    _, message = denial(acting_as(guarded, credentials).api.list_endpoints)
    assert message.endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("ListModels", {}, [("sagemaker:ListModels", "*")]),
        ("DescribeTrainingJob", {"TrainingJobName": "A"}, [("sagemaker:DescribeTrainingJob", f"{ARN}:training-job/a")]),
        (
            "UpdateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("sagemaker:UpdateEndpoint", f"{ARN}:endpoint/e"),
                ("sagemaker:UpdateEndpoint", f"{ARN}:endpoint-config/c"),
            ],
        ),
        (
            "UpdateEndpointWeightsAndCapacities",
            {"EndpointName": "e"},
            [("sagemaker:UpdateEndpointWeightsAndCapacities", f"{ARN}:endpoint/e")],
        ),
        (
            "application-autoscaling:RegisterScalableTarget",
            {"ResourceId": "endpoint/e/variant/v", "RoleARN": "arn:role"},
            [("application-autoscaling:RegisterScalableTarget", "*"), *PROBES],
        ),
        (
            "application-autoscaling:DescribeScalableTargets",
            {},
            [("application-autoscaling:DescribeScalableTargets", "*")],
        ),
        (
            "CreateModel",
            {"ModelName": "m", "ExecutionRoleArn": "arn:role", "Tags": [{"Key": "a", "Value": "b"}]},
            [
                ("sagemaker:CreateModel", f"{ARN}:model/m"),
                ("sagemaker:AddTags", f"{ARN}:model/m"),
                ("iam:PassRole", "arn:role"),
            ],
        ),
        ("AddTags", {"ResourceArn": f"{ARN}:model/m"}, [("sagemaker:AddTags", f"{ARN}:model/m")]),
        (
            "CreateModelPackageGroup",
            {"ModelPackageGroupName": "g"},
            [("sagemaker:CreateModelPackageGroup", f"{ARN}:model-package-group/g")],
        ),
        (
            "CreateModelPackage",
            {"ModelPackageGroupName": "g"},
            [
                ("sagemaker:CreateModelPackage", f"{ARN}:model-package/g/*"),
                ("sagemaker:CreateModelPackage", f"{ARN}:model-package-group/g"),
            ],
        ),
        (
            "CreateModelPackage",
            {
                "ModelPackageGroupName": "g",
                "InferenceSpecification": {
                    "Containers": [{"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"}]
                },
            },
            [
                ("sagemaker:CreateModelPackage", f"{ARN}:model-package/g/*"),
                ("sagemaker:CreateModelPackage", f"{ARN}:model-package-group/g"),
                ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
                ("ecr:DescribeImages", "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
            ],
        ),
        (
            "ListModelPackages",
            {"ModelPackageGroupName": f"{ARN}:model-package-group/g"},
            [("sagemaker:ListModelPackages", "*")],
        ),
        (
            "UpdateModelPackage",
            {"ModelPackageArn": f"{ARN}:model-package/g/2"},
            [("sagemaker:UpdateModelPackage", f"{ARN}:model-package/g/2")],
        ),
        (
            "DeleteModelPackage",
            {"ModelPackageName": f"{ARN}:model-package/g/2"},
            [("sagemaker:DeleteModelPackage", f"{ARN}:model-package/g/2")],
        ),
        (
            "CreateModelCard",
            {"ModelCardName": "c", "Tags": [{"Key": "a", "Value": "b"}]},
            [("sagemaker:CreateModelCard", f"{ARN}:model-card/c"), ("sagemaker:AddTags", f"{ARN}:model-card/c")],
        ),
        ("ListModelCards", {}, [("sagemaker:ListModelCards", "*")]),
    ],
)
def test_each_operation_needs_its_permissions(
    operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    actions = required_actions(operation, parameters, ACCOUNT, "us-east-1")
    assert [(action.name, action.resource) for action in actions] == expected
