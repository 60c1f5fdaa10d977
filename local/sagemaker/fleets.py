"""Fleets: the variants of one endpoint configuration with their models loaded, ready to answer."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.aws import Aws, Role, RoleError, split_uri
from local.sagemaker.capture import Capture
from local.sagemaker.configurations import EndpointConfig, Model
from local.sagemaker.logs import LogStream
from local.sagemaker.model_server import ModelLoadError, ModelServer

LOG_GROUP_PREFIX: Final = "/aws/sagemaker/Endpoints/"


class DeploymentError(Exception):
    """An endpoint cannot be brought up or go on with an update; the argument is its FailureReason."""


@dataclass(frozen=True)
class Capacity:
    """How much a variant gets, and has to serve it with."""

    weight: float
    instances: int = 0
    serverless: Mapping[str, Any] | None = None

    @classmethod
    def initial(cls, settings: Mapping[str, Any]) -> Capacity:
        """The capacity that a variant of an endpoint configuration starts with."""
        weight, serverless = float(settings.get("InitialVariantWeight", 1.0)), settings.get("ServerlessConfig")
        return cls(weight, 0 if serverless else int(settings.get("InitialInstanceCount", 1)), serverless)

    def describe(self, prefix: str) -> dict[str, Any]:
        """As members of a variant's summary: ``prefix`` is Current or Desired."""
        shown: dict[str, Any] = {f"{prefix}Weight": self.weight, f"{prefix}InstanceCount": self.instances}
        if self.serverless is not None:
            shown[f"{prefix}ServerlessConfig"] = dict(self.serverless)
        return shown


@dataclass(frozen=True)
class Variant:
    """A variant that answers. Its settings are kept, since the configuration may be deleted under the endpoint."""

    name: str
    server: ModelServer
    capacity: Capacity
    desired: Capacity
    image: str
    since: datetime
    instance_type: str | None = None

    @property
    def weight(self) -> float:
        return self.capacity.weight

    def describe(self) -> dict[str, Any]:
        """Its summary in DescribeEndpoint's answer."""
        return {
            "VariantName": self.name,
            "DeployedImages": [
                {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.since}
            ],
            **self.capacity.describe("Current"),
            **self.desired.describe("Desired"),
        }


@dataclass(frozen=True)
class Fleet:
    """The variants of one configuration. Never changed: an endpoint goes from one fleet to another in one step."""

    variants: list[Variant] = field(default_factory=list)
    shadows: list[Variant] = field(default_factory=list)
    capture: Capture | None = None

    @property
    def names(self) -> list[str]:
        return [variant.name for variant in (*self.variants, *self.shadows)]

    @property
    def types(self) -> dict[str, str | None]:
        """Instance types of the production variants, by name; None of a serverless one."""
        return {variant.name: variant.instance_type for variant in self.variants}

    @property
    def serverless(self) -> bool:
        return any(variant.capacity.serverless is not None for variant in self.variants)

    def pick(self, target: str | None = None) -> Variant | None:
        """A production variant for one request, by weight; None if there is none of the name asked for."""
        variants = [variant for variant in self.variants if target in (None, variant.name)]
        if not variants:
            return None
        weights = [variant.weight for variant in variants]
        return random.choices(variants, weights)[0] if sum(weights) else variants[0]  # noqa: S311

    def shadow(self, champion: Variant) -> Variant | None:
        """The shadow that gets a copy of this request, if it does: by its weight beside the champion's."""
        for shadow in self.shadows:
            if random.random() * champion.weight < shadow.weight:  # noqa: S311
                return shadow
        return None

    def desiring(self, desired: Mapping[str, Capacity]) -> Fleet:
        """The fleet with capacities, by variant name, that it is to have."""

        def asked(variants: list[Variant]) -> list[Variant]:
            return [replace(variant, desired=desired.get(variant.name, variant.desired)) for variant in variants]

        return replace(self, variants=asked(self.variants), shadows=asked(self.shadows))

    @property
    def capacities(self) -> dict[str, Capacity]:
        """What each variant is to have, by its name."""
        return {variant.name: variant.desired for variant in (*self.variants, *self.shadows)}

    def resized(self) -> Fleet:
        """The fleet with the capacities that it was to have."""

        def done(variants: list[Variant]) -> list[Variant]:
            return [replace(variant, capacity=variant.desired) for variant in variants]

        return replace(self, variants=done(self.variants), shadows=done(self.shadows))

    def flush(self) -> None:
        """Writes what has been captured."""
        if self.capture is not None:
            self.capture.flush()


def unhealthy_reason(variant: str) -> str:
    """AWS's FailureReason for a container that does not come up."""
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )


def load_fleet(
    aws: Aws, endpoint_name: str, endpoint_arn: str, config: EndpointConfig, models: Mapping[str, Model]
) -> Fleet:
    """Fetches and loads the model of each variant, with its model's role.

    Raises:
        DeploymentError: with the FailureReason that AWS gives.
    """

    def load(settings: Mapping[str, Any]) -> tuple[Variant, Role]:
        return _load(aws, endpoint_name, endpoint_arn, settings, models)

    variants = [load(settings) for settings in config.variants]
    shadows = [load(settings) for settings in config.shadows]
    capture = config.request.get("DataCaptureConfig")
    role = variants[0][1]
    return Fleet(
        [variant for variant, _ in variants],
        [shadow for shadow, _ in shadows],
        Capture(role, endpoint_name, capture) if capture else None,
    )


def _load(
    aws: Aws, endpoint_name: str, endpoint_arn: str, settings: Mapping[str, Any], models: Mapping[str, Model]
) -> tuple[Variant, Role]:
    region, account = endpoint_arn.split(":")[3:5]
    model = models.get(settings["ModelName"])
    if model is None:
        raise DeploymentError(f'Could not find model "{settings["ModelName"]}".')
    url = model.container.get("ModelDataUrl", "")
    try:
        role = aws.assume(model.role_arn, region, account, endpoint_arn)
        bucket, key = split_uri(url)
        artefact = role.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (RoleError, ClientError, BotoCoreError) as error:
        raise DeploymentError(
            f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
            "there is an object located at the URL and that the role passed to CreateModel has permissions to "
            "download the object."
        ) from error
    name, capacity = settings["VariantName"], Capacity.initial(settings)
    try:
        server = ModelServer(artefact)
    except ModelLoadError as error:
        _log(role, endpoint_name, name, str(error))
        raise DeploymentError(unhealthy_reason(name)) from error
    image = model.container.get("Image", "")
    return Variant(name, server, capacity, capacity, image, datetime.now(UTC), settings.get("InstanceType")), role


def _log(role: Role, endpoint_name: str, variant: str, text: str) -> None:
    """What the container would have written before it gave up."""
    log = LogStream(role.logs, f"{LOG_GROUP_PREFIX}{endpoint_name}", f"{variant}/i-local-{int(time.time())}")
    for line in text.splitlines():
        log.write(line)
    log.close()
    print(f"endpoint {endpoint_name}: {text}", file=sys.stderr, flush=True)
