"""Restarts what a fault stopped: what waits in the dead-letter queues, or one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli.connection import Connection
from cli.execution import follow_to_the_end
from cli.failure import NO, AnswerIsNoError
from cli.output import Output
from cli.runs import DEPLOYED, ERROR, Run, runs_of, the_run
from cli.stack import Stack
from cli.suggesting import dataset_hint
from sluice.names import dataset_name, is_run_id

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MESSAGES: Final = 10
"""Messages that one call receives: SQS allows ten."""
_HIDDEN_SECONDS: Final = 3600
"""How long SQS hides them from others: it allows twelve hours."""
_WAIT_SECONDS: Final = 1
"""With a wait, SQS asks all of its servers, so that an empty answer means an empty queue."""

type Message = Mapping[str, Any]


class UnusableMessageError(Exception):
    """A message that starts nothing. The text says why."""


@dataclass(frozen=True)
class Left:
    """A message that stays in its queue."""

    queue: str
    message_id: str
    why: str


@dataclass
class Redriven:
    """What a call restarted from the queues: keys of files, names of functions, and the messages that stay."""

    uploads: list[str] = field(default_factory=list)
    rounds: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def redrive_queues(connection: Connection, stack: Stack, output: Output) -> int:
    """Restarts what waits in the dead-letter queues. Deletes a message only after what it asks for has started.

    Returns: exit status, 1 if messages stay in a queue.
    """
    done = Redriven()
    uploads, rounds = stack.dead_letters("Upload"), stack.dead_letters("Round")
    sqs = connection.client("sqs")
    _empty(sqs, uploads, lambda message: _start(connection, stack, message), done.uploads, done.left)
    _empty(sqs, rounds, lambda message: _invoke(connection, message), done.rounds, done.left)
    output.document(asdict(done))
    if not (done.uploads or done.rounds or done.left):
        output.print("No event waits in the dead-letter queues.")
    for key in done.uploads:
        output.print(f"started    {key}")
    for function in done.rounds:
        output.print(f"called     {function}")
    if done.uploads:
        events = "1 event" if len(done.uploads) == 1 else f"{len(done.uploads):,} events"
        output.print(f"The pipeline received {events}. `sluice runs` shows their runs.")
    for left in done.left:
        output.say(f"{left.queue}: message {left.message_id} stays in the queue: {left.why}")
    return NO if done.left else 0


def _empty(sqs: SQSClient, url: str, begin: Callable[[Message], str], begun: list[str], left: list[Left]) -> None:
    """Starts what each message asks for. The next call can receive the messages that stay immediately."""
    held: dict[str, str] = {}
    try:
        while batch := _receive(sqs, url):
            held |= {message["MessageId"]: message["ReceiptHandle"] for message in batch}
            for message in batch:
                try:
                    begun.append(begin(message))
                except UnusableMessageError as error:
                    left.append(Left(url.rpartition("/")[2], message["MessageId"], str(error)))
                    continue
                sqs.delete_message(QueueUrl=url, ReceiptHandle=held.pop(message["MessageId"]))
    finally:
        for handle in held.values():
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


def _receive(sqs: SQSClient, url: str) -> Sequence[Message]:
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_MESSAGES,
        VisibilityTimeout=_HIDDEN_SECONDS,
        WaitTimeSeconds=_WAIT_SECONDS,
        MessageAttributeNames=["All"],
    ).get("Messages", [])


def _start(connection: Connection, stack: Stack, message: Message) -> str:
    """Gives an upload's event to the pipeline. An event that the pipeline has received before ends as a duplicate."""
    key = _uploaded(message["Body"], stack.inbox)
    connection.stepfunctions.start_execution(stateMachineArn=stack.state_machine, input=message["Body"])
    return key


def _uploaded(body: str, inbox: str) -> str:
    try:
        detail = json.loads(body)["detail"]
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    except (ValueError, TypeError, KeyError):
        bucket, key = None, None
    if bucket != inbox or not isinstance(key, str):
        raise UnusableMessageError(f"it is not the event of an upload to {inbox}")
    return key


def _invoke(connection: Connection, message: Message) -> str:
    """Calls a function as its schedule does, and does not wait: if the call fails again, it returns to the queue."""
    function, payload = _called(message)
    connection.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=payload.encode())
    return function.rpartition(":")[2]


def _called(message: Message) -> tuple[str, str]:
    """The function's ARN and its event. EventBridge sends the event and names the target in an attribute; Lambda's
    record holds both."""
    attributes = message.get("MessageAttributes", {})
    if "TARGET_ARN" in attributes:
        return attributes["TARGET_ARN"]["StringValue"], message["Body"]
    try:
        record = json.loads(message["Body"])
        arn, event = record["requestContext"]["functionArn"], record["requestPayload"]
    except (ValueError, TypeError, KeyError) as error:
        raise UnusableMessageError("it names no function that was called") from error
    return str(arn).removesuffix(":$LATEST"), json.dumps(event)


def redrive_run(connection: Connection, stack: Stack, named: str, follow: bool, output: Output) -> int:
    """Restarts a run that a fault stopped: the run with an id, or the newest such run of a dataset.

    Returns: exit status; with ``follow`` 0 if the model was deployed, otherwise 1.

    Raises:
        AnswerIsNoError: the run is still running, ended without a fault, or its event is no longer known.
    """
    run = _named(connection, stack, named)
    if run.goes_on:
        how, arn = "continues", _redriven(connection, run)
    elif run.status == ERROR:
        how, arn = "restarts", _started(connection, stack, run)
    else:
        raise AnswerIsNoError(_ended(run))
    if not follow:
        execution = arn.rpartition(":")[2]
        output.document({"run_id": run.run_id, "dataset": run.dataset, "file": run.key, "execution": execution})
        output.print(f"run {run.run_id} of dataset {run.dataset} {how}; to see its progress: sluice show {run.run_id}")
        return 0
    return follow_to_the_end(connection, arn, run, output)


def _named(connection: Connection, stack: Stack, named: str) -> Run:
    if is_run_id(named):
        return the_run(connection, stack, named)
    dataset = dataset_name(named)
    found = (run for run in runs_of(connection.dynamodb, stack.runs_table, dataset) if run.status == ERROR)
    if run := next(found, None):
        return run
    hint = dataset_hint(connection, stack, dataset)
    raise AnswerIsNoError(f"No fault stopped a run of dataset {dataset}; sluice runs {dataset} shows all.{hint}")


def _ended(run: Run) -> str:
    if run.status == DEPLOYED:
        return f"Run {run.run_id} ended without a fault: its model was deployed. There is nothing to restart."
    return (
        f"No fault stopped run {run.run_id}: it ended as {run.status.replace('_', ' ')}, and would end so again. "
        f"sluice show {run.run_id} says what to change. Then drop the file: sluice drop FILE --dataset {run.dataset}"
    )


def _redriven(connection: Connection, run: Run) -> str:
    """Has Step Functions continue an execution that was stopped or timed out, at the state where it stopped.

    This works only before the run is closed: afterwards its endpoint is restored, and another run may have the turn. An
    execution that ended in a Fail state would end in that state again.
    """
    stepfunctions = connection.stepfunctions
    try:
        found = stepfunctions.describe_execution(executionArn=run.execution_arn)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        raise AnswerIsNoError(_not_closed(run, "no longer exists")) from None
    if found["status"] in ("RUNNING", "PENDING_REDRIVE"):
        raise AnswerIsNoError(f"Run {run.run_id} is still running; to see its progress: sluice show {run.run_id}")
    unfinished = found["status"] in ("ABORTED", "TIMED_OUT")
    if not unfinished or found.get("redriveStatus") != "REDRIVABLE":
        raise AnswerIsNoError(_not_closed(run, f"ended as {found['status']}"))
    stepfunctions.redrive_execution(executionArn=run.execution_arn)
    return run.execution_arn


def _not_closed(run: Run, what: str) -> str:
    return (
        f"The execution of run {run.run_id} {what}, and the run is not closed yet. The stack closes it within ten "
        "minutes (longer if the endpoint has to be restored first). Try again then."
    )


def _started(connection: Connection, stack: Stack, run: Run) -> str:
    """Starts a new execution with the event that started the run. Its steps find what the earlier ones made."""
    event = _event(connection, stack, run)
    started = connection.stepfunctions.start_execution(stateMachineArn=stack.state_machine, input=event)
    return started["executionArn"]


def _event(connection: Connection, stack: Stack, run: Run) -> str:
    from sluice.runs.aws.ledger import read_claim
    from sluice.runs.aws.reconciliation import event_of

    stepfunctions = connection.stepfunctions
    try:
        return stepfunctions.describe_execution(executionArn=run.execution_arn)["input"]
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        claim = read_claim(connection.dynamodb, stack.runs_table, run.run_id)
    if claim and claim.run:
        return json.dumps(event_of(claim.run, "redriven"), ensure_ascii=False)
    raise AnswerIsNoError(
        f"The event that started run {run.run_id} is no longer known; drop its file again: sluice drop FILE "
        f"--dataset {run.dataset}"
    )
