"""Columns that move on by nature: recognised in a first file, and in later ones held to how far they move."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.contract import ColumnTerms, Contract, Plan
from tests.search import examples
from tests.shared import shared_case, shared_table
from tests.unit.tabular.test_contract_profile import first, later, rules, validated

EPOCH: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001
START: Final = datetime.datetime(2024, 1, 1)  # noqa: DTZ001

type Make = Callable[[int, int], str]
"""A cell of the file of a month (from 0), by the row of that file."""


def moment(month: int, row: int) -> datetime.datetime:
    return START + datetime.timedelta(days=30 * month, minutes=143 * row)


def epoch(scale: int) -> Make:
    return lambda month, row: str(int((moment(month, row) - EPOCH).total_seconds() * scale))


def dated(form: str) -> Make:
    return lambda month, row: moment(month, row).strftime(form)


CALENDAR: Final[dict[str, tuple[str, Make]]] = {
    "seconds": ("t", epoch(1)),
    "milliseconds": ("t", epoch(1000)),
    "microseconds": ("created", epoch(1_000_000)),
    "dates": ("when", dated("%Y-%m-%d")),
    "times": ("when", dated("%Y-%m-%dT%H:%M:%S")),
    "years": ("Jahr", lambda month, row: str(2024 + month // 4 + row % 2)),
    "months as digits": ("yearMonth", lambda month, row: f"{2024 + month // 6}{1 + 2 * (month % 6) + row % 2:02d}"),
}
COUNTERS: Final[dict[str, tuple[str, Make]]] = {
    "counter": ("n_seen", lambda month, row: str(50_000 + 300 * month * 2 + 2 * row + row * row % 2)),
    "invoice": ("invoice_no", lambda month, row: str(7_000 + 100 * month + row // 3)),
    "numbers of cases in any order": ("case", lambda month, row: str(9_000 + 600 * month + row * 211 % 593)),
}
CYCLES: Final[dict[str, tuple[str, Make]]] = {
    "months": ("month", lambda month, row: str(1 + (2 * month + row % 2) % 12)),
    "quarters": ("Quartal", lambda month, row: str(1 + (month + row % 2) % 4)),
    "weekdays": ("day_of_week", lambda month, row: str((2 * month + row % 2) % 7)),
    "names of months": ("m", lambda month, row: ("Jan", "Feb", "Mar", "Apr", "May", "Jun")[(2 * month + row % 2) % 6]),
    "days in German": (
        "Tag",
        lambda month, row: ("Montag", "Dienstag", "Mittwoch", "Samstag")[(2 * month + row % 2) % 4],
    ),
}


def file(name: str, make: Make, month: int, rows: int = 300, shuffled: random.Random | None = None) -> str:
    amounts = random.Random(month)  # noqa: S311 - a table, no secret
    lines = [f"{make(month, row)},{amounts.gauss(50, 15):.2f},{'ab'[amounts.random() < 0.4]}" for row in range(rows)]
    if shuffled:
        shuffled.shuffle(lines)
    return "\n".join([f"{name},amount,label", *lines]) + "\n"


def terms(made: Contract, name: str) -> ColumnTerms:
    (found,) = (column for column in made.columns or () if column.name == name)
    return found


def test_the_second_month_keeps_the_contract_of_the_first() -> None:
    made = first(shared_case("contract_month_1.csv"))
    assert terms(made, "month") == ColumnTerms(name="month", kind="number", used=False)
    assert terms(made, "created_epoch").moves == "calendar"
    assert terms(made, "customer").bins is not None
    assert terms(made, "amount").bins is not None
    report = later(shared_case("contract_month_2.csv"), made)
    assert report.verdict == "accepted"
    assert rules(report) == set()


COUNTED: Final = tuple(name for name, _ in COUNTERS.values())
"""Used only if `keep` lists them: they are indexes otherwise, and what no model uses is held to its kind alone."""


@pytest.mark.longer
@pytest.mark.parametrize(
    ("moves", "name", "make"),
    [
        *(("calendar", *one) for one in CALENDAR.values()),
        *(("counter", *one) for one in COUNTERS.values()),
        *(("cycle", *one) for one in CYCLES.values()),
    ],
    ids=[*CALENDAR, *COUNTERS, *CYCLES],
)
def test_what_moves_on_keeps_its_contract_month_after_month(moves: str, name: str, make: Make) -> None:
    keep = [name] if name in COUNTED else []
    made = first(file(name, make, 0), keep=keep)
    found = terms(made, name)
    assert (found.moves, found.bins, found.levels) == (moves, None, None)
    assert terms(made, "amount").bins is not None
    for month in (1, 2, 5):
        assert rules(later(file(name, make, month), made, keep=keep)) == set(), month


@pytest.mark.parametrize("kind", ["seconds", "milliseconds", "dates", "numbers of cases in any order", "months"])
@given(st.randoms(use_true_random=False), st.integers(150, 400))
@settings(max_examples=examples(3), deadline=None)
def test_what_moves_on_is_recognised_in_rows_of_any_order(kind: str, shuffled: random.Random, rows: int) -> None:
    name, make = {**CALENDAR, **COUNTERS, **CYCLES}[kind]
    found = terms(first(file(name, make, 0, rows, shuffled), keep=[name] if name in COUNTED else []), name)
    assert found.moves == ("counter" if kind in COUNTERS else "cycle" if kind in CYCLES else "calendar")


QUANTITIES: Final[dict[str, tuple[str, Make]]] = {
    "amount in cents": ("cents", lambda _, row: str(int(random.Random(row).gauss(60_000, 9_000)))),  # noqa: S311
    "age": ("age", lambda _, row: str(20 + row * 7 % 50)),
    "calories": ("calories", lambda _, row: str(1_900 + row * 37 % 190)),
    "months of tenure": ("months_since_start", lambda _, row: str(1 + row * 7 % 12)),
    "calls per day": ("calls_per_day", lambda _, row: str(1 + row * 7 % 30)),
    "customers that come again": ("customer", lambda _, row: str(1 + row * row % 97)),
    "sorted prices": ("price", lambda _, row: str(int(2.0 ** (5 + row / 30) * 100))),
    "a word": ("word", lambda _, row: ("may", "can", "will")[row % 3]),
    "coordinates": ("x", lambda _, row: f"{1.0 + row * 0.001:.3f}"),
}


@pytest.mark.parametrize("kind", QUANTITIES)
def test_quantities_and_categories_do_not_move_on(kind: str) -> None:
    name, make = QUANTITIES[kind]
    found = terms(first(file(name, make, 0)), name)
    assert found.moves is None
    assert found.bins is not None or found.levels is not None


def test_the_column_that_the_split_goes_by_moves_on() -> None:
    text = file("step", lambda _, row: f"{row * 7919 % 300 / 7:.4f}", 0)
    assert terms(first(text), "step").moves is None
    assert terms(first(text, split={"by_time": "step"}), "step").moves == "counter"


def held(**changes: Any) -> Contract:
    return Contract(columns=(ColumnTerms(name="t", **changes), ColumnTerms(name="amount"), ColumnTerms(name="label")))


def test_an_older_export_is_a_warning() -> None:
    made = first(file("t", epoch(1), 3))
    report = later(file("t", epoch(1), 1), made)
    assert report.verdict == "accepted"
    assert rules(report) == {("moved_back", "warning", "t")}
    (said,) = [one for one in report.warnings if "older export" in one]
    assert "They begin 2.02 widths of that range before it" in said


def test_another_unit_of_time_refuses_the_file() -> None:
    report = later(file("t", epoch(1000), 1), first(file("t", epoch(1), 0)))
    assert rules(report) == {("kind", "error", "t")}
    assert report.reasons[0].startswith(
        "table.csv, column `t`: its values count milliseconds since 1970; in contract version 1 they count seconds "
        "since 1970. Write its values as before"
    )


def test_a_mistyped_year_is_a_warning_and_a_number_out_of_all_bounds_refuses_the_file() -> None:
    made = first(file("when", dated("%Y-%m-%d"), 0))
    mistyped = file("when", lambda month, row: "2204-02-01" if row == 7 else dated("%Y-%m-%d")(month, row), 1)
    report = later(mistyped, made)
    assert rules(report) == {("jumped", "warning", "when")}
    assert (
        "from 2024-01-31 to 2204-02-01; in contract version 1 they go from 2024-01-01 to 2024-01-30"
        in (report.warnings[0])
    )
    counted = first(file("n", COUNTERS["counter"][1], 0), keep=["n"])
    beyond = file("n", lambda _, row: str(10**12 + row), 1)
    assert rules(later(beyond, counted, keep=["n"])) == {("jumped", "error", "n")}
    reset, made_again = validated(beyond, Plan(makes=2), contract="reset")
    assert reset.verdict == "accepted", "what the sentence says to do"
    assert made_again is not None


def test_a_person_sets_and_removes_how_a_column_moves() -> None:
    text = file("t", lambda month, row: f"{100 * month + row * 7 % 50}.5", 2)
    bins = {"edges": (10.0,), "shares": (0.2, 0.8)}
    drifted = held(kind="number", minimum=0.0, maximum=50.0, bins=bins)
    assert {rule for rule, *_ in rules(later(text, drifted))} >= {"psi"}
    moving = held(kind="number", minimum=0.0, maximum=50.0, bins=bins, moves="counter")
    assert rules(later(text, moving)) == set()
    by_rule = later(text, moving, contract={"rules": {"jumped": {"warn": 1, "error": 2}}})
    assert rules(by_rule) == {("jumped", "error", "t")}


def test_a_month_beyond_the_year_breaks_the_range_as_the_rule_says() -> None:
    made = first(file("month", CYCLES["months"][1], 0))
    assert (terms(made, "month").minimum, terms(made, "month").maximum) == (1, 12)
    assert rules(later(file("month", lambda _, row: str(1 + row % 40), 1), made)) == {("range", "warning", "month")}


@pytest.mark.longer
@pytest.mark.parametrize(
    ("name", "target", "drop", "moving"),
    [
        ("adult.csv", "income", (), set()),
        ("telco-customer-churn.csv", "Churn", (), set()),
        ("tables/taxis_pay.csv", "payment", ("tip", "total"), {"pickup", "dropoff"}),
        ("tables/bank_churn.csv", "Exited", (), {"RowNumber"}),
        ("tables/diamonds_cut.csv", "cut", (), set()),
        ("tables/haberman.csv", "label", (), set()),
        ("tables/mushrooms.csv", "type", (), set()),
        ("tables/soybean.csv", "Class", (), set()),
        ("tables/vehicle.csv", "Class", (), set()),
        ("tables/letter.csv", "lettr", (), set()),
        ("tables/oil.csv", "label", (), set()),
    ],
)
def test_of_real_tables_only_the_times_move_on(
    tmp_path: Path, name: str, target: str, drop: tuple[str, ...], moving: set[str]
) -> None:
    lines = shared_table(name).read_text(encoding="utf-8").splitlines()
    step = max(1, len(lines) // 4000)
    path = tmp_path / "table.csv"
    path.write_text("\n".join([lines[0], *lines[1::step]]) + "\n", encoding="utf-8")
    made = first(path, target=target, drop=drop, keep=sorted(moving))
    assert {column.name for column in made.columns or () if column.moves} == moving
