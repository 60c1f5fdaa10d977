"""The rows that an endpoint is sent for records, and which of their columns lie outside of what training has seen.

Numbers are written so that they read back as the same 64-bit number, and so as the same float32 that the model was
measured on. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.dataset.recipe import (
    DateColumn,
    FrequencyRankColumn,
    NumberColumn,
    OneHotColumn,
    Problem,
    Recipe,
    RecordError,
    TextScoreColumn,
)
from sluice.prediction.key import key_text
from sluice.prediction.request import MAX_ERRORS, RefusedError, refusal_message

type _Test = Callable[[Sequence[float], Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Rows:
    """What the recipe makes of records, one after the other: CSV without label, features, columns that are outside,
    and the caller's own keys."""

    lines: tuple[str, ...]
    features: tuple[list[float], ...]
    outside: tuple[tuple[str, ...], ...]
    keys: tuple[str | None, ...]


class RowMaker:
    """Makes an endpoint's rows by one recipe.

    Args:
        recipe: of the model.
        key: the column by which callers know their records, if there is one. The recipe may not know it.
    """

    def __init__(self, recipe: Recipe, key: str | None = None) -> None:
        self._recipe = recipe
        self._key = key
        columns = {column.name for column in recipe.columns}
        self._known = frozenset(columns if key is None else {*columns, key})
        self._apart = None if key in columns else key
        self._tests = list(_tests(recipe))

    def rows(self, records: Sequence[Mapping[str, Any]]) -> Rows:
        """The rows of records, in their order.

        Raises:
            RefusedError: cells or columns do not fit; names each, up to a number of them.
        """
        features: list[list[float]] = []
        count = 0
        shared: frozenset[Problem] = frozenset()
        for number, record in enumerate(records, start=1):
            try:
                features.append(self._features(record))
            except RecordError as error:
                count += len(error.by_column)
                wrong = frozenset(self._of_columns(record, error.by_column))
                shared = wrong if number == 1 else shared & wrong
            else:
                shared = frozenset()
        if count:
            raise self._refusal(records, shared, count)
        outside = tuple(map(self._outside, features, records))
        return Rows(tuple(map(line_of, features)), tuple(features), outside, tuple(map(self._key_of, records)))

    def _key_of(self, record: Mapping[str, Any]) -> str | None:
        return None if self._key is None else key_text(self._recipe, record.get(self._key))

    def _refusal(self, records: Sequence[Mapping[str, Any]], shared: frozenset[Problem], count: int) -> RefusedError:
        """Names each problem by its record; a column that is missing from all of several records, or unknown, once."""
        if len(records) == 1:
            shared = frozenset()
        errors: list[dict[str, Any]] = [
            {"record": 1, "records": len(records), "column": found.column, "message": found.what}
            for found in sorted(shared)
        ]
        for number, record in enumerate(records, start=1):
            if len(errors) >= MAX_ERRORS:
                break
            errors += [
                {"record": number, "column": found.column, "message": found.what}
                for found in self._problems(record)
                if found not in shared
            ]
        listed = count - len(shared) * (len(records) - 1)
        return RefusedError(400, refusal_message(listed, "value", "does not fit the model"), errors[:MAX_ERRORS])

    def _of_columns(self, record: Mapping[str, Any], problems: Sequence[Problem]) -> Iterator[Problem]:
        """Those that are not of a cell: the record lacks the column, or the model does not know it."""
        return (found for found in problems if found.column not in record or found.column not in self._known)

    def _problems(self, record: Mapping[str, Any]) -> Sequence[Problem]:
        try:
            self._features(record)
        except RecordError as error:
            return error.by_column
        return ()

    def _features(self, record: Mapping[str, Any]) -> list[float]:
        # The recipe takes a cell of a text column as its text, and so would take a list.
        nested = [name for name, cell in record.items() if isinstance(cell, list | dict)]
        if not nested:
            return self._apply(record)
        problems = [Problem(name, "expected a number, a text, true, false or null") for name in nested]
        try:
            self._apply({name: None if name in nested else cell for name, cell in record.items()})
        except RecordError as error:
            problems += error.by_column
        raise RecordError(problems)

    def _apply(self, record: Mapping[str, Any]) -> list[float]:
        if self._apart in record:
            record = {name: cell for name, cell in record.items() if name != self._apart}
        return self._recipe.apply(record)

    def _outside(self, features: Sequence[float], record: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name, is_outside in self._tests if is_outside(features, record))


def line_of(features: Sequence[float]) -> str:
    """One row as the endpoint takes it: empty if missing, whole numbers without a point."""
    if len(features) == 1 and math.isnan(features[0]):
        return "nan"  # an empty line would be none
    return ",".join(map(_text, features))


def _text(number: float) -> str:
    if number == 1.0:
        return "1"
    if number == 0.0:
        return "0"
    return "" if number != number else repr(number).removesuffix(".0")  # noqa: PLR0124 - NaN alone differs from itself


def _tests(recipe: Recipe) -> list[tuple[str, _Test]]:
    """By column whose training values are known: whether a row's value lies beyond them."""
    tests: list[tuple[str, _Test]] = []
    start = 0
    for column in recipe.columns:
        match column:
            case NumberColumn(minimum=float() as minimum, maximum=float() as maximum):
                tests.append((column.name, _beyond(start, minimum, maximum)))
            case DateColumn() if column.minimum and column.maximum and "days" in column.parts:
                minimum, maximum = (float(_days(day)) for day in (column.minimum, column.maximum))
                tests.append((column.name, _beyond(start + column.parts.index("days"), minimum, maximum)))
            case OneHotColumn() if column.levels:
                tests.append((column.name, _none_of(start, start + column.width)))
            case FrequencyRankColumn(all_listed=True):
                tests.append((column.name, _unseen(recipe, column, start)))
            case TextScoreColumn(always_known=True):
                tests.append((column.name, _strange(recipe, column)))
            case _:
                pass
        start += column.width
    return tests


def _days(day: Any) -> int:
    return int(day.toordinal()) - 719_163  # 1970-01-01


def _beyond(at: int, minimum: float, maximum: float) -> _Test:
    return lambda features, _: features[at] < minimum or features[at] > maximum


def _none_of(start: int, stop: int) -> _Test:
    return lambda features, _: not any(features[start:stop])  # NaN is true


def _strange(recipe: Recipe, column: TextScoreColumn) -> _Test:
    def has_no_known_term(_: Sequence[float], record: Mapping[str, Any]) -> bool:
        cell = recipe.present(record[column.name])
        return cell is not None and not column.knows(cell)

    return has_no_known_term


def _unseen(recipe: Recipe, column: FrequencyRankColumn, at: int) -> _Test:
    # The levels that training saw once have the rank of the unseen ones: the cell tells the two apart.
    def is_unseen(features: Sequence[float], record: Mapping[str, Any]) -> bool:
        if features[at] != column.unseen:
            return False
        cell = recipe.present(record[column.name])
        return cell is not None and not column.has_seen(cell)

    return is_unseen
