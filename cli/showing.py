"""One run: how it ended and why, or how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.decisions import read_decision, undecided
from cli.execution import Whereabouts, follow_to_the_end, whereabouts
from cli.failure import AnswerIsNoError
from cli.output import Output, moment
from cli.runs import Run, the_run
from cli.stack import Stack

if TYPE_CHECKING:
    from sluice.messages import AnyMetrics, Approval, GateCheck, RunResult
    from sluice.runs.approval import Question

_REPORT: Final = "report"
_PAGE_SECONDS: Final = 3600


@dataclass(frozen=True)
class Shown:
    """A run with all that is known about it. ``until``: the deadline for a person's decision, if it waits for one."""

    run: Run
    closed: RunResult | None
    question: Question | None
    until: str | None
    at: Whereabouts | None

    @property
    def metrics(self) -> AnyMetrics | None:
        return self._found.metrics if self._found else None

    @property
    def gates(self) -> tuple[GateCheck, ...]:
        return self._found.gates if self._found else ()

    @property
    def artifacts(self) -> Mapping[str, str]:
        return self._found.artifacts if self._found else {}

    @property
    def approval(self) -> Approval | None:
        return self.closed.approval if self.closed else None

    @property
    def _found(self) -> RunResult | Question | None:
        return self.closed or self.question


def show(connection: Connection, stack: Stack, run_id: str, output: Output) -> None:
    """Raises: CommandError if there is no such run."""
    run = the_run(connection, stack, run_id)
    shown = Shown(run, run.closed(), run.asked(), _until(connection, stack, run), _whereabouts(connection, run))
    page = _address(connection, shown)
    output.document(_document(shown, page))
    if not output.as_json:
        _print(connection, stack, shown, page, output)


def follow(connection: Connection, stack: Stack, run_id: str, output: Output) -> int:
    """Shows a run's steps to its end. Returns: exit status, 0 if the model was deployed.

    Raises:
        AnswerIsNoError: the run has ended.
    """
    run = the_run(connection, stack, run_id)
    if not run.goes_on or not run.execution_arn:
        raise AnswerIsNoError(f"Run {run_id} has ended; to see how: sluice show {run_id}")
    return follow_to_the_end(connection, run.execution_arn, run, output)


def _until(connection: Connection, stack: Stack, run: Run) -> str | None:
    pending = undecided(connection.dynamodb, stack.runs_table, run)
    return datetime.fromtimestamp(pending.expires_at, UTC).isoformat(timespec="seconds") if pending else None


def _whereabouts(connection: Connection, run: Run) -> Whereabouts | None:
    return whereabouts(connection, run.execution_arn) if run.goes_on and run.execution_arn else None


def _address(connection: Connection, shown: Shown) -> str | None:
    """Where a browser opens the run's page: the console, or the local AWS for an hour."""
    from sluice.layout import split_uri
    from sluice.runs.approval import console_url

    where = shown.artifacts.get(_REPORT)
    if where is None:
        return None
    if not connection.is_local:
        return console_url(shown.run.execution_arn, where)
    bucket, key = split_uri(where)
    return connection.s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_PAGE_SECONDS
    )


def _document(shown: Shown, page: str | None) -> dict[str, Any]:
    closing = shown.run.result or (shown.question.model_dump(mode="json") if shown.question else {})
    told = ("reasons", "warnings", "rows", "metrics", "gates", "endpoint", "artifacts", "approval")
    return {
        **shown.run.as_json(),
        "execution": shown.run.execution,
        **{name: closing.get(name) for name in told},
        "now": shown.at.as_json() if shown.at else None,
        "waits_for_approval_until": shown.until,
        "page": page,
    }


def _print(connection: Connection, stack: Stack, shown: Shown, page: str | None, output: Output) -> None:
    from following.report import gates_table, print_artifacts, print_metrics
    from sluice.runs.outcome import approved

    run, closed = shown.run, shown.closed
    output.print(f"run {run.run_id} of dataset {run.dataset}: {run.state}")
    output.print(f"file      {run.key}")
    output.print(f"started   {moment(run.started_at)}, execution {run.execution}")
    if run.finished_at:
        output.print(f"finished  {moment(run.finished_at)}")
    if shown.until:
        output.print(
            f"Its model passed the gates and waits for your approval until {moment(shown.until)}:",
            f"  sluice approve {run.run_id}",
            f"  sluice reject {run.run_id} --comment 'why'",
        )
    elif shown.at:
        output.print(f"It {shown.at.sentence()}.")
    if shown.approval:
        output.print(approved(shown.approval))
    for reason in closed.reasons if closed else ():
        output.print(f"- {reason}")
    for warning in closed.warnings if closed else ():
        output.print(f"warning: {warning}")
    if shown.metrics:
        output.print("")
        decision = read_decision(connection.s3, stack.artifacts, run) if closed else None
        print_metrics(output.out, shown.metrics, decision.data.classes if decision else ())
    if shown.gates:
        output.print(gates_table(shown.gates))
    if closed and closed.endpoint:
        output.print(f"endpoint  {closed.endpoint.name} ({closed.endpoint.status}, {closed.endpoint.config})")
    print_artifacts(output.out, dict(shown.artifacts))
    if page:
        output.print(f"open this {page}")
