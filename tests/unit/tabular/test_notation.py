"""Numbers as people write them: read where a whole column is so, named where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.config import DatasetConfig
from sluice.contract import Plan, parse_contract
from sluice.recipe import NumberColumn
from tabular import validate_table
from tabular.findings import MEND, Rule
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
    judged = judge(with_cells([f"{i * 977:,}.0" if i == 3 else f"{i * 9770007:,}" for i in ROWS]))
    assert not column(judged).integer
    judged = judge(with_cells([f"{i // 2 * 9770007:,}" for i in ROWS]))
    assert column(judged).integer
    assert values(judged) == sorted(i // 2 * 9770007 for i in ROWS)


def test_a_cell_in_another_notation_is_a_mistake_of_its_row(judge: Judge) -> None:
    judged = judge(with_cells(["1.5" if i == 7 else f"{i % 50},{i % 10}" for i in ROWS]))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("9", "x", Rule.NOT_A_NUMBER)
    assert column(judged).notation == "decimal_comma"


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
    expected = f"table.csv, column `x`: {doubt}. {MEND[Rule.NUMBER_NOTATION]}"
    assert judged.report.warnings == ((expected,) if doubtful else ())


def test_a_lone_point_among_decimal_commas_is_read_as_thousands_with_a_warning(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 9 + 1}.500" if i % 2 else f"{i},5" for i in ROWS], ";"))
    assert column(judged).notation == "decimal_comma"
    assert "so a point before three digits (`0.000`) is read as thousands" in judged.report.warnings[0]


@pytest.mark.parametrize(
    ("cell", "said", "rule"),
    [
        ("{0}.{1}%", "percentages (`0%`)", Rule.NUMBER_AS_TEXT),
        ("{0},{1} %", "percentages (`0%`)", Rule.NUMBER_AS_TEXT),
        ("${0},{1}11.{1}", "amounts of money", Rule.NUMBER_AS_TEXT),
        ("{0},{1}0 €", "amounts of money", Rule.NUMBER_AS_TEXT),
        ("EUR {0}", "amounts of money", Rule.NUMBER_AS_TEXT),
        ("1{1}/0{1}/2024", "dates with the day or the month first", Rule.DATE_AS_TEXT),
        ("{1}.{1}.24 10:15", "dates with the day or the month first", Rule.DATE_AS_TEXT),
        ("2024/{1}/1{1}", "dates as `yyyy/mm/dd`", Rule.DATE_AS_TEXT),
        ("{1} March 20{0}", "dates with the month in letters", Rule.DATE_AS_TEXT),
    ],
)
def test_numbers_and_dates_that_are_taken_as_text_are_named_without_their_values(
    judge: Judge, cell: str, said: str, rule: Rule
) -> None:
    judged = judge(with_cells([cell.format(10 + i * 7 % 89, 1 + i % 9) for i in ROWS]))
    (warning,) = judged.report.warnings
    assert warning.startswith(f"table.csv, column `x`: nearly all its values are {said}")
    assert warning.endswith(MEND[rule])


def test_a_column_of_several_notations_is_named(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 28 + 1}.5" if i % 3 == 0 else f"{i % 30},5" for i in ROWS]))
    assert "numbers in more than one notation" in judged.report.warnings[0]


def test_text_with_figures_in_it_is_only_text(judge: Judge) -> None:
    judged = judge(with_cells([f"{i % 9} rooms, {i % 4} baths" for i in ROWS]))
    assert judged.report.warnings == ()


def test_a_large_table_is_asked_by_a_sample_and_then_on_all_rows(judge: Judge) -> None:
    rows = [f'{row},"{i % 50},{i % 10}",{i % 90}%' for i, row in enumerate(data_rows(45_000))]
    rows[44_000] = f'{data_rows(1)[0]},"1,5x",7%'
    judged = judge(table(rows, f"{HEADER},x,share"))
    assert column(judged).notation == "decimal_comma"
    assert [(row["line"], row["column"]) for row in judged.rejected_rows] == [("44002", "x")]
    assert any("column `share`: nearly all its values are percentages" in said for said in judged.report.warnings)


def test_a_contract_knows_the_numbers_of_a_notation(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(with_cells([f"{i % 50},{i % 10}" for i in ROWS], ";"), encoding="utf-8")
    config = DatasetConfig.model_validate({})
    validate_table(path, name="t", config=config, default_target=None, out=tmp_path / "out", contract=Plan(makes=1))
    contract = parse_contract((tmp_path / "out" / "contract.json").read_text(encoding="utf-8"), "contract.json")
    (terms,) = [terms for terms in contract.columns or () if terms.name == "x"]
    assert (terms.kind, terms.minimum, terms.maximum) == ("number", 0, 49.9)
    assert terms.bins is not None
