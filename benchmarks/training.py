"""What the default hyperparameters cost: ``python -m benchmarks.training`` from the repository's root.

On a small, a middle and a large table, the container's algorithm trains with the defaults, refit and all, and with the
preset ``tutorial``, each in a process of its own, in turns. Beside the time of training stand the model's size and how
long it takes for one record, as an endpoint is asked, and for the rows of the test part, as the evaluation does it. CPU
seconds; the ratios come last.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.measure import JobError, python_module
from benchmarks.validate import Ratio, short

MAX_TIMES_TUTORIAL: Final = 2.0
"""Times as long as with the tutorial's preset, that training on the largest table may take."""
ROWS: Final = (1_000, 50_000, 1_000_000)
FEATURES: Final = 30
SETS: Final = ("default", "tutorial")
_MISSED, _NO_RESULT = 1, 2


@dataclass(frozen=True)
class Trained:
    """One model.

    Attributes:
        seconds: of CPU of all its training jobs.
        rounds: that it has.
        size: in bytes.
        record_microseconds: for one record, median.
        rows_seconds: of CPU for the test part.
        log_loss: on the test part.
    """

    seconds: float
    rounds: int
    size: int
    record_microseconds: float
    rows_seconds: float
    log_loss: float


type Measured = dict[str, list[Trained]]
"""By set of hyperparameters."""


def judge(rows: int, measured: Measured) -> Iterator[Ratio]:
    """Holds what was measured on a table of so many rows to what is wanted; only the largest has a limit."""
    limited = rows >= ROWS[-1]
    times = _times(measured, "seconds")
    wanted = f"at most {MAX_TIMES_TUTORIAL:g}x" if limited else "no more than is known"
    name = f"training on {short(rows)} rows by {FEATURES} columns, default vs tutorial"
    yield Ratio(name, f"{times:.2f}x its time", wanted, times <= MAX_TIMES_TUTORIAL if limited else None)
    for field, what in (
        ("size", "size of the model"),
        ("record_microseconds", "one record"),
        ("rows_seconds", "the test part"),
    ):
        name = f"{what} of {short(rows)} rows, default vs tutorial"
        yield Ratio(name, f"{_times(measured, field):.2f}x", "no more than is known", None)


def _times(measured: Measured, field: str) -> float:
    own, theirs = (median(getattr(trained, field) for trained in measured[name]) for name in SETS)
    return float(own / theirs)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training",
        description="Compares what training and scoring cost with the defaults and with the tutorial's preset.",
    )
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="of the training part: 1000 50000 1000000")
    parser.add_argument("--pairs", type=int, default=3, help="models of each set (3)")
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} if something wanted is missed")
    options = parser.parse_args(arguments)
    try:
        measured = {rows: measure(rows, options.pairs) for rows in sorted(options.rows)}
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    print("\n".join(report(measured)))
    ratios = [ratio for rows, found in measured.items() for ratio in judge(rows, found)]
    print("\n".join(map(str, ratios)))
    return _MISSED if options.check and any(ratio.met is False for ratio in ratios) else 0


def measure(rows: int, pairs: int) -> Measured:
    """Trains on one table with each set, in turns.

    Raises:
        JobError: a process broke off.
    """
    measured: Measured = {name: [] for name in SETS}
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        print(f"{rows:,} rows: the table ...", file=sys.stderr, flush=True)
        python_module("benchmarks.training_jobs", "make", folder, str(rows), str(FEATURES))
        for _ in range(pairs):
            for name in SETS:
                print(f"{rows:,} rows: {name} ...", file=sys.stderr, flush=True)
                said = python_module("benchmarks.training_jobs", "train", folder, name)
                measured[name].append(Trained(**json.loads(said.splitlines()[-1])))
    return measured


def report(measured: dict[int, Measured]) -> Iterator[str]:
    """Lines: a table of the medians."""
    yield (
        f"  {'rows':>9}  {'set':<10}{'log loss':>9}{'seconds':>9}{'rounds':>8}{'KiB':>8}{'record, µs':>12}"
        f"{'rows, s':>9}"
    )
    for rows, found in measured.items():
        for name, models in found.items():
            seconds, rounds, size, record, scored, loss = (
                median(getattr(trained, field) for trained in models)
                for field in ("seconds", "rounds", "size", "record_microseconds", "rows_seconds", "log_loss")
            )
            yield (
                f"  {rows:>9,}  {name:<10}{loss:>9.4f}{seconds:>9.2f}{rounds:>8.0f}{size / 1024:>8.0f}{record:>12.0f}"
                f"{scored:>9.3f}"
            )
    yield ""


if __name__ == "__main__":
    sys.exit(main())
