"""``report.html``: what one run decided and why, on one page without script, network or anything beside it.

The template says what is said; here is gathered what it says it of.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from plotting import figures, words
from plotting.figures import Drawing
from plotting.profile import TableProfile
from sluice.evaluation.document import Evaluation, SliceResult
from sluice.evaluation.metrics import METRICS
from sluice.messages import Metrics, Outcome, Run, RunResult, TrainingStatus

_HERE: Final = Path(__file__).parent
_FULL_MATRIX: Final = 12
_WORST_CONFUSIONS: Final = 20
_MAX_ROWS: Final = 100
_FIGURES: Final = (
    "confusion", "roc", "precision_recall", "calibration", "cutoff_rates", "cutoff_cost", "importance", "shap",
)  # fmt: skip
_SLICE_METRICS: Final = tuple(metric.name for metric in METRICS.values() if metric.by_slice)


@dataclass(frozen=True)
class ReportInput:
    """All that the page is drawn from; what the run never reached is None."""

    run: Run
    result: RunResult
    profile: TableProfile | None
    training: TrainingStatus | None
    evaluation: Evaluation | None


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
class Confusion:
    truth: str
    guess: str
    rows: int
    share: float


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
    return _TEMPLATE.render(
        style=Markup(style),  # noqa: S704  (a file of this package)
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        run=page.run,
        result=page.result,
        profile=page.profile,
        rows=page.profile.rows if page.profile and page.profile.rows.received else page.result.rows,
        warnings=page.result.warnings or (page.profile.warnings if page.profile else ()),
        job=page.training,
        evaluation=evaluation,
        training=training,
        decision=decide(page.result),
        metrics=metrics,
        metric_rows=_metric_rows(metrics, evaluation.prior if evaluation else None) if metrics else (),
        champion_rows=_champion_rows(evaluation) if evaluation else (),
        worst_confusions=_worst_confusions(metrics, _classes(evaluation, metrics)) if metrics else (),
        classes=_classes(evaluation, metrics),
        full_matrix=_FULL_MATRIX,
        slices=_slices(evaluation) if evaluation else (),
        drawings=_drawings(evaluation, metrics),
        learning=_learning(evaluation),
        rules=Counter({}) if page.profile is None else _rules(page.profile),
        seconds=words.seconds_between(page.run.started_at, page.result.finished_at),
        most_rows=_MAX_ROWS,
    ).lstrip()


def decide(result: RunResult) -> Decision:
    """The outcome in one sentence, from what was recorded."""
    failed = [gate.name for gate in result.gates if not gate.passed]
    endpoint = f" behind the endpoint {result.endpoint.name}" if result.endpoint else ""
    gates = f"it failed {len(failed)} of {words.plural(len(result.gates), 'gate')}: {words.listed(failed)}"
    sentences = {
        Outcome.DEPLOYED: ("Deployed", "good", f"The model passed all its gates and is live{endpoint}."),
        Outcome.DATASET_REJECTED: ("File refused", "bad", "The file was refused, so nothing was trained."),
        Outcome.TRAINING_FAILED: ("Training failed", "bad", "Training did not finish, so there is no model."),
        Outcome.MODEL_REJECTED: (
            "Not deployed", "bad", f"The model was not deployed: {gates if failed else 'it was not accepted'}.",
        ),
        Outcome.DEPLOYMENT_FAILED: (
            "Not deployed", "bad", "The model passed its gates, but the endpoint did not take it.",
        ),
        Outcome.SUPERSEDED: (
            "Not deployed", "plain", "The model passed its gates, but the model of a newer file is live.",
        ),
        Outcome.AWAITING_APPROVAL: (
            "Waits for approval", "plain", "The model passed its gates and waits for a person to approve it.",
        ),
        Outcome.DUPLICATE: ("Seen before", "plain", "This file was processed before, so nothing was done."),
        Outcome.ERROR: ("Stopped", "bad", "A fault of the pipeline or of a service stopped the run."),
    }  # fmt: skip
    return Decision(*sentences[result.outcome])


def _metric_rows(metrics: Metrics, prior: Metrics | None) -> tuple[MetricRow, ...]:
    return tuple(
        MetricRow(
            name=metric.title,
            better=metric.better,
            value=words.places(value, metric.form),
            interval=words.interval_places(metrics.intervals.get(name), metric.form),
            prior=words.places(getattr(prior, name) if prior else _known_prior(metrics, name), metric.form),
        )
        for name, metric in METRICS.items()
        if (value := getattr(metrics, name)) is not None
    )


def _known_prior(metrics: Metrics, name: str) -> float | None:
    return metrics.prior_log_loss if name == "log_loss" else None


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
        for name, metric in METRICS.items()
        if getattr(evaluation.metrics, name) is not None or getattr(live, name) is not None
    )


def _classes(evaluation: Evaluation | None, metrics: Metrics | None) -> tuple[str, ...]:
    """Labels of the matrix; by number where they are not known."""
    size = len(metrics.confusion_matrix) if metrics else 0
    known = evaluation.classes if evaluation else ()
    return known if len(known) == size else tuple(f"class {number}" for number in range(size))


def _worst_confusions(metrics: Metrics, classes: Sequence[str]) -> tuple[Confusion, ...]:
    found = [
        Confusion(classes[truth], classes[guess], rows, rows / sum(row))
        for truth, row in enumerate(metrics.confusion_matrix)
        for guess, rows in enumerate(row)
        if rows and truth != guess
    ]
    return tuple(sorted(found, key=lambda one: -one.rows)[:_WORST_CONFUSIONS])


def _drawings(evaluation: Evaluation | None, metrics: Metrics | None) -> dict[str, Drawing | None]:
    """By what they show; None where there is nothing to draw."""
    drawn: dict[str, Drawing | None] = dict.fromkeys(_FIGURES)
    if metrics and metrics.confusion_matrix:
        drawn["confusion"] = figures.confusion(metrics.confusion_matrix, _classes(evaluation, metrics))
    if evaluation is None:
        return drawn
    if any(curve.roc for curve in evaluation.curves):
        drawn["roc"] = figures.roc(evaluation.curves)
    if any(curve.precision_recall for curve in evaluation.curves):
        drawn["precision_recall"] = figures.precision_recall(evaluation.curves)
    if any(one.rows for one in evaluation.calibration):
        error = metrics.expected_calibration_error if metrics else None
        drawn["calibration"] = figures.calibration(evaluation.calibration, error)
    if evaluation.cutoffs and evaluation.cutoff:
        drawn["cutoff_rates"] = figures.cutoff_rates(evaluation.cutoffs, evaluation.cutoff.value)
        drawn["cutoff_cost"] = figures.cutoff_cost(evaluation.cutoffs, evaluation.cutoff.value)
    training = evaluation.training
    if training and training.importances:
        drawn["importance"] = figures.importance(training.importances)
    if training and any(column.points for column in training.shap):
        drawn["shap"] = figures.beeswarm(training)
    return drawn


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
        overall = getattr(evaluation.metrics, name) if evaluation.metrics else None
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
        short=words.short,
    )
    environment.globals["macro_means"] = words.macro_means
    environment.globals["svg"] = lambda drawing: Markup(drawing.svg)  # noqa: S704  (escaped where it was made)
    return environment


_TEMPLATE: Final = _template_environment().get_template("report.html.j2")
