"""Asks the live endpoint for the scores that the evaluation computed, and for the errors that it must give.

What it finds is the verdict; the state machine puts the model before back where it is not the one wanted.
"""

from __future__ import annotations

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sluice.aws.errors import is_invalid, is_not_ready, message_of, model_status
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.config import DatasetConfig
from sluice.endpoint.aws.calls import describe_endpoint
from sluice.endpoint.requests import (
    SCORE_TOLERANCE,
    VARIANT,
    endpoint_config_request,
    flat_scores,
    largest_difference,
    not_as_asked,
    parse_scores,
    scaling_requests,
)
from sluice.messages import Deployment, Verification, VerifyRequest
from sluice.names import model_of_config
from sluice.settings import EndpointSettings

settings = EndpointSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
#: A serverless endpoint may start for its first answer; SageMaker gives up after 60 s, and says so a little later.
runtime = boto3.client("sagemaker-runtime", config=CLIENT_CONFIG.merge(Config(read_timeout=75)))


@step(VerifyRequest)
def handler(request: VerifyRequest) -> Verification:
    config = DatasetConfig.model_validate(read_json(s3, request.validation.config_uri or ""))
    try:
        return verify(request, config)
    except ClientError as error:
        if not is_refusal(error) and not (request.last_try and is_of_the_model(error)):
            raise
        return failed(f"{error.operation_name} was answered by an error: {message_of(error)}")


def verify(request: VerifyRequest, config: DatasetConfig) -> Verification:
    deployment = request.deployment
    if wrong := wrong_configuration(request, config):
        return failed(wrong)
    if config.endpoint.autoscaling:
        target, policy = scaling_requests(deployment.endpoint_name, config.endpoint.autoscaling)
        autoscaling.register_scalable_target(**target)
        autoscaling.put_scaling_policy(**policy)
    golden = read_json(s3, request.evaluation.golden_uri or "")
    # Beside a model before that answers, too, the new one is the one to ask.
    variant = {"TargetVariant": VARIANT} if config.endpoint.previous.role == "variant" else {}
    found = replay(deployment, variant, golden["rows"], flat_scores(golden["scores"]))
    if found.verdict == "verified" and (wrong := wrongly_answered(deployment, variant, request.validation.features)):
        return failed(wrong, found.rows, found.largest_difference)
    return found


def wrong_configuration(request: VerifyRequest, config: DatasetConfig) -> str | None:
    deployment = request.deployment
    live = describe_endpoint(sagemaker, deployment.endpoint_name)
    if live is None:
        return "it does not exist"
    if live["EndpointConfigName"] != deployment.config_name:
        return f"{live['EndpointConfigName']} is live, not {deployment.config_name}"
    before = deployment.previous_config_name if deployment.champion_run_id else None
    previous = model_of_config(before) if before else None
    asked = endpoint_config_request(request.run, config, settings, previous)
    there = dict(sagemaker.describe_endpoint_config(EndpointConfigName=deployment.config_name))
    return not_as_asked(asked, there, live)


def replay(deployment: Deployment, variant: dict[str, str], rows: list[str], offline: list[float]) -> Verification:
    if not rows:
        return failed("there are no golden rows to ask for")
    try:
        difference = largest_difference(parse_scores(ask(deployment, variant, "\n".join(rows))), offline)
    except ValueError as error:
        return failed(str(error))
    if difference > SCORE_TOLERANCE:
        return failed(
            f"its scores differ from the offline ones by up to {difference:.3g}; {SCORE_TOLERANCE:g} is allowed",
            len(rows),
            difference,
        )
    return Verification(verdict="verified", rows=len(rows), largest_difference=difference)


def ask(deployment: Deployment, variant: dict[str, str], body: str) -> str:
    answer = runtime.invoke_endpoint(
        EndpointName=deployment.endpoint_name, ContentType="text/csv", Accept="text/csv", Body=body.encode(), **variant
    )
    return answer["Body"].read().decode()


def wrongly_answered(deployment: Deployment, variant: dict[str, str], features: int) -> str | None:
    """What got a score that must not get one; None where the endpoint knows a bad request."""
    bad = {
        "a row of text": ",".join(["text"] * features),
        "a row that is too wide": ",".join(["0"] * (features + 1)),
        "an empty body": "",
    }
    for what, body in bad.items():
        try:
            said = ask(deployment, variant, body)
        except ClientError as error:
            if not is_refusal(error):
                raise
        else:
            if said.strip():  # the container answers an empty body with no content
                return f"it gave {what} a score"
    return None


def is_refusal(error: ClientError) -> bool:
    """Whether the request was found to be bad, by the model or by SageMaker before it."""
    status = model_status(error)
    return is_invalid(error) if status is None else 400 <= status < 500


def is_of_the_model(error: ClientError) -> bool:
    """Whether the model could not answer, which says something of it. That AWS could not says nothing."""
    return model_status(error) is not None or is_not_ready(error)


def failed(why: str, rows: int = 0, difference: float | None = None) -> Verification:
    reason = f"The live endpoint was not verified: {why}."
    return Verification(verdict="failed", reasons=(reason,), rows=rows, largest_difference=difference)
