"""The challenger against the model that is live, on the same test rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.evaluation import CUTOFF, Scored, measure
from scoring.metrics import Floats, row_log_losses
from scoring.resampling import interval
from sluice.dataset.config import ChampionPolicy
from sluice.evaluation.document import ChampionComparison

_SAME: Final = 1e-6
"""Of the difference in log loss of every row, up to which two models are the same: float32 scores differ by less."""


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
    theirs = measure(champion, prior_log_loss)
    differences = challenger.losses - row_log_losses(challenger.labels, live)
    difference = float(differences.mean())
    ends = interval(challenger.resamples.means(differences))
    margin = policy.margin * theirs.log_loss if policy.policy == "not_worse" else 0.0
    total = challenger.size + seen
    rows = f"the {challenger.size:,} of {total:,} test rows that it was not made with" if seen else "the same rows"
    if flattered:
        rows = "the same rows, most of which it was made with, so that it looks better than it is"
    deploys, reason = _judged(policy, differences, difference, ends, margin, rows)
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
        rows=challenger.size,
        seen=seen,
    )


def _judged(
    policy: ChampionPolicy,
    differences: Floats,
    difference: float,
    ends: tuple[float, float] | None,
    margin: float,
    rows: str,
) -> tuple[bool, str]:
    told = f"its log loss is {_signed(difference)} than that of the live model on {rows}"
    if ends is not None:
        told += f" (with 95 % confidence from {ends[0]:+.5f} to {ends[1]:+.5f})"
    if policy.policy == "ignore":
        return True, f"{told}, which `champion: {{policy: ignore}}` leaves out of account"
    if np.abs(differences).max() <= _SAME:
        same = "it predicts what the live model predicts, row for row, so there is nothing to deploy"
        return False, f"{same}; to deploy it all the same set `champion: {{policy: ignore}}`"
    if ends is None:
        return False, f"{told}, and how certain that is cannot be told; more test rows would tell"
    if policy.policy == "better":
        return ends[1] < 0, f"{told}; {_whether_better(difference, ends[1])}"
    return ends[1] <= margin, f"{told}; {_beside_margin(difference, ends[1], margin)}"


def _whether_better(difference: float, upper_end: float) -> str:
    if upper_end < 0:
        return "it is better"
    less = "`champion: {policy: not_worse}` asks for less"
    if difference < 0:
        return f"that it is better is not certain. More test rows would tell, and {less}"
    return f"it is not better. Give it more rows, or columns that tell more about the target; {less}"


def _beside_margin(difference: float, upper_end: float, margin: float) -> str:
    if upper_end <= margin:
        return f"it is not worse by more than the margin of {margin:.5f}"
    if difference <= margin:
        more = "More test rows would tell, or set a larger `champion.margin`"
        return f"that it is not worse by more than the margin of {margin:.5f} is not certain. {more}"
    ways = "Give it more rows, or columns that tell more about the target, or set a larger `champion.margin`"
    return f"it is worse by more than the margin of {margin:.5f}. {ways}"


def _signed(difference: float) -> str:
    return f"{abs(difference):.5f} {'lower' if difference < 0 else 'higher'}"


def not_comparable(run_id: str, policy: ChampionPolicy, reason: str, *, deploys: bool) -> ChampionComparison:
    """The comparison with a live model that cannot be scored on the test rows."""
    return ChampionComparison(run_id=run_id, policy=policy.policy, comparable=False, reason=reason, deploys=deploys)
