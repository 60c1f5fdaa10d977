"""Files of labels in the inbox. The client comes first."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found
from sluice.layout import LABELS, labels_prefix
from sluice.names import dataset_name, is_file

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class LabelFile:
    """``arrived``: in UTC, to the second."""

    key: str
    arrived: datetime.datetime


def label_files(s3: S3Client, inbox: str, dataset: str) -> list[LabelFile]:
    """The files in the folders below ``labels/`` that are the dataset's, by key."""
    pages = s3.get_paginator("list_objects_v2")
    folders = [
        found["Prefix"].removeprefix(LABELS).rstrip("/")
        for page in pages.paginate(Bucket=inbox, Prefix=LABELS, Delimiter="/")
        for found in page.get("CommonPrefixes", [])
    ]
    return [
        LabelFile(found["Key"], found["LastModified"].astimezone(datetime.UTC))
        for folder in folders
        if dataset_name(folder) == dataset
        for page in pages.paginate(Bucket=inbox, Prefix=labels_prefix(folder))
        for found in page.get("Contents", [])
        if is_file(found["Key"])
    ]


def fetch_labels(s3: S3Client, inbox: str, file: LabelFile, path: Path) -> bool:
    """Writes a file of labels to a path. Returns: False if it was removed since it was listed."""
    try:
        s3.download_file(inbox, file.key, str(path))
    except ClientError as error:
        if is_not_found(error):
            return False
        raise
    return True
