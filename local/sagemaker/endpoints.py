"""Models, endpoint configurations and endpoints: what DescribeEndpoint shows, and the threads that bring them up."""

from __future__ import annotations

import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.aws import Aws, RoleError, split_uri
from local.sagemaker.capture import Capture
from local.sagemaker.faults import FaultBoard
from local.sagemaker.logs import LogStream
from local.sagemaker.model_server import ModelLoadError, ModelServer
from local.sagemaker.rollout import Rollout
from local.sagemaker.training import LONGEST_FAILURE_REASON

LOG_GROUP_PREFIX: Final = "/aws/sagemaker/Endpoints/"
BUSY: Final = ("Creating", "Updating", "RollingBack", "Deleting")
ANSWERING: Final = ("InService", "Updating", "RollingBack")
_LOOK_SECONDS: Final = 0.2

# What faults on request say where they are given no reason.
NO_CAPACITY: Final = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)


class DeploymentError(Exception):
    """An endpoint cannot be brought up; the argument is its FailureReason."""


class Model:
    """A model. The attributes in lower case are those that moto's lists read."""

    def __init__(self, request: Mapping[str, Any], arn: str) -> None:
        self.request = request
        self.arn = arn
        self.model_name: str = request["ModelName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.creation_time = datetime.now(UTC)

    @property
    def container(self) -> Mapping[str, Any]:
        """The container that answers: the primary one, or the first of several."""
        primary: Mapping[str, Any] | None = self.request.get("PrimaryContainer")
        return primary if primary is not None else (self.request.get("Containers") or [{}])[0]

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
        return any("ServerlessConfig" in variant for variant in self.variants)

    @property
    def names(self) -> list[str]:
        return [variant["VariantName"] for variant in (*self.variants, *self.shadows)]

    @property
    def instances(self) -> int:
        """Of the smallest variant; 0 of a serverless one."""
        return min(int(variant.get("InitialInstanceCount", 0)) for variant in self.variants)

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


@dataclass(frozen=True)
class Variant:
    """A production variant that answers. The configuration is kept, since it may be deleted under the endpoint."""

    name: str
    server: ModelServer
    weight: float
    instances: int | None
    serverless: dict[str, Any] | None
    image: str
    since: datetime

    def describe(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [
                {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.since}
            ],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
        }
        if self.serverless is not None:
            return shown | {
                "CurrentServerlessConfig": self.serverless,
                "DesiredServerlessConfig": self.serverless,
                "CurrentInstanceCount": 0,
                "DesiredInstanceCount": 0,
            }
        return shown | {"CurrentInstanceCount": self.instances, "DesiredInstanceCount": self.instances}


@dataclass(frozen=True)
class Fleet:
    """The variants of one configuration, ready to answer."""

    variants: list[Variant] = field(default_factory=list)
    shadows: list[Variant] = field(default_factory=list)
    capture: Capture | None = None

    @property
    def names(self) -> list[str]:
        return [variant.name for variant in (*self.variants, *self.shadows)]

    def shadow(self, champion: Variant) -> Variant | None:
        """The shadow that gets a copy of this request, if it does: by its weight beside the champion's."""
        for shadow in self.shadows:
            if random.random() * champion.weight < shadow.weight:  # noqa: S311
                return shadow
        return None


class Endpoint:
    """One endpoint. The attributes in lower case are those that moto's lists read.

    An update brings up a second fleet beside the first, moves the requests to it step by step, and keeps the first
    until the second has baked. What fails, or sets an alarm off, leaves the first fleet where it was.

    Args:
        request: the CreateEndpoint request.
        load: gives the loaded variants of a configuration, or raises DeploymentError.
        pace: seconds that machines take to come up.
        wait_scale: what the waits of a rollout are multiplied by.
        alarms_on: which of some alarms are on.
        faults: what tests asked to go wrong.
        forget: called when the endpoint is deleted.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        arn: str,
        load: Callable[[EndpointConfig], Fleet],
        pace: float,
        wait_scale: float,
        alarms_on: Callable[[Sequence[str]], list[str]],
        faults: FaultBoard,
        forget: Callable[[], None],
    ) -> None:
        self.arn = arn
        self.endpoint_name: str = request["EndpointName"]
        self.endpoint_config_name: str = request["EndpointConfigName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.endpoint_status = "Creating"
        self.failure_reason: str | None = None
        self.creation_time = self.last_modified_time = datetime.now(UTC)
        self._load = load
        self._pace = pace
        self._wait_scale = wait_scale
        self._alarms_on = alarms_on
        self._faults = faults
        self._forget = forget
        self._fleet = Fleet()
        self._next = Fleet()
        #: Share of the requests that the next fleet has got.
        self._shifted = 0.0
        self._pending: dict[str, Any] | None = None
        self._deployment: Any = None
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._shutdown = threading.Event()

    # -- changes; each is refused by the control plane while another is under way

    @property
    def serverless(self) -> bool:
        return any(variant.serverless is not None for variant in self._fleet.variants)

    @property
    def variant_names(self) -> list[str]:
        return self._fleet.names

    @property
    def busy(self) -> bool:
        return self.endpoint_status in BUSY

    def create(self, config: EndpointConfig) -> None:
        self._begin("Creating", lambda: self._create(config))

    def update(self, config: EndpointConfig, deployment: Any = None, rollout: Rollout | None = None) -> None:
        with self._lock:
            self._pending = {"EndpointConfigName": config.endpoint_config_name, "StartTime": datetime.now(UTC)}
            self._deployment = deployment
            self.failure_reason = None
        self._begin("Updating", lambda: self._update(config, rollout or Rollout()))

    def delete(self) -> None:
        self._begin("Deleting", self._delete)

    def close(self, timeout: float = 5) -> None:
        self._shutdown.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _begin(self, status: str, work: Callable[[], None]) -> None:
        with self._lock:
            self._enter(status)
            self._thread = threading.Thread(target=work, name=f"endpoint {self.endpoint_name}", daemon=True)
            self._thread.start()

    def _create(self, config: EndpointConfig) -> None:
        self._shutdown.wait(self._pace)
        try:
            fleet = self._bring_up(config, self._take_fault("Failed") or self._take_fault("HealthCheck"))
        except DeploymentError as failure:
            with self._lock:
                self.failure_reason = str(failure)[:LONGEST_FAILURE_REASON]
                self._enter("Failed")
            return
        with self._lock:
            self._fleet = fleet
            self._enter("InService")

    def _update(self, config: EndpointConfig, rollout: Rollout) -> None:
        self._shutdown.wait(self._pace)
        fault = self._take_fault("RollBack") or self._take_fault("Failed") or self._take_fault("HealthCheck")
        stage = (fault or {}).get("stage", "creating")
        try:
            fleet = self._bring_up(config, fault if stage == "creating" else None)
            self._shift(fleet, rollout, fault if stage == "shifting" else None)
            self._bake(rollout, fault if stage == "baking" else None)
        except DeploymentError as failure:
            if fault is None or fault["outcome"] != "Failed":
                self._roll_back(str(failure))
            else:
                with self._lock:
                    self.failure_reason = str(failure)[:LONGEST_FAILURE_REASON]
                    self._fleet = Fleet()
                    self._enter("Failed")
            return
        with self._lock:
            self._fleet, self._next, self._shifted = fleet, Fleet(), 0.0
            self.endpoint_config_name = config.endpoint_config_name
            self._pending = None
            self._enter("InService")

    def _take_fault(self, outcome: str) -> dict[str, Any] | None:
        return self._faults.take("endpoint", self.endpoint_name, outcome)

    def _bring_up(self, config: EndpointConfig, fault: Mapping[str, Any] | None) -> Fleet:
        if fault is not None:
            unhealthy = fault["outcome"] == "HealthCheck"
            usual = unhealthy_reason(config.variants[0]["VariantName"]) if unhealthy else NO_CAPACITY
            raise DeploymentError(fault.get("reason") or usual)
        wrong = self._take_fault("WrongScores")
        try:
            fleet = self._load(config)
        except Exception as error:
            if isinstance(error, DeploymentError):
                raise
            # The thread's last line of defence: a fault of the laptop ends in a status, not in an endless Creating.
            traceback.print_exc(file=sys.stderr)
            raise DeploymentError(
                f"Request to service failed. If failure persists after retry, contact customer support. ({error})"
            ) from error
        for variant in fleet.variants if wrong else ():
            variant.server.lie()
        return fleet

    def _shift(self, fleet: Fleet, rollout: Rollout, fault: Mapping[str, Any] | None) -> None:
        with self._lock:
            self._next = fleet
        for share in rollout.shares:
            self._show("ActivatingTraffic")
            with self._lock:
                self._shifted = share
            if share < 1:
                self._show("Baking")
                self._watch(rollout.wait, rollout)
            if fault is not None:
                raise DeploymentError(fault.get("reason") or NO_CAPACITY)

    def _bake(self, rollout: Rollout, fault: Mapping[str, Any] | None) -> None:
        self._show("Baking")
        self._watch(rollout.baking, rollout)
        if fault is not None:
            raise DeploymentError(fault.get("reason") or NO_CAPACITY)

    def _show(self, status: str) -> None:
        """What PendingDeploymentSummary says of the new variants."""
        with self._lock:
            self._pending = {
                **(self._pending or {}),
                "ProductionVariants": [
                    {"VariantName": name, "VariantStatus": [{"Status": status, "StartTime": datetime.now(UTC)}]}
                    for name in self._next.names
                ],
            }

    def _watch(self, seconds: float, rollout: Rollout) -> None:
        """Waits with an eye on the alarms.

        Raises:
            DeploymentError: one of them is on.
        """
        deadline = time.monotonic() + seconds * self._wait_scale
        while True:
            if rollout.alarms and (on := self._alarms_on(rollout.alarms)):
                # The wording is this server's own.
                raise DeploymentError(f"One or more alarms are in the ALARM state: {', '.join(on)}. Rolled back.")
            left = deadline - time.monotonic()
            if left <= 0 or self._shutdown.wait(min(_LOOK_SECONDS, left)):
                return

    def _roll_back(self, reason: str) -> None:
        """Back to the old configuration, which never stopped answering: InService, with a reason."""
        with self._lock:
            self._next, self._shifted = Fleet(), 0.0
            self._enter("RollingBack")
        self._shutdown.wait(self._pace / 2)
        with self._lock:
            self.failure_reason = reason[:LONGEST_FAILURE_REASON]
            self._pending = None
            self._enter("InService")

    def _delete(self) -> None:
        self._shutdown.wait(self._pace / 2)
        self._forget()

    def _enter(self, status: str) -> None:
        self.endpoint_status = status
        self.last_modified_time = datetime.now(UTC)

    # -- as seen from outside

    @property
    def production_variants(self) -> list[dict[str, Any]]:
        return [variant.describe() for variant in self._fleet.variants]

    def describe(self) -> dict[str, Any]:
        """DescribeEndpoint's answer."""
        with self._lock:
            answer: dict[str, Any] = {
                "EndpointName": self.endpoint_name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self.endpoint_config_name,
                "EndpointStatus": self.endpoint_status,
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
            }
            if self._fleet.variants:
                answer["ProductionVariants"] = self.production_variants
            if self._fleet.shadows:
                answer["ShadowProductionVariants"] = [variant.describe() for variant in self._fleet.shadows]
            if self._fleet.capture:
                answer["DataCaptureConfig"] = self._fleet.capture.describe()
            if self.failure_reason is not None:
                answer["FailureReason"] = self.failure_reason
            if self._pending is not None:
                answer["PendingDeploymentSummary"] = dict(self._pending)
            if self._deployment is not None:
                answer["LastDeploymentConfig"] = self._deployment
            return answer

    @property
    def response_object(self) -> dict[str, Any]:
        """The endpoint as moto's searches show it."""
        return {"Endpoint": self.describe()}

    def summary(self) -> dict[str, Any]:
        return {
            "EndpointName": self.endpoint_name,
            "EndpointArn": self.arn,
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
            "EndpointStatus": self.endpoint_status,
        }

    def pick(self, target: str | None = None) -> tuple[Variant, Fleet] | None:
        """A variant to answer one request, by weight, and its fleet; None where there is none of the name asked for."""
        with self._lock:
            if self.endpoint_status not in ANSWERING:
                return None
            moved = self._shifted > 0 and random.random() < self._shifted  # noqa: S311
            fleet = self._next if moved else self._fleet
        variants = [variant for variant in fleet.variants if target in (None, variant.name)]
        if not variants:
            return None
        weights = [variant.weight for variant in variants]
        return (random.choices(variants, weights)[0] if sum(weights) else variants[0]), fleet  # noqa: S311


def unhealthy_reason(variant: str) -> str:
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
    region, account = endpoint_arn.split(":")[3:5]
    fleet = Fleet()
    roles = []
    for settings in (*config.variants, *config.shadows):
        model = models.get(settings["ModelName"])
        if model is None:
            raise DeploymentError(f'Could not find model "{settings["ModelName"]}".')
        url = model.container.get("ModelDataUrl", "")
        try:
            role = aws.assume(model.request["ExecutionRoleArn"], region, account, endpoint_arn)
            bucket, key = split_uri(url)
            artefact = role.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (RoleError, ClientError, BotoCoreError) as error:
            raise DeploymentError(
                f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
                "there is an object located at the URL and that the role passed to CreateModel has permissions to "
                "download the object."
            ) from error
        try:
            server = ModelServer(artefact)
        except ModelLoadError as error:
            log = LogStream(
                role.logs, f"{LOG_GROUP_PREFIX}{endpoint_name}", f"{settings['VariantName']}/i-local-{int(time.time())}"
            )
            for line in str(error).splitlines():
                log.write(line)
            log.close()
            print(f"endpoint {endpoint_name}: {error}", file=sys.stderr, flush=True)
            raise DeploymentError(unhealthy_reason(settings["VariantName"])) from error
        roles.append(role)
        (fleet.variants if settings in config.variants else fleet.shadows).append(
            Variant(
                name=settings["VariantName"],
                server=server,
                weight=settings.get("InitialVariantWeight", 1.0),
                instances=settings.get("InitialInstanceCount", 1),
                serverless=settings.get("ServerlessConfig"),
                image=model.container.get("Image", ""),
                since=datetime.now(UTC),
            )
        )
    capture = config.request.get("DataCaptureConfig")
    if capture and capture.get("EnableCapture"):
        return replace(fleet, capture=Capture(roles[0].s3, endpoint_name, capture))
    return fleet
