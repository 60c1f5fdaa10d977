"""How good a live model is on the predictions whose truth is known, beside its test set: the document, and what it is
made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from sluice.dataset.recipe import Recipe
from sluice.documents import Document, Part
from sluice.messages import Interval, Task

type QualityState = Literal["ok", "degraded", "unknown"]


@dataclass(frozen=True)
class MeasuredModel:
    """A model and what its evaluation found on the test set.

    Attributes:
        cutoff: of two classes; None of others.
        half_width: of a predicted number's interval; None if there is none.
        coverage: share of the rows that the interval is to hold.
        test: metrics by name, as far as they were measured.
        test_intervals: of these, with 95 % confidence.
    """

    model_version: str
    task: Task
    classes: tuple[str, ...]
    cutoff: float | None
    half_width: float | None
    coverage: float
    test: Mapping[str, float]
    test_intervals: Mapping[str, tuple[float, float]]


def measured_model(run_id: str, recipe: Recipe, evaluation: Mapping[str, Any]) -> MeasuredModel:
    """A run's model. ``evaluation``: the run's ``evaluation.json``, parsed."""
    metrics = evaluation.get("metrics") or {}
    interval = evaluation.get("interval") or {}
    return MeasuredModel(
        model_version=run_id,
        task=recipe.target.task,
        classes=recipe.target.classes,
        cutoff=metrics.get("cutoff", 0.5) if len(recipe.target.classes) == 2 else None,
        half_width=interval.get("half_width"),
        coverage=interval.get("coverage", 0.9),
        test={name: float(value) for name, value in metrics.items() if isinstance(value, int | float)},
        test_intervals={name: (ends[0], ends[1]) for name, ends in (metrics.get("intervals") or {}).items()},
    )


@dataclass
class SeenAnswers:
    """Counts of the predictions of one model in the log, labelled or not.

    Attributes:
        rows: all of them.
        by_week: the same by the Monday (YYYY-MM-DD, UTC) of the week in which they were made.
        scored: those with probabilities.
        log_loss: sum over these of what is to be expected of each, if its probabilities are true: their entropy.
        right: sum of the probabilities of the predicted classes.
    """

    rows: int = 0
    by_week: dict[str, int] = field(default_factory=dict)
    scored: int = 0
    log_loss: float = 0.0
    right: float = 0.0


class SetAside(Part):
    """A line that is no label, or a file that cannot be read."""

    file: str
    line: int | None = None
    column: str | None = None
    what: str = Field(description="What is wrong and what to do, without any value of a record.")


class LabelCounts(Part):
    """What the files of labels held."""

    files: int = Field(0, ge=0, description="That were read.")
    files_before: int = Field(0, ge=0, description="That arrived before the first day, and were not read.")
    labels: int = Field(0, ge=0)
    blank: int = Field(0, ge=0, description="Lines without a value in the target: not known yet.")
    unmatched: int = Field(0, ge=0, description="Labels of no prediction of these days.")
    repeated: int = Field(0, ge=0, description="Predictions with several labels that say the same.")
    contradicted: int = Field(0, ge=0, description="Predictions with labels that differ; the newest counts.")
    set_aside: int = Field(0, ge=0, description="Lines that are no labels.")
    problems: tuple[SetAside, ...] = Field((), description="Of lines and files, the first ones.")


class Figure(Part):
    """A metric on labelled predictions, beside the test set's."""

    value: float
    interval: Interval | None = Field(None, description="With 95 % confidence.")
    test: float | None = Field(None, description="On the test set of the same model.")
    test_interval: Interval | None = None
    p_value: float | None = Field(
        None, description="That chance alone makes such a difference; corrected for the metrics (Holm)."
    )
    beyond_chance: bool = Field(False, description="The p-value is at most 0.05.")


class Quality(Part):
    """Of some of the predictions of one model."""

    predictions: int = Field(ge=0, description="In the log.")
    labelled: int = Field(ge=0, description="Those whose truth is known.")
    figures: dict[str, Figure] = Field(default_factory=dict, description="By metric; empty if there are too few.")
    why_not: str | None = Field(None, description="Why nothing was measured.")


class WeekQuality(Quality):
    week: str = Field(description="Its Monday, UTC: YYYY-MM-DD. The week in which the predictions were made.")


class VersionQuality(Quality):
    model_version: str


class GateResult(Part):
    """A gate of `monitor.gates`."""

    metric: str
    limit: float = Field(description="What the metric must keep: the test set's figure times the configured share.")
    share: float = Field(description="Of the configuration.")
    measured: float
    test: float
    p_value: float = Field(description="One-sided, that chance alone makes it so much worse; corrected for the gates.")
    verdict: Literal["kept", "broken"]


class Estimate(Part):
    """What quality to expect without labels. It is an estimate: it takes the model's probabilities for true ones."""

    rows: int = Field(ge=0, description="Predictions that it rests on.")
    log_loss: float
    accuracy: float
    test_log_loss: float | None = None
    test_accuracy: float | None = None


class QualityReport(Document):
    """How good a dataset's live model is on predictions of some days whose truth is known."""

    dataset: str
    since: str = Field(description="The first day of the predictions, UTC: YYYY-MM-DD.")
    until: str = Field(description="The last day.")
    made_at: str = Field(description="ISO 8601, UTC.")
    model_version: str = Field(description="The run whose model is live.")
    task: Task
    state: QualityState
    reason: str = Field(description="One sentence for people.")
    quality: Quality = Field(description="Of the live model.")
    weeks: tuple[WeekQuality, ...] = Field((), description="Of the live model.")
    versions: tuple[VersionQuality, ...] = Field((), description="Of the models that were live before.")
    gates: tuple[GateResult, ...] = ()
    estimate: Estimate | None = Field(None, description="None of a target of numbers.")
    labels: LabelCounts
    min_rows: int = Field(description="Fewer labelled predictions are too few to measure.")
    false_alarm: float = Field(description="The chance, at most, that a gate breaks although nothing changed.")
    read_share: float = Field(1.0, gt=0, le=1, description="Share of the log's files that were read.")
    broken_files: int = Field(0, ge=0, description="Files of the log that end in the middle.")
