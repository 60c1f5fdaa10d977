"""What SQL counts of a file for its contract, and files that are compared with one."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import ColumnTerms, Contract, Plan, parse_contract
from tabular import TableReport, validate_table
from tests.search import examples
from tests.shared import shared_table
from tests.unit.tabular.conftest import HEADER, data_rows, table


def validated(text: str | Path, plan: Plan, **config: Any) -> tuple[TableReport, Contract | None]:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_text(text.read_text() if isinstance(text, Path) else text)
        parsed = DatasetConfig.model_validate(config)
        report = validate_table(path, name="table.csv", config=parsed, default_target=None, out=out, contract=plan)
        made = out / "contract.json"
        return report, parse_contract(made.read_text(), "contract.json") if made.exists() else None


def first(text: str | Path, **config: Any) -> Contract:
    report, made = validated(text, Plan(makes=1, run_id="a" * 12), **config)
    assert report.verdict == "accepted", report.reasons
    assert report.contract is not None
    assert report.contract.made
    assert made is not None
    return made


def later(text: str | Path, held: Contract, **config: Any) -> TableReport:
    report, made = validated(text, Plan(held=held), **config)
    assert made is None
    return report


def rules(report: TableReport) -> set[tuple[str, str, str | None]]:
    assert report.contract is not None
    return {(one.rule, one.severity, one.column) for one in report.contract.breaches}


ROWS = [
    f"{i % 40},{'Oslo' if i % 4 else 'Rome'},{'' if i % 5 == 0 else 'x y'[i % 3]},{'Yes' if i % 2 else 'no'},"
    f"2026-01-{1 + i % 28:02},u{i * 7919 % 10007},{'b' if i % 3 else 'a'}"
    for i in range(200)
]
TYPED = "\n".join(["age,city,note,member,since,user,label", *ROWS]) + "\n"


def test_the_first_file_makes_a_contract_of_what_it_holds() -> None:
    made = first(TYPED)
    columns = {terms.name: terms for terms in made.columns or ()}
    assert (made.version, made.run_id, made.rows) == (1, "a" * 12, 200)
    assert list(columns) == ["age", "city", "note", "member", "since", "user", "label"]
    assert made.target is not None
    assert made.target.classes == {"b": 133 / 200, "a": 67 / 200}
    age = columns["age"]
    assert (age.kind, age.nullable, age.minimum, age.maximum) == ("number", False, 0, 39)
    assert age.bins is not None
    assert age.bins.edges == (3, 7, 11, 15, 19, 23, 27, 31, 35)
    assert age.bins.shares == (0.1,) * 10
    assert columns["city"].levels == {"Oslo": 0.75, "Rome": 0.25}
    assert columns["note"].nullable
    assert columns["note"].missing_share == pytest.approx(0.2 + 0.8 / 3, abs=0.01)
    assert columns["member"].levels == {"no": 0.5, "yes": 0.5}
    assert (columns["since"].kind, columns["since"].bins, columns["since"].levels) == ("date", None, None)
    assert (columns["user"].kind, columns["user"].levels) == ("text", None)


def test_identifiers_and_dropped_columns_are_not_described() -> None:
    text = "\n".join(["id,secret,x,label", *(f"{1000 + i},{i},{i % 7}.5,{'ab'[i % 2]}" for i in range(80))])
    columns = {terms.name: terms for terms in first(text, drop=["secret"]).columns or ()}
    assert "secret" not in columns
    assert (columns["id"].kind, columns["id"].bins, columns["id"].maximum) == ("number", None, None)
    assert columns["x"].bins is not None


def test_rows_that_were_set_aside_do_not_count() -> None:
    rows = [f"{i % 40},{'ab'[i % 2]}" for i in range(300)]
    made = first("\n".join(["age,label", *rows, "oops,a", "9999,"]))
    (age, _) = made.columns or ()
    assert (made.rows, age.maximum, age.nullable) == (300, 39, False)


def test_bins_hold_ties_and_extreme_numbers() -> None:
    values = [0.0] * 150 + [1e-300, -2.5e30, 1e16, 12345678901234567.0] * 20
    text = "\n".join(["x,n,label", *(f"{value!r},{i * 0.37:.2f},{'ab'[i % 2]}" for i, value in enumerate(values))])
    made = first(text)
    (x, _, _) = made.columns or ()
    assert x.bins is not None
    assert sum(x.bins.shares) == pytest.approx(1)
    expected = [
        sum(low < value <= high for value in values) / len(values)
        for low, high in zip((float("-inf"), *x.bins.edges), (*x.bins.edges, float("inf")), strict=True)
    ]
    assert x.bins.shares == pytest.approx(expected)
    assert rules(later(text, made)) == set()


def test_large_files_are_sampled_for_edges_and_counted_for_shares() -> None:
    numbers = random.Random(1)  # noqa: S311
    rows = [f"{numbers.gauss(0, 1):.5f},{'ab'[i % 2]}" for i in range(45_000)]
    text = "\n".join(["x,label", *rows])
    made = first(text)
    (x, _) = made.columns or ()
    assert x.bins is not None
    assert x.bins.shares == pytest.approx([0.1] * 10, abs=0.01)
    assert rules(later(text, made)) == set()


def test_refusals_name_the_file_the_column_and_the_way_out() -> None:
    report = later(TYPED.replace("age,city", "Age,city"), first(TYPED))
    assert report.verdict == "rejected"
    assert report.reasons == (
        "table.csv, column `age`: it is absent; contract version 1 has it. The new column `Age` may be the same under "
        "another name. Add the column or give it its old name, or, if the change is intended, set `contract: reset` in "
        "config.yaml.",
    )
    assert report.rules == ("contract_missing_column",)
    assert rules(report) == {("missing_column", "error", "age"), ("new_column", "warning", "Age")}


def test_warnings_stand_in_the_report_of_an_accepted_file() -> None:
    text = "\n".join(["more,age,city,note,member,since,user,label", *(f"{i % 9},{row}" for i, row in enumerate(ROWS))])
    report = later(text, first(TYPED))
    assert report.verdict == "accepted"
    assert [one for one in report.warnings if "`more`" in one and "it is new" in one]
    assert report.contract is not None
    assert (report.contract.version, report.contract.made, report.contract.reordered) == (1, False, False)


def test_a_reset_is_told_to_be_taken_out_again() -> None:
    report, made = validated(TYPED, Plan(makes=5), contract="reset")
    assert made is not None
    assert made.version == 5
    assert any("`contract: reset`" in one and "version 5" in one for one in report.warnings)


def test_the_contract_is_named_where_the_file_is_refused_before() -> None:
    held = first(TYPED)
    for text in ("a\n1\n", table(data_rows(), HEADER.replace("label", "result"))):
        report = later(text, held)
        assert report.verdict == "rejected"
        assert report.contract is not None
        assert report.contract.version == 1


def test_without_a_plan_there_is_no_contract() -> None:
    report, made = validated(TYPED, Plan())
    assert (report.contract, made) == (None, None)


def test_levels_that_look_like_sql_are_counted() -> None:
    rows = [f"{['its', 'a;b', 'x--', '%']['0123'.index(str(i % 4))]},{i % 9},{'ab'[i % 2]}" for i in range(100)]
    text = "\n".join(["city,n,label", *(row.replace("its", "it's") for row in rows)])
    made = first(text)
    assert (made.columns or ())[0].levels == {"%": 0.25, "a;b": 0.25, "it's": 0.25, "x--": 0.25}
    assert rules(later(text, made)) == set()


@pytest.mark.parametrize(("name", "target"), [("adult.csv", "income"), ("telco-customer-churn.csv", "Churn")])
def test_halves_of_a_real_table_keep_each_others_contract(name: str, target: str) -> None:
    header, *rows = shared_table(name).read_text().splitlines()
    half = len(rows) // 2
    held = first("\n".join([header, *rows[:half]]), target=target)
    report = later("\n".join([header, *rows[half:]]), held, target=target)
    assert report.verdict == "accepted", report.reasons
    assert rules(report) == set()


# Properties over whole files.

KINDS: dict[str, list[str]] = {
    "number": [str(i) for i in range(30)],
    "fraction": [f"{i / 8}" for i in range(-12, 12)],
    "word": ["red", "blue", "it's green"],
    "flag": ["yes", "No", "no"],
    "date": ["2026-01-02", "2026-03-04T10:00", "2025-12-31"],
}


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=5))
    numbers = random.Random(draw(st.integers(0, 10_000)))  # noqa: S311
    blanks = [numbers.choice([0, 0, 0.3]) for _ in kinds]
    header = [f"{kind}_{i}" for i, kind in enumerate(kinds)]
    rows = [
        [
            "" if numbers.random() < blank else numbers.choice(KINDS[kind])
            for kind, blank in zip(kinds, blanks, strict=True)
        ]
        for _ in range(120)
    ]
    return [*header, "label"], [[*row, "ab"[i % 2]] for i, row in enumerate(rows)]


def csv_text(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(",".join(row) for row in [header, *rows]) + "\n"


@given(files(), st.randoms(use_true_random=False))
@settings(max_examples=examples(15), deadline=None)
def test_a_file_keeps_its_own_contract_with_rows_and_columns_shuffled(
    file: tuple[list[str], list[list[str]]], numbers: random.Random
) -> None:
    header, rows = file
    held = first(csv_text(header, rows))
    order = list(range(len(header)))
    numbers.shuffle(order)
    shuffled = [[row[i] for i in order] for row in rows]
    numbers.shuffle(shuffled)
    strict = {"rules": {"psi": {"warn": 0, "error": 0}, "unseen_levels": {"warn": 0, "error": 0}}}
    for text in (csv_text(header, rows), csv_text([header[i] for i in order], shuffled)):
        report = later(text, held, contract=strict)
        assert report.verdict == "accepted", report.reasons
        assert rules(report) == set()


BREAKS: dict[str, Any] = {
    "missing_column": None,
    "kind": lambda cell: "2026-05-05" if "-" not in cell[1:] else "7",
    "range": lambda cell: cell and str(float(cell) * 1000 + 1000),
    "unseen_levels": lambda cell: cell and "violet",
}


@given(files(), st.data())
@settings(max_examples=examples(15), deadline=None)
def test_one_break_in_a_file_is_always_reported(file: tuple[list[str], list[list[str]]], data: st.DataObject) -> None:
    header, rows = file
    held = first(csv_text(header, rows))
    at = data.draw(st.integers(0, len(header) - 2))
    numeric, word = header[at].startswith(("number", "fraction")), header[at].startswith("word")
    fitting = ["missing_column", "kind", *(["range"] if numeric else []), *(["unseen_levels"] if word else [])]
    rule = data.draw(st.sampled_from(fitting))
    if rule == "missing_column":
        text = csv_text([*header[:at], *header[at + 1 :]], [[*row[:at], *row[at + 1 :]] for row in rows])
    else:
        text = csv_text(header, [[*row[:at], BREAKS[rule](row[at]), *row[at + 1 :]] for row in rows])
    report = later(text, held)
    assert report.verdict == "rejected"
    assert (rule, "error", header[at]) in rules(report)


@pytest.mark.parametrize("left_out", ["constant", "leaking"])
def test_columns_that_no_model_uses_are_held_to_their_kind_alone(left_out: str) -> None:
    cells = [7 if left_out == "constant" else i % 2 for i in range(200)]
    made = first("\n".join(["x,n,label", *(f"{i * 31 % 97}.5,{cell},{'ab'[i % 2]}" for i, cell in enumerate(cells))]))
    (n,) = [column for column in made.columns or () if column.name == "n"]
    assert n == ColumnTerms(name="n", kind="number", used=False)
    other = [f"{i * 31 % 97}.5,{1000 + i if i % 3 else ''},{'ab'[i % 2]}" for i in range(200)]
    assert rules(later("\n".join(["x,n,label", *other]), made)) == set()
    words = [f"{i * 31 % 97}.5,w{i % 5},{'ab'[i % 2]}" for i in range(200)]
    assert rules(later("\n".join(["x,n,label", *words]), made)) == {("kind", "error", "n")}
    absent = later("\n".join(["x,label", *(f"{i * 31 % 97}.5,{'ab'[i % 2]}" for i in range(200))]), made)
    assert rules(absent) == {("missing_column", "warning", "n")}
    assert absent.verdict == "accepted"


def test_a_free_text_that_is_learned_from_is_held_to_its_kind_and_to_being_there() -> None:
    def rows(first_row: int) -> list[str]:
        numbers = range(first_row, first_row + 60)
        return [
            f"{i * 31 % 97}.5,It came in box {i} and it {'broke' if i % 2 else 'works'}.,{'ab'[i % 2]}" for i in numbers
        ]

    made = first("\n".join(["x,remark,label", *rows(0)]))
    (remark,) = [column for column in made.columns or () if column.name == "remark"]
    assert (remark.kind, remark.levels, remark.used) == ("text", None, None)
    assert rules(later("\n".join(["x,remark,label", *rows(500)]), made)) == set()
    absent = "\n".join(["x,label", *(f"{i * 31 % 97}.5,{'ab'[i % 2]}" for i in range(60))])
    assert rules(later(absent, made)) == {("missing_column", "error", "remark")}


def test_a_flag_that_was_constant_may_have_both_words_later() -> None:
    made = first("\n".join(["x,flag,label", *(f"{i * 31 % 97}.5,no,{'ab'[i % 2]}" for i in range(200))]))
    both = "\n".join(
        ["x,flag,label", *(f"{i * 31 % 97}.5,{'yes' if i % 3 else 'no'},{'ab'[i % 2]}" for i in range(200))]
    )
    assert rules(later(both, made)) == set()


def months(values: list[str]) -> str:
    return "\n".join(
        ["when,n,label", *(f"{values[i % len(values)]},{i * 37 % 101},{'yes' if i % 3 else 'no'}" for i in range(200))]
    )


@pytest.mark.parametrize(
    ("before", "now", "severity"),
    [
        (["12 kg", "15 kg", "9.5 kg"], ["12 kg", "17 kg", "8 kg"], "warning"),
        (["Jan 2026", "Feb 2026"], ["Mar 2026", "Apr 2026"], "warning"),
        (["red", "blue", "green"], ["12 kg", "17 kg", "8 kg"], "error"),
        (["red", "blue", "12 kg"], ["12 kg", "17 kg", "8 kg"], "error"),
        (None, ["12 kg", "17 kg", "8 kg"], "warning"),
    ],
)
def test_a_text_of_a_contract_of_the_first_format_may_be_read_as_a_number_or_a_date_since(
    before: list[str] | None, now: list[str], severity: str
) -> None:
    """An older release wrote such a contract: these texts were text to it."""
    made = first(months(["a", "b"]))
    levels = None if before is None else {level: 1 / len(before) for level in before}
    columns = tuple(
        ColumnTerms(name="when", kind="text", nullable=False, missing_share=0.0, levels=levels)
        if terms.name == "when"
        else terms
        for terms in made.columns or ()
    )
    older = made.model_copy(update={"schema_version": 1, "columns": columns})
    report = later(months(now), older)
    assert rules(report) == {("kind", severity, "when")}
    assert report.verdict == ("accepted" if severity == "warning" else "rejected")
    newer = later(months(now), made.model_copy(update={"columns": columns}))
    assert newer.verdict == "rejected", "since then a contract says what it read"
    assert rules(later(months(now), older, contract={"rules": {"kind": "ignore"}})) == set()
