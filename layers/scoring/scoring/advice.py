"""What a person can do about a gate that failed: a sentence that fits the gate, without its full stop."""

from __future__ import annotations

from typing import Final

from sluice.dataset.config import BiasName, Facet
from sluice.evaluation.metrics import Metric

_OF_LABELS: Final[frozenset[BiasName]] = frozenset({"DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"})
"""Bias metrics of the labels in the file, which no training changes."""
_CONDITIONED: Final[frozenset[BiasName]] = frozenset({"CDDL", "CDDPL"})

_OF_NUMBERS: Final = {
    "r2": "All test rows have the same value: give it rows with others",
    "coverage": "There are too few validation rows for an interval: give it more rows, or a larger `split.validation`",
    "pinball": "There are too few validation rows for an interval: give it more rows, or a larger `split.validation`",
}
"""Why a metric of numbers has no value."""


def missing_value(metric: Metric, key: str, classes: int, cause: str | None = None) -> str:
    """The test rows give the metric no value. ``cause``: as of :func:`limit`."""
    if cause is not None:
        what = cause
    elif metric.task == "regression":
        what = _OF_NUMBERS.get(metric.name, "Give it more rows")
    elif metric.of_predicted_rows:
        if classes == 2:
            what = "No row is predicted to be positive: choose another `cutoff`, or give it more rows of that class"
        else:
            what = "A class is never predicted: give it more rows of the rare classes"
    else:
        what = "A class has no test rows: give it more rows of the rare classes"
    return f"{what}. Or remove {_key(metric, key)}"


def no_comparison(metric: Metric, key: str, other: str) -> str:
    """The baseline or the live model has no value, or 0, of which no share can be taken."""
    return f"No share can be taken of the {metric.words} of {other}: set `{key[:3]}` in place of {_key(metric, key)}"


def limit(metric: Metric, key: str, classes: int, cause: str | None = None) -> str:
    """The value is beyond a limit. ``cause``: what is known of why, with what to do; otherwise the data are."""
    if _is_too_good(metric, key):
        return (
            "A value that is too good often comes from a column that gives the target away: list that column under "
            f"`drop`, or change {_key(metric, key)}"
        )
    if cause is not None:
        ways = cause
    elif metric.name == "coverage":
        ways = "Give it more rows: intervals come from the validation part, and few rows make them inexact"
    elif metric.is_calibration:
        ways = "Give it more rows, and leave out `hyperparameters.scale_pos_weight`, which shifts the scores"
    elif metric.by_cutoff and classes == 2:
        ways = "Give it more rows, or columns that tell more about the target, or choose another `cutoff`"
    else:
        ways = "Give it more rows, or columns that tell more about the target"
    return f"{ways}. If such a model is good enough, change {_key(metric, key)}"


def uncertain(metric: Metric, key: str) -> str:
    """The value is within the limit, and a part of its interval is not."""
    return (
        "The value itself is within the limit: more test rows make the interval narrower, so give it more rows or a "
        f"larger `split.test`. If the value is enough, set `gates.{metric.name}` in config.yaml without `certain`"
    )


def uncertain_over_all(metric: Metric) -> str:
    """The same of what is measured over all rows of a small table."""
    return (
        "The value itself is within the limit, but so few rows leave it open: give it more rows. If the value is "
        f"enough, set `gates.{metric.name}` in config.yaml without `certain`"
    )


WORSE_ON_HELD_OUT: Final = (
    "Models that are made in the same way do better on the other rows: see whether the held-out rows differ from them "
    "(`slices`), and give it more rows"
)


def beside_champion(metric: Metric, key: str) -> str:
    """The share of the live model's value is beyond a limit."""
    if _is_too_good(metric, key):
        return limit(metric, key, classes=0)
    return (
        "The live model stays: give the new one more rows, or columns that tell more about the target. If it is good "
        f"enough, change {_key(metric, key)}"
    )


def worst_slice(metric: Metric, key: str) -> str:
    """The value of one slice is beyond a limit."""
    if _is_too_good(metric, key):
        return limit(metric, key, classes=0)
    return (
        "Give it more rows of this slice, or columns that tell more about them. If this is good enough, change "
        f"{_key(metric, key)}"
    )


def no_slice(metric: Metric, key: str, slices: int, large: int, min_rows: int) -> str:
    """No slice has a value. ``slices``, ``large``: how many there are, and how many with ``min_rows`` rows or more."""
    if not slices:
        what = "Name columns under `slices`"
    elif not large:
        what = f"No slice has {min_rows} test rows or more: give it more rows, or name other columns under `slices`"
    else:
        what = "No large slice has rows to measure it on: name other columns under `slices`"
    return f"{what}. Or remove {_key(metric, key)}"


def bias(facet: Facet, name: BiasName, key: str, *, measured: bool, classes: int) -> str:
    """A difference between a group and the others is beyond a limit, or has no value."""
    own = f"`gates.{name}.{key}` of the facet `{facet.column}` in config.yaml"
    if not measured:
        if name in _CONDITIONED and facet.condition_on is None:
            return f"Set `condition_on` of the facet `{facet.column}`. Or remove {own}"
        return (
            f"Check that the facet names the group that is meant, and that both sides have such rows. Or remove {own}"
        )
    if name == "CI":
        side = "of the group" if key == "max" else "outside the group"
        what = f"Give it more rows {side}"
    elif name in _OF_LABELS:
        what = (
            "The labels themselves differ between the group and the others, which training does not change: check how "
            "these rows were collected and labelled"
        )
    else:
        drop = f"List `{facet.column}` and columns that stand for it under `drop`"
        cutoff = ", or choose another `cutoff`" if classes == 2 else ""
        what = f"{drop}{cutoff}, and check whether the labels differ already"
    return f"{what}. If the difference is justified, change {own}"


def _is_too_good(metric: Metric, key: str) -> bool:
    """Whether values beyond the limit are the better ones."""
    return key.startswith("max") is metric.higher_is_better and metric.name != "coverage"


def _key(metric: Metric, key: str) -> str:
    return f"`gates.{metric.name}.{key}` in config.yaml"
