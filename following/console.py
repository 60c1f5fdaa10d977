"""A terminal that may go away: ``| head`` reads what it wants, and the command ends as it would have ended."""

from __future__ import annotations

import os
import sys
from typing import IO

from rich.console import Console


class PatientConsole(Console):
    """Writes into nothing once its reader has gone."""

    def on_broken_pipe(self) -> None:
        write_to_nobody(sys.stderr if self.stderr else sys.stdout)


def write(text: str) -> None:
    """To standard output, if anybody reads it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        write_to_nobody(sys.stdout)


def write_to_nobody(stream: IO[str]) -> None:
    """What is written to the stream from now on, or is still in its buffer, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
