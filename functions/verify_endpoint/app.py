"""Asks the live endpoint for the scores that the evaluation computed. An endpoint that differs is taken back."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from sluice.deployment import SCORE_TOLERANCE, largest_difference, parse_scores
from sluice.messages import Deployment, Verification, VerifyRequest
from sluice.objects import read_json
from sluice.step import CLIENT_CONFIG, step

s3 = boto3.client("s3", config=CLIENT_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
runtime = boto3.client("sagemaker-runtime", config=CLIENT_CONFIG)


@step(VerifyRequest)
def handler(request: VerifyRequest) -> Verification:
    golden = read_json(s3, request.evaluation.golden_uri or "")
    verification = replay(request.deployment, golden["rows"], golden["scores"])
    if verification.verdict == "failed":
        take_back(request.deployment)
    return verification


def replay(deployment: Deployment, rows: list[str], offline: list[float]) -> Verification:
    live_config = sagemaker.describe_endpoint(EndpointName=deployment.endpoint_name)["EndpointConfigName"]
    if live_config != deployment.config_name:
        return failed(f"{live_config} is live, not {deployment.config_name}")
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
        if error.response["Error"]["Code"] != "ModelError":
            raise
        return failed(f"the model answered an error: {error.response['Error']['Message']}")
    except ValueError as error:
        return failed(str(error))
    if difference > SCORE_TOLERANCE:
        return failed(
            f"its scores differ from the offline ones by up to {difference:.3g}; {SCORE_TOLERANCE:g} is allowed",
            len(rows),
            difference,
        )
    return Verification(verdict="verified", rows=len(rows), largest_difference=difference)


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
