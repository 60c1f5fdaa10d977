"""Learns the recipe: what becomes of each column.

Levels, ranks, constants and identifiers come from the training rows only.
"""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sluice.recipe import (
    DATE_PARTS,
    BooleanColumn,
    Column,
    DateColumn,
    DroppedColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Recipe,
    Target,
)
from tabular.columns import Kind, Profile
from tabular.findings import Finding, Rule, shown
from tabular.table import Table

MAX_ONE_HOT_LEVELS: Final = 20
MAX_RANKED_LEVELS: Final = 1000
MAX_RANKED_LEVELS_IN_ALL: Final = 100_000
"""Of the whole table: the columns share them, as every level is written into the recipe and into SQL."""

MAX_ONE_HOT_FEATURES: Final = 2000
"""Of the whole table; beyond it every text column is ranked, so that thousands of them stay one feature each."""

IDENTIFIER_SHARE: Final = 0.95

_NEARLY_ALL: Final = 0.7
"""Of the estimate of distinct values: below it they are surely not all distinct."""

_STRAY_BLANKS: Final = 0.01
"""Share of the rows of a class where a copy of the target may be empty and yet is one."""

_MOST_EXACT: Final = 1e30
"""Row numbers are compared as 128-bit integers."""

_TRAIN: Final = "parts WHERE part = 'train'"
_IDENTIFIER_NAME: Final = re.compile(
    r"(?i:(^|[^a-z])(id|uuid|guid|key|index|idx|no|nr|number|row|rownum|rowid)$)|[a-z0-9](ID|Id)$"
)


def fit(
    table: Table,
    profiles: Sequence[Profile],
    *,
    target: Target,
    missing: Sequence[str],
    drop: Sequence[str],
    unread_rows: int,
) -> tuple[Recipe, list[Finding]]:
    """The recipe, and warnings on columns that it leaves out for leakage.

    Args:
        table: with its ``parts`` made.
        profiles: of every column; the target's is passed over.
        target: name and classes.
        missing: tokens of a missing cell.
        drop: columns that a person ruled out.
        unread_rows: how many rows of the file never came into the table, which a column of row numbers skips.
    """
    features = [p for p in profiles if p.name != target.name]
    used = [p for p in features if p.name not in drop]
    leaking = _leaking(table, used, len(target.classes))
    facts = table.aggregate({p.position: _facts(p) for p in used}, _TRAIN)
    reasons = {p.name: "listed under `drop` in config.yaml" for p in features if p.name in drop}
    for p in used:
        reason = _why_dropped(table, p, facts[p.position], unread_rows)
        if reason is None and p.position in leaking:
            reason = f"says the same as the target `{target.name}` in {leaking[p.position]} (leakage)"
        if reason is not None:
            reasons[p.name] = reason
    levels = _levels(table, [p for p in used if p.kind is Kind.TEXT and p.name not in reasons])
    one_hot_levels = MAX_ONE_HOT_LEVELS
    if sum(len(texts) for texts in levels.values() if len(texts) <= MAX_ONE_HOT_LEVELS) > MAX_ONE_HOT_FEATURES:
        one_hot_levels = 2
    columns = tuple(
        DroppedColumn(name=p.name, reason=reasons[p.name])
        if p.name in reasons
        else _column(p, levels.get(p.position, ()), one_hot_levels)
        for p in features
    )
    recipe = Recipe(target=target, missing=tuple(sorted({*missing} - {""})), columns=columns)
    return recipe, [_leakage(p.name, target.name, leaking[p.position]) for p in used if p.position in leaking]


def _facts(p: Profile) -> list[str]:
    """SQL for rows, values, and whether there is one value only."""
    cell = f"lower(c{p.position})" if p.kind is Kind.BOOLEAN else f"c{p.position}"
    return ["count(*)", f"count({cell})", f"coalesce(min({cell}) = max({cell}), false)"]


def _leaking(table: Table, profiles: Sequence[Profile], classes: int) -> dict[int, str]:
    """Columns that hold one value in each class, and another in every other class; with where they do.

    Case and number format do not tell values apart. Nothing at all is a value too; a few blanks beside a value are not.
    """
    facts: dict[int, list[tuple[Any, ...]]] = {p.position: [] for p in profiles}
    candidates = list(profiles)
    for label in range(classes):
        found = table.aggregate({p.position: _class_facts(p, label) for p in candidates}, "parts")
        for position, values in found.items():
            facts[position].append(values)
        candidates = [p for p in candidates if _says(facts[p.position])]
    return {p.position: _where(facts[p.position]) for p in candidates}


def _class_facts(p: Profile, label: int) -> list[str]:
    """SQL for the least and the greatest value of one class, its rows, and those with a value."""
    value = f"TRY_CAST({p.plain} AS DOUBLE)" if p.kind is Kind.NUMBER else f"lower(c{p.position})"
    chosen = f"FILTER (label = {label})"
    return [
        f"min({value}) {chosen}",
        f"max({value}) {chosen}",
        f"count(*) {chosen}",
        f"count(c{p.position}) {chosen}",
    ]


def _says(facts: Sequence[tuple[Any, ...]]) -> bool:
    """Whether the classes seen so far have one value each, and no two the same."""
    single = all(
        least == most and (filled == 0 or rows - filled <= max(1, _STRAY_BLANKS * rows))
        for least, most, rows, filled in facts
    )
    return single and len({least for least, *_ in facts}) == len(facts)


def _where(facts: Sequence[tuple[Any, ...]]) -> str:
    stray = sum(rows - filled for _, _, rows, filled in facts if filled)
    return f"all rows but {stray}, where it is empty" if stray else "every row"


def _leakage(name: str, target: str, where: str) -> Finding:
    same = f"it says the same as the target `{shown(target)}` in {where}"
    what = f"{same}, so it was left out: a model would only copy it"
    return Finding(rule=Rule.LEAKAGE, column=name, what=what)


def _why_dropped(table: Table, p: Profile, facts: tuple[Any, ...], unread_rows: int) -> str | None:
    rows, filled, one_value = facts
    if filled == 0:
        return "has no values"
    if one_value and filled == rows:
        return "has the same value in every row"
    if p.distinct < _NEARLY_ALL * p.filled or not (p.kind is Kind.TEXT or p.whole):
        return None
    distinct = int(table.row(f"SELECT count(DISTINCT c{p.position}) FROM {_TRAIN}")[0])
    if p.kind is Kind.TEXT and distinct > MAX_ONE_HOT_LEVELS and distinct >= IDENTIFIER_SHARE * filled:
        return "is an identifier or free text: nearly every row has a value of its own"
    return _why_numbers_identify(table, p, unread_rows) if p.whole and distinct == filled == rows else None


def _why_numbers_identify(table: Table, p: Profile, unread_rows: int) -> str | None:
    if _IDENTIFIER_NAME.search(p.name):
        return "is an identifier: whole numbers, every one different, and its name says so"
    if p.largest < _MOST_EXACT and _counts_rows(table, p.plain, unread_rows):
        return "counts the rows of the file"
    return None


def _counts_rows(table: Table, number: str, unread_rows: int) -> bool:
    """Whether the column goes up or down by one from row to row; rows that were set aside leave gaps."""
    up, down = f"CAST({number} AS HUGEINT) - ordinal", f"CAST({number} AS HUGEINT) + ordinal"
    rising, falling = table.row(f"SELECT max({up}) - min({up}), max({down}) - min({down}) FROM good")
    return min(int(rising), int(falling)) <= unread_rows


def _column(p: Profile, levels: tuple[str, ...], one_hot_levels: int) -> Column:
    match p.kind:
        case Kind.NUMBER:
            return NumberColumn(name=p.name, integer=p.integer, notation=p.notation)
        case Kind.BOOLEAN:
            return BooleanColumn(name=p.name)
        case Kind.DATE:
            return DateColumn(name=p.name, parts=(*DATE_PARTS, "hour") if p.timed else DATE_PARTS)
        case _:
            if len(levels) <= one_hot_levels:
                return OneHotColumn(name=p.name, levels=tuple(sorted(levels)))
            return FrequencyRankColumn(name=p.name, levels=levels)


def _levels(table: Table, profiles: Sequence[Profile]) -> dict[int, tuple[str, ...]]:
    """The commonest levels of the training part by column, commonest first, ties by code point."""
    ranked_columns = sum(p.distinct > MAX_ONE_HOT_LEVELS for p in profiles)
    share = MAX_RANKED_LEVELS_IN_ALL // max(ranked_columns, 1)
    # No fewer than a ranked column has, or it would look like a one-hot column.
    most = min(MAX_RANKED_LEVELS, max(share, MAX_ONE_HOT_LEVELS + 1))
    few = [p.position for p in profiles if p.distinct <= 2 * MAX_RANKED_LEVELS]
    levels: dict[int, tuple[str, ...]] = {}
    for position, (counts,) in table.aggregate({i: [f"histogram(c{i})"] for i in few}, _TRAIN).items():
        rows: dict[str, int] = counts or {}
        ranked = sorted(rows, key=lambda level: (-rows[level], level))
        levels[position] = tuple(ranked[:most])
    for position in {p.position for p in profiles} - levels.keys():
        query = (
            f"SELECT c{position} FROM {_TRAIN} AND c{position} IS NOT NULL "
            f"GROUP BY ALL ORDER BY count(*) DESC, c{position} LIMIT {most}"
        )
        levels[position] = tuple(str(level) for (level,) in table.rows(query))
    return levels
