from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.check_endpoint import app as check
from functions.deploy_endpoint import app as deploy
from functions.verify_endpoint import app as verify
from sluice.ledger import TURN_SECONDS, Champion, crown_champion, give_turn_back, take_turn
from sluice.messages import Deployment, EndpointStatus, Verification
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, request
from tests.messages import GOOD

NAME = "sluice-breast-cancer"
CONFIG = f"sluice-breast-cancer-{GOOD.run.run_id}"


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


def live(monkeypatch: pytest.MonkeyPatch, status: str, config: str, variant: dict[str, Any] | None = None) -> None:
    found = {
        "EndpointName": NAME,
        "EndpointStatus": status,
        "EndpointConfigName": config,
        "ProductionVariants": [variant or SERVERLESS],
    }
    for module in (deploy, check, verify):
        monkeypatch.setattr(module.sagemaker, "describe_endpoint", lambda **_: found)


def test_the_first_model_creates_model_configuration_and_endpoint(aws: Aws, context: Context) -> None:
    answer = deployed(context)
    assert (answer.verdict, answer.endpoint_name, answer.config_name) == ("started", NAME, CONFIG)
    assert answer.previous_config_name is None
    assert aws.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"] == CONFIG
    assert aws.sagemaker.describe_model(ModelName=CONFIG)["PrimaryContainer"]["ModelDataUrl"].endswith("model.tar.gz")


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
    assert calls == [("update_endpoint", {"EndpointName": NAME, "EndpointConfigName": CONFIG})]
    assert answer.previous_config_name == "old"


def test_a_repeated_update_still_knows_the_configuration_to_go_back_to(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown_champion(aws.dynamodb, TABLE, "breast-cancer", Champion("000000000001", "old"), None, "2026-01-01")
    live(monkeypatch, "InService", CONFIG)
    answer = deployed(context)
    assert answer.verdict == "started"
    assert answer.previous_config_name == "old"
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
    assert "delete-endpoint" in answer.reasons[0]
    assert calls == []


def test_runs_of_one_dataset_deploy_one_after_the_other(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed(context).verdict == "started"
    live(monkeypatch, "InService", CONFIG)
    Calls().patch(monkeypatch, deploy.sagemaker, "update_endpoint")
    other = request("deploy_endpoint")
    other["run"].update(run_id="ffffffffffff", execution_arn="arn:aws:states:us-east-1:000000000000:execution:m:other")
    assert deploy.handler(other, context)["verdict"] == "busy"
    give_turn_back(aws.dynamodb, TABLE, "breast-cancer", GOOD.run.execution_arn)
    assert deploy.handler(other, context)["verdict"] == "started"


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


def answer_scores(monkeypatch: pytest.MonkeyPatch, body: str) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    def invoke_endpoint(**arguments: Any) -> dict[str, Any]:
        asked.append(arguments)
        return {"Body": io.BytesIO(body.encode())}

    monkeypatch.setattr(verify.runtime, "invoke_endpoint", invoke_endpoint)
    return asked


def verified(context: Context, **deployment: Any) -> Verification:
    body = request("verify_endpoint")
    body["deployment"].update(deployment)
    return Verification.model_validate(verify.handler(body, context))


@pytest.fixture
def golden(aws: Aws) -> None:
    aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": ["1,2", "3,"], "scores": [0.25, 0.75]}))


@pytest.mark.usefixtures("golden")
def test_an_endpoint_that_gives_the_offline_scores_is_verified(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", CONFIG)
    asked = answer_scores(monkeypatch, "0.25\n0.7500001\n")
    answer = verified(context)
    assert answer.verdict == "verified"
    assert answer.rows == 2
    assert asked[0]["Body"] == b"1,2\n3,"
    assert asked[0]["ContentType"] == "text/csv"


def test_an_endpoint_of_many_classes_is_verified_on_each_probability(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = [[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]
    aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": ["1,2", "3,"], "scores": offline}))
    live(monkeypatch, "InService", CONFIG)
    answer_scores(monkeypatch, "[0.1, 0.2, 0.7]\n[0.5, 0.25, 0.25]\n")
    assert verified(context).verdict == "verified"
    Calls().patch(monkeypatch, verify.sagemaker, "delete_endpoint")
    answer_scores(monkeypatch, "[0.1, 0.7, 0.2]\n[0.5, 0.25, 0.25]\n")
    assert verified(context).verdict == "failed"


@pytest.mark.usefixtures("golden")
@pytest.mark.parametrize("body", ["0.25\n0.5\n", "0.25\n", "nan\n0.75\n", "<html>"])
@pytest.mark.parametrize("previous", ["old", None])
def test_an_endpoint_that_differs_is_taken_back(
    context: Context, monkeypatch: pytest.MonkeyPatch, body: str, previous: str | None
) -> None:
    live(monkeypatch, "InService", CONFIG)
    answer_scores(monkeypatch, body)
    calls = Calls()
    calls.patch(monkeypatch, verify.sagemaker, "update_endpoint", "delete_endpoint")
    assert verified(context, previous_config_name=previous).verdict == "failed"
    assert calls == [
        ("update_endpoint", {"EndpointName": NAME, "EndpointConfigName": "old"})
        if previous
        else ("delete_endpoint", {"EndpointName": NAME})
    ]


def refuse_scores(monkeypatch: pytest.MonkeyPatch, code: str, **more: Any) -> Calls:
    answer: Any = {"Error": {"Code": code, "Message": "not now"}, **more}

    def invoke_endpoint(**_: Any) -> None:
        raise ClientError(answer, "InvokeEndpoint")

    monkeypatch.setattr(verify.runtime, "invoke_endpoint", invoke_endpoint)
    calls = Calls()
    calls.patch(monkeypatch, verify.sagemaker, "update_endpoint", "delete_endpoint")
    return calls


MAY_PASS = [
    ("ThrottlingException", {}),
    ("ModelError", {"OriginalStatusCode": 0}),
    ("ModelError", {"OriginalStatusCode": 503}),
]


@pytest.mark.usefixtures("golden")
@pytest.mark.parametrize(("code", "more"), MAY_PASS)
def test_an_endpoint_that_is_not_there_yet_is_asked_again_before_it_is_taken_back(
    context: Context, monkeypatch: pytest.MonkeyPatch, code: str, more: dict[str, int]
) -> None:
    live(monkeypatch, "InService", CONFIG)
    calls = refuse_scores(monkeypatch, code, **more)
    with pytest.raises(ClientError, match="not now"):
        verified(context)
    assert calls == []


@pytest.mark.usefixtures("golden")
@pytest.mark.parametrize(("code", "more"), [*MAY_PASS, ("ModelError", {"OriginalStatusCode": 415})])
def test_what_cannot_be_verified_by_the_last_try_does_not_stay_live(
    context: Context, monkeypatch: pytest.MonkeyPatch, code: str, more: dict[str, int]
) -> None:
    live(monkeypatch, "InService", CONFIG)
    calls = refuse_scores(monkeypatch, code, **more)
    body = request("verify_endpoint", last_try=True)
    answer = Verification.model_validate(verify.handler(body, context))
    assert answer.verdict == "failed"
    assert [name for name, _ in calls] == ["delete_endpoint"]


@pytest.mark.usefixtures("golden")
def test_an_endpoint_that_was_put_back_already_is_not_touched_again(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(monkeypatch, "InService", "old")
    calls = Calls()
    calls.patch(monkeypatch, verify.sagemaker, "update_endpoint", "delete_endpoint")
    assert verified(context).verdict == "failed"
    assert calls == []


@pytest.mark.usefixtures("golden")
def test_an_endpoint_that_is_gone_is_a_failure_not_a_fault(context: Context) -> None:
    assert verified(context).verdict == "failed"
