"""Sends a person's decision on a model that waits for approval to the stack's approval function."""

from __future__ import annotations

import json
from typing import Final, Literal

from cli.connection import Connection
from cli.failure import AnswerIsNoError, CommandError, as_sentence
from cli.output import Output, moment
from cli.runs import check_run_id
from cli.stack import Stack

_MAX_COMMENT_CHARACTERS: Final = 1000
_DONE: Final = 200
_REFUSALS: Final = {
    404: "Run {run} does not wait for approval: it has ended, has not come so far, or its dataset requires no "
    "approval; see sluice show {run}.",
    410: "The deadline of run {run} has passed, and its model was not deployed; drop its file again.",
}


def decide(
    connection: Connection,
    stack: Stack,
    run_id: str,
    decision: Literal["approved", "rejected"],
    comment: str,
    output: Output,
) -> None:
    """Sends the decision.

    Raises:
        AnswerIsNoError: the run does not wait, somebody decided otherwise before, or the deadline has passed.
        CommandError: the call is wrong, or the stack did not accept it.
    """
    check_run_id(run_id)
    if len(comment) > _MAX_COMMENT_CHARACTERS:
        raise CommandError(
            f"--comment has {len(comment):,} characters, which exceeds the maximum of {_MAX_COMMENT_CHARACTERS:,}"
        )
    word = {"run_id": run_id, "decision": decision, "comment": comment}
    answer = connection.post(stack.url("ApprovalUrl"), json.dumps(word).encode())
    if answer.status in _REFUSALS:
        raise AnswerIsNoError(_REFUSALS[answer.status].format(run=run_id))
    if answer.status == 409:
        raise AnswerIsNoError(as_sentence(f"{answer.message}; that decision stands"))
    if answer.status != _DONE:
        raise CommandError(f"The stack did not accept the decision ({answer.status}): {answer.message}")
    made = answer.body
    output.document(made)
    goes_on = "its model is being deployed" if decision == "approved" else "its model is not deployed"
    output.print(
        f"Run {run_id} was {made['decision']} by {made['decided_by']}, {moment(made['decided_at'])}; {goes_on}. sluice "
        f"show {run_id} says how it ends."
    )
