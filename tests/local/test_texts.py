"""Free text, end to end: what people wrote tells the label, and single records are answered as the file was."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.signed_url import SignedUrl
from sluice.layout import RunLayout

from .conftest import LocalAws

WORDS = ("the", "parcel", "box", "order", "came", "was", "it", "with", "from", "for", "our", "shop", "Straße", "包裹")
TELLING = (("fine", "quick", "thanks"), ("broken", "late", "refund"))


def written(path: Path) -> None:
    random = np.random.default_rng(4)
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(["age", "remark", "churned"])
        for _ in range(600):
            label = int(random.random() < 0.4)
            words = [*random.choice(WORDS, random.integers(6, 12)), *random.choice(TELLING[label], 2)]
            said = " ".join(random.permutation(words)).capitalize()
            lines.writerow([random.integers(18, 80), said + ".", "no" if (random.random() < 0.1) == label else "yes"])


@pytest.mark.longer
def test_a_model_of_what_people_wrote_is_deployed_and_answers_records(local_aws: LocalAws, tmp_path: Path) -> None:
    table = tmp_path / "remarks.csv"
    written(table)

    ended = local_aws.drop(table, "churned", "remarks")

    result = local_aws.result(ended)
    assert (ended.status, result["outcome"], result["reasons"]) == ("SUCCEEDED", "deployed", [])
    assert result["metrics"]["log_loss"] < 0.75 * result["metrics"]["prior_log_loss"]
    layout, bucket = RunLayout("remarks", result["run_id"]), local_aws.outputs["ArtifactBucketName"]
    evaluation = json.loads(local_aws.object(f"s3://{bucket}/{layout.evaluation}"))
    assert evaluation["training"]["importances"][0]["column"] == "remark"
    contract = json.loads(local_aws.object(f"s3://{bucket}/{layout.contract}"))
    (remark,) = [column for column in contract["columns"] if column["name"] == "remark"]
    assert (remark["kind"], remark.get("levels")) == ("text", None)

    held_out = local_aws.object(f"s3://{bucket}/{layout.held_out_rows}").decode()
    rows = list(csv.DictReader(io.StringIO(held_out)))
    with SignedUrl(local_aws.outputs["PredictUrl"], local_aws.aws.endpoint_url) as url:
        reply = url.ask("remarks", held_out, "text/csv")
        strange = {"age": 40, "remark": "Совсем другой язык"}
        single = url.ask("remarks", json.dumps([rows[0], strange]), "application/json", explain="1")
    assert reply.status == 200, reply.body
    told = [one["probability"] for one in reply.body["predictions"]]
    right = np.mean([(score >= 0.5) == (row["churned"] == "yes") for score, row in zip(told, rows, strict=True)])
    assert right > 0.8
    first, unknown = single.body["predictions"]
    assert first["probability"] == pytest.approx(told[0], abs=1e-6)
    assert [one["column"] for one in first["contributions"]] == ["remark"]
    assert unknown["outside"] == ["remark"]
