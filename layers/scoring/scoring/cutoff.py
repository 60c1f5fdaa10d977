"""From which score on a row counts as the positive class: chosen on the validation set, by a policy.

The test set is not used, because its metrics at the cutoff would be too good. Two classes only.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from scoring.evaluation import CUTOFF, Scored, confusions_at, mean_costs
from scoring.metrics import Floats, Ints, of_confusions
from sluice.dataset.config import Costs, Cutoff
from sluice.evaluation.document import CutoffChoice

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
    candidates = _candidates(validation.scores)
    if policy.policy == "minimum_cost" and candidates[-1] < 1:
        candidates = np.append(candidates, 1.0)  # to predict no row to be positive may be cheapest
    counts = confusions_at(validation, candidates)
    values = of_confusions(counts)
    best, reason = _best(policy, costs, counts, values)
    value = _readable(validation.scores, float(candidates[best]))
    return CutoffChoice(value=value, policy=policy.policy, rows=validation.size, reason=f"{reason} from {value:g} on.")


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
