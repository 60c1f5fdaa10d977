"""Rows of a dropped identifier are known by the other columns: that is told, and what only looks like it is not."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from sluice.dataset.config import DatasetConfig
from tabular import TableReport, validate_table
from tabular.dropped_identifiers import attributes_of
from tabular.findings import Rule
from tests.search import examples
from tests.shared import SHARED, shared_case, shared_table

RULES: Final = {Rule.IDENTIFIER, Rule.LABEL_SHARED, Rule.LABEL_BY_IDENTIFIER}

type Columns = dict[str, Sequence[Any]]
type Check = Callable[..., TableReport]

siblings = settings(
    max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """The report on columns of a table."""

    def checked(columns: Columns, order: int | None = None, **config: Any) -> TableReport:
        rows = list(zip(*columns.values(), strict=True))
        if order is not None:
            random.Random(order).shuffle(rows)  # noqa: S311 - a table, no secret
        path = tmp_path / "table.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([tuple(columns), *rows])
        parsed = DatasetConfig.model_validate({"target": "label", **config})
        return validate_table(path, name=path.name, config=parsed, default_target=None, out=tmp_path / "out")

    return checked


def visits(
    patients: int = 80,
    rows: int = 6,
    seed: int = 0,
    *,
    name: str = "patient_id",
    form: str = "{}",
    faithful: float = 1.0,
    alike: bool = True,
    numbers: bool = False,
) -> Columns:
    """Rows of patients, each with a label of its own that chance made, in that share of its rows.

    Args:
        patients: how many.
        rows: of each, in the mean.
        seed: of chance.
        name: of the identifier.
        form: of its values.
        faithful: share of the rows that have the patient's label.
        alike: town and weight are the same in all rows of a patient; otherwise they vary from row to row.
        numbers: the label is a number.
    """
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    made: list[tuple[Any, ...]] = []
    towns = ("Oslo", "Rome", "Bern", "Kiel", "Nice")
    for patient in range(patients):
        own = f"{chance.gauss(50, 10):.2f}" if numbers else "ill" if chance.random() < 0.4 else "well"
        town, weight = chance.choice(towns), f"{chance.gauss(70, 9):.1f}"
        for _ in range(chance.randint(max(2, rows - 3), rows + 3)):
            other = f"{chance.gauss(50, 10):.2f}" if numbers else chance.choice(("ill", "well"))
            label = own if chance.random() < faithful else other
            looks = (town, weight) if alike else (chance.choice(towns), f"{chance.gauss(70, 9):.1f}")
            made.append((form.format(1000 + patient * 7), *looks, f"{chance.gauss(37, 0.5):.2f}", label))
    chance.shuffle(made)
    return dict(zip((name, "town", "weight", "temperature", "label"), zip(*made, strict=True), strict=True))


def found(report: TableReport, *rules: Rule) -> list[str | None]:
    return [finding.column for finding in report.findings if finding.rule in (rules or RULES)]


@siblings
@given(
    name=st.sampled_from(["patient_id", "ID", "Kundennummer", "客户编号", "subject uuid"]),
    form=st.sampled_from(["{}", "P{:06d}", "{:04x}-a7", "no {}"]),
    patients=st.integers(60, 120),
    rows=st.integers(4, 12),
    seed=st.integers(0, 10**6),
)
def test_a_label_that_is_constant_in_values_that_other_columns_tell_refuses_the_random_split(
    check: Check, name: str, form: str, patients: int, rows: int, seed: int
) -> None:
    columns = visits(patients, rows, seed, name=name, form=form)
    refused = check(columns, drop=[name])
    assert refused.rules == (Rule.LABEL_BY_IDENTIFIER,), refused.warnings
    assert found(refused) == [name]
    (reason,) = refused.reasons
    assert "are the same in `weight`, `town`, by which a model can tell the values apart" in reason
    grouped = check(columns, drop=[name], split={"group_by": name})
    assert (grouped.verdict, found(grouped)) == ("accepted", [])


def test_the_ways_out_of_the_refusal_lead_out(check: Check) -> None:
    columns = visits()
    allowed = check(columns, drop=["patient_id"], leaks={"allow": ["patient_id"]})
    assert (allowed.verdict, found(allowed), allowed.group_sample) == ("accepted", [], None)
    warned = check(columns, drop=["patient_id"], leaks="warn")
    assert (warned.verdict, found(warned)) == ("accepted", ["patient_id"])
    assert warned.group_sample is not None
    assert (check(columns, drop=["patient_id"], leaks="ignore").verdict) == "accepted"
    alone = check({name: cells for name, cells in columns.items() if name != "patient_id"})
    assert (alone.verdict, found(alone)) == ("accepted", [])


def test_where_no_column_tells_the_values_apart_a_constant_label_is_a_warning_and_is_measured(
    check: Check, tmp_path: Path
) -> None:
    report = check(visits(alike=False), drop=["patient_id"])
    assert (report.verdict, found(report, Rule.LABEL_SHARED)) == ("accepted", ["patient_id"])
    assert report.group_sample is not None
    assert (report.group_sample.column, report.group_sample.groups) == ("patient_id", 80)
    assert "`split: {group_by: patient_id}` keeps them together" in report.warnings[0]
    config = DatasetConfig.model_validate({"target": "failed", "drop": ["machine_id"]})
    path = shared_case("group_numeric_id.csv")
    case = validate_table(path, name="case", config=config, default_target=None, out=tmp_path / "case")
    assert (case.verdict, found(case)) == ("accepted", ["machine_id"])


@siblings
@given(seed=st.integers(0, 10**6), form=st.sampled_from(["{}", "P{:06d}"]), numbers=st.booleans())
def test_a_label_that_rows_share_is_warned_of_whatever_the_order_of_the_rows(
    check: Check, seed: int, form: str, numbers: bool
) -> None:
    columns = visits(90, 8, seed, form=form, faithful=0.8, numbers=numbers)
    config: dict[str, Any] = {"drop": ["patient_id"], "task": "regression" if numbers else "classification"}
    report = check(columns, **config)
    assert (report.verdict, found(report)) == ("accepted", ["patient_id"])
    again = check(columns, order=seed, **config)
    assert {finding.what for finding in again.findings} == {finding.what for finding in report.findings}


@siblings
@given(seed=st.integers(0, 10**6), alike=st.booleans(), numbers=st.booleans())
def test_nothing_is_said_if_rows_share_nothing_but_chance(check: Check, seed: int, alike: bool, numbers: bool) -> None:
    columns = visits(90, 8, seed, faithful=0.0, alike=alike, numbers=numbers)
    report = check(columns, drop=["patient_id"], task="regression" if numbers else "classification")
    assert (report.verdict, found(report)) == ("accepted", [])


@pytest.mark.parametrize("name", ["patient", "x7", "番号"])
def test_another_name_is_an_identifier_if_its_values_have_attributes(check: Check, name: str) -> None:
    assert check(visits(name=name), drop=[name]).rules == (Rule.LABEL_BY_IDENTIFIER,)
    assert found(check(visits(name=name, alike=False), drop=[name])) == []


def test_the_key_is_an_identifier_whatever_its_name(check: Check) -> None:
    assert check(visits(name="x7"), key="x7").rules == (Rule.LABEL_BY_IDENTIFIER,)
    assert found(check(visits(name="x7", alike=False), key="x7")) == ["x7"]
    assert found(check(visits(name="x7", alike=False), key="x7", leaks={"allow": ["x7"]})) == []


def test_rows_of_large_values_are_seen_in_the_training_part(check: Check) -> None:
    """Of each the sample keeps some rows, which must not be those of the test part alone."""
    columns = visits(40, 800, faithful=0.9)
    assert found(check(columns, drop=["patient_id"])) == ["patient_id"]


def test_only_what_a_model_sees_tells_values_apart(check: Check) -> None:
    columns = visits()
    report = check(columns, drop=["patient_id", "town", "weight"])
    assert (report.verdict, found(report)) == ("accepted", ["patient_id"])


def test_a_column_that_gave_the_target_away_is_no_identifier_once_it_is_dropped(check: Check) -> None:
    """Codes, amounts and texts that decide the label each: to drop them is what the refusal for a leak asks for."""
    chance = random.Random(3)  # noqa: S311 - a table, no secret
    codes = {code: chance.choice(("ill", "well")) for code in chance.sample(range(1000, 9999), 60)}
    told = [chance.choice([*codes]) for _ in range(600)]
    columns: Columns = {
        "result": told,
        "result_code": [f"R{code}" for code in told],
        "paid": [0 if codes[code] == "ill" else chance.randrange(1, 90) for code in told],
        "remark": [f"{codes[code]} since day {code % 40}" for code in told],
        "age": [round(chance.gauss(50, 12)) for _ in told],
        "town": [chance.choice(("Oslo", "Rome", "Bern")) for _ in told],
        "label": [codes[code] for code in told],
    }
    report = check(columns, drop=["result", "result_code", "paid", "remark"])
    assert (report.verdict, found(report)) == ("accepted", [])


@siblings
@given(seed=st.integers(0, 10**6))
def test_quantities_and_categories_that_were_dropped_are_no_identifiers(check: Check, seed: int) -> None:
    """The label follows from each of them, and other columns follow from some."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    rows = range(600)
    age = [round(chance.gauss(45, 14)) for _ in rows]
    zips = [chance.randrange(10000, 10060) for _ in rows]
    rate = {code: chance.random() for code in zips}
    columns: Columns = {
        "age": age,
        "zip": zips,
        "day": [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in rows],
        "hour": [f"{chance.randrange(24):02d}:{chance.randrange(60):02d}" for _ in rows],
        "decade": [f"{years // 10}0s" for years in age],
        "region": [code // 20 for code in zips],
        "height": [f"{chance.gauss(170, 9):.1f}" for _ in rows],
        "label": [
            "ill" if (years > 50) + (chance.random() < rate[code]) + 0.5 * chance.random() > 1.2 else "well"
            for years, code in zip(age, zips, strict=True)
        ],
    }
    report = check(columns, drop=["age", "zip", "day", "hour"])
    assert (report.verdict, found(report)) == ("accepted", [])


def test_a_number_that_is_the_same_in_all_rows_of_a_dropped_identifier_refuses_the_random_split(check: Check) -> None:
    columns = visits(100, 6, numbers=True)
    refused = check(columns, drop=["patient_id"], task="regression")
    assert refused.rules == (Rule.LABEL_BY_IDENTIFIER,)
    assert "rows with the same value have the same target" in refused.reasons[0]
    grouped = check(columns, drop=["patient_id"], task="regression", split={"group_by": "patient_id"})
    assert grouped.verdict == "accepted"


def test_as_many_columns_as_are_looked_at_are_those_whose_name_says_identifier(check: Check) -> None:
    columns = visits(faithful=0.8)
    others = {f"x{i}": columns["town"] for i in range(20)}
    report = check({**others, **columns}, drop=[*others, "patient_id"])
    assert found(report) == ["patient_id"]


def test_attributes_are_the_same_in_nearly_all_values_and_tell_them_apart_beyond_the_sample() -> None:
    rows = pl.DataFrame(
        {
            "value": [i // 3 for i in range(600)],
            "v0": [i // 3 * 31 % 17 for i in range(600)],
            "v1": [i // 3 * 7 % 13 for i in range(600)],
            "v2": list(range(600)),
            "v3": [5] * 600,
        }
    )
    names = {"v0": "a", "v1": "b", "v2": "c", "v3": "d"}
    seen = attributes_of(rows, 1.0, names)
    assert seen.columns == ("a", "b")
    assert seen.tell_apart, "221 pairs of attributes, 200 values"
    assert not attributes_of(rows, 1.0, {"v0": "a"}).tell_apart
    twice = pl.concat([rows, rows.with_columns(pl.col("value") + 1000)])
    assert attributes_of(twice, 1.0, names).alike == 1.0
    assert attributes_of(twice, 0.5, names).alike == 2.0, "as many values again are not in the sample"


# No false alarm.


def real_tables() -> dict[str, dict[str, Any]]:
    """The configuration of each table beside the repository, by its file."""
    tables = SHARED / "data" / "tables" / "tables.json"
    own = {"adult.csv": {"target": "income"}, "telco-customer-churn.csv": {"target": "Churn"}}
    listed = json.loads(tables.read_text(encoding="utf-8")) if tables.exists() else {}
    return own | {f"tables/{name}.csv": config for name, config in listed.items()}


@pytest.mark.longer
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("name", real_tables())
def test_no_column_of_a_real_table_is_called_an_identifier_once_it_is_dropped(
    check: Check, name: str, half: int
) -> None:
    """Every other column is dropped. Of large tables 4,000 rows in another order."""
    table = pl.read_csv(shared_table(name), infer_schema=False).sample(fraction=1.0, shuffle=True, seed=5).head(4000)
    config = real_tables()[name]
    features = [
        column for column in table.columns if column != config["target"] and column not in config.get("drop", ())
    ]
    dropped = [*config.get("drop", ()), *features[half::2]]
    report = check({c: table[c].fill_null("").to_list() for c in table.columns}, **{**config, "drop": dropped})
    assert report.verdict == "accepted", report.reasons
    assert [column for column in found(report) if column in dropped] == []


@pytest.mark.parametrize(
    ("load", "target"),
    [(load_diabetes, "target"), (load_breast_cancer, "mean radius"), (load_wine, "proline")],
)
def test_no_column_of_a_shipped_table_is_called_an_identifier_if_a_number_is_to_be_predicted(
    check: Check, load: Callable[..., Any], target: str
) -> None:
    frame = load(as_frame=True).frame
    features = [column for column in frame.columns if column != target]
    for dropped in (features[::2], features[1::2]):
        report = check({name: frame[name] for name in frame.columns}, target=target, task="regression", drop=dropped)
        assert found(report) == [], report.warnings
