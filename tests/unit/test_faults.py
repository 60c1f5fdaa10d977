"""What happens to cases that were not survived: they are told, and tried once more only if that is asked for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.faults import __main__ as command
from tests.faults.bench import Point
from tests.faults.enumeration import Case, Result
from tests.wire.wire import Fault

POINT = Point("CleanUp", "sagemaker:DeleteModel", "sluice-DATASET-RUN", 2)
SURVIVED = Result(Case("better", POINT, Fault.REFUSED), "deployed", "duplicate", 1, ())
LOST = Result(Case("better", POINT, Fault.KILLED), "HUNG", "duplicate", 1, ("nobody was told (of it)",))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[list[Result]]:
    """What each call of the enumeration finds, the first one first."""
    answers: list[list[Result]] = []

    def enumerate_faults(_workers: int, only: str, _sample: str = "") -> list[Result]:
        return [result for result in answers.pop(0) if re.search(only, command.describe(result.case))]

    monkeypatch.setattr(command, "enumerate_faults", enumerate_faults)
    return answers


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["faults", *arguments])
    return command.main()


def test_a_case_that_is_not_survived_fails_the_enumeration_and_is_told(
    found: list[list[Result]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found.append([SURVIVED, LOST])
    assert run(monkeypatch) == 1
    told = capsys.readouterr().out
    assert "NOT SURVIVED  better: CleanUp sagemaker:DeleteModel sluice-DATASET-RUN #2, killed" in told
    assert "    nobody was told (of it)\n" in told
    assert "2 cases, 1 survived" in told


def test_it_is_tried_once_more_alone_and_both_are_told(
    found: list[list[Result]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found += [[SURVIVED, LOST], [replace(SURVIVED, first="?"), replace(LOST, broken=())]]
    assert run(monkeypatch, "--again") == 0
    told = capsys.readouterr().out
    assert "NOT SURVIVED AT FIRST  better: CleanUp" in told
    assert "2 cases, 2 survived" in told
    found += [[SURVIVED, LOST], [LOST]]
    assert run(monkeypatch, "--again") == 1


def test_a_worker_that_fails_at_the_second_try_saves_nothing(
    found: list[list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found += [[LOST], []]
    assert run(monkeypatch, "--again") == 1
