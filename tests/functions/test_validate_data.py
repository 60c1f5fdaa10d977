from __future__ import annotations

import io
import json
from collections import Counter
from typing import Any

import pytest

from functions.validate_data import app
from sluice.aws.objects import WORKING_DATA_TAG, read_stored
from sluice.dataset.aws.contract import ContractTakenError
from sluice.dataset.facets import FacetCounts
from sluice.layout import RunLayout, contract_key
from sluice.messages import ValidationResult
from tests.functions.conftest import ARTIFACTS, INBOX, Aws, Context, request
from tests.messages import GOOD

CONFIG_KEY = "datasets/breast-cancer/config.yaml"


def validate(context: Context, **run: object) -> ValidationResult:
    """Validates what lies under the run's key, as the event of its upload tells it."""
    body = request("validate_data")
    body["run"].update(run)
    if "etag" not in run:
        body["run"]["etag"] = etag(body["run"]["key"]) or body["run"]["etag"]
    return ValidationResult.model_validate(app.handler(body, context))


def etag(key: str) -> str | None:
    found = app.s3.list_objects_v2(Bucket=INBOX, Prefix=key).get("Contents", [])
    return found[0]["ETag"].strip('"') if found else None


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
        layout.validation_report, layout.rejected_rows, layout.recipe, layout.config, layout.contract,
        contract_key(GOOD.run.dataset),
        layout.part_file("train"), layout.part_file("validation"), layout.part_file("test"),
        layout.held_out_rows, layout.folds,
    }  # fmt: skip
    assert result.held_out_uri == f"s3://{ARTIFACTS}/{layout.held_out_rows}"
    assert aws.read(layout.held_out_rows).startswith(breast_cancer.splitlines()[0].encode())
    assert result.facets_uri is None
    first = aws.read(layout.part_file("train")).decode().splitlines()[0].split(",")
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

    assert tags(aws.layout.part_file("train")) == tags(aws.layout.held_out_rows) == [(key, value)]
    assert tags(aws.layout.recipe) == []


def test_rows_by_an_identifier_that_they_share_are_kept_for_the_evaluation(aws: Aws, context: Context) -> None:
    labels = ("no", "no", "yes", "no", "yes")
    rows = [
        f"P{patient:03d},{patient * 37 % 101}.{visit}{patient % 10},"
        f"{labels[patient % 5] if visit or patient % 3 else labels[visit]}"
        for patient in range(150)
        for visit in range(4)
    ]
    aws.put(INBOX, GOOD.run.key, "\n".join(["patient_id,pressure,ill", *rows]) + "\n")
    aws.put(INBOX, CONFIG_KEY, "target: ill")
    result = validate(context)
    assert result.verdict == "accepted", result.reasons
    report = json.loads(aws.read(aws.layout.validation_report))
    assert report["group_sample"] == {"column": "patient_id", "rows": 600, "groups": 150}
    assert aws.read(aws.layout.group_sample(0)).count(b"\n") == 600
    tagged = aws.s3.get_object_tagging(Bucket=ARTIFACTS, Key=aws.layout.group_sample(0))["TagSet"]
    assert [f"{tag['Key']}={tag['Value']}" for tag in tagged] == [WORKING_DATA_TAG], "it expires as the parts do"


def test_a_small_table_is_cut_into_folds_for_the_evaluation(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    assert validate(context).verdict == "accepted"
    report = json.loads(aws.read(aws.layout.validation_report))
    assert report["folds"] == {"folds": 5, "times": 3, "rows": 569, "units": 569}
    lines = [line.split(",") for line in aws.read(aws.layout.folds).decode().splitlines()]
    assert {len(line) for line in lines} == {4 + 30}
    assert Counter(line[0] for line in lines) == {str(fold): 569 for fold in range(15)}
    assert sum(line[1] == "2" for line in lines) == 3 * 569
    tagged = aws.s3.get_object_tagging(Bucket=ARTIFACTS, Key=aws.layout.folds)["TagSet"]
    assert [f"{tag['Key']}={tag['Value']}" for tag in tagged] == [WORKING_DATA_TAG], "they expire as the parts do"


def test_the_rows_of_each_facet_are_counted(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\nfacets: [{column: mean radius, at_least: 15}]")
    result = validate(context)
    assert result.facets_uri == f"s3://{ARTIFACTS}/{aws.layout.facets}"
    (facet,) = FacetCounts.model_validate_json(aws.read(aws.layout.facets)).facets
    assert (facet.column, facet.group, facet.favoured_label) == ("mean radius", "at least 15", "malignant")
    assert sum(count.rows for count in facet.counts) == 569


def test_a_table_without_a_known_target_is_rejected_with_its_columns(
    aws: Aws, context: Context, breast_cancer: str
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    result = validate(context)
    assert result.verdict == "rejected"
    assert "diagnosis" in " ".join(result.reasons)
    assert result.train_uri is result.held_out_uri is None
    assert aws.layout.part_file("train") not in aws.stored()
    assert json.loads(aws.read(aws.layout.validation_report))["verdict"] == "rejected"


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (False, "datasets/breast-cancer/config.yml is not read, so the defaults hold; name it config.yaml."),
        (True, "datasets/breast-cancer/config.yml is not read; config.yaml beside it is."),
    ],
)
def test_a_configuration_that_nothing_reads_is_a_warning(
    aws: Aws, context: Context, breast_cancer: str, read: bool, said: str
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer.replace("diagnosis", "target", 1))
    aws.put(INBOX, "datasets/breast-cancer/config.yml", "target: nothing")
    if read:
        aws.put(INBOX, CONFIG_KEY, "target: target")
    result = validate(context)
    assert (result.verdict, result.warnings[0]) == ("accepted", said)
    assert json.loads(aws.read(aws.layout.validation_report))["warnings"][0] == said


def test_a_broken_configuration_is_named(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "tagret: diagnosis")
    result = validate(context)
    assert result.verdict == "rejected"
    assert "tagret" in result.reasons[0]
    assert CONFIG_KEY in result.reasons[0]


def test_a_serverless_endpoint_is_refused_before_training_where_the_stack_has_a_vpc(
    aws: Aws, context: Context, breast_cancer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "settings", app.settings.model_copy(update={"subnet_ids": ("subnet-0a",)}))
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    result = validate(context)
    assert result.verdict == "rejected"
    assert f"`endpoint: {{kind: instance}}` into s3://{INBOX}/{CONFIG_KEY}" in result.reasons[0]

    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\nendpoint: {kind: instance}")
    assert validate(context).verdict == "accepted"


def test_a_file_beyond_the_limit_is_refused_unread(aws: Aws, context: Context) -> None:
    result = validate(context, size=1_000_001)
    assert result.verdict == "rejected"
    assert "MaxCsvBytes" in result.reasons[0]


def test_a_file_outside_a_dataset_folder_is_refused_with_the_place_to_put_it(aws: Aws, context: Context) -> None:
    result = validate(context, folder="", key="incoming/table.csv")
    assert "incoming/<dataset>/<file>.csv" in result.reasons[0]


def test_a_version_that_was_overwritten_is_read_all_the_same(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.s3.put_bucket_versioning(Bucket=INBOX, VersioningConfiguration={"Status": "Enabled"})
    version = aws.s3.put_object(Bucket=INBOX, Key=GOOD.run.key, Body=breast_cancer)["VersionId"]
    aws.put(INBOX, GOOD.run.key, "overwritten\n")
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    result = validate(context, version_id=version)
    assert result.verdict == "accepted", result.reasons


def test_content_that_is_not_that_of_the_event_is_never_read(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, "the first content\n")
    before = etag(GOOD.run.key)
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    result = validate(context, etag=before)
    assert result.verdict == "rejected"
    assert "another file was put in its place" in result.reasons[0]
    assert not [key for key in aws.stored() if key.startswith(aws.layout.part("train"))]


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


CONTRACT = contract_key(GOOD.run.dataset)
NEXT = RunLayout(GOOD.run.dataset, "b" * 12)


def validate_next(aws: Aws, context: Context, table: str) -> ValidationResult:
    """A second file of the dataset, in a run of its own."""
    aws.put(INBOX, "incoming/breast-cancer/next.csv", table)
    return validate(context, run_id="b" * 12, key="incoming/breast-cancer/next.csv")


@pytest.fixture
def first(aws: Aws, context: Context, breast_cancer: str) -> ValidationResult:
    """The dataset's first file, accepted."""
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    return validate(context)


def test_the_first_accepted_file_makes_the_contract(aws: Aws, first: ValidationResult) -> None:
    assert (first.verdict, first.contract_version) == ("accepted", 1)
    assert first.contract_uri == f"s3://{ARTIFACTS}/{aws.layout.contract}"
    assert aws.read(CONTRACT) == aws.read(aws.layout.contract)
    made = json.loads(aws.read(CONTRACT))
    assert (made["run_id"], made["rows"], len(made["columns"])) == (GOOD.run.run_id, 569, 31)
    assert json.loads(aws.read(aws.layout.validation_report))["contract"]["made"]


def test_a_refused_file_makes_no_contract(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    result = validate(context)
    assert (result.verdict, result.contract_uri, result.contract_version) == ("rejected", None, None)
    assert CONTRACT not in aws.stored()


def test_a_second_file_is_held_against_the_contract_and_leaves_it_as_it_is(
    aws: Aws, context: Context, breast_cancer: str, first: ValidationResult
) -> None:
    before = aws.read(CONTRACT)
    header, *rows = breast_cancer.splitlines()
    result = validate_next(aws, context, "\n".join([header, *rows[100:]]))
    assert (result.verdict, result.contract_version, result.warnings) == ("accepted", 1, first.warnings)
    assert aws.read(CONTRACT) == before == aws.read(NEXT.contract)
    assert json.loads(aws.read(NEXT.validation_report))["contract"] == {
        "version": 1, "made": False, "reordered": False, "breaches": [],
    }  # fmt: skip


@pytest.mark.usefixtures("first")
def test_a_second_file_that_breaks_the_contract_is_refused(aws: Aws, context: Context, breast_cancer: str) -> None:
    before = aws.read(CONTRACT)
    result = validate_next(aws, context, breast_cancer.replace("mean radius", "radius (mean)", 1))
    assert (result.verdict, result.contract_version, result.train_uri) == ("rejected", 1, None)
    assert result.reasons[0].startswith("next.csv, column `mean radius`: it is absent")
    assert aws.read(CONTRACT) == before
    report = json.loads(aws.read(NEXT.validation_report))
    assert [one["rule"] for one in report["contract"]["breaches"]] == ["missing_column", "new_column"]


@pytest.mark.usefixtures("first")
def test_a_reset_makes_the_next_version_once(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\ncontract: reset")
    changed = breast_cancer.replace("mean radius", "radius", 1)
    result = validate_next(aws, context, changed)
    assert (result.verdict, result.contract_version) == ("accepted", 2)
    made = json.loads(aws.read(CONTRACT))
    assert (made["version"], made["run_id"], made["columns"][0]["name"]) == (2, "b" * 12, "radius")
    assert validate_next(aws, context, changed) == result
    assert json.loads(aws.read(CONTRACT))["version"] == 2


@pytest.mark.usefixtures("first")
def test_an_ignored_contract_is_neither_read_nor_written(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\ncontract: ignore")
    aws.put(ARTIFACTS, CONTRACT, "{")
    result = validate_next(aws, context, breast_cancer)
    assert (result.verdict, result.contract_uri) == ("accepted", None)
    assert aws.read(CONTRACT) == b"{"


def test_a_broken_contract_refuses_the_file_and_names_the_key(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")
    aws.put(ARTIFACTS, CONTRACT, '{"columns": [{"name": "mean radius", "kind": "float"}]}')
    result = validate(context)
    assert result.verdict == "rejected"
    (reason,) = result.reasons
    assert reason.startswith(f"s3://{ARTIFACTS}/{CONTRACT}: `columns.0.kind`")
    assert "`contract: reset`" in reason


def test_a_contract_by_hand_is_held_in_what_it_says(aws: Aws, context: Context, breast_cancer: str) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\ncontract: {rules: {new_column: ignore}}")
    aws.put(ARTIFACTS, CONTRACT, '{"version": 7, "columns": [{"name": "mean radius", "maximum": 0.5}]}')
    result = validate(context)
    assert (result.verdict, result.contract_version) == ("rejected", 7)
    (reason,) = result.reasons
    assert "column `mean radius`: its values range from" in reason


def test_of_two_first_files_the_slower_is_held_against_the_contract_of_the_faster(
    aws: Aws, context: Context, breast_cancer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(INBOX, GOOD.run.key, breast_cancer)
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis")

    def read_before_the_other_writes(*arguments: Any) -> Any:
        found = read_stored(*arguments)
        aws.put(ARTIFACTS, CONTRACT, '{"target": {"name": "other"}}')
        return found

    monkeypatch.setattr(app, "read_stored", read_before_the_other_writes)
    with pytest.raises(ContractTakenError):
        validate(context)
    assert aws.layout.validation_report not in aws.stored()
    monkeypatch.undo()
    result = validate(context)
    assert (result.verdict, result.contract_version) == ("rejected", 1)
    assert "it is the target now" in result.reasons[0]


@pytest.mark.usefixtures("first")
def test_a_reset_does_not_overwrite_a_contract_that_it_has_not_read(
    aws: Aws, context: Context, breast_cancer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.put(INBOX, CONFIG_KEY, "target: diagnosis\ncontract: reset")

    def read_before_a_person_edits(*arguments: Any) -> Any:
        found = read_stored(*arguments)
        aws.put(ARTIFACTS, CONTRACT, '{"version": 9}')
        return found

    monkeypatch.setattr(app, "read_stored", read_before_a_person_edits)
    with pytest.raises(ContractTakenError):
        validate_next(aws, context, breast_cancer)
    assert json.loads(aws.read(CONTRACT)) == {"version": 9}


@pytest.mark.usefixtures("first")
def test_values_that_break_the_contract_are_not_logged(
    aws: Aws, context: Context, breast_cancer: str, log: io.StringIO
) -> None:
    text = breast_cancer.replace("malignant", "secret-class")
    result = validate_next(aws, context, text)
    assert any("secret-class" in reason for reason in result.reasons)
    assert "secret-class" not in log.getvalue()
