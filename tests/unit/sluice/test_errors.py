"""AWS's errors, as services word them: the wordings are those of ``local/sagemaker/errors.py`` and of AWS's SDKs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sluice.aws import errors

PREDICATES: dict[str, Callable[[ClientError], bool]] = {
    "invalid": errors.is_invalid,
    "not found": errors.is_not_found,
    "precondition failed": errors.is_precondition_failed,
    "already exists": errors.already_exists,
    "in progress": errors.is_in_progress,
    "quota": errors.is_quota,
    "denied": errors.is_denied,
    "throttled": errors.is_throttled,
    "not ready": errors.is_not_ready,
    "unavailable": errors.is_unavailable,
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def answer(code: str, message: str = "because", status: int = 400, **more: Any) -> ClientError:
    body: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(body, "Operation")


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (answer("NoSuchKey", status=404), {"not found"}),
        (answer("404", "Not Found", 404), {"not found"}),
        (answer("NoSuchVersion", status=404), {"not found"}),
        (answer("NoSuchBucket", "The specified bucket does not exist", 404), set()),
        (answer("ResourceNotFoundException"), {"not found"}),
        (answer("ObjectNotFoundException"), {"not found"}),
        (answer("ExecutionDoesNotExist"), {"not found"}),
        (answer("ValidationError", "Stack with id sluice does not exist"), {"invalid", "not found"}),
        (answer("ValidationException", f'Could not find endpoint "{ARN}:endpoint/a".'), {"invalid", "not found"}),
        (answer("ValidationException", f'Could not find model "{ARN}:model/a".'), {"invalid", "not found"}),
        (answer("ValidationException", "Could not find model data at s3://b/model.tar.gz."), {"invalid"}),
        (answer("ValidationException", "Requested resource not found."), {"invalid", "not found"}),
        (answer("ValidationException", f'Cannot update in-progress endpoint "{ARN}".'), {"invalid", "in progress"}),
        (
            answer("ValidationException", f'Cannot create already existing model "{ARN}".'),
            {"invalid", "already exists"},
        ),
        (answer("ResourceInUse"), {"already exists"}),
        (answer("ResourceLimitExceeded"), {"quota"}),
        (answer("AccessDeniedException"), {"denied"}),
        (answer("AccessDenied", status=403), {"denied"}),
        (answer("PreconditionFailed", status=412), {"precondition failed"}),
        (answer("ConditionalRequestConflict", status=409), {"precondition failed"}),
        (answer("ThrottlingException"), {"throttled", "unavailable"}),
        (answer("SlowDown", status=503), {"throttled", "unavailable"}),
        (answer("ModelNotReadyException", status=429), {"not ready", "unavailable"}),
        (answer("InternalFailure", status=500), {"unavailable"}),
        (answer("Whatever", status=503), {"unavailable"}),
    ],
)
def test_an_error_means_what_its_service_says(error: ClientError, meaning: set[str]) -> None:
    assert {name for name, holds in PREDICATES.items() if holds(error)} == meaning


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (answer("ModelError", OriginalStatusCode=415), 415),
        (answer("ModelError", OriginalStatusCode=0), 0),
        (answer("ThrottlingException"), None),
    ],
)
def test_an_error_of_the_model_tells_what_its_container_answered(error: ClientError, status: int | None) -> None:
    assert errors.model_status(error) == status


def test_an_error_without_a_body_means_nothing() -> None:
    error = ClientError({}, "Operation")
    assert (errors.code_of(error), errors.message_of(error), errors.status_of(error)) == ("", "", 0)
    assert not any(holds(error) for holds in PREDICATES.values())
