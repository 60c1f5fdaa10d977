"""Live endpoints. The client is the first argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import is_not_found

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


def describe_endpoint(sagemaker: SageMakerClient, name: str) -> dict[str, Any] | None:
    """The DescribeEndpoint response, or None where there is no such endpoint."""
    try:
        return dict(sagemaker.describe_endpoint(EndpointName=name))
    except ClientError as error:
        if is_not_found(error):
            return None
        raise


def delete_endpoint(sagemaker: SageMakerClient, name: str) -> bool:
    """Asks for an endpoint's deletion; False where there is none."""
    try:
        sagemaker.delete_endpoint(EndpointName=name)
    except ClientError as error:
        if is_not_found(error):
            return False
        raise
    return True
