from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.live_model import documents, in_months, log_objects, quiet
from tests.unit.cli.conftest import ARTIFACTS, DATASET, FIRST, World

TODAY = datetime.now(UTC).date()


@pytest.fixture
def live(world: World) -> World:
    world.crown(FIRST)
    for key, text in documents(DATASET, FIRST).items():
        world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=text.encode())
    return world


def log(world: World, days_ago: int, *, drifts: bool = False) -> None:
    lines = quiet(300, FIRST)
    day = TODAY - timedelta(days=days_ago)
    for key, body in log_objects(DATASET, day, in_months(lines) if drifts else lines).items():
        world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=body)


def test_a_model_whose_predictions_are_like_its_table_is_ok_with_status_0(live: World) -> None:
    log(live, 0)
    called = live.call("monitor", DATASET)
    assert called.exit_code == 0, called.output
    assert f"the model of run {FIRST}: ok" in called.stdout
    assert "In 300 predictions nothing moved" in called.stdout
    assert "plan" in called.stdout


def test_a_model_that_drifts_is_told_with_the_column_and_status_1(live: World) -> None:
    log(live, 0, drifts=True)
    called = live.call("monitor", DATASET)
    assert called.exit_code == 1
    assert "drifting" in called.stdout
    assert "column `age`" in called.stdout
    (row,) = [line for line in called.stdout.splitlines() if line.split()[:1] == ["age"]]
    assert row.endswith("outside range, distribution")


def test_the_document_is_the_report(live: World) -> None:
    log(live, 0)
    found = live.document("monitor", DATASET, "--since", "1d")
    assert (found["state"], found["rows"], found["since"], found["schema_version"]) == ("ok", 300, f"{TODAY}", 1)
    assert len(found["columns"]) == 3


def test_only_the_days_that_are_asked_for_count(live: World) -> None:
    log(live, 5, drifts=True)
    assert live.document("monitor", DATASET, "--since", "3d", status=1)["state"] == "silent"
    assert live.document("monitor", DATASET, "--since", f"{TODAY - timedelta(days=5)}", status=1)["state"] == "drifting"


def test_where_nothing_is_live_the_answer_is_no(world: World) -> None:
    called = world.call("monitor", DATASET)
    assert called.exit_code == 1
    assert "Nothing is live" in called.stderr


def test_what_is_no_day_is_a_wrong_call(live: World) -> None:
    called = live.call("monitor", DATASET, "--since", "yesterday")
    assert called.exit_code == 2
    assert "'yesterday' is no day; write one such as 2026-11-23" in called.stderr


def test_a_lost_document_is_a_sentence(live: World) -> None:
    live.s3.delete_object(Bucket=ARTIFACTS, Key=next(key for key in documents(DATASET, FIRST) if "recipe" in key))
    called = live.call("monitor", DATASET)
    assert called.exit_code == 2
    assert "recipe.json is gone" in called.stderr
