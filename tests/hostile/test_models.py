"""model.tar.gz as an enemy would make it: refused with a sentence, nothing written, nothing run."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import stat
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import xgboost

from functions.evaluate_model import app
from local.sagemaker.model_server import ModelLoadError, ModelServer
from scoring.model import UnsafeArtifactError
from scoring.xgboost.artifact import load_booster, read_model_bytes
from sluice.messages import EvaluationResult
from tests.functions.conftest import ARTIFACTS, Aws, Context, request
from tests.hostile import classic

FEATURES: Final = 3


def trained() -> bytes:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, FEATURES))
    data = xgboost.DMatrix(rows, label=(rows[:, 0] > 0).astype(int))
    return bytes(xgboost.train({"nthread": 1, "objective": "binary:logistic"}, data, 3).save_raw("ubj"))


MODEL: Final = trained()


class Runs:
    """Unpickled, it leaves a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return (Path.touch, (self.canary,))


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size, made.mode = kind, link, len(data), 0o600
    made.devmajor, made.devminor = 1, 3  # /dev/null
    return made, data


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for made, data in members:
            tar.addfile(made, io.BytesIO(data))
    return stream.getvalue()


def announced(size: int, kind: bytes, name: str, content: bytes = b"") -> bytes:
    """An archive whose one header announces ``size`` bytes, of which ``content`` is there."""
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    return gzip.compress(made.tobuf(tarfile.GNU_FORMAT) + content)


def whole() -> bytes:
    return archive(member("xgboost-model", MODEL))


def harmed_by_files(names: list[str]) -> Callable[[Path, Path], bool]:
    """Unpacking leaves these below the test's folder, beside the model's own."""

    def harmed(file: Path, box: Path) -> bool:
        classic.unpack(file, box / "in" / "model")
        return all((box / name).exists() for name in names)

    return harmed


def harmed_by_kind(is_kind: Callable[[int], bool]) -> Callable[[Path, Path], bool]:
    """What lies where the model should is something else; making a device needs rights that not everybody has."""

    def harmed(file: Path, box: Path) -> bool:
        try:
            return is_kind(classic.unpack(file, box / "in" / "model").lstat().st_mode)
        except PermissionError:
            return True

    return harmed


def falls_over(file: Path, box: Path) -> bool:
    """Ends in an error that says nothing of the model."""
    with pytest.raises((pickle.UnpicklingError, EOFError, tarfile.TarError, zlib.error, FileNotFoundError, KeyError)):
        classic.load_model(file, box / "in" / "model")
    return True


def harmed_by_pickle(file: Path, box: Path) -> bool:
    classic.load_model(file, box / "in" / "model")
    return (box / "ran").exists()


def harmed_by_size(file: Path, box: Path) -> bool:
    return classic.unpack(file, box / "in" / "model").stat().st_size > 500 * file.stat().st_size


def takes_the_last(file: Path, box: Path) -> bool:
    return classic.unpack(file, box / "in" / "model").read_bytes() == b"another"


@dataclass(frozen=True)
class Attack:
    """An archive made for a folder; what is said of it; whether the sample code is harmed by it."""

    name: str
    made: Callable[[Path], bytes]
    said: str
    harmed: Callable[[Path, Path], bool]


ATTACKS: Final = (
    Attack("traversal", lambda _: archive(member("../../out", MODEL)), "out' is not", harmed_by_files(["out"])),
    Attack(
        "absolute", lambda box: archive(member(f"{box}/out", MODEL)), "is not the regular", harmed_by_files(["out"])
    ),
    Attack(
        "symbolic link",
        lambda box: archive(member("xgboost-model", kind=tarfile.SYMTYPE, link=f"{box}/secret")),
        "is not the regular file",
        harmed_by_kind(stat.S_ISLNK),
    ),
    Attack(
        "through a link",
        lambda box: archive(member("to", kind=tarfile.SYMTYPE, link=str(box)), member("to/out", MODEL)),
        "'to' is not",
        harmed_by_files(["out"]),
    ),
    Attack(
        "hard link",
        lambda box: archive(member("xgboost-model", kind=tarfile.LNKTYPE, link="../../secret")),
        "is not the regular file",
        lambda file, box: classic.unpack(file, box / "in" / "model").samefile(box / "secret"),
    ),
    Attack(
        "FIFO",
        lambda _: archive(member("xgboost-model", kind=tarfile.FIFOTYPE)),
        "is not the regular file",
        harmed_by_kind(stat.S_ISFIFO),
    ),
    Attack(
        "device",
        lambda _: archive(member("xgboost-model", kind=tarfile.CHRTYPE)),
        "is not the regular file",
        harmed_by_kind(stat.S_ISCHR),
    ),
    Attack(
        "extra member",
        lambda _: archive(member("xgboost-model", MODEL), member("sitecustomize.py", b"0")),
        "second member 'sitecustomize.py'",
        harmed_by_files(["in/model/sitecustomize.py"]),
    ),
    Attack(
        "duplicate member",
        lambda _: archive(member("xgboost-model", MODEL), member("xgboost-model", b"another")),
        "second member 'xgboost-model'",
        takes_the_last,
    ),
    Attack(
        "pickle",
        lambda box: archive(member("xgboost-model", pickle.dumps(Runs(box / "ran")))),
        "is a pickle",
        harmed_by_pickle,
    ),
    Attack(
        "old pickle",
        lambda box: archive(member("xgboost-model", pickle.dumps(Runs(box / "ran"), protocol=0))),
        "not in XGBoost's UBJSON format",
        harmed_by_pickle,
    ),
    Attack("truncated gzip", lambda _: whole()[: len(whole()) // 2], "not a whole", falls_over),
    Attack(
        "truncated tar",
        lambda _: gzip.compress(gzip.decompress(whole())[:1500]),
        "not a whole",
        falls_over,
    ),
    Attack(
        "truncated model",
        lambda _: archive(member("xgboost-model", MODEL[: len(MODEL) // 2])),
        "damaged or foreign: it is cut off",
        falls_over,
    ),
    Attack("empty archive", lambda _: archive(), "is empty", falls_over),
    Attack(
        "another version",
        lambda _: archive(member("xgboost-model", MODEL.replace(b"i\x03i\x02i", b"i\x03i\x00i"))),
        "written by XGBoost 3.0",
        falls_over,
    ),
    Attack(
        "binary of before 3", lambda _: archive(member("xgboost-model", b"binf" + bytes(200))), "UBJSON", falls_over
    ),
    Attack(
        "JSON",
        lambda _: archive(member("xgboost-model", json.dumps({"version": [3, 2, 0], "learner": {}}).encode())),
        "is JSON",
        falls_over,
    ),
    Attack("LightGBM", lambda _: archive(member("xgboost-model", b"tree\nversion=v4\n")), "UBJSON", falls_over),
    Attack(
        "bomb",
        lambda _: archive(member("xgboost-model", bytes(32 << 20))),
        "not in XGBoost's UBJSON format",
        harmed_by_size,
    ),
    Attack("huge size", lambda _: announced(1 << 40, tarfile.REGTYPE, "xgboost-model"), "at most", falls_over),
    Attack(
        "sparse member",
        lambda _: announced(0, tarfile.GNUTYPE_SPARSE, "xgboost-model", bytes(1024)),
        "is not the regular file",
        lambda file, box: classic.unpack(file, box / "in" / "model").exists(),
    ),
)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A folder whose ``in/model`` is where a model may go; ``secret`` is not for it."""
    (tmp_path / "in" / "model").mkdir(parents=True)
    (tmp_path / "secret").write_text("not yours")
    return tmp_path


def below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_hostile_archive_is_refused_and_harms_the_sample_code(
    attack: Attack, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = attack.made(box)
    file = box / "model.tar.gz"
    file.write_bytes(data)
    monkeypatch.chdir(box / "in" / "model")
    before = below(box)
    with file.open("rb") as stream, pytest.raises(UnsafeArtifactError, match=attack.said):
        load_booster(read_model_bytes(stream), FEATURES)
    with pytest.raises(ModelLoadError):
        ModelServer(data)
    assert below(box) == before
    assert attack.harmed(file, box)


def test_the_honest_model_is_loaded() -> None:
    load_booster(read_model_bytes(io.BytesIO(whole())), FEATURES)
    ModelServer(whole())


@pytest.mark.parametrize("attack", ["pickle", "through a link", "truncated model", "JSON"])
def test_the_evaluation_rejects_it_before_the_container_sees_it(
    attack: str, box: Path, aws: Aws, context: Context
) -> None:
    (found,) = [one for one in ATTACKS if one.name == attack]
    event = request("evaluate_model")
    event["validation"]["features"] = FEATURES
    aws.put(ARTIFACTS, event["training"]["model_uri"].split("/", 3)[3], found.made(box))
    aws.put(ARTIFACTS, aws.layout.config, "{}")
    aws.put(ARTIFACTS, aws.layout.validation_report, "{}")
    recipe = {"target": {"name": "label", "classes": ["a", "b"]}, "missing": [], "columns": []}
    aws.put(ARTIFACTS, aws.layout.recipe, json.dumps(recipe))
    aws.put(ARTIFACTS, aws.layout.part_file("test"), "0,1,2,3\n1,3,2,1\n")
    answer = EvaluationResult.model_validate(app.handler(event, context))
    assert answer.verdict == "rejected"
    assert "The model was not measured" in answer.reasons[0]
    assert not (box / "ran").exists()


def peak(work: Callable[[], Any]) -> int:
    """Bytes that it took at its most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_header_that_announces_more_than_headers_have_is_not_read_to_its_end(box: Path) -> None:
    size = 64 << 20
    data = announced(size, tarfile.XHDTYPE, "pax", b"99 comment=" + bytes(size))
    (box / "model.tar.gz").write_bytes(data)

    def ours() -> None:
        with pytest.raises(UnsafeArtifactError, match="more than a model and its header"):
            read_model_bytes(io.BytesIO(data))

    def theirs() -> None:
        with pytest.raises(tarfile.TarError):
            classic.unpack(box / "model.tar.gz", box / "in")

    assert len(data) < 1 << 17
    assert peak(ours) < 1 << 22
    assert peak(theirs) > size


KEY: Final = b"{L" + struct.pack(">q", 7) + b"learner"
LETHAL: Final = {
    "brackets in brackets": KEY + b"[" * 1_000_000,
    "an index beyond the tree": MODEL.replace(
        b"left_children[$l#L" + MODEL.split(b"left_children[$l#L")[1][:12],
        b"left_children[$l#L" + MODEL.split(b"left_children[$l#L")[1][:8] + struct.pack(">i", 0x7FFFFFF0),
        1,
    ),
}


@pytest.mark.parametrize(
    "name", ["brackets in brackets", pytest.param("an index beyond the tree", marks=pytest.mark.longer)]
)
def test_a_model_that_ends_a_process_is_refused_before_xgboost_reads_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArtifactError, match="damaged or foreign"):
        load_booster(LETHAL[name], FEATURES)
    (tmp_path / "model").write_bytes(LETHAL[name])
    script = (
        "import numpy, pathlib, sys, xgboost\n"
        "booster = xgboost.Booster(model_file=bytearray(pathlib.Path(sys.argv[1]).read_bytes()))\n"
        "booster.inplace_predict(numpy.zeros((1, 3), numpy.float32))"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "model")], capture_output=True, check=False)
    assert ended.returncode < 0, "it is said to be killed by a signal"


@pytest.mark.parametrize("length", [1 << 60, 1 << 31, -5])
def test_a_length_that_was_made_up_is_not_believed(length: int) -> None:
    for typed in (b"[$d#L", b"[#L", b"SL"):
        with pytest.raises(UnsafeArtifactError, match="damaged or foreign"):
            load_booster(KEY + typed + struct.pack(">q", length), FEATURES)


def test_values_of_a_byte_each_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.xgboost.ubjson._MAX_VALUES", 1000)
    many = 1 << 20
    model = KEY + b"[#L" + struct.pack(">q", many) + b"Z" * many

    def ours() -> None:
        with pytest.raises(UnsafeArtifactError, match="more than 1,000 values"):
            load_booster(model, FEATURES)

    assert peak(ours) < many


def test_a_model_that_is_cut_or_changed_anywhere_is_refused_or_scores() -> None:
    rng = np.random.default_rng(1)
    rows = np.zeros((4, FEATURES), np.float32)
    for place in range(1, len(MODEL), 37):
        with pytest.raises(UnsafeArtifactError):
            load_booster(MODEL[:place], FEATURES)
        changed = bytearray(MODEL)
        changed[place] = int(rng.integers(256))
        try:
            booster = load_booster(changed, FEATURES)
        except UnsafeArtifactError:
            continue
        assert booster.inplace_predict(rows).shape == (4,)
