"""Starts the run's second training job: on training and validation rows, at the rounds of the first job's model.

Why it did not start is a warning, not an end: the run has a model.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import boto3

from scoring.model import UnsafeArtifactError
from scoring.xgboost import load
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.config import read_whole_config
from sluice.layout import split_uri
from sluice.messages import StartRefitRequest, TrainingStarted
from sluice.names import refit_job_name
from sluice.settings import TrainSettings
from sluice.training.aws.starting import start_job
from sluice.training.job import refit_job_request, refit_warnings

settings = TrainSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)


@step(StartRefitRequest)
def handler(request: StartRefitRequest) -> TrainingStarted:
    run, validation = request.run, request.validation
    config = read_whole_config(read_json(s3, validation.config_uri))
    try:
        rounds = rounds_of(request.training.model_uri, validation.features)
    except UnsafeArtifactError as error:
        answer = TrainingStarted(
            verdict="failed",
            reasons=(f"The first job's model was not read: {error}.",),
            job_name=refit_job_name(settings.name_prefix, run),
            wait_seconds=0,
        )
    else:
        answer = start_job(sagemaker, refit_job_request(run, validation, config, settings, rounds))
    return answer.model_copy(update={"reasons": refit_warnings(answer.reasons)}) if answer.reasons else answer


def rounds_of(model_uri: str, features: int) -> int:
    """Boosting rounds that a model has: early stopping left none behind the best one.

    Raises:
        UnsafeArtifactError: it is not what training writes.
    """
    bucket, key = split_uri(model_uri)
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "model")
        s3.download_file(bucket, key, str(archive))
        with archive.open("rb") as stream:
            return load(stream, features).rounds
