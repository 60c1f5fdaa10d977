"""Which columns move on by nature: calendar numbers, counters, months and weekdays.

They are recognised when a contract is made, by their values, by their order in the file and, if values cannot tell, by
their names. What is recognised is written into the contract, where a person may change it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.movement import EPOCHS, Moves, Unit, unit_of
from sluice.dataset.recipe import DroppedColumn, Recipe
from tabular.census import Census
from tabular.columns import Kind, Profile

MIN_TREND: Final = 0.99
"""Correlation of a counter with the order of the rows. A sorted normal sample has 0.977, a sorted skewed one less."""

MIN_TREND_IF_NAMED: Final = 0.9
MIN_DIFFERENT: Final = 0.9
"""Share of different numbers among those of a counter that its name does not tell."""

MIN_MISSED_REPEATS: Final = 14.0
"""Pairs of equal numbers that a random sample of the range would have; with none of them (chance: 1e-6) the numbers
are drawn without putting any back, as numbers of cases are."""

_MIN_NUMBERS: Final = 20

_YEARS: Final = "year yr jahr annee ano anno jaar rok god год ar vuosi yil ev etos jahrgang 年 年份 年度 연도 년"
_MONTHS: Final = "month monat mois mes mese maand maned manad miesiac mesic месяц ay kuukausi honap 月 月份 월"
_QUARTERS: Final = "quarter quartal trimestre trimester kwartal kwartaal квартал 季度 四半期 분기"
_WEEKS: Final = "week woche semaine semana settimana uge vecka uke tydzien неделя hafta viikko 周 週 주"
_DAYS: Final = "day tag jour dia giorno dag dzien den день gun paiva nap 日 일"
_WEEKDAYS: Final = "weekday wochentag dow dayofweek dayname ugedag veckodag weekdag 曜日 星期 요일"
_DATES: Final = "date datum fecha data dato dt period periode periodo дата 日期 日付 날짜"
_COUNTERS: Final = (
    "id no nr nro num number nummer numero numer seq sequence counter index idx serial record key номер 番号 编号 번호"
)
_RATES: Final = (
    "per pro par por since seit depuis desde avg mean total sum count anzahl nombre in until bis left remaining"
)
"""Words of a name that make a quantity of a time: calls per day, months since, number of weeks."""

_CYCLES: Final[tuple[tuple[tuple[str, ...], tuple[int, int]], ...]] = (
    ((_WEEKDAYS,), (0, 7)),
    ((_DAYS, _WEEKS), (0, 7)),
    ((_DAYS, _YEARS), (1, 366)),
    ((_WEEKS,), (0, 53)),
    ((_QUARTERS,), (1, 4)),
    ((_MONTHS,), (1, 12)),
    ((_DAYS,), (1, 31)),
)
"""Names of parts of a year, of a month or of a week, and the numbers that these have."""

_MONTH_NAMES: Final = (
    "jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september october "
    "november december sept januar februar marz maerz mai juni juli oktober dezember mrz okt dez janvier fevrier mars "
    "avril juin juillet aout septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre "
    "janeiro fevereiro marco maio junho julho setembro outubro novembro dezembro januari februari maart mei augustus "
    "январь февраль март апрель маи июнь июль август сентябрь октябрь ноябрь декабрь"
)
_WEEKDAY_NAMES: Final = (
    "mon tue wed thu fri sat sun tues thur thurs monday tuesday wednesday thursday friday saturday sunday "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag lundi mardi mercredi jeudi vendredi "
    "samedi dimanche lunes martes miercoles jueves viernes sabado domingo lunedi martedi mercoledi giovedi venerdi "
    "domenica segunda "
    "terca quarta quinta sexta maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "понедельник вторник среда четверг пятница суббота воскресенье 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 "
    "星期一 星期二 星期三 星期四 星期五 星期六 星期日 周一 周二 周三 周四 周五 周六 周日"
)
_PERIOD_NAMES: Final = (frozenset(_MONTH_NAMES.split()), frozenset(_WEEKDAY_NAMES.split()))
_PERIOD: Final = r"(19|20)[0-9]{2}[ ./_-]?(q[1-4]|w[0-5]?[0-9]|m?(0?[1-9]|1[0-2]))|q[1-4]([ ./_-]?(19|20)[0-9]{2})?"
"""Quarters, weeks and months of a year: 2026-Q4, 2026-W48, 2026-11, Q4 2026; in small letters."""

_MIN_PERIODS: Final = 2
_MAX_PERIODS: Final = 1_000


@dataclass(frozen=True)
class Movement:
    """How a column moves; of a cycle, the least and the greatest number that it may have."""

    moves: Moves
    limits: tuple[float, float] | None = None


def moving_columns(
    census: Census, profiles: Sequence[Profile], recipe: Recipe, by_time: str | None
) -> Mapping[int, Movement]:
    """The columns that move on by nature, of those that the recipe uses.

    Args:
        census: of the file, with a sample of its numbers.
        profiles: of every column.
        recipe: of the file.
        by_time: the column that the split goes by.
    """
    used = {column.name for column in recipe.columns if not isinstance(column, DroppedColumn)}
    found = {}
    for p in profiles:
        if p.name not in used:
            continue
        movement = _of_number(p, census.ordered_sample(f"x{p.position}")) if p.kind is Kind.NUMBER else _of_other(p)
        if movement is None and p.name == by_time:
            movement = Movement("counter")
        if movement is not None:
            found[p.position] = movement
    return found


def _of_other(p: Profile) -> Movement | None:
    if p.kind is Kind.DATE:
        return Movement("calendar")
    if p.kind is Kind.TEXT and p.levels is not None and p.exact and p.distinct >= _MIN_PERIODS:
        texts = [_plain(cell).rstrip(".") for cell in p.levels["cell"].head(_MAX_PERIODS).to_list()]
        if p.levels.height <= _MAX_PERIODS and all(re.fullmatch(_PERIOD, one) for one in texts):
            return Movement("calendar")
        if any(names.issuperset(texts) for names in _PERIOD_NAMES):
            return Movement("cycle")
    return None


def _of_number(p: Profile, sample: pl.DataFrame) -> Movement | None:
    """Args: sample: ``at``, the number of a row, and ``value``."""
    if p.least is None or p.greatest is None:
        return None
    unit = unit_of(p.least, p.greatest)
    if unit in EPOCHS:
        return Movement("calendar")
    if not p.whole:
        return None
    words = _words(p.name)
    if unit in ("years", "months", "days") and _is_dated(unit, words, sample):
        return Movement("calendar")
    if limits := _cycle(words, p.least, p.greatest):
        return Movement("cycle", limits)
    return Movement("counter") if _counts(words, sample) else None


def _is_dated(unit: Unit, words: frozenset[str], sample: pl.DataFrame) -> bool:
    """Whether whole numbers in the range of years, of months or of days are such."""
    values, rises = sample["value"], _trend(sample) >= MIN_TREND_IF_NAMED
    if unit == "years":
        return _says(words, _YEARS) or rises
    named = any(_says(words, names) for names in (_YEARS, _MONTHS, _DAYS, _DATES))
    # Of other whole numbers in these ranges, one in ten or fewer are dates.
    return _are_dates(values, in_days=unit == "days") and (named or rises or values.n_unique() >= _MIN_NUMBERS)


def _counts(words: frozenset[str], sample: pl.DataFrame) -> bool:
    values = sample["value"]
    different = values.n_unique()
    if different < _MIN_NUMBERS:
        return False
    trend = _trend(sample)
    if _says(words, _COUNTERS) and trend >= MIN_TREND_IF_NAMED:
        return True
    if trend >= MIN_TREND and different >= MIN_DIFFERENT * values.len():
        return True
    least, greatest = values.min(), values.max()
    assert isinstance(least, float)  # noqa: S101 - not empty
    assert isinstance(greatest, float)  # noqa: S101
    missed_repeats = values.len() ** 2 / 2 / (greatest - least + 1)
    return different == values.len() and missed_repeats > MIN_MISSED_REPEATS


def _trend(sample: pl.DataFrame) -> float:
    """The correlation of the numbers with the order of their rows, whatever its sign."""
    if sample.height < _MIN_NUMBERS:
        return 0.0
    found = sample.select(pl.corr("at", "value")).item()
    return abs(found) if found is not None and math.isfinite(found) else 0.0


def _are_dates(values: pl.Series, *, in_days: bool) -> bool:
    """Whether numbers such as 20261123, or 202611, are all dates."""
    digits = values.cast(pl.Int64).cast(pl.String) + ("" if in_days else "01")
    return not values.is_empty() and not digits.str.to_date("%Y%m%d", strict=False).has_nulls()


def _cycle(words: frozenset[str], least: float, greatest: float) -> tuple[float, float] | None:
    if _says(words, _RATES):
        return None
    for names, (low, high) in _CYCLES:
        if all(_says(words, one) for one in names):
            return (low, high) if low <= least and greatest <= high else None
    return None


def _says(words: frozenset[str], names: str) -> bool:
    return not words.isdisjoint(names.split())


def _words(name: str) -> frozenset[str]:
    """The words of a column's name, in small letters without accents; ``pickupMonth`` has two."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return frozenset(re.split(r"[\W\d_]+", _plain(apart)))


def _plain(text: str) -> str:
    """In small letters, Latin ones without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in folded if not "\u0300" <= c <= "\u036f"))
