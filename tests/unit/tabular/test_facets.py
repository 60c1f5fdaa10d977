"""How the labels fall on the groups of ``facets``, over all rows that are used."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import pytest

from sluice.dataset.config import DatasetConfig, Facet
from sluice.dataset.facets import CountedFacet, FacetCounts, is_member
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table

MISSING = DatasetConfig.model_validate({}).missing
ROWS = list(csv.DictReader(io.StringIO(table(data_rows(240)))))


def counted(judged: Judged) -> tuple[CountedFacet, ...]:
    text = (judged.out / "facets.json").read_text(encoding="utf-8")
    return FacetCounts.model_validate_json(text).facets


def as_counter(facet: CountedFacet) -> dict[tuple[bool, bool, str | None], int]:
    return {(count.member, count.favoured, count.stratum): count.rows for count in facet.counts}


def row_by_row(
    rows: list[dict[str, str]], facet: Facet, favoured: str, notation: Any = None
) -> tuple[dict[tuple[bool, bool, str | None], int], int]:
    """The counts, and the rows in neither group, as one would make them by hand."""
    counts: Counter[tuple[bool, bool, str | None]] = Counter()
    unread = 0
    for row in rows:
        member = is_member(facet, row[facet.column], notation, MISSING)
        if member is None:
            unread += 1
            continue
        stratum = row[facet.condition_on] if facet.condition_on else None
        counts[member, row["label"] == favoured, "" if stratum in MISSING else stratum] += 1
    return dict(counts), unread


@pytest.mark.parametrize("drop", [[], ["city", "age"]])
def test_rows_are_counted_by_group_label_and_stratum_also_of_columns_that_are_dropped(
    judge: Judge, drop: list[str]
) -> None:
    facets: list[dict[str, Any]] = [
        {"column": "city", "group": ["Oslo", " Bern "]},
        {"column": "age", "at_least": 30, "below": 50.5, "favoured_label": "no"},
        {"column": "city", "group": ["Rome"], "condition_on": "note"},
    ]
    judged = judge(table(data_rows(240)), drop=drop, facets=facets)
    assert judged.report.warnings == ()
    found = counted(judged)
    assert [facet.group for facet in found] == ["Oslo,  Bern ", "at least 30 and below 50.5", "Rome"]
    assert [facet.favoured_label for facet in found] == [judged.report.classes[-1], "no", judged.report.classes[-1]]
    assert [facet.notation for facet in found] == [None, "plain", None]
    for facet, made in zip(facets, found, strict=True):
        expected = row_by_row(ROWS, Facet.model_validate(facet), made.favoured_label, made.notation)
        assert (as_counter(made), made.unread) == expected
        assert sum(count.rows for count in made.counts) == judged.report.rows.accepted
    assert {count.stratum for count in found[2].counts} == {"", "x", "z"}


@pytest.mark.parametrize("drop", [[], ["income"]])
def test_numbers_are_read_in_the_notation_of_their_column(judge: Judge, drop: list[str]) -> None:
    """Also where the column is dropped, and its first rows do not tell."""
    cells = [f"{i},5" if i > 2500 else "" if i % 50 == 0 else str(i) for i in range(5000)]
    rows = [f"{cell};{i * 31 % 997};{'yes' if i * 7 % 3 else 'no'}" for i, cell in enumerate(cells)]
    facet = {"column": "income", "at_least": 4000.5}
    judged = judge("\n".join(["income;score;label", *rows]), drop=drop, facets=[facet], positive="yes")
    assert judged.report.rows.rejected == 0, judged.report.reasons
    (found,) = counted(judged)
    assert (found.notation, found.unread) == ("decimal_comma", 51)
    assert sum(count.rows for count in found.counts if count.member) == 1000
    table_rows = [{"income": row.split(";")[0], "label": row.split(";")[2]} for row in rows]
    expected = row_by_row(table_rows, Facet.model_validate(facet), "yes", "decimal_comma")
    assert (as_counter(found), found.unread) == expected


def test_cells_that_are_no_number_are_in_neither_group_and_set_no_row_aside(judge: Judge) -> None:
    rows = [f"{'NA' if i % 10 == 1 else 'old' if i % 10 == 2 else i % 60},{row}" for i, row in enumerate(data_rows())]
    judged = judge(table(rows, header="seniority," + HEADER), drop=["seniority"], facets=[
        {"column": "seniority", "below": 20},
    ])  # fmt: skip
    assert judged.report.rows.rejected == 0
    (found,) = counted(judged)
    assert found.unread == 24
    assert sum(count.rows for count in found.counts) == 96


def test_the_engine_and_python_agree_on_who_is_of_a_group_of_numbers(judge: Judge) -> None:
    cells = [
        "5", "-5", "+5.", ".5", "1e1", "1E400", "-1e400", "inf", "nan", "NaN", "-999", "", "NA", "1_0", "0x1", "٤٢",
        "1,5", "1 000", "007", "5%", "4.999999999999999999", "1e-400", "3.5e38", "true",
    ]  # fmt: skip
    rows = [{"odd": cells[i % len(cells)], "label": row.rpartition(",")[2]} for i, row in enumerate(data_rows(240))]
    lines = [f'"{row["odd"]}",{line}' for row, line in zip(rows, data_rows(240), strict=True)]
    facet = {"column": "odd", "at_least": 5}
    missing = [*MISSING, "-999"]
    judged = judge(table(lines, header="odd," + HEADER), drop=["odd"], facets=[facet], missing=missing)
    (found,) = counted(judged)
    answers = Counter(is_member(Facet.model_validate(facet), row["odd"], found.notation, missing) for row in rows)
    sizes = {member: sum(c.rows for c in found.counts if c.member is member) for member in (True, False)}
    assert sizes | {None: found.unread} == answers
    assert found.unread == 160, "8 of the 24 cells are numbers"


def test_rows_that_are_set_aside_are_not_counted(judge: Judge) -> None:
    rows = data_rows(240)
    rows[7] = "unknown," + rows[7].partition(",")[2]
    judged = judge(table(rows), facets=[{"column": "city", "group": ["Oslo"]}])
    assert judged.report.rows.rejected == 1
    (found,) = counted(judged)
    assert sum(count.rows for count in found.counts) == 239


def test_a_condition_of_too_many_values_is_dropped_with_a_warning(judge: Judge) -> None:
    rows = [f"s{i % 1001},{row}" for i, row in enumerate(data_rows(3000))]
    facets = [{"column": "city", "group": ["Oslo"], "condition_on": "street"}]
    judged = judge(table(rows, header="street," + HEADER), facets=facets)
    (found,) = counted(judged)
    assert found.condition_on is None
    assert {count.stratum for count in found.counts} == {None}
    assert sum(count.rows for count in found.counts) == 3000
    assert any(
        "`street`: `condition_on` names it, but it has more than 1,000" in said for said in judged.report.warnings
    )
    kept = [f"s{i % 1000},{row}" for i, row in enumerate(data_rows(3000))]
    judged = judge(table(kept, header="street," + HEADER), facets=facets)
    assert counted(judged)[0].condition_on == "street"
    assert sum(count.rows for count in counted(judged)[0].counts) == 3000


def test_values_of_a_group_that_do_not_occur_are_named(judge: Judge) -> None:
    judged = judge(table(), facets=[{"column": "city", "group": ["Oslo", "oslo", "Paris"]}])
    (warning,) = judged.report.warnings
    assert warning.startswith(
        "table.csv, column `city`: `facets` names `oslo`, `Paris` as its group, which no accepted row"
    )


def test_without_facets_nothing_is_counted(judge: Judge) -> None:
    assert not (judge(table()).out / "facets.json").exists()


@pytest.mark.parametrize(
    ("config", "rule", "said"),
    [
        (
            {"slices": ["city", "town"]},
            "slice_unknown",
            "`slices` names `town`, which the file does not have; the columns",
        ),
        (
            {"facets": [{"column": "sex", "group": ["f"]}]},
            "facet_unknown",
            "`column` of `facets` names `sex`, which the",
        ),
        (
            {"facets": [{"column": "city", "group": ["Oslo"], "condition_on": "x"}]},
            "facet_unknown",
            "`condition_on` of `facets` names `x`, which the file does not have",
        ),
        ({"facets": [{"column": "label", "group": ["yes"]}]}, "facet_unknown", "`column` of `facets` names the target"),
        (
            {"facets": [{"column": "city", "group": ["Oslo"], "favoured_label": "Yes"}]},
            "facet_label",
            "the facet `city` has `favoured_label: Yes`, which is not a label; the labels are",
        ),
    ],
)
def test_a_configuration_that_does_not_fit_the_file_refuses_it(
    judge: Judge, config: dict[str, Any], rule: str, said: str
) -> None:
    judged = judge(table(), **config)
    assert judged.report.rules == (rule,)
    assert said in judged.report.reasons[0]


def test_of_three_classes_a_facet_must_say_which_one_is_favoured(judge: Judge) -> None:
    rows = [row.replace("no", "maybe") if i % 2 else row for i, row in enumerate(data_rows())]
    facet = {"column": "city", "group": ["Oslo"]}
    judged = judge(table(rows), facets=[facet])
    assert judged.report.rules == ("facet_label",)
    assert (
        "the facet `city` has no `favoured_label`, which must be one of `maybe`, `no`, `yes`"
        in judged.report.reasons[0]
    )
    judged = judge(table(rows), facets=[facet | {"favoured_label": "maybe"}])
    assert counted(judged)[0].favoured_label == "maybe"
