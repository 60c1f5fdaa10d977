"""Faults on request: what a test wants SageMaker to do wrong, and the small client that asks for it.

``POST /_faults`` takes a JSON list of faults, ``DELETE /_faults`` forgets them, ``GET /_faults`` lists what is left::

    {"operation": "CreateTrainingJob", "error": "ThrottlingException", "message": "Rate exceeded", "status": 400,
     "times": 1, "after_effect": false, "delay": 0}
    {"training_job": "sluice-churn-*", "outcome": "Failed" | "Stopped" | "CapacityError", "reason": "..."}
    {"endpoint": "sluice-*", "outcome": "RollBack" | "Failed" | "HealthCheck", "reason": "...", "stage": "creating"}
    {"endpoint": "sluice-*", "outcome": "WrongScores"}
    {"invisible": "sluice-churn-*", "times": 2}

An update fails at a ``stage``: ``creating`` (the usual), ``shifting`` (after the first share of the requests has moved)
or ``baking`` (after all have). ``HealthCheck`` fails a new endpoint and rolls an update back, in AWS's words for a
container that does not come up. ``WrongScores`` is healthy and answers other scores than its model gives, as long as
that fleet lives: the next one that is brought up.

``invisible`` names models and endpoint configurations that the next ``times`` look-ups do not find, as just after they
were made: SageMaker's reads are eventually consistent.

``times`` counts down with each use (null: for ever). With ``after_effect`` the operation is carried out and its answer
lost, as when a connection breaks. ``delay`` seconds pass before the answer, which is a good one if there is no
``error``.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

_KINDS: Final = {
    "operation": {"error", "message", "status", "times", "after_effect", "delay"},
    "training_job": {"outcome", "reason", "times"},
    "endpoint": {"outcome", "reason", "times", "stage"},
    "invisible": {"times"},
}
_OUTCOMES: Final = {
    "training_job": {"Failed", "Stopped", "CapacityError"},
    "endpoint": {"RollBack", "Failed", "HealthCheck", "WrongScores"},
}
_STAGES: Final = {"creating", "shifting", "baking"}


class FaultBoard:
    """The faults that are still to happen. Thread-safe."""

    def __init__(self) -> None:
        self._faults: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def add(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """
        Raises:
            ValueError: a fault that no code would ever look at.
        """
        checked = [_checked(fault) for fault in faults]
        with self._lock:
            self._faults.extend(checked)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(fault) for fault in self._faults]

    def take(self, kind: str, name: str, outcome: str | None = None) -> dict[str, Any] | None:
        """The next fault for this operation, training job or endpoint, used up by one; None if there is none."""
        with self._lock:
            for fault in self._faults:
                if fnmatchcase(name, fault.get(kind, "")) and outcome in (None, fault.get("outcome")):
                    if fault["times"] is not None:
                        fault["times"] -= 1
                        if fault["times"] < 1:
                            self._faults.remove(fault)
                    return dict(fault)
        return None


def _checked(fault: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in _KINDS if kind in fault]
    if len(kinds) != 1:
        raise ValueError(f"a fault names one of {', '.join(_KINDS)}: {dict(fault)}")
    kind = kinds[0]
    unknown = set(fault) - _KINDS[kind] - {kind}
    if unknown:
        raise ValueError(f"unknown members {sorted(unknown)} in {dict(fault)}")
    if kind in _OUTCOMES and fault.get("outcome") not in _OUTCOMES[kind]:
        raise ValueError(f"outcome must be one of {sorted(_OUTCOMES[kind])}: {dict(fault)}")
    if fault.get("stage", "creating") not in _STAGES:
        raise ValueError(f"stage must be one of {sorted(_STAGES)}: {dict(fault)}")
    if kind == "operation" and not {"error", "delay"} & set(fault):
        raise ValueError(f"a fault of an operation names its error, or a delay: {dict(fault)}")
    return {"times": 1, **fault}


class Faults:
    """Client of the control path, for tests in other processes.

    Args:
        url: address of the local SageMaker.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/_faults"
        # This machine needs no proxy to reach itself, whatever its environment says of others.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def operation(
        self,
        name: str,
        error: str = "ThrottlingException",
        *,
        message: str = "Rate exceeded",
        status: int = 400,
        times: int | None = 1,
        after_effect: bool = False,
        delay: float = 0,
    ) -> None:
        """The next ``times`` calls of an operation fail, after ``delay`` seconds. ``name`` may hold wildcards."""
        self.add(
            {
                "operation": name,
                "error": error,
                "message": message,
                "status": status,
                "times": times,
                "after_effect": after_effect,
                "delay": delay,
            }
        )

    def training_job(self, name: str, outcome: str, reason: str = "", times: int | None = 1) -> None:
        self.add({"training_job": name, "outcome": outcome, "reason": reason, "times": times})

    def endpoint(
        self, name: str, outcome: str, reason: str = "", times: int | None = 1, stage: str = "creating"
    ) -> None:
        self.add({"endpoint": name, "outcome": outcome, "reason": reason, "times": times, "stage": stage})

    def invisible(self, name: str, times: int | None = 1) -> None:
        """The next ``times`` look-ups of a model or an endpoint configuration do not find it."""
        self.add({"invisible": name, "times": times})

    def add(self, *faults: Mapping[str, Any]) -> None:
        self._request("POST", list(faults))

    def pending(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._request("GET"))
        return found

    def clear(self) -> None:
        self._request("DELETE")

    def _request(self, method: str, body: Any = None) -> bytes:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self._url, data=data, method=method)  # noqa: S310
        with self._opener.open(request, timeout=10) as response:
            content: bytes = response.read()
            return content
