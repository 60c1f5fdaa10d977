"""Real tables have no quantity, code or spelling that is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from sluice.dataset.recipe import NumberColumn
from tests.shared import shared_table
from tests.unit.tabular.conftest import Judge

ROWS: Final = 1_500
RULES: Final = {"number_as_text", "number_notation", "number_ranges", "leading_zeros", "spellings"}
SAID: Final = {"breast_cancer": {"number_ranges"}, "income9": {"number_ranges"}}
"""Bands of age, of sizes and of years."""
NAMES: Final = (
    "adult", "telco-customer-churn", "bank_churn", "breast_cancer", "diamonds_cut", "glass", "haberman", "income9",
    "ionosphere", "letter", "mammography", "mushrooms", "oil", "phoneme", "pima", "sonar", "soybean", "spam",
    "taxis_pay", "vehicle", "wine", "winequality",
)  # fmt: skip
TARGETS: Final = {"adult": {"target": "income"}, "telco-customer-churn": {"target": "Churn"}}


@pytest.mark.longer
@pytest.mark.parametrize("name", NAMES)
def test_a_real_table_is_read_as_before(judge: Judge, tmp_path: Path, name: str) -> None:
    path = shared_table(f"{name}.csv" if name in TARGETS else f"tables/{name}.csv")
    told = TARGETS.get(name) or json.loads(shared_table("tables/tables.json").read_text(encoding="utf-8"))[name]
    sample = tmp_path / "sample.csv"
    sample.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[: ROWS + 1]))
    judged = judge(sample, target=told["target"])
    assert judged.report.rows.received > 0
    said = {finding.rule.value for finding in judged.report.findings}
    assert said & RULES == SAID.get(name, set())
    if judged.report.verdict == "accepted":
        assert not [c.name for c in judged.recipe.columns if isinstance(c, NumberColumn) and c.form is not None]
        assert judged.report.rows.rejected == 0
