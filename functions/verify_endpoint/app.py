"""Asks the live endpoint for the scores that the evaluation computed. An endpoint that differs is taken back."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sluice.deployment import SCORE_TOLERANCE, largest_difference, parse_scores
from sluice.endpoints import describe_endpoint
from sluice.messages import Deployment, Verification, VerifyRequest
from sluice.objects import read_json
from sluice.step import CLIENT_CONFIG, TRANSFER_CONFIG, step

s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
#: A serverless endpoint may start for its first answer; SageMaker gives up after 60 s, and says so a little later.
runtime = boto3.client("sagemaker-runtime", config=CLIENT_CONFIG.merge(Config(read_timeout=75)))


@step(VerifyRequest)
def handler(request: VerifyRequest) -> Verification:
    deployment = request.deployment
    live = describe_endpoint(sagemaker, deployment.endpoint_name)
    if live is None:
        return failed("it does not exist")
    if live["EndpointConfigName"] != deployment.config_name:
        # Whatever is live now is another's, or was put back already: it is not for this run to touch.
        return failed(f"{live['EndpointConfigName']} is live, not {deployment.config_name}")
    golden = read_json(s3, request.evaluation.golden_uri or "")
    verification = replay(deployment, golden["rows"], flat(golden["scores"]), last_try=request.last_try)
    if verification.verdict == "failed":
        take_back(deployment)
    return verification


def flat(scores: list[Any]) -> list[float]:
    """Row after row: one number a row for two classes, else a list of them."""
    return [score for row in scores for score in (row if isinstance(row, list) else [row])]


def replay(deployment: Deployment, rows: list[str], offline: list[float], *, last_try: bool) -> Verification:
    if not rows:
        return failed("there are no golden rows to ask for")
    try:
        answer = runtime.invoke_endpoint(
            EndpointName=deployment.endpoint_name,
            ContentType="text/csv",
            Accept="text/csv",
            Body="\n".join(rows).encode(),
        )
        difference = largest_difference(parse_scores(answer["Body"].read().decode()), offline)
    except ClientError as error:
        if not last_try and may_pass(error):
            raise
        return failed(f"it answered an error: {error.response['Error']['Message']}")
    except ValueError as error:
        return failed(str(error))
    if difference > SCORE_TOLERANCE:
        return failed(
            f"its scores differ from the offline ones by up to {difference:.3g}; {SCORE_TOLERANCE:g} is allowed",
            len(rows),
            difference,
        )
    return Verification(verdict="verified", rows=len(rows), largest_difference=difference)


def may_pass(error: ClientError) -> bool:
    """Whether asking again may help. A model's 4xx is its answer; its 5xx, a time-out or throttling may pass."""
    if error.response["Error"]["Code"] != "ModelError":
        return True
    status: int = error.response.get("OriginalStatusCode", 0)  # type: ignore[assignment]  # of this operation alone
    return not 400 <= status < 500


def failed(why: str, rows: int = 0, difference: float | None = None) -> Verification:
    reason = f"The live endpoint was not verified: {why}."
    return Verification(verdict="failed", reasons=(reason,), rows=rows, largest_difference=difference)


def take_back(deployment: Deployment) -> None:
    """Puts the previous model back, or removes an endpoint that never had one."""
    if deployment.previous_config_name is None:
        sagemaker.delete_endpoint(EndpointName=deployment.endpoint_name)
    else:
        sagemaker.update_endpoint(
            EndpointName=deployment.endpoint_name, EndpointConfigName=deployment.previous_config_name
        )
