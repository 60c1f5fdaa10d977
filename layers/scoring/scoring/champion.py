"""The challenger against the model that is live, on the same test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.evaluation import CUTOFF, Scored, measure
from scoring.metrics import Floats, row_log_losses
from scoring.number_metrics import ScoredNumbers, measure_numbers
from scoring.resampling import Resamples, interval
from sluice.dataset.config import ChampionPolicy
from sluice.evaluation.document import ChampionComparison
from sluice.messages import AnyMetrics, TargetNumbers


def compare(
    challenger: Scored,
    champion_scores: Floats,
    run_id: str,
    policy: ChampionPolicy,
    prior_log_loss: float | None,
    cutoff: float = CUTOFF,
    *,
    seen: int = 0,
    flattered: bool = False,
) -> ChampionComparison:
    """Compares the challenger's log loss with the champion's, row by row.

    Args:
        challenger: the test rows with its scores.
        champion_scores: (n,) or (n, k), of the same rows in the file's order.
        run_id: of the champion.
        policy: what is asked of the challenger.
        prior_log_loss: of the baseline.
        cutoff: of two classes, the champion's own.
        seen: test rows that are not among these, because the champion was trained or tuned on them.
        flattered: these are all test rows, although the champion was trained or tuned on most of them.

    Raises:
        NothingToMeasureError: the champion's scores are no probabilities.
    """
    # In the challenger's order, so that the resamples are the same rows.
    live = champion_scores[challenger.order]
    champion = Scored(challenger.labels, live, cutoff, challenger.seed, clusters=challenger.clusters)
    pair = _Pair(challenger.losses - row_log_losses(challenger.labels, live), challenger.resamples)
    return _compared(pair, measure(champion, prior_log_loss), LOG_LOSS, run_id, policy, seen, flattered)


def compare_numbers(
    challenger: ScoredNumbers,
    champion_scores: Floats,
    run_id: str,
    policy: ChampionPolicy,
    baseline: TargetNumbers | None,
    *,
    seen: int = 0,
    flattered: bool = False,
) -> ChampionComparison:
    """Compares the challenger's squared errors with the champion's, row by row. Arguments are those of :func:`compare`.

    Args:
        champion_scores: (n,) predicted numbers, in the file's order.
        baseline: of the training part.

    Raises:
        NothingToMeasureError: the champion's predictions are no finite numbers.
    """
    live = champion_scores[challenger.order]
    champion = ScoredNumbers(challenger.labels, live, seed=challenger.seed, clusters=challenger.clusters)
    pair = _Pair(challenger.losses - np.square(live - challenger.labels), challenger.resamples)
    return _compared(pair, measure_numbers(champion, baseline), SQUARED_ERROR, run_id, policy, seen, flattered)


@dataclass(frozen=True)
class _Pair:
    """Of two models on the same rows: the loss of the challenger less that of the champion, (n,), and what resamples
    them."""

    differences: Floats
    resamples: Resamples


@dataclass(frozen=True)
class _Loss:
    """By what two models are compared, row by row."""

    words: str
    form: str
    of: Callable[[AnyMetrics], float]
    """The mean over the rows."""
    same: Callable[[AnyMetrics], float]
    """The difference of a row up to which two models are the same: float32 scores differ by less."""


LOG_LOSS: Final = _Loss("log loss", ".5f", lambda metrics: metrics.loss, lambda _: 1e-6)
SQUARED_ERROR: Final = _Loss(
    "mean squared error", ".5g", lambda metrics: metrics.loss**2, lambda metrics: 1e-6 * metrics.prior_loss**2
)


def _compared(
    pair: _Pair, theirs: AnyMetrics, loss: _Loss, run_id: str, policy: ChampionPolicy, seen: int, flattered: bool
) -> ChampionComparison:
    difference = float(pair.differences.mean())
    ends = interval(pair.resamples.means(pair.differences))
    margin = policy.margin * loss.of(theirs) if policy.policy == "not_worse" else 0.0
    total = pair.differences.size + seen
    rows = (
        f"the {pair.differences.size:,} of {total:,} test rows that it was not made with" if seen else "the same rows"
    )
    if flattered:
        rows = "the same rows, most of which it was made with, so that it looks better than it is"
    same = bool(np.abs(pair.differences).max() <= loss.same(theirs))
    deploys, reason = _Told(loss, difference, ends, margin, rows).judged(policy, same=same)
    return ChampionComparison(
        run_id=run_id,
        policy=policy.policy,
        comparable=True,
        reason=reason,
        metrics=theirs,
        difference=difference,
        interval=ends,
        margin=margin,
        deploys=deploys,
        rows=pair.differences.size,
        seen=seen,
    )


@dataclass(frozen=True)
class _Told:
    """What the comparison came to, in words."""

    loss: _Loss
    difference: float
    interval: tuple[float, float] | None
    margin: float
    rows: str

    def judged(self, policy: ChampionPolicy, *, same: bool) -> tuple[bool, str]:
        """Whether the challenger is deployed, and why. ``same``: the two predict the same."""
        ends, form = self.interval, self.loss.form
        side = "lower" if self.difference < 0 else "higher"
        told = (
            f"its {self.loss.words} is {abs(self.difference):{form}} {side} than that of the live model on {self.rows}"
        )
        if ends is not None:
            told += f" (with 95 % confidence from {ends[0]:+{form}} to {ends[1]:+{form}})"
        if policy.policy == "ignore":
            return True, f"{told}, which `champion: {{policy: ignore}}` leaves out of account"
        if same:
            same_rows = "it predicts what the live model predicts, row for row, so there is nothing to deploy"
            return False, f"{same_rows}; to deploy it all the same set `champion: {{policy: ignore}}`"
        if ends is None:
            return False, f"{told}, and how certain that is cannot be told; more test rows would tell"
        if policy.policy == "better":
            return ends[1] < 0, f"{told}; {_whether_better(self.difference, ends[1])}"
        return ends[1] <= self.margin, f"{told}; {self._beside_margin(ends[1])}"

    def _beside_margin(self, upper_end: float) -> str:
        margin = f"{self.margin:{self.loss.form}}"
        if upper_end <= self.margin:
            return f"it is not worse by more than the margin of {margin}"
        if self.difference <= self.margin:
            more = "More test rows would tell, or set a larger `champion.margin`"
            return f"that it is not worse by more than the margin of {margin} is not certain. {more}"
        ways = "Give it more rows, or columns that tell more about the target, or set a larger `champion.margin`"
        return f"it is worse by more than the margin of {margin}. {ways}"


def _whether_better(difference: float, upper_end: float) -> str:
    if upper_end < 0:
        return "it is better"
    less = "`champion: {policy: not_worse}` asks for less"
    if difference < 0:
        return f"that it is better is not certain. More test rows would tell, and {less}"
    return f"it is not better. Give it more rows, or columns that tell more about the target; {less}"


def not_comparable(run_id: str, policy: ChampionPolicy, reason: str, *, deploys: bool) -> ChampionComparison:
    """The comparison with a live model that cannot be scored on the test rows."""
    return ChampionComparison(run_id=run_id, policy=policy.policy, comparable=False, reason=reason, deploys=deploys)
