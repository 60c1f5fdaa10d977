"""Work that is done after the answer is out, so that nobody waits for it.

Lambda freezes a container as soon as the handler has answered, unless an extension is still at work. A thread of the
function's own process can be one, an internal extension: Lambda sends the answer when the handler returns, and lets the
container run, and sends it no other request, until the extension asks for its next event.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
If there is no such API, as on the local AWS, the work is done before the answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from queue import SimpleQueue
from threading import Thread
from typing import Final

_VERSION: Final = "/2020-01-01/extension"
_NAME: Final = "sluice-afterwards"
_REGISTER_SECONDS: Final = 2

type Work = Callable[[], None]


class Afterwards:
    """Does what it is given after the invocation in which it was given it."""

    def __init__(self, extension: Extension | None, give_up: Callable[[int], object]) -> None:
        self._todo: SimpleQueue[Work | None] | None = None
        if extension is not None:
            self._todo = SimpleQueue()
            Thread(target=_serve, args=(extension, self._todo, give_up), name=_NAME, daemon=True).start()

    @classmethod
    def of(cls, runtime_api: str | None, give_up: Callable[[int], object] = os._exit) -> Afterwards:
        """Registers the extension, which Lambda allows while a function is initialised.

        Args:
            runtime_api: host and port, as ``AWS_LAMBDA_RUNTIME_API`` has them; None if there is none.
            give_up: ends the process, with an exit status. Without its thread, Lambda would wait for it in each
                invocation; so it makes a new container for the next one.
        """
        return cls(Extension.registered(runtime_api) if runtime_api else None, give_up)

    def do(self, work: Work) -> None:
        """Does it afterwards, or now if there is no afterwards."""
        if self._todo is None:
            work()
        else:
            self._todo.put(work)

    @contextmanager
    def invocation(self) -> Iterator[None]:
        """Round the handler's own work: what is to be done begins when it ends."""
        try:
            yield
        finally:
            if self._todo is not None:
                self._todo.put(None)


class Extension:
    """This process as an extension of its own function."""

    def __init__(self, runtime_api: str, identifier: str) -> None:
        self._runtime_api = runtime_api
        self._identifier = identifier

    @classmethod
    def registered(cls, runtime_api: str) -> Extension | None:
        """None if it is not allowed: then there is no afterwards."""
        connection = HTTPConnection(runtime_api, timeout=_REGISTER_SECONDS)
        try:
            connection.request(
                "POST",
                f"{_VERSION}/register",
                json.dumps({"events": ["INVOKE"]}),
                {"Lambda-Extension-Name": _NAME, "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            identifier = answer.getheader("Lambda-Extension-Identifier")
            return cls(runtime_api, identifier) if answer.status == 200 and identifier else None
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def wait(self) -> None:
        """Says that all is done, and waits for the next invocation, however long that takes.

        Raises:
            OSError: the API does not answer as it should.
            HTTPException: likewise.
        """
        connection = HTTPConnection(self._runtime_api)
        try:
            connection.request(
                "GET", f"{_VERSION}/event/next", headers={"Lambda-Extension-Identifier": self._identifier}
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise OSError(f"the extensions API answered {answer.status}")
        finally:
            connection.close()


def _serve(extension: Extension, todo: SimpleQueue[Work | None], give_up: Callable[[int], object]) -> None:
    """Does the work of each invocation after it has ended. Work that raises is a fault of this process."""
    try:
        while True:
            extension.wait()
            while (work := todo.get()) is not None:
                work()
    except Exception as error:  # noqa: BLE001 - without its message, which may hold a value of a row
        print(f"{_NAME}: {type(error).__name__}", file=sys.stderr, flush=True)
    give_up(1)
