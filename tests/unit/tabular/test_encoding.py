"""What a file's bytes are: their encoding and compression, the text as UTF-8, and why some are refused."""

from __future__ import annotations

import gzip
import random
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tabular import encoding
from tabular.encoding import PlainText, plain_text
from tabular.findings import Finding, RefusedError, Rule
from tests.search import examples

TABLE = "name,label\n" + "Oslo,yes\nRome,no\n" * 20
BLOCKS = st.sampled_from([1, 2, 3, 7, 64, 1 << 22])
# A lone \x1f is left out: it is read as a gzip archive cut after its first byte.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1f"), min_size=1, max_size=60)

type Read = Callable[..., PlainText]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_bytes(content: bytes, max_bytes: int | None = None) -> PlainText:
        return read_in(tmp_path, content, max_bytes)

    return read_bytes


def read_in(folder: Path, content: bytes, max_bytes: int | None = None) -> PlainText:
    """Also asserts what is so of every file: that it stays as it is, and that nothing else stays of a refused one."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    path = folder / "table.csv"
    path.write_bytes(content)
    before = set(work.iterdir())
    try:
        text = plain_text(path, work, max_bytes=max_bytes)
    except RefusedError:
        assert set(work.iterdir()) == before
        raise
    finally:
        assert path.read_bytes() == content
    assert set(work.iterdir()) - before == {text.path} - {path}
    assert text.path.stat().st_size == text.size
    assert b"\0" not in text.path.read_bytes()
    return text


def refused(read: Read, content: bytes, max_bytes: int | None = None) -> Finding:
    with pytest.raises(RefusedError) as caught:
        read(content, max_bytes)
    (finding,) = caught.value.findings
    return finding


def small_blocks(patch: pytest.MonkeyPatch, size: int) -> None:
    patch.setattr(encoding, "_BLOCK", size)


# The file's kind


def test_a_file_without_bytes_is_refused(read: Read) -> None:
    assert refused(read, b"") == Finding(rule=Rule.FILE_EMPTY, what="the file has no bytes")


FOREIGN = {
    "zip": (b"PK\x03\x04rest", "a zip archive or an Excel workbook, not CSV text"),
    "Parquet": (b"PAR1rest", "a Parquet file, not CSV text"),
    "old Excel": (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook, not CSV text"),
    "PDF": (b"%PDF-1.7", "a PDF, not CSV text"),
    "Zstandard": (b"\x28\xb5\x2f\xfdrest", "a Zstandard archive, not CSV text; only gzip is decompressed"),
    "bzip2": (b"BZh91AY&SY", "a bzip2 archive, not CSV text; only gzip is decompressed"),
    "xz": (b"\xfd7zXZ\0rest", "an xz archive, not CSV text; only gzip is decompressed"),
    "tar": (b"table.csv".ljust(257, b"\0") + b"ustar\00000" + b"\0" * 200, "a tar archive, not CSV text"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_another_kind_is_named(read: Read, kind: str) -> None:
    content, words = FOREIGN[kind]
    assert refused(read, content) == Finding(rule=Rule.NOT_CSV, what=f"this is {words}")


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_another_kind_in_a_gzip_archive_is_named(read: Read, kind: str) -> None:
    content, words = FOREIGN[kind]
    assert refused(read, gzip.compress(content, mtime=0)) == Finding(
        rule=Rule.NOT_CSV, what=f"the gzip archive holds {words}"
    )


def test_a_gzip_archive_in_another_is_refused(read: Read) -> None:
    finding = refused(read, gzip.compress(gzip.compress(TABLE.encode(), mtime=0)))
    assert (finding.rule, finding.what) == (
        Rule.NOT_CSV,
        "the gzip archive holds another gzip archive, not CSV text",
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("zipped", [False, True])
def test_random_bytes_are_no_text(read: Read, seed: int, zipped: bool) -> None:
    content = b"x" + random.Random(seed).randbytes(200_000)  # noqa: S311
    finding = refused(read, gzip.compress(content, 1, mtime=0) if zipped else content)
    assert finding == Finding(rule=Rule.NOT_CSV, what="this is not text")


def test_bytes_that_are_not_utf8_among_many_control_characters_are_no_text(read: Read) -> None:
    assert refused(read, b"caf\xe9 ole ole " + b"\x01" * 2).what == "this is not text"
    assert read(b"caf\xe9 ole ole ole ole " + b"\x01" * 2).encoding == "latin-1"


def test_tabs_and_line_ends_are_no_control_characters_of_a_binary_file(read: Read) -> None:
    assert read(b"\xe9\t\v\f\r\n" * 20).encoding == "latin-1"


def test_small_numbers_of_sixteen_bits_are_no_text(read: Read) -> None:
    numbers = random.Random(1).choices(range(1, 40), k=1000)  # noqa: S311
    assert refused(read, struct.pack("<1000H", *numbers)).what == "this is not text"


# UTF-8


@pytest.mark.parametrize("text", [TABLE, "name\nZürich €😀\n", "\ufeffname\nZürich\n"])
def test_utf8_is_left_where_it_is(read: Read, tmp_path: Path, text: str) -> None:
    content = text.encode()
    assert read(content) == PlainText(tmp_path / "table.csv", "utf-8", None, len(content))


def test_utf8_with_odd_delimiters_is_text(read: Read) -> None:
    assert read(b"a\x01b\x01c\n" * 40).encoding == "utf-8"


def test_utf8_that_is_not_written_anew_may_be_of_any_size(read: Read) -> None:
    assert read(TABLE.encode(), max_bytes=10).size == len(TABLE)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("block", [1, 7, 1 << 22])
@pytest.mark.parametrize("rest", ["", "Zürich\n", b"Z\xfcrich\n"])
def test_a_nul_byte_is_told_of_with_its_place(
    read: Read, monkeypatch: pytest.MonkeyPatch, zipped: bool, block: int, rest: str | bytes
) -> None:
    small_blocks(monkeypatch, block)
    start = "é\nab".encode() if isinstance(rest, str) else b"\xe9\nab"
    content = start + b"\0c\n" + (rest.encode() if isinstance(rest, str) else rest)
    finding = refused(read, gzip.compress(content, mtime=0) if zipped else content)
    assert finding == Finding(rule=Rule.NUL_BYTE, line=2, byte_offset=len(start), what="the file holds a NUL byte")


def test_text_that_nul_bytes_fill_up_holds_a_nul_byte(read: Read) -> None:
    assert refused(read, TABLE.encode() + b"\0" * 5000).rule == Rule.NUL_BYTE


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
def test_a_utf8_text_cut_in_a_character_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    small_blocks(monkeypatch, block)
    finding = refused(read, "name\nZü\n€".encode()[:-1])
    assert finding == Finding(rule=Rule.ENCODING, line=3, byte_offset=9, what="the file ends inside a UTF-8 character")


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize(
    ("byte", "words"),
    [
        (b"\xfc", "byte 0xFC is not UTF-8; in Latin-1 (ISO 8859-1) it would be `ü`"),
        (b"\x80", "byte 0x80 is not UTF-8; in Windows-1252 it would be `€`"),
        (b"\x81", "byte 0x81 is not UTF-8"),
    ],
)
def test_a_damaged_utf8_text_is_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch, block: int, byte: bytes, words: str
) -> None:
    small_blocks(monkeypatch, block)
    content = "name\nZürich\nKöln\n".encode() + b"x" + byte + b"\n"
    finding = refused(read, content)
    assert finding == Finding(rule=Rule.ENCODING, line=4, byte_offset=len(content) - 2, what=words)


def test_as_many_stray_bytes_as_characters_of_utf8_make_a_text_of_a_code_page(read: Read) -> None:
    text = read("name\nZü".encode() + b"rich\xfc\n")
    assert text.encoding == "latin-1"
    assert text.path.read_text(encoding="utf-8") == "name\nZÃ¼richü\n"


def test_a_text_with_the_byte_order_mark_of_utf8_is_in_no_code_page(read: Read) -> None:
    finding = refused(read, b"\xef\xbb\xbfname\n\xe9\xe8\n")
    assert (finding.rule, finding.line, finding.byte_offset) == (Rule.ENCODING, 2, 8)


# UTF-16 and UTF-32

WIDE = {
    "utf-16-le": ("utf-16", b"\xff\xfe", "UTF-16 (little endian)"),
    "utf-16-be": ("utf-16", b"\xfe\xff", "UTF-16 (big endian)"),
    "utf-32-le": ("utf-32", b"\xff\xfe\0\0", "UTF-32 (little endian)"),
    "utf-32-be": ("utf-32", b"\0\0\xfe\xff", "UTF-32 (big endian)"),
}


@pytest.mark.parametrize("codec", WIDE)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_marked_wide_text_is_transcoded_without_its_mark(read: Read, codec: str, zipped: bool) -> None:
    kind, mark, _ = WIDE[codec]
    content = mark + "name\r\nZürich €😀\r\n".encode(codec)
    text = read(gzip.compress(content, mtime=0) if zipped else content)
    assert text.path.read_bytes() == "name\r\nZürich €😀\r\n".encode()
    assert (text.encoding, text.compression, text.warnings) == (kind, "gzip" if zipped else None, ())


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_known_by_its_nul_bytes(read: Read, codec: str) -> None:
    text = read(TABLE.encode(codec))
    assert (text.encoding, text.path.read_text(encoding="utf-8")) == ("utf-16", TABLE)


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize("codec", WIDE)
def test_half_a_character_in_a_wide_text_is_told_of_with_its_place(
    read: Read, monkeypatch: pytest.MonkeyPatch, block: int, codec: str
) -> None:
    small_blocks(monkeypatch, block)
    _, mark, name = WIDE[codec]
    start = mark + "é\nab😀\nc".encode(codec)
    half = "\ud83d".encode(codec, "surrogatepass")
    finding = refused(read, start + half + "x\n".encode(codec))
    shown = " ".join(f"0x{byte:02X}" for byte in half)
    assert finding == Finding(
        rule=Rule.ENCODING,
        line=3,
        byte_offset=len(start),
        what=f"the bytes {shown} are not a character; the text is {name}",
    )


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize("codec", WIDE)
def test_a_wide_text_cut_in_a_character_is_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch, block: int, codec: str
) -> None:
    small_blocks(monkeypatch, block)
    kind, mark, _ = WIDE[codec]
    start = mark + "é\nab".encode(codec)
    for cut in range(1, 4):
        finding = refused(read, start + "😀".encode(codec)[:cut])
        assert finding == Finding(
            rule=Rule.ENCODING,
            line=2,
            byte_offset=len(start),
            what=f"the file ends inside a {kind.upper()} character",
        )


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize("codec", WIDE)
def test_a_nul_character_in_a_wide_text_is_told_of_with_its_place(
    read: Read, monkeypatch: pytest.MonkeyPatch, block: int, codec: str
) -> None:
    small_blocks(monkeypatch, block)
    _, mark, _ = WIDE[codec]
    start = mark + "é\n😀b".encode(codec)
    finding = refused(read, start + "\0c\n".encode(codec))
    assert finding == Finding(rule=Rule.NUL_BYTE, line=2, byte_offset=len(start), what="the file holds a NUL byte")


# Code pages of one byte a character


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
def test_latin1_is_read_with_a_warning(read: Read, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    small_blocks(monkeypatch, block)
    text = read("name\nZürich\nKöln\n".encode("latin-1"))
    assert text.path.read_text(encoding="utf-8") == "name\nZürich\nKöln\n"
    assert (text.encoding, text.compression) == ("latin-1", None)
    assert text.warnings == (
        Finding(
            rule=Rule.ENCODING_GUESSED,
            line=2,
            byte_offset=6,
            what="the text is not UTF-8; it was read as Latin-1 (ISO 8859-1), where byte 0xFC is `ü`",
        ),
    )


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
def test_windows_1252_is_read_with_a_warning(read: Read, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    small_blocks(monkeypatch, block)
    text = read("name\n\n5 €\nZürich\n".encode("cp1252"))
    assert text.path.read_text(encoding="utf-8") == "name\n\n5 €\nZürich\n"
    assert text.encoding == "windows-1252"
    assert text.warnings == (
        Finding(
            rule=Rule.ENCODING_GUESSED,
            line=3,
            byte_offset=8,
            what="the text is not UTF-8; it was read as Windows-1252, where byte 0x80 is `€`",
        ),
    )


def test_the_place_of_a_guess_is_that_of_the_first_character_beyond_ascii(read: Read) -> None:
    (warning,) = read(b"\xc3\xa9\n\x80\xfc\n").warnings
    assert (warning.line, warning.byte_offset) == (1, 0)
    assert warning.what.endswith("read as Windows-1252, where byte 0xC3 is `Ã`")


def test_the_place_of_a_guess_in_a_gzip_archive_is_that_in_its_text(read: Read) -> None:
    text = read(gzip.compress("name\nZürich\n".encode("latin-1"), mtime=0))
    assert (text.encoding, text.compression) == ("latin-1", "gzip")
    assert text.path.read_text(encoding="utf-8") == "name\nZürich\n"
    assert (text.warnings[0].line, text.warnings[0].byte_offset) == (2, 6)


@pytest.mark.parametrize("ending", ["caf\xe9", "\xe2\x82"])
def test_a_text_of_a_code_page_may_end_as_if_in_a_utf8_character(read: Read, ending: str) -> None:
    text = read(ending.encode("latin-1"))
    assert text.encoding == ("windows-1252" if "\x82" in ending else "latin-1")


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 22])
@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_a_byte_that_windows_1252_lacks_is_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch, block: int, byte: int
) -> None:
    small_blocks(monkeypatch, block)
    finding = refused(read, b"5 \x80\nZ\xfcrich\n" + bytes([byte, 0x81]))
    assert finding == Finding(
        rule=Rule.ENCODING,
        line=3,
        byte_offset=11,
        what=f"the text is not UTF-8, and byte 0x{byte:02X} is not Windows-1252 either",
    )


# gzip


def test_a_gzip_archive_of_utf8_is_decompressed(read: Read, tmp_path: Path) -> None:
    content = "name\nZürich\n".encode()
    text = read(gzip.compress(content, mtime=0))
    assert text.path.read_bytes() == content
    assert text.path.parent == tmp_path / "work"
    assert text == PlainText(text.path, "utf-8", "gzip", len(content))


def test_the_members_of_a_gzip_archive_are_one_text(read: Read) -> None:
    content = "name\nZürich\n".encode()
    parts = (content[:7], b"", content[7:])  # cut in a character
    assert read(b"".join(map(gzip.compress, parts))).path.read_bytes() == content


def test_nul_bytes_after_a_gzip_archive_are_padding(read: Read) -> None:
    assert read(gzip.compress(TABLE.encode(), mtime=0) + b"\0" * 600).path.read_bytes() == TABLE.encode()


@pytest.mark.parametrize("archive", [gzip.compress(b"", mtime=0), gzip.compress(b"", mtime=0) * 2])
def test_a_gzip_archive_of_nothing_is_empty(read: Read, archive: bytes) -> None:
    assert refused(read, archive) == Finding(rule=Rule.FILE_EMPTY, what="the gzip archive is empty")


ARCHIVE = gzip.compress(TABLE.encode(), mtime=0)
DAMAGED = {
    "cut": (ARCHIVE[:-9], r"[\d,]+ bytes of text could be read, then it ends too early"),
    "cut in its end": (ARCHIVE[:-3], "351 bytes of text could be read, then it ends too early"),
    "cut in its start": (ARCHIVE[:5], "0 bytes of text could be read, then it ends too early"),
    "cut after a byte": (ARCHIVE[:1], "0 bytes of text could be read, then other data follows"),
    "checksum": (
        ARCHIVE[:-8] + b"\1\2\3\4" + ARCHIVE[-4:],
        "351 bytes of text could be read, then its checksum is wrong",
    ),
    "length": (ARCHIVE[:-4] + b"\1\2\3\4", "351 bytes of text could be read, then its length is wrong"),
    "garbage after it": (ARCHIVE + b"garbage", "351 bytes of text could be read, then other data follows"),
    "second one cut": (ARCHIVE + ARCHIVE[:9], "351 bytes of text could be read, then it ends too early"),
    "method": (
        b"\x1f\x8b\x07" + ARCHIVE[3:],
        "0 bytes of text could be read, then its method of compression is unknown",
    ),
    "data": (ARCHIVE[:10] + b"\xff" * 9, "0 bytes of text could be read, then its compressed data is corrupt"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_gzip_archive_is_refused_with_what_could_be_read(read: Read, case: str) -> None:
    content, words = DAMAGED[case]
    finding = refused(read, content)
    assert finding.rule == Rule.GZIP_DAMAGED
    assert re.fullmatch(f"the gzip archive is damaged: {words}", finding.what)


def test_a_gzip_archive_cut_anywhere_is_refused(read: Read) -> None:
    for end in range(len(ARCHIVE)):
        rule = refused(read, ARCHIVE[:end]).rule
        assert rule == (Rule.GZIP_DAMAGED if end else Rule.FILE_EMPTY)


def test_a_gzip_archive_of_which_a_bit_is_wrong_never_gives_another_text(read: Read) -> None:
    """Some bits of the archive's header, and those that fill up its last byte of data, say nothing of the text."""
    outcomes: set[str] = set()
    for bit in range(8 * 2, 8 * len(ARCHIVE)):
        content = bytearray(ARCHIVE)
        content[bit // 8] ^= 1 << bit % 8
        try:
            text = read(bytes(content))
        except RefusedError as refusal:
            outcomes.add(refusal.findings[0].rule)
        else:
            outcomes.add(text.path.read_bytes().decode())
            text.path.unlink()
    assert outcomes == {Rule.GZIP_DAMAGED, TABLE}


@pytest.mark.parametrize("start", [b"a\0b\n", b"PK\x03\x04", b"\xff\xfe\0\xd8\0\xd8"])
def test_a_fault_of_the_text_counts_only_if_the_archive_is_sound(read: Read, start: bytes) -> None:
    archive = gzip.compress(start + random.Random(1).randbytes(100_000))  # noqa: S311
    assert refused(read, archive).rule in (Rule.NUL_BYTE, Rule.NOT_CSV, Rule.ENCODING)
    assert refused(read, archive[:-1]).rule == Rule.GZIP_DAMAGED


def test_the_rest_of_an_archive_with_a_fault_is_not_read_beyond_what_it_may_hold(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch, 1000)
    archive = gzip.compress(b"PK\x03\x04" + b"a" * 1_000_000, mtime=0)
    assert refused(read, archive[:-1], max_bytes=1000).rule == Rule.NOT_CSV


# What the text may be at most


def test_a_gzip_archive_that_holds_too_much_is_refused_before_more_is_written(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_blocks(monkeypatch, 1000)
    written: list[int] = []
    write = encoding._Output.write

    def noted(self: encoding._Output, block: bytes) -> None:
        write(self, block)
        written.append(len(block))

    monkeypatch.setattr(encoding._Output, "write", noted)
    finding = refused(read, gzip.compress(b"a,b\n" * 1_000_000, mtime=0), max_bytes=2500)
    assert finding == Finding(rule=Rule.FILE_TOO_LARGE, what="the gzip archive holds more than 2,500 bytes of text")
    assert 0 < sum(written) <= 2500


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (gzip.compress(TABLE.encode(), mtime=0), len(TABLE)),
        (gzip.compress(b"caf\xe9", mtime=0), 5),
        (gzip.compress(TABLE.encode("utf-16"), mtime=0), len(TABLE)),
        ("東京".encode("utf-16"), 6),
        (b"caf\xe9", 5),
    ],
)
def test_a_text_may_be_as_long_as_allowed_and_not_a_byte_longer(read: Read, content: bytes, size: int) -> None:
    assert read(content, max_bytes=size).size == size
    assert refused(read, content, max_bytes=size - 1).rule == Rule.FILE_TOO_LARGE


def test_a_text_that_transcoding_makes_too_long_is_refused(read: Read) -> None:
    finding = refused(read, ("東" * 1000).encode("utf-16"), max_bytes=2002)
    assert finding == Finding(rule=Rule.FILE_TOO_LARGE, what="in UTF-8 the file holds more than 2,002 bytes of text")


@pytest.mark.parametrize("codec", ["ascii", "utf-8", "latin-1", "cp1252", "utf-16", "utf-32"])
@pytest.mark.parametrize("zipped", [False, True])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, zipped: bool
) -> None:
    small_blocks(monkeypatch, 1 << 16)
    place = {"ascii": "Bern", "cp1252": "5 € in"}.get(codec, "Zürich")
    content = (f"{place},1\n" * 400_000).encode(codec)
    path = tmp_path / "table.csv"
    path.write_bytes(gzip.compress(content, 1, mtime=0) if zipped else content)
    tracemalloc.start()
    try:
        plain_text(path, tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(content) > 2_500_000
    assert peak < 1_000_000


# All texts


def packed(content: bytes, members: int, cut: int) -> bytes:
    """``content`` as it is, or in a gzip archive of one or two members."""
    cut %= len(content) + 1
    parts = {0: [], 1: [content], 2: [content[:cut], content[cut:]]}[members]
    return b"".join(gzip.compress(part, 1, mtime=0) for part in parts) or content


@given(
    text=TEXTS,
    codec=st.sampled_from(["utf-8", "utf-8-sig", *WIDE]),
    members=st.integers(0, 2),
    cut=st.integers(0, 500),
    block=BLOCKS,
)
@example(text="\ufeff", codec="utf-16-le", members=0, cut=0, block=1)
@settings(max_examples=examples(400), deadline=None)
def test_every_text_stays_what_it_is(
    tmp_path_factory: pytest.TempPathFactory, text: str, codec: str, members: int, cut: int, block: int
) -> None:
    content = WIDE[codec][1] + text.encode(codec) if codec in WIDE else text.encode(codec)
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block)
        plain = read_in(tmp_path_factory.mktemp("read"), packed(content, members, cut))
    assert plain.path.read_bytes().decode("utf-8-sig" if codec == "utf-8-sig" else "utf-8") == text
    assert plain.encoding == (WIDE[codec][0] if codec in WIDE else "utf-8")
    assert plain.compression == ("gzip" if members else None)
    assert plain.warnings == ()


WINDOWS_1252 = bytes(set(range(1, 256)) - {0x81, 0x8D, 0x8F, 0x90, 0x9D}).decode("cp1252")
PIECES = st.one_of(
    st.sampled_from(["é", "€", "😀", "\n", "ab"]).map(str.encode),
    st.sampled_from([b"\xe9", b"\x80", b"\x81", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\xff"]),
    st.binary(max_size=3).map(lambda piece: piece.replace(b"\0", b"")),
)


def sequences_and_strays(content: bytes) -> tuple[int, int]:
    """The valid sequences of UTF-8 of two bytes or more, and the bytes that are not UTF-8, one byte after another."""
    position = sequences = strays = 0
    while position < len(content):
        for length in range(1, 5):
            try:
                content[position : position + length].decode()
            except UnicodeDecodeError:
                continue
            sequences += length > 1
            position += length
            break
        else:
            strays += 1
            position += 1
    return sequences, strays


@given(content=st.lists(PIECES, max_size=12).map(b"".join), members=st.integers(0, 2), block=BLOCKS)
@settings(max_examples=examples(600), deadline=None)
def test_what_is_not_utf8_is_damaged_or_in_a_code_page(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, members: int, block: int
) -> None:
    content = b"name and label\n" * 10 + content  # so that control characters are few
    sequences, strays = sequences_and_strays(content)
    stray: UnicodeDecodeError | None = None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        stray = error
    cut = stray is not None and stray.reason == "unexpected end of data"
    lacking = re.search(rb"[\x81\x8d\x8f\x90\x9d]", content)
    damaged = stray.start if stray and (sequences > strays or (cut and sequences)) else None
    if stray and damaged is None and lacking:
        damaged = lacking.start()
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block)
        folder = tmp_path_factory.mktemp("read")
        if damaged is not None:
            with pytest.raises(RefusedError) as caught:
                read_in(folder, packed(content, members, 155))
            (finding,) = caught.value.findings
            assert (finding.rule, finding.byte_offset) == (Rule.ENCODING, damaged)
            assert finding.line == content[:damaged].count(b"\n") + 1
            assert finding.what.startswith("the file ends inside") == bool(cut and sequences)
            return
        plain = read_in(folder, packed(content, members, 155))
    expected = "utf-8"
    if stray:
        expected = "windows-1252" if re.search(rb"[\x80-\x9f]", content) else "latin-1"
        (warning,) = plain.warnings
        first = re.search(rb"[\x80-\xff]", content)
        assert first
        assert warning.byte_offset == first.start()
        assert warning.line == content[: first.start()].count(b"\n") + 1
    assert plain.encoding == expected
    assert plain.path.read_bytes().decode() == content.decode(expected)


@given(text=st.text(WINDOWS_1252, max_size=80), members=st.integers(0, 2), block=BLOCKS)
@settings(max_examples=examples(200), deadline=None)
def test_a_text_of_windows_1252_stays_what_it_is(
    tmp_path_factory: pytest.TempPathFactory, text: str, members: int, block: int
) -> None:
    text = "5 € für Zoë\n" * 40 + text
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block)
        plain = read_in(tmp_path_factory.mktemp("read"), packed(text.encode("cp1252"), members, 30))
    assert plain.encoding == "windows-1252"
    assert plain.path.read_bytes().decode() == text


@given(text=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
@settings(max_examples=examples(200), deadline=None)
def test_a_text_of_latin1_stays_what_it_is(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    text = "für Zoë\n" * 40 + text
    plain = read_in(tmp_path_factory.mktemp("read"), text.encode("latin-1"))
    assert plain.encoding == "latin-1"
    assert plain.path.read_bytes().decode() == text


@given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"\xff\xfe", b"\x1f\x8b\x08\0", ARCHIVE[:40]]))
@settings(max_examples=examples(400), deadline=None)
def test_whatever_the_bytes_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes
) -> None:
    outcome: str | bytes
    outcomes: set[str | bytes] = set()
    for block in (1, 7, 1 << 22):
        with pytest.MonkeyPatch.context() as patch:
            small_blocks(patch, block)
            try:
                plain = read_in(tmp_path_factory.mktemp("read"), start + content)
            except RefusedError as refusal:
                outcome = refusal.findings[0].rule
            else:
                outcome = plain.path.read_bytes()
                outcome.decode()
        outcomes.add(outcome)
    assert len(outcomes) == 1
