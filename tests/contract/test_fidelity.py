"""docs/local-aws.md says where the local AWS is not AWS, and names the tests that guard what AWS needs all the same."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from local.template import NOT_ON_MINISTACK, for_ministack
from tests.template import RESOURCES, TEMPLATE, resources

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "local-aws.md").read_text()
STATES: Final[dict[str, dict[str, Any]]] = json.loads((ROOT / "statemachine" / "pipeline.asl.json").read_text())[
    "States"
]
UNGUARDED: Final = "nothing: first thing to look at on AWS"
GUARD: Final = re.compile(r"`(tests/\S+?\.py)::(\w+)`")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


DIFFERENCES: Final = rows("What differs")
ERRORS: Final = rows("Error names that a Retry or Catch waits for")


@cache
def names_in(file: str) -> set[str]:
    path = ROOT / file
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def error_names() -> set[str]:
    """Those that a Retry or Catch of the shipped state machine waits for."""
    return {
        name
        for state in STATES.values()
        for rule in (*state.get("Retry", []), *state.get("Catch", []))
        for name in rule["ErrorEquals"]
    }


@pytest.mark.parametrize("row", DIFFERENCES, ids=[row[0] for row in DIFFERENCES])
def test_each_difference_names_its_guards_or_says_that_there_is_none(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    assert GUARD.search(row[3]) or row[3] == UNGUARDED


def test_each_guard_is_a_test_that_there_is() -> None:
    named = GUARD.findall(PAGE)
    assert named
    assert not [f"{file}::{test}" for file, test in named if not (ROOT / file).exists() or test not in names_in(file)]


def test_each_difference_that_a_test_shows_is_on_the_page() -> None:
    named = set(GUARD.findall(PAGE))
    showing = ("tests/statemachine/test_differences.py", "tests/docker/test_error_names.py")
    shown = {(file, test) for file in showing for test in names_in(file) if test.startswith("test_")}
    assert shown <= named


def test_each_error_name_of_the_state_machine_has_its_guard() -> None:
    assert {name.strip("`") for name, _ in ERRORS} == error_names() - {"States.ALL"}
    assert all(GUARD.search(guards) for _, guards in ERRORS)


def test_no_retry_or_catch_waits_for_the_class_of_an_exception() -> None:
    assert {name.split(".")[0] for name in error_names()} <= {"States", "Lambda", "Sandbox", "Runtime"}


def test_no_succeed_state_has_an_output() -> None:
    succeeding = [state for state in STATES.values() if state["Type"] == "Succeed"]
    assert succeeding
    assert not [state for state in succeeding if "Output" in state]


def test_no_rule_waits_for_an_event_of_sagemaker() -> None:
    sources = {
        source
        for rule in resources("AWS::Events::Rule").values()
        for source in rule["Properties"].get("EventPattern", {}).get("source", [])
    }
    assert sources == {"aws.s3"}


def test_what_the_local_deploy_leaves_out_is_on_the_page_and_no_more() -> None:
    _, remarks = for_ministack(TEMPLATE)
    left_out = {word for remark in remarks for word in re.findall(r"\w+", remark) if word in RESOURCES}
    named = {name for row in DIFFERENCES for name in re.findall(r"`([\w:.]+)`", row[0])}
    assert named & RESOURCES.keys() == left_out
    assert named >= NOT_ON_MINISTACK
