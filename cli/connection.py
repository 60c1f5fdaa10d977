"""How to reach AWS, or the local one: credentials, region, addresses, boto3 clients, signed calls of function URLs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cli.failure import CommandError
from cli.laptop import find_laptop, sagemaker_beside

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""Answers of a function URL after which the same call may succeed."""
_TRIES: Final = 3
_ANSWER_SECONDS: Final = 120
"""A serverless endpoint may have to start for its first answer."""


def is_on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


@dataclass(frozen=True)
class Answer:
    """The answer of a function URL. ``body`` is the parsed JSON; the text if it is not JSON."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        found = (self.body.get("message") or self.body.get("Message")) if isinstance(self.body, dict) else self.body
        return str(found or f"the function answered with status {self.status}")


@dataclass(frozen=True)
class Connection:
    """One account and region, or one local AWS.

    Attributes:
        endpoint_url: where all services but SageMaker are, if that is not AWS itself.
        urls: addresses of single services by boto3's name without its hyphens.
        is_told: whether boto3 finds the endpoint in the environment itself, with the exceptions that may stand there.
    """

    session: boto3.Session
    endpoint_url: str | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    is_told: bool = True

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: then no proxy leads there, and looking often costs nothing."""
        return self.endpoint_url is not None and is_on_this_machine(self.endpoint_url)

    @property
    def poll_seconds(self) -> float:
        # GetExecutionHistory and FilterLogEvents allow some five calls a second for the whole account.
        return 0.25 if self.is_local else 2.0

    def client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": 5, "mode": "standard"},
            connect_timeout=5,
            read_timeout=120,
            proxies={} if self.is_local else None,
        )
        address = self.urls.get(service.replace("-", ""), None if self.is_told else self.endpoint_url)
        return self.session.client(service, config=config, **({"endpoint_url": address} if address else {}))  # type: ignore[call-overload]

    @cached_property
    def s3(self) -> S3Client:
        return self.client("s3")  # type: ignore[no-any-return]

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self.client("dynamodb")  # type: ignore[no-any-return]

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self.client("cloudformation")  # type: ignore[no-any-return]

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return self.client("stepfunctions")  # type: ignore[no-any-return]

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self.client("logs")  # type: ignore[no-any-return]

    def caller(self) -> str:
        """Who makes the calls, without the account: ``user/alice``."""
        from sluice.runs.approval import caller_name

        return caller_name(self.client("sts").get_caller_identity()["Arn"])

    def post(self, url: str, body: bytes, content_type: str = "application/json") -> Answer:
        """POSTs to a function URL, signed. Retries passing faults: the functions can be called repeatedly.

        Raises:
            CommandError: the credentials may not call it, or it still fails after some tries.
        """
        for attempt in range(1, _TRIES + 1):
            answer = self._post(self.address(url), body, content_type)
            if answer.status not in _PASSING or attempt == _TRIES:
                break
            time.sleep(2.0 ** (attempt - 1))
        if answer.status == 403:
            raise CommandError(
                "Access denied: your credentials may not call the function URL (lambda:InvokeFunctionUrl and "
                f"lambda:InvokeFunction). Ask for that permission, or use another --profile. ({answer.message})"
            )
        if answer.status in _PASSING:
            raise CommandError(f"The function failed ({answer.status}): {answer.message}. See its log.")
        return answer

    def address(self, url: str) -> str:
        """Where a function URL is; MiniStack serves it below its own address, by the first label of the host."""
        if self.endpoint_url is None:
            return url
        parts = urlsplit(url)
        url_id = (parts.hostname or "").partition(".")[0]
        query = f"?{parts.query}" if parts.query else ""
        return f"{self.endpoint_url.rstrip('/')}/_aws/lambda-url/{url_id}{parts.path or '/'}{query}"

    def _post(self, url: str, body: bytes, content_type: str) -> Answer:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import NoCredentialsError, NoRegionError
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        if self.session.region_name is None:
            raise NoRegionError
        request = AWSRequest("POST", url, headers={"content-type": content_type}, data=body)
        SigV4Auth(credentials.get_frozen_credentials(), "lambda", self.session.region_name).add_auth(request)
        proxies = {} if self.is_local else get_environ_proxies(url)
        authorities: Any = os.environ.get("AWS_CA_BUNDLE") or True
        http = URLLib3Session(verify=authorities, proxies=proxies, timeout=_ANSWER_SECONDS)
        response = http.send(request.prepare())
        text = response.content.decode(errors="replace")
        try:
            return Answer(response.status_code, json.loads(text))
        except ValueError:
            return Answer(response.status_code, text)


def connect(
    profile: str | None = None,
    region: str | None = None,
    local: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Connection:
    """Decides which AWS to use; makes no call yet.

    Args:
        local: the local AWS of this checkout's state folder, whatever the environment says.

    Raises:
        CommandError: the local AWS is meant and is down.
        botocore.exceptions.ProfileNotFound: there is no such profile.
    """
    import boto3

    if local:
        here = find_laptop(environ)
        return Connection(here.session, here.endpoint_url, here.urls, is_told=False)
    session = boto3.Session(profile_name=profile, region_name=region)
    endpoint_url = environ.get("AWS_ENDPOINT_URL")
    if not endpoint_url:
        return Connection(session)
    connection = Connection(session, endpoint_url)
    if not connection.is_local or environ.get("AWS_ENDPOINT_URL_SAGEMAKER"):
        return connection
    # MiniStack has no SageMaker: if this is the local AWS of the state folder, the state knows where it is.
    return Connection(session, endpoint_url, sagemaker_beside(endpoint_url, environ))
