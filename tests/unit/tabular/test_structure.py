"""Line ends, line ends in cells, quotes that are not closed: what a file's structure may be, and what it may cost."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any, SupportsIndex, overload

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, chunks, validate_table
from tabular.records import Scanner
from tests.search import examples
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
@settings(max_examples=examples(30), deadline=None)
def test_every_mix_of_line_ends_is_read_as_many_rows(
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
    return validate_table(path, name=path.name, config=config, default_target=None, out=work / "out")


@pytest.mark.longer
def test_a_large_file_with_csv_lines_in_its_cells_is_read(tmp_path: Path) -> None:
    """An engine that reads several stretches at once may take lines inside the cells of such a file for records."""
    inside = "\n".join(["1,x,0", "2,y,1", "3,z,0"] * 60)
    rows = "".join(f'{i % 97},"{i}\n{inside}",{i % 3 // 2}\n' for i in range(24_000))
    path = tmp_path / "table.csv"
    path.write_text("a,text,label\n" + rows, encoding="utf-8")
    assert path.stat().st_size > 25_000_000
    config = DatasetConfig.model_validate({"drop": ["text"]})
    report = validate_table(path, name="t", config=config, default_target=None, out=tmp_path / "out")
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
    assert warning.startswith("table.csv, line 12: lines 12-14 were read as one row, because a quoted cell spans them")


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


def test_a_long_row_that_makes_up_for_a_short_one_hides_neither(judge: Judge) -> None:
    rows = data_rows()
    rows[20], rows[60] = "30,Oslo,x,1.5", "30,Oslo,x,1.5,no,9"
    judged = judge(table(rows), max_rejected_share=0.05)
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [("22", "ragged_row"), ("62", "ragged_row")]
    assert judged.report.rows.accepted == 118 == len(judged.rows())
    for row in judged.rejected_rows:
        assert table(rows).encode()[int(row["byte_offset"]) :].startswith(row["raw"].encode())


def test_blank_lines_that_make_up_for_long_rows_are_blank_lines(judge: Judge) -> None:
    rows = data_rows()
    rows[20], rows[60] = "", "30,Oslo,x,1.5,no,,,,"
    judged = judge(table(rows), max_rejected_share=0.05)
    assert [(row["line"], row["rule"]) for row in judged.rejected_rows] == [("62", "ragged_row")]
    assert "line 22: 1 blank line was skipped" in " ".join(judged.report.warnings)


def test_the_rows_of_a_file_of_many_chunks_are_those_of_one(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line numbers, offsets, parts and levels do not depend on where a file is cut."""
    rows = data_rows(600)
    rows[7], rows[300], rows[444] = "30,Oslo", "30,Oslo,x,bad,no", '30,"Os\nlo",x,1.5,no'
    content = table(rows).replace("Bern", '"Bern, BE"')
    whole = judge(content)
    found = whole.report, whole.rejected_rows, whole.rows()
    monkeypatch.setattr("tabular.records._BLOCK", 1000)
    monkeypatch.setattr("tabular.records._STRETCH", 200)
    monkeypatch.setattr("tabular.chunks._CHUNK_BYTES", 700)
    cut = judge(content)
    assert cut.report == found[0]
    assert cut.rejected_rows == found[1]
    assert sorted(cut.rows()) == sorted(found[2])


@pytest.mark.parametrize("quoted", [False, True])
def test_rows_are_written_alike_where_the_disk_has_no_room_to_keep_them(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, quoted: bool
) -> None:
    rows = data_rows(300)
    rows[30] = "30,Oslo,x,bad,no"
    rows[31] = '30,"Os\nlo",x,1.5,no' if quoted else rows[31]
    kept = judge(table(rows))
    written = [kept.part(part) for part in ("train", "validation", "test")]
    monkeypatch.setattr("tabular.validate._ROOM", 1 << 60)
    monkeypatch.setattr("tabular.chunks._CHUNK_BYTES", 700)
    monkeypatch.setattr("tabular.records._BLOCK", 1000)
    again = judge(table(rows))
    assert [again.part(part) for part in ("train", "validation", "test")] == written


@pytest.mark.parametrize("start", ["x^", "x\x01", "xک", "\ufeffx"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_text_that_begins_as_compressed_data_do_is_text(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, start: str, quoted: bool
) -> None:
    """The engine looks for the marks of compression where a stretch of the file begins, which may be at any row."""
    monkeypatch.setattr("tabular.records._STRETCH", 8)
    rows = [f"{start}{i % 3},{i}.5,{'yes' if i % 2 else 'no'}" for i in range(100)]
    rows[50] = rows[50].replace(f"{start}2", f'"{start}2"') if quoted else rows[50]
    judged = judge(table(rows, "kind,score,label"))
    assert (judged.report.verdict, judged.report.warnings) == ("accepted", ())
    assert {column.levels for column in judged.recipe.columns if column.kind == "one_hot"} == {
        (f"{start}0", f"{start}1", f"{start}2")
    }


@pytest.mark.longer
def test_columns_that_change_places_partway_are_read_in_the_end(judge: Judge) -> None:
    """Rows that are rejected for one column hide what the other holds."""
    rows = [f"{i}.5,word{i % 9}" if i < 2000 else f"word{i % 9},{i}.5" for i in range(20_000)]
    lines = [f"{row},{i % 97},{'ab'[i % 2]},{i}" for i, row in enumerate(rows)]
    content = table(lines, "a,b,x,label,t")
    judged = judge(content, max_rejected_share=0.15, split={"by_time": "t"})
    kinds = {column.name: column.kind for column in judged.report.columns}
    assert (kinds["a"], kinds["b"]) == ("text", "number")
    assert judged.report.rows.rejected == 2000


def test_a_column_of_numbers_that_becomes_text_is_text(judge: Judge) -> None:
    lines = [f"{i if i < 3000 else 'abc'[i % 3]},{i}.5,{'yn'[i % 3 == 0]}" for i in range(40_000)]
    judged = judge(table(lines, "x,score,label"))
    assert [column.kind for column in judged.report.columns if column.name == "x"] == ["text"]
    assert judged.report.rows.rejected == 0


@pytest.mark.longer
def test_many_short_malformed_rows_are_listed_in_bounded_pieces(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    make = chunks.Chunk

    def noted(*parts: Any) -> Any:
        sizes.append(len(parts[2]))
        return make(*parts)

    monkeypatch.setattr(chunks, "Chunk", noted)
    judged = judge(table([*data_rows(), *["x"] * 50_000]))
    assert judged.report.problems[0].rows == 50_000
    assert max(sizes) <= 20_000
