"""From which score on a row counts as the positive class: chosen on the validation set, by a policy.

The test set is not used, because its metrics at the cutoff would be too good. Two classes only.

The F1 of few rows is a ragged curve, whose highest place is mostly luck. So ``best_f1`` takes the best cutoff of each
of 1,000 bootstrap resamples, and of these the median (bagging; Breiman, 1996). If scores say little, F1 is best if
nearly every row is predicted to be positive. A cutoff that is not surely better than that rests on nothing, and one
half is taken instead, if any row reaches it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.evaluation import CUTOFF, Scored, confusions_at, mean_costs
from scoring.metrics import Floats, Ints, of_confusions
from sluice.dataset.config import Costs, Cutoff
from sluice.evaluation.document import CutoffChoice

_MAX_DOUBT: Final = 0.05
"""Share of the resamples in which a cutoff may be no better than predicting every row to be positive."""

_MAX_RESAMPLED: Final = 512
"""Cutoffs that each resample chooses from."""

_MAX_DECIMALS: Final = 12
_MAX_CANDIDATES: Final = 20_000
"""Of several million scores every so many: the best among these is within their spacing of the best of all."""


def choose_cutoff(policy: Cutoff, costs: Costs | None, validation: Scored | None) -> CutoffChoice:
    """
    Args:
        policy: as the configuration has it.
        costs: the cost matrix, which ``minimum_cost`` needs.
        validation: the validation rows; None if the policy needs none, or there are none that can be measured.
    """
    if policy.policy == "fixed":
        value = CUTOFF if policy.value is None else policy.value
        return CutoffChoice(value=value, policy="fixed", rows=0, reason=f"The cutoff is fixed at {value:g}.")
    if validation is None:
        reason = f"The validation set could not be measured, so the cutoff is {CUTOFF:g} in place of {policy.policy}."
        return CutoffChoice(value=CUTOFF, policy="fixed", rows=0, reason=reason)
    if policy.policy == "best_f1":
        return _best_f1(validation)
    candidates = _candidates(validation.scores)
    if policy.policy == "minimum_cost" and candidates[-1] < 1:
        candidates = np.append(candidates, 1.0)  # to predict no row to be positive may be cheapest
    counts = confusions_at(validation, candidates)
    values = of_confusions(counts)
    best, reason = _best(policy, costs, counts, values)
    value = _readable(validation.scores, float(candidates[best]))
    return CutoffChoice(value=value, policy=policy.policy, rows=validation.size, reason=f"{reason} from {value:g} on.")


def _best_f1(validation: Scored) -> CutoffChoice:
    def choice(value: float, reason: str) -> CutoffChoice:
        return CutoffChoice(value=value, policy="best_f1", rows=validation.size, reason=reason)

    labels, scores = validation.labels, validation.scores
    if scores[scores > 0].size == 0 or np.ptp(scores) == 0:
        reason = f"The model gives every row of the validation set the same score, so the cutoff is {CUTOFF:g}."
        return choice(CUTOFF, reason)
    candidates = _scores_of_positives(labels, scores)
    f1, of_all = _resampled_f1(validation, candidates)
    place = int(np.median(f1.argmax(axis=1)))
    value = _readable(scores, float(candidates[place]))
    found, always = _f1_at(validation, value), 2 * labels.sum() / (labels.sum() + labels.size)
    gains = (f1[:, place] - of_all)[of_all > 0]
    if np.percentile(gains, 100 * _MAX_DOUBT) > 0:
        reason = (
            f"F1 on the validation set is {found:.4f} from {value:g} on, the median of the best cutoffs of "
            f"{validation.replicates:,} resamples."
        )
        return choice(value, reason)
    doubt = (
        f"The validation set of {validation.size:,} rows cannot tell which cutoff is good: F1 is {found:.4f} from "
        f"{value:g} on, which is not surely better than the {always:.4f} of predicting every row to be positive."
    )
    instead, why = _in_doubt(labels, scores, value)
    return choice(instead, f"{doubt} {why} the cutoff is {instead:g}.")


def _in_doubt(labels: Ints, scores: Floats, value: float) -> tuple[float, str]:
    """The cutoff where F1 tells none, and how a sentence on it begins. ``value``: the one that F1 would choose."""
    if (scores >= CUTOFF).any():
        return CUTOFF, "So"
    # Of rare positives the few validation rows that are found are the best hint there is.
    if 2 * (scores >= value).sum() <= scores.size:
        return value, f"As no row reaches {CUTOFF:g},"
    positives = int(labels.sum())
    candidate = float(np.sort(scores)[-positives])
    if candidate <= 0 or (scores >= candidate).sum() > 2 * positives:  # many rows share that score
        return CUTOFF, "So"
    as_many = _readable(scores, candidate)
    return as_many, f"As no row reaches {CUTOFF:g}, as many rows as are positive are predicted to be so, and"


def _scores_of_positives(labels: Ints, scores: Floats) -> Floats:
    """Cutoffs to choose from, upwards: F1 is always best at the score of a positive row. Of very many every so many."""
    different = np.unique(scores[(labels == 1) & (scores > 0)])
    if different.size > _MAX_RESAMPLED:
        different = different[np.linspace(0, different.size - 1, _MAX_RESAMPLED).astype(np.int64)]
    return different if different.size else np.array([float(scores[scores > 0].max())])


def _resampled_f1(scored: Scored, cutoffs: Floats) -> tuple[Floats, Floats]:
    """F1 of each resample at each of the rising cutoffs, (replicates, cutoffs), and of predicting every row to be
    positive, (replicates,); 0 in a resample without positive rows."""
    bins = np.searchsorted(cutoffs, scored.scores, side="right")  # 0 is below all cutoffs
    counts = scored.resamples.counts(2 * bins + scored.labels, 2 * (cutoffs.size + 1))
    from_on = np.cumsum(counts.reshape(-1, cutoffs.size + 1, 2)[:, ::-1], axis=1)[:, ::-1]
    predicted, hits = from_on.sum(axis=-1), from_on[..., 1]
    f1 = 2 * hits / np.maximum(predicted + hits[:, :1], 1)
    return f1[:, 1:], f1[:, 0]


def _f1_at(scored: Scored, cutoff: float) -> float:
    return float(np.nan_to_num(of_confusions(confusions_at(scored, np.array([cutoff])))["f1"][0]))


def _candidates(scores: Floats) -> Floats:
    """The different scores, upwards; at each of them another row counts as positive."""
    different = np.unique(scores)
    if different.size > _MAX_CANDIDATES:
        different = different[np.linspace(0, different.size - 1, _MAX_CANDIDATES).astype(np.int64)]
    return different[different > 0] if (different > 0).any() else np.array([CUTOFF])


def _best(policy: Cutoff, costs: Costs | None, counts: Ints, values: dict[str, Floats]) -> tuple[int, str]:
    """The place of the best candidate, and what it came to. Among equals the one in the middle is taken: it is the
    farthest from where it would be worse."""
    f1 = np.nan_to_num(values["f1"], nan=-1.0)
    if policy.policy == "minimum_cost" and costs is not None:
        spent = mean_costs(counts, costs)
        place = _middle(spent == spent.min())
        return place, f"The mean cost on the validation set is least ({spent[place]:g} a row)"
    if policy.policy in {"target_recall", "target_precision"} and policy.value is not None:
        name = policy.policy.removeprefix("target_")
        reached = np.nan_to_num(values[name], nan=-1.0) >= policy.value
        if not reached.any():
            place = _middle(f1 == f1.max())
            return place, f"No cutoff reaches a {name} of {policy.value:g} on the validation set; F1 is best there"
        # The other one of the two falls where this one rises, so among those that reach it F1 decides.
        among = np.where(reached, f1, -2.0)
        place = _middle(among == among.max())
        return place, (
            f"The {name} on the validation set is {values[name][place]:.4f}, at least the {policy.value:g} wanted, "
            "with the best F1 among such cutoffs,"
        )
    place = _middle(f1 == f1.max())
    return place, f"F1 on the validation set is best ({f1[place]:.4f})"


def _middle(best: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    places = np.flatnonzero(best)
    return int(places[(places.size - 1) // 2])


def _readable(scores: Floats, candidate: float) -> float:
    """The shortest decimal fraction that parts the rows just as the candidate does: above the next lower score, and not
    above the candidate itself."""
    lower = scores[scores < candidate]
    floor = float(lower.max()) if lower.size else 0.0
    middle = (floor + candidate) / 2
    for decimals in range(1, _MAX_DECIMALS):
        rounded = round(middle, decimals)
        if floor < rounded <= candidate and rounded < 1:
            return rounded
    return candidate
