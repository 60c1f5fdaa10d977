"""Learns the recipe: what happens to each column.

Levels and ranks come from the training rows only.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from sluice.dataset.config import Leaks
from sluice.dataset.dates import EPOCH, PERIODS
from sluice.dataset.recipe import (
    DATE_PARTS,
    PERIOD_PARTS,
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
from sluice.wording import in_yaml
from tabular.census import Census
from tabular.columns import Kind, Profile
from tabular.findings import Finding, Rule, shown
from tabular.free_text import REASON, free_text

MAX_ONE_HOT_LEVELS: Final = 20
MAX_RANKED_LEVELS: Final = 1000
MAX_RANKED_LEVELS_IN_ALL: Final = 100_000
"""Of the whole table: the columns share them, as every level is written into the recipe."""

MAX_ONE_HOT_FEATURES: Final = 2000
"""Of the whole table; beyond it every text column is ranked, so that thousands of them stay one feature each."""

IDENTIFIER_SHARE: Final = 0.95

_MAX_REASONS_SAID: Final = 10


_STRAY_BLANKS: Final = 0.01
"""Share of the rows of a class where a copy of the target may be empty and yet is one."""


def fit(
    census: Census,
    profiles: Sequence[Profile],
    *,
    target: Target,
    missing: Sequence[str],
    drop: Sequence[str],
    group_by: str | None,
    leaks: Leaks,
    keep: Sequence[str] = (),
    key: str | None = None,
    identified: Mapping[int, str] | None = None,
) -> tuple[Recipe, list[Finding]]:
    """The recipe, and warnings on columns that it leaves out for leakage.

    Args:
        census: of the file.
        profiles: of every column; the target's is passed over.
        target: name and classes.
        missing: tokens of a missing cell.
        drop: columns that a person ruled out.
        group_by: the column whose values the split keeps together.
        leaks: which columns may say the same as the target.
        keep: columns that are used although they look like an index or an identifier.
        key: the column that a person knows records by.
        identified: why columns are left out that are one (see ``identifiers``), by position.
    """
    identified = identified or {}
    features = [p for p in profiles if p.name != target.name]
    leaking = find_leaking(census, features, target.classes, leaks)
    reasons = reasons_left_out(
        features,
        target=target.name,
        leaking=leaking,
        drop=drop,
        group_by=group_by,
        keep=keep,
        key=key,
        identified=identified,
    )
    levels = _levels([p for p in features if p.kind is Kind.TEXT and p.name not in reasons])
    one_hot_levels = MAX_ONE_HOT_LEVELS
    if sum(len(found) for found in levels.values() if len(found) <= MAX_ONE_HOT_LEVELS) > MAX_ONE_HOT_FEATURES:
        one_hot_levels = 2
    columns = tuple(
        DroppedColumn(name=p.name, reason=reasons[p.name])
        if p.name in reasons
        else _column(p, levels.get(p.position, ()), one_hot_levels)
        for p in features
    )
    recipe = Recipe(target=target, missing=tuple(sorted({*missing} - {""})), columns=columns)
    return recipe, [_leakage(p.name, target.name, leaking[p.position]) for p in features if p.position in leaking]


def reasons_left_out(
    features: Sequence[Profile],
    *,
    target: str,
    leaking: Mapping[int, str],
    drop: Sequence[str],
    group_by: str | None,
    keep: Sequence[str],
    key: str | None,
    identified: Mapping[int, str],
) -> dict[str, str]:
    """Why columns are left out, by name; the others are used.

    Args:
        features: profiles of every column but the target.
        target: its name.
        leaking: where columns say the same as the target, by position.
        drop: columns that a person ruled out.
        group_by: the column whose values the split keeps together.
        keep: columns that are used although they look like an index or an identifier.
        key: the column that a person knows records by.
        identified: why columns are left out that are one, by position.
    """
    reasons: dict[str, str] = {}
    for p in features:
        if p.name in drop:
            reasons[p.name] = "listed under `drop` in config.yaml"
        elif p.name == key:
            reasons[p.name] = "is the `key` of config.yaml: it names records"
        elif p.name == group_by:
            reasons[p.name] = "is the group that the split uses: other data has other groups"
        elif reason := identified.get(p.position) or _why_dropped(p, is_kept=p.name in keep):
            reasons[p.name] = reason
        elif p.position in leaking:
            reasons[p.name] = f"says the same as the target `{shown(target)}` in {leaking[p.position]} (leakage)"
    return reasons


def nothing_left(recipe: Recipe) -> Finding:
    """What is said of a table with no column to predict from: why each is left out."""
    said = [
        f"`{shown(column.name)}` was left out {_in_words(column.reason)}"
        for column in recipe.columns
        if isinstance(column, DroppedColumn)
    ]
    if len(said) > _MAX_REASONS_SAID:
        said[_MAX_REASONS_SAID:] = [f"{len(said) - _MAX_REASONS_SAID} more columns for reasons of their own"]
    return Finding(rule=Rule.NO_FEATURES, what=f"no column is left to predict from: {'; '.join(said)}")


def _in_words(reason: str) -> str:
    if reason.startswith("listed"):
        return f"because it is {reason}"
    if reason.startswith(REASON):
        return f"as {reason.removeprefix('is ')}"
    return f"because it {reason}"


def with_ranges(recipe: Recipe, ranges: Mapping[str, tuple[float, float]]) -> Recipe:
    """The recipe with what the training part had.

    Args:
        recipe: as it was fitted.
        ranges: least and greatest number of the training part by column, dates as days since 1970-01-01.
    """
    columns = tuple(_with_range(column, ranges.get(column.name)) for column in recipe.columns)
    return recipe.model_copy(update={"columns": columns})


def _with_range(column: Column, found: tuple[float, float] | None) -> Column:
    if found is None:
        return column
    if isinstance(column, NumberColumn):
        return column.model_copy(update={"minimum": float(found[0]), "maximum": float(found[1])})
    if isinstance(column, DateColumn):
        minimum, maximum = (EPOCH + datetime.timedelta(days=days) for days in found)
        return column.model_copy(update={"minimum": minimum, "maximum": maximum})
    return column


def find_leaking(census: Census, features: Sequence[Profile], classes: Sequence[str], leaks: Leaks) -> dict[int, str]:
    """Columns that hold one value in each class, and another in every other class, but must not; with where they do.

    Case and number format do not tell values apart. Nothing at all is a value too; a few blanks beside a value are not.
    """
    if not classes:
        return {}
    asked = {p.position for p in features if not leaks.allows(p.name)}
    facts = {i: [found[label] for label in classes] for i, found in census.copies().items() if i in asked}
    return {i: _where(values) for i, values in facts.items() if _says(values)}


def _says(facts: Sequence[tuple[Any, ...]]) -> bool:
    """Whether the classes seen so far have one value each, and no two the same."""
    single = all(
        least == most and (filled == 0 or rows - filled <= max(1, _STRAY_BLANKS * rows))
        for least, most, rows, filled in facts
    )
    return single and len({least for least, *_ in facts}) == len(facts)


def _where(facts: Sequence[tuple[Any, ...]]) -> str:
    stray = sum(rows - filled for _, _, rows, filled in facts if filled)
    return f"all rows but {stray} without a value" if stray else "every row"


def _leakage(name: str, target: str, where: str) -> Finding:
    same = f"it says the same as the target `{shown(target)}` in {where}"
    what = f"{same}, so it was left out: a model would only copy it; `leaks: {{allow: [{in_yaml(name)}]}}` keeps it"
    return Finding(rule=Rule.LEAKAGE, column=name, what=what)


def _why_dropped(p: Profile, *, is_kept: bool) -> str | None:
    if not p.filled:
        return "has no values"
    if p.constant and not p.missing:
        return "has the same value in every row"
    return None if is_kept else _why_each_its_own(p)


def _why_each_its_own(p: Profile) -> str | None:
    if p.kind is Kind.TEXT and (reason := free_text(p)):
        return reason
    if p.kind is Kind.TEXT and _is_identifier(p):
        return "is an identifier or free text: nearly every row has a value of its own"
    if p.whole and p.all_different:
        return "is an identifier: whole numbers, every one different, and its name says so"
    return "counts the rows of the file" if p.counts_rows else None


def _is_identifier(p: Profile) -> bool:
    if p.levels is None or p.distinct <= MAX_ONE_HOT_LEVELS:
        return False
    if not p.exact:
        return p.distinct >= IDENTIFIER_SHARE * p.filled
    train = p.levels["train"]
    distinct, filled = int((train > 0).sum()), int(train.sum())
    return distinct > MAX_ONE_HOT_LEVELS and distinct >= IDENTIFIER_SHARE * filled


def _column(p: Profile, levels: tuple[str, ...], one_hot_levels: int) -> Column:
    match p.kind:
        case Kind.NUMBER:
            return NumberColumn(name=p.name, integer=p.integer, notation=p.notation, form=p.form)
        case Kind.BOOLEAN:
            return BooleanColumn(name=p.name)
        case Kind.DATE:
            return _date_column(p)
        case _:
            if len(levels) <= one_hot_levels:
                return OneHotColumn(name=p.name, levels=tuple(sorted(levels)), merged=p.merged)
            return _ranked(p, levels)


def _date_column(p: Profile) -> DateColumn:
    parts = PERIOD_PARTS if p.date.format in PERIODS else (*DATE_PARTS, "hour") if p.timed else DATE_PARTS
    return DateColumn(name=p.name, format=p.date.format, zone=p.date.zone, first_year=p.date.first_year, parts=parts)


def _ranked(p: Profile, levels: tuple[str, ...]) -> FrequencyRankColumn:
    """Levels that the training part has once are not ranked: the model would learn ranks that no other row can have,
    and never learn from the rank that rows with unseen levels get."""
    train = p.levels["train"] if p.levels is not None else pl.Series([], dtype=pl.Int64)
    repeated = int((train > 1).sum())
    return FrequencyRankColumn(
        name=p.name,
        levels=levels[:repeated],
        once=tuple(sorted(levels[repeated:])),
        merged=p.merged,
        all_listed=p.exact and len(levels) == int((train > 0).sum()),
    )


def _levels(profiles: Sequence[Profile]) -> dict[int, tuple[str, ...]]:
    """The commonest levels of the training part by column, commonest first, ties by code point."""
    ranked_columns = sum(p.distinct > MAX_ONE_HOT_LEVELS for p in profiles)
    share = MAX_RANKED_LEVELS_IN_ALL // max(ranked_columns, 1)
    # No fewer than a ranked column has, or it would look like a one-hot column.
    max_levels = min(MAX_RANKED_LEVELS, max(share, MAX_ONE_HOT_LEVELS + 1))
    return {
        p.position: tuple(p.levels.filter(pl.col("train") > 0)["cell"].head(max_levels))
        for p in profiles
        if p.levels is not None
    }
