"""The autoscaling of an endpoint's variant. The client comes first.

Before it registers or deregisters anything, Application Auto Scaling asks whether the caller may do what it will do: on
resources that it invents, so that rights on a prefix do not count. ``ScalingProbePolicy`` of the template has them.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.dataset.config import Endpoint
from sluice.endpoint.requests import scaled_target, scaling_requests


def put_scaling(autoscaling: Any, name: str, endpoint: Endpoint) -> None:
    """Makes an endpoint scale as its configuration wants, or no more if that has no autoscaling. Repeatable."""
    if endpoint.autoscaling:
        target, policy = scaling_requests(name, endpoint.autoscaling)
        autoscaling.register_scalable_target(**target)
        autoscaling.put_scaling_policy(**policy)
    elif endpoint.kind == "instance":
        end_scaling(autoscaling, name)


def end_scaling(autoscaling: Any, name: str) -> None:
    """Ends the autoscaling of an endpoint, policies and all. Repeatable."""
    try:
        autoscaling.deregister_scalable_target(**scaled_target(name))
    except ClientError as error:
        if not is_not_found(error):
            raise
