from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import URLS, Function, World

RUN = "0123456789ab"
type Stand = Callable[[Function], None]


def decided(body: dict[str, Any]) -> tuple[int, Any]:
    return 200, {
        "run_id": body["run_id"],
        "decision": body["decision"],
        "decided_by": "user/alice",
        "decided_at": "2026-11-25T09:00:00+00:00",
    }


@pytest.mark.parametrize(("command", "decision"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_is_posted_signed_and_told(world: World, answer: Stand, command: str, decision: str) -> None:
    answer(decided)
    called = world.call(command, RUN, "--comment", "looks good")
    assert called.exit_code == 0
    assert f"Run {RUN} was {decision} by user/alice, 2026-11-25 09:00 UTC" in called.stdout
    ((url, body, headers),) = world.posted
    assert url == URLS["ApprovalUrl"]
    assert body == {"run_id": RUN, "decision": decision, "comment": "looks good"}
    assert "/us-east-1/lambda/aws4_request" in headers["authorization"]
    assert world.document(command, RUN)["decided_by"] == "user/alice"


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (404, "run does not wait", f"Run {RUN} does not wait for approval"),
        (
            409,
            f"run {RUN} was rejected by user/bob already",
            f"Run {RUN} was rejected by user/bob already; that decision stands.",
        ),
        (410, "over", "drop its file again"),
    ],
)
def test_a_no_is_a_sentence_with_status_1(world: World, answer: Stand, status: int, message: str, words: str) -> None:
    answer(lambda _: (status, {"message": message}))
    called = world.call("approve", RUN)
    assert (called.exit_code, called.stdout) == (1, "")
    assert words in called.stderr


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"Message": "Forbidden"}, "lambda:InvokeFunctionUrl"),
        (400, {"message": "expected JSON"}, "expected JSON"),
        (502, "<html>", "See its log"),
    ],
)
def test_what_the_function_cannot_take_is_a_sentence_with_status_2(
    world: World, answer: Stand, status: int, body: Any, words: str
) -> None:
    answer(lambda _: (status, body))
    called = world.call("reject", RUN)
    assert (called.exit_code, called.stdout) == (2, "")
    assert words in called.stderr


def test_a_passing_fault_is_tried_again(world: World, answer: Stand) -> None:
    answer(lambda body: decided(body) if len(world.posted) == 3 else (503, {"message": "busy"}))
    assert world.call("approve", RUN).exit_code == 0


def test_a_wrong_id_or_too_long_a_comment_is_not_sent(world: World, answer: Stand) -> None:
    answer(decided)
    assert world.call("approve", "churn").exit_code == 2
    assert world.call("approve", RUN, "--comment", "x" * 1001).exit_code == 2
    assert world.posted == []
