"""A way to judge a table that a test writes down."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import Plan
from sluice.dataset.recipe import Recipe
from tabular import TableReport, validate_table


@dataclass(frozen=True)
class Judged:
    report: TableReport
    out: Path

    @property
    def rejected_rows(self) -> list[dict[str, str]]:
        with (self.out / "rejected_rows.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @property
    def recipe(self) -> Recipe:
        return Recipe.model_validate_json((self.out / "recipe.json").read_text(encoding="utf-8"))

    def part(self, name: str) -> list[list[str]]:
        text = (self.out / name / f"{name}.csv").read_bytes().decode("ascii")
        assert '"' not in text
        assert "\r" not in text
        return [line.split(",") for line in text.splitlines()]

    def rows(self) -> list[list[str]]:
        """The rows of all parts."""
        return [row for name in ("train", "validation", "test") for row in self.part(name)]


FIRST = Plan(makes=1, run_id="a" * 12)
"""Of the first file of a dataset, as nearly every file of a test is: it makes the contract."""

type Judge = Callable[..., Judged]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges a table: its text or bytes, and the keys of its configuration."""

    def judged(table: str | bytes | Path, *, default_target: str | None = None, **config: Any) -> Judged:
        path = table if isinstance(table, Path) else tmp_path / "table.csv"
        if isinstance(table, str):
            table = table.encode()
        if isinstance(table, bytes):
            path.write_bytes(table)
        out = tmp_path / "out"
        parsed = DatasetConfig.model_validate(config)
        report = validate_table(
            path, name=path.name, config=parsed, default_target=default_target, out=out, contract=FIRST
        )
        assert bool(report.contract and report.contract.made) == (report.verdict == "accepted")
        assert TableReport.model_validate_json((out / "validation.json").read_text(encoding="utf-8")) == report
        assert report.rows.received == report.rows.accepted + report.rows.rejected
        assert not list(out.glob(".work-*")), "the working files are removed"
        return Judged(report, out)

    return judged


HEADER = "age,city,note,score,label"


def data_rows(rows: int = 120) -> list[str]:
    """Rows without fault: a whole number, a category, a category with blanks, a number, a label."""
    cities, notes = ("Oslo", "Rome", "Bern"), ("", "x", "z")
    return [
        f"{20 + i % 50},{cities[i // 3 % 3]},{notes[i % 7 % 3]},{i * 0.37:.2f},{'yes' if i * 7 % 3 == 0 else 'no'}"
        for i in range(rows)
    ]


def table(rows: list[str] | None = None, header: str = HEADER) -> str:
    return "\n".join([header, *(data_rows() if rows is None else rows)]) + "\n"


def with_row(line: int, row: str, rows: int = 120) -> str:
    """A table without fault, but for what stands on one line (the header is line 1)."""
    lines = data_rows(rows)
    lines[line - 2] = row
    return table(lines)
