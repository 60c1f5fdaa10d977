"""The state folder of one local AWS: what runs, where it listens, its data, its logs.

By default ``.sluice`` in the repository; ``--state-dir`` or SLUICE_STATE_DIR put it elsewhere, so that several local
AWS run side by side. What ``sam build`` makes is the same for all of them and lies in the repository's folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

REPOSITORY: Final = Path(__file__).resolve().parents[1]
DEFAULT_STATE_DIR: Final = REPOSITORY / ".sluice"


class LocalError(Exception):
    """The local AWS cannot do what was asked. The message is for a person and says where to look."""


class Process(BaseModel):
    """A process of ours. ``birth`` tells it from a later one that was given the same pid."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    birth: str


class State(BaseModel):
    """What is up, and where it listens or last did.

    Written before the processes answer, so that ``down`` finds those of a start that failed; ``down`` leaves the
    addresses, which the next start takes again if they are free.
    """

    model_config = ConfigDict(frozen=True)

    processes: tuple[Process, ...] = ()
    endpoint_url: str = ""
    sagemaker_url: str = ""
    keeps: bool = True
    """Whether the processes write what they have when they are told to end."""


@dataclass(frozen=True)
class Home:
    """The state folder. Paths below it are made when they are first written to."""

    root: Path

    @classmethod
    def at(cls, state_dir: Path | None, environ: Mapping[str, str] = os.environ) -> Home:
        return cls((state_dir or Path(environ.get("SLUICE_STATE_DIR") or DEFAULT_STATE_DIR)).resolve())

    @property
    def state_file(self) -> Path:
        return self.root / "state.json"

    @property
    def scratch(self) -> Path:
        """TMPDIR of the processes: unpacked layers and the like, removed by ``down``."""
        return self.root / "tmp"

    @property
    def data(self) -> Path:
        """What outlives the processes: objects, tables, logs, the stack, models. ``up --fresh`` forgets it."""
        return self.root / "data"

    @property
    def users(self) -> Path:
        """Notes of who uses the local AWS, see :mod:`local.users`."""
        return self.root / "users"

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def read(self) -> State:
        """The state, empty if nothing was ever started."""
        if not self.state_file.exists():
            return State()
        try:
            return State.model_validate_json(self.state_file.read_text())
        except ValidationError as error:
            raise LocalError(
                f"{self.state_file} cannot be read; remove it, and stop the processes of the local AWS yourself"
            ) from error

    def write(self, state: State) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        beside = self.state_file.with_suffix(".new")
        beside.write_text(state.model_dump_json(indent=2))
        beside.replace(self.state_file)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One start, stop or deploy at a time: a second one waits."""
        with exclusive(self.root / "lock"):
            yield


@contextmanager
def exclusive(lock_file: Path) -> Iterator[None]:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
