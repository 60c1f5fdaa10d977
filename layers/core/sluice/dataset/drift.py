"""Holds a file against its dataset's contract: the differences, and how serious each one is. Pure.

If a difference is one of shares, it counts only beyond what chance alone explains once in a thousand files: a small
file must not be refused for being small. The population stability index (PSI) of B bins between two samples of n and m
rows of one population is distributed as (1/n + 1/m) times chi-squared with B - 1 degrees of freedom
(B. Yurdakul, "Statistical Properties of Population Stability Index", 2018).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sluice.dataset.contract import (
    Breach,
    ColumnTerms,
    Contract,
    ContractRules,
    SeenColumn,
    SeenTable,
    Severity,
    TargetTerms,
    Thresholds,
    folded,
)
from sluice.dataset.dates import EPOCH
from sluice.dataset.movement import EPOCHS, unit_of, year_of
from sluice.wording import nearest

RARE_SHARE: Final = 0.01
"""Levels below this share are one bin of the PSI, with the unseen ones: rare levels come and go by chance."""

PSI_FLOOR: Final = 1e-4
"""The least share in a PSI, whose logarithm would be infinite otherwise; half a row where that is more."""

_ONE_IN_A_THOUSAND: Final = 3.0902
"""Standard deviations of a normal distribution, one-sided."""


def hold(contract: Contract, seen: SeenTable, rules: ContractRules) -> list[Breach]:
    """The breaches, errors first. Columns are matched by name; what the rules ignore is left out."""
    found = [
        *_row_count(contract, seen, rules),
        *_columns(contract, seen, rules),
        *_target(contract, seen, rules),
    ]
    return sorted((breach for breach in found if breach.severity != "ignore"), key=lambda one: one.severity)


def reordered(contract: Contract, seen: SeenTable) -> bool:
    """Whether the columns that both have stand in another order."""
    known = [terms.name for terms in contract.columns or ()]
    return [name for name in known if name in set(seen.order)] != [name for name in seen.order if name in set(known)]


def population_stability_index(expected: Sequence[float], actual: Sequence[float], floor: float = PSI_FLOOR) -> float:
    """Sum of (a - e) ln(a / e) over the shares of the bins, none taken below ``floor``."""
    pairs = ((max(e, floor), max(a, floor)) for e, a in zip(expected, actual, strict=True))
    return sum((a - e) * math.log(a / e) for e, a in pairs)


def psi_by_chance(bins: int, expected_rows: float | None, actual_rows: float) -> float:
    """What the PSI of two samples of one population exceeds once in a thousand times.

    Chi-squared's quantile by Wilson and Hilferty (1931). ``expected_rows`` None: the expected shares are exact.
    """
    freedom = bins - 1
    if freedom < 1:
        return 0.0
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + _ONE_IN_A_THOUSAND * math.sqrt(spread)) ** 3
    return quantile * _variance(1, expected_rows, actual_rows)


def _variance(scale: float, expected_rows: float | None, actual_rows: float) -> float:
    return scale * ((1 / expected_rows if expected_rows else 0) + 1 / actual_rows)


def _beyond_chance(expected: float, actual: float, expected_rows: float | None, actual_rows: float) -> bool:
    """Whether two shares differ by more than samples of one population do once in a thousand times."""
    spread = math.sqrt(_variance(expected * (1 - expected), expected_rows, actual_rows))
    return abs(actual - expected) > _ONE_IN_A_THOUSAND * spread


def _row_count(contract: Contract, seen: SeenTable, rules: ContractRules) -> Iterator[Breach]:
    if contract.rows is None:
        return
    lost = 1 - seen.rows / contract.rows
    what = f"it has {seen.rows:,} usable rows; the file that made {_name(contract)} had {contract.rows:,}"
    yield _measured("row_count", rules.row_count, lost, what)


def _columns(contract: Contract, seen: SeenTable, rules: ContractRules) -> Iterator[Breach]:
    if contract.columns is None:
        return
    known = {terms.name for terms in contract.columns}
    left_out = {*seen.dropped, seen.target, contract.target.name if contract.target else seen.target}
    columns = {column.name: column for column in seen.columns}
    new = [name for name in columns if name not in known]
    for terms in contract.columns:
        if terms.name in columns:
            yield from _column(contract, terms, columns[terms.name], rules)
        elif terms.name not in left_out:
            yield _absent(contract, terms, new, rules)
    for name in new:
        what = f"it is new: {_name(contract)} does not have it"
        yield Breach(rule="new_column", severity=rules.new_column, column=name, what=what)


def _absent(contract: Contract, terms: ColumnTerms, new: Sequence[str], rules: ContractRules) -> Breach:
    what = f"it is absent; {_name(contract)} has it{_hint(terms.name, new)}"
    severity = rules.missing_column
    if terms.used is False and severity == "error":  # no model misses it
        severity, what = "warning", f"{what}, though no model used it"
    return Breach(rule="missing_column", severity=severity, column=terms.name, what=what)


def _hint(name: str, new: Sequence[str]) -> str:
    near = nearest(name, new)
    return f". The new column `{near}` may be the same under another name" if near is not None else ""


def _column(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    if terms.used is not False:
        yield from _missing(contract, terms, seen, rules)
    if seen.kind == "empty":
        return
    if not _kind_fits(terms, seen):
        what = f"its values are of kind {seen.kind}; {_name(contract)} has {terms.kind}"
        severity = rules.kind
        if _is_read_since(contract, terms, seen):
            what += ", as the release that made it read such values as text"
            severity = "warning" if severity == "error" else severity
        yield Breach(rule="kind", severity=severity, column=terms.name, what=what)
        return
    if terms.used is False:
        return
    if terms.moves in ("calendar", "counter"):
        yield from _movement(contract, terms, seen, rules)
        return
    yield from _range(contract, terms, seen, rules)
    if terms.is_held_to_its_distribution:
        yield from _unseen_levels(contract, terms, seen, rules)
        yield from _moved(contract, terms, seen, rules)


def _movement(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    """What is wrong with how far a column has moved on since the contract was made: its unit, back, too far ahead."""
    low, high = terms.bounds()
    if seen.minimum is None or seen.maximum is None or low is None or high is None:
        return
    is_time = terms.moves == "calendar" and seen.kind == "number"
    unit, now = (unit_of(low, high), unit_of(seen.minimum, seen.maximum)) if is_time else (None, None)
    if unit and now and now != unit and (unit in EPOCHS or now in EPOCHS):
        what = f"its values count {_counted(now)}; in {_name(contract)} they count {_counted(unit)}"
        yield Breach(rule="kind", severity=rules.kind, column=terms.name, what=what)
        return
    year = 365.0 if seen.kind == "date" else year_of(unit)
    width = max(high - low, year / 365) or 1.0
    most = max(width, year if terms.moves == "calendar" else abs(high))
    found, held = (f"from {_at(a, seen)} to {_at(b, seen)}" for a, b in ((seen.minimum, seen.maximum), (low, high)))
    what = f"its values go {found}; in {_name(contract)} they go {held}"
    if (back := (low - seen.minimum) / width) > 0:
        said = f"{what}. They begin {back:.3g} widths of that range before it: look for an older export"
        yield _measured("moved_back", rules.moved_back, back, said, terms.name)
    if (ahead := (seen.maximum - high) / most) > 0:
        said = f"{what}. They end {ahead:.3g} times {_step(terms, width, most)} after it"
        yield _measured("jumped", rules.jumped, ahead, said, terms.name)


def _counted(unit: str) -> str:
    return f"{unit} since 1970" if unit in EPOCHS else unit


def _step(terms: ColumnTerms, width: float, most: float) -> str:
    if most == width:
        return "the width of that range"
    return "a year" if terms.moves == "calendar" else "its greatest value"


def _at(bound: float, seen: SeenColumn) -> str:
    """A number or, of dates, the day."""
    if seen.kind == "date":
        return str(EPOCH + datetime.timedelta(days=bound))
    return f"{bound:.15g}"


def _missing(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    rows = seen.filled + seen.missing
    share = seen.missing / rows
    if terms.nullable is False:
        what = f"{seen.missing:,} of {rows:,} values are missing; in {_name(contract)} none are"
        yield _measured("nulls", rules.nulls, share, what, terms.name)
    elif terms.missing_share is not None and _beyond_chance(terms.missing_share, share, contract.rows, rows):
        what = f"{share:.1%} of its values are missing; in {_name(contract)} {terms.missing_share:.1%} are"
        yield _measured("missing_share", rules.missing_share, share - terms.missing_share, what, terms.name)


def _kind_fits(terms: ColumnTerms, seen: SeenColumn) -> bool:
    if terms.kind is None or terms.kind == seen.kind:
        return True
    if terms.used is False:  # one word alone is text; with the other one it is a boolean
        return {terms.kind, seen.kind} == {"text", "boolean"}
    # A file may hold one of the two words only, or the other word for the first time. Its levels tell the rest.
    if terms.kind == "boolean":
        return seen.kind == "text" and seen.unseen == 0
    return terms.kind == "text" and seen.kind == "boolean" and terms.levels is not None


def _is_read_since(contract: Contract, terms: ColumnTerms, seen: SeenColumn) -> bool:
    """Whether the file may well write the column as before, in a form that was text to releases whose contracts are of
    version 1: units, times of day, months. Their texts tell, if the contract has some; of many values it has none."""
    if contract.schema_version > 1 or terms.kind != "text" or seen.kind not in {"number", "date"}:
        return False
    return terms.levels is None or seen.reads_levels


def _range(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    if seen.minimum is None or seen.maximum is None:
        return
    least, greatest = terms.bounds()
    low = -math.inf if least is None else least
    high = math.inf if greatest is None else greatest
    outside = max(low - seen.minimum, seen.maximum - high, 0)
    if not outside:
        return
    width = high - low if 0 < high - low < math.inf else max(abs(x) for x in (low, high) if math.isfinite(x)) or 1.0
    what = (
        f"its values range from {_shown(seen.minimum, seen)} to {_shown(seen.maximum, seen)}; in {_name(contract)} "
        f"from {_shown(low, seen)} to {_shown(high, seen)}. "
        f"They leave that range by {outside / width:.3g} of its width"
    )
    yield _measured("range", rules.range, outside / width, what, terms.name)


def _shown(bound: float, seen: SeenColumn) -> str:
    return _at(bound, seen) if seen.kind == "date" and math.isfinite(bound) else f"{bound:g}"


def _unseen_levels(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    if terms.levels is None or not seen.unseen:
        return
    share = seen.unseen / seen.filled
    values = _values(contract, terms)
    if not _beyond_chance(_expected_unseen(terms.levels, values), share, values, seen.filled):
        return
    what = f"{share:.1%} of its values, such as `{_short(seen.unseen_example)}`, are unknown to {_name(contract)}"
    yield _measured("unseen_levels", rules.unseen_levels, share, what, terms.name)


def _expected_unseen(levels: Mapping[str, float | None], values: float | None) -> float:
    """Of the next values, by Good and Turing: as many as there are levels that were seen once."""
    if not values:
        return 0.0
    return min(1.0, sum(share is not None and share * values < 1.5 for share in levels.values()) / values)


def _moved(contract: Contract, terms: ColumnTerms, seen: SeenColumn, rules: ContractRules) -> Iterator[Breach]:
    if terms.bins and sum(seen.bins):
        expected, actual = list(terms.bins.shares), list(seen.bins)
    elif (shares := _all_known(terms.levels)) and seen.levels is not None:
        expected, actual = _level_bins(terms, shares, seen)
    else:
        return
    rows = sum(actual)
    index = population_stability_index(expected, [count / rows for count in actual], max(PSI_FLOOR, 0.5 / rows))
    if index > psi_by_chance(len(expected), _values(contract, terms), rows):
        what = f"its distribution moved away from {_name(contract)}: population stability index {index:.3g}"
        yield _measured("psi", rules.psi, index, what, terms.name)


def _all_known(shares: Mapping[str, float | None] | None) -> dict[str, float]:
    """The shares, or nothing where a person left some out."""
    known = {level: share for level, share in (shares or {}).items() if share is not None}
    return known if len(known) == len(shares or {}) else {}


def _level_bins(terms: ColumnTerms, shares: Mapping[str, float], seen: SeenColumn) -> tuple[list[float], list[int]]:
    """Shares in the contract and rows in the file of each common level, then of all others together."""
    counted = seen.levels or {}
    rows = folded(counted) if terms.kind == "boolean" else counted
    common = [level for level, share in shares.items() if share >= RARE_SHARE]
    expected = [shares[level] for level in common]
    actual = [rows.get(level, 0) for level in common]
    others, rest = max(0.0, 1 - sum(expected)), seen.filled - sum(actual)
    if others < 1e-6 and not rest:
        return expected, actual
    return [*expected, others], [*actual, rest]


def _target(contract: Contract, seen: SeenTable, rules: ContractRules) -> Iterator[Breach]:
    target = contract.target
    if target is None:
        return
    if target.name != seen.target:
        what = f"it is the target now; in {_name(contract)} `{target.name}` is"
        yield Breach(rule="target", severity=rules.target, column=seen.target, what=what)
    elif target.classes is not None and not seen.classes:
        what = f"it is a number now; in {_name(contract)} it has classes"
        yield Breach(rule="target", severity=rules.target, column=seen.target, what=what)
    elif target.classes is not None:
        yield from _classes(contract, target, target.classes, seen, rules)


def _classes(
    contract: Contract,
    target: TargetTerms,
    classes: Mapping[str, float | None],
    seen: SeenTable,
    rules: ContractRules,
) -> Iterator[Breach]:
    for label in classes:
        if label not in seen.classes:
            what = f"class `{_short(label)}` of {_name(contract)} does not occur"
            yield Breach(rule="class_vanished", severity=rules.class_vanished, column=target.name, what=what)
    for label, count in seen.classes.items():
        if label not in classes:
            what = f"class `{_short(label)}` ({count:,} rows) is unknown to {_name(contract)}"
            yield Breach(rule="class_new", severity=rules.class_new, column=target.name, what=what)
    moves = {
        label: abs(seen.classes[label] / seen.rows - share)
        for label, share in classes.items()
        if share is not None
        and label in seen.classes
        and _beyond_chance(share, seen.classes[label] / seen.rows, contract.rows, seen.rows)
    }
    if moves:
        label = max(moves, key=lambda one: moves[one])
        share = seen.classes[label] / seen.rows
        what = f"class `{_short(label)}` has {share:.1%} of the rows; in {_name(contract)} {classes[label]:.1%}"
        yield _measured("class_share", rules.class_share, moves[label], what, target.name)


def _measured(rule: str, thresholds: Thresholds, measured: float, what: str, column: str | None = None) -> Breach:
    severity: Severity = thresholds.severity(measured)
    limit = thresholds.error if severity == "error" else thresholds.warn
    if severity != "ignore":
        what += f" ({rule} {measured:.3g}, beyond {limit:g})"
    return Breach(rule=rule, severity=severity, column=column, what=what, measured=measured)


def _values(contract: Contract, terms: ColumnTerms) -> float | None:
    """How many values the contract's shares were counted on; None if a person wrote them."""
    return contract.rows * (1 - (terms.missing_share or 0)) if contract.rows else None


def _name(contract: Contract) -> str:
    return f"contract version {contract.version}"


def _short(text: str | None) -> str:
    flat = " ".join((text or "").split())
    return flat if len(flat) <= 60 else flat[:59] + "…"
