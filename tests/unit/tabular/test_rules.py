"""Each rule, with the line and column at which it must be seen."""

from __future__ import annotations

import pytest

from tabular.findings import FIX, Rule
from tests.unit.tabular.conftest import HEADER, Judge, data_rows, table, with_row


def test_every_rule_says_how_to_fix_the_file() -> None:
    assert set(FIX) == set(Rule)


def test_a_table_without_fault_is_accepted_without_a_word(judge: Judge) -> None:
    judged = judge(table())
    assert (judged.report.verdict, judged.report.reasons, judged.report.warnings) == ("accepted", (), ())
    assert judged.report.rows.received == 120
    assert judged.rejected_rows == []


REFUSED_FILES = {
    "no bytes": (b"", Rule.FILE_EMPTY, "table.csv: the file has no bytes"),
    "blank lines only": (b"\n\n \n", Rule.FILE_EMPTY, "table.csv: the file has nothing but blank lines"),
    "header only": (b"a,label\n", Rule.NO_ROWS, "table.csv: there is a header but no rows"),
    "one column": (b"label\nyes\nno\n", Rule.SINGLE_COLUMN, "table.csv, line 1: there is only one column, `label`"),
    "gzip": (
        b"\x1f\x8b\x08\x00rest",
        Rule.GZIP_DAMAGED,
        "table.csv: ",
    ),
    "Excel": (b"PK\x03\x04rest", Rule.NOT_CSV, "table.csv: this is a zip archive or an Excel workbook"),
    "damaged UTF-8": (
        with_row(3, "30,Zürich Genève Malmö,x,1.5,no").encode() + "30,Zürich,x,1.5,no\n".encode("latin-1"),
        Rule.ENCODING,
        "table.csv, line 122 (byte offset ",
    ),
    "NUL": (
        with_row(4, "30,Os\0lo,x,1.5,no").encode(),
        Rule.NUL_BYTE,
        "table.csv, line 4 (byte offset 67): the file holds a NUL byte",
    ),
    "carriage returns alone": (table().replace("\n", "\r").encode(), Rule.STRAY_CARRIAGE_RETURN, "table.csv, line 1: "),
    "numbers for a header": (
        b"1,2,3\n" + b"4,5,0\n6,7,1\n" * 40,
        Rule.HEADER_MISSING,
        "table.csv, line 1: the first row holds numbers (1, 2, 3), not column names. Put the column names",
    ),
    "data for a header": (
        "\n".join(data_rows()).encode(),
        Rule.HEADER_MISSING,
        "table.csv, line 1: the first row (20, Oslo, , 0.00, yes) looks like data, not column names",
    ),
    "words for a header": (
        b"red,round,yes\n" + b"red,round,yes\nblue,flat,no\ngreen,round,no\n" * 30,
        Rule.HEADER_MISSING,
        "table.csv, line 1: the first row (red, round, yes) looks like data",
    ),
    "blank name": (
        table(header="age,city,,score,label").encode(),
        Rule.HEADER_BLANK,
        "table.csv, line 1: column 3 has no name, and it is no index: 52 rows have no value in it (`drop` calls it "
        "`Unnamed: 2`). Give the column a name",
    ),
    "name twice": (
        table(header="age,city,age,score,label").encode(),
        Rule.HEADER_DUPLICATE,
        "table.csv, line 1, column `age`: the header names it more than once, in columns 1 and 3",
    ),
    "header not closed": (b'age,"city,label\n1,2,3\n', Rule.HEADER_UNREADABLE, "table.csv, line 1: the header row"),
}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_a_file_that_is_no_table_is_refused_with_its_place(judge: Judge, case: str) -> None:
    content, rule, reason = REFUSED_FILES[case]
    judged = judge(content)
    assert judged.report.verdict == "rejected"
    assert judged.report.rules == (rule,)
    assert judged.report.reasons[0].startswith(reason)
    assert FIX[rule] in judged.report.reasons[0]
    assert not (judged.out / "train").exists()
    assert not (judged.out / "recipe.json").exists()


BAD_ROWS = {
    "short": ("30,Oslo", Rule.RAGGED_ROW, "", "the row has 2 cells where the header has 5"),
    "long": ("30,Oslo,x,1.5,no,9", Rule.RAGGED_ROW, "", "the row has 6 cells where the header has 5"),
    "unclosed": ('30,"Oslo,x,1.5,no', Rule.UNCLOSED_QUOTE, "city", "a quoted cell is not closed"),
    "after the quote": (
        '30,"Os"lo,x,1.5,no',
        Rule.STRAY_QUOTE,
        "city",
        "text follows the closing quote of a cell",
    ),
    "before the quote": (
        '30, "Oslo",x,1.5,no',
        Rule.STRAY_QUOTE,
        "city",
        "a blank stands before the opening quote of a cell",
    ),
    "carriage return": (
        "30,Os\rlo,x,1.5,no",
        Rule.STRAY_CARRIAGE_RETURN,
        "city",
        "a carriage return stands inside an unquoted cell",
    ),
    "text for a number": ("30,Oslo,x,n.a.,no", Rule.NOT_A_NUMBER, "score", "`n.a.` is not a number"),
    "unit": ("12 years,Oslo,x,1.5,no", Rule.NOT_A_NUMBER, "age", "`12 years` is not a number"),
    "underscore": ("1_000,Oslo,x,1.5,no", Rule.NOT_A_NUMBER, "age", "`1_000` is not a number"),
    "thousands": ('30,Oslo,x,"1,234.5",no', Rule.NOT_A_NUMBER, "score", "`1,234.5` is not a number"),
    "infinity": ("30,Oslo,x,-Infinity,no", Rule.INFINITE_NUMBER, "score", "`-Infinity` is not a finite number"),
    "not a number": ("30,Oslo,x,NAN,no", Rule.INFINITE_NUMBER, "score", "`NAN` is not a finite number"),
    "too large": (
        "30,Oslo,x,1e39,no",
        Rule.NUMBER_TOO_LARGE,
        "score",
        "`1e39` is too large for a 32-bit floating-point number",
    ),
    "beyond doubles": (
        "30,Oslo,x,-1e999,no",
        Rule.NUMBER_TOO_LARGE,
        "score",
        "`-1e999` is too large for a 32-bit floating-point number",
    ),
    "no label": ("30,Oslo,x,1.5, ", Rule.TARGET_MISSING, "label", "the label is missing"),
}


@pytest.mark.parametrize("line", [2, 57, 121])
@pytest.mark.parametrize("case", BAD_ROWS)
def test_one_bad_row_is_set_aside_with_its_place(judge: Judge, case: str, line: int) -> None:
    row, rule, column, what = BAD_ROWS[case]
    content = with_row(line, row)
    judged = judge(content)
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["rule"], rejected["column"]) == (str(line), rule, column)
    assert rejected["what"].startswith(what)
    assert rejected["raw"].removeprefix("'") == row
    assert rejected["how_to_fix"] == FIX[rule]
    assert content.encode()[int(rejected["byte_offset"]) :].startswith(row.encode())
    report = judged.report
    assert report.verdict == "accepted"
    assert (report.rows.received, report.rows.accepted, report.rows.rejected) == (120, 119, 1)
    assert report.warnings[0].startswith(f"table.csv, line {line}")
    assert sum(sum(rows.values()) for rows in report.class_counts.values()) == 119 == len(judged.rows())


def test_lines_are_counted_as_an_editor_counts_them(judge: Judge) -> None:
    """Quoted line ends, blank lines and malformed rows before a bad cell do not shift its line."""
    rows = data_rows()
    rows[3] = '30,"Os\nlo",x,1.5,no'
    rows[10] = ""
    rows[20] = "30,Oslo"
    rows[30] = '30,in"ner,x,1.5,no'
    rows[60] = "30,Oslo,x,bad,no"
    judged = judge(table(rows), max_rejected_share=0.05)
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [
        ("23", "ragged_row"),
        ("63", "not_a_number"),
    ]
    assert judged.report.rows.received == 119
    assert "table.csv, line 13: 1 blank line was skipped" in " ".join(judged.report.warnings)
    levels = next(
        column.levels for column in judged.recipe.columns if column.kind == "one_hot" and column.name == "city"
    )
    assert {'in"ner', "Os\nlo"} & set(levels) or judged.report.rows.train < 117


def test_a_row_with_two_faults_is_counted_once_and_told_twice(judge: Judge) -> None:
    judged = judge(with_row(9, "old,Oslo,x,bad,no"))
    assert [(row["line"], row["column"]) for row in judged.rejected_rows] == [("9", "age"), ("9", "score")]
    assert judged.report.rows.rejected == 1


def test_the_row_after_an_unclosed_quote_is_read(judge: Judge) -> None:
    judged = judge(with_row(30, '30,"Oslo,x,1.5,no').replace(data_rows()[29], '31,"Rome",x,2.5,no'))
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [("30", "unclosed_quote")]


def test_beyond_the_share_the_file_is_refused_and_all_rows_are_listed(judge: Judge) -> None:
    rows = data_rows()
    rows[5] = "30,Oslo"
    rows[7:9] = ["30,Oslo,x,bad,no", "30,Oslo,x,worse,no"]
    judged = judge(table(rows))
    assert judged.report.rules == (Rule.TOO_MANY_REJECTED,)
    assert judged.report.reasons[0].startswith(
        "table.csv: 3 of 120 rows (2.5%) are rejected, more than the 1.0% that `max_rejected_share` allows. "
    )
    assert judged.report.reasons[1].startswith("table.csv, line 7: the row has 2 cells where the header has 5. ")
    assert judged.report.reasons[2].startswith(
        "table.csv, line 9, column `score`: `bad` is not a number (and 1 more like it). "
    )
    assert [row["line"] for row in judged.rejected_rows] == ["7", "9", "10"]


def test_exactly_the_share_of_bad_rows_is_not_beyond_it(judge: Judge) -> None:
    rows = [*data_rows(71), *["30,Oslo"] * 29]
    assert judge(table(rows), max_rejected_share=0.29).report.verdict == "accepted"
    assert judge(table([*rows, "30,Oslo"]), max_rejected_share=0.29).report.rules == (Rule.TOO_MANY_REJECTED,)


def test_a_column_with_much_text_is_a_category_with_a_warning(judge: Judge) -> None:
    rows = [row if i % 5 else row.replace(row.split(",")[0], "unknown", 1) for i, row in enumerate(data_rows())]
    judged = judge(table(rows))
    assert judged.report.verdict == "accepted"
    assert judged.report.warnings == (
        "table.csv, column `age`: 80% of its values are numbers and the rest are not, so all are read as categories. "
        + FIX[Rule.MIXED_COLUMN],
    )


def test_a_date_that_the_calendar_lacks_is_set_aside(judge: Judge) -> None:
    rows = [f"2024-0{1 + i % 9}-{1 + i % 28:02d},{row}" for i, row in enumerate(data_rows())]
    rows[50] = rows[50].replace(rows[50][:10], "2023-02-29")
    judged = judge(table(rows, header="since," + HEADER))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("52", "since", "not_a_date")


def test_a_configured_missing_token_is_no_fault(judge: Judge) -> None:
    judged = judge(with_row(9, "30,Oslo,x,n/k,no"), missing=["", "n/k"])
    assert judged.report.rows.rejected == 0
    assert judged.report.columns[3].missing == 1


def test_whole_numbers_beyond_float32_are_warned_of(judge: Judge) -> None:
    judged = judge(with_row(9, "16777217,Oslo,x,1.5,no"))
    assert "column `age`: its whole numbers go up to 16,777,217" in judged.report.warnings[0]


def test_a_row_longer_than_any_may_be_is_set_aside(judge: Judge) -> None:
    judged = judge(with_row(40, f"30,{'x' * (1 << 20)},x,1.5,no"))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["rule"]) == ("40", "record_too_long")
    assert len(rejected["raw"]) < 3000


def test_too_few_rows_are_refused(judge: Judge) -> None:
    judged = judge(table(data_rows(49)))
    assert judged.report.rules == (Rule.TOO_FEW_ROWS,)
    assert judged.report.reasons[0].startswith("table.csv: there are 49 usable rows; 50 are needed. ")
