"""One run: what it came to and on what grounds, or where its execution is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.connection import Connection
from cli.decisions import read_decision, undecided
from cli.execution import Whereabouts, whereabouts
from cli.output import Output, moment
from cli.runs import Run, the_run
from cli.stack import Stack

if TYPE_CHECKING:
    from sluice.runs.approval import Pending


def show(connection: Connection, stack: Stack, run_id: str, output: Output) -> None:
    """Raises: CommandError where there is no such run."""
    run = the_run(connection.dynamodb, stack.runs_table, run_id)
    pending = undecided(connection.dynamodb, stack.runs_table, run)
    at = whereabouts(connection, run.execution_arn) if run.goes_on and run.execution_arn else None
    output.document(_document(run, pending, at))
    if not output.as_json:
        _print(connection, stack, run, pending, at, output)


def _until(pending: Pending) -> str:
    return datetime.fromtimestamp(pending.expires_at, UTC).isoformat(timespec="seconds")


def _document(run: Run, pending: Pending | None, at: Whereabouts | None) -> dict[str, Any]:
    closing = run.result or {}
    told = ("reasons", "warnings", "rows", "metrics", "gates", "endpoint", "artifacts")
    return {
        **run.as_json(),
        "execution": run.execution,
        **{name: closing.get(name) for name in told},
        "now": at.as_json() if at else None,
        "waits_for_approval_until": _until(pending) if pending else None,
    }


def _print(
    connection: Connection, stack: Stack, run: Run, pending: Pending | None, at: Whereabouts | None, output: Output
) -> None:
    from following.report import gates_table, print_artifacts, print_metrics

    output.print(f"run {run.run_id} of dataset {run.dataset}: {run.status.replace('_', ' ')}")
    output.print(f"file      {run.key}")
    output.print(f"started   {moment(run.started_at)}, execution {run.execution}")
    if run.finished_at:
        output.print(f"finished  {moment(run.finished_at)}")
    if pending:
        output.print(
            f"It waits for a person until {moment(_until(pending))}: sluice approve {run.run_id}, or sluice reject "
            f"{run.run_id} --comment 'why'"
        )
    elif at:
        output.print(f"It {at.sentence()}.")
    closed = run.closed()
    if closed is None:
        return
    for reason in closed.reasons:
        output.print(f"- {reason}")
    for warning in closed.warnings:
        output.print(f"worth a look: {warning}")
    if closed.metrics:
        output.print("")
        decision = read_decision(connection.s3, stack.artifacts, run)
        print_metrics(output.out, closed.metrics, decision.data.classes if decision else ())
    if closed.gates:
        output.print(gates_table(closed.gates))
    if closed.endpoint:
        output.print(f"endpoint  {closed.endpoint.name} ({closed.endpoint.status}, {closed.endpoint.config})")
    print_artifacts(output.out, closed.artifacts)
