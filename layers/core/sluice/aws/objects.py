"""S3 objects as the functions use them. The client is the first argument."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.layout import split_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORKING_DATA_TAG = "sluice=working-data"
"""The lifecycle rule of the artifact bucket expires what carries this tag; models and reports stay."""


class StoredText(NamedTuple):
    """An object as text, and the ETag that it had."""

    text: str
    etag: str


class ObjectTooLargeError(Exception):
    """An object has more bytes than may be read of it. It was not read."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


def read_stored(s3: S3Client, bucket: str, key: str, max_bytes: int | None = None) -> StoredText | None:
    """The object, or None if there is none. Undecodable bytes become U+FFFD.

    Raises:
        ObjectTooLargeError: it has more than ``max_bytes``.
    """
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_not_found(error):
            return None
        raise
    if max_bytes is not None and found["ContentLength"] > max_bytes:
        raise ObjectTooLargeError(found["ContentLength"])
    return StoredText(found["Body"].read().decode("utf-8-sig", errors="replace"), found["ETag"])


def read_text(s3: S3Client, bucket: str, key: str, max_bytes: int | None = None) -> str | None:
    """The object's text, or None if there is none.

    Raises:
        ObjectTooLargeError: it has more than ``max_bytes``.
    """
    stored = read_stored(s3, bucket, key, max_bytes)
    return stored.text if stored else None


def read_json(s3: S3Client, s3_uri: str) -> Any:
    """The object as parsed JSON.

    Raises:
        FileNotFoundError: there is none.
    """
    bucket, key = split_uri(s3_uri)
    text = read_text(s3, bucket, key)
    if text is None:
        raise FileNotFoundError(s3_uri)
    return json.loads(text)


def write_json(s3: S3Client, bucket: str, key: str, value: Any) -> None:
    body = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/json")


def upload_working_data(s3: S3Client, path: Path, bucket: str, key: str) -> None:
    """Uploads a file that the bucket's lifecycle may remove again."""
    s3.upload_file(str(path), bucket, key, ExtraArgs={"Tagging": WORKING_DATA_TAG, "ContentType": "text/csv"})
