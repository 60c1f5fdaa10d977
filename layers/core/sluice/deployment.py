"""Models, endpoint configurations and endpoints: the requests, and what a description of an endpoint means. Pure.

Names derive from the run, so that each call may be repeated; the endpoint is named after the dataset and outlives runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sluice.config import DatasetConfig, Endpoint
from sluice.images import training_image
from sluice.messages import Deployment, EndpointStatus, Run
from sluice.settings import DeploySettings
from sluice.training_job import dataset_tags, job_name, tags

#: Guarded updates need the same variant name in the old and the new configuration.
VARIANT: Final = "champion"
#: The endpoint serialises float32 scores as text; an honest replay differs by rounding alone.
SCORE_TOLERANCE: Final = 1e-5
POLL_SECONDS: Final = 10
_BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


def endpoint_name(prefix: str, dataset: str) -> str:
    return f"{prefix}-{dataset}"


def model_request(run: Run, model_uri: str, config: DatasetConfig, settings: DeploySettings) -> dict[str, Any]:
    """The CreateModel request. Serverless endpoints cannot be isolated from the network; instances are."""
    return {
        "ModelName": job_name(settings.name_prefix, run),
        "ExecutionRoleArn": settings.sagemaker_role_arn,
        "PrimaryContainer": {"Image": training_image(settings.aws_region), "ModelDataUrl": model_uri},
        "EnableNetworkIsolation": config.endpoint.kind == "instance",
        "Tags": tags(settings.name_prefix, run),
    }


def endpoint_config_request(run: Run, config: DatasetConfig, settings: DeploySettings) -> dict[str, Any]:
    """The CreateEndpointConfig request, with one production variant."""
    name = job_name(settings.name_prefix, run)
    return {
        "EndpointConfigName": name,
        "ProductionVariants": [{"VariantName": VARIANT, "ModelName": name, **_capacity(config.endpoint)}],
        "Tags": tags(settings.name_prefix, run),
    }


def _capacity(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.kind == "serverless":
        return {"ServerlessConfig": {"MemorySizeInMB": endpoint.memory_mb, "MaxConcurrency": endpoint.max_concurrency}}
    return {
        "InstanceType": endpoint.instance_type,
        "InitialInstanceCount": endpoint.instance_count,
        "InitialVariantWeight": 1.0,
    }


def endpoint_request(run: Run, settings: DeploySettings) -> dict[str, Any]:
    """The CreateEndpoint request of a dataset's first model. Its tags name no run: the endpoint outlives it."""
    return {
        "EndpointName": endpoint_name(settings.name_prefix, run.dataset),
        "EndpointConfigName": job_name(settings.name_prefix, run),
        "Tags": dataset_tags(settings.name_prefix, run),
    }


def kind_of(description: Mapping[str, Any]) -> str:
    """``serverless`` or ``instance``, of a DescribeEndpoint response."""
    variants = description.get("ProductionVariants", [])
    return "serverless" if any("CurrentServerlessConfig" in variant for variant in variants) else "instance"


def other_kind_reason(name: str, live: str, wanted: str) -> str:
    """SageMaker changes no endpoint from instances to serverless; the other way could not be taken back."""
    return (
        f"Endpoint {name} is of kind {live} and cannot become {wanted} while it lives. Set endpoint.kind to {live} in "
        f"the dataset's config.yaml, or delete the endpoint (aws sagemaker delete-endpoint --endpoint-name {name}) to "
        "have it made anew, set champion.policy to ignore, and drop the file again."
    )


def is_busy(endpoint_status: str) -> bool:
    """True while SageMaker refuses an update of the endpoint but will take one later."""
    return endpoint_status in _BUSY


def endpoint_status(description: Mapping[str, Any], deployment: Deployment) -> EndpointStatus:
    """What a DescribeEndpoint response means for the deployment that was asked for.

    A failed update rolls back by itself and ends ``InService`` on the old configuration; only the configuration's name
    tells it from success.
    """
    status = description["EndpointStatus"]
    live = description.get("EndpointConfigName")
    said = description.get("FailureReason")
    if is_busy(status):
        return EndpointStatus(status="in_progress", endpoint_status=status, config_name=live, wait_seconds=POLL_SECONDS)
    if status == "InService" and live == deployment.config_name:
        return EndpointStatus(status="in_service", endpoint_status=status, config_name=live)
    if status == "InService":
        return EndpointStatus(
            status="rolled_back",
            endpoint_status=status,
            config_name=live,
            reasons=(
                f"Endpoint {deployment.endpoint_name} did not take {deployment.config_name} and rolled back: "
                f"{live} still answers. {said or 'SageMaker gave no reason; see the endpoint’s log.'}",
            ),
        )
    return EndpointStatus(
        status="failed",
        endpoint_status=status,
        config_name=live,
        reasons=(f"Endpoint {deployment.endpoint_name} is {status}: {said or 'SageMaker gave no reason.'}",),
    )


def parse_scores(body: str) -> list[float]:
    """Scores of a ``text/csv`` answer, row after row: one a row for two classes, else one a row and class.

    The container separates rows by line ends, older ones by commas, and writes several scores of a row as Python shows
    a list.

    Raises:
        ValueError: a score is no finite number.
    """
    scores = [float(part) for part in re.sub(r"[\[\],]", " ", body).split()]
    if not all(math.isfinite(score) for score in scores):
        raise ValueError("the endpoint answered a score that is not finite")
    return scores


def largest_difference(live: Sequence[float], offline: Sequence[float]) -> float:
    """Largest absolute difference between scores of the same rows.

    Raises:
        ValueError: the endpoint answered another number of scores.
    """
    if len(live) != len(offline):
        raise ValueError(f"{len(offline)} scores were expected and {len(live)} came back")
    return max((abs(a - b) for a, b in zip(live, offline, strict=True)), default=0.0)
