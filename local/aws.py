"""How to reach the local AWS: addresses, credentials and boto3 clients.

What follows a run uses nothing but these clients, so that it would follow one on AWS as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError

from local.home import LocalError, State

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_stepfunctions import SFNClient

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
# MiniStack's root user, who may do all; every function has its role's own credentials, and IAM holds it to them.
ACCESS_KEY: Final = "test"
SECRET_KEY: Final = "test"  # noqa: S105

# proxies={}: requests to 127.0.0.1 must not take the proxy of the environment.
_CONFIG: Final = Config(
    retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=120, proxies={}
)


@contextmanager
def answering() -> Iterator[None]:
    """
    Raises:
        LocalError: in place of whatever botocore raises if nobody listens any longer.
    """
    try:
        yield
    except (HTTPClientError, UnreachableError) as error:
        raise LocalError(
            "the local AWS no longer answers: it was stopped, or its processes have ended. Start it with "
            "`sluice local up`; it keeps its runs, models and endpoints"
        ) from error


@dataclass(frozen=True)
class Aws:
    """Clients of one local AWS, made when they are first used."""

    endpoint_url: str
    sagemaker_url: str

    @classmethod
    def of(cls, state: State) -> Aws:
        return cls(endpoint_url=state.endpoint_url, sagemaker_url=state.sagemaker_url)

    def environment(self) -> dict[str, str]:
        """What an AWS SDK, the AWS CLI or the SAM CLI needs in its environment to come here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.sagemaker_url,
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.sagemaker_url,
            "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": self.sagemaker_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)

    @cached_property
    def s3(self) -> S3Client:
        return self._session.client("s3", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return self._session.client("stepfunctions", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._session.client("logs", endpoint_url=self.endpoint_url, config=_CONFIG)

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        return self._session.client("sagemaker", endpoint_url=self.sagemaker_url, config=_CONFIG)

    @cached_property
    def sagemaker_runtime(self) -> SageMakerRuntimeClient:
        return self._session.client("sagemaker-runtime", endpoint_url=self.sagemaker_url, config=_CONFIG)
