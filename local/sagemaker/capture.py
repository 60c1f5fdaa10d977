"""Data capture: requests and answers of an endpoint as JSON lines in S3, in the format of the developer guide's chapter
on capturing data from real-time endpoints."""

from __future__ import annotations

import base64
import json
import random
import sys
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.aws import split_uri

FLUSH_SECONDS: Final = 0.5


class Capture:
    """Writes what is captured about twice a second. What cannot be written is said once on stderr and dropped.

    Args:
        s3: client with the model's role.
        endpoint: its name.
        config: DataCaptureConfig of the endpoint configuration.
    """

    def __init__(self, s3: Any, endpoint: str, config: Mapping[str, Any]) -> None:
        self._s3 = s3
        self._endpoint = endpoint
        self._config = config
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        self._csv = config.get("CaptureContentTypeHeader", {}).get("CsvContentTypes", [])
        self._pending: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._broken = False

    def describe(self) -> dict[str, Any]:
        return {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": self._config["InitialSamplingPercentage"],
            "DestinationS3Uri": self._config["DestinationS3Uri"],
            "KmsKeyId": self._config.get("KmsKeyId", ""),
        }

    def sampled(self) -> bool:
        return bool(random.random() * 100 < self._config["InitialSamplingPercentage"])  # noqa: S311

    def note(self, variant: str, asked: tuple[bytes, str], answered: tuple[bytes, str]) -> None:
        """Args: body and content type of the request and of the answer."""
        event = {
            "captureData": {
                **({"endpointInput": self._part("INPUT", *asked)} if "Input" in self._modes else {}),
                **({"endpointOutput": self._part("OUTPUT", *answered)} if "Output" in self._modes else {}),
            },
            "eventMetadata": {
                "eventId": str(uuid.uuid4()),
                "inferenceTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "eventVersion": "0",
        }
        with self._lock:
            self._pending.setdefault(variant, []).append(json.dumps(event))
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self._flush)
                self._timer.daemon = True
                self._timer.start()

    def _part(self, mode: str, body: bytes, content_type: str) -> dict[str, str]:
        text = content_type.partition(";")[0] in self._csv
        return {
            "observedContentType": content_type,
            "mode": mode,
            "data": body.decode() if text else base64.b64encode(body).decode(),
            "encoding": "CSV" if text else "BASE64",
        }

    def _flush(self) -> None:
        with self._lock:
            pending, self._pending, self._timer = self._pending, {}, None
        bucket, prefix = split_uri(self._config["DestinationS3Uri"])
        now = datetime.now(UTC)
        for variant, lines in pending.items():
            folder = "/".join(filter(None, [prefix.strip("/"), self._endpoint, variant, now.strftime("%Y/%m/%d/%H")]))
            key = f"{folder}/{now.strftime('%M-%S-%f')[:-3]}-{uuid.uuid4()}.jsonl"
            try:
                self._s3.put_object(Bucket=bucket, Key=key, Body=("\n".join(lines) + "\n").encode())
            except (ClientError, BotoCoreError) as error:
                if not self._broken:
                    print(
                        f"endpoint {self._endpoint}: cannot write captured data: {error}", file=sys.stderr, flush=True
                    )
                self._broken = True
