"""``decision.json``: what a run decided, on what grounds, and who decided it. Pure.

Every run writes it, also a run whose file was rejected. It stands on its own: a year later it answers why a model is
live, or why it never was, when logs, training data and perhaps the code are gone. Resources are given by name.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.dataset.config import ChampionPolicy, DatasetConfig, Gates
from sluice.documents import Document
from sluice.evaluation.document import Bootstrap, ChampionComparison, CutoffChoice, Evaluation, PredictionInterval
from sluice.messages import (
    AnyMetrics,
    Approval,
    Deployment,
    GateCheck,
    Message,
    Outcome,
    Reasons,
    RecordRequest,
    RowCounts,
    RunResult,
    Trainer,
    Verification,
)


class SourceObject(Message):
    """The file that the run is about."""

    bucket: str
    key: str
    version_id: str | None = None
    etag: str
    size: int = Field(ge=0, description="Bytes.")


class DataUsed(Message):
    """What the run made of the file. If the file was rejected, only its rows are known."""

    rows: RowCounts
    target: str | None = None
    classes: tuple[str, ...] = ()
    test_uri: str | None = None
    test_sha256: str | None = Field(None, description="Of the rows that the metrics were measured on.")
    contract_uri: str | None = None
    contract_version: int | None = None
    recipe_uri: str | None = None
    recipe_sha256: str | None = None
    config_uri: str | None = None
    report_uri: str | None = Field(None, description="validation.json")


class TrainedModel(Message):
    """The training job and its result."""

    job_name: str
    first_job_name: str | None = Field(
        None,
        description="The job that found the rounds, if the model was trained again on training and validation rows.",
    )
    training_image: str | None = Field(None, description="None if the job was never looked at.")
    trainer: Trainer | None = None
    hyperparameters: dict[str, str] = Field(default_factory=dict)
    uri: str | None = Field(None, description="model.tar.gz")
    sha256: str | None = None
    training_metrics: dict[str, float] = Field(default_factory=dict)
    training_seconds: int | None = None


class Grounds(Message):
    """The grounds for the verdict on the model."""

    verdict: Literal["accepted", "rejected"]
    reasons: Reasons = ()
    metrics: AnyMetrics | None = Field(None, description="With their 95% intervals.")
    prior: AnyMetrics | None = Field(None, description="Of the baseline, on the same rows.")
    bootstrap: Bootstrap | None = None
    cutoff: CutoffChoice | None = None
    interval: PredictionInterval | None = None
    gates_asked: Gates | None = Field(None, description="As the configuration states them.")
    gates: tuple[GateCheck, ...] = ()
    champion_policy: ChampionPolicy | None = None
    champion: ChampionComparison | None = None
    evaluation_uri: str | None = None


class DecidedBy(Message):
    """``pipeline``: gates and state machine. ``person``: somebody approved or rejected the model."""

    kind: Literal["pipeline", "person"]
    execution: str | None = Field(None, description="Name of the state machine's execution.")
    person: str | None = None


class Live(Message):
    """What answers since the decision, and what answered before."""

    endpoint_name: str
    config_name: str
    model_name: str
    previous_config_name: str | None = None
    previous_run_id: str | None = None
    verified_rows: int = Field(ge=0, description="Rows whose live scores were compared with the offline ones.")
    largest_difference: float | None = None


class Decision(Document):
    """The document. What the run never reached, or what is unknown, is None."""

    run_id: str
    dataset: str
    outcome: Outcome
    reasons: Reasons = ()
    warnings: Reasons = ()
    source: SourceObject
    data: DataUsed
    model: TrainedModel | None = None
    grounds: Grounds | None = None
    live: Live | None = Field(None, description="None if this run deployed nothing.")
    decided_by: DecidedBy
    approval: Approval | None = Field(None, description="What a person decided, and when; None if nobody was asked.")
    started_at: str
    decided_at: str = Field(description="ISO 8601, UTC.")


def decide(
    request: RecordRequest,
    evaluation: Evaluation | None,
    config: DatasetConfig | None,
    result: RunResult,
) -> Decision:
    """The decision of the run that ``request`` describes and ``result`` closes.

    Args:
        evaluation: all of evaluation.json; without it the decision has what the messages carry.
        config: the dataset's configuration as the run resolved it.
    """
    run = request.run
    return Decision(
        run_id=run.run_id,
        dataset=run.dataset,
        outcome=result.outcome,
        reasons=result.reasons,
        warnings=result.warnings,
        source=SourceObject(bucket=run.bucket, key=run.key, version_id=run.version_id, etag=run.etag, size=run.size),
        data=_data(request, evaluation),
        model=_model(request, evaluation, config),
        grounds=_grounds(request, evaluation, config),
        live=_live(result.outcome, request.deployment, request.verification),
        decided_by=_decided_by(request),
        approval=result.approval,
        started_at=run.started_at,
        decided_at=result.finished_at,
    )


def _decided_by(request: RecordRequest) -> DecidedBy:
    approval, execution = request.approval, request.run.execution_name
    if approval is None or approval.decision == "expired":
        return DecidedBy(kind="pipeline", execution=execution)
    return DecidedBy(kind="person", execution=execution, person=approval.decided_by)


def _data(request: RecordRequest, evaluation: Evaluation | None) -> DataUsed:
    validation = request.validation
    if validation is None:
        return DataUsed(rows=RowCounts())
    return DataUsed(
        rows=validation.rows,
        target=validation.target,
        classes=validation.classes,
        test_uri=validation.test_uri,
        test_sha256=evaluation.test_sha256 if evaluation else None,
        contract_uri=validation.contract_uri,
        contract_version=validation.contract_version,
        recipe_uri=validation.recipe_uri,
        recipe_sha256=evaluation.recipe_sha256 if evaluation else None,
        config_uri=validation.config_uri,
        report_uri=validation.report_uri,
    )


def _model(request: RecordRequest, evaluation: Evaluation | None, config: DatasetConfig | None) -> TrainedModel | None:
    started, training = request.training_started, request.training
    if started is None:
        return None
    trainer = training.trainer if training else None
    hyperparameters = evaluation.hyperparameters if evaluation else {}
    if not hyperparameters and config and request.validation and not (training and training.first):
        table = request.validation
        hyperparameters = config.resolved_hyperparameters(len(table.classes), table.rows.train)
    return TrainedModel(
        job_name=training.job_name if training else started.job_name,
        first_job_name=training.first.job_name if training and training.first else None,
        training_image=trainer.image if trainer else None,
        trainer=trainer,
        hyperparameters=hyperparameters,
        uri=training.model_uri if training else None,
        sha256=evaluation.model_sha256 if evaluation else None,
        training_metrics=training.metrics if training else {},
        training_seconds=training.training_seconds if training else None,
    )


def _grounds(request: RecordRequest, evaluation: Evaluation | None, config: DatasetConfig | None) -> Grounds | None:
    result = request.evaluation
    if result is None:
        return None
    return Grounds(
        verdict=result.verdict,
        reasons=result.reasons,
        metrics=result.metrics,
        prior=evaluation.prior if evaluation else None,
        bootstrap=evaluation.bootstrap if evaluation else None,
        cutoff=evaluation.cutoff if evaluation else None,
        interval=evaluation.interval if evaluation else None,
        gates_asked=config.gates if config else None,
        gates=result.gates,
        champion_policy=config.champion if config else None,
        champion=evaluation.champion if evaluation else None,
        evaluation_uri=result.evaluation_uri,
    )


def _live(outcome: Outcome, deployment: Deployment | None, verification: Verification | None) -> Live | None:
    if outcome is not Outcome.DEPLOYED or deployment is None:
        return None
    return Live(
        endpoint_name=deployment.endpoint_name,
        config_name=deployment.config_name,
        model_name=deployment.model_name,
        previous_config_name=deployment.previous_config_name,
        previous_run_id=deployment.champion_run_id,
        verified_rows=verification.rows if verification else 0,
        largest_difference=verification.largest_difference if verification else None,
    )
