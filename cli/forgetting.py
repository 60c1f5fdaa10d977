"""Removes what the log of predictions knows of one key, and says where else it may be known."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.decisions import live_model
from cli.failure import AnswerIsNoError, CommandError, interruptible
from cli.operating import Confirm

if TYPE_CHECKING:
    from cli.connection import Connection
    from cli.output import Output
    from cli.stack import Stack


def forget(connection: Connection, stack: Stack, dataset: str, key: str, confirm: Confirm, output: Output) -> None:
    """Forgets a key.

    Raises:
        AnswerIsNoError: the person says no, or the dataset has no key to look for.
        CommandError: nobody can be asked, or an object of the log cannot be read or is being changed.
    """
    from sluice.layout import captured_prefix, uri
    from sluice.prediction.aws.forgetting import BusyError, forget, has_captured
    from sluice.prediction.log import LogError

    s3, bucket = connection.s3, stack.artifacts
    column = _key_column(connection, stack, dataset)
    answer = confirm(f"Remove what the log of {dataset} knows of this key? It cannot be brought back.")
    if answer is None:
        raise CommandError("There is no terminal to ask on; pass --yes to skip the question.")
    if not answer:
        raise AnswerIsNoError("Nothing was changed.")
    try:
        with interruptible("Interrupted; a part of the log was done. Call the command again to complete it."):
            done = forget(s3, bucket, dataset, key.strip(), column, output.say)
    except LogError as error:
        raise CommandError(f"{error}. Remove or repair that object, and call the command again.") from error
    except BusyError as error:
        raise CommandError(f"{error} was changed meanwhile. Call the command again to complete it.") from error
    if column is None and not done.lines and not done.old_versions:
        raise AnswerIsNoError(
            f"Nothing was found: no prediction of {dataset} is kept with this key, and its live model has no `key`. "
            "Set one in config.yaml (docs/predict.md)."
        )
    captured = uri(bucket, captured_prefix(dataset)) if has_captured(s3, bucket, dataset) else None
    output.document({"dataset": dataset, **asdict(done), "captured": captured})
    output.print(
        f"{_number(done.lines, 'line')} removed from the log of {dataset}, in {_number(done.objects, 'object')}."
    )
    if captured:
        output.print(f"Captured requests ({captured}) have no keys: what of them is of this one cannot be known.")
    output.print(
        "Not looked at: tables and labels in the inbox, and rows that runs keep of them. A trained model cannot forget "
        "what it learned: to replace it, drop a table without the rows of this key."
    )


def _key_column(connection: Connection, stack: Stack, dataset: str) -> str | None:
    from sluice.dataset.aws.config import read_config

    live = live_model(connection.dynamodb, stack.runs_table, dataset)
    return None if live is None else read_config(connection.s3, stack.artifacts, dataset, live.run_id).key


def _number(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
