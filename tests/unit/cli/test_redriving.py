from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from cli.connection import Connection
from sluice.messages import Outcome
from sluice.runs.aws.reconciliation import event_of
from tests.messages import GOOD, event

from .conftest import ACCOUNT, DATASET, FIRST, INBOX, OUTPUTS, REGION, SECOND, World
from .test_dropping import ends
from .test_runs import NEW, OLD

ROUND = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-Reconcile"
MACHINE = OUTPUTS["StateMachineArn"]


class DoesNotExistError(Exception):
    pass


@dataclass
class Executions:
    """Step Functions with the parts that moto lacks."""

    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)
    refuses: str = ""
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(ExecutionDoesNotExist=DoesNotExistError))

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        try:
            return self.described[executionArn]
        except KeyError:
            raise DoesNotExistError from None

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: A002, N803
        assert stateMachineArn == MACHINE
        if self.refuses and self.refuses in input:
            raise RuntimeError("not now")
        self.started.append(input)
        return {"executionArn": arn(f"again-{len(self.started)}"), "startDate": datetime.now(UTC)}

    def redrive_execution(self, *, executionArn: str) -> None:  # noqa: N803
        self.redriven.append(executionArn)


def arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:pipeline:{name}"


@pytest.fixture
def executions(world: World, monkeypatch: pytest.MonkeyPatch) -> Executions:
    found = Executions()
    monkeypatch.setattr(Connection, "stepfunctions", found)
    return found


@dataclass
class Queues:
    sqs: Any
    invoked: list[dict[str, Any]]

    def send(self, name: str, body: str, **attributes: str) -> None:
        told = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        self.sqs.send_message(QueueUrl=OUTPUTS[f"{name}DeadLettersUrl"], MessageBody=body, MessageAttributes=told)

    def waiting(self, name: str) -> list[str]:
        """Bodies that somebody else could get now."""
        url = OUTPUTS[f"{name}DeadLettersUrl"]
        found = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", [])]


@pytest.fixture
def queues(executions: Executions, monkeypatch: pytest.MonkeyPatch) -> Queues:
    sqs = boto3.client("sqs")
    for name in ("uploads", "rounds"):
        sqs.create_queue(QueueName=name)
    invoked: list[dict[str, Any]] = []
    function = SimpleNamespace(invoke=lambda **asked: invoked.append(asked))
    client = Connection.client
    monkeypatch.setattr(
        Connection, "client", lambda self, service: function if service == "lambda" else client(self, service)
    )
    return Queues(sqs, invoked)


def uploaded(key: str = "incoming/churn/a.csv", bucket: str = INBOX) -> str:
    told = event("object_created")
    told["detail"]["bucket"]["name"], told["detail"]["object"]["key"] = bucket, key
    return json.dumps(told)


def test_every_event_of_the_queue_starts_the_pipeline_and_leaves_the_queue(
    world: World, queues: Queues, executions: Executions
) -> None:
    keys = [f"incoming/churn/{number}.csv" for number in range(12)]  # more than a call of SQS gives
    for key in keys:
        queues.send("Upload", uploaded(key))
    found = world.document("redrive")
    assert sorted(found["uploads"]) == sorted(keys)
    assert sorted(executions.started) == sorted(uploaded(key) for key in keys)
    assert queues.waiting("Upload") == []
    assert "No event waits" in world.call("redrive").stdout


@pytest.mark.parametrize("body", ["no JSON", "[]", "{}", uploaded(bucket="another"), '{"detail": null}'])
def test_a_message_that_is_no_upload_stays_and_is_named_and_the_others_go(
    world: World, queues: Queues, executions: Executions, body: str
) -> None:
    queues.send("Upload", body)
    queues.send("Upload", uploaded())
    called = world.call("redrive")
    assert called.exit_code == 1
    assert "stays in the queue: it is not the event of an upload to inbox" in called.stderr
    assert executions.started == [uploaded()]
    assert queues.waiting("Upload") == [body]


def test_an_event_that_the_pipeline_does_not_take_stays(world: World, queues: Queues, executions: Executions) -> None:
    executions.refuses = "incoming/churn"
    queues.send("Upload", uploaded())
    assert world.call("redrive").exit_code != 0
    assert queues.waiting("Upload") == [uploaded()]


def test_a_round_is_called_again_whoever_put_it_into_the_queue(world: World, queues: Queues) -> None:
    scheduled = event("reconcile")
    queues.send("Round", json.dumps(scheduled), TARGET_ARN=ROUND)
    record = {"requestContext": {"functionArn": f"{ROUND}:$LATEST"}, "requestPayload": scheduled}
    queues.send("Round", json.dumps(record))
    called = world.call("redrive")
    assert called.exit_code == 0, called.stderr
    assert called.stdout.count("called     sluice-Reconcile") == 2
    assert ACCOUNT not in called.output
    for asked in queues.invoked:
        assert (asked["FunctionName"], asked["InvocationType"]) == (ROUND, "Event")
        assert json.loads(asked["Payload"]) == scheduled
    assert queues.waiting("Round") == []


def test_a_round_that_names_no_function_stays(world: World, queues: Queues) -> None:
    queues.send("Round", "{}")
    assert world.document("redrive", status=1)["left"][0]["why"] == "it names no function that was called"
    assert queues.waiting("Round") == ["{}"]


def test_a_run_that_a_fault_stopped_begins_again_with_the_same_event(world: World, executions: Executions) -> None:
    world.finish(FIRST, OLD, Outcome.ERROR)
    executions.described[arn(f"of-{FIRST}")] = {"status": "FAILED", "input": "the event", "redriveStatus": "REDRIVABLE"}
    called = world.call("redrive", FIRST)
    assert called.exit_code == 0, called.stderr
    assert called.stdout == (f"run {FIRST} of dataset {DATASET} restarts; to see its progress: sluice show {FIRST}\n")
    assert (executions.started, executions.redriven) == (["the event"], [])


def test_a_run_whose_execution_is_forgotten_begins_again_from_the_ledger_alone(
    world: World, executions: Executions
) -> None:
    world.claim(FIRST, OLD, status="error", run=GOOD.run.model_dump_json())
    assert world.document("redrive", FIRST)["execution"] == "again-1"
    assert json.loads(executions.started[0]) == event_of(GOOD.run, "redriven")
    world.claim(SECOND, NEW, status="error")
    called = world.call("redrive", SECOND)
    assert called.exit_code == 1
    assert "drop its file again" in called.stderr


def test_of_a_dataset_the_newest_run_that_a_fault_stopped_is_meant(world: World, executions: Executions) -> None:
    assert "No fault stopped a run of dataset" in world.call("redrive", DATASET).stderr
    for run_id, at in ((FIRST, OLD), (SECOND, NEW)):
        world.finish(run_id, at, Outcome.ERROR)
        executions.described[arn(f"of-{run_id}")] = {"status": "FAILED", "input": run_id}
    world.finish("3" * 12, "2026-11-30T09:00:00Z", Outcome.DEPLOYED)
    assert world.document("redrive", DATASET)["run_id"] == SECOND
    assert executions.started == [SECOND]


@pytest.mark.parametrize("outcome", [Outcome.DATASET_REJECTED, Outcome.MODEL_REJECTED, Outcome.TRAINING_FAILED])
def test_a_run_that_was_rejected_is_refused_with_the_way_out(
    world: World, executions: Executions, outcome: Outcome
) -> None:
    world.finish(FIRST, OLD, outcome)
    called = world.call("redrive", FIRST)
    assert called.exit_code == 1
    assert f"ended as {outcome.value.replace('_', ' ')}" in called.stderr
    assert f"sluice drop FILE --dataset {DATASET}" in called.stderr
    assert executions.started == []


def test_a_run_that_was_deployed_is_done(world: World, executions: Executions) -> None:
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    assert "nothing to restart" in world.call("redrive", FIRST).stderr


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_an_execution_that_was_cut_off_goes_on_where_it_stood(
    world: World, executions: Executions, status: str
) -> None:
    world.claim(FIRST, OLD)
    executions.described[arn(f"of-{FIRST}")] = {"status": status, "redriveStatus": "REDRIVABLE"}
    assert world.document("redrive", FIRST)["execution"] == f"of-{FIRST}"
    assert (executions.started, executions.redriven) == ([], [arn(f"of-{FIRST}")])


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"status": "RUNNING"}, "is still running"),
        ({"status": "FAILED", "redriveStatus": "REDRIVABLE"}, "within ten minutes"),  # it would end in the same state
        ({"status": "ABORTED", "redriveStatus": "NOT_REDRIVABLE"}, "within ten minutes"),
        ({"status": "ABORTED"}, "within ten minutes"),
        (None, "no longer exists"),
    ],
)
def test_a_run_that_is_not_closed_is_left_to_itself(
    world: World, executions: Executions, described: dict[str, Any] | None, words: str
) -> None:
    world.claim(FIRST, OLD)
    if described is not None:
        executions.described[arn(f"of-{FIRST}")] = described
    called = world.call("redrive", FIRST)
    assert called.exit_code == 1
    assert words in called.stderr
    assert (executions.started, executions.redriven) == ([], [])


def test_a_run_that_begins_again_can_be_followed(
    world: World, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.finish(FIRST, OLD, Outcome.ERROR)
    executions.described[arn(f"of-{FIRST}")] = {"status": "FAILED", "input": "the event"}
    ends(monkeypatch, "deployed")
    called = world.call("redrive", FIRST, "--follow")
    assert called.exit_code == 0, called.stderr
    assert "log loss" in called.stdout
    ends(monkeypatch, "model_rejected", "it learned nothing")
    assert world.call("redrive", FIRST, "-f").exit_code == 1


def test_all_that_waits_cannot_be_followed(world: World, executions: Executions) -> None:
    called = world.call("redrive", "--follow")
    assert called.exit_code == 2
    assert "name the run" in called.stderr
