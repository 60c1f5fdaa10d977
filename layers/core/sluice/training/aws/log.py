"""The log that a training job leaves in CloudWatch. The client is the first argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.names import TRAINING_LOG_GROUP, training_log_streams

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_MAX_PAGES: Final = 20
"""Of 10,000 lines or 1 MB each: far more than a job writes that trains for the longest time it may."""

_LAST_LINES: Final = 50


def log_lines(logs: CloudWatchLogsClient, job_name: str) -> Iterator[str]:
    """The job's log from its beginning, line by line; nothing if there is none."""
    for stream in _streams(logs, job_name):
        page = logs.get_log_events(logGroupName=TRAINING_LOG_GROUP, logStreamName=stream, startFromHead=True)
        for _ in range(_MAX_PAGES):
            yield from (event["message"] for event in page["events"])
            token = page["nextForwardToken"]
            page = logs.get_log_events(
                logGroupName=TRAINING_LOG_GROUP, logStreamName=stream, startFromHead=True, nextToken=token
            )
            # The last page answers with the token that asked for it.
            if page["nextForwardToken"] == token:
                break


def last_lines(logs: CloudWatchLogsClient, job_name: str) -> list[str]:
    """The end of the job's log; nothing where it failed before it logged."""
    return [
        event["message"]
        for stream in _streams(logs, job_name)[:1]
        for event in logs.get_log_events(
            logGroupName=TRAINING_LOG_GROUP, logStreamName=stream, limit=_LAST_LINES, startFromHead=False
        )["events"]
    ]


def _streams(logs: CloudWatchLogsClient, job_name: str) -> list[str]:
    """Names of the job's log streams, one an instance; none if no job of the account has logged yet."""
    try:
        found = logs.describe_log_streams(
            logGroupName=TRAINING_LOG_GROUP, logStreamNamePrefix=training_log_streams(job_name)
        )
    except ClientError as error:
        if is_not_found(error):
            return []
        raise
    return [stream["logStreamName"] for stream in found["logStreams"]]
