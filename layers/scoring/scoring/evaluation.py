"""How good a model is on the held-out test set: every metric with its interval, and the curves behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from scoring.metrics import (
    CALIBRATION_BINS,
    Counts,
    Floats,
    Ints,
    areas,
    calibration_bins,
    calibration_error,
    confusion_counts,
    hard_label_log_loss,
    known,
    of_confusions,
    ranked,
    row_brier,
    row_log_losses,
)
from scoring.resampling import REPLICATES, Resamples, interval, mirrored_interval
from sluice.dataset.config import Costs
from sluice.evaluation.document import (
    CalibrationBin,
    ClassCurves,
    CutoffPoint,
    PrecisionRecallPoint,
    RocPoint,
)
from sluice.messages import Metrics

CUTOFF: Final = 0.5

_SCORE_BINS: Final = 1024
"""Bins of equal size that resampled areas are taken over; the areas in the report are exact."""
_MIN_SCORE_BINS: Final = 64
_SCORE_BINS_OF_ALL: Final = 4096

_CURVE_POINTS: Final = 200
_CUTOFFS: Final = np.round(np.arange(1, 100) / 100, 2)


class NothingToMeasureError(ValueError):
    """The test set or the scores allow no honest measurement; the message says why. Such a model is rejected."""


@dataclass
class Scored:
    """Rows with their labels and scores, checked, in an order that does not depend on the file's.

    Args:
        labels: (n,) class numbers from 0.
        scores: (n,), probability of class 1, or (n, k), of each of k classes.
        cutoff: of two classes, the score from which on a row counts as class 1.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Raises:
        NothingToMeasureError: no rows, one class only, scores that are no probabilities.
    """

    labels: Ints
    scores: Floats
    cutoff: float = CUTOFF
    seed: int = 0
    replicates: int = REPLICATES
    clusters: Ints | None = None
    """(n,) numbers from 0, of what rows belong together: these are resampled together. None: each row is by itself."""
    order: Ints = field(init=False)
    """Row of the file by place."""

    def __post_init__(self) -> None:
        _check(self.labels, self.scores)
        keys = (self.labels, self.scores) if self.scores.ndim == 1 else self._keys()
        self.order = np.lexsort(keys)
        self.labels, self.scores = self.labels[self.order], self.scores[self.order]
        if self.clusters is not None:
            self.clusters = self.clusters[self.order]

    def _keys(self) -> tuple[Floats | Ints, ...]:
        return self.scores.max(axis=1), self.scores[np.arange(self.labels.size), self.labels], self.labels

    @property
    def size(self) -> int:
        return self.labels.size

    @property
    def classes(self) -> int:
        return 2 if self.scores.ndim == 1 else self.scores.shape[1]

    @cached_property
    def predicted(self) -> Ints:
        if self.scores.ndim == 1:
            return (self.scores >= self.cutoff).astype(np.int64)
        return self.scores.argmax(axis=1)

    @cached_property
    def losses(self) -> Floats:
        return row_log_losses(self.labels, self.scores)

    @cached_property
    def resamples(self) -> Resamples:
        return Resamples(self.size, self.seed, self.replicates, self.clusters)

    @cached_property
    def shown(self) -> tuple[int, ...]:
        """The classes that have curves and areas: of two the second one alone."""
        return (1,) if self.scores.ndim == 1 else tuple(range(self.classes))

    def score_of(self, number: int) -> Floats:
        return self.scores if self.scores.ndim == 1 else self.scores[:, number]

    @cached_property
    def confidence(self) -> tuple[Floats, Ints]:
        """Scores that calibration is about, and whether (1 or 0) the row is of that class: the positive class, or of
        several the likeliest one."""
        if self.scores.ndim == 1:
            return self.scores, self.labels
        return self.scores.max(axis=1), (self.predicted == self.labels).astype(np.int64)


def _check(labels: Ints, scores: Floats) -> None:
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    if labels.size == 0:
        raise NothingToMeasureError("the test set is empty")
    if labels.size != scores.shape[0]:
        raise NothingToMeasureError(f"{labels.size} test rows but {scores.shape[0]} scores")
    if labels.min() < 0 or labels.max() >= classes:
        raise NothingToMeasureError(f"the test labels are not all from 0 to {classes - 1}")
    if np.all(labels == labels[0]):
        raise NothingToMeasureError("the test set has one class only")
    if not _are_probabilities(scores):
        raise NothingToMeasureError("the model's scores are not all probabilities")


def _are_probabilities(scores: Floats) -> bool:
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
        return False
    return scores.ndim == 1 or bool(np.allclose(scores.sum(axis=1), 1, atol=1e-4))


def measure(
    scored: Scored, prior_log_loss: float | None, *, intervals: bool = True, shares: Floats | None = None
) -> Metrics:
    """All metrics of a model's predictions.

    Args:
        scored: the test rows.
        prior_log_loss: log loss of the baseline on the same rows.
        intervals: whether to run the bootstrap, too.
        shares: (k,) of the classes, that the baseline predicts; None: not known, so the model is not paired with it.

    Raises:
        NothingToMeasureError: no prior to compare with.
    """
    if prior_log_loss is None or not np.isfinite(prior_log_loss):
        raise NothingToMeasureError("the log loss of predicting the class shares is unknown")
    values, matrix = _values(scored)
    log_loss, accuracy = values.pop("log_loss"), values.pop("accuracy")
    found = {name: known(value) for name, value in values.items()}
    return Metrics(
        rows=scored.size,
        log_loss=float(log_loss),
        prior_log_loss=prior_log_loss,
        accuracy=float(accuracy),
        cutoff=scored.cutoff if scored.scores.ndim == 1 else None,
        confusion_matrix=tuple(tuple(int(count) for count in row) for row in matrix),
        intervals=_intervals(scored, {**found, "log_loss": log_loss, "accuracy": accuracy}) if intervals else {},
        of_prior=shares_of_prior(scored, shares) if intervals and shares is not None else {},
        **found,
    )


def constant_scores(scored: Scored, shares: Floats) -> Floats:
    """(n,) or (n, k), the scores of the baseline. ``shares``: (k,), of the classes."""
    return np.full(scored.size, shares[1]) if scored.scores.ndim == 1 else np.tile(shares, (scored.size, 1))


def values_of(scored: Scored) -> dict[str, float | None]:
    """The metrics by name."""
    return {name: known(value) for name, value in _values(scored)[0].items()}


def intervals_of(scored: Scored) -> dict[str, tuple[float, float]]:
    """With 95 % confidence, of the metrics by name."""
    return _intervals(scored, values_of(scored))


def _values(scored: Scored) -> tuple[dict[str, float], Ints]:
    matrix = confusion_counts(scored.labels, scored.predicted, scored.classes)
    found = [areas(*_ranking(scored, number)) for number in scored.shown]
    values = {
        "log_loss": float(scored.losses.mean()),
        "brier": float(row_brier(scored.labels, scored.scores).mean()),
        "roc_auc": float(np.mean([roc for roc, _ in found])),
        "average_precision": float(np.mean([precision for _, precision in found])),
        **{name: float(value) for name, value in of_confusions(matrix).items()},
        "expected_calibration_error": float(calibration_error(*_calibration(scored))),
    }
    return values, matrix


def _ranking(scored: Scored, number: int) -> tuple[Counts, Counts]:
    order = np.arange(scored.size) if scored.scores.ndim == 1 else None
    _, positives, negatives = ranked(scored.labels == number, scored.score_of(number), order)
    return positives, negatives


def _calibration(scored: Scored) -> tuple[Counts, Counts, Counts]:
    """Rows, sum of scores and hits by bin."""
    scores, hits = scored.confidence
    bins = calibration_bins(scores)
    return (
        np.bincount(bins, minlength=CALIBRATION_BINS),
        np.bincount(bins, weights=scores, minlength=CALIBRATION_BINS),
        np.bincount(bins, weights=hits, minlength=CALIBRATION_BINS),
    )


# Intervals.


def _intervals(scored: Scored, values: dict[str, float | None]) -> dict[str, tuple[float, float]]:
    resamples, k = scored.resamples, scored.classes
    confusions = resamples.counts(k * scored.labels + scored.predicted, k * k)
    resampled: dict[str, Floats] = {
        "log_loss": resamples.means(scored.losses),
        "brier": resamples.means(row_brier(scored.labels, scored.scores)),
        **of_confusions(confusions.reshape(-1, k, k)),
    }
    found = {name: interval(of_all) for name, of_all in resampled.items()}
    found |= _area_intervals(scored, values)
    error = values["expected_calibration_error"]
    if error is not None:
        found["expected_calibration_error"] = mirrored_interval(_resampled_calibration(scored), error)
    return {name: ends for name, ends in found.items() if ends is not None and values.get(name) is not None}


def shares_of_prior(scored: Scored, shares: Floats) -> dict[str, tuple[float, float]]:
    """Intervals of the metrics that are means, as shares of the baseline's: both find the same rows hard, most of all
    those of rare classes. ``shares``: (k,) of the classes, that the baseline predicts."""
    resamples, constant = scored.resamples, constant_scores(scored, shares)
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = {
            name: resamples.means(of_row(scored.labels, scored.scores))
            / resamples.means(of_row(scored.labels, constant))
            for name, of_row in (("log_loss", row_log_losses), ("brier", row_brier))
        }
    found = {name: interval(values, units=resamples.groups) for name, values in resampled.items()}
    return {name: ends for name, ends in found.items() if ends is not None}


def _area_intervals(scored: Scored, values: dict[str, float | None]) -> dict[str, tuple[float, float] | None]:
    """Of the areas under the curves: rows are taken by score bin, which moves an area by less than a thousandth of what
    its interval spans; by that little the interval is moved back."""
    binned: list[tuple[Floats, Floats]] = []
    exact: list[tuple[Floats, Floats]] = []
    number = max(_MIN_SCORE_BINS, min(_SCORE_BINS, _SCORE_BINS_OF_ALL // len(scored.shown)))
    for shown in scored.shown:
        bins, count = _score_bins(scored.score_of(shown), number)
        of_class = scored.labels == shown
        kinds = 2 * bins + of_class
        counts = scored.resamples.counts(kinds, 2 * count).reshape(-1, count, 2)[:, ::-1]
        binned.append(areas(counts[..., 1], counts[..., 0]))
        whole = np.bincount(kinds, minlength=2 * count).reshape(count, 2)[::-1]
        exact.append(areas(whole[..., 1], whole[..., 0]))
    found = {}
    for place, name in enumerate(("roc_auc", "average_precision")):
        value, of_bins = values[name], float(np.mean([pair[place] for pair in exact]))
        of_all = np.mean([pair[place] for pair in binned], axis=0)
        found[name] = None if value is None else interval(of_all, shift=value - of_bins)
    return found


def _score_bins(scores: Floats, max_bins: int) -> tuple[Ints, int]:
    """The bin of each row, and how many there are; rows with the same score are in the same one. ``scores`` of two
    classes are in order."""
    ordered = scores if bool((scores[1:] >= scores[:-1]).all()) else np.sort(scores)
    edges = np.unique(ordered[np.linspace(0, ordered.size - 1, max_bins + 1).astype(np.int64)[1:]])
    return np.searchsorted(edges, scores, side="left"), edges.size


def _resampled_calibration(scored: Scored) -> Floats:
    scores, hits = scored.confidence
    bins = calibration_bins(scores)
    kinds = scored.resamples.counts(2 * bins + hits, 2 * CALIBRATION_BINS).reshape(-1, CALIBRATION_BINS, 2)
    sums = scored.resamples.sums(scores, bins, CALIBRATION_BINS)
    return calibration_error(kinds.sum(axis=-1), sums, kinds[..., 1])


# Curves.


def class_curves(scored: Scored, labels: tuple[str, ...]) -> tuple[ClassCurves, ...]:
    """ROC and precision-recall of each class that is shown, thinned. ``labels`` are the classes' names."""
    return tuple(_curves_of(scored, number, labels[number]) for number in scored.shown)


def _curves_of(scored: Scored, number: int, label: str) -> ClassCurves:
    positives, negatives = _ranking(scored, number)
    roc_auc, average_precision = areas(positives, negatives)
    hits, misses = np.cumsum(positives), np.cumsum(negatives)
    recalls, false_rates = hits / max(hits[-1], 1), misses / max(misses[-1], 1)
    precisions = hits / (hits + misses)
    xs, ys = np.append(0, false_rates), np.append(0, recalls)
    corners = _thinned(xs, ys)
    steps = _thinned(recalls, precisions)
    return ClassCurves(
        label=label,
        roc=tuple(
            RocPoint(false_positive_rate=x, true_positive_rate=y)
            for x, y in zip(xs[corners].tolist(), ys[corners].tolist(), strict=True)
        ),
        precision_recall=tuple(
            PrecisionRecallPoint(recall=x, precision=y)
            for x, y in zip(recalls[steps].tolist(), precisions[steps].tolist(), strict=True)
        ),
        roc_auc=known(roc_auc),
        average_precision=known(average_precision),
        share=float((scored.labels == number).mean()),
    )


def _thinned(x: Floats, y: Floats) -> Ints:
    """Places of some hundred points that lie about evenly along a curve, its ends with them."""
    if x.size <= _CURVE_POINTS:
        return np.arange(x.size)
    along = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    wanted = np.linspace(0, along[-1], _CURVE_POINTS)
    return np.unique(np.append(np.searchsorted(along, wanted).clip(max=x.size - 1), [0, x.size - 1]))


def calibration_curve(scored: Scored) -> tuple[CalibrationBin, ...]:
    """Mean score against share of hits by bin, with the interval of the share."""
    rows, sums, hits = _calibration(scored)
    scores, hit = scored.confidence
    kinds = scored.resamples.counts(2 * calibration_bins(scores) + hit, 2 * CALIBRATION_BINS)
    pairs = kinds.reshape(-1, CALIBRATION_BINS, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = pairs[..., 1] / pairs.sum(axis=-1)
    return tuple(
        CalibrationBin(
            low=number / CALIBRATION_BINS,
            high=(number + 1) / CALIBRATION_BINS,
            rows=int(rows[number]),
            mean_score=float(sums[number] / rows[number]) if rows[number] else None,
            share=float(hits[number] / rows[number]) if rows[number] else None,
            interval=interval(shares[:, number]) if rows[number] else None,
        )
        for number in range(CALIBRATION_BINS)
    )


def cutoff_curve(scored: Scored, costs: Costs | None) -> tuple[CutoffPoint, ...]:
    """What each cutoff from 0.01 to 0.99, and the chosen one, would give; of two classes only."""
    if scored.scores.ndim != 1:
        return ()
    cutoffs = np.unique(np.append(_CUTOFFS, scored.cutoff))
    counts = confusions_at(scored, cutoffs)
    values = of_confusions(counts)
    spent = mean_costs(counts, costs) if costs else None
    return tuple(
        CutoffPoint(
            cutoff=float(cutoff),
            error_rate=float(1 - values["accuracy"][i]),
            precision=known(values["precision"][i]),
            recall=known(values["recall"][i]),
            f1=known(values["f1"][i]),
            cost=None if spent is None else float(spent[i]),
            hard_label_log_loss=hard_label_log_loss(float(1 - values["accuracy"][i])),
        )
        for i, cutoff in enumerate(cutoffs)
    )


def confusions_at(scored: Scored, cutoffs: Floats) -> Ints:
    """(cutoffs, 2, 2) of two classes: rows with a score of at least the cutoff are predicted to be of class 1."""
    below = np.searchsorted(scored.scores, cutoffs, side="left")
    positives = np.append(0, np.cumsum(scored.labels))
    missed = positives[below]
    hits = positives[-1] - missed
    false = scored.size - below - hits
    return np.stack([np.stack([below - missed, false], axis=-1), np.stack([missed, hits], axis=-1)], axis=-2)


def mean_costs(counts: Counts, costs: Costs) -> Floats:
    """(...,), what a row costs on average. ``counts``: (..., 2, 2)."""
    matrix = np.array([[costs.true_negative, costs.false_positive], [costs.false_negative, costs.true_positive]])
    spent: Floats = (np.asarray(counts) * matrix).sum(axis=(-2, -1)) / np.asarray(counts).sum(axis=(-2, -1))
    return spent
