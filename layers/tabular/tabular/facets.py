"""Rows by group and label, which tell how the labels of a file fall on the groups of ``facets``.

They are counted by label and not by whether it is the favoured one: that may be the positive class, which is known when
all labels are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.config import Facet
from sluice.dataset.facets import CountedFacet, FacetCount, group_values
from sluice.dataset.numbers import Notation
from sluice.dataset.recipe import WHITESPACE
from tabular.columns import Kind
from tabular.findings import Finding, Rule, listed, shown
from tabular.question import Question

MAX_STRATA: Final = 1000
"""Different values of `condition_on` up to which rows are counted apart; of more, each would have a row or two."""


@dataclass(frozen=True)
class Seen:
    """One facet in a chunk: ``member``, ``label``, ``stratum`` and ``rows``; and which values of the group occur."""

    rows: pl.DataFrame
    values: Sequence[str]


class FacetTally:
    """The running counts of one facet over the rows that are not rejected."""

    def __init__(self, facet: Facet, question: Question) -> None:
        self._facet = facet
        self._column = question.names.index(facet.column)
        self._label = question.label.alias("label")
        self._values = group_values(facet)
        reading = question.readings[self._column]
        self._notation: Notation = reading.notation if reading.kind is Kind.NUMBER else "plain"
        self._form = reading.form if reading.kind is Kind.NUMBER else None
        self._member = self._is_member(question).alias("member")
        condition = question.position(facet.condition_on)
        self._stratum = None if condition is None else _stratum(question, condition)
        self._counts: Counter[tuple[bool | None, str, str | None]] = Counter()
        self._strata: set[str | None] = set()
        self._many_strata = False
        self._found: set[str] = set()

    def _is_member(self, question: Question) -> pl.Expr:
        """Null if the row is in neither group."""
        if self._values:
            return pl.col(f"c{self._column}").is_in(self._values)
        number = question.number_of(self._column, self._notation, self._form)
        least, beyond = self._facet.at_least, self._facet.below
        return (pl.lit(True) if least is None else number >= least) & (
            pl.lit(True) if beyond is None else number < beyond
        )

    def look(self, cells: pl.DataFrame) -> Seen:
        """What ``add`` is to learn of the good rows of a chunk. Changes nothing."""
        stratum = pl.lit(None, pl.String) if self._stratum is None else self._stratum
        marked = cells.select(self._member, self._label, stratum.alias("stratum"))
        if self._stratum is not None and marked["stratum"].n_unique() > MAX_STRATA:
            marked = marked.with_columns(stratum=pl.lit(None, pl.String))
        rows = marked.group_by("member", "label", "stratum").agg(pl.len().alias("rows"))
        cell = cells[f"c{self._column}"]
        return Seen(rows, cell.filter(cell.is_in(self._values)).unique().to_list() if self._values else ())

    def add(self, seen: Seen) -> None:
        self._found.update(seen.values)
        if self._stratum is not None and not self._many_strata:
            self._strata.update(seen.rows["stratum"])
            # A chunk that has too many alone comes with none.
            self._many_strata = len(self._strata) > MAX_STRATA or None in self._strata
        for member, label, stratum, rows in seen.rows.iter_rows():
            self._counts[member, label, stratum] += rows
        if self._many_strata:
            merged: Counter[tuple[bool | None, str, str | None]] = Counter()
            for (member, label, _), rows in self._counts.items():
                merged[member, label, None] += rows
            self._counts = merged

    def counted(self, positive: str) -> CountedFacet:
        """The counts. ``positive``: the label that one wants where the facet names none."""
        named = self._facet.favoured_label
        favoured = positive if named is None else named.strip(WHITESPACE)
        rows: Counter[tuple[bool, bool, str | None]] = Counter()
        unread = 0
        for (member, label, stratum), count in self._counts.items():
            if member is None:
                unread += count
            else:
                rows[member, label == favoured, stratum] += count
        in_order = sorted(rows.items(), key=lambda item: (item[0][2] or "", not item[0][0], not item[0][1]))
        return CountedFacet(
            column=self._facet.column,
            group=self._facet.described,
            favoured_label=favoured,
            condition_on=None if self._many_strata else self._facet.condition_on,
            notation=None if self._values else self._notation,
            form=None if self._values else self._form,
            counts=tuple(
                FacetCount(member=member, favoured=is_favoured, stratum=stratum, rows=count)
                for (member, is_favoured, stratum), count in in_order
            ),
            unread=unread,
        )

    def warnings(self) -> list[Finding]:
        """What makes the counts say less than they were meant to."""
        facet, findings = self._facet, []
        sizes: Counter[bool | None] = Counter()
        for (member, _, _), rows in self._counts.items():
            sizes[member] += rows
        if absent := [value for value in self._values if value not in self._found]:
            what = f"`facets` names {listed(absent)} as its group, which no accepted row has"
            findings.append(Finding(rule=Rule.FACET_EMPTY, column=facet.column, what=what))
        elif not sizes[True]:
            what = f"`facets` names the group `{facet.described}`, and no accepted row belongs to it"
            findings.append(Finding(rule=Rule.FACET_EMPTY, column=facet.column, what=what))
        if not sizes[False]:
            what = f"`facets` names the group `{shown(facet.described)}`, and every accepted row belongs to it"
            findings.append(Finding(rule=Rule.FACET_EMPTY, column=facet.column, what=what))
        if self._many_strata:
            what = (
                f"`condition_on` names it, but it has more than {MAX_STRATA:,} different values, so the facet "
                f"`{shown(facet.column)}` is counted without it"
            )
            findings.append(Finding(rule=Rule.FACET_STRATA, column=facet.condition_on, what=what))
        return findings


def _stratum(question: Question, position: int) -> pl.Expr:
    """The text of a cell; all cells without a value are one stratum, ""."""
    return pl.when(question.is_missing(position)).then(pl.lit("")).otherwise(pl.col(f"c{position}"))
