"""Starts a training job. The client is the first argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import already_exists, is_quota_in_use
from sluice.messages import TrainingStarted
from sluice.training.aws.refusal import refusal
from sluice.training.job import FIRST_WAIT_SECONDS, QUOTA_WAIT_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


def start_job(sagemaker: SageMakerClient, job: dict[str, Any]) -> TrainingStarted:
    """Starts the job of a CreateTrainingJob request, or finds it: it is named after the run."""
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
