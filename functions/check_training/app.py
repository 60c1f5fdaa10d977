"""Looks at one of the run's training jobs, and says how long to wait before the next look."""

from __future__ import annotations

import boto3

from sluice.aws.step import CLIENT_CONFIG, step
from sluice.messages import CheckTrainingRequest, CompletedTraining, UncompletedTraining
from sluice.training.aws.log import last_lines
from sluice.training.job import log_tail, refit_status, training_status

sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
logs = boto3.client("logs", config=CLIENT_CONFIG)


@step(CheckTrainingRequest)
def handler(request: CheckTrainingRequest) -> CompletedTraining | UncompletedTraining:
    description = sagemaker.describe_training_job(TrainingJobName=request.job_name)
    failed = description["TrainingJobStatus"] == "Failed"
    status = training_status(description, log_tail(last_lines(logs, request.job_name)) if failed else ())
    return refit_status(request.first, status) if request.first else status
