from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import make_table, validate
from benchmarks import mixed_table as mixed
from benchmarks.jobs import byte_scan, duckdb_parse, plain_pandas, polars_split
from benchmarks.measure import Counts, JobError, Run, part_file
from benchmarks.validate import (
    DUCKDB,
    JOBS,
    PANDAS,
    POLARS,
    VALIDATION,
    Job,
    Measured,
    Ratio,
    Table,
    check_counts,
    judge,
    main,
    short,
)
from sluice.layout import PARTS

ROWS = 3000
FEATURES = 13 + 5 + 12 + 8 + 18 + 1 + 1 + 5 + 6
"""Numbers, one-hot levels, rank, boolean, date, timestamp."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "table.csv"
    make_table.write_table(file, ROWS)
    return file


def records(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def texts_for_numbers(row: list[str]) -> int:
    numbers = dict(zip(mixed.COLUMNS, row, strict=True))
    return sum(numbers[name] in mixed.TEXTS for name in mixed.TEXT_COLUMNS)


def test_the_same_rows_make_the_same_bytes_about_200_a_row(table: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    make_table.write_table(again, ROWS)

    assert again.read_bytes() == table.read_bytes()
    assert 190 < again.stat().st_size / ROWS < 220


@pytest.mark.parametrize("rows_per_slice", [1000, 700, 1 << 20])
def test_the_table_has_exactly_the_faults_it_claims_however_it_is_sliced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_slice: int
) -> None:
    monkeypatch.setattr(make_table, "_ROWS_PER_SLICE", rows_per_slice)
    monkeypatch.setattr(mixed, "_ROWS_PER_FAULT", 100)
    file = tmp_path / "table.csv"

    make_table.write_table(file, ROWS)

    header, *rows = records(file)
    whole = [row for row in rows if len(row) == len(header)]
    assert tuple(header) == mixed.COLUMNS
    assert [row[0] for row in rows] == [f"C{i:09d}" for i in range(ROWS)]
    assert mixed.faults(ROWS) == mixed.Faults(ragged=30, text=30)
    assert [len(row) for row in rows if len(row) != len(header)] == [len(header) - 1] * 30
    assert sum(map(texts_for_numbers, whole)) == 30


@pytest.mark.parametrize(("rows", "each"), [(3000, 1), (10_000, 1), (1_000_000, 100), (5_000_000, 500)])
def test_one_row_in_5000_is_faulty_and_one_of_each_kind_at_the_least(rows: int, each: int) -> None:
    assert mixed.faults(rows) == mixed.Faults(ragged=each, text=each)


def test_the_readers_see_every_row_and_duckdb_rejects_the_ragged_one(table: Path, tmp_path: Path) -> None:
    assert byte_scan.run(table, tmp_path) == Counts(rows=ROWS)
    assert duckdb_parse.run(table, tmp_path) == Counts(rows=ROWS - 1, set_aside=1)


@pytest.mark.parametrize(("job", "set_aside"), [(plain_pandas.run, 2), (polars_split.run, 0)])
def test_the_rivals_write_three_files_label_first_with_every_row_that_they_do_not_set_aside(
    table: Path, tmp_path: Path, job: Callable[[Path, Path], Counts], set_aside: int
) -> None:
    counts = job(table, tmp_path)

    parts = {part: records(part_file(tmp_path, part)) for part in PARTS}
    rows = [row for part in parts.values() for row in part]
    assert counts == Counts(set_aside=set_aside)
    assert len(rows) == ROWS - set_aside
    assert {len(row) for row in rows} == {1 + FEATURES}
    assert {row[0] for row in rows} == {"0", "1"}
    assert 0.6 < len(parts["train"]) / len(rows) < 0.8
    assert 0.1 < len(parts["validation"]) / len(rows) < 0.2


def measured(
    rows: int = 1_000_000, *, validation: float = 2.0, pandas: float = 10.0, polars: float = 1.0, peak: float = 500.0
) -> Table:
    """By default everything is just met."""
    jobs = {
        VALIDATION.module: Measured((validation,), peak),
        PANDAS.module: Measured((pandas,), 4000.0),
        POLARS.module: Measured((polars,), 4000.0),
    }
    return Table(rows, 200 * rows, jobs)


def missed(ratios: list[Ratio]) -> list[str]:
    return [ratio.name for ratio in ratios if ratio.met is False]


def test_a_ratio_for_every_size_and_one_for_growth() -> None:
    ratios = judge([measured(), measured(5_000_000, peak=599.9)])

    assert [str(ratio) for ratio in ratios] == [
        "validation vs plain pandas, 1M rows: 5.00x faster (wanted: at least 5x) met",
        "validation vs unchecked Polars split, 1M rows: 2.00x its time (wanted: at most 2x) met",
        "validation vs plain pandas, 5M rows: 5.00x faster (wanted: at least 5x) met",
        "validation vs unchecked Polars split, 5M rows: 2.00x its time (wanted: at most 2x) met",
        "validation's peak memory, 1M rows: 500.0 MiB (wanted: under 1,024 MiB) met",
        "validation's peak memory, 5M rows: 599.9 MiB (wanted: under 1,024 MiB) met",
        "growth of validation's peak memory, 1M to 5M rows: +20.0% (wanted: under 20%) met",
    ]


@pytest.mark.parametrize(
    ("tables", "names"),
    [
        ([measured(pandas=9.99)], ["validation vs plain pandas, 1M rows"]),
        ([measured(polars=0.99)], ["validation vs unchecked Polars split, 1M rows"]),
        ([measured(peak=1023.9)], []),
        ([measured(peak=1024.0)], ["validation's peak memory, 1M rows"]),
        (
            [measured(), measured(5_000_000, peak=600.0)],
            ["growth of validation's peak memory, 1M to 5M rows"],
        ),
        (
            [measured(), measured(5_000_000, validation=20.0)],
            ["validation vs plain pandas, 5M rows", "validation vs unchecked Polars split, 5M rows"],
        ),
    ],
)
def test_a_ratio_beyond_its_limit_is_missed(tables: list[Table], names: list[str]) -> None:
    assert missed(judge(tables)) == names


def test_a_rival_that_is_faster_is_said_to_be() -> None:
    assert judge([measured(validation=20.0)])[0].value == "2.00x slower"


def test_growth_is_not_judged_from_one_size() -> None:
    *_, growth = judge([measured()])

    assert growth.met is None
    assert str(growth) == "growth of validation's peak memory: takes two sizes (wanted: under 20%) not judged"


@pytest.mark.parametrize(
    ("rows", "text"), [(5_000_000, "5M"), (200_000, "200k"), (1_500_000, "1,500k"), (1234, "1,234")]
)
def test_sizes_are_short(rows: int, text: str) -> None:
    assert short(rows) == text


def test_a_table_that_is_too_small_to_be_split_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rows", "999"])

    assert "1,000 are the fewest" in capsys.readouterr().err


@pytest.mark.parametrize(("job", "set_aside"), [(DUCKDB, 100), (VALIDATION, 200), (PANDAS, 200), (POLARS, 0)])
def test_a_wrong_result_has_no_time(job: Job, set_aside: int) -> None:
    rows = 1_000_000
    check_counts(job, rows, Counts(set_aside, rows - set_aside))

    with pytest.raises(JobError, match="1M rows: expected"):
        check_counts(job, rows, Counts(set_aside + 1, rows - set_aside - 1))
    with pytest.raises(JobError, match="1M rows: expected"):
        check_counts(job, rows, Counts(set_aside, rows - set_aside - 1))


class Machine:
    """Stands for the processes: every job is right, and takes the seconds it is given."""

    def __init__(self, seconds: dict[str, list[float]]) -> None:
        self.seconds = {job.module: [1.0] * job.times for job in JOBS} | seconds

    def make(self, module: str, file: str, rows: str) -> str:
        assert module == "benchmarks.make_table"
        Path(file).write_bytes(b"x" * int(rows))
        return ""

    def run(self, command: list[str]) -> Run:
        module, file, out = command[-3:]
        rows = Path(file).stat().st_size
        Path(out).mkdir()
        found = mixed.faults(rows)
        set_aside = {DUCKDB.module: found.ragged, VALIDATION.module: found.rows, PANDAS.module: found.rows}
        counts = Counts(set_aside.get(module, 0), rows - set_aside.get(module, 0))
        return Run(self.seconds[module].pop(0), 100.0, counts)


@pytest.mark.parametrize(
    ("pandas", "arguments", "code"), [(10.0, ["--check"], 0), (9.0, ["--check"], 1), (9.0, [], 0), (9.0, ["--keep"], 0)]
)
def test_medians_are_judged_the_ratios_come_last_and_the_folder_goes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pandas: float,
    arguments: list[str],
    code: int,
) -> None:
    machine = Machine(
        {
            "validation": [9.0, 1.0, 2.0, 4.0, 1.0],
            "plain_pandas": [pandas],
            "polars_split": [4.5, 1.0, 4.0, 2.0, 0.5],
        }
    )
    monkeypatch.setattr(validate, "python_module", machine.make)
    monkeypatch.setattr(validate, "run_apart", machine.run)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert main(["--rows", "20000", *arguments]) == code

    *_, blank, to_pandas, to_polars, _memory, _growth = capsys.readouterr().out.splitlines()
    assert blank == ""
    assert to_pandas.startswith(f"validation vs plain pandas, 20k rows: {pandas / 2:.2f}x faster")
    assert to_polars.startswith("validation vs unchecked Polars split, 20k rows: 2.00x its time")
    left = {path.name for folder in tmp_path.iterdir() for path in folder.iterdir()}
    kept = {"mixed-20000.csv", *(f"{job.module}-20000" for job in JOBS)}
    assert left == (kept if "--keep" in arguments else set())
