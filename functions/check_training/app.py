"""Looks at the run's training job, and says how long to wait before the next look."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from sluice.messages import CheckTrainingRequest, TrainingStatus
from sluice.step import CLIENT_CONFIG, step
from sluice.training_job import log_tail, training_status
from sluice.training_log import LOG_GROUP

sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
logs = boto3.client("logs", config=CLIENT_CONFIG)


@step(CheckTrainingRequest)
def handler(request: CheckTrainingRequest) -> TrainingStatus:
    description = sagemaker.describe_training_job(TrainingJobName=request.job_name)
    failed = description["TrainingJobStatus"] == "Failed"
    return training_status(description, tail_of(request.job_name) if failed else ())


def tail_of(job_name: str) -> tuple[str, ...]:
    """The end of the job's log; empty where the job failed before it logged."""
    try:
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job_name}/", limit=1)
        texts: list[str] = []
        for stream in streams["logStreams"]:
            events = logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], limit=50, startFromHead=False
            )
            texts += [event["message"] for event in events["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return ()
        raise
    return log_tail(texts)
