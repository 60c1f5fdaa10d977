"""Training jobs over the wire, with boto3 as client and MiniStack's S3, STS, IAM and logs."""

from __future__ import annotations

import io
import json
import tarfile
from itertools import pairwise
from typing import Any

import pytest
import xgboost
from botocore.exceptions import ClientError, ParamValidationError

from local.sagemaker.validation import validate
from sluice.messages import Trainer
from sluice.training.job import trainer_of
from tests.local_sagemaker.conftest import (
    ACCOUNT,
    BUCKET,
    HYPERPARAMETERS,
    IMAGE,
    TRUST,
    Lab,
    SageMaker,
    channel,
    policy,
    wait_for,
)

LONG_TRAINING = HYPERPARAMETERS | {"num_round": "100000", "early_stopping_rounds": "100000"}


def code_and_message(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_passes_through_all_statuses_and_leaves_its_model(lab: Lab, sagemaker: SageMaker) -> None:
    job = sagemaker.train(Tags=[{"Key": "project", "Value": "sluice"}])

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    transitions = job["SecondaryStatusTransitions"]
    assert [each["Status"] for each in transitions] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(earlier["EndTime"] == later["StartTime"] for earlier, later in pairwise(transitions))
    assert job["CreationTime"] <= job["TrainingStartTime"] < job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] == 1
    assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} == {"train:logloss", "validation:logloss"}

    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/models/{job['TrainingJobName']}/output/model.tar.gz"
    archive = lab.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["xgboost-model"]
        model = tar.extractfile("xgboost-model")
        assert model is not None
        booster = xgboost.Booster(model_file=bytearray(model.read()))
    assert booster.num_features() == 4
    assert sagemaker.api.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "project", "Value": "sluice"}]


def test_a_job_tells_what_it_ran(sagemaker: SageMaker) -> None:
    ran = Trainer(algorithm="sagemaker-xgboost:3.2-0", image=IMAGE, instance_type="ml.m5.large", instance_count=1)
    assert trainer_of(sagemaker.train()) == ran


def test_the_rounds_can_be_followed_in_cloudwatch_logs(sagemaker: SageMaker) -> None:
    job = sagemaker.train()
    rounds = [line for line in sagemaker.log_of(job["TrainingJobName"]) if line.startswith("[") and "\t" in line]
    assert rounds[0].startswith("[0]\ttrain-logloss:0.")
    assert "\tvalidation-logloss:" in rounds[-1]


def test_a_name_is_taken_for_ever(sagemaker: SageMaker) -> None:
    name = sagemaker.start()
    sagemaker.finished(name)
    with pytest.raises(ClientError) as caught:
        sagemaker.api.create_training_job(**sagemaker.job_request(name))
    assert code_and_message(caught) == (
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name already "
        f"exists (arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/{name})",
    )


def test_an_unknown_job_is_not_found_in_the_words_of_aws(sagemaker: SageMaker) -> None:
    with pytest.raises(ClientError) as caught:
        sagemaker.api.describe_training_job(TrainingJobName="nobody")
    assert code_and_message(caught) == ("ValidationException", "Requested resource not found.")


def test_a_job_that_is_stopped_ends_stopped_and_leaves_no_model(sagemaker: SageMaker) -> None:
    name = sagemaker.start(HyperParameters=LONG_TRAINING)

    def status() -> Any:
        return sagemaker.api.describe_training_job(TrainingJobName=name)["SecondaryStatus"]

    wait_for(lambda: status() == "Training")
    sagemaker.api.stop_training_job(TrainingJobName=name)
    job = sagemaker.finished(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [each["Status"] for each in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert "ModelArtifacts" not in job
    with pytest.raises(ClientError, match="The request was rejected because the training job is in status Stopped"):
        sagemaker.api.stop_training_job(TrainingJobName=name)


def test_a_job_over_its_time_ends_stopped_and_not_failed(sagemaker: SageMaker) -> None:
    job = sagemaker.train(HyperParameters=LONG_TRAINING, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "ModelArtifacts" not in job


def test_a_job_over_its_time_keeps_its_model_where_asked_to(sagemaker: SageMaker) -> None:
    hyperparameters = LONG_TRAINING | {"save_model_on_termination": "true"}
    job = sagemaker.train(HyperParameters=hyperparameters, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert "ModelArtifacts" in job


def test_a_refusal_of_the_container_is_cut_in_the_reason_and_whole_in_the_log(sagemaker: SageMaker) -> None:
    job = sagemaker.train(HyperParameters={"objective": "binary:logistic"})
    assert job["TrainingJobStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: framework error: \nTraceback (most recent call last):")
    assert len(reason) == 1024
    assert "num_round" not in reason
    last = sagemaker.log_of(job["TrainingJobName"])[-1]
    assert last == "sagemaker_algorithm_toolkit.exceptions.UserError: Missing required hyperparameter: num_round"


def test_an_image_other_than_3_2_cannot_be_pulled(sagemaker: SageMaker) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
    job = sagemaker.train(AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})
    assert job["FailureReason"].startswith("ClientError: Cannot pull algorithm container.")


def test_a_prefix_without_objects_fails_the_job(sagemaker: SageMaker) -> None:
    job = sagemaker.train(InputDataConfig=[channel("train", f"s3://{BUCKET}/nothing/")])
    assert job["FailureReason"].startswith(f'ClientError: No S3 objects found under S3 URL "s3://{BUCKET}/nothing/"')


def test_keys_with_blanks_quotes_and_unicode_are_read(lab: Lab, sagemaker: SageMaker) -> None:
    content = lab.s3.get_object(Bucket=BUCKET, Key="data/train/train.csv")["Body"].read()
    uri = lab.put("odd/a b/'täble+1'.csv", content)
    job = sagemaker.train(
        InputDataConfig=[channel("train", uri.rsplit("/", 1)[0] + "/")],
        HyperParameters={"num_round": "2", "objective": "binary:logistic"},
    )
    assert job["TrainingJobStatus"] == "Completed"


def test_a_prefix_of_two_folders_is_read_whole(sagemaker: SageMaker) -> None:
    job = sagemaker.train(
        InputDataConfig=[channel("train", f"s3://{BUCKET}/data/")],
        HyperParameters={"num_round": "2", "objective": "binary:logistic"},
    )
    assert "Train matrix has 400 rows and 4 columns" in " ".join(sagemaker.log_of(job["TrainingJobName"]))


def test_a_role_that_may_not_list_read_or_write_fails_the_job(lab: Lab, sagemaker: SageMaker) -> None:
    listing = (["s3:ListBucket"], [f"arn:aws:s3:::{BUCKET}"])
    reading = (["s3:GetObject"], [f"arn:aws:s3:::{BUCKET}/*"])
    cannot = {
        "list": (policy(reading), "ClientError: No S3 objects found under S3 URL"),
        "read": (policy(listing), "ClientError: Data download failed:Unable to download object"),
        "write": (policy(listing, reading), "ClientError: Artifact upload failed:"),
    }
    for what, (permissions, words) in cannot.items():
        job = sagemaker.train(RoleArn=lab.role(lab.name(f"cannot-{what}"), permissions))
        assert job["FailureReason"].startswith(words), what


def test_a_role_that_may_not_write_logs_trains_all_the_same(lab: Lab, sagemaker: SageMaker) -> None:
    role = lab.role(lab.name("silent"), policy((["s3:*"], ["*"])))
    assert sagemaker.train(RoleArn=role)["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    "trust",
    [
        TRUST | {"Statement": [TRUST["Statement"][0] | {"Principal": {"Service": "lambda.amazonaws.com"}}]},  # type: ignore[operator]
        TRUST
        | {
            "Statement": [
                TRUST["Statement"][0]  # type: ignore[operator]
                | {"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}}
            ]
        },
    ],
    ids=["another service", "another account"],
)
def test_a_role_that_does_not_trust_sagemaker_is_refused(lab: Lab, sagemaker: SageMaker, trust: dict[str, Any]) -> None:
    role = lab.role(lab.name("untrusting"), policy((["s3:*"], ["*"])), trust)
    with pytest.raises(ClientError) as caught:
        sagemaker.start(RoleArn=role)
    assert code_and_message(caught) == (
        "ValidationException",
        f"Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
    )


def test_a_role_that_does_not_exist_is_refused(sagemaker: SageMaker) -> None:
    with pytest.raises(ClientError, match="Could not assume role"):
        sagemaker.start(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody")


def test_a_role_without_conditions_in_its_trust_policy_works_too(lab: Lab, sagemaker: SageMaker) -> None:
    trust = json.loads(json.dumps(TRUST))
    del trust["Statement"][0]["Condition"]
    role = lab.role(lab.name("plain"), policy((["s3:*"], ["*"])), trust)
    assert sagemaker.train(RoleArn=role)["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"TrainingJobName": "a_b"},
            "Value 'a_b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy",
        ),
        ({"TrainingJobName": "x" * 64}, "Member must have length less than or equal to 63"),
        (
            {"ResourceConfig": {"InstanceType": "ml.nope", "InstanceCount": 1, "VolumeSizeInGB": 1}},
            "at 'resourceConfig.instanceType' failed to satisfy constraint: Member must satisfy enum value set",
        ),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 20}}, "EnableManagedSpotTraining"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
    ],
)
def test_requests_that_break_the_services_model_are_refused(
    sagemaker: SageMaker, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as caught:
        sagemaker.api.create_training_job(**sagemaker.job_request(sagemaker.lab.name("bad")) | changes)
    code, message = code_and_message(caught)
    assert code == "ValidationException"
    assert words in message


def test_what_botocore_checks_itself_is_checked_here_too_for_clients_that_do_not() -> None:
    with pytest.raises(Exception, match="2 validation errors detected: Value null at 'roleArn'"):
        validate("CreateTrainingJob", {"TrainingJobName": "a"})


def test_boto3_refuses_a_wrong_request_before_it_is_sent(sagemaker: SageMaker) -> None:
    with pytest.raises(ParamValidationError):
        sagemaker.api.create_training_job(TrainingJobName="a")


def test_spot_training_is_billed_less(sagemaker: SageMaker) -> None:
    job = sagemaker.train(
        EnableManagedSpotTraining=True,
        EnableNetworkIsolation=True,
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
    assert job["EnableNetworkIsolation"]


def test_jobs_are_listed_by_motos_control_plane(sagemaker: SageMaker) -> None:
    name = sagemaker.train()["TrainingJobName"]
    listed = sagemaker.api.list_training_jobs(NameContains=name, StatusEquals="Completed")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in listed] == [name]


def test_the_rest_of_the_control_plane_is_motos(sagemaker: SageMaker) -> None:
    sagemaker.api.create_model_package_group(ModelPackageGroupName="group")
    groups = sagemaker.api.list_model_package_groups(NameContains="group")["ModelPackageGroupSummaryList"]
    arns = [group["ModelPackageGroupArn"] for group in groups]
    assert f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/group" in arns


def test_a_twelve_digit_access_key_is_an_account_of_its_own(lab: Lab, sagemaker: SageMaker) -> None:
    sagemaker.train()
    elsewhere = lab.client(
        "sagemaker",
        sagemaker.server.url,
        {"aws_access_key_id": "111111111111", "aws_secret_access_key": "test"},
    )
    assert elsewhere.list_training_jobs()["TrainingJobSummaries"] == []
