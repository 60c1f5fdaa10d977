"""Which notices of misplaced files have been sent: a few an hour, however many files are copied. Clients come first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sluice.layout import INCOMING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

MAX_NOTICES_AN_HOUR: Final = 5
KEY: Final = "MISPLACED"
"""Of the one item. The function may write no other: the template names it."""


def folders(s3: S3Client, bucket: str) -> set[str]:
    """The folders below ``incoming/`` in which files lie."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=INCOMING, Delimiter="/")
    prefixes = (found["Prefix"] for page in pages for found in page.get("CommonPrefixes", []))
    return {prefix.removeprefix(INCOMING).rstrip("/") for prefix in prefixes}


@contextlib.contextmanager
def one_notice(dynamodb: DynamoDBClient, table: str, place: str, hour: str) -> Iterator[bool]:
    """Gives whether a notice of this place is to be sent now. If that fails, it may be sent later.

    Args:
        hour: of the event, such as ``2026-11-30T09``.
    """
    is_new = _begin_hour(dynamodb, table, place, hour) or _add(dynamodb, table, place)
    try:
        yield is_new
    except Exception:
        if is_new:
            dynamodb.update_item(
                TableName=table,
                Key={"pk": {"S": KEY}},
                UpdateExpression="DELETE places :place",
                ExpressionAttributeValues={":place": {"SS": [place]}},
            )
        raise


def _begin_hour(dynamodb: DynamoDBClient, table: str, place: str, hour: str) -> bool:
    return _updated(
        dynamodb,
        table,
        UpdateExpression="SET told_in = :hour, places = :place",
        ConditionExpression="attribute_not_exists(told_in) OR told_in < :hour",
        ExpressionAttributeValues={":hour": {"S": hour}, ":place": {"SS": [place]}},
    )


def _add(dynamodb: DynamoDBClient, table: str, place: str) -> bool:
    return _updated(
        dynamodb,
        table,
        UpdateExpression="ADD places :place",
        ConditionExpression="attribute_not_exists(places) OR (NOT contains(places, :one) AND size(places) < :most)",
        ExpressionAttributeValues={
            ":place": {"SS": [place]},
            ":one": {"S": place},
            ":most": {"N": str(MAX_NOTICES_AN_HOUR)},
        },
    )


def _updated(dynamodb: DynamoDBClient, table: str, **update: Any) -> bool:
    try:
        dynamodb.update_item(TableName=table, Key={"pk": {"S": KEY}}, **update)
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True
