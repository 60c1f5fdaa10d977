"""Work after the answer, against an extensions API as Lambda has it: an extension is asked for by no request before it
asks for the next event."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest

from sluice.prediction.aws.afterwards import Afterwards

PATIENCE = 10
IDENTIFIER = "0f0e1d2c"


@dataclass
class Api:
    """``asked``: a permit for each time that the extension asked for an event; ``events``: what it gets."""

    address: str
    status: int
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    events: SimpleQueue[bytes] = field(default_factory=SimpleQueue)
    registered: list[tuple[str | None, bytes]] = field(default_factory=list)

    def invoke(self) -> None:
        """Waits until the extension is ready, as Lambda does, and tells it of an invocation."""
        assert self.is_ready()
        self.events.put(b'{"eventType": "INVOKE"}')

    def is_ready(self, seconds: float = PATIENCE) -> bool:
        return self.asked.acquire(timeout=seconds)


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    made = Api("", getattr(request, "param", 200))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.registered.append((self.headers["Lambda-Extension-Name"], body))
            self._answer(b"{}")

        def do_GET(self) -> None:
            assert (self.path, self.headers["Lambda-Extension-Identifier"]) == (
                "/2020-01-01/extension/event/next",
                IDENTIFIER,
            )
            made.asked.release()
            self._answer(made.events.get())

        def _answer(self, body: bytes) -> None:
            self.send_response(made.status)
            self.send_header("Lambda-Extension-Identifier", IDENTIFIER)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        made.address = f"127.0.0.1:{server.server_port}"
        yield made
        server.shutdown()


def afterwards_of(address: str | None, given_up: SimpleQueue[int] | None = None) -> Afterwards:
    """One that does not end the tests' process."""
    return Afterwards.of(address, (given_up or SimpleQueue[int]()).put)


def test_work_is_done_after_the_invocation_and_before_the_next_one(api: Api) -> None:
    afterwards = afterwards_of(api.address)
    assert api.registered == [("sluice-afterwards", b'{"events": ["INVOKE"]}')]
    done: list[int] = []
    for number in range(3):
        api.invoke()
        may_go_on = threading.Event()
        with afterwards.invocation():
            afterwards.do(lambda may_go_on=may_go_on: may_go_on.wait(PATIENCE))  # type: ignore[misc]
            afterwards.do(lambda number=number: done.append(number))  # type: ignore[misc]
        # The handler has answered.
        assert done == list(range(number))
        assert not api.asked.acquire(blocking=False), "another request would come before the work is done"
        may_go_on.set()
    assert api.is_ready()
    assert done == [0, 1, 2]


def test_an_invocation_without_work_or_with_a_fault_ends_as_well(api: Api) -> None:
    afterwards = afterwards_of(api.address)
    api.invoke()
    with afterwards.invocation():
        pass
    api.invoke()
    with pytest.raises(KeyError), afterwards.invocation():
        raise KeyError
    assert api.is_ready()


@pytest.mark.parametrize("api", [403], indirect=True)
def test_if_lambda_refuses_the_extension_work_is_done_at_once(api: Api) -> None:
    check_at_once(afterwards_of(api.address))


@pytest.mark.parametrize("address", [None, "127.0.0.1:1"])
def test_without_the_api_work_is_done_at_once(address: str | None) -> None:
    check_at_once(afterwards_of(address))


def check_at_once(afterwards: Afterwards) -> None:
    done: list[int] = []
    with afterwards.invocation():
        afterwards.do(lambda: done.append(1))
        assert done == [1]


def test_a_process_whose_extension_is_at_an_end_ends(api: Api) -> None:
    given_up: SimpleQueue[int] = SimpleQueue()
    afterwards_of(api.address, given_up)
    api.status = 500
    api.invoke()
    assert given_up.get(timeout=PATIENCE) == 1
