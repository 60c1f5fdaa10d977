"""From predictions to the quality of the live model: the shipped template, the real log, and what came true."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import LocalAws, learnable_rows, write_table
from .test_cli import HEADER, Command

DATASET = "labelled"
KEYED = ["customer", *HEADER]


@pytest.mark.longer
def test_labels_in_the_inbox_tell_how_good_the_live_model_is(local_aws: LocalAws, tmp_path: Path) -> None:
    sluice, inbox = Command(local_aws), local_aws.outputs["InboxBucketName"]
    config = tmp_path / "config.yaml"
    config.write_text("key: customer\npredictions: {log_share: 1}\nmonitor: {gates: {log_loss: {max_of_test: 1.5}}}\n")
    table = write_table(tmp_path / "table.csv", HEADER, learnable_rows(400, seed=61))
    dropped = sluice("drop", table, "--dataset", DATASET, "--config", config, "--follow")
    assert dropped.returncode == 0, dropped.stderr

    rows = [[f"C-{i}", *row] for i, row in enumerate(learnable_rows(300, seed=62))]
    predicted = tmp_path / "predicted.csv"
    asked = write_table(tmp_path / "asked.csv", KEYED, rows)
    assert sluice("predict", DATASET, asked, "--output", predicted).returncode == 0
    unknown = sluice("quality", DATASET)
    assert (unknown.returncode, "No label is of one of the 300 predictions" in unknown.stdout) == (1, True)

    local_aws.aws.s3.upload_file(str(predicted), inbox, f"labels/{DATASET}/predicted.csv")
    found = sluice.document("quality", DATASET)
    assert found["state"] == "ok", found["reason"]
    assert (found["quality"]["predictions"], found["quality"]["labelled"]) == (300, 300)
    assert [gate["verdict"] for gate in found["gates"]] == ["kept"]

    # The other answer for everybody, by the key, in a file that arrives later.
    turned = [[row[0], "no" if row[-1] == "yes" else "yes"] for row in rows]
    wrong = write_table(tmp_path / "wrong.csv", ["customer", "label"], turned)
    local_aws.aws.s3.upload_file(str(wrong), inbox, f"labels/{DATASET}/wrong.csv")
    found = sluice.document("quality", DATASET)
    assert (found["state"], found["labels"]["contradicted"]) == ("degraded", 300), found["reason"]
    assert len(sluice.document("runs", DATASET)["runs"]) == 1, "a file of labels started a run"
