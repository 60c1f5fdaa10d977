"""The log that a training job leaves in CloudWatch. The client is the first argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"
_MOST_PAGES: Final = 20
"""Of 10,000 lines or 1 MB each: far more than a job writes that trains for the longest time it may."""


def log_lines(logs: CloudWatchLogsClient, job_name: str) -> Iterator[str]:
    """The job's log from its beginning, line by line; nothing where there is none."""
    try:
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job_name}/")
        for stream in streams["logStreams"]:
            yield from _lines_of(logs, stream["logStreamName"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def _lines_of(logs: CloudWatchLogsClient, name: str) -> Iterator[str]:
    page = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name, startFromHead=True)
    for _ in range(_MOST_PAGES):
        yield from (event["message"] for event in page["events"])
        token = page["nextForwardToken"]
        page = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name, startFromHead=True, nextToken=token)
        # The last page answers with the token that asked for it.
        if page["nextForwardToken"] == token:
            return
