"""The live model is watched: predictions of the shipped function, compared by the shipped round and by the command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.signed_url import SignedUrl
from sluice.layout import monitor_report_key

from .conftest import LocalAws, learnable_rows, write_table
from .test_cli import HEADER, Command
from .test_deployment import configured
from .test_events import World

DATASET = "watched"


@pytest.fixture(scope="module")
def live(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> LocalAws:
    folder = tmp_path_factory.mktemp("monitor")
    config = configured(folder, predictions={"log_share": 1}, monitor={"every": "1d"})
    table = write_table(folder / "table.csv", HEADER, learnable_rows(600, seed=71))
    result = local_aws.result(local_aws.drop(table, "label", DATASET, config))
    assert result["outcome"] == "deployed", result["reasons"]
    return local_aws


def ask(live: LocalAws, rows: int, seed: int, scale: float) -> None:
    records = [
        {"size": scale * size, "colour": colour, "comment": "x"}
        for size, colour, _, _ in learnable_rows(rows, seed=seed)
    ]
    with SignedUrl(live.outputs["PredictUrl"], live.aws.endpoint_url) as url:
        assert url.ask(DATASET, json.dumps(records), "application/json").status == 200


def reported(live: LocalAws, day: datetime) -> Any:
    key = monitor_report_key(DATASET, day.date())
    return json.loads(live.object(f"s3://{live.outputs['ArtifactBucketName']}/{key}"))


@pytest.mark.timeout(600)
def test_predictions_in_another_unit_are_found_by_the_round_and_by_the_command(live: LocalAws, tmp_path: Path) -> None:
    world, sluice = World(live, tmp_path), Command(live)
    rule = world.client("events").describe_rule(Name=world.ids["MonitorRound"])
    (target,) = world.client("events").list_targets_by_rule(Rule=world.ids["MonitorRound"])["Targets"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert target["Arn"].endswith(f":{world.ids['MonitorFunction']}")

    ask(live, 300, seed=72, scale=1)
    quiet = sluice("monitor", DATASET)
    assert (quiet.returncode, quiet.stdout.splitlines()[0].rpartition(" ")[2]) == (0, "ok"), quiet.stdout + quiet.stderr

    ask(live, 600, seed=73, scale=100)
    now = datetime.now(UTC)
    tomorrow = {"source": "aws.events", "time": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    told = world.call("MonitorFunction", tomorrow)
    assert (told["watched"], told["reports"], told["drifting"], told["faults"]) == (1, 1, 1, 0)
    report = reported(live, now)
    assert (report["state"], report["rows"]) == ("drifting", 900)
    assert {finding["column"] for finding in report["findings"]} >= {"size"}
    assert report["endpoint"] is not None
    assert world.call("MonitorFunction", tomorrow)["reports"] == 0

    drifting = sluice("monitor", DATASET)
    assert drifting.returncode == 1
    assert "column `size`" in drifting.stdout
