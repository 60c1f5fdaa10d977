from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from local import processes
from local.home import Home, LocalError, Process, State

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_started_process_runs_until_it_is_stopped(tmp_path: Path) -> None:
    process = processes.start("sleeper", SLEEP, {}, tmp_path / "logs" / "sleeper.log", tmp_path)

    assert processes.is_running(process)
    assert processes.stop(process)
    assert not processes.is_running(process)
    assert not processes.stop(process)


def test_a_process_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    log = tmp_path / "deaf.log"
    process = processes.start("deaf", [sys.executable, "-c", deaf], {}, log, tmp_path)
    while "deaf" not in log.read_text():
        assert processes.is_running(process)

    assert processes.stop(process, patience_seconds=0.1)
    assert not processes.is_running(process)


def test_another_process_with_the_pid_of_one_of_ours_is_left_alone() -> None:
    reused = Process(name="ours", pid=os.getpid(), birth="long ago")

    assert not processes.is_running(reused)
    assert not processes.stop(reused)


def test_the_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    state = State(processes=(Process(name="a", pid=1, birth="2"),), endpoint_url="http://127.0.0.1:1", deployed="f")

    assert home.read() == State()
    home.write(state)
    assert home.read() == state


def test_a_state_that_cannot_be_read_is_an_error_that_names_its_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.state_file.write_text("{")

    with pytest.raises(LocalError, match=r"state\.json"):
        home.read()


def test_the_state_folder_is_the_option_or_the_environments_or_the_repositorys(tmp_path: Path) -> None:
    environ = {"SLUICE_STATE_DIR": str(tmp_path / "env")}

    assert Home.at(tmp_path / "option", environ).root == tmp_path / "option"
    assert Home.at(None, environ).root == tmp_path / "env"
    assert Home.at(None, {}).root.name == ".sluice"
