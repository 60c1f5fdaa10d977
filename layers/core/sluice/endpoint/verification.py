"""What asking a live endpoint came to, as the state machine and a person are told. Pure."""

from __future__ import annotations

from typing import Final

from sluice.endpoint.golden import Replay
from sluice.messages import Verification

NOT_READY_WAIT_SECONDS: Final = 20
"""Between two looks at a serverless variant that is being provisioned. The same for all: it is nobody's rush."""
MAX_NOT_READY_SECONDS: Final = 900
"""A variant that cannot be asked for so long counts as one that does not come up."""


def verified(found: Replay) -> Verification:
    """The verdict on a replay of golden rows."""
    if found.wrong is not None:
        return failed(found.wrong, found)
    return Verification(verdict="verified", rows=found.rows, largest_difference=found.largest_difference)


def failed(why: str, found: Replay | None = None) -> Verification:
    """The endpoint is not the one that was evaluated, or not the one that was asked for."""
    reason = f"The live endpoint was not verified: {why}."
    rows, difference = (found.rows, found.largest_difference) if found else (0, None)
    return Verification(verdict="failed", reasons=(reason,), rows=rows, largest_difference=difference)


def not_ready(before: Verification | None, seconds: float) -> Verification:
    """The variant is being provisioned: ask again later, for minutes.

    Args:
        before: what the last look came to; None at the first.
        seconds: that this look took.
    """
    waited = (before.waited_seconds if before else 0) + round(seconds) + NOT_READY_WAIT_SECONDS
    if waited > MAX_NOT_READY_SECONDS:
        return failed(f"it was not ready to answer within {MAX_NOT_READY_SECONDS // 60} minutes")
    return Verification(verdict="not_ready", waited_seconds=waited, wait_seconds=NOT_READY_WAIT_SECONDS)
