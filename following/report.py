"""What a person reads when a run has ended: how good the model is, why it is deployed or not, where its files are."""

from __future__ import annotations

import itertools
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sluice.evaluation.metrics import METRICS, of_task, tell_cross_validation
from sluice.messages import AnyMetrics, GateCheck, Metrics, NumberMetrics, RunResult, ValidationResult
from sluice.wording import one_line

_MAX_COLUMNS: Final = 6
"""Classes whose confusion matrix fits a terminal."""


def print_report(
    console: Console,
    result: dict[str, Any],
    recorded: RunResult | None,
    validation: ValidationResult | None,
    page: str | None = None,
) -> None:
    """Prints the result of a run.

    Args:
        result: as written to RESULT.json.
        recorded: the run's recorded outcome, None if none was recorded.
        validation: what validation found, for the names of the classes.
        page: path or address of the run's page.
    """
    classes = validation.classes if validation else ()
    console.print()
    if recorded and recorded.metrics:
        print_metrics(console, recorded.metrics, classes)
    if recorded and recorded.gates:
        console.print(gates_table(recorded.gates))
    for warning in recorded.warnings if recorded else ():
        console.print(Text(one_line(f"warning: {warning}"), style="yellow"), soft_wrap=not console.is_terminal)
    if validation and validation.left_out:
        console.print(
            Text(one_line(f"{'left out':<16} {_left_out(validation.left_out)}")), soft_wrap=not console.is_terminal
        )
    lines = {"endpoint": _endpoint(result["endpoint"]), "prediction": _sentence(result["prediction"])}
    for name, text in lines.items():
        if text:
            console.print(Text(one_line(f"{name:<16} {text}")), soft_wrap=not console.is_terminal)
    print_artifacts(console, result["artifacts"])
    if page:
        console.print(Text.assemble(f"{'open this':<16} ", (page, "bold")), soft_wrap=True)
    training = result["seconds"]["training"]
    seconds = f"{result['seconds']['total']:.1f} s" + (f", {training} s of it training" if training is not None else "")
    good = result["outcome"] == "deployed"
    headline = Text(str(result["outcome"]).replace("_", " "), style="bold green" if good else "bold red")
    console.print(headline, Text(f"in {seconds}"))


def _left_out(columns: dict[str, str]) -> str:
    return "; ".join(f"{name} ({reason})" for name, reason in columns.items())


def print_artifacts(console: Console, artifacts: dict[str, str]) -> None:
    """Where the run's files are: the common folder once, then each file in it."""
    if not artifacts:
        return
    levels = zip(*(where.split("/")[:-1] for where in artifacts.values()), strict=False)
    folder = "".join(f"{names[0]}/" for names in itertools.takewhile(lambda names: len(set(names)) == 1, levels))
    console.print(Text(f"{'files in':<16} {folder}", style="dim"), soft_wrap=not console.is_terminal)
    for name, where in artifacts.items():
        console.print(Text(f"{name:<16} {where.removeprefix(folder)}", style="dim"), soft_wrap=True)


def print_metrics(console: Console, metrics: AnyMetrics, classes: tuple[str, ...]) -> None:
    metric = METRICS[metrics.leading]
    console.print(
        Text.assemble(
            f"{metric.words} ",
            (metric.shown(metrics.loss), "bold"),
            f" on {metrics.rows:,} held-out rows{_beside_baseline(metrics)}",
        ),
        soft_wrap=not console.is_terminal,
    )
    if metrics.cross_validated:
        console.print(Text(tell_cross_validation(metrics.cross_validated)), soft_wrap=not console.is_terminal)
    if not isinstance(metrics, Metrics):
        console.print(_numbers_table(metrics))
        return
    at = "" if metrics.cutoff is None else f" at cutoff {metrics.cutoff:g}"
    console.print(Text(f"accuracy {metrics.accuracy:.4f}{at}"))
    few = len(metrics.confusion_matrix) <= _MAX_COLUMNS
    console.print(_confusion_matrix(metrics, classes) if few else _confusions(metrics, classes))


def _beside_baseline(metrics: AnyMetrics) -> str:
    baseline = metrics.prior_loss
    shown = METRICS[metrics.leading].shown(baseline)
    return f", {metrics.loss / baseline:.0%} of the baseline's {shown}" if baseline else ""


def _numbers_table(metrics: NumberMetrics) -> Table:
    table = Table(title="metrics (held-out rows)", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("metric", "value", "95% interval"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for name, metric in of_task(metrics.task).items():
        value, ends = getattr(metrics, name), metrics.intervals.get(name)
        between = f"{metric.shown(ends[0])} to {metric.shown(ends[1])}" if ends else ""
        table.add_row(metric.words, "" if value is None else metric.shown(value), between)
    return table


def _confusion_matrix(metrics: Metrics, classes: tuple[str, ...]) -> Table:
    names = _names(metrics, classes)
    table = Table(title="confusion matrix (held-out rows)", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in names:
        table.add_column(Text(f"predicted {name}"), justify="right")
    for name, counts in zip(names, metrics.confusion_matrix, strict=True):
        table.add_row(Text(f"true {name}"), *(f"{count:,}" for count in counts))
    return table


def _confusions(metrics: Metrics, classes: tuple[str, ...]) -> Table:
    """The essentials of a matrix that is too wide for a terminal: rows, hits and commonest mistake of each class."""
    classes = _names(metrics, classes)
    table = Table(title="classes (held-out rows)", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("class", "rows", "right", "most often mistaken for"):
        table.add_column(heading, justify="right" if heading in ("rows", "right") else "left")
    for number, counts in enumerate(metrics.confusion_matrix):
        wrong = {other: count for other, count in enumerate(counts) if other != number and count}
        worst = max(wrong, key=lambda other: wrong[other], default=None)
        taken_for = "" if worst is None else f"{classes[worst]} ({wrong[worst]:,})"
        table.add_row(Text(classes[number]), f"{sum(counts):,}", f"{counts[number]:,}", Text(taken_for))
    return table


def _names(metrics: Metrics, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes; their numbers if the names are not known."""
    return tuple(map(one_line, classes)) or tuple(str(number) for number in range(len(metrics.confusion_matrix)))


def gates_table(gates: tuple[GateCheck, ...]) -> Table:
    table = Table(title="gates", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("gate", "value", "limit", ""):
        table.add_column(heading, justify="right" if heading in ("value", "limit") else "left")
    for gate in gates:
        sign = "<=" if gate.comparison == "at_most" else ">="
        verdict = Text("passed", style="green") if gate.passed else Text("failed", style="red")
        table.add_row(Text(one_line(gate.name)), _number(gate.value), f"{sign} {_number(gate.limit)}", verdict)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _endpoint(endpoint: dict[str, Any] | None) -> str:
    return f"{endpoint['name']} ({endpoint['status']})" if endpoint else ""


def _sentence(prediction: dict[str, Any] | None) -> str:
    if prediction is None:
        return ""
    if "score" not in prediction:
        told, true = prediction["predicted"], prediction["actual"]
        return f"the live endpoint predicted {told:,.6g} for a held-out row, which is {true:,.6g}"
    return (
        f"the live endpoint gave a held-out row the score {prediction['score']:.4f} for {prediction['positive']}: "
        f"predicted {prediction['predicted']}, actually {prediction['actual']}"
    )
