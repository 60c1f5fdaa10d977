"""Asks live endpoints: for the scores of golden rows, and for what they must refuse. The client comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import is_invalid, model_status
from sluice.aws.objects import read_json
from sluice.documents import GOLDEN_VERSION, NewerDocumentError, version_of
from sluice.endpoint.golden import Replay, bad_bodies, has_score, request_body, verdict

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


def read_golden(s3: S3Client, golden_uri: str) -> dict[str, Any]:
    """A run's golden.json.

    Raises:
        FileNotFoundError: there is none.
        NewerDocumentError: its version is newer than this release reads.
    """
    golden: dict[str, Any] = read_json(s3, golden_uri)
    if (version := version_of(golden)) > GOLDEN_VERSION:
        raise NewerDocumentError(f"golden rows version {version}, this one reads up to {GOLDEN_VERSION}")
    return golden


def ask(runtime: SageMakerRuntimeClient, endpoint: str, body: bytes, variant: str | None = None) -> str:
    """What an endpoint, or one of its variants, answers to rows without a label.

    Raises:
        UnicodeError: it is not text.
    """
    one: Any = {"TargetVariant": variant} if variant else {}
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body, **one)
    return answer["Body"].read().decode()


def replay(
    runtime: SageMakerRuntimeClient, endpoint: str, golden: Mapping[str, Any], variant: str | None = None
) -> Replay:
    """Asks for the rows of a run's golden.json, and compares."""
    body = request_body(golden)
    try:
        answer = ask(runtime, endpoint, body, variant) if body else ""
    except UnicodeError:
        return Replay(0, wrong="its answer is not text")
    return verdict(golden, answer)


def wrongly_scored(
    runtime: SageMakerRuntimeClient, endpoint: str, features: int, variant: str | None = None
) -> str | None:
    """What got a score that must not get one; None if the endpoint scores no bad request."""
    for what, body in bad_bodies(features).items():
        try:
            said = ask(runtime, endpoint, body, variant)
        except ClientError as error:
            if not is_refusal(error):
                raise
        else:
            if has_score(said):
                return f"it gave {what} a score"
    return None


def is_refusal(error: ClientError) -> bool:
    """Whether the request was found to be bad, by the model or by SageMaker before it."""
    status = model_status(error)
    return is_invalid(error) if status is None else 400 <= status < 500
