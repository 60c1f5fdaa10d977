"""Scores the trained model on the held-out test set, beside the model that is live, and holds it against the gates."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict

from scoring.assessment import Champion, Rows, Subject, assess, golden_rows, wants_held_out
from scoring.cross_validation import Fold, read_folds
from scoring.evaluation import NothingToMeasureError
from scoring.group_gap import GroupSample, read_group_sample
from scoring.held_out import read_held_out, read_held_out_numbers
from scoring.metrics import Floats
from scoring.model import UnsafeArtifactError
from scoring.xgboost import XGBoostModel, load
from sluice.aws.errors import is_not_found
from sluice.aws.objects import read_json, write_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, emit, logger, step
from sluice.dataset.config import DatasetConfig, parse_gates, read_whole_config
from sluice.dataset.facets import FacetCounts
from sluice.dataset.recipe import Recipe
from sluice.documents import NewerDocumentError
from sluice.evaluation.document import Evaluation, Refit
from sluice.evaluation.split import HashedSplit
from sluice.layout import RunLayout, part_file_uri, split_uri, uri
from sluice.messages import (
    AcceptedFile,
    AcceptedModel,
    CompletedTraining,
    EvaluateRequest,
    Metrics,
    RejectedModel,
    RowCounts,
    Task,
)
from sluice.runs.aws.ledger import read_champion
from sluice.settings import EvaluateSettings
from sluice.training.aws.log import log_lines
from sluice.training.hyperparameters import refit_hyperparameters

GOLDEN_ROWS = 20
"""Rows that are asked of the live endpoint after deployment."""
LOSSES: Final[dict[Task, str]] = {"classification": "LogLoss", "regression": "RMSE"}
"""CloudWatch's metric of a model that was measured."""

settings = EvaluateSettings.load()
# At the start: a stack whose default gates cannot be read must not judge anything.
default_gates = parse_gates(settings.default_gates, "the stack's parameter DefaultGates")
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
logs = boto3.client("logs", config=CLIENT_CONFIG)


class Read(BaseModel):
    """Of a document of another layer, what is of use here."""

    model_config = ConfigDict(defer_build=True)


class MadeContract(Read):
    made: bool = False


class Warned(Read):
    rule: str
    column: str | None = None


class ReportedSplit(Read):
    hashed: HashedSplit | None = None


class SampledGroups(Read):
    column: str


class CutIntoFolds(Read):
    times: int


class Report(Read):
    """What is of use here of validation.json, whose own model belongs to the table engine."""

    class_counts: dict[str, dict[str, int]] = {}
    split: ReportedSplit | None = None
    contract: MadeContract | None = None
    findings: tuple[Warned, ...] = ()
    group_sample: SampledGroups | None = None
    more_group_samples: tuple[SampledGroups, ...] = ()
    folds: CutIntoFolds | None = None

    @property
    def group_samples(self) -> tuple[SampledGroups, ...]:
        return (*([self.group_sample] if self.group_sample else []), *self.more_group_samples)


@step(EvaluateRequest)
def handler(request: EvaluateRequest) -> AcceptedModel | RejectedModel:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return evaluate(request, Path(scratch))
        except (UnsafeArtifactError, NothingToMeasureError) as error:
            return reject(request, f"The model was not measured: {error}.")


def evaluate(request: EvaluateRequest, scratch: Path) -> AcceptedModel | RejectedModel:
    run, validation, training = request.run, request.validation, request.training
    config = read_whole_config(read_json(s3, validation.config_uri))
    recipe_file = fetch(validation.recipe_uri, scratch / "recipe")
    recipe = Recipe.read(recipe_file.read_bytes())
    test_file = fetch(part_file_uri(validation.test_uri, "test"), scratch / "test")
    archive = fetch(training.model_uri, scratch / "model")
    report = Report.model_validate(read_json(s3, validation.report_uri))
    test = read_rows(test_file, validation)
    model = load_file(archive, validation.features)
    first = load_first(training, validation.features, scratch)
    hyperparameters = config.resolved_hyperparameters(len(validation.classes), validation.rows.train)
    champion = find_champion(run.dataset, run.run_id, scratch)
    held_out = None
    if wants_held_out(config, champion):
        held_out = fetch(validation.held_out_uri, scratch / "held_out")
    subject = Subject(
        run_id=run.run_id,
        dataset=run.dataset,
        job_name=training.job_name,
        model_uri=training.model_uri,
        model=model,
        recipe=recipe,
        config=config,
        test=test,
        prior_log_loss=validation.prior_log_loss,
        default_share_of_prior=settings.default_max_log_loss_share_of_prior,
        default_gates=default_gates,
        target_numbers=validation.target_numbers,
        validation=read_validation(request, config, scratch),
        first_model=first,
        held_out=held_out,
        facet_counts=FacetCounts.read(read_json(s3, validation.facets_uri)) if validation.facets_uri else None,
        champion=champion,
        suspected=frozenset(found.column for found in report.findings if found.rule == "leakage" and found.column),
        folds=find_folds(request, report, scratch),
        times=report.folds.times if report.folds else 1,
        group_samples=[*find_group_samples(request, report, scratch)],
        split=report.split.hashed if report.split else None,
        new_contract=report.contract is not None and report.contract.made,
        class_counts=report.class_counts,
        log=log_lines(logs, (training.first or training).job_name),
        hyperparameters=hyperparameters,
        training_metrics=training.metrics,
        digests={
            "model_sha256": digest(archive),
            "test_sha256": digest(test_file),
            "recipe_sha256": digest(recipe_file),
        },
    )
    scores = model.scores(test.features)
    found = assess(subject, scores)
    if training.first:
        found = found.model_copy(
            update={
                "refit": refit_of(training.first, validation.rows, model.rounds),
                "hyperparameters": refit_hyperparameters(hyperparameters, model.rounds),
            }
        )
    if found.metrics:
        emit(run.dataset, {LOSSES[validation.task]: (found.metrics.loss, MetricUnit.NoUnit)})
    answer = record(request, found, write_golden(request, test_file, scores))
    seen = {"champion_run_id": champion and champion.run_id, "approval_required": config.approval.required}
    return answer.model_copy(update=seen)


def fetch(s3_uri: str, path: Path) -> Path:
    bucket, key = split_uri(s3_uri)
    s3.download_file(bucket, key, str(path))
    return path


def load_file(archive: Path, features: int) -> XGBoostModel:
    with archive.open("rb") as stream:
        return load(stream, features)


def load_first(training: CompletedTraining, features: int, scratch: Path) -> XGBoostModel | None:
    """If the model is a refit, the one before it."""
    if training.first is None:
        return None
    return load_file(fetch(training.first.model_uri, scratch / "first_model"), features)


def refit_of(first: CompletedTraining, rows: RowCounts, rounds: int) -> Refit:
    return Refit(
        first_job_name=first.job_name,
        first_model_uri=first.model_uri,
        rounds=rounds,
        rows=rows.train + rows.validation,
    )


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_validation(request: EvaluateRequest, config: DatasetConfig, scratch: Path) -> Rows | None:
    """The validation part, if the cutoff or the interval of predictions is found on it."""
    validation = request.validation
    if validation.task == "classification" and (config.cutoff.policy == "fixed" or len(validation.classes) != 2):
        return None
    file = fetch(part_file_uri(validation.validation_uri, "validation"), scratch / "validation")
    return read_rows(file, validation)


def read_rows(file: Path, validation: AcceptedFile) -> Rows:
    read = read_held_out if validation.task == "classification" else read_held_out_numbers
    return Rows(*read(file, validation.features))


def find_folds(request: EvaluateRequest, report: Report, scratch: Path) -> tuple[Fold, ...]:
    """The rows of a small table by fold."""
    if report.folds is None:
        return ()
    key = RunLayout(request.run.dataset, request.run.run_id).folds
    return read_folds(fetch(uri(settings.artifact_bucket, key), scratch / "folds"))


def find_group_samples(request: EvaluateRequest, report: Report, scratch: Path) -> Iterator[GroupSample]:
    """Rows by each identifier that validation warned of."""
    there = RunLayout(request.run.dataset, request.run.run_id)
    for number, sampled in enumerate(report.group_samples):
        path = fetch(uri(settings.artifact_bucket, there.group_sample(number)), scratch / "group_sample")
        yield read_group_sample(path, sampled.column, request.validation.features, request.validation.task)


def find_champion(dataset: str, run_id: str, scratch: Path) -> Champion | None:
    """The model that is live; None if there is none, or if it is this run's own."""
    live = read_champion(dynamodb, settings.runs_table, dataset)
    if live is None or live.run_id == run_id:
        return None
    layout = RunLayout(dataset, live.run_id)
    try:
        judged = Evaluation.read(read_json(s3, uri(settings.artifact_bucket, layout.evaluation)))
        recipe = Recipe.read(read_json(s3, uri(settings.artifact_bucket, layout.recipe)))
        archive = fetch(judged.model_uri, scratch / "champion")
        model = load_file(archive, len(recipe.features))
    except NewerDocumentError as error:
        return Champion(live.run_id, missing=f"a file in runs/{live.run_id} was {error}")
    except (FileNotFoundError, ValueError) as error:  # whatever is damaged: JSON, document, archive
        logger.warning("the live model cannot be scored", extra={"champion": live.run_id, "kind": type(error).__name__})
        return Champion(live.run_id, missing=f"its files in runs/{live.run_id} are not there or damaged")
    except ClientError as error:
        if not is_not_found(error):
            raise
        return Champion(live.run_id, missing=f"its model in runs/{live.run_id} is not there")
    cutoff = judged.metrics.cutoff if isinstance(judged.metrics, Metrics) else None
    return Champion(live.run_id, model, recipe, judged.classes, cutoff, judged.split)


def write_golden(request: EvaluateRequest, test: Path, scores: Floats) -> str:
    """Keeps the first test rows as the endpoint takes them, with the scores that it must give."""
    with test.open() as stream:
        golden = golden_rows(list(islice(stream, GOLDEN_ROWS)), scores, request.validation.task)
    key = RunLayout(request.run.dataset, request.run.run_id).golden
    write_json(s3, settings.artifact_bucket, key, golden)
    return uri(settings.artifact_bucket, key)


def reject(request: EvaluateRequest, reason: str) -> AcceptedModel | RejectedModel:
    """Of a model that could not be measured."""
    run, validation = request.run, request.validation
    return record(
        request,
        Evaluation(
            run_id=run.run_id,
            dataset=run.dataset,
            job_name=request.training.job_name,
            model_uri=request.training.model_uri,
            target=validation.target,
            task=validation.task,
            classes=validation.classes,
            verdict="rejected",
            reasons=(reason,),
            training_metrics=request.training.metrics,
            evaluated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def record(request: EvaluateRequest, found: Evaluation, golden_uri: str | None = None) -> AcceptedModel | RejectedModel:
    """Writes evaluation.json, and answers with the little that the next states need."""
    key = RunLayout(request.run.dataset, request.run.run_id).evaluation
    training = request.training
    found = found.model_copy(update={"trainer": training.trainer, "warnings": (*training.warnings, *found.warnings)})
    write_json(s3, settings.artifact_bucket, key, found.model_dump(mode="json"))
    told = {
        "reasons": found.reasons,
        "warnings": found.warnings,
        "gates": found.gates,
        "evaluation_uri": uri(settings.artifact_bucket, key),
    }
    if found.verdict == "accepted" and found.metrics and golden_uri:
        return AcceptedModel(metrics=found.metrics, golden_uri=golden_uri, **told)
    return RejectedModel(metrics=found.metrics, golden_uri=golden_uri, **told)
