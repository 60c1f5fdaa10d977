from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from functions.predict import app
from sluice.dataset.recipe import NumberColumn, OneHotColumn, Recipe, Target
from sluice.prediction.aws.endpoint import Endpoints
from sluice.prediction.version import Kept
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, archive_of, request
from tests.messages import GOOD

COLUMNS = list(json.loads(request("predict")["body"]))
DATASET, RUN_ID = GOOD.run.dataset, GOOD.run.run_id
MODEL_KEY = f"{DATASET}/runs/{RUN_ID}/model/job/output/model.tar.gz"


class Live:
    """A model behind an endpoint: it answers what XGBoost answers, in float32."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, aws: Aws, classes: tuple[str, ...] = ("benign", "malignant")):
        self.aws = aws
        self.error: ClientError | None = None
        self.bodies: list[str] = []
        columns = (
            *(NumberColumn(name=name, minimum=0, maximum=5000) for name in COLUMNS),
            OneHotColumn(name="ward", levels=("a", "b")),
        )
        self.recipe = Recipe(target=Target(name="diagnosis", classes=classes), missing=("?",), columns=columns)
        rng = np.random.default_rng(0)
        rows = rng.uniform(0, 1000, (200, len(self.recipe.features))).astype(np.float32)
        labels = np.digitize(rows[:, 0], np.linspace(0, 1000, len(classes) + 1)[1:-1])
        objective = (
            {"objective": "binary:logistic"}
            if len(classes) == 2
            else {"objective": "multi:softprob", "num_class": len(classes)}
        )
        self.booster = xgboost.train({**objective, "nthread": 1}, xgboost.DMatrix(rows, labels), num_boost_round=5)
        golden = self.booster.inplace_predict(rows[:20])
        aws.put(ARTIFACTS, MODEL_KEY, archive_of(bytes(self.booster.save_raw("ubj"))))
        aws.put(ARTIFACTS, aws.layout.recipe, self.recipe.model_dump_json())
        lines = [",".join(map(str, row)) for row in rows[:20].tolist()]
        aws.put(ARTIFACTS, aws.layout.golden, json.dumps({"rows": lines, "scores": golden.tolist()}))
        evaluation = {"model_uri": f"s3://{ARTIFACTS}/{MODEL_KEY}", "metrics": {"cutoff": 0.3}}
        aws.put(ARTIFACTS, aws.layout.evaluation, json.dumps(evaluation))
        self.configure()
        name = f"sluice-{DATASET}-{RUN_ID}"
        item = {"pk": f"DATASET#{DATASET}", "run_id": RUN_ID, "config_name": name}
        aws.dynamodb.put_item(TableName=TABLE, Item={key: {"S": value} for key, value in item.items()})
        monkeypatch.setattr(app.clients.runtime, "invoke_endpoint", self._answer)
        fresh = Endpoints(app.clients, bucket=ARTIFACTS, table=TABLE, prefix="sluice")
        monkeypatch.setattr(app, "endpoints", fresh)
        monkeypatch.setattr(app, "models", Kept(1, app.fetch_model))

    def configure(self, log_share: float = 0, **more: Any) -> None:
        config = {"predictions": {"log_share": log_share}, "endpoint": {"previous": {"role": "none"}}, **more}
        self.aws.put(ARTIFACTS, self.aws.layout.config, json.dumps(config))

    def _answer(self, **arguments: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        text = arguments["Body"].decode()
        self.bodies.append(text)
        cells = [[float(cell or "nan") for cell in line.split(",")] for line in text.split("\n")]
        scores = self.booster.inplace_predict(np.array(cells, np.float32))
        return {"Body": io.BytesIO("".join(f"{row.tolist()}\n" for row in scores).encode())}

    def offline(self, *records: dict[str, Any]) -> np.ndarray:
        rows = np.array([self.recipe.apply(record) for record in records], np.float32)
        return np.asarray(self.booster.inplace_predict(rows))


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Live:
    return Live(monkeypatch, aws)


def record(**changes: Any) -> dict[str, Any]:
    return {**json.loads(request("predict")["body"]), "ward": "a", **changes}


def asked(context: Context, body: Any, kind: str = "application/json", **changes: Any) -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = app.handler(request("predict", body=text, headers={"content-type": kind}, **changes), context)
    assert set(answer) == {"statusCode", "headers", "body"}
    return answer["statusCode"], json.loads(answer["body"])


def metrics_in(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in [json.loads(line) for line in printed.splitlines() if "_aws" in line]:
        (about,) = line["_aws"]["CloudWatchMetrics"]
        assert (about["Namespace"], about["Dimensions"]) == ("Sluice", [["dataset"]])
        assert line["dataset"] == DATASET
        assert not found.keys() & {item["Name"] for item in about["Metrics"]}
        found |= {item["Name"]: line[item["Name"]] for item in about["Metrics"]}
    return found


def test_a_record_gets_its_probability_and_its_label_by_the_stored_cutoff(live: Live, context: Context) -> None:
    status, body = asked(context, [record(), record(**{COLUMNS[0]: 900.0})])
    scores = live.offline(record(), record(**{COLUMNS[0]: 900.0}))
    assert status == 200
    assert {key: body[key] for key in body if key != "predictions"} == {
        "dataset": DATASET,
        "model_version": RUN_ID,
        "classes": ["benign", "malignant"],
        "positive": "malignant",
        "cutoff": 0.3,
    }
    found = np.array([item["probability"] for item in body["predictions"]], np.float32)
    np.testing.assert_array_equal(found, scores)
    assert [item["label"] for item in body["predictions"]] == ["benign", "malignant"]


def test_the_same_records_as_csv_get_the_same_answer(live: Live, context: Context) -> None:
    records = [record(), record(ward=None, diagnosis="benign")]
    header = [*record(), "diagnosis"]
    lines = [header, *([str(cells.get(name) or "") for name in header] for cells in records)]
    text = "\ufeff" + "".join(",".join(line) + "\r\n" for line in lines)
    (status, as_csv), (_, as_json) = asked(context, text, "text/csv"), asked(context, records)
    for body in (as_csv, as_json):
        for prediction in body["predictions"]:
            del prediction["id"]
    assert (status, as_csv) == (200, as_json)


def test_of_many_classes_each_has_a_probability_and_the_likeliest_is_the_label(
    monkeypatch: pytest.MonkeyPatch, aws: Aws, context: Context
) -> None:
    classes = ("red", "green", "blue")
    live = Live(monkeypatch, aws, classes)
    status, body = asked(context, {"records": [record()], "explain": 2})
    (scores,) = live.offline(record())
    (prediction,) = body["predictions"]
    assert (status, body["positive"], body["cutoff"]) == (200, None, None)
    assert list(prediction["probabilities"]) == list(classes)
    np.testing.assert_array_equal(np.array(list(prediction["probabilities"].values()), np.float32), scores)
    assert prediction["label"] == classes[int(scores.argmax())]
    assert len(prediction["contributions"]) == 2


def test_an_explanation_names_the_columns_that_count_most(live: Live, context: Context) -> None:
    status, body = asked(context, record(), queryStringParameters={"explain": "99"})
    (prediction,) = body["predictions"]
    found = prediction["contributions"]
    assert status == 200
    assert sorted(item["column"] for item in found) == sorted([*COLUMNS, "ward"])
    sizes = [abs(item["contribution"]) for item in found]
    assert sizes == sorted(sizes, reverse=True)
    assert found[0] | {"contribution": 0} == {"column": COLUMNS[0], "value": record()[COLUMNS[0]], "contribution": 0}
    log_odds = prediction["base"] + sum(item["contribution"] for item in found)
    assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(prediction["probability"], abs=1e-6)


def test_values_that_training_has_not_seen_are_named_and_counted(
    live: Live, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [record(), record(**{COLUMNS[3]: 5001}), record(ward="z")] + [record()] * 298
    _, body = asked(context, records)
    assert [item.get("outside") for item in body["predictions"][:3]] == [None, [COLUMNS[3]], ["ward"]]
    found = metrics_in(capsys.readouterr().out)
    assert (found["Predictions"], found["PredictRetries"]) == (301, 0)
    assert len(found["OutsideTrainingRange"]) == 100
    assert set(found["OutsideTrainingRange"]) <= {0, 1}


def test_a_few_records_are_all_counted(live: Live, context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    asked(context, [record(), record(ward="z"), record(ward="z")])
    assert metrics_in(capsys.readouterr().out)["OutsideTrainingRange"] == [0, 1, 1]


def test_requests_are_kept_as_the_configuration_says(live: Live, aws: Aws, context: Context) -> None:
    live.configure(log_share=1)
    _, body = asked(context, [record(), record(ward="z")])
    (key,) = [key for key in aws.stored() if "/predictions/" in key]
    assert key.startswith(f"{DATASET}/predictions/day=20")
    assert key.endswith(f"-{context.aws_request_id}.jsonl.gz")
    lines = [json.loads(line) for line in gzip.decompress(aws.read(key)).splitlines()]
    assert [line["id"] for line in lines] == [item["id"] for item in body["predictions"]]
    assert len({line["id"] for line in lines}) == 2
    assert [line["record"] for line in lines] == [record(), record(ward="z")]
    assert [line["outside"] for line in lines] == [[], ["ward"]]
    assert [line["probability"] for line in lines] == [item["probability"] for item in body["predictions"]]
    assert {line["model_version"] for line in lines} == {RUN_ID}


def test_requests_for_a_number_are_kept_with_it_and_its_interval(live: Live, aws: Aws, context: Context) -> None:
    live.configure(log_share=1)
    recipe = live.recipe.model_copy(update={"target": Target(name="price", task="regression")})
    aws.put(ARTIFACTS, aws.layout.recipe, recipe.model_dump_json())
    status, body = asked(context, record())
    (key,) = [key for key in aws.stored() if "/predictions/" in key]
    (line,) = [json.loads(line) for line in gzip.decompress(aws.read(key)).splitlines()]
    assert (status, line["prediction"]) == (200, body["predictions"][0]["prediction"])
    assert "label" not in line


def test_the_callers_own_key_is_answered_and_kept(
    live: Live, aws: Aws, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    live.configure(log_share=1, key="customer")
    status, body = asked(context, {"records": [record(customer=17), record()], "explain": 1})
    assert (status, [item.get("key") for item in body["predictions"]]) == (200, ["17", None])
    assert metrics_in(capsys.readouterr().out)["PredictionsWithoutKey"] == 1
    (key,) = [key for key in aws.stored() if "/predictions/" in key]
    lines = [json.loads(line) for line in gzip.decompress(aws.read(key)).splitlines()]
    assert [(line.get("key"), line["record"]) for line in lines] == [("17", record()), (None, record())]


@pytest.mark.parametrize(
    ("predictions", "tags"),
    [
        ({"keep_days": 30}, [{"Key": "sluice-keep-days", "Value": "30"}]),
        ({"keep_days": None}, []),
        ({}, []),  # of a release before
    ],
)
def test_what_is_kept_says_for_how_long(
    live: Live, aws: Aws, context: Context, predictions: dict[str, Any], tags: list[dict[str, str]]
) -> None:
    live.configure(predictions={"log_share": 1, **predictions})
    asked(context, record())
    (key,) = [key for key in aws.stored() if "/predictions/" in key]
    assert aws.s3.get_object_tagging(Bucket=ARTIFACTS, Key=key)["TagSet"] == tags


def test_nothing_is_kept_where_nobody_asked_for_it(live: Live, aws: Aws, context: Context) -> None:
    asked(context, record())
    assert not [key for key in aws.stored() if "/predictions/" in key]


def test_a_prediction_does_not_fail_for_its_log(
    live: Live, context: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live.configure(log_share=1)

    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(app.s3, "put_object", denied)
    assert asked(context, record())[0] == 200
    assert metrics_in(capsys.readouterr().out)["PredictionsNotLogged"] == 1


def test_what_does_not_fit_is_named_and_no_value_is_logged(live: Live, context: Context, log: io.StringIO) -> None:
    status, body = asked(context, [record(), record(**{COLUMNS[0]: "s3cret"})])
    assert (status, live.bodies) == (400, [])
    assert body["errors"] == [
        {"record": 2, "column": COLUMNS[0], "message": "got 's3cret'; expected a number such as 12.5"}
    ]
    assert "s3cret" not in log.getvalue()
    assert '"status":400' in log.getvalue()


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"body": "{"}, 400), ({"body": "[{}]"}, 400), ({"headers": {"content-type": "text/html"}}, 415)],
)
def test_a_refused_request_is_counted(
    live: Live, context: Context, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], status: int
) -> None:
    given = {"body": json.dumps(record()), "headers": {"content-type": "application/json"}, **changes}
    assert app.handler(request("predict", **given), context)["statusCode"] == status
    assert metrics_in(capsys.readouterr().out) == {"PredictRefused": 1}
    asked(context, record())
    assert metrics_in(capsys.readouterr().out)["PredictRefused"] == 0


def test_what_names_no_live_dataset_is_not_counted(
    live: Live, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("/nobody", "/", "/a/b"):
        assert asked(context, "{", rawPath=path)[0] in (400, 404)
    live.error = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate"}}, "InvokeEndpoint")
    assert asked(context, record())[0] == 503
    assert "_aws" not in capsys.readouterr().out


def test_a_refusal_that_cannot_be_counted_is_answered_all_the_same(
    live: Live, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, "GetItem")

    monkeypatch.setattr(app.clients.dynamodb, "get_item", denied)
    assert asked(context, "{")[0] == 400


def test_a_fault_is_answered_without_a_word_of_it_and_logged_without_its_message(
    live: Live, context: Context, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("s3cret")

    monkeypatch.setattr(app, "predictions", broken)
    status, body = asked(context, record())
    assert status == 500
    assert set(body) == {"message", "request"}
    assert "s3cret" not in json.dumps(body) + log.getvalue()
    assert "KeyError" in log.getvalue()
    assert " respond" in log.getvalue()


def test_a_throttled_endpoint_is_said_to_answer_later(live: Live, context: Context) -> None:
    live.error = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate"}}, "InvokeEndpoint")
    answer = app.handler(request("predict", body=json.dumps(record())), context)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "5")


def test_an_unknown_dataset_is_not_found(live: Live, context: Context) -> None:
    assert asked(context, record(), rawPath="/nobody")[0] == 404


def test_who_only_looks_is_told_how_to_ask(context: Context) -> None:
    looking = request("predict", rawPath="/", requestContext={"http": {"method": "GET"}})
    answer = app.handler(looking, context)
    assert answer["statusCode"] == 200
    assert "POST /<dataset>" in answer["body"]


def test_an_answer_that_lambda_would_not_carry_is_refused(
    live: Live, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MAX_ANSWER_BYTES", 50)
    assert asked(context, record())[0] == 413
