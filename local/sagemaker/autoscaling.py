"""Application Auto Scaling for endpoint variants: targets and policies are kept and checked; load scales nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from local.sagemaker.errors import ApiError, validation_exception
from local.sagemaker.validation import validate

SERVICE: Final = "application-autoscaling"
TARGET_PREFIX: Final = "AnyScaleFrontendService"
DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"


class Autoscaling:
    """Thread-safe.

    Args:
        instances: number of instances of a variant by endpoint and variant; None where there is no such variant, 0 of a
            serverless one.
    """

    def __init__(self, instances: Callable[[str, str], int | None]) -> None:
        self._instances = instances
        self._targets: dict[str, dict[str, Any]] = {}
        self._policies: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """
        Raises:
            ApiError: as the service answers.
        """
        operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._describe_targets,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put_policy,
            "DescribeScalingPolicies": self._describe_policies,
        }
        if operation not in operations:
            raise ApiError("UnknownOperationException", f"This local Application Auto Scaling has no {operation}")
        validate(operation, parameters, SERVICE)
        with self._lock:
            return operations[operation](parameters)

    def _register(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        resource = self._checked(asked)
        known = self._targets.get(resource, {})
        limits = {name: asked.get(name, known.get(name)) for name in ("MinCapacity", "MaxCapacity")}
        if None in limits.values():
            raise validation_exception("MinCapacity and MaxCapacity must be specified for a new scalable target.")
        if limits["MinCapacity"] > limits["MaxCapacity"]:
            raise validation_exception("Maximum capacity cannot be less than minimum capacity")
        self._targets[resource] = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            **limits,
            "RoleARN": asked.get("RoleARN", ""),
            "CreationTime": known.get("CreationTime", datetime.now(UTC)),
        }
        return {}

    def _checked(self, asked: Mapping[str, Any]) -> str:
        """The resource, if there is one of the name. The wordings are this server's own."""
        resource = str(asked["ResourceId"])
        parts = resource.split("/")
        if (
            asked.get("ScalableDimension") != DIMENSION
            or len(parts) != 4
            or (parts[0], parts[2])
            != (
                "endpoint",
                "variant",
            )
        ):
            raise validation_exception(f"Unsupported scalable dimension or resource: {resource}")
        instances = self._instances(parts[1], parts[3])
        if instances is None:
            raise validation_exception(f"No variant {parts[3]} of an endpoint {parts[1]} was found.")
        if instances == 0:
            raise validation_exception(f"{resource} is serverless: it has no instances to scale.")
        return resource

    def _describe_targets(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = asked.get("ResourceIds") or list(self._targets)
        return {"ScalableTargets": [self._targets[name] for name in wanted if name in self._targets]}

    def _deregister(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        resource = asked["ResourceId"]
        if resource not in self._targets:
            raise _not_found(f"No scalable target found for service namespace: sagemaker, resource ID: {resource}")
        del self._targets[resource]
        self._policies = {key: policy for key, policy in self._policies.items() if key[0] != resource}
        return {}

    def _put_policy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        resource = asked["ResourceId"]
        if resource not in self._targets:
            raise _not_found(f"No scalable target registered for service namespace: sagemaker, resource ID: {resource}")
        arn = f"arn:aws:autoscaling:::scalingPolicy:resource/sagemaker/{resource}:policyName/{asked['PolicyName']}"
        self._policies[resource, asked["PolicyName"]] = {
            **asked,
            "PolicyARN": arn,
            "CreationTime": datetime.now(UTC),
        }
        return {"PolicyARN": arn, "Alarms": []}

    def _describe_policies(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = asked.get("ResourceId")
        found = [policy for (resource, _), policy in self._policies.items() if wanted in (None, resource)]
        return {"ScalingPolicies": found}


def _not_found(message: str) -> ApiError:
    return ApiError("ObjectNotFoundException", message)
