"""The messages that pass between the states of the state machine, and the closing result of a run.

The state machine (``statemachine/pipeline.asl.json``) builds each input from its variables and keeps each output in
one; a contract test holds the two files to each other. Outputs carry references to S3, never data, so that they stay
far below the 256 KiB that Step Functions allows for a state.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from sluice.documents import Part


class Outcome(StrEnum):
    """How a run ended. All but ``deployed`` and ``duplicate`` end the execution in a Fail state.

    A run ``awaiting_approval`` has not ended: its page says so until a person has decided.
    """

    DEPLOYED = "deployed"
    DATASET_REJECTED = "dataset_rejected"
    TRAINING_FAILED = "training_failed"
    MODEL_REJECTED = "model_rejected"
    DEPLOYMENT_FAILED = "deployment_failed"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    ERROR = "error"
    AWAITING_APPROVAL = "awaiting_approval"


class Message(Part):
    """A value between two states. Unknown fields are refused: a typo in the state machine must not pass silently."""


type Task = Literal["classification", "regression"]
"""What a model predicts: a class, or a number."""

Reasons = Annotated[tuple[str, ...], Field(description="Sentences for a person: what is wrong, where, what to do.")]


class Run(Message):
    """One object version on its way through the pipeline. Made by the state machine's first state from the event."""

    run_id: str = Field(pattern=r"^[0-9a-f]{12}$", description="Derived from bucket, key and version of the object.")
    dataset: str = Field(pattern=r"^[a-z0-9](-?[a-z0-9])*$", max_length=28, description="Safe for every AWS name.")
    folder: str = Field(description="The folder below incoming/ as the person wrote it.")
    bucket: str
    key: str
    version_id: str | None = None
    etag: str
    sequencer: str
    size: int = Field(ge=0, description="Bytes.")
    execution_arn: str
    started_at: str = Field(description="ISO 8601, UTC.")
    uploaded_at: str = Field("", description="When the object came, by its event: ISO 8601, UTC, whole seconds.")

    @property
    def data_at(self) -> str:
        """Orders the runs of a dataset by the age of their data; of objects of one second by when their run began."""
        return f"{self.uploaded_at or self.started_at[:19] + 'Z'} {self.started_at}"

    @property
    def execution_name(self) -> str:
        """Of the execution within its state machine. Reports name it so: its ARN holds the account's id."""
        return self.execution_arn.rpartition(":")[2]


class RowCounts(Message):
    """Data rows (the header is not one) by where they went."""

    received: int = Field(0, ge=0)
    accepted: int = Field(0, ge=0)
    rejected: int = Field(0, ge=0)
    train: int = Field(0, ge=0)
    validation: int = Field(0, ge=0)
    test: int = Field(0, ge=0)


class Request(Message):
    """What a state asks of its function: always about a run."""

    run: Run


class ClaimRequest(Request):
    """The run alone."""


class Claim(Message):
    """Whether this execution works on the run: now, after a wait, or not at all."""

    verdict: Literal["claimed", "queued", "duplicate"]
    wait_seconds: int = Field(0, ge=0, le=600)


class ValidateRequest(Request):
    """The run alone: everything else begins here."""


class TargetNumbers(Message):
    """A target of numbers over the training part: what the baseline always predicts, and what else tells of it."""

    mean: float = Field(description="What the baseline predicts for RMSE and R2.")
    median: float = Field(description="What the baseline predicts for the other errors.")
    low: float = Field(description="Quantile: with `high`, the interval that the baseline predicts.")
    high: float = Field(
        description="Quantile; between `low` and it lies the share that `predictions.coverage` asks for."
    )
    minimum: float = Field(description="Least number.")
    maximum: float = Field(description="Greatest number.")
    deviation: float = Field(ge=0, description="Standard deviation.")


class ValidationResult(Message):
    """What validation decided, and where it put what it made: an :class:`AcceptedFile` or a :class:`RejectedFile`."""

    verdict: Literal["accepted", "rejected"]
    reasons: Reasons = ()
    warnings: Reasons = ()
    rows: RowCounts = Field(default_factory=RowCounts)
    target: str | None = None
    classes: tuple[str, ...] = Field(
        (), description="Label text by class number; of two the last is the positive class."
    )
    features: int = Field(0, ge=0, description="Columns of the training files, the label not counted.")
    left_out: dict[str, str] = Field(default_factory=dict, description="Reason by column, of the first unused ones.")
    prior_log_loss: float | None = Field(None, description="Natural log; of always predicting the class shares.")
    task: Task = Field("classification", description="`regression`: the target is a number, and has no classes.")
    target_numbers: TargetNumbers | None = Field(None, description="Of a target of numbers; none of one of classes.")
    train_uri: str | None = Field(None, description="Prefix: label first, no header, text/csv.")
    validation_uri: str | None = None
    learning_uri: str | None = Field(
        None, description="Prefix of both; None in a run that a release before the field validated."
    )
    test_uri: str | None = None
    held_out_uri: str | None = Field(None, description="The rows of the test part as the user's file has them: CSV.")
    facets_uri: str | None = Field(None, description="facets.json; None if the configuration has no facets.")
    recipe_uri: str | None = None
    config_uri: str | None = Field(None, description="The resolved dataset configuration of this run, as JSON.")
    report_uri: str | None = Field(None, description="validation.json")
    rejected_rows_uri: str | None = None
    contract_uri: str | None = Field(None, description="The contract that the run was compared with, or that it made.")
    contract_version: int | None = None


class AcceptedFile(ValidationResult):
    verdict: Literal["accepted"] = "accepted"
    target: str
    train_uri: str
    validation_uri: str
    test_uri: str
    held_out_uri: str
    recipe_uri: str
    config_uri: str
    report_uri: str
    rejected_rows_uri: str


class RejectedFile(ValidationResult):
    """Nothing was made to train on. A file that was not read has a report alone."""

    verdict: Literal["rejected"] = "rejected"
    train_uri: None = None
    validation_uri: None = None
    learning_uri: None = None
    test_uri: None = None
    held_out_uri: None = None
    facets_uri: None = None
    recipe_uri: None = None


Validated = Annotated[AcceptedFile | RejectedFile, Field(discriminator="verdict")]


class StartTrainingRequest(Request):
    validation: AcceptedFile


class TrainingStarted(Message):
    verdict: Literal["started", "failed", "busy"]
    reasons: Reasons = ()
    job_name: str
    wait_seconds: int = Field(ge=0, le=300)
    refit: bool = Field(False, description="If this job completes, one on training and validation rows follows.")


class CheckTrainingRequest(Request):
    job_name: str
    first: "CompletedTraining | None" = Field(
        None, description="The job that found the rounds, if this one is the refit."
    )


class StartRefitRequest(Request):
    """``training``: the job that found the rounds."""

    validation: AcceptedFile
    training: "CompletedTraining"


class Trainer(Message):
    """What a training job ran, copied from its description: nothing after it works it out again."""

    algorithm: str = Field(description="The image's name and version, or the name of an algorithm of SageMaker's.")
    image: str | None = Field(None, description="Address of the container; None for an algorithm by name.")
    instance_type: str | None = None
    instance_count: int = Field(1, ge=1)


class TrainingStatus(Message):
    """How a training job stands: a :class:`CompletedTraining`, or an :class:`UncompletedTraining`."""

    status: Literal["in_progress", "completed", "failed", "stopped"]
    job_name: str
    secondary_status: str
    wait_seconds: int = Field(0, ge=0, le=300)
    reasons: Reasons = ()
    model_uri: str | None = Field(None, description="model.tar.gz")
    metrics: dict[str, float] = Field(
        default_factory=dict, description="Final metrics of the job, by SageMaker's names."
    )
    training_seconds: int | None = Field(None, description="Of the run's jobs together.")
    billable_seconds: int | None = Field(None, description="Of the run's jobs together.")
    trainer: Trainer | None = Field(None, description="None in a run that a release before the field trained.")
    first: "CompletedTraining | None" = Field(
        None, description="The job that found the rounds, if this one is a refit on training and validation rows."
    )
    warnings: Reasons = Field((), description="Why the model is that of the first job although a refit was to follow.")


class CompletedTraining(TrainingStatus):
    status: Literal["completed"] = "completed"
    model_uri: str


class UncompletedTraining(TrainingStatus):
    """The job goes on, or left no model."""

    status: Literal["in_progress", "failed", "stopped"]
    model_uri: None = None


Trained = Annotated[CompletedTraining | UncompletedTraining, Field(discriminator="status")]


class EvaluateRequest(Request):
    validation: AcceptedFile
    training: CompletedTraining


Interval = Annotated[tuple[float, float], Field(description="95 % bootstrap interval: its ends, the lower one first.")]


class GateCheck(Message):
    """One gate of the verdict. A value of None means that there was nothing to measure, which fails."""

    name: str
    value: float | None
    limit: float | None
    comparison: Literal["at_most", "at_least"]
    interval: Interval | None = None
    passed: bool
    reason: str


class CrossValidation(Message):
    """What models that were made as the run's was score on rows which they have not seen, over all rows of a small
    table. Log losses are natural, errors in the target's unit."""

    metric: Literal["log_loss", "rmse"]
    value: float = Field(description="Of the folds' models.")
    baseline: float = Field(description="Of the baseline of each fold, on the same rows.")
    share: float = Field(description="`value` by `baseline`.")
    interval: Interval = Field(description="Of the share, from resampled rows or groups.")
    rows: int = Field(ge=0, description="Of the table.")
    units: int = Field(ge=0, description="What is resampled: different rows, or groups with `group_by`.")
    folds: int = Field(ge=2)
    times: int = Field(ge=1, description="That the rows were cut into folds, each time otherwise.")


_CROSS_VALIDATED: Final = (
    "Over all rows of a small table; None if the table is not small, its split is by time, or it was not measured."
)
_OF_PRIOR: Final = "By the name of the metric: interval of its share of the baseline's, from paired resamples."


class Metrics(Message):
    """Scores on the held-out test set. Log losses use the natural logarithm.

    ``evaluation.metrics`` says what each is. From three classes on the likeliest class is predicted, so there is
    no cutoff. None: it could not be measured, or the document is older than the metric.
    """

    rows: int = Field(ge=0)
    log_loss: float
    prior_log_loss: float
    brier: float | None = None
    roc_auc: float | None = None
    average_precision: float | None = None
    accuracy: float
    balanced_accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    specificity: float | None = None
    f1: float | None = None
    mcc: float | None = None
    expected_calibration_error: float | None = None
    cutoff: float | None = 0.5
    confusion_matrix: tuple[tuple[int, ...], ...] = Field(description="Rows: true class; columns: predicted class.")
    intervals: dict[str, Interval] = Field(default_factory=dict, description="By the name of the metric.")
    of_prior: dict[str, Interval] = Field(default_factory=dict, description=_OF_PRIOR)
    cross_validated: CrossValidation | None = Field(None, description=_CROSS_VALIDATED)

    task: ClassVar[Task] = "classification"
    leading: ClassVar[str] = "log_loss"
    """The metric that models are told by first."""

    @property
    def loss(self) -> float:
        """Of the leading metric."""
        return self.log_loss

    @property
    def prior_loss(self) -> float:
        """The leading metric of the baseline on the same rows."""
        return self.prior_log_loss


class NumberMetrics(Message):
    """The same of predicted numbers, in the target's unit.

    The baseline always predicts the training part's mean (RMSE, R2) or median (the other errors), and the range between
    its quantiles as the interval. None: it could not be measured.
    """

    rows: int = Field(ge=0)
    rmse: float
    prior_rmse: float
    mae: float
    median_error: float
    r2: float | None = None
    pinball: float | None = None
    coverage: float | None = None
    intervals: dict[str, Interval] = Field(default_factory=dict, description="By the name of the metric.")
    of_prior: dict[str, Interval] = Field(default_factory=dict, description=_OF_PRIOR)
    cross_validated: CrossValidation | None = Field(None, description=_CROSS_VALIDATED)

    task: ClassVar[Task] = "regression"
    leading: ClassVar[str] = "rmse"

    @property
    def loss(self) -> float:
        """Of the leading metric."""
        return self.rmse

    @property
    def prior_loss(self) -> float:
        """The leading metric of the baseline on the same rows."""
        return self.prior_rmse


type AnyMetrics = Metrics | NumberMetrics


class EvaluationResult(Message):
    """What the gates decided: an :class:`AcceptedModel` or a :class:`RejectedModel`."""

    verdict: Literal["accepted", "rejected"]
    reasons: Reasons = ()
    warnings: Reasons = ()
    metrics: AnyMetrics | None = None
    gates: tuple[GateCheck, ...] = ()
    evaluation_uri: str | None = Field(None, description="evaluation.json")
    golden_uri: str | None = Field(None, description="Test rows with their offline scores, replayed after deployment.")
    champion_run_id: str | None = Field(None, description="The run whose model was live, and was compared with.")
    approval_required: bool = Field(False, description="A person must agree before it is deployed.")


class AcceptedModel(EvaluationResult):
    verdict: Literal["accepted"] = "accepted"
    metrics: AnyMetrics
    evaluation_uri: str
    golden_uri: str


class RejectedModel(EvaluationResult):
    """A model that was not measured has neither metrics nor golden rows."""

    verdict: Literal["rejected"] = "rejected"


Evaluated = Annotated[AcceptedModel | RejectedModel, Field(discriminator="verdict")]


class AskForApprovalRequest(Request):
    evaluation: AcceptedModel
    task_token: str


class AskedForApproval(Message):
    """The answer that counts is the person's, given back with the task token."""

    verdict: Literal["asked"]
    expires_at: str


class Approval(Message):
    """What a person decided on a model, or that nobody did in time."""

    decision: Literal["approved", "rejected", "expired"]
    decided_by: str | None = Field(None, description="IAM user or role session, without its account.")
    comment: str = Field("", max_length=1000)
    decided_at: str | None = Field(None, description="ISO 8601, UTC.")


class DeployRequest(Request):
    validation: AcceptedFile
    training: CompletedTraining
    evaluation: AcceptedModel


class Deployment(Message):
    """An endpoint on its way to a new model. ``previous_config_name`` is None if the endpoint is new.

    ``busy``: another has the turn, or the endpoint is being changed. ``stale``: the champion is another than the one
    that the evaluation compared with. ``superseded``: the champion was trained on newer data.
    """

    verdict: Literal["started", "busy", "stale", "superseded", "failed"]
    reasons: Reasons = ()
    endpoint_name: str
    config_name: str
    model_name: str
    previous_config_name: str | None = None
    champion_run_id: str | None = Field(None, description="The champion as it was seen before the update.")
    wait_seconds: int = Field(ge=0, le=30)


class CheckEndpointRequest(Request):
    deployment: Deployment


class EndpointStatus(Message):
    status: Literal["in_progress", "in_service", "rolled_back", "failed"]
    endpoint_status: str = Field(description="SageMaker's own word for it.")
    config_name: str | None = Field(None, description="The configuration that is live now.")
    wait_seconds: int = Field(0, ge=0, le=30)
    reasons: Reasons = ()


class Verification(Message):
    """``not_ready``: a serverless variant is being provisioned; it is asked again after ``wait_seconds``."""

    verdict: Literal["verified", "failed", "not_ready"]
    reasons: Reasons = ()
    rows: int = Field(0, ge=0, description="Golden rows asked of the live endpoint.")
    largest_difference: float | None = Field(None, description="Absolute, live score against offline score.")
    waited_seconds: int = Field(0, ge=0, description="For a variant that was not ready.")
    wait_seconds: int = Field(0, ge=0, le=30)


class VerifyRequest(Request):
    validation: AcceptedFile
    evaluation: AcceptedModel
    deployment: Deployment
    verification: Verification | None = Field(None, description="What the last look came to; None at the first.")
    last_try: bool = Field(False, description="No further try follows: what cannot be verified now is not.")


class RestoreRequest(Request):
    """``restoration``: what the last look found; None at the first."""

    restoration: "Restoration | None" = None


class Restoration(Message):
    """An endpoint on its way back to the model before. ``untouched``: this run changed nothing that is live."""

    verdict: Literal["untouched", "restored", "in_progress", "failed"]
    reasons: Reasons = ()
    attempts: int = Field(0, ge=0, description="Updates and deletions that were asked for.")
    config_name: str | None = Field(None, description="What is live; None if nothing is.")
    wait_seconds: int = Field(0, ge=0, le=30)


class Fault(Message):
    """An exception that outlived its retries: which state it stopped, and what was said."""

    state: str
    error: str
    cause: str


class RecordRequest(Request):
    """Everything that is known when a run ends; what the run never reached is None."""

    outcome: Outcome
    fault: Fault | None = None
    validation: Validated | None = None
    training_started: TrainingStarted | None = None
    training: Trained | None = None
    evaluation: Evaluated | None = None
    deployment: Deployment | None = None
    endpoint: EndpointStatus | None = None
    verification: Verification | None = None
    approval: Approval | None = None
    restoration: "Restoration | None" = None


class RecordedEndpoint(Message):
    name: str
    status: str
    config: str


class RunResult(Message):
    """The closing word on a run: the execution's output, ``outcome.json`` and what the ledger keeps."""

    outcome: Outcome
    run_id: str
    dataset: str
    reasons: Reasons = ()
    warnings: Reasons = ()
    rows: RowCounts = Field(default_factory=RowCounts)
    metrics: AnyMetrics | None = None
    gates: tuple[GateCheck, ...] = ()
    approval: Approval | None = Field(None, description="What a person decided, and when; None if nobody was asked.")
    endpoint: RecordedEndpoint | None = None
    artifacts: dict[str, str] = Field(default_factory=dict, description="S3 URI by name.")
    trainer: Trainer | None = Field(None, description="None if no training job ran.")
    training_seconds: int | None = None
    price_estimate_usd: float | None = None
    finished_at: str

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class NoticeRequest(Request):
    """A run that is recorded, and of which people were not told."""

    result: RunResult


class RenderRequest(Request):
    """The page tells what was recorded; what the run never reached is None."""

    outcome: Outcome
    result: RunResult
    validation: Validated | None = None
    training: Trained | None = None
    evaluation: Evaluated | None = None


class Rendered(Message):
    """``left_alone``: what is recorded of the run is another execution's, and so is its page."""

    verdict: Literal["rendered", "left_alone"]
    report_uri: str = Field(description="report.html")


class RegisterRequest(Request):
    """A run whose outcome is recorded, for the model registry."""

    outcome: Outcome
    validation: Validated | None = None
    training: Trained | None = None
    evaluation: Evaluated | None = None
    result: RunResult


class Registered(Message):
    """Where the registry has the run's model. ``unchanged``: this run had registered it before."""

    verdict: Literal["registered", "updated", "unchanged", "skipped"]
    reasons: Reasons = ()
    group: str | None = Field(None, description="Model package group: one a dataset.")
    version: int | None = Field(None, ge=1, description="Of the model package in its group.")
    card: str | None = Field(None, description="The dataset's model card; None if it still describes another model.")


class CleanUpRequest(Request):
    """A run that is recorded: time to remove what its deployment left without use."""


class CleanedUp(Message):
    """What was removed. ``skipped``: another run of the dataset has the turn, and will clean up when it has ended."""

    verdict: Literal["cleaned", "skipped"]
    removed: tuple[str, ...] = Field((), description="Kind and name of each.")
