"""rejected_rows.csv is opened in spreadsheets: nothing in it may run."""

from __future__ import annotations

import csv

import pytest

from sluice.wording import as_it_was
from tests.unit.tabular.conftest import Judge, table, with_row

FORMULAS = ("=HYPERLINK(A1)", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "＝1+1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_as_a_formula(judge: Judge, formula: str) -> None:
    judged = judge(with_row(5, f"{formula},short"))
    with (judged.out / "rejected_rows.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[1][5].startswith("'")
    assert as_it_was(rows[1][5]) == f"{formula},short"
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


def test_the_text_of_a_row_stands_with_its_first_fault_only(judge: Judge) -> None:
    """Repeated with each of them, the text of a long row would make the file a hundred times the size of the table."""
    width = 100
    names = ",".join(f"f{i}" for i in range(width))
    rows = [f"{','.join(str(r + i) for i in range(width))},{'yes' if r % 2 else 'no'}" for r in range(60)]
    rows[7] = ",".join(["bad" * 10] * width) + ",no"
    judged = judge(table(rows, f"{names},label"), max_rejected_share=0.1)
    assert len(judged.rejected_rows) == width
    assert [bool(row["raw"]) for row in judged.rejected_rows] == [True] + [False] * (width - 1)
    assert (judged.out / "rejected_rows.csv").stat().st_size < 3_000 + 300 * width


def test_beyond_its_most_bytes_the_file_says_what_it_leaves_out(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabular.report._MAX_BYTES", 10_000)
    rows = [f"{i % 97},{'bad' if i % 10 == 3 else i}.5,{'yes' if i % 2 else 'no'}" for i in range(3000)]
    judged = judge(table(rows, header="a,b,label"), max_rejected_share=0.2)
    *listed, last = judged.rejected_rows
    assert (judged.out / "rejected_rows.csv").stat().st_size < 11_000
    assert last["what"] == f"{300 - len(listed)} more faults are not listed: this file would grow too large"
    assert judged.report.problems[0].rows == judged.report.rows.rejected == 300
