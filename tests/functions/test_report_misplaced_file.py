from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.report_misplaced_file import app
from sluice.runs.aws.misplaced import MAX_NOTICES_AN_HOUR
from tests.functions.conftest import INBOX, Aws, Context, request

Notices = list[dict[str, Any]]


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> Notices:
    sent: Notices = []
    monkeypatch.setattr(app.sns, "publish", lambda **notice: sent.append(notice))
    return sent


def report(context: Context, key: str, time: str = "2026-11-23T09:00:00Z") -> dict[str, bool]:
    event = request("report_misplaced_file")
    event["time"] = time
    event["detail"]["bucket"]["name"] = INBOX
    event["detail"]["object"]["key"] = key
    return app.handler(event, context)


def test_a_file_in_the_wrong_place_is_logged_counted_and_told_with_the_way_out(
    aws: Aws, context: Context, notices: Notices, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(context, "incomming/churn/june.csv") == {"misplaced": True, "told": True}
    (notice,) = notices
    assert notice["Message"].startswith("incomming/churn/june.csv starts nothing")
    assert "Put it into incoming/churn/june.csv." in notice["Message"]
    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["level"], line["key"]) == ("WARNING", "incomming/churn/june.csv")
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metric["MisplacedFiles"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Sluice"


def test_a_bulk_copy_sends_one_notice_and_logs_each_file(
    aws: Aws, context: Context, notices: Notices, log: io.StringIO
) -> None:
    for number in range(20):
        report(context, f"incomming/churn/{number}.csv")
    assert len(notices) == 1
    assert len([line for line in log.getvalue().splitlines() if "starts nothing" in line]) == 20


def test_a_bulk_copy_to_many_places_sends_a_few_notices_an_hour(aws: Aws, context: Context, notices: Notices) -> None:
    for number in range(20):
        report(context, f"folder-{number}/june.csv")
    assert len(notices) == MAX_NOTICES_AN_HOUR
    assert report(context, "folder-0/june.csv", "2026-11-23T10:00:00Z")["told"]
    assert len(notices) == MAX_NOTICES_AN_HOUR + 1


def test_a_notice_that_was_not_sent_is_sent_with_the_next_attempt(
    aws: Aws, context: Context, notices: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "Publish")

    with monkeypatch.context() as broken:
        broken.setattr(app.sns, "publish", refused)
        with pytest.raises(ClientError):
            report(context, "churn.csv")
    assert report(context, "churn.csv")["told"]
    assert len(notices) == 1


def test_a_configuration_is_told_only_if_it_seems_to_be_for_other_files(
    aws: Aws, context: Context, notices: Notices, log: io.StringIO
) -> None:
    aws.put(INBOX, "incoming/churn/june.csv", "a,b\n1,2\n")
    assert not report(context, "datasets/churn/config.yaml")["misplaced"]
    assert not report(context, "datasets/titanic/config.yaml")["misplaced"]
    assert notices == []
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["level"], line["key"]) for line in lines] == [
        ("INFO", "datasets/churn/config.yaml"),
        ("INFO", "datasets/titanic/config.yaml"),
    ]
    assert report(context, "datasets/chrun/config.yaml")["told"]
    assert "put it into datasets/churn/config.yaml" in notices[0]["Message"]
