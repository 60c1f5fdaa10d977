"""The gates: what a model must keep to be deployed, each a named check with its value, limit and interval.

Nothing to measure is never good enough: a check without a value fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from sluice.dataset.config import Facet, Gates, Limits
from sluice.evaluation.document import ChampionComparison, FacetBias, SliceResult
from sluice.messages import GateCheck, Metrics

MIN_SLICE_ROWS: Final = 30
"""Of a slice that a limit is held against: of fewer a metric says next to nothing."""

_NAMED: Final = 60
"""Characters of a slice's value that are told."""


def judge(
    metrics: Metrics,
    gates: Gates,
    default_share_of_prior: float,
    *,
    default: Gates | None = None,
    prior: Metrics | None = None,
    slices: Sequence[SliceResult] = (),
    champion: ChampionComparison | None = None,
    facets: Sequence[tuple[Facet, FacetBias]] = (),
) -> tuple[GateCheck, ...]:
    """All checks of a model.

    Args:
        metrics: of the model.
        gates: what the dataset sets.
        default: what holds where it sets none. Where that is none either:
        default_share_of_prior: the log loss may be at most this share of that of always predicting the class shares.
        prior: metrics of always predicting the class shares.
        slices: the same metrics by slice.
        champion: the comparison with the live model, None where there is none.
        facets: the bias report, with what was asked of it.
    """
    of_prior = {"log_loss": Limits(max_of_prior=default_share_of_prior)}
    limits = gates.by_metric() or (default or Gates()).by_metric() or of_prior
    checks: list[GateCheck] = []
    for name, wanted in limits.items():
        checks += _of_metric(name, wanted, metrics, prior, champion)
        checks += _of_slices(name, wanted, slices)
    if not checks:
        # All that was asked for is a comparison with a live model, and there is none.
        checks += _of_metric("log_loss", of_prior["log_loss"], metrics, prior, champion)
    for facet, found in facets:
        checks += _of_facet(facet, found)
    if champion is not None:
        checks.append(_of_champion(champion))
    return tuple(checks)


type _Comparison = Literal["at_most", "at_least"]


def _check(
    name: str,
    value: float | None,
    limit: float,
    comparison: _Comparison,
    interval: tuple[float, float] | None = None,
    *,
    certain: bool = False,
    beside: str = "",
) -> GateCheck:
    """Args: ``certain``: the worse end of the interval must keep the limit. ``beside``: what else is said."""
    at_most = comparison == "at_most"
    judged = value
    if certain:
        judged = None if interval is None else interval[1 if at_most else 0]
    passed = judged is not None and (judged <= limit if at_most else judged >= limit)
    limited = f"the limit of {'at most' if at_most else 'at least'} {limit:g}"
    if value is None:
        said = "there is nothing to measure"
    elif certain and interval is None:
        said = f"{value:.5f} has no interval, so it is not certain to keep {limited}"
    elif certain:
        keeps = "keeps" if passed else "does not keep"
        said = f"{value:.5f}, with 95 % confidence from {interval[0]:.5f} to {interval[1]:.5f}, {keeps} {limited}"  # type: ignore[index]
    else:
        said = f"{value:.5f} {'keeps' if passed else 'does not keep'} {limited}"
    return GateCheck(
        name=name,
        value=value,
        limit=limit,
        comparison=comparison,
        interval=interval,
        passed=passed,
        reason=said + beside,
    )


def _of_metric(
    name: str, limits: Limits, metrics: Metrics, prior: Metrics | None, champion: ChampionComparison | None
) -> Iterator[GateCheck]:
    value, ends = getattr(metrics, name), metrics.intervals.get(name)
    for key, limit, comparison in _pairs(limits.min, limits.max):
        yield _check(f"{name}.{key}", value, limit, comparison, ends, certain=limits.certain)
    of_prior = metrics.prior_log_loss if name == "log_loss" else getattr(prior, name, None)
    for key, limit, comparison in _pairs(limits.min_of_prior, limits.max_of_prior):
        share = _share(value, of_prior)
        yield _check(
            f"{name}.{key}_of_prior",
            share,
            limit,
            comparison,
            _shared(ends, of_prior),
            certain=limits.certain,
            beside=f" ({_told(value)}; always predicting the class shares has {_told(of_prior)})",
        )
    # A first model has no champion to be held against, nor has one of a table that starts anew.
    if champion is not None and not _starts_anew(champion):
        of_champion = getattr(champion.metrics, name, None)
        for key, limit, comparison in _pairs(limits.min_of_champion, limits.max_of_champion):
            yield _check(
                f"{name}.{key}_of_champion",
                _share(value, of_champion),
                limit,
                comparison,
                beside=f" ({_told(value)}; the live model has {_told(of_champion)} on the same rows)",
            )


def _starts_anew(champion: ChampionComparison) -> bool:
    return not champion.comparable and champion.deploys and champion.policy != "ignore"


def _pairs(least: float | None, most: float | None) -> Iterator[tuple[str, float, _Comparison]]:
    if least is not None:
        yield "min", least, "at_least"
    if most is not None:
        yield "max", most, "at_most"


def _of_slices(name: str, limits: Limits, slices: Sequence[SliceResult]) -> Iterator[GateCheck]:
    """The worst slice alone: where it keeps the limit, all do."""
    for key, limit, comparison in _pairs(limits.min_of_slice, limits.max_of_slice):
        large = [found for found in slices if found.rows >= MIN_SLICE_ROWS]
        known = [(value, found) for found in large if (value := found.metrics.get(name)) is not None]
        if not known:
            yield _check(f"{name}.{key}_of_slice", None, limit, comparison)
            continue
        worst = (min if comparison == "at_least" else max)(known, key=lambda pair: pair[0])
        value, found = worst
        beside = f" (the worst of {len(known)} slices, {found.column} = {found.value[:_NAMED]}, {found.rows:,} rows"
        if unknown := len(large) - len(known):
            beside += f"; {unknown} more have no {name}"
        yield _check(
            f"{name}.{key}_of_slice",
            value,
            limit,
            comparison,
            found.intervals.get(name),
            beside=f"{beside})",
        )


def _of_facet(facet: Facet, found: FacetBias) -> Iterator[GateCheck]:
    values = {metric.name: metric for metric in (*found.pre_training, *found.post_training)}
    for name, limits in facet.gates.items():
        metric = values.get(name)
        value, remark = (metric.value, metric.remark) if metric else (None, None)
        for key, limit, comparison in _pairs(limits.min, limits.max):
            beside = f" ({remark})" if value is None and remark else ""
            yield _check(f"{name}.{key} {facet.column} = {facet.described}", value, limit, comparison, beside=beside)


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


def _told(value: float | None) -> str:
    return "no value" if value is None else f"{value:.5f}"


def failures(gates: Sequence[GateCheck]) -> tuple[str, ...]:
    """A sentence for each gate that failed."""
    return tuple(f"Gate {gate.name} failed: {gate.reason.removesuffix('.')}." for gate in gates if not gate.passed)
