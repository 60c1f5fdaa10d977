from __future__ import annotations

import io
import pickle
import tarfile
from typing import Any

import numpy as np
import pytest
import xgboost

from scoring.model import UnsafeArtifactError
from scoring.xgboost.artifact import load_booster, read_model_bytes


@pytest.fixture(scope="module")
def model() -> bytes:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    data = xgboost.DMatrix(rows, label=(rows[:, 0] > 0).astype(int))
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, num_boost_round=3)
    return bytes(booster.save_raw("ubj"))


def archive(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(data))
    stream.seek(0)
    return stream


@pytest.mark.parametrize("name", ["xgboost-model", "./xgboost-model"])
def test_what_the_container_writes_is_read_and_scores(model: bytes, name: str) -> None:
    booster = load_booster(read_model_bytes(archive((name, model))), features=3)
    scores = booster.inplace_predict(np.zeros((2, 3), np.float32))
    assert scores.shape == (2,)


@pytest.mark.parametrize("name", ["../xgboost-model", "/xgboost-model", "a/xgboost-model", "model.pkl"])
def test_a_member_of_another_name_is_refused(model: bytes, name: str) -> None:
    with pytest.raises(UnsafeArtifactError, match="is not the regular file"):
        read_model_bytes(archive((name, model)))


def test_a_second_member_is_refused(model: bytes) -> None:
    with pytest.raises(UnsafeArtifactError, match="second member"):
        read_model_bytes(archive(("xgboost-model", model), ("other", b"")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_anything_but_a_regular_file_is_refused(kind: bytes) -> None:
    with pytest.raises(UnsafeArtifactError, match="is not the regular file"):
        read_model_bytes(archive(("xgboost-model", b""), kind=kind, link="/etc/passwd"))


def test_a_bomb_is_refused_by_its_size() -> None:
    with pytest.raises(UnsafeArtifactError, match="at most 1000"):
        read_model_bytes(archive(("xgboost-model", bytes(1001))), max_bytes=1000)


def test_an_empty_archive_is_refused() -> None:
    with pytest.raises(UnsafeArtifactError, match="empty"):
        read_model_bytes(archive())


@pytest.mark.parametrize("data", [b"", b"no archive at all", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(UnsafeArtifactError):
        read_model_bytes(io.BytesIO(data))


def test_a_truncated_archive_is_refused(model: bytes) -> None:
    whole = archive(("xgboost-model", model)).getvalue()
    with pytest.raises(UnsafeArtifactError):
        read_model_bytes(io.BytesIO(whole[: len(whole) // 2]))


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_never_loaded() -> None:
    with pytest.raises(UnsafeArtifactError, match="pickle"):
        load_booster(pickle.dumps(_Bomb()), features=3)


@pytest.mark.parametrize("data", [b"", b"binf", b"{}", b'{"learner": 1}'])
def test_another_format_is_refused(data: bytes) -> None:
    with pytest.raises(UnsafeArtifactError):
        load_booster(data, features=3)


def test_a_model_of_another_width_is_refused(model: bytes) -> None:
    with pytest.raises(UnsafeArtifactError, match="3 features, the test data 4"):
        load_booster(model, features=4)


def test_an_older_xgboost_is_refused(model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgboost, "__version__", "3.0.5")
    with pytest.raises(UnsafeArtifactError, match="older"):
        load_booster(model, features=3)
