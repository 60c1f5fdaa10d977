"""The claim of a run: one execution for each object version. The client comes first."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sluice.documents import stored_text
from sluice.messages import Run
from sluice.runs.aws.ledger import read_claim, run_key
from sluice.runs.aws.slots import give_slot_back
from sluice.runs.statuses import OPEN, QUEUED, RUNNING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SHARE_OF_AGE: Final = 4
"""A run that has waited for long is in a long queue, and looks more rarely: each look is three transitions."""
_MIN_WAIT_SECONDS: Final = 20
_MAX_WAIT_SECONDS: Final = 300
_SPREAD: Final = 0.3
"""Of the wait, added or taken away by run, so that files that came at once do not look at once."""


def claim_run(dynamodb: DynamoDBClient, table: str, run: Run, has_ended: Callable[[str], bool]) -> bool:
    """Makes the execution the one that works on the run. Repeatable by that execution.

    A run that a fault stopped is free again, and so is one whose execution has ended silently: one that was
    aborted, or that could not record its outcome.

    Args:
        has_ended: whether an execution, by its ARN, will do nothing any more.

    Returns:
        False if another execution is at it, or it is done.
    """
    if _put_claim(dynamodb, table, run, "attribute_not_exists(pk) OR #status = :error OR execution_arn = :me"):
        return True
    there = read_claim(dynamodb, table, run.run_id)
    if there is None or there.status not in OPEN or not has_ended(there.execution_arn):
        return False
    give_slot_back(dynamodb, table, there.execution_arn)
    return _put_claim(dynamodb, table, run, "execution_arn = :owner", {":owner": {"S": there.execution_arn}})


def _put_claim(
    dynamodb: DynamoDBClient, table: str, run: Run, condition: str, values: dict[str, Any] | None = None
) -> bool:
    known = {":error": {"S": "error"}, ":me": {"S": run.execution_arn}}
    names = {"ExpressionAttributeNames": {"#status": "status"}} if "#status" in condition else {}
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                **run_key(run.run_id),
                "run_id": {"S": run.run_id},
                "status": {"S": QUEUED},
                "dataset": {"S": run.dataset},
                "bucket": {"S": run.bucket},
                "object_key": {"S": run.key},
                "etag": {"S": run.etag},
                "sequencer": {"S": run.sequencer},
                "execution_arn": {"S": run.execution_arn},
                "started_at": {"S": run.started_at},
                # Only until nothing is left to do for it, so that such runs are found at once.
                "running_since": {"S": run.started_at},
                "version_id": {"S": run.version_id} if run.version_id else {"NULL": True},
                # All of it, so that the run can be closed or started again by whoever finds it abandoned.
                "run": {"S": stored_text(run)},
            },
            ConditionExpression=condition,
            ExpressionAttributeValues={name: value for name, value in known.items() if name in condition}
            | (values or {}),
            **names,  # type: ignore[arg-type]
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def start_claimed(dynamodb: DynamoDBClient, table: str, run: Run) -> None:
    """Says that a claimed run has its slot and works. Repeatable."""
    dynamodb.update_item(
        TableName=table,
        Key=run_key(run.run_id),
        UpdateExpression="SET #status = :running",
        ConditionExpression="execution_arn = :me",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":running": {"S": RUNNING}, ":me": {"S": run.execution_arn}},
    )


def waiting_seconds(run: Run, now: float) -> int:
    """Until a queued run looks for a free slot again.

    Args:
        now: seconds since the epoch.
    """
    age = max(0.0, now - datetime.fromisoformat(run.started_at).timestamp())
    wait = min(max(age / _SHARE_OF_AGE, _MIN_WAIT_SECONDS), _MAX_WAIT_SECONDS)
    share = zlib.crc32(run.run_id.encode()) / 2**32
    return round(wait * (1 - _SPREAD + 2 * _SPREAD * share))
