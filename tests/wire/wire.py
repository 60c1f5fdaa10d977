"""The wire between the functions and the AWS that they call: it notes each call, and does to one what a test says.

Functions are told its address instead of the local AWS's. It passes each request on as it came, so that signatures hold
and IAM is enforced behind it as ever.
"""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import psutil

from tests.wire.calls import Call, denied, read_call, throttled

_HOST: Final = "127.0.0.1"
_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Fault(StrEnum):
    """What happens to a call."""

    REFUSED = "refused"
    """It fails before it is made: access is denied."""
    ANSWER_LOST = "answer lost"
    """It takes effect, and the answer is an error."""
    THROTTLED = "throttled"
    """The service says that it is asked too often."""
    NO_ANSWER = "no answer"
    """It takes effect, and the connection ends silently: what a client sees at a time-out, only sooner."""
    KILLED = "killed"
    """It takes effect, and the function's process is killed before it hears of it."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


Judge = Callable[[Call], Fault | None]
"""Told of each call before it is made; gives what is to become of it, None for nothing."""
Witness = Callable[[Call, int | None], None]
"""Told of each call and of the status that it was answered with; None: it was not made."""


class Wire:
    """Two addresses, for MiniStack and for the local SageMaker, until ``close``. Thread-safe.

    Attributes:
        judge: decides on faults.
        witness: hears of each call afterwards.
    """

    def __init__(self) -> None:
        self.judge: Judge = lambda _call: None
        self.witness: Witness = lambda _call, _status: None
        self._servers = [_Server(self), _Server(self)]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def urls(self) -> tuple[str, str]:
        """What functions are told: of AWS, and of SageMaker."""
        aws, sagemaker = (f"http://{_HOST}:{server.server_address[1]}" for server in self._servers)
        return aws, sagemaker

    def connect(self, aws_url: str, sagemaker_url: str) -> None:
        """Says where requests go to."""
        for server, url in zip(self._servers, (aws_url, sagemaker_url), strict=True):
            server.upstream = urllib.parse.urlsplit(url).netloc

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """Connections that wait to be taken: 200 runs at once call at once."""

    def __init__(self, wire: Wire) -> None:
        super().__init__((_HOST, 0), _Handler)
        self.wire = wire
        self.upstream = ""

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A function that was killed leaves its connection; that is what was asked for.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        # All methods are treated alike, whatever they are called.
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self._relay(self._body())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base class's)
        """Requests are told to the witness, not to standard error."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _relay(self, body: bytes) -> None:
        wire = self.server.wire
        call = read_call(self.command, self.path, {name.lower(): text for name, text in self.headers.items()}, body)
        fault = wire.judge(call)
        made = fault not in (Fault.REFUSED, Fault.THROTTLED)
        answer = self._forward(body) if made else Answer(*denied(call))
        wire.witness(call, answer.status if made else None)
        if fault is Fault.THROTTLED:
            answer = Answer(*throttled(call))
        if fault is Fault.ANSWER_LOST:
            answer = Answer(500, [], b"")
        if fault is Fault.KILLED:
            os.kill(self._caller(), signal.SIGKILL)
        if fault in (Fault.NO_ANSWER, Fault.KILLED):
            self.close_connection = True
            return
        self._send(answer)

    def _forward(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=120)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, text in self.headers.items():
                if name.lower() not in _HOP_BY_HOP and name.lower() != "expect":
                    connection.putheader(name, text)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        declared = str(len(answer.body))
        for name, text in answer.headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                declared = text
            elif name.lower() not in _HOP_BY_HOP:
                self.send_header(name, text)
        self.send_header("Content-Length", declared)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _caller(self) -> int:
        """The process at the other end of the connection."""
        here, there = self.connection.getsockname()[:2], self.connection.getpeername()[:2]
        for found in psutil.net_connections("tcp4"):
            if found.laddr == there and found.raddr == here and found.pid:
                return found.pid
        raise RuntimeError("the process that called was not found")
