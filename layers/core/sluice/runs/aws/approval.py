"""What the ledger keeps of a person's approval. The client comes first.

Its item holds the task token that lets the run go on. The token never leaves the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.messages import Approval, Run
from sluice.runs.approval import APPROVAL_SECONDS, Pending

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def _key(run_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"APPROVAL#{run_id}"}}


def ask(dynamodb: DynamoDBClient, table: str, run: Run, token: str, now: float) -> Pending:
    """Enters that a run waits for a person; a decision that was made on it before stands. Repeatable."""
    item = dynamodb.update_item(
        TableName=table,
        Key=_key(run.run_id),
        UpdateExpression="SET task_token = :token, expires_at = :until, for_dataset = :dataset",
        ExpressionAttributeValues={
            ":token": {"S": token},
            ":until": {"N": str(now + APPROVAL_SECONDS)},
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
        Approval.model_validate_json(decided["S"]) if decided else None,
    )


def decide(dynamodb: DynamoDBClient, table: str, run_id: str, approval: Approval) -> bool:
    """Enters a decision. False where another was made already: the first one stands."""
    try:
        dynamodb.update_item(
            TableName=table,
            Key=_key(run_id),
            UpdateExpression="SET approval = :approval",
            ConditionExpression="attribute_exists(task_token) AND attribute_not_exists(approval)",
            ExpressionAttributeValues={":approval": {"S": approval.model_dump_json()}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True
