"""Runs as the ledger has them. The table's name and the client come first."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cli.failure import AnswerIsNoError, CommandError
from cli.output import Output, moment, number, table
from sluice.names import is_run_id
from sluice.runs.statuses import AWAITING_APPROVAL, OPEN, RUNNING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from cli.connection import Connection
    from cli.stack import Stack
    from sluice.messages import RunResult
    from sluice.runs.approval import Question

DEPLOYED: Final = "deployed"
ERROR: Final = "error"
_BY_DATASET: Final = "by_dataset"
_STATES: Final = {AWAITING_APPROVAL: "waits for approval"}


@dataclass(frozen=True)
class Run:
    """The item of a run.

    Attributes:
        status: ``queued``, ``running``, ``awaiting_approval`` or the outcome.
        result: None until the run is closed.
        question: what a person is asked while the run waits for an approval, as JSON; otherwise None.
    """

    run_id: str
    status: str
    dataset: str
    bucket: str
    key: str
    etag: str
    sequencer: str
    execution_arn: str
    started_at: str
    finished_at: str | None
    result: Mapping[str, Any] | None
    question: str | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Run:
        """From an item; one that was closed without a claim lacks what the claim says."""
        text = {name: value["S"] for name, value in item.items() if "S" in value}
        return cls(
            run_id=text["pk"].removeprefix("RUN#"),
            status=text.get("status", RUNNING),
            dataset=text.get("dataset", ""),
            bucket=text.get("bucket", ""),
            key=text.get("object_key", ""),
            etag=text.get("etag", ""),
            sequencer=text.get("sequencer", ""),
            execution_arn=text.get("execution_arn", ""),
            started_at=text.get("started_at", ""),
            finished_at=text.get("finished_at"),
            result=json.loads(text["result"]) if "result" in text else None,
            question=text.get("question"),
        )

    @property
    def execution(self) -> str:
        """Its name, because the ARN has the account's id."""
        return self.execution_arn.rpartition(":")[2]

    @property
    def goes_on(self) -> bool:
        return self.status in OPEN

    @property
    def state(self) -> str:
        """Its status in words."""
        return _STATES.get(self.status) or self.status.replace("_", " ")

    def asked(self) -> Question | None:
        from sluice.runs.approval import Question

        return Question.read(self.question) if self.question is not None else None

    @property
    def log_loss(self) -> float | None:
        """None if nothing was measured, or the target is a number."""
        return self._measured().get("log_loss")

    @property
    def rmse(self) -> float | None:
        """The same of a target of numbers, in its unit."""
        return self._measured().get("rmse")

    def _measured(self) -> dict[str, Any]:
        return (self.result or json.loads(self.question or "{}")).get("metrics") or {}

    @property
    def loss(self) -> str:
        """By what models are told first, in words; blank if nothing was measured."""
        if self.rmse is not None:
            return f"RMSE {self.rmse:.5g}"
        return "" if self.log_loss is None else f"log loss {self.log_loss:.4f}"

    def closed(self) -> RunResult | None:
        from sluice.documents import read_stored
        from sluice.messages import RunResult

        return read_stored(RunResult, self.result) if self.result is not None else None

    def as_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "dataset": self.dataset,
            "file": self.key,
            "outcome": self.status,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "log_loss": self.log_loss,
            "rmse": self.rmse,
        }


def find_run(dynamodb: DynamoDBClient, table_name: str, run_id: str) -> Run | None:
    from sluice.runs.aws.ledger import run_key

    item = dynamodb.get_item(TableName=table_name, Key=run_key(run_id), ConsistentRead=True).get("Item")
    return Run.of(item) if item else None


def the_run(connection: Connection, stack: Stack, run_id: str) -> Run:
    """Raises: CommandError if ``run_id`` is no id of a run, or there is no such run."""
    from cli.suggesting import run_hint

    check_run_id(run_id)
    run = find_run(connection.dynamodb, stack.runs_table, run_id)
    if run is None:
        hint = run_hint(connection, stack, run_id)
        raise AnswerIsNoError(f"There is no run {run_id} in this stack; `sluice runs` lists all.{hint}")
    return run


def check_run_id(text: str) -> None:
    """Raises: CommandError."""
    if not is_run_id(text):
        raise CommandError(f"{text!r} is not the id of a run, which has 12 hex digits; `sluice runs` lists the ids.")


def runs_of(dynamodb: DynamoDBClient, table_name: str, dataset: str) -> Iterator[Run]:
    """The newest first. Fetches only the pages that the caller reads."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table_name,
        IndexName=_BY_DATASET,
        KeyConditionExpression="dataset = :dataset",
        ExpressionAttributeValues={":dataset": {"S": dataset}},
        ScanIndexForward=False,
    )
    return (Run.of(item) for page in pages for item in page["Items"])


def newest_runs(dynamodb: DynamoDBClient, table_name: str, limit: int) -> list[Run]:
    """The newest runs of all datasets."""
    return heapq.nlargest(limit, all_runs(dynamodb, table_name), key=lambda run: run.started_at)


def all_runs(dynamodb: DynamoDBClient, table_name: str) -> Iterator[Run]:
    """In any order, by a scan: the table is keyed by run, and holds few items for each."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table_name,
        FilterExpression="begins_with(pk, :run)",
        ExpressionAttributeValues={":run": {"S": "RUN#"}},
    )
    return (Run.of(item) for page in pages for item in page["Items"])


def list_runs(connection: Connection, stack: Stack, dataset: str | None, limit: int, output: Output) -> None:
    """Prints runs, the newest first."""
    from cli.suggesting import dataset_hint

    dynamodb, table_name = connection.dynamodb, stack.runs_table
    if dataset is None:
        found = newest_runs(dynamodb, table_name, limit)
    else:
        found = list(itertools.islice(runs_of(dynamodb, table_name, dataset), limit))
    output.document({"runs": [run.as_json() for run in found]})
    if not found:
        hint = dataset_hint(connection, stack, dataset) if dataset else ""
        output.say(
            f"There are no runs{f' of dataset {dataset}' if dataset else ''}; drop a file: sluice drop FILE{hint}"
        )
        return
    loss = "log loss" if all(run.rmse is None for run in found) else "log loss or RMSE"
    headings = ("run", "dataset", "file", "outcome", "started", loss)
    rows = [
        (
            run.run_id,
            run.dataset,
            run.key.rpartition("/")[2],
            run.state,
            moment(run.started_at),
            number(run.log_loss) if run.rmse is None else f"{run.rmse:.5g}",
        )
        for run in found
    ]
    output.print(table(headings, rows, right=(loss,)))
