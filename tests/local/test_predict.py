"""The predict function behind its URL: the shipped template, real tables, and every row that the model never saw."""

from __future__ import annotations

import csv
import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.signed_url import Reply, SignedUrl
from local.home import REPOSITORY
from sluice.layout import RunLayout, predictions_prefix
from sluice.prediction.aws.forgetting import Forgotten, forget

from .conftest import LocalAws, learnable_rows, write_table
from .test_pipeline import HEADER, offline_scores

DATA = REPOSITORY.parent / "shared" / "data"
BATCH = 1500


@dataclass(frozen=True)
class Deployed:
    """A dataset that is live, and what its run left."""

    local_aws: LocalAws
    result: dict[str, Any]

    @property
    def dataset(self) -> str:
        return str(self.result["dataset"])

    def ask(self, body: str, kind: str = "application/json", dataset: str | None = None, **options: Any) -> Reply:
        """The answer of the predict function, over a connection of its own."""
        with SignedUrl(self.local_aws.outputs["PredictUrl"], self.local_aws.aws.endpoint_url) as url:
            return url.ask(dataset or self.dataset, body, kind, **options)

    def held_out(self) -> list[dict[str, str]]:
        layout = RunLayout(self.dataset, self.result["run_id"])
        bucket = self.local_aws.outputs["ArtifactBucketName"]
        text = self.local_aws.object(f"s3://{bucket}/{layout.held_out_rows}").decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_rows(self) -> list[str]:
        """Features alone."""
        lines = self.local_aws.object(self.result["artifacts"]["test"] + "test.csv").decode().splitlines()
        return [line.partition(",")[2] for line in lines]

    def document(self, key: str) -> Any:
        return json.loads(self.local_aws.object(f"s3://{self.local_aws.outputs['ArtifactBucketName']}/{key}"))


def deploy(local_aws: LocalAws, table: Path, target: str, dataset: str, config: Path | None = None) -> Deployed:
    ended = local_aws.drop(table, target, dataset, config)
    result = local_aws.result(ended)
    assert result["outcome"] == "deployed", result["reasons"]
    return Deployed(local_aws, {**result, "dataset": dataset})


@pytest.fixture(scope="module")
def small(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tmp_path_factory.mktemp("predict")
    table = write_table(folder / "table.csv", HEADER, learnable_rows(400, seed=31))
    config = folder / "config.yaml"
    config.write_text("key: customer\npredictions: {log_share: 1, keep_days: 30}\n")
    return deploy(local_aws, table, "label", "asked", config)


def as_csv(records: list[dict[str, str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("file", "target"), [("adult.csv", "income"), ("telco-customer-churn.csv", "Churn")], ids=["adult", "telco"]
)
def test_each_held_out_row_of_a_real_table_gets_the_offline_score(local_aws: LocalAws, file: str, target: str) -> None:
    path = DATA / file
    if not path.exists():
        pytest.skip(f"{path} is absent: the tables of ../shared/data are kept beside the project, not in it")
    live = deploy(local_aws, path, target, f"predict-{path.stem[:12].rstrip('-')}")
    records, rows = live.held_out(), live.test_rows()
    assert len(records) == len(rows) > 1000
    offline = offline_scores(local_aws, live.result["artifacts"]["model"], "\n".join(rows))

    found: list[dict[str, Any]] = []
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        json_turn = at // BATCH % 2 == 0
        reply = live.ask(json.dumps(batch)) if json_turn else live.ask(as_csv(batch), "text/csv")
        assert reply.status == 200, reply.body
        assert reply.body["model_version"] == live.result["run_id"]
        found += reply.body["predictions"]

    asked = np.array([prediction["probability"] for prediction in found], np.float32)
    np.testing.assert_array_equal(asked, offline)
    cutoff, (negative, positive) = reply.body["cutoff"], reply.body["classes"]
    assert [prediction["label"] for prediction in found] == [positive if p >= cutoff else negative for p in asked]
    assert reply.body["positive"] == positive


def test_contributions_add_up_to_the_log_odds_of_the_probability(small: Deployed) -> None:
    records = small.held_out()[:20]
    reply = small.ask(json.dumps({"records": records, "explain": 10}))
    assert reply.status == 200, reply.body
    for record, prediction in zip(records, reply.body["predictions"], strict=True):
        named = prediction["contributions"]
        assert {item["column"]: item["value"] for item in named} == {name: record[name] for name in ("size", "colour")}
        log_odds = prediction["base"] + sum(item["contribution"] for item in named)
        assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(prediction["probability"], abs=1e-5)


def test_a_request_is_kept_in_the_artifact_bucket_with_its_key_for_as_long_as_is_said(small: Deployed) -> None:
    record = {**small.held_out()[0], "size": "1000", "colour": "mauve"}
    reply = small.ask(json.dumps({**record, "customer": 4711}))
    bucket = small.local_aws.outputs["ArtifactBucketName"]
    listed = small.local_aws.aws.s3.list_objects_v2(Bucket=bucket, Prefix=f"{small.dataset}/predictions/day=")
    kept = [
        json.loads(line)
        for item in listed["Contents"]
        for line in gzip.decompress(small.local_aws.object(f"s3://{bucket}/{item['Key']}")).splitlines()
    ]
    (prediction,) = reply.body["predictions"]
    (found,) = [line for line in kept if line["record"] == record]
    assert prediction["key"] == found["key"] == "4711"
    tags = [
        small.local_aws.aws.s3.get_object_tagging(Bucket=bucket, Key=it["Key"])["TagSet"] for it in listed["Contents"]
    ]
    assert tags == [[{"Key": "sluice-keep-days", "Value": "30"}]] * len(tags)
    assert prediction["outside"] == found["outside"] == ["size", "colour"]
    assert found["id"] == prediction["id"]
    assert (found["probability"], found["label"]) == (prediction["probability"], prediction["label"])
    assert found["model_version"] == small.result["run_id"]


def test_a_key_is_forgotten_with_the_old_versions_of_what_held_it(small: Deployed) -> None:
    record, s3 = small.held_out()[0], small.local_aws.aws.s3
    bucket, prefix = small.local_aws.outputs["ArtifactBucketName"], predictions_prefix(small.dataset)
    reply = small.ask(json.dumps([{**record, "customer": "goes"}, {**record, "customer": "stays"}]))
    assert reply.status == 200, reply.body
    assert forget(s3, bucket, small.dataset, "goes", "customer") == Forgotten(lines=1, objects=1)
    versions = s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]
    texts = [
        gzip.decompress(s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read())
        for one in versions
    ]
    assert len({one["Key"] for one in versions}) == len(versions)
    assert (b'"goes"' in b"".join(texts), b"".join(texts).count(b'"stays"')) == (False, 1)
    assert forget(s3, bucket, small.dataset, "goes", "customer") == Forgotten()


def test_what_does_not_fit_is_named_by_record_and_column(small: Deployed) -> None:
    good = small.held_out()[0]
    reply = small.ask(json.dumps([good, {**good, "size": "large"}, {"colour": "red", "hue": 1}]))
    assert reply.status == 400
    assert [(error["record"], error["column"]) for error in reply.body["errors"]] == [
        (2, "size"),
        (3, "hue"),
        (3, "size"),
    ]


def test_only_signed_requests_are_answered(small: Deployed) -> None:
    assert small.ask("{}", signed=False).status == 403


def test_a_dataset_without_a_model_is_not_found(small: Deployed) -> None:
    assert small.ask("{}", dataset="nobody").status == 404


def test_while_an_endpoint_is_updated_each_answer_is_of_the_model_that_it_names(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    first = deploy(local_aws, write_table(table, HEADER, learnable_rows(400, seed=33)), "label", "flips")
    record = json.dumps({"size": 0.1, "colour": "red", "comment": None})
    said = {spoken(first.ask(record))}
    write_table(table, HEADER, learnable_rows(3000, seed=32))

    with ThreadPoolExecutor(1) as aside:
        update = aside.submit(deploy, local_aws, table, "label", "flips")
        while not update.done():
            said.add(spoken(first.ask(record)))
        second = update.result()
    last = spoken(first.ask(record))

    assert last[0] == second.result["run_id"]
    # Two versions and two probabilities, one for each; 503 would be an answer, but a few seconds are enough.
    assert {run for run, _ in said} <= {first.result["run_id"], second.result["run_id"]}
    assert len(said | {last}) == 2


def spoken(reply: Reply) -> tuple[str, float]:
    assert reply.status == 200, reply.body
    return reply.body["model_version"], reply.body["predictions"][0]["probability"]


def test_of_two_models_that_answer_each_is_asked_by_its_own_recipe(local_aws: LocalAws, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("champion: {policy: ignore}\nendpoint: {kind: instance, previous: {role: variant, share: 0.5}}\n")
    table = tmp_path / "table.csv"
    first = deploy(local_aws, write_table(table, HEADER, learnable_rows(400, seed=34)), "label", "both", config)
    record = json.dumps({"size": 0.1, "colour": "red", "comment": None})
    alone = spoken(first.ask(record))
    second = deploy(local_aws, write_table(table, HEADER, learnable_rows(500, seed=35)), "label", "both", config)

    said = {spoken(first.ask(record)) for _ in range(60)}

    assert alone in said
    assert {run for run, _ in said} == {first.result["run_id"], second.result["run_id"]}
    assert len(said) == 2
