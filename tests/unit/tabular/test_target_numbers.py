"""A target of numbers: labels in full precision, a split without classes, and what the baseline predicts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pytest

from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import Plan, parse_contract
from tabular import TableReport, census, chunks, validate_table
from tabular.target_numbers import NumberSample
from tests.corpus.case import table, with_column
from tests.unit.tabular.conftest import Judge

REGRESSION: Final[dict[str, object]] = {"target": "price", "task": "regression"}


def prices(count: int, seed: int = 0) -> bytes:
    numbers = np.random.default_rng(seed).lognormal(3, 0.4, count)
    return with_column(lambda i: repr(float(numbers[i])), "price", count)


def test_labels_are_the_numbers_of_the_file_to_the_last_digit(judge: Judge) -> None:
    cells = ["0.1", "1e-30", "-7", "123456789.123456789", "2e30", "0", "1.0000000000000002", "3.3333333333333335"]
    judged = judge(with_column(lambda i: cells[i % 8], "price", 400), **REGRESSION)
    assert judged.report.verdict == "accepted", judged.report.reasons
    found = {float(row[0]) for row in judged.rows()}
    assert found == {float(cell) for cell in cells}
    assert (judged.report.task, judged.report.classes, judged.report.class_counts) == ("regression", (), {})
    assert judged.recipe.target.task == "regression"


def test_each_row_is_in_one_part_and_the_parts_have_their_shares(judge: Judge) -> None:
    judged = judge(prices(1000), **REGRESSION)
    rows = judged.report.rows
    assert (rows.train, rows.validation, rows.test) == (700, 150, 150)
    assert rows.accepted == 1000
    assert judged.report.split is not None
    assert judged.report.split.method == "random"


def test_equal_rows_stay_together_and_the_order_of_the_file_does_not_matter(judge: Judge) -> None:
    header, *lines = (prices(200).decode() + prices(200).decode().partition("\n")[2]).splitlines()
    parts = []
    for order in (lines, lines[::-1]):
        judged = judge("\n".join([header, *order, ""]), **REGRESSION)
        parts.append({name: sorted(map(tuple, judged.part(name))) for name in ("train", "validation", "test")})
        assert judged.report.target_numbers is not None
    assert parts[0] == parts[1]
    assert not {*parts[0]["train"]} & {*parts[0]["test"]}


def test_rows_of_a_group_stay_in_one_part(judge: Judge) -> None:
    judged = judge(prices(600), **REGRESSION, split={"group_by": "city"})
    rows = judged.report.rows
    assert (rows.train, rows.validation, rows.test) == (200, 200, 200), "a city each"


@pytest.mark.parametrize(
    "config",
    [
        {"target": "price", "task": "regression", "drop": ["g", "label"]},
        {"target": "label", "drop": ["price"], "split": {"group_by": "g"}},
    ],
    ids=["numbers", "groups"],
)
def test_a_large_table_of_one_stratum_is_split_chunk_by_chunk(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, config: dict[str, object]
) -> None:
    """Beyond so many different rows, or groups, those of later chunks have their part at once. Polars filters frames of
    about 20,000 rows in pieces, which an expression of one row breaks."""
    monkeypatch.setattr(chunks, "_CHUNK_BYTES", 1 << 19)
    monkeypatch.setattr(census, "MAX_RANKED", 300)
    draws = np.random.default_rng(2).normal(size=(240_000, 2))
    lines = [f"{x:.4f},{i},{y:.4f},{int(y > 0)}" for i, (x, y) in enumerate(draws.tolist())]
    judged = judge("\n".join(["x,g,price,label", *lines, ""]), **config)
    assert judged.report.verdict == "accepted", judged.report.reasons
    rows = judged.report.rows
    assert rows.train + rows.validation + rows.test == 240_000
    assert rows.test == pytest.approx(36_000, rel=0.05)


def test_the_latest_rows_are_the_test_part(judge: Judge) -> None:
    header, *lines = prices(400).decode().splitlines()
    days = [f"2026-{1 + i // 28 % 12:02d}-{1 + i % 28:02d}" for i in range(336)]
    dated = "\n".join([f"{header},sold", *(f"{line},{day}" for line, day in zip(lines, days, strict=False)), ""])
    judged = judge(dated, **REGRESSION, split={"by_time": "sold"})
    assert judged.report.verdict == "accepted", judged.report.reasons
    days_of = {name: {float(row[-1]) for row in judged.part(name)} for name in ("train", "validation", "test")}
    assert max(days_of["train"]) < min(days_of["validation"])
    assert max(days_of["validation"]) < min(days_of["test"])
    assert judged.report.target_numbers is not None


def test_the_baseline_has_the_mean_and_the_quantiles_of_the_training_part(judge: Judge) -> None:
    judged = judge(prices(1000), **REGRESSION, predictions={"coverage": 0.8})
    train = np.array([float(row[0]) for row in judged.part("train")])
    found = judged.report.target_numbers
    assert found is not None
    assert found.mean == pytest.approx(train.mean())
    assert found.deviation == pytest.approx(train.std())
    assert (found.low, found.median, found.high) == pytest.approx(tuple(np.quantile(train, [0.1, 0.5, 0.9])))
    assert (found.minimum, found.maximum) == (train.min(), train.max())


def test_a_sample_of_very_many_rows_does_not_depend_on_their_order_and_is_like_all_of_them() -> None:
    rng = np.random.default_rng(0)
    rows = pl.DataFrame({"u": rng.integers(0, 1 << 52, 20_000, np.uint64), "y": rng.lognormal(0, 1, 20_000)})
    described = []
    for order in (rows, rows.reverse()):
        sample = NumberSample(max_rows=3000)
        for start in range(0, rows.height, 700):
            sample.add(order.slice(start, 700))
        assert 1000 < sample.numbers().len() <= 3000
        described.append(sample.described(0.9))
    one, other = described
    assert (one.median, one.low, one.high) == (other.median, other.low, other.high)
    assert one.mean == pytest.approx(float(rows["y"].mean()))  # type: ignore[arg-type]
    assert one.deviation == pytest.approx(float(rows["y"].std(ddof=0)))  # type: ignore[arg-type]
    assert one.median == pytest.approx(1, abs=4 * 1.25 / math.sqrt(1000))


def held_to(contract: str, content: bytes, folder: Path, **config: object) -> TableReport:
    """The report on a file that is compared with a contract."""
    (folder / "next.csv").write_bytes(content)
    return validate_table(
        folder / "next.csv",
        name="next.csv",
        config=DatasetConfig.model_validate(config),
        default_target=None,
        out=folder / "next",
        contract=Plan(held=parse_contract(contract, "contract.json")),
    )


def test_the_contract_holds_the_range_and_the_distribution_of_the_numbers(judge: Judge, tmp_path: Path) -> None:
    text = (judge(prices(1000), **REGRESSION).out / "contract.json").read_text()
    terms = next(column for column in json.loads(text)["columns"] if column["name"] == "price")
    assert terms["kind"] == "number"
    assert len(terms["bins"]["shares"]) == 10
    assert held_to(text, prices(1000, seed=1), tmp_path, **REGRESSION).verdict == "accepted"
    cents = with_column(lambda i: repr(2000 + 37.0 * i), "price", 1000)
    moved = held_to(text, cents, tmp_path, **REGRESSION)
    assert moved.verdict == "rejected"
    assert {"contract_range", "contract_psi"} <= {found.rule for found in moved.findings if found.column == "price"}


def test_a_contract_of_classes_refuses_numbers(judge: Judge, tmp_path: Path) -> None:
    text = (judge(with_column(lambda i: str(i % 3), "price", 300), target="price").out / "contract.json").read_text()
    report = held_to(text, prices(300), tmp_path, **REGRESSION)
    assert report.rules == ("contract_target",)
    assert "it is a number now" in report.reasons[0]


NOISY = np.random.default_rng(4).normal(0, 1, 1000)


@pytest.mark.parametrize(
    ("cell", "rules"),
    [
        (lambda y, i: math.log(y), ["leakage"]),
        (lambda y, i: -3 * y, ["leakage"]),
        (lambda y, i: y * (1 + 0.1 * NOISY[i]), []),
        (lambda y, i: NOISY[i], []),
    ],
    ids=["logarithm", "falling", "with noise", "of nothing"],
)
def test_a_column_in_whose_order_the_target_is_gives_it_away(
    judge: Judge, cell: Callable[[float, int], float], rules: list[str]
) -> None:
    y = np.random.default_rng(0).lognormal(3, 0.4, 1000)
    header, *lines = prices(1000).decode().splitlines()
    told = "\n".join(
        [f"{header},told", *(f"{line},{float(cell(float(y[i]), i))!r}" for i, line in enumerate(lines)), ""]
    )
    refused = judge(told, **REGRESSION).report
    assert [*refused.rules] == rules
    if rules:
        assert "drop: [told]" in refused.reasons[0]
        allowed = judge(told, **REGRESSION, leaks={"allow": ["told"]}).report
        assert (allowed.verdict, allowed.warnings) == ("accepted", ())
        warned = judge(told, **REGRESSION, leaks="warn").report
        assert [finding.rule for finding in warned.findings] == rules


def _day(number: float) -> str:
    return (date(1990, 1, 1) + timedelta(days=round(number))).isoformat()


@pytest.mark.parametrize(
    ("cell", "rules"),
    [
        (lambda y, i: _day(10 * y), ["leakage"]),
        (lambda y, i: _day(9000 - 10 * y), ["leakage"]),
        (lambda y, i: _day(10 * y + 300 * NOISY[i]), []),
        (lambda y, i: f"model {y * 7919 % 1009}", ["leakage"]),
        (lambda y, i: f"band {y // 5}", ["leakage"]),
        (lambda y, i: f"band {y // 100}", []),
        (lambda y, i: f"model {i % 40}", []),
    ],
    ids=["date", "falling date", "date with noise", "text", "narrow band", "wide band", "text of nothing"],
)
def test_dates_and_texts_give_a_number_away_too(
    judge: Judge, cell: Callable[[int, int], str], rules: list[str]
) -> None:
    y = np.random.default_rng(2).integers(100, 400, 1000).tolist()
    lines = [f"{NOISY[i]:.6f},{cell(y[i], i)},{y[i]}" for i in range(1000)]
    report = judge("\n".join(["size,told,price", *lines, ""]), target="price", task="regression").report
    assert [finding.rule for finding in report.findings] == rules, report.findings
    assert {finding.column for finding in report.findings} <= {"told"}


def test_a_text_of_which_most_rows_have_their_own_tells_nothing(judge: Judge) -> None:
    """A hundred rows stand twice but for a column: equal rows have equal numbers."""
    y = np.random.default_rng(3).integers(10, 10**6, 600).tolist()
    lines = [
        f"street {y[i] % 997} {i // 2 if i < 200 else i},{i % 7},{y[i // 2 if i < 200 else i]}" for i in range(600)
    ]
    report = judge("\n".join(["told,size,price", *lines, ""]), target="price", task="regression").report
    assert [finding.rule for finding in report.findings if finding.rule == "leakage"] == []


@pytest.mark.parametrize(
    "config",
    [
        {"positive": "yes"},
        {"cutoff": {"policy": "fixed"}},
        {"costs": {"false_positive": 2}},
        {"classes": {"drop": ["a"]}},
        {"facets": [{"column": "city", "group": ["Oslo"]}]},
        {"gates": {"log_loss": {"max": 1}}},
        {"training": {"preset": "tutorial"}},
    ],
    ids=lambda config: next(iter(config)),
)
def test_what_is_of_classes_alone_is_refused_beside_regression(judge: Judge, config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is for a target of classes"):
        judge(table(), target="score", task="regression", **config)


def test_gates_of_numbers_are_refused_beside_classes(judge: Judge) -> None:
    with pytest.raises(ValueError, match=r"`gates.rmse` is for a target of numbers: `task: regression`"):
        judge(table(), target="label", gates={"rmse": {"max": 1}})
