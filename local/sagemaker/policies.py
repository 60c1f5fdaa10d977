"""IAM policies read from the local AWS and judged here.

MiniStack's SimulatePrincipalPolicy takes no context keys, so a policy that asks for ``iam:PassedToService`` would
always deny; its evaluator, which it enforces with everywhere else, takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document

Decision = Literal["Allow", "Deny", "ImplicitDeny"]


@dataclass(frozen=True)
class Policies:
    """What a principal may do: policy documents, and the documents of its permissions boundary if it has one."""

    documents: list[Any]
    boundary: list[Any] = field(default_factory=list)


def of_role(iam: Any, name: str) -> Policies:
    """
    Raises:
        ClientError: NoSuchEntity.
    """
    inline = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in _all(iam, "list_role_policies", "PolicyNames", RoleName=name)
    ]
    attached = [
        _managed(iam, policy["PolicyArn"])
        for policy in _all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    ]
    return Policies(inline + attached, _boundary(iam, iam.get_role(RoleName=name)["Role"]))


def of_user(iam: Any, name: str) -> Policies:
    """
    Raises:
        ClientError: NoSuchEntity.
    """
    documents = [
        iam.get_user_policy(UserName=name, PolicyName=policy)["PolicyDocument"]
        for policy in _all(iam, "list_user_policies", "PolicyNames", UserName=name)
    ]
    documents += [
        _managed(iam, policy["PolicyArn"])
        for policy in _all(iam, "list_attached_user_policies", "AttachedPolicies", UserName=name)
    ]
    for group in _all(iam, "list_groups_for_user", "Groups", UserName=name):
        documents += [
            iam.get_group_policy(GroupName=group["GroupName"], PolicyName=policy)["PolicyDocument"]
            for policy in _all(iam, "list_group_policies", "PolicyNames", GroupName=group["GroupName"])
        ]
        documents += [
            _managed(iam, policy["PolicyArn"])
            for policy in _all(iam, "list_attached_group_policies", "AttachedPolicies", GroupName=group["GroupName"])
        ]
    return Policies(documents, _boundary(iam, iam.get_user(UserName=name)["User"]))


def _all(iam: Any, operation: str, member: str, **arguments: str) -> list[Any]:
    return [item for page in iam.get_paginator(operation).paginate(**arguments) for item in page[member]]


def _managed(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def _boundary(iam: Any, principal: Mapping[str, Any]) -> list[Any]:
    boundary = principal.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    try:
        return [_managed(iam, boundary)] if boundary else []
    except ClientError as error:
        # A boundary that does not exist allows nothing.
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return [{"Version": "2012-10-17", "Statement": []}]


def statements(document: Any) -> list[Any]:
    found = document.get("Statement", [])
    return found if isinstance(found, list) else [found]


def decide(
    policies: Policies,
    principal_arn: str,
    action: str,
    resource: str,
    region: str,
    context: Mapping[str, Any],
    tags: Mapping[str, str],
) -> Decision:
    """What identity-based policies say.

    Args:
        context: the request's condition keys, in lower case.
        tags: tags that the request sets.
    """
    evaluation = EvalContext(
        principal_arn=principal_arn,
        principal_type="User" if ":user/" in principal_arn else "AssumedRole",
        principal_account=principal_arn.split(":")[4],
        action=action,
        resource_arn=resource,
        region=region,
        source_ip="127.0.0.1",
        # The laptop's AWS speaks plain HTTP; whether AWS is reached by TLS cannot be tested here.
        secure_transport=True,
        request_tags=dict(tags),
        tag_keys=list(tags),
        service_context=dict(context),
    )
    limits = [[parse_policy_document(document) for document in policies.boundary]] if policies.boundary else []
    result = evaluate(evaluation, [parse_policy_document(document) for document in policies.documents], *limits)
    decision: Decision = result.decision
    return decision


def trusts(trust_policy: Any, service: str, role_arn: str, account: str, source_arn: str) -> bool:
    """Whether a role's trust policy lets a service assume it on behalf of ``source_arn`` in ``account``."""
    evaluation = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region=source_arn.split(":")[3],
        source_ip="127.0.0.1",
        secure_transport=True,
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source_arn},
    )
    # A trust policy names no resource; the evaluator needs one.
    document = {"Statement": [{"Resource": "*", **statement} for statement in statements(trust_policy)]}
    return bool(evaluate_resource_policy(document, evaluation, service=service).decision == "Allow")
