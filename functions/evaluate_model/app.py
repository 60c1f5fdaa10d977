"""Scores the trained model on the held-out test set, and holds the scores against the gates."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from aws_lambda_powertools.metrics import MetricUnit

from scoring.artifact import UnsafeArtifactError, load_booster, read_model_bytes
from scoring.evaluation import NothingToMeasureError, judge, measure
from scoring.held_out import read_held_out
from scoring.metrics import Floats
from sluice.config import DatasetConfig
from sluice.layout import RunLayout, split_uri, uri
from sluice.messages import EvaluateRequest, EvaluationResult
from sluice.objects import read_json, write_json
from sluice.settings import EvaluateSettings
from sluice.step import TRANSFER_CONFIG, emit, step

#: Rows that are asked of the live endpoint after deployment.
GOLDEN_ROWS = 20

WAY_OUT = (
    "Give it more rows, or columns that tell more about the target; or, if such a model is good enough, set the gates "
    "in the dataset's config.yaml."
)

settings = EvaluateSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)


@step(EvaluateRequest)
def handler(request: EvaluateRequest) -> EvaluationResult:
    config = DatasetConfig.model_validate(read_json(s3, request.validation.config_uri or ""))
    with tempfile.TemporaryDirectory() as scratch:
        test, archive = Path(scratch, "test.csv"), Path(scratch, "model.tar.gz")
        download(f"{request.validation.test_uri}test.csv", test)
        download(request.training.model_uri or "", archive)
        try:
            return evaluate(request, config, test, archive)
        except (UnsafeArtifactError, NothingToMeasureError) as error:
            return record(
                request, EvaluationResult(verdict="rejected", reasons=(f"The model was not measured: {error}.",))
            )


def download(s3_uri: str, path: Path) -> None:
    bucket, key = split_uri(s3_uri)
    s3.download_file(bucket, key, str(path))


def evaluate(request: EvaluateRequest, config: DatasetConfig, test: Path, archive: Path) -> EvaluationResult:
    labels, rows = read_held_out(test, request.validation.features)
    if labels.size == 0:
        raise NothingToMeasureError("the test set is empty")
    with archive.open("rb") as stream:
        booster = load_booster(read_model_bytes(stream), request.validation.features)
    scores = np.asarray(booster.inplace_predict(rows), dtype=np.float64)
    metrics = measure(labels, scores, request.validation.prior_log_loss)
    gates = judge(metrics, config.gates, settings.default_max_log_loss_share_of_prior)
    failed = tuple(f"Gate {gate.name} failed: {gate.reason}." for gate in gates if not gate.passed)
    if failed:
        failed = (*failed, WAY_OUT)
    emit(request.run.dataset, {"LogLoss": (metrics.log_loss, MetricUnit.NoUnit)})
    return record(
        request,
        EvaluationResult(
            verdict="rejected" if failed else "accepted",
            reasons=failed,
            metrics=metrics,
            gates=gates,
            golden_uri=write_golden(request, test, scores),
        ),
    )


def write_golden(request: EvaluateRequest, test: Path, scores: Floats) -> str:
    """Keeps the first test rows as the endpoint takes them, with the scores that it must give."""
    with test.open() as lines:
        rows = [line.rstrip("\n").partition(",")[2] for line, _ in zip(lines, range(GOLDEN_ROWS), strict=False)]
    key = RunLayout(request.run.dataset, request.run.run_id).golden
    write_json(s3, settings.artifact_bucket, key, {"rows": rows, "scores": scores[: len(rows)].tolist()})
    return uri(settings.artifact_bucket, key)


def record(request: EvaluateRequest, result: EvaluationResult) -> EvaluationResult:
    key = RunLayout(request.run.dataset, request.run.run_id).evaluation
    stored: EvaluationResult = result.model_copy(update={"evaluation_uri": uri(settings.artifact_bucket, key)})
    body: dict[str, Any] = {
        "run_id": request.run.run_id,
        "job_name": request.training.job_name,
        "model_uri": request.training.model_uri,
        "classes": list(request.validation.classes),
        "training_metrics": request.training.metrics,
        **stored.model_dump(mode="json"),
    }
    write_json(s3, settings.artifact_bucket, key, body)
    return stored
