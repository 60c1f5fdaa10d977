"""The dataset's ``contract.json`` in S3, replaced by compare-and-swap: of two files that come first, one makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found, is_precondition_failed
from sluice.aws.objects import StoredText

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ContractTakenError(RuntimeError):
    """Another run wrote the contract meanwhile. A repeated step is compared with that one."""


def write_contract(s3: S3Client, bucket: str, key: str, text: str, replaces: StoredText | None) -> None:
    """Writes it where what lies there is still what was read.

    Raises:
        ContractTakenError: it is not.
    """
    body = text.encode()
    try:
        if replaces is None:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        else:
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfMatch=replaces.etag)
    except ClientError as error:
        if is_precondition_failed(error) or (replaces and is_not_found(error)):
            raise ContractTakenError(f"s3://{bucket}/{key} was written by another run meanwhile") from error
        raise
