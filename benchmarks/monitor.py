"""How fast a report on predictions is, and in how much memory: ``python -m benchmarks.monitor``.

Makes a log of predictions with twenty columns, runs each job (``benchmarks.monitor_jobs``) in a process of its own,
Sluice's and Evidently's in turns, checks that both find the columns that moved, and prints the ratios last. Evidently
has an environment of its own: ``make setup-monitor``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.measure import ROOT, JobError, module_path
from benchmarks.monitor_jobs.files import NUMBERS, TEXTS
from benchmarks.validate import Ratio, short

MIN_TIMES_FASTER: Final = 5.0
MAX_SHARE_OF_MEMORY: Final = 0.25
ROWS: Final = 400_000
EVIDENTLY: Final = ROOT / ".venv-monitor" / "bin" / "python"
MOVED: Final = frozenset({NUMBERS[0], TEXTS[0]})
_MIN_PSI: Final = 0.1

_MISSED, _NO_RESULT = 1, 2


@dataclass(frozen=True)
class Run:
    """One run of a job: its own seconds, without imports, and its process's largest resident set."""

    seconds: float
    peak_mib: float
    found: dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitor", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--own", action="store_true", help="Sluice alone, for logs that do not fit pandas' memory")
    parser.add_argument("--check", action="store_true", help="exit 1 if a ratio misses what is wanted")
    asked = parser.parse_args(arguments)
    if not asked.own and not EVIDENTLY.exists():
        print("Evidently is not there; make setup-monitor installs it", file=sys.stderr)
        return _NO_RESULT
    try:
        with tempfile.TemporaryDirectory() as name:
            own, others = measure(Path(name), asked.rows, asked.turns, alone=asked.own)
    except JobError as error:
        print(error, file=sys.stderr)
        return _NO_RESULT
    show(own, others, asked.rows)
    if asked.own:
        return 0
    ratios = judge(own, others, asked.rows)
    for ratio in ratios:
        print(ratio)
    return _MISSED if asked.check and not all(ratio.met for ratio in ratios) else 0


def measure(folder: Path, rows: int, turns: int, *, alone: bool) -> tuple[list[Run], list[Run]]:
    """Runs of Sluice and of Evidently, in turns.

    Raises:
        JobError: one broke off, or did not find the columns that moved.
    """
    apart([sys.executable, "-m", "benchmarks.monitor_jobs", "make", str(folder), str(rows)])
    own, others = [], []
    for _ in range(turns):
        own.append(apart([sys.executable, "-m", "benchmarks.monitor_jobs", "own", str(folder)]))
        held_to_moved("Sluice", own[-1].found["psi"])
        if not alone:
            others.append(apart([str(EVIDENTLY), "-m", "benchmarks.monitor_jobs.evidently_report", str(folder)]))
            held_to_moved("Evidently", others[-1].found["psi"])
    return own, others


def held_to_moved(name: str, indices: dict[str, float]) -> None:
    """Raises: JobError if other columns than those that moved have a large index."""
    found = {column for column, index in indices.items() if index > _MIN_PSI}
    if found != MOVED:
        raise JobError(f"{name} finds that {sorted(found)} moved, not {sorted(MOVED)}: its time means nothing")


def apart(command: Sequence[str]) -> Run:
    """Runs a job that prints JSON in its last line.

    Raises:
        JobError: it broke off.
    """
    job = subprocess.Popen(  # noqa: S603 - modules of this repository
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": module_path()}, stdout=subprocess.PIPE, text=True
    )
    said = job.stdout.read() if job.stdout else ""
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise JobError(f"`{' '.join(command)}` ended with code {job.returncode}")
    lines = said.splitlines()
    found = json.loads(lines[-1]) if lines else {}
    return Run(found.get("seconds", 0.0), usage.ru_maxrss / 1024, found)


def judge(own: Sequence[Run], others: Sequence[Run], rows: int) -> list[Ratio]:
    """Holds what was measured to what is wanted."""
    faster = median(b.seconds / a.seconds for a, b in zip(own, others, strict=True))
    memory = max(run.peak_mib for run in own) / min(run.peak_mib for run in others)
    size = short(rows)
    return [
        Ratio(
            f"report vs Evidently's, {size} predictions",
            f"{faster:.1f}x as fast",
            f"at least {MIN_TIMES_FASTER:g}x",
            faster >= MIN_TIMES_FASTER,
        ),
        Ratio(
            f"peak memory vs Evidently's, {size} predictions",
            f"{memory:.0%} of it",
            f"at most {MAX_SHARE_OF_MEMORY:.0%}",
            memory <= MAX_SHARE_OF_MEMORY,
        ),
    ]


def show(own: Sequence[Run], others: Sequence[Run], rows: int) -> None:
    for name, runs in (("Sluice", own), ("Evidently", others)):
        for run in runs:
            read = f", reading {run.found['read']:.1f} s of it" if "read" in run.found else ""
            print(f"{name}: {rows:,} predictions in {run.seconds:.1f} s{read}; peak {run.peak_mib:,.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
