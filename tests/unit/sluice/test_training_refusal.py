"""What SageMaker refuses for good, in the words that a person reads, and what may pass."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sluice.training.aws.refusal import refusal


def answer(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateTrainingJob")


def test_a_missing_quota_is_refused_with_how_to_ask_for_it() -> None:
    reason = refusal(answer("ResourceLimitExceeded", "The account-level service limit is 0 Instances."))
    assert reason is not None
    assert "limit is 0 Instances. Ask for more in Service Quotas" in reason


def test_a_request_that_sagemaker_will_never_take_is_refused_with_what_to_fix() -> None:
    reason = refusal(answer("ValidationException", "Value 'ml.foo.large' failed to satisfy enum value set."))
    assert reason is not None
    assert "ml.foo.large" in reason
    assert "config.yaml" in reason


@pytest.mark.parametrize(
    ("code", "message"),
    [("ThrottlingException", "slow down"), ("ValidationException", "Could not assume role arn:aws:iam::0:role/a")],
)
def test_what_may_pass_is_no_refusal(code: str, message: str) -> None:
    assert refusal(answer(code, message)) is None
