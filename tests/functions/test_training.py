from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.check_training import app as check
from functions.start_refit import app as refit
from functions.start_training import app as start
from sluice.messages import CompletedTraining, TrainingStarted, TrainingStatus
from sluice.names import TRAINING_LOG_GROUP
from tests.functions.conftest import ARTIFACTS, Aws, Context, archive_of, request
from tests.messages import GOOD


@pytest.fixture(autouse=True)
def _config(aws: Aws) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"hyperparameters": {"max_depth": 3}}))


def started(context: Context) -> TrainingStarted:
    return TrainingStarted.model_validate(start.handler(request("start_training"), context))


def refuse(monkeypatch: pytest.MonkeyPatch, code: str, message: str = "refused", function: Any = start) -> None:
    def create_training_job(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateTrainingJob")

    monkeypatch.setattr(function.sagemaker, "create_training_job", create_training_job)


def test_the_job_is_started_with_the_datasets_hyperparameters(aws: Aws, context: Context) -> None:
    answer = started(context)
    assert answer.verdict == "started"
    assert answer.job_name == f"sluice-breast-cancer-{GOOD.run.run_id}"
    job = aws.sagemaker.describe_training_job(TrainingJobName=answer.job_name)
    assert job["HyperParameters"]["max_depth"] == "3"
    assert job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"].endswith("/train/")


def test_a_job_that_runs_already_is_gone_on_with(aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "ResourceInUse", "Training job names must be unique within an AWS account and region")
    assert started(context).verdict == "started"


def test_a_quota_of_zero_is_an_outcome_with_the_way_out(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "ResourceLimitExceeded", "The account-level service limit is 0 Instances")
    answer = started(context)
    assert answer.verdict == "failed"
    assert "Service Quotas" in answer.reasons[0]


def test_a_quota_that_other_jobs_use_up_is_waited_for(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        "The account-level service limit 'ml.m5.large for training job usage' is 2 Instances, with current utilization "
        "of 2 Instances and a request delta of 1 Instances."
    )
    refuse(monkeypatch, "ResourceLimitExceeded", said)
    answer = started(context)
    assert (answer.verdict, answer.wait_seconds) == ("busy", 300)


def test_throttling_is_a_fault_for_the_state_machine_to_retry(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        started(context)


def test_a_finished_job_is_reported_with_its_model(aws: Aws, context: Context) -> None:
    name = started(context).job_name
    answer = check.handler(request("check_training", job_name=name), context)
    status = TrainingStatus.model_validate(answer)
    assert status.status == "completed"
    assert status.model_uri is not None
    job = aws.sagemaker.describe_training_job(TrainingJobName=name)
    assert status.trainer is not None
    assert status.trainer.image == job["AlgorithmSpecification"]["TrainingImage"]
    assert (status.trainer.algorithm, status.trainer.instance_type) == ("sagemaker-xgboost:3.2-0", "ml.m5.large")


def test_a_failed_job_is_reported_with_the_end_of_its_log(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {
        "TrainingJobName": "job",
        "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed",
        "FailureReason": "AlgorithmError",
    }
    monkeypatch.setattr(check.sagemaker, "describe_training_job", lambda **_: job)
    check.logs.create_log_group(logGroupName=TRAINING_LOG_GROUP)
    check.logs.create_log_stream(logGroupName=TRAINING_LOG_GROUP, logStreamName="job/algo-1")
    check.logs.put_log_events(
        logGroupName=TRAINING_LOG_GROUP,
        logStreamName="job/algo-1",
        logEvents=[
            {"timestamp": time.time_ns() // 1_000_000, "message": "label must be in (0, 1) for logistic regression"}
        ],
    )
    status = TrainingStatus.model_validate(check.handler(request("check_training", job_name="job"), context))
    assert status.status == "failed"
    assert "label must be in (0, 1)" in status.reasons[1]


def test_a_job_that_failed_before_it_logged_is_reported_all_the_same(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"TrainingJobName": "job", "TrainingJobStatus": "Failed", "SecondaryStatus": "Failed"}
    monkeypatch.setattr(check.sagemaker, "describe_training_job", lambda **_: job)
    status = TrainingStatus.model_validate(check.handler(request("check_training", job_name="job"), context))
    assert len(status.reasons) == 1


@pytest.fixture
def first_model(aws: Aws, model_archive: tuple[bytes, str]) -> None:
    """The first job's model, of 20 rounds and three features."""
    put_first_model(aws, model_archive[0])


def put_first_model(aws: Aws, archive: bytes) -> None:
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    aws.put(ARTIFACTS, GOOD.training.model_uri.removeprefix(f"s3://{ARTIFACTS}/"), archive)


def refit_started(context: Context) -> TrainingStarted:
    asked = request("start_refit")
    asked["validation"]["features"] = 3
    return TrainingStarted.model_validate(refit.handler(asked, context))


@pytest.mark.usefixtures("first_model")
def test_a_refit_takes_as_many_rounds_as_the_first_model_has(aws: Aws, context: Context) -> None:
    answer = refit_started(context)
    assert (answer.verdict, answer.job_name) == ("started", f"sluice-breast-cancer-{GOOD.run.run_id}-full")
    job = aws.sagemaker.describe_training_job(TrainingJobName=answer.job_name)
    assert job["HyperParameters"]["num_round"] == "20"
    assert job["HyperParameters"]["max_depth"] == "3"
    assert "early_stopping_rounds" not in job["HyperParameters"]


@pytest.mark.usefixtures("first_model")
def test_a_refit_that_runs_already_is_gone_on_with(aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "ResourceInUse", "Training job names must be unique", function=refit)
    assert refit_started(context).verdict == "started"


@pytest.mark.usefixtures("first_model")
def test_a_refit_that_is_refused_says_that_the_run_has_a_model(
    aws: Aws, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "ResourceLimitExceeded", "The account-level service limit is 0 Instances", function=refit)
    answer = refit_started(context)
    assert answer.verdict == "failed"
    (reason,) = answer.reasons
    assert "not trained again" in reason
    assert "Service Quotas" in reason


def test_a_first_model_that_is_not_what_training_writes_starts_no_refit(aws: Aws, context: Context) -> None:
    put_first_model(aws, archive_of(b"\x80\x04pickle"))
    answer = refit_started(context)
    assert answer.verdict == "failed"
    assert "pickle" in answer.reasons[0]
    assert not aws.sagemaker.list_training_jobs()["TrainingJobSummaries"]


@pytest.mark.parametrize(
    ("config", "learning_uri", "refitted"),
    [
        ({}, True, True),
        ({"training": {"refit": False}}, True, False),
        ({}, False, False),
        ({"training": {"refit": True}}, False, False),
    ],
)
def test_the_start_says_whether_a_refit_follows(
    aws: Aws, context: Context, config: dict[str, Any], learning_uri: bool, refitted: bool
) -> None:
    """A run that an older release validated has training and validation rows under no prefix of their own."""
    aws.put(ARTIFACTS, aws.layout.config, json.dumps(config))
    asked = request("start_training")
    if not learning_uri:
        del asked["validation"]["learning_uri"]
    assert TrainingStarted.model_validate(start.handler(asked, context)).refit is refitted


def test_a_refit_that_is_done_is_reported_with_the_first_job(aws: Aws, context: Context) -> None:
    first = CompletedTraining.model_validate(request("evaluate_model")["training"])
    name = started(context).job_name
    asked = request("check_training", job_name=name, first=first.model_dump(mode="json"))
    status = CompletedTraining.model_validate(check.handler(asked, context))
    assert (status.status, status.job_name, status.first) == ("completed", name, first)
