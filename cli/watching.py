"""What the commands on a live model's predictions start from: the days that are asked for, and the model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from cli.connection import Connection
from cli.decisions import LiveModel, live_model
from cli.failure import AnswerIsNoError, CommandError, as_sentence
from cli.stack import Stack
from cli.suggesting import dataset_hint


def days_since(since: str) -> Sequence[date]:
    """The days (UTC) from the first one to today.

    Args:
        since: the first day, or a number of days with today.

    Raises:
        CommandError: it is no day.
    """
    from sluice.monitoring.log_files import days_between, first_day

    today = datetime.now(UTC).date()
    try:
        return days_between(first_day(since, today), today)
    except ValueError as error:
        raise CommandError(as_sentence(str(error))) from error


def the_live_model(connection: Connection, stack: Stack, dataset: str) -> LiveModel:
    """The dataset's live model.

    Raises:
        AnswerIsNoError: nothing is live.
    """
    live = live_model(connection.dynamodb, stack.runs_table, dataset)
    if live is None:
        raise AnswerIsNoError(f"Nothing is live for dataset {dataset}.{dataset_hint(connection, stack, dataset)}")
    return live
