from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from following.execution import PHASES, phases, returned, rounds

START = datetime(2026, 1, 1, tzinfo=UTC)
PIPELINE = Path(__file__).parents[2] / "statemachine" / "pipeline.asl.json"


def entered(name: str, second: int, kind: str = "Task") -> Any:
    at = START + timedelta(seconds=second)
    return {"type": f"{kind}StateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}}


def exited(name: str, second: int, kind: str = "Task") -> Any:
    at = START + timedelta(seconds=second)
    return {"type": f"{kind}StateExited", "timestamp": at, "stateExitedEventDetails": {"name": name}}


def succeeded(result: Any) -> Any:
    return {"type": "TaskSucceeded", "taskSucceededEventDetails": {"output": json.dumps(result)}}


def test_a_loop_of_waits_and_checks_is_one_phase_from_its_first_start_to_its_last_end() -> None:
    events = [
        entered("StartTraining", 0),
        exited("StartTraining", 2),
        entered("WaitForFirstStatus", 2, "Wait"),
        exited("WaitForFirstStatus", 5, "Wait"),
        entered("CheckTraining", 5),
        exited("CheckTraining", 6),
        entered("WaitForTraining", 6, "Wait"),
        exited("WaitForTraining", 9, "Wait"),
        entered("CheckTraining", 9),
        exited("CheckTraining", 10),
    ]

    start, training = phases(events)

    assert (start.name, start.seconds(START), start.visits) == ("StartTraining", 2, 1)
    assert (training.name, training.seconds(START), training.visits) == ("CheckTraining", 8, 4)


def test_a_phase_that_goes_on_has_no_end() -> None:
    (phase,) = phases([entered("ValidateData", 0)])

    assert phase.ended is None
    assert phase.seconds(START + timedelta(seconds=3)) == 3


def test_choices_and_passes_are_no_phases() -> None:
    assert phases([entered("IsFile", 0, "Choice"), exited("IsFile", 0, "Choice"), entered("NameRun", 0, "Pass")]) == ()


def test_the_last_answer_of_each_function_is_found_by_its_state() -> None:
    events = [
        entered("ClaimRun", 0),
        succeeded({}),
        entered("CheckTraining", 1),
        succeeded({"StatusCode": 200, "Payload": {"status": "in_progress"}}),
        entered("CheckTraining", 2),
        succeeded({"StatusCode": 200, "Payload": {"status": "completed"}}),
    ]

    assert returned(events) == {"CheckTraining": {"status": "completed"}}


def test_rounds_are_read_from_the_containers_lines_and_from_those_of_awss_log_agent() -> None:
    lines = [
        "[18:00:00] WARNING: something",
        "[0]\ttrain-logloss:0.52\tvalidation-logloss:0.61",
        "[1]#011train-logloss:0.41#011validation-logloss:nan",
    ]

    first, second = rounds(lines)

    assert (first.number, first.metrics) == (0, {"train-logloss": 0.52, "validation-logloss": 0.61})
    assert (second.number, second.metrics["train-logloss"]) == (1, 0.41)


def test_the_phases_are_those_of_the_shipped_state_machine() -> None:
    states = json.loads(PIPELINE.read_text())["States"]

    assert set(PHASES) == {name for name, state in states.items() if state["Type"] == "Wait"}
    assert {states[name]["Type"] for name in PHASES.values()} == {"Task"}
