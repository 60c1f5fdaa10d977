"""What is dropped in each scenario of the enumeration, and how it must end, with a fault or without."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.bench import Bench, Ended, Upload
from tests.local.conftest import learnable_rows

_HEADER: Final = ["size", "colour", "comment", "label"]
_CONFIG: Final = {"target": "label", "champion": {"policy": "not_worse", "margin": 0.9}}
"""Small tables prove no model better; what is asked here is that none much worse goes live."""
_SEEDS: Final = (3, 5, 2)
"""Of tables whose models replace each other, and the one of seed 1, whichever is live."""
ROW: Final = "0.5,0,0,1"
"""A row of features as the endpoint takes them: size and three colours."""


def table(seed: int, rows: int = 400) -> bytes:
    """A table whose label its first two columns decide."""
    return _csv(learnable_rows(rows, seed))


def _csv(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_HEADER, *rows])
    return text.getvalue().encode()


def _nonsense(seed: int) -> bytes:
    """A table whose labels say nothing about its rows: its model is worse than none."""
    rows = learnable_rows(400, seed)
    return _csv([[*row[:-1], other[-1]] for row, other in zip(rows, reversed(rows), strict=True)])


@dataclass(frozen=True)
class Scenario:
    """
    Attributes:
        title: for people.
        outcomes: a run of it may end so; the first one is that of a run without a fault.
        next_upload: drops the n-th file of the scenario.
        has_champion: whether a model is live before.
        arm: makes SageMaker do what the scenario needs, before each delivery.
        asks: whether a person must approve the model.
    """

    name: str
    title: str
    outcomes: tuple[str, ...]
    next_upload: Callable[[Bench, int], Upload]
    has_champion: bool = True
    arm: Callable[[Bench], None] = lambda _bench: None
    asks: bool = False

    def dataset(self, number: int) -> str:
        return self.name if self.has_champion else f"{self.name}-{number}"

    def prepare(self, bench: Bench) -> None:
        """Puts a model live where the scenario begins with one."""
        if self.has_champion:
            ended = bench.deliver(bench.upload(self.name, table(seed=1), _CONFIG, "before.csv"))
            assert ended.outcome == "deployed", ended

    def deliver(self, bench: Bench, upload: Upload) -> Ended:
        """Delivers the event, with a person at hand where one is asked."""
        return bench.deliver(upload, bench.person(upload)) if self.asks else bench.deliver(upload)


def _update(bench: Bench, number: int) -> Upload:
    # Tables in turn: a model that predicts what the live one predicts is not deployed.
    return bench.upload("better", table(seed=_SEEDS[number % 3]), _CONFIG)


def _approved(bench: Bench, number: int) -> Upload:
    return bench.upload("approved", table(seed=_SEEDS[number % 3]), {**_CONFIG, "approval": {"required": True}})


def _first(bench: Bench, number: int) -> Upload:
    return bench.upload(f"first-{number}", table(seed=1), _CONFIG)


def _worse(bench: Bench, number: int) -> Upload:
    return bench.upload("worse", _nonsense(seed=number), _CONFIG)


def _refused(bench: Bench, number: int) -> Upload:
    return bench.upload("refused", table(seed=number, rows=3), _CONFIG)


def _wrong(bench: Bench, number: int) -> Upload:
    return bench.upload("wrong", table(seed=_SEEDS[number % 3]), _CONFIG)


def _answers_wrongly(bench: Bench) -> None:
    bench.faults.clear()
    bench.faults.endpoint("sluice-wrong", "WrongScores")


SCENARIOS: Final = (
    Scenario("better", "a model that replaces the live one", ("deployed",), _update),
    Scenario("first", "the first model of a dataset", ("deployed",), _first, has_champion=False),
    Scenario("approved", "a model that a person approves", ("deployed",), _approved, asks=True),
    Scenario("worse", "a model that is not good enough", ("model_rejected",), _worse),
    Scenario("refused", "a file that is refused", ("dataset_rejected",), _refused),
    # Whoever delivers the event again after a fault finds an endpoint that is well.
    Scenario(
        "wrong", "an endpoint that answers wrongly", ("deployment_failed", "deployed"), _wrong, arm=_answers_wrongly
    ),
)
