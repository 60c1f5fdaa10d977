"""Dropped files that are made to exhaust whoever reads them: refused with what to do, in bounded memory.

Single nasty files, bombs of gzip among them, are cases of tests/corpus; here is what they leave out.
"""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pytest

from functions.validate_data import app
from local.home import REPOSITORY
from sluice.dataset.config import MAX_CONFIG_BYTES
from sluice.messages import ValidationResult
from tests.corpus.case import table
from tests.corpus.cases import CASES
from tests.functions.conftest import INBOX, Aws, Context, request
from tests.hostile import classic
from tests.messages import GOOD

MIB: Final = 1 << 20
CONFIG_KEY: Final = f"datasets/{GOOD.run.folder}/config.yaml"


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, table())
    return stream.getvalue()


def validate(aws: Aws, context: Context, body: bytes) -> ValidationResult:
    event = request("validate_data")
    event["run"]["etag"] = aws.put(INBOX, GOOD.run.key, body)
    return ValidationResult.model_validate(app.handler(event, context))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: gzip.compress(b"1,2\n" * 2 * MIB), "holds more than 1,000,000 bytes of text"),
        (lambda: gzip.compress(b"a,b\n") * 3 + gzip.compress(b"1,2\n" * MIB), "holds more than 1,000,000 bytes"),
        (lambda: gzip.compress(gzip.compress(b"1,2\n" * MIB)), "holds another gzip archive"),
        (lambda: zipped(*(f"{i}.csv" for i in range(2000))), "a zip archive"),
        (lambda: zipped("../../out.csv"), "a zip archive"),
        (zipped, "an empty zip archive"),
        (lambda: gzip.compress(zipped("a.csv")), "the gzip archive holds a zip archive"),
    ],
    ids=["ratio", "members", "nested", "many members", "traversal", "empty zip", "zip in gzip"],
)
def test_an_archive_that_is_a_bomb_or_none_of_ours_is_refused(
    aws: Aws, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[], bytes], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = validate(aws, context, made())
    assert result.verdict == "rejected"
    assert said in result.reasons[0]
    assert list(tmp_path.iterdir()) == []


def test_the_sample_code_takes_a_bomb_as_a_whole() -> None:
    (bomb,) = [case for case in CASES if case.name == "gzip-bomb"]
    assert len(classic.read_compressed(bomb.data)) > 100 * len(bomb.data)


WIDE: Final = 100_000


def wide(name: str) -> Iterator[bytes]:
    yield (",".join(f"{name}{i}" for i in range(WIDE - 1)) + ",target\n").encode()
    row = ",".join(["1"] * (WIDE - 1))
    yield from (f"{row},{i % 2}\n".encode() for i in range(60))


def long_line(size: int, *, alone: bool, quoted: bool) -> Iterator[bytes]:
    rows = b"".join(b"%d.5,%s,%d\n" % (i * 37 % 83, (b"Oslo", b"Rome", b"Bern")[i % 3], i % 2) for i in range(100))
    yield b"" if alone else b"age,city,target\n" + rows + (b'1,"' if quoted else b"")
    yield from (b"x" * MIB for _ in range(size // MIB))
    yield b"" if alone else b"\n" + rows


MEASURED: Final = """
import resource, sys
from pathlib import Path
for layer in ("core", "tabular"):
    sys.path.insert(0, f"layers/{layer}")
from sluice.dataset.config import DatasetConfig
from tabular import validate_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
config = DatasetConfig.model_validate({"max_rejected_share": 0.1})
report = validate_table(Path(sys.argv[1]), name="t.csv", config=config, default_target=None, out=Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
print(report.verdict, *report.reasons, *report.warnings, sep="\\n")
"""


def judged(tmp_path: Path, blocks: Iterator[bytes]) -> tuple[int, str]:
    """MiB that judging the file takes, in a process of its own, and what is said of it."""
    file = tmp_path / "t.csv"
    with file.open("wb") as stream:
        stream.writelines(blocks)
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, str(file), str(tmp_path / "out")],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    file.unlink()
    taken, _, said = run.stdout.partition("\n")
    return int(taken) // 1024, said


@pytest.mark.parametrize(
    ("name", "count"), [("c", "100,000 columns"), ("a_name_that_is_rather_long_", "more than")], ids=["short", "long"]
)
def test_a_hundred_thousand_columns_are_refused_by_their_number(tmp_path: Path, name: str, count: str) -> None:
    taken, said = judged(tmp_path, wide(name))
    assert said.startswith("rejected\nt.csv, line 1: it has ")
    assert count in said
    assert "the maximum is 5,000. Remove columns" in said
    assert taken < 100


@pytest.mark.parametrize(
    "size", [64 * MIB, pytest.param(1024 * MIB, marks=pytest.mark.longer)], ids=["64 MiB", "1 GiB"]
)
@pytest.mark.parametrize(
    ("alone", "quoted", "verdict"),
    [(True, False, "rejected"), (False, False, "accepted"), (False, True, "accepted")],
    ids=["alone", "among rows", "behind a quote"],
)
def test_a_line_without_end_is_passed_over_in_bounded_memory(
    tmp_path: Path, size: int, alone: bool, quoted: bool, verdict: str
) -> None:
    taken, said = judged(tmp_path, long_line(size, alone=alone, quoted=quoted))
    assert said.startswith(verdict)
    assert f"line {1 if alone else 102}: the line has more than 1,048,576 bytes" in said
    assert taken < 256


@pytest.mark.longer
def test_the_sample_code_reads_a_long_line_and_many_columns_as_they_come(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"".join(long_line(4 * MIB, alone=True, quoted=False)))
    assert len(str(classic.read_table(file).iloc[0, 0])) == 4 * MIB
    file.write_bytes(b"".join(wide("c")).split(b"\n")[0] + b"\n")
    assert classic.read_table(file).shape == (1, WIDE), "the header is a row to train on"


def test_the_sample_code_trains_on_the_header(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(table())
    read = classic.read_table(file)
    assert isinstance(read, pd.DataFrame)
    assert list(read.iloc[0]) == table().decode().splitlines()[0].split(",")


LAUGHS: Final = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#" * (MAX_CONFIG_BYTES + 1), "1,048,577 bytes; the maximum is 1,048,576"),
        (LAUGHS, "unknown key `a`"),
        ("drop: " + "[" * 20_000, "nested too deeply"),
        ("!!python/object/apply:os.system ['touch canary']", "this is not YAML"),
        ('"<script>\\e[31m": 1', "\\x1b[31m"),
    ],
    ids=["large", "billion laughs", "deep", "object", "escapes"],
)
def test_a_hostile_configuration_is_refused(
    aws: Aws, context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    aws.put(INBOX, CONFIG_KEY, text)
    result = validate(aws, context, table())
    assert result.verdict == "rejected"
    assert said in " ".join(result.reasons)
    assert not (tmp_path / "canary").exists()
