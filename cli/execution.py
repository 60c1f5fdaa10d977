"""Follows an execution to its end, and says how it ended or how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.failure import NO, InterruptedRunError
from cli.output import Output
from cli.runs import DEPLOYED, Run

if TYPE_CHECKING:
    from following.execution import Snapshot

_WAITS_FOR_A_PERSON: Final = "AskForApproval"


@dataclass(frozen=True)
class Whereabouts:
    """How far an execution has come. ``state`` is the last one that it entered; None if that is no longer known."""

    status: str
    state: str | None = None
    seconds: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"status": self.status, "state": self.state, "seconds": self.seconds, "note": self.note}

    def sentence(self) -> str:
        if self.status != "RUNNING":
            return (
                f"has no outcome yet: its execution ended as {self.status}, and the stack closes the run within minutes"
            )
        since = f" for {self.seconds:.0f} s" if self.seconds is not None else ""
        return f"is running: at {self.state or 'the beginning'}{since}{f' ({self.note})' if self.note else ''}"


def whereabouts(connection: Connection, arn: str) -> Whereabouts:
    from botocore.exceptions import ClientError

    from following.execution import follow, now
    from following.progress import note
    from sluice.aws.errors import is_not_found

    try:
        snapshot = next(follow(connection, arn))
    except ClientError as error:
        if not is_not_found(error):
            raise
        return Whereabouts("FORGOTTEN")
    if not snapshot.phases:
        return Whereabouts(snapshot.status)
    last = snapshot.phases[-1]
    return Whereabouts(snapshot.status, last.name, round(last.seconds(now()), 1), note(last.name, snapshot))


def follow_to_the_end(connection: Connection, arn: str, run: Run, output: Output) -> int:
    """Names a run, shows each of its states on standard error, and then how it ended.

    Args:
        arn: the execution that works on the run now.

    Returns:
        Exit status, 0 if the model was deployed.

    Raises:
        InterruptedRunError: the person stops watching.
    """
    try:
        output.say(f"run {run.run_id} of dataset {run.dataset}, execution {arn.rpartition(':')[2]}")
        snapshot = _watch(connection, arn, run.run_id, output)
    except KeyboardInterrupt:
        raise InterruptedRunError(run.run_id) from None
    return _tell_end(snapshot, run, output)


def _watch(connection: Connection, arn: str, run_id: str, output: Output) -> Snapshot:
    from following.execution import follow
    from following.progress import Progress

    asked = False
    with Progress(output.err) as progress:
        for snapshot in follow(connection, arn, connection.poll_seconds):
            progress.show(snapshot)
            if not asked and _waits_for_a_person(snapshot):
                asked = True
                output.say(
                    f"The model passed its gates and waits for your approval: sluice approve {run_id}, or "
                    f"sluice reject {run_id} (Ctrl-C ends this view, not the run)"
                )
    return snapshot


def _waits_for_a_person(snapshot: Snapshot) -> bool:
    return bool(snapshot.phases) and snapshot.phases[-1].name == _WAITS_FOR_A_PERSON and snapshot.status == "RUNNING"


def _tell_end(snapshot: Snapshot, run: Run, output: Output) -> int:
    """Shows how an execution ended. Returns: exit status, 0 if the model was deployed."""
    from following.report import print_report
    from following.result import result_json, run_result, validation_result

    seconds = ((snapshot.stopped or snapshot.started) - snapshot.started).total_seconds()
    result = result_json(snapshot, dataset=run.dataset, prediction=None, total_seconds=seconds)
    result["run_id"] = result["run_id"] or run.run_id
    told = {name: value for name, value in result.items() if name not in ("execution_arn", "prediction")}
    output.document({**told, "execution": run.execution})
    if not output.as_json:
        print_report(output.out, result, run_result(snapshot), validation_result(snapshot))
    if result["outcome"] == DEPLOYED:
        return 0
    for reason in result["reasons"]:
        output.say(reason)
    return NO
