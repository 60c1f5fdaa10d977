"""How the texts of a column write numbers: separators, units, currencies, signs, durations.

A cell becomes a number in two ways that must agree: here for a single record, and in ``tabular.quantities`` for the
chunks of a file. Both go by the patterns of this module, which stay within what Python's re and Rust's regex (Polars)
read alike.
"""

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Annotated, Final, Literal

from pydantic import Field

from sluice.documents import Part

NUMBER: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"

type Notation = Literal["plain", "decimal_comma", "thousands_comma", "thousands_blank", "indian_comma"]
"""How a column's files write numbers: 1234.5, 1.234,5 (or 1 234,5), 1,234.5, 1 234.5 (or 1'234.5), 12,34,567.5."""

_BLANKS: Final = " '\u2019\u00a0\u202f"


def _pattern(thousands: str, point: str) -> str:
    """Whole part with or without thousands separators (the same ones throughout), decimals, exponent."""
    grouped = "|".join(f"([{mark}][0-9]{{3}})+" for mark in thousands)
    whole = rf"([1-9][0-9]{{0,2}}({grouped})|[0-9]+)"
    return rf"({whole}([{point}][0-9]*)?|[{point}][0-9]+)([eE][+-]?[0-9]+)?"


UNSIGNED_IN: Final[dict[Notation, str]] = {
    "plain": NUMBER.removeprefix("[+-]?"),
    "decimal_comma": _pattern("." + _BLANKS, ","),
    "thousands_comma": _pattern(",", "."),
    "thousands_blank": _pattern(_BLANKS, "."),
    "indian_comma": r"([1-9][0-9]?(,[0-9]{2})*,[0-9]{3}|[0-9]+)(\.[0-9]*)?",
}
"""What a number without a sign looks like, by notation. Separators of thousands may be left out."""

NUMBER_IN: Final[dict[Notation, str]] = {
    notation: f"[+-]?{pattern}" if notation == "plain" else f"[+-]?({pattern})"
    for notation, pattern in UNSIGNED_IN.items()
}
"""What a number looks like, by notation."""

SEPARATORS: Final[dict[Notation, tuple[str, str]]] = {
    "plain": ("", ""),
    "decimal_comma": (",." + _BLANKS, "."),
    "thousands_comma": (",", ""),
    "thousands_blank": (_BLANKS, ""),
    "indian_comma": (",", ""),
}
"""By notation, what makes a number of it a plain one: each character of the first text becomes the one at the same
place in the second, or is removed if there is none."""

EXAMPLES: Final[dict[Notation, str]] = {
    "plain": "12.5",
    "decimal_comma": "1234,5",
    "thousands_comma": "1,234.5",
    "thousands_blank": "1 234.5",
    "indian_comma": "12,34,567.5",
}

_ZEROS: Final = (
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10,
)  # fmt: skip
"""The digit 0 of the scripts that write decimal numbers with digits of their own; 1 to 9 follow it."""

LOOKALIKES: Final[dict[str, str]] = {
    **{chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)},
    **dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-"),
    "\uff0b": "+",
    "\u066b": ".",
    "\uff0e": ".",
    "\u066c": ",",
    "\uff0c": ",",
    "\u066a": "%",
    "\uff05": "%",
    "\uff08": "(",
    "\uff09": ")",
}
"""Digits of other scripts, typographic minuses and full-width signs, and the ASCII character that each stands for."""

_REWRITTEN: Final = {
    notation: str.maketrans(before[: len(after)], after, before[len(after) :])
    for notation, (before, after) in SEPARATORS.items()
}
_TO_ASCII: Final = str.maketrans(LOOKALIKES)

BLANK: Final = "[ \u00a0\u202f]*"

POSITIVE_MARKS: Final = ("", "+")
NEGATIVE_MARKS: Final = ("-", "()")


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    """Made once, because a test set has millions of cells, and when it is needed, because most functions read none."""
    return re.compile(pattern)


def _plain(figures: str, notation: Notation) -> str:
    return figures if notation == "plain" else figures.translate(_REWRITTEN[notation])


def one_of(texts: list[str]) -> str:
    """A pattern of any of these texts, the longest first: a shorter one may begin a longer one."""
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


class Quantity(Part):
    """Figures with something around them: a currency before, a unit or a multiplier after, brackets for a minus."""

    kind: Literal["quantity"] = "quantity"
    before: str = Field("", description="What stands before the figures, such as `$`.")
    units: dict[str, float] = Field(
        default_factory=lambda: {"": 1.0},
        description="What may stand after the figures, and by what they are then multiplied; blank: nothing.",
    )
    accounting: bool = Field(False, description="`(12.5)` and `12.5-` are negative, too.")
    lookalikes: bool = Field(False, description="Digits beyond ASCII and typographic minuses stand for ASCII ones.")

    def pattern(self, notation: Notation) -> str:
        """Of a cell in ASCII. Groups: ``figures``, ``unit``, and the marks of the sign in four places."""
        first, last = (r"[(+-]?", r"[)-]?") if self.accounting else ("[+-]?", "")
        return (
            f"(?P<lead>{first}){BLANK}{re.escape(self.before)}{BLANK}(?P<inner>{first}){BLANK}"
            f"(?P<figures>{UNSIGNED_IN[notation]}){BLANK}(?P<tail>{last}){BLANK}"
            f"(?P<unit>{one_of(list(self.units))}){BLANK}(?P<end>{last})"
        )

    @cached_property
    def _compiled(self) -> dict[Notation, re.Pattern[str]]:
        return {}

    def read(self, text: str, notation: Notation) -> float | None:
        """The number that the text writes, in the column's unit; None if it writes none."""
        if notation not in self._compiled:
            self._compiled[notation] = re.compile(self.pattern(notation))
        found = self._compiled[notation].fullmatch(text.translate(_TO_ASCII) if self.lookalikes else text)
        if found is None:
            return None
        marks = "".join(found[mark] for mark in ("lead", "inner", "tail", "end"))
        if marks not in (*POSITIVE_MARKS, *NEGATIVE_MARKS):
            return None
        number = float(_plain(found["figures"], notation)) * self.units[found["unit"]]
        return -number if marks in NEGATIVE_MARKS else number

    def example(self, notation: Notation) -> str:
        unit = next(iter(self.units))
        blank = " " if self.before[-1:].isalpha() else ""
        gap = "" if unit in {"", "%"} else " "
        return f"{self.before}{blank}{EXAMPLES[notation]}{gap}{unit}"


type DurationForm = Literal["clock", "words", "iso", "time_of_day"]

_AMOUNT: Final = r"[0-9]+(?:\.[0-9]+)?"
_SECOND_WORDS: Final = r"(?i:s|secs?|seconds?|sek\.?|sekunden?|secondes?|segundos?)\.?"
_MINUTE_WORDS: Final = r"(?i:m|mins?|minutes?|minuten?|minutos?)\.?"
_HOUR_WORDS: Final = r"(?i:h|hrs?|hours?|std|stunden?|heures?|horas?)\.?"
_DAY_WORDS: Final = r"(?i:d|days?|tage?|jours?|d[ií]as?)\.?"

DURATION: Final[dict[DurationForm, str]] = {
    "clock": r"(?P<lead>[+-]?)(?:(?P<days>[0-9]+) (?i:days?),? )?"
    r"(?P<hours>[0-9]+):(?P<minutes>[0-5][0-9])(?::(?P<seconds>[0-5][0-9](?:\.[0-9]+)?))?",
    "words": rf"(?P<lead>[+-]?)(?:(?P<days>{_AMOUNT}) ?{_DAY_WORDS}[, ]*)?"
    rf"(?:(?P<hours>{_AMOUNT}) ?{_HOUR_WORDS}[, ]*(?:(?P<rest>[0-5][0-9])|[, ]*))?"
    rf"(?:(?P<minutes>{_AMOUNT}) ?{_MINUTE_WORDS}[, ]*)?(?:(?P<seconds>{_AMOUNT}) ?{_SECOND_WORDS})?",
    "time_of_day": "(?P<lead>)(?P<hours>[01]?[0-9]|2[0-3])"
    r"(?::(?P<minutes>[0-5][0-9])(?::(?P<seconds>[0-5][0-9](?:\.[0-9]+)?))?)?(?P<half> ?(?i:[ap]\.?m\.?))?",
    "iso": rf"(?P<lead>[+-]?)P(?:(?P<weeks>{_AMOUNT})W)?(?:(?P<days>{_AMOUNT})D)?"
    rf"(?:T(?:(?P<hours>{_AMOUNT})H)?(?:(?P<minutes>{_AMOUNT})M)?(?:(?P<seconds>{_AMOUNT})S)?)?",
}
"""What a duration looks like: ``26:15:00`` (hours first) or ``2 days 03:04:05``; ``1h 30m``; ``PT1H30M``. A time of day
(``14:30``, ``2:30:05 PM``) is the time that has passed since midnight; it has minutes or says which half of the day."""

HALF_DAY: Final = 43_200
"""Seconds."""

DURATION_SECONDS: Final[dict[str, int]] = {
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3600,
    "rest": 60,
    "minutes": 60,
    "seconds": 1,
}
"""By a group of :data:`DURATION`: how many seconds one of it has."""

_DURATION_EXAMPLES: Final[dict[DurationForm, str]] = {
    "clock": "26:15:00",
    "words": "1h 30m",
    "iso": "PT1H30M",
    "time_of_day": "14:30",
}


def duration_parts(form: DurationForm) -> list[str]:
    """The groups that a form has, in the order in which their seconds are added up."""
    return [part for part in DURATION_SECONDS if f"(?P<{part}>" in DURATION[form]]


class Duration(Part):
    """Times that pass, read in seconds; a time of day as those since midnight."""

    kind: Literal["duration"] = "duration"
    form: DurationForm

    def read(self, text: str, _notation: Notation) -> float | None:
        """The seconds that the text writes; None if it is no duration."""
        found = _regex(DURATION[self.form]).fullmatch(text)
        if found is None:
            return None
        parts = {part: found[part] for part in duration_parts(self.form)}
        if not any(parts.values()):
            return None
        seconds = 0.0
        for part, amount in parts.items():
            seconds += float(amount or 0) * DURATION_SECONDS[part]
        if self.form == "time_of_day":
            return _since_midnight(seconds, found)
        return -seconds if found["lead"] == "-" else seconds

    def pattern(self, _notation: Notation) -> str:
        return DURATION[self.form]

    def example(self, _notation: Notation) -> str:
        return _DURATION_EXAMPLES[self.form]


def _since_midnight(seconds: float, found: re.Match[str]) -> float | None:
    half = found["half"]
    if half is None:
        return None if found["minutes"] is None else seconds
    if not 1 <= int(found["hours"]) <= 12:
        return None
    return seconds % HALF_DAY + (HALF_DAY if half.strip()[0] in "pP" else 0)


type NumberForm = Annotated[Quantity | Duration, Field(discriminator="kind")]
"""What stands around the figures of a column's numbers, or instead of them."""


def read_number(text: str, notation: Notation, form: Quantity | Duration | None) -> float | None:
    """The number that a trimmed text writes in that way; infinite if no double holds it; None if it is none."""
    if form is not None:
        return form.read(text, notation)
    return float(_plain(text, notation)) if _regex(NUMBER_IN[notation]).fullmatch(text) else None


def number_example(notation: Notation, form: Quantity | Duration | None) -> str:
    """A number in that way, for messages."""
    return EXAMPLES[notation] if form is None else form.example(notation)


def is_number_like(text: str, notation: Notation, form: Quantity | Duration | None) -> bool:
    """Whether the text writes a number in that way."""
    return read_number(text, notation, form) is not None


# Units whose amounts can be read in one another.


def _sized(sizes: Mapping[str, float]) -> dict[str, float]:
    """Sizes by unit; names that mean the same stand in one text, with blanks between them."""
    return {name: size for names, size in sizes.items() for name in names.split()}


MULTIPLES: Final[Mapping[str, float]] = _sized(
    {"k K Tsd Tsd.": 1e3, "M Mio Mio. mln Mn mn mio": 1e6, "B bn Bn Mrd Mrd. mrd": 1e9, "G": 1e9, "T": 1e12}
) | {"lakh": 1e5, "Lakh": 1e5, "lakhs": 1e5, "Lakhs": 1e5, "crore": 1e7, "Crore": 1e7, "crores": 1e7, "Cr": 1e7}
"""Multipliers behind a number."""

SMALL_MULTIPLES: Final[Mapping[str, float]] = {"m": 1e6, "b": 1e9, "t": 1e12}
"""Letters that are multipliers only beside others of :data:`MULTIPLES`: alone they are units."""

FAMILIES: Final[tuple[Mapping[str, float], ...]] = (
    _sized(
        {
            "kg Kg KG kgs kilo kilos": 1000.0,
            "g gr grams gram": 1.0,
            "mg": 1e-3,
            "µg μg mcg": 1e-6,
            "t tons tonnes": 1e6,
            "lb lbs": 453.59237,
            "oz": 28.349523125,
        }
    ),
    _sized(
        {
            "km": 1000.0,
            "m": 1.0,
            "dm": 0.1,
            "cm": 0.01,
            "mm": 1e-3,
            "µm μm": 1e-6,
            "nm": 1e-9,
            "mi mile miles": 1609.344,
            "ft feet": 0.3048,
            "in inch inches": 0.0254,
            "yd yards": 0.9144,
        }
    ),
    _sized({"l L ltr liter litre liters litres": 1.0, "dl dL": 0.1, "cl cL": 0.01, "ml mL ML": 1e-3, "hl hL": 100.0}),
    _sized(
        {
            "B bytes byte Bytes": 1.0,
            "kB KB kb Kb": 1e3,
            "MB mb Mb": 1e6,
            "GB gb Gb": 1e9,
            "TB tb Tb": 1e12,
            "PB": 1e15,
            "KiB": 1024.0,
            "MiB": 1024.0**2,
            "GiB": 1024.0**3,
            "TiB": 1024.0**4,
        }
    ),
    _sized({"Hz": 1.0, "kHz KHz": 1e3, "MHz Mhz mhz": 1e6, "GHz Ghz ghz": 1e9}),
    _sized({"W w": 1.0, "kW KW kw": 1e3, "MW": 1e6, "GW": 1e9, "mW": 1e-3}),
    _sized({"Wh": 1.0, "kWh KWh kwh": 1e3, "MWh": 1e6, "GWh": 1e9}),
    _sized({"V": 1.0, "mV": 1e-3, "kV": 1e3}),
    _sized({"A": 1.0, "mA": 1e-3, "µA": 1e-6}),
    _sized({"mAh": 1e-3, "Ah": 1.0}),
    _sized({"Pa": 1.0, "hPa mbar": 100.0, "kPa": 1e3, "MPa": 1e6, "bar": 1e5}),
    _sized({"m² m2 sqm qm": 1.0, "km² km2 sqkm": 1e6, "ha": 1e4, "cm² cm2": 1e-4}),
    _sized(
        {
            "ms msec": 1e-3,
            "s sec secs sec. second seconds Sek. Sekunden": 1.0,
            "m min mins min. minute minutes Min. Minuten Minute minutos": 60.0,
            "h hr hrs hour hours Std Std. Stunde Stunden heure heures hora horas": 3600.0,
            "d day days Tag Tage jour jours día días dia dias": 86_400.0,
            "w wk week weeks Woche Wochen semaine semaines semana semanas": 604_800.0,
        }
    ),
    _sized(
        {
            "mo mos month months Monat Monate mois mes meses": 1.0,
            "y yr yrs year years Jahr Jahre an ans año años": 12.0,
        }
    ),
)
"""Units by the kind of quantity, each in multiples of one of them. What is converted by more than a factor (degrees
Celsius and Fahrenheit) or at a rate that changes (currencies) is not here."""
