"""How predictions turned out: labels that people bring later, joined with the log of predictions. Pure.

A label names its prediction by id, or the record by its key. The rules, whatever the order of files and lines:

- A label with an id is of that prediction.
- A label with a key and a time is of the newest prediction of that key that was made before that time.
- A label with a key and no time is of each prediction of that key that was made before the label's file arrived.
- Of several labels of one prediction the newest counts: by its time, or when its file arrived if it has none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

type Truth = str | float
"""A class by its name, or a number."""


class Label(NamedTuple):
    """What a line of a file of labels says. ``id`` or ``key`` is given. ``arrived``: when its file did; UTC.
    ``row``: its place in the file."""

    id: str | None
    key: str | None
    at: datetime | None
    truth: Truth
    arrived: datetime
    file: str
    row: int

    @property
    def age(self) -> tuple[datetime, datetime, str, int]:
        """The greatest is the newest. Files that arrived in the same second are in the order of their names."""
        return self.at or self.arrived, self.arrived, self.file, self.row


class Answer(NamedTuple):
    """A prediction of the log. ``score``: the probability of the positive class of two, those of all classes in the
    recipe's order, or the predicted number; None if the log has none that is valid."""

    id: str | None
    key: str | None
    at: datetime
    model_version: str
    score: float | tuple[float, ...] | None


@dataclass(frozen=True)
class Joined:
    """The truth of each prediction in the order given; None if no label is of it.

    ``repeated`` predictions have several labels that say the same, ``contradicted`` ones labels that do not.
    ``unmatched`` labels are of no prediction.
    """

    truths: tuple[Truth | None, ...]
    repeated: int
    contradicted: int
    unmatched: int


def join(labels: Iterable[Label], answers: Sequence[Answer]) -> Joined:
    """The truth of predictions.

    Args:
        labels: all that there are.
        answers: predictions, among them all that a label's id or key names.
    """
    places = _Places(answers)
    found: list[list[Label]] = [[] for _ in answers]
    unmatched = 0
    for label in labels:
        matched = False
        for place in places.of(label):
            found[place].append(label)
            matched = True
        unmatched += not matched
    said = [{label.truth for label in of_one} for of_one in found]
    return Joined(
        truths=tuple(max(of_one, key=lambda one: one.age).truth if of_one else None for of_one in found),
        repeated=sum(len(of_one) > 1 and len(truths) == 1 for of_one, truths in zip(found, said, strict=True)),
        contradicted=sum(len(truths) > 1 for truths in said),
        unmatched=unmatched,
    )


class _Places:
    """Where the predictions of an id or a key stand."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._by_id: dict[str, list[int]] = {}
        by_key: dict[str, list[tuple[datetime, int]]] = {}
        for place, answer in enumerate(answers):
            if answer.id is not None:
                self._by_id.setdefault(answer.id, []).append(place)
            if answer.key is not None:
                by_key.setdefault(answer.key, []).append((answer.at, place))
        self._by_key = {key: sorted(made) for key, made in by_key.items()}

    def of(self, label: Label) -> Iterator[int]:
        """The predictions that a label is of."""
        if label.id is not None:
            yield from self._by_id.get(label.id, ())
            return
        made = self._by_key.get(label.key or "", [])
        before = bisect_right(made, label.at or label.arrived, key=lambda one: one[0])
        for at, place in reversed(made[:before]):
            if label.at is not None and at < made[before - 1][0]:
                return
            yield place
