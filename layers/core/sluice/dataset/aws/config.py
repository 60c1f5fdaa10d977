"""The configuration that a run was made with. The client comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.aws.objects import read_json
from sluice.dataset.config import DatasetConfig, read_known_config
from sluice.layout import RunLayout, uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read_config(s3: S3Client, bucket: str, dataset: str, run_id: str) -> DatasetConfig:
    """The config.json of a run.

    Raises:
        FileNotFoundError: there is none.
    """
    return read_known_config(read_json(s3, uri(bucket, RunLayout(dataset, run_id).config)))
