"""What happens behind a dataset's endpoint: guarded updates, what goes wrong in them, and the way back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from following.dropping import Drop, check_drop
from following.execution import Snapshot
from local import run
from local.aws import ACCESS_KEY, REGION, SECRET_KEY
from sluice.endpoint.aws.operations import Clients, StackNames, retire, roll_back
from sluice.endpoint.aws.teardown import Patience
from sluice.endpoint.aws.turns import turn_holder
from sluice.names import alarm_names
from sluice.runs.approval import Question
from sluice.runs.aws.ledger import read_champion

from .conftest import LocalAws, learnable_rows, write_table

HEADER = ["size", "colour", "comment", "label"]
CALLS_A_SECOND = 20


def configured(folder: Path, **sections: Any) -> Path:
    """A configuration for tables that are too small to prove a model better."""
    config = folder / "config.yaml"
    config.write_text(json.dumps({"champion": {"policy": "ignore"}, **sections}))
    return config


INSTANCES = {"kind": "instance", "instance_count": 2, "rollout": {"policy": "canary", "share": 0.5}}


class Dataset:
    """A dataset, its files one after the other, and what is behind its endpoint."""

    def __init__(self, local_aws: LocalAws, folder: Path, name: str, **sections: Any) -> None:
        self.local = local_aws
        self.name = name
        self.endpoint = f"sluice-{name}"
        self._folder = folder
        self._config = configured(folder, **sections)
        self._files = 0
        self.table = local_aws.outputs["RunsTableName"]

    def configure(self, **sections: Any) -> None:
        """Sets the configuration of the files to come."""
        configured(self._folder, **sections)

    def call(self, rows: int = 300) -> Drop:
        self._files += 1
        table = write_table(self._folder / f"{self._files}.csv", HEADER, learnable_rows(rows, seed=self._files))
        return check_drop(table, self.name, self._config, "label")

    def start(self, rows: int = 300) -> str:
        return run.drop(self.local.aws, self.local.outputs, self.call(rows), confirm=lambda _: True)

    def drop(self, rows: int = 300) -> Snapshot:
        return self.local.follow(self.start(rows))

    def deployed(self) -> dict[str, Any]:
        """Drops a file whose model goes live."""
        result = self.local.result(self.drop())
        assert result["outcome"] == "deployed", result["reasons"]
        return result

    def again(self, ended: Snapshot) -> Snapshot:
        """Delivers the event of an execution once more."""
        stepfunctions = self.local.aws.stepfunctions
        event = stepfunctions.describe_execution(executionArn=ended.arn)["input"]
        started = stepfunctions.start_execution(stateMachineArn=self.local.outputs["StateMachineArn"], input=event)
        return self.local.follow(started["executionArn"])

    def live(self) -> tuple[str, str]:
        shown = self.local.aws.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return shown["EndpointStatus"], shown["EndpointConfigName"]

    def champion(self) -> str | None:
        found = read_champion(self.local.aws.dynamodb, self.table, self.name)
        return found.config_name if found else None

    def answer(self, row: str = "0.5,0,0,1") -> float:
        answered = self.local.aws.sagemaker_runtime.invoke_endpoint(
            EndpointName=self.endpoint, ContentType="text/csv", Body=row
        )
        return float(answered["Body"].read())

    def models(self) -> list[str]:
        listed = self.local.aws.sagemaker.list_models(MaxResults=100)["Models"]
        return sorted(item["ModelName"] for item in listed if item["ModelName"].startswith(f"{self.endpoint}-"))

    def untouched(self, config: str, answer: float) -> None:
        """The old model still answers, and nothing of the new one is left."""
        assert self.live() == ("InService", config)
        assert self.champion() == config
        assert self.answer() == answer
        assert config in self.models()
        assert turn_holder(self.local.aws.dynamodb, self.table, self.name) is None


@contextmanager
def traffic(dataset: Dataset) -> Iterator[list[str]]:
    """Requests at a steady pace. Gives the list of the errors that they got."""
    errors: list[str] = []
    answered = [0]
    ending = threading.Event()

    def ask() -> None:
        while not ending.wait(1 / CALLS_A_SECOND):
            try:
                dataset.answer()
                answered[0] += 1
            except ClientError as error:
                errors.append(str(error))

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield errors
    finally:
        ending.set()
        caller.join()
    assert answered[0] > CALLS_A_SECOND, "hardly any request was made"


def operations(local_aws: LocalAws) -> tuple[Clients, StackNames]:
    def client(service: str) -> Any:
        sagemaker = service.startswith("sagemaker") or service == "application-autoscaling"
        url = local_aws.aws.sagemaker_url if sagemaker else local_aws.aws.endpoint_url
        session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
        return session.client(service, endpoint_url=url)  # type: ignore[call-overload]

    outputs = local_aws.outputs
    return Clients.of(client), StackNames(outputs["RunsTableName"], outputs["ArtifactBucketName"], "sluice")


def test_a_rollout_fails_no_request_a_wrong_model_does_not_stay_and_a_person_can_go_back(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    dataset = Dataset(local_aws, tmp_path, "guarded", endpoint={**INSTANCES, "autoscaling": {"max": 4}})
    first = dataset.deployed()
    before = dataset.answer()

    with traffic(dataset) as errors:
        second = dataset.deployed()

    assert errors == []
    shown = local_aws.aws.sagemaker.describe_endpoint(EndpointName=dataset.endpoint)
    policy = shown["LastDeploymentConfig"]
    assert policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    alarms = [alarm["AlarmName"] for alarm in policy["AutoRollbackConfiguration"]["Alarms"]]
    assert alarms == list(alarm_names(dataset.endpoint))
    assert dataset.live() == ("InService", second["endpoint"]["config"])
    after = dataset.answer()
    assert after != before

    local_aws.faults.endpoint(dataset.endpoint, "WrongScores")
    with traffic(dataset) as errors:
        third = dataset.drop()

    assert errors == []
    assert (third.status, third.error) == ("FAILED", "DeploymentFailed")
    assert "differ from the offline ones by up to" in (third.cause or "")
    dataset.untouched(second["endpoint"]["config"], after)

    clients, stack = operations(local_aws)
    back = roll_back(
        clients, stack=stack, dataset=dataset.name, by="user/alice", say=print, patience=Patience(600, poll=0.1)
    )

    assert back.config_name == first["endpoint"]["config"]
    dataset.untouched(first["endpoint"]["config"], before)


STAGES = ["creating", "shifting", "baking"]


def test_whatever_sagemaker_does_wrong_the_old_model_answers(local_aws: LocalAws, tmp_path: Path) -> None:
    dataset = Dataset(local_aws, tmp_path, "tried", endpoint=INSTANCES)
    config, answer = dataset.deployed()["endpoint"]["config"], dataset.answer()
    for outcome, stage in [*(("RollBack", stage) for stage in STAGES), ("HealthCheck", "creating")]:
        local_aws.faults.endpoint(dataset.endpoint, outcome, stage=stage)
        ended = dataset.drop()
        assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed"), (outcome, stage)
        said = "health check" if outcome == "HealthCheck" else "InsufficientInstanceCapacity"
        assert said in (ended.cause or ""), (outcome, stage)
        dataset.untouched(config, answer)
        assert dataset.models() == [config], "the refused model is removed"

    local_aws.faults.operation("UpdateEndpoint", "ResourceLimitExceeded", message="The account-level limit is 0")
    ended = dataset.drop()
    assert (ended.error, "Service Quotas" in (ended.cause or "")) == ("DeploymentFailed", True)
    dataset.untouched(config, answer)


def test_an_alarm_of_the_endpoint_rolls_its_update_back(local_aws: LocalAws, tmp_path: Path) -> None:
    dataset = Dataset(local_aws, tmp_path, "alarmed", endpoint=INSTANCES)
    config, answer = dataset.deployed()["endpoint"]["config"], dataset.answer()
    cloudwatch = operations(local_aws)[0].cloudwatch
    alarm = alarm_names(dataset.endpoint)[0]
    arn = dataset.start()
    deadline = time.monotonic() + 120
    while "PendingDeploymentSummary" not in local_aws.aws.sagemaker.describe_endpoint(EndpointName=dataset.endpoint):
        assert time.monotonic() < deadline, "no update began"
        time.sleep(0.05)

    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    ended = local_aws.follow(arn)

    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="the test is over")
    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert alarm in (ended.cause or "")
    dataset.untouched(config, answer)


def test_a_first_endpoint_that_does_not_come_up_leaves_nothing_and_the_next_file_makes_it_anew(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    dataset = Dataset(local_aws, tmp_path, "fresh")
    for outcome in ("Failed", "HealthCheck"):
        local_aws.faults.endpoint(dataset.endpoint, outcome)
        ended = dataset.drop()
        assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
        assert dataset.endpoint not in local_aws.endpoints(dataset.endpoint)
        assert (dataset.models(), dataset.champion()) == ([], None)
    assert dataset.deployed()["endpoint"]["name"] == dataset.endpoint


def test_a_model_and_a_variant_that_aws_does_not_show_at_once_are_deployed_all_the_same(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    dataset = Dataset(local_aws, tmp_path, "late")
    # The model to CreateEndpointConfig, then the configuration to CreateEndpoint.
    local_aws.faults.invisible(f"{dataset.endpoint}-*", times=2)
    # More often than the state machine tries a fault again.
    local_aws.faults.operation("InvokeEndpoint", "ModelNotReadyException", message="not yet", status=429, times=7)
    first = dataset.deployed()
    local_aws.faults.invisible(f"{dataset.endpoint}-*", times=1)
    second = dataset.deployed()
    assert dataset.champion() == second["endpoint"]["config"] != first["endpoint"]["config"]
    assert local_aws.faults.pending() == []


def test_autoscaling_follows_the_configuration_over_changes_of_the_instances_and_back(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    def limits() -> list[int]:
        found = clients.autoscaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{dataset.endpoint}/variant/champion"]
        )
        return [target["MaxCapacity"] for target in found["ScalableTargets"]]

    clients, stack = operations(local_aws)
    dataset = Dataset(local_aws, tmp_path, "scaled", endpoint={**INSTANCES, "autoscaling": {"max": 4}})
    first = dataset.deployed()
    assert limits() == [4]

    larger = {**INSTANCES, "instance_type": "ml.m5.xlarge"}
    dataset.configure(endpoint={**larger, "autoscaling": {"max": 6}})
    local_aws.faults.endpoint(dataset.endpoint, "WrongScores")
    assert dataset.drop().error == "DeploymentFailed"
    assert (dataset.live(), limits()) == (("InService", first["endpoint"]["config"]), [4])

    dataset.deployed()
    assert limits() == [6]
    dataset.configure(endpoint=larger)
    dataset.deployed()
    assert limits() == []
    roll_back(clients, stack=stack, dataset=dataset.name, by="user/alice", say=print, patience=Patience(600, poll=0.1))
    assert limits() == [6]
    retire(clients, stack=stack, dataset=dataset.name, by="user/alice", say=print, patience=Patience(600, poll=0.1))
    assert limits() == []


def test_a_function_that_dies_after_any_of_its_calls_finishes_the_work_when_it_is_called_again(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    dataset = Dataset(local_aws, tmp_path, "dying")
    for operation in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        local_aws.faults.operation(operation, "InternalFailure", message="the answer was lost", after_effect=True)
    first = dataset.deployed()
    local_aws.faults.operation("UpdateEndpoint", "ThrottlingException")
    for operation in ("CreateModel", "CreateEndpointConfig", "UpdateEndpoint"):
        local_aws.faults.operation(operation, "InternalFailure", message="the answer was lost", after_effect=True)
    second = dataset.deployed()
    assert dataset.champion() == second["endpoint"]["config"] != first["endpoint"]["config"]
    assert local_aws.faults.pending() == []


@pytest.mark.parametrize("operation", ["UpdateEndpoint", "InvokeEndpoint"])
def test_a_fault_that_outlives_its_retries_leaves_the_old_model_and_a_new_delivery_finishes(
    local_aws: LocalAws, tmp_path: Path, operation: str
) -> None:
    dataset = Dataset(local_aws, tmp_path, f"stopped-{operation.lower()}")
    config, answer = dataset.deployed()["endpoint"]["config"], dataset.answer()
    # One try and four retries.
    local_aws.faults.operation(operation, "InternalFailure", status=500, times=5)

    ended = dataset.drop()

    assert ended.status == "FAILED"
    dataset.untouched(config, answer)
    again = local_aws.result(dataset.again(ended))
    if local_aws.result(ended)["outcome"] == "error":
        assert again["outcome"] == "deployed"
        assert dataset.champion() == dataset.live()[1] != config
    else:
        # What could not be verified is an outcome, not a fault: the run is over.
        assert again["outcome"] == "duplicate"


def test_of_ten_files_that_come_together_the_newest_accepted_one_is_live_at_the_end(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    dataset = Dataset(local_aws, tmp_path, "crowd", champion={"policy": "not_worse", "margin": 0.9})
    calls = [dataset.call() for _ in range(10)]
    arns = [run.drop(local_aws.aws, local_aws.outputs, call) for call in calls]
    ended = [local_aws.follow(arn) for arn in arns]

    outcomes = [local_aws.result(snapshot)["outcome"] for snapshot in ended]
    assert set(outcomes) <= {"deployed", "superseded", "model_rejected"}, outcomes
    accepted = [number for number, outcome in enumerate(outcomes) if outcome in {"deployed", "superseded"}]
    newest = local_aws.result(ended[max(accepted)])
    assert newest["outcome"] == "deployed", outcomes
    assert dataset.live() == ("InService", newest["endpoint"]["config"])
    assert dataset.champion() == newest["endpoint"]["config"]
    assert turn_holder(local_aws.aws.dynamodb, dataset.table, dataset.name) is None
    _assert_each_was_judged_against_the_one_that_it_replaced(local_aws, [local_aws.result(item) for item in ended])


def _assert_each_was_judged_against_the_one_that_it_replaced(
    local_aws: LocalAws, results: list[dict[str, Any]]
) -> None:
    decisions = [
        json.loads(local_aws.object(result["artifacts"]["decision"]))
        for result in results
        if result["outcome"] == "deployed"
    ]
    for decision in decisions:
        champion = decision["grounds"]["champion"]
        assert decision["live"]["previous_run_id"] == (champion and champion["run_id"])
    replaced = [decision["live"]["previous_run_id"] for decision in decisions]
    assert len(replaced) == len(set(replaced)), "two models replaced the same one"


def signed(local_aws: LocalAws, url: str, body: dict[str, Any], method: str = "POST") -> tuple[int, dict[str, Any]]:
    """A request to a function URL as MiniStack serves it, signed by the local AWS's root."""
    function = url.removeprefix("https://").partition(".")[0]
    address = f"{local_aws.aws.endpoint_url}/_aws/lambda-url/{function}/"
    asked = AWSRequest(method, address, data=json.dumps(body), headers={"content-type": "application/json"})
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "lambda", REGION).add_auth(asked)
    answer = URLLib3Session().send(asked.prepare())
    return answer.status_code, json.loads(answer.content)


def test_a_model_that_needs_approval_waits_for_a_person(local_aws: LocalAws, tmp_path: Path) -> None:
    dataset = Dataset(local_aws, tmp_path, "approved", approval={"required": True})
    url = local_aws.outputs["ApprovalUrl"]
    arn = dataset.start()
    run_id = waiting(local_aws, arn)
    with pytest.raises(ClientError):
        dataset.live()
    assert signed(local_aws, url, {"run_id": run_id, "decision": "approved"}, method="GET")[0] == 405
    item = local_aws.aws.dynamodb.get_item(
        TableName=local_aws.outputs["RunsTableName"], Key={"pk": {"S": f"RUN#{run_id}"}}, ConsistentRead=True
    )["Item"]
    question = Question.read(item["question"]["S"])
    assert item["status"]["S"] == "awaiting_approval"
    assert question.metrics is not None
    page = local_aws.object(question.artifacts["report"]).decode()
    assert f"<code>sluice approve {run_id}</code>" in page

    status, answer = signed(local_aws, url, {"run_id": run_id, "decision": "approved", "comment": "looks right"})

    assert (status, answer["decision"]) == (200, "approved")
    result = local_aws.result(local_aws.follow(arn))
    assert result["outcome"] == "deployed", result["reasons"]
    decision = json.loads(local_aws.object(result["artifacts"]["decision"]))
    assert decision["decided_by"]["kind"] == "person"
    assert decision["approval"]["comment"] == "looks right"
    assert json.loads(local_aws.object(result["artifacts"]["outcome"]))["approval"] == decision["approval"]
    page = local_aws.object(result["artifacts"]["report"]).decode()
    assert "looks right" in page
    assert f"sluice approve {run_id}" not in page

    arn = dataset.start()
    run_id = waiting(local_aws, arn)
    signed(local_aws, url, {"run_id": run_id, "decision": "rejected", "comment": "too few rows"})
    ended = local_aws.follow(arn)
    assert ended.error == "ModelRejected"
    assert "too few rows" in (ended.cause or "")
    assert dataset.champion() == result["endpoint"]["config"]


def waiting(local_aws: LocalAws, arn: str) -> str:
    """The run of an execution once it waits for a person. Its page is there by then."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        history = local_aws.aws.stepfunctions.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        entered = [
            event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
        ]
        if entered and entered[-1] == "AskForApproval":
            found = local_aws.aws.dynamodb.scan(TableName=local_aws.outputs["RunsTableName"])["Items"]
            ours = [item["run_id"]["S"] for item in found if item.get("execution_arn", {}).get("S") == arn]
            asked = {item["pk"]["S"] for item in found if "task_token" in item}
            if ours and f"APPROVAL#{ours[0]}" in asked:
                return ours[0]
        time.sleep(0.2)
    raise AssertionError("the run never asked for an approval")


def test_the_model_before_goes_on_answering_where_the_configuration_says_so(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    endpoint = {**INSTANCES, "data_capture": {"share": 1}, "previous": {"role": "shadow", "share": 0.5}}
    dataset = Dataset(local_aws, tmp_path, "shadowed", endpoint=endpoint)
    dataset.deployed()
    dataset.deployed()
    shown = local_aws.aws.sagemaker.describe_endpoint(EndpointName=dataset.endpoint)
    assert [variant["VariantName"] for variant in shown["ShadowProductionVariants"]] == ["previous"]
    for _ in range(10):
        dataset.answer()
    prefix = f"{dataset.name}/captured/{dataset.endpoint}/previous/"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = local_aws.aws.s3.list_objects_v2(Bucket=local_aws.outputs["ArtifactBucketName"], Prefix=prefix)
        if found.get("KeyCount"):
            return
        time.sleep(0.2)
    pytest.fail("the shadow's answers were not captured")
