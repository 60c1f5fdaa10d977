"""What a person should know of a model beside its gates: why it learned nothing, and what its cutoff is worth.

A rejection that blames the columns if the hyperparameters forbade every split sends people looking in the wrong place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scoring.metrics import Floats
from sluice.evaluation.document import ClassCount, CutoffChoice, PredictionInterval
from sluice.messages import AnyMetrics, Metrics, NumberMetrics

MIN_ROWS_TO_JUDGE: Final = 10
"""Test rows of a class: with fewer, one row more or less moves its recall by more than a tenth."""

_QUANTILE: Final = 1.96
"""Of the normal distribution, for 95 %."""

_MAX_LEAF_SHARE: Final = 0.05
"""Share of the training rows. If a leaf needs more, nothing rare can be told apart."""


@dataclass(frozen=True)
class Learned:
    """What tells whether a model learned anything, and if not, why.

    Attributes:
        classes: label by class number; none of a target of numbers.
        class_counts: rows by class and part.
        hyperparameters: as the training job was given them.
        is_constant: every test row has the same score.
    """

    classes: Sequence[str]
    class_counts: Sequence[ClassCount]
    hyperparameters: Mapping[str, str]
    is_constant: bool

    def counts(self, part: str) -> dict[str, int]:
        return {count.label: getattr(count, part) for count in self.class_counts}


def is_constant(scores: Floats) -> bool:
    """Whether every row has the same score: (n,), or (n, k)."""
    return bool((scores == scores[:1]).all())


def cause(learned: Learned, metrics: AnyMetrics) -> str | None:
    """Why a model is no better than it is, as far as it is not the columns, and what to do; without its full stop.

    Args:
        learned: of the model.
        metrics: on the test rows.
    """
    if learned.is_constant:
        return _why_constant(learned)
    if isinstance(metrics, NumberMetrics) or len(learned.classes) > 2:
        return None
    return _few_to_judge(learned.classes, metrics)


def _why_constant(learned: Learned) -> str | None:
    forbidden = _leaf_is_too_large(learned) or _gamma_forbids(learned)
    if forbidden is None:
        return None
    return f"The model makes no split and gives every row the same score: {forbidden}"


def _leaf_is_too_large(learned: Learned) -> str | None:
    """Boosted trees ask of both sides of a split that p(1 - p), summed over rows, reaches ``min_child_weight``."""
    minimum = _number(learned, "min_child_weight", default=1)
    train = learned.counts("train")
    total = sum(train.values())
    if not total or minimum <= 1:
        return None
    rarest = min(train, key=lambda label: train[label])
    share = train[rarest] / total
    weight = share * (1 - share) * (2 if len(learned.classes) > 2 else 1)  # of multi:softprob: 2p(1 - p)
    needed = math.ceil(minimum / weight) if weight else total
    if needed <= max(_MAX_LEAF_SHARE * total, train[rarest]):
        return None
    return (
        f"`min_child_weight` is {minimum:g}, and where {share:.2%} of the rows are `{rarest}`, a leaf needs "
        f"{needed:,} of the {total:,} training rows. Lower `hyperparameters.min_child_weight` in config.yaml (1 by "
        "default)"
    )


def _gamma_forbids(learned: Learned) -> str | None:
    gamma = _number(learned, "gamma", default=0)
    if gamma <= 0:
        return None
    return (
        f"`gamma` is {gamma:g}, and no split lowers the loss by as much. Lower `hyperparameters.gamma` in config.yaml "
        "(0 by default)"
    )


def _number(learned: Learned, name: str, default: float) -> float:
    try:
        return float(learned.hyperparameters[name])
    except (KeyError, ValueError):
        return default


def _few_to_judge(classes: Sequence[str], metrics: Metrics) -> str | None:
    rarest, count = min(zip(classes, map(sum, metrics.confusion_matrix), strict=True), key=lambda pair: pair[1])
    if count >= MIN_ROWS_TO_JUDGE:
        return None
    rows = "1 test row" if count == 1 else f"{count} test rows"
    return (
        f"Only {rows} of class `{rarest}` measure it, so the figure is mostly chance: give it more rows of that class, "
        "or a larger `split.test`"
    )


def warnings(metrics: Metrics, prior: Metrics | None, choice: CutoffChoice | None, learned: Learned) -> Iterator[str]:
    """Sentences for the notice, the report's first screen and ``sluice show``.

    Args:
        metrics: on the test rows.
        prior: of always predicting the class shares, on the same rows.
        choice: of the cutoff; None from three classes on.
        learned: of the model.
    """
    if learned.is_constant:
        why = _why_constant(learned)
        yield f"{why or 'The model gives every row the same score: no column told rows of one class from another'}."
    elif prior is not None and metrics.accuracy <= prior.accuracy:
        yield _no_better_than_a_constant(metrics, prior, choice, learned)


def number_warnings(metrics: NumberMetrics, interval: PredictionInterval, learned: Learned) -> Iterator[str]:
    """The same of a model of numbers.

    Args:
        metrics: on the test rows.
        interval: of its predictions.
        learned: of the model.
    """
    if learned.is_constant:
        why = _why_constant(learned)
        yield f"{why or 'The model predicts the same number for every row: no column told anything of the target'}."
    if interval.half_width is None:
        yield f"Predictions have no interval. {interval.reason}"
    elif ends := metrics.intervals.get("coverage"):
        least, most = expected_coverage(interval)
        if ends[1] < least or ends[0] > most:
            yield (
                f"The intervals hold {metrics.coverage:.1%} of the test rows (with 95 % confidence {ends[0]:.1%} to "
                f"{ends[1]:.1%}), not the {interval.coverage:.0%} that they promise ({least:.1%} to {most:.1%} as they "
                f"come from {interval.rows:,} rows): validation and test part differ. With `split: {{by_time: ...}}` "
                "the target may have moved; otherwise look at the page for the rows that are farthest off."
            )


def expected_coverage(interval: PredictionInterval) -> tuple[float, float]:
    """Between which shares the coverage of a split-conformal interval lies in 95 % of the cases, by the rows that it
    was found on: a Beta distribution's (Vovk, 2012), as a normal one has them."""
    rows = interval.rows
    inside = math.ceil((rows + 1) * interval.coverage)
    mean = inside / (rows + 1)
    spread = _QUANTILE * math.sqrt(mean * (1 - mean) / (rows + 2))
    return max(mean - spread, 0.0), min(mean + spread, 1.0)


def _no_better_than_a_constant(metrics: Metrics, prior: Metrics, choice: CutoffChoice | None, learned: Learned) -> str:
    train = learned.counts("train")
    commonest = max(train, key=lambda label: train[label]) if train else learned.classes[0]
    at = f"At the cutoff of {choice.value:g} the" if choice else "The"
    said = (
        f"{at} model is right no more often than if it always said `{commonest}`: accuracy is {metrics.accuracy:.2%} "
        f"on {metrics.rows:,} test rows, against {prior.accuracy:.2%}."
    )
    if choice is None:
        return f"{said} Use the probabilities rather than the label, or give it more rows."
    if choice.policy == "fixed":
        return f"{said} Use the probabilities rather than the label, or choose the cutoff by what errors cost."
    return (
        f"{said} It finds {_share(metrics.recall)} of the `{learned.classes[-1]}` rows; of those it calls so, "
        f"{_share(metrics.precision)} are. If that is not what you want, say what errors cost: `costs` and "
        "`cutoff: {policy: minimum_cost}` in config.yaml."
    )


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"
