"""``report.html``: what one run decided and why, on one page that loads nothing and runs no script.

The template has the sentences; this module gathers what they are about, and decides which sections there are.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from plotting import figures, words
from plotting.figures import Drawing
from plotting.number_figures import coverage_by_size, error_by_size, predicted_against_true, residuals
from plotting.profile import TableProfile
from sluice.evaluation.document import Evaluation, Mistake, SliceResult, TrainingReport
from sluice.evaluation.metrics import BASELINES, METRICS, of_task, tell_cross_validation
from sluice.messages import AnyMetrics, Metrics, Outcome, RowCounts, Run, RunResult, TrainingStatus
from sluice.runs.approval import Question, deadline
from sluice.wording import in_yaml

_HERE: Final = Path(__file__).parent
_FULL_MATRIX: Final = 12
_WORST_CONFUSIONS: Final = 20
_MAX_ROWS: Final = 100
_MAX_CELLS: Final = 30
_CELL_WIDTH: Final = 60
_MAX_LEVEL_FIGURES: Final = 6
_MAX_ATTENTION: Final = 3
"""Warnings at the top of the page; the sections that it links to have all of them."""

_FIGURES: Final = (
    "confusion", "roc", "precision_recall", "calibration", "cutoff_rates", "cutoff_cost", "importance", "shap",
    "predicted_true", "residuals", "error_by_size", "coverage",
)  # fmt: skip
_CURVES: Final = ("roc", "precision_recall", "calibration")
_OF_NUMBERS: Final = ("predicted_true", "residuals", "error_by_size", "coverage")
_SLICE_METRICS: Final = tuple(metric.name for metric in METRICS.values() if metric.by_slice)


@dataclass(frozen=True)
class ReportInput:
    """All that the page is drawn from; what the run never reached is None.

    Attributes:
        cells: of the rows that are among the worst mistakes, by the row's number and the column. Empty: not known.
    """

    run: Run
    result: RunResult
    profile: TableProfile | None
    training: TrainingStatus | None
    evaluation: Evaluation | None
    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The run's outcome: a word or two, whether it is good news, and one sentence."""

    word: str
    tone: str
    sentence: str


@dataclass(frozen=True)
class MetricRow:
    name: str
    better: str
    value: str
    interval: str
    prior: str


@dataclass(frozen=True)
class Fact:
    """A number at the top of the page."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Cell:
    """Of a row that is shown. ``drove``: the column is among the largest contributions."""

    column: str
    text: str
    drove: bool


@dataclass(frozen=True)
class ShownMistake:
    """A mistake with its row's cells, those of the largest contributions first."""

    mistake: Mistake
    cells: tuple[Cell, ...]
    more_cells: int


@dataclass(frozen=True)
class Confusion:
    truth: str
    guess: str
    rows: int
    share: float


@dataclass(frozen=True)
class Warned:
    """What a person should know before anything else; ``section``: where the page says more."""

    text: str
    section: str


@dataclass(frozen=True)
class SliceGroup:
    """The slices of one column, and the metrics that any of them has."""

    column: str
    metrics: tuple[str, ...]
    results: tuple[SliceResult, ...]
    drawing: Drawing | None


def render(page: ReportInput) -> str:
    """The page as HTML. The same input gives the same text."""
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    evaluation = page.evaluation
    training = evaluation.training if evaluation else None
    metrics = evaluation.metrics if evaluation else page.result.metrics
    rejected_file = page.result.outcome is Outcome.DATASET_REJECTED
    rows = page.profile.rows if page.profile and page.profile.rows.received else page.result.rows
    seconds = words.seconds_between(page.run.started_at, page.result.finished_at)
    waits = page.result.outcome is Outcome.AWAITING_APPROVAL
    parts: dict[str, Any] = {
        "gates": evaluation.gates if evaluation else page.result.gates,
        "metric_rows": _metric_rows(metrics, evaluation.prior if evaluation else None) if metrics else (),
        "drawings": _drawings(evaluation, metrics),
        "levels": _levels(evaluation),
        "mistakes": _mistakes(page),
        "slices": _slices(evaluation) if evaluation else (),
        "unmeasured": tuple(_unmeasured(evaluation)) if evaluation and metrics else (),
        "warnings": page.result.warnings or (page.profile.warnings if page.profile else ()),
        "rows": rows,
    }
    return _TEMPLATE.render(
        style=Markup(style),  # noqa: S704  (a file of this package)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        run=page.run,
        result=page.result,
        profile=page.profile,
        **parts,
        sections=_sections(page, parts),
        attention=tuple(_attention(parts["warnings"], training)),
        max_attention=_MAX_ATTENTION,
        facts=tuple(_facts(metrics, rows, seconds, rejected_file=rejected_file, waits=waits)),
        rejected_file=rejected_file,
        question=_question(page.result) if waits else None,
        approval=page.result.approval,
        cells=page.cells,
        job=page.training,
        evaluation=evaluation,
        training=training,
        decision=decide(page.result),
        metrics=metrics,
        baseline=BASELINES[metrics.task] if metrics else "",
        champion_rows=_champion_rows(evaluation) if evaluation else (),
        worst_confusions=_worst_confusions(metrics, _classes(evaluation, metrics)),
        classes=_classes(evaluation, metrics),
        full_matrix=_FULL_MATRIX,
        learning=_learning(evaluation),
        rules=Counter({}) if page.profile is None else _rules(page.profile),
        seconds=seconds,
        max_rows=_MAX_ROWS,
    ).lstrip()


def _attention(warnings: Sequence[str], training: TrainingReport | None) -> Iterator[Warned]:
    """The warnings on the file, the gravest first as they were recorded, then those on the training."""
    yield from (Warned(warning, "data") for warning in warnings)
    for finding in training.findings if training else ():
        if finding.severity == "warning":
            yield Warned(finding.what, "training")


def decide(result: RunResult) -> Decision:
    """The outcome in one sentence, from what was recorded."""
    endpoint = f" behind the endpoint {result.endpoint.name}" if result.endpoint else ""
    sentences = {
        Outcome.DEPLOYED: ("Deployed", "good", f"The model passed all its gates and is live{endpoint}."),
        Outcome.DATASET_REJECTED: ("File rejected", "bad", "The file was rejected, so no model was trained."),
        Outcome.TRAINING_FAILED: ("Training failed", "bad", "Training failed, so there is no model."),
        Outcome.MODEL_REJECTED: (
            "Not deployed", "bad", f"The model was not deployed: {_why_rejected(result)}.",
        ),
        Outcome.DEPLOYMENT_FAILED: (
            "Not deployed", "bad", "The model passed its gates, but its deployment failed.",
        ),
        Outcome.SUPERSEDED: (
            "Not deployed", "plain", "The model passed its gates, but the model of a newer file is live.",
        ),
        Outcome.AWAITING_APPROVAL: (
            "Waits for approval", "asks", "The model passed its gates and waits for a person to approve it.",
        ),
        Outcome.DUPLICATE: ("Processed before", "plain", "This file was processed before, so nothing was done."),
        Outcome.ERROR: ("Stopped", "bad", "A fault of the pipeline or of a service stopped the run."),
    }  # fmt: skip
    return Decision(*sentences[result.outcome])


def _why_rejected(result: RunResult) -> str:
    failed = [gate.name for gate in result.gates if not gate.passed]
    if failed:
        return f"it failed {len(failed)} of {words.plural(len(result.gates), 'gate')}: {words.listed(failed)}"
    if result.approval and result.approval.decision == "rejected":
        return f"it passed its gates, but {result.approval.decided_by or 'a person'} rejected it"
    if result.approval and result.approval.decision == "expired":
        return "it passed its gates, but nobody approved it before the deadline"
    return "it could not be measured"


def _question(result: RunResult) -> Question:
    """What the page asks. The clock of the run's wait starts a little later, so that the page's deadline is safe."""
    return Question(asked_at=result.finished_at, expires_at=deadline(result.finished_at))


def _sections(page: ReportInput, parts: Mapping[str, Any]) -> dict[str, str]:
    """Titles by id of the sections that have something to show, in their order."""
    evaluation, drawings = page.evaluation, parts["drawings"]
    training = evaluation.training if evaluation else None
    shown = {
        "gates": ("Gates", parts["gates"]),
        "metrics": ("Metrics", parts["metric_rows"]),
        "confusion": ("Confusion matrix", drawings["confusion"]),
        "curves": ("Curves", any(drawings[name] for name in _CURVES)),
        "errors": ("Errors", any(drawings[name] for name in _OF_NUMBERS)),
        "cutoff": ("Cutoff", evaluation and evaluation.cutoff),
        "training": ("Training", training or page.training),
        "columns": ("What the model learned", drawings["importance"] or drawings["shap"]),
        "mistakes": ("Worst mistakes", parts["mistakes"]),
        "champion": ("Champion and challenger", evaluation and evaluation.champion),
        "groups": ("Known and new values", evaluation and evaluation.gaps),
        "slices": ("Slices", parts["slices"]),
        "bias": ("Bias", evaluation and evaluation.bias),
        "unmeasured": ("Not measured", parts["unmeasured"]),
        "data": ("Data", page.profile or parts["rows"].received or parts["warnings"]),
        "run": ("Time and cost", True),
        "identity": ("Identity", True),
    }
    return {name: title for name, (title, found) in shown.items() if found}


def _facts(
    metrics: AnyMetrics | None, rows: RowCounts, seconds: float | None, *, rejected_file: bool, waits: bool
) -> Iterator[Fact]:
    if metrics:
        share = metrics.loss / metrics.prior_loss if metrics.prior_loss else None
        note = f"the baseline has {words.number(metrics.prior_loss)}"
        if share is not None:
            note = f"{share:.0%} of the baseline's {words.number(metrics.prior_loss)}"
        yield Fact(METRICS[metrics.leading].title, words.number(metrics.loss), note)
        on = f"on {words.plural(metrics.rows, 'held-out row')}"
        if isinstance(metrics, Metrics):
            yield Fact("Accuracy", words.percent(metrics.accuracy), on)
        else:
            yield Fact(METRICS["r2"].title, words.number(metrics.r2), on)
    if rows.received and rejected_file:
        yield Fact("Rows", words.count(rows.received), "received; none is used")
    elif rows.received:
        yield Fact("Rows", words.count(rows.accepted), f"accepted of {words.count(rows.received)} received")
    yield Fact(
        "Time",
        words.duration(seconds),
        "from the upload to this question" if waits else "from the upload to the outcome",
    )


def _unmeasured(evaluation: Evaluation) -> Iterator[str]:
    """Sentences on what is missing of a model that was measured, and how to have it measured."""
    if evaluation.task == "classification":
        yield from _unmeasured_of_classes(evaluation)
    if evaluation.training is None:
        yield "There is no report of the training, and so no importance of the columns."
    if evaluation.champion is None:
        yield "There was no live model to compare with."
    if not evaluation.slices:
        yield "No slices were measured. To see the metrics by a column's values, name it under `slices` in config.yaml."
    if not evaluation.bias and evaluation.task == "classification":
        yield "No bias was measured. To have it measured, name groups under `facets` in config.yaml."


def _unmeasured_of_classes(evaluation: Evaluation) -> Iterator[str]:
    if not any(curve.roc or curve.precision_recall for curve in evaluation.curves):
        yield "ROC and precision-recall curves were not measured."
    if not any(one.rows for one in evaluation.calibration):
        yield "Calibration was not measured."
    if evaluation.cutoff is None and len(evaluation.classes) == 2:
        yield "No cutoff was chosen."


def _mistakes(page: ReportInput) -> tuple[ShownMistake, ...]:
    training = page.evaluation.training if page.evaluation else None
    if training is None:
        return ()
    by_importance = [one.column for one in training.importances]
    return tuple(_shown_mistake(one, page.cells.get(one.row, {}), by_importance) for one in training.mistakes)


def _shown_mistake(mistake: Mistake, cells: Mapping[str, str], by_importance: Sequence[str]) -> ShownMistake:
    drove = [part.column for part in mistake.contributions]
    order = [column for column in dict.fromkeys((*drove, *by_importance, *cells)) if column in cells]
    shown = tuple(
        Cell(words.short(column, _CELL_WIDTH), words.short(cells[column], _CELL_WIDTH), column in drove)
        for column in order[:_MAX_CELLS]
    )
    return ShownMistake(mistake, shown, len(order) - len(shown))


def _metric_rows(metrics: AnyMetrics, prior: AnyMetrics | None) -> tuple[MetricRow, ...]:
    return tuple(
        MetricRow(
            name=metric.title,
            better=metric.better,
            value=words.places(value, metric.form),
            interval=words.interval_places(metrics.intervals.get(name), metric.form),
            prior=words.places(getattr(prior, name) if prior else _known_prior(metrics, name), metric.form),
        )
        for name, metric in of_task(metrics.task).items()
        if (value := getattr(metrics, name)) is not None
    )


def _known_prior(metrics: AnyMetrics, name: str) -> float | None:
    return metrics.prior_loss if name == metrics.leading else None


def _champion_rows(evaluation: Evaluation) -> tuple[tuple[str, str, str], ...]:
    """Metric, challenger, champion."""
    live = evaluation.champion.metrics if evaluation.champion else None
    if live is None or evaluation.metrics is None:
        return ()
    return tuple(
        (
            metric.title,
            words.places(getattr(evaluation.metrics, name), metric.form),
            words.places(getattr(live, name), metric.form),
        )
        for name, metric in of_task(live.task).items()
        if getattr(evaluation.metrics, name) is not None or getattr(live, name) is not None
    )


def _classes(evaluation: Evaluation | None, metrics: AnyMetrics | None) -> tuple[str, ...]:
    """Labels of the matrix; numbers if the labels are unknown."""
    size = len(metrics.confusion_matrix) if isinstance(metrics, Metrics) else 0
    known = evaluation.classes if evaluation else ()
    return known if len(known) == size else tuple(f"class {number}" for number in range(size))


def _worst_confusions(metrics: AnyMetrics | None, classes: Sequence[str]) -> tuple[Confusion, ...]:
    if not isinstance(metrics, Metrics):
        return ()
    found = [
        Confusion(classes[truth], classes[guess], rows, rows / sum(row))
        for truth, row in enumerate(metrics.confusion_matrix)
        for guess, rows in enumerate(row)
        if rows and truth != guess
    ]
    return tuple(sorted(found, key=lambda one: -one.rows)[:_WORST_CONFUSIONS])


def _drawings(evaluation: Evaluation | None, metrics: AnyMetrics | None) -> dict[str, Drawing | None]:
    """By what they show; None if there is nothing to draw."""
    drawn: dict[str, Drawing | None] = dict.fromkeys(_FIGURES)
    if isinstance(metrics, Metrics) and metrics.confusion_matrix:
        drawn["confusion"] = figures.confusion(metrics.confusion_matrix, _classes(evaluation, metrics))
    if evaluation is None:
        return drawn
    if any(curve.roc for curve in evaluation.curves):
        drawn["roc"] = figures.roc(evaluation.curves)
    if any(curve.precision_recall for curve in evaluation.curves):
        drawn["precision_recall"] = figures.precision_recall(evaluation.curves)
    if any(one.rows for one in evaluation.calibration):
        error = metrics.expected_calibration_error if isinstance(metrics, Metrics) else None
        drawn["calibration"] = figures.calibration(evaluation.calibration, error)
    if evaluation.cutoffs and evaluation.cutoff:
        drawn["cutoff_rates"] = figures.cutoff_rates(evaluation.cutoffs, evaluation.cutoff.value)
        drawn["cutoff_cost"] = figures.cutoff_cost(evaluation.cutoffs, evaluation.cutoff.value)
    training = evaluation.training
    if training and training.importances:
        drawn["importance"] = figures.importance(training.importances, _unit(evaluation))
    if training and any(column.points for column in training.shap):
        several = len(evaluation.classes) > 2
        drawn["shap"] = figures.beeswarm(training, several=several, unit=_unit(evaluation))
    return drawn | _number_drawings(evaluation)


def _unit(evaluation: Evaluation) -> str:
    """Of SHAP values."""
    return figures.LOG_ODDS if evaluation.task == "classification" else f"unit of {evaluation.target}"


def _number_drawings(evaluation: Evaluation) -> dict[str, Drawing | None]:
    numbers, interval = evaluation.numbers, evaluation.interval
    if numbers is None:
        return {}
    told = interval is not None and any(one.coverage is not None for one in numbers.sizes)
    return {
        "predicted_true": predicted_against_true(numbers.points, interval, evaluation.target),
        "residuals": residuals(numbers.residuals),
        "error_by_size": error_by_size(numbers.sizes),
        "coverage": coverage_by_size(numbers.sizes, interval) if interval and told else None,
    }


def _levels(evaluation: Evaluation | None) -> tuple[Drawing, ...]:
    training = evaluation.training if evaluation else None
    columns = [column for column in training.shap if column.levels] if training else []
    if evaluation is None:
        return ()
    several, unit = len(evaluation.classes) > 2, _unit(evaluation)
    return tuple(
        figures.levels(column, place, several=several, unit=unit)
        for place, column in enumerate(columns[:_MAX_LEVEL_FIGURES])
    )


def _learning(evaluation: Evaluation | None) -> tuple[Drawing, ...]:
    training = evaluation.training if evaluation else None
    if training is None:
        return ()
    curves = [curve for curve in training.curves if curve.train or curve.validation]
    return tuple(figures.learning_curve(curve, training.best_round, place) for place, curve in enumerate(curves))


def _slices(evaluation: Evaluation) -> tuple[SliceGroup, ...]:
    groups: dict[str, list[SliceResult]] = {}
    for one in evaluation.slices:
        groups.setdefault(one.column, []).append(one)
    return tuple(
        SliceGroup(
            column=column,
            metrics=tuple(
                name for name in _SLICE_METRICS if any(one.metrics.get(name) is not None for one in results)
            ),
            results=tuple(results),
            drawing=_slice_drawing(evaluation, results, place),
        )
        for place, (column, results) in enumerate(groups.items())
    )  # fmt: skip


def _slice_drawing(evaluation: Evaluation, results: Sequence[SliceResult], place: int) -> Drawing | None:
    for name in _SLICE_METRICS:
        overall = getattr(evaluation.metrics, name, None)
        if drawing := figures.slices(results, name, overall, place):
            return drawing
    return None


def _rules(profile: TableProfile) -> Counter[str]:
    rules: Counter[str] = Counter()
    for problem in profile.problems:
        rules[problem.rule] += problem.rows
    return rules


def _template_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: words.clean(value) if type(value) is str else value,
    )
    environment.filters.update(
        number=words.number,
        places=words.places,
        interval_places=words.interval_places,
        count=words.count,
        percent=words.percent,
        interval=words.interval,
        listed=words.listed,
        plural=words.plural,
        moment=words.moment,
        duration=words.duration,
        words=words.words,
        metric=words.metric,
        coded=words.coded,
        short=words.short,
        in_yaml=in_yaml,
        cross_validation=tell_cross_validation,
    )
    environment.globals["macro_means"] = words.macro_means
    environment.globals["svg"] = lambda drawing: Markup(drawing.svg)  # noqa: S704  (escaped where it was made)
    return environment


_TEMPLATE: Final = _template_environment().get_template("report.html.j2")
