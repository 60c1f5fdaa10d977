"""How good a live model is on predictions whose truth is known, beside what its evaluation found on the test set.

Each metric has the bootstrap's interval, as in the evaluation. Whether it differs from the test set's beyond chance is
read off both intervals by the method of variance estimates recovery (Zou and Donner, 2008, "Construction of confidence
limits about effect measures: a general approach"): the two samples are independent, so the squares of the distances to
the ends that face one another add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Final

import numpy as np

from scoring.evaluation import CUTOFF, NothingToMeasureError, Scored, intervals_of, values_of
from scoring.metrics import Ints
from scoring.number_metrics import ScoredNumbers, measure_numbers_alone
from scoring.resampling import CONFIDENCE
from sluice.dataset.config import Monitor, QualityLimits
from sluice.evaluation.metrics import METRICS
from sluice.messages import Metrics, NumberMetrics
from sluice.monitoring.chance import adjusted
from sluice.monitoring.comparison import FALSE_ALARM, Window
from sluice.monitoring.quality import (
    Estimate,
    Figure,
    GateResult,
    LabelCounts,
    MeasuredModel,
    Quality,
    QualityReport,
    QualityState,
    SeenAnswers,
    VersionQuality,
    WeekQuality,
)
from sluice.monitoring.truth import Answer, Joined, Truth

_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_TOLD: Final = 1 - CONFIDENCE
"""A difference with a p-value of at most this is said to be beyond chance; gates are held to ``FALSE_ALARM``."""


@dataclass(frozen=True)
class _Labelled:
    """A prediction with its truth."""

    answer: Answer
    truth: Truth


def quality_report(
    live: MeasuredModel,
    others: Sequence[MeasuredModel],
    answers: Sequence[Answer],
    joined: Joined,
    seen: Mapping[str, SeenAnswers],
    labels: LabelCounts,
    limits: Monitor,
    window: Window,
) -> QualityReport:
    """The report on the predictions of some days. Pure: what was read is given.

    Args:
        live: the live model.
        others: models that made predictions before it, as far as their runs are still known.
        answers: predictions that a label may be of.
        joined: the truth of these.
        seen: counts of all predictions of the log, by model.
        labels: what the files of labels held.
        limits: the configuration.
        window: the days of the predictions.
    """
    known = [
        _Labelled(answer, truth)
        for answer, truth in zip(answers, joined.truths, strict=True)
        if truth is not None and answer.score is not None
    ]
    of_live = [one for one in known if one.answer.model_version == live.model_version]
    all_of_live = seen.get(live.model_version, SeenAnswers())
    quality = _quality(live, of_live, all_of_live.rows, limits.min_rows)
    gates, unjudged = _gates(quality, limits.gates.by_metric())
    state, reason = _verdict(live, quality, gates, unjudged, window, all_of_live)
    return QualityReport(
        dataset=window.dataset,
        since=window.since,
        until=window.until,
        made_at=window.made_at,
        model_version=live.model_version,
        task=live.task,
        state=state,
        reason=reason,
        quality=quality,
        weeks=tuple(_weeks(live, of_live, all_of_live, limits.min_rows)),
        versions=tuple(_version(other, live, known, seen, limits.min_rows) for other in others),
        gates=tuple(gates),
        estimate=_estimate(live, all_of_live, limits.min_rows),
        labels=labels.model_copy(
            update={
                "unmatched": joined.unmatched,
                "repeated": joined.repeated,
                "contradicted": joined.contradicted,
            }
        ),
        min_rows=limits.min_rows,
        false_alarm=FALSE_ALARM,
        read_share=window.read_share,
        broken_files=window.broken_files,
    )


# What is measured.


def _quality(model: MeasuredModel, rows: Sequence[_Labelled], predictions: int, min_rows: int) -> Quality:
    if len(rows) < min_rows:
        few = f"{len(rows):,} labelled predictions are too few to measure (`monitor.min_rows`: {min_rows:,})"
        return Quality(predictions=predictions, labelled=len(rows), why_not=few)
    try:
        values, intervals = _measured(model, rows)
    except NothingToMeasureError as error:
        why = str(error).replace("the test set has", "the labels have").replace("the test set", "it")
        return Quality(predictions=predictions, labelled=len(rows), why_not=why)
    return Quality(predictions=predictions, labelled=len(rows), figures=_figures(model, values, intervals))


def _measured(
    model: MeasuredModel, rows: Sequence[_Labelled]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    scores = np.array([one.answer.score for one in rows], np.float64)
    clusters = _clusters(rows)
    if model.task == "regression":
        truths = np.array([one.truth for one in rows], np.float64)
        return measure_numbers_alone(ScoredNumbers(truths, scores, model.half_width, model.coverage, clusters=clusters))
    number = {name: i for i, name in enumerate(model.classes)}
    labels = np.array([number[str(one.truth)] for one in rows], np.int64)
    scored = Scored(labels, scores, CUTOFF if model.cutoff is None else model.cutoff, clusters=clusters)
    values = {name: value for name, value in values_of(scored).items() if value is not None}
    return values, intervals_of(scored)


def _clusters(rows: Sequence[_Labelled]) -> Ints | None:
    """Predictions of one key belong together: they share their truth, or much of it."""
    keys: dict[str, int] = {}
    numbers = [keys.setdefault(_unit(one.answer, i), len(keys)) for i, one in enumerate(rows)]
    return None if len(keys) == len(rows) else np.array(numbers, np.int64)


def _unit(answer: Answer, place: int) -> str:
    return f"row {place}" if answer.key is None else f"key {answer.key}"


def _figures(
    model: MeasuredModel, values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> dict[str, Figure]:
    named = [name for name in METRICS if name in values]
    scales = [_distance(model, name, values[name], intervals.get(name)) for name in named]
    judged = [name for name, z in zip(named, scales, strict=True) if z is not None]
    p_values = dict(
        zip(judged, adjusted([math.erfc(abs(z) / math.sqrt(2)) for z in scales if z is not None]), strict=True)
    )
    return {
        name: Figure(
            value=values[name],
            interval=intervals.get(name),
            test=model.test.get(name),
            test_interval=model.test_intervals.get(name),
            p_value=p_values.get(name),
            beyond_chance=p_values.get(name, 1.0) <= _TOLD,
        )
        for name in named
    }


def _distance(model: MeasuredModel, name: str, value: float, interval: tuple[float, float] | None) -> float | None:
    return distance(value, interval, model.test.get(name), model.test_intervals.get(name))


def distance(
    value: float,
    interval: tuple[float, float] | None,
    test: float | None,
    test_interval: tuple[float, float] | None,
) -> float | None:
    """How many standard errors a figure lies above the test set's; negative if it lies below. None: that is not known.

    Args:
        value: of the labelled predictions.
        interval: of it, with 95 % confidence.
        test: of the test set.
        test_interval: of that.
    """
    if interval is None or test is None or test_interval is None:
        return None
    facing = (
        (value - interval[0], test_interval[1] - test)
        if value >= test
        else (interval[1] - value, test - test_interval[0])
    )
    error = math.hypot(*facing) / _Z
    if error > 0:
        return (value - test) / error
    return 0.0 if value == test else math.copysign(math.inf, value - test)


def _weeks(live: MeasuredModel, rows: Sequence[_Labelled], seen: SeenAnswers, min_rows: int) -> Iterable[WeekQuality]:
    by_week: dict[str, list[_Labelled]] = {}
    for one in rows:
        day = one.answer.at.date()
        by_week.setdefault((day - timedelta(days=day.weekday())).isoformat(), []).append(one)
    for week, predictions in sorted(seen.by_week.items()):
        yield WeekQuality(week=week, **dict(_quality(live, by_week.get(week, []), predictions, min_rows)))


def _version(
    model: MeasuredModel,
    live: MeasuredModel,
    known: Sequence[_Labelled],
    seen: Mapping[str, SeenAnswers],
    min_rows: int,
) -> VersionQuality:
    rows = [one for one in known if one.answer.model_version == model.model_version]
    predictions = seen.get(model.model_version, SeenAnswers()).rows
    if (model.task, model.classes) != (live.task, live.classes):
        found = Quality(predictions=predictions, labelled=0, why_not="it predicts other classes than the live model")
    else:
        found = _quality(model, rows, predictions, min_rows)
    return VersionQuality(model_version=model.model_version, **dict(found))


def _estimate(live: MeasuredModel, seen: SeenAnswers, min_rows: int) -> Estimate | None:
    if live.task == "regression" or seen.scored < min_rows:
        return None
    return Estimate(
        rows=seen.scored,
        log_loss=seen.log_loss / seen.scored,
        accuracy=seen.right / seen.scored,
        test_log_loss=live.test.get("log_loss"),
        test_accuracy=live.test.get("accuracy"),
    )


# What it comes to.


def _gates(quality: Quality, gates: Mapping[str, QualityLimits]) -> tuple[list[GateResult], list[str]]:
    """The gates that can be judged, and the metrics of the others."""
    judged: list[tuple[str, float, float, Figure, float]] = []
    unjudged: list[str] = []
    for name, limits in gates.items():
        figure = quality.figures.get(name)
        above = None if figure is None else distance(figure.value, figure.interval, figure.test, figure.test_interval)
        share = limits.min_of_test if METRICS[name].higher_is_better else limits.max_of_test
        if figure is None or figure.test is None or figure.test <= 0 or above is None or share is None:
            unjudged.append(name)
            continue
        worse = -above if METRICS[name].higher_is_better else above
        judged.append((name, share, figure.test, figure, math.erfc(worse / math.sqrt(2)) / 2))
    p_values = adjusted([p for *_, p in judged])
    found = [
        GateResult(
            metric=name,
            limit=share * test,
            share=share,
            measured=figure.value,
            test=test,
            p_value=p_value,
            verdict="broken" if _is_beyond(name, figure.value, share * test) and p_value <= FALSE_ALARM else "kept",
        )
        for (name, share, test, figure, _), p_value in zip(judged, p_values, strict=True)
    ]
    return found, unjudged


def _is_beyond(name: str, value: float, limit: float) -> bool:
    return value < limit if METRICS[name].higher_is_better else value > limit


def _verdict(
    live: MeasuredModel,
    quality: Quality,
    gates: Sequence[GateResult],
    unjudged: Sequence[str],
    window: Window,
    seen: SeenAnswers,
) -> tuple[QualityState, str]:
    """The state, and why, in one sentence."""
    if unknown := _unknown(quality, window, seen):
        return "unknown", unknown
    if broken := [gate for gate in gates if gate.verdict == "broken"]:
        return "degraded", "; ".join(_broken(gate, quality.labelled) for gate in broken) + "."
    if unjudged:
        named = ", ".join(METRICS[name].words for name in unjudged)
        what = "it has no figure with an interval here or on the test set"
        return "unknown", f"The gate on {named} cannot be judged: {what}."
    leading = (NumberMetrics if live.task == "regression" else Metrics).leading
    return "ok", f"{_standing(leading, quality)}; {_kept(gates)}."


def _unknown(quality: Quality, window: Window, seen: SeenAnswers) -> str | None:
    """Why the quality is not known; None if it is."""
    if not seen.rows:
        if not window.log_share:
            return "No predictions are kept; set `predictions: {log_share: 1}` in config.yaml and drop a file."
        return "The log has no predictions of the live model in these days."
    if not quality.labelled:
        return f"No label is of one of the {seen.rows:,} predictions of the live model in these days."
    return None if quality.why_not is None else f"{quality.why_not[:1].upper()}{quality.why_not[1:]}."


def _broken(gate: GateResult, rows: int) -> str:
    metric = METRICS[gate.metric]
    return (
        f"{metric.title} is {metric.shown(gate.measured)} on {rows:,} labelled predictions, "
        f"{gate.measured / gate.test:.0%} of the test set's {metric.shown(gate.test)} (limit: {gate.share:.0%}), "
        "beyond chance"
    )


def _standing(name: str, quality: Quality) -> str:
    figure, metric = quality.figures[name], METRICS[name]
    said = f"{metric.title} is {metric.shown(figure.value)} on {quality.labelled:,} labelled predictions"
    if figure.test is None:
        return said
    beside = f"{said}, and {metric.shown(figure.test)} on the test set"
    if figure.p_value is None:
        return beside
    return f"{beside}; the difference is {'beyond' if figure.beyond_chance else 'within'} chance"


def _kept(gates: Sequence[GateResult]) -> str:
    if not gates:
        return "no gate is set (`monitor.gates`)"
    return "the gate is kept" if len(gates) == 1 else f"all {len(gates)} gates are kept"
