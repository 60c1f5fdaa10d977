"""What stands around a table is told from its header and its rows, whatever the names, the widths and the delimiter."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.dialect import Dialect, detect
from tests.search import examples
from tests.shared import shared_case, shared_table
from tests.unit.tabular.conftest import HEADER, Judge, data_rows, table

WORDS = (
    "Alter",
    "âge",
    "年齢",
    "Ort",
    "straße",
    "x_1",
    "Betrag (EUR)",
    "date",
    "2021",
    "note",
    "Wert",
    "Город",
    "Größe",
)
TITLES = (
    "Report generated on 2024-03-01",
    "Customer export 2021",
    "# made by hand",
    "// source: warehouse",
    "売上報告",
    "Umsätze",
    "Confidential: do not pass on!",
    'The "new" customers',
)
FOOTERS = ("Exported by the warehouse", "(120 rows)", "End of report", "# 120 rows", "Quelle: Lager Nord", "Source:")
CITIES = ("Oslo", "Rome", "Bern", "Paris")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Names and rows: numbers, categories and the label, in any order and of any width from two on."""
    names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8, unique=True))
    assume(not names[0].isdigit() or len(names) > 1)
    kinds = ["number", *(draw(st.sampled_from(("number", "whole", "city"))) for _ in names[1:])]
    place = draw(st.integers(0, len(names)))
    rows = []
    for i in range(draw(st.integers(60, 90))):
        made = {"number": f"{i * 0.37:.2f}", "whole": str(20 + i * 7 % 50), "city": CITIES[i % 4]}
        row = [made[kind] for kind in kinds]
        row.insert(place, ("yes", "no")[i * i % 7 in (1, 2)])
        rows.append(row)
    names.insert(place, "label")
    return names, rows


def written(records: list[list[str]], delimiter: str, end: str, *, quoted: bool) -> str:
    text = io.StringIO()
    style: Any = {"quoting": csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL}
    csv.writer(text, delimiter=delimiter, lineterminator=end, **style).writerows(records)
    return text.getvalue()


def judged(text: str, **config: Any) -> TableReport:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.encode())
        parsed = DatasetConfig.model_validate(config)
        return validate_table(path, name=path.name, config=parsed, default_target="label", out=Path(folder) / "out")


def dialect_of(text: str) -> Dialect:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(text.encode())
        return detect(path)


styles = st.tuples(st.sampled_from(",;\t|"), st.sampled_from(("\n", "\r\n")), st.booleans())


@st.composite
def titles(draw: st.DrawFn, width: int, delimiter: str, end: str) -> str:
    """One line above a table or several; bare, quoted, or as wide as the table."""
    lines = []
    for title in draw(st.lists(st.sampled_from(TITLES), min_size=1, max_size=5)):
        form = draw(st.sampled_from(("bare", "quoted", "filled", "blank line after")))
        doubled = title.replace('"', '""')
        match form:
            case "quoted":
                lines.append(f'"{doubled}"')
            case "filled" if width > 2:
                cell = f'"{doubled}"' if '"' in title else title
                lines.append(cell + delimiter * (width - 1))
            case "blank line after":
                lines += [title, ""]
            case _:
                lines.append(title)
    return "".join(line + end for line in lines)


@given(st.data())
@settings(max_examples=examples(12), deadline=None)
def test_lines_above_a_table_change_nothing_but_a_warning(data: st.DataObject) -> None:
    (names, rows), (delimiter, end, quoted) = data.draw(tables()), data.draw(styles)
    plain = written([names, *rows], delimiter, end, quoted=quoted)
    above = data.draw(titles(len(names), delimiter, end))
    before, after = judged(plain), judged(above + plain)
    assert after.verdict == before.verdict == "accepted"
    assert after.dialect is not None
    assert after.dialect.header_line == above.count("\n") + 1
    assert after.columns == before.columns
    assert (after.rows, after.class_counts) == (before.rows, before.class_counts)
    said = {str(finding.rule): finding for finding in after.findings}
    assert {*said} == {*(str(finding.rule) for finding in before.findings), "title_lines"}
    assert said["title_lines"].line == 1


@given(st.data())
@settings(max_examples=examples(12), deadline=None)
def test_a_table_with_nothing_above_or_below_is_read_whole(data: st.DataObject) -> None:
    (names, rows), (delimiter, end, quoted) = data.draw(tables()), data.draw(styles)
    found = dialect_of(written([names, *rows], delimiter, end, quoted=quoted))
    assert (found.titles, found.footer, found.header.line) == ((), None, 1)
    assert found.header.cells == tuple(names)


@given(st.data())
@settings(max_examples=examples(12), deadline=None)
def test_headers_and_titles_of_joined_exports_are_no_rows(data: st.DataObject) -> None:
    (names, rows), (delimiter, end, quoted) = data.draw(tables()), data.draw(styles)
    head = written([names], delimiter, end, quoted=quoted)
    if data.draw(st.booleans()):
        head = TITLES[1] + delimiter * (len(names) - 1) + end + head if len(names) > 2 else head
    cuts = sorted(data.draw(st.lists(st.integers(1, len(rows) - 1), min_size=1, max_size=4, unique=True)))
    parts = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    mark = data.draw(st.sampled_from(("", "\ufeff")))
    whole = judged(head + written(rows, delimiter, end, quoted=quoted))
    joined = judged("".join(mark + head + written(part, delimiter, end, quoted=quoted) for part in parts))
    assert joined.verdict == whole.verdict == "accepted"
    assert (joined.columns, joined.rows, joined.class_counts) == (whole.columns, whole.rows, whole.class_counts)
    (repeated,) = [finding for finding in joined.findings if finding.rule == "header_repeated"]
    assert repeated.rows == len(cuts) * head.count("\n")
    assert repeated.line == head.count("\n") + cuts[0] + 1


@given(st.data())
@settings(max_examples=examples(12), deadline=None)
def test_lines_below_a_table_change_nothing_but_a_warning(data: st.DataObject) -> None:
    (names, rows), (delimiter, end, quoted) = data.draw(tables()), data.draw(styles)
    plain = written([names, *rows], delimiter, end, quoted=quoted)
    lines = data.draw(st.lists(st.sampled_from(FOOTERS), min_size=0, max_size=4))
    if data.draw(st.booleans()) and len(names) > 2:
        word = data.draw(st.sampled_from(("Total", "TOTAL:", "Summe", "合計", "Итого")))
        lines.insert(0, delimiter.join([word, *[""] * (len(names) - 2), "123.4"]))
    assume(lines)
    below = "".join(data.draw(st.sampled_from(("", end))) + line + end for line in lines)
    before, after = judged(plain), judged(plain + below)
    assert after.verdict == "accepted"
    assert (after.columns, after.rows, after.class_counts) == (before.columns, before.rows, before.class_counts)
    (footer,) = [finding for finding in after.findings if finding.rule == "footer_lines"]
    assert footer.line is not None
    assert (plain + below).split("\n")[footer.line - 1].rstrip("\r") == lines[0]


BESIDE = (
    *("bank_churn", "breast_cancer", "diamonds_cut", "glass", "haberman", "income9", "ionosphere", "letter"),
    *("mammography", "mushrooms", "oil", "phoneme", "pima", "sonar", "soybean", "spam", "taxis_pay", "vehicle", "wine"),
    "winequality",
)
TABLES = ("adult", "telco-customer-churn", *(f"tables/{name}" for name in BESIDE))


@pytest.mark.parametrize("name", TABLES)
def test_a_real_table_has_nothing_around_it_and_one_header(name: str) -> None:
    path = shared_table(f"{name}.csv")
    found = detect(path)
    assert (found.titles, found.footer, found.header.line) == ((), None, 1)
    assert path.read_bytes().count(found.header.raw) == 1


def test_a_file_that_is_refused_says_as_well_that_lines_above_its_header_were_left_out(judge: Judge) -> None:
    report = judge("Customers of March\n" + table(data_rows(30))).report
    assert report.rules == ("too_few_rows",)
    assert [finding.rule for finding in report.findings] == ["too_few_rows", "title_lines"]
    assert report.warnings[0].startswith(
        "table.csv, line 1: the line above the header was left out (`Customers of March`)"
    )


def test_a_cut_last_row_is_no_footer(judge: Judge) -> None:
    report = judge(table([*data_rows(), "30,Os"])).report
    assert [problem.rule for problem in report.problems] == ["ragged_row"]


def test_the_end_of_a_cell_of_several_lines_is_no_footer(judge: Judge) -> None:
    rows = [f'"code{i}","{row.replace(",", chr(34) + "," + chr(34))}","note"' for i, row in enumerate(data_rows())]
    rows[-1] = rows[-1].replace('"note"', '"a note\nthat goes on"')
    judged = judge("\n".join([f"code,{HEADER},remark", *rows]))
    assert judged.report.rows.accepted == len(rows)
    assert not {finding.rule for finding in judged.report.findings} & {"footer_lines", "unclosed_quote"}


def test_a_last_text_that_looks_like_the_others_is_no_footer(judge: Judge) -> None:
    rows = [f"a remark on case {i},{row}" for i, row in enumerate(data_rows())]
    report = judge(table([*rows, "a remark that breaks"], header="remark," + HEADER)).report
    assert [problem.rule for problem in report.problems] == ["ragged_row"]


def test_rows_that_are_wider_than_the_header_do_not_make_it_a_title(judge: Judge) -> None:
    rows = [row.replace("Oslo", "Oslo, Norway") for row in data_rows()]
    rows = [row if "Norway" in row else row.replace("Rome", "Rome, Italy").replace("Bern", "Bern, CH") for row in rows]
    assert judge(table(rows)).report.rules == ("too_many_rejected",)


def test_a_common_row_that_equals_the_first_line_is_no_repeated_header(judge: Judge) -> None:
    text = "red,round,yes\n" + "red,round,yes\nblue,flat,no\ngreen,round,no\n" * 30
    assert judge(text).report.rules == ("header_missing",)


def test_each_line_in_quotes_is_said_to_be_so(judge: Judge) -> None:
    whole = "".join(f'"{line}"\n' for line in table().splitlines())
    rows = table().splitlines()[0] + "\n" + "".join(f'"{line}"\n' for line in table().splitlines()[1:])
    for text, line in ((whole, 1), (rows, 2)):
        report = judge(text).report
        assert report.rules == ("lines_quoted",)
        assert f"line {line}: the whole line stands in quotes" in report.reasons[0]
        assert judge(re.sub('^"|"$', "", text, flags=re.MULTILINE)).report.verdict == "accepted"


def test_the_case_of_a_title_row_is_read_from_line_2(judge: Judge) -> None:
    report = judge(shared_case("title_row.csv")).report
    assert report.verdict == "accepted"
    assert report.dialect is not None
    assert report.dialect.header_line == 2
    assert [finding.rule for finding in report.findings] == ["title_lines"]
    assert report.rows.received == 200


def test_the_case_without_a_header_names_the_way_out_which_works(judge: Judge) -> None:
    path = shared_case("no_header.csv")
    refused = judge(path).report
    assert refused.rules == ("header_missing",)
    assert "`header: false`" in refused.reasons[0]
    report = judge(path, header=False, target="x4").report
    assert (report.verdict, report.rows.received, report.classes) == ("accepted", 200, ("1", "2"))


def test_the_case_of_many_names_does_not_call_them_a_quantity(judge: Judge) -> None:
    report = judge(shared_case("many_text_labels.csv"), target="director").report
    assert report.rules == ("target_many_classes",)
    assert "it has 64 different texts" in report.reasons[0]
    assert "quantit" not in report.reasons[0]
    assert judge(shared_case("many_text_labels.csv"), target="votes").report.rules == ("target_quantity",)


@pytest.mark.parametrize("first", ["#", "#id", "% share", "--"])
def test_a_name_may_begin_as_comments_do(judge: Judge, first: str) -> None:
    report = judge(table([f"{i * 0.25},{row}" for i, row in enumerate(data_rows())], header=f"{first},{HEADER}")).report
    assert (report.verdict, report.columns[0].name) == ("accepted", first)
