"""Quantities in text: numbers with a unit, a currency or a multiplier, negative ones in brackets, durations.

What stands around the figures of a column is not guessed from its first rows but counted on all of them: how often each
text stands before and after the figures, up to :data:`MAX_AFFIXES` different ones. Counts are added up, so they do not
depend on how the rows are divided or ordered.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.numbers import (
    BLANK,
    DURATION,
    DURATION_SECONDS,
    FAMILIES,
    HALF_DAY,
    LOOKALIKES,
    MULTIPLES,
    NEGATIVE_MARKS,
    POSITIVE_MARKS,
    SEPARATORS,
    SMALL_MULTIPLES,
    Duration,
    DurationForm,
    Notation,
    Quantity,
    duration_parts,
)
from tabular.patterns import matches, of_groups

MAX_AFFIXES: Final = 200
"""Different texts around the figures of a column's cells; with more they are no units."""

_MAX_NAMED: Final = 5
"""Units that a message names."""

_CURRENCY: Final = (
    r"(?:(?:US|U\.S\.|R|A|AU|C|CA|HK|NZ|S|NT|MX)?\$|\p{Sc}|kr\.?|Kr\.?|Fr\.?|SFr\.?|Rs\.?|zł|Kč|Ft|лв|"
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NGN|NOK|NZD|PEN|PHP|"
    "PKR|PLN|QAR|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR)"
)
_UNIT_SIGNS: Final = r"\p{Sc}%‰°º²³µμ″′"
_UNIT: Final = (
    rf"(?:[cdkm]?m[23]|(?:ft|in|yd)[23]|[\p{{L}}{_UNIT_SIGNS}](?:[\p{{L}}\p{{M}}{_UNIT_SIGNS}./ -]*"
    rf"[\p{{L}}\p{{M}}{_UNIT_SIGNS}.])?)"
)
_MAX_UNIT: Final = 16
"""Characters. In the pattern, the limit would make it ten times as long to get ready."""

_FIGURES: Final = "(?:[0-9](?:[0-9.,'\u2019 \u00a0\u202f]*[0-9])?[.,]?(?:[eE][+-]?[0-9]+)?|[.,][0-9]+)"
_DRESSED: Final = (
    rf"^(?P<lead>[(+-]?){BLANK}(?P<before>(?:{_CURRENCY})?){BLANK}(?P<inner>[(+-]?){BLANK}(?P<figures>{_FIGURES})"
    rf"{BLANK}(?P<tail>[)-]?){BLANK}(?P<after>(?:{_UNIT})?){BLANK}(?P<end>[)-]?)$"
)
"""Figures with what may stand around them."""

STARTS: Final = rf"{_CURRENCY} ?[-+−(]?[.,]?\p{{Nd}}|[-+−]?P(?:\p{{Nd}}|T\p{{Nd}})"
"""How the cells of a quantity may begin, if not with figures or a sign."""

_NO_UNITS: Final = frozenset(
    {"st", "nd", "rd", "th", "er", "e", "ème", "eme", "re", "º", "ª", "am", "pm", "a.m", "p.m", "uhr"}
)
"""What stands after figures and makes a rank or a time of day of them, not a quantity."""

_LETTERS: Final = frozenset({"K", "M", "B", "G", "T"})
"""Multipliers that are units, too: kelvin, metre, byte, gauss, tesla."""

_MONEY: Final = re.compile("(?:[$€£¥₹₽₩₺₫₪฿₦₴]|kr|zł|Kč|Ft|(?<![A-Z])[A-Z]{3})$")
"""A currency at the end of what stands after figures."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

FIGURES_OF: Final = "figures "
"""Before the name of a form: how many cells have figures of that form, with or without something around them."""

_AFFIX: Final = "affix "
_MANY: Final = "affixes many"
_DURATION_FORMS: Final[tuple[DurationForm, ...]] = ("clock", "words", "iso", "time_of_day")
_DURATION_SIGN: Final = r"(?i)[0-9](?::| ?(?:[dhjmst]|[ap]\.?m))|P"
"""What every duration has."""


# The numbers of a chunk.


def quantity(cell: pl.Expr, form: Quantity, notation: Notation) -> pl.Expr:
    """The number that a cell of that form writes, as ``Quantity.read`` has it; otherwise null."""
    text = to_ascii(cell) if form.lookalikes else cell
    marks = pl.concat_str(*(pl.field(mark) for mark in ("lead", "inner", "tail", "end")))
    figures = plain_figures(pl.field("figures"), notation).cast(pl.Float64, strict=False)
    sizes = pl.field("unit").replace_strict(
        list(form.units), list(form.units.values()), default=None, return_dtype=pl.Float64
    )
    number = figures * sizes
    signed = pl.when(marks.is_in([*NEGATIVE_MARKS])).then(-number).when(marks.is_in([*POSITIVE_MARKS])).then(number)
    return of_groups(text, form.pattern(notation), signed)


def duration(cell: pl.Expr, form: DurationForm) -> pl.Expr:
    """The seconds that a cell of that form writes, as ``Duration.read`` has it; otherwise null."""
    return of_groups(cell, DURATION[form], _seconds(form))


def _seconds(form: DurationForm) -> pl.Expr:
    """Of the groups of a form."""
    parts = {part: pl.field(part) for part in duration_parts(form)}
    given = [field.is_not_null() & (field != "") for field in parts.values()]
    amounts = [
        field.cast(pl.Float64, strict=False).fill_null(0.0) * DURATION_SECONDS[part] for part, field in parts.items()
    ]
    seconds = functools.reduce(operator.add, amounts, pl.lit(0.0))  # one after the other, as for a record
    if form == "time_of_day":
        return _since_midnight(seconds)
    signed = pl.when(pl.field("lead") == "-").then(-seconds).otherwise(seconds)
    return pl.when(pl.any_horizontal(given)).then(signed)


def _since_midnight(seconds: pl.Expr) -> pl.Expr:
    half, hours = pl.field("half"), pl.field("hours").cast(pl.Int8, strict=False)
    is_late = half.str.strip_chars().str.to_lowercase().str.starts_with("p")
    by_half = seconds % HALF_DAY + pl.when(is_late).then(float(HALF_DAY)).otherwise(0.0)
    given = half.is_not_null() & (half != "")
    minutes = pl.field("minutes")
    whole = pl.when(minutes.is_not_null() & (minutes != "")).then(seconds)
    return pl.when(given & hours.is_between(1, 12)).then(by_half).when(~given).then(whole)


def to_ascii(cell: pl.Expr) -> pl.Expr:
    return cell.str.replace_many(list(LOOKALIKES), list(LOOKALIKES.values()))


def plain_figures(figures: pl.Expr, notation: Notation) -> pl.Expr:
    """Figures without separators of thousands and with a decimal point."""
    before, after = SEPARATORS[notation]
    for i, mark in reversed(list(enumerate(before))):  # what goes first, or what becomes a point would go with it
        figures = figures.str.replace_all(mark, after[i : i + 1], literal=True)
    return figures


# What a column's cells are like.


def dressed(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells that have figures: ``column``, ``rows``, ``before``, ``figures``, ``after``; ``accounting``: a minus is
    written as accountants do; ``lookalike``: a character stands for one of ASCII.

    Args:
        cells: ``column``, ``cell`` and ``rows``, as ``forms.count_forms`` takes them.
    """
    cell = pl.col("cell")
    is_ascii = cells.select((cell.str.len_bytes() == cell.str.len_chars()).all()).item()
    text = cell if is_ascii else to_ascii(cell)
    found = (
        cells.with_columns(text=text)
        .with_columns(found=pl.col("text").str.extract_groups(_DRESSED))
        .unnest("found")
        .filter(pl.col("figures").is_not_null() & (pl.col("after").str.len_chars() <= _MAX_UNIT))
        .with_columns(marks=pl.concat_str("lead", "inner", "tail", "end"))
        .filter(pl.col("marks").is_in([*POSITIVE_MARKS, *NEGATIVE_MARKS]))
    )
    is_late = (pl.col("marks") == "()") | (pl.concat_str("tail", "end") == "-")
    return found.select(
        "column", "rows", "before", "figures", "after", accounting=is_late, lookalike=pl.col("text") != pl.col("cell")
    )


def count_affixes(found: pl.DataFrame) -> dict[int, Counter[str]]:
    """How often each text stands around the figures of each column, and a minus or a digit is of another kind.

    Args:
        found: as :func:`dressed` gives it.
    """
    affixes = found.group_by("column", "before", "after").agg(
        pl.col("rows").sum(),
        (pl.col("rows") * pl.col("accounting")).sum().alias("accounting"),
        (pl.col("rows") * pl.col("lookalike")).sum().alias("lookalike"),
    )
    few = affixes.filter(pl.len().over("column") <= MAX_AFFIXES)
    counts: dict[int, Counter[str]] = {column: Counter({_MANY: 1}) for column in affixes["column"].unique()}
    for column in few["column"].unique():
        counts[column] = Counter()
    for row in few.iter_rows(named=True):
        counts[row["column"]] += Counter(
            {
                f"{_AFFIX}{row['before']}\t{row['after']}": int(row["rows"]),
                "accounting": int(row["accounting"]),
                "lookalike": int(row["lookalike"]),
            }
        )
    return counts


def durations(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells that may be durations: ``column``, ``rows`` and, by the name of a count, which are durations of each
    form, and which can be nothing else.

    Args:
        cells: as ``forms.count_forms`` takes them.
    """
    cell = pl.col("cell")
    found = cells.filter(cell.str.contains(_DURATION_SIGN))
    forms: dict[str, pl.Expr] = {}
    if found.height:
        forms = {f"duration {form}": duration(cell, form).is_not_null() for form in _DURATION_FORMS}
        parts = pl.sum_horizontal(pl.field(part).is_not_null() for part in duration_parts("words"))
        hours = cell.str.extract(f"^(?:{DURATION['clock']})$", 3).cast(pl.Float64, strict=False)
        is_clock = matches(cell, DURATION["clock"])
        forms |= {
            "duration in parts": of_groups(cell, DURATION["words"], parts) > 1,
            "duration beyond a day": is_clock & ((hours >= 24) | cell.str.contains("(?i)day")),
            "duration without seconds": is_clock & (cell.str.count_matches(":", literal=True) == 1),
        }
    return found.select("column", "rows", **forms)


def bounded(counts: Counter[str]) -> Counter[str]:
    """The counts of a column without those of its affixes if there are too many of them."""
    affixes = [key for key in counts if key.startswith(_AFFIX)]
    if counts[_MANY] or len(affixes) > MAX_AFFIXES:
        return Counter({key: count for key, count in counts.items() if not key.startswith(_AFFIX)} | {_MANY: 1})
    return counts


def figures_in(forms: Mapping[str, int]) -> Counter[str]:
    """The forms of the figures alone."""
    return Counter({key.removeprefix(FIGURES_OF): count for key, count in forms.items() if key.startswith(FIGURES_OF)})


def is_single_form(key: str) -> bool:
    """Whether a count is of cells that are all of one form, so that many of them say that the column is."""
    others = {"filled", _MANY, "accounting", "lookalike"}
    return not key.startswith((FIGURES_OF, _AFFIX, "width ")) and key not in others


def affixes_of(forms: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """How many cells have which texts before and after their figures; none if these are too many."""
    if forms.get(_MANY):
        return {}
    return {
        (before, after): rows
        for key, rows in forms.items()
        if key.startswith(_AFFIX)
        for before, _, after in [key.removeprefix(_AFFIX).partition("\t")]
    }


def may_be_quantity(forms: Mapping[str, int]) -> int:
    """How many cells have figures with something around them."""
    return sum(rows for affix, rows in affixes_of(forms).items() if affix != ("", ""))


@dataclass(frozen=True)
class Units:
    """The way in which a column writes quantities: how many cells are in it, and what is said of other readings."""

    form: Quantity
    count: int
    doubt: str | None = None


def find_units(forms: Mapping[str, int], needed: float) -> Units | None:
    """The way in which the cells of a column write quantities; None if they do not, or not all in one.

    Args:
        forms: of its cells.
        needed: how many cells must be in it.
    """
    affixes = affixes_of(forms)
    accounting, lookalikes = forms.get("accounting", 0) > 0, forms.get("lookalike", 0) > 0
    for before in sorted({before for before, _ in affixes}, reverse=True):
        after = {unit: rows for (currency, unit), rows in affixes.items() if currency == before}
        if sum(after.values()) < needed:
            continue
        found = _sizes(after, needed)
        if found is None or (found[0] == {"": 1.0} and not before and not accounting and not lookalikes):
            continue
        sizes, doubt = found
        form = Quantity(before=before, units=sizes, accounting=accounting, lookalikes=lookalikes)
        return Units(form, sum(rows for unit, rows in after.items() if unit in sizes), doubt)
    return None


type _Sizes = tuple[dict[str, float], str | None]
"""What may stand after the figures, the commonest first, with what each multiplies; and what is said of it."""


def _sizes(after: Mapping[str, int], needed: float) -> _Sizes | None:
    bare = after.get("", 0)
    named = {unit: rows for unit, rows in after.items() if unit}
    if multiples := _multiples(named, bare, needed):
        return multiples
    if family := _family(named, needed):
        return family
    alike: dict[str, list[str]] = {}
    for unit in named:
        alike.setdefault(_spelling(unit), []).append(unit)
    spellings = max(alike.values(), key=lambda units: sum(named[unit] for unit in units), default=[])
    if spellings and sum(named[unit] for unit in spellings) >= needed and not _is_no_unit(spellings[0]):
        spellings = sorted(spellings, key=lambda unit: (-named[unit], unit))
        return dict.fromkeys([*spellings, *_other_numbers(spellings)], 1.0), None
    return ({"": 1.0}, None) if bare >= needed else None


def _multiples(named: Mapping[str, int], bare: int, needed: float) -> _Sizes | None:
    """`1.2M`, `350k`, `1.2 M €`: multipliers, perhaps with a currency behind them."""
    money = max(named, key=lambda unit: (_MONEY.search(unit) is not None, named[unit]), default="")
    behind = found[0] if (found := _MONEY.search(money)) else ""
    by_letter: dict[str, list[str]] = {}
    for unit in named:
        if not behind or unit.endswith(behind):
            by_letter.setdefault(unit.removesuffix(behind).strip(), []).append(unit)
    if behind:
        bare = sum(named[unit] for unit in by_letter.get("", ()))
    letters = {letter: sum(named[unit] for unit in units) for letter, units in by_letter.items() if letter}
    known = [letter for letter in letters if letter in MULTIPLES]
    usual = {**MULTIPLES, **SMALL_MULTIPLES}
    counted = sum(rows for letter, rows in letters.items() if letter in usual)
    if not known or counted + bare < needed or _are_units(letters):
        return None
    alone = known[0] if len(letters) == 1 and known[0] in _LETTERS else None
    if alone and bare < counted / 10:
        return None
    sizes = {behind: 1.0}
    for gap in ("", " ") if behind else ("",):
        sizes |= {f"{letter}{gap}{behind}": size for letter, size in usual.items()}
    return sizes, f"`{alone}` after its numbers is read as {usual[alone]:,.0f} times" if alone else None


def _are_units(letters: Mapping[str, int]) -> bool:
    """Whether one of the texts says that the others are units: `B` beside `MB`, `G` beside `kg`."""
    usual = {*MULTIPLES, *SMALL_MULTIPLES}
    return any(letter in family and letter not in usual for letter in letters for family in FAMILIES)


def _family(named: Mapping[str, int], needed: float) -> _Sizes | None:
    """Several units of one kind, which are read in the commonest of them."""
    for family in FAMILIES:
        known = {unit: rows for unit, rows in named.items() if unit in family}
        if sum(known.values()) < needed or len({family[unit] for unit in known}) == 1:
            continue
        sizes: Counter[float] = Counter()
        for unit, rows in known.items():
            sizes[family[unit]] += rows
        size = max(sizes, key=lambda one: (sizes[one], one))
        main = max((unit for unit in known if family[unit] == size), key=lambda unit: (known[unit], unit))
        others = {unit: one / size for unit, one in family.items() if unit != main}
        common = sorted(known, key=lambda unit: (-known[unit], unit))[:_MAX_NAMED]
        said = ", ".join(f"`{unit}`" for unit in common)
        return {main: 1.0, **others}, f"its numbers are in several units ({said}), and all are read in `{main}`"
    return None


def _spelling(unit: str) -> str:
    """What is the same of a unit that is written in several ways: `Kg` and `kg`, `day` and `days`."""
    folded = unit.lower().rstrip(".")
    return folded.removesuffix("s") if len(folded) > len("abc") else folded


def _other_numbers(units: Sequence[str]) -> list[str]:
    """The singular or plural of words that the column has in one of the two only."""
    words = [unit for unit in units if len(unit) > len("abc") and unit.isalpha() and unit.isascii()]
    others = [word.removesuffix("s") if word.endswith("s") else f"{word}s" for word in words]
    return [word for word in dict.fromkeys(others) if word not in units]


def _is_no_unit(unit: str) -> bool:
    folded = unit.lower().rstrip(".")
    return folded in _NO_UNITS or (folded[:3] in _MONTHS and len(folded) <= len("september"))


def several_units(forms: Mapping[str, int], needed: float) -> str | None:
    """What is said of a column of numbers with units that cannot be read in one; None if there is nothing to say.

    Args:
        forms: of its cells.
        needed: how many cells must have figures with a unit, or with none.
    """
    affixes = affixes_of(forms)
    shown: Counter[str] = Counter()
    for (before, after), rows in affixes.items():
        shown[before or after] += rows
    bare = shown.pop("", 0)
    common = [unit for unit, _ in sorted(shown.items(), key=lambda item: (-item[1], item[0]))][:_MAX_NAMED]
    counted = sum(shown[unit] for unit in common)
    if not common or counted + bare < needed or counted < (counted + bare) / 10:
        return None
    if any(_is_no_unit(unit) for unit in common) or not all(_is_word(unit) for unit in common):
        return None
    if bare and len(common) == 1:
        return f"numbers of which some have a unit and some have none (`0 {common[0]}`, `0`)"
    return f"numbers in several units ({', '.join(f'`{unit}`' for unit in common)})"


def _is_word(unit: str) -> bool:
    """Whether the text alone says that it is a unit: a letter of the alphabet behind a number may be part of a code."""
    return len(unit) > 1 or not unit.isalpha() or any(unit in family for family in FAMILIES)


def find_duration(forms: Mapping[str, int], needed: float, telling: float) -> Duration | None:
    """The form in which the cells of a column write durations.

    Args:
        forms: of its cells.
        needed: how many cells must be in it.
        telling: how many cells must have what only a duration has: two units in one cell, hours from 24 on.
    """
    if forms.get("duration iso", 0) >= needed:
        return Duration(form="iso")
    if forms.get("duration words", 0) >= needed and forms["duration in parts"] > telling:
        return Duration(form="words")
    if forms.get("duration clock", 0) >= needed and forms["duration beyond a day"] > telling:
        return Duration(form="clock")
    # Hours below 24 throughout: the seconds are those of a duration in hours and minutes, too.
    if forms.get("duration time_of_day", 0) >= needed:
        return Duration(form="time_of_day")
    return None


_RANGE: Final = (
    r"[<>≤≥~]=? ?-?[$€£]?[0-9][0-9.,]* ?[\p{L}%]*"
    r"|[$€£]?[0-9][0-9.,]* ?[\p{L}%]* ?\+|[0-9][0-9.,]* ?\+ ?[\p{L}%]*"
    r"|[$€£]?[0-9][0-9.,]* ?[\p{L}%]* ?(?:-|–|—|to|bis|à|\.\.) ?[$€£]?[0-9][0-9.,]* ?[\p{L}%]*"
)
_UNIT_IN_RANGE: Final = "{0,10}"
"""Letters. The pattern with that limit takes ten times as long to get ready as without."""

_FEET: Final = r"""[0-9]+ ?(?:'|′|’|ft\.?) ?(?:[0-9.]+ ?(?:"|″|''|”|in\.?)?)?"""


def ranges(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells that are ranges of numbers (`10-20`, `<5`, `65+`) or lengths in feet: ``column``, ``rows``, and which
    of the two.

    Args:
        cells: as ``forms.count_forms`` takes them.
    """
    cell = pl.col("cell")
    found = cells.filter(matches(cell, f"{_RANGE}|{_FEET}"))
    forms: dict[str, pl.Expr] = {}
    if found.height:
        low, high = (pl.field(end).str.replace_all(",", "").cast(pl.Float64, strict=False) for end in ("low", "high"))
        rises = (low < high) & ~pl.field("high").str.contains("^0[0-9]")
        ends = r"[$€£]?(?P<low>[0-9][0-9.,]*)[^0-9]+?(?P<high>[0-9][0-9.,]*)[^0-9]*"
        is_range = matches(cell, _RANGE.replace(r"[\p{L}%]*", rf"[\p{{L}}%]{_UNIT_IN_RANGE}"))
        forms = {"range": is_range & of_groups(cell, ends, rises).fill_null(value=True), "feet": matches(cell, _FEET)}
    return found.select("column", "rows", **forms)


# Codes: digits that count nothing.

_LONG: Final = 15
"""Digits up to which a double holds every whole number."""

_MAX_WIDTH: Final = 40


def is_padded(cell: pl.Expr) -> pl.Expr:
    """Whether the cell begins with a 0 before another digit. Asked of every cell, so no pattern: it stands between
    these two in the order of texts."""
    return cell.is_between(pl.lit("00"), pl.lit("0:"), closed="left")


def may_be_code(cell: pl.Expr) -> pl.Expr:
    """Whether a number may be a code: padded, too long for a number, or with a plus before it."""
    is_long = (cell.str.len_bytes() > _LONG) & ~cell.str.contains(".", literal=True)
    return is_padded(cell) | is_long | cell.str.starts_with("+")


def code_forms(cell: pl.Expr) -> dict[str, pl.Expr]:
    """Which cells are digits alone, of which width, and begin with 0; which are long, or have a plus before them."""
    digits = cell.str.contains("^[0-9]+$")
    width = cell.str.len_bytes()
    return {
        "digits": digits,
        "padded": cell.str.contains("^0[0-9]+$"),
        "long": digits & (width > _LONG),
        "epoch": cell.str.contains("^1(?:[0-9]{15}|[0-9]{18})$"),
        "phone": cell.str.contains(r"^\+[0-9]{7,15}$"),
    }


def count_widths(cells: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many cells of each column are digits alone, by how many digits they have; very long ones are one width.

    Args:
        cells: as ``forms.count_forms`` takes them.
    """
    width = pl.col("cell").str.len_bytes().clip(upper_bound=_MAX_WIDTH).alias("width")
    found = cells.filter(pl.col("cell").str.contains("^[0-9]+$")).group_by("column", width).agg(pl.col("rows").sum())
    counts: dict[int, Counter[str]] = {}
    for column, digits, rows in found.iter_rows():
        counts.setdefault(column, Counter())[f"width {digits}"] += int(rows)
    return counts


@dataclass(frozen=True)
class Code:
    """Why a column's digits are codes; ``doubt`` is what is said where they may be a quantity all the same."""

    doubt: str | None = None


def find_code(forms: Mapping[str, int], needed: float, telling: float) -> Code | None:
    """Whether a column's digits are codes: padded with zeros, too long for a number, or telephone numbers.

    Args:
        forms: of its cells.
        needed: how many cells must be digits alone.
        telling: more cells than these must begin with 0.
    """
    if forms.get("phone", 0) >= needed:
        return Code()
    if forms.get("digits", 0) < needed:
        return None
    width, same = max(((n, forms.get(f"width {n}", 0)) for n in range(1, _MAX_WIDTH + 1)), key=operator.itemgetter(1))
    if forms["long"] >= needed and same >= needed and forms["epoch"] < needed:
        return Code()
    padded = forms["padded"]
    if padded <= telling:
        return None
    if same >= needed and width > len("00"):
        return Code()
    form = "0" * max(width, len("00"))
    return Code(f"{padded:,} of its values begin with 0 (`{form}`), so they are read as codes, not as a quantity")


def are_ranges(forms: Mapping[str, int], needed: float) -> bool:
    """Whether the values of a text column are ranges of numbers, perhaps with single numbers among them.

    Args:
        forms: of its cells.
        needed: how many cells must be such.
    """
    ranges = forms["range"]
    return ranges > needed / 20 and ranges + forms["plain"] + may_be_quantity(forms) >= needed


def unread_quantities(forms: Mapping[str, int], needed: float) -> str | None:
    """What the values of a text column are, where they mean quantities that are not read.

    Args:
        forms: of its cells.
        needed: how many cells must be such.
    """
    return "lengths in feet and inches (`0'00\"`)" if forms["feet"] >= needed else several_units(forms, needed)
