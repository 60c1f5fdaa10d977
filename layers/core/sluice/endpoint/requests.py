"""Models, endpoint configurations and endpoints: the requests, and what a description of an endpoint means. Pure.

Names derive from the run, so that each call may be repeated; the endpoint is named after the dataset and outlives runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sluice.dataset.config import Autoscaling, DatasetConfig, Endpoint, PreviousModel
from sluice.endpoint.disks import has_own_disks
from sluice.endpoint.network import vpc_config
from sluice.layout import captured_prefix, uri
from sluice.messages import CompletedTraining, Deployment, EndpointStatus, Run
from sluice.names import (
    alarm_names,
    dataset_tags,
    endpoint_config_name,
    endpoint_name,
    model_name,
    run_tags,
    scaled_resource,
    scaling_policy_name,
)
from sluice.settings import NAMESPACE, DeploySettings, EndpointSettings
from sluice.training.images import image_of

VARIANT: Final = "champion"
"""Guarded updates need the same variant name in the old and the new configuration."""
PREVIOUS_VARIANT: Final = "previous"
"""The previous model, if it stays beside the new one."""
POLL_SECONDS: Final = 10
_MAX_UPDATE_SECONDS: Final = 14_400
"""An update that takes longer is rolled back. SageMaker allows no more than four hours."""
_START_SECONDS: Final = 3_600
_ROUNDING: Final = 1e-9
_BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


def model_request(
    run: Run, training: CompletedTraining, config: DatasetConfig, settings: DeploySettings
) -> dict[str, Any]:
    """The CreateModel request. Serverless endpoints cannot be isolated from the network; instances are."""
    return {
        "ModelName": model_name(settings.name_prefix, run),
        "ExecutionRoleArn": settings.sagemaker_role_arn,
        "PrimaryContainer": {
            "Image": image_of(training.trainer, settings.aws_region),
            "ModelDataUrl": training.model_uri,
        },
        "EnableNetworkIsolation": config.endpoint.kind == "instance",
        **vpc_config(settings),
        "Tags": run_tags(settings.name_prefix, run),
    }


def endpoint_config_request(
    run: Run, config: DatasetConfig, settings: EndpointSettings, previous_model: str | None = None
) -> dict[str, Any]:
    """The CreateEndpointConfig request: the new model, and beside it the previous one if the configuration says so.

    Args:
        previous_model: name of the model that is live; None if there is none.
    """
    endpoint, name = config.endpoint, endpoint_config_name(settings.name_prefix, run)
    beside = endpoint.previous if previous_model and endpoint.previous.role != "none" else PreviousModel()
    model = model_name(settings.name_prefix, run)
    champion = {"VariantName": VARIANT, "ModelName": model, **_capacity(endpoint, 1 - beside.share)}
    request: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [champion],
        "Tags": run_tags(settings.name_prefix, run),
    }
    if beside.role == "variant":
        previous = {"VariantName": PREVIOUS_VARIANT, "ModelName": previous_model, **_capacity(endpoint, beside.share)}
        request["ProductionVariants"].append(previous)
    elif beside.role == "shadow":
        # A shadow's weight is its share of the requests of the one production variant.
        champion["InitialVariantWeight"] = 1.0
        request["ShadowProductionVariants"] = [
            {"VariantName": PREVIOUS_VARIANT, "ModelName": previous_model, **_capacity(endpoint, beside.share)}
        ]
    key = {"KmsKeyId": settings.kms_key_arn} if settings.kms_key_arn else {}
    if endpoint.kind == "instance" and not has_own_disks(endpoint.instance_type):
        request |= key
    if endpoint.data_capture:
        request["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": max(1, round(100 * endpoint.data_capture.share)),
            "DestinationS3Uri": uri(settings.artifact_bucket, captured_prefix(run.dataset)),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
            **key,
        }
    return request


def _capacity(endpoint: Endpoint, weight: float) -> dict[str, Any]:
    if endpoint.kind == "serverless":
        return {"ServerlessConfig": {"MemorySizeInMB": endpoint.memory_mb, "MaxConcurrency": endpoint.max_concurrency}}
    return {
        "InstanceType": endpoint.instance_type,
        "InitialInstanceCount": endpoint.instance_count,
        "InitialVariantWeight": weight,
    }


def endpoint_request(run: Run, settings: DeploySettings) -> dict[str, Any]:
    """The CreateEndpoint request of a dataset's first model. Its tags name no run: the endpoint outlives it."""
    return {
        "EndpointName": endpoint_name(settings.name_prefix, run.dataset),
        "EndpointConfigName": endpoint_config_name(settings.name_prefix, run),
        "Tags": dataset_tags(settings.name_prefix, run.dataset),
    }


def update_request(
    asked: Deployment, endpoint: Endpoint, alarms: Sequence[str], instances: int, *, guarded: bool
) -> dict[str, Any]:
    """The UpdateEndpoint request: blue/green, with a way back as long as the alarms watch it.

    Args:
        alarms: names of those that roll the update back.
        instances: that there are now, of an endpoint that scales by itself; otherwise those that are asked for.
        guarded: False if the variants are others than those that are live: SageMaker then takes no guards.
    """
    request: dict[str, Any] = {"EndpointName": asked.endpoint_name, "EndpointConfigName": asked.config_name}
    if endpoint.autoscaling:
        # As many instances as there are now, whatever the new configuration begins with.
        request["RetainAllVariantProperties"] = True
        request["ExcludeRetainedVariantProperties"] = [
            {"VariantPropertyType": "DataCaptureConfig"},
            {"VariantPropertyType": "DesiredWeight"},
        ]
    if guarded:
        request["DeploymentConfig"] = _guards(endpoint, alarms, instances)
    return request


def _guards(endpoint: Endpoint, alarms: Sequence[str], instances: int) -> dict[str, Any]:
    policy = endpoint.rollout_policy if instances > 1 else "all_at_once"
    routing: dict[str, Any] = {"Type": policy.upper(), "WaitIntervalInSeconds": 0}
    steps = 1
    if policy != "all_at_once":
        # Counted in instances: a tenth of three has no meaning. SageMaker wants a tenth at least, and half at most.
        part = min(math.ceil(instances * endpoint.rollout.share - _ROUNDING), instances // 2)
        steps = 2 if policy == "canary" else math.ceil(instances / part)
        size = "CanarySize" if policy == "canary" else "LinearStepSize"
        routing |= {
            "WaitIntervalInSeconds": endpoint.rollout.wait_seconds,
            size: {"Type": "INSTANCE_COUNT", "Value": part},
        }
    waits = steps * routing["WaitIntervalInSeconds"] + endpoint.baking_seconds
    guards: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": endpoint.baking_seconds,
            "MaximumExecutionTimeoutInSeconds": min(_MAX_UPDATE_SECONDS, waits + _START_SECONDS),
        }
    }
    if alarms:
        guards["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return guards


def alarm_requests(run: Run, config: DatasetConfig, settings: DeploySettings) -> list[dict[str, Any]]:
    """The PutMetricAlarm requests of a dataset's endpoint, in the order of :func:`sluice.names.alarm_names`."""
    name, limits = endpoint_name(settings.name_prefix, run.dataset), config.endpoint.alarms
    variant = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": VARIANT}]
    watched: list[dict[str, Any]] = [
        {
            "AlarmDescription": f"Endpoint {name} answers with server errors.",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Dimensions": variant,
            "Statistic": "Sum",
            "Period": 60,
            "Threshold": float(limits.server_errors),
        },
        {
            "AlarmDescription": f"The model of endpoint {name} is slow (median, microseconds).",
            "Namespace": "AWS/SageMaker",
            "MetricName": "ModelLatency",
            "Dimensions": variant,
            "ExtendedStatistic": "p50",
            "Period": 60,
            "Threshold": 1000 * limits.latency_ms,
        },
        {
            "AlarmDescription": f"Endpoint {name} is asked about what its training has not seen.",
            "Namespace": NAMESPACE,
            "MetricName": "OutsideTrainingRange",
            "Dimensions": [{"Name": "dataset", "Value": run.dataset}],
            "Statistic": "Average",
            "Period": 300,
            "Threshold": limits.outside_share,
        },
    ]
    common = {
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [settings.outcome_topic_arn],
        "Tags": dataset_tags(settings.name_prefix, run.dataset),
    }
    return [{"AlarmName": alarm, **what, **common} for alarm, what in zip(alarm_names(name), watched, strict=True)]


SCALED: Final = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


def scaled_target(endpoint: str) -> dict[str, Any]:
    """What Application Auto Scaling calls the variant that answers."""
    return {**SCALED, "ResourceId": scaled_resource(endpoint, VARIANT)}


def scaling_requests(endpoint: str, scaling: Autoscaling) -> tuple[dict[str, Any], dict[str, Any]]:
    """The RegisterScalableTarget and the PutScalingPolicy request of an endpoint."""
    target = scaled_target(endpoint)
    policy = {
        "PolicyName": scaling_policy_name(endpoint),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": float(scaling.invocations_per_instance),
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    }
    return {**target, "MinCapacity": scaling.min, "MaxCapacity": scaling.max}, {**target, **policy}


def not_as_asked(
    asked: Mapping[str, Any], configuration: Mapping[str, Any], description: Mapping[str, Any]
) -> str | None:
    """What of a live endpoint is not what was asked for; None if it is.

    Args:
        asked: the CreateEndpointConfig request.
        configuration: DescribeEndpointConfig's answer for the configuration that is live.
        description: DescribeEndpoint's answer.
    """
    for part in ("ProductionVariants", "ShadowProductionVariants"):
        there = {variant["VariantName"]: variant for variant in configuration.get(part, [])}
        wanted = {variant["VariantName"]: variant for variant in asked.get(part, [])}
        if there.keys() != wanted.keys():
            return f"its configuration has the {part} {sorted(there)}, not {sorted(wanted)}"
        for name, variant in wanted.items():
            for key, value in variant.items():
                if not _same(there[name].get(key), value):
                    return f"{key} of its variant {name} is {there[name].get(key)}, not {value}"
    answering = sorted(variant["VariantName"] for variant in description.get("ProductionVariants", []))
    if answering != sorted(variant["VariantName"] for variant in asked["ProductionVariants"]):
        return f"its variants are {answering}"
    return None


def _same(there: Any, wanted: Any) -> bool:
    """A value that SageMaker was told, and the one that it tells; it adds members of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_same(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, float):
        return isinstance(there, int | float) and math.isclose(there, wanted, rel_tol=1e-5)  # float32 on its way
    return bool(there == wanted)


def variant_names(configuration: Mapping[str, Any]) -> frozenset[str]:
    """Of a CreateEndpointConfig request, or of what DescribeEndpoint or DescribeEndpointConfig answer."""
    parts = ("ProductionVariants", "ShadowProductionVariants")
    return frozenset(variant["VariantName"] for part in parts for variant in configuration.get(part, []))


def instance_type(configuration: Mapping[str, Any]) -> str | None:
    """Of the variant that scales, in what DescribeEndpointConfig answers; None of a serverless one."""
    variants = configuration.get("ProductionVariants", [])
    return next((variant.get("InstanceType") for variant in variants if variant["VariantName"] == VARIANT), None)


def instance_count(description: Mapping[str, Any]) -> int:
    """How many instances answer now, of a DescribeEndpoint response; 0 of a serverless endpoint."""
    variants = description.get("ProductionVariants", [])
    return next((variant.get("CurrentInstanceCount", 0) for variant in variants), 0)


def kind_of(description: Mapping[str, Any]) -> str:
    """``serverless`` or ``instance``, of a DescribeEndpoint response."""
    variants = description.get("ProductionVariants", [])
    return "serverless" if any("CurrentServerlessConfig" in variant for variant in variants) else "instance"


def other_kind_reason(name: str, dataset: str, live: str, wanted: str) -> str:
    """SageMaker changes no endpoint from instances to serverless; the other way could not be taken back."""
    return (
        f"Endpoint {name} is of kind {live} and cannot become {wanted} while it lives. Set endpoint.kind to {live} in "
        f"the dataset's config.yaml, or remove the endpoint (sluice retire {dataset}) to have it created again. Then "
        "drop the file again."
    )


def pending_config(description: Mapping[str, Any]) -> str | None:
    """The configuration that an update under way is about to put live, of a DescribeEndpoint response."""
    name: str | None = description.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
    return name


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
