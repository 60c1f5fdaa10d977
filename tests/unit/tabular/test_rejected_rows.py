"""rejected_rows.csv is opened in spreadsheets: nothing in it may run."""

from __future__ import annotations

import csv

import pytest

from tests.unit.tabular.conftest import Judge, table, with_row

FORMULAS = ("=HYPERLINK(A1)", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "＝1+1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_as_a_formula(judge: Judge, formula: str) -> None:
    judged = judge(with_row(5, f"{formula},short"))
    with (judged.out / "rejected_rows.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[1][5] == f"'{formula},short"
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))]


def test_a_formula_in_a_column_name_is_harmless_too(judge: Judge) -> None:
    judged = judge(with_row(5, "30,Oslo,x,bad,no").replace("score", "=score", 1))
    assert judged.rejected_rows[0]["column"] == "'=score"


def test_every_bad_row_is_listed_in_order_however_many(judge: Judge) -> None:
    rows = [f"{i % 97},{'bad' if i % 10 == 3 else i}.5,{'yes' if i % 2 else 'no'}" for i in range(30_000)]
    judged = judge(table(rows, header="a,b,label"), max_rejected_share=0.2)
    assert [int(row["line"]) for row in judged.rejected_rows] == list(range(5, 30_002, 10))
    assert judged.report.rows.rejected == 3000
    assert judged.report.problems[0].rows == 3000
    assert len(judged.report.warnings) == 1
