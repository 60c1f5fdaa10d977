"""The serving half of the built-in XGBoost container, version 3.2-0: a tarball in, answers out.

It follows aws/sagemaker-xgboost-container (``algorithm_mode/serve.py``, ``serve_utils.py``, ``encoder.py``), quirks
included: too few columns are scored silently, a header is a 415, one column too many a 400. Two departures are
meant: the container unpickles whatever it finds, this server reads what training writes; and the container unpacks
links, this server unpacks nothing at all.
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
import threading
import zlib
from dataclasses import dataclass
from typing import Any, Final

import numpy
import xgboost

from scoring.model import UnsafeArtifactError
from scoring.xgboost import MAX_MODEL_BYTES, Inflated, load_booster

MAX_PAYLOAD_BYTES: Final = 6_291_456
ACCEPTED: Final = ("application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv")
MAX_ARTEFACT_BYTES: Final = MAX_MODEL_BYTES + (1 << 20)


class ModelLoadError(Exception):
    """The container would not have come up with this artefact."""


@dataclass(frozen=True)
class Answer:
    """What the container answers, before SageMaker wraps it."""

    status: int
    body: bytes
    content_type: str = "text/html; charset=utf-8"

    @classmethod
    def error(cls, status: int, text: str) -> Answer:
        return cls(status, text.encode())


class ModelServer:
    """A loaded artefact. Thread-safe.

    Args:
        artefact: content of ``model.tar.gz``.

    Raises:
        ModelLoadError: it is no tarball, or holds no model, or something beside models.
    """

    def __init__(self, artefact: bytes) -> None:
        self._boosters = _load(artefact)
        self._lies = False
        self._lock = threading.Lock()

    def lie(self) -> None:
        """From now on the scores are others than the model's: what a test wants that must not go unnoticed."""
        self._lies = True

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """One request to ``/invocations``; errors are answers too."""
        if len(body) > MAX_PAYLOAD_BYTES:
            return Answer.error(413, "The data value transmitted exceeds the capacity limit.")
        if not body:
            return Answer(204, b"")
        try:
            matrix = _parse(body, content_type)
        except _UnsupportedMediaTypeError as error:
            return Answer.error(415, str(error))
        try:
            scores = self._predict(matrix)
        except (xgboost.core.XGBoostError, ValueError) as error:
            return Answer.error(400, f"Unable to evaluate payload provided: {error}")
        return _encode(scores, accept)

    def _predict(self, matrix: Any) -> Any:
        with self._lock, xgboost.config_context(verbosity=0):
            scores = [booster.predict(matrix, validate_features=False) for booster in self._boosters]
        honest = scores[0] if len(scores) == 1 else numpy.mean(scores, axis=0)
        return honest * 0.5 + 0.01 if self._lies else honest


class _UnsupportedMediaTypeError(Exception):
    pass


def _load(artefact: bytes) -> list[Any]:
    try:
        contents = _contents(Inflated(io.BytesIO(artefact), MAX_ARTEFACT_BYTES))
    except UnsafeArtifactError as error:
        raise ModelLoadError("the artefact is larger than any model") from error
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, RecursionError) as error:
        raise ModelLoadError(f"the artefact is no tar.gz: {error}") from error
    if not contents:
        raise ModelLoadError("the artefact holds no model")
    return [_booster(name, content) for name, content in contents.items()]


def _contents(inflated: Inflated) -> dict[str, bytes]:
    """The files at the top of the archive, as nothing but bytes: the container loads every one, whatever its name."""
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=inflated, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if name.startswith("/") or ".." in name.split("/"):
                raise ModelLoadError("the artefact has members outside its folder")
            if not (member.isreg() or member.isdir()):
                raise ModelLoadError(f"the artefact's member {name!r} is neither a file nor a folder")
            if name in contents:
                raise ModelLoadError(f"the artefact has two members {name!r}")
            if member.isreg() and "/" not in name:
                stream = tar.extractfile(member)
                contents[name] = stream.read() if stream is not None else b""
    return contents


def _booster(name: str, content: bytes) -> Any:
    try:
        with xgboost.config_context(verbosity=0):
            booster = load_booster(content)
    except UnsafeArtifactError as error:
        raise ModelLoadError(f"Model at /opt/ml/model/{name} cannot be loaded:\n{error}") from error
    booster.set_param({"nthread": 1})
    return booster


def _parse(body: bytes, content_type: str | None) -> Any:
    kind = (content_type or "text/csv").lower().partition(";")[0].strip()
    if kind in ("csv", "text/csv"):
        name, parse = "csv", _csv
    elif kind in ("libsvm", "text/libsvm", "text/x-libsvm"):
        name, parse = "libsvm", _libsvm
    else:
        raise _UnsupportedMediaTypeError(
            f"{content_type} is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, "
            "text/libsvm, text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
        )
    try:
        # The scores of one request are few: a second thread would cost more than it gives.
        return xgboost.DMatrix(parse(body.strip().decode("utf-8")), nthread=1)
    except (ValueError, csv.Error, xgboost.core.XGBoostError) as error:
        raise _UnsupportedMediaTypeError(
            f"Loading {name} data failed with Exception, please ensure data is in {name} format:\n"
            f" {type(error)}\n {error}"
        ) from error


def _csv(text: str) -> Any:
    lines = text.split("\n")
    sniffed = csv.Sniffer().sniff(lines[0][:512]).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    cells = [["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in lines]
    return numpy.array(cells).astype(float)


def _libsvm(text: str) -> Any:
    rows = [
        {
            int(index): float(value)
            for index, _, value in (token.partition(":") for token in line.split() if ":" in token)
        }
        for line in text.split("\n")
    ]
    indices = [index for row in rows for index in row]
    if not indices:
        return numpy.empty((0, 0))
    offset = 1 if min(indices) >= 1 else 0
    dense = numpy.zeros((len(rows), max(indices) - offset + 1))
    for number, row in enumerate(rows):
        for index, value in row.items():
            dense[number, index - offset] = value
    return dense


def _encode(scores: Any, accept: str | None) -> Answer:
    kind = (accept or "").partition(";")[0].strip().lower()
    if kind in ("", "*/*"):
        kind = "text/csv"
    if kind not in ACCEPTED:
        return Answer.error(
            406, f"Accept type {accept} is not supported. Please use supported accept types: {list(ACCEPTED)}."
        )
    values = scores.tolist()
    if kind == "text/csv":
        return Answer(200, "".join(f"{value}\n" for value in values).encode(), "text/csv; charset=utf-8")
    if kind == "application/json":
        return Answer(
            200, json.dumps({"predictions": [{"score": value} for value in values]}).encode(), "application/json"
        )
    # On 3.x these two are on the list of accepted types and have no encoder behind them.
    return Answer.error(500, f"Encoding to accept type {kind} failed")
