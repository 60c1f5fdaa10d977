"""A person's word on a model: asked for, given by a signed request, taken once."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime
from typing import Any

import pytest

from functions.ask_for_approval import app as asking
from functions.decide_approval import app as deciding
from sluice.messages import AcceptedModel, Approval
from sluice.runs.approval import APPROVAL_SECONDS, Question, caller_name, deadline, notice
from sluice.runs.aws.approval import read_pending
from sluice.runs.aws.claim import claim_run
from sluice.runs.aws.ledger import close_run, run_key
from sluice.runs.outcome import close
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, request
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


def claim(aws: Aws, **changes: Any) -> None:
    assert claim_run(aws.dynamodb, TABLE, GOOD.run.model_copy(update=changes), lambda _: True)


def run_item(aws: Aws) -> dict[str, Any]:
    return dict(aws.dynamodb.get_item(TableName=TABLE, Key=run_key(RUN_ID))["Item"])


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


def test_the_ledger_shows_that_a_run_waits_until_when_and_for_what(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    claim(aws)
    ask(context)
    item = run_item(aws)
    assert item["status"] == {"S": "awaiting_approval"}
    question = Question.read(item["question"]["S"])
    pending = read_pending(aws.dynamodb, TABLE, RUN_ID)
    assert pending is not None
    assert datetime.fromisoformat(question.expires_at).timestamp() == int(pending.expires_at)
    assert question.metrics is not None
    assert question.metrics.loss == 0.1
    assert [gate.name for gate in question.gates] == ["log_loss.max_of_prior"]
    assert question.artifacts == {
        "report": f"s3://{ARTIFACTS}/{aws.layout.report}",
        "evaluation": f"s3://{ARTIFACTS}/{aws.layout.evaluation}",
    }
    decide(context)
    assert (run_item(aws)["status"], "question" in run_item(aws)) == ({"S": "running"}, False)


def test_a_run_whose_decision_was_made_before_waits_no_more(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    claim(aws)
    ask(context)
    decide(context)
    ask(context, task="the next execution's")
    assert (run_item(aws)["status"], "question" in run_item(aws)) == ({"S": "running"}, False)


def test_asking_leaves_a_run_alone_that_another_execution_owns_or_that_is_closed(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    claim(aws, execution_arn=f"{GOOD.run.execution_arn}-2")
    ask(context)
    assert run_item(aws)["status"] == {"S": "queued"}
    claim(aws)
    close_run(aws.dynamodb, TABLE, close(GOOD, "2026-11-23T09:07:00+00:00", ARTIFACTS), GOOD)
    ask(context)
    assert run_item(aws)["status"] == {"S": "deployed"}


def test_a_run_that_nobody_decided_on_is_closed_without_its_question(
    aws: Aws, context: Context, told: Told, notices: list[dict[str, str]]
) -> None:
    claim(aws)
    ask(context)
    assert "question" in run_item(aws)
    close_run(aws.dynamodb, TABLE, close(GOOD, "2026-11-26T09:07:00+00:00", ARTIFACTS), GOOD)
    assert "question" not in run_item(aws)


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


@pytest.mark.parametrize(
    ("partition", "region", "start"),
    [
        ("aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com/s3/object/b?region=eu-west-1&prefix=d/runs/"),
        (
            "aws-cn",
            "cn-north-1",
            "https://cn-north-1.console.amazonaws.cn/s3/object/b?region=cn-north-1&prefix=d/runs/",
        ),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/s3/object/b?region=us-gov-west-1&prefix=d/runs/",
        ),
    ],
)
def test_the_question_links_page_and_figures(partition: str, region: str, start: str) -> None:
    run = GOOD.run.model_copy(update={"execution_arn": f"arn:{partition}:states:{region}:123456789012:execution:m:e"})
    assert isinstance(GOOD.evaluation, AcceptedModel)
    evaluation = GOOD.evaluation.model_copy(update={"evaluation_uri": "s3://b/d/runs/1/evaluation.json"})
    _, text = notice(run, evaluation, "s3://b/d/runs/1/report.html", "https://url/", 0)
    assert f"{start}1/report.html" in text
    assert f"{start}1/evaluation.json" in text


def test_the_question_says_until_when_and_how_good_the_model_is() -> None:
    assert isinstance(GOOD.evaluation, AcceptedModel)
    _, text = notice(GOOD.run, GOOD.evaluation, "s3://b/report.html", "https://url/", 1_795_684_000)
    assert "Approve or reject it by 2026-11-26 09:06 UTC." in text
    assert "Log loss is 0.1000 on 85 held-out rows, 15% of the baseline's 0.6602." in text
    assert "Passed: log_loss.max_of_prior: " in text


def test_a_question_that_a_newer_release_wrote_is_read() -> None:
    newer = {"schema_version": 2, "asked_at": "a", "expires_at": "b", "asked_of": "everybody"}
    assert Question.read(json.dumps(newer)).expires_at == "b"


def test_a_person_has_three_days_to_decide() -> None:
    asked_at = "2026-11-23T09:06:41.123Z"
    assert deadline(asked_at) == "2026-11-26T09:06:41+00:00"


def test_the_subject_is_one_that_sns_takes() -> None:
    assert isinstance(GOOD.evaluation, AcceptedModel)
    subject, _ = notice(GOOD.run, GOOD.evaluation, "s3://b/report.html", "https://url/", 0)
    assert len(subject) <= 100
    assert subject.isascii()
