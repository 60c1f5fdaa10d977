"""The way back to the model before, as the endpoint is now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sluice.endpoint.requests import POLL_SECONDS, is_busy, pending_config
from sluice.messages import Restoration

MAX_ATTEMPTS: Final = 3
"""Updates back that themselves roll back: after so many a person has to look."""


@dataclass(frozen=True)
class Step:
    """What to do, and how far the way back is once it is done.

    ``scale``: the model before answers, and gets the autoscaling back that the deployment may have ended or changed.
    """

    do: Literal["nothing", "go back", "scale"]
    restoration: Restoration


def next_step(live: Mapping[str, Any] | None, ours: str, *, mine: bool, taken: bool, attempts: int) -> Step:
    """
    Args:
        live: DescribeEndpoint's answer; None if there is no endpoint.
        ours: name of the configuration of the run whose deployment went wrong.
        mine: whether that run has the dataset's turn.
        taken: whether another has it.
        attempts: updates and deletions that were asked for.
    """
    found = Restoration(verdict="restored" if attempts else "untouched", attempts=attempts)
    if live is None:
        return Step("nothing", found)
    busy = is_busy(live["EndpointStatus"])
    if not mine and ours not in (live["EndpointConfigName"], pending_config(live)):
        return Step("scale" if attempts and not taken and not busy else "nothing", found)
    found = found.model_copy(update={"config_name": live["EndpointConfigName"], "wait_seconds": POLL_SECONDS})
    # A stopped run may have lost its turn to another, whose own way back may lead to this run's model: wait for that.
    if busy or taken:
        return Step("nothing", found.model_copy(update={"verdict": "in_progress"}))
    if live["EndpointConfigName"] != ours:
        return Step("scale", found.model_copy(update={"verdict": "restored"}))
    if attempts >= MAX_ATTEMPTS:
        return Step("nothing", failed(found, f"the endpoint returned to {found.config_name} {attempts} times"))
    return Step("go back", found.model_copy(update={"verdict": "in_progress", "attempts": attempts + 1}))


def failed(found: Restoration, why: str) -> Restoration:
    """The way back ends here, and a person has to look."""
    reason = (
        f"The previous model could not be restored: {why}. The endpoint may answer with a model that was not verified; "
        "look at it in SageMaker's console, or remove it by `sluice retire`."
    )
    return found.model_copy(update={"verdict": "failed", "reasons": (reason,)})
