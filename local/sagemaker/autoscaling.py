"""Application Auto Scaling for endpoint variants: targets and policies are kept and checked; load scales nothing.

Only registering a target acts: it brings the number of instances within its limits, as the service does, unless the
endpoint is busy (the service would come back to it, this server does not).
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from local.sagemaker.errors import ApiError, validation_exception
from local.sagemaker.fleets import Capacity
from local.sagemaker.validation import service_model, validate

SERVICE: Final = "application-autoscaling"
TARGET_PREFIX: Final = "AnyScaleFrontendService"
INSTANCES: Final = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED: Final = "sagemaker:variant:DesiredProvisionedConcurrency"

_CONFIGURATIONS: Final = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}

_Target = tuple[str, str]
"""Resource and scalable dimension."""


@dataclass(frozen=True)
class ScalableVariants:
    """The endpoints as autoscaling sees them.

    Attributes:
        capacity: of a variant by endpoint and variant; None if there is no such variant.
        scale: gives it another.
    """

    capacity: Callable[[str, str], Capacity | None]
    scale: Callable[[str, str, Capacity], None]


class Autoscaling:
    """The service in one account and region. Thread-safe. The wordings are this server's own unless said."""

    def __init__(self, account: str, region: str, variants: ScalableVariants) -> None:
        self._account = account
        self._region = region
        self._variants = variants
        self._targets: dict[_Target, dict[str, Any]] = {}
        self._policies: dict[tuple[_Target, str], dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._describe_targets,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put_policy,
            "DescribeScalingPolicies": self._describe_policies,
            "DeleteScalingPolicy": self._delete_policy,
        }

    def saved(self) -> dict[str, Any]:
        with self._lock:
            return {
                "targets": [[*key, target] for key, target in self._targets.items()],
                "policies": [[*key, name, policy] for (key, name), policy in self._policies.items()],
            }

    def restore(self, saved: Mapping[str, Any]) -> None:
        with self._lock:
            self._targets = {(resource, dimension): target for resource, dimension, target in saved["targets"]}
            self._policies = {
                ((resource, dimension), name): policy for resource, dimension, name, policy in saved["policies"]
            }

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """
        Raises:
            ApiError: as the service answers.
        """
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"This local Application Auto Scaling has no {operation}")
        validate(operation, parameters, SERVICE)
        if parameters["ServiceNamespace"] != "sagemaker":
            raise validation_exception("This local Application Auto Scaling has the service namespace sagemaker only.")
        with self._lock:
            return self._operations[operation](parameters)

    def variants_of(self, endpoint: str) -> frozenset[str]:
        """Names of an endpoint's variants that are scalable targets."""
        with self._lock:
            return frozenset(resource.rpartition("/")[2] for resource, _ in self._of(endpoint))

    def forget(self, endpoint: str) -> None:
        """Deregisters what is deleted. Developer guide, "Delete endpoints with automatic scaling": without notice."""
        with self._lock:
            for key in self._of(endpoint):
                self._drop(key)

    def _of(self, endpoint: str) -> list[_Target]:
        return [key for key in self._targets if key[0].startswith(f"endpoint/{endpoint}/")]

    def _drop(self, key: _Target) -> None:
        del self._targets[key]
        for policy in [policy for policy in self._policies if policy[0] == key]:
            del self._policies[policy]

    def _register(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        endpoint, variant, capacity = self._scalable(asked)
        key = _key(asked)
        known = self._targets.get(key, {"CreationTime": datetime.now(UTC), "ScalableTargetARN": self._target_arn()})
        target = {**known, **{name: value for name, value in asked.items() if name != "Tags"}}
        target.setdefault("RoleARN", self._service_linked_role())
        if "MinCapacity" not in target or "MaxCapacity" not in target:
            raise validation_exception("MinCapacity and MaxCapacity must be specified for a new scalable target.")
        if target["MinCapacity"] > target["MaxCapacity"]:
            raise validation_exception("Maximum capacity cannot be less than minimum capacity.")
        self._targets[key] = target
        if key[1] == INSTANCES:
            wanted = min(max(capacity.instances, target["MinCapacity"], 1), target["MaxCapacity"])
            if wanted != capacity.instances:
                self._variants.scale(endpoint, variant, replace(capacity, instances=wanted))
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def _scalable(self, asked: Mapping[str, Any]) -> tuple[str, str, Capacity]:
        """Endpoint, variant and its capacity, if it has what the scalable dimension scales."""
        resource, dimension = _key(asked)
        kind, _, rest = resource.partition("/")
        endpoint, _, variant = rest.partition("/variant/")
        if dimension not in (INSTANCES, PROVISIONED) or kind != "endpoint" or not endpoint or not variant:
            # Wording: getmoto/moto issue 3304.
            raise validation_exception("Unsupported service namespace, resource type or scalable dimension")
        capacity = self._variants.capacity(endpoint, variant)
        if capacity is None:
            raise validation_exception(f"SageMaker endpoint variant not found: {resource}")
        serverless = capacity.serverless
        if dimension == INSTANCES and serverless is not None:
            raise validation_exception(f"{resource} is serverless: it has no instances to scale.")
        if dimension == PROVISIONED and "ProvisionedConcurrency" not in (serverless or {}):
            raise validation_exception(f"{resource} has no provisioned concurrency to scale.")
        return endpoint, variant, capacity

    def _describe_targets(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = asked.get("ResourceIds")
        found = [
            target
            for (resource, dimension), target in self._targets.items()
            if (not wanted or resource in wanted) and asked.get("ScalableDimension") in (None, dimension)
        ]
        return {"ScalableTargets": found}

    def _deregister(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._drop(self._registered(asked))
        return {}

    def _put_policy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key, name = self._registered(asked), asked["PolicyName"]
        # API reference of PutScalingPolicy: StepScaling is the default.
        kind = asked.get("PolicyType", "StepScaling")
        if _CONFIGURATIONS[kind] not in asked:
            raise validation_exception(f"A {_CONFIGURATIONS[kind]} is required for policy type {kind}.")
        known = self._policies.get((key, name), {"PolicyARN": self._policy_arn(key, name)})
        policy = {"CreationTime": datetime.now(UTC), **known, **asked, "PolicyType": kind}
        policy["Alarms"] = list(self._alarms(key)) if kind == "TargetTrackingScaling" else []
        self._policies[key, name] = policy
        return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}

    def _alarms(self, key: _Target) -> Iterator[dict[str, str]]:
        """What the service would watch the metric with; here there are no such alarms."""
        for side in ("AlarmHigh", "AlarmLow"):
            name = f"TargetTracking-{key[0]}-{side}-{uuid.uuid4()}"
            arn = f"arn:aws:cloudwatch:{self._region}:{self._account}:alarm:{name}"
            yield {"AlarmName": name, "AlarmARN": arn}

    def _describe_policies(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        names = asked.get("PolicyNames")
        found = [
            policy
            for ((resource, dimension), name), policy in self._policies.items()
            if asked.get("ResourceId") in (None, resource)
            and asked.get("ScalableDimension") in (None, dimension)
            and (not names or name in names)
        ]
        return {"ScalingPolicies": found}

    def _delete_policy(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key, name = _key(asked), asked["PolicyName"]
        if (key, name) not in self._policies:
            raise _not_found(f"No scaling policy found for {_words(key)}, policy name: {name}")
        del self._policies[key, name]
        return {}

    def _registered(self, asked: Mapping[str, Any]) -> _Target:
        key = _key(asked)
        if key not in self._targets:
            raise _not_found(f"No scalable target registered for {_words(key)}")
        return key

    def _target_arn(self) -> str:
        return f"arn:aws:{SERVICE}:{self._region}:{self._account}:scalable-target/{uuid.uuid4().hex}"

    def _policy_arn(self, key: _Target, name: str) -> str:
        resource = f"resource/sagemaker/{key[0]}:policyName/{name}"
        return f"arn:aws:autoscaling:{self._region}:{self._account}:scalingPolicy:{uuid.uuid4()}:{resource}"

    def _service_linked_role(self) -> str:
        service = "sagemaker.application-autoscaling.amazonaws.com"
        role = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        return f"arn:aws:iam::{self._account}:role/aws-service-role/{service}/{role}"


def operations() -> frozenset[str]:
    """Names of all operations of the service."""
    return frozenset(service_model(SERVICE).operation_names)


def _key(asked: Mapping[str, Any]) -> _Target:
    return str(asked["ResourceId"]), str(asked["ScalableDimension"])


def _words(key: _Target) -> str:
    """Wording of AWS's own not-found errors, as far as they are known."""
    return f"service namespace: sagemaker, resource ID: {key[0]}, scalable dimension: {key[1]}"


def _not_found(message: str) -> ApiError:
    return ApiError("ObjectNotFoundException", message)
