"""The advice of every refusal and warning really helps: done to the file, the file is accepted, or the warning gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.findings import Rule
from tests.corpus.case import Case
from tests.corpus.cases import CASES
from tests.shared import shared_case
from tests.unit.tabular.fixes import ANOTHER_FILE, ELSEWHERE, FIXES, NOTHING_TO_DO, Said, Upload

MAX_STEPS: Final = 6
"""Faults that hide behind one another are fixed one at a time."""

NO_FIX: Final[dict[str, str]] = {
    "prose": "it is a text, with no columns that could be separated",
    "json-array": "JSON is exported again as CSV",
    "json-lines": "JSON is exported again as CSV",
    "xml": "XML is exported again as CSV",
    "html-page": "it is a page for browsers",
}
"""Cases whose advice no function can follow, with the reason."""


def judged(upload: Upload, case: Case, folder: Path) -> TableReport:
    path = folder / case.file_name
    path.write_bytes(upload.data)
    options: dict[str, Any] = {} if case.max_bytes is None else {"max_bytes": case.max_bytes}
    return validate_table(
        path,
        name=path.name,
        config=DatasetConfig.model_validate(dict(upload.config)),
        default_target=upload.default_target,
        out=folder / "out",
        **options,
    )


def told(report: TableReport) -> list[Rule]:
    """The rules that are to be fixed, in the report's order: what refuses the file first."""
    rules = [Rule(rule) for rule in report.rules]
    if report.verdict == "accepted":
        rules = [finding.rule for finding in report.findings]
    return [rule for rule in rules if rule not in NOTHING_TO_DO or rule in FIXES]


def needs_another_file(case: Case) -> bool:
    return case.name in NO_FIX or any(rule in ANOTHER_FILE for rule in case.rules)


WALKED: Final = [case for case in CASES if case.all_rules - NOTHING_TO_DO and not needs_another_file(case)]


@pytest.mark.longer
@pytest.mark.parametrize("case", WALKED, ids=lambda case: case.name)
def test_a_file_that_is_changed_as_the_advice_says_is_accepted(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.max_rows is not None:
        monkeypatch.setattr("tabular.validate.MAX_ROWS", case.max_rows)
    upload = Upload(case.data, case.config, case.default_target)
    report = judged(upload, case, tmp_path)
    followed: list[str] = []
    for _ in range(MAX_STEPS):
        rules = told(report)
        if not rules:
            break
        rule = rules[0]
        assert rule in FIXES, f"no fix is known for {rule}: add one to tests/unit/tabular/fixes.py"
        finding = next(finding for finding in report.findings if finding.rule == rule)
        upload = FIXES[rule](upload, Said(report, finding, tmp_path / "out" / "rejected_rows.csv"))
        report = judged(upload, case, tmp_path)
        followed.append(rule)
    assert report.verdict == "accepted", (followed, report.reasons)
    assert not told(report), (followed, report.warnings)


BESIDE: Final = {
    "leak_many_to_one": "happy",
    "leak_almost_a_copy": "card_granted",
    "index_shuffled": "class",
    "group_numeric_id": "failed",
    "rank_singletons": "survived",
    "rare_class": "target",
    "weak_signal_cutoff": "bought",
    "small_stratified": "label",
    "two_columns_text": "label",
    "text_with_duplicates": "label",
    "time_of_day": "label",
    "units": "label",
    "month_year": "label",
    "mmddyyyy_integers": "label",
    "dd_mon_yy": "label",
    "many_text_labels": "director",
    "no_header": None,
    "title_row": "label",
    "tiny_class": "grade",
    "contract_month_1": "label",
    "contract_month_2": "label",
    "categories_in_two_cases": "label",
    "leading_zeros": "label",
}
"""Files of ../shared/cases, and their targets."""


@pytest.mark.longer
@pytest.mark.parametrize("name", BESIDE)
def test_a_file_beside_the_repository_is_accepted_as_well(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = BESIDE[name]
    config = {} if target is None else {"target": target}
    case = Case(name, "beside", "a sample of its kind", shared_case(f"{name}.csv").read_bytes(), config=config)
    test_a_file_that_is_changed_as_the_advice_says_is_accepted(case, tmp_path, monkeypatch)


def test_every_rule_has_a_fix_or_the_reason_why_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    without = {**ANOTHER_FILE, **ELSEWHERE}
    covered = {*FIXES, *NOTHING_TO_DO, *without}
    missing = sorted(set(Rule) - covered)
    with capsys.disabled():
        for rule, reason in ANOTHER_FILE.items():
            print(f"\nno fix is tried for {rule}: {reason}", end="")
    assert not missing, f"tests/unit/tabular/fixes.py knows no fix for {', '.join(missing)}"


def test_a_fix_that_does_nothing_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in WALKED if case.name == "many-ragged-rows")
    monkeypatch.setitem(FIXES, Rule.TOO_MANY_REJECTED, lambda upload, _: upload)
    with pytest.raises(AssertionError, match="too_many_rejected"):
        test_a_file_that_is_changed_as_the_advice_says_is_accepted(case, tmp_path, monkeypatch)
