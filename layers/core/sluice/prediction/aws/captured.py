"""Reads from S3 what SageMaker captured of an endpoint, as lines of the log. The client comes first."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sluice.aws.objects import read_text
from sluice.endpoint.requests import VARIANT
from sluice.layout import captured_prefix, uri
from sluice.prediction.captured import read_captured
from sluice.prediction.log import LogError, line_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from sluice.prediction.version import Version


def captured_batches(
    s3: S3Client,
    bucket: str,
    dataset: str,
    endpoint: str,
    days: Iterable[datetime.date],
    version: Version,
    since: datetime.datetime,
) -> Iterator[bytes]:
    """The predictions of those who called an endpoint directly, each file of captured data as lines of the log.

    Captured data does not say which model answered, so it is read from the moment on at which the model became live,
    and of the endpoint's main variant alone.

    Args:
        endpoint: its name.
        days: in UTC, as SageMaker's folders are.
        version: the live model's.
        since: when it became live.

    Raises:
        LogError: a file holds a line that is no captured request.
    """
    pages = s3.get_paginator("list_objects_v2")
    for day in days:
        prefix = f"{captured_prefix(dataset)}{endpoint}/{VARIANT}/{day:%Y/%m/%d}/"
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield _lines(s3, bucket, found["Key"], version, since)


def _lines(s3: S3Client, bucket: str, key: str, version: Version, since: datetime.datetime) -> bytes:
    text = read_text(s3, bucket, key) or ""  # it may have been deleted since it was listed
    try:
        found = read_captured(text.splitlines(), version)
    except LogError as error:
        raise LogError(f"{uri(bucket, key)}: {error}") from error
    return "".join(line_of(one) for one in found.predictions if one.at >= since).encode()
