from __future__ import annotations

import json
import math
import time
from typing import Any

import boto3
import numpy as np
import pytest
import xgboost

from functions.evaluate_model import app
from sluice.dataset.config import parse_gates
from sluice.dataset.recipe import NumberColumn, Recipe, Target
from sluice.evaluation.document import ChampionComparison, Evaluation
from sluice.evaluation.split import HashedSplit, PartCuts
from sluice.layout import RunLayout
from sluice.messages import EvaluationResult, GateCheck, Metrics, NumberMetrics
from sluice.runs.aws.ledger import Champion, crown_champion
from tests.functions.conftest import ARTIFACTS, REGION, TABLE, Aws, Context, archive_of, request
from tests.messages import GOOD

RECIPE = Recipe(
    target=Target(name="diagnosis", classes=("benign", "malignant")),
    missing=("NA",),
    columns=tuple(NumberColumn(name=name) for name in ("a", "b", "c")),
)
LOG = "[0]\ttrain-logloss:0.5\tvalidation-logloss:0.55\n[1]\ttrain-logloss:0.3\tvalidation-logloss:0.4"
CHAMPION = "c" * 12


def own_cells(test: str) -> str:
    """held_out/rows.csv of a test file: labels are words again, and the group is one of two."""
    lines = ["a,b,c,group,diagnosis"]
    for line in test.splitlines():
        label, _, cells = line.partition(",")
        group = "f" if float(cells.split(",")[2]) > 0 else "m"
        lines.append(f"{cells},{group},{RECIPE.target.classes[int(label)]}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def body(aws: Aws, model_archive: tuple[bytes, str]) -> dict[str, Any]:
    """A request for the three-feature model, with all that it refers to in place."""
    archive, test = model_archive
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    aws.put(ARTIFACTS, GOOD.training.model_uri.removeprefix(f"s3://{ARTIFACTS}/"), archive)
    aws.put(ARTIFACTS, aws.layout.part_file("test"), test)
    aws.put(ARTIFACTS, aws.layout.part_file("validation"), test)
    aws.put(ARTIFACTS, aws.layout.held_out_rows, own_cells(test))
    aws.put(ARTIFACTS, aws.layout.recipe, RECIPE.model_dump_json())
    counts = {"train": {"benign": 150, "malignant": 150}, "validation": {"benign": 50}, "test": {"malignant": 50}}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({"class_counts": counts, "contract": {"made": False}}))
    aws.put(ARTIFACTS, aws.layout.config, "{}")
    asked = request("evaluate_model")
    asked["validation"]["features"] = 3
    return asked


def evaluate(body: dict[str, Any], context: Context) -> EvaluationResult:
    return EvaluationResult.model_validate(app.handler(body, context))


def stored(aws: Aws) -> Evaluation:
    return Evaluation.model_validate_json(aws.read(aws.layout.evaluation))


def crown(aws: Aws, archive: bytes, recipe: Recipe = RECIPE) -> None:
    """Another run's model is live, with all that its evaluation left."""
    layout = RunLayout(GOOD.run.dataset, CHAMPION)
    key = f"{layout.model}job/output/model.tar.gz"
    aws.put(ARTIFACTS, key, archive)
    aws.put(ARTIFACTS, layout.recipe, recipe.model_dump_json())
    judged = Evaluation(
        run_id=CHAMPION,
        dataset=GOOD.run.dataset,
        job_name="job",
        model_uri=f"s3://{ARTIFACTS}/{key}",
        target=recipe.target.name,
        classes=recipe.target.classes,
        verdict="accepted",
    )
    aws.put(ARTIFACTS, layout.evaluation, judged.model_dump_json())
    crown_champion(aws.dynamodb, TABLE, GOOD.run.dataset, Champion(CHAMPION, "config"), None, "2026-11-23T09:00:00Z")


def write_log(job_name: str) -> None:
    logs = boto3.client("logs", region_name=REGION)
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    stream = f"{job_name}/algo-1-1"
    logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream)
    now = int(time.time() * 1000)
    for i, line in enumerate(LOG.splitlines()):
        logs.put_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs",
            logStreamName=stream,
            logEvents=[{"timestamp": now + i, "message": line}],
        )


def test_a_good_model_passes_and_leaves_evidence(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    result = evaluate(body, context)
    assert result.verdict == "accepted", result.reasons
    assert result.metrics is not None
    assert result.metrics.rows == 100
    assert result.metrics.loss < 0.3
    assert set(result.metrics.intervals) >= {"log_loss", "roc_auc", "f1"}
    found = stored(aws)
    assert found.metrics == result.metrics
    assert found.trainer is not None
    assert found.trainer.algorithm == "sagemaker-xgboost:3.2-0"
    assert found.cutoff is not None
    assert (found.cutoff.policy, found.cutoff.rows) == ("best_f1", 100)
    assert found.curves[0].label == "malignant"
    assert found.champion is None
    assert isinstance(found.prior, Metrics)
    assert found.prior.brier == pytest.approx(0.25)
    assert found.training is not None
    assert [importance.column for importance in found.training.importances[:2]] in (["a", "b"], ["b", "a"])
    assert all([found.model_sha256, found.test_sha256, found.recipe_sha256])
    golden = json.loads(aws.read(aws.layout.golden))
    assert len(golden["rows"]) == len(golden["scores"]) == app.GOLDEN_ROWS
    assert all(row.count(",") == 2 for row in golden["rows"]), "the label is not sent to the endpoint"


def test_rows_of_two_groups_count_as_two_rows_and_not_as_a_hundred(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    """A clear difference is enough on 30 rows; on fewer it must be certain."""
    assert default_gate(aws, context, body).limit == 0.9
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"split": {"group_by": "group"}}))
    assert default_gate(aws, context, body).limit == 0.985


def default_gate(aws: Aws, context: Context, body: dict[str, Any]) -> GateCheck:
    evaluate(body, context)
    (gate,) = stored(aws).gates
    return gate


def test_the_answer_is_small_whatever_the_evaluation_holds(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    answer = app.handler(body, context)
    assert len(json.dumps(answer)) < 10_000
    assert len(aws.read(aws.layout.evaluation)) > 20_000


def test_the_learning_curves_come_from_the_jobs_log(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    write_log(body["training"]["job_name"])
    evaluate(body, context)
    training = stored(aws).training
    assert training is not None
    (curve,) = training.curves
    assert (curve.metric, curve.validation) == ("logloss", (0.55, 0.4))


def as_refit(aws: Aws, body: dict[str, Any], first_model: bytes) -> dict[str, Any]:
    """The same request of a model that was trained again; the first job's model is another."""
    key = f"{aws.layout.model}first/output/model.tar.gz"
    aws.put(ARTIFACTS, key, first_model)
    first = {**body["training"], "job_name": "first", "model_uri": f"s3://{ARTIFACTS}/{key}"}
    return {**body, "training": {**body["training"], "first": first}}


def weaker_model() -> bytes:
    """A model of the same features whose scores are all near one half."""
    rows = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    data = xgboost.DMatrix(rows, label=rows[:, 0] + rows[:, 1] > 0)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1, "eta": 0.001}, data, num_boost_round=5)
    return archive_of(bytes(booster.save_raw("ubj")))


def test_a_refit_is_measured_itself_and_its_cutoff_is_chosen_by_the_model_before_it(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    alone = evaluate(body, context)
    golden = json.loads(aws.read(aws.layout.golden))
    own_cutoff = stored(aws).cutoff
    result = evaluate(as_refit(aws, body, weaker_model()), context)
    found = stored(aws)
    assert result.metrics is not None
    assert alone.metrics is not None
    assert result.metrics.loss == alone.metrics.loss
    assert json.loads(aws.read(aws.layout.golden)) == golden
    assert found.cutoff is not None
    assert own_cutoff is not None
    assert found.cutoff.value != own_cutoff.value
    assert abs(found.cutoff.value - 0.5) < 0.05, "all scores of the first model are near one half"
    assert found.refit is not None
    assert (found.refit.first_job_name, found.refit.rounds) == ("first", 20)
    assert found.refit.rows == body["validation"]["rows"]["train"] + body["validation"]["rows"]["validation"]
    assert found.job_name == body["training"]["job_name"]
    assert found.hyperparameters["num_round"] == "20"
    assert "early_stopping_rounds" not in found.hyperparameters


def test_the_learning_curves_of_a_refit_are_those_of_the_first_job(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    write_log("first")
    evaluate(as_refit(aws, body, model_archive[0]), context)
    training = stored(aws).training
    assert training is not None
    assert [curve.validation for curve in training.curves] == [(0.55, 0.4)]


def test_a_run_without_the_refit_that_was_to_follow_says_so(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    training = {**body["training"], "warnings": ["The model was not trained again."]}
    result = evaluate({**body, "training": training}, context)
    assert result.warnings[0] == stored(aws).warnings[0] == "The model was not trained again."
    assert stored(aws).refit is None


def test_a_first_model_that_is_unsafe_is_not_loaded(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    result = evaluate(as_refit(aws, body, archive_of(b"\x80\x04pickle")), context)
    assert result.verdict == "rejected"
    assert "pickle" in result.reasons[0]


def test_a_gate_of_the_dataset_rejects(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"gates": {"accuracy": {"min": 0.9999}}}))
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "accuracy.min" in result.reasons[0]
    assert "config.yaml" in result.reasons[-1]


def test_gates_of_the_stack_judge_a_dataset_without_its_own(
    aws: Aws, context: Context, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "default_gates", parse_gates("{accuracy: {min: 0.9999}}", "DefaultGates"))
    assert [gate.name for gate in evaluate(body, context).gates] == ["accuracy.min"]


def test_a_model_that_fails_on_a_slice_is_rejected(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    config = {"slices": ["group"], "gates": {"accuracy": {"min": 0.5}, "roc_auc": {"min_of_slice": 0.9999}}}
    aws.put(ARTIFACTS, aws.layout.config, json.dumps(config))
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "the worst of 2 slices (group = " in result.reasons[0]
    assert {found.value for found in stored(aws).slices} == {"f", "m"}


def test_the_bias_report_is_of_the_facets(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"facets": [{"column": "group", "group": ["f"]}]}))
    counts = [{"member": member, "favoured": favoured, "stratum": None, "rows": 50 + 10 * member + 5 * favoured}
              for member in (True, False) for favoured in (True, False)]  # fmt: skip
    facet = {"column": "group", "group": "f", "favoured_label": "malignant", "condition_on": None, "notation": None}
    aws.put(ARTIFACTS, aws.layout.facets, json.dumps({"facets": [{**facet, "counts": counts}]}))
    body["validation"]["facets_uri"] = f"s3://{ARTIFACTS}/{aws.layout.facets}"
    evaluate(body, context)
    (found,) = stored(aws).bias
    assert (found.rows, found.other_rows) == (125, 105)
    assert {metric.name for metric in found.pre_training} >= {"CI", "DPL"}
    assert {metric.name: metric.value for metric in found.post_training}["DI"] is not None


@pytest.mark.parametrize("test", ["", "1,0.1,0.2,0.3\n1,0.1,0.2,0.3\n"])
def test_nothing_to_measure_means_rejection(aws: Aws, context: Context, body: dict[str, Any], test: str) -> None:
    aws.put(ARTIFACTS, aws.layout.part_file("test"), test)
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "not measured" in result.reasons[0]
    assert stored(aws).verdict == "rejected"


def test_a_foreign_model_is_rejected(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, body["training"]["model_uri"].removeprefix(f"s3://{ARTIFACTS}/"), b"not an archive")
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "archive" in result.reasons[0]


def test_a_model_without_a_prior_to_beat_is_rejected(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    body["validation"]["prior_log_loss"] = None
    assert evaluate(body, context).verdict == "rejected"


def test_a_model_that_ties_with_the_live_one_is_not_deployed(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    crown(aws, model_archive[0])
    result = evaluate(body, context)
    assert result.verdict == "rejected"
    assert "nothing to deploy" in result.reasons[0]
    found = stored(aws).champion
    assert found is not None
    assert (found.run_id, found.comparable, found.difference) == (CHAMPION, True, 0.0)


def with_split(aws: Aws, share: float) -> HashedSplit:
    """The live model's run held out that share of the rows, by another seed."""
    cut = round(share * 2**52)
    split = HashedSplit(
        seed=3, columns=("a", "b", "c", "diagnosis"), cuts=(PartCuts(test=cut, validation=min(2 * cut, 2**52)),)
    )
    key = RunLayout(GOOD.run.dataset, CHAMPION).evaluation
    judged = Evaluation.model_validate_json(aws.read(key))
    aws.put(ARTIFACTS, key, judged.model_copy(update={"split": split}).model_dump_json())
    return split


def test_rows_that_the_live_model_was_made_with_are_left_out_of_the_comparison(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    crown(aws, weaker_archive())
    split = with_split(aws, 0.5)
    report = json.loads(aws.read(aws.layout.validation_report))
    own = split.model_copy(update={"seed": 0}).model_dump(mode="json")
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({**report, "split": {"hashed": own}}))
    evaluate(body, context)
    found = stored(aws)
    assert found.metrics is not None
    assert found.metrics.rows == 100, "the model itself is measured on all test rows"
    assert found.split is not None
    assert found.split.seed == 0, "kept for the runs to come"
    assert found.champion is not None
    assert found.champion.metrics is not None
    assert found.champion.rows is not None
    assert 30 < found.champion.rows < 70
    assert found.champion.metrics.rows == found.champion.rows == 100 - found.champion.seen
    assert f"the {found.champion.rows} of 100 test rows that it was not made with" in found.champion.reason


def test_if_the_live_model_was_made_with_nearly_all_rows_this_is_said(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    crown(aws, weaker_archive())
    with_split(aws, 0.0)
    evaluate(body, context)
    found = stored(aws).champion
    assert found is not None
    assert (found.rows, found.seen) == (100, 0)
    assert "most of which it was made with" in found.reason


def test_a_run_is_not_held_against_itself(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    own = Champion(GOOD.run.run_id, "config")
    crown_champion(aws.dynamodb, TABLE, GOOD.run.dataset, own, None, "2026-11-23T09:00:00Z")
    assert evaluate(body, context).verdict == "accepted"


def test_the_live_model_is_scored_through_its_own_recipe(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    """Its positive class is the other one: taken as they are, its scores would be those of a good model."""
    turned = RECIPE.model_copy(update={"target": Target(name="diagnosis", classes=("malignant", "benign"))})
    crown(aws, model_archive[0], turned)
    evaluate(body, context)
    found = stored(aws).champion
    assert found is not None
    assert found.comparable
    assert found.metrics is not None
    assert found.metrics.loss > 1, "the model's scores are of the other class"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("recipe", "not there or damaged"),
        ("model", "is not there"),
        ("archive", "not there or damaged"),
        ("target", "predicts another target"),
        ("column", "no column `weight`"),
        ("notation", "cannot read the cells of `a`, `b`, `c`"),
        ("json", "not there or damaged"),
    ],
)
@pytest.mark.parametrize(("config", "verdict"), [({}, "rejected"), ({"champion": {"policy": "ignore"}}, "accepted")])
def test_a_live_model_that_cannot_be_scored_stops_the_deployment_unless_it_is_ignored(
    aws: Aws,
    context: Context,
    body: dict[str, Any],
    model_archive: tuple[bytes, str],
    broken: str,
    says: str,
    config: dict[str, Any],
    verdict: str,
) -> None:
    recipe = RECIPE
    if broken == "target":
        recipe = RECIPE.model_copy(update={"target": Target(name="other", classes=("benign", "malignant"))})
    if broken == "column":
        recipe = RECIPE.model_copy(update={"columns": (*RECIPE.columns[:2], NumberColumn(name="weight"))})
    if broken == "notation":
        columns = tuple(NumberColumn(name=name, notation="decimal_comma") for name in ("a", "b", "c"))
        recipe = RECIPE.model_copy(update={"columns": columns})
    crown(aws, b"junk" if broken == "archive" else model_archive[0], recipe)
    layout = RunLayout(GOOD.run.dataset, CHAMPION)
    if broken == "json":
        aws.put(ARTIFACTS, layout.evaluation, "{not json")
    if broken in {"recipe", "model"}:
        key = layout.recipe if broken == "recipe" else f"{layout.model}job/output/model.tar.gz"
        aws.s3.delete_object(Bucket=ARTIFACTS, Key=key)
    aws.put(ARTIFACTS, aws.layout.config, json.dumps(config))
    result = evaluate(body, context)
    assert result.verdict == verdict, result.reasons
    found = stored(aws).champion
    assert found is not None
    assert not found.comparable
    assert says in found.reason


def test_a_contract_that_starts_anew_leaves_the_live_model_out(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    crown(aws, model_archive[0], RECIPE.model_copy(update={"columns": (NumberColumn(name="weight"),) * 3}))
    assert evaluate(body, context).verdict == "rejected"
    report = json.loads(aws.read(aws.layout.validation_report))
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({**report, "contract": {"made": True}}))
    assert evaluate(body, context).verdict == "accepted"


def weaker_archive(rounds: int = 2) -> bytes:
    """A model of the same features that learned little."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1, "max_depth": 1}, xgboost.DMatrix(rows, label=labels), rounds
    )
    return archive_of(bytes(booster.save_raw("ubj")))


def test_a_model_that_is_better_on_average_but_worse_on_a_slice_is_rejected(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    crown(aws, weaker_archive())
    assert evaluate(body, context).verdict == "accepted"
    config = {"slices": ["group"], "gates": {"accuracy": {"min": 0.5, "min_of_slice": 0.99}}}
    aws.put(ARTIFACTS, aws.layout.config, json.dumps(config))
    result = evaluate(body, context)
    verdicts = {gate.name: gate.passed for gate in result.gates}
    assert verdicts == {"accuracy.min": True, "accuracy.min_of_slice": False, "champion.not_worse": True}
    assert result.verdict == "rejected"


def test_what_the_live_model_scored_on_another_test_set_does_not_count(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    crown(aws, weaker_archive())
    key = RunLayout(GOOD.run.dataset, CHAMPION).evaluation
    judged = json.loads(aws.read(key))
    perfect: dict[str, Any] = {"rows": 1000, "log_loss": 0.0001, "prior_log_loss": 0.69, "accuracy": 1.0}
    perfect |= {"confusion_matrix": [[500, 0], [0, 500]]}
    aws.put(ARTIFACTS, key, json.dumps({**judged, "metrics": perfect}))
    result = evaluate(body, context)
    assert result.verdict == "accepted", result.reasons
    found = stored(aws).champion
    assert found is not None
    assert found.metrics is not None
    assert found.metrics.rows == 100
    assert found.metrics.loss > 0.3


@pytest.fixture
def leaking(aws: Aws, body: dict[str, Any]) -> dict[str, Any]:
    """A request for a model that rests on the column `a` alone."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(600, 3)).astype(np.float32)
    labels = (rows[:, 0] > 0).astype(int)
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows[:400], label=labels[:400]), 40
    )
    test = "".join(f"{label},{a!r},{b!r},{c!r}\n" for label, (a, b, c) in zip(labels, rows.tolist(), strict=True))
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    model = GOOD.training.model_uri.removeprefix(f"s3://{ARTIFACTS}/")
    aws.put(ARTIFACTS, model, archive_of(bytes(booster.save_raw("ubj"))))
    for part in ("test", "validation"):
        aws.put(ARTIFACTS, aws.layout.part_file(part), test)
    return body


def test_a_model_that_rests_on_one_column_is_deployed_with_a_warning(
    aws: Aws, context: Context, leaking: dict[str, Any]
) -> None:
    result = evaluate(leaking, context)
    assert result.verdict == "accepted"
    assert "rests on the column `a` alone" in result.warnings[0]
    found = stored(aws)
    assert found.warnings == result.warnings
    assert found.sole_column is not None
    assert found.sole_column.column == "a"


def test_a_model_that_rests_on_a_column_that_validation_suspects_is_rejected(
    aws: Aws, context: Context, leaking: dict[str, Any]
) -> None:
    finding = {"rule": "leakage", "column": "a", "severity": "warning", "what": "..."}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({"findings": [finding]}))
    result = evaluate(leaking, context)
    assert result.verdict == "rejected"
    assert "`drop: [a]`" in result.reasons[-1]
    assert "leaks" in [gate.name for gate in result.gates if not gate.passed]
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"leaks": {"allow": ["a"]}}))
    assert evaluate(leaking, context).warnings == ()


NUMBERS = RECIPE.model_copy(update={"target": Target(name="price", task="regression")})


def numbers_in_place(aws: Aws, body: dict[str, Any]) -> bytes:
    """A model of numbers, with what validation left of them. Returns a worse one, of fewer rounds."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(600, 3)).astype(np.float32)
    labels = 1000 * rows[:, 0] + 200 * rng.normal(size=600)
    data = xgboost.DMatrix(rows[:300], label=labels[:300])
    worse, booster = (
        xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, num_boost_round=rounds)
        for rounds in (3, 20)
    )
    lines = [f"{label!r},{a!r},{b!r},{c!r}\n" for label, (a, b, c) in zip(labels.tolist(), rows.tolist(), strict=True)]
    assert GOOD.training is not None
    assert GOOD.training.model_uri is not None
    model = archive_of(bytes(booster.save_raw("ubj")))
    aws.put(ARTIFACTS, GOOD.training.model_uri.removeprefix(f"s3://{ARTIFACTS}/"), model)
    aws.put(ARTIFACTS, aws.layout.part_file("validation"), "".join(lines[300:450]))
    aws.put(ARTIFACTS, aws.layout.part_file("test"), "".join(lines[450:]))
    cells = [",".join([*line.rstrip().split(",")[1:], line.partition(",")[0]]) for line in lines[450:]]
    aws.put(ARTIFACTS, aws.layout.held_out_rows, "\n".join(["a,b,c,price", *cells, ""]))
    aws.put(ARTIFACTS, aws.layout.recipe, NUMBERS.model_dump_json())
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"task": "regression", "predictions": {"coverage": 0.8}}))
    low, high = np.quantile(labels[:300], [0.1, 0.9]).tolist()
    told = {"mean": 0, "median": 0, "low": low, "high": high, "minimum": -4000, "maximum": 4000, "deviation": 1000}
    asked: dict[str, Any] = {
        "task": "regression",
        "target_numbers": told,
        "classes": [],
        "target": "price",
        "prior_log_loss": None,
    }
    body["validation"] |= asked
    return archive_of(bytes(worse.save_raw("ubj")))


def test_a_model_of_numbers_is_measured_beside_the_mean_and_leaves_an_interval(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    numbers_in_place(aws, body)
    result = evaluate(body, context)
    assert result.verdict == "accepted", result.reasons
    assert isinstance(result.metrics, NumberMetrics)
    assert result.metrics.rmse < 0.6 * result.metrics.prior_rmse
    found = stored(aws)
    assert (found.task, found.classes, found.cutoff, found.curves) == ("regression", (), None, ())
    assert found.interval is not None
    assert (found.interval.coverage, found.interval.rows) == (0.8, 150)
    assert result.metrics.coverage == pytest.approx(0.8, abs=0.1)
    assert [gate.name for gate in found.gates] == ["rmse.max_of_prior"]
    assert found.numbers is not None
    assert sum(one.rows for one in found.numbers.sizes) == 150
    assert found.training is not None
    assert len(found.training.mistakes) == 10
    golden = json.loads(aws.read(aws.layout.golden))
    assert golden["tolerance"] == pytest.approx(1e-5 * max(map(abs, golden["scores"])))


def test_a_model_of_numbers_is_compared_with_the_live_one_on_rows_that_this_was_not_made_with(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    crown(aws, numbers_in_place(aws, body), NUMBERS)
    found = stored_comparison(aws, context, body)
    assert (found.deploys, found.rows, found.seen) == (True, 150, 0)
    assert "mean squared error is" in found.reason
    assert found.difference is not None
    assert found.difference < 0

    # A row is known by its hash, and half of them are in the live model's test part.
    half = HashedSplit(seed=0, columns=("a", "b", "c"), cuts=(PartCuts(test=1 << 51, validation=1 << 51),))
    key = RunLayout(GOOD.run.dataset, CHAMPION).evaluation
    judged = Evaluation.model_validate_json(aws.read(key))
    aws.put(ARTIFACTS, key, judged.model_copy(update={"split": half}).model_dump_json())
    found = stored_comparison(aws, context, body)
    assert found.rows is not None
    assert 50 < found.rows < 100
    assert found.rows + found.seen == 150
    assert f"the {found.rows} of 150 test rows that it was not made with" in found.reason


def stored_comparison(aws: Aws, context: Context, body: dict[str, Any]) -> ChampionComparison:
    assert evaluate(body, context).verdict == "accepted"
    found = stored(aws).champion
    assert found is not None
    return found


def test_a_model_of_numbers_is_not_compared_with_one_of_classes(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    crown(aws, model_archive[0])
    numbers_in_place(aws, body)
    refused = evaluate(body, context)
    assert refused.verdict == "rejected"
    assert "predicts another target" in refused.reasons[0]


def group_sample(values: int = 60, rows: int = 6, *, numbers: bool = False) -> str:
    """group_sample.csv: each value of the identifier has a label that chance made, and features of its own."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(values), rows)
    labels, looks = rng.integers(0, 2, values), rng.normal(size=(values, 3))
    labels = rng.normal(1000, 50, values) if numbers else labels
    order = rng.permutation(len(groups))
    lines = [
        f"{labels[group]},{group},{number},{','.join(map(str, looks[group].tolist()))}\n"
        for group, number in zip(groups.tolist(), order.tolist(), strict=True)
    ]
    return "".join(lines)


def test_what_new_values_of_an_identifier_cost_is_told(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    report = {"group_sample": {"column": "patient", "rows": 360, "groups": 60, "made_up": 1}}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps(report))
    aws.put(ARTIFACTS, aws.layout.group_sample(0), group_sample())
    result = evaluate(body, context)
    assert result.verdict == "accepted", "it is no gate"
    found = stored(aws)
    assert found.group_gap is not None
    assert (found.group_gap.column, found.group_gap.rows, found.group_gap.groups) == ("patient", 360, 60)
    assert found.group_gap.log_loss_known < found.group_gap.log_loss_new
    assert found.group_gap.interval[0] > 0
    assert [gap.column for gap in found.gaps] == ["patient"]
    assert found.warnings == result.warnings
    assert "`split: {group_by: patient}`" in result.warnings[0]


def test_what_new_values_cost_a_model_of_numbers_is_told_in_the_targets_unit(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    numbers_in_place(aws, body)
    report = {"group_sample": {"column": "street", "rows": 360, "groups": 60}}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps(report))
    aws.put(ARTIFACTS, aws.layout.group_sample(0), group_sample(numbers=True))
    result = evaluate(body, context)
    assert result.verdict == "accepted", "it is no gate"
    found = stored(aws)
    (gap,) = found.gaps
    assert (found.group_gap, gap.column, gap.loss, gap.flatters) == (None, "street", "RMSE", True)
    assert gap.known < 0.7 * gap.new
    assert gap.prior == pytest.approx(50, rel=0.3)
    assert "`split: {group_by: street}`" in result.warnings[0]


def test_what_new_values_of_each_of_several_identifiers_cost_is_told(
    aws: Aws, context: Context, body: dict[str, Any]
) -> None:
    more = [{"column": "ward", "rows": 360, "groups": 60}]
    report = {"group_sample": {"column": "patient", "rows": 360, "groups": 60}, "more_group_samples": more}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps(report))
    for number in (0, 1):
        aws.put(ARTIFACTS, aws.layout.group_sample(number), group_sample())
    result = evaluate(body, context)
    assert [gap.column for gap in stored(aws).group_gaps] == ["patient", "ward"]
    assert "`split: {group_by: ward}`" in result.warnings[1]


def test_without_such_an_identifier_nothing_is_told(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    aws.put(ARTIFACTS, aws.layout.group_sample(0), group_sample())
    assert evaluate(body, context).warnings == ()
    assert stored(aws).group_gap is None


def folds_csv(*, useful: bool) -> str:
    """folds.csv of 200 rows cut once: the first of three features says the label in nine of ten rows, or nothing."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 200)
    says = np.where(rng.random(200) < 0.9, labels, 1 - labels) if useful else rng.integers(0, 2, 200)
    lines = []
    for fold in range(5):
        for row in range(200):
            part = 2 if row % 5 == fold else 1 if row % 5 == (fold + 1) % 5 else 0
            lines.append(f"{fold},{part},{row},{labels[row]},{says[row]},{row % 7},{row % 11}\n")
    return "".join(lines)


@pytest.mark.parametrize("useful", [True, False])
def test_a_small_table_is_judged_by_all_of_its_rows(
    aws: Aws, context: Context, body: dict[str, Any], *, useful: bool
) -> None:
    report = json.loads(aws.read(aws.layout.validation_report))
    told = {"folds": 5, "times": 1, "rows": 200, "units": 200, "made_up": 1}
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({**report, "folds": told}))
    aws.put(ARTIFACTS, aws.layout.folds, folds_csv(useful=useful))
    result = evaluate(body, context)
    assert result.metrics is not None
    folds = result.metrics.cross_validated
    assert folds is not None
    assert (folds.rows, folds.folds, folds.times) == (200, 5, 1)
    assert folds.baseline == pytest.approx(math.log(2), abs=0.01)
    assert folds.share < 0.7 if useful else folds.share > 0.98
    assert {gate.name: gate.passed for gate in result.gates} == {
        "log_loss.max_of_prior": useful,
        "log_loss.max_of_prior on held-out rows": True,
    }
    assert stored(aws).metrics == result.metrics


def test_the_gates_of_a_person_are_about_the_held_out_rows(aws: Aws, context: Context, body: dict[str, Any]) -> None:
    report = json.loads(aws.read(aws.layout.validation_report))
    aws.put(ARTIFACTS, aws.layout.validation_report, json.dumps({**report, "folds": {"times": 1}}))
    aws.put(ARTIFACTS, aws.layout.folds, folds_csv(useful=False))
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"gates": {"log_loss": {"max_of_prior": 0.9}}}))
    result = evaluate(body, context)
    assert result.verdict == "accepted"
    assert [gate.name for gate in result.gates] == ["log_loss.max_of_prior"]
    assert result.metrics is not None
    assert result.metrics.cross_validated is not None
    assert result.metrics.cross_validated.share > 0.95
