"""Indexes and identifiers are told from quantities, whatever they are called and however the rows are ordered."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.findings import Rule
from tabular.identifier_names import strength
from tabular.identifiers import log_chance_all_different
from tabular.sharing import shared
from tests.search import examples
from tests.shared import SHARED, shared_case, shared_table
from tests.unit.tabular.conftest import Judge

NEW_RULES: Final = {
    Rule.ROW_INDEX,
    Rule.IDENTIFIER,
    Rule.LABEL_SHARED,
    Rule.LABEL_BY_IDENTIFIER,
    Rule.UNNAMED_COLUMN,
    Rule.HEADER_BLANK,
}

type Check = Callable[..., TableReport]

siblings = settings(
    max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """The report on columns of a table, by name and in their order."""

    def checked(columns: Sequence[tuple[str, Sequence[Any]]], **config: Any) -> TableReport:
        header = ",".join(name for name, _ in columns)
        lines = [",".join(map(str, row)) for row in zip(*(cells for _, cells in columns), strict=True)]
        path = tmp_path / "table.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        parsed = DatasetConfig.model_validate(config)
        return validate_table(path, name=path.name, config=parsed, default_target=None, out=tmp_path / "out")

    return checked


def noise(rows: int, seed: int) -> list[tuple[str, list[Any]]]:
    """Columns that say little, and a label that chance made."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    return [
        ("temperature", [f"{chance.gauss(20, 5):.3f}" for _ in range(rows)]),
        ("colour", [chance.choice("rgb") for _ in range(rows)]),
        ("label", [chance.choice(("no", "no", "yes")) for _ in range(rows)]),
    ]


def use_of(report: TableReport, name: str) -> str | None:
    (column,) = [column for column in report.columns if column.name == name]
    return column.use


def rules(report: TableReport) -> set[Rule]:
    return {finding.rule for finding in report.findings} & NEW_RULES


def found(report: TableReport, rule: Rule) -> list[str | None]:
    return [finding.column for finding in report.findings if finding.rule is rule]


# Indexes.


def test_the_shuffled_index_of_the_case_is_left_out_with_a_warning(judge: Judge) -> None:
    judged = judge(shared_case("index_shuffled.csv"), target="class")
    assert judged.report.verdict == "accepted"
    assert use_of(judged.report, "Unnamed: 0") == "dropped"
    assert found(judged.report, Rule.ROW_INDEX) == ["Unnamed: 0"]


@siblings
@given(
    rows=st.integers(60, 400),
    first=st.sampled_from([0, 1, 1000]),
    name=st.sampled_from(["Unnamed: 0", "index", "x", "Zeile", "колонка", "番号", "level_0"]),
    seed=st.integers(0, 10**6),
)
def test_numbers_that_count_the_rows_in_any_order_are_an_index_under_any_name(
    check: Check, rows: int, first: int, name: str, seed: int
) -> None:
    index = list(range(first, first + rows))
    random.Random(seed).shuffle(index)  # noqa: S311 - a table, no secret
    report = check([(name, index), *noise(rows, seed)])
    assert report.verdict == "accepted"
    assert use_of(report, name) == "dropped"
    assert rules(report) <= {Rule.ROW_INDEX}


@siblings
@given(
    rows=st.integers(80, 400),
    kept=st.sampled_from([0.8, 0.5, 0.2]),
    name=st.sampled_from(["Unnamed: 0", "index", "level_0", ""]),
    ordered=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_an_index_with_gaps_is_left_out_also_without_a_name(
    check: Check, rows: int, kept: float, name: str, ordered: bool, seed: int
) -> None:
    index = random.Random(seed).sample(range(round(rows / kept)), rows)  # noqa: S311 - a table, no secret
    report = check([(name, sorted(index) if ordered else index), *noise(rows, seed)])
    assert report.verdict == "accepted"
    assert use_of(report, name or "Unnamed: 0") == "dropped"
    if not name:
        (finding,) = [finding for finding in report.findings if finding.rule is Rule.ROW_INDEX]
        assert (finding.line, finding.column) == (1, None)
        assert finding.what.startswith("column 1 has no name")


@siblings
@given(seed=st.integers(0, 10**6), rows=st.integers(60, 500))
def test_whole_numbers_that_were_drawn_are_quantities_though_they_differ_in_nearly_every_row(
    check: Check, seed: int, rows: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    quantities = [
        ("amount", [chance.randrange(10**7) for _ in range(rows)]),
        ("distance", [round(math.exp(chance.gauss(9, 1.5))) for _ in range(rows)]),
        ("age", [round(chance.gauss(45, 12)) for _ in range(rows)]),
        ("score", [chance.randrange(1000) for _ in range(rows)]),
        ("hour", [chance.randrange(24) for _ in range(rows)]),
        ("visits", [min(int(chance.expovariate(0.05)), 400) for _ in range(rows)]),
        ("population", [chance.randrange(rows * rows) for _ in range(rows)]),
    ]
    report = check([*quantities, *noise(rows, seed)])
    assert report.verdict == "accepted"
    assert rules(report) == set()
    assert {use_of(report, name) for name, _ in quantities} == {"number"}


def test_an_index_with_gaps_is_one_under_any_name_if_chance_would_have_repeated_a_number(check: Check) -> None:
    for rows, span, use in ((300, 600, "dropped"), (300, 1500, "number"), (1000, 5000, "dropped")):
        numbers = random.Random(rows + span).sample(range(span), rows)  # noqa: S311 - a table, no secret
        assert use_of(check([("zz", numbers), *noise(rows, 1)]), "zz") == use, span


def test_the_index_of_tables_that_were_put_together_is_left_out(check: Check) -> None:
    report = check([("Unnamed: 0", [*range(150), *range(150)]), *noise(300, 1)])
    assert found(report, Rule.ROW_INDEX) == ["Unnamed: 0"]
    assert "counts from 0 to 149" in report.warnings[0]


def test_years_that_are_all_different_are_no_index(check: Check) -> None:
    years = random.Random(1).sample(range(1900, 2020), 120)  # noqa: S311 - a table, no secret
    report = check([("year", years), *noise(120, 1)])
    assert (use_of(report, "year"), rules(report)) == ("number", set())


def test_a_rank_is_used_if_the_configuration_keeps_it(check: Check) -> None:
    rank = random.Random(1).sample(range(1, 201), 200)  # noqa: S311 - a table, no secret
    columns = [("rank", rank), *noise(200, 1)]
    assert use_of(check(columns), "rank") == "dropped"
    kept = check(columns, keep=["rank"])
    assert (use_of(kept, "rank"), rules(kept)) == ("number", set())
    assert use_of(check([("n", list(range(200))), *noise(200, 1)], keep=["n"]), "n") == "number"


def test_the_columns_that_are_kept_must_exist_and_not_be_dropped(check: Check) -> None:
    report = check(noise(100, 1), keep=["rnak"])
    assert report.rules == (Rule.KEEP_UNKNOWN,)
    with pytest.raises(ValueError, match="`keep` and `drop` both name `rank`"):
        DatasetConfig.model_validate({"keep": ["rank"], "drop": ["rank"]})


def test_a_key_is_left_out_as_if_it_was_dropped_whatever_it_looks_like(check: Check) -> None:
    quantity = [("weight", [i * 37 % 101 for i in range(200)]), *noise(200, 1)]
    report, dropped = check(quantity, key="weight"), check(quantity, drop=["weight"])
    assert use_of(report, "weight") == "dropped"
    assert report.columns[0].reason == "is the `key` of config.yaml: it names records"
    assert (report.rows, report.features, report.split) == (dropped.rows, dropped.features, dropped.split)
    both = check(quantity, key="weight", drop=["weight"])
    assert (both.verdict, both.features) == ("accepted", dropped.features)


def test_a_split_may_go_by_the_key(check: Check) -> None:
    report = check(
        [("customer", [i // 2 for i in range(200)]), *noise(200, 1)], key="customer", split={"group_by": "customer"}
    )
    assert (use_of(report, "customer"), rules(report)) == ("dropped", set())
    assert report.split is not None
    assert report.split.method == "group_by"


def test_a_key_that_the_file_lacks_is_told_with_the_column_that_may_be_meant(check: Check) -> None:
    report = check([("customer", list(range(200))), *noise(200, 1)], key="custmer")
    assert report.verdict == "accepted"
    assert any("did you mean `customer`?" in warning for warning in report.warnings)


def test_a_key_that_is_kept_is_no_configuration() -> None:
    with pytest.raises(ValueError, match="`keep` names `rank`, which is the `key` and never used"):
        DatasetConfig.model_validate({"keep": ["rank"], "key": "rank"})


def test_the_chance_that_numbers_are_all_different_is_that_of_birthdays() -> None:
    assert math.exp(log_chance_all_different(23, 365)) == pytest.approx(0.4927, abs=1e-4)
    assert math.exp(log_chance_all_different(2, 10)) == pytest.approx(0.9)
    assert log_chance_all_different(11, 10) == -math.inf
    assert log_chance_all_different(200, 1e17) == pytest.approx(-200 * 199 / 2e17)


# Columns without a name.


@siblings
@given(seed=st.integers(0, 10**6), rows=st.integers(60, 300))
def test_an_empty_column_without_a_name_is_left_out_with_a_warning(check: Check, seed: int, rows: int) -> None:
    report = check([*noise(rows, seed), ("", [""] * rows)])
    assert report.verdict == "accepted"
    assert rules(report) == {Rule.UNNAMED_COLUMN}
    assert use_of(report, "Unnamed: 3") == "dropped"


def test_names_of_rows_without_a_name_are_left_out(check: Check) -> None:
    report = check([("", [f"Mazda RX{i}" for i in range(120)]), *noise(120, 1)])
    assert (report.verdict, rules(report)) == ("accepted", {Rule.ROW_INDEX})


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([f"{i / 7:.2f}" for i in range(120)], "it has fractions"),
        (["ab"[i % 2] for i in range(120)], "it holds values that repeat"),
        ([i % 2 for i in range(120)], "it holds values that repeat"),
        ([f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(120)], "it holds dates"),
        (["" if i % 3 else i for i in range(120)], "80 rows have no value in it"),
    ],
)
def test_another_column_without_a_name_is_refused_and_dropping_it_is_a_way_out(
    check: Check, cells: list[Any], why: str
) -> None:
    columns = [*noise(120, 1), ("", cells)]
    report = check(columns)
    assert (report.verdict, report.rules) == ("rejected", (Rule.HEADER_BLANK,))
    assert f"line 1: column 4 has no name, and it is no index: {why}" in report.reasons[0]
    assert "`Unnamed: 3`" in report.reasons[0]
    assert check(columns, drop=["Unnamed: 3"]).verdict == "accepted"
    assert check([*columns[:-1], ("named", cells)]).verdict == "accepted"


def test_a_header_of_blanks_alone_is_refused(check: Check) -> None:
    report = check([("", ["a"] * 100), (" ", ["b"] * 100)])
    assert report.rules == (Rule.HEADER_BLANK,)


# Identifiers that repeat.


def machines(
    count: int, rows_each: int, seed: int, *, faithful: float = 1.0, share: float = 0.4
) -> tuple[list[int], list[str]]:
    """Rows of machines in any order: the number of each, and its label, which is the machine's own in that share."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    own = [("yes" if chance.random() < share else "no") for _ in range(count)]
    rows = [machine for machine in range(count) for _ in range(chance.randint(max(2, rows_each - 3), rows_each + 3))]
    chance.shuffle(rows)
    labels = [own[m] if chance.random() < faithful else chance.choice(("yes", "no")) for m in rows]
    return rows, labels


def table_of(name: str, ids: Sequence[Any], labels: Sequence[str], seed: int) -> list[tuple[str, Sequence[Any]]]:
    return [*noise(len(ids), seed)[:2], (name, ids), ("label", labels)]


NAMES: Final = ("machine_id", "Kundennummer", "patientID", "pump", "x7", "ID", "客户编号", "номер", "sensor", "k")


def test_the_case_is_refused_and_accepted_with_the_split_that_it_names(judge: Judge) -> None:
    path = shared_case("group_numeric_id.csv")
    refused = judge(path, target="failed").report
    assert (refused.verdict, refused.rules) == ("rejected", (Rule.LABEL_BY_IDENTIFIER,))
    assert "column `machine_id`: rows with the same value have the same label (60 values" in refused.reasons[0]
    assert "`split: {group_by: machine_id}`" in refused.reasons[0]
    grouped = judge(path, target="failed", split={"group_by": "machine_id"}).report
    assert (grouped.verdict, rules(grouped)) == ("accepted", set())
    assert judge(path, target="failed", drop=["machine_id"]).report.verdict == "accepted"
    assert judge(path, target="failed", leaks={"allow": ["machine_id"]}).report.verdict == "accepted"
    assert judge(path, target="failed", keep=["machine_id"]).report.verdict == "accepted"


@siblings
@given(
    name=st.sampled_from(NAMES),
    count=st.integers(60, 120),
    rows_each=st.integers(3, 14),
    spread=st.sampled_from([1, 7, 1009]),
    seed=st.integers(0, 10**6),
)
def test_a_label_that_is_constant_in_an_identifier_refuses_the_random_split(
    check: Check, name: str, count: int, rows_each: int, spread: int, seed: int
) -> None:
    ids, labels = machines(count, rows_each, seed)
    columns = table_of(name, [1000 + i * spread for i in ids], labels, seed)
    refused = check(columns)
    assert refused.rules == (Rule.LABEL_BY_IDENTIFIER,), refused.warnings
    assert found(refused, Rule.LABEL_BY_IDENTIFIER) == [name]
    grouped = check(columns, split={"group_by": name})
    assert grouped.verdict == "accepted" or grouped.rules == (Rule.SPLIT_IMPOSSIBLE,)
    assert rules(grouped) == set()


@siblings
@given(
    name=st.sampled_from(["machine_id", "patient", "código", "設備"]),
    form=st.sampled_from(["M-{:03d}", "{:04x}-a7", "usr{}"]),
    seed=st.integers(0, 10**6),
)
def test_identifiers_may_be_texts(check: Check, name: str, form: str, seed: int) -> None:
    ids, labels = machines(70, 9, seed)
    refused = check(table_of(name, [form.format(i) for i in ids], labels, seed))
    assert found(refused, Rule.LABEL_BY_IDENTIFIER) == [name]


@siblings
@given(name=st.sampled_from(["machine_id", "kunde", "device"]), seed=st.integers(0, 10**6))
def test_a_label_that_rows_of_an_identifier_share_is_warned_of_with_what_it_is_worth(
    check: Check, name: str, seed: int
) -> None:
    ids, labels = machines(90, 12, seed, faithful=0.7)
    report = check(table_of(name, ids, labels, seed))
    assert (report.verdict, found(report, Rule.LABEL_SHARED)) == ("accepted", [name])
    assert use_of(report, name) == "dropped"
    assert f"`split: {{group_by: {name}}}`" in " ".join(report.warnings)


def test_several_classes_and_few_rows_of_each_identifier(check: Check) -> None:
    chance = random.Random(4)  # noqa: S311 - a table, no secret
    own = [chance.choice("abcd") for _ in range(150)]
    ids = [i for i in range(150) for _ in range(3)]
    chance.shuffle(ids)
    report = check(table_of("household_id", ids, [own[i] for i in ids], 1))
    assert found(report, Rule.LABEL_BY_IDENTIFIER) == ["household_id"]


def test_a_number_that_is_an_identifier_by_its_name_is_no_quantity_whatever_the_label(check: Check) -> None:
    ids, _ = machines(60, 8, 1)
    labels = [str(label) for label in noise(len(ids), 3)[2][1]]
    report = check(table_of("customer_id", ids, labels, 2))
    assert (found(report, Rule.IDENTIFIER), use_of(report, "customer_id")) == (["customer_id"], "dropped")
    assert use_of(check(table_of("customer_id", ids, labels, 2), keep=["customer_id"]), "customer_id") == "number"
    assert rules(check(table_of("customers", ids, labels, 2))) == set()


def test_a_number_that_names_what_another_column_says_is_an_identifier(check: Check) -> None:
    ids, _ = machines(80, 8, 1)
    chance = random.Random(5)  # noqa: S311 - a table, no secret
    site = [chance.choice(("Oslo", "Rome", "Bern", "Kiel")) for _ in range(80)]
    labels = [str(label) for label in noise(len(ids), 3)[2][1]]
    report = check([("place", [site[i] for i in ids]), *table_of("unit", ids, labels, 2)])
    assert found(report, Rule.IDENTIFIER) == ["unit"]
    assert "`place` has one value for each of its values" in report.warnings[0]
    age_groups = check([("group", [f"{i // 10}0s" for i in ids]), *table_of("age", ids, labels, 2)])
    assert rules(age_groups) == set()


def test_with_a_split_by_time_identifiers_are_left_out_and_refuse_nothing(check: Check) -> None:
    ids, labels = machines(60, 8, 1)
    days = [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(len(ids))]
    report = check([("day", days), *table_of("machine_id", ids, labels, 2)], split={"by_time": "day"})
    assert (report.verdict, found(report, Rule.IDENTIFIER)) == ("accepted", ["machine_id"])


def test_the_label_is_not_looked_up_in_copies_of_rows(check: Check) -> None:
    """Each row stands three times: a price then seems to have one label in all of its rows."""
    chance = random.Random(6)  # noqa: S311 - a table, no secret
    columns = [("price", [chance.randrange(10**6) for _ in range(120)]), *noise(120, 6)]
    report = check([(name, [cell for cell in cells for _ in range(3)]) for name, cells in columns])
    assert (report.verdict, rules(report)) == ("accepted", set())


@siblings
@given(seed=st.integers(0, 10**6), rows=st.integers(300, 900))
def test_strong_honest_quantities_and_categories_are_no_identifiers(check: Check, seed: int, rows: int) -> None:
    """The label follows from each: by a slope, by a threshold with noise, by a city's own rate."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    tenure = [chance.randrange(72) for _ in range(rows)]
    income = [round(chance.gauss(300, 90)) for _ in range(rows)]
    towns = [f"{a}{b}ville" for a in ("Nor", "Sud", "Est", "West", "Alt") for b in ("an", "en", "in", "on", "un", "by")]
    rate = {town: chance.random() for town in towns}
    town = [chance.choice(towns) for _ in range(rows)]
    labels = [
        "yes" if (t < 24) + (i > 330) + (chance.random() < rate[c]) + 0.4 * chance.random() > 1.6 else "no"
        for t, i, c in zip(tenure, income, town, strict=True)
    ]
    report = check([("tenure", tenure), ("income", income), ("town", town), ("label", labels)])
    assert (report.verdict, rules(report)) == ("accepted", set())


def test_names_say_identifier_in_several_languages_and_spellings() -> None:
    sure = (
        "id",
        "ID",
        "customerId",
        "CustomerID",
        "customer_id",
        "Kundennummer",
        "user.uuid",
        "id_cliente",
        "NIF",
        "编号",
    )
    assert {name: strength(name) for name in sure} == dict.fromkeys(sure, 2)
    perhaps = ("machine", "room_no", "sku", "Code", "номер", "zip_code", "Patient 1")
    assert {name: strength(name) for name in perhaps} == dict.fromkeys(perhaps, 1)
    nothing = ("paid", "grid", "humidity", "age", "fnlwgt", "valid", "solid", "x1", "CreditScore", "", "_", "identical")
    assert {name: strength(name) for name in nothing} == dict.fromkeys(nothing, 0)


def test_what_rows_of_a_value_share_is_measured_out_of_sample() -> None:
    """Of 40 values each has 5 rows: 3 of one label and 2 of the other, which is less than chance would agree."""
    rows = pl.DataFrame(
        {
            "value": [float(i // 5) for i in range(200)],
            "label": ["no" if (i + i // 5) % 5 < 3 else "yes" for i in range(200)],
        }
    )
    seen = shared(rows, ordered=True)
    assert seen is not None
    assert seen.own >= seen.prior == pytest.approx(-(0.6 * math.log(0.6) + 0.4 * math.log(0.4)))
    assert not seen.beyond_chance(0.0)
    assert seen.expected == pytest.approx(40 * (1 - 0.6**5 - 0.4**5))


# No false alarm.


TABLES: Final = SHARED / "data" / "tables" / "tables.json"


def real_tables() -> dict[str, dict[str, Any]]:
    """The configuration of each table beside the repository, by its file."""
    own = {"adult.csv": {"target": "income"}, "telco-customer-churn.csv": {"target": "Churn"}}
    listed = json.loads(TABLES.read_text(encoding="utf-8")) if TABLES.exists() else {}
    return own | {f"tables/{name}.csv": config for name, config in listed.items()}


@pytest.mark.longer
@pytest.mark.parametrize("name", real_tables())
def test_no_column_of_a_real_table_is_called_an_identifier_that_is_none(
    judge: Judge, tmp_path: Path, name: str
) -> None:
    """Of large tables 4,000 rows in another order, which hides the order of what counts the rows."""
    lines = shared_table(name).read_text(encoding="utf-8").splitlines()
    rows = lines[1:]
    random.Random(5).shuffle(rows)  # noqa: S311 - a table, no secret
    path = tmp_path / "sample.csv"
    path.write_text("\n".join([lines[0], *rows[:4000]]) + "\n", encoding="utf-8")
    report = judge(path, **real_tables()[name]).report
    assert report.verdict == "accepted"
    expected = {"RowNumber"} if name == "tables/bank_churn.csv" else set()
    assert {finding.column for finding in report.findings if finding.rule in NEW_RULES} == expected


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_iris, load_wine])
def test_no_column_of_a_shipped_table_is_called_an_identifier(
    judge: Judge, tmp_path: Path, load: Callable[..., Any]
) -> None:
    path = tmp_path / "shipped.csv"
    load(as_frame=True).frame.to_csv(path, index=False)
    assert rules(judge(path, target="target").report) == set()
