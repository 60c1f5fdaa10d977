"""Every nasty file of the corpus is judged as it should be, and nothing unexpected gets into the training data."""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from scoring.held_out import read_held_out
from scoring.raw_rows import apply_recipe, read_raw_rows
from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import Plan, parse_contract
from sluice.dataset.recipe import FLOAT32_MAX, Recipe
from sluice.layout import PARTS
from tabular import TableReport, validate_table
from tabular.findings import FIX, Rule, shown
from tests.corpus.__main__ import write
from tests.corpus.case import Case, Said
from tests.corpus.cases import CASES, by_kind
from tests.unit.tabular.conftest import FIRST

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

NOT_IN_A_FILE: Final[dict[Rule, str]] = {}
"""Rules that no case breaks, each with the reason."""


@dataclass(frozen=True)
class Judged:
    case: Case
    path: Path
    out: Path
    report: TableReport

    def rejected_rows(self) -> list[dict[str, str]]:
        with (self.out / "rejected_rows.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def rows(self) -> Iterator[list[str]]:
        """The rows of all parts."""
        for part in PARTS:
            text = (self.out / part / f"{part}.csv").read_bytes().decode("ascii")
            assert text.endswith("\n")
            yield from (line.split(",") for line in text.removesuffix("\n").split("\n"))

    def rules(self, severity: str, sentences: Iterable[str]) -> set[str]:
        """The rules of what is said of the file, without those that set rows aside."""
        findings: Any = getattr(self.report, "findings", None)
        if findings is None:
            rules = {_rule_of(sentence) for sentence in sentences}
        else:
            rules = {finding.rule for finding in findings if finding.severity == severity}
        return rules - {problem.rule for problem in self.report.problems}


def _rule_of(sentence: str) -> str:
    return max((rule for rule in Rule if sentence.endswith(FIX[rule])), key=lambda rule: len(FIX[rule])).value


def _said(sentences: Iterable[str], name: str, said: Said) -> bool:
    """Whether one of the sentences is of that rule, and names the file and the place."""
    place = name if said.line is None else f"{name}, line {said.line}"
    column = "" if said.column is None else f", column `{shown(said.column)}`: "
    return any(
        sentence.startswith((f"{place}:", f"{place},", f"{place} ("))
        and column in sentence
        and sentence.endswith(FIX[Rule(said.rule)])
        for sentence in sentences
    )


def _judge(case: Case, tmp_path: Path, contract: Plan = FIRST) -> Judged:
    """Judges the case; the file must stay as it was."""
    options: dict[str, Any] = {} if case.max_bytes is None else {"max_bytes": case.max_bytes}
    path = tmp_path / case.file_name
    path.write_bytes(case.data)
    before = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
    report = validate_table(
        path,
        name=path.name,
        config=DatasetConfig.model_validate(dict(case.config)),
        default_target=case.default_target,
        out=tmp_path / "out",
        contract=contract,
        **options,
    )
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before
    return Judged(case, path, tmp_path / "out", report)


ACCEPTED = [case for case in CASES if case.verdict == "accepted"]


@pytest.mark.longer
@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_a_file_that_is_accepted_keeps_the_contract_that_it_makes(case: Case, tmp_path: Path) -> None:
    made = _judge(case, tmp_path).out / "contract.json"
    again = _judge(case, tmp_path, Plan(held=parse_contract(made.read_text(encoding="utf-8"), made.name))).report
    assert again.verdict == "accepted"
    assert again.contract is not None
    assert (again.contract.breaches, again.contract.reordered) == ((), False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_nasty_file_is_judged_as_it_should_be(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.max_rows is not None:
        monkeypatch.setattr("tabular.validate.MAX_ROWS", case.max_rows)
    judged = _judge(case, tmp_path)
    report = judged.report
    _holds_the_verdict(judged)
    _holds_the_rejected_rows(judged)
    if report.dialect is not None:
        assert case.encoding in (None, report.dialect.encoding)
        assert case.delimiter in (None, report.dialect.delimiter)
        assert case.header_line in (None, report.dialect.header_line)
    columns = {column.name: column for column in report.columns}
    assert {name: str(columns[name].kind) for name in case.kinds} == case.kinds
    assert {name: columns[name].use for name in case.uses} == case.uses
    written = sorted(path.name for path in judged.out.iterdir())
    if case.verdict == "accepted":
        files = ["validation.json", "rejected_rows.csv", "recipe.json", "contract.json"]
        counted = ["facets.json"] if "facets" in case.config else []
        sampled = ["group_sample.csv"] if Rule.LABEL_SHARED in {finding.rule for finding in report.findings} else []
        assert written == sorted([*files, *counted, *sampled, "held_out", *PARTS])
        _holds_clean_training_data(judged)
    else:
        assert written == ["rejected_rows.csv", "validation.json"]


def _holds_the_verdict(judged: Judged) -> None:
    case, report = judged.case, judged.report
    assert (report.verdict, report.rules) == (case.verdict, case.rules), report.reasons
    said = [*report.reasons, *report.warnings]
    assert all(sentence.startswith(case.file_name) for sentence in said)
    assert all(len(sentence.splitlines()) == 1 and len(sentence) < 3000 for sentence in said)
    missing = [one for one in case.refusals if not _said(report.reasons, case.file_name, one)]
    assert not missing, (missing, report.reasons)
    expected = {one.rule for one in case.warnings}
    assert judged.rules("warning", report.warnings) == expected, report.warnings
    missing = [one for one in case.warnings if not _said(report.warnings, case.file_name, one)]
    assert not missing, (missing, report.warnings)


def _holds_the_rejected_rows(judged: Judged) -> None:
    case, report, rejected = judged.case, judged.report, judged.rejected_rows()
    assert [(int(row["line"]), row["rule"], row["column"]) for row in rejected] == list(case.rejected_rows)
    assert not [cell for row in rejected for cell in row.values() if cell.startswith(FORMULA_STARTS)]
    assert {row["how_to_fix"] for row in rejected} == {FIX[Rule(row["rule"])] for row in rejected}
    assert sum(problem.rows for problem in report.problems) == len(rejected)
    rows = report.rows
    assert rows.received == rows.accepted + rows.rejected
    if case.verdict == "accepted" or rejected:
        assert rows.received == (120 if case.rows is None else case.rows)
        assert rows.rejected == len({line for line, _, _ in case.rejected_rows})
    if case.encoding in (None, "utf-8"):
        content = _text(case)
        for row in rejected:
            offset = int(row["byte_offset"])
            assert content.count(b"\n", 0, offset) + 1 == int(row["line"])
            assert content[offset - 1 : offset] in (b"\n", b"")


def _text(case: Case) -> bytes:
    return gzip.decompress(case.data) if case.suffix.endswith(".gz") and case.rejected_rows else case.data


def _holds_clean_training_data(judged: Judged) -> None:
    case, report = judged.case, judged.report
    recipe = Recipe.model_validate_json((judged.out / "recipe.json").read_text(encoding="utf-8"))
    assert case.classes in (None, report.classes)
    assert report.features == len(recipe.features) > 0
    rows = list(judged.rows())
    assert len(rows) == report.rows.accepted == report.rows.train + report.rows.validation + report.rows.test
    assert {len(row) for row in rows} == {1 + report.features}
    if report.task == "classification":
        assert {row[0] for row in rows} == {str(number) for number in range(len(report.classes))}
    numbers = [[float(cell) if cell else math.nan for cell in row] for row in rows]
    assert all(math.isnan(number) or abs(number) <= FLOAT32_MAX for row in numbers for number in row)
    assert not any("nan" in cell.lower() for row in rows for cell in row)
    contract = parse_contract((judged.out / "contract.json").read_text(encoding="utf-8"), "contract.json")
    moves = {column.name: column.moves for column in contract.columns or ()}
    assert {name: moves[name] for name in case.moves} == case.moves
    _holds_the_held_out_rows(judged, recipe)
    for name, (least, greatest) in case.extremes.items():
        (at,) = [i for i, feature in enumerate(recipe.features, start=1) if feature.source == name]
        values = [row[at] for row in numbers if not math.isnan(row[at])]
        assert (min(values), max(values)) == pytest.approx((least, greatest)), name


def _holds_the_held_out_rows(judged: Judged, recipe: Recipe) -> None:
    """Through the file's own recipe they become the test part."""
    labels, features = read_held_out(judged.out / "test" / "test.csv", len(recipe.features))
    rows = read_raw_rows(judged.out / "held_out" / "rows.csv")
    assert list(rows.columns) == [column.name for column in judged.report.columns]
    if judged.report.task == "classification":
        assert [recipe.class_number(label) for label in rows[recipe.target.name]] == labels.tolist()
    made = apply_recipe(recipe, rows)
    assert made.misfits == {}
    np.testing.assert_array_equal(made.features, features)


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    assert len(CASES) >= 170
    assert not [name for name, times in Counter(case.name for case in CASES).items() if times > 1]
    assert all(case.note and case.kind for case in CASES)


def test_every_kind_of_nastiness_is_in_one_place() -> None:
    """Cases of a kind stand together, so the first of them is the one that stands for it in the documentation."""
    kinds = [case.kind for case in CASES]
    assert len([kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]) == len(by_kind())


def test_every_rule_on_files_is_broken_by_a_case() -> None:
    broken = {rule for case in CASES for rule in case.all_rules}
    rules = {rule for rule in Rule if not rule.startswith("contract_")}
    assert broken <= set(Rule)
    assert rules - broken == set(NOT_IN_A_FILE)


def test_the_corpus_can_be_written_for_people_to_look_at(tmp_path: Path) -> None:
    write(tmp_path / "corpus")
    written = {path.name for path in (tmp_path / "corpus").iterdir()}
    assert written == {case.file_name for case in CASES} | {"index.csv"}
    with (tmp_path / "corpus" / "index.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == len(CASES)
