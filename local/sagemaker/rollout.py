"""How an update moves the requests to the new fleet, from UpdateEndpoint's DeploymentConfig. Pure.

Source: API reference of BlueGreenUpdatePolicy, RollingUpdatePolicy and TrafficRoutingConfig, and the developer guide's
chapter on deployment guardrails with its page on exclusions. The wordings of the refusals are this server's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.sagemaker.configurations import EndpointConfig
from local.sagemaker.errors import ApiError, validation_exception

_MAX_STEP: Final = 0.5
_MIN_STEP: Final = {"CanarySize": 0.0, "LinearStepSize": 0.1, "MaximumBatchSize": 0.05}


@dataclass(frozen=True)
class Rollout:
    """What happens after the new fleet has come up.

    Attributes:
        shares: of the requests that the new fleet has got after each step; the last is 1.
        wait: seconds after each of these but the last.
        baking: seconds after the last, before the old fleet goes.
        alarms: names of those that send the update back.
    """

    shares: tuple[float, ...] = (1.0,)
    wait: float = 0.0
    baking: float = 0.0
    alarms: tuple[str, ...] = ()


def rollout_of(deployment: Mapping[str, Any] | None, config: EndpointConfig) -> Rollout:
    """
    Args:
        deployment: DeploymentConfig of the request; None if it has none.
        config: the new one, with the numbers of instances that it will have.

    Raises:
        ApiError: the endpoint cannot be updated so.
    """
    if deployment is None:
        return Rollout()
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    names = tuple(str(alarm["AlarmName"]) for alarm in alarms)
    blue_green, rolling = deployment.get("BlueGreenUpdatePolicy"), deployment.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise _refused("has either a BlueGreenUpdatePolicy or a RollingUpdatePolicy")
    if rolling:
        return _checked(_rolling(rolling, config, names), rolling)
    return _checked(_blue_green(blue_green, config, names), blue_green) if blue_green else Rollout(alarms=names)


def _blue_green(policy: Mapping[str, Any], config: EndpointConfig, alarms: tuple[str, ...]) -> Rollout:
    routing = policy["TrafficRoutingConfiguration"]
    baking = policy.get("TerminationWaitInSeconds", 0)
    kind = routing["Type"]
    if kind == "ALL_AT_ONCE":
        return Rollout(baking=baking, alarms=alarms)
    share = _share("CanarySize" if kind == "CANARY" else "LinearStepSize", routing, kind, config)
    shares = (share, 1.0) if kind == "CANARY" else _steps(share)
    return Rollout(shares, routing["WaitIntervalInSeconds"], baking, alarms)


def _rolling(policy: Mapping[str, Any], config: EndpointConfig, alarms: tuple[str, ...]) -> Rollout:
    """Seen from outside, a rolling update is a linear one: what differs is how many instances stand by meanwhile."""
    if len(config.variants) > 1:
        raise _refused("cannot roll an endpoint of several variants")
    share = _share("MaximumBatchSize", policy, "a rolling update", config)
    return Rollout(_steps(share), policy["WaitIntervalInSeconds"], policy["WaitIntervalInSeconds"], alarms)


def _share(member: str, policy: Mapping[str, Any], kind: str, config: EndpointConfig) -> float:
    """The part of the new fleet that one step turns on."""
    if config.serverless:
        raise _refused(f"cannot update serverless variants by {kind}; use ALL_AT_ONCE")
    if config.instances < 2:
        raise _refused(f"cannot update a variant of one instance by {kind}, which needs two; use ALL_AT_ONCE")
    if member not in policy:
        raise _refused(f"needs a {member} for {kind}")
    size, smallest = policy[member], _MIN_STEP[member]
    share = float(size["Value"]) / (config.instances if size["Type"] == "INSTANCE_COUNT" else 100)
    if not smallest <= share <= _MAX_STEP:
        limits = f"at least {smallest:.0%} and at most 50%" if smallest else "at most 50%"
        raise _refused(f"has a {member} of {share:.0%}; it must be {limits} of the variant's total instance count")
    return share


def _steps(share: float) -> tuple[float, ...]:
    shares = [share]
    while shares[-1] < 1:
        # Products and not sums, which do not come out even.
        shares.append(min(1.0, round(share * (len(shares) + 1), 9)))
    return tuple(shares)


def _checked(rollout: Rollout, policy: Mapping[str, Any]) -> Rollout:
    """MaximumExecutionTimeoutInSeconds must leave time for the waits. Here nothing else takes long, so that is all."""
    waits = (len(rollout.shares) - 1) * rollout.wait + rollout.baking
    if waits > policy.get("MaximumExecutionTimeoutInSeconds", waits):
        raise _refused(f"has waits of {waits:.0f} seconds, more than its MaximumExecutionTimeoutInSeconds")
    return rollout


def _refused(what: str) -> ApiError:
    return validation_exception(f"Invalid DeploymentConfig: it {what}.")
