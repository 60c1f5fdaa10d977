"""A function URL of the local AWS, asked as its users do: signed requests over one connection that is kept."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws import ACCESS_KEY, REGION, SECRET_KEY

ROOT = Credentials(ACCESS_KEY, SECRET_KEY)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text or "{}")
        return parsed


class SignedUrl:
    """One function URL.

    Args:
        url: as the stack's output has it; its host begins with the id by which MiniStack serves it.
        endpoint_url: MiniStack's.
        credentials: of who asks.
    """

    def __init__(self, url: str, endpoint_url: str, credentials: Credentials = ROOT) -> None:
        self._credentials = credentials
        where = urlsplit(endpoint_url)
        self._base = f"{endpoint_url}/_aws/lambda-url/{(urlsplit(url).hostname or '').partition('.')[0]}/"
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, path: str, body: str, kind: str = "application/json", *, signed: bool = True, **query: str) -> Reply:
        url = self._base + path + (f"?{urlencode(query)}" if query else "")
        request = AWSRequest("POST", url, headers={"content-type": kind}, data=body.encode())
        if signed:
            SigV4Auth(self._credentials, "lambda", REGION).add_auth(request)
        parts = urlsplit(url)
        self._connection.request("POST", f"{parts.path}?{parts.query}", body.encode(), dict(request.headers.items()))
        answer = self._connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read().decode())
