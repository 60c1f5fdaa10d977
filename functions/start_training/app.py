"""Starts the run's training job. The job is named after the run, so a repeated start finds it and goes on."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from sluice.aws.errors import already_exists, is_quota_in_use
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.config import read_whole_config
from sluice.messages import StartTrainingRequest, TrainingStarted
from sluice.settings import TrainSettings
from sluice.training.aws.refusal import refusal
from sluice.training.job import FIRST_WAIT_SECONDS, QUOTA_WAIT_SECONDS, training_job_request

settings = TrainSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)


@step(StartTrainingRequest)
def handler(request: StartTrainingRequest) -> TrainingStarted:
    config = read_whole_config(read_json(s3, request.validation.config_uri))
    job = training_job_request(request.run, request.validation, config, settings)
    name = job["TrainingJobName"]
    try:
        sagemaker.create_training_job(**job)
    except ClientError as error:
        if is_quota_in_use(error):
            # Others' jobs use the quota; they will end.
            return TrainingStarted(verdict="busy", job_name=name, wait_seconds=QUOTA_WAIT_SECONDS)
        if reason := refusal(error):
            return TrainingStarted(verdict="failed", reasons=(reason,), job_name=name, wait_seconds=0)
        if not already_exists(error):
            raise
    return TrainingStarted(verdict="started", job_name=name, wait_seconds=FIRST_WAIT_SECONDS)
