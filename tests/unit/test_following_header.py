from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest

from following.header import read_header


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"a,b,c\n1,2,3\n", ["a", "b", "c"]),
        (codecs.BOM_UTF8 + b"a;b\r\n1;2\r\n", ["a", "b"]),
        ("größe\tцвет\n".encode("utf-16"), ["größe", "цвет"]),
        (b'"a, b";"c ""d"" e"\n', ["a, b", 'c "d" e']),
        (b'"two\nlines",y\n', ["two\nlines", "y"]),
        ("größe,y\n".encode("latin-1"), ["größe", "y"]),
        (b" a , b \n", ["a", "b"]),
        (b"only\n1\n", None),
        (b"", None),
        (b"1,2\n", None),
        (b"\r\n\na,b\n", ["a", "b"]),
        (b"sep=;\na;b\n", None),
        ("a\u200b,b\n".encode(), ["a", "b"]),
        # Without the time of day: parallel test processes must collect the same names.
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0), ["a", "b"]),
        (b"\x1f\x8bdamaged", None),
    ],
)
def test_the_header_is_read_whatever_the_mark_the_delimiter_and_the_quotes(
    tmp_path: Path, content: bytes, header: list[str] | None
) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(content)

    assert read_header(table) == header


def test_only_the_head_of_a_large_file_is_read_even_where_it_ends_within_a_character(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(b"a,y\n" + b"x" * ((1 << 20) - 5) + "ü".encode() * 10)

    assert read_header(table) == ["a", "y"]
