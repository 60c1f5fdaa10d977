"""Events that get lost, late, doubled or out of order, executions that are stopped, poison: all end as they should."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from following.execution import executions
from following.result import validation_result
from sluice.endpoint.aws.turns import CLEANING, take_turn
from sluice.names import run_id
from sluice.runs.aws.ledger import read_claim
from sluice.runs.aws.reconciliation import Upload, created_event, uploads
from sluice.runs.statuses import OPEN
from tests.wire.grants import clients

from .conftest import LocalAws, learnable_rows, write_table
from .test_cli import HEADER, Command
from .test_deployment import Dataset, configured
from .test_pipeline import registered


class World:
    """The stack's inbox and its pipeline, with the way between them in the test's hands."""

    def __init__(self, local_aws: LocalAws, folder: Path) -> None:
        self.local, self.aws, self.outputs = local_aws, local_aws.aws, local_aws.outputs
        self.inbox, self.machine = self.outputs["InboxBucketName"], self.outputs["StateMachineArn"]
        self.folder = folder
        pages = self.aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName="sluice")
        self.ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }

    def client(self, service: str) -> Any:
        return clients(self.aws.endpoint_url)(service)

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Events of uploads are lost meanwhile."""
        events, rule = self.client("events"), self.ids["UploadRule"]
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)

    def configure(self, dataset: str) -> None:
        config = configured(self.folder, target="label").read_bytes()
        self.aws.s3.put_object(Bucket=self.inbox, Key=f"datasets/{dataset}/config.yaml", Body=config)

    def put(self, dataset: str, seed: int, rows: int = 300) -> Upload:
        """A table in the inbox, always under the same name."""
        key = f"incoming/{dataset}/table.csv"
        table = write_table(self.folder / f"{seed}.csv", HEADER, learnable_rows(rows, seed=seed))
        put = self.aws.s3.put_object(Bucket=self.inbox, Key=key, Body=table.read_bytes())
        now = datetime.now(UTC)
        return Upload(self.inbox, key, put["VersionId"], put["ETag"].strip('"'), table.stat().st_size, now)

    def deliver(self, upload: Upload, sequencer: str) -> str:
        """S3's own event of an upload. Returns: its execution."""
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        event = created_event(
            upload.bucket, upload.key, upload.version_id, upload.etag, upload.size, sequencer, at, "PutObject"
        )
        started = self.aws.stepfunctions.start_execution(stateMachineArn=self.machine, input=json.dumps(event))
        return started["executionArn"]

    def reconcile(self) -> dict[str, int]:
        """A round as of an hour from now: what came is old by then, and what ended has ended long ago."""
        at = datetime.now(UTC) + timedelta(hours=1)
        event = {"source": "aws.events", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        told = self.call("ReconcileFunction", event)
        assert told["faults"] == 0
        return told

    def call(self, function: str, event: dict[str, Any]) -> dict[str, int]:
        """Calls a function as its schedule does. Returns: what it answers."""
        answer = self.client("lambda").invoke(FunctionName=self.ids[function], Payload=json.dumps(event).encode())
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return dict(told)

    def execution(self, upload: Upload) -> str:
        """The one that the reconciliation started."""
        (arn,) = [arn for arn in executions(self.aws, self.machine) if arn.endswith(f":{upload.execution_name}")]
        return arn

    def outcome(self, arn: str) -> str:
        return str(self.local.result(self.local.follow(arn))["outcome"])

    def status(self, run: str) -> str | None:
        claim = read_claim(self.aws.dynamodb, self.outputs["RunsTableName"], run)
        return claim.status if claim else None

    def stopped(self, dataset: str, seed: int) -> Upload:
        """A run that a person stopped as soon as it had begun, and that was closed."""
        upload = self.put(dataset, seed)
        run = upload.run_id
        arn = self.owner(run)
        self.aws.stepfunctions.stop_execution(executionArn=arn, cause="a person")
        self.local.follow(arn)
        assert self.status(run) in OPEN
        assert self.reconcile()["closed"] >= 1
        assert self.status(run) == "error"
        return upload

    def owner(self, run: str) -> str:
        for arn in self._new_executions():
            event = json.loads(self.aws.stepfunctions.describe_execution(executionArn=arn)["input"])
            found = event["detail"]["object"]
            if run_id(self.inbox, found["key"], found["version-id"]) == run and self.status(run):
                return arn
        raise AssertionError(f"no execution of {run} began")

    def _new_executions(self) -> Iterator[str]:
        """Executions by and by, the newest first."""
        deadline = datetime.now(UTC) + timedelta(seconds=60)
        while datetime.now(UTC) < deadline:
            found = executions(self.aws, self.machine)
            yield from sorted(found, key=lambda arn: found[arn], reverse=True)[:5]


@pytest.fixture
def world(local_aws: LocalAws, tmp_path: Path) -> World:
    return World(local_aws, tmp_path)


@pytest.fixture
def sluice(local_aws: LocalAws) -> Command:
    return Command(local_aws)


def test_a_file_whose_event_is_lost_is_run_and_the_event_is_a_duplicate_when_it_comes_after_all(world: World) -> None:
    world.configure("lost")
    with world.deaf():
        upload = world.put("lost", seed=71)
    assert world.status(upload.run_id) is None
    assert world.reconcile()["started"] >= 1
    assert world.outcome(world.execution(upload)) == "deployed"
    late = world.local.follow(world.deliver(upload, "FFFF"))
    assert (late.status, (late.output or {})["outcome"]) == ("SUCCEEDED", "duplicate")
    world.reconcile()
    assert world.outcome(world.execution(upload)) == "deployed"


def test_the_event_of_s3_names_the_version_that_a_listing_shows(world: World) -> None:
    upload = world.put("named", seed=72)
    arn = world.owner(upload.run_id)
    event = json.loads(world.aws.stepfunctions.describe_execution(executionArn=arn)["input"])
    assert event["detail"]["object"]["version-id"] == upload.version_id
    hour = timedelta(hours=1)
    listed = uploads(world.aws.s3, world.inbox, upload.at - hour, upload.at + hour)
    assert (upload.key, upload.version_id) in [(found.key, found.version_id) for found in listed]
    world.local.follow(arn)


def test_a_run_that_a_person_stopped_is_closed_and_begins_again_where_it_stood(world: World, sluice: Command) -> None:
    world.configure("stopped")
    upload = world.stopped("stopped", seed=73)
    shown = sluice("show", upload.run_id).stdout
    assert "somebody stopped it" in shown
    assert f"sluice redrive {upload.run_id}" in shown
    again = sluice("redrive", "stopped", "--follow")
    assert again.returncode == 0, again.stderr
    assert world.status(upload.run_id) == "deployed"
    assert "nothing to restart" in sluice("redrive", upload.run_id).stderr


def test_the_event_of_a_run_that_was_stopped_takes_the_run_up_at_once(world: World) -> None:
    world.configure("taken")
    upload = world.put("taken", seed=91)
    stopped = world.owner(upload.run_id)
    world.aws.stepfunctions.stop_execution(executionArn=stopped)
    world.local.follow(stopped)
    assert world.status(upload.run_id) in OPEN
    assert world.outcome(world.deliver(upload, "00FF")) == "deployed"


def test_a_run_that_a_person_stopped_is_done_by_dropping_its_file_again(world: World, sluice: Command) -> None:
    world.configure("anew")
    upload = world.stopped("anew", seed=74)
    again = world.put("anew", seed=74)
    assert again.etag == upload.etag
    assert again.run_id != upload.run_id
    assert world.outcome(world.owner(again.run_id)) == "deployed"
    # The older version has nothing to add, and the sequencer tells.
    late = sluice("redrive", upload.run_id, "--follow")
    assert late.returncode == 1
    assert world.status(upload.run_id) == "superseded"


def test_a_file_that_is_overwritten_while_its_event_is_late_is_read_as_it_was_and_superseded(world: World) -> None:
    world.configure("overwritten")
    with world.deaf():
        older = world.put("overwritten", seed=75, rows=200)
        newer = world.put("overwritten", seed=76, rows=300)
    assert world.outcome(world.deliver(newer, "0000000B")) == "deployed"
    late = world.local.follow(world.deliver(older, "A"))
    assert world.local.result(late)["outcome"] == "superseded"
    validated = validation_result(late)
    assert validated is not None
    assert validated.rows.received == 200
    assert world.reconcile()["started"] == 0


def test_what_waits_in_the_dead_letter_queue_is_redriven_and_poison_is_named(world: World, sluice: Command) -> None:
    sqs, queue = world.client("sqs"), world.outputs["UploadDeadLettersUrl"]
    with world.deaf():
        upload = world.put("poisoned", seed=77)  # no target is named: refused, which is an end as well
    event = created_event(upload.bucket, upload.key, upload.version_id, upload.etag, upload.size, "1", "", "PutObject")
    for body in ("poison", json.dumps(event)):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    called = sluice("redrive")
    assert called.returncode == 1
    assert "stays in the queue: it is not the event of an upload" in called.stderr
    assert f"started    {upload.key}" in called.stdout
    world.local.follow(world.owner(upload.run_id))
    assert world.status(upload.run_id) == "deployed"
    (left,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert left["Body"] == "poison"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=left["ReceiptHandle"])


def test_a_round_that_failed_waits_in_its_queue_and_is_called_again(world: World, sluice: Command) -> None:
    sqs, queue = world.client("sqs"), world.outputs["RoundDeadLettersUrl"]
    function = world.client("lambda").get_function(FunctionName=world.ids["ReconcileFunction"])
    arn = function["Configuration"]["FunctionArn"]
    record = {"requestContext": {"functionArn": f"{arn}:$LATEST"}, "requestPayload": {"time": "2026-01-01T00:00:00Z"}}
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))
    called = sluice("redrive")
    assert called.returncode == 0, called.stderr
    assert "called     sluice-Reconcile" in called.stdout
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_page_and_a_place_in_the_registry_that_a_run_did_not_get_come_with_a_round(
    world: World, tmp_path: Path
) -> None:
    lambdas = world.client("lambda")
    unfinished = Dataset(world.local, tmp_path, "unfinished")
    functions = [world.ids[name] for name in ("RegisterModelFunction", "RenderReportFunction")]
    for name in functions:
        lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        result = unfinished.deployed()
    finally:
        for name in functions:
            lambdas.delete_function_concurrency(FunctionName=name)
    bucket, _, report = result["artifacts"]["report"].removeprefix("s3://").partition("/")
    with pytest.raises(world.aws.s3.exceptions.NoSuchKey):
        world.aws.s3.get_object(Bucket=bucket, Key=report)
    assert world.reconcile()["finished"] == 1
    assert b"is live behind the endpoint" in world.aws.s3.get_object(Bucket=bucket, Key=report)["Body"].read()
    assert registered(world.local, unfinished.endpoint) == [(1, "Approved")]
    assert world.reconcile()["finished"] == 0


def test_an_endpoint_that_nobody_calls_for_its_time_to_live_goes_with_the_daily_round(
    world: World, tmp_path: Path
) -> None:
    idle = Dataset(world.local, tmp_path, "idle", endpoint={"time_to_live_days": 1e-6})
    ended = idle.drop()
    # As if its clean-up had died before it could give the turn back.
    take_turn(world.aws.dynamodb, idle.table, idle.name, CLEANING + ended.arn, time.time())
    deadline = time.monotonic() + 60
    while idle.local.endpoints(idle.endpoint) and time.monotonic() < deadline:
        assert world.call("CleanUpFunction", {})["datasets"] >= 1
    assert idle.local.endpoints(idle.endpoint) == []
    assert idle.champion() is None
    assert idle.models() == []
