"""Python names runs and datasets as the state machine's first states do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.names import dataset_name, dataset_of, default_folder, is_file, is_run_id, run_id

PIPELINE = Path(__file__).parents[2] / "statemachine" / "pipeline.asl.json"
STATES: dict[str, Any] = json.loads(PIPELINE.read_text())["States"]


def evaluated(expression: str, **variables: Any) -> Any:
    program = jsonata.Jsonata.jsonata(expression.removeprefix("{%").removesuffix("%}"))
    # Step Functions' own, not JSONata's.
    program.register_lambda("hash", lambda text, _: hashlib.sha256(text.encode()).hexdigest())
    for name, value in variables.items():
        program.assign(name, value)
    return program.evaluate(None, variables)


def named(key: str, **of_object: str) -> dict[str, Any]:
    """What the first state makes of the event of an object."""
    found = {"key": key, "etag": "e", "size": 1, **of_object}
    states = {
        "input": {"detail": {"bucket": {"name": "inbox"}, "object": found}},
        "context": {"Execution": {"Id": "arn", "StartTime": "now"}},
    }
    made: dict[str, Any] = evaluated(STATES["NameRun"]["Assign"]["run"], states=states)
    return made


# A line break is left out: the package for Python lets `$` match before a last one, JSONata itself does not.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
KEYS = st.one_of(
    st.builds(lambda folder, file: f"incoming/{folder}/{file}", TEXT, TEXT),
    st.builds(lambda *parts: "incoming/" + "/".join(parts), TEXT, st.sampled_from(["", "a.csv", ".x", "b.tar.gz"])),
    st.from_regex(r"incoming/[a-zA-Z0-9 _.-]{1,32}(/[a-zA-Z0-9 _.-]{0,9}){0,2}", fullmatch=True),
)


@pytest.mark.parametrize(
    "folder",
    ["churn", "sales-eu", "Sales EU", "sales--eu", "-churn-", "Kunden ü", "данные", "a" * 28, "a" * 29, "2026", "x_y"],
)
def test_a_dataset_is_named_as_in_the_state_machine(folder: str) -> None:
    dataset = named(f"incoming/{folder}/a.csv")["dataset"]
    assert dataset_name(folder) == dataset
    assert dataset_name(dataset) == dataset, "the name of a dataset is its own"


@given(KEYS)
def test_the_dataset_of_any_object_is_that_of_the_state_machine(key: str) -> None:
    assert dataset_of(key) == named(key)["dataset"]


@given(KEYS)
def test_what_is_no_file_is_what_the_state_machine_ignores(key: str) -> None:
    (ignored,) = STATES["IsFile"]["Choices"]
    assert is_file(key) is not evaluated(ignored["Condition"], run={"key": key})


def test_a_run_is_named_as_in_the_state_machine() -> None:
    key = "incoming/churn/a.csv"
    unversioned = named(key, sequencer="00F1")["run_id"]
    versioned = named(key, **{"version-id": "v1"})["run_id"]
    assert (run_id("inbox", key, "e00F1"), run_id("inbox", key, "v1")) == (unversioned, versioned)
    assert is_run_id(versioned)


def test_an_event_without_a_sequencer_has_an_empty_one() -> None:
    assert named("incoming/churn/a.csv", **{"version-id": "v1"})["sequencer"] == ""


@pytest.mark.parametrize(
    ("file", "folder"),
    [("churn.csv", "churn"), ("churn.csv.gz", "churn"), ("Sales EU.csv", "Sales EU"), ("v1.2.csv", "v1.2"), ("t", "t")],
)
def test_a_file_goes_to_the_folder_of_its_name(file: str, folder: str) -> None:
    assert default_folder(file) == folder
    assert dataset_of(f"incoming/{folder}/{file}") == dataset_name(folder)


def test_a_file_and_its_folder_name_one_dataset() -> None:
    assert dataset_name(default_folder("Sales EU.csv")) == dataset_name("Sales EU") == "sales-eu-b9479485"
