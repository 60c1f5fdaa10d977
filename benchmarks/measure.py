"""Runs a job in a process of its own and says how long it took and how much memory it had.

This module and all that the starting process imports are the standard library and the names of files: Linux counts what
a process held before it became the new program towards the new one's peak, so the starter must be smaller than any job.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Protocol, cast

from sluice import layout
from sluice.layout import Part

ROOT: Final = Path(__file__).resolve().parents[1]
_BLOCK_BYTES: Final = 4 << 20
_MODULE_PATH: Final = (ROOT, *(ROOT / "layers" / layer for layer in ("core", "tabular", "scoring")))


class JobError(RuntimeError):
    """A job broke off or its result is wrong, so that its time means nothing."""


@dataclass(frozen=True)
class Counts:
    """What a job made of the rows: those that it set aside as faulty, and those in its result.

    ``rows`` is None if the job leaves it to the clock's other side to count the lines of its training files.
    """

    set_aside: int = 0
    rows: int | None = None


@dataclass(frozen=True)
class Run:
    """One run of a job. ``peak_mib`` is the process's largest resident set, mapped files and imports included."""

    seconds: float
    peak_mib: float
    counts: Counts


class _Job(Protocol):
    def run(self, file: Path, out: Path) -> Counts: ...


def run_here(module: str, file: Path, out: Path) -> None:
    """Runs the job of ``benchmarks.jobs`` in this process and prints its :class:`Run` as one line of JSON."""
    job = cast(_Job, importlib.import_module(f"benchmarks.jobs.{module}"))
    start = time.perf_counter()
    counts = job.run(file, out)
    seconds = time.perf_counter() - start
    if counts.rows is None:
        counts = replace(counts, rows=sum(read_through(part_file(out, part)) for part in layout.PARTS))
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib(), "counts": asdict(counts)}))


def run_apart(command: Sequence[str]) -> Run:
    """Runs ``python -m`` with a command that ends in :func:`run_here`.

    Raises:
        JobError: it broke off; what it said of that stands in this process's standard error.
    """
    said = python_module(*command)
    result = json.loads(said.splitlines()[-1])
    return Run(result["seconds"], result["peak_mib"], Counts(**result["counts"]))


def python_module(*command: str) -> str:
    """Runs ``python -m`` at the repository's root, with the layers on its path, and returns what it printed.

    Raises:
        JobError: it ended with another code than 0.
    """
    ended = subprocess.run(  # noqa: S603 - this interpreter, and modules of this repository
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": module_path()},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise JobError(f"`python -m {' '.join(command)}` ended with code {ended.returncode}")
    return ended.stdout


def module_path() -> str:
    """The repository's root and its layers, before what the environment has."""
    return os.pathsep.join([*map(str, _MODULE_PATH), *filter(None, [os.environ.get("PYTHONPATH")])])


def part_file(out: Path, part: Part) -> Path:
    """Where a job writes the training file of a part."""
    return out / layout.part_file(part)


def read_through(file: Path) -> int:
    """Reads a file to its end, which brings it into the page cache. Returns its line ends."""
    lines = 0
    with file.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK_BYTES):
            lines += block.count(b"\n")
    return lines


def peak_mib() -> float:
    """This process's largest resident set."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)
