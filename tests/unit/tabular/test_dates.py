"""Dates as people and programs write them: read where a whole column is so, named where they are not."""

from __future__ import annotations

import datetime
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.dataset.dates import DateForm, DateFormat, date_pattern, first_year_of, read_date, zone_of
from sluice.dataset.numbers import Duration
from sluice.dataset.recipe import Cell, DateColumn, NumberColumn, RecordError
from tabular.columns import Kind, Reading, reading_of
from tabular.dates import NUMBER_LIKE_DATE, day, hour, seconds_of_day
from tabular.forms import count_forms, unread_text
from tabular.notation import number
from tests.search import examples
from tests.shared import shared_case
from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def name(moment: datetime.datetime) -> str:
    return MONTHS[moment.month - 1]


def weekday(moment: datetime.datetime) -> str:
    return DAYS[moment.weekday()]


type Writer = Callable[[datetime.datetime], str]

WRITERS: dict[str, tuple[Writer, DateForm]] = {
    "iso": (lambda d: f"{d:%Y-%m-%d}", DateForm("iso")),
    "iso, offset": (lambda d: f"{d:%Y-%m-%dT%H:%M:%S}+02:00", DateForm("iso", "+02:00")),
    "iso, offset without a colon": (lambda d: f"{d:%Y-%m-%d %H:%M}-0530", DateForm("iso", "-05:30")),
    "iso, no offset": (lambda d: f"{d:%Y-%m-%dT%H:%M:%S}+0000", DateForm("iso")),
    "unpadded": (lambda d: f"{d.year}-{d.month}-{d.day}", DateForm("year_first")),
    "slashes": (lambda d: f"{d:%d/%m/%Y %H:%M}", DateForm("day_first")),
    "slashes, offset": (lambda d: f"{d:%d/%m/%Y %H:%M} +0100", DateForm("day_first", "+01:00")),
    "american": (
        lambda d: f"{d:%m/%d/%Y} {(d.hour + 11) % 12 + 1}:{d:%M} {'AP'[d.hour // 12]}M",
        DateForm("month_first"),
    ),
    "in letters": (lambda d: f"{d.day}. {name(d)} {d.year}", DateForm("day_name")),
    "SAS": (lambda d: f"{d:%d}{name(d).upper()}{d.year}:{d:%H:%M:%S}", DateForm("day_name")),
    "ordinals": (lambda d: f"{name(d)} {d.day}th, {d.year}", DateForm("name_day")),
    "year and letters": (lambda d: f"{d.year}-{name(d)}-{d:%d}", DateForm("year_name_day")),
    "ctime": (lambda d: f"{weekday(d)} {name(d)} {d.day:2d} {d:%H:%M:%S} {d.year}", DateForm("ctime")),
    "date(1)": (lambda d: f"{weekday(d)} {name(d)} {d.day:2d} {d:%H:%M:%S} CET {d.year}", DateForm("ctime", "CET")),
    "RFC 2822": (
        lambda d: f"{weekday(d)}, {d:%d} {name(d)} {d.year} {d:%H:%M:%S} -0800",
        DateForm("day_name", "-08:00"),
    ),
    "RFC 7231": (lambda d: f"{weekday(d)}, {d:%d} {name(d)} {d.year} {d:%H:%M:%S} GMT", DateForm("day_name")),
    "Apache": (lambda d: f"{d:%d}/{name(d)}/{d.year}:{d:%H:%M:%S} +0200", DateForm("day_name", "+02:00")),
    "JavaScript": (
        lambda d: f"{weekday(d)} {name(d)} {d:%d} {d.year} {d:%H:%M:%S} GMT+0200 (Central European Summer Time)",
        DateForm("name_day", "+02:00"),
    ),
    "yyyymmdd": (lambda d: f"{d:%Y%m%d}", DateForm("digits_year_first")),
    "yyyymmdd of pandas": (lambda d: f"{d:%Y%m%d}.0", DateForm("digits_year_first")),
    "yyyymmddhhmmss": (lambda d: f"{d:%Y%m%d%H%M%S}", DateForm("digits_year_first")),
    "ddmmyyyy": (lambda d: f"{d:%d%m%Y}", DateForm("digits_day_first")),
    "mmddyyyy": (lambda d: f"{d:%m%d%Y}", DateForm("digits_month_first")),
    "mddyyyy": (lambda d: str(int(f"{d:%m%d%Y}")), DateForm("digits_month_first")),
    "dd.mm.yy": (lambda d: f"{d:%d.%m.%y}", DateForm("day_first", first_year=1969)),
    "dd/mm/yy": (lambda d: f"{d:%d/%m/%y %H:%M}", DateForm("day_first", first_year=1969)),
    "m/d/yy": (lambda d: f"{d.month}/{d.day}/{d:%y}", DateForm("month_first", first_year=1969)),
    "yy-mm-dd": (lambda d: f"{d:%y-%m-%d}", DateForm("year_first", first_year=1969)),
    "dd-Mon-yy": (lambda d: f"{d:%d}-{name(d)}-{d:%y}", DateForm("day_name", first_year=1969)),
    "Mon d, 'yy": (lambda d: f"{name(d)} {d.day}, '{d:%y}", DateForm("name_day", first_year=1969)),
}
"""By a way of writing: how a day is written, and the form that a column of it is found to have."""

PERIODS: dict[str, tuple[Writer, DateForm, int]] = {
    "yyyy-mm": (lambda d: f"{d:%Y-%m}", DateForm("year_month"), 1),
    "yyyyMmm": (lambda d: f"{d.year}M{d:%m}", DateForm("year_month"), 1),
    "mm/yyyy": (lambda d: f"{d:%m/%Y}", DateForm("month_year"), 1),
    "mm.yyyy": (lambda d: f"{d:%m.%Y}", DateForm("month_year"), 1),
    "Mon yyyy": (lambda d: f"{name(d)} {d.year}", DateForm("name_year"), 1),
    "Mon-yyyy": (lambda d: f"{name(d)}-{d.year}", DateForm("name_year"), 1),
    "Mon-yy": (lambda d: f"{name(d)}-{d:%y}", DateForm("name_year", first_year=1969), 1),
    "yyyy Mon": (lambda d: f"{d.year} {name(d)}", DateForm("year_name"), 1),
    "yyyyQq": (lambda d: f"{d.year}Q{(d.month + 2) // 3}", DateForm("year_quarter"), 3),
    "Qq yyyy": (lambda d: f"q{(d.month + 2) // 3} {d.year}", DateForm("quarter_year"), 3),
    "qQyy": (lambda d: f"{(d.month + 2) // 3}Q{d:%y}", DateForm("quarter_year", first_year=1969), 3),
}
"""By a way of writing: how a month or a quarter is written, the form of such a column, and how many months it has."""


def moments(seed: int, count: int = 300, first: int = 2015, last: int = 2026) -> list[datetime.datetime]:
    chance = random.Random(seed)  # noqa: S311 - rows, not secrets
    start, stop = datetime.datetime(first, 1, 1), datetime.datetime(last + 1, 1, 1)  # noqa: DTZ001 - a cell has no zone
    seconds = int((stop - start).total_seconds())
    return [start + datetime.timedelta(seconds=chance.randrange(seconds)) for _ in range(count)]


def forms_of(cells: Sequence[str]) -> Counter[str]:
    counted = Counter(cells)
    columns = {"column": [0] * len(counted), "cell": list(counted), "rows": list(counted.values())}
    return count_forms(pl.DataFrame(columns))[0]


def reading(cells: Sequence[str]) -> Reading:
    return reading_of(forms_of(cells), b",", asked=True)


def warnings(cells: Sequence[str]) -> list[str]:
    return [finding.what for finding in unread_text("x", forms_of(cells))]


def engine(cells: Sequence[str], form: DateForm) -> list[tuple[datetime.date | None, int | None]]:
    cell = pl.col("cell")
    return pl.DataFrame({"cell": cells}).select(day(cell, form).alias("day"), hour(cell, form).alias("hour")).rows()


@given(st.sampled_from(sorted(WRITERS)), st.integers(0, 10**6))
@settings(max_examples=examples(90), deadline=None)
def test_a_column_of_dates_is_read_in_its_form_and_alike_by_the_engine_and_for_a_record(way: str, seed: int) -> None:
    write, form = WRITERS[way]
    days = moments(seed)
    cells = [write(one) for one in days]
    found = reading(cells)
    assert (found.kind, found.date) == (Kind.DATE, form)
    told = engine(cells, form)
    assert told == [read_date(cell, form) for cell in cells]
    assert [one for one, _ in told] == [one.date() for one in days]
    if re.search("[0-9]:[0-9]", cells[0]) or way == "yyyymmddhhmmss":
        assert [hours for _, hours in told] == [one.hour for one in days]


@given(st.sampled_from(sorted(PERIODS)), st.integers(0, 10**6))
@settings(max_examples=examples(40), deadline=None)
def test_a_column_of_months_or_quarters_is_read_as_their_first_days(way: str, seed: int) -> None:
    write, form, months = PERIODS[way]
    days = moments(seed)
    cells = [write(one) for one in days]
    found = reading(cells)
    assert (found.kind, found.date) == (Kind.DATE, form)
    first = [datetime.date(one.year, one.month - (one.month - 1) % months, 1) for one in days]
    assert engine(cells, form) == [(one, None) for one in first]
    assert [read_date(cell, form) for cell in cells] == [(one, None) for one in first]


def test_a_column_of_weeks_is_read_as_their_mondays() -> None:
    days = moments(7)
    cells = [f"{one:%G}-W{one:%V}" for one in days]
    form = reading(cells).date
    mondays = [(one.date() - datetime.timedelta(one.weekday()), None) for one in days]
    assert form == DateForm("year_week")
    assert engine(cells, form) == mondays
    assert [read_date(cell, form) for cell in cells] == mondays
    assert engine(["2026-W53", "2020-W53"], form)[1] == (datetime.date(2020, 12, 28), None)


FORMS = dict.fromkeys([form for _, form in WRITERS.values()] + [form for _, form, _ in PERIODS.values()])


@pytest.mark.longer
@pytest.mark.parametrize("form", FORMS, ids=str)
@given(data=st.data())
@settings(max_examples=examples(25), deadline=None)
def test_the_engine_and_a_record_agree_on_every_text_of_a_form(form: DateForm, data: st.DataObject) -> None:
    """Also on days that no calendar has, and on texts that nearly have the form."""
    texts = data.draw(st.lists(st.from_regex(form.pattern, fullmatch=True), min_size=1, max_size=10))
    texts = [text for text in texts if text.isascii() or "’" in text]
    cells = [*texts, *(text[:-1] for text in texts), *(f"{text}1" for text in texts), ""]
    told = engine(cells, form)
    for cell, (found, hours) in zip(cells, told, strict=True):
        expected = read_date(cell, form)
        assert (found, None if found is None else hours) == (expected or (None, None)), cell
    counted = forms_of(cells)[f"{form.format} of two digits" if form.is_short else form.format]
    assert counted >= sum(found is not None for found, _ in told)  # and those of other zones


def test_months_without_a_separator_before_the_year_are_dates() -> None:
    cells = [f"{name}{year}" for name in MONTHS for year in ("71", "99", "05")]
    assert reading(cells).date == DateForm("name_year", first_year=1969)


@pytest.mark.parametrize("way", sorted(WRITERS))
def test_what_is_written_of_a_form_is_of_that_form(way: str) -> None:
    """The example that a message gives."""
    form = WRITERS[way][1]
    assert read_date(form.example, form) is not None


def test_a_zone_has_one_spelling() -> None:
    assert [zone_of(text) for text in ("", "Z", "GMT", "+0000", "-00:00", "UTC+00")] == [""] * 6
    assert [zone_of(text) for text in ("+02:00", "+0200", "+02", "GMT+0200")] == ["+02:00"] * 4
    assert (zone_of("-0530"), zone_of("CET")) == ("-05:30", "CET")


def test_a_cell_of_another_offset_does_not_fit_a_column_of_one_offset() -> None:
    form = DateForm("iso", "+02:00")
    cells = ["2026-11-23T14:30+02:00", "2026-11-23T14:30+01:00", "2026-11-23T14:30", "2026-11-23T14:30Z", "2026-11-23"]
    day_of = datetime.date(2026, 11, 23)
    assert [found for found, _ in engine(cells, form)] == [day_of, None, None, None, day_of]


@pytest.mark.parametrize("other", ["+01:00", "", "Z", " CET"])
def test_times_of_several_offsets_are_named_and_not_read(other: str) -> None:
    cells = [f"{one:%Y-%m-%dT%H:%M}{other if i % 5 else '+02:00'}" for i, one in enumerate(moments(1))]
    assert reading(cells).kind is Kind.TEXT
    (said,) = warnings(cells)
    assert said.startswith("nearly all its values are dates with times of more than one offset from UTC")
    assert reading([cell[:16] + "Z" for cell in cells]).kind is Kind.DATE, "in UTC they are read"


# Years of two digits.


@given(st.integers(1900, 2068), st.integers(1, 90))
def test_years_of_two_digits_keep_their_order(first: int, span: int) -> None:
    years = range(first, first + span)
    form = DateForm("day_first", first_year=first_year_of(year % 100 for year in years))
    read = [form.full_year(year % 100) for year in years]
    assert read == [read[0] + i for i in range(span)]
    assert (read[0] - first) % 100 == 0
    assert 1869 <= read[0] <= 2068


@pytest.mark.parametrize(
    ("years", "first"),
    [
        (range(2015, 2027), 1969),
        ([1987, *range(2015, 2027)], 1969),
        (range(1970, 1990), 1969),
        (range(1940, 2012), 1926),
        (range(1955, 1976), 1915),
        ([], 1969),
        (range(1900, 2000), 1969),
    ],
)
def test_the_hundred_years_are_those_of_posix_unless_they_cut_a_column_in_two(years: Sequence[int], first: int) -> None:
    assert first_year_of(year % 100 for year in years) == first


def test_births_are_not_put_into_the_future(judge: Judge) -> None:
    days = moments(5, 200, 1940, 2010)
    judged = judge(with_cells([f"{one:%m/%d/%y}" for one in days]))
    (warning,) = judged.report.warnings
    years = [one.year for one in days]
    assert f"have two digits (`mm/dd/yy`), and are read as {min(years)} to {max(years)}" in warning
    assert values(judged, "x.year") == sorted(map(float, years))


@pytest.mark.parametrize(
    "cells",
    [
        [f"{1 + i % 9:02d}/{1 + i % 7:02d}/{1 + i % 11:02d}" for i in range(200)],
        [f"{1 + i % 28:02d}-{MONTHS[i % 12]}-{1 + i % 27:02d}" for i in range(200)],
        [f"{MONTHS[i % 12]}-{1 + i % 28:02d}" for i in range(200)],
        [f"{1 + i % 28:02d}-{MONTHS[i % 12]}" for i in range(200)],
        [f"{1 + i % 12:02d}/{1 + i % 28:02d}" for i in range(200)],
        [f"{2000 + i % 11}-{1 + i % 11:02d}" for i in range(200)],
        [f"{1 + i % 28}. {('Mai', 'Juni', 'März')[i % 3]} {2020 + i % 5}" for i in range(200)],
        [f"{('enero', 'febrero', 'août')[i % 3]} {2020 + i % 5}" for i in range(200)],
    ],
)
def test_dates_that_cannot_be_told_are_named(cells: list[str]) -> None:
    assert reading(cells).kind is Kind.TEXT
    assert len(warnings(cells)) == 1


# Dates in digits.


@given(st.lists(st.integers(0, 10**9), min_size=50, max_size=200, unique=True))
@settings(deadline=None)
def test_numbers_are_no_dates(numbers: list[int]) -> None:
    assert reading([str(number) for number in numbers]).kind is not Kind.DATE


@pytest.mark.parametrize(
    "numbers",
    [
        range(10_000_000, 10_050_000, 97),
        range(1_000_000, 2_000_000, 1000),
        range(20_200_000, 20_300_000, 331),
        range(1_700_000_000, 1_800_000_000, 86_413),
        range(100_000, 999_999, 1_111),
    ],
)
def test_identifiers_prices_and_epochs_are_numbers(numbers: Sequence[int]) -> None:
    found = reading([str(number) for number in numbers])
    assert found.kind is Kind.NUMBER


def test_all_that_is_a_date_in_digits_is_looked_at_as_one() -> None:
    """What a first look at a column goes by must take whatever the forms take."""
    ways: dict[DateFormat, str] = {
        "digits_year_first": "%Y%m%d",
        "digits_day_first": "%d%m%Y",
        "month_year": "%m.%Y",
    }
    for form, write in ways.items():
        cells = [f"{one:{write}}" for one in moments(2)]
        assert all(re.fullmatch(date_pattern(form), cell) and re.fullmatch(NUMBER_LIKE_DATE, cell) for cell in cells)


def test_dates_in_digits_beside_other_numbers_stay_numbers_with_a_warning(judge: Judge) -> None:
    days = [f"{one:%Y%m%d}" for one in moments(3, 200)]
    judged = judge(with_cells(["99991231" if i % 20 == 0 else one for i, one in enumerate(days)]))
    said = " ".join(judged.report.warnings)
    assert "are dates in digits (`yyyymmdd`), but 10 of its 200 values are not, so it is read as a number" in said
    assert [column.kind for column in judged.report.columns if column.name == "x"] == ["number"]
    listed = judge(with_cells(["99991231" if i % 20 == 0 else one for i, one in enumerate(days)]), missing=["99991231"])
    assert [column.kind for column in listed.report.columns if column.name == "x"] == ["date"]


def test_dates_in_digits_that_have_two_readings_are_numbers_with_a_warning(judge: Judge) -> None:
    judged = judge(with_cells([f"{one.replace(day=1 + one.day % 12):%d%m%Y}" for one in moments(3, 200)]))
    assert "do not show whether the day or the month comes first (`ddmmyyyy`, `mmddyyyy`)" in " ".join(
        judged.report.warnings
    )


def test_numbers_with_separators_of_thousands_are_no_dates(judge: Judge) -> None:
    """As the warning advises."""
    judged = judge(with_cells([f"{int(f'{one:%Y%m%d}'):,}" for one in moments(3, 200)]))
    assert [column.kind for column in judged.report.columns if column.name == "x"] == ["number"]


def test_a_time_with_an_offset_among_times_without_is_a_mistake_of_its_row(judge: Judge) -> None:
    cells = [f"{one:%Y-%m-%dT%H:%M}" for one in moments(3, 200)]
    judged = judge(with_cells([*cells[:7], "2024-01-01T12:00+02:00", *cells[8:]]))
    (rejected,) = judged.rejected_rows
    assert (rejected["line"], rejected["column"], rejected["rule"]) == ("9", "x", "not_a_date")


@pytest.mark.parametrize("cell", ["2024-1-5", "2024/01/05"])
def test_a_date_of_the_same_order_among_iso_dates_is_read(judge: Judge, cell: str) -> None:
    days = [f"{one:%Y-%m-%d}" for one in moments(3, 200)]
    judged = judge(with_cells([*days[:7], cell, *days[8:]]))
    assert judged.report.rows.rejected == 0
    (column,) = [column for column in judged.recipe.columns if column.name == "x"]
    assert judged.recipe.column_numbers(column, cell) == judged.recipe.column_numbers(column, "2024-01-05")


# Times of day.

CLOCKS: dict[str, Writer] = {
    "hh:mm": lambda d: f"{d:%H:%M}",
    "h:mm": lambda d: f"{d.hour}:{d:%M}",
    "hh:mm:ss": lambda d: f"{d:%H:%M:%S}",
    "hh:mm:ss.f": lambda d: f"{d:%H:%M:%S}.25",
    "h:mm AM": lambda d: f"{d.hour % 12 or 12}:{d:%M} {'AP'[d.hour // 12]}M",
    "hh:mm:ssam": lambda d: f"{d.hour % 12 or 12:02d}:{d:%M:%S}{'ap'[d.hour // 12]}m",
    "h p.m.": lambda d: f"{d.hour % 12 or 12} {'ap'[d.hour // 12]}.m.",
}


def seconds_in(way: str, moment: datetime.datetime) -> float:
    minutes = 60 * moment.minute if "m" in way.split(maxsplit=1)[0].lower() else 0
    return 3600 * moment.hour + minutes + moment.second * ("ss" in way) + 0.25 * (".f" in way)


@given(st.sampled_from(sorted(CLOCKS)), st.integers(0, 10**6))
@settings(max_examples=examples(40), deadline=None)
def test_times_of_day_are_seconds_since_midnight_alike_for_files_and_records(way: str, seed: int) -> None:
    days = moments(seed, 120)
    cells = [CLOCKS[way](one) for one in days]
    found = reading(cells)
    assert (found.kind, found.form) == (Kind.NUMBER, Duration(form="time_of_day"))
    assert warnings(cells) == []
    frame = pl.DataFrame({"cell": cells}).select(number(pl.col("cell"), found.notation, found.form))
    expected = [seconds_in(way, one) for one in days]
    assert frame.to_series().to_list() == expected
    column = NumberColumn(name="x", form=found.form)
    assert [list(column.numbers(cell)) for cell in cells] == [[one] for one in expected]


@given(st.lists(st.from_regex("[0-9]{1,2}(:[0-9]{1,2}(:[0-9]{2})?)?( ?[AaPp][Mm])?", fullmatch=True), min_size=1))
@settings(deadline=None)
def test_the_engine_and_a_record_agree_on_every_text_that_may_be_a_time(cells: list[str]) -> None:
    form = Duration(form="time_of_day")
    told = pl.DataFrame({"cell": cells}).select(number(pl.col("cell"), "plain", form)).to_series().to_list()
    assert told == [form.read(cell, "plain") for cell in cells]


@pytest.mark.parametrize("text", ["14", "24:00", "13:00 PM", "0:30 am", "7:60", "7:5", "14:30 Uhr", "-1:00"])
def test_what_is_no_time_of_day_is_none(text: str) -> None:
    assert Duration(form="time_of_day").read(text, "plain") is None


def test_hours_from_24_on_make_a_column_one_of_durations() -> None:
    cells = [f"{i * 7 % 40:02d}:{i * 11 % 60:02d}" for i in range(200)]
    assert reading(cells).form == Duration(form="clock")


def test_the_time_of_day_of_a_table_is_a_number(judge: Judge) -> None:
    judged = judge(shared_case("time_of_day.csv"))
    assert judged.report.verdict == "accepted"
    assert not [finding for finding in judged.report.findings if finding.column == "departure"]
    (found,) = [one for one in judged.recipe.columns if one.name == "departure"]
    assert isinstance(found, NumberColumn)
    assert judged.recipe.column_numbers(found, "07:43") == [7 * 3600 + 43 * 60]
    with pytest.raises(ValueError, match="expected a number such as 14:30"):
        judged.recipe.column_numbers(found, "7:43 in the morning")


# Whole files.


def with_cells(cells: Sequence[str]) -> str:
    rows = data_rows(len(cells))
    return table([f'{row},"{cell}"' for row, cell in zip(rows, cells, strict=True)], f"{HEADER},x")


def values(judged: Judged, feature: str) -> list[float]:
    at = 1 + [one.name for one in judged.recipe.features].index(feature)
    return sorted(float(row[at]) for row in judged.rows())


@pytest.mark.parametrize("way", ["RFC 2822", "mddyyyy", "dd/mm/yy", "iso, offset", "ctime"])
def test_the_training_files_and_a_record_have_the_same_numbers(judge: Judge, way: str) -> None:
    write = WRITERS[way][0]
    cells = [write(one) for one in moments(11, 200)]
    judged = judge(with_cells([cell if i % 10 else "" for i, cell in enumerate(cells)]))
    assert judged.report.verdict == "accepted"
    assert judged.report.rows.rejected == 0
    (column,) = [column for column in judged.recipe.columns if isinstance(column, DateColumn)]
    assert column.form == WRITERS[way][1]
    at = [1 + i for i, feature in enumerate(judged.recipe.features) if feature.source == "x"]
    written = Counter(tuple(row[i] for i in at) for row in judged.rows())
    made = Counter(
        tuple("" if math.isnan(number) else f"{number:.0f}" for number in judged.recipe.column_numbers(column, cell))
        for cell in [cell if i % 10 else "" for i, cell in enumerate(cells)]
    )
    assert written == made


def test_a_number_in_a_record_is_a_date_of_a_column_of_dates_in_digits(judge: Judge) -> None:
    judged = judge(with_cells([f"{one:%Y%m%d}" for one in moments(3, 200)]))
    (column,) = [column for column in judged.recipe.columns if isinstance(column, DateColumn)]
    expected = [2026, 11, 23, 1, 20780]
    assert (
        judged.recipe.column_numbers(column, 20261123) == judged.recipe.column_numbers(column, "20261123") == expected
    )
    assert judged.recipe.column_numbers(column, 20261123.0) == expected
    with pytest.raises(ValueError, match="expected a date such as 20261123"):
        judged.recipe.column_numbers(column, 20261323)


def test_a_record_is_told_how_the_column_writes_its_dates(judge: Judge) -> None:
    judged = judge(with_cells([f"{one:%Y-%m-%dT%H:%M:%S}+02:00" for one in moments(3, 200)]))
    record: dict[str, Cell] = {"age": 3, "city": "Oslo", "note": "x", "score": 0.5, "x": "2026-11-23T10:00:00Z"}
    with pytest.raises(RecordError, match=r"expected a date such as 2026-11-23T14:30:00\+02:00"):
        judged.recipe.apply(record)


def test_a_month_has_no_day_and_no_weekday(judge: Judge) -> None:
    judged = judge(with_cells([f"{name(one)} {one.year}" for one in moments(3, 200)]))
    assert judged.report.warnings == ()
    assert [feature.name for feature in judged.recipe.features if feature.source == "x"] == [
        "x.year",
        "x.month",
        "x.days",
    ]


def test_a_rejected_cell_is_told_how_its_column_writes_dates(judge: Judge) -> None:
    cells = [f"{one.day}. {name(one)} {one.year}" for one in moments(3, 200)]
    judged = judge(with_cells(["2026-11-23", *cells[1:]]))
    (rejected,) = judged.rejected_rows
    assert rejected["what"] == "`2026-11-23` is not a date such as 23 Nov 2026"


@pytest.mark.parametrize("way", ["SAS", "yyyymmddhhmmss", "ctime", "american", "RFC 2822"])
def test_a_split_by_time_goes_by_the_second_in_every_form(way: str) -> None:
    write, form = WRITERS[way]
    days = moments(4, 50)
    cells = pl.DataFrame({"cell": [write(one) for one in days]})
    told = cells.select(seconds_of_day(pl.col("cell"), form)).to_series().to_list()
    has_seconds = way != "american"
    assert told == [one.hour * 3600 + one.minute * 60 + one.second * has_seconds for one in days]


@pytest.mark.parametrize(
    ("case", "column", "form", "warned"),
    [
        ("month_year", "opened", DateForm("name_year"), ""),
        ("mmddyyyy_integers", "date", DateForm("digits_month_first"), "date_format"),
        ("dd_mon_yy", "date", DateForm("day_name", first_year=1969), "date_format"),
    ],
)
def test_a_table_that_was_misread_is_read(judge: Judge, case: str, column: str, form: DateForm, warned: str) -> None:
    judged = judge(shared_case(f"{case}.csv"))
    assert judged.report.verdict == "accepted"
    (found,) = [one for one in judged.recipe.columns if isinstance(one, DateColumn)]
    assert (found.name, found.form) == (column, form)
    assert [finding.rule for finding in judged.report.findings if finding.column == column] == (
        [warned] if warned else []
    )
