"""What AWS's errors mean. No other module of the pipeline reads their codes and their words.

Each service names the same thing in its own way, and SageMaker has one code for nearly everything, ValidationException:
what it means is in the message. The source of each wording is noted in ``local/sagemaker/errors.py``, which answers
with them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_NOT_FOUND: Final = frozenset(
    {"404", "NoSuchKey", "NoSuchVersion", "ResourceNotFound", "ResourceNotFoundException", "ObjectNotFoundException"}
    | {"ExecutionDoesNotExist"}
)
_NOT_FOUND_WORDS: Final = re.compile(
    r"Could not find (?!model data)|does not exist|Requested resource not found|No scalable target"
)
"""Without "Could not find model data at s3://...": it is about an object that the request names, so the request is
invalid."""
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
_THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"})
_UNAVAILABLE: Final = frozenset(
    {"ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalServerException"}
    | {"InternalDependencyException"}
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN_CALLER: Final = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidSignatureException"}
    | {"SignatureDoesNotMatch", "AuthFailure"}
)
_QUOTA: Final = re.compile(r" is (?P<limit>\d+) Instances?,.* request delta of (?P<wanted>\d+) ")
"""... is 2 Instances, with current utilization of 2 Instances and a request delta of 1 Instances."""
_PRECONDITION: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
"""Of conditional writes: another has written, or is writing at the same time."""


def code_of(error: ClientError) -> str:
    """The error's code, such as ``ValidationException``; empty if the answer has none."""
    return error.response.get("Error", {}).get("Code", "")


def message_of(error: ClientError) -> str:
    """What AWS says; empty if it says nothing."""
    return error.response.get("Error", {}).get("Message", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of the answer; 0 if it is not known."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def is_invalid(error: ClientError) -> bool:
    """Whether the service found the request to be wrong, by itself or as things are now."""
    return code_of(error).startswith("Validation")


def is_not_found(error: ClientError) -> bool:
    """Whether what the request names does not exist, or cannot be seen yet: reads are eventually consistent."""
    return code_of(error) in _NOT_FOUND or (is_invalid(error) and bool(_NOT_FOUND_WORDS.search(message_of(error))))


def is_precondition_failed(error: ClientError) -> bool:
    """Whether an object in S3 is not the one that the request's condition wants."""
    return code_of(error) in _PRECONDITION


def already_exists(error: ClientError) -> bool:
    """Whether a resource of this name exists, so that SageMaker makes no other."""
    return code_of(error) == "ResourceInUse" or "already existing" in message_of(error)


def is_in_progress(error: ClientError) -> bool:
    """Whether the endpoint is being changed, and takes no other change until that has ended."""
    return is_invalid(error) and "in-progress" in message_of(error)


def is_quota(error: ClientError) -> bool:
    """Whether a quota of the account does not allow it."""
    return code_of(error) == "ResourceLimitExceeded"


def is_quota_in_use(error: ClientError) -> bool:
    """Whether a quota that the account has is in use by other jobs, and not too small for this one."""
    numbers = _QUOTA.search(message_of(error)) if is_quota(error) else None
    return numbers is not None and int(numbers["limit"]) >= int(numbers["wanted"]) > 0


def is_refused(error: ClientError) -> bool:
    """Whether SageMaker will not take the request as it is, however often it is asked.

    A role that was made a moment ago cannot be assumed everywhere at once, so that error may pass.
    """
    return code_of(error) == "ValidationException" and "assume" not in message_of(error).lower()


def is_expired(error: ClientError) -> bool:
    """Whether the caller's credentials were valid and are no longer."""
    return code_of(error) in _EXPIRED


def is_unknown_caller(error: ClientError) -> bool:
    """Whether AWS does not know the caller's credentials."""
    return code_of(error) in _UNKNOWN_CALLER


def is_denied(error: ClientError) -> bool:
    """Whether the caller has no right to it."""
    return code_of(error) in _DENIED


def is_throttled(error: ClientError) -> bool:
    """Whether the service has had too many requests."""
    return code_of(error) in _THROTTLED


def is_not_ready(error: ClientError) -> bool:
    """Whether a serverless variant is being provisioned, which takes minutes. It says nothing of the model."""
    return code_of(error) == "ModelNotReadyException"


def is_unavailable(error: ClientError) -> bool:
    """Whether the service cannot answer now and will later: throttled, not ready, or failing itself."""
    return (
        is_throttled(error) or is_not_ready(error) or code_of(error) in _UNAVAILABLE or status_of(error) in (429, 503)
    )


def model_status(error: ClientError) -> int | None:
    """The status that the model's container answered InvokeEndpoint with; None if the error is not of the model.

    0 if the container gave no answer at all.
    """
    if code_of(error) != "ModelError":
        return None
    status: int = error.response.get("OriginalStatusCode", 0)  # type: ignore[assignment]  # of this operation alone
    return status
