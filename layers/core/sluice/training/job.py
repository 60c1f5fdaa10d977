"""Training jobs of SageMaker's built-in XGBoost: the request, and what a description of one means.

Pure: values in, values out. Field names are those of CreateTrainingJob and DescribeTrainingJob.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sluice.dataset.config import DatasetConfig
from sluice.endpoint.disks import has_own_disks
from sluice.endpoint.network import vpc_config
from sluice.layout import RunLayout, uri
from sluice.messages import AcceptedFile, CompletedTraining, Run, Trainer, TrainingStatus, UncompletedTraining
from sluice.names import refit_job_name, run_tags, training_job_name
from sluice.settings import TrainSettings
from sluice.training.hyperparameters import refit_hyperparameters
from sluice.training.images import training_image

_WAIT_SECONDS = {
    "Starting": 30,
    "LaunchingMLInstances": 30,
    "PreparingTrainingStack": 30,
    "Pending": 30,
    "Downloading": 30,
    "DownloadingTrainingImage": 30,
    "Training": 9,
    "Interrupted": 30,
    "Restarting": 30,
    "Uploading": 5,
    "Stopping": 5,
}
"""Seconds until the next look, by SecondaryStatus. Start-up takes minutes and training of a small table seconds (median
116 s to Downloading, 195 s to Training), so looks are rare at first and closer together near the end, where a late one
costs the person's time."""
FIRST_WAIT_SECONDS = 30
QUOTA_WAIT_SECONDS = 300
"""About as long as a small table's job takes; and over the five days of an execution far from its 25,000 events."""
_ATTENTION = 9
_SHARE_OF_AGE = 100
"""A long job is looked at less often: by then a hundredth of its age is little to wait, and Step Functions ends an
execution after 25,000 events, of which a look makes nine."""
_MAX_WAIT_SECONDS = 300


def training_job_request(
    run: Run, validation: AcceptedFile, config: DatasetConfig, settings: TrainSettings
) -> dict[str, Any]:
    """The CreateTrainingJob request of an accepted file."""
    return _request(
        training_job_name(settings.name_prefix, run),
        config.resolved_hyperparameters(len(validation.classes), validation.rows.train),
        [_channel("train", validation.train_uri), _channel("validation", validation.validation_uri)],
        run,
        config,
        settings,
    )


def is_refitted(validation: AcceptedFile, config: DatasetConfig) -> bool:
    """Whether a second job trains on training and validation rows at the rounds that the first one finds."""
    return validation.learning_uri is not None and config.is_refitted(len(validation.classes), validation.rows.train)


def refit_job_request(
    run: Run, validation: AcceptedFile, config: DatasetConfig, settings: TrainSettings, rounds: int
) -> dict[str, Any]:
    """The CreateTrainingJob request of the second job. Nothing is held out of it, so nothing stops it early.

    The container reads all files below its channel's prefix, up to three folders deep (source:
    aws/sagemaker-xgboost-container, ``data_utils.py``).

    Args:
        rounds: of the first job's model.

    Raises:
        ValueError: training and validation rows have no prefix of their own.
    """
    if validation.learning_uri is None:
        raise ValueError("training and validation rows have no prefix of their own")
    return _request(
        refit_job_name(settings.name_prefix, run),
        refit_hyperparameters(config.resolved_hyperparameters(len(validation.classes), validation.rows.train), rounds),
        [_channel("train", validation.learning_uri)],
        run,
        config,
        settings,
    )


def _request(
    name: str,
    hyperparameters: dict[str, str],
    channels: list[dict[str, Any]],
    run: Run,
    config: DatasetConfig,
    settings: TrainSettings,
) -> dict[str, Any]:
    layout = RunLayout(run.dataset, run.run_id)
    max_runtime = config.training.max_runtime_seconds or settings.training_max_runtime_seconds
    spot = config.training.managed_spot if config.training.managed_spot is not None else settings.training_managed_spot
    instance_type = config.training.instance_type or settings.training_instance_type
    key = settings.kms_key_arn
    stopping = {"MaxRuntimeInSeconds": max_runtime}
    if spot:
        # Spot capacity is waited for as long again as the job may run; checkpoints do not resume in algorithm mode.
        stopping["MaxWaitTimeInSeconds"] = 2 * max_runtime
    return {
        "TrainingJobName": name,
        "RoleArn": settings.sagemaker_role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": training_image(settings.aws_region),
            "TrainingInputMode": "File",
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": channels,
        "OutputDataConfig": {
            "S3OutputPath": uri(settings.artifact_bucket, layout.model),
            **({"KmsKeyId": key} if key else {}),
        },
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 30,
            **({"VolumeKmsKeyId": key} if key and not has_own_disks(instance_type) else {}),
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": spot,
        "EnableNetworkIsolation": True,
        **vpc_config(settings),
        "Tags": run_tags(settings.name_prefix, run),
    }


def _channel(name: str, prefix: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        # Without this content type the container expects libsvm; with a parameter and a blank it refuses the job.
        "ContentType": "text/csv",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": prefix,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def trainer_of(description: Mapping[str, Any]) -> Trainer | None:
    """What a job ran, by its DescribeTrainingJob response; None if that does not say it."""
    specification = description.get("AlgorithmSpecification", {})
    image, name = specification.get("TrainingImage"), specification.get("AlgorithmName")
    if image is None and name is None:
        return None
    resources = description.get("ResourceConfig", {})
    return Trainer(
        algorithm=name or image.rpartition("/")[2],
        image=image,
        instance_type=resources.get("InstanceType"),
        instance_count=resources.get("InstanceCount") or 1,
    )


def training_status(
    description: Mapping[str, Any], log_tail: tuple[str, ...] = (), now: datetime | None = None
) -> CompletedTraining | UncompletedTraining:
    """What a DescribeTrainingJob response means for the run.

    Args:
        description: the response.
        now: when it was received; by default now.
        log_tail: the last lines of the job's log, for a failed one: FailureReason is cut at 1,024 characters, which is
            mostly before the message.
    """
    name = description["TrainingJobName"]
    status = description["TrainingJobStatus"]
    secondary = description["SecondaryStatus"]
    told = {metric["MetricName"]: float(metric["Value"]) for metric in description.get("FinalMetricDataList", [])}
    metrics = {name: value for name, value in told.items() if math.isfinite(value)}
    known = {
        "metrics": metrics,
        "training_seconds": description.get("TrainingTimeInSeconds"),
        "billable_seconds": description.get("BillableTimeInSeconds"),
        "trainer": trainer_of(description),
    }
    if status == "Completed":
        return CompletedTraining(
            job_name=name,
            secondary_status=secondary,
            model_uri=description["ModelArtifacts"]["S3ModelArtifacts"],
            **known,
        )
    if status == "Failed":
        said = description.get("FailureReason", "SageMaker gave no reason")
        reasons = (
            f"Training job {name} failed: {said}",
            *([f"Its log ends: {' | '.join(log_tail)}"] if log_tail else []),
        )
        return UncompletedTraining(status="failed", job_name=name, secondary_status=secondary, reasons=reasons, **known)
    if status == "Stopped":
        return UncompletedTraining(
            status="stopped",
            job_name=name,
            secondary_status=secondary,
            reasons=(_why_stopped(name, secondary),),
            **known,
        )
    return UncompletedTraining(
        status="in_progress",
        job_name=name,
        secondary_status=secondary,
        wait_seconds=_wait_seconds(secondary, description["CreationTime"], now or datetime.now(UTC)),
        metrics=metrics,
        trainer=trainer_of(description),
    )


def refit_status(
    first: CompletedTraining, refit: CompletedTraining | UncompletedTraining
) -> CompletedTraining | UncompletedTraining:
    """What the second job means for the run, which has a model already: without the second one that of the first
    job goes on, with a warning. The seconds are those of both, which are paid."""
    both = {name: _sum(first, refit, name) for name in ("training_seconds", "billable_seconds")}
    if refit.status in ("failed", "stopped"):
        return without_refit(first.model_copy(update=both), refit.reasons)
    return refit.model_copy(update={**both, "first": first})


def without_refit(first: CompletedTraining, reasons: tuple[str, ...]) -> CompletedTraining:
    """The first job's model, with the reasons why it was not trained again."""
    return first.model_copy(update={"warnings": refit_warnings(reasons)})


def refit_warnings(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """A warning for people, by what went wrong with the second job."""
    return (
        "The model was not trained again on training and validation rows, so this is the one of the training rows "
        f"alone. {' '.join(reasons)}",
    )


def _sum(first: TrainingStatus, second: TrainingStatus, name: str) -> int | None:
    known = [seconds for job in (first, second) if (seconds := getattr(job, name)) is not None]
    return sum(known) if known else None


def _wait_seconds(secondary: str, created: datetime, now: datetime) -> int:
    age = (now - created).total_seconds()
    return min(max(_WAIT_SECONDS.get(secondary, _ATTENTION), round(age / _SHARE_OF_AGE)), _MAX_WAIT_SECONDS)


def _why_stopped(name: str, secondary: str) -> str:
    if secondary == "MaxRuntimeExceeded":
        return (
            f"Training job {name} ran out of time. Raise training.max_runtime_seconds in the dataset's config.yaml, "
            "or take a larger training.instance_type, and drop the file again."
        )
    if secondary == "MaxWaitTimeExceeded":
        return (
            f"Training job {name} waited too long for spot capacity. Set training.managed_spot to false in the "
            "dataset's config.yaml and drop the file again."
        )
    return f"Training job {name} was stopped ({secondary}) by someone. Drop the file again to start over."


def refused_reason(message: str) -> str:
    """What to do if SageMaker will not take the request as it is. ``message``: SageMaker's own."""
    return (
        f"SageMaker refused the request: {message} Fix what it names in the dataset's config.yaml or in the "
        "stack's parameters, and drop the file again."
    )


def quota_reason(message: str) -> str:
    """What to do if SageMaker refuses for lack of quota, which is the rule on a new account (its quota is 0)."""
    return (
        f"SageMaker refused for lack of quota: {message} Ask for more in Service Quotas > Amazon SageMaker (the quota "
        "is named after the instance type and its use), wait until it is granted, and drop the file again."
    )


def log_tail(events: list[str], lines: int = 12) -> tuple[str, ...]:
    """The last lines of a job's log that say something, oldest first."""
    return tuple(text.strip()[:500] for text in events if text.strip())[-lines:]
