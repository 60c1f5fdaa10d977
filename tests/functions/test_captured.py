"""Captured data as the endpoint of a live model leaves it in S3, on moto."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from sluice.layout import captured_prefix
from sluice.prediction.aws.captured import captured_batches
from sluice.prediction.log import LogError, read_predictions
from tests.captured import LINE, RECORD, event, version
from tests.functions.conftest import ARTIFACTS, Aws

DAY = datetime.date(2026, 11, 5)
NOON = datetime.datetime(2026, 11, 5, 12, tzinfo=datetime.UTC)
FOLDER = f"{captured_prefix('churn')}sluice-churn/champion/2026/11/05"


def at(hour: int) -> str:
    captured: dict[str, Any] = json.loads(event(LINE, "0.3"))
    captured["eventMetadata"]["inferenceTime"] = f"2026-11-05T{hour:02d}:00:00Z"
    return json.dumps(captured) + "\n"


def read(aws: Aws) -> list[int]:
    """The hours of the predictions that are read."""
    batches = captured_batches(aws.s3, ARTIFACTS, "churn", "sluice-churn", [DAY], version(), NOON)
    found = list(read_predictions(b"".join(batches).splitlines()))
    assert all(one.record == RECORD for one in found)
    return [one.at.hour for one in found]


def test_captured_requests_of_a_day_are_read_from_when_the_model_became_live(aws: Aws) -> None:
    aws.put(ARTIFACTS, f"{FOLDER}/11/x.jsonl", at(11) + at(12))
    aws.put(ARTIFACTS, f"{FOLDER}/13/y.jsonl", at(13) + at(14))
    for other in ("sluice-churn/previous/2026/11/05", "sluice-churn-2/champion/2026/11/05"):
        aws.put(ARTIFACTS, f"{captured_prefix('churn')}{other}/13/z.jsonl", at(15))
    aws.put(ARTIFACTS, f"{FOLDER[:-2]}06/13/z.jsonl", at(16))
    assert read(aws) == [12, 13, 14]


def test_a_file_that_holds_something_else_is_named(aws: Aws) -> None:
    aws.put(ARTIFACTS, f"{FOLDER}/13/y.jsonl", "s3cret")
    with pytest.raises(LogError, match=f"s3://{ARTIFACTS}/{FOLDER}/13/y.jsonl: line 1"):
        read(aws)
