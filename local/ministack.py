"""MiniStack, with four things put right that the pipeline and those who follow it rest on.

Run this file in place of ``python -m ministack``.

An object's version in its event: S3 hands MiniStack's own notifications the version, and its event for EventBridge
leaves it out; on AWS a versioned bucket's event has it.

A function that dies where Step Functions waits for its task token: MiniStack waits on for an answer that nobody was
asked for; on AWS the step fails, and is retried as any other.

Events of log streams by the prefix of their names: FilterLogEvents takes the prefix and answers with the events of all
streams of the group, so that two runs that are followed at once both show the training rounds of either.

What is kept: MiniStack writes objects at once and all the rest when it is told to end. Here the rest is written every
minute, too, so that a laptop that loses its power loses a minute and not all runs.
"""

from __future__ import annotations

import json
import os
import threading
from contextvars import ContextVar
from typing import Any

from ministack.services import cloudwatch_logs, eventbridge, s3, stepfunctions

_version: ContextVar[str | None] = ContextVar("version", default=None)
_token: ContextVar[str | None] = ContextVar("token", default=None)


def name_versions_in_events() -> None:
    """Puts ``version-id`` into what EventBridge is told of an object that has a version."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_knowing_the_version(*arguments: Any, version_id: str | None = None, **named: Any) -> None:
        before = _version.set(version_id)
        try:
            fire(*arguments, version_id=version_id, **named)
        finally:
            _version.reset(before)

    def dispatch_with_the_version(event: dict[str, Any], *rest: Any) -> None:
        version = _version.get()
        if version and event["Source"] == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        dispatch(event, *rest)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_knowing_the_version, dispatch_with_the_version


def notice_functions_that_die_before_they_ask() -> None:
    """Fails a step that waits for its task token when the function that was given the token fails."""
    wait, call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda

    def wait_knowing_the_token(resource: str, given: Any, token: str, state: dict[str, Any]) -> Any:
        before = _token.set(token)
        try:
            return wait(resource, given, token, state)
        finally:
            _token.reset(before)

    def call_and_tell(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as error:
            # As SendTaskFailure does: who waits for the token hears of it.
            waiting = stepfunctions._task_tokens.get(_token.get())
            # An answer that was given before counts.
            if waiting and not waiting["event"].is_set():
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    stepfunctions._invoke_with_callback, stepfunctions._call_lambda = wait_knowing_the_token, call_and_tell


def filter_log_events_by_the_prefix_of_their_stream() -> None:
    """Answers FilterLogEvents with events of those streams whose names begin as it asks, and of no others."""
    find = cloudwatch_logs._filter_log_events

    def find_by_prefix(asked: dict[str, Any]) -> Any:
        prefix = asked.get("logStreamNamePrefix")
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(asked)) if prefix else None
        if group is None:
            return find(asked)
        named = [name for name in group["streams"] if name.startswith(prefix)]
        # An empty list would mean all streams; that of the empty name is none.
        return find({**asked, "logStreamNames": named or [""]})

    cloudwatch_logs._filter_log_events = find_by_prefix


def keep_while_it_runs(seconds: float) -> None:
    """Saves the state in such intervals, if there was a request."""
    asked, answer = threading.Event(), app.app

    async def answer_and_note(scope: Any, receive: Any, send: Any) -> None:
        try:
            await answer(scope, receive, send)
        finally:
            # Not before: what is saved while the request is at work may lack what it changes.
            if scope["type"] == "http" and not scope["path"].startswith("/_ministack/"):
                asked.set()

    def keep() -> None:
        waiting = threading.Event()
        while not waiting.wait(seconds):
            if asked.is_set():
                asked.clear()
                persistence.save_all(app._build_persistence_save_dict())

    app.app = answer_and_note
    threading.Thread(target=keep, name="keep", daemon=True).start()


if __name__ == "__main__":
    from hypercorn.config import Config
    from ministack import app
    from ministack.core import persistence

    name_versions_in_events()
    notice_functions_that_die_before_they_ask()
    filter_log_events_by_the_prefix_of_their_stream()
    if persistence.PERSIST_STATE:
        keep_while_it_runs(float(os.environ.get("KEEP_SECONDS", "60")))
    # What is asked when it is told to end is nobody's to wait for: those who ask keep their connections open.
    Config.graceful_timeout = 0.2
    app.main()
