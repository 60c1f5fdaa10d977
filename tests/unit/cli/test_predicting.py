from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.predicting import kind_of

from .conftest import ARTIFACTS, URLS, Function, World

type Stand = Callable[[Function], None]


def scores(body: dict[str, Any]) -> tuple[int, Any]:
    """A model that says yes to a size above 0 and refuses one that is no number."""
    wrong = [
        {"record": number, "column": "size", "message": "expected a number"}
        for number, record in enumerate(body["records"], start=1)
        if record["size"] == "large"
    ]
    if wrong:
        return 400, {"message": "records do not fit", "errors": wrong}
    explained = {"base": 0.1, "contributions": [{"column": "size", "value": "1", "contribution": 0.5}]}
    predictions = [
        {
            "probability": 0.75 if float(record["size"]) > 0 else 0.25,
            "label": "yes" if float(record["size"]) > 0 else "no",
            **({"outside": ["size"]} if float(record["size"]) > 100 else {}),
            **(explained if body.get("explain") else {}),
        }
        for record in body["records"]
    ]
    return 200, {
        "dataset": "churn",
        "model_version": "111111111111",
        "predictions": predictions,
        "classes": ["no", "yes"],
        "positive": "yes",
        "cutoff": 0.5,
    }


def of_three(body: dict[str, Any]) -> tuple[int, Any]:
    prediction = {"probabilities": {"a": 0.2, "b": 0.7, "c": 0.1}, "label": "b"}
    _, made = scores({"records": []})
    predictions = [prediction for _ in body["records"]]
    return 200, {**made, "predictions": predictions, "classes": ["a", "b", "c"], "positive": None, "cutoff": None}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text('size,colour\n1,"red, dark"\n-1,\n1000,blue\n')
    return path


def test_a_file_is_asked_about_and_shown_as_a_table(world: World, answer: Stand, table: Path) -> None:
    answer(scores)
    called = world.call("predict", "churn", str(table))
    assert called.exit_code == 0, called.stderr
    lines = [line.split() for line in called.stdout.splitlines()]
    assert lines[0] == ["record", "label", "probability", "not", "seen", "in", "training"]
    assert lines[2:5] == [["1", "yes", "0.7500"], ["2", "no", "0.2500"], ["3", "yes", "0.7500", "size"]]
    assert "model of run 111111111111; probability of yes" in called.stdout
    ((url, body, headers),) = world.posted
    assert url == URLS["PredictUrl"] + "churn"
    assert body == {
        "records": [
            {"size": "1", "colour": "red, dark"},
            {"size": "-1", "colour": ""},
            {"size": "1000", "colour": "blue"},
        ]
    }
    assert "Signature=" in headers["authorization"]


def test_the_document_has_each_record(world: World, answer: Stand, table: Path) -> None:
    answer(scores)
    document = world.document("predict", "churn", str(table))
    assert document["models"] == ["111111111111"]
    assert [(made["record"], made["label"]) for made in document["predictions"]] == [(1, "yes"), (2, "no"), (3, "yes")]


def test_a_file_is_written_with_label_and_probability_behind_its_own_columns(
    world: World, answer: Stand, table: Path, tmp_path: Path
) -> None:
    answer(scores)
    target = tmp_path / "out.csv"
    called = world.call("predict", "churn", str(table), "--output", str(target))
    assert (called.exit_code, called.stdout) == (0, "")
    with target.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["size", "colour", "label", "probability"],
            ["1", "red, dark", "yes", "0.75"],
            ["-1", "", "no", "0.25"],
            ["1000", "blue", "yes", "0.75"],
        ]
    assert sorted(tmp_path.iterdir()) == [target, table]


def with_ids(body: dict[str, Any]) -> tuple[int, Any]:
    status, made = scores(body)
    return status, {**made, "predictions": [{"id": f"abc-{i}", **one} for i, one in enumerate(made["predictions"])]}


def test_the_id_of_each_prediction_is_shown_and_written(
    world: World, answer: Stand, table: Path, tmp_path: Path
) -> None:
    answer(with_ids)
    target = tmp_path / "out.csv"
    world.call("predict", "churn", str(table), "-o", str(target))
    with target.open(newline="") as file:
        assert [row[-1] for row in csv.reader(file)] == ["prediction_id", "abc-0", "abc-1", "abc-2"]
    lines = world.call("predict", "churn", str(table)).stdout.splitlines()
    assert lines[0].split()[:4] == ["record", "label", "probability", "prediction_id"]
    assert lines[2].split() == ["1", "yes", "0.7500", "abc-0"]
    document = world.document("predict", "churn", str(table))
    assert [made["id"] for made in document["predictions"]] == ["abc-0", "abc-1", "abc-2"]


def test_a_column_that_has_the_name_of_a_new_one_keeps_it(world: World, answer: Stand, tmp_path: Path) -> None:
    source, target = tmp_path / "rows.jsonl", tmp_path / "out.csv"
    source.write_text('{"size": 1, "label": true}\n\n{"size": 2.5, "label": null}\n')
    answer(scores)
    assert world.call("predict", "churn", str(source), "-o", str(target), "--explain", "1").exit_code == 0
    assert target.read_text().splitlines() == [
        "size,label,predicted_label,probability,explanation",
        "1,true,yes,0.75,size = 1 (+0.50)",
        "2.5,,yes,0.75,size = 1 (+0.50)",
    ]


def test_each_class_of_several_has_its_probability(world: World, answer: Stand, table: Path, tmp_path: Path) -> None:
    answer(of_three)
    called = world.call("predict", "churn", str(table))
    heading = called.stdout.splitlines()[0].split()
    assert heading == ["record", "label", "probability_a", "probability_b", "probability_c"]
    target = tmp_path / "out.csv"
    world.call("predict", "churn", str(table), "-o", str(target))
    assert target.read_text().splitlines()[1].endswith(",b,0.2,0.7,0.1")


def test_many_records_go_in_batches_and_a_refusal_counts_over_the_whole_file(
    world: World, answer: Stand, tmp_path: Path
) -> None:
    sizes = [str(number) for number in range(2500)]
    sizes[3] = sizes[2400] = "large"
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["size", *sizes]))
    answer(scores)
    target = tmp_path / "out.csv"
    called = world.call("predict", "churn", str(path), "-o", str(target))
    assert called.exit_code == 1
    assert [len(body["records"]) for _, body, _ in world.posted] == [1000, 1000, 500]
    rows = [line.split(None, 2) for line in called.stdout.splitlines()[2:]]
    assert rows == [["4", "size", "expected a number"], ["2,401", "size", "expected a number"]]
    assert not target.exists()
    errors = world.document("predict", "churn", str(path), status=1)["errors"]
    assert [error["record"] for error in errors] == [4, 2401]


def test_what_is_explained_goes_in_batches_that_the_function_takes(world: World, answer: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("size\n" + "1\n" * 150)
    answer(scores)
    called = world.call("predict", "churn", str(path), "--explain", "3")
    assert [(len(body["records"]), body["explain"]) for _, body, _ in world.posted] == [(100, 3), (50, 3)]
    assert "size = 1 (+0.50)" in called.stdout


def test_a_batch_that_is_too_large_goes_in_halves_and_in_order(world: World, answer: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("size\n" + "\n".join(str(number - 5) for number in range(10)))
    answer(lambda body: scores(body) if len(body["records"]) <= 3 else (413, {"message": "too large"}))
    made = world.document("predict", "churn", str(path))["predictions"]
    assert [prediction["label"] for prediction in made] == ["no"] * 6 + ["yes"] * 4


def test_a_file_with_ragged_lines_is_refused_before_it_is_sent(world: World, answer: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("size,colour\n1,red\n2\n")
    answer(scores)
    called = world.call("predict", "churn", str(path))
    assert called.exit_code == 1
    assert "line 3 has 1 cell; the header has 2" in called.stdout
    assert world.posted == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("size\n1\n", "csv"),
        ('[{"size": 1}]', "json"),
        ('{"records": [{"size": 1}]}', "json"),
        ('{"size": 1}\n', "json"),
        ('{"size": 1}\n{"size": 2}\n', "jsonl"),
    ],
)
def test_standard_input_may_be_any_of_the_three(world: World, answer: Stand, text: str, kind: str) -> None:
    assert kind_of(text) == kind
    answer(scores)
    called = world.call("predict", "churn", "-", said=text)
    assert called.exit_code == 0, called.stderr
    assert len(world.posted) == 1


def test_a_line_that_is_no_object_is_named(world: World, answer: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"size": 1}\n[1]\n{"size": \n')
    answer(scores)
    errors = world.document("predict", "churn", str(path), status=1)["errors"]
    assert [error["record"] for error in errors] == [2, 3]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"a\n\xff", "iconv"),
        (b"a,a\n1,2\n", "twice"),
        (b"a\n", "no records"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_wrong_call(
    world: World, answer: Stand, tmp_path: Path, content: bytes | None, words: str
) -> None:
    answer(scores)
    path = tmp_path / "rows.csv"
    if content is not None:
        path.write_bytes(content)
    called = world.call("predict", "churn", str(path))
    assert (called.exit_code, called.stdout) == (2, "")
    assert words in called.stderr
    assert world.posted == []


@pytest.mark.parametrize(
    ("status", "message", "exit_status"),
    [(404, "no model is live for the dataset churn", 1), (403, "Forbidden", 2), (503, "busy", 2), (400, "odd", 2)],
)
def test_an_answer_without_predictions_is_a_sentence(
    world: World, answer: Stand, table: Path, status: int, message: str, exit_status: int
) -> None:
    answer(lambda _: (status, {"message": message}))
    called = world.call("predict", "churn", str(table))
    assert (called.exit_code, called.stdout) == (exit_status, "")
    assert message.lower() in called.stderr.lower()


def test_a_model_that_changed_meanwhile_is_told(world: World, answer: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"size": 1}] * 1001))

    def changing(body: dict[str, Any]) -> tuple[int, Any]:
        status, made = scores(body)
        return status, {**made, "model_version": f"{len(world.posted)}" * 12}

    answer(changing)
    called = world.call("predict", "churn", str(path))
    assert "The model changed meanwhile; the models of runs 111111111111, 222222222222 answered" in called.stderr


def test_a_folder_that_is_not_there_is_found_before_anything_is_asked(world: World, answer: Stand, table: Path) -> None:
    answer(scores)
    called = world.call("predict", "churn", str(table), "-o", "/nonexistent/out.csv")
    assert called.exit_code == 2
    assert world.posted == []


def without_size(body: dict[str, Any]) -> tuple[int, Any]:
    error = {"record": 1, "records": len(body["records"]), "column": "size", "message": "the column is missing"}
    return 400, {"message": "records do not fit", "errors": [error]}


def test_a_column_that_is_missing_is_told_once_and_the_rest_of_the_file_not_sent(
    world: World, answer: Stand, tmp_path: Path
) -> None:
    answer(without_size)
    path = tmp_path / "rows.csv"
    path.write_text("colour,y\n" + "red,1\n" * 2500)
    called = world.call("predict", "churn", str(path))
    assert called.exit_code == 1
    (line,) = [line for line in called.stdout.splitlines() if "the column is missing" in line]
    assert line.split()[:4] == ["1", "to", "1,000", "size"]
    assert len(world.posted) == 1


def test_an_output_that_exists_is_replaced_only_if_yes_is_said(
    world: World, answer: Stand, table: Path, tmp_path: Path
) -> None:
    answer(scores)
    mine = tmp_path / "mine.csv"
    mine.write_text("my own\n")
    call = ["predict", "churn", str(table), "--output", str(mine)]
    refused = world.call(*call)
    assert (refused.exit_code, mine.read_text()) == (2, "my own\n")
    assert "--yes" in refused.stderr
    assert world.posted == []
    assert world.call(*call, "--yes").exit_code == 0
    assert mine.read_text().startswith("size,colour,label")


def test_the_file_that_is_asked_about_is_never_overwritten(world: World, answer: Stand, table: Path) -> None:
    answer(scores)
    before = table.read_text()
    called = world.call("predict", "churn", str(table), "--output", str(table), "--yes")
    assert (called.exit_code, table.read_text()) == (2, before)
    assert "would overwrite the file" in called.stderr


def test_a_folder_is_named_as_such(world: World, table: Path, tmp_path: Path) -> None:
    for arguments in ([str(tmp_path)], [str(table), "--output", str(tmp_path)]):
        called = world.call("predict", "churn", *arguments)
        assert called.exit_code == 2
        assert "is a folder" in called.stderr


def test_a_dataset_that_is_nearly_one_with_runs_is_suggested(world: World, answer: Stand, table: Path) -> None:
    world.s3.put_object(Bucket=ARTIFACTS, Key="churn/contract.json", Body=b"{}")
    answer(lambda _: (404, {"message": "nothing is live for dataset chrun"}))
    for arguments in (
        ["predict", "chrun", str(table)],
        ["why", "chrun"],
        ["rollback", "chrun", "--yes"],
        ["redrive", "chrun"],
    ):
        called = world.call(*arguments)
        assert called.exit_code == 1
        assert "Did you mean churn?" in called.stderr, arguments
    assert "Did you mean churn?" in world.call("runs", "chrun").stderr
    assert "Did you mean" not in world.call("runs", "something-else").stderr


def test_interrupted_predictions_are_not_written_and_a_sentence_says_so(
    world: World, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.connection.Connection.post", interrupted)
    called = world.call("predict", "churn", str(table), "--output", str(tmp_path / "out.csv"))
    assert called.exit_code == 130
    assert "no predictions are shown or written" in called.stderr
    assert not (tmp_path / "out.csv").exists()


def of_numbers(body: dict[str, Any]) -> tuple[int, Any]:
    told = [1000 * float(record["size"]) for record in body["records"]]
    predictions = [{"prediction": one, "interval": [one - 20, one + 20], "coverage": 0.9} for one in told]
    head = {"dataset": "churn", "model_version": "111111111111", "task": "regression", "target": "price"}
    return 200, {**head, "predictions": predictions}


def test_numbers_are_shown_and_written_with_their_intervals(
    world: World, answer: Stand, table: Path, tmp_path: Path
) -> None:
    answer(of_numbers)
    called = world.call("predict", "churn", str(table))
    assert called.exit_code == 0, called.stderr
    lines = [line.split() for line in called.stdout.splitlines()]
    assert lines[0] == ["record", "prediction", "low", "high"]
    assert lines[2] == ["1", "1,000", "980", "1,020"]
    assert "90% of the true numbers are expected between low and high" in called.stdout
    target = tmp_path / "out.csv"
    document = world.document("predict", "churn", str(table), "--output", str(target))
    assert (document["task"], document["target"]) == ("regression", "price")
    with target.open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert written[1] == {"size": "-1", "colour": "", "prediction": "-1000.0", "low": "-1020.0", "high": "-980.0"}
