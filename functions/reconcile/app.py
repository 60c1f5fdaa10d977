"""Every five minutes: starts runs for files whose event was lost, closes runs whose execution ended unrecorded, and
finishes those whose notice, page or place in the registry failed.

It does nothing of this itself. The functions of the pipeline are asked to, as the state machine asks them: there is one
place for each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from sluice.aws.step import CLIENT_CONFIG, emit, logger
from sluice.messages import Request, Restoration, RestoreRequest
from sluice.runs.aws.ledger import (
    Due,
    forget_asked,
    keep_restoration,
    mark_done,
    read_champion,
    read_claim,
    read_closed,
    running_runs,
)
from sluice.runs.aws.reconciliation import WINDOW, Upload, closing_request, ended, follow_up, unclaimed
from sluice.runs.statuses import OPEN
from sluice.settings import ReconcileSettings

settings = ReconcileSettings.load()
s3 = boto3.client("s3", config=CLIENT_CONFIG)
dynamodb = boto3.client("dynamodb", config=CLIENT_CONFIG)
stepfunctions = boto3.client("stepfunctions", config=CLIENT_CONFIG)
# The functions that are asked may take two minutes. What they did not do, the next round asks for.
functions = boto3.client("lambda", config=CLIENT_CONFIG.merge(Config(read_timeout=130)))

FUNCTIONS = {
    Due.NOTICE: settings.record_outcome_function,
    Due.MODEL: settings.register_model_function,
    Due.PAGE: settings.render_report_function,
}


class FunctionFailedError(RuntimeError):
    """A function that was asked raised."""


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """A round as of the event's ``time``. Returns: how many runs were started, closed and finished, and how many
    faults kept others from it."""
    logger.append_keys(step="Reconcile", request_id=context.aws_request_id)
    at = datetime.fromisoformat(event["time"])
    done = {"started": 0, "closed": 0, "finished": 0, "faults": 0}

    def each[Item](items: Iterable[Item], kind: str, work: Callable[[Item], str | None]) -> None:
        for item in items:
            try:
                dataset = work(item)
            except Exception:  # noqa: BLE001 - one object's fault must not keep the others
                logger.exception("fault", extra={"what": str(item)})
                done["faults"] += 1
                continue
            if dataset is not None:
                done[kind] += 1
                emit(dataset, {"Reconciled": (1.0, MetricUnit.Count)}, kind=kind)

    running = list(running_runs(dynamodb, settings.runs_table))
    each(running, "closed", lambda run_id: close(run_id, at))
    each(unclaimed(s3, dynamodb, settings.runs_table, settings.inbox_bucket, at), "started", start)
    # Last: what fails in each round must not keep a file from its run.
    each(running, "finished", lambda run_id: finish(run_id, at))
    logger.info("reconciled", extra=done)
    return done


def start(upload: Upload) -> str | None:
    """Starts the run of a file. Returns: its dataset; None if an earlier round did so."""
    try:
        stepfunctions.start_execution(
            stateMachineArn=settings.state_machine_arn,
            name=upload.execution_name,
            input=json.dumps(upload.event(), ensure_ascii=False),
        )
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        return None
    logger.warning(
        "no event of this file came; its run was started",
        extra={"run_id": upload.run_id, "dataset": upload.dataset, "key": upload.key},
    )
    return upload.dataset


def close(run_id: str, at: datetime) -> str | None:
    """Closes a run whose execution has ended. Returns: its dataset; None if it goes on, or its endpoint is on its
    way back to the model before."""
    claim = read_claim(dynamodb, settings.runs_table, run_id)
    if claim is None or claim.status not in OPEN or claim.run is None:
        return None
    execution = ended(stepfunctions, claim.execution_arn, at)
    if execution is None:
        return None
    run = claim.run
    asked = RestoreRequest(run=run, restoration=claim.restoration)
    restoration = Restoration.model_validate(ask(settings.restore_endpoint_function, asked))
    if restoration.verdict == "in_progress":
        keep_restoration(dynamodb, settings.runs_table, claim, restoration)
        return None
    champion = read_champion(dynamodb, settings.runs_table, run.dataset)
    is_live = champion is not None and champion.run_id == run_id
    ask(settings.record_outcome_function, closing_request(run, execution, restoration, is_live=is_live))
    logger.warning(
        "the execution of this run had ended; it was closed",
        extra={"run_id": run_id, "dataset": run.dataset, "execution_status": execution.status},
    )
    return run.dataset


def finish(run_id: str, at: datetime) -> str | None:
    """Has done what is due for a run that is closed. Returns: its dataset; None if nothing was, or its own
    execution may still be at it.

    Raises:
        Exception: some of it failed, and this is the last of it; the rest was done.
    """
    closed = read_closed(dynamodb, settings.runs_table, run_id)
    if closed is None or ended(stepfunctions, closed.asked.run.execution_arn, at) is None:
        return None
    if not closed.due:
        forget_asked(dynamodb, settings.runs_table, closed.asked.run)
        return None
    if datetime.fromisoformat(closed.result.finished_at) < at - WINDOW:
        for what in closed.due:
            mark_done(dynamodb, settings.runs_table, closed.asked.run, what)
        logger.error("given up: something could not be done for this run", extra={"due": sorted(closed.due)})
        return None
    champion = read_champion(dynamodb, settings.runs_table, closed.result.dataset)
    is_live = champion is not None and champion.run_id == run_id
    failed: Exception | None = None
    for what in sorted(closed.due):
        try:
            ask(FUNCTIONS[what], follow_up(what, closed, is_live=is_live))
        except Exception as error:  # noqa: BLE001 - a page that cannot be drawn must not keep the notice
            failed = error
    if failed:
        raise failed
    logger.warning(
        "something was left to do for this run; it was done",
        extra={"run_id": run_id, "dataset": closed.result.dataset, "due": sorted(closed.due)},
    )
    return closed.result.dataset


def ask(function: str, request: Request) -> Any:
    """What a function of the pipeline answers.

    Raises:
        FunctionFailedError: it raised; its own log says why.
    """
    answer = functions.invoke(FunctionName=function, Payload=request.model_dump_json().encode())
    said = answer["Payload"].read()
    if "FunctionError" in answer:
        raise FunctionFailedError(f"{function.rpartition(':')[2]}: {json.loads(said).get('errorType', 'it failed')}")
    return json.loads(said)
