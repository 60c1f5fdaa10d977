"""How good predicted numbers are on the held-out rows: every metric with its interval, beside the baseline.

The interval of a prediction is split-conformal (Lei et al., 2018, "Distribution-free predictive inference for
regression"): the prediction, and on either side the error that enough of the validation rows stay within. It covers a
new row of the same kind with the promised probability, whatever the model and however errors are distributed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Final

import numpy as np

from scoring.evaluation import NothingToMeasureError
from scoring.metrics import Floats, Ints, known
from scoring.resampling import REPLICATES, Resamples, interval
from sluice.evaluation.document import NumberPoint, NumberReport, PredictionInterval, ResidualBin, SizeBin
from sluice.evaluation.metrics import of_task
from sluice.messages import NumberMetrics, TargetNumbers

_ERROR_BINS: Final = 1024
"""Bins of equal size that resampled medians are taken over; the median in the report is exact."""
_POINTS: Final = 400
_MIN_RESIDUAL_BINS: Final = 8
_MAX_RESIDUAL_BINS: Final = 30
_SHOWN_RESIDUALS: Final = 0.99
"""Share of the rows that the bins of equal width span; the outermost bins take in the rest."""
_MAX_SIZES: Final = 10
_MIN_ROWS_OF_A_SIZE: Final = 20


@dataclass
class ScoredNumbers:
    """Rows with their true and their predicted numbers, checked, in an order that does not depend on the file's.

    Args:
        labels: (n,) true numbers, in the target's unit.
        scores: (n,) predictions.
        half_width: of the interval of each prediction; None if there is none.
        coverage: share of the rows that the interval is to hold.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Raises:
        NothingToMeasureError: no rows, or predictions that are no finite numbers.
    """

    labels: Floats
    scores: Floats
    half_width: float | None = None
    coverage: float = 0.9
    seed: int = 0
    replicates: int = REPLICATES
    clusters: Ints | None = None
    """(n,) numbers from 0, of what rows belong together: these are resampled together. None: each row is by itself."""
    order: Ints = field(init=False)
    """Row of the file by place."""

    def __post_init__(self) -> None:
        if self.labels.size == 0:
            raise NothingToMeasureError("the test set is empty")
        if self.labels.shape != self.scores.shape:
            raise NothingToMeasureError(f"{self.labels.size} test rows but {self.scores.size} predictions")
        if not np.isfinite(self.scores).all():
            raise NothingToMeasureError("the model's predictions are not all finite numbers")
        self.order = np.lexsort((self.labels, self.scores))
        self.labels, self.scores = self.labels[self.order], self.scores[self.order]
        if self.clusters is not None:
            self.clusters = self.clusters[self.order]

    @property
    def size(self) -> int:
        return self.labels.size

    @cached_property
    def losses(self) -> Floats:
        """(n,) squared errors."""
        return np.square(self.scores - self.labels)

    @cached_property
    def resamples(self) -> Resamples:
        return Resamples(self.size, self.seed, self.replicates, self.clusters)

    @cached_property
    def inside(self) -> Floats | None:
        """(n,), 1 if the interval of the prediction holds the true number, otherwise 0; None without an interval."""
        if self.half_width is None:
            return None
        return (np.abs(self.scores - self.labels) <= self.half_width).astype(np.float64)


def prediction_interval(errors: Floats, coverage: float) -> PredictionInterval:
    """The split-conformal interval.

    Args:
        errors: (n,) predicted less true numbers of validation rows.
        coverage: share of new rows that it is to hold, between 0 and 1.
    """
    rows = errors.size
    rank = math.ceil((rows + 1) * Fraction(str(coverage)))  # as it is written: 0.9 * 10 may be more than 9
    if rank > rows:
        needed = math.ceil(1 / (1 - Fraction(str(coverage)))) - 1
        reason = (
            f"An interval that holds {coverage:.0%} of the rows needs {needed} validation rows, and there are {rows}."
        )
        return PredictionInterval(coverage=coverage, half_width=None, rows=rows, reason=reason)
    half_width = float(np.partition(np.abs(errors), rank - 1)[rank - 1])
    reason = f"Of {rows:,} validation rows {rank:,} are predicted with an error of at most {half_width:.6g}."
    return PredictionInterval(coverage=coverage, half_width=half_width, rows=rows, reason=reason)


@dataclass(frozen=True)
class _Errors:
    """Of each row: squared and absolute error, quantile loss of the interval's ends, and whether it holds the row."""

    squares: Floats
    absolutes: Floats
    quantile: Floats | None
    inside: Floats | None


def _of_model(scored: ScoredNumbers) -> _Errors:
    absolutes = np.abs(scored.scores - scored.labels)
    if scored.half_width is None:
        return _Errors(scored.losses, absolutes, None, None)
    ends = scored.scores - scored.half_width, scored.scores + scored.half_width
    return _Errors(scored.losses, absolutes, _pinball(scored, *ends), scored.inside)


def _of_baseline(scored: ScoredNumbers, baseline: TargetNumbers) -> _Errors:
    inside = (scored.labels >= baseline.low) & (scored.labels <= baseline.high)
    return _Errors(
        np.square(scored.labels - baseline.mean),
        np.abs(scored.labels - baseline.median),
        _pinball(scored, np.full(scored.size, baseline.low), np.full(scored.size, baseline.high)),
        inside.astype(np.float64),
    )


def _pinball(scored: ScoredNumbers, low: Floats, high: Floats) -> Floats:
    """(n,) mean quantile loss of the two ends, which are quantiles that leave the same share on either side."""
    rest = (1 - scored.coverage) / 2
    under, over = scored.labels - low, scored.labels - high
    lower = np.where(under >= 0, rest * under, (rest - 1) * under)
    upper = np.where(over >= 0, (1 - rest) * over, -rest * over)
    return (lower + upper) / 2


def measure_numbers(scored: ScoredNumbers, baseline: TargetNumbers | None, *, intervals: bool = True) -> NumberMetrics:
    """All metrics of a model's predictions.

    Args:
        scored: the test rows.
        baseline: of the training part.
        intervals: whether to run the bootstrap, too.

    Raises:
        NothingToMeasureError: no baseline to compare with.
    """
    if baseline is None:
        raise NothingToMeasureError("the mean and the median of the training part are unknown")
    errors, prior = _of_model(scored), _of_baseline(scored, baseline)
    found = _measured(scored, errors, math.sqrt(float(prior.squares.mean())))
    if not intervals:
        return found
    units = scored.resamples.groups
    of_prior = {name: interval(values, units=units) for name, values in _shares(scored, errors, prior).items()}
    return found.model_copy(
        update={
            "intervals": _intervals(scored, errors, found),
            "of_prior": {name: ends for name, ends in of_prior.items() if ends is not None},
        }
    )


def measure_numbers_alone(scored: ScoredNumbers) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """The metrics by name, and their intervals, if there is no baseline to compare with."""
    errors = _of_model(scored)
    found = _measured(scored, errors, math.nan)
    values = {name: known_of(found, name) for name in of_task("regression")}
    return {name: value for name, value in values.items() if value is not None}, _intervals(scored, errors, found)


def prior_metrics(scored: ScoredNumbers, baseline: TargetNumbers) -> NumberMetrics:
    """The metrics of the baseline on the same rows."""
    prior = _of_baseline(scored, baseline)
    return _measured(scored, prior, math.sqrt(float(prior.squares.mean())))


def _measured(scored: ScoredNumbers, errors: _Errors, prior_rmse: float) -> NumberMetrics:
    spread = float(np.var(scored.labels))
    mean_square = float(errors.squares.mean())
    return NumberMetrics(
        rows=scored.size,
        rmse=math.sqrt(mean_square),
        prior_rmse=prior_rmse,
        mae=float(errors.absolutes.mean()),
        median_error=float(np.median(errors.absolutes)),
        r2=1 - mean_square / spread if spread > 0 else None,
        pinball=None if errors.quantile is None else float(errors.quantile.mean()),
        coverage=None if errors.inside is None else float(errors.inside.mean()),
    )


def _intervals(scored: ScoredNumbers, errors: _Errors, found: NumberMetrics) -> dict[str, tuple[float, float]]:
    resamples = scored.resamples
    mean_squares = resamples.means(errors.squares)
    apart = scored.labels - scored.labels.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = resamples.means(np.square(apart)) - np.square(resamples.means(apart))
        r2 = 1 - mean_squares / np.where(spread > 0, spread, np.nan)
    resampled = {
        "rmse": interval(np.sqrt(mean_squares)),
        "mae": interval(resamples.means(errors.absolutes)),
        "median_error": _median_interval(resamples, errors.absolutes, found.median_error),
        "r2": interval(r2),
        "pinball": None if errors.quantile is None else interval(resamples.means(errors.quantile)),
        "coverage": None if errors.inside is None else interval(resamples.means(errors.inside)),
    }
    return {name: ends for name, ends in resampled.items() if ends is not None and known_of(found, name) is not None}


def known_of(metrics: NumberMetrics, name: str) -> float | None:
    """A metric by its name; None if it could not be measured."""
    value = getattr(metrics, name)
    return None if value is None else known(value)


def _median_interval(resamples: Resamples, absolutes: Floats, median: float) -> tuple[float, float] | None:
    """Medians of resamples are those of bins with about as many rows each, moved by what the bins miss."""
    ordered = np.sort(absolutes)
    places = np.linspace(0, ordered.size - 1, min(_ERROR_BINS, ordered.size)).astype(np.int64)
    edges = np.unique(ordered[places])
    bins = np.searchsorted(edges, absolutes, side="left")
    upto = np.cumsum(resamples.counts(bins, edges.size), axis=1)
    middle = edges[(upto >= upto[:, -1:] / 2).argmax(axis=1)]
    whole = np.cumsum(np.bincount(bins, minlength=edges.size))
    of_bins = float(edges[int((whole >= whole[-1] / 2).argmax())])
    ends = interval(middle, shift=median - of_bins)
    return None if ends is None else (max(ends[0], 0.0), ends[1])


def _shares(scored: ScoredNumbers, errors: _Errors, prior: _Errors) -> dict[str, Floats]:
    """(replicates,) of the metrics that are means: their share of the baseline's on the same resample."""
    resamples = scored.resamples
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "rmse": np.sqrt(resamples.means(errors.squares) / resamples.means(prior.squares)),
            "mae": resamples.means(errors.absolutes) / resamples.means(prior.absolutes),
        }
        if errors.quantile is not None and prior.quantile is not None:
            found["pinball"] = resamples.means(errors.quantile) / resamples.means(prior.quantile)
    return found


# What the page draws.


def number_report(scored: ScoredNumbers) -> NumberReport:
    """Predicted against true numbers, the residuals, and the errors by the size of the prediction."""
    return NumberReport(points=_points(scored), residuals=_residuals(scored), sizes=tuple(_by_size(scored)))


def _points(scored: ScoredNumbers) -> tuple[NumberPoint, ...]:
    """Of many rows every so many, in the order of the predictions, so that every size has its share."""
    count = min(_POINTS, scored.size)
    shown = np.arange(count) * scored.size // count
    return tuple(NumberPoint(truth=float(scored.labels[i]), predicted=float(scored.scores[i])) for i in shown)


def _residuals(scored: ScoredNumbers) -> tuple[ResidualBin, ...]:
    residuals = scored.labels - scored.scores
    rest = (1 - _SHOWN_RESIDUALS) / 2
    low, high = np.quantile(residuals, [rest, 1 - rest])
    if not low < high:
        return (ResidualBin(low=float(residuals.min()), high=float(residuals.max()), rows=scored.size),)
    bins = min(max(math.isqrt(scored.size), _MIN_RESIDUAL_BINS), _MAX_RESIDUAL_BINS)
    edges = np.linspace(low, high, bins + 1)
    counts, _ = np.histogram(residuals.clip(low, high), edges)
    return tuple(
        ResidualBin(low=float(edges[i]), high=float(edges[i + 1]), rows=int(rows)) for i, rows in enumerate(counts)
    )


def _by_size(scored: ScoredNumbers) -> list[SizeBin]:
    """Rows with about the same prediction: up to ten parts with about as many rows each, equal predictions in one."""
    parts = min(max(scored.size // _MIN_ROWS_OF_A_SIZE, 1), _MAX_SIZES)
    edges = np.unique(scored.scores[np.linspace(0, scored.size - 1, parts + 1).astype(np.int64)[1:]])
    bins = np.searchsorted(edges, scored.scores, side="left")
    found = []
    for number in range(edges.size):
        rows = bins == number
        errors = scored.scores[rows] - scored.labels[rows]
        found.append(
            SizeBin(
                low=float(scored.scores[rows].min()),
                high=float(scored.scores[rows].max()),
                rows=int(rows.sum()),
                mean_error=float(errors.mean()),
                mae=float(np.abs(errors).mean()),
                coverage=None if scored.inside is None else float(scored.inside[rows].mean()),
            )
        )
    return found
