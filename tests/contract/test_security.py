"""Who may do what, who is let in, and how data at rest are encrypted: what the template says of it, for all parameters.

SECURITY.md names these tests as what holds its words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.runs.aws import misplaced
from sluice.training import images
from tests.template import RESOURCES, TEMPLATE, Deployed, as_list, managed_statements, resources, statements

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NETWORK = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0a"}
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}

SAID = [*statements(), *managed_statements()]
ROLES = resources("AWS::IAM::Role")
FUNCTION_ROLES = {
    body["Properties"]["Role"]["Fn::GetAtt"].split(".")[0] for body in resources("AWS::Serverless::Function").values()
}

ON_ALL = {
    "X-Ray defines no resource": [
        "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
    ],
    "log delivery defines no resource": [
        "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ],
    "lists are of the account; what is deleted is told by its tags": [
        "sagemaker:ListEndpoints", "sagemaker:ListEndpointConfigs", "sagemaker:ListModels",
        "sagemaker:ListTrainingJobs", "sagemaker:ListModelPackages",
    ],
    "a token for the account's registry": ["ecr:GetAuthorizationToken"],
    "metrics are no resource; writing is limited to a namespace": [
        "cloudwatch:PutMetricData", "cloudwatch:GetMetricStatistics",
    ],
    "Application Auto Scaling has no resource that could be named before it exists": [
        "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:DeregisterScalableTarget",
    ],
    "Application Auto Scaling asks whether its caller has these, on resources that it invents": [
        "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig",
        "sagemaker:UpdateEndpointWeightsAndCapacities", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
    ],
    "a task token belongs to no resource that could be named": ["states:SendTaskSuccess"],
    "EC2 grants descriptions on no resource": [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions",
        "ec2:DescribeSecurityGroups",
    ],
    "Lambda wants it on all resources, and the code of functions is denied it": [
        "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ],
}  # fmt: skip
"""Actions that are allowed on all resources, and why on no fewer."""


# ---------------------------------------------------------------------- rights


def test_what_is_allowed_on_all_resources_has_a_reason() -> None:
    on_all = {
        action
        for _, statement in SAID
        if statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert on_all == {action for actions in ON_ALL.values() for action in actions}


def test_metrics_are_written_to_one_namespace_alone() -> None:
    writing = [statement for _, statement in SAID if "cloudwatch:PutMetricData" in as_list(statement["Action"])]
    assert [statement["Condition"] for statement in writing] == [
        {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    ]


@pytest.mark.parametrize("role", ROLES)
def test_each_function_writes_its_log_and_its_traces_by_one_policy_and_no_other_role_has_it(role: str) -> None:
    assert _managed(role) - {"ScalingProbePolicy"} == ({"FunctionLogPolicy"} if role in FUNCTION_ROLES else set())
    log, traces = RESOURCES["FunctionLogPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (log["Action"], log["Resource"]) == (
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        {"Fn::GetAtt": "FunctionLogs.Arn"},
    )
    assert traces["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    if role in FUNCTION_ROLES:
        (own,) = ROLES[role]["Properties"]["Policies"]
        granted = {action for said in own["PolicyDocument"]["Statement"] for action in as_list(said["Action"])}
        assert not granted & {*log["Action"], *traces["Action"]}


def test_no_action_is_granted_by_wildcard() -> None:
    assert not [action for _, statement in SAID for action in as_list(statement["Action"]) if "*" in action]


def test_the_sagemaker_role_is_passed_to_sagemaker_alone() -> None:
    passing = [statement for _, statement in SAID if "iam:PassRole" in as_list(statement["Action"])]
    assert len(passing) == 3
    for statement in passing:
        assert statement["Resource"] == {"Fn::GetAtt": "SageMakerRole.Arn"}
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


SOURCES = {
    "events.amazonaws.com": "events:${AWS::Region}:${AWS::AccountId}:rule/*",
    "states.amazonaws.com": "states:${AWS::Region}:${AWS::AccountId}:stateMachine:*",
    "sagemaker.amazonaws.com": "sagemaker:${AWS::Region}:${AWS::AccountId}:*",
}
"""The resources for which each service takes a role, as far as they can be named before they exist."""


@pytest.mark.parametrize("role", ROLES)
def test_each_role_trusts_one_service_of_this_account(role: str) -> None:
    (statement,) = ROLES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    assert list(statement["Principal"]) == ["Service"]
    service = statement["Principal"]["Service"]
    if service == "lambda.amazonaws.com":
        # Lambda is not documented to send these keys, and a role can be handed to it in its own account only.
        assert "Condition" not in statement
        return
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": f"arn:${{AWS::Partition}}:{SOURCES[service]}"}},
    }


# ---------------------------------------------------------------------- no one else gets access


def policies_of(kind: str, member: str, name: str) -> list[dict[str, Any]]:
    """Statements of the resource policies of a bucket, queue or topic."""
    return [
        statement
        for body in resources(kind).values()
        if {"Ref": name} in as_list(body["Properties"][member])
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
    ]


@pytest.mark.parametrize("bucket", resources("AWS::S3::Bucket"))
def test_buckets_are_private_versioned_and_owned(bucket: str) -> None:
    properties = RESOURCES[bucket]["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["LifecycleConfiguration"]["Rules"]


@pytest.mark.parametrize("bucket", resources("AWS::S3::Bucket"))
def test_buckets_deny_plain_http_and_allow_nothing_by_policy(bucket: str) -> None:
    (statement,) = policies_of("AWS::S3::BucketPolicy", "Bucket", bucket)
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [{"Fn::GetAtt": f"{bucket}.Arn"}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]
    assert statement["Condition"] == TLS_ONLY


@pytest.mark.parametrize(
    ("policy", "member", "name", "action"),
    [
        *[("AWS::SQS::QueuePolicy", "Queues", name, "sqs:*") for name in resources("AWS::SQS::Queue")],
        *[("AWS::SNS::TopicPolicy", "Topics", name, "sns:Publish") for name in resources("AWS::SNS::Topic")],
    ],
)
def test_queues_and_topics_deny_plain_http_and_let_in_named_services_of_this_account(
    policy: str, member: str, name: str, action: str
) -> None:
    said = policies_of(policy, member, name)
    denied = [statement for statement in said if statement["Effect"] == "Deny"]
    assert [(statement["Principal"], statement["Action"]) for statement in denied] == [("*", action)]
    assert denied[0]["Condition"] == TLS_ONLY
    for statement in said:
        if statement["Effect"] == "Allow":
            assert list(statement["Principal"]) == ["Service"]
            assert re.search("aws:Source(Account|Arn)", json.dumps(statement["Condition"]))


@pytest.mark.parametrize(
    "function",
    [
        name
        for name, body in resources("AWS::Serverless::Function").items()
        if "FunctionUrlConfig" in body["Properties"]
    ],
)
def test_function_urls_take_signed_requests_alone(function: str) -> None:
    assert RESOURCES[function]["Properties"]["FunctionUrlConfig"]["AuthType"] == "AWS_IAM"


def test_functions_are_invoked_from_outside_by_named_rules_alone() -> None:
    for permission in resources("AWS::Lambda::Permission").values():
        properties = permission["Properties"]
        assert properties["Principal"] == "events.amazonaws.com"
        assert properties["SourceArn"]["Fn::GetAtt"].split(".")[0] in resources("AWS::Events::Rule")


@pytest.mark.parametrize("group", resources("AWS::Logs::LogGroup"))
def test_log_groups_forget(group: str) -> None:
    assert RESOURCES[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


# ---------------------------------------------------------------------- data at rest


def _bucket_key(properties: dict[str, Any]) -> Any:
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = rule["ServerSideEncryptionByDefault"]
    if by_default["SSEAlgorithm"] == "AES256":
        return "S3"
    assert by_default["SSEAlgorithm"] == "aws:kms"
    assert rule["BucketKeyEnabled"] is True
    return by_default["KMSMasterKeyID"]


def _table_key(properties: dict[str, Any]) -> Any:
    assert properties["SSESpecification"]["SSEEnabled"] is True
    return properties["SSESpecification"].get("KMSMasterKeyId")


def _queue_key(properties: dict[str, Any]) -> Any:
    assert ("SqsManagedSseEnabled" in properties) != ("KmsMasterKeyId" in properties)
    return properties.get("KmsMasterKeyId", "SQS")


KEEPS_DATA: dict[str, tuple[Callable[[dict[str, Any]], Any], str | None]] = {
    "AWS::S3::Bucket": (_bucket_key, "S3"),
    "AWS::DynamoDB::Table": (_table_key, None),
    "AWS::SNS::Topic": (lambda properties: properties.get("KmsMasterKeyId"), None),
    "AWS::SQS::Queue": (_queue_key, "SQS"),
    "AWS::Logs::LogGroup": (lambda properties: properties.get("KmsKeyId"), None),
}
"""What keeps data, how to read its key, and what its key is if the stack has none."""
KEEPS_NONE = {
    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard", "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Logs::QueryDefinition", "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion", "AWS::Serverless::StateMachine", "Custom::MadeByRuns",
}  # fmt: skip


def test_each_kind_of_resource_is_known_to_keep_data_or_not() -> None:
    """A state machine's history is encrypted by Step Functions and holds no rows; SAM has no property for a key."""
    assert {body["Type"] for body in RESOURCES.values()} == KEEPS_DATA.keys() | KEEPS_NONE


@pytest.mark.parametrize("kind", KEEPS_DATA)
def test_the_stacks_key_encrypts_whatever_keeps_data(kind: str) -> None:
    key_of, otherwise = KEEPS_DATA[kind]
    assert {key_of(properties) for properties in Deployed(KmsKeyArn=KEY).properties(kind).values()} == {KEY}
    assert {key_of(properties) for properties in Deployed().properties(kind).values()} == {otherwise}


def test_the_stacks_key_encrypts_the_environment_of_each_function() -> None:
    assert Deployed(KmsKeyArn=KEY).function_globals["KmsKeyArn"] == KEY
    assert "KmsKeyArn" not in Deployed().function_globals
    assert not [
        name for name, body in resources("AWS::Serverless::Function").items() if "KmsKeyArn" in body["Properties"]
    ]


_READS = {"s3:GetObject", "dynamodb:GetItem"}
_WRITES = {"s3:PutObject", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "sns:Publish"}
_MAKES_ENDPOINTS = {"sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"}


@pytest.mark.parametrize("role", ROLES)
def test_who_registers_or_deregisters_a_variant_has_what_autoscaling_asks_for_and_nobody_else(role: str) -> None:
    actions = {action for name, statement in SAID if name == role for action in as_list(statement["Action"])}
    scales = any(action.startswith("application-autoscaling:") for action in actions)
    assert ("ScalingProbePolicy" in _managed(role)) is scales


@pytest.mark.parametrize("role", ROLES)
def test_who_deletes_endpoints_or_updates_them_may_deregister_their_variants(role: str) -> None:
    actions = {action for name, statement in SAID if name == role for action in as_list(statement["Action"])}
    changes = bool(actions & {"sagemaker:DeleteEndpoint", "sagemaker:UpdateEndpoint"})
    assert ("application-autoscaling:DeregisterScalableTarget" in actions) is changes


def test_sagemakers_role_outlives_the_endpoints() -> None:
    """The custom resource that removes them names it, so that CloudFormation deletes the role after it."""
    assert RESOURCES["MadeByRuns"]["Properties"]["SageMakerRole"] == {"Fn::GetAtt": "SageMakerRole.Arn"}


def attached(role: str, **parameters: str) -> set[str]:
    """The managed policies that a role has for some parameters, beside those that it always has."""
    return _managed(role, **parameters) - _managed(role)


def _managed(role: str, **parameters: str) -> set[str]:
    arns = Deployed(**parameters).resources[role]["Properties"].get("ManagedPolicyArns", [])
    return {arn["Ref"] for arn in arns}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_use_the_key_for_what_it_does_with_data(role: str) -> None:
    actions = {action for name, statement in SAID if name == role for action in as_list(statement["Action"])}
    use = {"KeyWritePolicy"} if actions & _WRITES else {"KeyReadPolicy"} if actions & _READS else set()
    grant = {"KeyGrantPolicy"} if actions & _MAKES_ENDPOINTS else set()
    assert attached(role, KmsKeyArn=KEY) == ({"SageMakerKeyPolicy"} if role == "SageMakerRole" else use | grant)


def test_rights_on_keys_are_on_the_stacks_key_alone() -> None:
    used = [
        (name, statement)
        for name, statement in SAID
        if any(action.startswith("kms:") for action in as_list(statement["Action"]))
    ]
    assert {name for name, _ in used} == {"KeyReadPolicy", "KeyWritePolicy", "KeyGrantPolicy", "SageMakerKeyPolicy"}
    for _, statement in used:
        assert statement["Resource"] == {"Ref": "KmsKeyArn"}
        to_aws = {"Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}}
        granting = "kms:CreateGrant" in as_list(statement["Action"])
        assert {key: value for key, value in statement.items() if key == "Condition"} == (to_aws if granting else {})


# ---------------------------------------------------------------------- network


def test_functions_run_in_the_vpc_that_is_given() -> None:
    found = Deployed(**NETWORK).function_globals["VpcConfig"]
    assert found == {"SubnetIds": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0a"]}
    assert "VpcConfig" not in Deployed().function_globals
    assert not [
        name for name, body in resources("AWS::Serverless::Function").items() if "VpcConfig" in body["Properties"]
    ]


@pytest.mark.parametrize("role", ROLES)
def test_network_interfaces_are_for_who_runs_in_the_vpc(role: str) -> None:
    sagemaker = {"SageMakerNetworkPolicy"} if role == "SageMakerRole" else set()
    assert attached(role, **NETWORK) == ({"FunctionNetworkPolicy"} if role in FUNCTION_ROLES else sagemaker)


def test_the_code_of_functions_may_not_touch_network_interfaces() -> None:
    allowed, denied = RESOURCES["FunctionNetworkPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert denied["Action"] == allowed["Action"]
    assert denied["Resource"] == "*"
    (function,) = denied["Condition"]["ArnLike"].values()
    assert list(denied["Condition"]["ArnLike"]) == ["lambda:SourceFunctionArn"]
    assert function["Fn::Sub"].endswith(":lambda:${AWS::Region}:${AWS::AccountId}:function:*")


@pytest.mark.parametrize(
    ("given", "whole"),
    [({}, True), (NETWORK, True), ({"SubnetIds": "subnet-0a"}, False), ({"SecurityGroupIds": "sg-0a"}, False)],
)
def test_a_network_is_given_as_a_whole_or_the_deploy_is_refused(given: dict[str, str], whole: bool) -> None:
    (assertion,) = TEMPLATE["Rules"]["NetworkIsWhole"]["Assertions"]
    assert Deployed(**given).holds(assertion["Assert"]) is whole
    assert "SubnetIds and SecurityGroupIds" in assertion["AssertDescription"]


@pytest.mark.parametrize("region", [*images.ACCOUNTS, "mx-central-1", "eu-isoe-west-1", "nowhere-1"])
def test_a_region_without_the_algorithm_is_refused_at_the_deploy(region: str) -> None:
    (assertion,) = TEMPLATE["Rules"]["RegionHasTheAlgorithm"]["Assertions"]
    assert Deployed(region).holds(assertion["Assert"]) is (region in images.ACCOUNTS)
    assert images.VERSION in assertion["AssertDescription"]


@pytest.mark.parametrize(
    ("parameter", "value", "fits"),
    [
        ("KmsKeyArn", "", True),
        ("KmsKeyArn", KEY, True),
        ("KmsKeyArn", KEY.replace("arn:aws:", "arn:aws-cn:"), True),
        ("KmsKeyArn", "alias/mine", False),
        ("SubnetIds", "", True),
        ("SubnetIds", "subnet-0a,subnet-0b", True),
        ("SubnetIds", "subnet-0a, subnet-0b", False),
        ("SubnetIds", "subnet-0a,", False),
        ("SecurityGroupIds", "sg-0a", True),
        ("SecurityGroupIds", "subnet-0a", False),
    ],
)
def test_keys_and_networks_are_checked_before_anything_is_deployed(parameter: str, value: str, fits: bool) -> None:
    assert bool(re.fullmatch(TEMPLATE["Parameters"][parameter]["AllowedPattern"], value)) is fits


# ---------------------------------------------------------------------- what linters ignore


def said_why(text: object) -> bool:
    return isinstance(text, str) and len(text.split()) >= 5


@pytest.mark.parametrize("place", ["the template", *(name for name, body in RESOURCES.items() if "Metadata" in body)])
def test_what_a_linter_leaves_out_says_why(place: str) -> None:
    metadata = (TEMPLATE if place == "the template" else RESOURCES[place])["Metadata"]
    cfn_lint = metadata.get("cfn-lint", {"config": {"ignore_checks": []}})
    reasons = {check: cfn_lint["reasons"][check] for check in cfn_lint["config"]["ignore_checks"]}
    reasons |= {skip["id"]: skip["comment"] for skip in metadata.get("checkov", {}).get("skip", [])}
    assert all(said_why(reason) for reason in reasons.values()), reasons


def test_what_checkov_leaves_out_for_all_resources_says_why() -> None:
    text = (ROOT / ".checkov.yaml").read_text()
    reasons = dict(re.findall(r"((?:^  #.*\n)+)  - (CKV\w+)$", text, re.MULTILINE))
    left_out = yaml.safe_load(text)["skip-check"]
    assert list(reasons.values()) == left_out
    assert all(said_why(reason.replace("#", "")) for reason in reasons)


# ---------------------------------------------------------------------- supply chain and SECURITY.md


@pytest.mark.parametrize(
    "lock",
    [
        *(f"requirements-{name}.txt" for name in ("dev", "lint", "models", "sdk")),
        *(f"layers/{name}/requirements.txt" for name in ("core", "tabular", "scoring", "plotting")),
        "tests/docker/runtime.txt",
    ],
)
def test_every_locked_package_has_its_hash(lock: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)
    packages = [entry for entry in entries if re.match(r"[A-Za-z0-9]", entry)]
    assert packages
    assert not [entry for entry in packages if not re.match(r"\S+==\S+ .*\\\n    --hash=sha256:[0-9a-f]{64}", entry)]


SECURITY = (ROOT / "SECURITY.md").read_text()


def policy_of_security_md(name: str) -> Any:
    (text,) = re.findall(rf"<!-- policy: {name} -->\n```json\n(.*?)```", SECURITY, re.DOTALL)
    return json.loads(text)


def test_each_test_that_security_md_names_exists() -> None:
    named = re.findall(r"`(tests/\S+?)::(\w+)`", SECURITY)
    assert named
    assert not [(file, test) for file, test in named if f"def {test}(" not in (ROOT / file).read_text()]


def test_the_key_policy_lets_in_the_services_that_use_the_key_in_their_own_name() -> None:
    by_service = {statement["Principal"]["Service"]: statement for statement in policy_of_security_md("key")}
    let_in = {
        statement["Principal"]["Service"]
        for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
        for body in resources(kind).values()
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert by_service.keys() == let_in | {"logs.REGION.amazonaws.com"}


def test_the_key_policy_names_the_stacks_log_groups() -> None:
    (logs,) = (statement for statement in policy_of_security_md("key") if statement["Sid"] == "LogGroups")
    named = logs["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    groups = [body["Properties"]["LogGroupName"]["Fn::Sub"] for body in resources("AWS::Logs::LogGroup").values()]
    assert named == [
        f"arn:PARTITION:logs:REGION:ACCOUNT:log-group:{name.replace('${AWS::StackName}', 'STACK')}" for name in groups
    ]


def test_who_drops_files_may_write_where_runs_start_and_no_more() -> None:
    (statement,) = policy_of_security_md("writer")["Statement"]
    (key,) = RESOURCES["UploadRule"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    assert statement["Action"] == ["s3:PutObject", "s3:AbortMultipartUpload"]
    assert statement["Resource"].startswith(f"arn:PARTITION:s3:::INBOX/{key['prefix']}")


def test_who_reports_misplaced_files_may_write_no_run_and_no_champion() -> None:
    (writing,) = [
        statement
        for role, statement in statements()
        if role == "ReportMisplacedFileRole" and "dynamodb:UpdateItem" in as_list(statement["Action"])
    ]
    assert writing["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [misplaced.KEY]}}
