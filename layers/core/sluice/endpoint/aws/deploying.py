"""A deployment's calls to AWS: model, configuration and endpoint, and what a refusal means.

Every call may be repeated: names derive from the run, and what exists already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sluice.aws.errors import is_in_progress, is_not_found, message_of
from sluice.dataset.config import DatasetConfig, Endpoint
from sluice.endpoint.aws.alarms import put_alarms
from sluice.endpoint.aws.calls import (
    create_endpoint,
    create_if_absent,
    delete_endpoint,
    describe_endpoint,
    update_endpoint,
)
from sluice.endpoint.aws.scaling import put_scaling
from sluice.endpoint.deployment import busy, failed, next_step
from sluice.endpoint.requests import (
    alarm_requests,
    endpoint_config_request,
    endpoint_request,
    instance_count,
    model_request,
    update_request,
    variant_names,
)
from sluice.messages import Deployment, DeployRequest
from sluice.names import model_of_config
from sluice.settings import DeploySettings
from sluice.training.aws.refusal import refusal

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class Clients:
    """What a deployment talks to."""

    sagemaker: SageMakerClient
    autoscaling: Any
    cloudwatch: Any


@dataclass(frozen=True)
class Applied:
    """How far a deployment is."""

    deployment: Deployment
    unguarded: bool = False
    """SageMaker took no guards for the endpoint: it is updated without."""


def deploy(
    clients: Clients, settings: DeploySettings, request: DeployRequest, asked: Deployment, config: DatasetConfig
) -> Applied:
    """Makes the model and its configuration, and asks for what the endpoint needs next.

    Args:
        asked: the run's deployment before anything is known of the endpoint.
    """
    run = request.run
    previous = model_of_config(asked.previous_config_name) if asked.previous_config_name else None
    configuration = endpoint_config_request(run, config, settings, previous)
    create_if_absent(clients.sagemaker.create_model, model_request(run, request.training, config, settings))
    create_if_absent(clients.sagemaker.create_endpoint_config, configuration)
    live = describe_endpoint(clients.sagemaker, asked.endpoint_name)
    following = next_step(asked, live, config.endpoint, run.dataset)
    taken = True
    if following.do == "create":
        put_alarms(clients.cloudwatch, alarm_requests(run, config, settings))
        create_endpoint(clients.sagemaker, endpoint_request(run, settings))
    elif following.do == "delete":
        delete_endpoint(clients.sagemaker, clients.autoscaling, asked.endpoint_name)
    elif following.do == "update" and live:
        endpoint, guarded = config.endpoint, variant_names(configuration) == variant_names(live)
        alarms = put_alarms(clients.cloudwatch, alarm_requests(run, config, settings))
        instances = instance_count(live) if endpoint.autoscaling else endpoint.instance_count
        wanted = update_request(asked, endpoint, alarms, instances, guarded=guarded)
        scales = endpoint.autoscaling is not None
        taken = update_endpoint(clients.sagemaker, clients.autoscaling, wanted, live, scales=scales)
    return Applied(following.deployment, unguarded=not taken)


def answer_to(error: ClientError, asked: Deployment) -> Deployment:
    """What an error of SageMaker means for the deployment: it waits, or it failed.

    Raises:
        ClientError: asking again may help. What this run made a moment ago may not be found yet: SageMaker's reads are
            eventually consistent, see CreateEndpointConfig in its API reference.
    """
    if is_in_progress(error):
        return busy(asked)
    not_seen_yet = is_not_found(error) and asked.config_name in message_of(error)
    reason = None if not_seen_yet else refusal(error)
    if reason is None:
        raise error
    return failed(asked, reason)


def keep_scaling(clients: Clients, name: str, config_name: str, read_wanted: Callable[[], Endpoint]) -> None:
    """Puts the autoscaling of a model that stays live into force again: an update that was refused may have ended it.

    An endpoint that is not there, or has something else live, has no autoscaling of that model.

    Args:
        name: of the endpoint.
        config_name: of the model's endpoint configuration.
        read_wanted: reads the endpoint that the model's run asked for; called if the model is live.
    """
    live = describe_endpoint(clients.sagemaker, name)
    if live and live["EndpointConfigName"] == config_name:
        put_scaling(clients.autoscaling, name, read_wanted())
