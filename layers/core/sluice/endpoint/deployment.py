"""What a deployment does next to its endpoint, as that is now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sluice.dataset.config import Endpoint
from sluice.endpoint.requests import (
    POLL_SECONDS,
    is_busy,
    kind_of,
    other_kind_reason,
    pending_config,
)
from sluice.messages import Deployment, Run
from sluice.names import endpoint_config_name, endpoint_name, model_name


@dataclass(frozen=True)
class Step:
    """What to do, and the deployment's state once it is done."""

    do: Literal["nothing", "create", "update", "delete"]
    deployment: Deployment

    @classmethod
    def none(cls, asked: Deployment, **changes: Any) -> Step:
        return cls("nothing", asked.model_copy(update=changes))


def begun(prefix: str, run: Run, champion: tuple[str, str] | None = None) -> Deployment:
    """The deployment of a run before anything is known of the endpoint.

    Args:
        champion: run and configuration of the model that it replaces; None if it replaces none.
    """
    run_id, config_name = champion or (None, None)
    return Deployment(
        verdict="started",
        endpoint_name=endpoint_name(prefix, run.dataset),
        config_name=endpoint_config_name(prefix, run),
        model_name=model_name(prefix, run),
        champion_run_id=run_id,
        previous_config_name=config_name,
        wait_seconds=POLL_SECONDS,
    )


def busy(asked: Deployment, wait_seconds: int = POLL_SECONDS) -> Deployment:
    """Another has the turn, or the endpoint is being changed: ask again later."""
    return asked.model_copy(update={"verdict": "busy", "wait_seconds": wait_seconds})


def failed(asked: Deployment, reason: str) -> Deployment:
    return asked.model_copy(update={"verdict": "failed", "reasons": (reason,)})


def overtaken(asked: Deployment, champion: str, key: str) -> Deployment:
    """A model of newer data is live.

    Args:
        champion: the run of that model.
        key: of the object that this run trained on.
    """
    reason = (
        f"Run {champion} is live and was trained on a file that came later than {key}; the newest data wins. To deploy "
        "this file all the same, drop it again."
    )
    return asked.model_copy(update={"verdict": "superseded", "reasons": (reason,)})


def stale(asked: Deployment) -> Deployment:
    """Another model is live than the one that the evaluation compared with: evaluate again."""
    return asked.model_copy(update={"verdict": "stale"})


def next_step(asked: Deployment, live: Mapping[str, Any] | None, wanted: Endpoint, dataset: str) -> Step:
    """
    Args:
        live: DescribeEndpoint's answer; None if there is no endpoint.
        wanted: the endpoint that the dataset's configuration asks for.
    """
    if live is None:
        return Step("create", asked)
    status, current = live["EndpointStatus"], live["EndpointConfigName"]
    if current == asked.config_name and status != "Failed":
        return Step.none(asked)
    if is_busy(status):
        # An update that an earlier try asked for is this run's own.
        return Step.none(asked, **({} if pending_config(live) == asked.config_name else {"verdict": "busy"}))
    if status == "Failed":
        # A first creation that failed leaves an endpoint that can only be deleted; it never answered anybody.
        return Step("delete", asked.model_copy(update={"verdict": "busy"}))
    if (live_kind := kind_of(live)) != wanted.kind:
        reason = other_kind_reason(asked.endpoint_name, dataset, live_kind, wanted.kind)
        return Step("nothing", failed(asked, reason))
    before = asked.previous_config_name or current
    return Step("update", asked.model_copy(update={"previous_config_name": before}))
