"""Counts which forms the texts of a column have: numbers in each notation, dates in each format, others like them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl

from tabular.dates import are_dates_in_digits, count_dates, unread_date
from tabular.findings import Finding, Rule
from tabular.notation import KIND_SHARE, SPECIAL, is_code, notation_forms, number_forms, unread_number
from tabular.patterns import matches
from tabular.quantities import (
    FIGURES_OF,
    are_ranges,
    bounded,
    code_forms,
    count_affixes,
    count_widths,
    dressed,
    durations,
    ranges,
    unread_quantities,
)


def count_forms(cells: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many cells of each column have which form.

    Nearly all time goes into patterns, and into making them ready, which takes as long as some thousand cells. So a
    simpler pattern says first which of them can match at all: none matches a text without a digit.

    Args:
        cells: the number of a column, ``column``, different texts of it that are not missing, ``cell``, and how often
            each stands, ``rows``.
    """
    cell = pl.col("cell")
    found = _counted(cells.select("column", "rows", filled=pl.lit(True), special=matches(cell, SPECIAL)))
    cells = cells.filter(cell.str.contains(r"\p{Nd}"))
    if not cells.height:
        return found
    add_counts(found, _counted(cells.select("column", "rows", **number_forms(cell), **code_forms(cell))))
    add_counts(found, count_widths(cells))
    figures = dressed(cells)
    add_counts(found, _counted(figures.select("column", "rows", **_figure_forms())))
    add_counts(found, count_affixes(figures))
    for told in (durations(cells), ranges(cells)):
        add_counts(found, _counted(told))
    add_counts(found, count_dates(cells))
    return found


def _figure_forms() -> dict[str, pl.Expr]:
    """Of the figures of cells that have something around them."""
    figures = pl.col("figures")
    forms = {"filled": pl.lit(True), "padded": figures.str.contains("^0[0-9]"), **notation_forms(figures)}
    return {f"{FIGURES_OF}{name}": form for name, form in forms.items()}


def _counted(told: pl.DataFrame) -> dict[int, Counter[str]]:
    """
    Args:
        told: ``column``, ``rows`` and, by the name of a form, whether a cell has it.
    """
    if not told.height:
        return {}
    counts = told.group_by("column").agg((pl.all().exclude("rows") * pl.col("rows")).sum())
    return {row.pop("column"): Counter({name: int(count) for name, count in row.items()}) for row in counts.to_dicts()}


def add_counts(known: dict[int, Counter[str]], more: Mapping[int, Counter[str]]) -> None:
    """Adds counts of forms to those of other rows, in any order."""
    for column, counts in more.items():
        known[column] = bounded(known.get(column, Counter()) + counts)


def unread_text(name: str, forms: Mapping[str, int], *, repeats: bool = True) -> Iterator[Finding]:
    """A warning where the cells of a text column mean numbers or dates, but in no notation that is read.

    Args:
        name: of the column.
        forms: of its cells.
        repeats: its values stand more than once; otherwise what looks like a range may be a number with a hyphen.
    """
    if is_code(forms) and not are_dates_in_digits(forms):
        return
    needed = KIND_SHARE * forms["filled"]
    if repeats and are_ranges(forms, needed):
        what = "its values are ranges of numbers (`00-00`, `<00`, `00+`), which are read as categories without an order"
        yield Finding(rule=Rule.NUMBER_RANGES, column=name, what=what)
        return
    rule, described = Rule.DATE_AS_TEXT, unread_date(forms)
    if described is None:
        rule, described = Rule.NUMBER_AS_TEXT, unread_quantities(forms, needed) or unread_number(forms)
    if described is not None:
        what = f"nearly all its values are {described}, which are not read as such, so it is read as text"
        yield Finding(rule=rule, column=name, what=what)
