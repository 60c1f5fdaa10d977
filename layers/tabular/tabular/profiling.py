"""What a file shows, as far as a contract asks: counts by its levels and bins, or, to make one, by the file's own.

Memory is bounded whatever the file's size: quantiles are those of a sample, everything else is counted. The sample is
taken by the rows' hash, so a repeated run finds the same edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from sluice.dataset.contract import MAX_LEVELS, ColumnTerms, Contract, SeenColumn, SeenTable
from sluice.dataset.dates import read_date
from sluice.dataset.numbers import is_number_like
from sluice.dataset.recipe import DroppedColumn, Recipe, TextScoreColumn
from tabular.census import Census
from tabular.columns import Kind, Profile
from tabular.movement import Movement

_MAX_LEVEL_CHARACTERS: Final = 200
"""Characters. A column with longer texts is free text to the contract."""

_DECILES: Final = [i / 10 for i in range(1, 10)]

type Edges = Mapping[int, tuple[float, ...]]


def asked_edges(contract: Contract | None, names: Sequence[str]) -> dict[int, tuple[float, ...]]:
    """The edges that a contract holds a file's columns by."""
    terms = _terms(contract)
    return {i: bins.edges for i, name in enumerate(names) if name in terms and (bins := terms[name].bins)}


def asked_levels(contract: Contract | None, names: Sequence[str]) -> frozenset[int]:
    """The columns that a contract lists levels of."""
    terms = _terms(contract)
    return frozenset(i for i, name in enumerate(names) if name in terms and terms[name].counted_levels())


def _terms(contract: Contract | None) -> dict[str, ColumnTerms]:
    return {column.name: column for column in (contract.columns or () if contract else ())}


def see_for(contract: Contract, census: Census, profiles: Sequence[Profile], frame: SeenTable) -> SeenTable:
    """The file by the levels and the edges of a contract.

    Args:
        contract: to be compared with.
        census: of the file, with the contract's edges and levels.
        profiles: of every column.
        frame: what is known of the file already; its columns are filled in.
    """
    terms = _terms(contract)
    columns = [_held(p, terms.get(p.name), census) for p in _used(profiles, frame)]
    return replace(frame, columns=tuple(columns))


def _held(p: Profile, terms: ColumnTerms | None, census: Census) -> SeenColumn:
    seen = _plain(p)
    if terms is None or not terms.is_held_to_its_distribution:
        return seen
    if terms.bins and p.kind is Kind.NUMBER:
        seen = _with_bins(seen, terms.bins.edges, census.below(p.position))
    if (levels := terms.counted_levels()) and p.levels is not None:
        text = pl.col("cell").str.to_lowercase() if terms.kind == "boolean" else pl.col("cell")
        known = text.is_in(list(levels))
        counts = p.levels.filter(known).select("cell", "rows")
        others = p.levels.filter(~known)["cell"]
        seen = replace(
            seen,
            levels=dict(counts.iter_rows()),
            unseen=p.filled - int(counts["rows"].sum()),
            unseen_example=None if others.is_empty() else str(others.min()),
            reads_levels=_reads(p, levels),
        )
    return seen


def _reads(p: Profile, levels: Iterable[str]) -> bool:
    """Whether all of these texts are numbers, or dates, of the form that the column has."""
    if p.kind is Kind.NUMBER:
        return all(is_number_like(level, p.notation, p.form) for level in levels)
    return p.kind is Kind.DATE and all(read_date(level, p.date) is not None for level in levels)


def see_for_first(
    profiles: Sequence[Profile],
    frame: SeenTable,
    recipe: Recipe,
    edges: Edges,
    below: Edges,
    moving: Mapping[int, Movement],
) -> SeenTable:
    """The file by its own levels and deciles, to make a contract from.

    Of columns that no model uses only the kind counts, of those that move on by nature how far they go, and of free
    texts that they are there: the next file has others.

    Args:
        profiles: of every column.
        frame: what is known of the file already; its columns are filled in.
        recipe: of the file.
        edges: its own (see ``own_edges``).
        below: rows up to each edge.
        moving: the columns that move on by nature.
    """
    left_out = _left_out(recipe)
    scored = {column.name for column in recipe.columns if isinstance(column, TextScoreColumn)}
    columns = []
    for p in _used(profiles, frame):
        seen = _plain(p)
        if p.name in left_out:
            seen = replace(seen, used=False)
        elif movement := moving.get(p.position):
            least, greatest = movement.limits or (seen.minimum, seen.maximum)
            seen = replace(seen, moves=movement.moves, minimum=least, maximum=greatest)
        elif p.position in edges:
            seen = _with_bins(seen, edges[p.position], tuple(int(rows) for rows in below[p.position]))
        elif p.name not in scored and p.levels is not None and p.exact and _few(p.levels):
            seen = replace(seen, levels=dict(p.levels.select("cell", "rows").iter_rows()))
        columns.append(seen)
    return replace(frame, columns=tuple(columns))


def own_edges(
    census: Census,
    profiles: Sequence[Profile],
    frame: SeenTable,
    recipe: Recipe,
    moving: Mapping[int, Movement],
) -> Edges:
    """The different deciles of each number column that is held to its distribution, from the census's sample."""
    left_out = _left_out(recipe)
    edges = {}
    for p in _used(profiles, frame):
        if p.kind is Kind.NUMBER and p.name not in left_out and p.position not in moving:
            sample = census.sample(f"x{p.position}")
            deciles = (sample.quantile(share, "lower") for share in _DECILES)
            edges[p.position] = tuple(sorted({float(edge) for edge in deciles if edge is not None}))
    return edges


def _left_out(recipe: Recipe) -> set[str]:
    return {column.name for column in recipe.columns if isinstance(column, DroppedColumn)}


def _few(levels: pl.DataFrame) -> bool:
    return levels.height <= MAX_LEVELS and not (levels["cell"].str.len_chars() > _MAX_LEVEL_CHARACTERS).any()


def _used(profiles: Sequence[Profile], frame: SeenTable) -> list[Profile]:
    own = (frame.target,) if frame.classes else ()
    return [p for p in profiles if p.name not in {*own, *frame.dropped}]


def _plain(p: Profile) -> SeenColumn:
    return SeenColumn(
        name=p.name,
        kind="empty" if not p.filled else p.kind.value,
        filled=p.filled,
        missing=p.missing,
        minimum=p.least,
        maximum=p.greatest,
    )


def _with_bins(seen: SeenColumn, edges: tuple[float, ...], below: tuple[int, ...]) -> SeenColumn:
    """Args: below: rows up to each of the rising edges."""
    if not seen.filled or not edges:
        return seen
    within = [rows - before for rows, before in zip(below, (0, *below), strict=False)]
    return replace(seen, edges=edges, bins=(*within, seen.filled - below[-1]))
