"""Tells indexes and identifiers from quantities, and says what rows of one identifier share.

A column that is all different: whole numbers that chance would have repeated. n independent values of any distribution
over S whole numbers are all different with a probability of at most S! / ((S - n)! S^n), which they have if all S are
equally likely (the birthday problem). Below e^-25 they were not drawn but dealt: an index or an identifier.

A column that repeats is told by its name, by the target and by other columns. What its rows share is measured by
``sharing``: as a share of the log loss of the class shares it is at most 0.10 for quantities in the tables of
docs/decisions.md, and about 1 if the label is one for each identifier.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from sluice.dataset.config import Leaks
from sluice.wording import in_yaml
from tabular.columns import Kind, Profile
from tabular.findings import Finding, Rule, shown
from tabular.identifier_names import CODE, MIN_CODED, SURE, strength
from tabular.identities import Identities
from tabular.sharing import MIN_DIFFERENT, MIN_EXPECTED_IMPURE, MIN_GAP, MIN_GAP_OF_CATEGORY, Shared, shared
from tabular.split import Places

MAX_LOG_CHANCE: Final = -25.0
"""Natural logarithm of the chance that independent whole numbers are all different, if they count from 0 or 1 without
a gap."""

MAX_LOG_CHANCE_WITH_GAPS: Final = -50.0
"""The same for any other range: a hundred numbers of a range of as many."""

MAX_TOP_SHARE: Final = 0.25
"""Of the rows with a value. An amount is zero in most rows; no identifier stands in so many."""

_MAX_ROWS_PER_TEXT: Final = 20
"""Rows of a text whose name alone says identifier. A text with more is as useful as a category as it is."""

_MAX_JUDGED: Final = 64
"""Columns of a table whose repeated values are compared with the target; those that look most like identifiers."""

_MAX_OTHERS: Final = 64
"""Columns that one is compared with."""

_MIN_CONSTANT: Final = 0.99
_MIN_EXCESS: Final = 0.95
_MAX_NEIGHBOURS: Final = 0.5
"""A column follows from an identifier if it is constant in nearly all values, far beyond chance, and differs from one
value to the next: age groups follow from the age, but the next age is nearly always of the same."""

_MAX_NUMBERED: Final = 10

_YEARS: Final = (1800, 2100)

_REASON: Final = "is an identifier: its values name things, and their order means nothing"

_PANDAS_NAME: Final = re.compile(r"(?i:unnamed: ?\d+(_level_\d+)?|level_\d+|index|__index_level_\d+__)")


def log_chance_all_different(rows: int, values: float) -> float:
    """Natural logarithm of the chance that ``rows`` independent draws from ``values`` whole numbers are all different,
    if all are equally likely: with any other distribution it is less."""
    if rows >= values + 1:
        return -math.inf
    return math.fsum(math.log1p(-drawn / values) for drawn in range(1, rows))


@dataclass(frozen=True)
class Identified:
    """What is known of a column that names rows. ``reason``: why it is left out; None if it is used all the same.
    ``gap``: how far its rows share their label beyond chance (:attr:`Shared.gap`); None if they do not."""

    position: int
    reason: str | None
    finding: Finding | None = None
    refuses: bool = False
    gap: float | None = None


@dataclass(frozen=True)
class Setting:
    """What else is known of the table: ``ruled_out`` columns are not judged; ``unnamed`` are the columns whose name was
    made, by position, and ``header_line`` that of the names; ``places`` is the split if it is random, which puts rows
    of one value into several parts. ``leaks`` says of which columns rows may share their label, and whether the file is
    refused for it."""

    ruled_out: frozenset[str]
    places: Places | None = None
    unnamed: frozenset[int] = frozenset()
    header_line: int | None = None
    leaks: Leaks = field(default_factory=Leaks)

    @property
    def refuses(self) -> bool:
        return self.leaks.action == "refuse"

    def may_tell(self, p: Profile) -> bool:
        """Whether it is a fault if rows of one value share their label."""
        return self.places is not None and not self.leaks.allows(p.name)


def identify(identities: Identities, profiles: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns of a table that are an index or an identifier, in the table's order.

    Args:
        identities: samples of the table.
        profiles: of every column.
        setting: what the configuration says.
    """
    judged = [p for p in profiles if p.name not in setting.ruled_out]
    sight = _Sight(identities, setting.places)
    found = {one.position: one for one in _of_unnamed(judged, sight, setting)}
    for p in judged:
        if p.position not in setting.unnamed and (one := _dealt(p, sight)):
            found[p.position] = one
    repeating = [p for p in judged if p.position not in {*found, *setting.unnamed} and _may_repeat(p)]
    for p, evidence in _most_likely(repeating, sight):
        if one := _repeated(p, evidence, sight, setting):
            found[p.position] = one
    return [found[position] for position in sorted(found)]


def most_shared(found: Sequence[Identified], max_columns: int) -> list[int]:
    """The columns, by position, of which a row's label follows from other rows with its value: those first of which it
    does most."""
    sharing = [one for one in found if one.gap is not None]
    return [one.position for one in sorted(sharing, key=lambda one: (-(one.gap or 0.0), one.position))][:max_columns]


def identify_unnamed(identities: Identities, profiles: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns without a name; see :func:`identify`. The split need not be known."""
    judged = [p for p in profiles if p.name not in setting.ruled_out]
    return _of_unnamed(judged, _Sight(identities, None), setting)


def _of_unnamed(judged: Sequence[Profile], sight: _Sight, setting: Setting) -> list[Identified]:
    unnamed = [p for p in judged if p.position in setting.unnamed]
    return [*_empty(unnamed, setting), *(_unnamed(p, sight, setting) for p in unnamed if p.filled)]


class _Sight:
    """The samples as the judgement asks them."""

    def __init__(self, identities: Identities, places: Places | None) -> None:
        self._identities = identities
        self._rows = identities.rows.table()
        self._places = places

    def _train(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of the training part, if the split is random: what is learned of labels is learned there."""
        return rows if self._places is None else rows.filter(self._places.part() == 0)

    def samples(self, p: Profile) -> Iterator[tuple[pl.DataFrame, float]]:
        """``value``, ``label``, ``u`` and, if the target is a number, ``y`` of different rows, and the share of the
        values that they are from."""
        name = f"v{p.position}"
        if self._rows is not None and name in self._rows.columns:
            rows = self._rows  # a select of a wide frame is slow
            told = [rows[key] for key in ("label", "u", "y") if key in rows.columns]
            yield pl.DataFrame([rows[name].alias("value"), *told]).drop_nulls("value"), 1.0
        sample = self._identities.values.get(p.position)
        if sample is not None and (table := sample.table()) is not None:
            yield table, sample.share

    def all_different(self, p: Profile) -> bool:
        return all(rows["value"].is_unique().all() for rows, _ in self.samples(p))

    def values(self, p: Profile) -> int:
        """Different values in a sample."""
        return max((rows["value"].n_unique() for rows, _ in self.samples(p)), default=0)

    def log_chance(self, p: Profile) -> float:
        """That the column is all different by chance."""
        span = (p.greatest or 0) - (p.least or 0) + 1
        return min(
            (log_chance_all_different(rows.height, max(span * share, 1)) for rows, share in self.samples(p)),
            default=0.0,
        )

    def repeating(self, p: Profile) -> pl.DataFrame | None:
        """The training rows of the sample in which most stand with another one of their value."""
        best: tuple[int, pl.DataFrame] | None = None
        for rows, _ in self.samples(p):
            train = self._train(rows).drop("u")
            together = int(train["value"].is_duplicated().sum())
            if best is None or together > best[0]:
                best = together, train
        return best[1] if best and best[0] else None

    def follower(self, p: Profile) -> str | None:
        """The name of another column that has one value for each value of this one, as names have and quantities
        do not: it differs between neighbours."""
        if self._rows is None:
            return None
        rows, own = self._train(self._rows), f"v{p.position}"
        values = rows[own].n_unique()
        for name in self._identities.others(p.position, _MAX_OTHERS):
            pair = rows.select(pl.col(own).alias("value"), pl.col(name).alias("other")).drop_nulls()
            if 2 <= pair["other"].n_unique() <= values / 3 and _follows(pair):
                return self._identities.name(name)
        return None


def _follows(pair: pl.DataFrame) -> bool:
    by_value = (
        pair.group_by("value")
        .agg(pl.len().alias("n"), pl.col("other").n_unique().alias("others"), pl.col("other").min())
        .sort("value")
    )
    repeated = by_value.filter(pl.col("n") > 1)
    if not repeated.height:
        return False
    constant = int((repeated["others"] == 1).sum()) / repeated.height
    if constant < _MIN_CONSTANT:
        return False
    shares = [rows / pair.height for rows in pair.group_by("other").len()["len"]]
    sizes = repeated.group_by("n").len()
    chance = sum(values * sum(share**n for share in shares) for n, values in sizes.iter_rows()) / repeated.height
    if repeated.height * (1 - chance) < MIN_EXPECTED_IMPURE:
        return False
    alike = sum(share * share for share in shares)
    beside = int((by_value["other"] == by_value["other"].shift()).sum()) / by_value.height
    return bool((constant - chance) / (1 - chance) >= _MIN_EXCESS and (beside - alike) / (1 - alike) <= _MAX_NEIGHBOURS)


def _empty(unnamed: Sequence[Profile], setting: Setting) -> list[Identified]:
    """The columns that have neither a name nor values. One finding is about them all: it stands with the first."""
    empty = [p.position for p in unnamed if not p.filled]
    if not empty:
        return []
    numbers = [str(position + 1) for position in empty[:_MAX_NUMBERED]]
    more = f" and {len(empty) - _MAX_NUMBERED:,} more" if len(empty) > _MAX_NUMBERED else ""
    which = f"column {numbers[0]} has" if len(empty) == 1 else f"columns {', '.join(numbers)}{more} have"
    what = (
        f"{which} neither a name nor values and was left out; a delimiter at the end of each line makes such a column"
    )
    what = what.replace("and was left", "and were left") if len(empty) > 1 else what
    finding = Finding(rule=Rule.UNNAMED_COLUMN, line=setting.header_line, what=what)
    reason = "has neither a name nor values"
    return [Identified(position, reason, None if n else finding) for n, position in enumerate(empty)]


def _unnamed(p: Profile, sight: _Sight, setting: Setting) -> Identified:
    """Of a column without a name that has values: an index, or a mistake."""
    place = f"column {p.position + 1} has no name"
    line = setting.header_line
    if _is_pandas_index(p, sight):
        what = f"{place} and {_numbers(p, sight)}; it was left out as the table's index"
        return Identified(
            p.position, "is the table's index, without a name", Finding(rule=Rule.ROW_INDEX, line=line, what=what)
        )
    if p.kind is Kind.TEXT and not p.missing and sight.all_different(p):
        what = f"{place} and a text of its own in every row; it was left out as the names of the rows"
        return Identified(
            p.position, "is the names of the rows, without a name", Finding(rule=Rule.ROW_INDEX, line=line, what=what)
        )
    what = f"{place}, and it is no index: {_why_no_index(p)} (`drop` calls it `{shown(p.name)}`)"
    return Identified(p.position, None, Finding(rule=Rule.HEADER_BLANK, line=line, what=what), refuses=True)


def _why_no_index(p: Profile) -> str:
    if p.kind is Kind.NUMBER and not p.whole:
        return "it has fractions"
    if p.missing:
        return f"{p.missing:,} rows have no value in it"
    return f"it holds {'dates' if p.kind is Kind.DATE else 'values that repeat'}"


def _dealt(p: Profile, sight: _Sight) -> Identified | None:
    """Of a column of whole numbers that are all different, or that pandas named."""
    if p.kind is not Kind.NUMBER or not p.whole or p.constant or p.counts_rows or p.all_different:
        return None
    if _PANDAS_NAME.fullmatch(p.name) and _is_pandas_index(p, sight):
        return _index(p, f"its name says index, and {_numbers(p, sight)}")
    if p.missing or not sight.all_different(p):
        return None
    is_count = p.least in (0, 1) and (p.greatest or 0) - p.least + 1 == p.rows
    max_chance = MAX_LOG_CHANCE if is_count else MAX_LOG_CHANCE_WITH_GAPS
    if sight.log_chance(p) <= max_chance and not _are_years(p):
        return _index(p, _numbers(p, sight))
    if strength(p.name) == SURE:
        return Identified(p.position, "is an identifier: whole numbers, every one different, and its name says so")
    return None


def _index(p: Profile, why: str) -> Identified:
    what = f"{why}, so it was left out as an index of the rows"
    return Identified(p.position, "is an index of the rows", Finding(rule=Rule.ROW_INDEX, column=p.name, what=what))


def _is_pandas_index(p: Profile, sight: _Sight) -> bool:
    """Also of two tables that were put together: then its numbers repeat."""
    is_count = p.kind is Kind.NUMBER and p.whole and not p.missing and (p.least or 0) >= 0
    return is_count and sight.values(p) >= MIN_DIFFERENT


def _are_years(p: Profile) -> bool:
    return _YEARS[0] <= (p.least or 0) and (p.greatest or 0) <= _YEARS[1]


def _numbers(p: Profile, sight: _Sight) -> str:
    least, greatest = p.least or 0.0, p.greatest or 0.0
    if not sight.all_different(p):
        return f"it counts from {least:,.0f} to {greatest:,.0f}"
    span = "each once" if greatest - least + 1 == p.rows else "no one twice"
    return f"its whole numbers lie between {least:,.0f} and {greatest:,.0f}, {span}"


def _may_repeat(p: Profile) -> bool:
    if p.kind is Kind.NUMBER:
        return p.whole and not p.constant and not p.counts_rows and not p.all_different
    return p.kind is Kind.TEXT and not p.constant and p.distinct >= MIN_DIFFERENT


def _most_likely(profiles: Sequence[Profile], sight: _Sight) -> Iterator[tuple[Profile, Shared]]:
    """The columns whose values repeat as identifiers do, with what their rows share: first those whose name says so."""
    judged = 0
    for p in sorted(profiles, key=lambda p: -strength(p.name)):
        rows = sight.repeating(p)
        if rows is None or judged >= _MAX_JUDGED:
            continue
        evidence = shared(rows, ordered=p.kind is Kind.NUMBER, compared=len(profiles))
        if evidence is None or (evidence.top_share > MAX_TOP_SHARE and not strength(p.name)):
            continue
        judged += 1
        yield p, evidence


def _repeated(p: Profile, evidence: Shared, sight: _Sight, setting: Setting) -> Identified | None:
    says, may_tell = strength(p.name), setting.may_tell(p)
    if p.kind is Kind.NUMBER:
        # Numbers that a formula gives are one for each value of what it is given, too.
        constant = evidence.label_is_constant and not evidence.numbers
        sharing = may_tell and (evidence.beyond_chance(MIN_GAP) if says else constant)
        why = _why_identifier(says, p, sight, sharing=sharing)
        left_out = why is not None
    else:
        sharing = evidence.beyond_chance(MIN_GAP if says == SURE else MIN_GAP_OF_CATEGORY)
        sharing = sharing and may_tell and (says == SURE or (says > 0 and _is_coded(p)))
        left_out = says == SURE and (sharing or evidence.rows_per_value <= _MAX_ROWS_PER_TEXT)
        why = "its name says so" if left_out else None
    if sharing:
        return _sharing(p, evidence, left_out=left_out, refuses=setting.refuses)
    if why is None:
        return None
    each = f"{evidence.rows_per_value:,.1f} rows have the same value on average"
    what = f"it is an identifier ({why}; {each}), so it was left out: the order of identifiers means nothing"
    return Identified(p.position, _REASON, Finding(rule=Rule.IDENTIFIER, column=p.name, what=what))


def _why_identifier(says: int, p: Profile, sight: _Sight, *, sharing: bool) -> str | None:
    """Why a column of whole numbers that repeat is no quantity; None if it may be one."""
    if says == SURE:
        return "its name says so"
    if sharing:
        return "rows of one value share their label, and rows of the next value do not"
    follower = sight.follower(p) if says else None
    return None if follower is None else f"`{shown(follower)}` has one value for each of its values, in no order"


def _is_coded(p: Profile) -> bool:
    if p.levels is None or not p.levels.height:
        return False
    return float(p.levels["cell"].str.contains(CODE).mean() or 0.0) >= MIN_CODED  # type: ignore[arg-type]


def _sharing(p: Profile, evidence: Shared, *, left_out: bool, refuses: bool) -> Identified:
    """Rows of one value share their label: a random split puts them into training and test data alike."""
    setting = f"`split: {{group_by: {in_yaml(p.name)}}}`"
    if refuses and evidence.label_is_constant:
        what = (
            f"rows with the same value have the same {evidence.target} ({evidence.values:,} values, "
            f"{evidence.rows_per_value:,.1f} rows each on average), and a random split puts them into training and "
            f"test data: {evidence.losses}. The test would measure the first; with {setting} it measures the second"
        )
        finding = Finding(rule=Rule.LABEL_BY_IDENTIFIER, column=p.name, what=what)
        return Identified(p.position, _REASON, finding, refuses=True)
    what = (
        f"rows with the same value share their {evidence.target} beyond chance: {evidence.losses}. A random split puts "
        f"them into training and test data, so the test may flatter the model; {setting} keeps them together"
    )
    what += ". The column was left out as an identifier" if left_out else ""
    finding = Finding(rule=Rule.LABEL_SHARED, column=p.name, what=what)
    return Identified(p.position, _REASON if left_out else None, finding, gap=evidence.gap)
