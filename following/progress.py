"""Shows a run while it happens: live lines on a terminal, otherwise one line for each phase that has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from following.execution import Phase, Snapshot, now
from sluice.evaluation.metrics import METRICS

_METRICS_SHOWN: Final = {
    "validation-logloss": "log loss",
    "validation-mlogloss": "log loss",
    "validation-rmse": "RMSE",
}


class Progress:
    """Use as a context manager, and call :meth:`show` with each snapshot."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None
        self._spinner = Spinner("dots", style="cyan")
        self._printed: set[str] = set()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        if self._live:
            self._live.update(self._picture(snapshot))
        else:
            self._print_ended(snapshot)

    def _picture(self, snapshot: Snapshot) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2)
        table.add_column(min_width=16)
        table.add_column(min_width=8, justify="right")
        table.add_column(overflow="fold")
        for phase in snapshot.phases:
            going = not _ended(phase, snapshot)
            table.add_row(
                self._spinner if going else _mark(phase, snapshot),
                Text(phase.name, style="bold" if going else ""),
                Text(_duration(phase, snapshot), style="dim"),
                Text(note(phase.name, snapshot)),
            )
        return Group(table)

    def _print_ended(self, snapshot: Snapshot) -> None:
        for phase in snapshot.phases:
            if phase.name not in self._printed and _ended(phase, snapshot):
                self._printed.add(phase.name)
                text = f"{phase.name:<16} {_duration(phase, snapshot):>8}  {note(phase.name, snapshot)}"
                self._console.print(Text(text.rstrip()), soft_wrap=True)


def note(phase: str, snapshot: Snapshot) -> str:
    """The remark on a phase, from what its function returned."""
    said = snapshot.payloads.get(phase, {})
    if phase == "CheckTraining":
        return " ".join(filter(None, [said.get("secondary_status", ""), _rounds(snapshot)]))
    return _NOTES[phase](said) if said and phase in _NOTES else ""


def _rows(said: dict[str, Any]) -> str:
    rows = said["rows"]
    if said["verdict"] == "rejected":
        return f"file rejected, {rows['received']:,} rows read"
    parts = " / ".join(f"{rows[part]:,}" for part in ("train", "validation", "test"))
    rejected = f", {rows['rejected']:,} rejected" if rows["rejected"] else ""
    return f"{rows['accepted']:,} rows{rejected}; train / validation / test {parts}; {said['features']} features"


def _rounds(snapshot: Snapshot) -> str:
    if not snapshot.rounds:
        return ""
    last = snapshot.rounds[-1]
    name = next((name for name in _METRICS_SHOWN if name in last.metrics), None)
    shown = f", validation {_METRICS_SHOWN[name]} {last.metrics[name]:.4f}" if name else ""
    return f"round {last.number}{shown}"


def _difference(said: dict[str, Any]) -> str:
    return "unknown" if said["largest_difference"] is None else f"{said['largest_difference']:.1g}"


def _score(said: dict[str, Any]) -> str:
    metrics = said.get("metrics")
    losses = (METRICS[name] for name in ("log_loss", "rmse"))
    measured = [
        f"{loss.words} {loss.shown(metrics[loss.name])}: " for loss in losses if metrics and loss.name in metrics
    ]
    return f"{''.join(measured)}model {said['verdict']}"


def _verification(said: dict[str, Any]) -> str:
    return f"{said['verdict']}: {said['rows']} rows scored, largest difference {_difference(said)}"


def _registered(said: dict[str, Any]) -> str:
    return f"{said['group']} version {said['version']}" if said["version"] else str(said["verdict"])


_NOTES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "ValidateData": _rows,
    "StartTraining": lambda said: str(said["job_name"]),
    "StartRefit": lambda said: str(said["job_name"]),
    "CheckRefit": lambda said: str(said["secondary_status"]),
    "EvaluateModel": _score,
    "DeployEndpoint": lambda said: str(said["endpoint_name"]),
    "CheckEndpoint": lambda said: str(said["endpoint_status"]),
    "RestoreEndpoint": lambda said: str(said["verdict"]),
    "VerifyEndpoint": _verification,
    "RecordOutcome": lambda said: str(said["outcome"]),
    "RegisterModel": _registered,
    "RenderReport": lambda said: str(said["report_uri"]),
}


def _ended(phase: Phase, snapshot: Snapshot) -> bool:
    """Whether the phase has ended. Between two checks of a loop its state has ended, but the phase has not."""
    return snapshot.status != "RUNNING" or (phase.ended is not None and phase != snapshot.phases[-1])


def _mark(phase: Phase, snapshot: Snapshot) -> Text:
    refused = snapshot.payloads.get(phase.name, {})
    bad = refused.get("verdict") in ("rejected", "failed") or refused.get("status") in (
        "failed",
        "stopped",
        "rolled_back",
    )
    return Text("✗", style="red") if bad or phase.ended is None else Text("✓", style="green")


def _duration(phase: Phase, snapshot: Snapshot) -> str:
    until: datetime = snapshot.stopped or now()
    return f"{phase.seconds(until):.1f} s"
