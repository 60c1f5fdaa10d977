"""Numbers as people write them: read where a whole column is so, named where they are not."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from sluice.dataset.config import DatasetConfig
from sluice.dataset.contract import Plan, parse_contract
from sluice.dataset.recipe import DateColumn, NumberColumn
from tabular import validate_table
from tabular.findings import FIX, Rule
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table

ROWS = range(200)


def with_cells(cells: list[str], delimiter: str = ",") -> str:
    """A table without fault, and the cells as its last column, `x`."""
    lines = [
        f'{row.replace(",", delimiter)}{delimiter}"{cell}"' for row, cell in zip(data_rows(200), cells, strict=True)
    ]
    return table(lines, f"{HEADER},x".replace(",", delimiter))


def column(judged: Judged) -> NumberColumn:
    (found,) = [column for column in judged.recipe.columns if column.name == "x"]
    assert isinstance(found, NumberColumn)
    return found


def values(judged: Judged) -> list[float]:
    at = 1 + [feature.source for feature in judged.recipe.features].index("x")
    return sorted(float(row[at]) for row in judged.rows())


@pytest.mark.parametrize(
    ("cell", "delimiter", "notation"),
    [
        ("{thousands}.{rest:03d},{tenth}", ";", "decimal_comma"),
        ("{thousands}.{rest:03d},{tenth}", ",", "decimal_comma"),
        ("{thousands} {rest:03d},{tenth}", ";", "decimal_comma"),
        ("{thousands},{rest:03d}.{tenth}", ",", "thousands_comma"),
        ("{thousands},{rest:03d}.{tenth}", ";", "thousands_comma"),
        ("{thousands} {rest:03d}.{tenth}", ",", "thousands_blank"),
        ("{thousands}'{rest:03d}.{tenth}", ",", "thousands_blank"),
    ],
)
def test_a_column_in_one_notation_is_read_as_numbers(judge: Judge, cell: str, delimiter: str, notation: str) -> None:
    numbers = [(i % 9 + 1, i * 7 % 1000, i % 10) for i in ROWS]
    judged = judge(with_cells([cell.format(thousands=a, rest=b, tenth=c) for a, b, c in numbers], delimiter))
    assert (judged.report.verdict, judged.report.warnings, judged.report.rows.rejected) == ("accepted", (), 0)
    assert column(judged).notation == notation
    assert values(judged) == sorted(1000 * a + b + c / 10 for a, b, c in numbers)


def test_whole_numbers_with_thousands_separators_stay_whole(judge: Judge) -> None:
    judged = judge(with_cells([f"{i * 977:,}.5" if i == 3 else f"{i * 9770007:,}" for i in ROWS]))
    assert not column(judged).integer
    judged = judge(with_cells([f"{i // 2 * 9770007:,}" for i in ROWS]))
    assert column(judged).integer
    assert values(judged) == sorted(i // 2 * 9770007 for i in ROWS)


def test_a_cell_in_another_notation_is_a_mistake_of_its_row(judge: Judge) -> None:
    judged = judge(with_cells(["1.5" if i == 7 else f"{i % 50},{i % 10}" for i in ROWS]))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("9", "x", Rule.NOT_A_NUMBER)
    assert column(judged).notation == "decimal_comma"


@pytest.mark.parametrize("cell", ["5-", "(5)", "−5", "٣", "５"])
def test_one_cell_among_many_that_is_written_as_other_columns_are_is_a_mistake_of_its_row(
    judge: Judge, cell: str
) -> None:
    judged = judge(with_cells([cell if i == 7 else str(i * 37 % 101) for i in ROWS]))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("9", "x", Rule.NOT_A_NUMBER)


def test_few_cells_in_another_notation_do_not_change_how_plain_numbers_are_read(judge: Judge) -> None:
    judged = judge(with_cells(["1,234" if i < 2 else str(i % 50) for i in ROWS]))
    assert [row["rule"] for row in judged.rejected_rows] == [Rule.NOT_A_NUMBER] * 2
    assert column(judged).notation == "plain"


@pytest.mark.parametrize(
    ("proof", "delimiter", "notation", "doubtful"),
    [
        ("1,234", ",", "thousands_comma", True),
        ("1,234", ";", "decimal_comma", True),
        ("3,5", ",", "decimal_comma", False),
        ("0,125", ",", "decimal_comma", False),
        ("1,234.5", ";", "thousands_comma", False),
        ("1,234,567", ";", "thousands_comma", False),
    ],
)
def test_a_comma_before_three_digits_is_read_by_the_other_cells_then_by_the_delimiter(
    judge: Judge, proof: str, delimiter: str, notation: str, doubtful: bool
) -> None:
    judged = judge(with_cells([proof, *(f"{i % 9 + 1},{i * 7 % 1000:03d}" for i in ROWS[1:])], delimiter))
    assert column(judged).notation == notation
    said = "thousands" if notation == "thousands_comma" else "decimals"
    doubt = f"a comma in its numbers may separate thousands or decimals (`0,000`); it is read as {said}"
    expected = f"table.csv, column `x`: {doubt}. {FIX[Rule.NUMBER_NOTATION]}"
    assert judged.report.warnings == ((expected,) if doubtful else ())


def test_a_lone_point_among_decimal_commas_is_read_as_thousands_with_a_warning(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 9 + 1}.500" if i % 2 else f"{i},5" for i in ROWS], ";"))
    assert column(judged).notation == "decimal_comma"
    assert "so a point before three digits (`0.000`) is read as thousands" in judged.report.warnings[0]


@pytest.mark.parametrize(
    ("cell", "said", "rule"),
    [
        ("0{1}/0{1}/2024", "dates that do not show whether the day or the month comes first", Rule.DATE_AS_TEXT),
        ("{1}/{1}/24 10:15", "dates that do not show", Rule.DATE_AS_TEXT),
        ("{1}. März 20{0}", "dates with the month in letters that are no English name", Rule.DATE_AS_TEXT),
        ("2024-01-0{1}T10:15:00+0{1}:00", "dates with times of more than one offset from UTC", Rule.DATE_AS_TEXT),
        ("1{1}-Mar", "dates without a year (`dd-Mon`)", Rule.DATE_AS_TEXT),
        ("20{0}-{0}", "pairs of years or months of a year", Rule.DATE_AS_TEXT),
        ("'{0}.{1}'", "numbers with a quote before them", Rule.NUMBER_AS_TEXT),
    ],
)
def test_numbers_and_dates_that_are_taken_as_text_are_named_without_their_values(
    judge: Judge, cell: str, said: str, rule: Rule
) -> None:
    judged = judge(with_cells([cell.format(10 + i * 7 % 89, 1 + i % 8) for i in ROWS]))
    (warning,) = judged.report.warnings
    assert warning.startswith(f"table.csv, column `x`: nearly all its values are {said}")
    assert warning.endswith(FIX[rule])


def test_a_column_of_several_notations_is_named(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 28 + 1}.5" if i % 3 == 0 else f"{i % 30},5" for i in ROWS]))
    assert "numbers in more than one notation" in judged.report.warnings[0]


def test_text_with_figures_in_it_is_only_text(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 9} rooms, {i % 4} baths" for i in ROWS]))
    assert judged.report.warnings == ()


def test_a_large_table_is_asked_by_a_sample_and_then_on_all_rows(judge: Judge) -> None:
    rows = [f'{row},"{i % 50},{i % 10}",{"$€"[i % 2]}{i % 90}' for i, row in enumerate(data_rows(45_000))]
    rows[44_000] = f'{data_rows(1)[0]},"1,5x",$7'
    judged = judge(table(rows, f"{HEADER},x,share"))
    assert column(judged).notation == "decimal_comma"
    assert [(row["line"], row["column"]) for row in judged.rejected_rows] == [("44002", "x")]
    assert any(
        "column `share`: nearly all its values are numbers in several units" in said for said in judged.report.warnings
    )


def test_a_contract_knows_the_numbers_of_a_notation(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(with_cells([f"{i % 50},{i % 10}" for i in ROWS], ";"), encoding="utf-8")
    config = DatasetConfig.model_validate({})
    validate_table(path, name="t", config=config, default_target=None, out=tmp_path / "out", contract=Plan(makes=1))
    contract = parse_contract((tmp_path / "out" / "contract.json").read_text(encoding="utf-8"), "contract.json")
    (terms,) = [terms for terms in contract.columns or () if terms.name == "x"]
    assert (terms.kind, terms.minimum, terms.maximum) == ("number", 0, 49.9)
    assert terms.bins is not None


DATES = {
    "2024/{m}/{d:02d}": ("year_first", False),
    "2024.{m:02d}.{d:02d}": ("year_first", False),
    "{d}.{m:02d}.2024": ("day_first", False),
    "{d:02d}/{m:02d}/2024": ("day_first", True),
    "{d:02d}-{m:02d}-2024": ("day_first", True),
    "{m}/{d}/2024": ("month_first", True),
    "{d} {name} 2024": ("day_name", False),
    "{d:02d}-{name}-2024": ("day_name", False),
    "{name} {d}, 2024": ("name_day", False),
}
MONTHS = ("January", "Feb", "mar", "Apr.", "MAY", "June", "Jul", "August", "Sept", "Oct", "November", "dec")


@pytest.mark.parametrize("form", DATES)
@pytest.mark.parametrize("time", ["", " 10:15", "T23:59:59.5", " 1:05 PM"])
def test_dates_in_common_formats_become_their_parts(judge: Judge, form: str, time: str) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(i * 7 % 366) for i in ROWS]
    cells = [form.format(d=one.day, m=one.month, name=MONTHS[one.month - 1]) + time for one in days]
    judged = judge(with_cells(cells))
    kind, warned = DATES[form]
    (found,) = [column for column in judged.recipe.columns if isinstance(column, DateColumn)]
    assert (found.format, found.zone, found.first_year) == (kind, "", None)
    assert [warning for warning in judged.report.warnings if "its dates are read with" in warning] == list(
        judged.report.warnings
    )
    assert bool(judged.report.warnings) == warned
    hour = {"": [], " 10:15": [10.0], "T23:59:59.5": [23.0], " 1:05 PM": [13.0]}[time]
    wanted = [[one.year, one.month, one.day, one.isoweekday(), (one - datetime.date(1970, 1, 1)).days] for one in days]
    names = [feature.source for feature in judged.recipe.features]
    places = [1 + i for i, name in enumerate(names) if name == "x"]
    read = sorted([float(row[place]) for place in places] for row in judged.rows())
    assert read == sorted([*map(float, parts), *hour] for parts in wanted)


def test_a_date_of_the_other_order_is_set_aside_and_many_make_the_column_text(judge: Judge) -> None:
    cells = [f"{1 + i % 28:02d}/{1 + i % 12:02d}/2024" for i in ROWS]
    judged = judge(with_cells([*cells[:50], "01/31/2024", *cells[51:]]))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["rule"]) == ("52", "not_a_date")
    mixed = judge(with_cells([cell if i % 2 else "01/31/2024" for i, cell in enumerate(cells)]))
    assert [column.kind for column in mixed.report.columns if column.name == "x"] == ["text"]
    assert "do not show whether the day or the month comes first" in " ".join(mixed.report.warnings)


def test_a_point_before_three_digits_throughout_is_doubted_where_commas_may_be_decimals(judge: Judge) -> None:
    cells = [f"{1 + i % 9}.{i * 7 % 1000:03d}" for i in ROWS]
    judged = judge(with_cells(cells, ";"))
    assert column(judged).notation == "plain"
    assert "may separate thousands; it is read as a decimal point" in judged.report.warnings[0]
    assert judge(with_cells(cells)).report.warnings == ()
    assert judge(with_cells([*cells[:9], "1.5", *cells[10:]], ";")).report.warnings == ()
