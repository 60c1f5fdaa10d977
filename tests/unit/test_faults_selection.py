"""Which cases a run of CI tries: every case comes round, a commit always tries the same, and what changed is tried."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.selection import MAX_TOUCHED_SHARE, QUARTERS, select, touched_functions

CASES = [("RecordOutcome" if number % 10 == 0 else "ValidateData", f"case {number}") for number in range(200)]


def test_the_quarters_have_every_case_once() -> None:
    quarters = [select(CASES, f"{number:040x}", ()).chosen for number in range(QUARTERS)]
    assert sorted(number for quarter in quarters for number in quarter) == list(range(len(CASES)))
    assert all(30 <= len(quarter) <= 70 for quarter in quarters)


@given(st.integers(0, 2**160 - 1))
def test_every_case_of_a_touched_function_is_tried_if_they_are_few(commit: int) -> None:
    found = select(CASES, f"{commit:040x}", {"RecordOutcome"})
    assert {number for number, (function, _) in enumerate(CASES) if function == "RecordOutcome"} <= found.chosen
    assert found.left_out == 0


def test_of_too_many_touched_cases_a_part_is_tried_and_the_rest_is_told() -> None:
    found = select(CASES, "a" * 40, {"RecordOutcome", "ValidateData"})
    assert found.touched == MAX_TOUCHED_SHARE * len(CASES)
    assert len(found.chosen) + found.left_out == len(CASES)
    assert f"{found.left_out} more are left out" in str(found)
    assert select(CASES, "a" * 40, {"RecordOutcome", "ValidateData"}) == found, "a commit always tries the same"


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
