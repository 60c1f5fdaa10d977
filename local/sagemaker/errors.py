"""Errors as SageMaker words them, and where each wording is known from."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than success, in either of the two protocols.

    Attributes:
        code: error code, like ``ValidationException``; ``ValidationError`` on the runtime.
        message: text that the client shows.
        status: HTTP status.
        members: further members of the error's body, such as ``OriginalStatusCode``.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def validation_exception(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def not_found(kind: str, arn: str) -> ApiError:
    """``kind`` in words: ``endpoint``, ``endpoint configuration``, ``model``.

    Source: aws/amazon-sagemaker-examples issues 2339, 2402.
    """
    return validation_exception(f'Could not find {kind} "{arn}".')


def training_job_not_found() -> ApiError:
    """Source: boto/boto3 issue 2808, aws/amazon-sagemaker-examples issue 2360: no ResourceNotFound, and no name."""
    return validation_exception("Requested resource not found.")


def already_exists(kind: str, arn: str) -> ApiError:
    """Source: aws/sagemaker-python-sdk issue 101 (endpoint), awslabs/spot-tagging-bot issue 2 (configuration)."""
    return validation_exception(f'Cannot create already existing {kind} "{arn}".')


def training_job_name_taken(arn: str) -> ApiError:
    """Source: aws/amazon-sagemaker-examples pull request 3108."""
    return ApiError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({arn})",
    )


def in_progress(arn: str) -> ApiError:
    """An endpoint that is being created, updated or deleted takes no further change."""
    return validation_exception(f'Cannot update in-progress endpoint "{arn}".')


def may_not_deregister() -> ApiError:
    """Source of the message: awslabs/stable-diffusion-aws-extension issue 161. It does not tell the code."""
    return ApiError(
        "AccessDeniedException",
        "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM identity used to "
        "invoke DeleteEndpoint does not have application-autoscaling:DeregisterScalableTarget permission to deregister "
        "the scalable target.",
    )


def access_denied(principal: str, action: str, resource: str, explicit: bool = False) -> ApiError:
    """Source: aws/aws-cdk issue 32294, wpilibsuite/DetectCoral issue 20."""
    cause = (
        "with an explicit deny in an identity-based policy"
        if explicit
        else (f"because no identity-based policy allows the {action} action")
    )
    return ApiError(
        "AccessDeniedException",
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} {cause}",
    )
