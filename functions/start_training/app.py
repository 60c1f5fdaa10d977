"""Starts the run's training job. The job is named after the run, so a repeated start finds it and goes on."""

from __future__ import annotations

import boto3

from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.config import read_whole_config
from sluice.messages import StartTrainingRequest, TrainingStarted
from sluice.settings import TrainSettings
from sluice.training.aws.starting import start_job
from sluice.training.job import is_refitted, training_job_request

settings = TrainSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)


@step(StartTrainingRequest)
def handler(request: StartTrainingRequest) -> TrainingStarted:
    config = read_whole_config(read_json(s3, request.validation.config_uri))
    answer = start_job(sagemaker, training_job_request(request.run, request.validation, config, settings))
    return answer.model_copy(update={"refit": is_refitted(request.validation, config)})
