"""A stack that was updated, or rolled back, goes on with what the other release left in S3 and in the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from functions.evaluate_model import app as evaluate_model
from sluice.dataset.aws.config import read_config
from sluice.dataset.recipe import Recipe
from sluice.documents import GOLDEN_VERSION, VERSION_KEY
from sluice.evaluation.document import Evaluation
from sluice.layout import RunLayout, uri
from sluice.messages import Outcome
from sluice.names import model_of_config
from sluice.prediction.aws.version import read_version
from sluice.prediction.request import RefusedError
from sluice.runs.aws.approval import read_pending
from sluice.runs.aws.ledger import Due, crown_champion, dataset_key, read_champion, read_claim, read_closed
from tests.functions.conftest import ARTIFACTS, TABLE, Aws, Context, request
from tests.functions.test_evaluate_model import CHAMPION, crown
from tests.functions.test_evaluate_model import body as body  # noqa: PLC0414 - a fixture
from tests.messages import GOOD

FIRST: Final = Path(__file__).parents[1] / "documents" / "v1"
RUN_ID: Final = "0b1c2d3e4f5a"
DATASET: Final = "churn"
LAYOUT: Final = RunLayout(DATASET, RUN_ID)


def item(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIRST / f"{name}.item.json").read_text())
    return loaded


def put_items(aws: Aws, *names: str) -> None:
    for name in names:
        aws.dynamodb.put_item(TableName=TABLE, Item=item(name))


def put_files(aws: Aws) -> None:
    for path in FIRST.glob("*.json"):
        if not path.name.endswith(".item.json"):
            aws.put(ARTIFACTS, LAYOUT.prefix + path.name, path.read_bytes())


def newer(aws: Aws, key: str, **more: Any) -> None:
    """Writes a document again as a release to come may write it."""
    aws.put(ARTIFACTS, key, json.dumps({**json.loads(aws.read(key)), "made_up": {"by": "a newer release"}, **more}))


def test_the_ledger_of_the_first_format_is_read(aws: Aws) -> None:
    put_items(aws, "champion", "approval", "claimed_run")
    champion = read_champion(aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert (champion.run_id, model_of_config(champion.config_name)) == (RUN_ID, f"sluice-churn-{RUN_ID}")
    assert [past.run_id for past in champion.history] == ["0a" * 6]
    pending = read_pending(aws.dynamodb, TABLE, RUN_ID)
    assert pending is not None
    assert pending.approval is not None
    assert pending.approval.decided_by == "user/alice"
    claim = read_claim(aws.dynamodb, TABLE, RUN_ID)
    assert claim is not None
    assert claim.run is not None
    assert (claim.status, claim.run.key) == ("running", "incoming/churn/churn.csv")
    put_items(aws, "closed_run")
    closed = read_closed(aws.dynamodb, TABLE, RUN_ID)
    assert closed is not None
    assert closed.result.outcome is Outcome.DEPLOYED
    assert closed.asked.run == claim.run
    assert closed.due == {Due.MODEL, Due.PAGE}


def test_what_a_newer_release_keeps_of_models_before_the_champion_is_left_out(aws: Aws) -> None:
    there = item("champion")
    (past,) = json.loads(there["history"]["S"])
    there["history"] = {"S": json.dumps([{**past, "made_up": "more"}])}
    aws.dynamodb.put_item(TableName=TABLE, Item={**there, "made_up": {"M": {}}})
    champion = read_champion(aws.dynamodb, TABLE, DATASET)
    assert champion is not None
    assert champion.history[0].config_name == past["config_name"]


def test_what_only_a_newer_release_can_do_for_a_closed_run_is_left_to_it(aws: Aws) -> None:
    there = item("closed_run")
    there["due"] = {"SS": ["a-kind-to-come", "page"]}
    aws.dynamodb.put_item(TableName=TABLE, Item=there)
    closed = read_closed(aws.dynamodb, TABLE, RUN_ID)
    assert closed is not None
    assert closed.due == {Due.PAGE}


def test_a_champion_says_the_version_of_its_item(aws: Aws) -> None:
    put_items(aws, "champion")
    before = read_champion(aws.dynamodb, TABLE, DATASET)
    assert before is not None
    crown_champion(aws.dynamodb, TABLE, DATASET, before.history[0], RUN_ID, "2026-11-30T10:00:00+00:00")
    there = aws.dynamodb.get_item(TableName=TABLE, Key=dataset_key(DATASET))["Item"]
    assert there[VERSION_KEY] == {"N": "1"}


def test_a_model_is_compared_with_the_champion_of_a_newer_release(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    crown(aws, model_archive[0])
    newer(aws, RunLayout(GOOD.run.dataset, CHAMPION).evaluation, schema_version=2)
    evaluate_model.handler(body, context)
    found = Evaluation.read(aws.read(aws.layout.evaluation)).champion
    assert found is not None
    assert found.comparable, found.reason


def test_a_recipe_that_this_release_cannot_follow_is_named_with_the_way_out(
    aws: Aws, context: Context, body: dict[str, Any], model_archive: tuple[bytes, str]
) -> None:
    crown(aws, model_archive[0])
    newer(aws, RunLayout(GOOD.run.dataset, CHAMPION).recipe, schema_version=Recipe.newest() + 1)
    answer = evaluate_model.handler(body, context)
    assert answer["verdict"] == "rejected"
    (said,) = [reason for reason in answer["reasons"] if "newer Sluice" in reason]
    newest = Recipe.newest()
    assert f"recipe version {newest + 1}, this one reads up to {newest}; deploy the newer release" in said
    assert "champion: {policy: ignore}" in said
    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"champion": {"policy": "ignore"}}))
    assert evaluate_model.handler(body, context)["verdict"] == "accepted"


def test_a_prediction_reads_what_it_knows_of_a_newer_releases_documents(aws: Aws) -> None:
    put_files(aws)
    assert read_version(aws.s3, ARTIFACTS, DATASET, RUN_ID).cutoff is not None
    newer(aws, LAYOUT.evaluation, schema_version=2)
    newer(aws, LAYOUT.config, schema_version=2)
    newer(aws, LAYOUT.golden)
    assert read_version(aws.s3, ARTIFACTS, DATASET, RUN_ID).log_share == 0.5


@pytest.mark.parametrize(
    ("key", "kind", "version"),
    [(LAYOUT.recipe, "recipe", Recipe.newest() + 1), (LAYOUT.golden, "golden rows", GOLDEN_VERSION + 1)],
)
def test_no_prediction_is_made_by_documents_that_only_a_newer_release_can_compute_with(
    aws: Aws, key: str, kind: str, version: int
) -> None:
    put_files(aws)
    newer(aws, key, schema_version=version)
    said = f"the live model of churn was made by a newer Sluice: {kind} version {version}"
    with pytest.raises(RefusedError, match=said):
        read_version(aws.s3, ARTIFACTS, DATASET, RUN_ID)


def test_a_champion_of_a_newer_release_keeps_its_configuration_as_far_as_it_is_known(aws: Aws) -> None:
    """Clean-up, rollback and the scaling of the model that is put back go by it."""
    put_files(aws)
    newer(aws, LAYOUT.config, schema_version=2)
    assert read_config(aws.s3, ARTIFACTS, DATASET, RUN_ID).endpoint.keep == 3


def test_an_instance_type_that_an_older_release_accepted_is_read(aws: Aws) -> None:
    """It answers, so that it must be possible to clean up beside it, to scale it and to go back to it."""
    put_files(aws)
    accelerated = {"kind": "instance", "instance_type": "ml.g4dn.xlarge"}
    newer(aws, LAYOUT.config, endpoint=accelerated, training={"instance_type": "ml.p3.2xlarge"})
    config = read_config(aws.s3, ARTIFACTS, DATASET, RUN_ID)
    assert (config.endpoint.instance_type, config.training.instance_type) == ("ml.g4dn.xlarge", "ml.p3.2xlarge")


def test_a_page_is_drawn_from_the_documents_of_a_newer_release(aws: Aws, context: Context) -> None:
    from functions.render_report import app as render_report  # noqa: PLC0415 - Matplotlib

    put_files(aws)
    for key in (LAYOUT.evaluation, LAYOUT.outcome, LAYOUT.validation_report):
        newer(aws, key, schema_version=2)
    asked = json.loads(item("closed_run")["asked"]["S"])
    result = json.loads(item("closed_run")["result"]["S"])
    told = {name: asked[name] for name in ("run", "outcome", "validation", "training", "evaluation")}
    answer = render_report.handler({**told, "result": result}, context)
    assert answer == {"verdict": "rendered", "report_uri": uri(ARTIFACTS, LAYOUT.report)}


def test_a_run_is_recorded_beside_documents_of_a_newer_release(aws: Aws, context: Context) -> None:
    from functions.record_outcome import app as record_outcome  # noqa: PLC0415

    aws.put(ARTIFACTS, aws.layout.config, json.dumps({"schema_version": 2, "gates": {"made_up": {"min": 1}}}))
    assert record_outcome.handler(request("record_outcome"), context)["outcome"] == "deployed"
    assert json.loads(aws.read(aws.layout.outcome))["schema_version"] == 1
