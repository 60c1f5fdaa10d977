"""A log stream in CloudWatch Logs that is written while a job runs."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

FLUSH_SECONDS: Final = 0.25


class LogStream:
    """Lines put on a stream a few times a second. A log that cannot be written never fails the job: it is said once on
    stderr, and the lines are dropped, as on AWS if a role may not write logs.

    Args:
        client: CloudWatch Logs with the role's credentials.
        group: log group, made if it is missing.
        stream: log stream.
    """

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._group = group
        self._stream = stream
        self._pending: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._created = False
        self._broken = False
        self._thread = threading.Thread(target=self._run, name=f"logs {stream}", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        if not line:
            return
        with self._lock:
            self._pending.append({"timestamp": time.time_ns() // 1_000_000, "message": line})

    def close(self) -> None:
        """Writes what is left."""
        self._closing.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            events, self._pending = self._pending, []
        if not events or self._broken:
            return
        try:
            if not self._created:
                self._create()
            self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
        except (ClientError, BotoCoreError) as error:
            self._broken = True
            print(f"cannot write the log {self._group} {self._stream}: {error}", file=sys.stderr, flush=True)

    def _create(self) -> None:
        for create, arguments in (
            (self._client.create_log_group, {"logGroupName": self._group}),
            (self._client.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                create(**arguments)
            except self._client.exceptions.ResourceAlreadyExistsException:
                continue
        self._created = True
