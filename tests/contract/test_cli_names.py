"""The command line names runs and datasets as the state machine's first state does."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonata
import pytest

from cli.names import dataset_name, is_run_id, run_id

PIPELINE = Path(__file__).parents[2] / "statemachine" / "pipeline.asl.json"
EXPRESSION: str = json.loads(PIPELINE.read_text())["States"]["NameRun"]["Assign"]["run"]


def named(folder: str, **of_object: str) -> dict[str, Any]:
    """What the first state makes of the event of a file in a folder."""
    found = {"key": f"incoming/{folder}/a.csv", "etag": "e", "sequencer": "00F1", "size": 1, **of_object}
    states = {
        "input": {"detail": {"bucket": {"name": "inbox"}, "object": found}},
        "context": {"Execution": {"Id": "arn", "StartTime": "now"}},
    }
    expression = jsonata.Jsonata.jsonata(EXPRESSION.removeprefix("{%").removesuffix("%}"))
    # Step Functions' own, not JSONata's.
    expression.register_lambda("hash", lambda text, _: hashlib.sha256(text.encode()).hexdigest())
    made: dict[str, Any] = expression.evaluate(None, {"states": states})
    return made


@pytest.mark.parametrize(
    "folder",
    ["churn", "sales-eu", "Sales EU", "sales--eu", "-churn-", "Kunden ü", "данные", "a" * 28, "a" * 29, "2026", "x_y"],
)
def test_a_dataset_is_named_as_in_the_state_machine(folder: str) -> None:
    dataset = named(folder)["dataset"]
    assert dataset_name(folder) == dataset
    assert dataset_name(dataset) == dataset, "the name of a dataset is its own"


def test_a_run_is_named_as_in_the_state_machine() -> None:
    key = "incoming/churn/a.csv"
    unversioned = named("churn")["run_id"]
    versioned = named("churn", **{"version-id": "v1"})["run_id"]
    assert (run_id("inbox", key, "e00F1"), run_id("inbox", key, "v1")) == (unversioned, versioned)
    assert is_run_id(versioned)
