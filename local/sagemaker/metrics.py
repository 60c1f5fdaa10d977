"""What endpoints tell CloudWatch: ``AWS/SageMaker`` by endpoint and variant, put about once a second.

Source: developer guide, "Monitor SageMaker AI with CloudWatch", endpoint invocation metrics.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.aws import Aws

NAMESPACE: Final = "AWS/SageMaker"
FLUSH_SECONDS: Final = 1.0
_MAX_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Invocation:
    """One answered request.

    Attributes:
        status: the container's.
        model_seconds: how long the model took.
        overhead_seconds: how long all the rest took.
    """

    endpoint: str
    variant: str
    status: int
    model_seconds: float
    overhead_seconds: float

    def data(self) -> list[dict[str, Any]]:
        """Its MetricData."""
        common = {
            "Dimensions": [
                {"Name": "EndpointName", "Value": self.endpoint},
                {"Name": "VariantName", "Value": self.variant},
            ],
            "Timestamp": datetime.now(UTC),
        }
        values = {
            "Invocations": (1.0, "None"),
            "Invocation4XXErrors": (float(400 <= self.status < 500), "None"),
            "Invocation5XXErrors": (float(self.status >= 500), "None"),
            "ModelLatency": (self.model_seconds * 1e6, "Microseconds"),
            "OverheadLatency": (self.overhead_seconds * 1e6, "Microseconds"),
        }
        return [{"MetricName": name, "Value": value, "Unit": unit, **common} for name, (value, unit) in values.items()]


class EndpointMetrics:
    """Takes a note of each request and puts them later, so that they cost the request nothing. Thread-safe."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._pending: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="endpoint metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def note(self, region: str, invocation: Invocation) -> None:
        data = invocation.data()
        with self._lock:
            self._pending.extend((region, datum) for datum in data)

    def close(self) -> None:
        """Puts what is left."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, []
        for region in {region for region, _ in pending}:
            data = [datum for its, datum in pending if its == region]
            for start in range(0, len(data), _MAX_AT_ONCE):
                self._put(region, data[start : start + _MAX_AT_ONCE])

    def _put(self, region: str, data: list[dict[str, Any]]) -> None:
        try:
            self._aws.client("cloudwatch", region).put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except (ClientError, BotoCoreError) as error:
            if not self._broken:
                print(f"cannot put the metrics of endpoints: {error}", file=sys.stderr, flush=True)
            self._broken = True
