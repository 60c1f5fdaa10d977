"""Cases of the file as a whole: what it is, how it is compressed and encoded."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import zipfile
from typing import Final

from tests.corpus.case import HEADER, Case, Said, cells, lines, others, table, text, with_cells, with_lines

EMPTY: Final = "an empty file, or a header without rows"
ONE_COLUMN: Final = "only one column, or no table at all"
FOREIGN: Final = "another format under the name of a CSV"
GZIP: Final = "gzip"
GZIP_DAMAGED: Final = "a damaged gzip, or an archive in one"
TOO_LARGE: Final = "more bytes than the cap, also after decompression"
MARK: Final = "a UTF-8 byte order mark"
UTF_16: Final = "UTF-16 and UTF-32"
LATIN_1: Final = "Latin-1 and Windows-1252"
DAMAGED: Final = "damaged UTF-8, and encodings that are not told apart"
NUL: Final = "NUL bytes and control characters"

_CITIES: Final = ("Zürich", "Malmö", "Århus")


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _zip(name: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), table())
    return written.getvalue()


def _tar() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("table.csv")
        member.size = len(table())
        archive.addfile(member, io.BytesIO(table()))
    return written.getvalue()


def _wide(encoding: str, mark: bytes = b"", content: str | None = None) -> bytes:
    return mark + (_foreign_text() if content is None else content).encode(encoding)


def _foreign_text() -> str:
    """The table with cities that ASCII lacks."""
    content = text()
    for plain, city in zip(("Oslo", "Rome", "Bern"), _CITIES, strict=True):
        content = content.replace(plain, city)
    return content


def _bomb() -> bytes:
    """Some 4 MB in 20 kB."""
    return _packed((HEADER + "\n" + "1,30,Oslo,x,0.5\n0,31,Rome,z,0.7\n" * 130_000).encode())


_UTF_8: Final = _foreign_text().encode()
_FIRST_LINE: Final = len(HEADER) + 1


FILES: Final = (
    Case("header-only", EMPTY, "a query without results", table([]), (Said("no_rows"),), rows=0),
    Case("empty", EMPTY, "no bytes at all", b"", (Said("file_empty"),), rows=0),
    Case("one-line-end", EMPTY, "one line end and nothing else", b"\n", (Said("file_empty"),), rows=0),
    Case("whitespace", EMPTY, "blanks, tabs and line ends only", b"  \n\t\n \r\n\n", (Said("file_empty"),), rows=0),
    Case("only-a-mark", EMPTY, "a byte order mark and nothing else", codecs.BOM_UTF8, (Said("file_empty"),), rows=0),
    Case(
        "empty-in-gzip",
        EMPTY,
        "a gzip of nothing",
        _packed(b""),
        (Said("file_empty"),),
        rows=0,
        suffix=".csv.gz",
    ),
    Case("header-without-end", EMPTY, "no line end either", HEADER.encode(), (Said("no_rows"),), rows=0),
    Case("header-and-blank-lines", EMPTY, "blank lines are no rows", table(["", " ", ""]), (Said("no_rows"),), rows=0),
    Case(
        "one-column",
        ONE_COLUMN,
        "nothing to predict from",
        "\n".join(["label", *(row[0] for row in lines())]).encode(),
        (Said("single_column", 1),),
    ),
    Case(
        "fixed-width",
        ONE_COLUMN,
        "columns aligned by blanks",
        "\n".join("".join(cell.ljust(8) for cell in row.split(",")) for row in [HEADER, *lines()]).encode(),
        (Said("single_column", 1),),
    ),
    Case(
        "unknown-delimiter",
        ONE_COLUMN,
        "separated by a character that is not looked for (`^`)",
        others("^").encode(),
        (Said("single_column", 1),),
    ),
    Case(
        "prose",
        ONE_COLUMN,
        "a letter",
        b"Dear all\nplease find the numbers attached\nYours\n" * 30,
        (Said("single_column", 1),),
        rows=89,
    ),
    Case(
        "json-array",
        ONE_COLUMN,
        "JSON",
        b"[\n" + b",\n".join(b'{"label": %d, "age": %d}' % (i % 2, i) for i in range(120)) + b"\n]\n",
        (Said("single_column", 1),),
        rows=0,
    ),
    Case(
        "json-lines",
        ONE_COLUMN,
        "a JSON object a line",
        b"".join(b'{"label": %d, "age": %d}\n' % (i % 2, i) for i in range(120)),
        (Said("header_unreadable", 1),),
        rows=0,
    ),
    Case(
        "xml",
        ONE_COLUMN,
        "XML",
        b'<?xml version="1.0"?>\n<rows>\n' + b'<row label="1" age="30"/>\n' * 120 + b"</rows>\n",
        (Said("single_column", 1),),
        rows=0,
    ),
    Case(
        "libsvm",
        ONE_COLUMN,
        "SageMaker's other format for XGBoost",
        "".join(f"{row[0]} 1:{row[1]} 2:{row[4]}\n" for row in cells()).encode(),
        (Said("single_column", 1),),
        rows=0,
    ),
    Case(
        "markdown-table",
        ONE_COLUMN,
        "a table of a wiki: its first column and its last have neither a name nor values",
        ("| label | age |\n|---|---|\n" + "".join(f"| {row[0]} | {row[1]} |\n" for row in cells())).encode(),
        rejected_rows=((2, "not_a_number", "age"),),
        warnings=(Said("unnamed_column", 1), Said("duplicate_rows")),
        rows=121,
    ),
    Case(
        "whole-lines-quoted",
        ONE_COLUMN,
        "each line as one quoted cell",
        "".join(f'"{line}"\n' for line in text().splitlines()).encode(),
        (Said("lines_quoted", 1),),
    ),
    Case(
        "html-page",
        ONE_COLUMN,
        "the login page that a download link led to",
        b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Sign in, or sign up.</body></html>\n",
        (Said("single_column", 1),),
        rows=0,
    ),
    Case("zip", FOREIGN, "a zip archive with the table inside", _zip("table.csv"), (Said("not_csv"),)),
    Case("xlsx", FOREIGN, "an Excel workbook renamed to .csv", _zip("xl/workbook.xml"), (Said("not_csv"),)),
    Case(
        "xls",
        FOREIGN,
        "an Excel workbook of before 2007",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504,
        (Said("not_csv"),),
    ),
    Case("parquet", FOREIGN, "a Parquet file", b"PAR1\x15\x04\x15\x10" + b"\0" * 64 + b"PAR1", (Said("not_csv"),)),
    Case("pdf", FOREIGN, "a PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", (Said("not_csv"),)),
    Case("xz", FOREIGN, "compressed with xz", lzma.compress(table()), (Said("not_csv"),), suffix=".csv.xz"),
    Case("bzip2", FOREIGN, "compressed with bzip2", bz2.compress(table()), (Said("not_csv"),), suffix=".csv.bz2"),
    Case(
        "zstd",
        FOREIGN,
        "compressed with Zstandard",
        # A frame of one raw block.
        b"\x28\xb5\x2f\xfd\x20\x14\xa1\x00\x00label,age\n1,30\n0,31\n",
        (Said("not_csv"),),
        suffix=".csv.zst",
    ),
    Case(
        "png",
        FOREIGN,
        "a picture renamed to .csv",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x06\x00\x00\x00",
        (Said("not_csv"),),
        rows=0,
    ),
    Case(
        "gzip",
        GZIP,
        "compressed as it should be",
        _packed(table()),
        suffix=".csv.gz",
        encoding="utf-8",
        delimiter="comma",
    ),
    Case("gzip-by-content", GZIP, "compressed, though its name does not say so", _packed(table()), encoding="utf-8"),
    Case("gzip-by-name-only", GZIP, "not compressed, though its name says so", table(), suffix=".csv.gz"),
    Case(
        "gzip-of-two-members",
        GZIP,
        "two gzips one after the other (`cat a.gz b.gz`) are one text",
        _packed(table(lines()[:70])) + _packed(("\n".join(lines()[70:]) + "\n").encode()),
        suffix=".csv.gz",
    ),
    Case(
        "gzip-with-bad-row",
        GZIP,
        "lines and offsets are those of the text inside",
        _packed(with_lines({57: "1,30"})),
        rejected_rows=((57, "ragged_row", ""),),
        suffix=".csv.gz",
    ),
    Case(
        "gzip-of-utf-16",
        GZIP,
        "compressed, and UTF-16 inside",
        _packed(_wide("utf-16-le", codecs.BOM_UTF16_LE)),
        suffix=".csv.gz",
        encoding="utf-16",
    ),
    Case(
        "gzip-cut",
        GZIP_DAMAGED,
        "an upload that broke off",
        _packed(table())[:-40],
        (Said("gzip_damaged"),),
        suffix=".csv.gz",
    ),
    Case(
        "gzip-without-body",
        GZIP_DAMAGED,
        "only the first bytes are those of a gzip",
        b"\x1f\x8b\x08\x00rest",
        (Said("gzip_damaged"),),
        suffix=".csv.gz",
        rows=0,
    ),
    Case(
        "gzip-checksum",
        GZIP_DAMAGED,
        "a flipped bit: the checksum at its end is wrong",
        _packed(table())[:-8] + b"\0\0\0\0" + _packed(table())[-4:],
        (Said("gzip_damaged"),),
        suffix=".csv.gz",
    ),
    Case(
        "gzip-second-member-cut",
        GZIP_DAMAGED,
        "its second member breaks off",
        _packed(table()) + _packed(("\n".join(lines()) + "\n").encode())[:-30],
        (Said("gzip_damaged"),),
        suffix=".csv.gz",
        rows=240,
    ),
    Case(
        "gzip-in-gzip",
        GZIP_DAMAGED,
        "compressed twice",
        _packed(_packed(table())),
        (Said("not_csv"),),
        suffix=".csv.gz",
    ),
    Case("zip-in-gzip", GZIP_DAMAGED, "a zip archive, compressed again", _packed(_zip("t.csv")), (Said("not_csv"),)),
    Case(
        "tar-in-gzip",
        GZIP_DAMAGED,
        "a folder packed with `tar czf`",
        _packed(_tar()),
        (Said("not_csv"),),
        suffix=".tar.gz",
    ),
    Case(
        "gzip-bomb",
        TOO_LARGE,
        "4 MB in 20 kB",
        _bomb,
        (Said("file_too_large"),),
        suffix=".csv.gz",
        max_bytes=1_000_000,
        rows=260_000,
    ),
    Case(
        "gzip-of-one-byte-too-many",
        TOO_LARGE,
        "one byte over the cap after decompression",
        _packed(table()),
        (Said("file_too_large"),),
        suffix=".csv.gz",
        max_bytes=len(table()) - 1,
    ),
    Case(
        "too-large", TOO_LARGE, "one byte over the cap", table(), (Said("file_too_large"),), max_bytes=len(table()) - 1
    ),
    Case("as-large-as-may-be", TOO_LARGE, "exactly as large as the cap", table(), max_bytes=len(table())),
    Case("utf-8-mark", MARK, 'Excel\'s "CSV UTF-8"', codecs.BOM_UTF8 + table(end="\r\n"), encoding="utf-8"),
    Case(
        "utf-8-mark-and-quotes",
        MARK,
        "the mark stands before an opening quote",
        codecs.BOM_UTF8 + table(header='"label","age","city","note","score"'),
    ),
    Case(
        "utf-8-mark-in-the-middle",
        MARK,
        "two exports joined: a mark and a header in the middle",
        codecs.BOM_UTF8 + table(lines()[:60]) + codecs.BOM_UTF8 + table(lines()[60:]),
        warnings=(Said("header_repeated", 62),),
    ),
    Case(
        "utf-16-le",
        UTF_16,
        "Windows PowerShell's `>`",
        _wide("utf-16-le", codecs.BOM_UTF16_LE),
        encoding="utf-16",
        delimiter="comma",
    ),
    Case("utf-16-be", UTF_16, "big endian", _wide("utf-16-be", codecs.BOM_UTF16_BE), encoding="utf-16"),
    Case("utf-16-le-no-mark", UTF_16, "without its mark", _wide("utf-16-le"), encoding="utf-16"),
    Case("utf-16-be-no-mark", UTF_16, "big endian, without its mark", _wide("utf-16-be"), encoding="utf-16"),
    Case(
        "utf-16-tab",
        UTF_16,
        'Excel\'s "Unicode text": tabs and CRLF',
        _wide("utf-16-le", codecs.BOM_UTF16_LE, _foreign_text().replace(",", "\t").replace("\n", "\r\n")),
        encoding="utf-16",
        delimiter="tab",
    ),
    Case(
        "utf-16-bad-row",
        UTF_16,
        "a short row and a character beyond 16 bits",
        _wide("utf-16-le", codecs.BOM_UTF16_LE, with_lines({9: "1,30,😀"}).decode()),
        rejected_rows=((9, "ragged_row", ""),),
        encoding="utf-16",
    ),
    Case(
        "utf-16-cut",
        UTF_16,
        "the file ends in the middle of a character",
        _wide("utf-16-le", codecs.BOM_UTF16_LE)[:-1],
        (Said("encoding"),),
    ),
    Case("utf-32-le", UTF_16, "four bytes a character", _wide("utf-32-le", codecs.BOM_UTF32_LE), encoding="utf-32"),
    Case("utf-32-be", UTF_16, "big endian", _wide("utf-32-be", codecs.BOM_UTF32_BE), encoding="utf-32"),
    Case(
        "latin-1",
        LATIN_1,
        "umlauts of a database of the nineties",
        _foreign_text().encode("latin-1"),
        warnings=(Said("encoding_guessed"),),
        encoding="latin-1",
    ),
    Case(
        "latin-1-once",
        LATIN_1,
        "one umlaut, far down",
        with_cells({(100, "city"): "Zürich"}).decode().encode("latin-1"),
        warnings=(Said("encoding_guessed"),),
        encoding="latin-1",
    ),
    Case(
        "latin-1-header",
        LATIN_1,
        "an umlaut in a column's name",
        table(header="label,alter,größe,note,score").decode().encode("latin-1"),
        warnings=(Said("encoding_guessed"),),
        encoding="latin-1",
        kinds={"größe": "text"},
    ),
    Case(
        "latin-1-bad-row",
        LATIN_1,
        "and a short row",
        text([*lines(), "1,30,Zürich"]).encode("latin-1"),
        rejected_rows=((122, "ragged_row", ""),),
        warnings=(Said("encoding_guessed"),),
        encoding="latin-1",
        rows=121,
    ),
    Case(
        "windows-1252",
        LATIN_1,
        "the euro sign is byte 0x80",
        text().replace("Oslo", "5 €").encode("cp1252"),
        warnings=(Said("encoding_guessed"),),
        encoding="windows-1252",
    ),
    Case(
        "windows-1252-quotes",
        LATIN_1,
        "Word's quotation marks and dashes",
        text().replace("Oslo", "“Oslo” – ‘east’").encode("cp1252"),
        warnings=(Said("encoding_guessed"),),
        encoding="windows-1252",
    ),
    Case(
        "windows-1252-semicolon",
        LATIN_1,
        "as Excel writes CSV in much of Europe: semicolons, decimal commas, CRLF",
        _foreign_text()
        .replace("Zürich", "5 €")
        .replace(",", ";")
        .replace(".", ",")
        .replace("\n", "\r\n")
        .encode("cp1252"),
        warnings=(Said("encoding_guessed"),),
        encoding="windows-1252",
        delimiter="semicolon",
        kinds={"score": "number"},
        extremes={"score": (0, 44.03)},
    ),
    Case(
        "damaged-utf-8",
        DAMAGED,
        "one bad byte among many characters of several bytes",
        _UTF_8.replace("Zürich".encode(), b"Z\xfcrich", 20).replace(b"Z\xfcrich", "Zürich".encode(), 19),
        (Said("encoding", 59),),
    ),
    Case(
        "utf-8-cut",
        DAMAGED,
        "the file ends inside a character",
        _UTF_8 + "1,30,Zü".encode()[:-1],
        (Said("encoding", 122),),
        rows=121,
    ),
    Case(
        "utf-8-surrogates",
        DAMAGED,
        "an emoji as two surrogates, as some Java programs write it",
        _UTF_8[:_FIRST_LINE] + b"1,30,\xed\xa0\xbd\xed\xb8\x80,x,0.5\n" + _UTF_8[_FIRST_LINE:],
        (Said("encoding", 2),),
        rows=121,
    ),
    Case(
        "joined-encodings",
        DAMAGED,
        "an export in UTF-8 and one in Latin-1, joined",
        _UTF_8 + "".join(f"{row}\n" for row in lines()[:9]).replace("Oslo", "Zürich").encode("latin-1"),
        (Said("encoding", 122),),
        rows=129,
    ),
    Case(
        "dos-code-page",
        DAMAGED,
        "code page 437: its `ü` is a byte that Windows-1252 does not have",
        text().replace("Oslo", "Zürich").encode("cp437"),
        (Said("encoding", 2),),
    ),
    Case(
        "ebcdic",
        DAMAGED,
        "a mainframe's own encoding",
        text().encode("cp037"),
        (Said("encoding", 1),),
        rows=0,
    ),
    Case(
        "cyrillic",
        DAMAGED,
        "Windows-1251: read as Latin-1, so the texts look wrong, but each stays one level",
        text().replace("Oslo", "Осло").encode("cp1251"),
        warnings=(Said("encoding_guessed"),),
        encoding="latin-1",
    ),
    Case(
        "garbled-before",
        DAMAGED,
        "valid UTF-8, but garbled before it was written: nothing tells",
        _foreign_text().encode().decode("cp1252").encode(),
        encoding="utf-8",
    ),
    Case("nul-in-a-cell", NUL, "a NUL in a text", with_cells({(4, "city"): "Os\0lo"}), (Said("nul_byte", 4),)),
    Case(
        "nul-padding",
        NUL,
        "a disk that was full: zeros to the end",
        table() + b"\0" * 4096,
        (Said("nul_byte", 122),),
        rows=121,
    ),
    Case(
        "nul-in-gzip",
        NUL,
        "a NUL inside a gzip",
        _packed(with_cells({(4, "city"): "Os\0lo"})),
        (Said("nul_byte", 4),),
        suffix=".csv.gz",
    ),
    Case(
        "dos-end-of-file",
        NUL,
        "Ctrl-Z at the end, as DOS programs write it",
        table() + b"\x1a",
        rejected_rows=((122, "ragged_row", ""),),
        rows=121,
    ),
    Case(
        "escape-sequences",
        NUL,
        "colours of a terminal in a cell",
        table([row.replace("Oslo", "\x1b[31mOslo\x1b[0m") for row in lines()]),
        kinds={"city": "text"},
    ),
    Case(
        "unit-separators",
        NUL,
        "the characters that ASCII has for tables, inside cells",
        table([row.replace("Oslo", "Os\x1flo\x1e") for row in lines()]),
        kinds={"city": "text"},
    ),
    Case("bell-in-header", NUL, "a control character in a name", table(header="label,age,ci\x07ty,note,score")),
)
