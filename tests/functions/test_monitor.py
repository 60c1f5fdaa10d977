from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.monitor import app
from sluice.endpoint.requests import VARIANT
from sluice.layout import RunLayout, monitor_report_key
from sluice.monitoring.report import MonitorReport
from tests.functions.conftest import ARTIFACTS, REGION, TABLE, Aws, Context, request
from tests.live_model import documents, in_months, log_objects, quiet

RUN = "111111111111"
DAY = date(2026, 11, 22)
"""The day before that of the event."""


class Watched:
    """Live models with their logs, and what is told of them."""

    def __init__(self, aws: Aws, context: Context, sent: list[dict[str, Any]]) -> None:
        self.aws, self.context, self.sent = aws, context, sent

    def live(self, dataset: str = "churn", **config: Any) -> None:
        for key, text in documents(dataset, RUN, **{"monitor": {"every": "1d"}, **config}).items():
            self.aws.put(ARTIFACTS, key, text)
        item = {"pk": f"DATASET#{dataset}", "run_id": RUN, "config_name": f"sluice-{dataset}-{RUN}"}
        self.aws.dynamodb.put_item(TableName=TABLE, Item={key: {"S": value} for key, value in item.items()})

    def log(self, lines: Iterable[dict[str, Any]], day: date = DAY, dataset: str = "churn") -> None:
        for key, body in log_objects(dataset, day, lines).items():
            self.aws.put(ARTIFACTS, key, body)

    def round(self, days: int = 0, hour: int = 1) -> dict[str, int]:
        at = datetime(2026, 11, 23, hour, tzinfo=UTC) + timedelta(days=days)
        return app.handler(request("monitor", time=f"{at:%Y-%m-%dT%H:%M:%SZ}"), self.context)

    def report(self, day: date = DAY, dataset: str = "churn") -> MonitorReport:
        return MonitorReport.read(self.aws.read(monitor_report_key(dataset, day)))


@pytest.fixture
def watched(aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> Watched:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(app.sns, "publish", lambda **notice: sent.append(notice))
    return Watched(aws, context, sent)


def test_a_report_is_made_of_yesterday_once(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    watched.live()
    watched.log(quiet(300, RUN))
    assert watched.round() == {"watched": 1, "reports": 1, "drifting": 0, "faults": 0}
    found = watched.report()
    assert (found.state, found.since, found.until, found.rows) == ("ok", "2026-11-22", "2026-11-22", 300)
    assert not watched.sent
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(line.get("dataset"), line.get("MonitoredPredictions")) for line in metrics] == [
        ("churn", [300.0]),
        (None, None),
    ]
    assert metrics[1]["DriftingModels"] == [0.0]
    assert metrics[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    assert watched.round(hour=2) == {"watched": 1, "reports": 0, "drifting": 0, "faults": 0}


def test_a_notice_is_sent_when_the_state_changes_and_not_every_day(watched: Watched) -> None:
    watched.live()
    for days in range(4):
        lines = quiet(300, RUN) if days == 3 else in_months(quiet(300, RUN))
        watched.log(lines, DAY + timedelta(days=days))
    assert [watched.round(days)["drifting"] for days in range(4)] == [1, 1, 1, 0]
    assert [one["Subject"] for one in watched.sent] == [
        "Sluice: the model of churn is drifting",
        "Sluice: the model of churn is ok",
    ]
    text = watched.sent[0]["Message"]
    assert "- column `age`: 100.0% of the values are outside the contract's range" in text
    assert "sluice monitor churn --since 2026-11-22" in text


def test_a_model_that_drifts_counts_in_each_round_until_it_does_not(watched: Watched) -> None:
    watched.live()
    watched.log(in_months(quiet(300, RUN)))
    assert [watched.round(hour=hour)["drifting"] for hour in (1, 2, 3)] == [1, 1, 1]


def test_a_notice_that_could_not_be_sent_is_sent_in_the_next_round(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.live()
    watched.log(in_months(quiet(300, RUN)))
    with monkeypatch.context() as broken:

        def refuse(**_: Any) -> None:
            raise RuntimeError

        broken.setattr(app.sns, "publish", refuse)
        assert watched.round()["faults"] == 1
    assert watched.round(hour=2) == {"watched": 1, "reports": 1, "drifting": 1, "faults": 0}
    assert len(watched.sent) == 1


def test_the_fault_of_one_dataset_does_not_keep_the_others_from_their_reports(watched: Watched) -> None:
    for dataset in ("broken", "churn", "off", "unkept"):
        watched.live(dataset, **({"monitor": False} if dataset == "off" else {}))
    watched.log(quiet(300, RUN))
    watched.aws.s3.delete_object(Bucket=ARTIFACTS, Key=RunLayout("broken", RUN).recipe)
    for hour in range(4):
        told = watched.round(hour=hour)
        assert (told["watched"], told["faults"]) == (3, 1)
    assert watched.report().state == "ok"
    assert watched.report(dataset="unkept").state == "silent"


def test_a_report_may_be_on_several_days(watched: Watched) -> None:
    watched.live(monitor={"every": "7d"})
    watched.log(quiet(150, RUN), DAY - timedelta(days=6))
    watched.log(quiet(150, RUN, seed=1))
    assert watched.round()["reports"] == 1
    found = watched.report()
    assert (found.since, found.rows, found.compared) == ("2026-11-16", 300, True)
    assert [watched.round(days)["reports"] for days in (1, 6, 7)] == [0, 0, 1]


def test_nothing_live_is_nothing_to_watch(watched: Watched) -> None:
    watched.log(quiet(3, RUN))
    assert watched.round() == {"watched": 0, "reports": 0, "drifting": 0, "faults": 0}


def test_with_little_time_left_the_rest_is_for_the_next_round(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.live()
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 30_000)
    assert watched.round()["watched"] == 0


def test_what_cloudwatch_counted_of_the_endpoint_is_in_the_report(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.live()
    cloudwatch: Any = boto3.client("cloudwatch", region_name=REGION)
    monkeypatch.setattr(app, "cloudwatch", cloudwatch)
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    of_endpoint = [
        {"Name": "EndpointName", "Value": "sluice-churn"},
        {"Name": "VariantName", "Value": VARIANT},
    ]
    for name, values in {"Invocations": [3, 4], "Invocation5XXErrors": [1], "ModelLatency": [2000, 4000]}.items():
        data = [{"MetricName": name, "Timestamp": at, "Value": value, "Dimensions": of_endpoint} for value in values]
        cloudwatch.put_metric_data(Namespace="AWS/SageMaker", MetricData=data)
    of_dataset = [{"Name": "dataset", "Value": "churn"}]
    refused = [{"MetricName": "PredictRefused", "Timestamp": at, "Value": v, "Dimensions": of_dataset} for v in (0, 1)]
    cloudwatch.put_metric_data(Namespace="Sluice", MetricData=refused)
    watched.round()
    found = watched.report().endpoint
    assert found is not None
    assert (found.invocations, found.server_errors, found.latency_ms, found.refused_share) == (7, 1, 3.0, 0.5)
