"""The model version of a run, as far as a prediction needs it: recipe, labels, cutoff, seal. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sluice.dataset.recipe import Recipe
from sluice.prediction.rows import RowMaker, Rows
from sluice.prediction.seal import Score, Seal


class Kept[Key, Value]:
    """Values that were costly to make; if there are too many, the one that was not asked for longest goes."""

    def __init__(self, max_values: int, make: Callable[[Key], Value]) -> None:
        self._max_values = max_values
        self._make = make
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        if key not in self._values:
            self._values[key] = self._make(key)
        self._values.move_to_end(key)
        while len(self._values) > self._max_values:
            self._values.popitem(last=False)
        return self._values[key]


@dataclass(frozen=True)
class Interval:
    """What is said of a predicted number: so much below and above it lie so many of the true ones."""

    half_width: float
    coverage: float


@dataclass(frozen=True)
class Version:
    """What a run left that its predictions need."""

    run_id: str
    recipe: Recipe
    seal: Seal
    cutoff: float | None
    """From which probability on the positive class is the label; of two classes alone."""
    model_uri: str
    log_share: float
    has_variants: bool
    """Whether the run's endpoint configuration may have a second model that answers."""
    interval: Interval | None = None
    """Of a predicted number; None of classes, or if there were too few rows to find it."""
    keep_days: int | None = None
    """After how many days the bucket removes what is kept; None: never."""
    key: str | None = None
    """The column by which callers know their records."""

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.target.classes

    @cached_property
    def row_maker(self) -> RowMaker:
        return RowMaker(self.recipe, self.key)


@dataclass(frozen=True)
class Answered:
    """The scores of the records in their order, by one version. ``retries``: answers before that did not count."""

    version: Version
    rows: Rows
    scores: Sequence[Score]
    retries: int
