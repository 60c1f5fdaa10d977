"""What of the built template the local AWS cannot have, and the template without it. Pure, but for a look for zips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.home import LocalError

type Template = dict[str, Any]

NOT_ON_MINISTACK: Final = frozenset(
    {"AWS::Logs::QueryDefinition", "AWS::CloudWatch::Alarm.Metrics", "AWS::CloudWatch::CompositeAlarm"}
)
"""What the template has and MiniStack refuses: resource types, or types with one property (metric math in an alarm).

A test holds this list to both.
"""

_TLS_ONLY: Final = {"Bool": {"aws:SecureTransport": "false"}}


def for_ministack(template: Template) -> tuple[Template, list[str]]:
    """The built template as MiniStack takes it, and what was left out, each with its reason.

    Args:
        template: as ``sam build`` writes it: intrinsic functions in their long form.

    Raises:
        LocalError: what stays needs something that was left out.
    """
    known, unknown = without(template, NOT_ON_MINISTACK)
    plain, guarded = without_tls_only(known)
    plain, widened = with_alarms_on_all(plain)
    remarks = [
        f"{', '.join(sorted(name for name, its in unknown.items() if its == kind))}: MiniStack does not know {kind}"
        for kind in sorted(set(unknown.values()))
    ]
    if guarded:
        remarks.append(
            f"the TLS-only statements of {', '.join(guarded)}: plain HTTP is spoken here, on 127.0.0.1 alone"
        )
    if widened:
        remarks.append(
            f"the names of alarms in {', '.join(widened)}: MiniStack checks a call that names several on no single one"
        )
    return plain, remarks


def without(template: Template, unknown: frozenset[str]) -> tuple[Template, dict[str, str]]:
    """The template without its resources of some kinds, and the outputs and dependencies that name them.

    Args:
        template: as ``sam build`` writes it: intrinsic functions in their long form.
        unknown: the kinds, in the notation of :data:`NOT_ON_MINISTACK`.

    Returns:
        The template, and what was left out: kind by logical id.

    Raises:
        LocalError: another resource needs one of them.
    """
    resources: dict[str, Any] = template["Resources"]
    left_out = {name: kind for name, body in resources.items() for kind in sorted(_kinds(body) & unknown)}
    kept = {name: _without_dependencies(body, left_out) for name, body in resources.items() if name not in left_out}
    for name, body in kept.items():
        if needed := left_out.keys() & _referenced(body):
            raise LocalError(f"{name} needs {sorted(needed)}, which MiniStack does not know")
    outputs = {
        name: body for name, body in template.get("Outputs", {}).items() if not left_out.keys() & _referenced(body)
    }
    return {**template, "Resources": kept, "Outputs": outputs}, left_out


def _kinds(resource: dict[str, Any]) -> set[str]:
    """The resource's type, and its type with each of its properties."""
    kind = resource["Type"]
    return {kind, *(f"{kind}.{name}" for name in resource.get("Properties", {}))}


def _without_dependencies(resource: dict[str, Any], left_out: Mapping[str, str]) -> dict[str, Any]:
    listed = resource.get("DependsOn", [])
    needed = [name for name in ([listed] if isinstance(listed, str) else listed) if name not in left_out]
    rest = {key: value for key, value in resource.items() if key != "DependsOn"}
    return {**rest, "DependsOn": needed} if needed else rest


def _referenced(node: Any) -> set[str]:
    """Logical ids that ``Ref`` and ``Fn::GetAtt`` below this node name."""
    if isinstance(node, list):
        return set().union(*(_referenced(item) for item in node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*(_referenced(value) for value in node.values()))
    if isinstance(ref := node.get("Ref"), str):
        found.add(ref)
    if attribute := node.get("Fn::GetAtt"):
        found.add((attribute if isinstance(attribute, str) else str(attribute[0])).partition(".")[0])
    return found


_SEVERAL_ALARMS: Final = frozenset({"cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"})


def with_alarms_on_all(template: Template) -> tuple[Template, list[str]]:
    """The template with what may be done to several alarms at once allowed on all, and the roles that may.

    AWS checks such a call on each alarm that it names, MiniStack on ``*``.
    """
    widened = {name: _on_all(body) for name, body in template["Resources"].items() if _names_alarms(body)}
    return {**template, "Resources": {**template["Resources"], **widened}}, sorted(widened)


def _names_alarms(resource: dict[str, Any]) -> bool:
    return any(
        _SEVERAL_ALARMS & set(_listed(statement.get("Action")))
        for policy in resource.get("Properties", {}).get("Policies", [])
        if resource["Type"] == "AWS::IAM::Role"
        for statement in policy["PolicyDocument"]["Statement"]
    )


def _on_all(role: dict[str, Any]) -> dict[str, Any]:
    def split(statement: dict[str, Any]) -> list[dict[str, Any]]:
        actions = _listed(statement["Action"])
        several = [action for action in actions if action in _SEVERAL_ALARMS]
        rest = [action for action in actions if action not in _SEVERAL_ALARMS]
        if not several:
            return [statement]
        return [
            *([{**statement, "Action": rest}] if rest else []),
            {**statement, "Action": several, "Resource": "*"},
        ]

    properties = role["Properties"]
    policies = [
        {
            **policy,
            "PolicyDocument": {
                **policy["PolicyDocument"],
                "Statement": [part for statement in policy["PolicyDocument"]["Statement"] for part in split(statement)],
            },
        }
        for policy in properties["Policies"]
    ]
    return {**role, "Properties": {**properties, "Policies": policies}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def without_tls_only(template: Template) -> tuple[Template, list[str]]:
    """The template without the policy statements that deny plain HTTP, and the resources that had one."""
    guarded = sorted(name for name, body in template["Resources"].items() if _tls_only(body))
    resources = {
        name: _without_tls_only(body) if name in guarded else body for name, body in template["Resources"].items()
    }
    return {**template, "Resources": {name: body for name, body in resources.items() if body}}, guarded


def _tls_only(resource: dict[str, Any]) -> bool:
    return any(statement.get("Condition") == _TLS_ONLY for statement in _statements(resource))


def _without_tls_only(resource: dict[str, Any]) -> dict[str, Any] | None:
    """None if no other statement is left: a policy needs one."""
    kept = [statement for statement in _statements(resource) if statement.get("Condition") != _TLS_ONLY]
    if not kept:
        return None
    properties = resource["Properties"]
    document = {**properties["PolicyDocument"], "Statement": kept}
    return {**resource, "Properties": {**properties, "PolicyDocument": document}}


def _statements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    statements = resource.get("Properties", {}).get("PolicyDocument", {}).get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def with_note(template: Template, name: str, value: str) -> Template:
    """The template with an output of a given name and value, and a resource that changes with it.

    A deploy that changes outputs alone changes nothing.
    """
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}
    return {
        **template,
        "Resources": {**template["Resources"], name: resource},
        "Outputs": {**template.get("Outputs", {}), name: {"Value": {"Fn::GetAtt": [name, "Value"]}}},
    }


def with_packed_code(template: Template, build: Path) -> Template:
    """The built template with zips in the place of the folders that they were made from, if there are any."""

    def packed(resource: dict[str, Any]) -> dict[str, Any]:
        properties = {
            name: f"{value}.zip" if name in ("CodeUri", "ContentUri") and (build / f"{value}.zip").exists() else value
            for name, value in resource.get("Properties", {}).items()
        }
        return {**resource, "Properties": properties}

    return {**template, "Resources": {name: packed(body) for name, body in template["Resources"].items()}}
