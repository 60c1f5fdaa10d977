"""Who uses a local AWS: each user leaves a note in the state folder, so that nobody stops it while another uses it.

A note is a file with the user's process. It counts for as long as that process runs: a user that was killed is not
counted, whatever it left behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from local import processes
from local.home import Home, LocalError, Process


@contextmanager
def using(home: Home, purpose: str) -> Iterator[None]:
    """Counts this process as a user until the end of the block.

    Args:
        purpose: what it does, for whoever is refused to stop the local AWS, such as ``a run of churn``.
    """
    note = home.users / str(os.getpid())
    note.parent.mkdir(parents=True, exist_ok=True)
    beside = note.with_name(f".{note.name}")
    beside.write_text(processes.this(purpose).model_dump_json())
    beside.replace(note)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def others(home: Home) -> list[Process]:
    """The users beside this process; notes of processes that have ended are removed."""
    found = []
    for note in _notes(home):
        try:
            user = Process.model_validate_json(note.read_text())
        except FileNotFoundError:
            continue  # it has just ended
        except ValidationError:
            user = None
        if user is None or not processes.is_running(user):
            note.unlink(missing_ok=True)
        elif user.pid != os.getpid():
            found.append(user)
    return found


def refuse_if_used(home: Home) -> None:
    """
    Raises:
        LocalError: others use the local AWS. The message names them and says what to do.
    """
    if found := others(home):
        named = ", ".join(f"{user.name} (pid {user.pid})" for user in found)
        raise LocalError(
            f"{named} {'uses' if len(found) == 1 else 'use'} the local AWS: wait until it has ended, or stop the "
            "local AWS anyway with `sluice local down --force`"
        )


def _notes(home: Home) -> list[Path]:
    return sorted(path for path in home.users.glob("*") if path.name.isdigit())
