"""Models and endpoint configurations: what was asked for, and what an update keeps of what is live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local.sagemaker.errors import validation_exception


class Model:
    """A model. The attributes in lower case are those that moto's lists read."""

    def __init__(self, request: Mapping[str, Any], arn: str) -> None:
        self.request = request
        self.arn = arn
        self.model_name: str = request["ModelName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.creation_time = datetime.now(UTC)

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Model:
        model = cls(saved["request"], saved["arn"])
        model.tags, model.creation_time = saved["tags"], saved["creation_time"]
        return model

    def saved(self) -> dict[str, Any]:
        return _saved(self)

    @property
    def container(self) -> Mapping[str, Any]:
        """The container that answers: the primary one, or the first of several."""
        primary: Mapping[str, Any] | None = self.request.get("PrimaryContainer")
        return primary if primary is not None else (self.request.get("Containers") or [{}])[0]

    @property
    def role_arn(self) -> str:
        return str(self.request["ExecutionRoleArn"])

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeModel's answer."""
        shown = {key: value for key, value in self.request.items() if key != "Tags"}
        shown.setdefault("EnableNetworkIsolation", False)
        return shown | {"ModelArn": self.arn, "CreationTime": self.creation_time}


class EndpointConfig:
    """An endpoint configuration. The attributes in lower case are those that moto's lists read."""

    def __init__(self, request: Mapping[str, Any], arn: str) -> None:
        self.request = request
        self.arn = arn
        self.endpoint_config_name: str = request["EndpointConfigName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.creation_time = datetime.now(UTC)

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> EndpointConfig:
        config = cls(saved["request"], saved["arn"])
        config.tags, config.creation_time = saved["tags"], saved["creation_time"]
        return config

    def saved(self) -> dict[str, Any]:
        return _saved(self)

    @property
    def variants(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.request["ProductionVariants"]
        return found

    @property
    def shadows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.request.get("ShadowProductionVariants", [])
        return found

    @property
    def serverless(self) -> bool:
        return any("ServerlessConfig" in variant for variant in (*self.variants, *self.shadows))

    @property
    def names(self) -> list[str]:
        return [variant["VariantName"] for variant in (*self.variants, *self.shadows)]

    @property
    def instances(self) -> int:
        """Number of instances of the smallest production variant; 0 if it is serverless."""
        return min(
            0 if "ServerlessConfig" in variant else int(variant.get("InitialInstanceCount", 1))
            for variant in self.variants
        )

    @property
    def response_object(self) -> dict[str, Any]:
        """DescribeEndpointConfig's answer."""
        shown = {key: value for key, value in self.request.items() if key != "Tags"}
        return shown | {"EndpointConfigArn": self.arn, "CreationTime": self.creation_time}

    def summary(self) -> dict[str, Any]:
        return {
            "EndpointConfigName": self.endpoint_config_name,
            "EndpointConfigArn": self.arn,
            "CreationTime": self.creation_time,
        }

    def retaining(
        self, properties: Mapping[str, Mapping[str, Any]], capture: Mapping[str, Any] | None
    ) -> EndpointConfig:
        """The configuration as an update carries it out that keeps properties of the variants that are live.

        Args:
            properties: by variant name, what replaces members of the variant here.
            capture: DataCaptureConfig that replaces the one here; None keeps it.
        """
        request = dict(self.request)
        for part in ("ProductionVariants", "ShadowProductionVariants"):
            if part in request:
                request[part] = [{**item, **properties.get(item["VariantName"], {})} for item in request[part]]
        if capture is not None:
            request["DataCaptureConfig"] = dict(capture)
        return EndpointConfig(request, self.arn)


def _saved(resource: Model | EndpointConfig) -> dict[str, Any]:
    return {
        "request": resource.request,
        "arn": resource.arn,
        "tags": resource.tags,
        "creation_time": resource.creation_time,
    }


def check_scaled(config: EndpointConfig, types: Mapping[str, str | None], scaled: frozenset[str]) -> None:
    """An update cannot change the instance type of a variant that scales, until it is deregistered.

    Source: developer guide, "Update endpoints with automatic scaling". The wording is this server's own.

    Args:
        config: the new one.
        types: instance types of the variants that are live, by name.
        scaled: names of those that are scalable targets.

    Raises:
        ApiError: ValidationException.
    """
    wanted = {variant["VariantName"]: variant.get("InstanceType") for variant in config.variants}
    for name in sorted(scaled & wanted.keys()):
        if wanted[name] != types.get(name):
            raise validation_exception(
                f"Variant {name} is a target of Application Auto Scaling: its instance type cannot be changed from "
                f"{types.get(name)} to {wanted[name]}. Deregister the scalable target first."
            )


def check(config: EndpointConfig) -> None:
    """What the service's model leaves open and AWS refuses. The wordings are this server's own.

    Source: developer guide, "Serverless inference" (feature exclusions) and "Shadow variants".

    Raises:
        ApiError: ValidationException.
    """
    if len(set(config.names)) < len(config.names):
        raise validation_exception("Production variant names must be unique within an endpoint configuration.")
    for variant in (*config.variants, *config.shadows):
        if ("ServerlessConfig" in variant) == ("InstanceType" in variant):
            raise validation_exception(
                f"Production variant {variant['VariantName']} needs either an InstanceType or a ServerlessConfig."
            )
    if config.serverless and config.shadows:
        raise validation_exception("Shadow variants are not supported for serverless variants.")
    if config.serverless and "DataCaptureConfig" in config.request:
        raise validation_exception("Data capture is not supported for serverless variants.")
    if config.shadows and (len(config.variants) > 1 or len(config.shadows) > 1):
        raise validation_exception("A shadow variant goes with one production variant, and is one itself.")
