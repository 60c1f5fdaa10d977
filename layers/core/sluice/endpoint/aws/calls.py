"""The one way in which endpoints change: deployments, the way back, people and the removal of a stack all go it.

Clients come first. Each call may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import already_exists, is_in_progress, is_invalid, is_not_found, message_of
from sluice.endpoint.aws.scaling import end_scaling
from sluice.endpoint.requests import instance_type, kind_of

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


def describe_endpoint(sagemaker: SageMakerClient, name: str) -> dict[str, Any] | None:
    """The DescribeEndpoint response, or None if there is no such endpoint."""
    try:
        return dict(sagemaker.describe_endpoint(EndpointName=name))
    except ClientError as error:
        if is_not_found(error):
            return None
        raise


def describe_config(sagemaker: SageMakerClient, name: str) -> dict[str, Any] | None:
    """The DescribeEndpointConfig response, or None if there is no such configuration."""
    try:
        return dict(sagemaker.describe_endpoint_config(EndpointConfigName=name))
    except ClientError as error:
        if is_not_found(error):
            return None
        raise


def create_if_absent(create: Callable[..., Any], request: dict[str, Any]) -> None:
    """Creates a model or a configuration; one of this name is this run's own, made by an earlier try."""
    try:
        create(**request)
    except ClientError as error:
        if not already_exists(error):
            raise


def create_endpoint(sagemaker: SageMakerClient, request: dict[str, Any]) -> None:
    """Asks for an endpoint's creation.

    Args:
        request: the CreateEndpoint request.
    """
    sagemaker.create_endpoint(**request)


def update_endpoint(
    sagemaker: SageMakerClient,
    autoscaling: Any,
    request: dict[str, Any],
    live: Mapping[str, Any],
    *,
    scales: bool = True,
) -> bool:
    """Asks for an update, and ends before it the autoscaling that cannot outlast it.

    SageMaker refuses an update that changes the instance type of a variant that scales, and leaves the autoscaling of
    one whose new configuration wants none as it is. See "Update or delete endpoints that use automatic scaling" of the
    developer guide. Whoever calls this puts the autoscaling that the new configuration wants into force afterwards.

    Args:
        request: the UpdateEndpoint request.
        live: DescribeEndpoint's answer.
        scales: False if the new configuration wants no autoscaling.

    Returns:
        Whether the update is as asked for. False: SageMaker took no guards for a serverless endpoint, and it is
        updated without them.
    """
    if kind_of(live) == "instance" and not (scales and _keeps_its_instances(sagemaker, request, live)):
        end_scaling(autoscaling, request["EndpointName"])
    try:
        sagemaker.update_endpoint(**request)
    except ClientError as error:
        if kind_of(live) != "serverless" or "DeploymentConfig" not in request or not _may_be_the_guards(error):
            raise
        sagemaker.update_endpoint(**{key: value for key, value in request.items() if key != "DeploymentConfig"})
        return False
    return True


def _keeps_its_instances(sagemaker: SageMakerClient, request: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    there = describe_config(sagemaker, live["EndpointConfigName"])
    wanted = describe_config(sagemaker, request["EndpointConfigName"])
    # What is live may have lost its configuration, and one that was made a moment ago may not be seen yet, though the
    # update takes it: nothing is known then, and autoscaling that ended in vain comes back.
    return there is not None and wanted is not None and instance_type(there) == instance_type(wanted)


def _may_be_the_guards(error: ClientError) -> bool:
    """Whether a refusal may be one of the guards: how SageMaker words it is not documented.

    The guide contradicts itself about guards on serverless endpoints: the page on exclusions leaves them out of
    rolling updates only, the overview names real-time and asynchronous endpoints alone.
    """
    return is_invalid(error) and not is_in_progress(error) and not is_not_found(error)


def delete_endpoint(sagemaker: SageMakerClient, autoscaling: Any, name: str) -> bool:
    """Asks for an endpoint's deletion; False if there is none.

    SageMaker refuses it as long as a scalable target exists that the caller may not deregister.
    """
    end_scaling(autoscaling, name)
    try:
        sagemaker.delete_endpoint(EndpointName=name)
    except ClientError as error:
        if is_not_found(error):
            return False
        raise
    return True


def go_back(
    sagemaker: SageMakerClient, autoscaling: Any, name: str, live: Mapping[str, Any], config_name: str | None
) -> str | None:
    """Asks for the model before, or for the end of an endpoint that had none.

    Args:
        live: DescribeEndpoint's answer.
        config_name: the endpoint configuration of the model before.

    Returns:
        Why SageMaker refuses; None if it does not.
    """
    try:
        if config_name:
            update_endpoint(sagemaker, autoscaling, {"EndpointName": name, "EndpointConfigName": config_name}, live)
        else:
            delete_endpoint(sagemaker, autoscaling, name)
    except ClientError as error:
        if is_invalid(error) and not is_in_progress(error):
            return message_of(error)
        raise
    return None
