"""MiniStack, with the one thing put right that the pipeline's identities rest on: an object's version in its event.

S3 hands MiniStack's own notifications the version of the object, and its event for EventBridge leaves it out; on AWS a
versioned bucket's event has it. Run this file in place of ``python -m ministack``.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

_version: ContextVar[str | None] = ContextVar("version", default=None)


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


if __name__ == "__main__":
    from ministack.app import main

    name_versions_in_events()
    main()
