"""Compares the predictions of a live model with what it was made with, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.connection import Connection
from cli.failure import NO, CommandError, as_sentence
from cli.output import Output, table
from cli.stack import Stack
from cli.watching import days_since, the_live_model

if TYPE_CHECKING:
    from sluice.monitoring.aws.watched import Watched
    from sluice.monitoring.report import ColumnReport, Finding, MonitorReport


def monitor(connection: Connection, stack: Stack, dataset: str, since: str, output: Output) -> int:
    """Returns: exit status, 1 if the model drifts or has no predictions.

    Raises:
        AnswerIsNoError: nothing is live.
        CommandError: ``since`` is no day, or another version of Sluice made the model.
    """
    from sluice.monitoring.aws.watched import report_before
    from sluice.monitoring.aws.watching import report_on
    from tabular.traffic import count_traffic

    days = days_since(since)
    live = the_live_model(connection, stack, dataset)
    watched = _watched(connection, stack, dataset, live.run_id)
    before = report_before(connection.s3, stack.artifacts, dataset, days[0])
    report = report_on(connection.s3, stack.artifacts, dataset, watched, days, count_traffic, before)
    output.document(report.model_dump(mode="json"))
    if not output.as_json:
        _print(report, output)
    return 0 if report.state == "ok" else NO


def _watched(connection: Connection, stack: Stack, dataset: str, run_id: str) -> Watched:
    from sluice.dataset.contract import ContractError
    from sluice.documents import NewerDocumentError
    from sluice.monitoring.aws.watched import read_watched

    try:
        return read_watched(connection.s3, stack.artifacts, dataset, run_id)
    except FileNotFoundError as error:
        raise CommandError(f"{error} is gone; it is needed to compare. Drop a file to make a new model.") from error
    except (NewerDocumentError, ContractError) as error:
        raise CommandError(as_sentence(f"run {run_id} cannot be read: {error}")) from error


def _print(report: MonitorReport, output: Output) -> None:
    days = report.since if report.since == report.until else f"{report.since} to {report.until}"
    output.print(f"{report.dataset}, {days} UTC, the model of run {report.model_version}: {report.state}")
    output.print(report.reason)
    for what in remarks(report):
        output.print(what)
    if not report.compared:
        return
    counts = {finding.column for finding in report.findings}
    columns = sorted(report.columns, key=lambda one: (one.name not in counts, -(one.distribution.psi or 0)))
    headings = ["column", "PSI", "distance", "missing", "unseen", "outside", "counts"]
    output.print(table(headings, (_row(one, report.findings) for one in columns), headings[1:-1]))
    for name, found in (("scores", report.scores), ("labels", report.labels)):
        if found and found.psi is not None and found.jensen_shannon is not None:
            output.print(f"{name}: PSI {found.psi:.3f}, Jensen-Shannon distance {found.jensen_shannon:.3f}")


def remarks(report: MonitorReport) -> list[str]:
    """What a reader must know of what was read."""
    said = []
    if report.read_share < 1:
        said.append(f"A sample of {report.read_share:.1%} of the log's files was read.")
    if report.rows_of_others:
        said.append(f"{report.rows_of_others:,} predictions of other models are left out.")
    if report.unread_lines or report.broken_files:
        said.append(f"{report.unread_lines:,} lines are no predictions, and {report.broken_files:,} files are broken.")
    return said


def _row(column: ColumnReport, findings: tuple[Finding, ...]) -> list[str]:
    told = column.distribution
    rules = [one.rule.replace("_", " ") for one in findings if one.column == column.name]
    return [
        column.name,
        "" if told.psi is None else f"{told.psi:.3f}",
        "" if told.jensen_shannon is None else f"{told.jensen_shannon:.3f}",
        _percent(column.missing_share),
        _percent(column.unseen_share),
        _percent(column.outside_share),
        ", ".join(rules),
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
