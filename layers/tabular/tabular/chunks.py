"""The rows of a file as the engine sees them: a chunk of some thousands at a time, every cell as trimmed text.

This is the seam between the file and the engine (Polars): what comes after works on a chunk's ``cells`` and never sees
the file. The engine's own typing is not used: it rounds, pads short rows and takes ``nan`` and ``inf`` for numbers.
Memory is that of a few chunks, whatever the file's size.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Final

import polars as pl

from sluice.dataset.recipe import WHITESPACE
from tabular.dialect import Dialect
from tabular.records import NO_TEXT_STARTS, Batch, BlankLine, Malformed, Record, RepeatedLine, Scanner

_CHUNK_BYTES: Final = 1 << 23
"""Pieces of a file are gathered until they have that many bytes; a piece is a block of the scanner at most."""

_CHUNK_EVENTS: Final = 20_000
"""Or until there are that many: rows that are malformed or odd are objects, however short they are."""

_RARE_BLANKS: Final = (b"\t", b"\v", b"\f")
_NO_BREAK_SPACE: Final = "\u00a0".encode()
_MAX_BLANKS_TRIED: Final = 2000
"""Blanks that are looked at one by one, before all pairs of a blank and an edge are searched for."""

_WORKERS: Final = 2
_MAX_PIECES: Final = 2000
"""Of a chunk, up to which it is remembered where they lie."""


class ChunkError(RuntimeError):
    """The engine and the scanner disagree on the file: a fault of this program, never of the file."""


@dataclass(frozen=True)
class _Layout:
    """Where the rows of a chunk lie in the file: byte offset and size of each stretch; whether cells must be
    trimmed."""

    slices: tuple[tuple[int, int], ...]
    rows: int
    trimmed: bool


@dataclass
class Structure:
    """Counts of one file. ``doubtful_rows`` are well-formed, but span lines that look like rows; the first of them
    spans ``doubtful_lines``. ``end_line`` is the line after the table. ``layouts`` are those of the chunks so far; None
    if the file is too odd to remember them."""

    rows: int = 0
    malformed_rows: int = 0
    blank_lines: int = 0
    first_blank_line: int = 0
    repeated_lines: int = 0
    first_repeated_line: int = 0
    end_line: int = 0
    doubtful_rows: int = 0
    doubtful_lines: tuple[int, int] = (0, 0)
    layouts: list[_Layout] | None = field(default_factory=list, repr=False)

    @property
    def received(self) -> int:
        return self.rows + self.malformed_rows


@dataclass
class Chunk:
    """Consecutive well-formed records, and the malformed ones that stand between them.

    ``cells`` are columns c0, c1, ... of trimmed text, with "" where nothing stands; ``first`` is the ordinal of their
    first row.
    """

    first: int
    cells: pl.DataFrame
    malformed: list[Malformed]
    pieces: list[Batch | Record] = field(repr=False)

    def places(self, rows: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
        """Line, byte offset and text of rows of the chunk, asked in rising order."""
        if not rows:
            return
        pieces = iter(self.pieces)
        piece, before, lines = next(pieces), 0, None
        number, offset = 0, 0
        for row in rows:
            while row >= before + _rows(piece):
                before += _rows(piece)
                piece, lines = next(pieces), None
            if isinstance(piece, Record):
                yield piece.line, piece.offset, piece.raw
                continue
            if lines is None:
                lines, number, offset = piece.raw.split(b"\n"), 0, piece.offset
            while number < row - before:
                offset += len(lines[number]) + 1
                number += 1
            yield piece.line + number, offset, lines[number].removesuffix(b"\r")


def _rows(piece: Batch | Record) -> int:
    return piece.rows if isinstance(piece, Batch) else 1


def chunks(path: Path, dialect: Dialect, structure: Structure | None = None) -> Iterator[Chunk]:
    """The rows below the header, in the file's order.

    Args:
        path: text in UTF-8.
        dialect: of it.
        structure: is counted up on the way.
    """
    found = structure if structure is not None else Structure()
    pieces: list[Batch | Record] = []
    malformed: list[Malformed] = []
    size = first = 0
    with path.open("rb") as stream:
        scanner = Scanner(
            stream,
            delimiter=dialect.delimiter,
            width=dialect.width,
            offset=dialect.header.end,
            line=dialect.header.next_line,
            skip_blanks=dialect.skip_blanks,
            end=dialect.footer.end if dialect.footer else None,
            repeats=dialect.repeats,
        )
        for event in scanner.events():
            match event:
                case Batch() | Record():
                    pieces.append(event)
                    size += len(event.raw)
                    found.rows += _rows(event)
                    if isinstance(event, Record) and event.doubtful:
                        found.doubtful_rows += 1
                        if found.doubtful_rows == 1:
                            found.doubtful_lines = (event.line, event.line + event.raw.count(b"\n"))
                case Malformed():
                    malformed.append(event)
                    size += len(event.raw)
                    found.malformed_rows += 1
                case BlankLine():
                    found.blank_lines += 1
                    found.first_blank_line = found.first_blank_line or event.line
                case RepeatedLine():
                    found.repeated_lines += 1
                    found.first_repeated_line = found.first_repeated_line or event.line
            if size >= _CHUNK_BYTES or len(pieces) + len(malformed) >= _CHUNK_EVENTS:
                yield _chunk(first, malformed, pieces, dialect, found)
                pieces, malformed, size, first = [], [], 0, found.rows
    found.end_line = scanner.line
    if pieces or malformed:
        yield _chunk(first, malformed, pieces, dialect, found)


def cells_again(
    path: Path, dialect: Dialect, structure: Structure, only: Container[int] | None = None
) -> Iterator[tuple[int, pl.DataFrame]]:
    """The number of each chunk, from 0 on, and its cells, as a complete walk through :func:`chunks` has found them.
    ``only``: the chunks that are asked for; by default all."""
    if structure.layouts is None:
        again = enumerate(chunks(path, dialect))
        yield from ((number, chunk.cells) for number, chunk in again if only is None or number in only)
    else:
        yield from _read_again(path, dialect, structure.layouts, only)


def _chunk(
    first: int, malformed: list[Malformed], pieces: list[Batch | Record], dialect: Dialect, found: Structure
) -> Chunk:
    if (cells := _cells(pieces, dialect)) is None:
        pieces, ragged = _looked_at_again(pieces, dialect, found)
        found.rows += sum(map(_rows, pieces)) - (found.rows - first)
        found.malformed_rows += len(ragged)
        malformed = sorted([*malformed, *ragged], key=lambda row: row.line)
        if (cells := _cells(pieces, dialect)) is None:
            raise ChunkError(f"the engine does not find the rows of line {pieces[0].line} and those after it")
    trimmed = any(isinstance(piece, Record) or _has_outer_blanks(piece.raw, dialect.delimiter) for piece in pieces)
    if found.layouts is not None:
        plain = [piece for piece in pieces if isinstance(piece, Batch)]
        if len(plain) == len(pieces) <= _MAX_PIECES:
            found.layouts.append(_Layout(_joined(plain), cells.height, trimmed))
        else:
            found.layouts = None
    return Chunk(first, _trimmed(cells) if trimmed else cells, malformed, pieces)


def _looked_at_again(
    pieces: Sequence[Batch | Record], dialect: Dialect, found: Structure
) -> tuple[list[Batch | Record], list[Malformed]]:
    """The pieces, with ragged and blank rows taken out that made up for one another in the count of delimiters."""
    kept: list[Batch | Record] = []
    ragged: list[Malformed] = []
    for piece in pieces:
        if isinstance(piece, Record) or piece.sure:
            kept.append(piece)
            continue
        scanner = Scanner(
            io.BytesIO(piece.raw),
            delimiter=dialect.delimiter,
            width=dialect.width,
            offset=0,
            line=piece.line,
            strict=True,
        )
        for event in scanner.events():
            if isinstance(event, Batch):
                kept.append(replace(event, offset=piece.offset + event.offset))
            elif isinstance(event, Malformed):
                ragged.append(replace(event, offset=piece.offset + event.offset))
            elif isinstance(event, BlankLine):
                found.blank_lines += 1
                found.first_blank_line = min(found.first_blank_line or event.line, event.line)
    return kept, ragged


def _joined(pieces: Sequence[Batch]) -> tuple[tuple[int, int], ...]:
    """Offset and size of what lies together."""
    slices: list[tuple[int, int]] = []
    for piece in pieces:
        if slices and sum(slices[-1]) == piece.offset:
            slices[-1] = (slices[-1][0], slices[-1][1] + len(piece.raw))
        else:
            slices.append((piece.offset, len(piece.raw)))
    return tuple(slices)


def _read_again(
    path: Path, dialect: Dialect, layouts: Sequence[_Layout], only: Container[int] | None
) -> Iterator[tuple[int, pl.DataFrame]]:
    with path.open("rb") as stream:
        for number, layout in enumerate(layouts):
            if only is not None and number not in only:
                continue
            raw = []
            for offset, size in layout.slices:
                stream.seek(offset)
                raw.append(_ended(stream.read(size)))
            cells = _parsed(b"".join(raw), dialect)
            if cells is None or cells.height != layout.rows:
                raise ChunkError(f"the engine reads other rows at byte {layout.slices[0][0]} than before")
            yield number, _trimmed(cells) if layout.trimmed else cells


def worked[T, R](items: Iterator[T], work: Callable[[T], R]) -> Iterator[R]:
    """What ``work`` makes of each item, in their order. While one is made, two are worked on and the result of another
    is taken up: each of these leaves a core idle now and then."""
    with ThreadPoolExecutor(max_workers=1) as maker, ThreadPoolExecutor(max_workers=_WORKERS) as workers:
        waiting: deque[Future[R]] = deque()
        made = maker.submit(next, items, None)
        while (item := made.result()) is not None:
            made = maker.submit(next, items, None)
            waiting.append(workers.submit(work, item))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _cells(pieces: Sequence[Batch | Record], dialect: Dialect) -> pl.DataFrame | None:
    """The cells as they stand; None if the engine reads another number of rows, or finds one that is too long.

    It pads rows that are too short silently. But as the delimiters of each piece are as many as they should be, there
    is none of these if there is none of the other kind.
    """
    plain = [piece for piece in pieces if isinstance(piece, Batch)]
    odd = [piece for piece in pieces if isinstance(piece, Record)]
    frames = []
    if plain:
        cells = _parsed(b"".join(_ended(piece.raw) for piece in plain), dialect)
        if cells is None or cells.height != sum(map(_rows, plain)):
            return None
        frames.append(cells)
    if odd or not plain:
        rows = [[cell.decode() for cell in piece.cells] for piece in odd]
        names = [f"c{i}" for i in range(dialect.width)]
        frames.append(pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row"))
    cells = frames[0] if len(frames) == 1 else pl.concat(frames)
    if odd and plain:
        cells = cells.select(pl.all().gather(_order(pieces, cells.height - len(odd))))
    return cells


def _parsed(raw: bytes, dialect: Dialect) -> pl.DataFrame | None:
    """Plain records as columns of text; None if one has too many cells."""
    guard = dialect.delimiter * (dialect.width - 1) + b"\n" if raw.startswith(NO_TEXT_STARTS) else b""
    try:
        cells = pl.read_csv(
            guard + raw if guard else raw,
            has_header=False,
            schema=dict.fromkeys((f"c{i}" for i in range(dialect.width)), pl.String),
            separator=dialect.delimiter.decode(),
            quote_char='"' if b'"' in raw else None,
            empty_string_is_null=False,
        )
        return cells.slice(1) if guard else cells
    except pl.exceptions.ComputeError:
        return None


def _trimmed(cells: pl.DataFrame) -> pl.DataFrame:
    return cells.select(pl.all().str.strip_chars(WHITESPACE))


def _ended(raw: bytes) -> bytes:
    return raw if raw.endswith(b"\n") else raw + b"\n"


def _order(pieces: Sequence[Batch | Record], plain_rows: int) -> list[int]:
    """For each row of the file, where it stands in the plain rows with the odd ones after them."""
    order: list[int] = []
    at, odd = 0, plain_rows
    for piece in pieces:
        if isinstance(piece, Batch):
            order.extend(range(at, at + piece.rows))
            at += piece.rows
        else:
            order.append(odd)
            odd += 1
    return order


def _has_outer_blanks(raw: bytes, delimiter: bytes) -> bool:
    """Whether a cell may begin or end with white space. Most files have none, and trimming costs as much as parsing."""
    if any(blank in raw for blank in _RARE_BLANKS if blank != delimiter):
        return True
    if not raw.isascii() and _NO_BREAK_SPACE in raw:
        return True
    edges = (delimiter[0], *b'\n\r"')
    at = -1
    for _ in range(_MAX_BLANKS_TRIED):
        at = raw.find(b" ", at + 1)
        if at < 0:
            return False
        if at == 0 or raw[at - 1] in edges or at + 1 == len(raw) or raw[at + 1] in edges:
            return True
    pairs = (b" " + bytes([edge]) for edge in edges), (bytes([edge]) + b" " for edge in edges)
    return any(pair in raw for pair in chain(*pairs))
