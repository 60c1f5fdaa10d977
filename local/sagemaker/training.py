"""A training job: what CreateTrainingJob asked for, the thread that does it, what DescribeTrainingJob shows of it."""

from __future__ import annotations

import copy
import io
import re
import sys
import tarfile
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from botocore.exceptions import ClientError

from local.sagemaker import algorithm
from local.sagemaker.aws import Role, split_uri
from local.sagemaker.faults import FaultBoard
from local.sagemaker.hyperparameters import MAXIMIZED_METRICS, MINIMIZED_METRICS, ContainerError, UserError
from local.sagemaker.logs import LogStream

LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"
MAX_FAILURE_REASON: Final = 1024
DEFAULT_MAX_RUNTIME_SECONDS: Final = 86_400

IMAGE: Final = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/sagemaker-xgboost:" + re.escape(algorithm.VERSION)
)
"""The one image that this SageMaker has: any account and region, since no registry is asked."""

MESSAGES: Final = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
ECHOED: Final = (
    "TrainingJobName", "HyperParameters", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig",
    "VpcConfig", "CheckpointConfig", "DebugHookConfig", "ExperimentConfig", "DebugRuleConfigurations",
    "TensorBoardOutputConfig", "ProfilerConfig", "ProfilerRuleConfigurations", "Environment", "RetryStrategy",
)  # fmt: skip

# sagemaker-containers and the algorithm print this before the message, which FailureReason therefore rarely reaches.
# Source of the frames: aws/amazon-sagemaker-examples issue 4555.
_SITE: Final = "/miniconda3/lib/python3.10/site-packages"
_FRAMES: Final = (
    ("sagemaker_containers/cli/train.py", 21, "main", "trainer.train()"),
    ("sagemaker_containers/_trainer.py", 84, "train", "entrypoint()"),
    ("sagemaker_xgboost_container/training.py", 102, "main", "train(framework.training_env())"),
    ("sagemaker_xgboost_container/training.py", 98, "train", "run_algorithm_mode()"),
    ("sagemaker_xgboost_container/training.py", 64, "run_algorithm_mode", "sagemaker_train("),
    ("sagemaker_xgboost_container/algorithm_mode/train.py", 230, "sagemaker_train", "train_job(**train_args)"),
    ("sagemaker_xgboost_container/algorithm_mode/train.py", 365, "train_job", "raise exc.AlgorithmError("),
)


_KEPT: Final = (
    "tags", "creation_time", "last_modified_time", "training_start_time", "training_end_time", "training_job_status",
    "secondary_status", "failure_reason", "_transitions", "_metrics", "_metrics_time", "_artifact",
)  # fmt: skip
"""Attributes that make the job what it is, beside its request."""


class JobFailedError(Exception):
    """The job ends ``Failed``, with this FailureReason."""


class JobStoppedError(Exception):
    """The job ends ``Stopped``; the argument is its last secondary status."""


class TrainingJob:
    """One job. The attributes in lower case are those that moto's lists and searches read.

    Args:
        request: the CreateTrainingJob request.
        arn: the job's ARN.
        role: its execution role, assumed; None of a job that is over.
        pace: seconds that each phase takes in which AWS would fetch machines or move data.
        faults: what tests asked to go wrong.
    """

    def __init__(self, request: dict[str, Any], arn: str, role: Role | None, pace: float, faults: FaultBoard) -> None:
        self.request = request
        self.arn = arn
        self.training_job_name: str = request["TrainingJobName"]
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.creation_time = self.last_modified_time = datetime.now(UTC)
        self.training_start_time: datetime | None = None
        self.training_end_time: datetime | None = None
        self.training_job_status = "InProgress"
        self.secondary_status = "Starting"
        self.failure_reason: str | None = None
        self._role = role
        self._pace = pace
        self._faults = faults
        self._transitions: list[dict[str, Any]] = []
        self._metrics: dict[str, float] = {}
        self._metrics_time = self.creation_time
        self._artifact: str | None = None
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._move("Starting")
        self._thread = threading.Thread(target=self._run, name=f"training job {self.training_job_name}", daemon=True)

    @classmethod
    def restored(cls, saved: Mapping[str, Any], faults: FaultBoard) -> TrainingJob:
        """A job of a process that has ended, from what it saved. One that was under way then has failed."""
        job = cls(saved["request"], saved["arn"], None, 0.0, faults)
        for name in _KEPT:
            setattr(job, name, saved[name])
        if job.training_job_status in ("InProgress", "Stopping"):
            job._finish("Failed", "Failed", "InternalServerError: The local SageMaker was stopped during the job.")
        return job

    def saved(self) -> dict[str, Any]:
        with self._lock:
            kept = {name: copy.deepcopy(getattr(self, name)) for name in _KEPT}
        return {"request": self.request, "arn": self.arn, **kept}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """Asks the job to stop, as StopTrainingJob does.

        Returns:
            False if it is over already.
        """
        with self._lock:
            if self.training_job_status not in ("InProgress", "Stopping"):
                return False
            if self.training_job_status == "InProgress":
                self.training_job_status = "Stopping"
                self._move("Stopping")
            self._stop.set()
            return True

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def _as_role(self) -> Role:
        if self._role is None:
            raise RuntimeError(f"training job {self.training_job_name} is over")
        return self._role

    # -- as seen from outside

    def describe(self) -> dict[str, Any]:
        """DescribeTrainingJob's answer."""
        with self._lock:
            answer: dict[str, Any] = {name: self.request[name] for name in ECHOED if name in self.request}
            answer |= {
                "TrainingJobArn": self.arn,
                "TrainingJobStatus": self.training_job_status,
                "SecondaryStatus": self.secondary_status,
                "SecondaryStatusTransitions": [dict(transition) for transition in self._transitions],
                "AlgorithmSpecification": self._algorithm_specification(),
                "StoppingCondition": self.request.get(
                    "StoppingCondition", {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS}
                ),
                "CreationTime": self.creation_time,
                "LastModifiedTime": self.last_modified_time,
                "EnableNetworkIsolation": self.request.get("EnableNetworkIsolation", False),
                "EnableInterContainerTrafficEncryption": self.request.get(
                    "EnableInterContainerTrafficEncryption", False
                ),
                "EnableManagedSpotTraining": self.request.get("EnableManagedSpotTraining", False),
                "ProfilingStatus": "Disabled",
            }
            if self._artifact is not None:
                answer["ModelArtifacts"] = {"S3ModelArtifacts": self._artifact}
            if self._metrics:
                answer["FinalMetricDataList"] = [
                    {"MetricName": name, "Value": value, "Timestamp": self._metrics_time}
                    for name, value in self._metrics.items()
                ]
            if self.failure_reason is not None:
                answer["FailureReason"] = self.failure_reason
            answer |= self._times()
            return answer

    @property
    def response_object(self) -> dict[str, Any]:
        """The job as moto's searches show it."""
        return {"TrainingJob": self.describe()}

    def _algorithm_specification(self) -> dict[str, Any]:
        specification = dict(self.request["AlgorithmSpecification"])
        # SageMaker fills these in by itself for its own algorithms.
        specification.setdefault("EnableSageMakerMetricsTimeSeries", False)
        specification["MetricDefinitions"] = [
            {
                "Name": f"{data}:{metric}",
                "Regex": rf".*\[[0-9]+\].*#011{data}-{metric}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*",
            }
            for data in ("train", "validation")
            for metric in (*MAXIMIZED_METRICS, *MINIMIZED_METRICS)
        ]
        return specification

    def _times(self) -> dict[str, Any]:
        times: dict[str, Any] = {}
        if self.training_start_time is not None:
            times["TrainingStartTime"] = self.training_start_time
        if self.training_end_time is not None:
            times["TrainingEndTime"] = self.training_end_time
        if self.training_start_time is not None and self.training_end_time is not None:
            seconds = max(1, round((self.training_end_time - self.training_start_time).total_seconds()))
            times["TrainingTimeInSeconds"] = seconds
            # Spot instances cost about a third.
            billable = max(1, seconds // 3) if self.request.get("EnableManagedSpotTraining") else seconds
            times["BillableTimeInSeconds"] = billable
        return times

    # -- the job itself

    def _run(self) -> None:
        try:
            self._work()
        except JobStoppedError as stopped:
            self._finish("Stopped", str(stopped))
        except JobFailedError as failure:
            self._finish("Failed", "Failed", str(failure))
        except Exception as error:  # noqa: BLE001
            # The thread's last line of defence: a fault of the laptop ends in a status, not in an endless InProgress.
            traceback.print_exc(file=sys.stderr)
            self._finish("Failed", "Failed", f"InternalServerError: We encountered an internal error. ({error})")

    def _work(self) -> None:
        fault = self._faults.take("training_job", self.training_job_name)
        self._provision(fault)
        with tempfile.TemporaryDirectory(prefix="sagemaker-input-") as folder:
            channels = self._download(Path(folder))
            self._wait(self._pace)
            self._enter("Training")
            log = LogStream(self._as_role.logs, LOG_GROUP, f"{self.training_job_name}/algo-1-{int(time.time())}")
            try:
                self._interfere(fault)
                model = self._train(channels, log)
            finally:
                # Before the status changes, so that whoever sees the job's end finds its whole log.
                log.close()
        if model.interrupted and not model.keep:
            self._check_stop()
        self._enter("Uploading", even_if_stopping=model.interrupted)
        self._upload(model.booster)
        if model.interrupted:
            self._check_stop()
        self._wait(self._pace)
        with self._lock:
            self._check_stop()
            self._finish("Completed", "Completed")

    def _provision(self, fault: Mapping[str, Any] | None) -> None:
        self._wait(self._pace)
        if fault is not None and fault["outcome"] == "CapacityError":
            raise JobFailedError(
                fault.get("reason")
                or "CapacityError: Unable to provision requested ML compute capacity due to "
                "InsufficientInstanceCapacity error. Please retry using a different ML instance type or after "
                "some time."
            )
        with self._lock:
            self.training_start_time = datetime.now(UTC)
        self._enter("Downloading")
        if not IMAGE.fullmatch(self.request["AlgorithmSpecification"].get("TrainingImage", "")):
            raise JobFailedError(
                "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are "
                "incorrect."
            )

    def _interfere(self, fault: Mapping[str, Any] | None) -> None:
        if fault is not None and fault["outcome"] == "Stopped":
            raise JobStoppedError("Stopped")
        if fault is not None:
            raise JobFailedError(fault.get("reason") or "AlgorithmError: , exit code: 137")

    def _download(self, folder: Path) -> dict[str, algorithm.Channel]:
        channels = {}
        for config in self.request.get("InputDataConfig", []):
            name = config["ChannelName"]
            source = config["DataSource"].get("S3DataSource")
            if source is None or source["S3DataType"] != "S3Prefix":
                raise JobFailedError("ClientError: This local SageMaker reads channels from S3 prefixes only")
            (folder / name).mkdir()
            self._download_prefix(source["S3Uri"], folder / name)
            channels[name] = algorithm.Channel(
                folder=folder / name,
                content_type=config.get("ContentType"),
                input_mode=config.get("InputMode", self.request["AlgorithmSpecification"]["TrainingInputMode"]),
                distribution=source.get("S3DataDistributionType", "FullyReplicated"),
            )
        return channels

    def _download_prefix(self, uri: str, folder: Path) -> None:
        bucket, prefix = split_uri(uri)
        try:
            pages = list(self._as_role.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
            message = "The specified key does not exist." if not keys else ""
        except ClientError as error:
            keys, message = [], error.response["Error"]["Message"]
        if not keys:
            region = self.arn.split(":")[3]
            raise JobFailedError(
                f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that '
                f"the bucket exists in the selected region ({region}), that objects exist under that S3 prefix, and "
                f'that the role "{self.request["RoleArn"]}" has "s3:ListBucket" permissions on bucket "{bucket}". '
                f"Error message from S3: {message}"
            )
        base = prefix[: prefix.rfind("/") + 1]
        for key in keys:
            self._check_stop()
            # What SageMaker makes of keys with an empty part: aws-samples/generative-ai-on-amazon-sagemaker pull 242.
            if "//" in key:
                raise JobFailedError(
                    f"ClientError: Data download failed:Failed to download data. S3 key: s3://{bucket}/{key} has an "
                    "illegal char sub-sequence '//' in it"
                )
            if not key.endswith("/"):
                self._download_object(bucket, key, folder / PurePosixPath(key.removeprefix(base)))

    def _download_object(self, bucket: str, key: str, path: Path) -> None:
        if ".." in path.parts:
            raise JobFailedError(f"ClientError: Data download failed:Illegal S3 key s3://{bucket}/{key}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                self._as_role.s3.download_fileobj(bucket, key, file)
        except ClientError as error:
            # Wording: aws/amazon-sagemaker-examples issue 4384. HEAD answers without a body, so without AWS's words.
            code = {"403": "AccessDenied", "404": "NoSuchKey"}.get(
                error.response["Error"]["Code"], error.response["Error"]["Code"]
            )
            text = {"AccessDenied": "Access Denied"}.get(code, error.response["Error"]["Message"])
            raise JobFailedError(
                f"ClientError: Data download failed:Unable to download object s3://{bucket}/{key} ({code}: {text})"
            ) from error

    def _train(self, channels: dict[str, algorithm.Channel], log: LogStream) -> algorithm.TrainedModel:
        write = _stamped(log)
        write("INFO Imported framework sagemaker_xgboost_container.training")
        write("INFO No GPUs detected (normal if no gpus installed)")
        write("INFO Running XGBoost Sagemaker in algorithm mode")
        try:
            model = algorithm.fit(self.request.get("HyperParameters", {}), channels, write, self._should_stop)
        except ContainerError as error:
            text = traceback_of(error)
            for line in f"[{_stamp()}:ERROR] framework error: \n{text}".splitlines():
                log.write(line)
            raise JobFailedError(f"AlgorithmError: framework error: \n{text}, exit code: 1") from error
        with self._lock:
            self._metrics = model.metrics
            self._metrics_time = datetime.now(UTC)
        return model

    def _upload(self, booster: Any) -> None:
        folder = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        uri = f"{folder}/{self.training_job_name}/output/model.tar.gz"
        bucket, key = split_uri(uri)
        try:
            self._as_role.s3.put_object(Bucket=bucket, Key=key, Body=packed(bytes(booster.save_raw("ubj"))))
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            raise JobFailedError(
                f"ClientError: Artifact upload failed:Unable to upload artifacts to {uri} ({code}: {message})"
            ) from error
        with self._lock:
            self._artifact = uri

    # -- time and status

    def _deadline(self) -> float:
        """Seconds that are left of MaxRuntimeInSeconds; it counts from when the instances are there."""
        condition = self.request.get("StoppingCondition", {})
        limit: float = condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS)
        started = self.training_start_time
        return limit - (datetime.now(UTC) - started).total_seconds() if started is not None else limit

    def _should_stop(self) -> bool:
        return self._stop.is_set() or self._deadline() <= 0

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise JobStoppedError("Stopped")
        if self._deadline() <= 0:
            raise JobStoppedError("MaxRuntimeExceeded")

    def _wait(self, seconds: float) -> None:
        self._stop.wait(min(seconds, max(self._deadline(), 0)))
        self._check_stop()

    def _enter(self, status: str, even_if_stopping: bool = False) -> None:
        with self._lock:
            if not even_if_stopping:
                self._check_stop()
            self._move(status)

    def _finish(self, status: str, secondary: str, reason: str | None = None) -> None:
        with self._lock:
            self._move(secondary, reason)
            self.training_end_time = self._transitions[-1]["EndTime"] = self.last_modified_time
            if reason is not None:
                self.failure_reason = reason[:MAX_FAILURE_REASON]
            self.training_job_status = status

    def _move(self, status: str, message: str | None = None) -> None:
        now = datetime.now(UTC)
        if self._transitions:
            self._transitions[-1].setdefault("EndTime", now)
        text = (message or MESSAGES.get(status, status))[:MAX_FAILURE_REASON]
        self._transitions.append({"Status": status, "StartTime": now, "StatusMessage": text})
        self.secondary_status = status
        self.last_modified_time = now


def packed(model: bytes) -> bytes:
    """``model.tar.gz`` with the model as its one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(algorithm.MODEL_FILE)
        member.size = len(model)
        member.mtime = int(time.time())
        tar.addfile(member, io.BytesIO(model))
    return buffer.getvalue()


def traceback_of(error: ContainerError) -> str:
    """What the container prints of an error: frames first, the message last."""
    frames = [f'  File "{_SITE}/{file}", line {line}, in {name}\n    {code}' for file, line, name, code in _FRAMES]
    raised = "raise exc.UserError(" if isinstance(error, UserError) else "raise exc.AlgorithmError("
    frames[-1] = frames[-1].rsplit("\n", 1)[0] + f"\n    {raised}"
    return "\n".join(["Traceback (most recent call last):", *frames, f"{error.kind}: {error}"])


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d:%H:%M:%S")


def _stamped(log: LogStream) -> Callable[[str], None]:
    """Puts the container's time stamp on its own lines; those of the rounds are printed bare."""

    def write(line: str) -> None:
        level, _, text = line.partition(" ")
        log.write(f"[{_stamp()}:{level}] {text}" if level in ("INFO", "WARNING", "ERROR") else line)

    return write
