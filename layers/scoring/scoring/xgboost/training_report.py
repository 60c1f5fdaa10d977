"""How a training went and what the model learned: what SageMaker Debugger's XGBoost report showed, from our own parts.

The curves come from the training job's log, the importances from the model itself, and the SHAP values from XGBoost's
own TreeSHAP (``pred_contribs``, https://arxiv.org/abs/1802.03888) over a sample of the test rows. All of it is shown by
the user's columns: what the features of one column contribute adds up to what the column does, since SHAP values are
additive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from scoring.metrics import Floats, Ints
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import (
    ClassCount,
    Contribution,
    Importance,
    LearningCurve,
    Mistake,
    ShapColumn,
    ShapLevel,
    ShapPoint,
    TrainingFinding,
    TrainingReport,
)

Rows = NDArray[np.float32]

OVERFIT_GAP: Final = 0.25
"""Of validation and training value where the model ends, as a share of the former. Beyond it, the model has
memorized rows."""
MIN_OVERFIT_GAP: Final = 0.05
"""The same gap in the metric's own units: losses near 0 differ by large shares that mean nothing."""
OVERFIT_RISE: Final = 0.01
"""By what share the validation metric must have got worse after its best round."""
MIN_LEARNED: Final = 0.01
"""A validation metric that improved by a smaller share than this has learned nothing."""
STILL_IMPROVING_SHARE: Final = 0.1
"""A best round in this last share of the rounds says that more of them would have been better."""
AT_ONCE: Final = 2
"""A best round up to this one, from 0 on, is at once."""
RARE_SHARE: Final = 0.05
"""The rarest class' share of the training rows."""
RARE_SHARE_OF_EVEN: Final = 0.5
"""Its share of what it would have if all were alike: with 30 classes of the same size each has less than 5 %."""
RARE_RATIO: Final = 20
MIN_CLASS_TRAINING_ROWS: Final = 50
"""Fewer rows of a class teach little."""
MIN_CLASS_HELD_OUT_ROWS: Final = 20
"""Fewer rows of a class prove little."""

SHAP_ROWS: Final = 500
SHAP_COLUMNS: Final = 15
SHAP_POINTS: Final = 200
SHAP_LEVELS: Final = 8
"""Values of a column of categories whose effect is shown."""
_LEVEL_CHARACTERS: Final = 100
OTHER_LEVEL: Final = "(another value)"
MISSING_LEVEL: Final = "(missing)"
MISTAKES: Final = 10
CONTRIBUTIONS: Final = 5
_ROWS_TIMES_SPLITS: Final = 10_000_000
"""TreeSHAP takes 0.1 to 0.2 microseconds a row and split on two weak cores, so this is some two seconds. A larger model
is looked at over fewer rows, of which the least is kept."""
_SHAP_CELLS: Final = 40_000_000
"""Rows x classes x features of the values that are held at a time: 160 MB."""
_MIN_SHAP_ROWS: Final = 50

_MAXIMIZED: Final = re.compile(r"(balanced_)?accuracy|auc(pr)?|(map|ndcg)(@.*)?|r2|(f1|precision|recall)(_\w+)?")
"""Of the container's metrics those of which more is better."""
_LOG_LOSSES: Final = frozenset({"logloss", "mlogloss"})
_ROUND: Final = re.compile(r"\[(\d{1,6})\]((?:(?:\s|#011)+(?:train|validation)-[^\s:#]+:[^\s#]+)+)")
"""The container writes tabs, which some log agents turn into their octal escape."""
_VALUE: Final = re.compile(r"(train|validation)-([^\s:#]+):([^\s#]+)")
_MAX_ROUNDS: Final = 100_000
"""No training has more rounds; a number beyond it is not one."""
_LABELS_NAMED: Final = 5


def read_curves(lines: Iterable[str]) -> tuple[LearningCurve, ...]:
    """The metrics by round, out of a training job's log among whatever else it says.

    A spot interruption restarts the training, and so the curves, at round 0: the last start counts. A round that is
    missing or has no finite value holds the value before it (the first rounds the one after), so that a place in a
    curve is a round's number. A part that has no value at all is empty.
    """
    rounds: dict[int, dict[tuple[str, str], float]] = {}
    for line in lines:
        found = _ROUND.search(line)
        if found is None or (number := int(found[1])) > _MAX_ROUNDS:
            continue
        if number == 0:
            rounds = {}
        rounds[number] = {(metric, part): value for part, metric, value in _values(found[2])}
    metrics = list(dict.fromkeys(metric for number in sorted(rounds) for metric, _ in rounds[number]))
    curves = [
        LearningCurve(metric=metric, train=_series(rounds, metric, "train"), validation=_series(rounds, metric))
        for metric in metrics
    ]
    return tuple(curve for curve in curves if curve.train or curve.validation)


def _values(text: str) -> Iterator[tuple[str, str, float]]:
    for part, metric, said in _VALUE.findall(text):
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        yield part, metric, value


def _series(
    rounds: dict[int, dict[tuple[str, str], float]], metric: str, part: str = "validation"
) -> tuple[float, ...]:
    values = [rounds.get(number, {}).get((metric, part), math.nan) for number in range(max(rounds) + 1)]
    last = next((value for value in values if math.isfinite(value)), None)
    if last is None:
        return ()
    series: list[float] = []
    for value in values:
        last = value if math.isfinite(value) else last
        series.append(last)
    return tuple(series)


def training_report(
    booster: xgboost.Booster,
    recipe: Recipe,
    rows: Rows,
    labels: Ints | Floats,
    scores: Floats,
    predicted: Ints | Floats,
    *,
    classes: Sequence[str],
    class_counts: tuple[ClassCount, ...],
    curves: tuple[LearningCurve, ...],
    early_stopping_rounds: int | None,
    seed: int = 0,
) -> TrainingReport:
    """Collects all that is known about a training. SHAP values are in log odds, or in the target's unit.

    The order of the test rows changes nothing but their numbers.

    Args:
        booster: the model, with the recipe's features in their order.
        rows: (n, f) features of the test set, missing as NaN.
        labels: (n,) class numbers, or true numbers.
        scores: (n,) probability of class 1, or (n, k) of each class, or (n,) predicted numbers.
        predicted: (n,) class numbers, by the cutoff if there is one; of numbers the scores.
        classes: label by class number; none of a target of numbers.
        curves: of :func:`read_curves`; the last that has validation values is the one that early stopping watched.
        early_stopping_rounds: as the job was given; None if it was not.
        seed: of the sample of test rows.
    """
    columns = _columns(recipe)
    weight = _by_column(booster, columns, "weight")
    course = _course(curves, booster.num_boosted_rounds(), early_stopping_rounds)
    has_splits = bool(weight.any())
    marks = _fingerprints(rows, seed)
    sample = _sample(scores, marks, _sample_size(booster, scores, columns, float(weight.sum())), seed)
    shap = column_contributions(booster, recipe, rows[sample])[0] if sample.size else None
    pushes = _pushes(shap, predicted[sample].astype(np.int64)) if shap is not None else None
    mean_shap = np.abs(shap).mean(axis=(0, 1)) if shap is not None else None
    gain, cover = (_by_column(booster, columns, kind) for kind in ("total_gain", "total_cover"))
    order = sorted(range(len(columns)), key=lambda i: (0.0 if mean_shap is None else -mean_shap[i], -gain[i]))
    return TrainingReport(
        rounds=booster.num_boosted_rounds(),
        rounds_trained=max((len(curve.validation or curve.train) for curve in curves), default=None),
        best_round=course.best if course else None,
        stopped_early=course is not None and course.stopped_early,
        curves=curves,
        findings=tuple(_findings(course, has_splits, recipe, classes, class_counts, bool(curves))),
        importances=tuple(
            Importance(
                column=columns[i].name,
                gain=float(gain[i]),
                cover=float(cover[i]),
                weight=float(weight[i]),
                shap=None if mean_shap is None else float(mean_shap[i]),
            )
            for i in order
        ),
        shap_rows=sample.size,
        shap=()
        if pushes is None or mean_shap is None
        else tuple(
            _shap_column(columns[i], pushes[:, i], rows[sample]) for i in order[:SHAP_COLUMNS] if mean_shap[i] > 0
        ),
        mistakes=_mistakes(booster, recipe, rows, _worst(labels, scores, predicted, classes, marks)),
    )


# What the model learned


@dataclass(frozen=True)
class _Column:
    """A column of the user's that the model sees, as the features from ``start`` up to ``stop``."""

    name: str
    start: int
    stop: int
    ordered: bool
    """Its first feature grows with the column's value."""
    levels: tuple[str, ...] | None = None
    """Of categories: by feature, or by rank from 1 on."""


def _columns(recipe: Recipe) -> list[_Column]:
    columns, start = [], 0
    for column in recipe.columns:
        stop = start + len(column.feature_names())
        if stop > start:
            levels = column.levels if column.kind in ("one_hot", "frequency_rank") else None
            ordered = column.kind in ("number", "boolean", "frequency_rank")
            columns.append(_Column(column.name, start, stop, ordered, levels))
        start = stop
    return columns


def column_contributions(booster: xgboost.Booster, recipe: Recipe, rows: Rows) -> tuple[Floats, Floats]:
    """SHAP values in log odds by the columns that have features, in the recipe's order.

    Returns:
        (n, g, c) and the bias (n, g), which together add up to the margin. g is 1 for two classes, with values for the
        positive one, and else the number of classes.
    """
    # A booster with names refuses a matrix without them.
    data = xgboost.DMatrix(rows, feature_names=booster.feature_names)
    values = booster.predict(data, pred_contribs=True, strict_shape=True)
    starts = [column.start for column in _columns(recipe)]
    return np.add.reduceat(values[:, :, :-1], starts, axis=2, dtype=np.float64), values[:, :, -1].astype(np.float64)


def _by_column(booster: xgboost.Booster, columns: Sequence[_Column], kind: str) -> Floats:
    """A score of XGBoost's, summed over the features of each column; those that no split uses have none."""
    names = booster.feature_names or [f"f{number}" for number in range(booster.num_features())]
    scores = booster.get_score(importance_type=kind)
    by_feature = np.array([scores.get(name, 0.0) for name in names], np.float64)
    return np.array([by_feature[column.start : column.stop].sum() for column in columns], np.float64)


def _fingerprints(rows: Rows, seed: int) -> NDArray[np.uint64]:
    """A number for each row that hangs on its values alone. It breaks ties, which the order of rows must not."""
    rng = np.random.default_rng(seed)
    marks = np.zeros(rows.shape[0], np.uint64)
    for column in rows.T:
        bits = np.ascontiguousarray(column, np.float32).view(np.uint32)
        # Odd, so that no bit is lost; it wraps round at 64 bits.
        marks += bits.astype(np.uint64) * np.uint64(rng.integers(1 << 62) * 2 + 1)
    return marks


def _sample_size(booster: xgboost.Booster, scores: Floats, columns: Sequence[_Column], splits: float) -> int:
    groups = 1 if scores.ndim == 1 else scores.shape[1]
    affordable = min(_ROWS_TIMES_SPLITS / max(splits, 1), _SHAP_CELLS / (groups * (booster.num_features() + 1)))
    return min(SHAP_ROWS, max(_MIN_SHAP_ROWS, int(affordable))) if columns else 0


def _sample(scores: Floats, marks: NDArray[np.uint64], size: int, seed: int) -> Ints:
    """Row indices, evenly spaced by score from a random start, so that every region of scores has its share."""
    if scores.ndim == 1:
        order = np.lexsort((marks, scores))
    else:
        order = np.lexsort((marks, scores.max(axis=1), scores.argmax(axis=1)))
    if order.size <= size:
        return order
    start = np.random.default_rng(seed).random()
    return order[((np.arange(size) + start) * (order.size / size)).astype(np.int64)]


def _pushes(shap: Floats, predicted: Ints) -> Floats:
    """(n, c): towards the positive class of two, otherwise towards the class that is predicted."""
    return shap[:, 0] if shap.shape[1] == 1 else shap[np.arange(len(predicted)), predicted]


def _shap_column(column: _Column, pushes: Floats, rows: Rows) -> ShapColumn:
    positions = _positions(rows[:, column.start]) if column.ordered else np.full(pushes.size, np.nan)
    count = min(SHAP_POINTS, pushes.size)
    shown = np.arange(count) * pushes.size // count
    return ShapColumn(
        column=column.name,
        points=tuple(
            ShapPoint(shap=float(pushes[i]), position=None if np.isnan(positions[i]) else float(positions[i]))
            for i in shown
        ),
        levels=() if column.levels is None else _levels(column, column.levels, pushes, rows),
    )


def _levels(column: _Column, levels: Sequence[str], pushes: Floats, rows: Rows) -> tuple[ShapLevel, ...]:
    """The mean push of each of the most frequent values, a missing one and all that are not listed among them."""
    names = [*levels, OTHER_LEVEL, MISSING_LEVEL]
    codes = _level_codes(rows[:, column.start : column.stop], len(levels), by_feature=not column.ordered)
    counts = np.bincount(codes, minlength=len(names))
    sums = np.bincount(codes, weights=pushes, minlength=len(names))
    most = np.argsort(-counts, kind="stable")[:SHAP_LEVELS]
    return tuple(
        ShapLevel(level=names[i][:_LEVEL_CHARACTERS], rows=int(counts[i]), shap=float(sums[i] / counts[i]))
        for i in most
        if counts[i]
    )


def _level_codes(features: Rows, levels: int, *, by_feature: bool) -> Ints:
    """(n,): the number of the level; ``levels`` for another one, and one more for a missing value.

    Args:
        features: (n, levels) with a 1 for the level, or (n, 1) with its rank from 1 on.
    """
    missing = np.isnan(features[:, 0])
    if by_feature:
        found = np.where(features.max(axis=1) > 0, features.argmax(axis=1), levels)
    else:
        found = np.where(missing, 0, features[:, 0] - 1).astype(np.int64).clip(0, levels)
    return np.where(missing, levels + 1, found).astype(np.int64)


def _positions(values: Rows) -> Floats:
    """Mean rank of each value among the others, from 0 to 1; NaN if missing."""
    positions = np.full(values.size, np.nan)
    known = ~np.isnan(values)
    _, group, size = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(size) - (size + 1) / 2)[group]
    positions[known] = ranks / (ranks.size - 1) if ranks.size > 1 else 0.5
    return positions


@dataclass(frozen=True)
class _Wrong:
    """A row that is predicted wrong, by its place. ``side``: which way its contributions are counted; ``group``: of
    which class."""

    place: int
    label: str
    predicted: str
    score: float
    side: int
    group: int


def _worst(
    labels: Ints | Floats,
    scores: Floats,
    predicted: Ints | Floats,
    classes: Sequence[str],
    marks: NDArray[np.uint64],
) -> list[_Wrong]:
    """The rows with the least probability for their true label among those that are predicted wrong; of numbers those
    that are farthest off."""
    wrong = np.flatnonzero(labels != predicted)
    if not classes:
        off = scores[wrong] - labels[wrong]
        worst = np.lexsort((labels[wrong], marks[wrong], -np.abs(off)))[:MISTAKES]
        return [
            _Wrong(int(i), f"{labels[i]:.6g}", f"{scores[i]:.6g}", float(scores[i] - labels[i]), 1, 0)
            for i in wrong[worst]
        ]
    truth, told = labels.astype(np.int64), predicted.astype(np.int64)
    of_truth = (
        np.where(truth[wrong] == 1, scores[wrong], 1 - scores[wrong])
        if scores.ndim == 1
        else scores[wrong, truth[wrong]]
    )
    worst = np.lexsort((truth[wrong], marks[wrong], of_truth))[:MISTAKES]
    return [
        _Wrong(
            place=int(i),
            label=classes[truth[i]],
            predicted=classes[told[i]],
            score=float(score),
            side=-1 if scores.ndim == 1 and told[i] != 1 else 1,
            group=0 if scores.ndim == 1 else int(told[i]),
        )
        for i, score in zip(wrong[worst], of_truth[worst], strict=True)
    ]


def _mistakes(booster: xgboost.Booster, recipe: Recipe, rows: Rows, wrong: Sequence[_Wrong]) -> tuple[Mistake, ...]:
    """What drove the predictions of some rows."""
    columns = _columns(recipe)
    if not wrong or not columns:
        return ()
    shap, _ = column_contributions(booster, recipe, rows[[one.place for one in wrong]])
    pushes = [one.side * of_row[one.group] for one, of_row in zip(wrong, shap, strict=True)]
    return tuple(
        Mistake(
            row=one.place + 1,
            label=one.label,
            predicted=one.predicted,
            score=one.score,
            contributions=tuple(
                Contribution(column=columns[i].name, shap=float(push[i]))
                for i in np.argsort(-np.abs(push), kind="stable")[:CONTRIBUTIONS]
                if push[i] != 0
            ),
        )
        for one, push in zip(wrong, pushes, strict=True)
    )


# How the training went


@dataclass(frozen=True)
class _Course:
    """What the metric that early stopping watches did, and what was made of it."""

    curve: LearningCurve
    rounds: int
    """Of the model, which early stopping cuts to the best one."""
    patience: int | None

    @property
    def sign(self) -> int:
        """Times it, less is better."""
        return -1 if _MAXIMIZED.fullmatch(self.curve.metric) else 1

    @property
    def trained(self) -> int:
        return len(self.curve.validation)

    @property
    def best(self) -> int:
        """The first of the best rounds; of those that the log's five digits do not tell apart, the model's last."""
        values = self.sign * np.array(self.curve.validation)
        ties = np.flatnonzero(values == values.min())
        return self.rounds - 1 if self.rounds - 1 in ties else int(ties[0])

    @property
    def out_of_patience(self) -> bool:
        return self.patience is not None and self.trained - 1 - self.best >= self.patience

    @property
    def stopped_early(self) -> bool:
        return self.out_of_patience or self.rounds < self.trained

    def worse(self, value: float, than: float) -> float:
        """By how much, as a share of the former; negative if it is better."""
        return self.sign * (value - than) / abs(value) if value else 0.0


def _course(curves: Sequence[LearningCurve], rounds: int, patience: int | None) -> _Course | None:
    watched = [curve for curve in curves if curve.validation]
    return _Course(watched[-1], rounds, patience) if watched else None


def _findings(
    course: _Course | None,
    has_splits: bool,
    recipe: Recipe,
    classes: Sequence[str],
    class_counts: tuple[ClassCount, ...],
    has_curves: bool,
) -> Iterator[TrainingFinding]:
    if course is None:
        yield _no_curve(has_curves)
    learned_nothing = _no_learning(course, has_splits, recipe, class_counts)
    found = [
        learned_nothing,
        *(() if course is None else (_overfitting(course), _still_improving(course))),
        # A metric that never moves is best at once too, and one cause needs no second sentence.
        None if course is None or learned_nothing else _stopped_at_once(course),
        _class_imbalance(classes, class_counts),
        _few_rows(class_counts),
    ]
    yield from (finding for finding in found if finding)


def _no_curve(has_curves: bool) -> TrainingFinding:
    why = (
        "The training job's log has no finite value of the validation part"
        if has_curves
        else "The training job's log could not be read or has no rounds in it"
    )
    return TrainingFinding(
        rule="no_curve",
        severity="note",
        what=f"{why}, so the report cannot show how the training went. The model itself was measured. Look at the "
        "job's log in CloudWatch: if it came late, evaluating the run again shows the curves.",
    )


def _no_learning(
    course: _Course | None, has_splits: bool, recipe: Recipe, class_counts: tuple[ClassCount, ...]
) -> TrainingFinding | None:
    way_out = f"Check that the columns say something about `{recipe.target.name}` and that its labels are right."
    if not has_splits:
        what = f"The model gives every row the same score: no column helped to tell rows apart. {way_out}"
        return TrainingFinding(rule="no_learning", severity="warning", what=what)
    if course is None:
        return None
    metric, values = course.curve.metric, course.curve.validation
    start = values[0]
    prior = _prior_log_loss(class_counts) if metric in _LOG_LOSSES else None
    if prior is not None:
        # The first value is that after a tree, which may be all that it takes.
        start = max(start, prior)
    best = values[course.best]
    if course.worse(start, than=best) >= MIN_LEARNED:
        return None
    what = (
        f"The model learned next to nothing: {metric} on the validation part was {start:.4g} at the start and "
        f"{best:.4g} at its best. {way_out}"
    )
    return TrainingFinding(rule="no_learning", severity="warning", what=what)


def _prior_log_loss(class_counts: tuple[ClassCount, ...]) -> float | None:
    """Log loss of the baseline on the validation part."""
    train = sum(count.train for count in class_counts)
    validation = sum(count.validation for count in class_counts)
    held_out = [count for count in class_counts if count.validation]
    if not train or not validation or not all(count.train for count in held_out):
        return None
    return -sum(count.validation / validation * math.log(count.train / train) for count in held_out)


def _overfitting(course: _Course) -> TrainingFinding | None:
    metric, train, validation = course.curve.metric, course.curve.train, course.curve.validation
    if not train or not course.rounds:
        return None
    # Early stopping makes the best round the last one; without it the model has all that came after, too.
    end = min(course.rounds, course.trained) - 1
    gap, rise = course.worse(validation[end], than=train[end]), course.worse(validation[-1], validation[course.best])
    if gap < OVERFIT_GAP or gap * abs(validation[end]) < MIN_OVERFIT_GAP or rise < OVERFIT_RISE:
        return None
    if end == course.best:
        then = f"and that got worse from there ({validation[-1]:.4g} after {course.trained})"
    else:
        then = f"which was at {validation[course.best]:.4g} after {course.best + 1} already"
    return TrainingFinding(
        rule="overfitting",
        severity="warning",
        what=f"The model learned its training rows by heart rather than what they have in common: after "
        f"{_rounds(end + 1)} {metric} is {train[end]:.4g} on the training part but {validation[end]:.4g} on the "
        f"validation part, {then}. Lower max_depth or subsample, raise min_child_weight or lambda, or bring more rows.",
    )


def _still_improving(course: _Course) -> TrainingFinding | None:
    last = max(1, int(course.trained * STILL_IMPROVING_SHARE))
    if course.best < course.trained - last or course.out_of_patience:
        return None
    return TrainingFinding(
        rule="still_improving",
        severity="note",
        what=f"The training ended while the model still improved: {course.curve.metric} on the validation part was "
        f"best after {course.best + 1} of {_rounds(course.trained)}. Raise num_round above {course.trained}, or eta to "
        "get there sooner.",
    )


def _stopped_at_once(course: _Course) -> TrainingFinding | None:
    if course.best > AT_ONCE or not course.stopped_early:
        return None
    values = course.curve.validation
    return TrainingFinding(
        rule="stopped_at_once",
        severity="warning",
        what=f"The training was over almost at once: {course.curve.metric} on the validation part was best after "
        f"{_rounds(course.best + 1)} ({values[course.best]:.4g}; {values[-1]:.4g} after {course.trained}). Lower eta "
        "or max_depth, check for a column that gives the label away, or bring more rows.",
    )


def _class_imbalance(classes: Sequence[str], class_counts: tuple[ClassCount, ...]) -> TrainingFinding | None:
    total = sum(count.train for count in class_counts)
    if not total:
        return None
    rarest, commonest = (extreme(class_counts, key=lambda count: count.train) for extreme in (min, max))
    is_small = rarest.train / total < min(RARE_SHARE, RARE_SHARE_OF_EVEN / len(class_counts))
    if not is_small and commonest.train <= RARE_RATIO * rarest.train:
        return None
    way_out = "Bring more rows of it, and judge the model by more than its accuracy."
    train = {count.label: count.train for count in class_counts}
    if len(classes) == 2 and (positive := train.get(classes[1], 0)) and (negative := train.get(classes[0], 0)):
        way_out = (
            f"Bring more rows of it, choose the cutoff by what errors cost, or set scale_pos_weight to about "
            f"{negative / positive:.2g}, which shifts the scores and so the log loss."
        )
    return TrainingFinding(
        rule="class_imbalance",
        severity="warning",
        what=f"Of {total:,} training rows {rarest.train:,} ({rarest.train / total:.2%}) are `{rarest.label}` and "
        f"{commonest.train:,} are `{commonest.label}`: a model can ignore the former and still look good. {way_out}",
    )


def _few_rows(class_counts: tuple[ClassCount, ...]) -> TrainingFinding | None:
    few_to_learn = [count for count in class_counts if count.train < MIN_CLASS_TRAINING_ROWS]
    few = few_to_learn + [
        count
        for count in class_counts
        if count not in few_to_learn and min(count.validation, count.test) < MIN_CLASS_HELD_OUT_ROWS
    ]
    if not few:
        return None
    named = ", ".join(
        f"`{count.label}` ({count.train} to train on, {count.validation} to validate, {count.test} to test)"
        for count in few[:_LABELS_NAMED]
    )
    more = f" and {len(few) - _LABELS_NAMED} more" if len(few) > _LABELS_NAMED else ""
    return TrainingFinding(
        rule="few_rows_of_class",
        severity="warning" if few_to_learn else "note",
        what=f"There are few rows of {named}{more}, so what is {'learned' if few_to_learn else 'measured'} of them is "
        f"uncertain. Bring at least {MIN_CLASS_TRAINING_ROWS} of each class to train on and {MIN_CLASS_HELD_OUT_ROWS} "
        "to measure, or join classes that mean the same.",
    )


def _rounds(number: int) -> str:
    return f"{number} round" if number == 1 else f"{number} rounds"
