"""The turn of a dataset: who may change its endpoint. One item of the runs table. The client comes first."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from sluice.runs.aws.ledger import delete_if

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HasEnded = Callable[[str], bool]

TURN_SECONDS: Final = 6 * 3600
"""A turn that was never given back is free again after this time; that of an execution that has ended, for another
deployment at once."""
SHORT_TURN_SECONDS: Final = 3600
"""Of whoever is no execution: nothing tells that a command was killed."""


def take_turn(
    dynamodb: DynamoDBClient, table: str, dataset: str, holder: str, now: float, seconds: float = TURN_SECONDS
) -> bool:
    """Makes the holder the only one that may change the dataset's endpoint. Repeatable by the holder.

    Args:
        holder: an execution's ARN, or whoever works on the endpoint.
        now: seconds since the epoch.
        seconds: after which the turn is free again, whatever happened to the holder.

    Returns:
        False while another has the turn.
    """
    free = "attribute_not_exists(pk) OR execution_arn = :me OR #until < :now"
    values = {":me": {"S": holder}, ":now": {"N": str(now)}}
    return _put_turn(
        dynamodb, table, dataset, holder, now + seconds, free, values, ExpressionAttributeNames={"#until": "until"}
    )


def _put_turn(
    dynamodb: DynamoDBClient,
    table: str,
    dataset: str,
    holder: str,
    until: float,
    condition: str,
    values: dict[str, Any],
    **names: Any,
) -> bool:
    try:
        dynamodb.put_item(
            TableName=table,
            Item={**_turn_key(dataset), "execution_arn": {"S": holder}, "until": {"N": str(until)}},
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **names,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def turn_holder(dynamodb: DynamoDBClient, table: str, dataset: str) -> str | None:
    """Who may change the dataset's endpoint; None if nobody does."""
    item = dynamodb.get_item(TableName=table, Key=_turn_key(dataset), ConsistentRead=True).get("Item")
    return item["execution_arn"]["S"] if item else None


def give_turn_back(dynamodb: DynamoDBClient, table: str, dataset: str, holder: str) -> None:
    """Lets the next one change the endpoint; harmless if this holder has no turn."""
    delete_if(dynamodb, table, _turn_key(dataset), "execution_arn", holder)


CLEANING: Final = "clean-up of "
"""What a run's clean-up is called as a holder, with its execution's ARN behind; a deployment has the ARN alone."""


def take_free_turn(
    dynamodb: DynamoDBClient,
    table: str,
    dataset: str,
    holder: str,
    has_ended: HasEnded,
    seconds: float = TURN_SECONDS,
    *,
    from_deployments: bool = True,
) -> bool:
    """Takes the turn, also from an execution that has ended without giving it back. Repeatable by the holder.

    Args:
        has_ended: whether an execution, by its ARN, will do nothing any more.
        from_deployments: whether also from one that stopped while it changed the endpoint. The turn
            tells the restoration that there is something to put back: only who changes the endpoint next may have it.

    Returns:
        False while another has the turn.
    """
    now = time.time()
    if take_turn(dynamodb, table, dataset, holder, now, seconds):
        return True
    other = turn_holder(dynamodb, table, dataset)
    # A person's command is no execution; its turn runs out.
    if other is None or not (from_deployments or other.startswith(CLEANING)):
        return False
    execution = other.removeprefix(CLEANING)
    if not execution.startswith("arn:") or not has_ended(execution):
        return False
    still_theirs = {":other": {"S": other}}
    return _put_turn(dynamodb, table, dataset, holder, now + seconds, "execution_arn = :other", still_theirs)


@contextlib.contextmanager
def short_turn(dynamodb: DynamoDBClient, table: str, dataset: str, holder: str, has_ended: HasEnded) -> Iterator[bool]:
    """The turn of whoever is no execution, given back at the end. False if another has it."""
    taken = take_free_turn(dynamodb, table, dataset, holder, has_ended, SHORT_TURN_SECONDS, from_deployments=False)
    try:
        yield taken
    finally:
        if taken:
            give_turn_back(dynamodb, table, dataset, holder)


def _turn_key(dataset: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"TURN#{dataset}"}}
