"""From a model and the held-out rows to the whole evaluation and its verdict. This module does not call AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.bias import post_training, pre_training
from scoring.champion import compare, compare_numbers, not_comparable
from scoring.cross_validation import Fold, out_of_fold, summed_up
from scoring.cutoff import choose_cutoff
from scoring.evaluation import (
    CUTOFF,
    NothingToMeasureError,
    Scored,
    calibration_curve,
    class_curves,
    constant_scores,
    cutoff_curve,
    measure,
)
from scoring.gates import failures, judge
from scoring.group_gap import GroupSample, measure_group_gaps, tell_group_gap
from scoring.metrics import Floats, Ints
from scoring.model import Matrix, Model
from scoring.number_metrics import (
    ScoredNumbers,
    measure_numbers,
    number_report,
    prediction_interval,
    prior_metrics,
)
from scoring.raw_rows import MissingColumnError, features_of, read_raw_rows
from scoring.remarks import Learned, cause, is_constant, number_warnings, warnings
from scoring.slices import number_slice_results, slice_results
from scoring.sole_column import find_sole_column, judge_sole_column
from scoring.unseen import unseen_rows
from sluice.dataset.config import DatasetConfig, Facet, Gates
from sluice.dataset.facets import CountedFacet, FacetCounts, is_member
from sluice.dataset.recipe import WHITESPACE, Recipe
from sluice.documents import GOLDEN_VERSION, VERSION_KEY
from sluice.endpoint.golden import SCORE_TOLERANCE
from sluice.evaluation.document import (
    Bootstrap,
    ChampionComparison,
    ClassCount,
    Evaluation,
    FacetBias,
    GroupGap,
    PredictionInterval,
    SliceResult,
    TrainingReport,
    ValueGap,
)
from sluice.evaluation.split import HashedSplit
from sluice.messages import AnyMetrics, CrossValidation, GateCheck, Metrics, TargetNumbers, Task

if TYPE_CHECKING:
    import pandas as pd

_MAX_VALIDATION_ROWS: Final = 200_000
"""That the cutoff is chosen on: more would move it by less than it matters, and scoring them takes time."""

_MAX_MISFITS: Final = 0.01
"""Maximum share of a column's cells that the live model's recipe may fail to read, so it is not judged on blanks."""


@dataclass(frozen=True)
class Rows:
    """Labels (n,), class numbers or the numbers to predict, and features (n, f) of a part, as the training files have
    them."""

    labels: Ints | Floats
    features: Matrix


@dataclass(frozen=True)
class Champion:
    """The model that is live: itself and its recipe, or why it cannot be scored."""

    run_id: str
    model: Model | None = None
    recipe: Recipe | None = None
    classes: tuple[str, ...] = ()
    cutoff: float | None = None
    split: HashedSplit | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Subject:
    """What is evaluated, and on what."""

    run_id: str
    dataset: str
    job_name: str
    model_uri: str
    model: Model
    recipe: Recipe
    config: DatasetConfig
    test: Rows
    prior_log_loss: float | None
    default_share_of_prior: float | None
    default_gates: Gates | None = None
    target_numbers: TargetNumbers | None = None
    """Of the training part, if the target is a number."""
    validation: Rows | None = None
    """The validation part; None if neither cutoff nor interval needs it."""
    first_model: Model | None = None
    """If the model is a refit: the one before it, which was not trained on the validation part."""
    held_out: Path | None = None
    """A file with the test rows' own cells; None if nothing asks for them."""
    facet_counts: FacetCounts | None = None
    champion: Champion | None = None
    suspected: frozenset[str] = frozenset()
    """Columns that validation warned of: they may give the target away."""
    folds: Sequence[Fold] = ()
    """Of a small table: its rows by fold, for a cross-validation."""
    times: int = 1
    """That its rows were cut into folds."""
    group_samples: Sequence[GroupSample] = ()
    """Rows by each identifier that validation warned of: their labels are alike."""
    split: HashedSplit | None = None
    """Of the run's rows; None if their parts do not follow from their cells."""
    new_contract: bool = False
    """The run made the dataset's contract: it starts over, so a live model of another table is no obstacle."""
    class_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows by part and label."""
    log: Iterable[str] = ()
    """Of the job that early stopping ended."""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    """Of the same job."""
    training_metrics: Mapping[str, float] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by the field of ``Evaluation``."""

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.target.classes

    @property
    def validated(self) -> Model:
        """The model whose scores of the validation rows say something: cutoff and interval are found by them."""
        return self.first_model or self.model


def assess(subject: Subject, scores: Floats | None = None) -> Evaluation:
    """Measures the model, judges it, and explains it.

    Args:
        subject: what is evaluated.
        scores: the scores of the test rows, if they are known.

    Raises:
        NothingToMeasureError: the test set allows no honest measurement.
    """
    scores = subject.model.scores(subject.test.features) if scores is None else scores
    if subject.recipe.target.task == "regression":
        return _assess_numbers(subject, scores)
    return _assess_classes(subject, scores)


def _assess_classes(subject: Subject, scores: Floats) -> Evaluation:
    config, labels = subject.config, subject.test.labels.astype(np.int64)
    choice = choose_cutoff(config.cutoff, config.costs, _validation(subject)) if scores.ndim == 1 else None
    scored = Scored(labels, scores, choice.value if choice else CUTOFF, clusters=_clusters(subject))
    shares = _train_shares(subject)
    metrics = measure(scored, subject.prior_log_loss, shares=shares)
    metrics = metrics.model_copy(update={"cross_validated": _cross_validated(subject)})
    prior = None if shares is None else _prior(subject, scored, shares)
    facets = list(_facets(subject, scored))
    counts = _class_counts(subject)
    learned = Learned(subject.classes, counts, subject.hyperparameters, is_constant(scores))
    measured = _Measured(
        metrics=metrics,
        prior=prior,
        slices=_slices(subject, scores, scored.cutoff),
        champion=_against_champion(subject, scored),
        groups=None if scored.clusters is None else scored.resamples.groups,
        facets=facets,
    )
    training = _training_report(subject, scores, _in_file_order(scored, scored.predicted), counts)
    sole = find_sole_column(
        subject.model,
        subject.recipe,
        subject.test.features,
        labels,
        training.importances,
        loss=metrics.log_loss,
        prior_loss=metrics.prior_log_loss,
    )
    warning, gate = judge_sole_column(sole, config.leaks, subject.suspected)
    gaps = _group_gaps(subject)
    told = [*([warning] if warning else []), *map(tell_group_gap, gaps)]
    return _evaluation(
        subject,
        measured,
        (*_judged(subject, measured, learned), *([gate] if gate else [])),
        training,
        class_counts=counts,
        bootstrap=Bootstrap(replicates=scored.replicates, groups=scored.resamples.groups, seed=scored.seed),
        cutoff=choice,
        cutoffs=cutoff_curve(scored, config.costs),
        curves=class_curves(scored, subject.classes),
        calibration=calibration_curve(scored),
        sole_column=sole,
        group_gaps=gaps,
        group_gap=GroupGap.of(gaps[0]) if gaps else None,
        warnings=(*told, *warnings(metrics, prior, choice, learned)),
    )


def _assess_numbers(subject: Subject, scores: Floats) -> Evaluation:
    baseline = subject.target_numbers
    if baseline is None:
        raise NothingToMeasureError("the mean and the median of the training part are unknown")
    interval = _interval(subject)
    labels = subject.test.labels.astype(np.float64)
    scored = ScoredNumbers(labels, scores, interval.half_width, interval.coverage, clusters=_clusters(subject))
    metrics = measure_numbers(scored, baseline).model_copy(update={"cross_validated": _cross_validated(subject)})
    learned = Learned((), (), subject.hyperparameters, is_constant(scores))
    measured = _Measured(
        metrics=metrics,
        prior=prior_metrics(scored, baseline),
        slices=_number_slices(subject, scores, interval, baseline),
        champion=_against_champion(subject, scored),
        groups=None if scored.clusters is None else scored.resamples.groups,
    )
    training = _training_report(subject, scores, scores, ())
    sole = find_sole_column(
        subject.model,
        subject.recipe,
        subject.test.features,
        labels,
        training.importances,
        loss=metrics.rmse**2,
        prior_loss=metrics.prior_rmse**2,
    )
    warning, gate = judge_sole_column(sole, subject.config.leaks, subject.suspected)
    gaps = _group_gaps(subject)
    told = [*([warning] if warning else []), *map(tell_group_gap, gaps)]
    return _evaluation(
        subject,
        measured,
        (*_judged(subject, measured, learned), *([gate] if gate else [])),
        training,
        bootstrap=Bootstrap(replicates=scored.replicates, groups=scored.resamples.groups, seed=scored.seed),
        interval=interval,
        numbers=number_report(scored),
        sole_column=sole,
        group_gaps=gaps,
        warnings=(*told, *number_warnings(metrics, interval, learned)),
    )


@dataclass(frozen=True)
class _Measured:
    """What the gates judge."""

    metrics: AnyMetrics
    prior: AnyMetrics | None
    slices: tuple[SliceResult, ...]
    champion: ChampionComparison | None
    groups: int | None
    """Of test rows that belong together; None if each is by itself."""
    facets: Sequence[tuple[Facet, FacetBias]] = ()


def _judged(subject: Subject, measured: _Measured, learned: Learned) -> tuple[GateCheck, ...]:
    return judge(
        measured.metrics,
        subject.config.gates,
        subject.default_share_of_prior,
        default=subject.default_gates,
        prior=measured.prior,
        slices=measured.slices,
        champion=measured.champion,
        facets=measured.facets,
        cause=cause(learned, measured.metrics),
        groups=measured.groups,
    )


def _training_report(
    subject: Subject, scores: Floats, predicted: Ints | Floats, counts: tuple[ClassCount, ...]
) -> TrainingReport:
    """Args: predicted: in the file's order."""
    return subject.model.training_report(
        subject.recipe,
        subject.test.features,
        subject.test.labels,
        scores,
        predicted,
        classes=subject.classes,
        class_counts=counts,
        log=subject.log,
        hyperparameters=subject.hyperparameters,
    )


def _evaluation(
    subject: Subject, measured: _Measured, gates: tuple[GateCheck, ...], training: TrainingReport, **of_task: Any
) -> Evaluation:
    """Args: of_task: what is measured of one task alone."""
    failed = failures(gates)
    return Evaluation(
        run_id=subject.run_id,
        dataset=subject.dataset,
        job_name=subject.job_name,
        model_uri=subject.model_uri,
        target=subject.recipe.target.name,
        task=subject.recipe.target.task,
        classes=subject.classes,
        verdict="rejected" if failed else "accepted",
        reasons=failed,
        metrics=measured.metrics,
        prior=measured.prior,
        gates=gates,
        slices=measured.slices,
        champion=measured.champion,
        bias=tuple(found for _, found in measured.facets),
        training=training,
        split=subject.split,
        hyperparameters=dict(subject.hyperparameters),
        training_metrics=dict(subject.training_metrics),
        evaluated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **subject.digests,
        **of_task,
    )


def _in_file_order(scored: Scored, values: Ints) -> Ints:
    ordered = np.empty_like(values)
    ordered[scored.order] = values
    return ordered


def _validation_rows(subject: Subject) -> Rows | None:
    """The validation rows; of very many every so many."""
    rows = subject.validation
    if rows is None or rows.labels.size <= _MAX_VALIDATION_ROWS:
        return rows
    some = np.linspace(0, rows.labels.size - 1, _MAX_VALIDATION_ROWS).astype(np.int64)
    return Rows(rows.labels[some], rows.features[some])


def _validation(subject: Subject) -> Scored | None:
    """The validation rows, scored; None if they allow no measurement."""
    rows = _validation_rows(subject)
    if rows is None:
        return None
    try:
        return Scored(rows.labels.astype(np.int64), subject.validated.scores(rows.features))
    except NothingToMeasureError:
        return None


def _interval(subject: Subject) -> PredictionInterval:
    """
    Raises:
        NothingToMeasureError: predictions of validation rows are no finite numbers.
    """
    rows, coverage = _validation_rows(subject), subject.config.predictions.coverage
    if rows is None or not rows.labels.size:
        return prediction_interval(np.empty(0), coverage)
    scored = ScoredNumbers(rows.labels.astype(np.float64), subject.validated.scores(rows.features))
    return prediction_interval(scored.scores - scored.labels, coverage)


def _class_counts(subject: Subject) -> tuple[ClassCount, ...]:
    parts = subject.class_counts
    return tuple(
        ClassCount(label=label, **{part: parts[part].get(label, 0) for part in ("train", "validation", "test")})
        for label in (subject.classes if parts else ())
    )


def _train_shares(subject: Subject) -> Floats | None:
    """(k,), of the classes in the training part; None if they are not known."""
    train = subject.class_counts.get("train", {})
    rows = np.array([train.get(label, 0) for label in subject.classes], np.float64)
    return rows / rows.sum() if rows.sum() else None


def _prior(subject: Subject, scored: Scored, shares: Floats) -> Metrics:
    """The metrics of the baseline."""
    # At one half, whatever the model's own cutoff: all rows are predicted to be of the commoner class.
    return measure(Scored(scored.labels, constant_scores(scored, shares)), subject.prior_log_loss, intervals=False)


def _clusters(subject: Subject) -> Ints | None:
    """Of the test rows, which belong together: as many customers say less than as many rows."""
    column = subject.config.split.group_by
    if column is None or subject.held_out is None:
        return None
    codes, _ = read_raw_rows(subject.held_out, [column])[column].factorize(sort=True)
    return codes.astype(np.int64)


def _cross_validated(subject: Subject) -> CrossValidation | None:
    if not subject.folds:
        return None
    task, refits = subject.recipe.target.task, subject.first_model is not None
    found = out_of_fold(subject.model, subject.folds, subject.hyperparameters, task, refits=refits)
    return None if found is None else summed_up(found, task, subject.times)


def _group_gaps(subject: Subject) -> tuple[ValueGap, ...]:
    return measure_group_gaps(subject.model, subject.recipe, subject.group_samples, subject.hyperparameters)


def _slices(subject: Subject, scores: Floats, cutoff: float) -> tuple[SliceResult, ...]:
    config = subject.config
    if not config.slices or subject.held_out is None:
        return ()
    rows = read_raw_rows(subject.held_out, config.slices)
    labels = subject.test.labels.astype(np.int64)
    return slice_results(labels, scores, cutoff, rows, config.slices, config.missing)


def _number_slices(
    subject: Subject, scores: Floats, interval: PredictionInterval, baseline: TargetNumbers
) -> tuple[SliceResult, ...]:
    config = subject.config
    if not config.slices or subject.held_out is None:
        return ()
    rows, labels = read_raw_rows(subject.held_out, config.slices), subject.test.labels.astype(np.float64)
    return number_slice_results(labels, scores, interval, baseline, rows, config.slices, config.missing)


# The live model.


def _against_champion(subject: Subject, scored: Scored | ScoredNumbers) -> ChampionComparison | None:
    live, policy = subject.champion, subject.config.champion
    if live is None:
        return None
    try:
        return _compared(subject, scored, live)
    except _NotComparableError as error:
        if policy.policy == "ignore":
            return not_comparable(live.run_id, policy, f"{error}; the configuration ignores it", deploys=True)
        if subject.new_contract:
            reason = f"{error}; the dataset's contract starts over with this file, so the gates alone decide"
            return not_comparable(live.run_id, policy, reason, deploys=True)
        way_out = "set `contract: reset` if the table has changed on purpose, or `champion: {policy: ignore}`"
        return not_comparable(live.run_id, policy, f"{error}; {way_out}", deploys=False)


def _compared(subject: Subject, scored: Scored | ScoredNumbers, live: Champion) -> ChampionComparison:
    """On the test rows that the live model was not made with, unless these are too few."""
    theirs = _champion_scores(subject, live)
    unseen, flattered = _unseen(subject, live), False
    if unseen is not None and not unseen.all():
        try:
            return _beside(subject, live, _some(scored, unseen), theirs[unseen], seen=int((~unseen).sum()))
        except NothingToMeasureError:
            flattered = True
    return _beside(subject, live, scored, theirs, flattered=flattered)


def _beside(
    subject: Subject,
    live: Champion,
    scored: Scored | ScoredNumbers,
    theirs: Floats,
    *,
    seen: int = 0,
    flattered: bool = False,
) -> ChampionComparison:
    policy = subject.config.champion
    if isinstance(scored, ScoredNumbers):
        baseline = subject.target_numbers
        return compare_numbers(scored, theirs, live.run_id, policy, baseline, seen=seen, flattered=flattered)
    told = live.run_id, policy, subject.prior_log_loss, _cutoff_of(subject, live)
    return compare(scored, theirs, *told, seen=seen, flattered=flattered)


def _unseen(subject: Subject, live: Champion) -> NDArray[np.bool_] | None:
    """(n,), by test row: whether the live model was not made with it; None if nobody can tell, or all are."""
    if live.split is None or subject.held_out is None or (subject.split and live.split.covers(subject.split)):
        return None
    strata = [subject.classes[number] for number in subject.test.labels.tolist()] if subject.classes else None
    return unseen_rows(subject.held_out, strata, live.split)


def _some[Some: Scored | ScoredNumbers](scored: Some, chosen: NDArray[np.bool_]) -> Some:
    """Some of the rows, which are chosen by their place in the file."""
    places = np.flatnonzero(chosen[scored.order])
    back = np.argsort(scored.order[places])
    rows = places[back]
    clusters = None if scored.clusters is None else np.unique(scored.clusters[rows], return_inverse=True)[1]
    labels: Any = scored.labels[rows]
    return replace(scored, labels=labels, scores=scored.scores[rows], clusters=clusters)


class _NotComparableError(ValueError):
    """Why the live model cannot be scored on the test rows."""


def _champion_scores(subject: Subject, live: Champion) -> Floats:
    if live.missing is not None or live.model is None or live.recipe is None:
        raise _NotComparableError(f"the live model cannot be scored: {live.missing or 'it is not there'}")
    if live.recipe.target.name != subject.recipe.target.name or set(live.classes) != set(subject.classes):
        raise _NotComparableError("the live model predicts another target, or other classes")
    if subject.held_out is None:
        raise _NotComparableError("the test rows' own cells are not there to score the live model on")
    try:
        made = features_of(subject.held_out, live.recipe)
        max_misfits = _MAX_MISFITS * len(made.features)
        if unread := [column for column, count in made.misfits.items() if count > max_misfits]:
            named = ", ".join(f"`{column}`" for column in unread[:5])
            raise _NotComparableError(f"the live model cannot read the cells of {named}, which are written differently")
        scores = live.model.scores(made.features)
    except MissingColumnError as error:
        raise _NotComparableError(f"the live model cannot be scored: {error}") from error
    # Its classes may have other numbers: the positive class may be another one by now.
    places = [live.classes.index(label) for label in subject.classes]
    if not places:
        return scores
    if scores.ndim == 1:
        return scores if places == [0, 1] else 1 - scores
    return scores[:, places]


def _cutoff_of(subject: Subject, live: Champion) -> float:
    """The live model's own cutoff, in terms of this run's positive class."""
    if live.cutoff is None:
        return CUTOFF
    return live.cutoff if live.classes == subject.classes else 1 - live.cutoff


# Bias.


def _facets(subject: Subject, scored: Scored) -> Iterator[tuple[Facet, FacetBias]]:
    config, counted = subject.config, subject.facet_counts
    if subject.held_out is None or counted is None:
        return
    of_facets = [name for facet in config.facets for name in (facet.column, facet.condition_on) if name is not None]
    rows = read_raw_rows(subject.held_out, of_facets)
    predicted = _in_file_order(scored, scored.predicted)
    for facet, found in zip(config.facets, counted.facets, strict=True):
        yield facet, _facet_bias(subject, facet, found, rows, predicted)


def _facet_bias(
    subject: Subject, facet: Facet, counted: CountedFacet, rows: pd.DataFrame, predicted: Ints
) -> FacetBias:
    missing = subject.config.missing
    strata = {stratum: number for number, stratum in enumerate(dict.fromkeys(c.stratum for c in counted.counts))}
    before = pre_training(
        np.array([count.member for count in counted.counts], bool),
        np.array([count.favoured for count in counted.counts], bool),
        np.array([count.rows for count in counted.counts], np.int64),
        np.array([strata[count.stratum] for count in counted.counts]) if counted.condition_on else None,
    )
    cells = rows[facet.column].str.strip(WHITESPACE)
    codes, different = cells.factorize()
    answers = [is_member(facet, str(cell), counted.notation, missing, counted.form) for cell in different]
    of_group = np.array([answer is True for answer in answers], bool)[codes]
    read = np.array([answer is not None for answer in answers], bool)[codes]
    favoured = subject.classes.index(counted.favoured_label)
    after = post_training(
        of_group[read],
        (subject.test.labels == favoured)[read],
        (predicted == favoured)[read],
        stratum=_strata(rows[counted.condition_on], missing)[read] if counted.condition_on else None,
        features=_without(subject, facet.column)[read],
    )
    members = sum(count.rows for count in counted.counts if count.member)
    return FacetBias(
        column=facet.column,
        group=facet.described,
        favoured_label=counted.favoured_label,
        group_variable=counted.condition_on,
        rows=members,
        other_rows=sum(count.rows for count in counted.counts) - members,
        pre_training=before,
        post_training=after,
    )


def _strata(cells: pd.Series, missing: Sequence[str]) -> Ints:
    """Missing cells are one stratum, however they are written, as before training."""
    trimmed = cells.str.strip(WHITESPACE)
    return trimmed.where(~trimmed.isin(list(missing)), "").factorize()[0].astype(np.int64)


def _without(subject: Subject, column: str) -> Matrix:
    """The test rows' features but those of a column: whoever differs in the group alone is the nearest neighbour."""
    kept = [place for place, feature in enumerate(subject.recipe.features) if feature.source != column]
    return subject.test.features[:, kept]


def wants_held_out(config: DatasetConfig, champion: Champion | None) -> bool:
    """Whether the test rows' own cells are needed."""
    return bool(config.slices or config.facets or config.split.group_by or champion is not None)


def golden_rows(lines: Sequence[str], scores: Floats, task: Task = "classification") -> dict[str, object]:
    """``golden.json``: the first test rows as the endpoint takes them, with the scores that it must give."""
    rows, told = [line.rstrip("\n").partition(",")[2] for line in lines], scores[: len(lines)]
    golden: dict[str, object] = {VERSION_KEY: GOLDEN_VERSION, "rows": rows, "scores": told.tolist()}
    if task == "regression":
        # Numbers have any size; those of one model are rounded alike, as sums of the same leaves.
        golden["tolerance"] = SCORE_TOLERANCE * float(np.abs(told).max(initial=0.0))
    return golden
