"""What the ledger and the world disagree about: objects that no run has claimed, runs whose execution has ended,
and what is due for runs that are closed.

Events get lost, late or doubled, executions are stopped by hand, and a crash records nothing. Each round compares and
sets right; the clients come first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sluice.layout import INCOMING
from sluice.messages import (
    Fault,
    NoticeRequest,
    Outcome,
    RecordRequest,
    RegisterRequest,
    RenderRequest,
    Request,
    Restoration,
    Run,
)
from sluice.names import dataset_of, is_file, reconciled_execution_name, run_id
from sluice.runs.aws.ledger import Claim, Closed, Due, claims_since

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

PATIENCE: Final = timedelta(minutes=15)
"""An event comes within seconds and a claim within one more: what nobody claimed after this time has lost its event."""
WINDOW: Final = timedelta(days=14)
"""As long as the dead-letter queue keeps an event that was not delivered. What is older nobody misses any more."""
GRACE: Final = timedelta(minutes=5)
"""A function that was at work when its execution was stopped goes on to its own end: the longest of those that change
an endpoint or the ledger may take three minutes."""


@dataclass(frozen=True)
class Upload:
    """The current version of an object of the inbox. ``version_id`` is None if the bucket had no versions."""

    bucket: str
    key: str
    version_id: str | None
    etag: str
    size: int
    at: datetime

    @property
    def dataset(self) -> str:
        return dataset_of(self.key)

    @property
    def run_id(self) -> str:
        """The one that the state machine gives: S3's own event, should it still come, is a duplicate then.

        Without a version there is no such name, since a listing has no sequencer: the same content under the same key
        is one run here.
        """
        return run_id(self.bucket, self.key, self.version_id or self.etag)

    @property
    def execution_name(self) -> str:
        return reconciled_execution_name(self.run_id)

    def event(self) -> dict[str, Any]:
        return created_event(
            self.bucket,
            self.key,
            self.version_id,
            self.etag,
            self.size,
            "",
            f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "reconciled",
        )


def created_event(
    bucket: str, key: str, version_id: str | None, etag: str, size: int, sequencer: str, at: str, reason: str
) -> dict[str, Any]:
    """An event in the shape of S3's by EventBridge, as far as the state machine reads it.

    Args:
        sequencer: empty if it is not known.
        at: when the object came: ISO 8601, UTC, whole seconds; empty if that is not known.
        reason: who made the event up, where S3 names the operation.
    """
    known = {"version-id": version_id, "sequencer": sequencer}
    return {
        "version": "0",
        "source": "sluice",
        "detail-type": "Object Created",
        **({"time": at} if at else {}),
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": size,
                "etag": etag,
                **{name: value for name, value in known.items() if value},
            },
            "reason": reason,
        },
    }


def event_of(run: Run, reason: str) -> dict[str, Any]:
    """The event that starts a run again, from what the ledger knows of it."""
    return created_event(
        run.bucket, run.key, run.version_id, run.etag, run.size, run.sequencer, run.uploaded_at, reason
    )


def unclaimed(s3: S3Client, dynamodb: DynamoDBClient, table: str, bucket: str, at: datetime) -> Iterator[Upload]:
    """Files that came more than :data:`PATIENCE` and less than :data:`WINDOW` before ``at``, and that no run knows.

    One query a dataset: a read for each object would be made every five minutes, for ever.
    """
    recent = sorted(uploads(s3, bucket, at - WINDOW, at - PATIENCE), key=lambda upload: upload.dataset)
    for dataset, group in itertools.groupby(recent, key=lambda upload: upload.dataset):
        found = list(group)
        # Clocks of two services need not agree.
        since = min(upload.at for upload in found) - PATIENCE
        yield from without_claim(found, claims_since(dynamodb, table, dataset, f"{since:%Y-%m-%dT%H:%M:%SZ}"))


def uploads(s3: S3Client, bucket: str, after: datetime, before: datetime) -> Iterator[Upload]:
    """The current versions of files below ``incoming/`` that came between two moments.

    An older version that was overwritten is none of them: the newer one wins. A large file counts from when its
    upload began, as S3 has it.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=INCOMING)
    for version in (version for page in pages for version in page.get("Versions", [])):
        if version["IsLatest"] and is_file(version["Key"]) and after < version["LastModified"] < before:
            yield Upload(
                bucket,
                version["Key"],
                None if version["VersionId"] == "null" else version["VersionId"],
                version["ETag"].strip('"'),
                version["Size"],
                version["LastModified"].astimezone(UTC),
            )


def without_claim(found: Iterable[Upload], claims: Iterable[Claim]) -> list[Upload]:
    """The objects that none of the claims is about. A claim without a version is about its key's content."""
    claimed = {(claim.key, claim.version_id or claim.etag) for claim in claims}
    return [
        upload
        for upload in found
        if (upload.key, upload.version_id) not in claimed and (upload.key, upload.etag) not in claimed
    ]


@dataclass(frozen=True)
class EndedExecution:
    """An execution that goes on no more. ``status``: Step Functions' word, or FORGOTTEN."""

    status: str
    error: str = ""
    cause: str = ""

    def fault(self, *, is_live: bool) -> Fault:
        """What became of it, for the record.

        Args:
            is_live: whether the run's model is the champion all the same.
        """
        said = f" ({self.cause})" if self.cause else ""
        known = {
            "ABORTED": ("Aborted", f"somebody stopped it before its outcome was recorded{said}"),
            "TIMED_OUT": ("TimedOut", "it was cut off by its time limit before its outcome was recorded"),
            "FAILED": (self.error or "Failed", self.cause or "no cause was given"),
            "FORGOTTEN": ("NotFound", "Step Functions does not know it any more, and its outcome was not recorded"),
        }
        error, cause = known.get(self.status, (self.status, "it ended without recording its outcome"))
        live = ". The run's model is live, and a redrive completes the record" if is_live else ""
        return Fault(state="The execution", error=error, cause=f"{cause}{live}")


def ended(stepfunctions: SFNClient, arn: str, at: datetime) -> EndedExecution | None:
    """How an execution ended; None while it goes on, and for :data:`GRACE` after its end."""
    try:
        found = stepfunctions.describe_execution(executionArn=arn)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return EndedExecution("FORGOTTEN")
    if found["status"] in ("RUNNING", "PENDING_REDRIVE") or found["stopDate"] > at - GRACE:
        return None
    return EndedExecution(found["status"], found.get("error", ""), found.get("cause", ""))


def closing_request(run: Run, execution: EndedExecution, restoration: Restoration, *, is_live: bool) -> RecordRequest:
    """What records a run that its execution left open. It is never started again by itself: who stopped it meant it."""
    return RecordRequest(
        run=run, outcome=Outcome.ERROR, fault=execution.fault(is_live=is_live), restoration=restoration
    )


def follow_up(what: Due, closed: Closed, *, is_live: bool) -> Request:
    """What the state machine would have asked for after the record of a run.

    Args:
        is_live: whether the run's model is the champion. One that was has been replaced meanwhile: it does not get the
            newest approved version in the registry, nor the model card.
    """
    asked, result = closed.asked, closed.result
    if what is Due.NOTICE:
        return NoticeRequest(run=asked.run, result=result)
    replaced = what is Due.MODEL and asked.outcome is Outcome.DEPLOYED and not is_live
    request = RegisterRequest if what is Due.MODEL else RenderRequest
    return request(
        run=asked.run,
        outcome=Outcome.SUPERSEDED if replaced else asked.outcome,
        result=result,
        validation=asked.validation,
        training=asked.training,
        evaluation=asked.evaluation,
    )
