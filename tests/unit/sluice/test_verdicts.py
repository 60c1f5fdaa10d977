"""What was accepted has all that the next states read, and what was rejected has none of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sluice.messages import (
    AcceptedFile,
    AcceptedModel,
    AskForApprovalRequest,
    CompletedTraining,
    DeployRequest,
    EvaluateRequest,
    RecordRequest,
    RejectedFile,
    RejectedModel,
    StartTrainingRequest,
    UncompletedTraining,
    VerifyRequest,
)
from tests.messages import GOOD, event

RECORD = event("record_outcome")
OPTIONAL: dict[str, dict[str, Any]] = {
    "validation": dict.fromkeys(
        ("train_uri", "validation_uri", "learning_uri", "test_uri", "held_out_uri", "facets_uri", "recipe_uri"), None
    ),
    "training": {"model_uri": None},
    "evaluation": {"golden_uri": None, "metrics": None},
}
REJECTED: dict[str, dict[str, Any]] = {
    "validation": {"verdict": "rejected", "reasons": ["no header"]},
    "training": {"status": "failed", "reasons": ["AlgorithmError"]},
    "evaluation": {"verdict": "rejected", "reasons": ["The gate log_loss.max failed."]},
}


def refused(part: str) -> dict[str, Any]:
    """A part of the record as every release writes it if it was rejected: what there is none of is null."""
    return {**RECORD[part], **REJECTED[part], **OPTIONAL[part]}


@pytest.mark.parametrize(
    ("part", "accepted", "rejected"),
    [
        ("validation", AcceptedFile, RejectedFile),
        ("training", CompletedTraining, UncompletedTraining),
        ("evaluation", AcceptedModel, RejectedModel),
    ],
)
def test_a_record_tells_them_apart_by_the_verdict_and_keeps_their_shape(
    part: str, accepted: type[BaseModel], rejected: type[BaseModel]
) -> None:
    assert type(getattr(GOOD, part)) is accepted
    found = getattr(RecordRequest.model_validate({**RECORD, part: refused(part)}), part)
    assert type(found) is rejected
    assert found.model_dump().keys() == getattr(GOOD, part).model_dump().keys()


@pytest.mark.parametrize(
    ("part", "uri"),
    [
        (part, uri)
        for part, uris in OPTIONAL.items()
        for uri in uris
        if uri not in ("facets_uri", "learning_uri", "metrics")
    ],
)
def test_what_was_accepted_lacks_nothing(part: str, uri: str) -> None:
    with pytest.raises(ValidationError, match=uri):
        RecordRequest.model_validate({**RECORD, part: {**RECORD[part], uri: None}})


@pytest.mark.parametrize(
    ("part", "uri"),
    [("validation", "train_uri"), ("validation", "recipe_uri"), ("training", "model_uri")],
)
def test_what_was_rejected_made_nothing(part: str, uri: str) -> None:
    with pytest.raises(ValidationError, match=uri):
        RecordRequest.model_validate({**RECORD, part: {**refused(part), uri: "s3://bucket/key"}})


@pytest.mark.parametrize(
    ("request_type", "part"),
    [
        (StartTrainingRequest, "validation"),
        (EvaluateRequest, "validation"),
        (EvaluateRequest, "training"),
        (AskForApprovalRequest, "evaluation"),
        (DeployRequest, "training"),
        (DeployRequest, "evaluation"),
        (VerifyRequest, "evaluation"),
    ],
)
def test_no_state_goes_on_with_what_was_rejected(request_type: type[BaseModel], part: str) -> None:
    whole = {name: RECORD[name] for name in request_type.model_fields if RECORD.get(name)}
    whole |= {"task_token": "token"} if "task_token" in request_type.model_fields else {}
    request_type.model_validate(whole)
    with pytest.raises(ValidationError, match=part):
        request_type.model_validate({**whole, part: refused(part)})


@pytest.mark.parametrize("part", OPTIONAL)
def test_a_typing_error_in_a_message_is_refused(part: str) -> None:
    with pytest.raises(ValidationError, match="made_up"):
        RecordRequest.model_validate({**RECORD, part: {**RECORD[part], "made_up": 1}})
