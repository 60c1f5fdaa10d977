"""The main job end to end: the shipped template, dropped tables, and what happens to them."""

from __future__ import annotations

import csv
import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_wine

from following.dropping import check_drop
from following.execution import training_log
from following.result import run_result, validation_result
from local import run
from local.run import ask_endpoint
from sluice.evaluation.document import Evaluation
from sluice.messages import AcceptedFile

from .conftest import LocalAws, learnable_rows, write_table

HEADER = ["size", "colour", "comment", "label"]


def test_a_learnable_table_becomes_an_endpoint_that_gives_the_offline_scores(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "good.csv", HEADER, learnable_rows(400, seed=1))

    ended = local_aws.drop(table, "label")

    result = local_aws.result(ended)
    assert (ended.status, result["outcome"], result["reasons"]) == ("SUCCEEDED", "deployed", [])
    assert result["metrics"]["log_loss"] < 0.6 * result["metrics"]["prior_log_loss"]
    assert sum(result["rows"][part] for part in ("train", "validation", "test")) == result["rows"]["accepted"] == 400
    rows = local_aws.object(result["artifacts"]["test"] + "test.csv").decode().splitlines()
    features = "\n".join(row.partition(",")[2] for row in rows)
    answer = local_aws.aws.sagemaker_runtime.invoke_endpoint(
        EndpointName=result["endpoint"]["name"], ContentType="text/csv", Body=features.encode()
    )
    live = np.array(answer["Body"].read().decode().split(), dtype=float)
    np.testing.assert_allclose(live, offline_scores(local_aws, result["artifacts"]["model"], features), atol=1e-6)
    assert registered(local_aws, result["endpoint"]["name"]) == [(1, "Approved")]
    assert local_aws.aws.sagemaker.describe_model_card(ModelCardName=result["endpoint"]["name"])["ModelCardStatus"] == (
        "Approved"
    )


def registered(local_aws: LocalAws, group: str) -> list[tuple[int, str]]:
    """Version and approval of the packages of a group."""
    listed = local_aws.aws.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    return [(item["ModelPackageVersion"], item["ModelApprovalStatus"]) for item in listed]


def offline_scores(local_aws: LocalAws, model_uri: str, features: str) -> np.ndarray:
    with tarfile.open(fileobj=io.BytesIO(local_aws.object(model_uri))) as archive:
        model = archive.extractfile("xgboost-model")
        assert model is not None
        booster = xgboost.Booster()
        booster.load_model(bytearray(model.read()))
    rows = [[float(cell) if cell else np.nan for cell in row] for row in csv.reader(features.splitlines())]
    return np.asarray(booster.inplace_predict(np.array(rows, dtype=np.float32)))


def test_a_broken_table_is_rejected_before_any_training_and_stays_where_it_was(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    rows = learnable_rows(200, seed=2)
    for row in rows[40:60]:
        row[0] = "unknown, ask Bob"
    table = write_table(tmp_path / "broken.csv", HEADER, rows)

    ended = local_aws.drop(table, "label")

    result = local_aws.result(ended)
    assert (ended.status, ended.error, result["outcome"]) == ("FAILED", "DatasetRejected", "dataset_rejected")
    said = " ".join(result["reasons"])
    assert "broken.csv" in said
    assert "size" in said
    assert "42" in said  # the first bad row's line, the header being line 1
    assert local_aws.training_jobs("broken") == []
    assert local_aws.endpoints("broken") == []
    inbox = local_aws.outputs["InboxBucketName"]
    assert local_aws.object(f"s3://{inbox}/incoming/broken/broken.csv") == table.read_bytes()
    assert local_aws.object(result["artifacts"]["rejected_rows"]).count(b"not_a_number") == 20


def test_a_model_of_random_labels_is_rejected_and_gets_no_endpoint(local_aws: LocalAws, tmp_path: Path) -> None:
    draw = random.Random(3)  # noqa: S311
    rows = [[draw.gauss(0, 1), draw.gauss(0, 1), draw.choice(["yes", "no"])] for _ in range(400)]
    table = write_table(tmp_path / "noise.csv", ["a", "b", "label"], rows)

    ended = local_aws.drop(table, "label")

    result = local_aws.result(ended)
    assert (ended.status, ended.error, result["outcome"]) == ("FAILED", "ModelRejected", "model_rejected")
    assert result["reasons"]
    assert result["metrics"]["log_loss"] > 0.9 * result["metrics"]["prior_log_loss"]
    assert result["endpoint"] is None
    assert len(local_aws.training_jobs("noise")) == 2, "the first job and the refit"
    assert local_aws.endpoints("noise") == []


def test_a_duplicate_event_does_nothing_twice(local_aws: LocalAws, tmp_path: Path) -> None:
    table = write_table(tmp_path / "twice.csv", HEADER, learnable_rows(300, seed=4))
    first = local_aws.drop(table, "label")
    event = local_aws.aws.stepfunctions.describe_execution(executionArn=first.arn)["input"]

    second = local_aws.follow(
        local_aws.aws.stepfunctions.start_execution(stateMachineArn=local_aws.outputs["StateMachineArn"], input=event)[
            "executionArn"
        ]
    )

    result = local_aws.result(second)
    assert (second.status, result["outcome"]) == ("SUCCEEDED", "duplicate")
    assert result["run_id"] == local_aws.result(first)["run_id"]
    assert len(local_aws.training_jobs("twice")) == 2, "the first job and the refit"


def test_a_training_job_that_fails_ends_the_run_with_the_jobs_own_reason(local_aws: LocalAws, tmp_path: Path) -> None:
    reason = "InternalServerError: We encountered an internal error. Please try again."
    local_aws.faults.training_job("sluice-unlucky-*", "Failed", reason)
    table = write_table(tmp_path / "unlucky.csv", HEADER, learnable_rows(300, seed=5))

    ended = local_aws.drop(table, "label")

    result = local_aws.result(ended)
    assert (ended.status, ended.error, result["outcome"]) == ("FAILED", "TrainingFailed", "training_failed"), (
        ended.cause
    )
    assert "internal error" in " ".join(result["reasons"])
    assert "internal error" in (ended.cause or "")
    assert local_aws.endpoints("unlucky") == []


def test_the_refit_learns_from_training_and_validation_rows_and_goes_live(local_aws: LocalAws, tmp_path: Path) -> None:
    table = write_table(tmp_path / "refitted.csv", HEADER, learnable_rows(300, seed=7))

    result = local_aws.result(local_aws.drop(table, "label"))

    found = Evaluation.read(json.loads(local_aws.object(result["artifacts"]["evaluation"])))
    rows = result["rows"]
    assert found.refit is not None
    assert found.refit.rows == rows["train"] + rows["validation"]
    jobs = [local_aws.aws.sagemaker.describe_training_job(TrainingJobName=name) for name in (
        found.refit.first_job_name, found.job_name
    )]  # fmt: skip
    assert jobs[1]["HyperParameters"] == found.hyperparameters
    assert jobs[1]["HyperParameters"]["num_round"] == str(found.refit.rounds)
    assert result["artifacts"]["model"] == found.model_uri == jobs[1]["ModelArtifacts"]["S3ModelArtifacts"]
    log = " ".join(training_log(local_aws.aws, found.job_name))
    assert f"Train matrix has {found.refit.rows} rows" in log
    assert "Validation matrix" not in log
    assert result["seconds"]["training"] == sum(job["TrainingTimeInSeconds"] for job in jobs)


def test_a_refit_that_fails_leaves_the_first_model_live_with_a_warning(local_aws: LocalAws, tmp_path: Path) -> None:
    local_aws.faults.training_job("sluice-halfway-*-full", "Failed", "CapacityError: no capacity")
    table = write_table(tmp_path / "halfway.csv", HEADER, learnable_rows(300, seed=8))

    ended = local_aws.drop(table, "label")

    result = local_aws.result(ended)
    assert (ended.status, result["outcome"]) == ("SUCCEEDED", "deployed"), ended.cause
    found = Evaluation.read(json.loads(local_aws.object(result["artifacts"]["evaluation"])))
    assert "CapacityError: no capacity" in found.warnings[0]
    assert found.refit is None
    assert "-full/" not in result["artifacts"]["model"]


def ignoring_the_champion(folder: Path) -> Path:
    """A configuration for tests of what follows the decision: their tables are too small to prove a model better."""
    config = folder / "config.yaml"
    config.write_text("champion: {policy: ignore}\n")
    return config


def test_a_model_that_ties_with_the_live_one_is_not_deployed_and_a_better_one_is(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    rows = learnable_rows(3000, seed=9)
    table = write_table(tmp_path / "growing.csv", HEADER, rows[:200])
    first = local_aws.result(local_aws.drop(table, "label"))
    assert first["outcome"] == "deployed", first["reasons"]

    again = local_aws.drop(write_table(table, HEADER, rows[:200]), "label")

    assert (again.status, again.error) == ("FAILED", "ModelRejected")
    assert "nothing to deploy" in (again.cause or "")
    judged = json.loads(local_aws.object(local_aws.result(again)["artifacts"]["evaluation"]))
    assert judged["champion"]["run_id"] == first["run_id"]
    assert judged["champion"]["metrics"]["log_loss"] == judged["metrics"]["log_loss"]
    live = local_aws.aws.sagemaker.describe_endpoint(EndpointName="sluice-growing")
    assert live["EndpointConfigName"] == first["endpoint"]["config"]

    better = local_aws.result(local_aws.drop(write_table(table, HEADER, rows), "label"))

    assert better["outcome"] == "deployed", better["reasons"]
    live = local_aws.aws.sagemaker.describe_endpoint(EndpointName="sluice-growing")
    assert live["EndpointConfigName"] == better["endpoint"]["config"]
    page = local_aws.object(better["artifacts"]["report"]).decode()
    assert "is live behind the endpoint sluice-growing" in page


def test_an_update_that_sagemaker_rolls_back_is_no_deployment_and_the_old_model_stays_live(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "steady.csv", HEADER, learnable_rows(300, seed=6))
    first = local_aws.result(local_aws.drop(table, "label"))
    local_aws.faults.endpoint("sluice-steady", "RollBack", "The update was rolled back: alarm in state ALARM")
    write_table(table, HEADER, learnable_rows(320, seed=7))

    ended = local_aws.drop(table, "label", config=ignoring_the_champion(tmp_path))

    assert (ended.status, ended.error) == ("FAILED", "DeploymentFailed")
    assert local_aws.result(ended)["outcome"] == "deployment_failed"
    live = local_aws.aws.sagemaker.describe_endpoint(EndpointName="sluice-steady")
    assert (live["EndpointStatus"], live["EndpointConfigName"]) == ("InService", first["endpoint"]["config"])


def test_a_key_and_a_table_with_quotes_blanks_and_unicode_go_all_the_way(local_aws: LocalAws, tmp_path: Path) -> None:
    rows = [[*row[:2], row[2] + "\nund ging – für immer", row[3]] for row in learnable_rows(400, seed=8)]
    header = ['Größe "netto", in m²', "цвет", "comment", 'Ja / "Nein"?']
    table = write_table(tmp_path / 'Prüf "A+B" 100%, neu.csv', header, rows)

    ended = local_aws.drop(table, header[-1], dataset="Kunden Daten – ü")

    result = local_aws.result(ended)
    assert result["outcome"] == "deployed", result["reasons"]
    assert result["rows"]["accepted"] == 400
    recorded, validation = run_result(ended), validation_result(ended)
    assert recorded is not None
    assert recorded.endpoint is not None
    assert isinstance(validation, AcceptedFile)
    prediction = ask_endpoint(local_aws.aws, recorded.endpoint.name, validation, cutoff=0.5)
    assert {prediction["predicted"], prediction["actual"]} <= {"yes", "no"}
    assert 0 <= prediction["score"] <= 1


def test_a_table_of_three_classes_gets_an_endpoint_that_answers_a_probability_for_each(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    wine = load_wine(as_frame=True)
    table = wine.frame.assign(target=[f"cultivar {wine.target_names[number]}" for number in wine.target])
    path = tmp_path / "wine.csv"
    table.to_csv(path, index=False)

    ended = local_aws.drop(path, "target")

    result = local_aws.result(ended)
    assert result["outcome"] == "deployed", result["reasons"]
    assert [len(row) for row in result["metrics"]["confusion_matrix"]] == [3, 3, 3]
    assert result["metrics"]["log_loss"] < 0.5 * result["metrics"]["prior_log_loss"]
    validation = validation_result(ended)
    assert isinstance(validation, AcceptedFile)
    prediction = ask_endpoint(local_aws.aws, result["endpoint"]["name"], validation, cutoff=None)
    assert set(prediction["scores"]) == set(validation.classes)
    assert sum(prediction["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert prediction["score"] == max(prediction["scores"].values())


def test_files_of_one_dataset_that_arrive_together_deploy_one_after_the_other(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    tables = [write_table(tmp_path / f"{i}.csv", HEADER, learnable_rows(300, seed=20 + i)) for i in range(3)]
    ignoring = ignoring_the_champion(tmp_path)
    calls = [check_drop(table, "together", ignoring, "label") for table in tables]
    arns = [run.drop(local_aws.aws, local_aws.outputs, call) for call in calls]

    ended = [local_aws.follow(arn) for arn in arns]

    # Whoever is slower than a newer file stands back; the newest is live at the end.
    *older, newest = (local_aws.result(snapshot) for snapshot in ended)
    assert newest["outcome"] == "deployed"
    assert {result["outcome"] for result in older} <= {"deployed", "superseded"}
    live = local_aws.aws.sagemaker.describe_endpoint(EndpointName="sluice-together")
    champion = local_aws.aws.dynamodb.get_item(
        TableName=local_aws.outputs["RunsTableName"], Key={"pk": {"S": "DATASET#together"}}
    )["Item"]
    assert champion["config_name"] == {"S": live["EndpointConfigName"]}
    assert champion["run_id"] == {"S": newest["run_id"]}
