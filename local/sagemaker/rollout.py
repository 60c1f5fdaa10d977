"""How an update moves the requests to the new fleet, from UpdateEndpoint's DeploymentConfig. Pure.

Source: API reference of BlueGreenUpdatePolicy and TrafficRoutingConfig, and the developer guide's chapter on deployment
guardrails. The wordings of the refusals are this server's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.sagemaker.errors import validation_exception

_LARGEST_STEP: Final = 0.5
_SMALLEST_LINEAR_STEP: Final = 0.1


@dataclass(frozen=True)
class Rollout:
    """Shares of the requests that the new fleet has got by and by, and the seconds in between."""

    shares: tuple[float, ...] = (1.0,)
    wait: float = 0.0
    baking: float = 0.0
    longest: float = 3600.0
    alarms: tuple[str, ...] = ()


def rollout_of(deployment: Mapping[str, Any] | None, instances: int) -> Rollout:
    """
    Args:
        deployment: DeploymentConfig of the request; None where it has none.
        instances: of the smallest variant; 0 of a serverless one.

    Raises:
        ApiError: the endpoint cannot be updated so.
    """
    policy = (deployment or {}).get("BlueGreenUpdatePolicy")
    alarms = tuple(
        alarm["AlarmName"] for alarm in (deployment or {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
    )
    if policy is None:
        return Rollout(alarms=alarms)
    routing = policy["TrafficRoutingConfiguration"]
    return Rollout(
        shares=_shares(routing, instances),
        wait=routing["WaitIntervalInSeconds"],
        baking=policy.get("TerminationWaitInSeconds", 0),
        longest=policy.get("MaximumExecutionTimeoutInSeconds", 3600),
        alarms=alarms,
    )


def _shares(routing: Mapping[str, Any], instances: int) -> tuple[float, ...]:
    kind = routing["Type"]
    if kind == "ALL_AT_ONCE":
        return (1.0,)
    if instances < 2:
        raise validation_exception(f"Traffic routing type {kind} needs two instances or more; use ALL_AT_ONCE.")
    member = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    if member not in routing:
        raise validation_exception(f"{member} must be specified for traffic routing type {kind}.")
    size = routing[member]
    share = size["Value"] / (instances if size["Type"] == "INSTANCE_COUNT" else 100)
    if share > _LARGEST_STEP or (kind == "LINEAR" and share < _SMALLEST_LINEAR_STEP - 1e-9 and size["Value"] > 1):
        raise validation_exception(f"{member} must be at most 50% of the variant's total instance count.")
    if kind == "CANARY":
        return (share, 1.0)
    steps: list[float] = []
    while not steps or steps[-1] < 1:
        steps.append(min(1.0, share * (len(steps) + 1)))
    return tuple(steps)
