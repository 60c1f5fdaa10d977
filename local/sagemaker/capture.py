"""Data capture: requests and answers of an endpoint as JSON lines in S3.

Format and keys follow the developer guide's chapter on capturing data from real-time endpoints.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.aws import Role, RoleError, split_uri

FLUSH_SECONDS: Final = 0.5
_INPUT: Final = {"Input", "InputAndOutput"}
_OUTPUT: Final = {"Output", "InputAndOutput"}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, with the headers that capture shows."""

    asked: bytes
    asked_as: str
    answered: bytes
    answered_as: str
    inference_id: str | None = None

    def answered_by(self, body: bytes, content_type: str) -> Exchange:
        """The same request with another's answer."""
        return replace(self, answered=body, answered_as=content_type)


class Capture:
    """Writes what is captured about twice a second. What cannot be written is said once on stderr and dropped.

    Args:
        role: the model's.
        endpoint: its name.
        config: DataCaptureConfig of the endpoint configuration.
    """

    def __init__(self, role: Role, endpoint: str, config: Mapping[str, Any]) -> None:
        self.config = config
        self._role = role
        self._endpoint = endpoint
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        texts = config.get("CaptureContentTypeHeader", {})
        self._encodings = {
            **dict.fromkeys(texts.get("CsvContentTypes", []), "CSV"),
            **dict.fromkeys(texts.get("JsonContentTypes", []), "JSON"),
        }
        self._pending: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._broken = False

    @property
    def enabled(self) -> bool:
        """EnableCapture defaults to enabled (API reference of DataCaptureConfig)."""
        return bool(self.config.get("EnableCapture", True))

    def describe(self) -> dict[str, Any]:
        """DataCaptureConfig in DescribeEndpoint's answer."""
        return {
            "EnableCapture": self.enabled,
            "CaptureStatus": "Started" if self.enabled else "Stopped",
            "CurrentSamplingPercentage": self.config["InitialSamplingPercentage"],
            "DestinationS3Uri": self.config["DestinationS3Uri"],
            "KmsKeyId": self.config.get("KmsKeyId", ""),
        }

    def sampled(self) -> bool:
        """Whether the next request is one of those that are captured."""
        return self.enabled and random.random() * 100 < self.config["InitialSamplingPercentage"]  # noqa: S311

    def note(self, variant: str, exchange: Exchange) -> None:
        """Captures one exchange of a variant; it is written a little later."""
        line = json.dumps(self._event(exchange))
        with self._lock:
            self._pending.setdefault(variant, []).append(line)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Writes what there is now."""
        with self._lock:
            pending, self._pending = self._pending, {}
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for variant, lines in pending.items():
            self._write(variant, lines)

    def _event(self, exchange: Exchange) -> dict[str, Any]:
        data = {}
        if self._modes & _INPUT:
            data["endpointInput"] = self._part("INPUT", exchange.asked, exchange.asked_as)
        if self._modes & _OUTPUT:
            data["endpointOutput"] = self._part("OUTPUT", exchange.answered, exchange.answered_as)
        metadata = {
            "eventId": str(uuid.uuid4()),
            "inferenceTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if exchange.inference_id is not None:
            metadata["inferenceId"] = exchange.inference_id
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def _part(self, mode: str, body: bytes, content_type: str) -> dict[str, str]:
        encoding = self._encodings.get(content_type.partition(";")[0].strip(), "BASE64")
        try:
            data = body.decode() if encoding != "BASE64" else base64.b64encode(body).decode()
        except UnicodeDecodeError:
            encoding, data = "BASE64", base64.b64encode(body).decode()
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}

    def _write(self, variant: str, lines: list[str]) -> None:
        bucket, prefix = split_uri(self.config["DestinationS3Uri"])
        now = datetime.now(UTC)
        folder = "/".join(filter(None, [prefix.strip("/"), self._endpoint, variant, now.strftime("%Y/%m/%d/%H")]))
        key = f"{folder}/{now.strftime('%M-%S-%f')[:-3]}-{uuid.uuid4()}.jsonl"
        kms = self.config.get("KmsKeyId")
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms} if kms else {}
        try:
            self._role.s3.put_object(Bucket=bucket, Key=key, Body=("\n".join(lines) + "\n").encode(), **encrypted)
        except (ClientError, BotoCoreError, RoleError) as error:
            if not self._broken:
                print(f"endpoint {self._endpoint}: cannot write captured data: {error}", file=sys.stderr, flush=True)
            self._broken = True
