"""What nothing uses any more is removed, and nothing else: after a run, once a day, by a person, with the stack."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.clean_up import app as cleaning
from functions.tear_down import app as tearing
from sluice.aws.step import logger
from sluice.dataset.config import DatasetConfig
from sluice.endpoint.aws import teardown
from sluice.endpoint.aws.leftovers import datasets_with_endpoints
from sluice.endpoint.aws.operations import Clients, OperationRefusedError, StackNames, retire, roll_back
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.aws.teardown import Patience, delete_served
from sluice.endpoint.aws.turns import CLEANING, take_turn, turn_holder
from sluice.endpoint.verification import MAX_NOT_READY_SECONDS, NOT_READY_WAIT_SECONDS
from sluice.layout import RunLayout
from sluice.names import alarm_names
from sluice.runs.aws.ledger import Deployed, crown_champion, read_champion
from tests.functions.conftest import ARTIFACTS, REGION, TABLE, Aws, Context, request

DATASET = "breast-cancer"
NAME = f"sluice-{DATASET}"
RUNS = tuple(f"{number:012x}" for number in range(1, 7))
ROLE = "arn:aws:iam::123456789012:role/any"
STACK = StackNames(TABLE, ARTIFACTS, "sluice")


def tags(dataset: str = DATASET, prefix: str = "sluice") -> list[dict[str, str]]:
    return [{"Key": "sluice:name_prefix", "Value": prefix}, {"Key": "sluice:dataset", "Value": dataset}]


def make(aws: Aws, name: str, owner: list[dict[str, str]]) -> None:
    """A model and a configuration that serves it."""
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, Tags=owner)  # type: ignore[arg-type]
    variant = {"VariantName": "champion", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=owner)  # type: ignore[arg-type, list-item]


def config_name(run_id: str) -> str:
    return f"{NAME}-{run_id}"


class World:
    """A dataset with six runs deployed one after the other, an endpoint with the last, and alarms."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.cloudwatch = boto3.client("cloudwatch", region_name=REGION)
        seen = None
        for run_id in RUNS:
            make(aws, config_name(run_id), tags())
            crown_champion(aws.dynamodb, TABLE, DATASET, Deployed(run_id, config_name(run_id)), seen, "2026-01-01")
            self.configure(run_id, {})
            seen = run_id
        aws.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=config_name(RUNS[-1]), Tags=tags())  # type: ignore[arg-type]
        for alarm in alarm_names(NAME):
            self.cloudwatch.put_metric_alarm(
                AlarmName=alarm, Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
                Threshold=1, ComparisonOperator="GreaterThanThreshold",
            )  # fmt: skip
        self.clients = Clients.of(lambda service: boto3.client(service, region_name=REGION))  # type: ignore[call-overload]
        # moto knows neither updates of endpoints nor what they answer.
        self.endpoint: dict[str, Any] = {}
        monkeypatch.setattr(self.clients.sagemaker, "update_endpoint", self._update)
        self.scores = "0.25\n0.75\n"
        monkeypatch.setattr(
            self.clients.runtime, "invoke_endpoint", lambda **_: {"Body": io.BytesIO(self.scores.encode())}
        )
        describe = self.clients.sagemaker.describe_endpoint
        monkeypatch.setattr(
            self.clients.sagemaker, "describe_endpoint", lambda **asked: {**describe(**asked), **self.endpoint}
        )

    def _update(self, **asked: Any) -> None:
        self.endpoint = {"EndpointConfigName": asked["EndpointConfigName"]}

    def configure(self, run_id: str, endpoint: dict[str, Any]) -> None:
        layout = RunLayout(DATASET, run_id)
        self.aws.put(ARTIFACTS, layout.config, json.dumps({"endpoint": endpoint}))
        self.aws.put(ARTIFACTS, layout.golden, json.dumps({"rows": ["1", "2"], "scores": [0.25, 0.75]}))

    def configs(self) -> list[str]:
        return sorted(
            item["EndpointConfigName"] for item in self.aws.sagemaker.list_endpoint_configs()["EndpointConfigs"]
        )

    def models(self) -> list[str]:
        return sorted(item["ModelName"] for item in self.aws.sagemaker.list_models()["Models"])

    def endpoints(self) -> list[str]:
        return sorted(item["EndpointName"] for item in self.aws.sagemaker.list_endpoints()["Endpoints"])

    def alarms(self) -> list[str]:
        return sorted(item["AlarmName"] for item in self.cloudwatch.describe_alarms()["MetricAlarms"])


@pytest.fixture
def world(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(aws, monkeypatch)


def clean(context: Context) -> dict[str, Any]:
    body = request("clean_up")
    assert body["run"]["dataset"] == DATASET
    return dict(cleaning.handler(body, context))


def test_the_last_models_are_kept_and_older_ones_go(world: World, context: Context) -> None:
    answer = clean(context)
    kept = [config_name(run_id) for run_id in RUNS[-3:]]
    assert (world.configs(), world.models()) == (kept, kept)
    assert len(answer["removed"]) == 6
    assert world.endpoints() == [NAME]
    assert world.alarms() == sorted(alarm_names(NAME))


def test_how_many_are_kept_is_the_live_runs_to_say(world: World, context: Context) -> None:
    world.configure(RUNS[-1], {"keep": 2})
    clean(context)
    assert world.configs() == [config_name(run_id) for run_id in RUNS[-2:]]


def test_what_is_live_stays_even_where_the_ledger_has_forgotten_it(world: World, context: Context) -> None:
    world.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": f"DATASET#{DATASET}"}})
    clean(context)
    assert world.configs() == world.models() == [config_name(RUNS[-1])]


def test_what_others_made_stays(world: World, context: Context) -> None:
    others = {
        f"{NAME}-{'a' * 12}": tags(prefix="other"),
        f"{NAME}-{'b' * 12}": tags(dataset="other"),
        f"{NAME}-by-hand": tags(),
        f"{NAME}-{'c' * 12}-{'d' * 12}": tags(dataset=f"{DATASET}-{'c' * 12}"),
    }
    for name, owner in others.items():
        make(world.aws, name, owner)
    clean(context)
    assert set(others) < set(world.configs())
    assert set(others) < set(world.models())


def test_a_dataset_that_another_run_works_on_is_skipped(world: World, context: Context) -> None:
    take_turn(world.aws.dynamodb, TABLE, DATASET, "another", time.time())
    assert clean(context)["verdict"] == "skipped"
    assert len(world.configs()) == len(RUNS)


@pytest.mark.parametrize(
    ("prefix", "in_the_end"),
    [
        (CLEANING, "cleaned"),
        # What it left on the endpoint is put back first, and by the turn is known that there is something.
        ("", "skipped"),
    ],
)
def test_a_turn_is_taken_from_the_clean_up_of_an_execution_that_has_ended_and_from_no_other(
    world: World, context: Context, prefix: str, in_the_end: str
) -> None:
    stepfunctions = boto3.client("stepfunctions", region_name=REGION)
    role = "arn:aws:iam::123456789012:role/any"
    machine = stepfunctions.create_state_machine(name="pipeline", definition="{}", roleArn=role)["stateMachineArn"]
    holder = stepfunctions.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    take_turn(world.aws.dynamodb, TABLE, DATASET, prefix + holder, time.time())
    assert clean(context)["verdict"] == "skipped"
    stepfunctions.stop_execution(executionArn=holder)
    assert clean(context)["verdict"] == in_the_end
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) == (holder if in_the_end == "skipped" else None)


def test_the_turn_is_given_back(world: World, context: Context) -> None:
    clean(context)
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) is None


def test_alarms_without_an_endpoint_go(world: World, context: Context) -> None:
    world.aws.sagemaker.delete_endpoint(EndpointName=NAME)
    clean(context)
    assert world.alarms() == []


def scheduled(context: Context) -> int:
    return int(cleaning.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, context)["datasets"])


def test_the_daily_round_cleans_all_datasets(world: World, context: Context) -> None:
    assert scheduled(context) == 1
    assert len(world.configs()) == 3


def test_the_log_of_a_daily_round_names_no_run_of_an_earlier_call(world: World, context: Context) -> None:
    clean(context)
    assert "run_id" in logger.get_current_keys()
    scheduled(context)
    on_each_line = logger.get_current_keys()
    assert "run_id" not in on_each_line
    assert (on_each_line["dataset"], on_each_line["request_id"]) == (DATASET, context.aws_request_id)


def aged(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    found = datasets_with_endpoints

    def older(*arguments: Any) -> dict[str, dict[str, Any]]:
        then = datetime.now(UTC) - timedelta(days=days)
        return {name: {**item, "LastModifiedTime": then} for name, item in found(*arguments).items()}

    monkeypatch.setattr(cleaning, "datasets_with_endpoints", older)


@pytest.mark.parametrize(
    ("time_to_live", "age", "calls", "stays"),
    [(7, 8, 0, False), (7, 8, 1, True), (7, 6, 0, True), (None, 400, 0, True)],
)
def test_an_endpoint_that_nobody_called_for_its_time_to_live_is_retired(
    world: World,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    time_to_live: float | None,
    age: float,
    calls: int,
    stays: bool,
) -> None:
    world.configure(RUNS[-1], {"time_to_live_days": time_to_live} if time_to_live else {})
    aged(monkeypatch, age)
    if calls:
        dimensions = [{"Name": "EndpointName", "Value": NAME}, {"Name": "VariantName", "Value": "champion"}]
        world.cloudwatch.put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": "Invocations",
                    "Dimensions": dimensions,  # type: ignore[typeddict-item]
                    "Value": calls,
                    "Timestamp": datetime.now(UTC) - timedelta(hours=1),
                }
            ],
        )
    scheduled(context)
    assert (world.endpoints() == [NAME]) is stays
    assert (read_champion(world.aws.dynamodb, TABLE, DATASET) is not None) is stays
    if not stays:
        assert (world.configs(), world.models(), world.alarms()) == ([], [], [])


class Hurried(Context):
    """A function with no more time than it needs to clean up."""

    def get_remaining_time_in_millis(self) -> int:
        return 1000 * cleaning.CLEANING_SECONDS


def test_the_daily_round_does_not_wait_for_an_endpoint_until_its_function_is_cut_off(
    world: World, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def retire(*_: Any, patience: Patience, **__: Any) -> Any:
        seen.append(patience.left)
        raise OperationRefusedError("it is still being updated")

    monkeypatch.setattr(cleaning, "is_idle", lambda *_: True)
    with monkeypatch.context() as patched:
        patched.setattr(cleaning, "retire", retire)
        scheduled(context)
    assert 590 < seen[0] <= 600
    monkeypatch.setattr(cleaning, "clients", world.clients)
    world.endpoint = {"EndpointStatus": "SystemUpdating"}
    scheduled(Hurried())
    assert world.endpoints() == [NAME]
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) is None


def test_a_retirement_that_is_cut_off_leaves_no_champion_and_no_alarms(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(**_: Any) -> None:
        world.endpoint = {"EndpointStatus": "Deleting"}

    monkeypatch.setattr(world.clients.sagemaker, "delete_endpoint", delete)
    with pytest.raises(OperationRefusedError, match="still Deleting"):
        retire(world.clients, stack=STACK, dataset=DATASET, by="user/alice", say=print, patience=Patience(0))
    assert read_champion(world.aws.dynamodb, TABLE, DATASET) is None
    assert world.alarms() == []


def test_one_datasets_fault_does_not_keep_the_others_leftovers(
    world: World, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = datasets_with_endpoints
    monkeypatch.setattr(cleaning, "datasets_with_endpoints", lambda *arguments: {"broken": {}, **found(*arguments)})
    monkeypatch.setattr(cleaning, "is_idle", lambda dataset, _: 1 / 0 if dataset == "broken" else False)
    assert scheduled(context) == 2
    assert len(world.configs()) == 3


# -- by a person


def back(world: World, wait: Callable[[float], None] = time.sleep) -> Any:
    return roll_back(
        world.clients,
        stack=STACK,
        dataset=DATASET,
        by="user/alice",
        say=lambda _: None,
        patience=Patience(60, poll=0),
        wait=wait,
    )


def live_run(world: World) -> str:
    champion = read_champion(world.aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    return champion.run_id


def test_a_rollback_puts_the_champion_before_back(world: World) -> None:
    done = back(world)
    assert (done.from_run_id, done.to_run_id) == (RUNS[-1], RUNS[-2])
    champion = read_champion(world.aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert champion.run_id == RUNS[-2]
    assert [past.run_id for past in champion.history] == list(RUNS[-3::-1])
    assert world.endpoint["EndpointConfigName"] == config_name(RUNS[-2])
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) is None


def test_a_rollback_again_goes_one_further(world: World) -> None:
    back(world)
    assert back(world).to_run_id == RUNS[-3]


def test_a_rollback_that_was_interrupted_goes_on(world: World) -> None:
    world.endpoint = {"EndpointConfigName": config_name(RUNS[-2])}
    assert back(world).to_run_id == RUNS[-2]


def test_a_model_whose_scores_are_not_its_own_is_no_champion(world: World) -> None:
    world.scores = "0.25\n0.5\n"
    with pytest.raises(OperationRefusedError, match="differ"):
        back(world)
    champion = read_champion(world.aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert champion.run_id == RUNS[-1]
    assert turn_holder(world.aws.dynamodb, TABLE, DATASET) is None


def test_a_rollback_to_golden_rows_of_a_newer_release_is_refused_before_anything_changes(world: World) -> None:
    layout = RunLayout(DATASET, RUNS[-2])
    world.aws.put(ARTIFACTS, layout.golden, json.dumps({"schema_version": 2, "rows": ["1"], "scores": [0.25]}))
    said = "made by a newer Sluice: golden rows version 2, this one reads up to 1; deploy the newer release"
    with pytest.raises(OperationRefusedError, match=said):
        back(world)
    assert (world.endpoint, live_run(world)) == ({}, RUNS[-1])


NOT_READY = ClientError({"Error": {"Code": "ModelNotReadyException", "Message": "not ready"}}, "InvokeEndpoint")


def test_a_rollback_waits_for_a_serverless_endpoint_that_is_being_provisioned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception] = [NOT_READY, ReadTimeoutError(endpoint_url="https://runtime")]
    answer = world.clients.runtime.invoke_endpoint

    def invoke(**asked: Any) -> Any:
        if answers:
            raise answers.pop(0)
        return answer(**asked)

    monkeypatch.setattr(world.clients.runtime, "invoke_endpoint", invoke)
    waited: list[float] = []
    assert back(world, wait=waited.append).to_run_id == RUNS[-2]
    assert waited == [NOT_READY_WAIT_SECONDS] * 2
    assert live_run(world) == RUNS[-2]


def test_a_rollback_whose_endpoint_is_not_ready_in_time_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invoke(**_: Any) -> Any:
        raise NOT_READY

    waited: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(world.clients.runtime, "invoke_endpoint", invoke)
        with pytest.raises(OperationRefusedError, match=rf"within 15 minutes\. {RUNS[-2]} is live: roll back again"):
            back(world, wait=waited.append)
    assert sum(waited) == MAX_NOT_READY_SECONDS
    assert live_run(world) == RUNS[-1]
    assert back(world).to_run_id == live_run(world) == RUNS[-2]


def test_a_rollback_does_not_wait_for_a_model_that_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def invoke(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ModelError", "Message": "no"}}, "InvokeEndpoint")

    monkeypatch.setattr(world.clients.runtime, "invoke_endpoint", invoke)
    with pytest.raises(ClientError, match="ModelError"):
        back(world, wait=lambda _: pytest.fail("it waited"))


def test_while_a_run_changes_the_endpoint_a_person_has_to_wait(world: World) -> None:
    take_turn(world.aws.dynamodb, TABLE, DATASET, "another", time.time())
    for operation in (roll_back, retire):
        with pytest.raises(OperationRefusedError, match="is changing its endpoint"):
            operation(world.clients, stack=STACK, dataset=DATASET, by="user/alice", say=print)


def test_an_update_that_rolls_back_by_itself_is_no_rollback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.clients.sagemaker, "update_endpoint", lambda **_: None)
    with pytest.raises(OperationRefusedError, match="rolled back itself"):
        back(world)


def limits(world: World) -> list[int]:
    """What the endpoint may scale to."""
    found = world.clients.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return [target["MaxCapacity"] for target in found]


@pytest.fixture
def scaled(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The live model scales up to 7 instances, the one before up to 3. moto looks at each variant when it is scaled."""
    for run_id, most in ((RUNS[-1], 7), (RUNS[-2], 3)):
        world.configure(run_id, {"kind": "instance", "autoscaling": {"max": most}})
    config = DatasetConfig.model_validate({"endpoint": {"kind": "instance", "autoscaling": {"max": 7}}})
    put_scaling(world.clients.autoscaling, NAME, config.endpoint)
    return world


def test_after_a_rollback_the_endpoint_scales_as_the_model_before_did(scaled: World) -> None:
    assert limits(scaled) == [7]
    back(scaled)
    assert limits(scaled) == [3]


def test_a_rollback_that_sagemaker_refuses_leaves_the_autoscaling_as_it_was(
    scaled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        assert limits(scaled) == [], "the instances are others: the autoscaling had to end before"
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "UpdateEndpoint")

    described = scaled.clients.sagemaker.describe_endpoint_config

    def other_instances(**asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = described(**asked)
        if asked["EndpointConfigName"] == config_name(RUNS[-2]):
            found["ProductionVariants"][0]["InstanceType"] = "ml.m5.xlarge"
        return found

    monkeypatch.setattr(scaled.clients.sagemaker, "describe_endpoint_config", other_instances)
    monkeypatch.setattr(scaled.clients.sagemaker, "update_endpoint", refuse)
    with pytest.raises(OperationRefusedError, match="refused: no"):
        back(scaled)
    assert limits(scaled) == [7]


def test_an_endpoint_that_scales_is_deregistered_before_it_is_retired(scaled: World) -> None:
    retire(
        scaled.clients, stack=STACK, dataset=DATASET, by="user/alice", say=lambda _: None, patience=Patience(60, poll=0)
    )
    assert (limits(scaled), scaled.endpoints()) == ([], [])


def test_the_first_model_has_none_before(aws: Aws, world: World) -> None:
    crown_champion(aws.dynamodb, TABLE, "new", Deployed("000000000001", "c"), None, "2026-01-01")
    for dataset, said in (("new", "first model"), ("unknown", "no model")):
        with pytest.raises(OperationRefusedError, match=said):
            roll_back(world.clients, stack=STACK, dataset=dataset, by="user/alice", say=print)


def test_a_retired_dataset_leaves_nothing_that_costs(world: World) -> None:
    done = retire(
        world.clients, stack=STACK, dataset=DATASET, by="user/alice", say=lambda _: None, patience=Patience(60, poll=0)
    )
    assert f"endpoint {NAME}" in done.removed
    assert (world.endpoints(), world.configs(), world.models(), world.alarms()) == ([], [], [], [])
    assert read_champion(world.aws.dynamodb, TABLE, DATASET) is None
    with pytest.raises(OperationRefusedError, match="no endpoint"):
        retire(
            world.clients,
            stack=STACK,
            dataset=DATASET,
            by="user/alice",
            say=lambda _: None,
            patience=Patience(60, poll=0),
        )


# -- with the stack


class Answers(list[dict[str, Any]]):
    """What CloudFormation was told."""

    url = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    found = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/answer"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


def tear_down(context: Context, answers: Answers, kind: str = "Delete") -> dict[str, Any]:
    # The address is this test's own server, which moto would not let through.
    tearing.handler({**request("tear_down"), "RequestType": kind, "ResponseURL": answers.url}, context)
    return answers[-1]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tearing, "stop_runs", lambda *_: None)


@pytest.mark.usefixtures("machine")
def test_with_the_stack_goes_what_its_runs_made(world: World, context: Context, answers: Answers) -> None:
    make(world.aws, "sluice-other", tags(prefix="other"))
    answer = tear_down(context, answers)
    assert answer["Status"] == "SUCCESS"
    assert (world.endpoints(), world.alarms()) == ([], [])
    assert world.configs() == world.models() == ["sluice-other"]


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_making_and_changing_the_stack_removes_nothing(
    world: World, context: Context, answers: Answers, kind: str
) -> None:
    assert tear_down(context, answers, kind)["Status"] == "SUCCESS"
    assert world.endpoints() == [NAME]


class Endpoints:
    """Endpoints that go through states, as seen by the removal of a stack."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *states: str) -> None:
        self.states = list(states)
        self.asked: list[str] = []
        self.now = 0.0
        monkeypatch.setattr(
            teardown, "made_by_runs", lambda _, kind, prefix: [NAME] if kind is teardown.ENDPOINT else []
        )
        monkeypatch.setattr(teardown, "describe_endpoint", self._describe)
        monkeypatch.setattr(teardown, "delete_endpoint", self._delete)

    def _describe(self, *_: Any) -> dict[str, Any] | None:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"EndpointStatus": state} if state != "gone" else None

    def _delete(self, *_: Any) -> bool:
        self.asked.append(self.states[0])
        if self.states[0] in ("Creating", "Updating", "RollingBack", "Deleting"):
            answer: Any = {"Error": {"Code": "ValidationException", "Message": "Cannot update in-progress endpoint"}}
            raise ClientError(answer, "DeleteEndpoint")
        return self.states[0] != "gone"

    def remove(self, seconds: float) -> list[str]:
        def pause(seconds: float) -> None:
            self.now += seconds

        patience = Patience(seconds, clock=lambda: self.now, pause=pause)
        return delete_served(None, None, "sluice", lambda _: None, (teardown.ENDPOINT,), patience=patience)


@pytest.mark.parametrize("state", ["InService", "Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_may_be_deleted_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    endpoints = Endpoints(monkeypatch, state, "gone")
    assert endpoints.remove(60) == [NAME]
    assert endpoints.asked == [state]


def test_an_endpoint_that_is_being_updated_is_deleted_when_it_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = Endpoints(monkeypatch, "Updating", "Updating", "InService", "Deleting", "gone")
    assert endpoints.remove(60) == [NAME]
    assert endpoints.asked[-1] == "InService"


def test_a_guarded_update_that_takes_hours_ends_the_removal_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints = Endpoints(monkeypatch, "Updating")
    with pytest.raises(teardown.StillBusyError, match=r"still Updating.*four hours.*Delete the stack again"):
        endpoints.remove(600)
    assert endpoints.now == 600


def test_a_training_job_that_does_not_stop_in_time_ends_the_removal_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Jobs:
        asked: list[str] = []  # noqa: RUF012

        def stop_training_job(self, TrainingJobName: str) -> None:  # noqa: N803
            self.asked.append(TrainingJobName)

        def describe_training_job(self, TrainingJobName: str) -> dict[str, str]:  # noqa: N803
            return {"TrainingJobStatus": "Stopping"}

    monkeypatch.setattr(teardown, "running_jobs", lambda *_: ["sluice-job"])
    now = [0.0]
    patience = Patience(60, clock=lambda: now[0], pause=lambda seconds: now.append(now.pop() + seconds))
    jobs = Jobs()
    with pytest.raises(teardown.StillBusyError, match=r"sluice-job has not stopped yet\. Delete the stack again"):
        teardown.stop_jobs(jobs, "sluice", lambda _: None, patience)
    assert (jobs.asked, now) == (["sluice-job"], [60.0])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("key", "rests"), [("", []), ("arn:aws:kms:key", [teardown.RELEASE_SECONDS])])
def test_sagemaker_gets_time_to_release_its_grants_of_the_key_before_its_role_goes(
    world: World, context: Context, answers: Answers, monkeypatch: pytest.MonkeyPatch, key: str, rests: list[float]
) -> None:
    found: list[float] = []
    monkeypatch.setattr(Patience, "rest", lambda _, seconds: found.append(seconds))
    monkeypatch.setattr(tearing, "settings", tearing.settings.model_copy(update={"kms_key_arn": key}))
    assert tear_down(context, answers)["Status"] == "SUCCESS"
    assert found == rests
    assert tear_down(context, answers)["Status"] == "SUCCESS"
    assert found == rests, "with no endpoint there is nothing to release"


def test_what_cannot_be_removed_keeps_the_stack_with_the_reason(
    world: World, context: Context, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tearing, "stop_runs", lambda *_: 1 / 0)
    answer = tear_down(context, answers)
    assert answer["Status"] == "FAILED"
    assert "ZeroDivisionError" in answer["Reason"]
    assert answer["LogicalResourceId"] == "MadeByRuns"
