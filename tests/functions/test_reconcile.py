"""A round of the reconciliation: what is missing is started, what was left open is closed, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.reconcile import app
from functions.record_outcome import app as recording
from functions.register_model import app as registering
from functions.render_report import app as rendering
from functions.restore_endpoint import app as restoring
from sluice.documents import read_stored
from sluice.endpoint.aws.turns import take_turn, turn_holder
from sluice.endpoint.restoration import MAX_ATTEMPTS
from sluice.layout import RunLayout
from sluice.messages import Run, RunResult
from sluice.names import dataset_of, run_id
from sluice.runs.aws.ledger import Deployed, claims_since, crown_champion, read_champion, running_runs
from sluice.runs.aws.reconciliation import GRACE, PATIENCE, WINDOW
from tests.functions.conftest import ARTIFACTS, INBOX, REGION, TABLE, Aws, Context, request
from tests.messages import GOOD

KEY = GOOD.run.key
DATASET = GOOD.run.dataset
CONFIG = f"sluice-{DATASET}-{GOOD.run.run_id}"
LATER = PATIENCE + timedelta(minutes=5)


class World:
    """The inbox, the ledger and Step Functions. Functions that are asked are those of the pipeline."""

    def __init__(self, aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws, self.context = aws, context
        self.stepfunctions = boto3.client("stepfunctions", region_name=REGION)
        self.machine = self.stepfunctions.create_state_machine(
            name="sluice-pipeline", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
        )["stateMachineArn"]
        aws.s3.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
        monkeypatch.setattr(app.functions, "invoke", self._invoke)
        self.handlers: dict[str, Callable[..., Any]] = {
            "restore": restoring.handler,
            "record": recording.handler,
            "register": registering.handler,
            "render": rendering.handler,
        }

    def _invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        try:
            answer = self.handlers[FunctionName.rpartition(":")[2]](json.loads(Payload), self.context)
        except Exception as error:  # noqa: BLE001 - Lambda answers any exception of a function so
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def round(self, later: timedelta = LATER) -> dict[str, int]:
        """A round as of a moment from now."""
        event = {**request("reconcile"), "time": f"{datetime.now(UTC) + later:%Y-%m-%dT%H:%M:%SZ}"}
        return app.handler(event, self.context)

    def put(self, key: str, body: str = "a,b\n1,2\n") -> str:
        """Returns: the version's id."""
        return str(self.aws.s3.put_object(Bucket=INBOX, Key=key, Body=body)["VersionId"])

    def executions(self) -> list[str]:
        listed = self.stepfunctions.list_executions(stateMachineArn=self.machine)["executions"]
        return [item["executionArn"] for item in listed]

    def inputs(self) -> list[dict[str, Any]]:
        """Events of all executions, by key."""
        found = [self.stepfunctions.describe_execution(executionArn=arn)["input"] for arn in self.executions()]
        return sorted((json.loads(text) for text in found), key=lambda event: str(event["detail"]["object"]["key"]))

    def started(self) -> list[str]:
        return [event["detail"]["object"]["key"] for event in self.inputs()]

    def claim(self, key: str, version_id: str | None, etag: str = "e", **more: str) -> str:
        """An item as the state machine's claim writes it. Returns: the run's id."""
        named = run_id(INBOX, key, version_id or etag)
        version: Any = {"S": version_id} if version_id else {"NULL": True}
        text = {
            "pk": f"RUN#{named}", "run_id": named, "status": "deployed", "dataset": dataset_of(key), "object_key": key,
            "etag": etag, "execution_arn": "arn", "started_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}", **more,
        }  # fmt: skip
        self.aws.dynamodb.put_item(
            TableName=TABLE, Item={**{name: {"S": value} for name, value in text.items()}, "version_id": version}
        )
        return named

    def run(self) -> Run:
        """A run that goes on, with its execution."""
        version = self.put(KEY)
        arn = self.stepfunctions.start_execution(stateMachineArn=self.machine, input="{}")["executionArn"]
        named = run_id(INBOX, KEY, version)
        run = GOOD.run.model_copy(update={"run_id": named, "version_id": version, "execution_arn": arn})
        self.claim(
            KEY, version, status="running", execution_arn=arn, run=run.model_dump_json(), running_since=run.started_at
        )
        return run

    def stop(self, run: Run) -> None:
        self.stepfunctions.stop_execution(executionArn=run.execution_arn)

    def item(self, run: Run) -> dict[str, Any]:
        return dict(self.aws.dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": f"RUN#{run.run_id}"}})["Item"])

    def result(self, run: Run) -> RunResult:
        return read_stored(RunResult, self.item(run)["result"]["S"])


@pytest.fixture
def world(aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(aws, context, monkeypatch)


def test_a_file_that_no_run_claimed_is_started_once_with_an_event_like_that_of_s3(world: World) -> None:
    version = world.put(KEY)
    assert world.round()["started"] == 1
    (event,) = world.inputs()
    head = world.aws.s3.head_object(Bucket=INBOX, Key=KEY)
    assert event["detail"] == {
        "version": "0",
        "bucket": {"name": INBOX},
        "object": {
            "key": KEY, "size": head["ContentLength"], "etag": head["ETag"].strip('"'), "version-id": version,
        },
        "reason": "reconciled",
    }  # fmt: skip
    assert event["time"] == f"{head['LastModified']:%Y-%m-%dT%H:%M:%SZ}"
    world.round()
    (execution,) = world.executions()
    world.stepfunctions.stop_execution(executionArn=execution)
    assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 0}
    assert world.executions() == [execution]


def test_a_file_is_given_time_and_an_old_one_is_missed_by_nobody(world: World) -> None:
    world.put(KEY)
    assert world.round(PATIENCE - timedelta(minutes=1))["started"] == 0
    assert world.round(WINDOW + timedelta(minutes=1))["started"] == 0
    assert world.started() == []


def test_what_a_run_has_claimed_is_left_alone_whatever_became_of_it(world: World) -> None:
    version = world.put(KEY)
    world.claim(KEY, version, status="error")
    assert world.round()["started"] == 0


def test_a_claim_without_a_version_is_about_the_content(world: World) -> None:
    world.put(KEY)
    etag = world.aws.s3.head_object(Bucket=INBOX, Key=KEY)["ETag"].strip('"')
    world.claim(KEY, None, etag)
    assert world.round()["started"] == 0
    world.put(KEY, "other\n")
    assert world.round()["started"] == 1


def test_the_same_content_dropped_again_is_another_version_and_started(world: World) -> None:
    etag = world.aws.s3.put_object(Bucket=INBOX, Key=KEY, Body="x")["ETag"].strip('"')
    world.claim(KEY, "an older version", etag)
    assert world.round()["started"] == 1


def test_only_what_lies_there_now_is_started_and_nothing_that_is_no_data(world: World) -> None:
    world.put(KEY, "old\n")
    newest = world.put(KEY, "new\n")
    world.put("incoming/gone/a.csv")
    world.aws.s3.delete_object(Bucket=INBOX, Key="incoming/gone/a.csv")
    for key in ("incoming/churn/", "incoming/churn/.DS_Store", "datasets/churn/config.yaml"):
        world.put(key)
    assert world.round()["started"] == 1
    (event,) = world.inputs()
    assert event["detail"]["object"]["version-id"] == newest


def test_the_ledger_is_asked_once_a_dataset(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        for folder in ("a", "B c"):
            world.put(f"incoming/{folder}/{number}.csv")
    asked: list[str] = []

    def count(dynamodb: Any, table: str, dataset: str, since: str) -> Any:
        asked.append(dataset)
        return claims_since(dynamodb, table, dataset, since)

    monkeypatch.setattr("sluice.runs.aws.reconciliation.claims_since", count)
    assert world.round()["started"] == 6
    assert sorted(asked) == sorted({dataset_of("incoming/a/x"), dataset_of("incoming/B c/x")})


def test_a_fault_with_one_file_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    for folder in ("a", "b", "c"):
        world.put(f"incoming/{folder}/x.csv")
    start = app.stepfunctions.start_execution

    def refuse_b(**asked: Any) -> Any:
        if "incoming/b/" in asked["input"]:
            raise RuntimeError("refused")
        return start(**asked)

    monkeypatch.setattr(app.stepfunctions, "start_execution", refuse_b)
    assert world.round() == {"started": 2, "closed": 0, "finished": 0, "faults": 1}
    assert world.started() == ["incoming/a/x.csv", "incoming/c/x.csv"]
    assert "refused" in log.getvalue()
    monkeypatch.setattr(app.stepfunctions, "start_execution", start)
    world.round()
    assert world.started() == ["incoming/a/x.csv", "incoming/b/x.csv", "incoming/c/x.csv"]


def test_a_run_whose_execution_was_stopped_is_closed_as_its_own_last_state_would_have(world: World) -> None:
    run = world.run()
    take_turn(world.aws.dynamodb, TABLE, DATASET, run.execution_arn, 0.0)
    world.stop(run)
    assert world.round() == {"started": 0, "closed": 1, "finished": 1, "faults": 0}
    result = world.result(run)
    assert result.outcome == "error"
    first, second = result.reasons
    assert "somebody stopped it" in first
    assert f"sluice redrive {run.run_id}" in second
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) is None
    prefix = f"{DATASET}/runs/{run.run_id}/"
    assert {f"{prefix}{name}" for name in ("outcome.json", "decision.json", "report.html")} <= world.aws.stored()
    assert not {"running_since", "asked", "due"} & world.item(run).keys()
    assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 0}


def test_a_run_that_goes_on_is_left_alone_and_so_is_one_that_has_only_just_ended(world: World) -> None:
    run = world.run()
    assert world.round()["closed"] == 0
    world.stop(run)
    assert world.round(GRACE - timedelta(minutes=1))["closed"] == 0
    assert list(running_runs(world.aws.dynamodb, TABLE)) == [run.run_id]


def test_an_execution_that_step_functions_has_forgotten_has_ended(world: World) -> None:
    run = world.run()
    gone = f"{run.execution_arn}-gone"
    forgotten = run.model_copy(update={"execution_arn": gone})
    world.claim(
        KEY, run.version_id, status="running", execution_arn=gone, running_since="x", run=forgotten.model_dump_json()
    )
    assert world.round()["closed"] == 1
    assert "does not know it" in world.result(run).reasons[0]


def test_an_index_that_lags_closes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = world.run()
    world.stop(run)
    world.round()
    monkeypatch.setattr(app, "running_runs", lambda *_: iter([run.run_id, "0" * 12]))
    before = world.item(run)
    assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 0}
    assert world.item(run) == before


def test_a_change_of_the_endpoint_that_was_left_half_done_is_taken_back_before_the_run_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run()
    crown_champion(world.aws.dynamodb, TABLE, DATASET, Deployed("000000000001", "old"), None, "2026-01-01")
    world.aws.put(ARTIFACTS, RunLayout(DATASET, "000000000001").config, "{}")
    take_turn(world.aws.dynamodb, TABLE, DATASET, run.execution_arn, 0.0)
    live = {"EndpointStatus": "InService", "EndpointConfigName": f"sluice-{DATASET}-{run.run_id}"}
    monkeypatch.setattr(restoring, "describe_endpoint", lambda *_: live)
    updates: list[str] = []

    def update(**asked: str) -> None:
        updates.append(asked["EndpointConfigName"])

    monkeypatch.setattr(restoring.sagemaker, "update_endpoint", update)
    world.stop(run)
    for _ in range(2):  # the first update back does not hold
        assert world.round()["closed"] == 0
    assert updates == ["old", "old"]
    assert world.item(run)["status"] == {"S": "running"}
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) == run.execution_arn
    live["EndpointConfigName"] = "old"
    assert world.round()["closed"] == 1
    assert "old is live" in world.result(run).reasons[-1]
    assert "restoration" not in world.item(run)


def test_an_endpoint_that_does_not_go_back_is_left_to_a_person_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run()
    crown_champion(world.aws.dynamodb, TABLE, DATASET, Deployed("000000000001", "old"), None, "2026-01-01")
    take_turn(world.aws.dynamodb, TABLE, DATASET, run.execution_arn, 0.0)
    live = {"EndpointStatus": "InService", "EndpointConfigName": f"sluice-{DATASET}-{run.run_id}"}
    monkeypatch.setattr(restoring, "describe_endpoint", lambda *_: live)
    monkeypatch.setattr(restoring.sagemaker, "update_endpoint", lambda **_: None)
    world.stop(run)
    rounds = [world.round()["closed"] for _ in range(MAX_ATTEMPTS + 1)]
    assert rounds == [0] * MAX_ATTEMPTS + [1]
    assert "look at it in SageMaker's console" in world.result(run).reasons[-1]


def test_a_run_that_is_live_already_keeps_its_place(world: World) -> None:
    run = world.run()
    crown_champion(world.aws.dynamodb, TABLE, DATASET, Deployed.of(run, CONFIG), None, "2026-01-01")
    take_turn(world.aws.dynamodb, TABLE, DATASET, run.execution_arn, 0.0)
    world.stop(run)
    assert world.round()["closed"] == 1
    assert "model is live" in world.result(run).reasons[0]
    champion = read_champion(world.aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert champion.run_id == run.run_id


def test_what_failed_after_a_run_was_closed_is_done_and_one_failure_keeps_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run()
    world.stop(run)
    world.aws.put(ARTIFACTS, world.aws.layout.config, "{}")
    published: list[str] = []

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "not now"}}, "Publish")

    def publish(**asked: Any) -> None:
        published.append(asked["Message"])

    with monkeypatch.context() as patched:
        patched.setattr(recording.sns, "publish", refuse)
        done = recording.handler(request("record_outcome", run=run.model_dump(mode="json")), world.context)
        assert done["outcome"] == "deployed"
        assert world.item(run)["due"]["SS"] == ["notice", "page", "model"]
        assert world.round(GRACE - timedelta(minutes=1))["finished"] == 0, "its own execution may still be at it"
        assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 1}
    assert world.item(run)["due"]["SS"] == ["notice"]
    report = f"{DATASET}/runs/{run.run_id}/report.html"
    assert report in world.aws.stored()
    assert [package["ModelPackageVersion"] for package in packages(world)] == [1]
    monkeypatch.setattr(recording.sns, "publish", publish)
    assert world.round() == {"started": 0, "closed": 0, "finished": 1, "faults": 0}
    assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 0}
    (message,) = published
    assert run.run_id in message
    assert not {"running_since", "asked", "due"} & world.item(run).keys()


def unfinished(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that is live, and for which nothing was done after its record."""
    run = world.run()
    world.stop(run)
    world.aws.put(ARTIFACTS, world.aws.layout.config, "{}")
    with monkeypatch.context() as patched:
        patched.setattr(recording, "tell", lambda *_: None)
        recording.handler(request("record_outcome", run=run.model_dump(mode="json")), world.context)
    return run


def test_what_cannot_be_done_in_two_weeks_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    run = unfinished(world, monkeypatch)
    world.handlers.clear()
    assert world.round()["faults"] == 1
    assert world.round(WINDOW + timedelta(minutes=1)) == {"started": 0, "closed": 0, "finished": 0, "faults": 0}
    assert "given up" in log.getvalue()
    assert not {"running_since", "asked", "due"} & world.item(run).keys()


def test_a_page_without_its_outcome_is_not_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = unfinished(world, monkeypatch)
    world.aws.s3.delete_object(Bucket=ARTIFACTS, Key=f"{DATASET}/runs/{run.run_id}/outcome.json")
    world.round()
    assert "due" not in world.item(run)
    assert f"{DATASET}/runs/{run.run_id}/report.html" not in world.aws.stored()


def test_a_model_that_was_replaced_before_it_was_registered_is_not_the_newest_approved_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = unfinished(world, monkeypatch)
    newer = Deployed("000000000009", "newer", "2099-01-01")
    crown_champion(world.aws.dynamodb, TABLE, DATASET, newer, run.run_id, "2099-01-01")
    assert world.round()["finished"] == 1
    assert [package["ModelApprovalStatus"] for package in packages(world)] == ["PendingManualApproval"]


def packages(world: World) -> list[Any]:
    sagemaker = boto3.client("sagemaker", region_name=REGION)
    return list(sagemaker.list_model_packages(ModelPackageGroupName=f"sluice-{DATASET}")["ModelPackageSummaryList"])


def test_a_function_that_fails_leaves_the_run_for_the_next_round(
    world: World, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    run = world.run()
    world.stop(run)
    failed = {
        "Payload": io.BytesIO(b'{"errorType": "ClientError", "errorMessage": "no"}'),
        "FunctionError": "Unhandled",
    }
    with monkeypatch.context() as patched:
        patched.setattr(app.functions, "invoke", lambda **_: failed)
        assert world.round() == {"started": 0, "closed": 0, "finished": 0, "faults": 1}
    assert "restore: ClientError" in log.getvalue()
    assert world.round()["closed"] == 1


def test_a_round_says_what_it_did(world: World, capsys: pytest.CaptureFixture[str], log: io.StringIO) -> None:
    world.put(KEY)
    world.round()
    last = json.loads(log.getvalue().splitlines()[-1])
    assert {name: last[name] for name in ("message", "started", "closed", "finished", "faults")} == {
        "message": "reconciled", "started": 1, "closed": 0, "finished": 0, "faults": 0,
    }  # fmt: skip
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Reconciled"' in line]
    assert (metric["dataset"], metric["kind"], metric["Reconciled"]) == (DATASET, "started", [1.0])


def test_the_round_of_the_event_finds_nothing_in_an_empty_world(world: World) -> None:
    assert app.handler(request("reconcile"), world.context) == {"started": 0, "closed": 0, "finished": 0, "faults": 0}
    assert world.aws.s3.list_objects_v2(Bucket=ARTIFACTS).get("Contents") is None
