"""The model artifact that a training job leaves: ``model.tar.gz`` with the one file ``xgboost-model``.

It is read as a file that someone else may have written. The container's own serving code tries ``pickle.load``
first; here nothing is unpickled, nothing is extracted to a path of the archive's choosing, and nothing is read past a
limit. What is refused here is never deployed, so the container does not see it either.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from typing import BinaryIO, Final

import xgboost

from scoring.model import UnsafeArtifactError
from scoring.xgboost.model_document import TRAINER, DamagedModelError, check_model
from scoring.xgboost.ubjson import UbjsonError, read_ubjson

MEMBER: Final = "xgboost-model"
MAX_MODEL_BYTES: Final = 1 << 28
"""A model takes some four times its size while it is loaded, and the smallest function that loads one has 1,769 MB."""

_AROUND_BYTES: Final = 1 << 16
"""Headers before the model, and as many bytes of padding behind it."""

_BLOCK: Final = 1 << 20
_SHOWN: Final = 60
_UBJSON_OBJECT: Final = b"{L"
"""First bytes of what XGBoost 3.x writes: an UBJSON object, whose first name follows with its length."""
_JSON_OBJECT: Final = b"{"
_PICKLE: Final = b"\x80"


class Inflated(gzip.GzipFile):
    """What a gzip archive holds, up to a limit: reading on beyond ``allowed`` bytes is an error.

    tarfile reads whatever its headers announce, and some kilobytes of gzip may announce gigabytes.

    Args:
        archive: the compressed bytes.
        allowed: how much may be read, until :meth:`allow` says more.
    """

    def __init__(self, archive: BinaryIO, allowed: int) -> None:
        super().__init__(fileobj=archive)
        self._allowed = allowed

    def allow(self, more: int) -> None:
        self._allowed += more

    def read(self, size: int | None = -1) -> bytes:
        """Raises: UnsafeArtifactError beyond the limit; what gzip raises of a damaged archive."""
        block = super().read(size)
        self._allowed -= len(block)
        if self._allowed < 0:
            raise UnsafeArtifactError("the archive holds more than a model and its header")
        return block


def read_model_bytes(archive: BinaryIO, max_bytes: int = MAX_MODEL_BYTES) -> bytearray:
    """The model file's bytes out of a ``model.tar.gz``.

    Raises:
        UnsafeArtifactError: it is no gzipped tar, or holds anything but one regular file ``xgboost-model`` of at most
            ``max_bytes`` bytes.
    """
    try:
        return _read(Inflated(archive, _AROUND_BYTES), max_bytes)
    except UnsafeArtifactError:
        raise
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise UnsafeArtifactError(f"not a whole gzipped tar archive: {error}") from error


def _read(inflated: Inflated, max_bytes: int) -> bytearray:
    data: bytearray | None = None
    with tarfile.open(fileobj=inflated, mode="r|") as tar:
        for member in tar:
            if data is not None:
                raise UnsafeArtifactError(f"a second member {_shown(member.name)} beside {MEMBER}")
            if member.name.removeprefix("./") != MEMBER or not member.isreg() or member.issparse():
                raise UnsafeArtifactError(f"member {_shown(member.name)} is not the regular file {MEMBER}")
            if member.size > max_bytes:
                raise UnsafeArtifactError(f"the model has {member.size} bytes; at most {max_bytes} are read")
            inflated.allow(member.size)
            data = _content(tar, member)
    while inflated.read(_BLOCK):  # to the end, which holds the checksum
        pass
    if data is None:
        raise UnsafeArtifactError("the archive is empty")
    return data


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytearray:
    source = tar.extractfile(member)
    data = bytearray()
    while source and (block := source.read(_BLOCK)):
        data += block
    if len(data) != member.size:
        raise EOFError("the model is cut off")
    return data


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…")


def load_booster(model: bytes | bytearray, features: int | None = None) -> xgboost.Booster:
    """The model, ready to score.

    Args:
        model: UBJSON as XGBoost 3.2 saves it.
        features: columns that it must have been trained on; None: any.

    Raises:
        UnsafeArtifactError: a pickle, an unknown format, a model of another version or width, one that is damaged, or
            this xgboost is older than 3.2: older loaders take a newer model silently and mispredict.
    """
    if tuple(int(part) for part in xgboost.__version__.split(".")[:2]) < TRAINER:
        raise UnsafeArtifactError(f"xgboost {xgboost.__version__} is older than the trainer's 3.2")
    if model[:1] == _PICKLE:
        raise UnsafeArtifactError("the model is a pickle, which is never loaded")
    if model[:1] == _JSON_OBJECT and model[:2] != _UBJSON_OBJECT:
        raise UnsafeArtifactError("the model is JSON, not XGBoost's UBJSON format, which training writes")
    if model[:1] != _UBJSON_OBJECT[:1]:
        raise UnsafeArtifactError("the model is not in XGBoost's UBJSON format")
    try:
        check_model(read_ubjson(model), features)
    except (UbjsonError, DamagedModelError) as error:
        raise UnsafeArtifactError(f"the model is damaged or foreign: {error}") from error
    try:
        booster = xgboost.Booster(model_file=model if isinstance(model, bytearray) else bytearray(model))
    except (xgboost.core.XGBoostError, UnicodeDecodeError) as error:
        raise UnsafeArtifactError(f"XGBoost cannot read the model: {str(error).splitlines()[0]}") from error
    return booster
