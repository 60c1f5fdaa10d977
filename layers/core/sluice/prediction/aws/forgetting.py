"""Removes from the log of predictions what is kept of one key. The client comes first.

The artifact bucket is versioned, so what is replaced or deleted stays as an old version until that is removed, too.
Every version is judged by what is in it, and the current one is replaced before old ones are removed: so a call that
broke off is completed by the same call.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found, is_precondition_failed
from sluice.layout import KEEP_DAYS_TAG, captured_prefix, predictions_prefix
from sluice.prediction.forgetting import days_to_keep, without_key
from sluice.prediction.log import LogError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectVersionTypeDef

_AT_ONCE: Final = 10
"""Objects that are read at the same time: a client of boto3 has as many connections."""
_TOLD_EVERY: Final = 1000
_UNVERSIONED: Final = "null"
_ZIPPED: Final = ".gz"


@dataclass(frozen=True)
class Forgotten:
    """What was removed.

    Attributes:
        lines: of the log.
        objects: that were replaced or deleted for it.
        old_versions: that an earlier call or a person had left.
    """

    lines: int = 0
    objects: int = 0
    old_versions: int = 0

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(self.lines + other.lines, self.objects + other.objects, self.old_versions + other.old_versions)


class BusyError(Exception):
    """Somebody else changed an object of the log in the same moment."""


def forget(
    s3: S3Client,
    bucket: str,
    dataset: str,
    key: str,
    column: str | None,
    say: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Forgotten:
    """Removes the lines of a key from the log of a dataset's predictions.

    Args:
        key: as text, see ``sluice.prediction.key``.
        column: the dataset's key column, if it is known.
        say: is told how far it is.

    Raises:
        LogError: an object is no file of the log. Others may have been done.
        BusyError: an object was changed meanwhile. The same call goes on.
    """
    done = Forgotten()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        versions = list(_versions(s3, bucket, predictions_prefix(dataset)))
        found = pool.map(lambda version: _forget_in(s3, bucket, version, key, column, now()), versions)
        for number, one in enumerate(found, start=1):
            done += one
            if number % _TOLD_EVERY == 0:
                say(f"{number:,} of {len(versions):,} objects of the log")
    return done


def has_captured(s3: S3Client, bucket: str, dataset: str) -> bool:
    """Whether SageMaker has captured anything of the dataset's endpoint."""
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=captured_prefix(dataset), MaxKeys=1).get("Contents"))


def _versions(s3: S3Client, bucket: str, prefix: str) -> Iterator[ObjectVersionTypeDef]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Versions", [])


def _forget_in(
    s3: S3Client, bucket: str, version: ObjectVersionTypeDef, key: str, column: str | None, now: datetime
) -> Forgotten:
    name, version_id = version["Key"], version["VersionId"]
    try:
        found = s3.get_object(Bucket=bucket, Key=name, VersionId=version_id)
    except ClientError as error:
        if is_not_found(error):
            return Forgotten()  # its days are over, or another call has removed it
        raise
    raw = found["Body"].read()
    try:
        left = without_key((gzip.decompress(raw) if name.endswith(_ZIPPED) else raw).decode(), key, column)
    except (LogError, OSError, EOFError, UnicodeError) as error:
        raise LogError(f"s3://{bucket}/{name}: {error}") from None
    if not left.removed:
        return Forgotten()
    if version["IsLatest"]:
        if left.text.strip():
            body = gzip.compress(left.text.encode(), mtime=0) if name.endswith(_ZIPPED) else left.text.encode()
            _replace(s3, bucket, version, body, found["ContentType"], (now - version["LastModified"]).days)
        else:
            s3.delete_object(Bucket=bucket, Key=name)
    if version_id != _UNVERSIONED:  # a bucket without versions has none to remove
        s3.delete_object(Bucket=bucket, Key=name, VersionId=version_id)
    return Forgotten(left.removed, 1) if version["IsLatest"] else Forgotten(old_versions=1)


def _replace(
    s3: S3Client, bucket: str, version: ObjectVersionTypeDef, body: bytes, content_type: str, age: int
) -> None:
    name = version["Key"]
    tags = s3.get_object_tagging(Bucket=bucket, Key=name, VersionId=version["VersionId"])["TagSet"]
    kept = next((tag["Value"] for tag in tags if tag["Key"] == KEEP_DAYS_TAG), None)
    tagging: dict[str, Any] = {} if kept is None else {"Tagging": f"{KEEP_DAYS_TAG}={days_to_keep(int(kept), age)}"}
    try:
        # Only what was read is replaced: another call may have taken other lines out of it.
        s3.put_object(Bucket=bucket, Key=name, Body=body, ContentType=content_type, IfMatch=version["ETag"], **tagging)
    except ClientError as error:
        if is_precondition_failed(error) or is_not_found(error):
            raise BusyError(f"s3://{bucket}/{name}") from error
        raise
