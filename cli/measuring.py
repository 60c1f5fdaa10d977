"""How good a dataset's live model is on the predictions whose truth is known, now."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.failure import NO, CommandError, as_sentence
from cli.output import Output, table
from cli.stack import Stack
from cli.watching import days_since, the_live_model

if TYPE_CHECKING:
    from sluice.dataset.config import DatasetConfig
    from sluice.dataset.recipe import Recipe
    from sluice.monitoring.quality import Figure, LabelCounts, MeasuredModel, Quality, QualityReport
    from tabular.answers import ReadAnswers
    from tabular.labels import ReadLabels

_PROBLEMS: Final = 100
"""Of lines and files, that the report names."""
_PROBLEMS_SHOWN: Final = 10


@dataclass(frozen=True)
class _Live:
    recipe: Recipe
    config: DatasetConfig
    measured: MeasuredModel


def quality(connection: Connection, stack: Stack, dataset: str, since: str, output: Output) -> int:
    """Returns: exit status, 1 if the model is degraded or its quality is not known.

    Raises:
        AnswerIsNoError: nothing is live.
        CommandError: ``since`` is no day, or another version of Sluice made the model.
    """
    days = days_since(since)
    live = the_live_model(connection, stack, dataset)
    report = _report(connection, stack, dataset, live.run_id, days)
    output.document(report.model_dump(mode="json"))
    if not output.as_json:
        _print(report, output)
    return 0 if report.state == "ok" else NO


def _report(connection: Connection, stack: Stack, dataset: str, run_id: str, days: Sequence[date]) -> QualityReport:
    from scoring.live_quality import quality_report
    from sluice.monitoring.aws.log import log_batches, log_files
    from sluice.monitoring.comparison import Window
    from sluice.monitoring.log_files import chosen
    from sluice.monitoring.truth import join
    from tabular.answers import read_answers

    s3, bucket = connection.s3, stack.artifacts
    live = _live(connection, stack, dataset, run_id)
    read, counts = _labels(connection, stack, dataset, live, days[0])
    files = log_files(s3, bucket, dataset, days)
    kept = chosen(files)
    broken: list[str] = []
    found = read_answers(
        log_batches(s3, bucket, kept, broken),
        live.measured.task,
        live.measured.classes,
        {label.id for label in read.labels if label.id is not None},
        {label.key for label in read.labels if label.id is None and label.key is not None},
    )
    window = Window(
        dataset=dataset,
        since=days[0].isoformat(),
        until=days[-1].isoformat(),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        log_share=live.config.predictions.log_share,
        read_share=len(kept) / len(files) if files else 1.0,
        broken_files=len(broken),
    )
    joined = join(read.labels, found.answers)
    others = _others(connection, stack, dataset, live, found)
    return quality_report(live.measured, others, found.answers, joined, found.seen, counts, live.config.monitor, window)


def _live(connection: Connection, stack: Stack, dataset: str, run_id: str) -> _Live:
    from sluice.dataset.aws.config import read_config
    from sluice.documents import NewerDocumentError

    try:
        recipe, evaluation = _documents(connection, stack, dataset, run_id)
        config = read_config(connection.s3, stack.artifacts, dataset, run_id)
    except FileNotFoundError as error:
        raise CommandError(f"{error} is gone; it is needed to compare. Drop a file to make a new model.") from error
    except NewerDocumentError as error:
        raise CommandError(as_sentence(f"run {run_id} cannot be read: {error}")) from error
    from sluice.monitoring.quality import measured_model

    return _Live(recipe, config, measured_model(run_id, recipe, evaluation))


def _documents(connection: Connection, stack: Stack, dataset: str, run_id: str) -> tuple[Recipe, Mapping[str, Any]]:
    from sluice.aws.objects import read_json
    from sluice.dataset.recipe import Recipe
    from sluice.layout import RunLayout, uri

    there = RunLayout(dataset, run_id)
    recipe = Recipe.read(read_json(connection.s3, uri(stack.artifacts, there.recipe)))
    return recipe, read_json(connection.s3, uri(stack.artifacts, there.evaluation))


def _others(connection: Connection, stack: Stack, dataset: str, live: _Live, found: ReadAnswers) -> list[MeasuredModel]:
    """The other models that made predictions, as far as this release can read what their runs left."""
    from sluice.documents import NewerDocumentError
    from sluice.monitoring.quality import measured_model
    from sluice.names import is_run_id

    others = []
    for version in sorted(found.seen.keys() - {live.measured.model_version}):
        try:
            if is_run_id(version):
                others.append(measured_model(version, *_documents(connection, stack, dataset, version)))
        except (FileNotFoundError, NewerDocumentError):
            continue
    return others


def _labels(
    connection: Connection, stack: Stack, dataset: str, live: _Live, since: date
) -> tuple[ReadLabels, LabelCounts]:
    """All labels that may be of predictions made from a day on, and what was read."""
    from sluice.monitoring.aws.labels import fetch_labels, label_files
    from sluice.monitoring.quality import LabelCounts
    from tabular.labels import ReadLabels, Wanted, read_labels

    files = label_files(connection.s3, stack.inbox, dataset)
    recent = [file for file in files if file.arrived >= datetime.combine(since, time.min, UTC)]
    wanted = Wanted(live.recipe, live.config.key, live.config.classes)
    read, fetched = ReadLabels(), 0
    for file in recent:
        with tempfile.TemporaryDirectory(prefix="sluice-labels-") as folder:
            path = Path(folder, "labels.csv")
            if fetch_labels(connection.s3, stack.inbox, file, path):
                fetched += 1
                read_labels(path, Path(folder), file.key, file.arrived, wanted, read)
    return read, LabelCounts(
        files=fetched - len(read.refused),
        files_before=len(files) - len(recent),
        labels=len(read.labels),
        blank=read.blank,
        set_aside=len(read.set_aside),
        problems=tuple([*read.refused, *read.set_aside][:_PROBLEMS]),
    )


def _print(report: QualityReport, output: Output) -> None:
    days = report.since if report.since == report.until else f"{report.since} to {report.until}"
    output.print(
        f"{report.dataset}, predictions of {days} UTC, the model of run {report.model_version}: {report.state}"
    )
    output.print(report.reason)
    for sentence in remarks(report):
        output.print(sentence)
    if report.quality.figures:
        headings = ["metric", "labelled", "95 % interval", "test set", "p-value", "beyond chance"]
        output.print(table(headings, map(_row, *zip(*report.quality.figures.items(), strict=True)), headings[1:5]))
    if len(report.weeks) + len(report.versions) > 1:
        shown: list[tuple[str, Quality]] = [(f"week of {week.week}", week) for week in report.weeks]
        shown += [(f"model of run {version.model_version}", version) for version in report.versions]
        leading = "rmse" if report.task == "regression" else "log_loss"
        rows = (_part(name, part, leading) for name, part in shown)
        output.print(table(["part", "predictions", "labelled", leading.replace("_", " "), "95 % interval"], rows))
    if report.estimate:
        output.print(estimated(report))


def _row(name: str, figure: Figure) -> list[str]:
    from sluice.evaluation.metrics import METRICS

    metric = METRICS[name]
    return [
        metric.words,
        metric.shown(figure.value),
        _ends(name, figure),
        "" if figure.test is None else metric.shown(figure.test),
        "" if figure.p_value is None else f"{figure.p_value:.2g}",
        "yes" if figure.beyond_chance else "",
    ]


def _ends(name: str, figure: Figure) -> str:
    from sluice.evaluation.metrics import METRICS

    return " to ".join(METRICS[name].shown(end) for end in figure.interval) if figure.interval else ""


def _part(name: str, part: Quality, leading: str) -> list[str]:
    from sluice.evaluation.metrics import METRICS

    figure = part.figures.get(leading)
    measured = [METRICS[leading].shown(figure.value), _ends(leading, figure)] if figure else ["", ""]
    return [name, f"{part.predictions:,}", f"{part.labelled:,}", *measured]


def remarks(report: QualityReport) -> list[str]:
    """What a reader must know of what was read."""
    labels, said = report.labels, []
    if report.read_share < 1:
        said.append(f"A sample of {report.read_share:.1%} of the log's files was read.")
    if report.broken_files:
        said.append(f"{report.broken_files:,} files of the log are broken.")
    if labels.contradicted:
        said.append(f"Labels contradict one another for {labels.contradicted:,} predictions; the newest count.")
    if labels.unmatched:
        said.append(f"{labels.unmatched:,} of {labels.labels:,} labels are of no prediction of these days.")
    if labels.set_aside:
        said.append(f"{labels.set_aside:,} lines of labels are set aside.")
    said += [
        problem_sentence(problem.file, problem.line, problem.column, problem.what)
        for problem in labels.problems[:_PROBLEMS_SHOWN]
    ]
    if len(labels.problems) > _PROBLEMS_SHOWN:
        said.append(f"--json lists the first {_PROBLEMS} of these.")
    return said


def problem_sentence(file: str, line: int | None, column: str | None, what: str) -> str:
    """A line that was set aside, with its place; what is said of a whole file has it already."""
    from sluice.wording import one_line

    if what.startswith(one_line(file)):
        return what
    place = ", ".join([file, *([f"line {line}"] if line else []), *([f"column `{column}`"] if column else [])])
    return f"{place}: {what}."


def estimated(report: QualityReport) -> str:
    """What to expect without labels, and what that cannot see."""
    found = report.estimate
    assert found is not None  # noqa: S101 - the caller asks for one that is there
    test = "" if found.test_log_loss is None else f" (test set: {found.test_log_loss:.4f})"
    right = "" if found.test_accuracy is None else f" (test set: {found.test_accuracy:.4f})"
    return (
        f"Estimate from the probabilities of {found.rows:,} predictions, without labels: log loss {found.log_loss:.4f}"
        f"{test}, accuracy {found.accuracy:.4f}{right}. It takes the probabilities for true ones, so it cannot see "
        "that the same records now turn out otherwise."
    )
