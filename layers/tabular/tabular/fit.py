"""Learns the recipe: what becomes of each column.

Levels, ranks, constants and identifiers come from the training rows only.
"""

# ruff: noqa: S608 - statements are built from column numbers, escaped literals and this package's constants

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

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
from tabular.findings import Finding, Rule
from tabular.table import Table

MAX_ONE_HOT_LEVELS: Final = 20
MAX_RANKED_LEVELS: Final = 1000
MAX_ONE_HOT_FEATURES: Final = 2000
"""Of the whole table; beyond it every text column is ranked, so that thousands of them stay one feature each."""

IDENTIFIER_SHARE: Final = 0.95

_NEARLY_ALL: Final = 0.8
"""Of an estimate of distinct values: below it they are surely not all distinct."""

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
    leaking = _leaking(table, used)
    facts = table.aggregate(
        {p.position: ["count(*)", f"count(c{p.position})", f"{_distinct(p)}"] for p in used}, _TRAIN
    )
    one_hot_levels = MAX_ONE_HOT_LEVELS
    if sum(_text_levels(facts, p) for p in used) > MAX_ONE_HOT_FEATURES:
        one_hot_levels = 2

    reasons = {p.name: "listed under `drop` in config.yaml" for p in features if p.name in drop}
    for p in used:
        reason = _why_dropped(table, p, facts[p.position], unread_rows)
        if reason is None and p.position in leaking:
            reason = f"says the same as the target `{target.name}` in every row (leakage)"
        if reason is not None:
            reasons[p.name] = reason
    text = [p.position for p in used if p.kind is Kind.TEXT and p.name not in reasons]
    levels = _levels(table, {position: facts[position][2] for position in text})
    columns = tuple(
        DroppedColumn(name=p.name, reason=reasons[p.name])
        if p.name in reasons
        else _column(p, levels.get(p.position, ()), one_hot_levels)
        for p in features
    )
    recipe = Recipe(target=target, missing=tuple(sorted({*missing} - {""})), columns=columns)
    return recipe, [_leakage(p.name, target.name) for p in used if p.position in leaking]


def _distinct(p: Profile) -> str:
    """SQL for the number of values: exact where it is asked for, else 2 for two or more, which is much cheaper."""
    cell = f"lower(c{p.position})" if p.kind is Kind.BOOLEAN else f"c{p.position}"
    may_identify = p.integer and p.distinct >= _NEARLY_ALL * p.filled
    if p.kind is Kind.TEXT or may_identify:
        return f"count(DISTINCT {cell})"
    return f"CASE WHEN min({cell}) = max({cell}) THEN 1 ELSE 2 END"


def _text_levels(facts: Mapping[int, tuple[int, ...]], p: Profile) -> int:
    distinct = int(facts[p.position][2])
    return distinct if p.kind is Kind.TEXT and distinct <= MAX_ONE_HOT_LEVELS else 0


def _leaking(table: Table, profiles: Sequence[Profile]) -> set[int]:
    """Columns of two values, each of which goes with one label only, in all good rows."""
    candidates = [p.position for p in profiles if p.missing == 0 and p.distinct <= 4]
    pairs = table.aggregate(
        {i: [f"count(DISTINCT c{i})", f"count(DISTINCT [c{i}, CAST(label AS VARCHAR)])"] for i in candidates}, "parts"
    )
    return {i for i, (values, with_label) in pairs.items() if values == with_label == 2}


def _leakage(name: str, target: str) -> Finding:
    what = f"it says the same as the target `{target}` in every row, so it was left out: a model would only copy it"
    return Finding(rule=Rule.LEAKAGE, column=name, what=what)


def _why_dropped(table: Table, p: Profile, facts: tuple[int, ...], unread_rows: int) -> str | None:
    rows, filled, distinct = facts
    if filled == 0:
        return "has no values"
    if distinct == 1 and filled == rows:
        return "has the same value in every row"
    if p.kind is Kind.TEXT and distinct > MAX_ONE_HOT_LEVELS and distinct >= IDENTIFIER_SHARE * filled:
        return "is an identifier or free text: nearly every row has a value of its own"
    if p.kind is Kind.NUMBER and p.integer and distinct == filled == rows:
        if _IDENTIFIER_NAME.search(p.name):
            return "is an identifier: whole numbers, every one different, and its name says so"
        if _counts_rows(table, p.position, unread_rows):
            return "counts the rows of the file"
    return None


def _counts_rows(table: Table, position: int, unread_rows: int) -> bool:
    """Whether the column goes up or down by one from row to row; rows that were set aside leave gaps."""
    up, down = f"CAST(c{position} AS BIGINT) - ordinal", f"CAST(c{position} AS BIGINT) + ordinal"
    rising, falling = table.row(f"SELECT max({up}) - min({up}), max({down}) - min({down}) FROM good")
    return min(int(rising), int(falling)) <= unread_rows


def _column(p: Profile, levels: tuple[str, ...], one_hot_levels: int) -> Column:
    match p.kind:
        case Kind.NUMBER:
            return NumberColumn(name=p.name, integer=p.integer)
        case Kind.BOOLEAN:
            return BooleanColumn(name=p.name)
        case Kind.DATE:
            return DateColumn(name=p.name, parts=(*DATE_PARTS, "hour") if p.timed else DATE_PARTS)
        case _:
            if len(levels) <= one_hot_levels:
                return OneHotColumn(name=p.name, levels=tuple(sorted(levels)))
            return FrequencyRankColumn(name=p.name, levels=levels)


def _levels(table: Table, distinct: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """The commonest levels of the training part by column, commonest first, ties by code point.

    Args:
        table: with its ``parts`` made.
        distinct: how many levels each column has.
    """
    few = [position for position, number in distinct.items() if number <= MAX_RANKED_LEVELS]
    levels: dict[int, tuple[str, ...]] = {}
    for position, (counts,) in table.aggregate({i: [f"histogram(c{i})"] for i in few}, _TRAIN).items():
        rows = dict(counts or {})
        levels[position] = tuple(sorted(rows, key=lambda level: (-rows[level], level)))
    for position in distinct.keys() - levels.keys():
        query = (
            f"SELECT c{position} FROM {_TRAIN} AND c{position} IS NOT NULL "
            f"GROUP BY ALL ORDER BY count(*) DESC, c{position} LIMIT {MAX_RANKED_LEVELS}"
        )
        levels[position] = tuple(str(level) for (level,) in table.rows(query))
    return levels
