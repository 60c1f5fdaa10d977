"""Counts which forms the texts of a column have: numbers in each notation, dates in each format, others like them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import polars as pl

from tabular.dates import date_forms, unread_date
from tabular.findings import Finding, Rule
from tabular.notation import number_forms, unread_number


def count_forms(cells: pl.DataFrame) -> dict[int, Counter[str]]:
    """How many cells of each column have which form.

    Args:
        cells: the number of a column, ``column``, different texts of it that are not missing, ``cell``, and how often
            each stands, ``rows``.
    """
    forms: dict[str, pl.Expr] = {"filled": pl.lit(True), **number_forms(), **date_forms()}
    found = cells.group_by("column").agg(**{name: (form * pl.col("rows")).sum() for name, form in forms.items()})
    return {row.pop("column"): Counter({name: int(count) for name, count in row.items()}) for row in found.to_dicts()}


def unread_text(name: str, forms: Mapping[str, int]) -> Iterator[Finding]:
    """A warning where the cells of a text column mean numbers or dates, but in no notation that is read."""
    rule, described = Rule.NUMBER_AS_TEXT, unread_number(forms)
    if described is None:
        rule, described = Rule.DATE_AS_TEXT, unread_date(forms)
    if described is not None:
        what = f"nearly all its values are {described}, which are not read as such, so it is read as text"
        yield Finding(rule=rule, column=name, what=what)
