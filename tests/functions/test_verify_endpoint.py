from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from functions.verify_endpoint import app as verify
from sluice.dataset.config import DatasetConfig
from sluice.endpoint.requests import endpoint_config_request
from sluice.endpoint.verification import MAX_NOT_READY_SECONDS, NOT_READY_WAIT_SECONDS
from sluice.messages import Verification
from tests.functions.conftest import ARTIFACTS, Aws, Context, request
from tests.messages import GOOD

NAME = "sluice-breast-cancer"
CONFIG = f"sluice-breast-cancer-{GOOD.run.run_id}"
ROWS = ["1,2", "3,"]
SERVERLESS = {"VariantName": "champion", "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
INSTANCE = {"VariantName": "champion", "CurrentInstanceCount": 1}


def refusal(code: str = "ModelError", **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "not now"}, **more}
    return ClientError(answer, "InvokeEndpoint")


BAD_REQUEST = refusal(OriginalStatusCode=400)


class Endpoint:
    """What is asked of the endpoint, and what it answers: to the golden rows, and to anything else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, aws: Aws, **settings: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.scores: str | Exception = "0.25\n0.7500001\n"
        self.to_bad: dict[str, str | Exception] = {}
        self.config: dict[str, Any] = {"endpoint": settings}
        aws.put(ARTIFACTS, aws.layout.config, json.dumps(self.config))
        aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": ROWS, "scores": [0.25, 0.75]}))
        self.description: dict[str, Any] | None = {
            "EndpointStatus": "InService",
            "EndpointConfigName": CONFIG,
            "ProductionVariants": [INSTANCE if settings.get("kind") == "instance" else SERVERLESS],
        }
        config = DatasetConfig.model_validate(self.config)
        self.configuration = endpoint_config_request(GOOD.run, config, verify.settings)
        monkeypatch.setattr(verify, "describe_endpoint", lambda *_: self.description)
        monkeypatch.setattr(verify.sagemaker, "describe_endpoint_config", lambda **_: self.configuration)
        monkeypatch.setattr(verify.runtime, "invoke_endpoint", self._answer)

    def _answer(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        body = arguments["Body"].decode()
        kind = "empty" if not body else "text" if "text" in body else "wide"
        answer = self.scores if body == "\n".join(ROWS) else self.to_bad.get(kind, BAD_REQUEST)
        if isinstance(answer, Exception):
            raise answer
        return {"Body": io.BytesIO(answer.encode())}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Endpoint:
    return Endpoint(monkeypatch, aws)


def verified(
    context: Context, *, last_try: bool = False, before: Verification | None = None, **deployment: Any
) -> Verification:
    body = request("verify_endpoint", last_try=last_try, verification=before and before.model_dump(mode="json"))
    body["deployment"].update(deployment)
    return Verification.model_validate(verify.handler(body, context))


def test_an_endpoint_that_gives_the_offline_scores_is_verified(endpoint: Endpoint, context: Context) -> None:
    answer = verified(context)
    assert (answer.verdict, answer.rows) == ("verified", 2)
    assert endpoint.asked[0]["Body"] == b"1,2\n3,"
    assert endpoint.asked[0]["ContentType"] == "text/csv"


def test_it_is_asked_for_the_errors_that_it_must_give(endpoint: Endpoint, context: Context) -> None:
    verified(context)
    text, wide, empty = (asked["Body"].decode() for asked in endpoint.asked[1:])
    assert set(text.split(",")) == {"text"}
    assert len(wide.split(",")) == GOOD.validation.features + 1  # type: ignore[union-attr]
    assert empty == ""


@pytest.mark.parametrize(("kind", "named"), [("text", "a row of text"), ("wide", "too wide"), ("empty", "empty body")])
def test_an_endpoint_that_scores_what_is_no_row_is_not_verified(
    endpoint: Endpoint, context: Context, kind: str, named: str
) -> None:
    endpoint.to_bad = {kind: "0.5\n"}
    answer = verified(context)
    assert (answer.verdict, answer.rows) == ("failed", 2)
    assert named in answer.reasons[0]


def test_no_content_is_an_answer_to_an_empty_body(endpoint: Endpoint, context: Context) -> None:
    endpoint.to_bad = {"empty": ""}
    assert verified(context).verdict == "verified"


@pytest.mark.parametrize("answer", ["", "\n", BAD_REQUEST, refusal("ValidationError"), "no rows were sent"])
def test_whatever_but_a_score_is_an_answer_to_an_empty_body(
    endpoint: Endpoint, context: Context, answer: str | ClientError
) -> None:
    endpoint.to_bad = {"empty": answer}
    assert verified(context).verdict == "verified"


def test_an_endpoint_of_many_classes_is_verified_on_each_probability(
    aws: Aws, endpoint: Endpoint, context: Context
) -> None:
    offline = [[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]
    aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": ROWS, "scores": offline}))
    endpoint.scores = "[0.1, 0.2, 0.7]\n[0.5, 0.25, 0.25]\n"
    assert verified(context).verdict == "verified"
    endpoint.scores = "[0.1, 0.7, 0.2]\n[0.5, 0.25, 0.25]\n"
    assert verified(context).verdict == "failed"


@pytest.mark.parametrize("body", ["0.25\n0.5\n", "0.25\n", "nan\n0.75\n", "<html>"])
def test_an_endpoint_that_differs_is_not_verified(endpoint: Endpoint, context: Context, body: str) -> None:
    endpoint.scores = body
    assert verified(context).verdict == "failed"


MAY_PASS = [
    refusal("ThrottlingException"),
    refusal(OriginalStatusCode=0),
    refusal(OriginalStatusCode=503),
]


@pytest.mark.parametrize("error", MAY_PASS)
def test_an_endpoint_that_is_not_there_yet_is_asked_again(
    endpoint: Endpoint, context: Context, error: ClientError
) -> None:
    endpoint.scores = error
    with pytest.raises(ClientError, match="not now"):
        verified(context)


@pytest.mark.parametrize("status", [0, 415, 503])
def test_a_model_that_does_not_answer_by_the_last_try_is_not_verified(
    endpoint: Endpoint, context: Context, status: int
) -> None:
    endpoint.scores = refusal(OriginalStatusCode=status)
    assert verified(context, last_try=True).verdict == "failed"


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalFailure"])
def test_that_aws_does_not_answer_by_the_last_try_is_a_fault_and_says_nothing_of_the_model(
    endpoint: Endpoint, context: Context, code: str
) -> None:
    endpoint.scores = refusal(code)
    with pytest.raises(ClientError, match="not now"):
        verified(context, last_try=True)


@pytest.mark.parametrize("error", [refusal("ModelNotReadyException"), ReadTimeoutError(endpoint_url="https://runtime")])
@pytest.mark.parametrize("last_try", [False, True])
def test_a_variant_that_is_being_provisioned_is_asked_again_and_is_no_models_fault(
    endpoint: Endpoint, context: Context, error: Exception, last_try: bool
) -> None:
    endpoint.scores = error
    answer = verified(context, last_try=last_try)
    assert (answer.verdict, answer.reasons) == ("not_ready", ())
    assert 0 < answer.wait_seconds <= answer.waited_seconds
    endpoint.scores = "0.25\n0.7500001\n"
    assert verified(context, before=answer).verdict == "verified"


def test_a_variant_that_is_not_ready_for_minutes_is_not_verified(endpoint: Endpoint, context: Context) -> None:
    endpoint.scores = refusal("ModelNotReadyException")
    answer, looks = verified(context), 1
    while answer.verdict == "not_ready":
        assert answer.waited_seconds == looks * NOT_READY_WAIT_SECONDS
        answer, looks = verified(context, before=answer), looks + 1
    assert answer.verdict == "failed"
    assert "within 15 minutes" in answer.reasons[0]
    assert looks * NOT_READY_WAIT_SECONDS > MAX_NOT_READY_SECONDS


def test_a_fault_while_asking_for_errors_is_no_verification(endpoint: Endpoint, context: Context) -> None:
    endpoint.to_bad = {"text": refusal(OriginalStatusCode=500)}
    with pytest.raises(ClientError):
        verified(context)
    assert verified(context, last_try=True).verdict == "failed"


def test_another_configuration_than_the_one_asked_for_is_not_verified(endpoint: Endpoint, context: Context) -> None:
    assert endpoint.description
    endpoint.description["EndpointConfigName"] = "old"
    answer = verified(context)
    assert answer.verdict == "failed"
    assert "old is live" in answer.reasons[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ModelName": "another"}, "ModelName"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5}}, "ServerlessConfig"),
        ({"VariantName": "other"}, "ProductionVariants"),
    ],
)
def test_a_configuration_that_says_something_else_is_not_verified(
    endpoint: Endpoint, context: Context, change: dict[str, Any], named: str
) -> None:
    endpoint.configuration["ProductionVariants"][0] |= change
    answer = verified(context)
    assert answer.verdict == "failed"
    assert named in answer.reasons[0]
    assert not endpoint.asked


def test_an_endpoint_that_is_gone_is_a_failure_not_a_fault(endpoint: Endpoint, context: Context) -> None:
    endpoint.description = None
    assert verified(context).verdict == "failed"


def test_golden_rows_of_a_newer_release_are_no_verification(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"schema_version": 2, "rows": ROWS, "scores": [0.25, 0.75]}))
    answer = verified(context)
    assert answer.verdict == "failed"
    assert "golden rows were made by a newer Sluice: golden rows version 2, this one reads up to 1" in answer.reasons[0]
    assert endpoint.asked == []


def test_no_golden_rows_are_no_verification(aws: Aws, endpoint: Endpoint, context: Context) -> None:
    aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": [], "scores": []}))
    assert verified(context).verdict == "failed"


def test_autoscaling_is_part_of_what_was_asked_for(aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    Endpoint(monkeypatch, aws, kind="instance", autoscaling={"max": 4})
    calls: dict[str, dict[str, Any]] = {}
    for name in ("register_scalable_target", "put_scaling_policy"):
        monkeypatch.setattr(verify.autoscaling, name, lambda _name=name, **arguments: calls.update({_name: arguments}))
    assert verified(context).verdict == "verified"
    target, policy = calls.values()
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    assert target["ResourceId"] == policy["ResourceId"] == f"endpoint/{NAME}/variant/champion"


def test_autoscaling_that_is_refused_is_not_verified(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    Endpoint(monkeypatch, aws, kind="instance", autoscaling={"max": 4})

    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "RegisterScalableTarget")

    monkeypatch.setattr(verify.autoscaling, "register_scalable_target", refused)
    answer = verified(context)
    assert answer.verdict == "failed"
    assert "RegisterScalableTarget" in answer.reasons[0]
