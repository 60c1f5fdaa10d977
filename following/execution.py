"""Follows one execution of the state machine through boto3 alone, the same way here and on AWS.

What is known about it comes from the execution's history. Training rounds come from the training job's log stream.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from sluice.aws.errors import is_denied, is_not_found
from sluice.names import TRAINING_LOG_GROUP, run_id, training_log_streams

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef


PHASES: Final = {
    "WaitForSlot": "ClaimRun",
    "WaitForQuota": "StartTraining",
    "WaitForFirstStatus": "CheckTraining",
    "WaitForTraining": "CheckTraining",
    "WaitForRefitQuota": "StartRefit",
    "WaitForFirstRefitStatus": "CheckRefit",
    "WaitForRefit": "CheckRefit",
    "WaitForTurn": "DeployEndpoint",
    "WaitForEndpoint": "CheckEndpoint",
    "WaitForVariant": "VerifyEndpoint",
    "WaitForRestoration": "RestoreEndpoint",
}
"""Wait states by the state that they alternate with: to a person that is one phase. A test holds it to the machine."""

_ENTERED: Final = frozenset({"TaskStateEntered", "WaitStateEntered"})
_EXITED: Final = frozenset({"TaskStateExited", "WaitStateExited"})
# The container's own lines have tabs; AWS's log agent writes them as #011.
_ROUND: Final = re.compile(r"\[(\d+)\](?:\t|#011)(.*)")
_METRIC: Final = re.compile(r"([a-z]+-[\w@.-]+):([-+0-9.einfa]+)")


class Clients(Protocol):
    """The clients that following an execution needs."""

    @property
    def stepfunctions(self) -> SFNClient: ...
    @property
    def logs(self) -> CloudWatchLogsClient: ...


@dataclass(frozen=True)
class Phase:
    """A Task state and the waits that belong to it. ``ended`` is None until it ends."""

    name: str
    started: datetime
    ended: datetime | None
    visits: int

    def seconds(self, now: datetime) -> float:
        return ((self.ended or now) - self.started).total_seconds()


@dataclass(frozen=True)
class Round:
    """A boosting round of the training job; ``metrics`` by XGBoost's names, such as ``validation-logloss``."""

    number: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class Snapshot:
    """What is known of an execution at one moment.

    Attributes:
        status: Step Functions' word: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED.
        payloads: what each function last returned, by state.
        output: the execution's, once it succeeded.
    """

    arn: str
    status: str
    started: datetime
    stopped: datetime | None = None
    phases: tuple[Phase, ...] = ()
    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    output: dict[str, Any] | None = None
    error: str | None = None
    cause: str | None = None


class NotStartedError(Exception):
    """No execution started in time after an upload. The message is for a person."""


def executions(aws: Clients, state_machine_arn: str) -> dict[str, datetime]:
    """Start times of all executions by ARN."""
    pages = aws.stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=state_machine_arn)
    return {found["executionArn"]: found["startDate"] for page in pages for found in page["executions"]}


def await_execution(
    aws: Clients,
    state_machine_arn: str,
    known: Collection[str],
    upload: tuple[str, str, str],
    patience_seconds: float = 60,
) -> str:
    """The ARN of the first execution that an upload started.

    Args:
        known: executions from before the upload; no clocks need to agree.
        upload: bucket, key and ETag (without quotes) of the object.

    Raises:
        NotStartedError: none started in time.
    """
    others = set(known)
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        started = executions(aws, state_machine_arn)
        for arn in sorted(started.keys() - others, key=lambda arn: started[arn]):
            event = json.loads(aws.stepfunctions.describe_execution(executionArn=arn).get("input", "{}"))
            if _uploaded(event) == upload:
                return arn
            others.add(arn)
        time.sleep(0.1)
    bucket, key, _ = upload
    raise NotStartedError(
        f"no execution of {state_machine_arn} started within {patience_seconds:.0f} s after s3://{bucket}/{key} was "
        "written; see the dead-letter queue of the EventBridge rule"
    )


def follow(aws: Clients, arn: str, poll_seconds: float = 0.25) -> Iterator[Snapshot]:
    """Snapshots of an execution until it has ended; the last one is complete."""
    trained: tuple[Round, ...] = ()
    while True:
        # Described first: if it had ended by then, the history read afterwards is all there is.
        described = aws.stepfunctions.describe_execution(executionArn=arn)
        pages = aws.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        payloads = returned(events)
        job_name = payloads.get("StartTraining", {}).get("job_name")
        if job_name and "EvaluateModel" not in payloads:
            trained = tuple(rounds(training_log(aws, job_name)))
        output = described.get("output")
        yield Snapshot(
            arn=arn,
            status=described["status"],
            started=described["startDate"],
            stopped=described.get("stopDate"),
            phases=phases(events),
            payloads=payloads,
            rounds=trained,
            output=json.loads(output) if output else None,
            error=described.get("error"),
            cause=described.get("cause"),
        )
        if described["status"] != "RUNNING":
            return
        time.sleep(poll_seconds)


def phases(events: Iterable[HistoryEventTypeDef]) -> tuple[Phase, ...]:
    """The phases in the order in which they were first entered."""
    found: dict[str, Phase] = {}
    for event in events:
        if event["type"] in _ENTERED:
            name = _phase_name(event["stateEnteredEventDetails"]["name"])
            before = found.get(name)
            started = before.started if before else event["timestamp"]
            found[name] = Phase(name, started, ended=None, visits=before.visits + 1 if before else 1)
        elif event["type"] in _EXITED:
            name = _phase_name(event["stateExitedEventDetails"]["name"])
            current = found[name]
            found[name] = Phase(name, current.started, event["timestamp"], current.visits)
    return tuple(found.values())


def returned(events: Iterable[HistoryEventTypeDef]) -> dict[str, dict[str, Any]]:
    """What each state's function last returned. States that call no function are left out."""
    payloads, state = {}, ""
    for event in events:
        if event["type"] == "TaskStateEntered":
            state = event["stateEnteredEventDetails"]["name"]
        elif event["type"] == "TaskSucceeded":
            result = json.loads(event["taskSucceededEventDetails"].get("output", "null"))
            payload = result.get("Payload") if isinstance(result, dict) else None
            if isinstance(payload, dict):
                payloads[state] = payload
    return payloads


def training_log(aws: Clients, job_name: str) -> list[str]:
    """Lines of the training job's log so far; none if it has none yet, or the caller may not read it."""
    try:
        pages = aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=TRAINING_LOG_GROUP, logStreamNamePrefix=training_log_streams(job_name)
        )
        return [event["message"] for page in pages for event in page["events"]]
    except ClientError as error:
        if is_not_found(error) or is_denied(error):
            return []
        raise


def rounds(lines: Sequence[str]) -> Iterator[Round]:
    """Boosting rounds among the lines of a training log."""
    for line in lines:
        if found := _ROUND.match(line):
            metrics = {name: float(value) for name, value in _METRIC.findall(found[2])}
            yield Round(int(found[1]), metrics)


def now() -> datetime:
    return datetime.now(UTC)


def _phase_name(state: str) -> str:
    return PHASES.get(state, state)


def run_id_of(aws: Clients, arn: str) -> str:
    """The id of the run that an execution began with an upload's event."""
    event = json.loads(aws.stepfunctions.describe_execution(executionArn=arn)["input"])
    found = event["detail"]["object"]
    version = found.get("version-id") or found["etag"] + found.get("sequencer", "")
    return run_id(event["detail"]["bucket"]["name"], found["key"], version)


def _uploaded(event: dict[str, Any]) -> tuple[str, str, str] | None:
    try:
        found = event["detail"]["object"]
        return event["detail"]["bucket"]["name"], found["key"], found["etag"].strip('"')
    except (KeyError, TypeError):
        return None
