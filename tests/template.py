"""The shipped template as tests read it: as written, and as CloudFormation makes it of some parameters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

TEMPLATE_FILE: Final = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: ``!Ref X`` as ``{"Ref": "X"}``."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)

TEMPLATE: Final[dict[str, Any]] = yaml.load(TEMPLATE_FILE.read_text(), _Loader)  # noqa: S506  (a SafeLoader)
RESOURCES: Final[dict[str, dict[str, Any]]] = TEMPLATE["Resources"]


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: body for name, body in RESOURCES.items() if body["Type"] == kind}


def statements() -> list[tuple[str, dict[str, Any]]]:
    """What each role's policies say, by role: its own, and the managed ones that it has whatever the parameters are."""
    return [
        (role, statement)
        for role, body in resources("AWS::IAM::Role").items()
        for document in _documents(body["Properties"])
        for statement in document["Statement"]
    ]


def _documents(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in role.get("Policies", []):
        yield policy["PolicyDocument"]
    for attached in role.get("ManagedPolicyArns", []):
        if "Ref" in attached:
            yield RESOURCES[attached["Ref"]]["Properties"]["PolicyDocument"]


def managed_statements() -> list[tuple[str, dict[str, Any]]]:
    """What the managed policies say, by policy."""
    return [
        (name, statement)
        for name, body in resources("AWS::IAM::ManagedPolicy").items()
        for statement in body["Properties"]["PolicyDocument"]["Statement"]
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Deployed:
    """The template with parameters and conditions resolved; what only exists after a deploy stays a reference.

    So does the region, if none is given.
    """

    def __init__(self, region: str | None = None, /, **parameters: str) -> None:
        defaults = {name: body.get("Default") for name, body in TEMPLATE["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        self._parameters = defaults | parameters | ({"AWS::Region": region} if region else {})
        self.resources: dict[str, dict[str, Any]] = {
            name: self.resolved(body)
            for name, body in RESOURCES.items()
            if "Condition" not in body or self.holds({"Condition": body["Condition"]})
        }
        self.function_globals: dict[str, Any] = self.resolved(TEMPLATE["Globals"]["Function"])

    def properties(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: body["Properties"] for name, body in self.resources.items() if body["Type"] == kind}

    def holds(self, node: Any) -> bool:
        """Whether a condition, or what a rule asserts, is true."""
        ((function, value),) = node.items()
        match function:
            case "Condition":
                return self.holds(TEMPLATE["Conditions"][value])
            case "Fn::Equals":
                first, second = self.resolved(value)
                return bool(first == second)
            case "Fn::Not":
                return not self.holds(value[0])
            case "Fn::And":
                return all(self.holds(part) for part in value)
            case "Fn::Or":
                return any(self.holds(part) for part in value)
            case "Fn::Contains":
                among, sought = self.resolved(value)
                return bool(sought in among)
        raise AssertionError(f"{function} is no condition that is known here")

    def resolved(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for item in node if (value := self.resolved(item)) is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        found: Any
        match node:
            case {"Ref": "AWS::NoValue"}:
                found = _NO_VALUE
            case {"Ref": str(name)} if name in self._parameters:
                found = self._parameters[name]
            case {"Fn::If": [condition, then, otherwise]}:
                found = self.resolved(then if self.holds({"Condition": condition}) else otherwise)
            case {"Fn::Split": [separator, text]}:
                found = self.resolved(text).split(separator)
            case _:
                values = {key: self.resolved(value) for key, value in node.items()}
                found = {key: value for key, value in values.items() if value is not _NO_VALUE}
        return found


_NO_VALUE: Final = object()
