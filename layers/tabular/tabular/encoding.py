"""What a file's bytes are, and its text as UTF-8, decompressed, of which all else is read.

UTF-8 is left where it is. gzip is decompressed; UTF-16, UTF-32, Windows-1252 and Latin-1 are transcoded, the last two
with a warning, since nothing in a file tells one code page from another.

Lines are counted by ``\\n``, from 1. Byte offsets that are given here are offsets in the file, for a gzip archive in
what it holds. Those in all later messages of the package are offsets in the UTF-8 text.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from tabular.findings import Finding, RefusedError, Rule

type Encoding = Literal["utf-8", "utf-16", "utf-32", "windows-1252", "latin-1"]
type _CodePage = Literal["windows-1252", "latin-1"]

_BLOCK: Final = 1 << 22
_HEAD: Final = 1 << 16
"""Bytes by which a file's kind is told."""

_GZIP: Final = b"\x1f\x8b"
_ONLY_GZIP: Final = "; only gzip is decompressed"
_FOREIGN: Final = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", ""),
    (b"PK\x05\x06", "an empty zip archive", ""),
    (b"PAR1", "a Parquet file", ""),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", ""),
    (b"%PDF", "a PDF", ""),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _ONLY_GZIP),
    (b"BZh", "a bzip2 archive", _ONLY_GZIP),
    (b"\xfd7zXZ\x00", "an xz archive", _ONLY_GZIP),
    (_GZIP, "another gzip archive", ""),  # one in an archive: the outer one is known before
)
_TAR: Final = slice(257, 262), b"ustar"

_GZIP_FAULTS: Final = (
    ("CRC check failed", "its checksum is wrong"),
    ("Incorrect length", "its length is wrong"),
    ("Not a gzipped file", "other data follows"),
    ("Unknown compression method", "its method of compression is unknown"),
)
"""How the messages of Python's gzip begin, and what they mean to a person."""

_ASCII: Final = bytes(range(0x80))
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r"))
_MAX_CONTROLS: Final = 0.1

_ALL_BUT_C1: Final = bytes({*range(0x100)} - {*range(0x80, 0xA0)})
"""C1 are the bytes that are characters in Windows-1252 and control characters in Latin-1."""
_UNDEFINED: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""The bytes that Windows-1252 gives no meaning."""
_NAMES: Final[dict[_CodePage, str]] = {"windows-1252": "Windows-1252", "latin-1": "Latin-1 (ISO 8859-1)"}


@dataclass(frozen=True)
class PlainText:
    """A text in UTF-8; a byte order mark may still stand at its start.

    ``path`` is the given one if nothing had to be changed, otherwise a new file. ``size`` is in bytes of UTF-8.
    ``encoding`` and ``compression`` are those of the given file.
    """

    path: Path
    encoding: Encoding
    compression: Literal["gzip"] | None
    size: int
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Source:
    path: Path
    work: Path
    max_bytes: int | None
    compression: Literal["gzip"] | None

    def blocks(self) -> Generator[bytes]:
        return _inflated(self.path) if self.compression else _blocks(self.path)


@dataclass(frozen=True)
class _Wide:
    """``codec`` is Python's, of that byte order; ``name`` is for a person."""

    mark: bytes
    encoding: Encoding
    codec: str
    name: str


_MARKED: Final = (
    _Wide(codecs.BOM_UTF32_LE, "utf-32", "utf-32-le", "UTF-32 (little endian)"),  # begins as the mark of UTF-16 does
    _Wide(codecs.BOM_UTF32_BE, "utf-32", "utf-32-be", "UTF-32 (big endian)"),
    _Wide(codecs.BOM_UTF16_LE, "utf-16", "utf-16-le", "UTF-16 (little endian)"),
    _Wide(codecs.BOM_UTF16_BE, "utf-16", "utf-16-be", "UTF-16 (big endian)"),
)
_UNMARKED_LITTLE: Final = _Wide(b"", "utf-16", "utf-16-le", "UTF-16 (little endian, without byte order mark)")
_UNMARKED_BIG: Final = _Wide(b"", "utf-16", "utf-16-be", "UTF-16 (big endian, without byte order mark)")


@dataclass(frozen=True)
class _Flaw:
    """Why a text is not UTF-8: the first NUL byte, or else the first byte that belongs to no character.

    ``cut``: that byte begins the character in which the text ends, and is the only flaw.
    """

    kind: Literal["nul", "stray"]
    offset: int
    cut: bool = False


@dataclass(frozen=True)
class _Census:
    """Of a text that is not UTF-8: valid sequences of two bytes or more, bytes that are in none, and offsets of firsts.

    ``windows``: it has bytes that are characters in Windows-1252 only. ``undefined``: and this one it has not either.
    """

    sequences: int
    stray: int
    not_ascii: int
    windows: bool
    undefined: int | None


def plain_text(path: Path, work: Path, *, max_bytes: int | None = None) -> PlainText:
    """The file's text as UTF-8, without NUL.

    Args:
        path: the file; it stays as it is.
        work: a folder for the text if it has to be written again. The text of a gzip archive in Windows-1252 or
            Latin-1 stands there twice for a while.
        max_bytes: how much UTF-8 may be written there at most. A file that is UTF-8 already may be of any size.

    Raises:
        RefusedError: the file is empty, no text, a damaged text or archive, or it expands to more than ``max_bytes``.
            Nothing is left in ``work``.
    """
    source = _Source(path, work, max_bytes, "gzip" if _is_gzip(path) else None)
    with closing(source.blocks()) as blocks:
        first = _first(blocks)
        try:
            return _read(source, b"".join(first)[:_HEAD], chain(first, blocks))
        except RefusedError as refused:
            if source.compression and refused.findings[0].rule is not Rule.FILE_TOO_LARGE:
                _exhaust(blocks, max_bytes)
            raise


def _is_gzip(path: Path) -> bool:
    """Also if the file is cut after the first byte."""
    with path.open("rb") as stream:
        start = stream.read(len(_GZIP))
    return start != b"" and _GZIP.startswith(start)


def _blocks(path: Path) -> Generator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _inflated(path: Path) -> Generator[bytes]:
    """What a gzip archive holds. Raises RefusedError if the archive is damaged, after what could be read."""
    size = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read1(_BLOCK):
                size += len(block)
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = f"the gzip archive is damaged: {size:,} bytes of text could be read, then {_gzip_fault(error)}"
        raise RefusedError(Finding(rule=Rule.GZIP_DAMAGED, what=what)) from error


def _gzip_fault(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, zlib.error):
        return "its compressed data is corrupt"
    return next((words for start, words in _GZIP_FAULTS if str(error).startswith(start)), str(error))


def _first(blocks: Iterator[bytes]) -> list[bytes]:
    """The first blocks, of ``_HEAD`` bytes together or more if there are as many."""
    first, size = [], 0
    for block in blocks:
        first.append(block)
        size += len(block)
        if size >= _HEAD:
            break
    return first


def _exhaust(blocks: Iterator[bytes], max_bytes: int | None) -> None:
    """Raises RefusedError if the rest of the archive shows that it is damaged: then its text was never that."""
    size = 0
    for block in blocks:
        size += len(block)
        if max_bytes is not None and size > max_bytes:
            return


def _read(source: _Source, head: bytes, blocks: Iterator[bytes]) -> PlainText:
    """``head`` is the start of ``blocks``."""
    if not head:
        what = "the gzip archive is empty" if source.compression else "the file has no bytes"
        raise RefusedError(Finding(rule=Rule.FILE_EMPTY, what=what))
    if kind := _foreign_kind(head):
        this = "the gzip archive holds" if source.compression else "this is"
        raise RefusedError(Finding(rule=Rule.NOT_CSV, what=f"{this} {kind}"))
    if wide := _wide_kind(head[:4096]):
        return _wide_text(source, wide, head, blocks)
    return _narrow_text(source, head, blocks)


def _foreign_kind(head: bytes) -> str | None:
    place, mark = _TAR
    if head[place] == mark:
        return "a tar archive, not CSV text"
    return next((f"{kind}, not CSV text{more}" for magic, kind, more in _FOREIGN if head.startswith(magic)), None)


def _is_binary(sample: bytes) -> bool:
    """Whether many of its bytes are control characters, and not NUL alone, which is told of with its place."""
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return controls > sample.count(0) and controls > _MAX_CONTROLS * len(sample)


def _refuse_binary(sample: bytes) -> None:
    if _is_binary(sample):
        raise RefusedError(Finding(rule=Rule.NOT_CSV, what="this is not text"))


def _wide_kind(start: bytes) -> _Wide | None:
    """UTF-32 by its byte order mark; UTF-16 by that, or by every other byte of plain text being NUL."""
    for wide in _MARKED:
        if start.startswith(wide.mark):
            return wide
    half = len(start) // 2
    if half >= 4 and start[1::2].count(0) > 0.7 * half and start[::2].count(0) < 0.1 * half:
        return _UNMARKED_LITTLE
    if half >= 4 and start[::2].count(0) > 0.7 * half and start[1::2].count(0) < 0.1 * half:
        return _UNMARKED_BIG
    return None


def _wide_text(source: _Source, wide: _Wide, head: bytes, blocks: Iterable[bytes]) -> PlainText:
    if not wide.mark:  # small numbers of 16 bits look like UTF-16, too
        _refuse_binary(head.decode(wide.codec, errors="ignore").encode())
    decoder = codecs.getincrementaldecoder(wide.codec)()
    read, line, pending, marked = 0, 1, b"", bool(wide.mark)
    with _Output(source) as output:
        for block in blocks:
            offset = read - len(pending)
            fault: UnicodeDecodeError | None = None
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                text, fault = error.object[: error.start].decode(wide.codec), error
            if (nul := text.find("\0")) >= 0:
                before = text[:nul]
                raise RefusedError(_nul(line + before.count("\n"), offset + len(before.encode(wide.codec))))
            line += text.count("\n")
            if fault:
                raise RefusedError(_no_character(fault, wide, line, offset + fault.start))
            read += len(block)
            pending = decoder.getstate()[0]
            if marked and text:
                text, marked = text[1:], False
            output.write(text.encode())
        if pending:
            raise RefusedError(_cut(wide.encoding, line, read - len(pending)))
    return PlainText(output.path, wide.encoding, source.compression, output.size)


def _no_character(error: UnicodeDecodeError, wide: _Wide, line: int, offset: int) -> Finding:
    values = " ".join(f"0x{value:02X}" for value in error.object[error.start : error.end])
    what = f"the bytes {values} are not a character; the text is {wide.name}"
    return Finding(rule=Rule.ENCODING, line=line, byte_offset=offset, what=what)


def _nul(line: int, offset: int) -> Finding:
    return Finding(rule=Rule.NUL_BYTE, line=line, byte_offset=offset, what="the file holds a NUL byte")


def _cut(encoding: Encoding, line: int, offset: int) -> Finding:
    what = f"the file ends inside a {encoding.upper()} character"
    return Finding(rule=Rule.ENCODING, line=line, byte_offset=offset, what=what)


def _narrow_text(source: _Source, head: bytes, blocks: Iterable[bytes]) -> PlainText:
    """Of a text in UTF-8 or in a code page of one byte a character."""
    if not source.compression:
        if flaw := _flaw(blocks):
            return _guessed_text(source, source.path, head, flaw)
        return PlainText(source.path, "utf-8", None, source.path.stat().st_size)
    with _Output(source) as output:
        flaw = _flaw(output.written(blocks))
    if not flaw:
        return PlainText(output.path, "utf-8", source.compression, output.size)
    try:
        return _guessed_text(source, output.path, head, flaw)
    finally:
        output.path.unlink()


def _flaw(blocks: Iterable[bytes]) -> _Flaw | None:
    """None for UTF-8 without NUL. Reads all blocks, but none after a NUL byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, pending = 0, b""
    stray: int | None = None
    for block in blocks:
        if (nul := block.find(b"\0")) >= 0:
            return _Flaw("nul", offset + nul)
        if stray is None and (pending or not block.isascii()):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                stray = offset - len(pending) + error.start
            pending = decoder.getstate()[0]
        offset += len(block)
    if stray is not None:
        return _Flaw("stray", stray)
    return _Flaw("stray", offset - len(pending), cut=True) if pending else None


def _guessed_text(source: _Source, raw: Path, head: bytes, flaw: _Flaw) -> PlainText:
    """``raw`` is the text with that flaw, decompressed; ``head`` is its start."""
    _refuse_binary(head)
    if flaw.kind == "nul":
        raise RefusedError(_nul(_line_at(raw, flaw.offset), flaw.offset))
    census = _census(raw)
    code_page = _code_page(raw, head, flaw, census)
    with _Output(source) as output:
        for block in _blocks(raw):
            output.write(block.decode(code_page).encode())
    value = _byte_at(raw, census.not_ascii)
    warning = Finding(
        rule=Rule.ENCODING_GUESSED,
        line=_line_at(raw, census.not_ascii),
        byte_offset=census.not_ascii,
        what=f"the text is not UTF-8; it was read as {_NAMES[code_page]}, where byte 0x{value:02X} is "
        f"`{bytes([value]).decode(code_page)}`",
    )
    return PlainText(output.path, code_page, source.compression, output.size, (warning,))


def _census(path: Path) -> _Census:
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    offset = high = characters = valid = 0
    not_ascii: int | None = None
    undefined: int | None = None
    windows = False
    for block in _blocks(path):
        text = decoder.decode(block)
        characters += len(text)
        valid += len(text.encode())
        beyond = block.translate(None, _ASCII)
        high += len(beyond)
        if not_ascii is None and (found := _NOT_ASCII.search(block)):
            not_ascii = offset + found.start()
        if undefined is None and (only := beyond.translate(None, _ALL_BUT_C1)):
            windows = True
            if _UNDEFINED.search(only) and (found := _UNDEFINED.search(block)):
                undefined = offset + found.start()
        offset += len(block)
    ascii_ = offset - high
    return _Census(characters - ascii_, offset - valid, not_ascii or 0, windows, undefined)


def _code_page(path: Path, head: bytes, flaw: _Flaw, census: _Census) -> _CodePage:
    """Raises RefusedError if the text is damaged UTF-8 instead, or in no code page that is read."""
    if flaw.cut and census.sequences:
        raise RefusedError(_cut("utf-8", _line_at(path, flaw.offset), flaw.offset))
    # Read in a code page, a damaged UTF-8 text would have all of its other characters garbled silently.
    if census.sequences > census.stray or head.startswith(codecs.BOM_UTF8):
        raise RefusedError(_not_utf8(path, flaw.offset))
    if census.undefined is not None:
        value = _byte_at(path, census.undefined)
        raise RefusedError(
            Finding(
                rule=Rule.ENCODING,
                line=_line_at(path, census.undefined),
                byte_offset=census.undefined,
                what=f"the text is not UTF-8, and byte 0x{value:02X} is not Windows-1252 either",
            )
        )
    return "windows-1252" if census.windows else "latin-1"


def _not_utf8(path: Path, offset: int) -> Finding:
    value = _byte_at(path, offset)
    what = f"byte 0x{value:02X} is not UTF-8"
    if not _UNDEFINED.match(bytes([value])):
        code_page: _CodePage = "windows-1252" if value < 0xA0 else "latin-1"
        what += f"; in {_NAMES[code_page]} it would be `{bytes([value]).decode(code_page)}`"
    return Finding(rule=Rule.ENCODING, line=_line_at(path, offset), byte_offset=offset, what=what)


def _byte_at(path: Path, offset: int) -> int:
    with path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(1)[0]


def _line_at(path: Path, offset: int) -> int:
    """Lines are counted only if one is asked for: it would take most of the time of the check."""
    line = 1
    with path.open("rb") as stream:
        while offset > 0 and (block := stream.read(min(_BLOCK, offset))):
            line += block.count(b"\n")
            offset -= len(block)
    return line


class _Output:
    """A new file in ``work`` for a source's text. It is removed if the ``with`` block that writes it raises."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self.size = 0

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(dir=self._source.work, prefix="text-", suffix=".csv")
        self._stream = os.fdopen(handle, "wb")
        self.path = Path(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if error:
            self.path.unlink()

    def write(self, block: bytes) -> None:
        """Raises RefusedError, and writes nothing, if the text would become longer than it may be."""
        max_bytes = self._source.max_bytes
        if max_bytes is not None and self.size + len(block) > max_bytes:
            this = "the gzip archive" if self._source.compression else "in UTF-8 the file"
            what = f"{this} holds more than {max_bytes:,} bytes of text"
            raise RefusedError(Finding(rule=Rule.FILE_TOO_LARGE, what=what))
        self._stream.write(block)
        self.size += len(block)

    def written(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.write(block)
            yield block
