"""Reads the log of predictions from S3 in bounded memory. The client comes first."""

from __future__ import annotations

import datetime
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.layout import day_of_predictions_prefix
from sluice.monitoring.log_files import LogFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BATCH_BYTES: Final = 1 << 24
"""Of lines that are counted together."""

_AT_ONCE: Final = 10
"""Files that are fetched side by side: as many connections as a client keeps."""
_TOGETHER: Final = 100
_SMALL_BYTES: Final = 1 << 18
"""Larger files are read piece by piece."""


def log_files(s3: S3Client, bucket: str, dataset: str, days: Iterable[datetime.date]) -> list[LogFile]:
    """The files of the log of some days (UTC), by key."""
    pages = s3.get_paginator("list_objects_v2")
    return [
        LogFile(found["Key"], found["Size"])
        for day in days
        for page in pages.paginate(Bucket=bucket, Prefix=day_of_predictions_prefix(dataset, day))
        for found in page.get("Contents", [])
        if found["Key"].endswith((".jsonl", ".jsonl.gz"))
    ]


def log_batches(
    s3: S3Client, bucket: str, files: Sequence[LogFile], broken: list[str], batch_bytes: int = BATCH_BYTES
) -> Iterator[bytes]:
    """The lines of files, some megabytes together.

    Args:
        broken: takes the keys of files that are no whole gzip files; what was read of them counts.
    """
    held: list[bytes] = []
    size = 0
    for piece in _pieces(s3, bucket, files, broken):
        held.append(piece)
        size += len(piece)
        if size >= batch_bytes:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _pieces(s3: S3Client, bucket: str, files: Sequence[LogFile], broken: list[str]) -> Iterator[bytes]:
    """Whole lines."""
    small = [file for file in files if file.size <= _SMALL_BYTES]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for group in batched(small, _TOGETHER, strict=False):
            yield from pool.map(lambda file: b"".join(_lines(s3, bucket, file, broken)), group)
    for file in files:
        if file.size > _SMALL_BYTES:
            yield from _lines(s3, bucket, file, broken)


def _lines(s3: S3Client, bucket: str, file: LogFile, broken: list[str]) -> Iterator[bytes]:
    """A file's lines, each piece of whole ones; the last one gets its end."""
    try:
        body = s3.get_object(Bucket=bucket, Key=file.key)["Body"]
    except ClientError as error:
        if is_not_found(error):  # it expired, or was forgotten, since it was listed
            return
        raise
    rest = b""
    stream = gzip.GzipFile(fileobj=body) if file.key.endswith(".gz") else body
    try:
        while piece := stream.read(_SMALL_BYTES):
            whole, end, begun = (rest + piece).rpartition(b"\n")
            yield whole + end
            rest = begun
    except (EOFError, zlib.error, gzip.BadGzipFile):
        broken.append(file.key)
    if rest:
        yield rest + b"\n"
