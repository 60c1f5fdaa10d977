from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.dataset.config import DatasetConfig, Training
from sluice.messages import AcceptedFile, CompletedTraining, Run, Trainer, UncompletedTraining
from sluice.settings import TrainSettings
from sluice.training.hyperparameters import refit_hyperparameters
from sluice.training.job import (
    FIRST_WAIT_SECONDS,
    log_tail,
    refit_job_request,
    refit_status,
    trainer_of,
    training_job_request,
    training_status,
)
from tests.messages import GOOD
from tests.service_models import problems

SETTINGS = TrainSettings(
    artifact_bucket="artifacts",
    name_prefix="sluice",
    aws_region="eu-central-1",
    sagemaker_role_arn="arn:aws:iam::000000000000:role/sluice-SageMakerRole-1",
    training_instance_type="ml.m5.large",
    training_max_runtime_seconds=3600,
    training_managed_spot=False,
    kms_key_arn="",
    subnet_ids=(),
    security_group_ids=(),
)
CONFIG = DatasetConfig.model_validate({})


def request(config: DatasetConfig = CONFIG, settings: TrainSettings = SETTINGS) -> dict[str, Any]:
    assert isinstance(GOOD.validation, AcceptedFile)
    return training_job_request(GOOD.run, GOOD.validation, config, settings)


def test_the_request_fits_the_service_model() -> None:
    assert not problems("CreateTrainingJob", request())


def test_channels_say_text_csv_and_nothing_more() -> None:
    channels = request()["InputDataConfig"]
    assert [channel["ChannelName"] for channel in channels] == ["train", "validation"]
    assert {channel["ContentType"] for channel in channels} == {"text/csv"}


def test_a_job_is_isolated_limited_in_time_and_tagged() -> None:
    job = request()
    assert job["EnableNetworkIsolation"] is True
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert {"Key": "sluice:run_id", "Value": GOOD.run.run_id} in job["Tags"]


KEY = "arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(("instance_type", "disk"), [("ml.m5.large", KEY), ("ml.m5d.large", None)])
def test_the_stacks_key_encrypts_the_model_and_the_disk_unless_the_instance_does(
    instance_type: str, disk: str | None
) -> None:
    job = request(
        CONFIG.model_copy(update={"training": Training(instance_type=instance_type)}),
        SETTINGS.model_copy(update={"kms_key_arn": KEY}),
    )
    assert not problems("CreateTrainingJob", job)
    assert job["OutputDataConfig"]["KmsKeyId"] == KEY
    assert job["ResourceConfig"].get("VolumeKmsKeyId") == disk


def test_a_job_runs_in_the_stacks_vpc_and_stays_isolated() -> None:
    network = {"subnet_ids": ("subnet-0a", "subnet-0b"), "security_group_ids": ("sg-0a",)}
    job = request(settings=SETTINGS.model_copy(update=network))
    assert not problems("CreateTrainingJob", job)
    assert job["VpcConfig"] == {"Subnets": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0a"]}
    assert job["EnableNetworkIsolation"] is True


def test_without_key_and_vpc_a_job_names_neither() -> None:
    assert "VpcConfig" not in request()
    assert "Kms" not in str(request())


def test_spot_training_is_given_time_to_wait_for_capacity() -> None:
    job = request(settings=SETTINGS.model_copy(update={"training_managed_spot": True}))
    assert job["EnableManagedSpotTraining"] is True
    assert job["StoppingCondition"]["MaxWaitTimeInSeconds"] >= job["StoppingCondition"]["MaxRuntimeInSeconds"]


def test_a_dataset_overrides_the_stack() -> None:
    training = Training(instance_type="ml.c5.xlarge", max_runtime_seconds=60, managed_spot=False)
    job = request(
        CONFIG.model_copy(update={"training": training}),
        SETTINGS.model_copy(update={"training_managed_spot": True}),
    )
    assert job["ResourceConfig"]["InstanceType"] == "ml.c5.xlarge"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 60}
    assert job["EnableManagedSpotTraining"] is False


def test_the_longest_name_fits_sagemaker() -> None:
    assert isinstance(GOOD.validation, AcceptedFile)
    run = GOOD.run.model_copy(update={"dataset": "d" * 28})
    job = training_job_request(run, GOOD.validation, CONFIG, SETTINGS.model_copy(update={"name_prefix": "p" * 16}))
    assert len(job["TrainingJobName"]) <= 63


START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def description(status: str, secondary: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "CreationTime": START,
        **more,
    }


def wait_after(seconds: int, secondary: str) -> int:
    """How long the check says to wait, that many seconds after the job's start."""
    now = START + timedelta(seconds=seconds)
    return training_status(description("InProgress", secondary), now=now).wait_seconds


def test_a_completed_job_names_its_model_and_metrics() -> None:
    status = training_status(
        description(
            "Completed",
            "Completed",
            ModelArtifacts={"S3ModelArtifacts": "s3://b/model.tar.gz"},
            FinalMetricDataList=[{"MetricName": "validation:logloss", "Value": 0.25}],
            TrainingTimeInSeconds=70,
            BillableTimeInSeconds=30,
        )
    )
    assert status.status == "completed"
    assert status.model_uri == "s3://b/model.tar.gz"
    assert status.metrics == {"validation:logloss": 0.25}
    assert (status.training_seconds, status.billable_seconds) == (70, 30)


def test_a_failed_job_gives_sagemakers_reason_and_the_end_of_the_log() -> None:
    status = training_status(description("Failed", "Failed", FailureReason="AlgorithmError: x"), ("first", "last"))
    assert status.status == "failed"
    assert "AlgorithmError: x" in status.reasons[0]
    assert status.reasons[1].endswith("first | last")


@pytest.mark.parametrize(
    ("secondary", "says"),
    [("MaxRuntimeExceeded", "max_runtime_seconds"), ("MaxWaitTimeExceeded", "spot"), ("Stopped", "by someone")],
)
def test_a_stopped_job_is_no_success_and_says_why(secondary: str, says: str) -> None:
    status = training_status(description("Stopped", secondary))
    assert status.status == "stopped"
    assert says in status.reasons[0]


def test_the_log_tail_keeps_the_last_lines_that_say_something() -> None:
    assert log_tail(["a", " ", "b", "c\n"], lines=2) == ("b", "c")


FIVE_MINUTES = [(0, "Starting"), (116, "Downloading"), (195, "Training"), (290, "Uploading"), (300, "Completed")]
"""Seconds from the start to each phase, and to the end: start-up as published runs show it, and five minutes in all."""
MIN_SECONDS = [(0, "Starting"), (116, "Downloading"), (195, "Training"), (215, "Uploading"), (220, "Completed")]


def looks(timeline: list[tuple[int, str]]) -> tuple[int, int]:
    """Looks until the end is seen, and seconds between the end and that look."""
    now, count = FIRST_WAIT_SECONDS, 1
    while (phase := [name for start, name in timeline if start <= now][-1]) != "Completed":
        now += wait_after(now, phase)
        count += 1
    return count, now - timeline[-1][0]


@pytest.mark.parametrize("timeline", [FIVE_MINUTES, MIN_SECONDS])
def test_little_time_is_lost_at_the_end_and_few_transitions_are_paid(timeline: list[tuple[int, str]]) -> None:
    count, late = looks(timeline)
    transitions_of_a_look = 3  # wait, look, decide
    assert late < 10
    assert count * transitions_of_a_look < 60


@pytest.mark.parametrize("secondary", ["Starting", "Downloading", "Training", "Uploading", "SomethingNew"])
def test_waits_of_a_short_job_stay_within_their_bounds(secondary: str) -> None:
    assert all(5 <= wait_after(age, secondary) <= 30 for age in range(0, 3000, 100))


def test_the_longest_job_fits_the_history_of_an_execution() -> None:
    longest = 2 * 86_400  # a day of training after a day of waiting for spot capacity
    count, late = looks([(0, "Starting"), (200, "Training"), (longest, "Completed")])
    events_of_a_look = 9
    assert count * events_of_a_look < 20_000, "Step Functions ends an execution after 25,000"
    assert late <= 300


DESCRIBED: dict[str, Any] = {
    "TrainingJobName": "job",
    "TrainingJobStatus": "InProgress",
    "SecondaryStatus": "Training",
    "CreationTime": datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    "AlgorithmSpecification": {
        "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        "TrainingInputMode": "File",
    },
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
}
TRAINER = Trainer(
    algorithm="sagemaker-xgboost:3.2-0",
    image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    instance_type="ml.c5.xlarge",
    instance_count=2,
)


@pytest.mark.parametrize(
    "ended",
    [
        {},
        {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model.tar.gz"}},
        {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError"},
        {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"},
    ],
)
def test_whatever_became_of_a_job_it_is_known_what_it_ran(ended: dict[str, Any]) -> None:
    assert training_status({**DESCRIBED, **ended}).trainer == TRAINER


def test_an_algorithm_by_name_has_no_image() -> None:
    specification = {"AlgorithmName": "an-algorithm", "TrainingInputMode": "File"}
    found = trainer_of({**DESCRIBED, "AlgorithmSpecification": specification})
    assert found == TRAINER.model_copy(update={"algorithm": "an-algorithm", "image": None})


def test_a_description_that_does_not_say_what_ran_is_no_fault() -> None:
    assert trainer_of({"TrainingJobName": "job"}) is None


def refit(rounds: int = 63, run: Run = GOOD.run) -> dict[str, Any]:
    assert isinstance(GOOD.validation, AcceptedFile)
    return refit_job_request(run, GOOD.validation, CONFIG, SETTINGS, rounds)


def test_a_refit_trains_on_training_and_validation_rows_for_as_many_rounds() -> None:
    job, first = refit(rounds=63), request()
    assert not problems("CreateTrainingJob", job)
    (channel,) = job["InputDataConfig"]
    below = channel["DataSource"]["S3DataSource"]["S3Uri"]
    parts = {channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in first["InputDataConfig"]}
    assert channel["ChannelName"] == "train"
    assert {uri.removeprefix(below) for uri in parts} == {"train/", "validation/"}
    assert job["HyperParameters"]["num_round"] == "63"
    assert job["TrainingJobName"] != first["TrainingJobName"]
    same = {"TrainingJobName", "InputDataConfig", "HyperParameters"}
    assert {key: job[key] for key in job.keys() - same} == {key: first[key] for key in first.keys() - same}


def test_nothing_stops_a_refit_early_since_nothing_is_held_out_of_it() -> None:
    first = {"num_round": "2000", "early_stopping_rounds": "50", "eta": "0.05"}
    assert refit_hyperparameters(first, 63) == {"num_round": "63", "eta": "0.05"}


def test_the_longest_name_of_a_refit_is_one_that_sagemaker_takes() -> None:
    longest = GOOD.run.model_copy(update={"dataset": "a" * 28})
    settings = SETTINGS.model_copy(update={"name_prefix": "p" * 16})
    assert isinstance(GOOD.validation, AcceptedFile)
    job = refit_job_request(longest, GOOD.validation, CONFIG, settings, 1)
    assert not problems("CreateTrainingJob", job)
    assert len(job["TrainingJobName"]) <= 63


FIRST = CompletedTraining(
    job_name="first", secondary_status="Completed", model_uri="s3://b/first", training_seconds=60, billable_seconds=50
)


def test_a_refit_that_is_done_is_the_runs_model_and_both_jobs_are_paid() -> None:
    second = FIRST.model_copy(update={"job_name": "second", "training_seconds": 30, "billable_seconds": 20})
    found = refit_status(FIRST, second)
    assert isinstance(found, CompletedTraining)
    assert (found.job_name, found.first, found.warnings) == ("second", FIRST, ())
    assert (found.training_seconds, found.billable_seconds) == (90, 70)


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_a_refit_that_leaves_no_model_costs_a_warning_and_its_time(status: Any) -> None:
    second = UncompletedTraining(
        status=status,
        job_name="second",
        secondary_status="Failed",
        reasons=("CapacityError.",),
        training_seconds=30,
        billable_seconds=20,
    )
    found = refit_status(FIRST, second)
    assert isinstance(found, CompletedTraining)
    assert (found.job_name, found.model_uri, found.first) == ("first", "s3://b/first", None)
    assert "CapacityError." in found.warnings[0]
    assert (found.training_seconds, found.billable_seconds) == (90, 70)


def test_a_refit_that_goes_on_is_waited_for() -> None:
    second = UncompletedTraining(status="in_progress", job_name="second", secondary_status="Training", wait_seconds=9)
    found = refit_status(FIRST, second)
    assert (found.status, found.wait_seconds, found.job_name) == ("in_progress", 9, "second")
