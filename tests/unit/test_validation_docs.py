"""docs/validation.md says what the code does. The comparison with other readers, which takes long, is left out here."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scripts import validation_docs
from sluice.dataset.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.findings import Rule
from tests.corpus.case import table
from tests.corpus.cases import CASES, THEMES

FILE_RULES = {rule for rule in Rule if not rule.startswith("contract_")}


def test_the_parts_that_follow_from_the_code_are_as_the_script_writes_them() -> None:
    assert validation_docs.stale(validation_docs.QUICK) == []


def test_every_part_of_the_document_has_what_writes_it_and_the_other_way_round() -> None:
    document = validation_docs.DOCUMENT.read_text(encoding="utf-8")
    assert validation_docs.parts_of(document) == sorted(
        validation_docs.PARTS, key=validation_docs.parts_of(document).index
    )
    assert document.count("<!-- generated: ") == document.count("<!-- end -->") == len(validation_docs.PARTS)


def test_every_rule_is_explained_and_has_an_effect() -> None:
    assert set(validation_docs.WHAT) == FILE_RULES
    lines = validation_docs.rules().splitlines()[2:]
    assert len(lines) == len(FILE_RULES)
    assert not [line for line in lines if "|  |" in line]


def test_every_field_of_the_report_is_explained_and_no_other() -> None:
    fields = dict(validation_docs.report_fields(TableReport.model_json_schema()))
    assert [name for name, said in fields.items() if not (said or name in validation_docs.FIELDS)] == []
    assert validation_docs.FIELDS.keys() <= fields.keys()


def test_the_columns_of_rejected_rows_are_those_that_are_written(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(table())
    config = DatasetConfig.model_validate({})
    validate_table(path, name=path.name, config=config, default_target=None, out=tmp_path / "out")
    with (tmp_path / "out" / "rejected_rows.csv").open(encoding="utf-8", newline="") as stream:
        assert next(csv.reader(stream)) == list(validation_docs.REJECTED_COLUMNS)


def test_the_comparison_covers_every_theme_of_the_corpus() -> None:
    compared = [name for name in validation_docs.PARTS if name.startswith("comparison-")]
    assert len(compared) == len(THEMES)


def test_other_readers_are_asked_of_the_file_itself(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "text-for-a-number")
    folder = tmp_path / "train"
    folder.mkdir()
    path = folder / case.file_name
    path.write_bytes(case.data)
    assert validation_docs.pandas_says(path, case, loud=True) == "**silent:** 120 rows, 5 columns, `age` as text"
    assert validation_docs.container_says(path, case, loud=True) == "**silent:** trains: `abc` becomes a missing value"
    assert validation_docs.sluice_says(case) == "accepted; 1 row rejected: `not_a_number`"


def test_what_is_stale_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(validation_docs, "PARTS", validation_docs.QUICK)
    monkeypatch.setattr(validation_docs, "DOCUMENT", tmp_path / "validation.md")
    monkeypatch.setattr(validation_docs, "SCHEMA", tmp_path / "validation.schema.json")
    parts = "".join(f"<!-- generated: {name} -->\n<!-- end -->\n" for name in validation_docs.QUICK)
    (tmp_path / "validation.md").write_text(f"# Title\n{parts}", encoding="utf-8")
    assert validation_docs.main(["--check"]) == 1
    assert "stale: rules" in capsys.readouterr().err
    assert validation_docs.main([]) == 0
    assert validation_docs.main(["--check"]) == 0
    (tmp_path / "validation.schema.json").write_text("{}", encoding="utf-8")
    assert validation_docs.main(["--check"]) == 1
    assert "stale: validation.schema.json" in capsys.readouterr().err
