"""The gates: the limits that a model must meet to be deployed, each a named check with value, limit and interval.

A check without a value fails: what cannot be measured is never good enough. A check that fails says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from scoring import advice
from sluice.dataset.config import Facet, Gates, Limits
from sluice.evaluation.document import ChampionComparison, FacetBias, SliceResult
from sluice.evaluation.metrics import METRICS, Metric
from sluice.messages import AnyMetrics, CrossValidation, GateCheck, Metrics, Task

MIN_SLICE_ROWS: Final = 30
"""Minimum rows of a slice that a limit applies to: with fewer rows a metric says next to nothing."""

MAX_SHARE_OF_PRIOR: Final[dict[Task, float]] = {"classification": 0.985, "regression": 0.98}
"""By default, of the upper end of the interval of the leading metric. A model that says nothing is at 1, and chance
brings it below now and then: docs/decisions.md has how often."""
CLEAR_SHARE_OF_PRIOR: Final = 0.9
"""A log loss of at most this share is enough by default, without certainty, if it is measured on
``MIN_CLEAR_ROWS`` test rows, or over all rows of a small table: useless models do not come as far."""
MIN_CLEAR_ROWS: Final = 30
"""Of rows that belong together as many groups: a hundred rows of one customer say little more than one."""

_NAMED: Final = 60
"""Characters of a slice's value that are shown."""


def judge(
    metrics: AnyMetrics,
    gates: Gates,
    default_share_of_prior: float | None,
    *,
    default: Gates | None = None,
    prior: AnyMetrics | None = None,
    slices: Sequence[SliceResult] = (),
    champion: ChampionComparison | None = None,
    facets: Sequence[tuple[Facet, FacetBias]] = (),
    cause: str | None = None,
    groups: int | None = None,
) -> tuple[GateCheck, ...]:
    """All checks of a model.

    Args:
        metrics: of the model.
        gates: what the dataset sets.
        default: the gates that apply if it sets none. If that is none, too:
        default_share_of_prior: the log loss may be at most this share of that of the baseline. If that is None, the
            model must be clearly better than the baseline, or better with certainty; of numbers the latter.
        prior: metrics of the baseline.
        slices: the same metrics by slice.
        champion: the comparison with the live model, None if there is none.
        facets: the bias report, with what was asked of it.
        cause: why the model is no better, with what to do, if that is known (``scoring.remarks``).
        groups: of test rows that belong together; None if each row is by itself.
    """
    units = metrics.rows if groups is None else groups
    of_prior = {metrics.leading: _better_than_prior(metrics, default_share_of_prior, units)}
    of_stack = (default or Gates()).by_metric()
    # The stack's gates are for all datasets, whatever they predict.
    of_stack = {name: limits for name, limits in of_stack.items() if METRICS[name].task == metrics.task}
    limits = gates.by_metric() or of_stack or of_prior
    checks: list[GateCheck] = []
    for name, wanted in limits.items():
        checks += _of_metric(METRICS[name], wanted, metrics, prior, champion, cause)
        checks += _of_slices(METRICS[name], wanted, slices)
    if not checks:
        # All that was asked for is a comparison with a live model, and there is none.
        checks += _of_metric(METRICS[metrics.leading], of_prior[metrics.leading], metrics, prior, champion, cause)
    for facet, found in facets:
        checks += _of_facet(facet, found, _classes(metrics))
    if champion is not None:
        checks.append(_of_champion(champion))
    return tuple(checks)


def _better_than_prior(metrics: AnyMetrics, share: float | None, units: int) -> Limits:
    """The gate of a model for which nobody has set any."""
    if metrics.task == "classification":
        if share is not None:
            return Limits(max_of_prior=share)
        if _is_clear(metrics, units):
            return Limits(max_of_prior=CLEAR_SHARE_OF_PRIOR, cross_validated=True)
    return Limits(max_of_prior=MAX_SHARE_OF_PRIOR[metrics.task], certain=True, cross_validated=True)


def _is_clear(metrics: AnyMetrics, units: int) -> bool:
    folds = metrics.cross_validated
    if folds is not None:
        return folds.units >= MIN_CLEAR_ROWS and folds.share <= CLEAR_SHARE_OF_PRIOR
    return units >= MIN_CLEAR_ROWS and metrics.loss <= CLEAR_SHARE_OF_PRIOR * metrics.prior_loss


def _classes(metrics: AnyMetrics) -> int:
    """0 of numbers."""
    return len(metrics.confusion_matrix) if isinstance(metrics, Metrics) else 0


type _Comparison = Literal["at_most", "at_least"]

_KEEPS: Final = {"at_most": "is within the maximum of", "at_least": "reaches the minimum of"}
_BREAKS: Final = {"at_most": "exceeds the maximum of", "at_least": "is below the minimum of"}


def _check(
    name: str,
    value: float | None,
    limit: float,
    comparison: _Comparison,
    interval: tuple[float, float] | None = None,
    *,
    said: str,
    advice: str,
    if_uncertain: str | None = None,
    percent: bool = False,
) -> GateCheck:
    """
    Args:
        said: what was measured, as a clause; the verdict follows it.
        advice: what to do if it fails.
        if_uncertain: the worse end of the interval must be within the limit; what to do if only the value is.
        percent: value and limit are shares.
    """
    at_most = comparison == "at_most"
    judged, whose = value, "which"
    if if_uncertain is not None and value is not None:
        advice = if_uncertain if _keeps(value, limit, comparison) else advice
        judged = None if interval is None else interval[1 if at_most else 0]
        whose = f"and the {'upper' if at_most else 'lower'} end of its interval ({_number(judged, percent=percent)})"
    passed = judged is not None and _keeps(judged, limit, comparison)
    limited = f"{100 * limit:g}%" if percent else f"{limit:g}"
    if value is None:
        reason = said
    elif judged is None:
        reason = f"{said}, and without an interval it is not certain that it {_KEEPS[comparison]} {limited}"
    else:
        reason = f"{said}, {whose} {(_KEEPS if passed else _BREAKS)[comparison]} {limited}"
    return GateCheck(
        name=name,
        value=value,
        limit=limit,
        comparison=comparison,
        interval=interval,
        passed=passed,
        reason=reason if passed else f"{reason}. {advice}",
    )


def _keeps(value: float, limit: float, comparison: _Comparison) -> bool:
    return value <= limit if comparison == "at_most" else value >= limit


def _number(value: float | None, *, percent: bool = False) -> str:
    if value is None:
        return "none"
    return f"{value:.2%}" if percent else f"{value:.5f}"


def _of_metric(
    metric: Metric,
    limits: Limits,
    metrics: AnyMetrics,
    prior: AnyMetrics | None,
    champion: ChampionComparison | None,
    cause: str | None,
) -> Iterator[GateCheck]:
    name, classes = metric.name, _classes(metrics)
    value, ends = getattr(metrics, name), metrics.intervals.get(name)
    if_uncertain = limits.certain or None
    for key, limit, comparison in _pairs(limits.min, limits.max):
        yield _check(
            f"{name}.{key}",
            value,
            limit,
            comparison,
            ends,
            said=_said(metric, value),
            advice=(advice.missing_value if value is None else advice.limit)(metric, key, classes, cause),
            if_uncertain=if_uncertain and advice.uncertain(metric, key),
        )
    of_prior = metrics.prior_loss if name == metrics.leading else getattr(prior, name, None)
    # From paired resamples, if they were made: model and baseline find the same rows hard.
    folds = metrics.cross_validated if limits.cross_validated and name == metrics.leading else None
    for side, limit, comparison in _pairs(limits.min_of_prior, limits.max_of_prior):
        key = f"{side}_of_prior"
        if folds is not None and side == "max":
            yield from _of_folds(metric, limits, limit, metrics, folds, cause)
            continue
        yield _of_share(
            metric, key, value, of_prior, "the baseline", limit, comparison, classes,
            ends=metrics.of_prior.get(name) or _shared(ends, of_prior),
            advice_if_beyond=advice.limit(metric, key, classes, cause),
            cause=cause,
            if_uncertain=if_uncertain and advice.uncertain(metric, key),
        )  # fmt: skip
    # A first model has no champion to be compared with, nor has one of a table that starts over.
    if champion is not None and not _starts_anew(champion):
        of_champion = getattr(champion.metrics, name, None)
        for side, limit, comparison in _pairs(limits.min_of_champion, limits.max_of_champion):
            key = f"{side}_of_champion"
            yield _of_share(
                metric, key, value, of_champion, "the live model", limit, comparison, classes,
                advice_if_beyond=advice.beside_champion(metric, key),
            )  # fmt: skip


def _of_folds(
    metric: Metric, limits: Limits, limit: float, metrics: AnyMetrics, folds: CrossValidation, cause: str | None
) -> Iterator[GateCheck]:
    """What is measured over all rows of a small table must be within the limit; and the model itself, on the few
    held-out rows, must not be beyond it with certainty."""
    key, shown = "max_of_prior", f"{metric.words} is {_value(metric, folds.value)}"
    yield _check(
        f"{metric.name}.{key}",
        folds.share,
        limit,
        "at_most",
        folds.interval,
        said=f"cross-validated over all {folds.rows:,} rows, {shown}, {folds.share:.2%} of the "
        f"{_value(metric, folds.baseline)} that the baseline has on the same rows",
        advice=advice.limit(metric, key, _classes(metrics), cause),
        if_uncertain=advice.uncertain_over_all(metric) if limits.certain else None,
        percent=True,
    )
    ends = metrics.of_prior.get(metric.name)
    if ends is not None:
        yield _not_beyond(metric, limit, metrics, ends)


def _not_beyond(metric: Metric, limit: float, metrics: AnyMetrics, ends: tuple[float, float]) -> GateCheck:
    share, passed = _share(metrics.loss, metrics.prior_loss), ends[0] <= limit
    verdict = "is within" if passed else "exceeds"
    reason = (
        f"on the {metrics.rows:,} held-out rows, {metric.words} of the model itself is {_value(metric, metrics.loss)}, "
        f"{share or 0:.2%} of the baseline's {_value(metric, metrics.prior_loss)}, and the lower end of its interval "
        f"({ends[0]:.2%}) {verdict} the maximum of {100 * limit:g}%"
    )
    return GateCheck(
        name=f"{metric.name}.max_of_prior on held-out rows",
        value=share,
        limit=limit,
        comparison="at_most",
        interval=ends,
        passed=passed,
        reason=reason if passed else f"{reason}. {advice.WORSE_ON_HELD_OUT}",
    )


def _said(metric: Metric, value: float | None) -> str:
    return f"{metric.words} {'has no value on the test rows' if value is None else f'is {_value(metric, value)}'}"


def _value(metric: Metric, value: float) -> str:
    """Numbers in the target's unit are of any size."""
    return f"{value:.5f}" if metric.task == "classification" else f"{value:.5g}"


def _of_share(
    metric: Metric,
    key: str,
    value: float | None,
    whole: float | None,
    other: str,
    limit: float,
    comparison: _Comparison,
    classes: int,
    *,
    advice_if_beyond: str,
    ends: tuple[float, float] | None = None,
    if_uncertain: str | None = None,
    cause: str | None = None,
) -> GateCheck:
    """The value as a share of ``whole``, which is that of the ``other``."""
    share, said, what = _share(value, whole), _said(metric, value), advice_if_beyond
    if value is None:
        what = advice.missing_value(metric, key, classes, cause)
    elif share is None:
        said += f", and {other} has {'no value' if whole is None else 'none above 0'} to compare it with"
        what = advice.no_comparison(metric, key, other)
    else:
        said += f", {share:.2%} of the {_value(metric, whole or 0)} that {other} has on the same rows"
    return _check(
        f"{metric.name}.{key}",
        share,
        limit,
        comparison,
        ends,
        said=said,
        advice=what,
        if_uncertain=if_uncertain,
        percent=True,
    )


def _starts_anew(champion: ChampionComparison) -> bool:
    return not champion.comparable and champion.deploys and champion.policy != "ignore"


def _pairs(minimum: float | None, maximum: float | None) -> Iterator[tuple[str, float, _Comparison]]:
    if minimum is not None:
        yield "min", minimum, "at_least"
    if maximum is not None:
        yield "max", maximum, "at_most"


def _of_slices(metric: Metric, limits: Limits, slices: Sequence[SliceResult]) -> Iterator[GateCheck]:
    """The worst slice alone: if it is within the limit, all are."""
    name = metric.name
    for side, limit, comparison in _pairs(limits.min_of_slice, limits.max_of_slice):
        key = f"{side}_of_slice"
        large = [found for found in slices if found.rows >= MIN_SLICE_ROWS]
        known = [(value, found) for found in large if (value := found.metrics.get(name)) is not None]
        if not known:
            yield _check(
                f"{name}.{key}",
                None,
                limit,
                comparison,
                said=f"{metric.words} was measured on no slice",
                advice=advice.no_slice(metric, key, len(slices), len(large), MIN_SLICE_ROWS),
            )
            continue
        value, worst = (min if comparison == "at_least" else max)(known, key=lambda pair: pair[0])
        shown = worst.value[:_NAMED]
        said = f"{_said(metric, value)} in {_among(len(known))} ({worst.column} = {shown}, {worst.rows:,} rows"
        if unknown := len(large) - len(known):
            said += f"; {unknown} more have no {metric.words}"
        yield _check(
            f"{name}.{key}",
            value,
            limit,
            comparison,
            worst.intervals.get(name),
            said=f"{said})",
            advice=advice.worst_slice(metric, key),
        )


def _among(slices: int) -> str:
    return "the only slice" if slices == 1 else f"the worst of {slices} slices"


def _of_facet(facet: Facet, found: FacetBias, classes: int) -> Iterator[GateCheck]:
    values = {metric.name: metric for metric in (*found.pre_training, *found.post_training)}
    for name, limits in facet.gates.items():
        metric = values.get(name)
        value = metric.value if metric else None
        said = f"{name} ({metric.title}) " if metric else f"{name} "
        said += "has no value" if value is None else f"is {value:.5f}"
        said += f" for {facet.described} of the column {facet.column}"
        if value is None and metric and metric.remark:
            said += f" ({metric.remark.removesuffix('.')})"
        for key, limit, comparison in _pairs(limits.min, limits.max):
            yield _check(
                f"{name}.{key} {facet.column} = {facet.described}",
                value,
                limit,
                comparison,
                said=said,
                advice=advice.bias(facet, name, key, measured=value is not None, classes=classes),
            )


def _of_champion(found: ChampionComparison) -> GateCheck:
    return GateCheck(
        name=f"champion.{found.policy}",
        value=found.difference,
        limit=found.margin,
        comparison="at_most",
        interval=found.interval,
        passed=found.deploys,
        reason=found.reason,
    )


def _share(value: float | None, whole: float | None) -> float | None:
    return value / whole if value is not None and whole is not None and whole > 0 else None


def _shared(ends: tuple[float, float] | None, whole: float | None) -> tuple[float, float] | None:
    return (ends[0] / whole, ends[1] / whole) if ends is not None and whole is not None and whole > 0 else None


def failures(gates: Sequence[GateCheck]) -> tuple[str, ...]:
    """What was measured and what to do, for each gate that failed."""
    return tuple(f"Gate {gate.name} failed: {gate.reason.removesuffix('.')}." for gate in gates if not gate.passed)
