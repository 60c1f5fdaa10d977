"""What is said of columns that give the target away, and whether the file is refused for them."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.config import Leaks
from sluice.dataset.dates import EPOCH
from sluice.dataset.recipe import DroppedColumn, Recipe
from sluice.wording import in_yaml
from tabular.census import Census
from tabular.columns import Kind, Profile
from tabular.findings import Finding, RefusedError, Rule, shown
from tabular.leaks import Candidate, Leak, Segments, find_leaks, level_hash
from tabular.split import Places

_MAX_PARTS: Final = 4
"""Segments or levels that a sentence lists."""
_NO_BETTER: Final = 0.9

MIN_CERTAIN_RANK_CORRELATION: Final = 0.9999
"""Of a column's numbers and a target's: from here on the one says the other."""
MIN_DOUBTFUL_RANK_CORRELATION: Final = 0.999
MIN_RANKED_ROWS: Final = 30
"""With a value in both columns: fewer say nothing."""
MIN_TOLD: Final = 0.9
"""Share of the rows with a text that others have, too."""


def leak_findings(
    census: Census, places: Places, profiles: Sequence[Profile], recipe: Recipe, config: Leaks
) -> list[Finding]:
    """Warnings about columns that give the target away.

    Args:
        census: of the file, with its sample of rows.
        places: the split.
        profiles: of every column.
        recipe: a column that it leaves out gives nothing away.
        config: what such a column leads to.

    Raises:
        RefusedError: it is certain that one does, and the configuration refuses the file for it.
    """
    dropped = {column.name for column in recipe.columns if isinstance(column, DroppedColumn)}
    used = [p for p in profiles if p.name not in {recipe.target.name, *dropped}]
    if not recipe.target.classes:
        return _of_numbers(census.identities.rows.table(), used, recipe.target.name, config)
    by_position = {p.position: p for p in used}
    candidates = [Candidate(p.position, p.kind in (Kind.NUMBER, Kind.DATE)) for p in used]
    allowed = frozenset(p.position for p in used if config.allows(p.name))
    classes = recipe.target.classes
    leaks = find_leaks(census.leak_sample(places, classes), classes, candidates, allowed)
    found = [(leak, _finding(leak, by_position[leak.position], recipe)) for leak in leaks]
    if certain := [finding for leak, finding in found if leak.certain and config.action == "refuse"]:
        raise RefusedError(*certain)
    return [finding for _, finding in found]


def _of_numbers(rows: pl.DataFrame | None, used: Sequence[Profile], target: str, config: Leaks) -> list[Finding]:
    """The same of a target of numbers: columns of numbers or dates in whose order the target's numbers are, too, and
    texts whose rows have one number each.

    Args:
        rows: different rows, with the target's number as ``y``, and the number, the day or the hash of the text of
            column 3 as ``v3``.
        used: the columns that a model learns from.
        target: its name.
        config: what such a column leads to.

    Raises:
        RefusedError: see :func:`leak_findings`.
    """
    if rows is None or "y" not in rows.columns:
        return []
    warned: list[Finding] = []
    refused: list[Finding] = []
    for p in used:
        if config.allows(p.name) or f"v{p.position}" not in rows.columns:
            continue
        pairs = rows.select("y", pl.col(f"v{p.position}").alias("x")).drop_nulls()
        told = _by_order(pairs) if p.kind in (Kind.NUMBER, Kind.DATE) else _by_value(pairs)
        if pairs.height < MIN_RANKED_ROWS or told is None or not told.correlation >= MIN_DOUBTFUL_RANK_CORRELATION:
            continue
        certain = told.correlation >= MIN_CERTAIN_RANK_CORRELATION
        name = in_yaml(p.name)
        what = (
            f"it alone {'decides' if certain else 'nearly decides'} the target `{shown(target)}`: {told.how}, too "
            f"(rank correlation {told.correlation:.5f} over {pairs.height:,} different rows). "
            f"`drop: [{name}]` leaves it out, `leaks: {{allow: [{name}]}}` keeps it"
        )
        finding = Finding(rule=Rule.LEAKAGE, column=p.name, what=what)
        (refused if certain and config.action == "refuse" else warned).append(finding)
    if refused:
        raise RefusedError(*refused)
    return warned


@dataclass(frozen=True)
class _Told:
    """How a column tells a number, and the rank correlation of what it tells with the target's numbers."""

    how: str
    correlation: float


def _by_order(pairs: pl.DataFrame) -> _Told | None:
    found = pairs.select(pl.corr(pl.col("x").rank(), pl.col("y").rank()).abs()).item()
    return None if found is None else _Told("rows in its order are in the target's order", found)


def _by_value(pairs: pl.DataFrame) -> _Told | None:
    """By the mean rank of the other rows with a value: what one row has of its own says nothing."""
    others = (pl.col("rank").sum() - pl.col("rank")) / (pl.len() - 1)
    told = (
        pairs.with_columns(pl.col("y").rank().alias("rank"))
        .with_columns(pl.when(pl.len().over("x") > 1).then(others.over("x")).alias("others"))
        .drop_nulls("others")
    )
    if told.height < MIN_TOLD * pairs.height:
        return None
    found = told.select(pl.corr("others", "rank")).item()
    return None if found is None else _Told("rows with the same value in it have the same in the target", found)


def _finding(leak: Leak, p: Profile, recipe: Recipe) -> Finding:
    target, name = shown(recipe.target.name), in_yaml(p.name)
    decides = "decides" if leak.certain else "nearly decides"
    wrong = "in none" if not leak.wrong else f"in {leak.wrong:,}"
    rule = _rule(leak, p, recipe.target.classes)
    what = (
        f"it alone {decides} the target `{target}` ({rule}): of {leak.rows:,} different training rows it is wrong "
        f"{wrong}, and {_others(leak.others)}. `drop: [{name}]` leaves it out, `leaks: {{allow: [{name}]}}` keeps it"
    )
    return Finding(rule=Rule.LEAKAGE, column=p.name, what=what)


def _others(share: float | None) -> str:
    if share is None:
        return "there is no other column"
    if share >= _NO_BETTER:
        return "all other columns together are no better than a guess"
    return f"all other columns together make {share:.0%} of the errors of a guess"


def _rule(leak: Leak, p: Profile, classes: Sequence[str]) -> str:
    """How the column tells the class: `no` up to 3, `yes` above."""
    told = [f"`{shown(label)}`" for label in classes]
    rule = leak.rule
    if isinstance(rule.known, Segments):
        parts = _segments(rule.known, p, told)
    else:
        parts = _levels(rule.known, p, told, letters=rule.reading == "letters")
    missing = [] if rule.missing is None else [f"{told[rule.missing]} without a value"]
    shown_parts = parts[: _MAX_PARTS - len(missing)]
    return ", ".join([*shown_parts, *(["..."] if len(parts) > len(shown_parts) else []), *missing])


def _segments(segments: Segments, p: Profile, told: Sequence[str]) -> list[str]:
    if not segments.ends:
        return [f"{told[y]} with a value" for y in segments.classes]
    ends = [str(EPOCH + datetime.timedelta(end)) if p.kind is Kind.DATE else f"{end:g}" for end in segments.ends]
    parts = [f"{told[y]} up to {end}" for end, y in zip(ends, segments.classes, strict=False)]
    return [*parts, f"{told[segments.classes[-1]]} above"]


def _levels(levels: Mapping[int, int], p: Profile, told: Sequence[str], *, letters: bool) -> list[str]:
    """By class the levels, the commonest first."""
    if p.levels is None:
        return []
    texts = p.levels.select("cell", level_hash(pl.col("cell"), letters=letters).alias("hash"))
    known = texts.unique("hash", keep="first", maintain_order=True).rows()
    by_class: dict[int, list[str]] = {}
    for cell, level in known:
        if level in levels:
            by_class.setdefault(levels[level], []).append(f"`{shown(cell)}`")
    like = "like " if letters else ""
    return [
        f"{told[y]} for {like}{', '.join(itertools.islice(cells, 2))}{' and others' if len(cells) > 2 else ''}"
        for y, cells in sorted(by_class.items())
    ]
