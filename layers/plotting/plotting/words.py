"""Numbers, names and times as people read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup, escape

from sluice.evaluation.metrics import MACRO, METRICS

_TURNS: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They make a part of a text read the other way round, and what stands behind it too."""


def clean(text: str) -> str:
    """As U+FFFD: controls and lone surrogates, which neither HTML nor UTF-8 takes, and marks that turn the writing."""
    return "".join(
        "\ufffd"
        if letter in _TURNS or (unicodedata.category(letter) in {"Cc", "Cs", "Cn"} and letter not in "\n\t")
        else letter
        for letter in text
    )


_CODE: Final = re.compile(r"`([^`\n]+)`")


def coded(text: str) -> Markup:
    """Escaped, with what stands between backticks as code."""
    # Every second part was between backticks.
    parts = (escape(clean(part)) for part in _CODE.split(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def number(value: float | None, digits: int = 4) -> str:
    """With ``digits`` significant digits, and without an exponent if it is readable without one."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10**digits:
        return f"{value:,.0f}".replace("-", "−")
    if size < 1e-4:
        return f"{value:.2g}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def places(value: float | None, form: str = ",.4f") -> str:
    """With as many places as all of its column, whose numbers are near one another in size."""
    return "–" if value is None else format(value, form).replace("-", "−")


def count(value: int) -> str:
    return f"{value:,}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def interval(ends: Sequence[float] | None) -> str:
    return "–" if ends is None else f"{number(ends[0])} to {number(ends[1])}"


def interval_places(ends: Sequence[float] | None, form: str = ",.4f") -> str:
    return "–" if ends is None else f"{places(ends[0], form)} to {places(ends[1], form)}"


def short(name: str, max_width: int) -> str:
    """A name on one line of at most ``max_width`` Latin widths; wide letters, such as Chinese ones, count twice."""
    name = " ".join(clean(name).split()) or "(blank)"
    width = 0
    for place, letter in enumerate(name):
        width += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width > max_width:
            return name[: max(place - 1, 1)].rstrip() + "…"
    return name


def listed(names: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    *most, final = list(names) or [""]
    return f"{', '.join(most)} {last} {final}" if most else final


def plural(many: int, one: str, more: str | None = None) -> str:
    return f"{many:,} {one if many == 1 else more or one + 's'}"


def moment(text: str | None) -> str:
    """An ISO 8601 time in UTC to the second; any other text as it stands."""
    if text is None:
        return "–"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def seconds_between(first: str, last: str) -> float | None:
    try:
        return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    except (ValueError, TypeError):
        return None


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def words(identifier: str) -> str:
    """``best_f1`` as ``best f1``."""
    return identifier.replace("_", " ")


def metric(name: str) -> str:
    return METRICS[name].title if name in METRICS else words(name).capitalize()


def macro_means() -> str:
    """The metrics that are a mean over the classes from three classes on: ``ROC AUC, recall and F1``."""
    found = listed(metric.words for metric in METRICS.values() if metric.several == MACRO)
    return found[:1].upper() + found[1:]
