"""The bias metrics of SageMaker Clarify, with numpy alone, for Clarify takes no new customers.

Definitions are those of the developer guide ("Pre-training Bias Metrics", "Post-training Data and Model Bias Metrics"):
facet d is the group that may be at a disadvantage, facet a are all other rows, and of several classes all but the
favoured one count as one. The open-source smclarify 0.5 differs from the guide in three places, in which this follows
the guide: it leaves a label that one of the groups never has out of the sums of KL, JS, LP and TVD; it takes 0 / 0 for
0 and 1 / 0 for infinite, if here the metric has no value; and its flip test has the opposite sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.metrics import Floats, Ints
from sluice.dataset.config import BiasName
from sluice.evaluation.document import BiasMetric

Bools = NDArray[np.bool_]

FLIP_TEST_ROWS: Final = 2_000
"""Rows of each group that the flip test compares at most: its cost grows with their product."""
_NEIGHBOURS: Final = 5
_MIN_VOTING_ROWS: Final = 10
"""With fewer rows to choose from, one neighbour votes, as in smclarify."""
_ROWS_AT_A_TIME: Final = 256

_ACCEPTED: Final = "is predicted to have the favoured label"
_RATIOS: Final[frozenset[BiasName]] = frozenset({"DI"})
_TITLES: Final[Mapping[BiasName, str]] = {
    "CI": "Class imbalance",
    "DPL": "Difference in proportions of labels",
    "KL": "Kullback-Leibler divergence",
    "JS": "Jensen-Shannon divergence",
    "LP": "Lp norm (p = 2)",
    "TVD": "Total variation distance",
    "KS": "Kolmogorov-Smirnov distance",
    "CDDL": "Conditional demographic disparity in labels",
    "DPPL": "Difference in positive proportions in predicted labels",
    "DI": "Disparate impact",
    "DCA": "Difference in conditional acceptance",
    "DCR": "Difference in conditional rejection",
    "RD": "Recall difference",
    "SD": "Specificity difference",
    "AD": "Accuracy difference",
    "TE": "Treatment equality",
    "CDDPL": "Conditional demographic disparity in predicted labels",
    "FT": "Counterfactual flip test",
}


class _UndefinedError(Exception):
    """A metric has no value for these rows; the message is its remark."""


class _Noted(NamedTuple):
    value: float | None
    remark: str | None


type _Formulas = dict[BiasName, Callable[[], float | _Noted]]


def pre_training(
    member: Bools, favoured: Bools, weights: Ints | None = None, stratum: Ints | None = None
) -> tuple[BiasMetric, ...]:
    """Bias in the labels: CI, DPL, KL, JS, LP, TVD, KS, CDDL.

    Args:
        member: (n,) the row is of the group that may be at a disadvantage.
        favoured: (n,) the label is the favoured one.
        weights: (n,) how many rows each one stands for; one if None.
        stratum: (n,) codes of the variable that CDDL is conditioned on.
    """
    count = _counts(weights, member, favoured)
    d, a = (_Labels(rows=int(row.sum()), favoured=int(row[1])) for row in (count[1], count[0]))

    def gaps() -> list[float]:
        return [abs(of_a - of_d) for of_a, of_d in zip(a.distribution, d.distribution, strict=True)]

    return _measured(
        d.rows,
        a.rows,
        {
            "CI": lambda: (a.rows - d.rows) / (a.rows + d.rows),
            "DPL": lambda: a.share - d.share,
            "KL": lambda: _divergence_from_group(a, d),
            "JS": lambda: _jensen_shannon(a.distribution, d.distribution),
            "LP": lambda: math.hypot(*gaps()),
            "TVD": lambda: sum(gaps()) / 2,
            "KS": lambda: max(gaps()),
            "CDDL": lambda: _conditional_disparity(member, favoured, stratum, weights, "label"),
        },
    )


def post_training(
    member: Bools,
    favoured: Bools,
    predicted: Bools,
    stratum: Ints | None = None,
    features: NDArray[np.float32] | None = None,
    seed: int = 0,
) -> tuple[BiasMetric, ...]:
    """Bias in the predictions: DPPL, DI, DCA, DCR, RD, SD, AD, TE, CDDPL, FT.

    Args:
        member: (n,) the row is of the group that may be at a disadvantage.
        favoured: (n,) the observed label is the favoured one.
        predicted: (n,) the predicted label is the favoured one.
        stratum: (n,) codes of the variable that CDDPL is conditioned on.
        features: (n, k), NaN if missing, by which FT finds neighbours; best without what tells the group itself.
        seed: of the sample of rows that FT takes of large groups.
    """
    count = _counts(None, member, favoured, predicted)
    d, a = _Outcomes.of(count[1], "of the group"), _Outcomes.of(count[0], "outside the group")
    return _measured(
        d.rows,
        a.rows,
        {
            "DPPL": lambda: a.acceptance - d.acceptance,
            "DI": lambda: _ratio(d.acceptance, a.acceptance, f"No row {a.where} {_ACCEPTED}."),
            "DCA": lambda: a.conditional_acceptance - d.conditional_acceptance,
            "DCR": lambda: d.conditional_rejection - a.conditional_rejection,
            "RD": lambda: a.recall - d.recall,
            "SD": lambda: d.specificity - a.specificity,
            "AD": lambda: a.accuracy - d.accuracy,
            "TE": lambda: d.treatment - a.treatment,
            "CDDPL": lambda: _conditional_disparity(member, predicted, stratum, None, "predicted label"),
            "FT": lambda: _flip_test(member, predicted, features, seed),
        },
    )


def _measured(group_rows: int, other_rows: int, formulas: _Formulas) -> tuple[BiasMetric, ...]:
    return tuple(_metric(name, _found(group_rows, other_rows, formula)) for name, formula in formulas.items())


def _metric(name: BiasName, found: _Noted) -> BiasMetric:
    fair = 1 if name in _RATIOS else 0
    return BiasMetric(name=name, title=_TITLES[name], value=found.value, remark=found.remark, fair=fair)


def _found(group_rows: int, other_rows: int, formula: Callable[[], float | _Noted]) -> _Noted:
    if not group_rows:
        return _Noted(None, "No row is of the group.")
    if not other_rows:
        return _Noted(None, "Every row is of the group: there are no others to compare it with.")
    try:
        found = formula()
    except _UndefinedError as reason:
        return _Noted(None, str(reason))
    return found if isinstance(found, _Noted) else _Noted(found, None)


def _counts(weights: Ints | None, *flags: Bools) -> Ints:
    """Rows by the values of the flags: 2 x 2 x ..., False first."""
    shape = (2,) * len(flags)
    codes = np.ravel_multi_index(tuple(flag.astype(np.int64) for flag in flags), shape)
    # Weighted counts come as float64, which is exact to 2**53 rows.
    return np.bincount(codes, weights, minlength=2 ** len(flags)).astype(np.int64).reshape(shape)


@dataclass(frozen=True)
class _Labels:
    """The labels of one group."""

    rows: int
    favoured: int

    @property
    def share(self) -> float:
        return self.favoured / self.rows

    @property
    def distribution(self) -> tuple[float, float]:
        return (self.rows - self.favoured) / self.rows, self.favoured / self.rows


@dataclass(frozen=True)
class _Outcomes:
    """The confusion matrix of one group; positive is the favoured label."""

    where: str
    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int

    @classmethod
    def of(cls, counts: Ints, where: str) -> _Outcomes:
        (true_negatives, false_positives), (false_negatives, true_positives) = counts.tolist()
        return cls(where, true_negatives, false_positives, false_negatives, true_positives)

    @property
    def rows(self) -> int:
        return self.favoured + self.unfavoured

    @property
    def favoured(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def unfavoured(self) -> int:
        return self.true_negatives + self.false_positives

    @property
    def accepted(self) -> int:
        return self.true_positives + self.false_positives

    @property
    def rejected(self) -> int:
        return self.true_negatives + self.false_negatives

    @property
    def acceptance(self) -> float:
        return self.accepted / self.rows

    @property
    def conditional_acceptance(self) -> float:
        return self._ratio(self.favoured, self.accepted, _ACCEPTED)

    @property
    def conditional_rejection(self) -> float:
        return self._ratio(self.unfavoured, self.rejected, "is predicted to have another than the favoured label")

    @property
    def recall(self) -> float:
        return self._ratio(self.true_positives, self.favoured, "has the favoured label")

    @property
    def specificity(self) -> float:
        return self._ratio(self.true_negatives, self.unfavoured, "has another than the favoured label")

    @property
    def accuracy(self) -> float:
        return (self.true_positives + self.true_negatives) / self.rows

    @property
    def treatment(self) -> float:
        lacking = f"{_ACCEPTED} without having it"
        return self._ratio(self.false_negatives, self.false_positives, lacking)

    def _ratio(self, part: int, whole: int, lacking: str) -> float:
        return _ratio(part, whole, f"No row {self.where} {lacking}.")


def _ratio(part: float, whole: float, undefined: str) -> float:
    if not whole:
        raise _UndefinedError(undefined)
    return part / whole


def _divergence_from_group(a: _Labels, d: _Labels) -> float:
    if a.favoured and not d.favoured:
        raise _UndefinedError("No row of the group has the favoured label, but others do: the divergence is infinite.")
    if a.favoured < a.rows and d.favoured == d.rows:
        raise _UndefinedError(
            "All rows of the group have the favoured label, but not all others: the divergence is infinite."
        )
    return _kullback_leibler(a.distribution, d.distribution)


def _kullback_leibler(p: tuple[float, ...], q: tuple[float, ...]) -> float:
    """Natural logarithm. What never occurs in ``p`` adds nothing."""
    # Of distributions that are nearly the same rounding may leave a little less than nothing.
    return max(0.0, sum(of_p * math.log(of_p / of_q) for of_p, of_q in zip(p, q, strict=True) if of_p))


def _jensen_shannon(p: tuple[float, ...], q: tuple[float, ...]) -> float:
    mean = tuple((of_p + of_q) / 2 for of_p, of_q in zip(p, q, strict=True))
    return (_kullback_leibler(p, mean) + _kullback_leibler(q, mean)) / 2


def _conditional_disparity(
    member: Bools, favoured: Bools, stratum: Ints | None, weights: Ints | None, what: str
) -> _Noted:
    """Mean over the strata, by their rows, of the group's share of the rejected less its share of the accepted."""
    if stratum is None:
        raise _UndefinedError("No group variable to condition on is configured.")
    strata, index = np.unique(stratum, return_inverse=True)
    counts = np.bincount(4 * index + 2 * member + favoured, weights, minlength=4 * strata.size).reshape(-1, 2, 2)
    of_group, of_all = counts[:, 1], counts.sum(axis=1)
    rejected, accepted = of_all.sum(axis=0)
    if not accepted:
        raise _UndefinedError(f"No row has the favoured {what}.")
    if not rejected:
        raise _UndefinedError(f"Every row has the favoured {what}.")
    shares = np.divide(of_group, of_all, out=np.zeros(of_all.shape), where=of_all > 0)
    rows = of_all.sum(axis=1)
    value = float(rows @ (shares[:, 0] - shares[:, 1])) / float(rows.sum())
    one_sided = np.count_nonzero((of_all == 0).any(axis=1) & (rows > 0))
    if not one_sided:
        return _Noted(value, None)
    # As in Clarify, at the price that the disparities of the two groups do not add up to 0 then.
    return _Noted(
        value,
        f"For {one_sided} of the {np.count_nonzero(rows)} values of the group variable the {what} is the favoured one "
        "in all rows or in none; there the share of no rows counts as 0.",
    )


def _flip_test(member: Bools, predicted: Bools, features: NDArray[np.float32] | None, seed: int) -> _Noted:
    """How many of the group are rejected though those of the others who are most like them are accepted, less how many
    it is the other way round, as a share of the group. Most like: by Euclidean distance of standardised features."""
    if features is None:
        raise _UndefinedError("The features of the rows are not at hand.")
    random = np.random.default_rng(seed)
    d, a = (_sample(np.flatnonzero(group), random) for group in (member, ~member))
    known = _filled(features[np.concatenate([d, a])])
    # Of neighbours at the same distance the first ones count: an order of the values, not of the rows.
    d_rows, d_accepted = _in_order(known[: d.size], predicted[d])
    a_rows, a_accepted = _in_order(known[d.size :], predicted[a])
    rows = np.concatenate([d_rows, a_rows])
    rows = rows[:, rows.min(axis=0) < rows.max(axis=0)]
    if not rows.size:
        raise _UndefinedError("All rows have the same features: no row is more like a row than another.")
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    neighbours_accepted = _vote_of_nearest(rows[: d.size], rows[d.size :], a_accepted)
    flipped_up = np.count_nonzero(~d_accepted & neighbours_accepted)
    flipped_down = np.count_nonzero(d_accepted & ~neighbours_accepted)
    return _Noted((flipped_up - flipped_down) / d.size, _of_sample(d.size, a.size, member))


def _of_sample(group_rows: int, other_rows: int, member: Bools) -> str | None:
    all_group_rows = int(np.count_nonzero(member))
    all_other_rows = member.size - all_group_rows
    if group_rows + other_rows == member.size:
        return None
    return (
        f"Of a random sample: {group_rows:,} of the group's {all_group_rows:,} rows, "
        f"{other_rows:,} of the {all_other_rows:,} others."
    )


def _sample(rows: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    return rows if rows.size <= FLIP_TEST_ROWS else random.choice(rows, FLIP_TEST_ROWS, replace=False)


def _filled(features: NDArray[np.float32]) -> Floats:
    """Medians in place of what is missing; zeros if a feature is missing everywhere, since it says nothing then."""
    known = np.where(np.isfinite(features), features, np.nan).astype(np.float64)
    known[:, np.isnan(known).all(axis=0)] = 0
    return np.where(np.isnan(known), np.nanmedian(known, axis=0), known)


def _in_order(rows: Floats, accepted: Bools) -> tuple[Floats, Bools]:
    order = np.lexsort((accepted, *rows.T))
    return rows[order], accepted[order]


def _vote_of_nearest(rows: Floats, others: Floats, others_accepted: Bools) -> Bools:
    """What most of the nearest ``others`` of each row got."""
    neighbours = _NEIGHBOURS if others.shape[0] >= _MIN_VOTING_ROWS else 1
    lengths = np.square(others).sum(axis=1)
    votes = np.empty(rows.shape[0], dtype=np.int64)
    for start in range(0, rows.shape[0], _ROWS_AT_A_TIME):
        some = slice(start, start + _ROWS_AT_A_TIME)
        # The squared distance but for the length of the row itself, which is the same for all of its neighbours.
        distances = lengths - 2 * (rows[some] @ others.T)
        nearest = distances.argsort(axis=1, kind="stable")[:, :neighbours]
        votes[some] = others_accepted[nearest].sum(axis=1)
    return 2 * votes > neighbours
