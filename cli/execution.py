"""Follows an execution to its end, and says where one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.output import Output

if TYPE_CHECKING:
    from local.execution import Snapshot

_WAITS_FOR_A_PERSON: Final = "AskForApproval"


@dataclass(frozen=True)
class Whereabouts:
    """Of an execution. ``state`` is the last one that did something; None where it is not known any more."""

    status: str
    state: str | None = None
    seconds: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "state": self.state, "seconds": self.seconds, "note": self.note}

    def sentence(self) -> str:
        if self.status != "RUNNING":
            return f"its execution ended as {self.status} before the outcome was recorded"
        since = f" for {self.seconds:.0f} s" if self.seconds is not None else ""
        return f"goes on: at {self.state or 'the beginning'}{since}{f' ({self.note})' if self.note else ''}"


def whereabouts(connection: Connection, arn: str) -> Whereabouts:
    from botocore.exceptions import ClientError

    from local.execution import follow, now
    from local.progress import note

    try:
        snapshot = next(follow(connection, arn))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return Whereabouts("FORGOTTEN")
    if not snapshot.phases:
        return Whereabouts(snapshot.status)
    last = snapshot.phases[-1]
    return Whereabouts(snapshot.status, last.name, round(last.seconds(now()), 1), note(last.name, snapshot))


def follow_to_the_end(connection: Connection, arn: str, run_id: str, output: Output) -> Snapshot:
    """Shows each state on standard error; returns the last snapshot, which is complete."""
    from local.execution import follow
    from local.progress import Progress

    asked = False
    with Progress(output.err) as progress:
        for snapshot in follow(connection, arn, connection.poll_seconds):
            progress.show(snapshot)
            if not asked and _waits_for_a_person(snapshot):
                asked = True
                output.say(
                    f"The model passed its gates and waits for a person: sluice approve {run_id}, or "
                    f"sluice reject {run_id} (Ctrl-C stops watching, not the run)"
                )
    return snapshot


def _waits_for_a_person(snapshot: Snapshot) -> bool:
    return bool(snapshot.phases) and snapshot.phases[-1].name == _WAITS_FOR_A_PERSON and snapshot.status == "RUNNING"
