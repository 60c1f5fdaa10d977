"""The AWS beside this server: its own clients there, and those of an execution role.

A training job and a model reach S3 with the credentials of their role, so that a role that may too little fails on the
laptop as it would on AWS.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.sagemaker import policies

SERVICE_PRINCIPAL: Final = "sagemaker.amazonaws.com"
MAX_SESSION_POLICY: Final = 2048
SESSION_SECONDS: Final = 2700.0
"""After so long a role is assumed again; STS gives its sessions an hour."""
ROOT_ACCESS_KEY: Final = "test"
"""The name under which MiniStack knows its root, whatever else it was started with."""

_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 3},
    s3={"addressing_style": "path"},
    # This machine needs no proxy to reach itself, whatever its environment says of others.
    proxies={},
)


class RoleError(Exception):
    """SageMaker may not act as this role."""


class Aws:
    """Clients for one AWS endpoint. Thread-safe.

    Args:
        endpoint: URL of the AWS that has S3, STS, IAM and CloudWatch Logs.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        # One session for all: it reads a service's model once, which takes longer than all the rest. Not thread-safe.
        self._session: Any = boto3.Session(aws_access_key_id=ROOT_ACCESS_KEY, aws_secret_access_key=ROOT_ACCESS_KEY)
        self._lock = threading.Lock()

    def answers(self) -> bool:
        """Whether anything listens there."""
        address = urlsplit(self.endpoint)
        try:
            socket.create_connection((address.hostname, address.port), timeout=2).close()
        except OSError:
            return False
        return True

    def client(self, service: str, region: str) -> Any:
        """A client with the local account's root credentials."""
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._make(service, region)
            return self._clients[service, region]

    def _make(self, service: str, region: str, **credentials: str) -> Any:
        return self._session.client(
            service, region_name=region, endpoint_url=self.endpoint, config=_CONFIG, **credentials
        )

    def assume(self, role_arn: str, region: str, account: str, source_arn: str) -> Role:
        """Credentials of an execution role, as SageMaker would obtain them for ``source_arn``.

        Raises:
            RoleError: there is no such role, or it does not trust SageMaker for this account and resource.
        """

        def renew() -> Mapping[str, str]:
            return self._credentials(role_arn, region, account, source_arn)

        def make(service: str, credentials: Mapping[str, str]) -> Any:
            with self._lock:
                return self._make(
                    service,
                    region,
                    aws_access_key_id=credentials["AccessKeyId"],
                    aws_secret_access_key=credentials["SecretAccessKey"],
                    aws_session_token=credentials["SessionToken"],
                )

        return Role(renew, make)

    def _credentials(self, role_arn: str, region: str, account: str, source_arn: str) -> dict[str, Any]:
        credentials: dict[str, Any] | None
        try:
            sts = self.client("sts", region)
            credentials = sts.assume_role(RoleArn=role_arn, RoleSessionName="SageMaker")["Credentials"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise RoleError(str(error)) from error
            credentials = None
        trust = self._trust_policy(role_arn, region)
        if trust is None and credentials is None:
            raise RoleError(f"there is no role {role_arn}")
        # Where AWS is stood in for without IAM, roles need not exist; if one does, it must trust SageMaker.
        if trust is not None and not policies.trusts(trust, SERVICE_PRINCIPAL, role_arn, account, source_arn):
            raise RoleError(f"{role_arn} does not trust {SERVICE_PRINCIPAL}")
        return credentials or self._federate(role_arn, region)

    def _trust_policy(self, role_arn: str, region: str) -> Any | None:
        try:
            role = self.client("iam", region).get_role(RoleName=role_arn.rsplit("/", 1)[-1])["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            return None
        return role["AssumeRolePolicyDocument"]

    def _federate(self, role_arn: str, region: str) -> dict[str, Any]:
        """A session that may just what the role may.

        MiniStack lets its root act as a service, but knows no condition keys of one: a trust policy that asks for
        ``aws:SourceAccount``, as it should, refuses AssumeRole. The condition has been checked here, so the session is
        opened another way, under the role's own policies.
        """
        documents = policies.of_role(self.client("iam", region), role_arn.rsplit("/", 1)[-1]).documents
        statements = [statement for document in documents for statement in policies.statements(document)]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
        if not statements or len(policy) > MAX_SESSION_POLICY:
            raise RoleError(
                f"{role_arn} has no policies, or more than {MAX_SESSION_POLICY} characters of them, and a "
                "condition in its trust policy that the local STS cannot judge"
            )
        sts = self.client("sts", region)
        credentials: dict[str, Any] = sts.get_federation_token(Name="SageMaker", Policy=policy)["Credentials"]
        return credentials


class Role:
    """Clients with an execution role's credentials, for one job or endpoint. Thread-safe.

    An endpoint outlives a session of its role: the credentials are renewed by whoever asks for a client late enough,
    who may then get a RoleError.

    Args:
        renew: gives credentials, or raises RoleError.
        make: a client of a service with credentials.
    """

    def __init__(self, renew: Callable[[], Mapping[str, str]], make: Callable[[str, Mapping[str, str]], Any]) -> None:
        self._renew = renew
        self._make = make
        self._credentials = renew()
        self._since = time.monotonic()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def s3(self) -> Any:
        return self._client("s3")

    @property
    def logs(self) -> Any:
        return self._client("logs")

    @property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    def _client(self, service: str) -> Any:
        with self._lock:
            if time.monotonic() - self._since > SESSION_SECONDS:
                self._credentials, self._since = self._renew(), time.monotonic()
                self._clients.clear()
            if service not in self._clients:
                self._clients[service] = self._make(service, self._credentials)
            return self._clients[service]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
