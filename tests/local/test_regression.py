"""Numbers as targets, end to end: a shipped table becomes a verified endpoint that answers with intervals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from benchmarks.signed_url import SignedUrl
from following.result import validation_result
from local.run import ask_endpoint
from sluice.layout import RunLayout
from sluice.messages import AcceptedFile

from .conftest import LocalAws

CONFIG = "task: regression\nslices: [sex]\ngates: {coverage: {min: 0.7}, r2: {min: 0.1}}\n"


def test_a_target_of_numbers_is_trained_measured_deployed_and_served_with_intervals(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    table, config = tmp_path / "diabetes.csv", tmp_path / "config.yaml"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(table, index=False)
    config.write_text(CONFIG)

    ended = local_aws.drop(table, "target", "diabetes", config)

    result = local_aws.result(ended)
    assert (ended.status, result["outcome"], result["reasons"]) == ("SUCCEEDED", "deployed", [])
    assert result["metrics"]["rmse"] < result["metrics"]["prior_rmse"]
    layout, bucket = RunLayout("diabetes", result["run_id"]), local_aws.outputs["ArtifactBucketName"]
    evaluation = json.loads(local_aws.object(f"s3://{bucket}/{layout.evaluation}"))
    assert (evaluation["task"], evaluation["classes"]) == ("regression", [])
    assert {gate["name"] for gate in evaluation["gates"]} == {"coverage.min", "r2.min"}
    interval, half_width = evaluation["interval"], evaluation["interval"]["half_width"]

    held_out = local_aws.object(f"s3://{bucket}/{layout.held_out_rows}").decode()
    rows = list(csv.DictReader(io.StringIO(held_out)))
    with SignedUrl(local_aws.outputs["PredictUrl"], local_aws.aws.endpoint_url) as url:
        reply = url.ask("diabetes", held_out, "text/csv")
        explained = url.ask("diabetes", json.dumps(rows[0]), "application/json", explain="2")
    assert reply.status == 200, reply.body
    answer = reply.body
    assert (answer["task"], answer["target"]) == ("regression", "target")
    told = np.array([one["prediction"] for one in answer["predictions"]])
    true = np.array([float(row["target"]) for row in rows])
    assert np.sqrt(np.mean((told - true) ** 2)) == pytest.approx(evaluation["metrics"]["rmse"], rel=1e-5)
    for one in answer["predictions"]:
        assert one["coverage"] == interval["coverage"] == 0.9
        assert one["interval"] == pytest.approx([one["prediction"] - half_width, one["prediction"] + half_width])
    assert np.mean(np.abs(told - true) <= half_width) == pytest.approx(evaluation["metrics"]["coverage"])
    moved = explained.body["predictions"][0]
    assert len(moved["contributions"]) == 2

    validation = validation_result(ended)
    assert isinstance(validation, AcceptedFile)
    asked = ask_endpoint(local_aws.aws, result["endpoint"]["name"], validation, None)
    assert asked["predicted"] == pytest.approx(told[0], rel=1e-5)
    page = local_aws.object(result["artifacts"]["report"]).decode()
    assert "RMSE" in page
    assert "confusion" not in page
    quality = json.loads(local_aws.object(f"s3://{bucket}/{layout.model_quality}"))
    assert quality["regression_metrics"]["rmse"]["value"] == evaluation["metrics"]["rmse"]


def test_numbers_that_no_column_tells_anything_of_get_no_endpoint(local_aws: LocalAws, tmp_path: Path) -> None:
    table, config = tmp_path / "noise.csv", tmp_path / "config.yaml"
    rng = np.random.default_rng(3)
    lines = [",".join(f"{number:.4f}" for number in row) for row in rng.normal(size=(400, 3))]
    table.write_text("\n".join(["a,b,price", *lines, ""]))
    config.write_text("task: regression\n")

    ended = local_aws.drop(table, "price", "random-prices", config)

    result = local_aws.result(ended)
    assert (ended.error, result["outcome"]) == ("ModelRejected", "model_rejected")
    assert "Gate rmse.max_of_prior failed" in result["reasons"][0]
    assert local_aws.endpoints("random-prices") == []
