"""Quantities as people write them: units, currencies, multipliers, durations; and codes, which count nothing."""

from __future__ import annotations

import csv
import io
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.numbers import Duration, DurationForm, Quantity
from sluice.dataset.recipe import Column, NumberColumn, Recipe, RecordError
from tabular import validate_table
from tabular.findings import Rule
from tabular.forms import add_counts, count_forms
from tabular.quantities import MAX_AFFIXES
from tests.search import examples
from tests.shared import shared_case
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table
from tests.unit.tabular.test_notation import ROWS, with_cells

type Write = Callable[[int], str]


def x(judged: Judged) -> Column:
    (found,) = [column for column in judged.recipe.columns if column.name == "x"]
    return found


def judged_cells(judge: Judge, write: Write, delimiter: str = ",") -> Judged:
    cells = [write(i) for i in ROWS]
    quoted = [cell.replace('"', '""') for cell in cells]
    judged = judge(with_cells(quoted, delimiter), leaks="ignore", keep=["x"])
    assert judged.report.verdict == "accepted", judged.report.reasons
    return judged


def features(judged: Judged) -> list[float]:
    at = 1 + [feature.source for feature in judged.recipe.features].index("x")
    return sorted(float(row[at]) for row in judged.rows())


def warned(judged: Judged) -> set[str]:
    return {finding.rule.value for finding in judged.report.findings if finding.column == "x"}


def figure(i: int) -> float:
    return (i * 37 % 997) / 10 + 1


def count(i: int) -> int:
    return 1 + i * 7 % 190


READ: dict[str, tuple[Write, Callable[[int], float]]] = {
    "69.7 kg": (lambda i: f"{figure(i):.1f} kg", figure),
    "69.7kg": (lambda i: f"{figure(i):.1f}kg", figure),
    "a unit of any language": (lambda i: f"{figure(i):.1f} Stück", figure),
    "a unit in another case": (lambda i: f"{figure(i):.1f} {'kg' if i % 3 else 'KG'}", figure),
    "one and several": (lambda i: f"{1 + i % 5} {'room' if i % 5 == 0 else 'rooms'}", lambda i: 1 + i % 5),
    "a no-break blank": (lambda i: f"{figure(i):.1f}\u00a0MHz", figure),
    "decimal commas": (lambda i: f"{figure(i):.1f} kWh".replace(".", ","), figure),
    "percent": (lambda i: f"{figure(i):.1f}%", figure),
    "percent after a blank": (lambda i: f"{figure(i):.1f} %".replace(".", ","), figure),
    "degrees": (
        lambda i: f"{'-' if i % 4 == 0 else ''}{figure(i):.1f} °C",
        lambda i: figure(i) * (-1 if i % 4 == 0 else 1),
    ),
    "dollars": (lambda i: f"${1000 + figure(i):,.2f}", lambda i: 1000 + figure(i)),
    "minus before the currency": (lambda i: f"{'-' if i % 2 else ''}${figure(i):.2f}", lambda i: figure(i) * (-1) ** i),
    "minus after the currency": (lambda i: f"${'-' if i % 2 else ''}{figure(i):.2f}", lambda i: figure(i) * (-1) ** i),
    "dollars in brackets": (
        lambda i: f"(${1000 + figure(i):,.2f})" if i % 2 else f"${1000 + figure(i):,.2f}",
        lambda i: (1000 + figure(i)) * (-1) ** i,
    ),
    "euros behind": (
        lambda i: f"{1000 + figure(i):,.2f} €".translate(str.maketrans(",.", ".,")),
        lambda i: 1000 + figure(i),
    ),
    "a code before": (lambda i: f"EUR {figure(i):.2f}", figure),
    "a code behind": (lambda i: f"{figure(i):.2f} SEK", figure),
    "millions and thousands": (
        lambda i: (f"{figure(i):.1f}M", f"{count(i)}k", str(count(i)))[i * i % 7 % 3],
        lambda i: (figure(i) * 1e6, count(i) * 1e3, count(i))[i * i % 7 % 3],
    ),
    "millions of dollars": (
        lambda i: (f"${figure(i):.1f}M", f"${count(i)}K")[i % 2],
        lambda i: (figure(i) * 1e6, count(i) * 1e3)[i % 2],
    ),
    "millions of euros": (
        lambda i: (f"{figure(i):.1f} Mio. €", f"{count(i)} Tsd. €")[i % 2],
        lambda i: (figure(i) * 1e6, count(i) * 1e3)[i % 2],
    ),
    "thousands alone": (lambda i: f"{count(i)}k", lambda i: count(i) * 1e3),
    "kelvin, not thousands": (lambda i: f"{200 + count(i)} K", lambda i: 200 + count(i)),
    "brackets for a minus": (
        lambda i: f"({figure(i):.1f})" if i % 25 == 0 else f"{figure(i):.1f}",
        lambda i: -figure(i) if i % 25 == 0 else figure(i),
    ),
    "a minus behind": (
        lambda i: f"{figure(i):.1f}-" if i % 3 == 0 else f"{figure(i):.1f}",
        lambda i: -figure(i) if i % 3 == 0 else figure(i),
    ),
    "a typographic minus": (
        lambda i: f"−{figure(i):.1f}" if i % 3 == 0 else f"{figure(i):.1f}",
        lambda i: -figure(i) if i % 3 == 0 else figure(i),
    ),
    "Arabic digits": (lambda i: str(count(i)).translate({48 + n: 0x660 + n for n in range(10)}), count),
    "Devanagari digits": (
        lambda i: str(count(i)).translate({48 + n: 0x966 + n for n in range(10)}),
        count,
    ),
    "full-width digits": (
        lambda i: str(count(i)).translate({48 + n: 0xFF10 + n for n in range(10)}),
        count,
    ),
    "lakhs": (
        lambda i: f"{1 + i % 9},{10 + i % 90},{i * 7 % 1000:03d}" if i % 2 else f"{1 + i % 9},{i * 7 % 1000:03d}",
        lambda i: (
            (1 + i % 9) * 100_000 + (10 + i % 90) * 1000 + i * 7 % 1000 if i % 2 else (1 + i % 9) * 1000 + i * 7 % 1000
        ),
    ),
    "minutes": (lambda i: f"{count(i)} min", count),
    "hours and minutes": (
        lambda i: f"{1 + i % 5}h {i % 60}m" if i % 3 else f"{1 + i % 60}m",
        lambda i: (1 + i % 5) * 3600 + i % 60 * 60 if i % 3 else (1 + i % 60) * 60,
    ),
    "hours beyond a day": (
        lambda i: f"{i % 50}:{i % 60:02d}:{i * 7 % 60:02d}",
        lambda i: i % 50 * 3600 + i % 60 * 60 + i * 7 % 60,
    ),
    "pandas' timedeltas": (
        lambda i: f"{i % 9} days {i % 24:02d}:{i % 60:02d}:00",
        lambda i: i % 9 * 86_400 + i % 24 * 3600 + i % 60 * 60,
    ),
    "ISO durations": (
        lambda i: f"PT{1 + i % 9}H{i % 60}M" if i % 4 else f"PT{count(i)}S",
        lambda i: (1 + i % 9) * 3600 + i % 60 * 60 if i % 4 else count(i),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_quantity_that_a_whole_column_writes_in_one_way_is_a_number(judge: Judge, name: str) -> None:
    write, value = READ[name]
    judged = judged_cells(judge, write)
    column = x(judged)
    assert isinstance(column, NumberColumn)
    assert warned(judged) <= {"inexact_integers"}
    assert features(judged) == pytest.approx(sorted(value(i) for i in ROWS))
    for i in ROWS:
        (number,) = judged.recipe.column_numbers(column, write(i))
        assert number == pytest.approx(value(i))


@pytest.mark.parametrize(
    ("write", "said", "value"),
    [
        (
            lambda i: f"{count(i)} kg" if i % 8 else f"{count(i)} g",
            "its numbers are in several units (`kg`, `g`), and all are read in `kg`",
            lambda i: count(i) if i % 8 else count(i) / 1000,
        ),
        (
            lambda i: f"{count(i)} MB" if i % 3 else f"{1 + i % 9} GB",
            "its numbers are in several units (`MB`, `GB`), and all are read in `MB`",
            lambda i: count(i) if i % 3 else (1 + i % 9) * 1000,
        ),
        (
            lambda i: f"{count(i)} min" if i % 3 else f"{1 + i % 9} h",
            "its numbers are in several units (`min`, `h`), and all are read in `min`",
            lambda i: count(i) if i % 3 else (1 + i % 9) * 60,
        ),
        (
            lambda i: f"{count(i)}K" if i % 3 else str(count(i)),
            "`K` after its numbers is read as 1,000 times",
            lambda i: count(i) * 1000 if i % 3 else count(i),
        ),
        (
            lambda i: f"{i % 90}:{i % 60:02d}",
            "its durations (`00:00`) may be minutes and seconds; they are read as hours and minutes",
            lambda i: i % 90 * 3600 + i % 60 * 60,
        ),
    ],
)
def test_units_of_one_kind_are_read_in_the_commonest_of_them_and_named(
    judge: Judge, write: Write, said: str, value: Callable[[int], float]
) -> None:
    judged = judged_cells(judge, write)
    assert [finding.what for finding in judged.report.findings if finding.rule is Rule.NUMBER_NOTATION] == [said]
    assert features(judged) == pytest.approx(sorted(value(i) for i in ROWS))


UNREAD: dict[str, tuple[Write, str]] = {
    "two currencies": (lambda i: f"{'$€'[i % 2]}{count(i)}", "numbers in several units (`$`, `€`)"),
    "units of two kinds": (
        lambda i: f"{30 + i} min" if i % 3 else f"{1 + i % 7} Seasons",
        "numbers in several units (`min`, `Seasons`)",
    ),
    "Celsius and Fahrenheit": (lambda i: f"{i} {'°C' if i % 3 else '°F'}", "numbers in several units (`°C`, `°F`)"),
    "a unit or none": (
        lambda i: f"{count(i)} kg" if i % 3 else f"{count(i)}",
        "numbers of which some have a unit and some have none (`0 kg`, `0`)",
    ),
    "feet and inches": (lambda i: f"{4 + i % 3}'{i % 12}\"", "lengths in feet and inches (`0'00\"`)"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_quantities_that_no_one_number_stands_for_are_named_and_as_plain_numbers_are_accepted(
    judge: Judge, name: str
) -> None:
    write, said = UNREAD[name]
    judged = judged_cells(judge, write)
    assert not isinstance(x(judged), NumberColumn)
    (finding,) = [finding for finding in judged.report.findings if finding.rule is Rule.NUMBER_AS_TEXT]
    assert finding.what == f"nearly all its values are {said}, which are not read as such, so it is read as text"
    fixed = judged_cells(judge, lambda i: str(1 + i % 90))  # what the sentence says to do
    assert isinstance(x(fixed), NumberColumn)
    assert warned(fixed) == set()
    dropped = judge(with_cells([write(i).replace('"', '""') for i in ROWS]), drop=["x"])
    assert (dropped.report.verdict, warned(dropped)) == ("accepted", set())


@pytest.mark.parametrize(
    "write",
    [
        lambda i: ("10-20", "20-30", "30-40", "<10", "65+")[i % 5],
        lambda i: ("< 1 year", "1 year", "2 years", "10+ years")[i % 4],
        lambda i: f"{i % 30 * 5}–{i % 30 * 5 + 4}",
        lambda i: f"{2000 + i % 9}-{2010 + i % 7}",
    ],
)
def test_ranges_of_numbers_are_categories_and_named(judge: Judge, write: Write) -> None:
    judged = judged_cells(judge, write)
    assert not isinstance(x(judged), NumberColumn)
    assert warned(judged) == {"number_ranges"}


@pytest.mark.parametrize(
    "write",
    [
        lambda i: ("<=50K", ">50K")[i % 2],
        lambda i: f"A{i % 90}",
        lambda i: f"{i % 30}{'ABCDEF'[i % 6]}",
        lambda i: ("4x4", "4x2", "2x2")[i % 3],
        lambda i: ("1st", "2nd", "3rd", "4th")[i % 4],
        lambda i: f"{1 + i % 30}th",
        lambda i: ("320i", "330d", "118i", "520d")[i % 4],
        lambda i: ("low (1)", "mid (2)", "high (3)")[i % 3],
        lambda i: f"{1000 + i % 40} {'ABCDEFGH'[i % 8]}{'KLMN'[i % 4]}",
        lambda i: f"SW{i % 9} {i % 7}AA",
        lambda i: f"{i % 50} {('Main', 'Oak', 'Elm')[i % 3]} {('St', 'Rd')[i % 2]}",
        lambda i: f"{i % 5}-{i * 3 % 5}",
        lambda i: f"{200 + count(i)}-{i * 37 % 10_000:04d}",
        lambda i: f"{i % 9}.{i % 7}.{i % 5}",
    ],
)
def test_what_only_has_figures_in_it_stays_text_and_nothing_is_said_of_it(judge: Judge, write: Write) -> None:
    judged = judged_cells(judge, write)
    assert not isinstance(x(judged), NumberColumn)
    assert warned(judged) == set()


def test_a_cell_in_another_unit_is_a_fault_of_its_row(judge: Judge) -> None:
    judged = judged_cells(judge, lambda i: f"{count(i)} bhp" if i != 7 else "9 furlongs")
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("9", "x", "not_a_number")
    with pytest.raises(RecordError, match=r"expected a number such as 12\.5 bhp"):
        judged.recipe.apply({"age": 1, "city": "Oslo", "note": "", "score": 1, "x": "9 furlongs"})
    assert math.isfinite(judged.recipe.apply({"age": 1, "city": "Oslo", "note": "", "score": 1, "x": 9})[-1])


def test_units_that_begin_late_in_a_large_file_are_found_whatever_the_order_of_the_rows(judge: Judge) -> None:
    rows = data_rows(6_000)
    cells = [f"{1 + i % 900}k" if i >= 5_400 else str(1 + i % 900) for i in range(6_000)]
    late = judge(
        table([f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)], f"{HEADER},x"),
        leaks="ignore",
        keep=["x"],
    )
    early = judge(
        table([f"{row},{cell}" for row, cell in zip(rows, reversed(cells), strict=True)], f"{HEADER},x"),
        leaks="ignore",
        keep=["x"],
    )
    for judged in (late, early):
        column = x(judged)
        assert isinstance(column, NumberColumn)
        assert isinstance(column.form, Quantity)
        assert judged.report.rows.rejected == 0


CODES: dict[str, Write] = {
    "postcodes": lambda i: f"{i % 60 * 1234 % 100_000:05d}",
    "few of them begin with 0": lambda i: f"{501 if i % 40 == 0 else 10_000 + i % 60:05d}",
    "card numbers": lambda i: f"4{i % 60 * 98_765_432_123 % 10**15:015d}",
    "telephone numbers": lambda i: f"+4917{i % 60 * 7919:08d}",
}


@pytest.mark.parametrize("name", CODES)
def test_digits_that_count_nothing_are_categories(judge: Judge, name: str) -> None:
    judged = judged_cells(judge, CODES[name])
    assert x(judged).kind in {"one_hot", "frequency_rank"}
    assert warned(judged) == set()


@pytest.mark.parametrize(
    "write",
    [
        lambda i: f"{1 + i % 12:02d}",
        lambda i: f"0{i % 30}" if i % 5 == 0 else f"{1000 + i % 30}",
    ],
)
def test_codes_that_may_be_quantities_are_named_and_without_zeros_are_numbers(judge: Judge, write: Write) -> None:
    judged = judged_cells(judge, write)
    assert x(judged).kind in {"one_hot", "frequency_rank"}
    assert warned(judged) == {"leading_zeros"}
    assert isinstance(x(judged_cells(judge, lambda i: str(int(write(i))))), NumberColumn)


@pytest.mark.parametrize(
    "write",
    [
        lambda i: str(i * 37 % 9999),
        lambda i: f"0.{i % 90:02d}" if i % 3 else "0",
        lambda i: "007" if i == 5 else str(i % 90),
        lambda i: f"16{i * 10**12 + 10**16}",
        lambda i: f"+{i % 9}.5" if i % 2 else f"-0{i % 9}",
    ],
    ids=["whole numbers", "shares", "one that is padded", "nanoseconds since 1970", "signed"],
)
def test_numbers_are_no_codes(judge: Judge, write: Write) -> None:
    judged = judged_cells(judge, write)
    assert isinstance(x(judged), NumberColumn)
    assert warned(judged) <= {"inexact_integers"}


def test_codes_that_begin_late_in_a_large_file_are_found(judge: Judge) -> None:
    rows = data_rows(5_000)
    cells = [f"{99_000 - i % 4500 * 21:05d}" for i in range(5_000)]
    assert not any(cell.startswith("0") for cell in cells[:2000])
    judged = judge(table([f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)], f"{HEADER},x"))
    assert not isinstance(x(judged), NumberColumn)


def test_a_code_that_the_split_goes_by_is_a_number(judge: Judge) -> None:
    rows = [f"{row},{i % 150:04d}" for i, row in enumerate(data_rows(150))]
    judged = judge(table(rows, f"{HEADER},x"), split={"by_time": "x"})
    assert judged.report.verdict == "accepted"


def test_the_case_of_units_is_read_in_its_unit(judge: Judge) -> None:
    judged = judge(shared_case("units.csv"), target="label")
    (weight,) = [column for column in judged.recipe.columns if column.name == "weight"]
    assert isinstance(weight, NumberColumn)
    assert weight.form == Quantity(units={"kg": 1.0})
    assert weight.minimum is not None
    assert weight.minimum >= 40  # kilograms


def test_the_case_of_leading_zeros_is_text(judge: Judge) -> None:
    judged = judge(shared_case("leading_zeros.csv"), target="label")
    assert {column.name: column.kind for column in judged.report.columns}["postcode"] == "text"


# Properties.

UNITS = st.sampled_from(
    ["kg", "km/h", "Stück", "%", "m²", "µg", "°C", "l/100km", "USD", "€", "pcs.", "GHz", "руб", "元"]
)
CURRENCIES = st.sampled_from(["", "$", "€", "£", "US$", "CHF", "R$", "₹"])
GAPS = st.sampled_from(["", " ", "\u00a0", "\u202f"])
SEPARATED = st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ","), ("'", ".")])


@st.composite
def columns(draw: st.DrawFn) -> list[tuple[str, float]]:
    """Cells of a column with what they mean: one unit or currency, one notation, one way to write a minus."""
    currency = draw(CURRENCIES)
    unit = "" if currency else draw(UNITS)
    gap, (thousands, point) = draw(GAPS), draw(SEPARATED)
    minus = draw(st.sampled_from(["{0}", "-{0}", "({0})", "{0}-", "−{0}"]))
    rows = draw(st.integers(60, 90))
    seed = draw(st.integers(0, 10**9))
    cells = []
    for i in range(rows):
        number = ((seed + i * 104_729_311) % 500_000_000 + 100) / 100
        figures = f"{number:,.2f}".replace(",", "T").replace(".", point).replace("T", thousands)
        cell = f"{currency}{gap if currency else ''}{figures}{gap if unit else ''}{unit}"
        negative = i % 3 == 0 and minus != "{0}"
        cells.append((minus.format(cell) if negative else cell, -number if negative else number))
    return cells


def recipe_of(cells: list[str]) -> tuple[Recipe, list[float], int]:
    """The recipe of a table with that column, its features in the order of the rows, and how many rows are rejected."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "x", "label"])
    # The row's number as a fraction, so that each row of the parts is known again.
    writer.writerows([f"{i * 37 % 101}.5", cell, "ab"[i % 2]] for i, cell in enumerate(cells))
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        report = validate_table(
            path, name="table.csv", config=DatasetConfig.model_validate({}), default_target=None, out=out
        )
        assert report.verdict == "accepted", report.reasons
        recipe = Recipe.model_validate_json((out / "recipe.json").read_text(encoding="utf-8"))
        made = {}
        for part in ("train", "validation", "test"):
            for line in (out / part / f"{part}.csv").read_text(encoding="ascii").splitlines():
                _, row, value = line.split(",")
                made[float(row)] = float(value)
    return (
        recipe,
        [made[float(f"{i * 37 % 101}.5")] for i in range(len(cells)) if i * 37 % 101 + 0.5 in made],
        report.rows.rejected,
    )


@given(columns())
@settings(max_examples=examples(20), deadline=None)
def test_any_unit_in_any_notation_is_read_alike_from_a_file_and_a_record(cells: list[tuple[str, float]]) -> None:
    recipe, made, rejected = recipe_of([cell for cell, _ in cells])
    assert rejected == 0
    column = recipe.columns[1]
    assert isinstance(column, NumberColumn)
    single = [number for cell, _ in cells for number in recipe.column_numbers(column, cell)]
    assert made == single
    assert single == pytest.approx([value for _, value in cells])
    assert recipe.column_numbers(column, 12.5) == [12.5]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59)), min_size=60, max_size=90),
    st.sampled_from(["clock", "words", "iso"]),
)
@settings(max_examples=examples(10), deadline=None)
def test_durations_are_read_alike_from_a_file_and_a_record(times: list[tuple[int, int, int]], form: str) -> None:
    times = [(99, 59, 1), (30, 1, 2), *times[2:]]  # a clock alone says nothing of less than a day
    written = {"clock": "{0}:{1:02d}:{2:02d}", "words": "{0}h {1}min {2}s", "iso": "PT{0}H{1}M{2}S"}[form]
    recipe, made, _ = recipe_of([written.format(*time) for time in times])
    column = recipe.columns[1]
    assert isinstance(column, NumberColumn)
    assert column.form == Duration(form=form)
    single = [number for time in times for number in recipe.column_numbers(column, written.format(*time))]
    assert made == single == [hours * 3600.0 + minutes * 60 + seconds for hours, minutes, seconds in times]


def forms_of(cells: list[str]) -> Counter[str]:
    return count_forms(pl.DataFrame({"column": [0] * len(cells), "cell": cells, "rows": [1] * len(cells)}))[0]


@pytest.mark.parametrize(
    ("form", "cells"),
    [
        ("clock", ["26:15", "0:00:59.5", "-2 days, 03:04:05", "1 DAY 00:00"]),
        ("words", ["1h30", "90 min", "2 Tage", "5 segundos", "3 días", "1.5 jours", "-7s", "8 Std. 05"]),
        ("iso", ["P3W", "-PT5M", "P1DT0.5S"]),
        ("time_of_day", ["14:30", "2 p.m.", "11PM", "7:05:09 am"]),
    ],
)
def test_each_way_to_write_a_duration_is_counted(form: DurationForm, cells: list[str]) -> None:
    assert [cell for cell in cells if Duration(form=form).read(cell, "plain") is None] == []
    assert forms_of(cells)[f"duration {form}"] == len(cells)


@pytest.mark.parametrize(("cell", "is_range"), [(f"5 {'k' * 10} - 6 {'k' * 10}", 1), (f"5 {'k' * 11} - 6", 0)])
def test_long_words_between_numbers_make_no_range(cell: str, is_range: int) -> None:
    assert forms_of([cell])["range"] == is_range


@pytest.mark.parametrize(("letters", "is_unit"), [(16, 1), (17, 0)])
def test_a_long_text_behind_a_number_is_no_unit(letters: int, is_unit: int) -> None:
    assert forms_of([f"12 {'k' * letters}"])["figures filled"] == is_unit


TEXTS = st.one_of(
    st.sampled_from(["12 kg", "3,5", "$5", "(4.5)", "007", "1h 30m", "26:15:00", "10-20", "n/a", "2024-01-05", "−3"]),
    st.builds(lambda number, unit: f"{number} {unit}", st.integers(0, 99), st.text("abcdefgh", min_size=1, max_size=3)),
)


@given(st.lists(TEXTS, min_size=1, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=examples(60), deadline=None)
def test_forms_that_are_counted_on_parts_of_the_rows_add_up_in_any_order(
    texts: list[str], randomly: random.Random
) -> None:
    def counted(some: list[str]) -> dict[int, Counter[str]]:
        cells = Counter(some)
        return count_forms(
            pl.DataFrame(
                {"column": [0] * len(cells), "cell": [*cells], "rows": [*cells.values()]},
                schema={"column": pl.Int64, "cell": pl.String, "rows": pl.Int64},
            )
        )

    whole = {column: +counts for column, counts in counted(texts).items()}
    shuffled = texts[:]
    randomly.shuffle(shuffled)
    cuts = sorted(randomly.sample(range(len(texts) + 1), k=min(3, len(texts))))
    parts = [
        counted(shuffled[low:high]) for low, high in zip([0, *cuts], [*cuts, len(texts)], strict=True) if low < high
    ]
    randomly.shuffle(parts)
    left: dict[int, Counter[str]] = {}
    for part in parts:
        add_counts(left, part)
    right: dict[int, Counter[str]] = {}
    for part in parts[1:]:
        add_counts(right, part)
    add_counts(right, parts[0])
    assert left == right == whole


def test_the_texts_around_figures_are_forgotten_when_they_are_too_many_whatever_comes_first() -> None:
    def units(numbers: range) -> dict[int, Counter[str]]:
        cells = [f"{i} u{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in numbers]
        return count_forms(pl.DataFrame({"column": [0] * len(cells), "cell": cells, "rows": [1] * len(cells)}))

    few, many = units(range(50)), units(range(50, MAX_AFFIXES + 50))
    totals = []
    for parts in ((few, many), (many, few)):
        total: dict[int, Counter[str]] = {}
        for part in parts:
            add_counts(total, part)
        totals.append(total)
    assert totals[0] == totals[1]
    assert not any(key.startswith("affix ") for key in totals[0][0])
    assert totals[0][0]["filled"] == MAX_AFFIXES + 50
