from __future__ import annotations

import io
import json

import pytest

from functions.validate_data import app
from sluice.messages import ValidationResult
from sluice.objects import WORKING_DATA_TAG
from tests.functions.conftest import ARTIFACTS, INBOX, Aws, Context, request
from tests.messages import GOOD

CONFIG_KEY = "datasets/breast-cancer/config.yaml"


def validate(context: Context, **run: object) -> ValidationResult:
    body = request("validate_data")
    body["run"].update(run)
    return ValidationResult.model_validate(app.handler(body, context))


def test_a_good_table_becomes_three_parts_a_recipe_and_a_report(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    result = validate(context)
    assert result.verdict == "accepted", result.reasons
    assert result.rows.received == result.rows.accepted == 569
    assert result.rows.train + result.rows.validation + result.rows.test == 569
    assert result.classes == ("benign", "malignant")
    assert result.features == 30
    assert result.prior_log_loss == pytest.approx(0.66, abs=0.05)
    layout = aws.layout
    assert aws.stored() == {
        layout.validation_report, layout.rejected_rows, layout.recipe, layout.config,
        f"{layout.train}train.csv", f"{layout.validation}validation.csv", f"{layout.test}test.csv",
    }  # fmt: skip
    first = aws.read(f"{layout.train}train.csv").decode().splitlines()[0].split(",")
    assert len(first) == 31
    assert first[0] in {"0", "1"}


def test_what_may_expire_is_tagged_and_what_explains_a_model_is_not(
    aws: Aws, context: Context, breast_cancer: str
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    validate(context)
    key, value = WORKING_DATA_TAG.split("=")

    def tags(name: str) -> list[tuple[str, str]]:
        found = aws.s3.get_object_tagging(Bucket=ARTIFACTS, Key=name)["TagSet"]
        return [(tag["Key"], tag["Value"]) for tag in found]

    assert tags(f"{aws.layout.train}train.csv") == [(key, value)]
    assert tags(aws.layout.recipe) == []


def test_a_table_without_a_known_target_is_rejected_with_its_columns(
    aws: Aws, context: Context, breast_cancer: str
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    result = validate(context)
    assert result.verdict == "rejected"
    assert "diagnosis" in " ".join(result.reasons)
    assert result.train_uri is None
    assert f"{aws.layout.train}train.csv" not in aws.stored()
    assert json.loads(aws.read(aws.layout.validation_report))["verdict"] == "rejected"


def test_a_broken_configuration_is_named(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "tagret: diagnosis")
    result = validate(context)
    assert result.verdict == "rejected"
    assert "tagret" in result.reasons[0]
    assert CONFIG_KEY in result.reasons[0]


def test_a_file_beyond_the_limit_is_refused_unread(aws: Aws, context: Context) -> None:
    result = validate(context, size=1_000_001)
    assert result.verdict == "rejected"
    assert "MaxCsvBytes" in result.reasons[0]


def test_a_file_outside_a_dataset_folder_is_refused_with_the_place_to_put_it(aws: Aws, context: Context) -> None:
    result = validate(context, folder="", key="incoming/table.csv")
    assert "incoming/<dataset>/<file>.csv" in result.reasons[0]


def test_a_file_that_was_removed_meanwhile_is_said_to_be(aws: Aws, context: Context) -> None:
    result = validate(context)
    assert result.verdict == "rejected"
    assert "removed" in result.reasons[0]


def test_repeating_the_step_gives_the_same(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    first = validate(context)
    before = {key: aws.read(key) for key in aws.stored()}
    assert validate(context) == first
    assert {key: aws.read(key) for key in aws.stored()} == before


def test_a_repeated_run_keeps_the_configuration_that_it_began_with(
    aws: Aws, context: Context, breast_cancer: str
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    first = validate(context)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\nsplit: {seed: 7}")
    assert validate(context) == first


def test_row_values_are_not_logged(aws: Aws, context: Context, breast_cancer: str, log: io.StringIO) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer.replace("17.99,", "secret-cell,", 1))
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    validate(context)
    assert log.getvalue()
    assert "secret-cell" not in log.getvalue()
