"""The same metrics on the test rows with one value in one column."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from scoring.evaluation import NothingToMeasureError, Scored, measure
from scoring.metrics import Floats, Ints, confusion_counts, known, log_loss, of_confusions, row_brier
from scoring.number_metrics import ScoredNumbers, measure_numbers
from sluice.evaluation.document import PredictionInterval, SliceResult
from sluice.evaluation.metrics import METRICS, of_task
from sluice.messages import TargetNumbers

if TYPE_CHECKING:
    import pandas as pd

MAX_VALUES: Final = 20
"""Slices of a column. Numbers of more different values are cut into ranges, of texts the rest is one slice."""

_RANGES: Final = 4
_REPLICATES: Final = 400
_MISSING: Final = "(no value)"
_NO_NUMBER: Final = "(no number)"
_OTHERS: Final = "(all others)"
_NUMBERS_SHARE: Final = 0.9

type Bools = NDArray[np.bool_]


def slice_results(
    labels: Ints,
    scores: Floats,
    cutoff: float,
    rows: pd.DataFrame,
    columns: Sequence[str],
    missing: Sequence[str],
) -> tuple[SliceResult, ...]:
    """
    Args:
        labels: (n,) class numbers, in the order of ``rows``.
        scores: (n,) or (n, k).
        cutoff: of two classes.
        rows: the test rows' own cells, as text.
        columns: by whose values to slice.
        missing: cells that mean: no value.
    """
    return tuple(
        _measured(column, value, labels[of_slice], scores[of_slice], cutoff)
        for column in columns
        for value, of_slice in slices_of(rows[column], missing)
    )


def number_slice_results(
    labels: Floats,
    scores: Floats,
    interval: PredictionInterval,
    baseline: TargetNumbers,
    rows: pd.DataFrame,
    columns: Sequence[str],
    missing: Sequence[str],
) -> tuple[SliceResult, ...]:
    """The same of predicted numbers. Arguments are those of :func:`slice_results`.

    Args:
        labels: (n,) true numbers.
        scores: (n,) predictions.
        interval: of the predictions.
        baseline: of the training part.
    """
    return tuple(
        _measured_numbers(column, value, labels[of_slice], scores[of_slice], interval, baseline)
        for column in columns
        for value, of_slice in slices_of(rows[column], missing)
    )


def _measured_numbers(
    column: str, value: str, labels: Floats, scores: Floats, interval: PredictionInterval, baseline: TargetNumbers
) -> SliceResult:
    if not labels.size:
        return SliceResult(column=column, value=value, rows=0, metrics={}, remark="the slice is empty")
    scored = ScoredNumbers(labels, scores, interval.half_width, interval.coverage, replicates=_REPLICATES)
    found = measure_numbers(scored, baseline)
    named = {name: getattr(found, name) for name in of_task("regression")}
    return SliceResult(column=column, value=value, rows=labels.size, metrics=named, intervals=found.intervals)


def slices_of(cells: pd.Series, missing: Sequence[str]) -> Iterator[tuple[str, Bools]]:
    """The slices of a column: what to call each, and which rows are of it."""
    absent = cells.isin(["", *missing]).to_numpy()
    counts = cells[~absent].value_counts()
    if counts.size > MAX_VALUES:
        import pandas as pd  # noqa: PLC0415 - see scoring.raw_rows

        numbers = pd.to_numeric(cells.where(~absent), errors="coerce").to_numpy(np.float64)
        if np.isfinite(numbers).sum() >= _NUMBERS_SHARE * (~absent).sum():
            yield from _ranges(numbers)
            odd = ~absent & ~np.isfinite(numbers)
            if odd.any():
                yield _NO_NUMBER, odd
            counts = counts[:0]
    values = sorted(counts.index[: MAX_VALUES - 1 if counts.size > MAX_VALUES else None])
    for value in values:
        yield str(value), (cells == value).to_numpy()
    if counts.size > MAX_VALUES:
        yield _OTHERS, ~absent & ~cells.isin(values).to_numpy()
    if absent.any():
        yield _MISSING, absent


def _ranges(numbers: Floats) -> Iterator[tuple[str, Bools]]:
    """Four ranges with about as many rows each."""
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _RANGES + 1), method="higher"))
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        last = number == edges.size - 2
        end = f"to {high:g}" if last else f"to below {high:g}"
        yield f"{low:g} {end}", (numbers >= low) & ((numbers <= high) if last else (numbers < high))


def _of_one_class(labels: Ints, scores: Floats, cutoff: float) -> dict[str, float | None]:
    """What can be said of rows that are all of one class: no areas, and no recall of the other."""
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    predicted = (scores >= cutoff).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
    told = of_confusions(confusion_counts(labels, predicted, classes))
    losses = {"log_loss": known(log_loss(labels, scores)), "brier": known(row_brier(labels, scores).mean())}
    return {
        **losses,
        **{name: known(value) for name, value in told.items() if not METRICS[name].needs_both_classes},
    }


def _measured(column: str, value: str, labels: Ints, scores: Floats, cutoff: float) -> SliceResult:
    try:
        # The prior is of no use here: limits relative to it are for all rows together.
        found = measure(Scored(labels, scores, cutoff, replicates=_REPLICATES), prior_log_loss=0.0)
    except NothingToMeasureError as error:
        remark = str(error).replace("test set", "slice")
        metrics = _of_one_class(labels, scores, cutoff) if labels.size else {}
        return SliceResult(column=column, value=value, rows=labels.size, metrics=metrics, remark=remark)
    named = {name: getattr(found, name) for name in of_task("classification")}
    return SliceResult(column=column, value=value, rows=labels.size, metrics=named, intervals=found.intervals)
