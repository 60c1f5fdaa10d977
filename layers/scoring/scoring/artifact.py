"""The model artefact that a training job leaves: ``model.tar.gz`` with the one file ``xgboost-model``.

It is read as what it may be: a file that someone else wrote. The container's own serving code tries ``pickle.load``
first; here nothing is unpickled, nothing is extracted to a path of the archive's choosing, and nothing is read past a
limit.
"""

from __future__ import annotations

import tarfile
from typing import BinaryIO, Final

import xgboost

MEMBER: Final = "xgboost-model"
MAX_MODEL_BYTES: Final = 1 << 30
#: First bytes of what XGBoost 3.x writes: an UBJSON object, whose first key follows with a typed length.
_UBJSON_OBJECT: Final = b"{"
_PICKLE: Final = b"\x80"
_LOADER: Final = (3, 2)


class UnsafeArtifactError(ValueError):
    """The artefact is not what the built-in XGBoost 3.2 writes; the message says how it differs."""


def read_model_bytes(archive: BinaryIO, max_bytes: int = MAX_MODEL_BYTES) -> bytes:
    """The model file's bytes out of a ``model.tar.gz``.

    Raises:
        UnsafeArtifactError: it is no gzipped tar, or holds anything but one regular file ``xgboost-model`` of at most
            ``max_bytes`` bytes.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as tar:
            data: bytes | None = None
            for member in tar:
                if data is not None:
                    raise UnsafeArtifactError(f"a second member {member.name!r} beside {MEMBER}")
                if member.name.removeprefix("./") != MEMBER or not member.isreg():
                    raise UnsafeArtifactError(f"member {member.name!r} is not the regular file {MEMBER}")
                if member.size > max_bytes:
                    raise UnsafeArtifactError(f"the model has {member.size} bytes; at most {max_bytes} are read")
                source = tar.extractfile(member)
                data = source.read() if source else b""
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, UnsafeArtifactError):
            raise
        raise UnsafeArtifactError(f"not a whole gzipped tar archive: {error}") from error
    if data is None:
        raise UnsafeArtifactError("the archive is empty")
    return data


def load_booster(model: bytes, features: int) -> xgboost.Booster:
    """The model, ready to score.

    Args:
        model: UBJSON as XGBoost 3.x saves it.
        features: columns that it must have been trained on.

    Raises:
        UnsafeArtifactError: a pickle, an unknown format, a model of another width, or this xgboost is older than 3.2:
            older loaders take a newer model without a word and mispredict.
    """
    if tuple(int(part) for part in xgboost.__version__.split(".")[:2]) < _LOADER:
        raise UnsafeArtifactError(f"xgboost {xgboost.__version__} is older than the trainer's 3.2")
    if model[:1] == _PICKLE:
        raise UnsafeArtifactError("the model is a pickle, which is never loaded")
    if model[:1] != _UBJSON_OBJECT:
        raise UnsafeArtifactError("the model is not in XGBoost's UBJSON format")
    try:
        booster = xgboost.Booster(model_file=bytearray(model))
    except xgboost.core.XGBoostError as error:
        raise UnsafeArtifactError(f"XGBoost cannot read the model: {str(error).splitlines()[0]}") from error
    if booster.num_features() != features:
        raise UnsafeArtifactError(f"the model has {booster.num_features()} features, the test data {features}")
    return booster
