"""Looks at the endpoint on its way to the new model, and tells a rollback from success."""

from __future__ import annotations

import boto3

from sluice.aws.step import CLIENT_CONFIG, step
from sluice.endpoint.requests import endpoint_status
from sluice.messages import CheckEndpointRequest, EndpointStatus

sagemaker = boto3.client("sagemaker", config=CLIENT_CONFIG)


@step(CheckEndpointRequest)
def handler(request: CheckEndpointRequest) -> EndpointStatus:
    description = sagemaker.describe_endpoint(EndpointName=request.deployment.endpoint_name)
    return endpoint_status(description, request.deployment)
