"""Rolls a dataset back, or retires it, after a person has seen what that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.connection import Connection
from cli.decisions import LiveModel, live_model
from cli.failure import AnswerIsNoError, CommandError, as_sentence, interruptible
from cli.output import Output, moment
from cli.runs import Run, find_run
from cli.stack import Stack
from cli.suggesting import dataset_hint

if TYPE_CHECKING:
    from sluice.endpoint.aws.operations import Clients

Confirm = Callable[[str], bool | None]
"""Asks a question; None if nobody can answer."""


def roll_back(connection: Connection, stack: Stack, dataset: str, confirm: Confirm, output: Output) -> None:
    """Puts the previous model back.

    Raises:
        AnswerIsNoError: there is none, the person says no, or the operation is refused.
    """
    from sluice.endpoint.aws import operations

    live = _live(connection, stack, dataset)
    if not live.history:
        raise AnswerIsNoError(
            f"Run {live.run_id} is the first model of {dataset}: there is no earlier one. To remove the endpoint: "
            f"sluice retire {dataset}"
        )
    output.say(f"live now:   {_described(connection, stack, live.run_id)}, since {moment(live.since)}")
    output.say(f"will be:    {_described(connection, stack, live.history[0])}")
    _ask(confirm, f"Roll {dataset} back?")
    with _refusals(), interruptible(_continued("rollback", dataset)):
        done = operations.roll_back(
            _clients(connection), stack=stack.names, dataset=dataset, by=connection.caller(), say=output.say
        )
    output.document(asdict(done))
    output.print(f"{dataset} is live with the model of run {done.to_run_id} again, in place of {done.from_run_id}.")


def retire(connection: Connection, stack: Stack, dataset: str, confirm: Confirm, output: Output) -> None:
    """Removes the endpoint of a dataset, and what only it used.

    Raises:
        AnswerIsNoError: there is nothing to retire, the person says no, or the operation is refused.
    """
    from sluice.endpoint.aws import operations

    live = live_model(connection.dynamodb, stack.runs_table, dataset)
    if live:
        output.say(f"live now:   {_described(connection, stack, live.run_id)}, since {moment(live.since)}")
    else:
        output.say("live now:   nothing, as far as the ledger knows; what is left of an endpoint is removed")
    output.say("will be:    nothing; predictions are refused. Files in S3 and the model registry stay")
    _ask(confirm, f"Retire {dataset}?")
    with _refusals(), interruptible(_continued("retire", dataset)):
        done = operations.retire(
            _clients(connection), stack=stack.names, dataset=dataset, by=connection.caller(), say=output.say
        )
    output.document(asdict(done))
    output.print(f"{dataset} is retired.", *(f"removed {name}" for name in done.removed))


def _live(connection: Connection, stack: Stack, dataset: str) -> LiveModel:
    live = live_model(connection.dynamodb, stack.runs_table, dataset)
    if live is None:
        hint = dataset_hint(connection, stack, dataset)
        raise AnswerIsNoError(f"Nothing is live for dataset {dataset}; see sluice why {dataset}.{hint}")
    return live


def _described(connection: Connection, stack: Stack, run_id: str) -> str:
    run = find_run(connection.dynamodb, stack.runs_table, run_id)
    return f"run {run_id}{_of(run) if run else ''}"


def _of(run: Run) -> str:
    loss = f", {run.loss} on its own held-out rows" if run.loss else ""
    return f" ({run.key.rpartition('/')[2]} of {moment(run.started_at)}{loss})"


def _ask(confirm: Confirm, question: str) -> None:
    answer = confirm(question)
    if answer is None:
        raise CommandError("There is no terminal to ask on; pass --yes to skip the question.")
    if not answer:
        raise AnswerIsNoError("Nothing was changed.")


def _continued(command: str, dataset: str) -> str:
    return (
        f"Interrupted; the endpoint of {dataset} may have begun to change. To continue: sluice {command} {dataset}, "
        "which first shows what is live."
    )


def _clients(connection: Connection) -> Clients:
    from sluice.endpoint.aws.operations import Clients

    return Clients.of(connection.client)


@contextmanager
def _refusals() -> Iterator[None]:
    from sluice.endpoint.aws.operations import OperationRefusedError

    try:
        yield
    except OperationRefusedError as error:
        raise AnswerIsNoError(as_sentence(str(error))) from error
