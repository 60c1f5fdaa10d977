"""The runs table: one item a run, one a dataset (its champion), one a deployment under way. Clients come first.

The state machine itself writes a run's claim; here it is closed, and here the champion changes, by compare-and-swap
only.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sluice.messages import RunResult

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ChampionChangedError(RuntimeError):
    """Another run became the champion between this run's deployment and its record."""

    def __init__(self, dataset: str, seen: str | None) -> None:
        super().__init__(
            f"the champion of {dataset} is no longer {seen or 'unset'}; another run was recorded meanwhile"
        )


@dataclass(frozen=True)
class Champion:
    """The run whose model is live, as the ledger has it."""

    run_id: str
    config_name: str


def run_key(run_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"RUN#{run_id}"}}


def dataset_key(dataset: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"DATASET#{dataset}"}}


def read_champion(dynamodb: DynamoDBClient, table: str, dataset: str) -> Champion | None:
    item = dynamodb.get_item(TableName=table, Key=dataset_key(dataset), ConsistentRead=True).get("Item")
    if item is None:
        return None
    return Champion(run_id=item["run_id"]["S"], config_name=item["config_name"]["S"])


def crown_champion(
    dynamodb: DynamoDBClient, table: str, dataset: str, new: Champion, seen: str | None, at: str
) -> None:
    """Makes ``new`` the champion if the champion is still the run ``seen`` (None: there was none). Repeatable.

    Raises:
        ChampionChangedError: it is another by now.
    """
    unchanged = "attribute_not_exists(pk)" if seen is None else "run_id = :seen"
    values = {":me": {"S": new.run_id}, **({":seen": {"S": seen}} if seen else {})}
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                **dataset_key(dataset),
                "run_id": {"S": new.run_id},
                "config_name": {"S": new.config_name},
                "since": {"S": at},
                **({"previous_run_id": {"S": seen}} if seen and seen != new.run_id else {}),
            },
            ConditionExpression=f"{unchanged} OR run_id = :me",
            ExpressionAttributeValues=values,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise ChampionChangedError(dataset, seen) from error


class Closing(StrEnum):
    """What closing a run came to."""

    CLOSED = "closed"
    AGAIN = "again"
    FOREIGN = "foreign"


def close_run(dynamodb: DynamoDBClient, table: str, result: RunResult, execution_arn: str) -> Closing:
    """Writes how the run ended into its item, unless another execution owns the run. Repeating it writes the same."""
    try:
        before = dynamodb.update_item(
            TableName=table,
            Key=run_key(result.run_id),
            UpdateExpression=(
                "SET #status = :status, finished_at = :at, #result = :result, dataset = :dataset, execution_arn = :me"
            ),
            ConditionExpression="attribute_not_exists(pk) OR execution_arn = :me",
            ExpressionAttributeNames={"#status": "status", "#result": "result"},
            ExpressionAttributeValues={
                ":status": {"S": result.outcome.value},
                ":at": {"S": result.finished_at},
                ":result": {"S": json.dumps(result.as_json())},
                ":dataset": {"S": result.dataset},
                ":me": {"S": execution_arn},
            },
            ReturnValues="ALL_OLD",
        ).get("Attributes", {})
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return Closing.FOREIGN
    return Closing.AGAIN if before.get("status", {}).get("S") == result.outcome.value else Closing.CLOSED


#: A turn that was never given back, because its execution was aborted, is free again after this time.
TURN_SECONDS: Final = 2 * 3600


def take_turn(dynamodb: DynamoDBClient, table: str, dataset: str, execution_arn: str, now: float) -> bool:
    """Makes this execution the only one that may change the dataset's endpoint. Repeatable by its holder.

    Args:
        now: seconds since the epoch.

    Returns:
        False while another execution has the turn.
    """
    try:
        dynamodb.put_item(
            TableName=table,
            Item={**_turn_key(dataset), "execution_arn": {"S": execution_arn}, "until": {"N": str(now + TURN_SECONDS)}},
            ConditionExpression="attribute_not_exists(pk) OR execution_arn = :me OR #until < :now",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={":me": {"S": execution_arn}, ":now": {"N": str(now)}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def give_turn_back(dynamodb: DynamoDBClient, table: str, dataset: str, execution_arn: str) -> None:
    """Lets the next run of the dataset deploy; harmless where this execution has no turn."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.delete_item(
            TableName=table,
            Key=_turn_key(dataset),
            ConditionExpression="attribute_not_exists(pk) OR execution_arn = :me",
            ExpressionAttributeValues={":me": {"S": execution_arn}},
        )


def _turn_key(dataset: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"TURN#{dataset}"}}
