"""The evaluation of a model as ``evaluation.json`` keeps it, for the report page and for whoever asks later.

What passes between states is ``messages.EvaluationResult``, which is small; this has the curves, the slices, the bias
and the training report too. Numbers that could not be measured are None. Everything is of the held-out test set unless
a field says otherwise.
"""

from typing import Literal, Self

from pydantic import Field

from sluice.documents import Document
from sluice.evaluation.split import HashedSplit
from sluice.messages import AnyMetrics, GateCheck, Interval, Message, Reasons, Task, Trainer


class CutoffChoice(Message):
    """From which score on a row counts as the positive class. Chosen on the validation set, never on the test set."""

    value: float
    policy: str = Field(description="best_f1, fixed, minimum_cost, target_recall or target_precision.")
    rows: int = Field(ge=0, description="Of the validation set that it was chosen on; 0 if it is fixed.")
    reason: str = Field(description="A sentence: what the policy came to.")


class CutoffPoint(Message):
    """What one cutoff would give on the test set."""

    cutoff: float
    error_rate: float
    precision: float | None
    recall: float | None
    f1: float | None
    cost: float | None = Field(None, description="Mean per row, by the cost matrix of the configuration.")
    hard_label_log_loss: float = Field(
        description="Log loss of the labels that the cutoff gives, clipped at 1e-15: error rate times 34.54."
    )


class RocPoint(Message):
    false_positive_rate: float
    true_positive_rate: float


class PrecisionRecallPoint(Message):
    recall: float
    precision: float


class ClassCurves(Message):
    """ROC and precision-recall of one class against the rest, thinned to some hundred points."""

    label: str
    roc: tuple[RocPoint, ...]
    precision_recall: tuple[PrecisionRecallPoint, ...]
    roc_auc: float | None
    average_precision: float | None
    share: float = Field(description="Of the test rows that are of this class.")


class CalibrationBin(Message):
    """Rows whose score (of the positive class; from three classes on of the likeliest) lies in ``[low, high)``."""

    low: float
    high: float
    rows: int = Field(ge=0)
    mean_score: float | None
    share: float | None = Field(description="Of these rows that are of that class.")
    interval: Interval | None = Field(None, description="Of the share.")


class PredictionInterval(Message):
    """The range that is served with each predicted number: so much below and above it. From the validation set."""

    coverage: float = Field(gt=0, lt=1, description="Share of new rows that it is to hold.")
    half_width: float | None = Field(ge=0, description="In the target's unit; None if there are too few rows to tell.")
    rows: int = Field(ge=0, description="Of the validation set that it was found on.")
    reason: str = Field(description="A sentence: how it was found, or why there is none.")


class NumberPoint(Message):
    """A test row: its true and its predicted number."""

    truth: float
    predicted: float


class ResidualBin(Message):
    """Test rows whose residual, true less predicted number, lies in ``[low, high)``; the outermost take in the rest."""

    low: float
    high: float
    rows: int = Field(ge=0)


class SizeBin(Message):
    """Test rows whose prediction is from ``low`` to ``high``."""

    low: float
    high: float
    rows: int = Field(ge=1)
    mean_error: float = Field(description="Predicted less true number: above 0 they are predicted too high.")
    mae: float
    coverage: float | None = Field(None, description="Share of the rows in the interval of their prediction.")


class NumberReport(Message):
    """What the page draws of predicted numbers."""

    points: tuple[NumberPoint, ...] = Field((), description="Some hundred test rows in the order of predictions.")
    residuals: tuple[ResidualBin, ...] = ()
    sizes: tuple[SizeBin, ...] = Field((), description="About as many rows in each.")


class ClassCount(Message):
    label: str
    train: int = Field(ge=0)
    validation: int = Field(ge=0)
    test: int = Field(ge=0)


class SliceResult(Message):
    """The test rows with one value in one column. ``metrics`` are by name, as in ``Metrics`` or ``NumberMetrics``."""

    column: str
    value: str
    rows: int = Field(ge=0)
    metrics: dict[str, float | None]
    intervals: dict[str, Interval] = Field(default_factory=dict)
    remark: str | None = Field(None, description="Why something could not be measured.")


class ChampionComparison(Message):
    """The model that is live beside the one that would replace it, on the same test rows."""

    run_id: str
    policy: Literal["not_worse", "better", "ignore"]
    comparable: bool
    reason: str = Field(description="A sentence: what the comparison came to, or why there is none.")
    metrics: AnyMetrics | None = None
    difference: float | None = Field(
        None, description="Log loss, or of numbers mean squared error, of the challenger less that of the champion."
    )
    interval: Interval | None = Field(None, description="Of the difference, from paired resamples.")
    margin: float | None = Field(None, description="By how much the challenger may be worse, in the difference's unit.")
    deploys: bool = Field(description="Whether the comparison lets the challenger through.")
    rows: int | None = Field(None, ge=0, description="Test rows that both models were measured on; none if not known.")
    seen: int = Field(
        0, ge=0, description="Other test rows, left out because the champion was trained or tuned on them."
    )


class BiasMetric(Message):
    """One of the bias metrics. ``name`` is its abbreviation (CI, DPL, ...)."""

    name: str
    title: str
    value: float | None
    remark: str | None = Field(None, description="Why it is not defined here.")
    fair: float = Field(description="The value without any difference: 0, or 1 for ratios.")


class FacetBias(Message):
    """One group against all others."""

    column: str
    group: str = Field(description="The group that may be at a disadvantage, e.g. `Female` or `>= 40`.")
    favoured_label: str
    group_variable: str | None = Field(None, description="What the conditional disparities are conditioned on.")
    rows: int = Field(ge=0, description="Of the group, among all accepted rows.")
    other_rows: int = Field(ge=0)
    pre_training: tuple[BiasMetric, ...] = Field(description="Of the labels of all accepted rows.")
    post_training: tuple[BiasMetric, ...] = Field(description="Of the predictions on the test rows.")


class LearningCurve(Message):
    """One metric of the training job, by boosting round from 0 on."""

    metric: str
    train: tuple[float, ...]
    validation: tuple[float, ...]


class Importance(Message):
    """What one of the user's columns means to the model. Gain, cover and weight are as XGBoost defines them, summed
    over the column's features (gain and cover: total, not mean); ``shap`` is the mean absolute SHAP value in log
    odds, or in the target's unit."""

    column: str
    gain: float
    cover: float
    weight: float
    shap: float | None = None


class Contribution(Message):
    column: str
    shap: float


class Mistake(Message):
    """A test row that the model got badly wrong, by its number in test.csv (from 1), with what drove its score."""

    row: int = Field(ge=1)
    label: str
    predicted: str
    score: float = Field(
        description="The probability that the model gave to the true label; of numbers, predicted less true number."
    )
    contributions: tuple[Contribution, ...] = Field(description="The largest ones, in log odds of the predicted class.")


class ShapPoint(Message):
    """One column's SHAP values over a sample of test rows, thinned: how far each pushed, and where its value stands
    among the column's (0 the lowest, 1 the highest; None if missing or not a number)."""

    shap: float
    position: float | None


class ShapLevel(Message):
    """What one value of a column of categories does on average."""

    level: str
    rows: int = Field(ge=0, description="Of the sample, that have it.")
    shap: float = Field(description="Mean SHAP value of these rows, in log odds.")


class ShapColumn(Message):
    column: str
    points: tuple[ShapPoint, ...]
    levels: tuple[ShapLevel, ...] = Field((), description="Of categories: the most frequent values first.")


class TrainingFinding(Message):
    """Something that a person should know of how the training went."""

    rule: str = Field(description="overfitting, no_learning, class_imbalance, still_improving, stopped_at_once, ...")
    severity: Literal["warning", "note"]
    what: str = Field(description="A sentence in plain language that says what to do.")


class TrainingReport(Message):
    """How the training went, and what the model learned."""

    rounds: int = Field(ge=0, description="Boosting rounds that the model has.")
    rounds_trained: int | None = Field(None, description="Rounds in the job's log, if it could be read.")
    best_round: int | None = Field(None, description="From 0 on: where the validation metric was best.")
    stopped_early: bool = False
    curves: tuple[LearningCurve, ...] = ()
    findings: tuple[TrainingFinding, ...] = ()
    importances: tuple[Importance, ...] = Field((), description="Most important by SHAP first.")
    shap_rows: int = Field(0, ge=0, description="Test rows that the SHAP values were taken over.")
    shap: tuple[ShapColumn, ...] = ()
    mistakes: tuple[Mistake, ...] = Field((), description="The worst first.")


class Refit(Message):
    """How a model was trained again, on training and validation rows, after a first job had found its rounds."""

    first_job_name: str = Field(description="Its log has the learning curves.")
    first_model_uri: str = Field(description="The first job's model, by whose scores cutoff or interval were found.")
    rounds: int = Field(ge=0, description="Of both models.")
    rows: int = Field(ge=0, description="Of the training and the validation part together.")


class SoleColumn(Message):
    """A column that the model rests on alone, as it does on one that is known only after the outcome."""

    column: str
    gain_share: float = Field(description="Of the model's gain, that is this column's.")
    log_loss_without: float = Field(description="On the test rows, with the column's values exchanged between rows.")
    prior_log_loss: float = Field(description="Of the baseline, on the same rows.")
    loss: Literal["log loss", "mean squared error"] = Field(
        "log loss", description="What the two are; of a target of numbers mean squared errors."
    )


class ValueGap(Message):
    """What small models with the same settings score on rows whose value of an identifier they know from training, and
    on the same rows if they were trained without it."""

    column: str = Field(description="The identifier.")
    groups: int = Field(ge=0, description="Different values in the sample of rows.")
    rows: int = Field(ge=0, description="Of the sample, from all parts.")
    folds: int = Field(ge=2, description="Of the two cross-validations: over rows, and over values.")
    loss: Literal["log loss", "RMSE"] = Field(description="What is measured: RMSE of a target of numbers, in its unit.")
    known: float = Field(description="The loss on rows whose value is known.")
    new: float = Field(description="The loss if it is new.")
    difference: float = Field(description="On new values less that on known ones.")
    interval: Interval = Field(description="Of the difference, with 95 % confidence, from resampled values.")
    flatters: bool = Field(description="The difference is surely above 0, and at least 2 % of `prior`.")
    prior: float = Field(description="Of always predicting the sample's class shares, or its mean.")


class GroupGap(Message):
    """A :class:`ValueGap` of a target of classes, as earlier releases have it. Log losses are natural."""

    column: str = Field(description="The identifier.")
    groups: int = Field(ge=0, description="Different values in the sample of rows.")
    rows: int = Field(ge=0, description="Of the sample, from all parts.")
    folds: int = Field(ge=2, description="Of the two cross-validations: over rows, and over values.")
    log_loss_known: float
    log_loss_new: float
    difference: float = Field(description="On new values less that on known ones.")
    interval: Interval = Field(description="Of the difference, with 95 % confidence, from resampled values.")
    flatters: bool = Field(description="The difference is surely above 0, and at least 2 % of `prior_log_loss`.")
    prior_log_loss: float = Field(description="Of always predicting the sample's class shares.")

    @classmethod
    def of(cls, gap: ValueGap) -> Self:
        return cls(
            column=gap.column,
            groups=gap.groups,
            rows=gap.rows,
            folds=gap.folds,
            log_loss_known=gap.known,
            log_loss_new=gap.new,
            difference=gap.difference,
            interval=gap.interval,
            flatters=gap.flatters,
            prior_log_loss=gap.prior,
        )

    @property
    def told(self) -> ValueGap:
        return ValueGap(
            column=self.column,
            groups=self.groups,
            rows=self.rows,
            folds=self.folds,
            loss="log loss",
            known=self.log_loss_known,
            new=self.log_loss_new,
            difference=self.difference,
            interval=self.interval,
            flatters=self.flatters,
            prior=self.prior_log_loss,
        )


class Bootstrap(Message):
    """How the intervals were made: ``groups`` of rows (or single rows, if there are no more) were resampled."""

    replicates: int
    groups: int
    seed: int
    confidence: float = 0.95


class Evaluation(Document):
    """``evaluation.json``: all that was measured of one model, and what was decided on it."""

    run_id: str
    dataset: str
    job_name: str
    model_uri: str
    model_sha256: str | None = None
    test_sha256: str | None = None
    recipe_sha256: str | None = None
    target: str
    task: Task = Field("classification", description="`regression`: the target is a number, and has no classes.")
    classes: tuple[str, ...] = Field(
        description="Label by class number; of two the last is the positive one. None of a target of numbers."
    )
    class_counts: tuple[ClassCount, ...] = ()
    verdict: Literal["accepted", "rejected"]
    reasons: Reasons = ()
    metrics: AnyMetrics | None = None
    prior: AnyMetrics | None = Field(
        None, description="Of always predicting the class shares, mean or median of training."
    )
    bootstrap: Bootstrap | None = None
    cutoff: CutoffChoice | None = Field(None, description="Of two classes alone.")
    interval: PredictionInterval | None = Field(None, description="Of a target of numbers alone.")
    numbers: NumberReport | None = Field(None, description="Of a target of numbers alone.")
    cutoffs: tuple[CutoffPoint, ...] = ()
    curves: tuple[ClassCurves, ...] = Field((), description="Of two classes the positive one alone.")
    calibration: tuple[CalibrationBin, ...] = ()
    gates: tuple[GateCheck, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    champion: ChampionComparison | None = None
    bias: tuple[FacetBias, ...] = ()
    training: TrainingReport | None = None
    refit: Refit | None = Field(None, description="None if the model was trained on the training part alone.")
    sole_column: SoleColumn | None = None
    group_gaps: tuple[ValueGap, ...] = Field(
        (), description="Of identifiers whose rows share their label, up to three, in the order of validation."
    )
    group_gap: GroupGap | None = Field(
        None, description="The first of `group_gaps` if the target is one of classes, for earlier releases."
    )
    warnings: Reasons = Field((), description="What calls for attention although it is no gate.")
    split: HashedSplit | None = Field(None, description="Which rows the model was not made with; none if not known.")
    trainer: Trainer | None = Field(None, description="What the model's training job ran.")
    hyperparameters: dict[str, str] = Field(default_factory=dict)
    training_metrics: dict[str, float] = Field(default_factory=dict)
    evaluated_at: str | None = Field(None, description="ISO 8601, UTC.")

    @property
    def gaps(self) -> tuple[ValueGap, ...]:
        """``group_gaps``, also of an evaluation of an earlier release, which has one at most."""
        return self.group_gaps or (() if self.group_gap is None else (self.group_gap.told,))
