"""Which cases a run of CI tries: every case comes round, a commit always tries the same, and what changed is tried."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.selection import QUARTERS, Tried, select, touched_functions

FUNCTIONS = ("RecordOutcome", *["ValidateData"] * 9)
CASES = [
    Tried(scenario, FUNCTIONS[number % 10], f"call {number}")
    for scenario in ("first", "better", "worse", "refused")
    for number in range(50)
]


def test_the_quarters_have_every_case_once() -> None:
    quarters = [select(CASES, f"{number:040x}", ()).chosen for number in range(QUARTERS)]
    assert sorted(number for quarter in quarters for number in quarter) == list(range(len(CASES)))
    assert all(30 <= len(quarter) <= 70 for quarter in quarters)


@given(st.integers(0, 2**160 - 1), st.sets(st.sampled_from(["RecordOutcome", "ValidateData"])))
def test_every_call_of_a_touched_function_is_tried_in_one_scenario(commit: int, touched: set[str]) -> None:
    found = select(CASES, f"{commit:040x}", touched)
    quarter = select(CASES, f"{commit:040x}", ()).chosen
    tried = [CASES[number] for number in found.chosen]
    assert {case.call for case in tried if case.function in touched} == {
        case.call for case in CASES if case.function in touched
    }
    beside = [CASES[number].call for number in found.chosen - quarter]
    assert len(beside) == len(set(beside)) == found.touched, "a call is added once"
    assert not {CASES[number].call for number in quarter} & set(beside), "and only if the quarter does not try it"
    assert select(CASES, f"{commit:040x}", touched) == found, "a commit always tries the same"


def test_other_commits_try_a_touched_call_in_other_scenarios() -> None:
    tried = {
        CASES[number].scenario
        for commit in range(100)
        for number in select(CASES, f"{commit:040x}", {"RecordOutcome"}).chosen
        if CASES[number].call == "call 10"
    }
    assert tried == {case.scenario for case in CASES}


def test_a_function_is_touched_by_its_handler_and_by_all_that_it_imports_but_what_most_share(tmp_path: Path) -> None:
    files = {
        "functions/claim_run/app.py": "from sluice.runs.aws.slots import take_slot\nfrom sluice.layout import uri",
        "functions/predict/app.py": "import json\nfrom sluice.layout import uri",
        "functions/reconcile/app.py": "from sluice.layout import uri",
        "layers/core/sluice/layout.py": "",
        "layers/core/sluice/runs/aws/slots.py": "from sluice.runs.limits import MAX_SLOTS",
        "layers/core/sluice/runs/limits.py": "MAX_SLOTS = 1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert touched_functions(["functions/predict/app.py", "README.md"], tmp_path) == {"Predict"}
    assert touched_functions(["layers/core/sluice/runs/aws/slots.py"], tmp_path) == {"ClaimRun"}
    assert touched_functions(["layers/core/sluice/runs/limits.py"], tmp_path) == {"ClaimRun"}, "imported by another"
    assert touched_functions(["layers/core/sluice/layout.py"], tmp_path) == frozenset(), "all functions have it"
