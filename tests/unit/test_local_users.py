"""Whoever uses a local AWS is counted, in real processes, and one that was killed is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local import processes, users
from local.home import REPOSITORY, Home, LocalError, Process

_USER = """
import sys
from pathlib import Path
from local.home import Home
from local.users import using
with using(Home(Path(sys.argv[1])), sys.argv[2]):
    print("counted", flush=True)
    sys.stdin.read()
"""


@contextmanager
def user(home: Home, purpose: str) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the local AWS until its standard input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", _USER, str(home.root), purpose],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        try:
            yield process
        finally:
            process.kill()


def test_users_are_named_with_their_processes_until_they_end(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with user(home, "a run of churn") as one, user(home, "a demo of breast-cancer") as other:
        assert {(item.name, item.pid) for item in users.others(home)} == {
            ("a run of churn", one.pid),
            ("a demo of breast-cancer", other.pid),
        }
        with pytest.raises(LocalError, match=rf"a run of churn \(pid {one.pid}\).* use the local AWS.*--force"):
            users.refuse_if_used(home)

        other.communicate(timeout=10)
        assert [item.name for item in users.others(home)] == ["a run of churn"]
        one.kill()
        one.wait(timeout=10)
        assert users.others(home) == []

    users.refuse_if_used(home)
    assert list(home.users.iterdir()) == []


def test_who_asks_is_no_other(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with users.using(home, "a run of churn"):
        users.refuse_if_used(home)
        assert len(list(home.users.iterdir())) == 1
    assert list(home.users.iterdir()) == []


def test_the_pid_of_a_user_that_is_gone_may_be_given_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.users.mkdir()
    with user(home, "a run of churn") as process:
        note = home.users / str(process.pid)
        now = Process.model_validate_json(note.read_text())
        assert processes.is_running(now)
        note.write_text(now.model_copy(update={"birth": "before"}).model_dump_json())

        assert users.others(home) == []


def test_a_note_that_cannot_be_read_is_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.users.mkdir()
    (home.users / "1").write_text("{")

    assert users.others(home) == []
    assert list(home.users.iterdir()) == []
