"""Endpoints: what DescribeEndpoint shows, and the threads that bring them up and move their requests."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from local.sagemaker.configurations import EndpointConfig
from local.sagemaker.faults import FaultBoard
from local.sagemaker.fleets import Capacity, DeploymentError, Fleet, Variant, unhealthy_reason
from local.sagemaker.rollout import Rollout
from local.sagemaker.training import MAX_FAILURE_REASON

BUSY: Final = ("Creating", "Updating", "RollingBack", "Deleting")
ANSWERING: Final = ("InService", "Updating", "RollingBack")
ALARM_POLL_SECONDS: Final = 0.2

# What faults on request say if they are given no reason.
NO_CAPACITY: Final = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)


@dataclass(frozen=True)
class Pace:
    """How long things take.

    Attributes:
        machines: seconds that machines take to come up.
        wait_scale: what the waits of a rollout are multiplied by.
    """

    machines: float
    wait_scale: float


@dataclass(frozen=True)
class Update:
    """An update that has been checked.

    Attributes:
        config: the new configuration, with what is retained of the old one.
        deployment: DeploymentConfig, as DescribeEndpoint shows it afterwards; None leaves the last one.
        rollout: what follows from it.
        alarms_on: which of the rollout's alarms are on. Raises DeploymentError if nobody can tell.
    """

    config: EndpointConfig
    deployment: Mapping[str, Any] | None
    rollout: Rollout
    alarms_on: Callable[[], Sequence[str]]


class Endpoint:
    """One endpoint. The attributes in lower case are those that moto's lists read.

    An update brings up a second fleet beside the first, moves the requests to it step by step, and keeps the first
    until the second has baked. What fails, or sets an alarm off, leaves the first fleet where it was. A request keeps
    the fleet that it was given, whatever becomes of the endpoint meanwhile, so that no answer is lost in a switch.

    Args:
        request: the CreateEndpoint request.
        load: gives the fleet of a configuration, or raises DeploymentError.
        pace: how long things take.
        faults: what tests asked to go wrong.
        forget: called when the endpoint is deleted.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        arn: str,
        load: Callable[[EndpointConfig], Fleet],
        pace: Pace,
        faults: FaultBoard,
        forget: Callable[[], None],
    ) -> None:
        self.arn = arn
        self.endpoint_name: str = request["EndpointName"]
        self.endpoint_config_name: str = request["EndpointConfigName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.endpoint_status = "Creating"
        self.failure_reason: str | None = None
        self.last_deployment: Mapping[str, Any] | None = None
        self.creation_time = self.last_modified_time = datetime.now(UTC)
        self._load = load
        self._pace = pace
        self._faults = faults
        self._forget = forget
        self._fleet = Fleet()
        self._next = Fleet()
        self._config: EndpointConfig | None = None
        """Configuration of the fleet that is in service, or of the first one while it comes up."""
        self._shifted = 0.0
        """Share of the requests that the next fleet has got."""
        self._pending: dict[str, Any] | None = None
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._shutdown = threading.Event()

    # -- what outlives the process

    def saved(self) -> dict[str, Any]:
        with self._lock:
            return {
                "endpoint_name": self.endpoint_name,
                "endpoint_config_name": self.endpoint_config_name,
                "arn": self.arn,
                "tags": self.tags,
                "creation_time": self.creation_time,
                "last_modified_time": self.last_modified_time,
                "failed": self.endpoint_status == "Failed",
                "failure_reason": self.failure_reason,
                "last_deployment": self.last_deployment,
                "config": self._config.saved() if self._config is not None else None,
                "capacities": {
                    name: {"weight": item.weight, "instances": item.instances, "serverless": item.serverless}
                    for name, item in self._fleet.capacities.items()
                },
            }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes up what an endpoint of this name saved, and brings up its fleet. An update that was under way is void.

        What happened to the endpoint remains as it was: it is not modified by this.
        """
        self.tags, self.creation_time = saved["tags"], saved["creation_time"]
        self.last_deployment, self.failure_reason = saved["last_deployment"], saved["failure_reason"]
        if saved["failed"]:
            self.endpoint_status = "Failed"
        else:
            config = EndpointConfig.restored(saved["config"])
            capacities = {name: Capacity(**item) for name, item in saved["capacities"].items()}
            self._begin("Creating", lambda: self._restore(config, capacities, saved["last_modified_time"]))
        self.last_modified_time = saved["last_modified_time"]

    def _restore(self, config: EndpointConfig, capacities: Mapping[str, Capacity], modified: datetime) -> None:
        try:
            with _as_deployment_error():
                fleet = self._load(config).desiring(capacities).resized()
        except DeploymentError as failure:
            self._fail(failure)
            return
        with self._lock:
            self._fleet, self._config = fleet, config
            self._enter("InService")
            self.last_modified_time = modified

    # -- changes; each is refused by its caller while another is under way

    @property
    def fleet(self) -> Fleet:
        """The one that is in service; during an update, the old one."""
        return self._fleet

    @property
    def busy(self) -> bool:
        return self.endpoint_status in BUSY

    @property
    def leaving(self) -> bool:
        return self.endpoint_status == "Deleting"

    def create(self, config: EndpointConfig) -> None:
        self._config = config
        self._begin("Creating", lambda: self._create(config))

    def update(self, update: Update) -> None:
        with self._lock:
            self._pending = {
                "EndpointConfigName": update.config.endpoint_config_name,
                "StartTime": datetime.now(UTC),
                **_pending_variants(update.config, "Creating"),
            }
            self.last_deployment = update.deployment or self.last_deployment
            self.failure_reason = None
            self._begin("Updating", lambda: self._update(update))

    def resize(self, desired: Mapping[str, Capacity]) -> None:
        """Gives variants, by name, other weights and numbers of instances."""
        with self._lock:
            self._fleet = self._fleet.desiring(desired)
            self.failure_reason = None
            self._begin("Updating", self._resize)

    def delete(self) -> None:
        self._begin("Deleting", self._delete)

    def close(self, timeout: float = 5) -> None:
        """Ends the threads, and writes what has been captured."""
        self._shutdown.set()
        if self._thread is not None:
            self._thread.join(timeout)
        for fleet in (self._fleet, self._next):
            fleet.flush()

    def _begin(self, status: str, work: Callable[[], None]) -> None:
        with self._lock:
            self._enter(status)
            self._thread = threading.Thread(target=work, name=f"endpoint {self.endpoint_name}", daemon=True)
            self._thread.start()

    def _create(self, config: EndpointConfig) -> None:
        self._shutdown.wait(self._pace.machines)
        try:
            with _as_deployment_error():
                fleet = self._bring_up(config, self._take_fault("Failed", "HealthCheck"))
        except DeploymentError as failure:
            self._fail(failure)
            return
        with self._lock:
            self._fleet = fleet
            self._enter("InService")

    def _update(self, update: Update) -> None:
        self._shutdown.wait(self._pace.machines)
        fault = self._take_fault("RollBack", "Failed", "HealthCheck") or {}

        def fault_at(stage: str) -> Mapping[str, Any] | None:
            return fault if fault and fault.get("stage", "creating") == stage else None

        try:
            with _as_deployment_error():
                fleet = self._bring_up(update.config, fault_at("creating"))
                self._shift(fleet, update, fault_at("shifting"))
                self._bake(update, fault_at("baking"))
        except DeploymentError as failure:
            if fault.get("outcome") == "Failed":
                self._fail(failure)
            else:
                self._roll_back(failure)
            return
        with self._lock:
            old, self._fleet, self._config = self._fleet, fleet, update.config
            self._next, self._shifted, self._pending = Fleet(), 0.0, None
            self.endpoint_config_name = update.config.endpoint_config_name
            self._enter("InService")
        old.flush()

    def _resize(self) -> None:
        self._shutdown.wait(self._pace.machines)
        with self._lock:
            self._fleet = self._fleet.resized()
            self._enter("InService")

    def _delete(self) -> None:
        self._shutdown.wait(self._pace.machines / 2)
        self._forget()
        self._fleet.flush()

    def _take_fault(self, *outcomes: str) -> dict[str, Any] | None:
        taken = (self._faults.take("endpoint", self.endpoint_name, outcome) for outcome in outcomes)
        return next((fault for fault in taken if fault is not None), None)

    def _bring_up(self, config: EndpointConfig, fault: Mapping[str, Any] | None) -> Fleet:
        _raise(fault, config)
        fleet = self._load(config)
        if self._take_fault("WrongScores"):
            for variant in fleet.variants:
                variant.server.lie()
        return fleet

    def _shift(self, fleet: Fleet, update: Update, fault: Mapping[str, Any] | None) -> None:
        """Gives the new fleet its shares of the requests, one after the other."""
        with self._lock:
            self._next = fleet
        for share in update.rollout.shares:
            self._show(update.config, "ActivatingTraffic")
            with self._lock:
                self._shifted = share
            if share < 1:
                self._show(update.config, "Baking")
                self._watch(update.rollout.wait, update)
            _raise(fault, update.config)

    def _bake(self, update: Update, fault: Mapping[str, Any] | None) -> None:
        self._show(update.config, "Baking")
        self._watch(update.rollout.baking, update)
        _raise(fault, update.config)

    def _watch(self, seconds: float, update: Update) -> None:
        """Waits and watches the alarms.

        Raises:
            DeploymentError: one of them is on.
        """
        deadline = time.monotonic() + seconds * self._pace.wait_scale
        while not self._shutdown.is_set():
            if on := update.alarms_on():
                # The wording is this server's own.
                raise DeploymentError(f"One or more alarms are in the ALARM state: {', '.join(on)}. Rolled back.")
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._shutdown.wait(min(ALARM_POLL_SECONDS, left))

    def _roll_back(self, failure: DeploymentError) -> None:
        """Back to the old fleet, which never stopped answering: InService on its configuration, with a reason."""
        with self._lock:
            left, self._next, self._shifted = self._next, Fleet(), 0.0
            self._enter("RollingBack")
        left.flush()
        self._shutdown.wait(self._pace.machines / 2)
        with self._lock:
            self.failure_reason = str(failure)[:MAX_FAILURE_REASON]
            self._pending = None
            self._enter("InService")

    def _fail(self, failure: DeploymentError) -> None:
        """Out of service for good."""
        with self._lock:
            left = (self._fleet, self._next)
            self.failure_reason = str(failure)[:MAX_FAILURE_REASON]
            self._fleet, self._next, self._shifted, self._pending = Fleet(), Fleet(), 0.0, None
            self._enter("Failed")
        for fleet in left:
            fleet.flush()

    def _show(self, config: EndpointConfig, status: str) -> None:
        """What PendingDeploymentSummary says of the new variants."""
        with self._lock:
            self._pending = {**(self._pending or {}), **_pending_variants(config, status)}

    def _enter(self, status: str) -> None:
        self.endpoint_status = status
        self.last_modified_time = datetime.now(UTC)

    # -- as seen from outside

    def pick(self, target: str | None = None) -> tuple[Variant, Fleet] | None:
        """A variant to answer one request, and its fleet; None if there is none, or none of the name asked for."""
        with self._lock:
            if self.endpoint_status not in ANSWERING:
                return None
            fleet = self._next if random.random() < self._shifted else self._fleet  # noqa: S311
        variant = fleet.pick(target)
        return (variant, fleet) if variant is not None else None

    @property
    def production_variants(self) -> list[dict[str, Any]]:
        return [variant.describe() for variant in self._fleet.variants]

    def describe(self) -> dict[str, Any]:
        """DescribeEndpoint's answer."""
        with self._lock:
            fleet = self._fleet
            answer: dict[str, Any] = {
                "EndpointName": self.endpoint_name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self.endpoint_config_name,
                "EndpointStatus": self.endpoint_status,
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
            }
            if fleet.variants:
                answer["ProductionVariants"] = self.production_variants
            if fleet.shadows:
                answer["ShadowProductionVariants"] = [variant.describe() for variant in fleet.shadows]
            if fleet.capture:
                answer["DataCaptureConfig"] = fleet.capture.describe()
            if self.failure_reason is not None:
                answer["FailureReason"] = self.failure_reason
            if self._pending is not None:
                answer["PendingDeploymentSummary"] = dict(self._pending)
            if self.last_deployment is not None:
                answer["LastDeploymentConfig"] = self.last_deployment
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


def _pending_variants(config: EndpointConfig, status: str) -> dict[str, Any]:
    """Members of PendingDeploymentSummary."""
    since = datetime.now(UTC)

    def shown(settings: Mapping[str, Any]) -> dict[str, Any]:
        desired = Capacity.initial(settings)
        up = Capacity(0.0) if status == "Creating" else desired
        return {
            "VariantName": settings["VariantName"],
            **({"InstanceType": settings["InstanceType"]} if "InstanceType" in settings else {}),
            **up.describe("Current"),
            **desired.describe("Desired"),
            "VariantStatus": [{"Status": status, "StartTime": since}],
        }

    shadows = {"ShadowProductionVariants": [shown(item) for item in config.shadows]} if config.shadows else {}
    return {"ProductionVariants": [shown(item) for item in config.variants], **shadows}


def _raise(fault: Mapping[str, Any] | None, config: EndpointConfig) -> None:
    if fault is not None:
        unhealthy = fault["outcome"] == "HealthCheck"
        usual = unhealthy_reason(config.variants[0]["VariantName"]) if unhealthy else NO_CAPACITY
        raise DeploymentError(fault.get("reason") or usual)


@contextlib.contextmanager
def _as_deployment_error() -> Iterator[None]:
    """A thread's last line of defence: a fault of the laptop ends in a status, not in an endless Creating."""
    try:
        yield
    except DeploymentError:
        raise
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        raise DeploymentError(
            f"Request to service failed. If failure persists after retry, contact customer support. ({error})"
        ) from error
