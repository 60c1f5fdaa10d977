from __future__ import annotations

from typing import Any

import pytest

from sluice.endpoint.aws import operations
from sluice.endpoint.aws.operations import OperationRefusedError, Retired, RolledBack
from sluice.messages import Outcome

from .conftest import ACCOUNT, ARTIFACTS, DATASET, FIRST, SECOND, TABLE, World
from .test_runs import NEW, OLD


@pytest.fixture
def two(world: World) -> World:
    """The second model is live, the first was before."""
    world.finish(FIRST, OLD, Outcome.DEPLOYED)
    world.finish(SECOND, NEW, Outcome.DEPLOYED)
    world.crown(FIRST)
    world.crown(SECOND, seen=FIRST)
    return world


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the operations were asked; they always succeed."""
    calls: list[dict[str, Any]] = []

    def roll_back(clients: operations.Clients, **how: Any) -> RolledBack:
        calls.append(how)
        how["say"]("putting it back ...")
        return RolledBack(how["dataset"], SECOND, FIRST, "config")

    def retire(clients: operations.Clients, **how: Any) -> Retired:
        calls.append(how)
        return Retired(how["dataset"], ("endpoint sluice-churn", "model m"))

    monkeypatch.setattr(operations, "roll_back", roll_back)
    monkeypatch.setattr(operations, "retire", retire)
    return calls


def test_a_rollback_shows_what_is_live_and_what_would_be_and_asks(two: World, asked: list[dict[str, Any]]) -> None:
    called = two.call("rollback", DATASET, said="y\n")
    assert called.exit_code == 0, called.stderr
    before, after = called.stderr.index(f"run {SECOND}"), called.stderr.index(f"run {FIRST}")
    assert before < after < called.stderr.index("[y/N]") < called.stderr.index("putting it back")
    assert called.stdout == f"{DATASET} is live with the model of run {FIRST} again, in place of {SECOND}.\n"
    (how,) = asked
    assert how["stack"] == operations.StackNames(TABLE, ARTIFACTS, "sluice")
    assert ACCOUNT not in how["by"]
    assert "arn:" not in how["by"]


def test_a_no_changes_nothing(two: World, asked: list[dict[str, Any]]) -> None:
    for command in ("rollback", "retire"):
        called = two.call(command, DATASET, said="\n")
        assert (called.exit_code, called.stdout) == (1, "")
        assert "Nothing was changed." in called.stderr
    assert asked == []


def test_where_nobody_can_answer_yes_must_be_said(two: World, asked: list[dict[str, Any]]) -> None:
    called = two.call("retire", DATASET, said="")
    assert called.exit_code == 2
    assert "--yes" in called.stderr
    assert asked == []


def test_with_json_the_document_is_all_there_is(two: World, asked: list[dict[str, Any]]) -> None:
    assert two.document("rollback", DATASET, "--yes")["to_run_id"] == FIRST
    assert two.document("retire", DATASET, "-y") == {
        "dataset": DATASET,
        "removed": ["endpoint sluice-churn", "model m"],
    }


def test_a_retirement_names_what_was_removed(two: World, asked: list[dict[str, Any]]) -> None:
    called = two.call("retire", DATASET, "--yes")
    assert called.exit_code == 0
    assert f"run {SECOND}" in called.stderr
    assert called.stdout.splitlines() == [f"{DATASET} is retired.", "removed endpoint sluice-churn", "removed model m"]


def test_what_an_endpoint_left_can_be_removed_without_a_champion(world: World, asked: list[dict[str, Any]]) -> None:
    called = world.call("retire", DATASET, "--yes")
    assert called.exit_code == 0
    assert "nothing, as far as the ledger knows" in called.stderr


def test_there_must_be_a_model_to_roll_back_from_and_one_to_go_to(world: World, asked: list[dict[str, Any]]) -> None:
    called = world.call("rollback", DATASET, "--yes")
    assert (called.exit_code, "Nothing is live" in called.stderr) == (1, True)
    world.crown(FIRST)
    called = world.call("rollback", DATASET, "--yes")
    assert (called.exit_code, f"sluice retire {DATASET}" in called.stderr) == (1, True)
    assert asked == []


def test_a_refused_operation_is_a_no_with_its_reason(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise OperationRefusedError("a run is changing the endpoint now")

    monkeypatch.setattr(operations, "roll_back", refuses)
    called = two.call("rollback", DATASET, "--yes")
    assert called.exit_code == 1
    assert "A run is changing the endpoint now." in called.stderr


@pytest.mark.parametrize(("command", "operation"), [("rollback", "roll_back"), ("retire", "retire")])
def test_an_interrupted_operation_says_that_the_same_call_continues_it(
    two: World, monkeypatch: pytest.MonkeyPatch, command: str, operation: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, operation, interrupted)
    called = two.call(command, DATASET, "--yes")
    assert (called.exit_code, called.stdout) == (130, "")
    assert f"To continue: sluice {command} {DATASET}, which first shows what is live." in called.stderr
