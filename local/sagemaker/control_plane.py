"""SageMaker's operations: those that matter here carried out for real, moto's for all the rest.

The two share one backend per account and region, so that moto's lists, tags and searches show our jobs and endpoints.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Mapping
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.core.request import Request
from moto.sagemaker.responses import SageMakerResponse

from local.sagemaker import errors, registry
from local.sagemaker.autoscaling import Autoscaling, ScalableVariants
from local.sagemaker.aws import Aws, RoleError
from local.sagemaker.backend import Backend, Operation, Parameters
from local.sagemaker.endpoints import Pace
from local.sagemaker.errors import ApiError, validation_exception
from local.sagemaker.faults import FaultBoard
from local.sagemaker.fleets import Fleet, Variant
from local.sagemaker.hosting import Hosting
from local.sagemaker.training import TrainingJob
from local.sagemaker.validation import validate


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

    def __init__(self, aws: Aws, faults: FaultBoard, pace: Pace) -> None:
        self._aws = aws
        self._faults = faults
        self._pace = pace
        self._autoscaling: dict[tuple[str, str], Autoscaling] = {}
        self._backends: dict[tuple[str, str], Backend] = {}
        # moto's backends are no more thread-safe than dictionaries are; nothing here holds this for long.
        self._lock = threading.RLock()
        self._hosting = Hosting(aws, faults, pace, self._lock, self._scaled_variants)
        self._own: Final[dict[str, Operation]] = {
            "CreateTrainingJob": self._create_training_job,
            "DescribeTrainingJob": self._describe_training_job,
            "StopTrainingJob": self._stop_training_job,
            **self._hosting.operations,
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
        return self._scaling(account, region).call(operation, parameters)

    def scales(self, endpoint: Any, account: str, region: str) -> bool:
        """Whether a variant of the endpoint is a scalable target."""
        return bool(self._scaling(account, region).variants_of(str(endpoint)))

    def _scaled_variants(self, backend: Backend, endpoint: str) -> frozenset[str]:
        return self._scaling(backend.account_id, backend.region_name).variants_of(endpoint)

    def _delete_endpoint(self, backend: Backend, request: Parameters) -> Parameters:
        """Deletes an endpoint, and what scales it: that the caller may do so was seen before."""
        answer = self._hosting.operations["DeleteEndpoint"](backend, request)
        self._scaling(backend.account_id, backend.region_name).forget(request["EndpointName"])
        return answer

    def variant(self, name: str, target: str | None, account: str, region: str) -> tuple[Variant, Fleet]:
        """The variant to answer a request, and the fleet that it belongs to.

        Raises:
            ApiError: ValidationError, there is none.
        """
        return self._hosting.variant(self._backend(account, region), name, target)

    def tags(self, arn: str, account: str, region: str) -> dict[str, str]:
        """Tags of a resource; none if there is no such resource."""
        with self._lock:
            try:
                resource = self._backend(account, region)._get_resource_from_arn(arn)
            except (ApiError, ServiceException, ValueError, AttributeError):
                return {}
            return {tag["Key"]: tag["Value"] for tag in getattr(resource, "tags", None) or []}

    def saved(self) -> dict[str, Any]:
        """All that is to outlive the process."""
        with self._lock:
            autoscaling = [
                {"account": account, "region": region, **service.saved()}
                for (account, region), service in self._autoscaling.items()
            ]
            # A copy: what it was made of changes while it is written.
            return copy.deepcopy(
                {"backends": [backend.saved() for backend in self._backends.values()], "autoscaling": autoscaling}
            )

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes up what a process before this one saved. Endpoints come up by and by: the AWS beside must answer."""
        for item in saved.get("backends", []):
            backend = self._backend(item["account"], item["region"])
            backend.restore(item, self._faults)
            for endpoint in item["endpoints"]:
                self._hosting.restore_endpoint(backend, endpoint)
        for item in saved.get("autoscaling", []):
            self._scaling(item["account"], item["region"]).restore(item)

    def coming_up(self) -> bool:
        """Whether an endpoint is being created."""
        with self._lock:
            endpoints = [endpoint for backend in self._backends.values() for endpoint in backend.endpoints.values()]
        return any(endpoint.endpoint_status == "Creating" for endpoint in endpoints)

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

    def _scaling(self, account: str, region: str) -> Autoscaling:
        backend = self._backend(account, region)
        with self._lock:
            if (account, region) not in self._autoscaling:
                variants = ScalableVariants(
                    functools.partial(self._hosting.capacity, backend), functools.partial(self._hosting.scale, backend)
                )
                self._autoscaling[account, region] = Autoscaling(account, region, variants)
            return self._autoscaling[account, region]

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
            job = TrainingJob(request, arn, role, self._pace.machines, self._faults)
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
    max_seconds, patience = condition.get("MaxRuntimeInSeconds", 86_400), condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if patience is None or patience < max_seconds:
            raise validation_exception(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif patience is not None:
        raise validation_exception("MaxWaitTimeInSeconds can only be specified when EnableManagedSpotTraining is true")
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    if len(set(channels)) < len(channels):
        raise validation_exception("Channel names must be unique within a training job.")
