"""Which reports are due, and what is told of a report that changes a model's state. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from sluice.dataset.config import Monitor
from sluice.monitoring.log_files import days_between
from sluice.monitoring.report import MonitorReport


def due_days(monitor: Monitor, before: MonitorReport | None, today: datetime.date) -> list[datetime.date]:
    """The days that a report is due on: whole ones, the last of them yesterday. Empty if none is due.

    Args:
        monitor: of the dataset's configuration.
        before: the newest report.
    """
    yesterday = today - datetime.timedelta(days=1)
    if monitor.days is None:
        return []
    if before is not None and (yesterday - datetime.date.fromisoformat(before.until)).days < monitor.days:
        return []
    return days_between(yesterday - datetime.timedelta(days=monitor.days - 1), yesterday)


def in_turn(datasets: Sequence[str], hour: int) -> list[str]:
    """The datasets, each hour beginning with another one: one that takes all the time must not keep others for ever."""
    start = hour % len(datasets) if datasets else 0
    return [*datasets[start:], *datasets[:start]]


def notice(report: MonitorReport, before: MonitorReport | None) -> tuple[str, str] | None:
    """Subject and text of the notice; None if the state is as before, or is `ok` from the start."""
    was = before.state if before else "ok"
    if report.state == was:
        return None
    days = report.since if report.since == report.until else f"{report.since} to {report.until}"
    changes = "".join(f"- {finding.what}\n" for finding in report.findings)
    return (
        f"Sluice: the model of {report.dataset} is {report.state}"[:100],
        f"{report.reason}\n\nDataset: {report.dataset}\nDays: {days} (UTC)\nModel: run {report.model_version}\n"
        f"State before: {was}\n"
        + (f"\nWhat moved:\n{changes}" if changes else "")
        + f"\nTo look at it now: sluice monitor {report.dataset} --since {report.since}\n",
    )
