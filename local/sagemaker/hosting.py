"""The operations of models, endpoint configurations and endpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker import configurations, errors
from local.sagemaker.aws import Aws, Role, RoleError, split_uri
from local.sagemaker.backend import Backend, Operation, Parameters
from local.sagemaker.configurations import EndpointConfig, Model
from local.sagemaker.endpoints import Endpoint, Pace, Update
from local.sagemaker.errors import ApiError, validation_exception
from local.sagemaker.faults import FaultBoard
from local.sagemaker.fleets import Capacity, DeploymentError, Fleet, Variant, load_fleet
from local.sagemaker.rollout import Rollout, rollout_of
from local.sagemaker.training import IMAGE


class Hosting:
    """Thread-safe: what is looked up and changed in a backend is so under ``lock``, which is held for no request.

    Args:
        lock: the control plane's.
        scaled: names of the variants of an endpoint that are scalable targets.
    """

    def __init__(
        self,
        aws: Aws,
        faults: FaultBoard,
        pace: Pace,
        lock: threading.RLock,
        scaled: Callable[[Backend, str], frozenset[str]],
    ) -> None:
        self._aws = aws
        self._faults = faults
        self._pace = pace
        self._lock = lock
        self._scaled = scaled
        self.operations: Final[dict[str, Operation]] = {
            "CreateModel": self._create_model,
            "DescribeModel": self._describe_model,
            "DeleteModel": self._delete_model,
            "CreateEndpointConfig": self._create_endpoint_config,
            "DescribeEndpointConfig": self._describe_endpoint_config,
            "DeleteEndpointConfig": self._delete_endpoint_config,
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "UpdateEndpointWeightsAndCapacities": self._update_weights_and_capacities,
            "DeleteEndpoint": self._delete_endpoint,
        }

    def variant(self, backend: Backend, name: str, target: str | None) -> tuple[Variant, Fleet]:
        """The variant to answer a request, and the fleet that it belongs to.

        Raises:
            ApiError: ValidationError, in the words of aws/amazon-sagemaker-examples issues 293 and 559.
        """
        with self._lock:
            endpoint = backend.endpoints.get(name)
        picked = endpoint.pick(target) if endpoint is not None else None
        if picked is None:
            missing = f"Variant {target} of endpoint {name}" if endpoint is not None and target else f"Endpoint {name}"
            raise ApiError("ValidationError", f"{missing} of account {backend.account_id} not found.")
        return picked

    def capacity(self, backend: Backend, name: str, variant: str) -> Capacity | None:
        """What a production variant has now; None if there is no such variant."""
        with self._lock:
            endpoint = backend.endpoints.get(name)
        variants = endpoint.fleet.variants if endpoint is not None else []
        return next((item.capacity for item in variants if item.name == variant), None)

    def scale(self, backend: Backend, name: str, variant: str, capacity: Capacity) -> None:
        """Gives a variant another capacity, unless its endpoint is busy."""
        with self._lock:
            endpoint = backend.endpoints.get(name)
            if endpoint is not None and endpoint.endpoint_status == "InService":
                endpoint.resize({variant: capacity})

    # -- models

    def _create_model(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["ModelName"]
        arn = backend.arn("model", name)
        model = Model(request, arn)
        if not model.container:
            raise validation_exception("At least one of PrimaryContainer or Containers must be provided.")
        with self._lock:
            if name in backend.models:
                raise errors.already_exists("model", arn)
        image = model.container.get("Image", "")
        if not IMAGE.fullmatch(image):
            raise validation_exception(f"Requested image {image} not found.")
        self._check_model_data(backend, model)
        with self._lock:
            if name in backend.models:
                raise errors.already_exists("model", arn)
            backend.models[name] = model
        return {"ModelArn": arn}

    def _check_model_data(self, backend: Backend, model: Model) -> None:
        url = model.container.get("ModelDataUrl")
        role_arn = model.request.get("ExecutionRoleArn")
        if not url or not role_arn:
            raise validation_exception("This local SageMaker needs a model's ModelDataUrl and ExecutionRoleArn")
        try:
            role: Role | None = self._aws.assume(role_arn, backend.region_name, backend.account_id, model.arn)
        except RoleError:
            role = None
        try:
            bucket, key = split_uri(url)
            if role is not None:
                role.s3.head_object(Bucket=bucket, Key=key)
                return
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise validation_exception(f"Could not find model data at {url}.") from error
        raise validation_exception(
            f'Could not access model data at {url}. Please ensure that the role "{role_arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object '
            f"is located in {backend.region_name}."
        )

    def _describe_model(self, backend: Backend, request: Parameters) -> Parameters:
        return self._model(backend, request["ModelName"]).response_object

    def _delete_model(self, backend: Backend, request: Parameters) -> Parameters:
        self._remove(backend.models, "model", "model", backend, request["ModelName"])
        return {}

    def _model(self, backend: Backend, name: str) -> Model:
        model: Model = self._find(backend.models, "model", "model", backend, name)
        return model

    # -- endpoint configurations

    def _create_endpoint_config(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["EndpointConfigName"]
        arn = backend.arn("endpoint-config", name)
        config = EndpointConfig(request, arn)
        configurations.check(config)
        for variant in (*config.variants, *config.shadows):
            self._model(backend, variant.get("ModelName", ""))
        with self._lock:
            if name in backend.endpoint_configs:
                raise errors.already_exists("endpoint configuration", arn)
            backend.endpoint_configs[name] = config
        return {"EndpointConfigArn": arn}

    def _describe_endpoint_config(self, backend: Backend, request: Parameters) -> Parameters:
        return self._config(backend, request["EndpointConfigName"]).response_object

    def _delete_endpoint_config(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["EndpointConfigName"]
        self._remove(backend.endpoint_configs, "endpoint configuration", "endpoint-config", backend, name)
        return {}

    def _config(self, backend: Backend, name: str) -> EndpointConfig:
        config: EndpointConfig = self._find(
            backend.endpoint_configs, "endpoint configuration", "endpoint-config", backend, name
        )
        return config

    # -- endpoints

    def _create_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["EndpointName"]
        arn = backend.arn("endpoint", name)
        with self._lock:
            if name in backend.endpoints:
                raise errors.already_exists("endpoint", arn)
            config = self._config(backend, request["EndpointConfigName"])
            self._new_endpoint(backend, request, arn).create(config)
        return {"EndpointArn": arn}

    def restore_endpoint(self, backend: Backend, saved: Parameters) -> None:
        """Brings up an endpoint of a process that has ended."""
        request = {"EndpointName": saved["endpoint_name"], "EndpointConfigName": saved["endpoint_config_name"]}
        with self._lock:
            self._new_endpoint(backend, request, saved["arn"]).restore(saved)

    def _new_endpoint(self, backend: Backend, request: Parameters, arn: str) -> Endpoint:
        name = request["EndpointName"]

        def load(config: EndpointConfig) -> Fleet:
            with self._lock:
                models = dict(backend.models)
            return load_fleet(self._aws, name, arn, config, models)

        def forget() -> None:
            with self._lock:
                backend.endpoints.pop(name, None)

        endpoint = Endpoint(request, arn, load, self._pace, self._faults, forget)
        backend.endpoints[name] = endpoint
        return endpoint

    def _describe_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        return self._endpoint(backend, request).describe()

    def _update_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        endpoint = self._changeable_endpoint(backend, request)
        config = self._config(backend, request["EndpointConfigName"])
        if config.serverless and not endpoint.fleet.serverless:
            # Developer guide, "Update a serverless endpoint"; the wording is this server's own.
            raise validation_exception("Updating a real-time endpoint to a serverless endpoint is not supported.")
        configurations.check_scaled(config, endpoint.fleet.types, self._scaled(backend, endpoint.endpoint_name))
        if request.get("RetainAllVariantProperties"):
            config = _retaining(config, endpoint.fleet, request.get("ExcludeRetainedVariantProperties", []))
        deployment = request.get("DeploymentConfig")
        if deployment is None and request.get("RetainDeploymentConfig"):
            deployment = endpoint.last_deployment
        if deployment and sorted(config.names) != sorted(endpoint.fleet.names):
            # Developer guide, deployment guardrails, "Exclusions"; the wording is this server's own.
            raise validation_exception(
                "With a DeploymentConfig the new endpoint configuration must have the variant names of the old one."
            )
        rollout = rollout_of(deployment, config)
        alarms_on = self._watch(backend, config, rollout)
        with self._lock:
            # Once more: the alarms were asked for without the lock.
            if self._changeable_endpoint(backend, request) is not endpoint:
                raise errors.in_progress(endpoint.arn)
            endpoint.update(Update(config, deployment, rollout, alarms_on))
        return {"EndpointArn": endpoint.arn}

    def _watch(self, backend: Backend, config: EndpointConfig, rollout: Rollout) -> Callable[[], Sequence[str]]:
        """Which alarms are on, as the execution role of the first variant's model sees it.

        Developer guide, "Auto-Rollback Configuration and Monitoring": the execution role needs
        cloudwatch:DescribeAlarms on the alarms. The wordings are this server's own.

        Raises:
            ApiError: the role may not, or there is no such alarm.
        """
        if not rollout.alarms:
            return lambda: ()
        model = self._model(backend, config.variants[0]["ModelName"])
        try:
            role = self._aws.assume(model.role_arn, backend.region_name, backend.account_id, config.arn)
            states = _alarm_states(role, rollout.alarms)
        except (RoleError, ClientError, BotoCoreError) as error:
            raise validation_exception(
                "The alarms of AutoRollbackConfiguration could not be described. Please ensure that the role "
                f'"{model.role_arn}" may cloudwatch:DescribeAlarms. ({error})'
            ) from error
        if missing := sorted(set(rollout.alarms) - set(states)):
            raise validation_exception(f"These alarms of AutoRollbackConfiguration do not exist: {', '.join(missing)}")

        def alarms_on() -> list[str]:
            try:
                found = _alarm_states(role, rollout.alarms)
            except (RoleError, ClientError, BotoCoreError) as error:
                raise DeploymentError(f"The alarms could not be described. Rolled back. ({error})") from error
            return [name for name in rollout.alarms if found.get(name) == "ALARM"]

        return alarms_on

    def _update_weights_and_capacities(self, backend: Backend, request: Parameters) -> Parameters:
        with self._lock:
            endpoint = self._changeable_endpoint(backend, request)
            variants = {item.name: item for item in (*endpoint.fleet.variants, *endpoint.fleet.shadows)}
            desired = {}
            for asked in request["DesiredWeightsAndCapacities"]:
                name = asked["VariantName"]
                if name not in variants:
                    # The wording is this server's own.
                    raise validation_exception(f'Could not find variant "{name}" of endpoint "{endpoint.arn}".')
                desired[name] = _desired(variants[name], asked)
            endpoint.resize(desired)
        return {"EndpointArn": endpoint.arn}

    def _delete_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        with self._lock:
            self._idle_endpoint(backend, request).delete()
        return {}

    def _endpoint(self, backend: Backend, request: Parameters) -> Endpoint:
        endpoint: Endpoint = self._find(backend.endpoints, "endpoint", "endpoint", backend, request["EndpointName"])
        return endpoint

    def _idle_endpoint(self, backend: Backend, request: Parameters) -> Endpoint:
        endpoint = self._endpoint(backend, request)
        if endpoint.busy:
            raise errors.in_progress(endpoint.arn)
        return endpoint

    def _changeable_endpoint(self, backend: Backend, request: Parameters) -> Endpoint:
        endpoint = self._idle_endpoint(backend, request)
        if endpoint.endpoint_status == "Failed":
            # API reference of DescribeEndpoint: DeleteEndpoint is the only operation on a failed endpoint.
            raise validation_exception(f'Cannot update failed endpoint "{endpoint.arn}".')
        return endpoint

    # -- by name

    def _find(self, store: dict[str, Any], words: str, kind: str, backend: Backend, name: str) -> Any:
        # Models and configurations alone: reads of what was made a moment ago are eventually consistent.
        invisible = store is not backend.endpoints and self._faults.take("invisible", name) is not None
        with self._lock:
            if invisible or name not in store:
                raise errors.not_found(words, backend.arn(kind, name))
            return store[name]

    def _remove(self, store: dict[str, Any], words: str, kind: str, backend: Backend, name: str) -> None:
        with self._lock:
            self._find(store, words, kind, backend, name)
            del store[name]


def _retaining(config: EndpointConfig, fleet: Fleet, excluded: Sequence[Mapping[str, str]]) -> EndpointConfig:
    """What RetainAllVariantProperties keeps of the fleet that is live, in variants of the same name."""
    left_out = {item["VariantPropertyType"] for item in excluded}
    properties: dict[str, dict[str, Any]] = {}
    for variant in (*fleet.variants, *fleet.shadows):
        kept = properties.setdefault(variant.name, {})
        if "DesiredWeight" not in left_out:
            kept["InitialVariantWeight"] = variant.desired.weight
        if "DesiredInstanceCount" not in left_out and variant.desired.serverless is None:
            kept["InitialInstanceCount"] = variant.desired.instances
    capture = fleet.capture.config if fleet.capture and "DataCaptureConfig" not in left_out else None
    return config.retaining(properties, capture)


def _desired(variant: Variant, asked: Mapping[str, Any]) -> Capacity:
    """The wordings are this server's own."""
    has = variant.desired
    if has.serverless is None and "ServerlessUpdateConfig" in asked:
        raise validation_exception(f"Variant {variant.name} is not serverless.")
    if has.serverless is not None and "DesiredInstanceCount" in asked:
        raise validation_exception(f"Variant {variant.name} is serverless: it has no instances.")
    if asked.get("DesiredInstanceCount") == 0:
        raise validation_exception(f"Variant {variant.name} needs a DesiredInstanceCount of 1 or more.")
    return replace(
        has,
        weight=float(asked.get("DesiredWeight", has.weight)),
        instances=int(asked.get("DesiredInstanceCount", has.instances)),
        serverless=has.serverless and {**has.serverless, **asked.get("ServerlessUpdateConfig", {})},
    )


def _alarm_states(role: Role, names: Sequence[str]) -> dict[str, str]:
    found = role.cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = (*found["MetricAlarms"], *found.get("CompositeAlarms", []))
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}
