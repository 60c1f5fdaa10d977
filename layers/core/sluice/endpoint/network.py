"""The VPC of training jobs and models, if the stack has one. Pure."""

from __future__ import annotations

from typing import Any

from sluice.dataset.config import Endpoint
from sluice.settings import NetworkSettings


def vpc_config(settings: NetworkSettings) -> dict[str, Any]:
    """The member of a CreateTrainingJob or CreateModel request that puts it into the VPC; empty without one."""
    if not settings.subnet_ids:
        return {}
    return {"VpcConfig": {"Subnets": [*settings.subnet_ids], "SecurityGroupIds": [*settings.security_group_ids]}}


def no_vpc_reason(endpoint: Endpoint, subnet_ids: tuple[str, ...], config: str) -> str | None:
    """Why the endpoint cannot be in the stack's VPC, and what to do; None if it can, or if there is no VPC.

    Args:
        config: name or address of the dataset's config.yaml.
    """
    if not subnet_ids or endpoint.kind == "instance":
        return None
    return (
        "The endpoint would be serverless, and SageMaker runs none of that kind in a VPC, as this stack requires "
        f"(parameter SubnetIds). Write `endpoint: {{kind: instance}}` into {config} and drop the file again, or have "
        "the stack deployed without SubnetIds."
    )
