"""Classes too small to split are set aside within bounds; a person merges or drops the others."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import Contract, Plan
from tabular import TableReport, validate_table
from tests.search import examples
from tests.shared import shared_case
from tests.unit.tabular.conftest import FIRST, Judge, Judged, data_rows, table

type Sizes = dict[str, int]
"""Rows by label."""


@contextmanager
def judged(content: str, plan: Plan = FIRST, **config: Any) -> Iterator[Judged]:
    """As the fixture of that name, for the many tables of one test."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_text(content, encoding="utf-8")
        parsed = DatasetConfig.model_validate(config)
        yield Judged(
            validate_table(path, name="table.csv", config=parsed, default_target=None, out=out, contract=plan), out
        )


def rows_of(sizes: Sizes, seed: int = 0) -> list[str]:
    """Rows in random order; every one differs."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    np.random.default_rng(seed).shuffle(labels)
    return [
        f"{20 + i % 50},{('Oslo', 'Rome', 'Bern')[i % 3]},x,{i * 0.37:.2f},{label}" for i, label in enumerate(labels)
    ]


def rules(report: TableReport) -> set[str]:
    return {finding.rule.value for finding in report.findings}


def lost(found: Judged) -> Counter[str]:
    """Rules in rejected_rows.csv."""
    return Counter(row["rule"] for row in found.rejected_rows)


LABELS = ("3", "4", "5", "9", "ja", "nein", "Größe XL", "да", "a, b", 'said "so"', "10-19", "z")


@st.composite
def sizes_of_classes(draw: st.DrawFn) -> tuple[Sizes, list[str]]:
    """Two to five classes of 30 rows and more, and some of one to nine."""
    labels = draw(st.permutations(LABELS))
    large, small = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    sizes = {label: draw(st.integers(30, 150)) for label in labels[:large]}
    tiny = {label: draw(st.integers(1, 9)) for label in labels[large : large + small]}
    return {**sizes, **tiny}, sorted(tiny)


def quoted(sizes: Sizes) -> Sizes:
    return {'"' + label.replace('"', '""') + '"': size for label, size in sizes.items()}


def test_the_case_of_four_rows_in_two_thousand(judge: Judge) -> None:
    found = judge(shared_case("tiny_class.csv"), target="grade")
    assert found.report.verdict == "accepted"
    assert found.report.classes == ("3", "4", "5")
    assert (found.report.rows.accepted, found.report.rows.rejected) == (1996, 4)
    assert lost(found) == {"class_set_aside": 4}
    (said,) = [warning for warning in found.report.warnings if "set aside" in warning]
    assert "column `grade`: the class `9` (4 rows)" in said
    assert "`max_rejected_share`" in said
    assert "`classes` in config.yaml" in said


@settings(max_examples=examples(25), deadline=None)
@given(sizes_of_classes(), st.sampled_from([0.0, 0.005, 0.02, 0.1, 0.3]), st.integers(0, 99))
def test_small_classes_are_set_aside_up_to_the_share(sized: tuple[Sizes, list[str]], share: float, seed: int) -> None:
    sizes, small = sized
    total, few = sum(sizes.values()), sum(sizes[label] for label in small)
    with judged(table(rows_of(quoted(sizes), seed)), max_rejected_share=share) as found:
        report = found.report
        if few <= share * total:
            assert report.verdict == "accepted", report.reasons
            assert {*report.classes} == {*sizes} - {*small}
            counted = {label: sum(part[label] for part in report.class_counts.values()) for label in report.classes}
            assert counted == {label: size for label, size in sizes.items() if label not in small}
            assert lost(found) == {"class_set_aside": few}
            assert report.rows.rejected == few
            (warning,) = [finding.what for finding in report.findings if finding.rule == "class_set_aside"]
            assert all(f"`{label}`" in warning for label in small)
        else:
            assert report.rules == ("classes_too_small",)
            assert f"more than the {share:.1%}" in report.reasons[0]
            assert all(f"`{label}`" in report.reasons[0] for label in small)


@pytest.mark.longer
@settings(max_examples=examples(8), deadline=None)
@given(sizes_of_classes(), st.integers(0, 99))
def test_each_way_out_of_too_many_small_classes_leads_to_acceptance(sized: tuple[Sizes, list[str]], seed: int) -> None:
    sizes, small = sized
    large = next(label for label in sizes if label not in small)
    content = table(rows_of(quoted(sizes), seed))
    with judged(content, max_rejected_share=0.0) as found:
        assert found.report.rules == ("classes_too_small",)
    ways_out: tuple[dict[str, Any], ...] = (
        {"classes": {"drop": small}},
        {"classes": {"merge": {large: small}}},
        {"classes": {"merge": {"the rest": [large, *small]}}},
        {"max_rejected_share": 0.9},
    )
    for config in ways_out:
        with judged(content, **{"max_rejected_share": 0.0} | config) as found:
            assert found.report.verdict == "accepted", (config, found.report.reasons)
            assert not {*found.report.classes} & {*small}


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = rows_of({"a": 300, "b": 200, "c": 4, "d": 1})
    seen = []
    for seed in range(3):
        np.random.default_rng(seed).shuffle(rows)
        with judged(table(rows)) as found:
            seen.append((found.report.class_counts, sorted(map(tuple, found.rows()))))
    assert seen[0] == seen[1] == seen[2]


def test_a_small_class_beside_one_other_is_refused(judge: Judge) -> None:
    found = judge(table(rows_of({"no": 500, "yes": 4})))
    assert found.report.rules == ("class_too_small",)
    assert "max_rejected_share" not in found.report.reasons[0]  # it would leave one class


@pytest.mark.parametrize(
    "config",
    [{"positive": "c"}, {"facets": [{"column": "city", "group": ["Oslo"], "favoured_label": "c"}]}],
)
def test_a_small_class_that_the_configuration_names_is_not_set_aside(judge: Judge, config: dict[str, Any]) -> None:
    found = judge(table(rows_of({"a": 600, "b": 300, "c": 4})), **config)
    assert "class_too_small" in found.report.rules


def test_a_small_class_that_looks_like_another_is_refused_and_can_be_merged(judge: Judge) -> None:
    content = table(rows_of({"yes": 300, "no": 600, "Yes": 3}))
    found = judge(content)
    assert "labels_alike" in found.report.rules
    assert "merge them under `classes`" in found.report.reasons[0]
    found = judge(content, classes={"merge": {"yes": ["Yes"]}})
    assert found.report.verdict == "accepted"
    assert found.report.classes == ("no", "yes")


def test_many_labels_of_a_row_or_two_are_no_quantity(judge: Judge) -> None:
    slips = {f"slip{i}": 1 for i in range(60)}
    found = judge(table(rows_of({"a": 5000, "b": 2000, **slips})))
    assert found.report.verdict == "accepted", found.report.reasons
    assert found.report.classes == ("a", "b")
    assert found.report.rows.rejected == 60
    assert "and 50 more" in next(warning for warning in found.report.warnings if "set aside" in warning)


def held_out_labels(found: Judged) -> list[str]:
    with (found.out / "held_out" / "rows.csv").open(encoding="utf-8", newline="") as stream:
        return [row["label"] for row in csv.DictReader(stream)]


@pytest.mark.parametrize("name", ["other", "a, b", 'said "so"', "yes"])
def test_only_merged_labels_are_known_from_then_on(judge: Judge, name: str) -> None:
    rows = rows_of({"no": 300, "yes": 100, "perhaps": 90, "never": 200})
    found = judge(
        table(rows),
        classes={"merge": {name: ["yes", "perhaps"]}, "drop": ["never"]},
        facets=[{"column": "city", "group": ["Oslo"], "favoured_label": name}],
    )
    report = found.report
    assert report.verdict == "accepted", report.reasons
    assert report.classes == ("no", name)
    assert report.rows.rejected == 200
    assert sum(part[name] for part in report.class_counts.values()) == 190
    assert {*held_out_labels(found)} == {"no", name}
    numbers = {label: str(number) for number, label in enumerate(report.classes)}
    assert [numbers[label] for label in held_out_labels(found)] == [row[0] for row in found.part("test")]
    contract = Contract.read((found.out / "contract.json").read_text(encoding="utf-8"))
    assert contract.target is not None
    assert {*(contract.target.classes or ())} == {"no", name}
    assert not rules(report) & {"class_dropped", "class_set_aside"}


def test_a_class_of_dropped_rows_is_no_fault_of_the_file(judge: Judge) -> None:
    found = judge(table(rows_of({"a": 300, "b": 300, "c": 300})), classes={"drop": ["c"]}, max_rejected_share=0)
    assert found.report.verdict == "accepted"
    assert lost(found) == {"class_dropped": 300}
    rows = [*rows_of({"a": 300, "b": 300, "c": 300}), "x,y"]
    found = judge(table(rows), classes={"drop": ["c"]}, max_rejected_share=0)
    assert found.report.rules == ("too_many_rejected",)
    assert "1 of 901 rows" in found.report.reasons[0]


@pytest.mark.parametrize("classes", [{"drop": ["B1"]}, {"merge": {"x": ["a1", "B1"]}}])
def test_a_label_that_the_file_does_not_have_is_refused_with_the_nearest(judge: Judge, classes: dict[str, Any]) -> None:
    content = table(rows_of({"a1": 100, "b1": 100, "c1": 100}))
    found = judge(content, classes=classes)
    assert found.report.rules == ("class_unknown",)
    assert "`classes` names `B1`" in found.report.reasons[0]
    assert "did you mean `b1`?" in found.report.reasons[0]


def test_a_later_file_need_not_have_every_class_that_is_merged_or_dropped() -> None:
    classes = {"merge": {"other": ["c", "d"]}, "drop": ["e"]}
    with judged(table(rows_of({"a": 200, "b": 200, "c": 40, "d": 40, "e": 9})), classes=classes) as found:
        assert found.report.verdict == "accepted", found.report.reasons
        contract = Contract.read((found.out / "contract.json").read_text(encoding="utf-8"))
    later = table(rows_of({"a": 200, "b": 200, "c": 80}, seed=1))
    with judged(later, Plan(held=contract, run_id="b" * 12), classes=classes) as found:
        assert found.report.verdict == "accepted", found.report.reasons
        named = [finding.what for finding in found.report.findings if finding.rule == "class_unknown"]
        assert ["`d`" in what or "`e`" in what for what in named] == [True, True]


def test_a_file_without_small_classes_is_gone_through_once_and_says_nothing(judge: Judge) -> None:
    found = judge(table(data_rows(400)))
    assert found.report.warnings == ()
    assert found.rejected_rows == []
