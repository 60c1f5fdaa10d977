"""The runs table: one item a run, one a dataset (its champion). Clients come first.

``claim`` begins a run's item; here it is closed, and here the champion changes, by compare-and-swap only.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sluice.documents import MESSAGE_VERSION, VERSION_KEY, read_stored, stored_text
from sluice.messages import RecordRequest, Restoration, Run, RunResult, Trainer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ChampionChangedError(RuntimeError):
    """Another run became the champion between this run's deployment and its record."""

    def __init__(self, dataset: str, seen: str | None) -> None:
        super().__init__(
            f"the champion of {dataset} is no longer {seen or 'unset'}; another run was recorded meanwhile"
        )


@dataclass(frozen=True)
class Deployed:
    """A model that is live, or was."""

    run_id: str
    config_name: str
    data_at: str = ""
    """``Run.data_at``: orders models by the age of their data. Empty: not known."""
    key: str = ""
    """Of the object that it was trained on."""
    sequencer: str = ""
    """Orders the versions of one key. Empty: not known."""
    algorithm: str = ""
    """What trained it. Empty: not known."""
    image: str = ""
    """The container that trained it and serves it. Empty: not known."""

    @classmethod
    def of(cls, run: Run, config_name: str, trainer: Trainer | None = None) -> Deployed:
        made_by = {"algorithm": trainer.algorithm, "image": trainer.image or ""} if trainer else {}
        return cls(run.run_id, config_name, run.data_at, run.key, run.sequencer, **made_by)

    @classmethod
    def read(cls, stored: Mapping[str, str]) -> Deployed:
        """One of the models before the champion, as the champion's item lists them."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def is_newer_than(self, run: Run) -> bool:
        """Whether it was trained on newer data than the run's.

        S3's sequencer decides between versions of one key, which may come within one second; between keys it says
        nothing, and time decides.
        """
        if self.key == run.key and self.sequencer and run.sequencer:
            return is_after(self.sequencer, run.sequencer)
        return self.data_at > run.data_at


@dataclass(frozen=True)
class Champion(Deployed):
    """The run whose model is live, as the ledger has it."""

    history: tuple[Deployed, ...] = ()
    """Those before it, the newest first."""

    @property
    def itself(self) -> Deployed:
        return Deployed(**{field.name: getattr(self, field.name) for field in fields(Deployed)})

    def before(self, run_id: str) -> Deployed | None:
        """The model that a run's replaces: this one, or the one before it if the run is the champion already."""
        if self.run_id == run_id:
            return self.history[0] if self.history else None
        return self

    @classmethod
    def after(cls, history: tuple[Deployed, ...], live: Deployed) -> Champion:
        return cls(**{field.name: getattr(live, field.name) for field in fields(Deployed)}, history=history)


def is_after(sequencer: str, other: str) -> bool:
    """Whether an event of a key came after another one: hexadecimal numbers, the shorter one with zeros in front."""
    width = max(len(sequencer), len(other))
    return sequencer.upper().zfill(width) > other.upper().zfill(width)


HISTORY: Final = 20
"""Champions that the ledger remembers. Of the older ones nothing is kept that could be put back."""


def run_key(run_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"RUN#{run_id}"}}


def dataset_key(dataset: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"DATASET#{dataset}"}}


_OPTIONAL: Final = ("data_at", "key", "sequencer", "algorithm", "image")


def read_champion(dynamodb: DynamoDBClient, table: str, dataset: str) -> Champion | None:
    item = dynamodb.get_item(TableName=table, Key=dataset_key(dataset), ConsistentRead=True).get("Item")
    if item is None:
        return None
    known = {name: item[name]["S"] for name in _OPTIONAL if name in item}
    past = json.loads(item["history"]["S"]) if "history" in item else []
    return Champion(item["run_id"]["S"], item["config_name"]["S"], **known, history=tuple(map(Deployed.read, past)))


def crown_champion(
    dynamodb: DynamoDBClient, table: str, dataset: str, new: Deployed, seen: str | None, at: str
) -> None:
    """Makes ``new`` the champion if the champion is still the run ``seen`` (None: there was none). Repeatable.

    Raises:
        ChampionChangedError: it is another by now.
    """
    live = read_champion(dynamodb, table, dataset)
    if live and live.run_id == new.run_id:
        return
    _replace_champion(dynamodb, table, dataset, Champion.after(_past(live), new), seen, at)


def _past(live: Champion | None) -> tuple[Deployed, ...]:
    return (live.itself, *live.history)[:HISTORY] if live else ()


def restore_champion(dynamodb: DynamoDBClient, table: str, dataset: str, seen: Champion, at: str, by: str) -> Champion:
    """Makes the champion before ``seen`` the champion again, in the name of ``by``, and forgets ``seen``.

    Raises:
        ChampionChangedError: the champion is not ``seen`` any more.
    """
    before, *older = seen.history
    restored = Champion.after(tuple(older), before)
    _replace_champion(dynamodb, table, dataset, restored, seen.run_id, at, {"rolled_back_by": {"S": by}})
    return restored


def forget_champion(dynamodb: DynamoDBClient, table: str, dataset: str, seen: str) -> None:
    """Leaves the dataset without a champion, if it still is the run ``seen``. Repeatable."""
    delete_if(dynamodb, table, dataset_key(dataset), "run_id", seen)


def delete_if(dynamodb: DynamoDBClient, table: str, key: dict[str, dict[str, str]], name: str, value: str) -> None:
    """Deletes an item whose attribute has a value; leaves any other alone."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.delete_item(
            TableName=table,
            Key=key,
            ConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"S": value}},
        )


def _replace_champion(
    dynamodb: DynamoDBClient,
    table: str,
    dataset: str,
    new: Champion,
    seen: str | None,
    at: str,
    remarks: dict[str, Any] | None = None,
) -> None:
    try:
        dynamodb.put_item(
            TableName=table,
            Item={
                **dataset_key(dataset),
                VERSION_KEY: {"N": str(MESSAGE_VERSION)},
                "run_id": {"S": new.run_id},
                "config_name": {"S": new.config_name},
                **{name: {"S": getattr(new, name)} for name in _OPTIONAL},
                "since": {"S": at},
                "history": {"S": json.dumps([asdict(past) for past in new.history])},
                **({"previous_run_id": {"S": seen}} if seen else {}),
                **(remarks or {}),
            },
            ConditionExpression="attribute_not_exists(pk)" if seen is None else "run_id = :seen",
            **({"ExpressionAttributeValues": {":seen": {"S": seen}}} if seen else {}),  # type: ignore[arg-type]
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise ChampionChangedError(dataset, seen) from error


BY_DATASET: Final = "by_dataset"
BY_RUNNING: Final = "by_running"
"""Of runs that go on, or for which something is due: a claim has the index's key, and what is done last removes it."""


@dataclass(frozen=True)
class Claim:
    """What a run's item says of the object that it is about, and of who owns it.

    Attributes:
        run: as the state machine sends it to each function; None in items of older versions of the state machine.
        restoration: how far the way back of its endpoint had come when it was last looked at.
    """

    run_id: str
    status: str
    key: str
    etag: str
    version_id: str | None
    execution_arn: str
    run: Run | None = None
    restoration: Restoration | None = None


def _claim(item: Mapping[str, Any]) -> Claim:
    text = {name: value["S"] for name, value in item.items() if "S" in value}
    return Claim(
        text["pk"].removeprefix("RUN#"),
        text.get("status", ""),
        text.get("object_key", ""),
        text.get("etag", ""),
        text.get("version_id"),
        text.get("execution_arn", ""),
        read_stored(Run, text["run"]) if "run" in text else None,
        read_stored(Restoration, text["restoration"]) if "restoration" in text else None,
    )


def read_claim(dynamodb: DynamoDBClient, table: str, run_id: str) -> Claim | None:
    item = dynamodb.get_item(TableName=table, Key=run_key(run_id), ConsistentRead=True).get("Item")
    return _claim(item) if item else None


def claims_since(dynamodb: DynamoDBClient, table: str, dataset: str, since: str) -> Iterator[Claim]:
    """The dataset's claims, the newest first, back to those whose execution began at ``since`` (ISO 8601, UTC)."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName=BY_DATASET,
        KeyConditionExpression="dataset = :dataset AND started_at >= :since",
        ProjectionExpression="pk, #status, object_key, etag, version_id, execution_arn",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":dataset": {"S": dataset}, ":since": {"S": since}},
        ScanIndexForward=False,
    )
    return (_claim(item) for page in pages for item in page["Items"])


def running_runs(dynamodb: DynamoDBClient, table: str) -> Iterator[str]:
    """Ids of the runs that go on, or for which something is due.

    The index may lag: what is to be changed is read again first.
    """
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, IndexName=BY_RUNNING)
    return (item["pk"]["S"].removeprefix("RUN#") for page in pages for item in page["Items"])


def keep_restoration(dynamodb: DynamoDBClient, table: str, claim: Claim, restoration: Restoration) -> None:
    """Keeps how far the way back has come, for the next look; harmless where the run is another's by now."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key=run_key(claim.run_id),
            UpdateExpression="SET restoration = :found",
            ConditionExpression="execution_arn = :owner AND attribute_not_exists(finished_at)",
            ExpressionAttributeValues={
                ":found": {"S": stored_text(restoration)},
                ":owner": {"S": claim.execution_arn},
            },
        )


class Closing(StrEnum):
    """What closing a run came to."""

    CLOSED = "closed"
    AGAIN = "again"
    TOLD = "told"
    """It was closed before, and people were told."""
    FOREIGN = "foreign"


class Due(StrEnum):
    """What is still to be done for a run that is closed. Whoever does it says so by :func:`mark_done`."""

    NOTICE = "notice"
    MODEL = "model"
    """The model's entry in the registry."""
    PAGE = "page"


def close_run(dynamodb: DynamoDBClient, table: str, result: RunResult, asked: RecordRequest) -> Closing:
    """Writes how the run ended into its item, unless another execution owns it. Repeating it writes the same.

    The run stays among :func:`running_runs`, with what was asked, until all that is due is done.
    """
    run = asked.run
    due = [Due.NOTICE, Due.PAGE, *([Due.MODEL] if result.metrics else [])]
    try:
        before = dynamodb.update_item(
            TableName=table,
            Key=run_key(run.run_id),
            UpdateExpression=(
                "SET #status = :status, finished_at = :at, #result = :result, dataset = :dataset, execution_arn = :me, "
                "asked = :asked, due = :due, running_since = if_not_exists(running_since, :at) "
                "REMOVE restoration, question"
            ),
            ConditionExpression="attribute_not_exists(pk) OR execution_arn = :me",
            ExpressionAttributeNames={"#status": "status", "#result": "result"},
            ExpressionAttributeValues={
                ":status": {"S": result.outcome.value},
                ":at": {"S": result.finished_at},
                ":result": {"S": stored_text(result)},
                ":dataset": {"S": run.dataset},
                ":me": {"S": run.execution_arn},
                ":asked": {"S": stored_text(asked)},
                ":due": {"SS": [str(what) for what in due]},
            },
            ReturnValues="ALL_OLD",
        ).get("Attributes", {})
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return Closing.FOREIGN
    if before.get("status", {}).get("S") != result.outcome.value:
        return Closing.CLOSED
    return Closing.AGAIN if Due.NOTICE in before.get("due", {}).get("SS", ()) else Closing.TOLD


def mark_done(dynamodb: DynamoDBClient, table: str, run: Run, what: Due) -> None:
    """Says that something is not due any more. Harmless where another execution has taken the run up since."""
    mine = {":me": {"S": run.execution_arn}}
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        after = dynamodb.update_item(
            TableName=table,
            Key=run_key(run.run_id),
            UpdateExpression="DELETE due :what",
            ConditionExpression="execution_arn = :me AND attribute_exists(finished_at)",
            ExpressionAttributeValues={**mine, ":what": {"SS": [what.value]}},
            ReturnValues="ALL_NEW",
        )["Attributes"]
        if "due" not in after:
            forget_asked(dynamodb, table, run)


def forget_asked(dynamodb: DynamoDBClient, table: str, run: Run) -> None:
    """Takes a run for which nothing is due any more out of :func:`running_runs`."""
    with contextlib.suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(
            TableName=table,
            Key=run_key(run.run_id),
            UpdateExpression="REMOVE running_since, asked",
            ConditionExpression="execution_arn = :me AND attribute_exists(finished_at) AND attribute_not_exists(due)",
            ExpressionAttributeValues={":me": {"S": run.execution_arn}},
        )


@dataclass(frozen=True)
class Closed:
    """A run that is closed, and for which something is due.

    Attributes:
        asked: what its record was made of.
    """

    asked: RecordRequest
    result: RunResult
    due: frozenset[Due]


def read_closed(dynamodb: DynamoDBClient, table: str, run_id: str) -> Closed | None:
    """None if the run goes on, or all is done. What only a newer release can do is left to it."""
    item = dynamodb.get_item(TableName=table, Key=run_key(run_id), ConsistentRead=True).get("Item", {})
    if "asked" not in item:
        return None
    return Closed(
        read_stored(RecordRequest, item["asked"]["S"]),
        read_stored(RunResult, item["result"]["S"]),
        frozenset(Due(what) for what in item.get("due", {}).get("SS", ()) if what in Due),
    )
