"""The records of a file against Python's own csv reader, and against the bytes at the offsets that they claim."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular import records
from tabular.records import Batch, BlankLine, Event, Malformed, Record, Scanner

CELLS = st.text(alphabet=st.sampled_from(list('ab,;"\n \té')), max_size=8)


def scanned(content: bytes, width: int, delimiter: bytes = b",") -> list[Event]:
    return list(Scanner(io.BytesIO(content), delimiter=delimiter, width=width, offset=0, line=1).events())


def cells_of(events: list[Event]) -> list[list[str]]:
    """The cells of the well-formed records, with those of plain lines read by Python's csv."""
    found: list[list[str]] = []
    for event in events:
        if isinstance(event, Batch):
            found += csv.reader([row.decode() for row in event.rows], strict=True)
        elif isinstance(event, Record):
            found.append([cell.decode() for cell in event.cells])
    return found


@pytest.mark.parametrize("block", [16, 1 << 22])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12), st.booleans())
@settings(max_examples=50, deadline=None)
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
    ordinal = 0
    for event in events:
        assert isinstance(event, Batch | Record)
        assert event.ordinal == ordinal
        assert event.line == 1 + content.count(b"\n", 0, event.offset)
        first = event.rows[0] if isinstance(event, Batch) else event.raw
        assert content[event.offset :].startswith(first)
        ordinal += len(event.rows) if isinstance(event, Batch) else 1
    assert ordinal == len(rows)


@given(st.binary(max_size=200), st.integers(2, 4))
@settings(max_examples=200, deadline=None)
def test_every_byte_of_any_file_is_in_one_event(content: bytes, width: int) -> None:
    """Nothing is lost, whatever the file holds: the events' own bytes and their line ends make up the file."""
    rebuilt = b""
    for event in scanned(content, width):
        assert event.offset == len(rebuilt)
        if isinstance(event, Batch):
            for row in event.rows:
                assert content[len(rebuilt) :].startswith(row)
                rebuilt += content[len(rebuilt) : len(rebuilt) + len(row) + event.ending]
        elif isinstance(event, BlankLine):
            rebuilt += content[len(rebuilt) :].split(b"\n")[0] + b"\n"
        else:
            assert content[len(rebuilt) :].startswith(event.raw)
            rest = content[len(rebuilt) + len(event.raw) :]
            rebuilt += event.raw + rest[: len(rest) - len(rest.lstrip(b"\r\n"))].split(b"\n")[0]
            rebuilt += content[len(rebuilt) : len(rebuilt) + 1] if content[len(rebuilt) :].startswith(b"\n") else b""
    assert rebuilt.rstrip(b"\n") == content.rstrip(b"\n")


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
    assert sum(len(event.rows) for event in events if isinstance(event, Batch)) == 200
