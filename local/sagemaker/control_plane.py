"""SageMaker's operations: those that matter here carried out for real, moto's for all the rest.

The two share one backend per account and region, so that moto's lists, tags and searches show our jobs and endpoints.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from local.sagemaker import errors, registry
from local.sagemaker.arns import resource_arn
from local.sagemaker.autoscaling import Autoscaling
from local.sagemaker.aws import Aws, Role, RoleError, split_uri
from local.sagemaker.endpoints import Endpoint, EndpointConfig, Fleet, Model, Variant, load_fleet
from local.sagemaker.errors import ApiError, validation_exception
from local.sagemaker.faults import FaultBoard
from local.sagemaker.rollout import rollout_of
from local.sagemaker.training import IMAGE, TrainingJob
from local.sagemaker.validation import validate

Parameters = dict[str, Any]


class Backend(SageMakerModelBackend):
    """moto's backend, holding our resources in its dictionaries."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        # Our resources have what moto's lists and searches read of its own, and are no subclasses of them.
        self.training_jobs: dict[str, TrainingJob] = {}  # type: ignore[assignment]
        self.models: dict[str, Model] = {}
        self._models = self.models  # type: ignore[assignment]
        self.endpoint_configs: dict[str, EndpointConfig] = {}  # type: ignore[assignment]
        self.endpoints: dict[str, Endpoint] = {}  # type: ignore[assignment]
        #: The newest version by model package group: the number of a deleted one is not given again.
        self.model_package_versions: dict[str, int] = {}

    def arn(self, kind: str, name: str) -> str:
        return resource_arn(kind, name, self.account_id, self.region_name)

    def _get_resource_from_arn(self, arn: str) -> Any:
        stores: dict[str, Any] = {
            "training-job": self.training_jobs,
            "model": self.models,
            "endpoint-config": self.endpoint_configs,
            "endpoint": self.endpoints,
        }
        kind, _, name = arn.rsplit(":", 1)[-1].partition("/")
        if kind == "model-package":
            # A version has the tags of its group.
            kind, name = "model-package-group", name.partition("/")[0]
            arn = self.arn(kind, name)
        if kind not in stores:
            return super()._get_resource_from_arn(arn)
        for resource in stores[kind].values():
            if resource.arn.endswith(f"{kind}/{name.lower()}"):
                return resource
        raise validation_exception(f"Could not find {kind} with name {name}")


Operation = Callable[[Backend, Parameters], Parameters]


class _MotoResponse(SageMakerResponse):
    """moto's answers, from our backend."""

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend

    @property
    def sagemaker_backend(self) -> Backend:
        return self._backend


class ControlPlane:
    """All operations of ``sagemaker``, and the endpoints that ``sagemaker-runtime`` asks. Thread-safe."""

    def __init__(self, aws: Aws, faults: FaultBoard, pace: float, wait_scale: float) -> None:
        self._aws = aws
        self._faults = faults
        self._pace = pace
        self._wait_scale = wait_scale
        self._autoscaling: dict[tuple[str, str], Autoscaling] = {}
        self._backends: dict[tuple[str, str], Backend] = {}
        # moto's backends are no more thread-safe than dictionaries are; nothing here holds this for long.
        self._lock = threading.RLock()
        self._own: Final[dict[str, Operation]] = {
            "CreateTrainingJob": self._create_training_job,
            "DescribeTrainingJob": self._describe_training_job,
            "StopTrainingJob": self._stop_training_job,
            "CreateModel": self._create_model,
            "DescribeModel": self._describe_model,
            "DeleteModel": self._delete_model,
            "CreateEndpointConfig": self._create_endpoint_config,
            "DescribeEndpointConfig": self._describe_endpoint_config,
            "DeleteEndpointConfig": self._delete_endpoint_config,
            "CreateEndpoint": self._create_endpoint,
            "DescribeEndpoint": self._describe_endpoint,
            "UpdateEndpoint": self._update_endpoint,
            "DeleteEndpoint": self._delete_endpoint,
            "CreateModelPackageGroup": self._locked(registry.create_group),
            "DeleteModelPackageGroup": self._locked(registry.delete_group),
            "CreateModelPackage": self._locked(registry.create_package),
            "UpdateModelPackage": self._locked(registry.update_package),
            "DeleteModelPackage": self._locked(registry.delete_package),
            "CreateModelCard": self._locked(registry.create_card),
            "UpdateModelCard": self._locked(registry.update_card),
        }

    def handles(self, operation: str) -> bool:
        """Whether the operation is carried out here, and not by moto."""
        return operation in self._own

    def call(self, operation: str, parameters: Parameters, account: str, region: str) -> Parameters:
        """
        Raises:
            ApiError: as AWS answers.
        """
        validate(operation, parameters)
        return self._own[operation](self._backend(account, region), parameters)

    def call_moto(
        self, operation: str, parameters: Parameters, account: str, region: str, environ: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an operation that moto knows.

        Raises:
            ApiError: the request is malformed, or moto does not know the operation either.
        """
        validate(operation, parameters)
        with self._lock:
            response = _MotoResponse(self._backend(account, region))
            try:
                status, headers, body = response._dispatch(Request(environ))
            except ServiceException as error:
                raise validation_exception(str(error)) from error
            except NotImplementedError as error:
                raise ApiError("UnknownOperationException", f"This local SageMaker has no {operation}") from error
        return int(status), dict(headers), body if isinstance(body, bytes) else str(body).encode()

    def call_autoscaling(self, operation: str, parameters: Parameters, account: str, region: str) -> Parameters:
        """An operation of Application Auto Scaling.

        Raises:
            ApiError: as AWS answers.
        """

        def instances(endpoint: str, variant: str) -> int | None:
            found = self._backend(account, region).endpoints.get(endpoint)
            shown = {item["VariantName"]: item for item in found.production_variants} if found else {}
            return shown[variant]["CurrentInstanceCount"] if variant in shown else None

        with self._lock:
            service = self._autoscaling.setdefault((account, region), Autoscaling(instances))
        return service.call(operation, parameters)

    def variant(self, name: str, target: str | None, account: str, region: str) -> tuple[Variant, Fleet]:
        """The variant to answer a request, and the fleet that it belongs to.

        Raises:
            ApiError: ValidationError, in the words of aws/amazon-sagemaker-examples issues 293 and 559.
        """
        with self._lock:
            endpoint = self._backend(account, region).endpoints.get(name)
        picked = endpoint.pick(target) if endpoint is not None else None
        if picked is None:
            missing = f"Variant {target} of endpoint {name}" if endpoint is not None and target else f"Endpoint {name}"
            raise ApiError("ValidationError", f"{missing} of account {account} not found.")
        return picked

    def tags(self, arn: str, account: str, region: str) -> dict[str, str]:
        """Tags of a resource; none where there is no such resource."""
        with self._lock:
            try:
                resource = self._backend(account, region)._get_resource_from_arn(arn)
            except (ApiError, ServiceException, ValueError, AttributeError):
                return {}
            return {tag["Key"]: tag["Value"] for tag in getattr(resource, "tags", None) or []}

    def counts(self) -> dict[str, int]:
        with self._lock:
            backends = list(self._backends.values())
            return {
                "training_jobs": sum(len(backend.training_jobs) for backend in backends),
                "endpoints": sum(len(backend.endpoints) for backend in backends),
            }

    def close(self) -> None:
        """Stops what runs."""
        with self._lock:
            jobs = [job for backend in self._backends.values() for job in backend.training_jobs.values()]
            endpoints = [endpoint for backend in self._backends.values() for endpoint in backend.endpoints.values()]
        for job in jobs:
            job.stop()
        for endpoint in endpoints:
            endpoint.close()
        for job in jobs:
            job.join(timeout=5)

    def _locked(self, operate: Operation) -> Operation:
        def run(backend: Backend, request: Parameters) -> Parameters:
            with self._lock:
                return operate(backend, request)

        return run

    def _backend(self, account: str, region: str) -> Backend:
        with self._lock:
            if (account, region) not in self._backends:
                self._backends[account, region] = Backend(region, account)
            return self._backends[account, region]

    # -- training jobs

    def _create_training_job(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["TrainingJobName"]
        arn = backend.arn("training-job", name)
        _check_training_request(request)
        self._refuse_used_job_name(backend, name, arn)
        try:
            role = self._aws.assume(request["RoleArn"], backend.region_name, backend.account_id, arn)
        except RoleError as error:
            # Wording: awslabs/predictive-maintenance-using-machine-learning issue 3.
            raise validation_exception(
                f"Could not assume role {request['RoleArn']}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            ) from error
        with self._lock:
            self._refuse_used_job_name(backend, name, arn)
            job = TrainingJob(request, arn, role, self._pace, self._faults)
            backend.training_jobs[name] = job
        job.start()
        return {"TrainingJobArn": arn}

    def _refuse_used_job_name(self, backend: Backend, name: str, arn: str) -> None:
        with self._lock:
            if any(known.lower() == name.lower() for known in backend.training_jobs):
                raise errors.training_job_name_taken(arn)

    def _describe_training_job(self, backend: Backend, request: Parameters) -> Parameters:
        return self._training_job(backend, request).describe()

    def _stop_training_job(self, backend: Backend, request: Parameters) -> Parameters:
        job = self._training_job(backend, request)
        if not job.stop():
            # Wording: awslabs/benchmark-ai issue 928.
            raise validation_exception(
                f"The request was rejected because the training job is in status {job.training_job_status}."
            )
        return {}

    def _training_job(self, backend: Backend, request: Parameters) -> TrainingJob:
        with self._lock:
            job = backend.training_jobs.get(request["TrainingJobName"])
        if job is None:
            raise errors.training_job_not_found()
        return job

    # -- models and endpoint configurations

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
            raise validation_exception("This local SageMaker wants a model's ModelDataUrl and ExecutionRoleArn")
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
        model: Model = self._find(backend.models, "model", "model", backend, request["ModelName"])
        return model.response_object

    def _delete_model(self, backend: Backend, request: Parameters) -> Parameters:
        self._remove(backend.models, "model", "model", backend, request["ModelName"])
        return {}

    def _create_endpoint_config(self, backend: Backend, request: Parameters) -> Parameters:
        name = request["EndpointConfigName"]
        arn = backend.arn("endpoint-config", name)
        variants = request["ProductionVariants"]
        config = EndpointConfig(request, arn)
        if len(set(config.names)) < len(config.names):
            raise validation_exception("Production variant names must be unique within an endpoint configuration.")
        _check_extras(config)
        for variant in (*variants, *config.shadows):
            if ("ServerlessConfig" in variant) == ("InstanceType" in variant):
                raise validation_exception(
                    f"Production variant {variant['VariantName']} needs either an InstanceType or a ServerlessConfig."
                )
            self._find(backend.models, "model", "model", backend, variant.get("ModelName", ""))
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

            def load(config: EndpointConfig) -> Fleet:
                with self._lock:
                    models = dict(backend.models)
                return load_fleet(self._aws, name, arn, config, models)

            def alarms_on(names: Sequence[str]) -> list[str]:
                client = self._aws.client("cloudwatch", backend.region_name)
                found = client.describe_alarms(AlarmNames=list(names), StateValue="ALARM")
                return [alarm["AlarmName"] for alarm in (*found["MetricAlarms"], *found.get("CompositeAlarms", []))]

            def forget() -> None:
                with self._lock:
                    backend.endpoints.pop(name, None)

            endpoint = Endpoint(request, arn, load, self._pace, self._wait_scale, alarms_on, self._faults, forget)
            backend.endpoints[name] = endpoint
            endpoint.create(config)
        return {"EndpointArn": arn}

    def _describe_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        return self._endpoint(backend, request).describe()

    def _update_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        with self._lock:
            endpoint = self._idle_endpoint(backend, request)
            if endpoint.endpoint_status == "Failed":
                # API reference of DescribeEndpoint: DeleteEndpoint is the only operation on a failed endpoint.
                raise validation_exception(f'Cannot update failed endpoint "{endpoint.arn}".')
            config = self._config(backend, request["EndpointConfigName"])
            if config.serverless and not endpoint.serverless:
                # Developer guide, "Update a serverless endpoint"; the wording is this server's own.
                raise validation_exception("Updating a real-time endpoint to a serverless endpoint is not supported.")
            deployment = request.get("DeploymentConfig")
            if deployment and sorted(config.names) != sorted(endpoint.variant_names):
                # Developer guide, deployment guardrails, "Exclusions"; the wording is this server's own.
                raise validation_exception(
                    "With a DeploymentConfig the new endpoint configuration must have the variant names of the old one."
                )
            rollout = rollout_of(deployment, config.instances)
            self._check_alarms(backend, config, rollout.alarms)
            endpoint.update(config, deployment, rollout)
            return {"EndpointArn": endpoint.arn}

    def _check_alarms(self, backend: Backend, config: EndpointConfig, names: Sequence[str]) -> None:
        """The alarms must exist, and the models' role must be allowed to look at them. The wordings are our own."""
        if not names:
            return
        model = backend.models[config.variants[0]["ModelName"]]
        arn = backend.arn("endpoint-config", config.endpoint_config_name)
        try:
            role = self._aws.assume(model.request["ExecutionRoleArn"], backend.region_name, backend.account_id, arn)
            found = role.cloudwatch.describe_alarms(AlarmNames=list(names))
        except (RoleError, ClientError) as error:
            raise validation_exception(
                "The alarms of AutoRollbackConfiguration could not be described. Please ensure that the role "
                f'"{model.request["ExecutionRoleArn"]}" may cloudwatch:DescribeAlarms. ({error})'
            ) from error
        known = {alarm["AlarmName"] for alarm in (*found["MetricAlarms"], *found.get("CompositeAlarms", []))}
        if missing := sorted(set(names) - known):
            raise validation_exception(f"These alarms of AutoRollbackConfiguration do not exist: {', '.join(missing)}")

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

    # -- by name

    def _find(self, store: dict[str, Any], words: str, kind: str, backend: Backend, name: str) -> Any:
        with self._lock:
            if name not in store:
                raise errors.not_found(words, backend.arn(kind, name))
            return store[name]

    def _remove(self, store: dict[str, Any], words: str, kind: str, backend: Backend, name: str) -> None:
        with self._lock:
            self._find(store, words, kind, backend, name)
            del store[name]


def _check_extras(config: EndpointConfig) -> None:
    """What serverless variants cannot have. Source: developer guide, "Serverless inference", exclusions."""
    if config.serverless and (config.shadows or "DataCaptureConfig" in config.request):
        raise validation_exception("Data capture and shadow variants are not supported for serverless variants.")
    if config.shadows and (len(config.variants) > 1 or len(config.shadows) > 1):
        raise validation_exception("A shadow variant goes with one production variant, and is one itself.")


def _check_training_request(request: Parameters) -> None:
    """What the service's model leaves open and AWS checks all the same."""
    for required in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if required not in request:
            name = required[0].lower() + required[1:]
            raise validation_exception(
                f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be "
                "null"
            )
    specification = request["AlgorithmSpecification"]
    if ("TrainingImage" in specification) == ("AlgorithmName" in specification):
        raise validation_exception("Either AlgorithmName or TrainingImage must be specified, and not both.")
    condition = request["StoppingCondition"]
    longest, patience = condition.get("MaxRuntimeInSeconds", 86_400), condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if patience is None or patience < longest:
            raise validation_exception(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif patience is not None:
        raise validation_exception("MaxWaitTimeInSeconds can only be specified when EnableManagedSpotTraining is true")
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    if len(set(channels)) < len(channels):
        raise validation_exception("Channel names must be unique within a training job.")
