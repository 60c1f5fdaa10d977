from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.check_endpoint import app as check
from functions.deploy_endpoint import app as deploy
from sluice.endpoint.aws.turns import TURN_SECONDS, give_turn_back, take_turn, turn_holder
from sluice.layout import RunLayout
from sluice.messages import Deployment, EndpointStatus
from sluice.names import alarm_names
from sluice.runs.aws.ledger import Deployed, crown_champion
from tests.functions.conftest import ARTIFACTS, REGION, TABLE, Aws, Context, request
from tests.messages import GOOD

DATASET = GOOD.run.dataset
NAME = "sluice-breast-cancer"
CONFIG = f"sluice-breast-cancer-{GOOD.run.run_id}"
ALARMS = list(alarm_names(NAME))


@pytest.fixture(autouse=True)
def _config(aws: Aws) -> None:
    aws.put(ARTIFACTS, aws.layout.config, "{}")


class Calls(list[tuple[str, dict[str, Any]]]):
    """Notes the calls that change an endpoint instead of making them."""

    def patch(self, monkeypatch: pytest.MonkeyPatch, client: Any, *methods: str) -> None:
        for method in methods:
            monkeypatch.setattr(client, method, lambda _name=method, **arguments: self.append((_name, arguments)))


def deployed(context: Context) -> Deployment:
    return Deployment.model_validate(deploy.handler(request("deploy_endpoint"), context))


SERVERLESS = {"VariantName": "champion", "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}


def live(
    monkeypatch: pytest.MonkeyPatch, status: str, config: str, variant: dict[str, Any] | None = None, **more: Any
) -> None:
    found = {
        "EndpointName": NAME,
        "EndpointStatus": status,
        "EndpointConfigName": config,
        "ProductionVariants": [variant or SERVERLESS],
        **more,
    }
    for module in (deploy, check):
        monkeypatch.setattr(module.sagemaker, "describe_endpoint", lambda **_: found)


def test_the_first_model_creates_model_configuration_and_endpoint(aws: Aws, context: Context) -> None:
    answer = deployed(context)
    assert (answer.verdict, answer.endpoint_name, answer.config_name) == ("started", NAME, CONFIG)
    assert answer.previous_config_name is None
    assert aws.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"] == CONFIG
    assert aws.sagemaker.describe_model(ModelName=CONFIG)["PrimaryContainer"]["ModelDataUrl"].endswith("model.tar.gz")


def test_no_serverless_endpoint_is_made_where_the_stack_got_a_vpc_meanwhile(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "settings", deploy.settings.model_copy(update={"subnet_ids": ("subnet-0a",)}))
    answer = deployed(context)
    assert answer.verdict == "failed"
    assert "endpoint: {kind: instance}" in answer.reasons[0]
    assert not aws.sagemaker.list_models()["Models"]


def test_repeating_the_step_changes_nothing(aws: Aws, context: Context) -> None:
    first = deployed(context)
    assert deployed(context) == first
    assert len(aws.sagemaker.list_endpoints()["Endpoints"]) == 1


def test_a_live_endpoint_is_updated_and_its_configuration_remembered(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", "old")
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint", "create_endpoint")
    answer = deployed(context)
    ((name, arguments),) = calls
    assert (name, arguments["EndpointName"], arguments["EndpointConfigName"]) == ("update_endpoint", NAME, CONFIG)
    guards = arguments["DeploymentConfig"]
    assert guards["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert [alarm["AlarmName"] for alarm in guards["AutoRollbackConfiguration"]["Alarms"]] == ALARMS
    assert answer.previous_config_name == "old"


def test_an_endpoint_gets_its_alarms_before_it_is_made(aws: Aws, context: Context) -> None:
    deployed(context)
    alarms = boto3.client("cloudwatch", region_name=REGION).describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == sorted(ALARMS)
    assert all(alarm["AlarmActions"] for alarm in alarms)


def test_an_alarm_that_is_on_already_does_not_keep_the_new_model_away(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(context)
    boto3.client("cloudwatch", region_name=REGION).set_alarm_state(
        AlarmName=ALARMS[2], StateValue="ALARM", StateReason="test"
    )
    live(monkeypatch, "InService", "old")
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    deployed(context)
    ((_, arguments),) = calls
    guarding = arguments["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [alarm["AlarmName"] for alarm in guarding] == ALARMS[:2]


@pytest.mark.parametrize(
    "message",
    [
        "DeploymentConfig is not supported for serverless endpoints",
        "Deployment guardrails are not supported for this endpoint",
        "1 validation error detected",
    ],
)
def test_where_sagemaker_takes_no_guards_for_a_serverless_endpoint_it_is_updated_without(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    live(monkeypatch, "InService", "old")
    asked: list[dict[str, Any]] = []

    def update_endpoint(**arguments: Any) -> None:
        asked.append(arguments)
        if "DeploymentConfig" in arguments:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "UpdateEndpoint")

    monkeypatch.setattr(deploy.sagemaker, "update_endpoint", update_endpoint)
    assert deployed(context).verdict == "started"
    assert asked[-1] == {"EndpointName": NAME, "EndpointConfigName": CONFIG}


def refusing(monkeypatch: pytest.MonkeyPatch, code: str, message: str) -> list[dict[str, Any]]:
    """What was asked of UpdateEndpoint, which refuses."""
    asked: list[dict[str, Any]] = []

    def update_endpoint(**arguments: Any) -> None:
        asked.append(arguments)
        raise ClientError({"Error": {"Code": code, "Message": message}}, "UpdateEndpoint")

    monkeypatch.setattr(deploy.sagemaker, "update_endpoint", update_endpoint)
    return asked


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Cannot update in-progress endpoint"),
        (
            "ValidationException",
            f'Could not find endpoint configuration "arn:aws:sagemaker:::endpoint-config/{CONFIG}".',
        ),
        ("ThrottlingException", "Rate exceeded"),
    ],
)
def test_a_refusal_that_is_not_of_the_guards_keeps_them(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    live(monkeypatch, "InService", "old")
    asked = refusing(monkeypatch, code, message)
    if "in-progress" in message:
        assert deployed(context).verdict == "busy"
    else:
        with pytest.raises(ClientError, match=message[:10]):
            deployed(context)
    assert ["DeploymentConfig" in request for request in asked] == [True]


@pytest.mark.parametrize("kind", ["model", "endpoint configuration"])
def test_what_was_made_a_moment_ago_and_is_not_seen_yet_is_asked_for_again(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    message = f'Could not find {kind} "arn:aws:sagemaker:us-east-1:123456789012:any/{CONFIG}".'

    def create_endpoint(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "CreateEndpoint")

    with monkeypatch.context() as patch:
        patch.setattr(deploy.sagemaker, "create_endpoint", create_endpoint)
        with pytest.raises(ClientError, match="Could not find"):
            deployed(context)
    assert deployed(context).verdict == "started"


def test_what_another_made_and_is_not_there_is_an_outcome(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", "old")
    refusing(monkeypatch, "ValidationException", 'Could not find model "arn:aws:sagemaker:::model/another".')
    assert deployed(context).verdict == "failed"


SCALES = {"kind": "instance", "autoscaling": {"max": 4}}


class Scaling(list[str | int]):
    """What Application Auto Scaling is asked for: an end, or a limit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **types: str) -> None:
        client = deploy.autoscaling
        monkeypatch.setattr(client, "deregister_scalable_target", lambda **_: self.append("end"))
        monkeypatch.setattr(client, "register_scalable_target", lambda **asked: self.append(asked["MaxCapacity"]))
        monkeypatch.setattr(client, "put_scaling_policy", lambda **_: None)
        described = deploy.sagemaker.describe_endpoint_config

        def describe(**asked: Any) -> Any:
            if asked["EndpointConfigName"] != "old":
                return described(**asked)
            return {"ProductionVariants": [{"VariantName": "champion", "InstanceType": types["old"]}]}

        monkeypatch.setattr(deploy.sagemaker, "describe_endpoint_config", describe)
        live(monkeypatch, "InService", "old", {"VariantName": "champion", "CurrentInstanceCount": 2})


@pytest.mark.parametrize(
    ("endpoint", "old", "asked"),
    [
        (SCALES, "ml.m5.large", []),
        (SCALES, "ml.m5.xlarge", ["end"]),
        ({"kind": "instance"}, "ml.m5.large", ["end"]),
    ],
)
def test_autoscaling_ends_before_an_update_that_it_cannot_outlast(
    aws: Aws,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: dict[str, Any],
    old: str,
    asked: list[str | int],
) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"endpoint": endpoint}))
    scaling = Scaling(monkeypatch, old=old)
    seen: list[list[str | int]] = []
    monkeypatch.setattr(deploy.sagemaker, "update_endpoint", lambda **_: seen.append(list(scaling)))
    assert deployed(context).verdict == "started"
    assert seen == [asked]


def test_autoscaling_ends_before_an_update_to_a_configuration_that_is_not_seen_yet(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"endpoint": SCALES}))
    scaling = Scaling(monkeypatch, old="ml.m5.xlarge")
    described = deploy.sagemaker.describe_endpoint_config

    def describe(**asked: Any) -> Any:
        if asked["EndpointConfigName"] == CONFIG:
            answer: Any = {"Error": {"Code": "ValidationException", "Message": "Could not find endpoint configuration"}}
            raise ClientError(answer, "DescribeEndpointConfig")
        return described(**asked)

    monkeypatch.setattr(deploy.sagemaker, "describe_endpoint_config", describe)
    seen: list[list[str | int]] = []
    monkeypatch.setattr(deploy.sagemaker, "update_endpoint", lambda **_: seen.append(list(scaling)))
    assert deployed(context).verdict == "started"
    assert seen == [["end"]]


def test_an_update_that_is_refused_leaves_the_autoscaling_of_the_live_model(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(aws, "000000000001")
    before = {"kind": "instance", "instance_type": "ml.m5.xlarge", "autoscaling": {"max": 7}}
    aws.put(ARTIFACTS, RunLayout(DATASET, "000000000001").config, json.dumps({"endpoint": before}))
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"endpoint": SCALES}))
    scaling = Scaling(monkeypatch, old="ml.m5.xlarge")
    live(monkeypatch, "InService", "sluice-000000000001", {"VariantName": "champion", "CurrentInstanceCount": 2})
    refusing(monkeypatch, "ResourceLimitExceeded", "limit is 0")
    assert deploy.handler(judged_against("000000000001"), context)["verdict"] == "failed"
    assert scaling == ["end", 7]


def test_a_refusal_is_the_verdict_even_if_the_endpoint_of_the_champion_is_gone(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(aws, "000000000001")
    for run_id in ("000000000001", aws.layout.run_id):
        aws.put(ARTIFACTS, RunLayout(DATASET, run_id).config, json.dumps({"endpoint": SCALES}))

    def refuse(operation: str, code: str, message: str) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    missing = partial(refuse, "RegisterScalableTarget", "ValidationException", "SageMaker endpoint variant not found")
    monkeypatch.setattr(deploy.autoscaling, "register_scalable_target", lambda **_: missing())
    refused = partial(refuse, "CreateEndpoint", "ResourceLimitExceeded", "The limit is 0 Instances")
    monkeypatch.setattr(deploy.sagemaker, "create_endpoint", lambda **_: refused())
    answer = deploy.handler(judged_against("000000000001"), context)
    assert answer["verdict"] == "failed"
    assert "The limit is 0 Instances" in answer["reasons"][0]


def test_an_update_that_an_earlier_try_asked_for_is_waited_for_and_not_asked_for_again(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "Updating", "old", PendingDeploymentSummary={"EndpointConfigName": CONFIG})
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    assert deployed(context).verdict == "started"
    assert calls == []


def test_an_update_by_someone_else_that_came_first_is_waited_for(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", "old")

    def update_endpoint(**_: Any) -> None:
        message = "Cannot update in-progress endpoint"
        raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "UpdateEndpoint")

    monkeypatch.setattr(deploy.sagemaker, "update_endpoint", update_endpoint)
    assert deployed(context).verdict == "busy"


def champion(aws: Aws, run_id: str, data_at: str = "", seen: str | None = None, **of_object: str) -> None:
    new = Deployed(run_id, f"sluice-{run_id}", data_at, **of_object)
    crown_champion(aws.dynamodb, TABLE, DATASET, new, seen, "2026-01-01")


def judged_against(run_id: str | None) -> dict[str, Any]:
    body = request("deploy_endpoint")
    body["evaluation"]["champion_run_id"] = run_id
    return body


def test_a_model_that_was_compared_with_another_champion_is_judged_anew(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", "old")
    champion(aws, "000000000001")
    Calls().patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    assert deployed(context).verdict == "stale"
    assert deploy.handler(judged_against("000000000001"), context)["verdict"] == "started"
    assert deploy.handler(judged_against("000000000002"), context)["verdict"] == "stale"


def test_the_newest_data_wins(aws: Aws, context: Context) -> None:
    champion(aws, "000000000001", data_at="2026-11-24T00:00:00Z 2026-11-24T00:00:01Z")
    answer = deploy.handler(judged_against("000000000001"), context)
    assert answer["verdict"] == "superseded"
    assert "000000000001" in answer["reasons"][0]


@pytest.mark.parametrize(
    ("sequencer", "verdict"), [("65A1B2C3D4E5F602", "superseded"), ("0065A1B2C3D4E5F600", "started")]
)
def test_of_two_versions_of_one_key_the_sequencer_says_which_is_newer_whatever_the_clocks_say(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, sequencer: str, verdict: str
) -> None:
    early, late = "2026-01-01T00:00:00Z 2026-01-01T00:00:01Z", "2027-01-01T00:00:00Z 2027-01-01T00:00:01Z"
    at = early if verdict == "superseded" else late
    champion(aws, "000000000001", data_at=at, key=GOOD.run.key, sequencer=sequencer)
    live(monkeypatch, "InService", "old")
    Calls().patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    assert deploy.handler(judged_against("000000000001"), context)["verdict"] == verdict


def test_a_run_that_is_the_champion_already_is_not_judged_again(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(aws, "000000000001")
    champion(aws, GOOD.run.run_id, seen="000000000001")
    live(monkeypatch, "InService", CONFIG)
    answer = deployed(context)
    assert (answer.verdict, answer.previous_config_name) == ("started", "sluice-000000000001")


def test_the_model_before_stays_beside_the_new_one_where_the_configuration_says_so(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(aws, "000000000001")
    aws.sagemaker.create_model(ModelName="sluice-000000000001", ExecutionRoleArn="arn:aws:iam::123456789012:role/any")
    beside = {"kind": "instance", "previous": {"role": "variant", "share": 0.25}}
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"endpoint": beside}))
    live(monkeypatch, "InService", "old", {"VariantName": "champion", "CurrentInstanceCount": 1})
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    deploy.handler(judged_against("000000000001"), context)
    variants = aws.sagemaker.describe_endpoint_config(EndpointConfigName=CONFIG)["ProductionVariants"]
    assert [(item["VariantName"], item["ModelName"], item["InitialVariantWeight"]) for item in variants] == [
        ("champion", CONFIG, 0.75),
        ("previous", "sluice-000000000001", 0.25),
    ]
    assert "DeploymentConfig" not in calls[0][1], "SageMaker guards no update that changes the variants"


def test_a_repeated_update_still_knows_the_configuration_to_go_back_to(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(aws, "000000000001")
    live(monkeypatch, "InService", CONFIG)
    answer = Deployment.model_validate(deploy.handler(judged_against("000000000001"), context))
    assert answer.verdict == "started"
    assert answer.previous_config_name == "sluice-000000000001"
    assert answer.champion_run_id == "000000000001"


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating"])
def test_a_busy_endpoint_is_left_alone(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    live(monkeypatch, status, "old")
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint", "create_endpoint", "delete_endpoint")
    assert deployed(context).verdict == "busy"
    assert calls == []


def test_the_remains_of_a_failed_creation_are_removed_first(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "Failed", "old")
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint", "create_endpoint", "delete_endpoint")
    assert deployed(context).verdict == "busy"
    assert calls == [("delete_endpoint", {"EndpointName": NAME})]


def test_a_quota_of_zero_is_an_outcome_with_the_way_out(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_endpoint(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ResourceLimitExceeded", "Message": "limit is 0"}}, "CreateEndpoint")

    monkeypatch.setattr(deploy.sagemaker, "create_endpoint", create_endpoint)
    answer = deployed(context)
    assert answer.verdict == "failed"
    assert "Service Quotas" in answer.reasons[0]


@pytest.mark.parametrize(
    ("variant", "wanted"),
    [({"VariantName": "champion", "CurrentInstanceCount": 1}, "serverless"), (SERVERLESS, "instance")],
)
def test_an_endpoint_of_the_other_kind_is_refused_with_the_way_out(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, variant: dict[str, Any], wanted: str
) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"endpoint": {"kind": wanted}}))
    live(monkeypatch, "InService", "old", variant)
    calls = Calls()
    calls.patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    answer = deployed(context)
    assert answer.verdict == "failed"
    assert "retire" in answer.reasons[0]
    assert calls == []


def test_runs_of_one_dataset_deploy_one_after_the_other(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed(context).verdict == "started"
    live(monkeypatch, "InService", CONFIG)
    Calls().patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    monkeypatch.setattr(deploy.stepfunctions, "describe_execution", lambda **_: {"status": "RUNNING"})
    other = request("deploy_endpoint")
    other["run"].update(run_id="ffffffffffff", execution_arn="arn:aws:states:us-east-1:000000000000:execution:m:other")
    assert deploy.handler(other, context)["verdict"] == "busy"
    give_turn_back(aws.dynamodb, TABLE, DATASET, GOOD.run.execution_arn)
    assert deploy.handler(other, context)["verdict"] == "started"


@pytest.mark.parametrize(("status", "verdict"), [("RUNNING", "busy"), ("ABORTED", "started"), (None, "started")])
def test_the_turn_of_an_execution_that_has_ended_is_taken_over(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch, status: str | None, verdict: str
) -> None:
    def describe_execution(**_: Any) -> dict[str, Any]:
        if status is None:
            answer: Any = {"Error": {"Code": "ExecutionDoesNotExist", "Message": "gone"}}
            raise deploy.stepfunctions.exceptions.ExecutionDoesNotExist(answer, "DescribeExecution")
        return {"status": status}

    monkeypatch.setattr(deploy.stepfunctions, "describe_execution", describe_execution)
    take_turn(aws.dynamodb, TABLE, DATASET, "arn:aws:states:us-east-1:000000000000:execution:m:other", time.time())
    assert deployed(context).verdict == verdict
    assert turn_holder(aws.dynamodb, TABLE, DATASET) == (
        GOOD.run.execution_arn if verdict == "started" else "arn:aws:states:us-east-1:000000000000:execution:m:other"
    )


def test_a_persons_turn_is_left_to_the_person(aws: Aws, context: Context) -> None:
    take_turn(aws.dynamodb, TABLE, DATASET, "rollback by user/alice", time.time())
    assert deployed(context).verdict == "busy"


def test_a_turn_that_was_never_given_back_runs_out(aws: Aws) -> None:
    assert take_turn(aws.dynamodb, TABLE, "churn", "a", now=1000)
    assert not take_turn(aws.dynamodb, TABLE, "churn", "b", now=1000 + TURN_SECONDS)
    assert take_turn(aws.dynamodb, TABLE, "churn", "b", now=1001 + TURN_SECONDS)


def test_another_runs_turn_is_not_given_back(aws: Aws) -> None:
    take_turn(aws.dynamodb, TABLE, "churn", "a", now=1000)
    give_turn_back(aws.dynamodb, TABLE, "churn", "b")
    assert not take_turn(aws.dynamodb, TABLE, "churn", "b", now=1001)


def test_a_silent_rollback_is_told_from_success(context: Context, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch, "InService", "old")
    answer = EndpointStatus.model_validate(check.handler(request("check_endpoint"), context))
    assert answer.status == "rolled_back"
