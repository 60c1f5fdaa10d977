"""Why SageMaker will not do what a run asked it to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.aws.errors import is_quota, is_refused, message_of
from sluice.training.job import quota_reason, refused_reason

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


def refusal(error: ClientError) -> str | None:
    """Why SageMaker will not do what was asked, and what to do; None if asking again may help."""
    if is_quota(error):
        return quota_reason(message_of(error))
    return refused_reason(message_of(error)) if is_refused(error) else None
