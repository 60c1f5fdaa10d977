from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from following.configuration import with_key
from following.dropping import Drop, WrongCallError, check_drop
from sluice.dataset.config import parse_config


def check_call(table: Path, target: str, dataset: str | None = None, config: Path | None = None) -> Drop:
    return check_drop(table, dataset, config, target)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "Telco Customer_Churn (2026).csv"
    path.write_text("a,Churn\n1,Yes\n")
    return path


def test_the_default_dataset_is_named_as_a_folder_of_the_files_name_would_be(table: Path) -> None:
    folder = check_call(table, "Churn").folder
    assert folder == "Telco Customer_Churn (2026)"
    assert check_call(table, "Churn", dataset=folder) == check_call(table, "Churn")


def test_the_table_goes_to_its_dataset_under_its_own_name(table: Path) -> None:
    assert check_call(table, "Churn", dataset="Kunden ü").key == f"incoming/Kunden ü/{table.name}"


def test_the_target_is_merged_into_the_given_configuration_and_wins(table: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("target: other\npositive: 'Yes'\ngates: {accuracy: {min: 0.7}}\n")

    merged = check_call(table, "Churn", config=config).config

    assert merged is not None
    assert yaml.safe_load(merged) == {"target": "Churn", "positive": "Yes", "gates": {"accuracy": {"min": 0.7}}}


@pytest.mark.parametrize("target", ["yes", "1", "null", "a: b", "#x", "ü 'q' \"z\""])
def test_a_target_that_yaml_would_read_as_something_else_stays_what_it_is(tmp_path: Path, target: str) -> None:
    path = tmp_path / "t.csv"
    quoted = target.replace('"', '""')
    path.write_text(f'a,"{quoted}"\n1,2\n', encoding="utf-8")

    call = check_call(path, target)
    assert call.config is None
    for text in (None, "", "# nothing yet\n", "gates: {log_loss: {max: 1}}\n", "{drop: [b], target: x}", "target:\n"):
        assert parse_config(with_key(text, "target", target, "config"), "config").target == target


def test_an_unknown_column_is_a_wrong_call_that_lists_the_columns(table: Path) -> None:
    with pytest.raises(WrongCallError, match=r"no column `churn`; did you mean `Churn`\? The columns are `a`, `Churn`"):
        check_call(table, "churn")


def test_of_many_columns_some_are_listed_and_none_breaks_the_terminal(tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"column\x1b {i}" + "x" * 100 for i in range(500)) + "\n1,2\n")

    with pytest.raises(WrongCallError, match="and 460 more") as refused:
        check_call(wide, "y")

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 5000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04[Content_Types].xml,a",
        b"\x1f\x8b\x08,a",
        b"a\0,b\n",
        b"Report of customers\na,b\n",
        b"1,2.5,x\n",
    ],
    ids=["empty", "workbook", "gzip", "binary", "title", "numbers"],
)
def test_a_file_whose_first_line_is_no_header_is_left_for_the_pipeline_to_refuse(
    tmp_path: Path, content: bytes
) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(content)

    assert check_call(table, "y").key == "incoming/t/t.csv"


def test_a_folder_for_a_table_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(WrongCallError, match="is a folder; name the file in it"):
        check_call(tmp_path, "y")


@pytest.mark.parametrize("dataset", ["", "a/b", " a", "a ", ".", ".."])
def test_a_dataset_that_makes_no_folder_is_a_wrong_call(table: Path, dataset: str) -> None:
    with pytest.raises(WrongCallError, match="--dataset"):
        check_call(table, "Churn", dataset=dataset)


def test_a_configuration_that_is_no_yaml_is_a_wrong_call(table: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("gates: [\n")

    with pytest.raises(WrongCallError, match=r"config\.yaml"):
        check_call(table, "Churn", config=config)
