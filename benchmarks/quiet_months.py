"""How often the monitor cries at nothing, and what it sees of changes of a known size.

A month is thirty daily reports on predictions that are drawn from what the model's table was drawn from. The table is
a sample, too: its deciles, shares and extremes are drawn for each month. Of a change each day is drawn with one
column (or the scores) changed. The counts are drawn instead of the rows that they would be counted on, which the tests
of ``tabular.traffic`` cover.

``python -m benchmarks.quiet_months`` prints the tables of docs/monitoring.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from sluice.dataset.config import Monitor
from sluice.dataset.recipe import BooleanColumn, NumberColumn, OneHotColumn
from sluice.monitoring.chance import adjusted
from sluice.monitoring.comparison import findings, tests_of
from sluice.monitoring.question import ColumnQuestion, Question, ScoreQuestion, SeenColumn, SeenTraffic
from sluice.monitoring.report import Finding

type Shares = np.ndarray[Any, np.dtype[np.float64]]

DAYS: Final = 30
NUMBERS, WHOLE, TEXTS, LONG_TEXTS, BOOLEANS = 8, 4, 4, 2, 2
"""Columns of each kind: twenty in all."""
TABLE_ROWS: Final = 5000
TEST_SHARE: Final = 0.15
NO_LIMITS: Final = Monitor.model_construct(
    min_rows=50, psi=1e-9, missing_share=1e-9, unseen_levels=1e-9, outside_range=1e-9
)
"""What chance alone lets through."""


@dataclass(frozen=True)
class Truth:
    """Of one column: the shares of its bins, of missing values, of levels that the table lacks, of numbers beyond its
    extremes."""

    bins: Shares
    missing: float = 0.0
    unseen: float = 0.0
    outside: float = 0.0


@dataclass(frozen=True)
class Month:
    """A table's question, and what its columns, scores and labels are drawn from."""

    question: Question
    columns: tuple[Truth, ...]
    scores: Shares
    labels: Shares

    def day(self, rng: np.random.Generator, rows: int) -> SeenTraffic:
        return SeenTraffic(
            rows=rows,
            columns=tuple(_drawn(rng, truth, rows) for truth in self.columns),
            scores=_counts(rng, rows, self.scores),
            labels=dict(zip(self.question.labels, _counts(rng, rows, self.labels), strict=True)),
        )


def _drawn(rng: np.random.Generator, truth: Truth, rows: int) -> SeenColumn:
    missing = int(rng.binomial(rows, truth.missing))
    filled = rows - missing
    unseen = int(rng.binomial(filled, truth.unseen))
    bins = np.array(_counts(rng, filled - unseen, truth.bins))
    bins[-1] += unseen
    outside = int(rng.binomial(filled, truth.outside))
    return SeenColumn(filled, missing, tuple(bins.tolist()), unseen, outside)


def _counts(rng: np.random.Generator, rows: int, shares: Shares) -> tuple[int, ...]:
    return tuple(int(count) for count in rng.multinomial(rows, shares / shares.sum()))


def month(rng: np.random.Generator, table_rows: int = TABLE_ROWS) -> Month:
    """A table as chance has it."""
    asked: list[ColumnQuestion] = []
    truths: list[Truth] = []
    for i in range(NUMBERS + WHOLE + TEXTS + LONG_TEXTS + BOOLEANS):
        missing = (0.0, 0.0, 0.05, 0.3)[i % 4]
        without = int(rng.binomial(table_rows, missing))
        column, truth = _column(rng, i, table_rows - without)
        asked.append(replace(column, rows=table_rows, missing_share=without / table_rows))
        truths.append(replace(truth, missing=missing))
    test_rows = int(table_rows * TEST_SHARE)
    scores, labels = rng.dirichlet(np.linspace(8, 0.5, 10)), np.array([0.8, 0.2])
    question = Question(
        model_version="simulated",
        task="classification",
        classes=("no", "yes"),
        missing=(),
        columns=tuple(asked),
        score=ScoreQuestion(tuple(np.arange(1, 10) / 10), _counts(rng, test_rows, scores)),
        labels=dict(zip(("no", "yes"), _counts(rng, test_rows, labels), strict=True)),
    )
    return Month(question, tuple(truths), scores, labels)


def _column(rng: np.random.Generator, i: int, values: int) -> tuple[ColumnQuestion, Truth]:
    """Args: values: of the table."""
    if i < NUMBERS:
        # The bins lie between the table's own deciles: what lies there of the population is what chance makes it.
        bins, outside = rng.dirichlet(np.full(10, values / 10)), float(rng.beta(2, values - 1))
        asked = _asked(
            NumberColumn(name=f"number {i}"), edges=tuple(range(9)), shares=(0.1,) * 10, minimum=0, maximum=9
        )
        return asked, Truth(bins, outside=outside)
    if i < NUMBERS + WHOLE:
        bins = np.array([math.exp(-2) * 2**k / math.factorial(k) for k in range(7)])
        bins /= bins.sum()
        seen = _counts(rng, values, bins)
        return _asked(NumberColumn(name=f"whole {i}"), edges=tuple(range(6)), shares=_of(seen)), Truth(bins)
    if i < NUMBERS + WHOLE + TEXTS:
        bins = rng.dirichlet(np.full(3 + 3 * (i % 4), 2.0))
        seen = _counts(rng, values, bins)
        levels = tuple(f"level {k}" for k in range(len(bins) - 1))
        return _asked(OneHotColumn(name=f"text {i}", levels=levels), levels=levels, shares=_of(seen)), Truth(bins)
    if i < NUMBERS + WHOLE + TEXTS + LONG_TEXTS:
        return _long_text(rng, i, values)
    bins = np.array([0.7, 0.3])
    return _asked(BooleanColumn(name=f"boolean {i}"), shares=_of(_counts(rng, values, bins))), Truth(bins)


def _long_text(rng: np.random.Generator, i: int, values: int) -> tuple[ColumnQuestion, Truth]:
    """A thousand levels by Zipf's law, of which the table lacks some and has some once."""
    population = 1 / np.arange(1, 1001)
    population /= population.sum()
    seen = np.array(_counts(rng, values, population))
    common = [k for k in range(1000) if seen[k] / values >= 0.01]
    shares, true = seen[common] / values, population[common]
    asked = _asked(
        OneHotColumn(name=f"long text {i}", levels=tuple(map(str, common))),
        levels=tuple(map(str, common)),
        shares=(*shares.tolist(), float(1 - shares.sum())),
        known=frozenset(str(k) for k in range(1000) if seen[k]),
        once=int((seen == 1).sum()),
    )
    unseen = float(population[seen == 0].sum())
    rest = 1 - true.sum() - unseen
    return asked, Truth(np.array([*true, rest]) / (1 - unseen), unseen=unseen)


def _asked(column: Any, **told: Any) -> ColumnQuestion:
    kinds: Mapping[type, Any] = {NumberColumn: "number", OneHotColumn: "text", BooleanColumn: "boolean"}
    return ColumnQuestion(column, kinds[type(column)], **told)


def _of(counts: Sequence[int]) -> tuple[float, ...]:
    return tuple(count / sum(counts) for count in counts)


def found_on(day: SeenTraffic, question: Question, limits: Monitor) -> list[Finding]:
    tests = tests_of(question, day, limits)
    return findings(tests, adjusted([test.p_value for test in tests]))


def false_alarms(seed: int, months: int, rows: int, limits: Sequence[Monitor]) -> list[int]:
    """How many quiet months have a finding on any day, for each of the limits."""
    rng = np.random.default_rng(seed)
    alarms = [0] * len(limits)
    for _ in range(months):
        quiet = month(rng)
        days = [quiet.day(rng, rows) for _ in range(DAYS)]
        # Limits can only take findings away.
        doubtful = [day for day in days if found_on(day, quiet.question, NO_LIMITS)]
        for i, limit in enumerate(limits):
            alarms[i] += any(found_on(day, quiet.question, limit) for day in doubtful)
    return alarms


# Changes of a known size.

_NORMAL: Final = NormalDist()
_DECILES: Final = [_NORMAL.inv_cdf(i / 10) for i in range(1, 10)]


def _normal(mean: float, deviation: float = 1.0) -> Shares:
    below = [0.0, *(NormalDist(mean, deviation).cdf(edge) for edge in _DECILES), 1.0]
    return np.diff(below)


def _changed(was: Month, i: int, **changes: Any) -> Month:
    columns = list(was.columns)
    columns[i] = replace(columns[i], **changes)
    return replace(was, columns=tuple(columns))


def _tilted(bins: Shares, by: float) -> Shares:
    """Shares of scores whose odds rise from bin to bin."""
    made = bins * np.exp(by * np.arange(bins.size))
    return np.asarray(made / made.sum(), np.float64)


_TEXT: Final = NUMBERS + WHOLE
_LONG: Final = _TEXT + TEXTS
_BOOLEAN: Final = _LONG + LONG_TEXTS

CHANGES: Final[Mapping[str, tuple[str, Callable[[Month], Month]]]] = {
    "a number's mean moves by 0.25 standard deviations": ("number 0", lambda m: _changed(m, 0, bins=_normal(0.25))),
    "... by 0.5": ("number 0", lambda m: _changed(m, 0, bins=_normal(0.5))),
    "... by 1": ("number 0", lambda m: _changed(m, 0, bins=_normal(1.0))),
    "a number spreads twice as far": ("number 0", lambda m: _changed(m, 0, bins=_normal(0, 2), outside=0.06)),
    "a number comes in another unit (all above the range)": (
        "number 0",
        lambda m: _changed(m, 0, bins=np.array([0.0] * 9 + [1.0]), outside=0.9),
    ),
    "missing values: from none to 5 %": ("number 1", lambda m: _changed(m, 1, missing=0.05)),
    "... to 10 %": ("number 1", lambda m: _changed(m, 1, missing=0.10)),
    "a level that training has not seen: 1 % of the values": (
        f"long text {_LONG}",
        lambda m: _changed(m, _LONG, unseen=m.columns[_LONG].unseen + 0.01),
    ),
    "... 5 %": (f"long text {_LONG}", lambda m: _changed(m, _LONG, unseen=m.columns[_LONG].unseen + 0.05)),
    "a boolean: true from 30 % to 45 %": (
        f"boolean {_BOOLEAN}",
        lambda m: _changed(m, _BOOLEAN, bins=np.array([0.55, 0.45])),
    ),
    "... to 60 %": (f"boolean {_BOOLEAN}", lambda m: _changed(m, _BOOLEAN, bins=np.array([0.4, 0.6]))),
    "scores: the odds of each tenth rise by a fifth": ("", lambda m: replace(m, scores=_tilted(m.scores, 0.2))),
}
"""What changes: the column that must be named (none: the scores), and how."""


def power(seed: int, days: int, rows: int, name: str, limits: Monitor) -> float:
    """The share of changed days on which the column is named that changed."""
    rng = np.random.default_rng(seed)
    column, change = CHANGES[name]
    named = 0
    for _ in range(days):
        changed = change(month(rng))
        found = found_on(changed.day(rng, rows), changed.question, limits)
        named += any((one.column or "") == column and one.rule != "labels" for one in found)
    return named / days


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, default=1000)
    parser.add_argument("--days", type=int, default=200, help="for each change and number of predictions")
    asked = parser.parse_args()
    print(f"| predictions a day | months of {asked.months:,} with an alarm | by chance alone, without limits |")
    print("|---|---|---|")
    for rows in (200, 1000, 10_000):
        with_limits, alone = false_alarms(rows, asked.months, rows, [Monitor(), NO_LIMITS])
        print(f"| {rows:,} | {with_limits} ({with_limits / asked.months:.1%}) | {alone} ({alone / asked.months:.1%}) |")
    print("\n| what changes | 200 | 1,000 | 10,000 |\n|---|---|---|---|")
    for name in CHANGES:
        shares = (f"{power(rows, asked.days, rows, name, Monitor()):.0%}" for rows in (200, 1000, 10_000))
        print(f"| {name} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
