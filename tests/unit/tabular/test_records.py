"""The records of a file against Python's own csv reader, and against the bytes at the offsets that they claim."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular import records
from tabular.records import Batch, BlankLine, Event, Malformed, Record, RepeatedLine, Scanner
from tests.search import examples

CELLS = st.text(alphabet=st.sampled_from(list('ab,;"\n \té')), max_size=8)


def scanned(content: bytes, width: int, delimiter: bytes = b",", *, strict: bool = False) -> list[Event]:
    stream = io.BytesIO(content)
    return list(Scanner(stream, delimiter=delimiter, width=width, offset=0, line=1, strict=strict).events())


def cells_of(events: list[Event]) -> list[list[str]]:
    """The cells of the well-formed records, with those of plain lines read by Python's csv."""
    found: list[list[str]] = []
    for event in events:
        if isinstance(event, Batch):
            found += csv.reader(event.raw.decode().splitlines(), strict=True)
        elif isinstance(event, Record):
            found.append([cell.decode() for cell in event.cells])
    return found


@pytest.mark.parametrize("block", [16, 1 << 22])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12), st.booleans())
@settings(max_examples=examples(50), deadline=None)
def test_what_a_csv_writer_writes_is_read_back_whole(
    block: int, ending: str, rows: list[list[str]], quote_all: bool
) -> None:
    text = io.StringIO()
    if quote_all:
        csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    else:
        csv.writer(text, lineterminator=ending).writerows(rows)
    content = text.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK", block)
        events = scanned(content, 3)
    assert not [event for event in events if isinstance(event, Malformed | BlankLine)]
    assert cells_of(events) == rows
    for event in events:
        assert isinstance(event, Batch | Record)
        assert event.line == 1 + content.count(b"\n", 0, event.offset)
        assert content[event.offset :].startswith(event.raw)
    assert sum(event.rows if isinstance(event, Batch) else 1 for event in events) == len(rows)


TEXTS = st.text(st.sampled_from(list('ab,"\n\r é')), max_size=200)


@pytest.mark.parametrize("block", [16, 1 << 22])
@pytest.mark.parametrize("stretch", [8, 1 << 17])
@given(TEXTS, st.integers(2, 4), st.booleans())
@settings(max_examples=examples(100), deadline=None)
def test_every_byte_of_any_file_is_in_one_event(block: int, stretch: int, text: str, width: int, strict: bool) -> None:
    """Nothing is lost, whatever the file holds: between the events' own bytes there are line ends alone."""
    content = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK", block)
        patch.setattr(records, "_STRETCH", stretch)
        events = scanned(content, width, strict=strict)
    at = 0
    for event in events:
        assert not content[at : event.offset].strip(b"\r\n ")
        assert event.line == 1 + content.count(b"\n", 0, event.offset)
        raw = b"" if isinstance(event, BlankLine | RepeatedLine) else event.raw
        assert content[event.offset :].startswith(raw)
        at = event.offset + len(raw)
    assert not content[at:].strip(b"\r\n ")


@pytest.mark.parametrize("block", [16, 64, 1 << 22])
@pytest.mark.parametrize("stretch", [8, 1 << 17])
@given(
    st.lists(
        st.sampled_from(["1,2,3", "n,o,p", "\ufeffn,o,p", '"4","5","6"', "n,o,pq", "xn,o,p", "7,8", ""]), max_size=40
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 40),
)
@settings(max_examples=examples(40), deadline=None)
def test_lines_that_are_the_header_again_are_no_rows_wherever_blocks_are_cut(
    block: int, stretch: int, lines: list[str], ending: str, last: int
) -> None:
    content = "".join(line + ending for line in lines).encode()
    kept = lines[:last]
    end = len("".join(line + ending for line in kept).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_BLOCK", block)
        patch.setattr(records, "_STRETCH", stretch)
        scanner = Scanner(
            io.BytesIO(content), delimiter=b",", width=3, offset=0, line=1, end=end, repeats=frozenset({b"n,o,p"})
        )
        events = list(scanner.events())
    repeated = [event.line for event in events if isinstance(event, RepeatedLine)]
    assert repeated == [i for i, line in enumerate(kept, start=1) if line.removeprefix("\ufeff") == "n,o,p"]
    rows = sum(event.rows if isinstance(event, Batch) else 1 for event in events if not isinstance(event, Malformed))
    blanks = [line for line in kept if not line]
    assert rows == len([line for line in kept if line.count(",") == 2]) + len(blanks)
    assert scanner.line == len(kept) + 1


@given(st.lists(st.sampled_from(["a,b,c", "a,b", "a,b,c,d", "", "x"]), max_size=30))
@settings(max_examples=examples(100), deadline=None)
def test_rows_that_make_up_for_one_another_are_found_by_who_is_strict(lines: list[str]) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    events = scanned(content, 3, strict=True)
    assert all(event.sure for event in events if isinstance(event, Batch))
    assert sum(event.rows for event in events if isinstance(event, Batch)) == lines.count("a,b,c")
    for event in scanned(content, 3):
        if isinstance(event, Batch) and not event.sure:
            assert event.raw.count(b",") == 2 * event.rows


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BLOCK", 64)
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 128)
    events = scanned(b"a,b\n" + b"x" * 1000 + b"\nc,d\n", 2)
    kinds = [(type(event).__name__, event.line, event.offset) for event in events]
    assert kinds == [("Batch", 1, 0), ("Malformed", 2, 4), ("Batch", 3, 1005)]


def test_a_quote_that_never_closes_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BLOCK", 64)
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 128)
    content = b'a,"b\n' + b"c,d\n" * 200
    events = scanned(content, 2)
    malformed = [event for event in events if isinstance(event, Malformed)]
    assert [(event.line, event.raw, event.column) for event in malformed] == [(1, b'a,"b', 1)]
    assert sum(event.rows for event in events if isinstance(event, Batch)) == 200
