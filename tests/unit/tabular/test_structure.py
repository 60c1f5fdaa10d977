"""Line ends, line ends in cells, quotes that are not closed: what a file's structure may be, and what it may cost."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import SupportsIndex, overload

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.dialect import detect
from tabular.findings import Rule
from tabular.records import Scanner
from tabular.survey import survey
from tabular.table import Table
from tests.unit.tabular.conftest import HEADER, Judge, data_rows, table

MULTI_LINE = {"LF": '30,"Os\nlo",x,1.0,yes', "CRLF": '30,"Os\r\nlo",x,1.0,yes', "CR": '30,"Os\rlo",x,1.0,yes'}


@pytest.mark.parametrize("inside", MULTI_LINE)
@pytest.mark.parametrize("place", [0, 119])
@pytest.mark.parametrize("ends", ["\n\n\n", "\n\r\n\r\n", "\r\n\n\n", "\r\n\r\n\r\n", "\n\n\r\n", "\r\n\r\n\n"])
def test_line_ends_of_header_rows_and_cells_may_differ(tmp_path: Path, inside: str, place: int, ends: str) -> None:
    """``ends``: of the header, of the rows, of the row with a line end inside a cell."""
    head, rest, own = (part + "\n" for part in ends.split("\n")[:3])
    rows = [row + rest for row in data_rows()]
    rows[place] = MULTI_LINE[inside] + own
    report = validated(tmp_path, (HEADER + head + "".join(rows)).encode())
    assert (report.verdict, report.rows.accepted, report.warnings) == ("accepted", 120, ())


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_engine_reads_every_mix_of_line_ends_as_the_survey_does(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cells = st.lists(st.sampled_from(["a", "\n", "\r\n", "\r", '"', ",", "é"]), max_size=4).map("".join)
    ends = st.sampled_from(["\n", "\r\n", "\n\n"])
    rows = data.draw(st.lists(st.tuples(cells, cells, ends), min_size=1, max_size=8))
    head = data.draw(st.sampled_from(["a,b\n", "a,b\r\n", '\na,"b\r\n"\n', '"\ra",b\n']))
    text = head
    for first, second, end in rows:
        line = io.StringIO()
        csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator=end).writerow([first, second])
        text += line.getvalue()
    work = tmp_path_factory.mktemp("work")
    path = work / "table.csv"
    path.write_bytes(text.encode())
    assert validated(work, text.encode()).rows.received == len(rows)


def validated(work: Path, content: bytes) -> TableReport:
    path = work / "table.csv"
    path.write_bytes(content)
    config = DatasetConfig.model_validate({})
    return validate_table(path, name=path.name, config=config, default_target=None, out=work / "out", threads=1)


@pytest.mark.parametrize("inside", MULTI_LINE)
def test_a_file_with_line_ends_in_cells_is_loaded_sequentially(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    statements: list[str] = []
    execute = Table.execute

    def noted(self: Table, statement: str) -> None:
        statements.append(statement)
        execute(self, statement)

    monkeypatch.setattr(Table, "execute", noted)
    judge(table())
    judge(table([*data_rows(), MULTI_LINE[inside]]))
    loads = [statement for statement in statements if "read_csv" in statement]
    assert ["parallel = true" in load for load in loads] == [True, False]


def test_a_large_file_with_csv_lines_in_its_cells_is_read(tmp_path: Path) -> None:
    """DuckDB's parallel reader takes lines inside the cells of such a file for records."""
    inside = "\n".join(["1,x,0", "2,y,1", "3,z,0"] * 60)
    rows = "".join(f'{i % 97},"{i}\n{inside}",{i % 3 // 2}\n' for i in range(24_000))
    path = tmp_path / "table.csv"
    path.write_text("a,text,label\n" + rows, encoding="utf-8")
    assert path.stat().st_size > 25_000_000
    config = DatasetConfig.model_validate({"drop": ["text"]})
    report = validate_table(path, name="t", config=config, default_target=None, out=tmp_path / "out", threads=2)
    assert (report.verdict, report.rows.accepted) == ("accepted", 24_000)


def swallowing(rows: int, changed: dict[int, str]) -> str:
    lines = data_rows(rows)
    for number, line in changed.items():
        lines[number] = line
    return table(lines)


OPENS, CLOSES = '30,"Oslo,x,1.0,yes', '31,5",x,2.0,no'


def test_rows_between_two_stray_quotes_are_not_swallowed_by_a_row_of_the_right_width(judge: Judge) -> None:
    judged = judge(swallowing(300, {10: OPENS, 200: CLOSES}))
    assert [(row["line"], row["rule"], row["column"]) for row in judged.rejected_rows] == [
        ("12", "unclosed_quote", "city")
    ]
    assert judged.report.rows.received == 300


def test_rows_between_two_stray_quotes_are_not_swallowed_by_a_row_that_is_too_long(judge: Judge) -> None:
    judged = judge(swallowing(60_000, {10: OPENS, 55_000: CLOSES}))
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [("12", "unclosed_quote")]
    assert judged.report.rows.received == 60_000


def test_rows_are_not_swallowed_where_the_first_of_them_is_ragged(judge: Judge) -> None:
    judged = judge(swallowing(2000, {10: OPENS, 11: "31,Rome", 1500: CLOSES + ",7"}))
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [
        ("12", "unclosed_quote"),
        ("13", "ragged_row"),
        ("1502", "ragged_row"),
    ]


def test_few_lines_that_look_like_rows_in_a_cell_are_warned_of(judge: Judge) -> None:
    judged = judge(swallowing(300, {10: OPENS, 12: CLOSES}))
    assert judged.report.rows.accepted == 298
    (warning,) = judged.report.warnings
    assert warning.startswith(
        "table.csv, line 12: lines 12-14 were read as one row, since a quoted cell goes over them"
    )


def test_a_table_quoted_in_a_cell_is_one_cell_without_a_word(judge: Judge) -> None:
    inside = "\n".join(["7,x,yes", "8,y,no"] * 30)
    rows = [f'{i % 5},"{inside}",{"yes" if i % 3 else "no"}' for i in range(100)]
    judged = judge(table(rows, header="n,text,label"))
    assert judged.report.rows.accepted == 100
    assert not [warning for warning in judged.report.warnings if "read as one" in warning]


def test_prose_of_many_lines_is_one_cell_without_a_word(judge: Judge) -> None:
    prose = '"Dear all,\nplease come, all of you, soon.\n\nBring bread\nand wine, and salt,\nand time.\nYours, A"'
    rows = [f"{i % 5},{prose},{'yes' if i % 3 else 'no'}" for i in range(100)]
    judged = judge(table(rows, header="n,letter,label"))
    assert judged.report.rows.accepted == 100
    assert not [warning for warning in judged.report.warnings if "read as one" in warning]


class CountedBytes(bytes):
    """Counts the bytes that are copied out of it."""

    copied = 0

    @overload
    def __getitem__(self, at: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytes: ...
    def __getitem__(self, at: SupportsIndex | slice) -> int | bytes:
        part: int | bytes = super().__getitem__(at)
        CountedBytes.copied += len(part) if isinstance(part, bytes) else 1
        return part


@pytest.mark.parametrize("line", [b"a\n", b'a,"b""\n', b'"a\nb,c,d"\n', b'"a\nb,c"\n', b'a,b"c\n', b"\n"])
def test_reading_copies_each_byte_a_few_times_however_malformed_the_file(line: bytes) -> None:
    block = CountedBytes(line * 5000)
    CountedBytes.copied = 0
    scanner = Scanner(io.BytesIO(), delimiter=b",", width=2, offset=0, line=1)
    for _ in scanner._line_by_line(block, final=True):
        pass
    assert len(block) <= CountedBytes.copied <= 6 * len(block)


def test_blanks_before_quotes_mean_nothing_where_the_whole_file_has_them(judge: Judge) -> None:
    plain = judge(table()).rows()
    spaced = "\n".join(", ".join(f'"{cell}"' for cell in line.split(",")) for line in table().splitlines()) + "\n"
    judged = judge(spaced)
    assert (judged.report.verdict, judged.report.warnings) == ("accepted", ())
    assert judged.rows() == plain
    bad = judge(spaced.replace('"yes"', '"yes', 1))
    assert bad.rejected_rows[0]["rule"] == "unclosed_quote"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("named", "delimiter"), [("sep=;", ";"), ('"sep=|"', "|"), ("SEP=,", ","), ("sep=\t", "\t")])
def test_the_line_that_tells_excel_the_delimiter_is_passed_over(
    judge: Judge, mark: str, named: str, delimiter: str
) -> None:
    judged = judge(mark + named + "\r\n" + table().replace(",", delimiter).replace("\n", "\r\n"))
    assert (judged.report.verdict, judged.report.warnings) == ("accepted", ())
    assert judged.report.dialect is not None
    assert judged.report.dialect.header_line == 2
    bad = judge(named + "\n" + table(["30", *data_rows()]).replace(",", delimiter))
    assert bad.rejected_rows[0]["line"] == "3"


def test_invisible_characters_in_names_are_left_out(judge: Judge) -> None:
    judged = judge(table(header="\u200bage,ci\u200bty,note,\ufeffscore\u2060,label\ufeff"), target="label")
    assert [column.name for column in judged.report.columns] == HEADER.split(",")


@pytest.mark.parametrize("marked", ["utf-32-le", "utf-32-be"])
def test_utf_32_is_called_by_its_name(judge: Judge, marked: str) -> None:
    judged = judge(("\ufeff" + table()).encode(marked))
    assert judged.report.rules == (Rule.ENCODING,)
    assert "the text is UTF-32 (" in judged.report.reasons[0]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_byte_that_is_no_utf_8_is_found_over_the_edge_of_a_block(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """The first bytes of a character stand at the end of one block, and what does not go on with it in the next."""
    start = table().encode()
    start += b"a" * (-len(start) % 64 + 64 - cut)
    monkeypatch.setattr("tabular.dialect._BLOCK", 64)
    broken = "😀".encode()[:cut] + b"abc\n"
    judged = judge(start + broken)
    (reason,) = judged.report.reasons
    assert f"line 122 (byte offset {len(start)}): byte 0xF0 is not UTF-8" in reason


def test_a_survey_keeps_counts_only(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table([*data_rows(), *["x" * 1000] * 500]), encoding="utf-8")
    found = survey(path, detect(path))
    assert found.malformed_rows == 500
    assert len(repr(found)) < 1000
