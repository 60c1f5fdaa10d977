"""A person's word on a model: asked for, given by a signed request, taken once."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from functions.ask_for_approval import app as asking
from functions.decide_approval import app as deciding
from sluice.messages import Approval
from sluice.runs.approval import APPROVAL_SECONDS, caller_name, notice
from sluice.runs.aws.approval import read_pending
from tests.functions.conftest import TABLE, Aws, Context, request
from tests.messages import GOOD

RUN_ID = GOOD.run.run_id


class Told(list[tuple[str, Approval]]):
    """What the state machine was told: token and decision."""

    def send(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - boto3's name
        self.append((taskToken, Approval.model_validate_json(output)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    found = Told()
    for module in (asking, deciding):
        monkeypatch.setattr(module.stepfunctions, "send_task_success", found.send)
    return found


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    monkeypatch.setattr(asking.sns, "publish", lambda **arguments: found.append(arguments))
    return found


def ask(context: Context, task: str = "token") -> None:
    assert asking.handler(request("ask_for_approval", task_token=task), context)["verdict"] == "asked"


def decide(context: Context, method: str = "POST", by: str = "alice", **word: Any) -> tuple[int, dict[str, Any]]:
    event = request("decide_approval")
    event["requestContext"]["http"]["method"] = method
    event["requestContext"]["authorizer"]["iam"]["userArn"] = f"arn:aws:iam::123456789012:user/{by}"
    event["body"] = json.dumps({"run_id": RUN_ID, "decision": "approved", **word})
    answer = deciding.handler(event, context)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_question_carries_the_report_and_no_link_that_decides(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    ask(context)
    ((sent),) = notices
    assert "report.html" in sent["Message"]
    assert f"sluice approve {RUN_ID}" in sent["Message"]
    assert asking.settings.approval_url in sent["Message"]
    assert "token" not in sent["Message"].replace("security-token", "").lower().replace("session_token", "")
    assert told == []


def test_a_decision_lets_the_run_go_on_and_is_kept_with_who_made_it(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    ask(context)
    status, answer = decide(context, comment="looks right")
    assert status == 200
    assert (answer["run_id"], answer["decision"], answer["decided_by"]) == (RUN_ID, "approved", "user/alice")
    ((token, approval),) = told
    assert token == "token"
    assert (approval.decision, approval.decided_by, approval.comment) == ("approved", "user/alice", "looks right")
    pending = read_pending(aws.dynamodb, TABLE, RUN_ID)
    assert pending is not None
    assert pending.approval == approval


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_a_post_decides(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]], method: str
) -> None:
    ask(context)
    assert decide(context, method)[0] == 405
    assert told == []


def test_the_first_decision_stands(aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]) -> None:
    ask(context)
    decide(context, decision="rejected")
    status, answer = decide(context, by="bob", decision="approved")
    assert status == 409
    assert "rejected by user/alice" in answer["message"]
    assert len(told) == 1


def test_the_same_decision_again_tells_the_run_again(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    ask(context)
    decide(context)
    status, answer = decide(context, by="bob")
    assert (status, answer["decided_by"]) == (200, "user/alice")
    assert [approval.decided_by for _, approval in told] == ["user/alice", "user/alice"]


def test_a_run_that_goes_on_after_a_fault_asks_nobody_twice(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    ask(context)
    decide(context)
    ask(context, task="the next execution's")
    assert told[-1][0] == "the next execution's"
    assert len(notices) == 1


def test_after_its_time_nothing_is_decided(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(context)
    later = time.time() + APPROVAL_SECONDS + 1
    monkeypatch.setattr("functions.decide_approval.app.time.time", lambda: later)
    assert decide(context)[0] == 410
    assert told == []


def test_a_run_that_nobody_asked_about_is_not_there(aws: Aws, context: Context, told: Told) -> None:
    status, answer = decide(context)
    assert (status, RUN_ID in answer["message"]) == (404, True)


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", '{"run_id": "x", "decision": "approved"}', '{"run_id": "0123456789ab", "decision": "maybe"}', "é"],
)
def test_what_is_no_decision_is_refused_with_an_example(aws: Aws, context: Context, told: Told, body: str) -> None:
    event = request("decide_approval")
    for encoded in (False, True):
        event["body"] = base64.b64encode(body.encode()).decode() if encoded else body
        event["isBase64Encoded"] = encoded
        answer = deciding.handler(event, context)
        assert answer["statusCode"] == 400
        assert "run_id" in json.loads(answer["body"])["message"]


def test_a_run_that_does_not_wait_any_more_keeps_the_decision(
    aws: Aws, context: Context, notices: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(context)

    def gone(**_: str) -> None:
        answer: Any = {"Error": {"Code": "TaskTimedOut", "Message": "gone"}}
        raise deciding.stepfunctions.exceptions.TaskTimedOut(answer, "SendTaskSuccess")

    monkeypatch.setattr(deciding.stepfunctions, "send_task_success", gone)
    assert decide(context)[0] == 200


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::123456789012:user/alice", "user/alice"),
        ("arn:aws:sts::123456789012:assumed-role/Admin/alice@x.org", "assumed-role/Admin/alice@x.org"),
        ("arn:aws:iam::123456789012:root", "root"),
        ("arn:aws-cn:sts::123456789012:federated-user/123456789012", "federated-user/-"),
    ],
)
def test_people_are_named_without_their_account(arn: str, name: str) -> None:
    assert caller_name(arn) == name


def test_the_subject_is_one_that_sns_takes() -> None:
    assert GOOD.evaluation is not None
    subject, _ = notice(GOOD.run, GOOD.evaluation, "s3://b/report.html", "https://url/", 0)
    assert len(subject) <= 100
    assert subject.isascii()
