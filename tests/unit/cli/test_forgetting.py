from __future__ import annotations

import json

import pytest

from sluice.dataset.config import DatasetConfig, stored_config
from sluice.layout import RunLayout

from .conftest import ARTIFACTS, DATASET, FIRST, World

OBJECT = f"{DATASET}/predictions/day=2026-11-05/070809-abc.jsonl"
LINES = [{"key": "17", "record": {}}, {"key": "18", "record": {}}, {"record": {"customer": 17.0}}]


def put(world: World, key: str, body: str) -> None:
    world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=body.encode())


@pytest.fixture
def kept(world: World) -> World:
    """A log with a line of the key 17, and one that was kept before its column was named."""
    put(world, OBJECT, "".join(json.dumps(line) + "\n" for line in LINES))
    return world


def deploy(world: World, key: str | None) -> None:
    world.crown(FIRST)
    stored = stored_config(DatasetConfig.model_validate({"key": key}))
    put(world, RunLayout(DATASET, FIRST).config, json.dumps(stored))


def left(world: World) -> list[str | None]:
    raw = world.s3.get_object(Bucket=ARTIFACTS, Key=OBJECT)["Body"].read()
    return [json.loads(line).get("key") for line in raw.splitlines()]


def test_a_key_is_forgotten_with_what_was_kept_before_it_was_one(kept: World) -> None:
    deploy(kept, "customer")
    called = kept.call("forget", DATASET, "17", "--yes")
    assert called.exit_code == 0, called.stderr
    lines = called.stdout.splitlines()
    assert lines[0] == f"2 lines removed from the log of {DATASET}, in 1 object."
    assert "A trained model cannot forget" in called.stdout
    assert "Captured" not in called.stdout
    assert left(kept) == ["18"]
    assert kept.document("forget", DATASET, "17", "-y") == {
        "dataset": DATASET,
        "lines": 0,
        "objects": 0,
        "old_versions": 0,
        "captured": None,
    }


def test_captured_data_is_named_as_what_cannot_be_looked_through(kept: World) -> None:
    put(kept, f"{DATASET}/captured/e/champion/x.jsonl", "{}")
    called = kept.call("forget", DATASET, "17", "--yes")
    assert f"s3://{ARTIFACTS}/{DATASET}/captured/" in called.stdout
    assert left(kept) == ["18", None]  # nothing is live that says which column the key is


@pytest.mark.parametrize(("said", "status"), [("n\n", 1), ("", 2)])
def test_nothing_is_forgotten_before_a_person_agrees(kept: World, said: str, status: int) -> None:
    assert kept.call("forget", DATASET, "17", said=said).exit_code == status
    assert left(kept) == ["17", "18", None]


def test_a_dataset_without_a_key_is_told_how_to_have_one(kept: World) -> None:
    deploy(kept, None)
    called = kept.call("forget", DATASET, "19", "--yes")
    assert (called.exit_code, "its live model has no `key`" in called.stderr) == (1, True)


def test_an_object_that_is_no_file_of_the_log_is_named(kept: World) -> None:
    put(kept, OBJECT, "s3cret")
    called = kept.call("forget", DATASET, "17", "--yes")
    assert (called.exit_code, f"s3://{ARTIFACTS}/{OBJECT}: line 1 is no prediction." in called.stderr) == (2, True)
