from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.layout import RunLayout
from tests.live_model import EVALUATION, documents, log_objects, quiet
from tests.unit.cli.conftest import ARTIFACTS, DATASET, FIRST, INBOX, SECOND, World

TODAY = datetime.now(UTC).date()
GATED: dict[str, Any] = {"key": "customer", "monitor": {"gates": {"log_loss": {"max_of_test": 1.2}}}}
TEST = {
    **EVALUATION,
    "metrics": {
        "rows": 600,
        "cutoff": 0.5,
        "log_loss": 0.5,
        "accuracy": 0.75,
        "confusion_matrix": [[280, 20], [20, 280]],
        "intervals": {"log_loss": [0.47, 0.53], "accuracy": [0.72, 0.78]},
    },
}


@pytest.fixture
def live(world: World) -> World:
    world.crown(FIRST)
    for run in (FIRST, SECOND):
        for key, text in documents(DATASET, run, **GATED).items():
            world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=text.encode())
        evaluation = json.dumps(TEST).encode()
        world.s3.put_object(Bucket=ARTIFACTS, Key=RunLayout(DATASET, run).evaluation, Body=evaluation)
    return world


def predictions(rows: int = 400, run: str = FIRST, seed: int = 0) -> Iterator[dict[str, Any]]:
    at = f"{TODAY - timedelta(days=3)} 10:00:00.000"
    for i, line in enumerate(quiet(rows, run, seed)):
        yield {**line, "at": at, "id": f"{run}-{i:04d}", "key": f"C-{i}"}


def logged(world: World, *of_runs: str) -> list[dict[str, Any]]:
    lines = [line for run in of_runs or (FIRST,) for line in predictions(run=run)]
    for key, body in log_objects(DATASET, TODAY - timedelta(days=3), lines).items():
        world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=body)
    return lines


def labels(world: World, text: str, file: str = "june.csv") -> None:
    world.s3.put_object(Bucket=INBOX, Key=f"labels/{DATASET}/{file}", Body=text.encode())


def by_id(lines: list[dict[str, Any]], *, fair: bool = True) -> str:
    """What came true, as often as the model said; otherwise by a coin."""
    draw = random.Random(1)  # noqa: S311 - a table, no secret
    said = ((line["id"], "yes" if draw.random() < (line["probability"] if fair else 0.5) else "no") for line in lines)
    return "id,churn\n" + "".join(f"{id_},{label}\n" for id_, label in said)


def test_a_model_that_is_as_good_as_on_its_test_set_is_ok_with_status_0(live: World) -> None:
    labels(live, by_id(logged(live)))
    called = live.call("quality", DATASET)
    assert called.exit_code == 0, called.output
    assert f"the model of run {FIRST}: ok" in called.stdout
    assert "on 400 labelled predictions, and 0.5000 on the test set; the difference is within chance" in called.stdout
    assert "log loss" in called.stdout
    assert "cannot see that the same records now turn out otherwise" in called.stdout


def test_a_model_whose_labels_it_no_longer_knows_is_degraded_with_the_reason_and_status_1(live: World) -> None:
    labels(live, by_id(logged(live), fair=False))
    called = live.call("quality", DATASET)
    assert called.exit_code == 1
    assert ": degraded" in called.stdout
    assert "of the test set's 0.5000 (limit: 120%), beyond chance." in called.stdout


def test_the_document_has_weeks_gates_estimate_and_the_models_before(live: World) -> None:
    labels(live, by_id(logged(live, FIRST, SECOND)))
    for key in ("labels/other/june.csv", f"labels/{DATASET}/.hidden", f"labels/{DATASET}/"):
        live.s3.put_object(Bucket=INBOX, Key=key, Body=b"id,churn\n")
    found = live.document("quality", DATASET, "--since", "7d")
    assert (found["state"], found["model_version"], found["schema_version"]) == ("ok", FIRST, 1)
    assert (found["labels"]["files"], found["labels"]["labels"]) == (1, 800)
    assert found["quality"]["labelled"] == sum(week["labelled"] for week in found["weeks"]) == 400
    assert [gate["verdict"] for gate in found["gates"]] == ["kept"]
    assert [(one["model_version"], one["labelled"]) for one in found["versions"]] == [(SECOND, 400)]
    assert found["estimate"]["rows"] == 400
    assert abs(found["estimate"]["log_loss"] - 0.5) < 0.03  # the mean entropy of uniform probabilities is 1/2
    assert found["quality"]["figures"]["log_loss"]["interval"]


def test_labels_are_joined_by_the_key_and_bad_lines_are_told_with_their_place(live: World) -> None:
    lines = logged(live)
    rows = "".join(f"{line['key']};{line['label']}\n" for line in lines)
    labels(live, f"customer;churn\nC-1;perhaps\n{rows}C-nobody;yes\n;no\nC-3;\n")
    called = live.call("quality", DATASET)
    assert "400 labelled predictions" in called.stdout
    assert f"labels/{DATASET}/june.csv, line 2, column `churn`: it is none of the classes `no`, `yes`" in called.stdout
    assert "perhaps" not in called.stdout
    assert "line 404, column `customer`: it is empty" in called.stdout
    assert "1 of 401 labels are of no prediction of these days" in called.stdout
    assert "2 lines of labels are set aside" in called.stdout


def test_a_file_that_is_no_file_of_labels_is_told_of_and_the_others_count(live: World) -> None:
    labels(live, by_id(logged(live)))
    labels(live, "name,churn\nx,yes\ny,no\n", "july.csv")
    labels(live, "id,chrun\nx,yes\ny,no\n", "may.csv")
    called = live.call("quality", DATASET)
    assert called.exit_code == 0
    assert f"labels/{DATASET}/july.csv: nothing in it says which prediction a line is of" in called.stdout
    assert f"labels/{DATASET}/may.csv: it has no column `churn`" in called.stdout
    assert "Did you mean `chrun`?" in called.stdout


def test_without_labels_the_quality_is_not_known_and_an_estimate_is_given(live: World) -> None:
    logged(live)
    called = live.call("quality", DATASET)
    assert called.exit_code == 1
    assert ": unknown" in called.stdout
    assert "No label is of one of the 400 predictions of the live model in these days." in called.stdout
    assert "Estimate from the probabilities of 400 predictions, without labels" in called.stdout


def test_few_labels_measure_nothing(live: World) -> None:
    labels(live, by_id(logged(live)[:50]))
    found = live.document("quality", DATASET, status=1)
    assert (found["state"], found["quality"]["figures"], found["gates"]) == ("unknown", {}, [])
    assert found["reason"] == "50 labelled predictions are too few to measure (`monitor.min_rows`: 200)."


def test_where_nothing_is_live_the_answer_is_no(world: World) -> None:
    called = world.call("quality", DATASET)
    assert called.exit_code == 1
    assert "Nothing is live" in called.stderr


def test_what_is_no_day_is_a_wrong_call(live: World) -> None:
    called = live.call("quality", DATASET, "--since", "yesterday")
    assert called.exit_code == 2
    assert "'yesterday' is no day" in called.stderr
