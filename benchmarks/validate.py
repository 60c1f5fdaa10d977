"""How fast the validation is, and in how much memory: ``python -m benchmarks.validate`` from the repository's root.

Makes a mixed table with a few faulty rows, runs five jobs on it (``benchmarks.jobs``), each in a process of its own and
one after the other, checks that each result is right, and prints the ratios last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.measure import Counts, JobError, Run, python_module, read_through, run_apart, run_here
from benchmarks.mixed_table import faults

MIN_TIMES_PANDAS: Final = 5.0
MAX_TIMES_POLARS: Final = 2.0
MEMORY_MIB: Final = 1024.0
MAX_GROWTH: Final = 0.2
"""Of the peak memory, from the smallest table to the largest."""

_MIN_ROWS: Final = 1000
_BYTES_A_ROW: Final = 210
_ROOM: Final = 4
"""Times the file: itself, the training files of one job, and what it spills."""

_PAIRS: Final = 5
"""Runs of the validation, each with one of the Polars split right after it: how fast a machine is changes by the
minute, and hardly from one to the other."""

_MISSED, _NO_RESULT, _INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Job:
    """``module`` in ``benchmarks.jobs``; ``times`` it runs: once in each of the first rounds."""

    module: str
    title: str
    times: int = 1


BYTES: Final = Job("byte_scan", "byte scan")
DUCKDB: Final = Job("duckdb_parse", "DuckDB, bare parse")
VALIDATION: Final = Job("validation", "validation, split and recipe", times=_PAIRS)
PANDAS: Final = Job("plain_pandas", "plain pandas, the same job")
POLARS: Final = Job("polars_split", "Polars streaming split, unchecked", times=_PAIRS)
JOBS: Final = (BYTES, DUCKDB, VALIDATION, PANDAS, POLARS)


@dataclass(frozen=True)
class Measured:
    """A job on one table: the seconds of each run, and the largest of the runs' peaks."""

    runs: tuple[float, ...]
    peak_mib: float

    @property
    def seconds(self) -> float:
        return median(self.runs)

    def times_of(self, other: Measured) -> float:
        """How often the other's time goes into this one's: the median over the runs that were made in pairs."""
        return median(own / others for own, others in zip(self.runs, other.runs, strict=True))


@dataclass(frozen=True)
class Table:
    """What was measured on the table of one size: ``jobs`` by their module."""

    rows: int
    bytes: int
    jobs: Mapping[str, Measured]


@dataclass(frozen=True)
class Ratio:
    """One of the numbers that are wanted. ``met`` is None if it cannot be judged."""

    name: str
    value: str
    wanted: str
    met: bool | None

    def __str__(self) -> str:
        verdict = {True: "met", False: "missed", None: "not judged"}[self.met]
        return f"{self.name}: {self.value} (wanted: {self.wanted}) {verdict}"


def judge(tables: Sequence[Table]) -> list[Ratio]:
    """Holds what was measured to what is wanted. ``tables`` are in the order of their sizes."""
    ratios = [ratio for table in tables for ratio in _judge_times(table)]
    ratios.extend(_judge_memory(table) for table in tables)
    return [*ratios, _judge_growth(tables)]


def _judge_times(table: Table) -> Iterator[Ratio]:
    own, size = table.jobs[VALIDATION.module], short(table.rows)
    faster = table.jobs[PANDAS.module].seconds / own.seconds
    yield Ratio(
        f"validation vs plain pandas, {size} rows",
        f"{faster:.2f}x faster" if faster >= 1 else f"{1 / faster:.2f}x slower",
        f"at least {MIN_TIMES_PANDAS:g}x",
        faster >= MIN_TIMES_PANDAS,
    )
    slower = own.times_of(table.jobs[POLARS.module])
    yield Ratio(
        f"validation vs unchecked Polars split, {size} rows",
        f"{slower:.2f}x its time",
        f"at most {MAX_TIMES_POLARS:g}x",
        slower <= MAX_TIMES_POLARS,
    )


def _judge_memory(table: Table) -> Ratio:
    peak = table.jobs[VALIDATION.module].peak_mib
    return Ratio(
        f"validation's peak memory, {short(table.rows)} rows",
        f"{peak:,.1f} MiB",
        f"under {MEMORY_MIB:,.0f} MiB",
        peak < MEMORY_MIB,
    )


def _judge_growth(tables: Sequence[Table]) -> Ratio:
    name, wanted = "growth of validation's peak memory", f"under {MAX_GROWTH:.0%}"
    if len(tables) < 2:
        return Ratio(name, "takes two sizes", wanted, None)
    first, last = (tables[i].jobs[VALIDATION.module].peak_mib for i in (0, -1))
    return Ratio(
        f"{name}, {short(tables[0].rows)} to {short(tables[-1].rows)} rows",
        f"{last / first - 1:+.1%}",
        wanted,
        last < (1 + MAX_GROWTH) * first,
    )


def short(rows: int) -> str:
    """5M, 200k, 1,500."""
    for unit, sign in ((1_000_000, "M"), (1_000, "k")):
        if rows >= unit and rows % unit == 0:
            return f"{rows // unit:,}{sign}"
    return f"{rows:,}"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.job:
            module, file, out = options.job
            run_here(module, Path(file), Path(out))
            return 0
        return _benchmark(sorted({*options.rows}), options.check, options.json, options.keep)
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validate",
        description="Measures the validation of a table against a byte scan, DuckDB, pandas and Polars.",
        epilog=f"Needs about {_ROOM} times the largest table in the temporary folder (TMPDIR): 4 GB at 5M rows.",
    )
    parser.add_argument(
        "--rows", type=_rows, nargs="+", default=[1_000_000, 5_000_000], help="sizes of the table (default: 1M and 5M)"
    )
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} where a ratio is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there, too")
    parser.add_argument("--keep", action="store_true", help="leave the tables and the last output of each job")
    parser.add_argument("--job", nargs=3, help=argparse.SUPPRESS)
    return parser


def _rows(text: str) -> int:
    rows = int(text)
    if rows < _MIN_ROWS:
        raise argparse.ArgumentTypeError(f"{rows:,} rows are too few; {_MIN_ROWS:,} are the fewest")
    return rows


def _benchmark(sizes: Sequence[int], check: bool, result: Path | None, keep: bool) -> int:
    machine = _machine()
    with _folder(sizes[-1], keep) as folder:
        tables = [_measure(rows, folder, keep) for rows in sizes]
    for table in tables:
        _print_table(table)
    print("\n".join(_remarks(sizes)))
    print("machine: " + ", ".join(f"{name} {value}" for name, value in machine.items()))
    print()
    ratios = judge(tables)
    if result is not None:
        content = {
            "machine": machine,
            "tables": [asdict(table) for table in tables],
            "ratios": [asdict(ratio) for ratio in ratios],
        }
        result.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print("\n".join(map(str, ratios)))
    return _MISSED if check and any(ratio.met is False for ratio in ratios) else 0


@contextmanager
def _folder(max_rows: int, keep: bool) -> Iterator[Path]:
    """A temporary folder with enough room, removed at the end, also of an interrupted run, unless it is to be kept."""
    parent = Path(tempfile.gettempdir())
    needed, free = _ROOM * _BYTES_A_ROW * max_rows, shutil.disk_usage(parent).free
    if free < needed:
        raise JobError(
            f"{parent} has {free / 1e9:,.1f} GB free and {needed / 1e9:,.1f} GB are needed; "
            "set TMPDIR to a folder with more"
        )
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-", delete=not keep) as name:
        if keep:
            print(f"kept: {name}", file=sys.stderr)
        yield Path(name)


def _measure(rows: int, folder: Path, keep: bool) -> Table:
    file = folder / f"mixed-{rows}.csv"
    _progress(rows, "making the table")
    python_module("benchmarks.make_table", str(file), str(rows))
    runs: dict[str, list[Run]] = {job.module: [] for job in JOBS}
    for number in range(1, max(job.times for job in JOBS) + 1):
        for job in JOBS:
            if number <= job.times:
                _progress(rows, job.title + (f", run {number} of {job.times}" if job.times > 1 else ""))
                runs[job.module].append(_run(job, rows, file, folder, keep and number == job.times))
    jobs = {
        module: Measured(tuple(run.seconds for run in made), max(run.peak_mib for run in made))
        for module, made in runs.items()
    }
    table = Table(rows, file.stat().st_size, jobs)
    if not keep:
        file.unlink()
    return table


def _run(job: Job, rows: int, file: Path, folder: Path, keep: bool) -> Run:
    out = folder / f"{job.module}-{rows}"
    # Every job finds the file in the page cache, and no output of another that waits to be written to the disk.
    read_through(file)
    run = run_apart(["benchmarks.validate", "--job", job.module, str(file), str(out)])
    check_counts(job, rows, run.counts)
    if not keep:
        shutil.rmtree(out, ignore_errors=True)
    return run


def check_counts(job: Job, rows: int, counts: Counts) -> None:
    """A wrong result has no time."""
    found = faults(rows)
    set_aside = {DUCKDB: found.ragged, VALIDATION: found.rows, PANDAS: found.rows}.get(job, 0)
    expected = Counts(set_aside=set_aside, rows=rows - set_aside)
    if counts != expected:
        raise JobError(f"{job.title}, {short(rows)} rows: expected {expected}, got {counts}")


def _print_table(table: Table) -> None:
    megabytes = table.bytes / 1e6
    print(f"{short(table.rows)} rows, {megabytes:,.1f} MB")
    print(f"  {'job':<36}{'seconds':>10}{'MB/s':>10}{'peak MiB':>10}")
    for job in JOBS:
        seconds, peak = table.jobs[job.module].seconds, table.jobs[job.module].peak_mib
        print(f"  {job.title:<36}{seconds:>10.3f}{megabytes / seconds:>10,.1f}{peak:>10,.1f}")
    print()


def _remarks(sizes: Sequence[int]) -> Iterator[str]:
    repeated = [job.title.split(",")[0] for job in JOBS if job.times > 1]
    yield (
        f"{' and '.join(repeated)}: median seconds and largest peak of {VALIDATION.times} runs, made in turns, and the "
        "median ratio of a run to the next; all others: one run. Each is a process of its own with the file in the "
        "page cache."
    )
    yield "Seconds are without imports; peaks are resident memory with imports and with the pages of mapped files."
    for rows in sizes:
        found = faults(rows)
        yield (
            f"{short(rows)} rows hold {found.ragged:,} with a cell too few and {found.text:,} with a text in a number "
            "column: validation and pandas set them aside, the unchecked split lets them all through."
        )


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = {name: _version(name) for name in ("polars", "duckdb", "pandas", "numpy", "pyarrow")}
    return {
        "cores": str(os.process_cpu_count()),
        "memory": f"{memory / (1 << 30):.1f} GiB",
        "python": sys.version.split()[0],
        **packages,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _progress(rows: int, what: str) -> None:
    print(f"{short(rows)} rows: {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
