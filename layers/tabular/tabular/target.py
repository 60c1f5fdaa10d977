"""Which column is predicted, and which labels it has. Never guessed silently."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sluice.dataset.numbers import NUMBER
from sluice.wording import nearest
from tabular.findings import MAX_NAME_BYTES, Finding, RefusedError, Rule, listed, shown
from tabular.sketch import Levels
from tabular.small_classes import MIN_ROWS_PER_CLASS

CONVENTIONAL_NAMES: Final = ("target", "label", "class", "y")
POSITIVE_WORDS: Final = frozenset({"true", "t", "yes", "y", "positive"})
NEGATIVE_NUMBERS: Final = frozenset({0.0, -1.0})
"""Beside one of these 1 means yes; beside 2 it is a number like any other."""

MAX_CLASSES: Final = 50

_QUANTITY_SHARE: Final = 0.9
"""Of the labels: if so many are numbers, the target is a quantity."""


@dataclass(frozen=True)
class Classes:
    """Labels by class number, of two the positive one last; rows of each."""

    labels: tuple[str, ...]
    rows: Mapping[str, int]


NO_CLASSES: Final = Classes((), {})
"""Of a target of numbers."""


def resolve_target(names: Sequence[str], configured: str | None, default: str | None, dropped: Sequence[str]) -> int:
    """The number of the target column: the configured one, otherwise the default one, otherwise one with a usual name.

    Raises:
        RefusedError: none is named, or it is no column of the file, or it is dropped.
    """
    wanted = (configured or default or "").strip()
    if not wanted:
        matches = [i for i, name in enumerate(names) if name.lower() in CONVENTIONAL_NAMES]
        if len(matches) > 1:
            what = f"several columns could be the target: {listed([names[i] for i in matches])}"
            raise RefusedError(Finding(rule=Rule.TARGET_AMBIGUOUS, what=what))
        if not matches:
            what = (
                f"no target is named, and no column is named {' or '.join(CONVENTIONAL_NAMES)}; "
                f"the columns are {listed(list(names))}"
            )
            raise RefusedError(Finding(rule=Rule.TARGET_NOT_NAMED, what=what))
        wanted = names[matches[0]]
    if wanted not in names:
        near = nearest(wanted, names)
        hint = f"did you mean `{shown(near)}`? " if near is not None else ""
        what = f"the target `{shown(wanted)}` is not a column of the file; {hint}the columns are {listed(list(names))}"
        raise RefusedError(Finding(rule=Rule.TARGET_UNKNOWN, what=what))
    if wanted in dropped:
        raise RefusedError(Finding(rule=Rule.TARGET_DROPPED, column=wanted, what="the target is listed under `drop`"))
    return names.index(wanted)


def find_classes(labels: Levels, name: str, positive: str | None) -> Classes:
    """The classes of the good rows: of two the positive one last, of more in the order of numbers or of text.

    Args:
        labels: of those rows.
        name: of the target column.
        positive: the label that a person named.

    Raises:
        RefusedError: they cannot be learned.
    """
    found = labels.table().sort(["rows", "cell"], descending=[True, False]).head(MAX_CLASSES + 1)
    rows = {str(label): int(count) for label, count in found.select("cell", "rows").iter_rows()}
    if len(rows) < 2:
        what = f"there is only one class, {_shares(rows)}"
        raise RefusedError(Finding(rule=Rule.TARGET_ONE_CLASS, column=name, what=what))
    if len(rows) > MAX_CLASSES:
        raise RefusedError(_too_many(name, labels, tuple(rows)))
    problems = [*_long(name, rows), *_alike(name, rows), *_small(name, rows), *_wrong_positive(name, rows, positive)]
    if problems:
        raise RefusedError(*problems)
    if len(rows) > 2:
        return Classes(tuple(sorted(rows, key=_by_number)), rows)
    last = positive.strip() if positive is not None else _positive_by_convention(rows)
    first = next(label for label in rows if label != last)
    return Classes((first, last), rows)


def _too_many(name: str, labels: Levels, common: Sequence[str]) -> Finding:
    """Numbers are a quantity; names are names, however many there are."""
    about = "" if labels.exact else "about "
    number = f"{about}{labels.distinct():,.0f} different"
    if sum(re.fullmatch(NUMBER, label) is not None for label in common) >= _QUANTITY_SHARE * len(common):
        what = f"it has {number} numbers, and classes may be {MAX_CLASSES} at most"
        return Finding(rule=Rule.TARGET_QUANTITY, column=name, what=what)
    what = f"it has {number} texts; Sluice predicts at most {MAX_CLASSES} classes"
    return Finding(rule=Rule.TARGET_MANY_CLASSES, column=name, what=what)


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Labels that people read as one: `Yes` and `yes`, `1` and `1.0`. As classes apart they would be learned apart."""
    spellings: dict[object, list[str]] = {}
    for label in labels:
        spellings.setdefault(_meaning(label), []).append(label)
    return [found for found in spellings.values() if len(found) > 1]


def _shares(rows: Mapping[str, int]) -> str:
    return ", ".join(f"`{shown(label)}` ({count:,} rows)" for label, count in rows.items())


def _long(name: str, rows: Mapping[str, int]) -> Iterator[Finding]:
    for label in rows:
        if len(label) > MAX_NAME_BYTES:
            what = f"its label `{shown(label)}` has {len(label):,} characters; the maximum is {MAX_NAME_BYTES}"
            yield Finding(rule=Rule.LABEL_TOO_LONG, column=name, what=what)


def _alike(name: str, rows: Mapping[str, int]) -> Iterator[Finding]:
    for spellings in alike(rows):
        what = f"its labels {listed(spellings)} look like one class written in {len(spellings)} ways"
        yield Finding(rule=Rule.LABELS_ALIKE, column=name, what=what)


def _meaning(label: str) -> object:
    """The same for labels that look alike: case, blanks, width, composition and what cannot be seen do not count."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", label) if unicodedata.category(c) != "Cf")
    return float(plain) if re.fullmatch(NUMBER, plain) else " ".join(plain.casefold().split())


def _small(name: str, rows: Mapping[str, int]) -> Iterator[Finding]:
    for label, count in rows.items():
        if count < MIN_ROWS_PER_CLASS:
            what = f"class `{shown(label)}` has {count} rows; {MIN_ROWS_PER_CLASS} are needed"
            yield Finding(rule=Rule.CLASS_TOO_SMALL, column=name, what=what)


def _wrong_positive(name: str, rows: Mapping[str, int], positive: str | None) -> Iterator[Finding]:
    if positive is None:
        return
    if len(rows) > 2:
        what = f"`positive: {shown(positive)}` is set, but the target has {len(rows)} classes; it works for two only"
        yield Finding(rule=Rule.POSITIVE_OF_MANY, column=name, what=what)
    elif positive.strip() not in rows:
        what = f"`positive: {shown(positive)}` is not a label of the target; the labels are {listed(list(rows))}"
        yield Finding(rule=Rule.POSITIVE_UNKNOWN, column=name, what=what)


def _by_number(label: str) -> tuple[bool, float, str]:
    number = float(label) if re.fullmatch(NUMBER, label) else None
    return (number is None, number or 0.0, label)


def _positive_by_convention(rows: Mapping[str, int]) -> str:
    """The label that says yes; otherwise the rarer one; otherwise the later one in code point order."""
    numbers = [float(label) if re.fullmatch(NUMBER, label) else None for label in rows]
    signed = 1.0 in numbers and any(number in NEGATIVE_NUMBERS for number in numbers if number is not None)
    said = [
        label
        for label, number in zip(rows, numbers, strict=True)
        if label.lower() in POSITIVE_WORDS or (signed and number == 1)
    ]
    if len(said) == 1:
        return said[0]
    return min(sorted(rows, reverse=True), key=lambda label: rows[label])


def prior_log_loss(train: Mapping[str, int], test: Mapping[str, int]) -> float:
    """Log loss (natural) on the test labels of always predicting the class shares of the training part."""
    trained, tested = sum(train.values()), sum(test.values())
    return -sum(rows * math.log(train[label] / trained) for label, rows in test.items() if rows) / tested
