"""How many runs work at once: one item of the runs table holds the executions that do. The client comes first.

A thousand files at once would otherwise meet the account's quotas, of training instances and of Lambda's concurrency,
all at once, and fail there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SLOTS_KEY: Final = {"pk": {"S": "SLOTS"}}


def take_slot(dynamodb: DynamoDBClient, table: str, holder: str, limit: int) -> bool:
    """Makes the execution one of the ``limit`` that work. Repeatable by the holder.

    Returns:
        False while there are as many others.
    """
    try:
        dynamodb.update_item(
            TableName=table,
            Key=SLOTS_KEY,
            UpdateExpression="ADD holders :one",
            ConditionExpression="attribute_not_exists(holders) OR contains(holders, :me) OR size(holders) < :limit",
            ExpressionAttributeValues={":one": {"SS": [holder]}, ":me": {"S": holder}, ":limit": {"N": str(limit)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def give_slot_back(dynamodb: DynamoDBClient, table: str, *holders: str) -> None:
    """Lets the next ones work; harmless where these have no slot."""
    dynamodb.update_item(
        TableName=table,
        Key=SLOTS_KEY,
        UpdateExpression="DELETE holders :these",
        ExpressionAttributeValues={":these": {"SS": list(holders)}},
    )


def slot_holders(dynamodb: DynamoDBClient, table: str) -> frozenset[str]:
    """ARNs of the executions that work."""
    item = dynamodb.get_item(TableName=table, Key=SLOTS_KEY, ConsistentRead=True).get("Item", {})
    return frozenset(item.get("holders", {}).get("SS", []))
