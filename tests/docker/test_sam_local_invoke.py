"""Every function under ``sam local invoke``, with the event that the repository ships for it.

The events belong to one run, so each function finds what those before it left in the local AWS, and a test of one runs
those before it first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest
from pydantic import BaseModel

from local.aws import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, Aws
from local.demo import DEMOS
from local.home import REPOSITORY
from sluice.dataset.config import read_whole_config
from sluice.documents import read_stored
from sluice.layout import RunLayout, config_key, split_uri
from sluice.messages import (
    AskedForApproval,
    Claim,
    CleanedUp,
    Deployment,
    EndpointStatus,
    EvaluationResult,
    Outcome,
    RecordRequest,
    Registered,
    Rendered,
    Restoration,
    RunResult,
    TrainingStarted,
    TrainingStatus,
    ValidationResult,
    Verification,
)
from sluice.runs.aws.ledger import BY_DATASET, BY_RUNNING
from tests.docker.sam_local import InvocationError, SamLocal

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# The first test waits for the build and for the image, too.
pytestmark = pytest.mark.timeout(900)

EVENTS: Final = REPOSITORY / "events"
THE_RUN: Final = RecordRequest.model_validate_json((EVENTS / "record_outcome.json").read_text())
PATIENCE_SECONDS: Final = 120.0
IN_ORDER: Final = (
    "claim_run",
    "validate_data",
    "start_training",
    "check_training",
    "start_refit",
    "evaluate_model",
    "deploy_endpoint",
    "check_endpoint",
    "verify_endpoint",
    "record_outcome",
    "register_model",
    "render_report",
    "predict",
    "restore_endpoint",
    "clean_up",
    "reconcile",
    "ask_for_approval",
    "decide_approval",
)


@dataclass
class Pipeline:
    """The run of the events, as far as it got."""

    sam_local: SamLocal
    variables: dict[str, str]
    settled: dict[str, Callable[[], bool]]
    answers: dict[str, Any] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def answer[Answer: BaseModel](self, name: str, message: type[Answer]) -> Answer:
        """What the function answered to its event, those before it in the run having answered theirs."""
        for step in IN_ORDER[: IN_ORDER.index(name) + 1]:
            assert step not in self.broken, f"{name} was not run: {step}, on which it depends, failed in its own test"
            if step not in self.answers:
                self.broken.add(step)
                self.wait_until_settled(step)
                self.answers[step] = self.invoke(step)
                self.broken.remove(step)
        return message.model_validate(self.answers[name])

    def invoke(self, name: str) -> Any:
        function = "".join(part.title() for part in name.split("_")) + "Function"
        return self.sam_local.invoke(function, EVENTS / f"{name}.json", self.variables)

    def wait_until_settled(self, step: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.settled.get(step, lambda: True)():
            assert time.monotonic() < deadline, f"what {step} looks at did not end within {PATIENCE_SECONDS:.0f} s"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def pipeline(sam_local: SamLocal, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    assert THE_RUN.training
    assert THE_RUN.deployment
    job_name, endpoint_name = THE_RUN.training.job_name, THE_RUN.deployment.endpoint_name

    def training_has_ended() -> bool:
        job = aws.sagemaker.describe_training_job(TrainingJobName=job_name)
        return job["TrainingJobStatus"] not in {"InProgress", "Stopping"}

    def endpoint_has_settled() -> bool:
        return aws.sagemaker.describe_endpoint(EndpointName=endpoint_name)["EndpointStatus"] != "Creating"

    return Pipeline(
        sam_local,
        variables=seed(aws, tmp_path_factory.mktemp("table")),
        settled={"check_training": training_has_ended, "check_endpoint": endpoint_has_settled},
    )


def seed(aws: Aws, folder: Path) -> dict[str, str]:
    """Makes what exists before a run begins. Gives the variables that name it: those of ``samconfig.toml``."""
    variables: dict[str, str] = json.loads((EVENTS / "env.json").read_text())["Parameters"]
    assert THE_RUN.validation
    assert THE_RUN.validation.config_uri
    artifact_bucket, _ = split_uri(THE_RUN.validation.config_uri)
    for bucket in (THE_RUN.run.bucket, artifact_bucket):
        aws.s3.create_bucket(Bucket=bucket)
    aws.s3.upload_file(str(DEMOS["classification"].write(folder)), THE_RUN.run.bucket, THE_RUN.run.key)
    aws.s3.put_object(
        Bucket=THE_RUN.run.bucket, Key=config_key(THE_RUN.run.folder), Body=f"target: {THE_RUN.validation.target}"
    )
    table = variables["RUNS_TABLE"]
    aws.dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "dataset", "started_at", "running_since")
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": BY_DATASET,
                "KeySchema": [
                    {"AttributeName": "dataset", "KeyType": "HASH"},
                    {"AttributeName": "started_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": BY_RUNNING,
                "KeySchema": [{"AttributeName": "running_since", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
    claim = {"pk": f"RUN#{THE_RUN.run.run_id}", "status": "running", "execution_arn": THE_RUN.run.execution_arn}
    aws.dynamodb.put_item(TableName=table, Item={name: {"S": value} for name, value in claim.items()})
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    iam = session.client("iam", endpoint_url=aws.endpoint_url)
    topic = session.client("sns", endpoint_url=aws.endpoint_url).create_topic(Name="sluice-outcomes")
    machine = session.client("stepfunctions", endpoint_url=aws.endpoint_url).create_state_machine(
        name="sluice-pipeline",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn=create_role(iam, "sluice-pipeline", "states"),
    )
    made = {
        "INBOX_BUCKET": THE_RUN.run.bucket,
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        # Called if a run was left open or unfinished, of which there is none.
        "RESTORE_ENDPOINT_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-restore-endpoint",
        "RECORD_OUTCOME_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-record-outcome",
        "REGISTER_MODEL_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-register-model",
        "RENDER_REPORT_FUNCTION": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sluice-render-report",
        "ARTIFACT_BUCKET": artifact_bucket,
        "RUNS_TABLE": table,
        "OUTCOME_TOPIC_ARN": topic["TopicArn"],
        "SAGEMAKER_ROLE_ARN": create_role(iam, "sluice-sagemaker", "sagemaker"),
    }
    assert made == variables
    return variables


def create_role(iam: IAMClient, name: str, service: str) -> str:
    """A role that the service may assume and that may do all; tests/local shows that the template's may do enough."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="everything", PolicyDocument=_policy(everything))
    return role["Arn"]


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_claim_run_claims_the_run(pipeline: Pipeline) -> None:
    assert pipeline.answer("claim_run", Claim).verdict == "claimed"


def test_validate_data_accepts_the_table(pipeline: Pipeline, aws: Aws) -> None:
    answer = pipeline.answer("validate_data", ValidationResult)
    assert answer.verdict == "accepted", answer.reasons
    assert answer.rows.accepted == 569
    assert answer.config_uri is not None
    bucket, key = split_uri(answer.config_uri)
    stored = aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert read_whole_config(json.loads(stored)).target == "diagnosis"


def test_start_training_starts_the_job(pipeline: Pipeline, aws: Aws) -> None:
    answer = pipeline.answer("start_training", TrainingStarted)
    assert answer.verdict == "started", answer.reasons
    assert aws.sagemaker.describe_training_job(TrainingJobName=answer.job_name)["TrainingJobName"] == answer.job_name


def test_check_training_finds_the_job_completed(pipeline: Pipeline) -> None:
    answer = pipeline.answer("check_training", TrainingStatus)
    assert answer.status == "completed", answer.reasons
    assert answer.model_uri == (THE_RUN.training and THE_RUN.training.model_uri)


def test_start_refit_starts_the_second_job_at_the_rounds_of_the_first(pipeline: Pipeline, aws: Aws) -> None:
    answer = pipeline.answer("start_refit", TrainingStarted)
    assert answer.verdict == "started", answer.reasons
    job = aws.sagemaker.describe_training_job(TrainingJobName=answer.job_name)
    assert int(job["HyperParameters"]["num_round"]) > 0
    assert "early_stopping_rounds" not in job["HyperParameters"]


def test_evaluate_model_measures_and_accepts_the_model(pipeline: Pipeline) -> None:
    answer = pipeline.answer("evaluate_model", EvaluationResult)
    assert answer.verdict == "accepted", answer.reasons
    assert answer.metrics is not None
    assert 0 < answer.metrics.loss < 0.3


def test_deploy_endpoint_starts_the_deployment(pipeline: Pipeline) -> None:
    answer = pipeline.answer("deploy_endpoint", Deployment)
    assert answer.verdict == "started", answer.reasons
    assert answer.endpoint_name == (THE_RUN.deployment and THE_RUN.deployment.endpoint_name)


def test_check_endpoint_finds_the_endpoint_in_service(pipeline: Pipeline) -> None:
    answer = pipeline.answer("check_endpoint", EndpointStatus)
    assert answer.status == "in_service", answer.reasons


def test_verify_endpoint_gets_the_offline_scores_from_the_live_endpoint(pipeline: Pipeline) -> None:
    answer = pipeline.answer("verify_endpoint", Verification)
    assert answer.verdict == "verified", answer.reasons
    assert answer.rows > 0


def test_record_outcome_closes_the_run(pipeline: Pipeline, aws: Aws) -> None:
    answer = pipeline.answer("record_outcome", RunResult)
    assert answer.outcome is Outcome.DEPLOYED
    key = RunLayout(answer.dataset, answer.run_id).outcome
    stored = aws.s3.get_object(Bucket=pipeline.variables["ARTIFACT_BUCKET"], Key=key)["Body"].read()
    assert read_stored(RunResult, stored) == answer


def test_register_model_makes_the_first_version(pipeline: Pipeline, aws: Aws) -> None:
    answer = pipeline.answer("register_model", Registered)
    assert (answer.verdict, answer.version) == ("registered", 1)
    groups = aws.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [group["ModelPackageGroupName"] for group in groups] == [answer.group]


def test_render_report_draws_the_page(pipeline: Pipeline, aws: Aws) -> None:
    result = RunResult.model_validate(json.loads((EVENTS / "render_report.json").read_text())["result"])
    pipeline.answer("record_outcome", RunResult)
    layout, bucket = RunLayout(result.dataset, result.run_id), pipeline.variables["ARTIFACT_BUCKET"]
    # The event has a result of its own: the page shows only what is recorded.
    aws.s3.put_object(Bucket=bucket, Key=layout.outcome, Body=result.model_dump_json())
    assert pipeline.answer("render_report", Rendered).verdict == "rendered"
    page = aws.s3.get_object(Bucket=bucket, Key=layout.report)["Body"].read().decode()
    assert page.startswith("<!DOCTYPE html>")
    assert "<svg" in page


class HttpAnswer(BaseModel):
    statusCode: int  # noqa: N815 - Lambda's own name
    body: str


def test_predict_answers_for_the_record_by_the_recorded_champion(pipeline: Pipeline) -> None:
    answer = pipeline.answer("predict", HttpAnswer)
    assert answer.statusCode == 200, answer.body
    body = json.loads(answer.body)
    assert body["model_version"] == THE_RUN.run.run_id
    assert [prediction["label"] for prediction in body["predictions"]] == ["malignant"]


def test_restore_endpoint_leaves_the_recorded_champion_alone(pipeline: Pipeline) -> None:
    assert pipeline.answer("restore_endpoint", Restoration).verdict == "untouched"


def test_clean_up_finds_nothing_that_is_not_used(pipeline: Pipeline) -> None:
    answer = pipeline.answer("clean_up", CleanedUp)
    assert (answer.verdict, answer.removed) == ("cleaned", ())


class Round(BaseModel):
    started: int
    closed: int
    faults: int


def test_reconcile_starts_what_came_before_its_round_alone(pipeline: Pipeline) -> None:
    # The table was put there just now, and the round of the event was long ago.
    assert pipeline.answer("reconcile", Round) == Round(started=0, closed=0, faults=0)


class Watched(BaseModel):
    watched: int
    reports: int
    drifting: int
    faults: int


def test_monitor_watches_no_model_whose_dataset_does_not_ask_for_it(pipeline: Pipeline) -> None:
    answer = Watched.model_validate(pipeline.invoke("monitor"))
    assert answer == Watched(watched=0, reports=0, drifting=0, faults=0)


class Report(BaseModel):
    misplaced: bool
    told: bool


def test_report_misplaced_file_tells_of_the_file_of_its_event(pipeline: Pipeline) -> None:
    answer = Report.model_validate(pipeline.invoke("report_misplaced_file"))
    assert answer == Report(misplaced=True, told=True)


def test_ask_for_approval_and_decide_approval_take_a_persons_word(pipeline: Pipeline) -> None:
    assert pipeline.answer("ask_for_approval", AskedForApproval).verdict == "asked"
    answer = pipeline.answer("decide_approval", HttpAnswer)
    assert answer.statusCode == 200, answer.body
    assert json.loads(answer.body)["decided_by"] == "user/alice"


def test_tear_down_answers_cloudformation(pipeline: Pipeline, aws: Aws, tmp_path: Path) -> None:
    bucket = pipeline.variables["ARTIFACT_BUCKET"]
    here = aws.s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "answer.json"})
    address = pipeline.sam_local.aws_url
    event = json.loads((EVENTS / "tear_down.json").read_text())
    event |= {"RequestType": "Update", "ResponseURL": here.replace(aws.endpoint_url, address)}
    (tmp_path / "event.json").write_text(json.dumps(event))
    pipeline.sam_local.invoke("TearDownFunction", tmp_path / "event.json", pipeline.variables)
    answer = json.loads(aws.s3.get_object(Bucket=bucket, Key="answer.json")["Body"].read())
    assert (answer["Status"], answer["RequestId"]) == ("SUCCESS", event["RequestId"])


def test_a_function_that_raises_is_not_taken_for_one_that_answered(pipeline: Pipeline, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"not": "a run"}')
    with pytest.raises(InvocationError, match="ValidationError"):
        pipeline.sam_local.invoke("CheckTrainingFunction", event, pipeline.variables)
