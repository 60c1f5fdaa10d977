"""What the ledger keeps of a person's approval. The client comes first.

The approval's item holds the task token that lets the run go on. The token never leaves the account. The run's item
says that the run waits, and what it asks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.documents import read_stored, stored_text
from sluice.messages import Approval, Run
from sluice.runs.approval import Pending, Question
from sluice.runs.aws.ledger import run_key
from sluice.runs.statuses import AWAITING_APPROVAL, RUNNING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def _key(run_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"APPROVAL#{run_id}"}}


def ask(dynamodb: DynamoDBClient, table: str, run: Run, token: str, expires_at: float) -> Pending:
    """Enters that a run waits for a person; a decision that was made on it before stands. Repeatable."""
    item = dynamodb.update_item(
        TableName=table,
        Key=_key(run.run_id),
        UpdateExpression="SET task_token = :token, expires_at = :until, for_dataset = :dataset",
        ExpressionAttributeValues={
            ":token": {"S": token},
            ":until": {"N": str(expires_at)},
            ":dataset": {"S": run.dataset},
        },
        ReturnValues="ALL_NEW",
    )["Attributes"]
    return _pending(run.run_id, item)


def read_pending(dynamodb: DynamoDBClient, table: str, run_id: str) -> Pending | None:
    item = dynamodb.get_item(TableName=table, Key=_key(run_id), ConsistentRead=True).get("Item")
    return _pending(run_id, item) if item else None


def _pending(run_id: str, item: Mapping[str, Any]) -> Pending:
    decided = item.get("approval")
    return Pending(
        run_id,
        item["for_dataset"]["S"],
        item["task_token"]["S"],
        float(item["expires_at"]["N"]),
        read_stored(Approval, decided["S"]) if decided else None,
    )


def decide(dynamodb: DynamoDBClient, table: str, run_id: str, approval: Approval) -> bool:
    """Enters a decision. False if another was made already: the first one stands."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=_key(run_id),
            UpdateExpression="SET approval = :approval",
            ConditionExpression="attribute_exists(task_token) AND attribute_not_exists(approval)",
            ExpressionAttributeValues={":approval": {"S": stored_text(approval)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def start_waiting(dynamodb: DynamoDBClient, table: str, run: Run, question: Question) -> None:
    """Says in the run's item that the run waits for a person. Repeatable; another execution's run is left alone."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key=run_key(run.run_id),
            UpdateExpression="SET #status = :waits, question = :question",
            ConditionExpression="execution_arn = :me AND attribute_not_exists(finished_at)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":waits": {"S": AWAITING_APPROVAL},
                ":question": {"S": stored_text(question)},
                ":me": {"S": run.execution_arn},
            },
        )


def stop_waiting(dynamodb: DynamoDBClient, table: str, run_id: str) -> None:
    """Says in the run's item that the run goes on. Repeatable; harmless if the run does not wait."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key=run_key(run_id),
            UpdateExpression="SET #status = :running REMOVE question",
            ConditionExpression="#status = :waits",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":running": {"S": RUNNING}, ":waits": {"S": AWAITING_APPROVAL}},
        )
