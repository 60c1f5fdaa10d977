"""The contract and the rules that hold a file against it, each with its threshold at the edge."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2  # type: ignore[import-untyped]

from sluice.dataset.config import ConfigError, DatasetConfig, parse_config
from sluice.dataset.contract import (
    Contract,
    ContractError,
    ContractRules,
    Plan,
    SeenColumn,
    SeenTable,
    Thresholds,
    make_contract,
    parse_contract,
    plan,
)
from sluice.dataset.drift import hold, population_stability_index, psi_by_chance, reordered
from sluice.dataset.table_schema import main, table_schema
from tabular.findings import FIX, Rule

ROOT = Path(__file__).parents[3]


def number(name: str = "age", **changes: Any) -> SeenColumn:
    made = SeenColumn(
        name, "number", 10_000, 0, minimum=0.0, maximum=100.0, edges=(25.0, 50.0, 75.0), bins=(2500, 2500, 2500, 2500)
    )
    return replace(made, **changes)


def text(name: str = "city", **changes: Any) -> SeenColumn:
    return replace(SeenColumn(name, "text", 10_000, 0, levels={"Oslo": 6000, "Rome": 4000}), **changes)


def table(*columns: SeenColumn, **changes: Any) -> SeenTable:
    made = SeenTable(
        10_000, "label", {"no": 7000, "yes": 3000}, columns, (*(column.name for column in columns), "label")
    )
    return replace(made, **changes)


def contract(seen: SeenTable | None = None) -> Contract:
    return make_contract(seen or table(number(), text()), version=1, run_id=None, missing=("NA",))


def found(seen: SeenTable, held: Contract | None = None, **rules: Any) -> list[tuple[str, str, str | None]]:
    breaches = hold(held or contract(), seen, ContractRules.model_validate(rules))
    return [(breach.rule, breach.severity, breach.column) for breach in breaches]


def test_a_table_keeps_the_contract_that_it_made() -> None:
    assert found(table(number(), text())) == []


def test_columns_in_another_order_are_no_breach() -> None:
    turned = table(text(), number())
    assert found(turned) == []
    assert reordered(contract(), turned)
    assert not reordered(contract(), table(number(), text()))


def test_a_missing_column_is_an_error_that_names_a_close_new_one() -> None:
    breaches = hold(contract(), table(number("Age "), text()), ContractRules())
    assert [(one.rule, one.severity, one.column) for one in breaches] == [
        ("missing_column", "error", "age"),
        ("new_column", "warning", "Age "),
    ]
    assert "`Age ` may be the same" in breaches[0].what


def test_columns_that_are_dropped_are_held_to_nothing() -> None:
    assert found(table(number(), dropped=("city",))) == []


def test_a_changed_kind_is_an_error_and_nothing_else_is_said_of_the_column() -> None:
    changed = SeenColumn("age", "text", 10_000, 0)
    assert found(table(changed, text())) == [("kind", "error", "age")]


BOOLEAN = SeenColumn("flag", "boolean", 10_000, 0, levels={"Yes": 1000, "yes": 4000, "no": 5000})


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (SeenColumn("flag", "text", 10_000, 0, levels={"no": 10_000}), [("psi", "error", "flag")]),
        (
            SeenColumn("flag", "text", 10_000, 0, levels={"no": 9000}, unseen=1000, unseen_example="maybe"),
            [("kind", "error", "flag")],
        ),
        (SeenColumn("flag", "boolean", 10_000, 0, levels={"yes": 5000, "no": 5000}), []),
    ],
)
def test_one_word_of_a_boolean_is_still_boolean(column: SeenColumn, expected: list[tuple[str, str, str]]) -> None:
    assert found(table(column), contract(table(BOOLEAN))) == expected


def test_an_empty_column_breaks_the_rule_on_missing_values_not_the_one_on_kinds() -> None:
    empty = SeenColumn("age", "empty", 0, 10_000)
    assert found(table(empty, text())) == [("nulls", "error", "age")]


@pytest.mark.parametrize(("missing", "severity"), [(0, None), (1, "warning"), (2000, "warning"), (2001, "error")])
def test_missing_values_in_a_column_that_had_none(missing: int, severity: str | None) -> None:
    seen = table(number(filled=10_000 - missing, missing=missing), text())
    assert found(seen) == ([("nulls", severity, "age")] if severity else [])


@pytest.mark.parametrize(("missing", "severity"), [(3000, None), (3001, "warning"), (7000, "warning"), (7001, "error")])
def test_more_missing_values_in_a_column_that_had_some(missing: int, severity: str | None) -> None:
    held = contract(table(SeenColumn("note", "text", 8000, 2000)))
    seen = table(SeenColumn("note", "text", 10_000 - missing, missing))
    assert found(seen, held) == ([("missing_share", severity, "note")] if severity else [])


def test_fewer_missing_values_are_no_breach() -> None:
    held = contract(table(SeenColumn("note", "text", 2000, 8000)))
    assert found(table(SeenColumn("note", "text", 10_000, 0)), held) == []


@pytest.mark.parametrize(("unseen", "severity"), [(100, None), (101, "warning"), (1000, "warning"), (1001, "error")])
def test_unseen_levels(unseen: int, severity: str | None) -> None:
    seen = text(levels={"Oslo": 6000 - unseen, "Rome": 4000}, unseen=unseen, unseen_example="Bern")
    breaches = found(table(number(), seen), psi="ignore")
    assert breaches == ([("unseen_levels", severity, "city")] if severity else [])


def test_a_column_whose_levels_mostly_occur_once_is_expected_to_bring_others() -> None:
    once = SeenColumn("name", "text", 60, 0, levels={f"n{i}": 1 for i in range(60)})
    classes = {"no": 30, "yes": 30}
    held = contract(table(once, rows=60, classes=classes))
    seen = replace(once, levels={}, unseen=60, unseen_example="x")
    assert found(table(seen, rows=60, classes=classes), held, psi="ignore") == []


@pytest.mark.parametrize(
    ("maximum", "severity"), [(150.0, None), (150.1, "warning"), (1100.0, "warning"), (1100.1, "error")]
)
def test_a_range_far_outside(maximum: float, severity: str | None) -> None:
    expected = [("range", severity, "age")] if severity else []
    assert found(table(number(maximum=maximum), text())) == expected
    assert found(table(number(minimum=100 - maximum), text())) == expected


def test_a_range_is_measured_by_the_value_where_the_contract_has_but_one() -> None:
    held = Contract.model_validate({"columns": [{"name": "age", "maximum": 10}]})
    assert found(table(number(maximum=14.9)), held) == []
    assert found(table(number(maximum=15.1)), held) == [("range", "warning", "age")]


def test_psi_by_hand() -> None:
    by_hand = (0.4 - 0.5) * math.log(0.4 / 0.5) + (0.6 - 0.5) * math.log(0.6 / 0.5)
    assert population_stability_index([0.5, 0.5], [0.4, 0.6]) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.040547, abs=1e-6)
    assert population_stability_index([0.5, 0.5], [0.0, 1.0], floor=0.01) == pytest.approx(
        (0.01 - 0.5) * math.log(0.01 / 0.5) + 0.5 * math.log(2)
    )


@pytest.mark.parametrize("bins", [2, 5, 10, 50])
def test_psi_by_chance_is_a_quantile_of_chi_squared(bins: int) -> None:
    expected = chi2.ppf(0.999, bins - 1) * (1 / 500 + 1 / 200)
    assert psi_by_chance(bins, 500, 200) == pytest.approx(expected, rel=0.04)
    assert psi_by_chance(1, 500, 200) == 0


def test_a_distribution_that_moved() -> None:
    shares = (0.1, 0.2, 0.3, 0.4)
    index = population_stability_index([0.25] * 4, shares)
    seen = table(number(bins=tuple(round(10_000 * share) for share in shares)), text())
    assert found(seen, psi={"warn": index + 1e-6, "error": None}) == []
    assert found(seen, psi={"warn": index - 1e-6, "error": None}) == [("psi", "warning", "age")]
    assert found(seen, psi={"warn": 0, "error": index - 1e-6}) == [("psi", "error", "age")]


def test_a_small_file_is_not_refused_for_being_small() -> None:
    seen = table(number(filled=20, bins=(1, 4, 6, 9)), text(filled=20, levels={"Oslo": 12, "Rome": 8}), rows=20)
    held = contract().model_copy(update={"rows": 20})
    assert population_stability_index([0.25] * 4, [0.05, 0.2, 0.3, 0.45]) > 0.2
    assert found(replace(seen, classes={"no": 14, "yes": 6}), held) == []


def test_rare_levels_are_one_bin() -> None:
    many = {"common": 9500, **{f"rare{i}": 5 for i in range(100)}}
    held = contract(table(SeenColumn("kind", "text", 10_000, 0, levels=many)))
    others = {"common": 9500, **{f"rare{i}": 500 * (i == 0) for i in range(100)}}
    assert found(table(SeenColumn("kind", "text", 10_000, 0, levels=others)), held) == []


def test_another_target_is_an_error() -> None:
    held = contract(table(number(), text()))
    seen = SeenTable(10_000, "age", {"1": 5000, "2": 5000}, (text(), text("label")), ("age", "city", "label"))
    assert found(seen, held) == [("target", "error", "age")]


def test_a_class_that_vanished_and_one_that_is_new() -> None:
    seen = table(number(), text(), classes={"no": 7000, "maybe": 3000})
    assert found(seen) == [("class_vanished", "error", "label"), ("class_new", "error", "label")]


@pytest.mark.parametrize(("yes", "severity"), [(4000, None), (4001, "warning"), (6000, "warning"), (6001, "error")])
def test_the_share_of_a_class_moved(yes: int, severity: str | None) -> None:
    seen = table(number(), text(), classes={"no": 10_000 - yes, "yes": yes})
    assert found(seen) == ([("class_share", severity, "label")] if severity else [])


@pytest.mark.parametrize(("rows", "severity"), [(5000, None), (4999, "warning"), (1000, "warning"), (999, "error")])
def test_the_number_of_rows_collapsed(rows: int, severity: str | None) -> None:
    seen = SeenTable(rows, "label", {"no": round(rows * 0.7), "yes": rows - round(rows * 0.7)}, (), ("label",))
    assert found(seen, contract(table())) == ([("row_count", severity, None)] if severity else [])


def test_errors_come_first() -> None:
    seen = table(number("new"), number(), SeenColumn("city", "date", 10_000, 0))
    assert [severity for _, severity, _ in found(seen)] == ["error", "warning"]


@pytest.mark.parametrize("part", ["rows", "target", "columns"])
def test_what_a_contract_does_not_say_is_not_checked(part: str) -> None:
    bad = SeenTable(10, "other", {"a": 5, "b": 5}, (SeenColumn("city", "date", 5, 5),), ("city", "other"))
    rules_by_part = {
        "rows": {"row_count"},
        "target": {"target"},
        "columns": {"missing_column", "kind", "nulls"},
    }
    everything = {rule for rule, _, _ in found(bad)}
    partial = contract().model_copy(update={part: None})
    assert everything == set().union(*rules_by_part.values())
    assert {rule for rule, _, _ in found(bad, partial)} == everything - rules_by_part[part]


def test_each_rule_can_be_ignored() -> None:
    bad = SeenTable(10, "label", {"a": 5, "b": 5}, (SeenColumn("city", "date", 5, 5), number("x")), ("city", "label"))
    assert found(bad) != []
    ignored: dict[str, Any] = dict.fromkeys(ContractRules.model_fields, "ignore")
    assert found(bad, **ignored) == []


# What config.yaml says.


def test_the_rules_are_read_with_their_other_half_from_the_defaults() -> None:
    config = parse_config("contract: {mode: enforce, rules: {new_column: error, psi: {warn: 0.3}}}", "c").contract
    assert config.rules.new_column == "error"
    assert config.rules.psi == Thresholds(warn=0.3, error=0.5)
    assert parse_config("contract: {rules: {psi: {error: null}}}", "c").contract.rules.psi == Thresholds(warn=0.2)
    assert parse_config("contract: reset", "c").contract.mode == "reset"


def test_a_resolved_configuration_is_read_again_as_it_is() -> None:
    config = parse_config("contract: {rules: {psi: ignore, range: {warn: 1}}}", "c")
    assert DatasetConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("yaml", "parts"),
    [
        ("contract: {mod: reset}", ["unknown key `contract.mod`", "mode, rules"]),
        ("contract: {rules: {psy: ignore}}", ["unknown key `contract.rules.psy`", "psi"]),
        ("contract: {rules: {psi: {war: 1}}}", ["unknown key `contract.rules.psi.war`", "error, warn"]),
        ("contract: {rules: {psi: {warn: 0.6}}}", ["`contract.rules.psi`", "must not be above `error` (0.5)"]),
        ("contract: {rules: {kind: fatal}}", ["`contract.rules.kind`", "'error', 'warning' or 'ignore'"]),
        ("contract: never", ["`contract.mode`", "'enforce', 'reset' or 'ignore'"]),
    ],
)
def test_wrong_settings_are_named(yaml: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(yaml, "config.yaml")
    (reason,) = caught.value.reasons
    assert not [part for part in parts if part not in reason], reason


# contract.json


def test_a_contract_is_read_as_it_was_written() -> None:
    assert parse_contract(contract().text(), "contract.json") == contract()


def test_levels_and_classes_may_be_listed_by_hand() -> None:
    held = parse_contract(
        '{"target": {"name": "label", "classes": ["no", "yes"]}, "columns": [{"name": "city", "levels": ["Oslo"]}]}',
        "c",
    )
    seen = text(levels={"Oslo": 6000}, unseen=4000, unseen_example="Rome")
    assert found(table(seen), held) == [("unseen_levels", "error", "city")]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ('{"colums": []}', "`colums`: unknown key; did you mean `columns`? Known here: columns, "),
        ('{"zzzz": []}', "`zzzz`: unknown key; known here: columns, "),
        (
            '{"columns": [{"name": "a", "knid": "text"}]}',
            "`columns.0.knid`: unknown key; did you mean `columns.0.kind`? Known here: ",
        ),
        ('{"target": {"name": "y", "clases": []}}', "`target.clases`: unknown key; did you mean `target.classes`? "),
        ('{"rows": 0}', "`rows`"),
        ('{"version": "two"}', "`version`"),
        ('{"columns": [{"name": "a"}, {"name": "a"}]}', "named more than once: a"),
        ('{"columns": [{"name": "a", "kind": "float"}]}', "`columns.0.kind`"),
        ('{"columns": [{"name": "a", "minimum": 2, "maximum": 1}]}', "`columns.0`: `minimum` is above"),
        ('{"columns": [{"name": "a", "minimum": NaN}]}', "`columns.0.minimum`"),
        ('{"columns": [{"name": "a", "minimum": true}]}', "`columns.0.minimum`: should be a number, or a date such as"),
        ('{"columns": [{"name": "a", "minimum": "soon"}]}', "`columns.0.minimum`"),
        ('{"columns": [{"name": "a", "minimum": "2026-01-01"}]}', 'that are dates need `"kind": "date"`'),
        ('{"columns": [{"name": "a", "kind": "date", "minimum": 3}]}', "are for numbers"),
        ('{"columns": [{"name": "a", "moves": "sideways"}]}', "`columns.0.moves`"),
        ('{"columns": [{"name": "a", "kind": "text", "moves": "counter"}]}', '`"moves": "counter"` is for numbers'),
        ('{"columns": [{"name": "a", "kind": "text", "maximum": 1}]}', "are for numbers"),
        ('{"columns": [{"name": "a", "kind": "number", "levels": ["x"]}]}', "`levels` are for text"),
        ('{"columns": [{"name": "a", "levels": {"x": 0.7, "y": 0.7}}]}', "more than 1"),
        ('{"columns": [{"name": "a", "bins": {"edges": [2, 1], "shares": [0, 0, 1]}}]}', "must be in increasing order"),
        ('{"columns": [{"name": "a", "bins": {"edges": [1], "shares": [1]}}]}', "1 edges make 2 shares"),
        ('{"columns": [{"name": "a", "bins": {"edges": [1], "shares": [0.2, 0.2]}}]}', "not 1"),
    ],
)
def test_an_unusable_contract_is_named_with_the_key_and_the_way_out(body: str, part: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_contract(body, "s3://artifacts/churn/contract.json")
    (reason,) = caught.value.reasons
    assert reason.startswith("s3://artifacts/churn/contract.json: ")
    assert part in reason
    assert "`contract: reset`" in reason


def test_what_a_run_does_with_the_contract() -> None:
    held = contract().model_copy(update={"version": 3, "run_id": "a" * 12})
    assert plan("enforce", None, "c", "b" * 12) == Plan(makes=1, run_id="b" * 12)
    assert plan("enforce", held.text(), "c", "b" * 12) == Plan(held=held)
    assert plan("reset", held.text(), "c", "b" * 12) == Plan(makes=4, run_id="b" * 12)
    assert plan("reset", None, "c", "b" * 12) == Plan(makes=1, run_id="b" * 12)
    assert plan("ignore", "{", "c", "b" * 12) == Plan()


@pytest.mark.parametrize("mode", ["enforce", "reset"])
def test_a_repeated_run_makes_the_contract_that_it_made(mode: Any) -> None:
    own = contract().model_copy(update={"version": 3, "run_id": "a" * 12})
    assert plan(mode, own.text(), "c", "a" * 12) == Plan(makes=3, run_id="a" * 12, stored=True)


def test_an_unusable_contract_can_be_reset() -> None:
    assert plan("reset", "{", "c", "b" * 12).makes == 1
    assert plan("reset", '{"version": 4, "colums": []}', "c", "b" * 12).makes == 5
    with pytest.raises(ContractError):
        plan("enforce", "{", "c", "b" * 12)


# Properties.

COUNTS = st.integers(0, 500)


@st.composite
def seen_tables(draw: st.DrawFn) -> SeenTable:
    columns = []
    rows = draw(st.integers(50, 500))
    for i in range(draw(st.integers(1, 5))):
        missing = draw(st.sampled_from([0, 0, rows // 5]))
        filled, half = rows - missing, (rows - missing) // 2
        columns.append(
            draw(
                st.sampled_from(
                    [
                        SeenColumn(f"c{i}", "number", filled, missing, -1.0, 9.0, (0.0, 5.0), (half, filled - half, 0)),
                        SeenColumn(f"c{i}", "text", filled, missing, levels={"a": half, "b": filled - half}),
                        SeenColumn(f"c{i}", "boolean", filled, missing, levels={"Yes": half, "no": filled - half}),
                        SeenColumn(f"c{i}", "date", filled, missing),
                    ]
                )
            )
        )
    classes = {"x": rows // 3, "y": rows - rows // 3}
    return SeenTable(rows, "label", classes, tuple(columns), (*(column.name for column in columns), "label"))


@given(seen_tables(), st.randoms())
def test_no_table_breaks_its_own_contract_in_whichever_order(seen: SeenTable, random: Any) -> None:
    held = contract(seen)
    shuffled = list(seen.columns)
    random.shuffle(shuffled)
    for other in (seen, replace(seen, columns=tuple(shuffled), order=tuple(column.name for column in shuffled))):
        assert found(other, held, psi={"warn": 0, "error": 0}, class_share={"warn": 0, "error": 0}) == []


@given(seen_tables(), st.data())
def test_one_break_is_always_reported_with_its_column(seen: SeenTable, data: st.DataObject) -> None:
    held = contract(seen)
    at = data.draw(st.integers(0, len(seen.columns) - 1))
    column = seen.columns[at]
    breaks: dict[str, SeenColumn | None] = {
        "missing_column": None,
        "kind": replace(column, kind="number" if column.kind == "date" else "date", levels=None, bins=()),
        "nulls" if not column.missing else "missing_share": replace(column, kind="empty", filled=0, missing=seen.rows),
    }
    if column.kind == "number":
        breaks["range"] = replace(column, maximum=500.0)
        breaks["psi"] = replace(column, bins=(0, 0, column.filled))
    if column.levels:
        breaks["unseen_levels"] = replace(column, levels={}, unseen=column.filled, unseen_example="z")
    rule = data.draw(st.sampled_from(sorted(breaks)))
    broken = breaks[rule]
    columns = (*seen.columns[:at], *([broken] if broken else []), *seen.columns[at + 1 :])
    breaches = found(replace(seen, columns=columns), held)
    assert {(rule, "error", column.name)} <= set(breaches)
    assert {name for _, _, name in breaches} == {column.name}


# Export.


def test_a_contract_becomes_a_table_schema() -> None:
    flag = SeenColumn("flag", "boolean", 10_000, 0, levels={"yes": 5000, "no": 5000})
    day = SeenColumn("day", "date", 9000, 1000)
    assert table_schema(contract(table(number(), text(), flag, day, SeenColumn("gap", "empty", 0, 10_000)))) == {
        "fields": [
            {"name": "age", "type": "number", "constraints": {"required": True, "minimum": 0.0, "maximum": 100.0}},
            {"name": "city", "type": "string", "constraints": {"required": True, "enum": ["Oslo", "Rome"]}},
            {
                "name": "flag", "type": "boolean", "trueValues": ["yes", "Yes", "YES"],
                "falseValues": ["no", "No", "NO"], "constraints": {"required": True},
            },
            {"name": "day", "type": "date", "format": "any"},
            {"name": "gap", "type": "any"},
            {"name": "label", "type": "string", "constraints": {"required": True, "enum": ["no", "yes"]}},
        ],
        "missingValues": ["", "NA"],
    }  # fmt: skip


def test_the_command_prints_the_schema_or_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "contract.json"
    path.write_text(contract().text())
    assert main([str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == table_schema(contract())
    path.write_text("{")
    assert main([str(path)]) == 1
    assert "Invalid JSON" in capsys.readouterr().err
    assert main([]) == 2


# Documentation.


def test_docs_list_every_rule_with_its_defaults() -> None:
    section = (ROOT / "docs" / "contract.md").read_text().split("\n## ")[1]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
    defaults = {}
    for name, field in ContractRules.model_fields.items():
        default = field.default
        both = [default.warn, default.error] if isinstance(default, Thresholds) else []
        defaults[name] = " / ".join("none" if one is None else f"{one:,g}" for one in both) if both else default
    assert {name: default.strip() for name, default in rows} == defaults


def test_every_rule_has_its_advice() -> None:
    assert {f"contract_{name}" for name in ContractRules.model_fields} | {"contract_reset"} == {
        rule.value for rule in Rule if rule.value.startswith("contract_")
    }
    assert all(FIX[rule].endswith(".") for rule in Rule if rule.value.startswith("contract_"))
