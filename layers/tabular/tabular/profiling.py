"""What a file shows, as far as a contract asks: counts by its levels and bins, or, to make one, by the file's own.

Memory is bounded whatever the file's size: quantiles are those of a sample, everything else is counted. The sample is
taken by the rows' hash, so a repeated run finds the same edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sluice.contract import MAX_LEVELS, ColumnTerms, Contract, SeenColumn, SeenTable
from sluice.recipe import DroppedColumn, Recipe
from tabular.columns import Kind, Profile
from tabular.split import HASH_BITS
from tabular.table import Table, literal, tuple_of

SAMPLE_ROWS: Final = 20_000
"""Rows that the edges of the bins are taken from; the shares between them are counted on all rows."""

_GOOD: Final = "cells WHERE rowid NOT IN (SELECT ordinal FROM aside)"
"""As the view ``good``, which binds every column of the table: of thousands, that takes longer than the counts."""

_LONGEST_LEVEL: Final = 200
"""Characters. A column with longer texts is free text to the contract."""

_DECILES: Final = [i / 10 for i in range(1, 10)]


@dataclass(frozen=True)
class _Question:
    """What to count of one column. ``levels`` None: every level."""

    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = ()
    folded: bool = False

    def expressions(self, p: Profile) -> list[str]:
        """SQL for values, least, greatest, rows by bin, rows by level, the least level that is not asked for."""
        cell = f"c{p.position}"
        number = f"TRY_CAST({p.plain} AS DOUBLE)" if p.kind is Kind.NUMBER else "NULL"
        bins = f"histogram({number}, {_doubles(self.edges)})" if self.edges else "NULL"
        levels = unseen = "NULL"
        if self.levels is None:
            levels = f"histogram({cell})"
        elif self.levels:
            text = f"lower({cell})" if self.folded else cell
            levels = f"histogram({text}) FILTER ({text} IN {tuple_of(self.levels)})"
            unseen = f"min({cell}) FILTER ({text} NOT IN {tuple_of(self.levels)})"
        return [f"count({cell})", f"min({number})", f"max({number})", bins, levels, unseen]


def _doubles(edges: Sequence[float]) -> str:
    return literal(str(list(edges))) + "::DOUBLE[]"


def see_for(contract: Contract, table: Table, profiles: Sequence[Profile], frame: SeenTable) -> SeenTable:
    """The file by the levels and the edges of a contract.

    Args:
        contract: to be held against.
        table: its ``good`` rows are counted.
        profiles: of every column.
        frame: what is known of the file already; its columns are filled in.
    """
    terms = {column.name: column for column in contract.columns or ()}
    questions = {p.position: _asked(terms.get(p.name), p) for p in _used(profiles, frame)}
    return _see(table, profiles, frame, questions)


def _asked(terms: ColumnTerms | None, p: Profile) -> _Question:
    if terms is None:
        return _Question()
    edges = terms.bins.edges if terms.bins and p.kind is Kind.NUMBER else None
    return _Question(edges, terms.counted_levels(), folded=terms.kind == "boolean")


def see_for_first(table: Table, profiles: Sequence[Profile], frame: SeenTable, recipe: Recipe) -> SeenTable:
    """The file by its own levels and deciles, to make a contract from.

    The values of identifiers are not counted: those of the next file differ.
    """
    left_out = {column.name for column in recipe.columns if isinstance(column, DroppedColumn)}
    used = _used(profiles, frame)
    identifiers = {p.name for p in used if p.name in left_out and p.distinct > 2}
    known = [p for p in used if p.name not in identifiers]
    edges = _edges(table, [p for p in known if p.kind is Kind.NUMBER], frame.rows)
    few = {p.position for p in known if p.kind in (Kind.TEXT, Kind.BOOLEAN) and p.distinct <= 2 * MAX_LEVELS}
    questions = {p.position: _Question(edges.get(p.position), None if p.position in few else ()) for p in used}
    seen = _see(table, profiles, frame, questions)
    return replace(seen, columns=tuple(_general(column, column.name in identifiers) for column in seen.columns))


def _general(column: SeenColumn, identifier: bool) -> SeenColumn:
    """Without what the next file cannot be expected to share."""
    if identifier:
        return replace(column, minimum=None, maximum=None)
    levels = column.levels
    if levels is not None and (len(levels) > MAX_LEVELS or any(len(level) > _LONGEST_LEVEL for level in levels)):
        return replace(column, levels=None, unseen=0)
    return column


def _used(profiles: Sequence[Profile], frame: SeenTable) -> list[Profile]:
    return [p for p in profiles if p.name != frame.target and p.name not in frame.dropped]


def _edges(table: Table, numbers: Sequence[Profile], rows: int) -> dict[int, tuple[float, ...]]:
    """The different deciles of each column."""
    share = min(1.0, SAMPLE_ROWS / max(rows, 1))
    sample = f"{_GOOD} AND u < {round(share * (1 << HASH_BITS))}" if share < 1 else _GOOD
    deciles = table.aggregate(
        {p.position: [f"quantile_disc(TRY_CAST({p.plain} AS DOUBLE), {_DECILES})"] for p in numbers}, sample
    )
    return {position: tuple(sorted(set(values or ()))) for position, (values,) in deciles.items()}


def _see(table: Table, profiles: Sequence[Profile], frame: SeenTable, questions: Mapping[int, _Question]) -> SeenTable:
    by_position = {p.position: p for p in profiles}
    found = table.aggregate({i: question.expressions(by_position[i]) for i, question in questions.items()}, _GOOD)
    columns = [_column(by_position[i], questions[i], values, frame.rows) for i, values in found.items()]
    return replace(frame, columns=tuple(columns))


def _column(p: Profile, question: _Question, values: tuple[Any, ...], rows: int) -> SeenColumn:
    filled, least, greatest, bins, levels, unseen_example = values
    edges = question.edges or ()
    counts: dict[float, int] = bins or {}
    within = tuple(counts.get(edge, 0) for edge in edges)
    asked = question.levels is None or bool(question.levels)
    known: dict[str, int] | None = (levels or {}) if asked else None
    return SeenColumn(
        name=p.name,
        kind="empty" if not filled else p.kind.value,
        filled=filled,
        missing=rows - filled,
        minimum=least,
        maximum=greatest,
        edges=edges,
        bins=(*within, sum(counts.values()) - sum(within)) if counts else (),
        levels=known,
        unseen=filled - sum(known.values()) if known is not None else 0,
        unseen_example=unseen_example,
    )
