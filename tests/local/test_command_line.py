"""``python -m local``: exit statuses, RESULT.json, and that it starts and stops no more than it says."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from local import cloud, processes
from local.cloud import Options
from local.home import Home, LocalError
from sluice.names import dataset_name

from .conftest import OPTIONS, LocalAws, command_line, learnable_rows, write_table

HEADER = ["size", "colour", "comment", "label"]
KEYS = {
    "outcome",
    "run_id",
    "dataset",
    "execution_arn",
    "execution_status",
    "reasons",
    "rows",
    "metrics",
    "endpoint",
    "prediction",
    "artifacts",
    "seconds",
}


def test_run_deploys_with_exit_status_0_and_writes_the_result(local_aws: LocalAws, tmp_path: Path) -> None:
    table = write_table(tmp_path / "Web Shop.csv", HEADER, learnable_rows(400, seed=9))
    config = tmp_path / "config.yaml"
    config.write_text("gates: {log_loss: {max: 0.6}}\nhyperparameters: {num_round: 30}\n")
    told = tmp_path / "result.json"

    called = command_line(
        "run", table, "--target", "label", "--config", config, "--json", told, state_dir=local_aws.home.root
    )

    assert called.returncode == 0, called.stderr
    assert called.stderr == ""
    for words in ("ValidateData", "CheckTraining", "round 29", "predicted yes", "log_loss.max", "live endpoint"):
        assert words in called.stdout or words == "round 29"
    result = json.loads(told.read_text())
    assert set(result) == KEYS
    dataset = dataset_name("Web Shop")
    assert (result["outcome"], result["dataset"], result["execution_status"]) == ("deployed", dataset, "SUCCEEDED")
    assert set(result["rows"]) == {"received", "accepted", "rejected", "train", "validation", "test"}
    assert set(result["metrics"]) == {"log_loss", "prior_log_loss", "accuracy", "confusion_matrix"}
    assert result["endpoint"] == {
        "name": f"sluice-{dataset}",
        "status": "InService",
        "config": f"sluice-{dataset}-{result['run_id']}",
    }
    assert result["prediction"]["actual"] in ("yes", "no")
    assert set(result["seconds"]) == {"total", "training"}
    assert all(uri.startswith("s3://") for uri in result["artifacts"].values())


def test_run_of_a_rejected_table_has_exit_status_1_and_its_reasons_on_stderr(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "one-class.csv", ["a", "label"], [[number, "yes"] for number in range(100)])
    told = tmp_path / "result.json"

    called = command_line("run", table, "--target", "label", "--json", told, state_dir=local_aws.home.root)

    assert called.returncode == 1
    result = json.loads(told.read_text())
    assert set(result) == KEYS
    assert (result["outcome"], result["execution_status"]) == ("dataset_rejected", "FAILED")
    assert (result["endpoint"], result["prediction"]) == (None, None)
    assert result["reasons"]
    for reason in result["reasons"]:
        assert reason in called.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent.csv", "--target", "label"], "absent.csv: the file does not exist"),
        (["table.csv", "--target", "lable"], "no column `lable`; did you mean `label`?"),
        (["table.csv", "--target", "label", "--config", "absent.yaml"], "absent.yaml"),
        (["table.csv", "--target", "label", "--config", "wrong.yaml"], "wrong.yaml: unknown key `gate`"),
        (["table.csv", "--target", "label", "--dataset", "a/b"], "--dataset 'a/b'"),
        (["table.csv"], "--target"),
    ],
)
def test_a_wrong_call_has_exit_status_2_and_starts_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    write_table(tmp_path / "table.csv", HEADER, learnable_rows(5, seed=0))
    (tmp_path / "wrong.yaml").write_text("gate: {log_loss: {max: 1}}\n")
    here = [str(tmp_path / word) if word.endswith((".csv", ".yaml")) else word for word in arguments]

    called = command_line("run", *here, state_dir=tmp_path / "state")

    assert called.returncode == 2
    assert said in called.stderr
    assert not (tmp_path / "state").exists()


def test_a_second_up_starts_nothing_and_says_what_to_type(local_aws: LocalAws) -> None:
    before = local_aws.home.read()

    called = command_line("up", state_dir=local_aws.home.root)

    assert called.returncode == 0, called.stderr
    assert "sam " not in called.stdout.partition("\n")[0]
    assert f"aws s3 cp my.csv s3://{local_aws.outputs['InboxBucketName']}/incoming/mydata/" in called.stdout
    exports = (local_aws.home.root / "env.sh").read_text()
    assert f"export AWS_ENDPOINT_URL={local_aws.aws.endpoint_url}" in exports
    assert str(local_aws.home.root / "env.sh") in called.stdout
    assert "sluice drop my.csv --target COLUMN" in called.stdout
    assert len(called.stdout.splitlines()) == 10
    assert local_aws.home.read() == before


def test_status_lists_what_is_up_and_has_exit_status_1_where_nothing_is(local_aws: LocalAws, tmp_path: Path) -> None:
    up = command_line("status", state_dir=local_aws.home.root)
    down = command_line("status", state_dir=tmp_path / "nothing")

    assert up.returncode == 0
    assert local_aws.outputs["StateMachineArn"] in up.stdout
    assert down.returncode == 1


def test_down_stops_what_its_own_state_folder_started_and_nothing_else(local_aws: LocalAws, tmp_path: Path) -> None:
    home = Home(tmp_path / "other")
    with home.locked():
        started = cloud.start(home, OPTIONS).processes

    called = command_line("down", state_dir=home.root)

    assert called.returncode == 0
    assert "ministack and sagemaker" in called.stdout
    assert not any(processes.is_running(process) for process in started)
    assert cloud.is_up(local_aws.home.read())


def test_a_start_that_fails_leaves_nothing_behind_and_names_the_log(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        taken = occupant.getsockname()[1]

        with home.locked(), pytest.raises(LocalError, match=r"already in use(.|\n)*ministack\.log"):
            cloud.start(home, Options(port=taken))

    assert home.read().processes == ()
