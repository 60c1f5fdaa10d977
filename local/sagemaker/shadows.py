"""Copies of requests for shadow variants, asked beside the requests themselves."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from local.sagemaker.capture import Exchange
from local.sagemaker.fleets import Fleet, Variant

MAX_WAITING: Final = 1000


class Shadows:
    """Asks shadows in a thread of its own: nobody waits for an answer, and data capture alone keeps it. Thread-safe.

    Where requests come faster than a shadow answers, copies are left out: those who ask must not wait. Shadows have no
    metrics here: the alarms of MiniStack count all variants alike, and a shadow's faults shall roll nothing back.
    """

    def __init__(self) -> None:
        self._room = threading.Semaphore(MAX_WAITING)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="shadow")

    def ask(self, shadow: Variant, fleet: Fleet, asked: Exchange, accept: str | None, *, captured: bool) -> None:
        """
        Args:
            asked: the request, with the answer that the caller got.
            captured: whether data capture keeps it.
        """
        if not self._room.acquire(blocking=False):
            return

        def work() -> None:
            try:
                answer = shadow.server.invoke(asked.asked, asked.asked_as or None, accept)
                if captured and fleet.capture and answer.status < 400:
                    fleet.capture.note(shadow.name, asked.answered_by(answer.body, answer.content_type))
            finally:
                self._room.release()

        try:
            self._executor.submit(work)
        except RuntimeError:  # the server ends
            self._room.release()

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)
