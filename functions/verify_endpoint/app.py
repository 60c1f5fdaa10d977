"""Asks the live endpoint for the scores that the evaluation computed, and for the errors that it must give.

What it finds is the verdict; the state machine puts the model before back if it is not the one wanted. A serverless
variant that is still being provisioned is waited for: that says nothing of the model.
"""

from __future__ import annotations

import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from sluice.aws.errors import is_not_ready, message_of, model_status
from sluice.aws.objects import read_json
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, step
from sluice.dataset.config import DatasetConfig, read_whole_config
from sluice.documents import NewerDocumentError
from sluice.endpoint.aws.calls import describe_endpoint
from sluice.endpoint.aws.golden import is_refusal, read_golden, replay, wrongly_scored
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.requests import VARIANT, endpoint_config_request, not_as_asked
from sluice.endpoint.verification import failed, not_ready, verified
from sluice.messages import Verification, VerifyRequest
from sluice.names import model_of_config
from sluice.settings import EndpointSettings

settings = EndpointSettings.load()
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)
autoscaling = boto3.client("application-autoscaling", config=CLIENT_CONFIG)
runtime = boto3.client("sagemaker-runtime", config=CLIENT_CONFIG.merge(Config(read_timeout=75)))
"""A serverless endpoint may start for its first answer; SageMaker gives up after 60 s, and says so a little later."""


@step(VerifyRequest)
def handler(request: VerifyRequest) -> Verification:
    started = time.monotonic()
    config = read_whole_config(read_json(s3, request.validation.config_uri))
    try:
        return verify(request, config)
    except NewerDocumentError as error:  # the release was rolled back while the run was under way
        return failed(f"its golden rows were {error}")
    except ReadTimeoutError:
        return not_ready(request.verification, time.monotonic() - started)
    except ClientError as error:
        if is_not_ready(error):
            return not_ready(request.verification, time.monotonic() - started)
        # By the last try the model could not answer, which says something of it. That AWS could not says nothing.
        if not is_refusal(error) and not (request.last_try and model_status(error) is not None):
            raise
        return failed(f"{error.operation_name} was answered by an error: {message_of(error)}")


def verify(request: VerifyRequest, config: DatasetConfig) -> Verification:
    endpoint = request.deployment.endpoint_name
    if wrong := wrong_configuration(request, config):
        return failed(wrong)
    if config.endpoint.autoscaling:
        put_scaling(autoscaling, endpoint, config.endpoint)
    # Beside a model before that answers, too, the new one is the one to ask.
    variant = VARIANT if config.endpoint.previous.role == "variant" else None
    found = replay(runtime, endpoint, read_golden(s3, request.evaluation.golden_uri), variant)
    if found.wrong is None and (wrong := wrongly_scored(runtime, endpoint, request.validation.features, variant)):
        return failed(wrong, found)
    return verified(found)


def wrong_configuration(request: VerifyRequest, config: DatasetConfig) -> str | None:
    """What of the live endpoint is not what was asked for; None if it all is."""
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
