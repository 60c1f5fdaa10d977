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


@pytest.mark.parametrize(
    ("code", "limit", "wanted", "in_use"),
    [
        ("ResourceLimitExceeded", 4, 1, True),
        ("ResourceLimitExceeded", 2, 2, True),
        ("ResourceLimitExceeded", 0, 1, False),
        ("ResourceLimitExceeded", 1, 2, False),
        ("ValidationException", 4, 1, False),
    ],
)
def test_a_quota_that_is_large_enough_but_in_use_is_told_from_one_that_is_too_small(
    code: str, limit: int, wanted: int, *, in_use: bool
) -> None:
    said = (
        f"The account-level service limit 'ml.m5.large for training job usage' is {limit} Instances, with current "
        f"utilization of {limit} Instances and a request delta of {wanted} Instances. Please use AWS Service Quotas."
    )
    assert errors.is_quota_in_use(answer(code, said)) is in_use


@pytest.mark.parametrize(
    ("code", "expired", "unknown"),
    [
        ("ExpiredToken", True, False),
        ("RequestExpired", True, False),
        ("InvalidClientTokenId", False, True),
        ("SignatureDoesNotMatch", False, True),
        ("AccessDenied", False, False),
    ],
)
def test_credentials_that_have_expired_are_told_from_those_that_aws_does_not_know(
    code: str, *, expired: bool, unknown: bool
) -> None:
    assert (errors.is_expired(answer(code)), errors.is_unknown_caller(answer(code))) == (expired, unknown)


@pytest.mark.parametrize(
    ("code", "message", "refused"),
    [
        ("ValidationException", "Value 'ml.foo.large' failed to satisfy enum value set.", True),
        ("ValidationException", "Could not assume role arn:aws:iam::0:role/a", False),
        ("ThrottlingException", "slow down", False),
    ],
)
def test_a_request_that_may_pass_later_is_not_refused(code: str, message: str, *, refused: bool) -> None:
    assert errors.is_refused(answer(code, message)) is refused
