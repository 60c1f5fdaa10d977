"""Figures worked out by hand, those of a real table, and what has to hold for any rows."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from scoring.bias import FLIP_TEST_ROWS, Bools, post_training, pre_training
from scoring.metrics import Ints
from sluice.dataset.config import BiasName
from sluice.evaluation.document import BiasMetric
from tests.search import examples

ADULT = Path(__file__).parents[4] / "shared" / "data" / "adult.csv"

PRE: Final[tuple[BiasName, ...]] = ("CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL")
POST: Final[tuple[BiasName, ...]] = ("DPPL", "DI", "DCA", "DCR", "RD", "SD", "AD", "TE", "CDDPL", "FT")

DIFFERENCES: Final = {"CI", "DPL", "CDDL", "DPPL", "DCA", "DCR", "RD", "SD", "AD", "TE", "CDDPL"}
"""Those that are one group's figure less the other's. The rest are distances, ratios or, as FT, one-sided."""
DISTANCES: Final = {"JS", "LP", "TVD", "KS"}


@dataclass(frozen=True)
class Rows:
    """What a test set is to the metrics."""

    member: Bools
    favoured: Bools
    predicted: Bools
    stratum: Ints

    def taken(self, order: Ints) -> Rows:
        return Rows(self.member[order], self.favoured[order], self.predicted[order], self.stratum[order])

    def metrics(self, features: NDArray[np.float32] | None = None) -> dict[str, BiasMetric]:
        found = pre_training(self.member, self.favoured, stratum=self.stratum)
        found += post_training(self.member, self.favoured, self.predicted, self.stratum, features)
        return {metric.name: metric for metric in found}


def values(found: dict[str, BiasMetric]) -> dict[str, float | None]:
    return {name: metric.value for name, metric in found.items()}


def same(value: float | None) -> object:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)


def column(*flags: int) -> Ints:
    return np.array(flags, dtype=np.int64)


def bools(*flags: int) -> Bools:
    return np.array(flags, dtype=np.bool_)


def of_counts(*counts: tuple[int, int, int, int, int]) -> Rows:
    """Rows by (member, favoured, predicted, stratum, how many)."""
    kinds = np.repeat(np.array(counts)[:, :4], np.array(counts)[:, 4], axis=0)
    return Rows(kinds[:, 0] == 1, kinds[:, 1] == 1, kinds[:, 2] == 1, kinds[:, 3])


@st.composite
def samples(draw: st.DrawFn) -> Rows:
    """At least one row of each kind in each stratum, so that every metric has a value."""
    kinds = np.indices((2, 2, 2, 3)).reshape(4, -1).T
    counts = draw(st.lists(st.integers(1, 5), min_size=len(kinds), max_size=len(kinds)))
    kinds = np.repeat(kinds, counts, axis=0)
    return Rows(kinds[:, 0] == 1, kinds[:, 1] == 1, kinds[:, 2] == 1, kinds[:, 3])


@st.composite
def any_samples(draw: st.DrawFn) -> Rows:
    size = draw(st.integers(1, 30))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    member, favoured, predicted = (random.random(size) < draw(st.sampled_from([0, 0.2, 0.5, 1])) for _ in range(3))
    return Rows(member, favoured, predicted, random.integers(0, 3, size))


def test_each_metric_has_its_place_and_its_fair_value() -> None:
    found = of_counts((0, 0, 0, 0, 1), (1, 1, 1, 0, 1)).metrics()
    assert tuple(found) == PRE + POST
    assert set(found) == set(get_args(BiasName.__value__))
    assert {name for name, metric in found.items() if metric.fair == 1} == {"DI"}
    assert {metric.fair for metric in found.values()} == {0, 1}
    assert len({metric.title for metric in found.values()}) == len(found)


def test_figures_of_the_adult_table() -> None:
    """As smclarify 0.5 has them."""
    if not ADULT.exists():
        pytest.skip(f"{ADULT} is absent: the tables of ../shared/data are kept beside the project, not in it")
    with ADULT.open(encoding="utf-8", newline="") as stream:
        rows = [(row["sex"], row["income"], row["education"]) for row in csv.DictReader(stream)]
    sex, income, education = (np.array(cells) for cells in zip(*rows, strict=True))
    _, stratum = np.unique(education, return_inverse=True)
    found = {metric.name: metric for metric in pre_training(sex == "Female", income == ">50K", stratum=stratum)}
    golden = {"CI": 0.338411, "DPL": 0.196276, "KL": 0.141185, "JS": 0.030241, "LP": 0.277576, "CDDL": 0.250282}
    assert {name: round(found[name].value or 0, 6) for name in golden} == golden
    # Of a label with two values, both distances are the difference of the shares.
    assert found["TVD"].value == pytest.approx(found["DPL"].value)
    assert found["KS"].value == pytest.approx(found["DPL"].value)
    assert "1 of the 16 values" in (found["CDDL"].remark or ""), "of the education Preschool nobody earns more"


def test_bias_in_labels_by_hand() -> None:
    """The group has 4 rows, 1 of them favoured; the others 6, of which 3."""
    found = pre_training(
        member=bools(1, 1, 1, 1, 0, 0, 0, 0, 0, 0),
        favoured=bools(1, 0, 0, 0, 1, 1, 1, 0, 0, 0),
        stratum=column(0, 0, 1, 1, 0, 1, 1, 0, 0, 1),
    )
    # Shares: rejected and favoured are 1/2 and 1/2 of the others, 3/4 and 1/4 of the group; on average 5/8 and 3/8.
    kl = 1 / 2 * math.log((1 / 2) / (3 / 4)) + 1 / 2 * math.log((1 / 2) / (1 / 4))
    js_of_others = 1 / 2 * math.log((1 / 2) / (5 / 8)) + 1 / 2 * math.log((1 / 2) / (3 / 8))
    js_of_group = 3 / 4 * math.log((3 / 4) / (5 / 8)) + 1 / 4 * math.log((1 / 4) / (3 / 8))
    assert values({metric.name: metric for metric in found}) == {
        "CI": same((6 - 4) / (6 + 4)),
        "DPL": same(3 / 6 - 1 / 4),
        "KL": same(kl),
        "JS": same((js_of_others + js_of_group) / 2),
        "LP": same(math.sqrt((1 / 4) ** 2 + (1 / 4) ** 2)),
        "TVD": same((1 / 4 + 1 / 4) / 2),
        "KS": same(1 / 4),
        # Stratum 0: 1 of 3 rejected, 1 of 2 favoured are of the group; stratum 1: 2 of 3 and 0 of 2. Five rows each.
        "CDDL": same(5 / 10 * (1 / 3 - 1 / 2) + 5 / 10 * (2 / 3 - 0 / 2)),
    }
    assert all(metric.remark is None for metric in found)


def test_bias_in_predictions_by_hand() -> None:
    found = of_counts(
        # The group: 2 true positives, 3 false negatives, 1 false positive, 4 true negatives.
        (1, 1, 1, 0, 2),
        (1, 1, 0, 0, 3),
        (1, 0, 1, 1, 1),
        (1, 0, 0, 1, 4),
        # The others: 6 true positives, 1 false negative, 2 false positives, 3 true negatives.
        (0, 1, 1, 0, 6),
        (0, 1, 0, 1, 1),
        (0, 0, 1, 1, 2),
        (0, 0, 0, 0, 3),
    ).metrics()
    assert {name: found[name].value for name in POST if name != "FT"} == {
        "DPPL": same(8 / 12 - 3 / 10),
        "DI": same((3 / 10) / (8 / 12)),
        "DCA": same(7 / 8 - 5 / 3),
        "DCR": same(5 / 7 - 5 / 4),
        "RD": same(6 / 7 - 2 / 5),
        "SD": same(4 / 5 - 3 / 5),
        "AD": same(9 / 12 - 6 / 10),
        "TE": same(3 / 1 - 1 / 2),
        # Stratum 0: 3 of 6 rejected, 2 of 8 accepted are of the group; stratum 1: 4 of 5 and 1 of 3.
        "CDDPL": same(14 / 22 * (3 / 6 - 2 / 8) + 8 / 22 * (4 / 5 - 1 / 3)),
    }


def test_a_stratum_without_favoured_rows_counts_their_share_as_none() -> None:
    found = of_counts((1, 0, 0, 0, 1), (0, 0, 0, 0, 3), (1, 1, 1, 1, 1), (0, 0, 0, 1, 1)).metrics()
    assert found["CDDL"].value == same(4 / 6 * (1 / 4 - 0) + 2 / 6 * (0 / 1 - 1 / 1))
    assert "1 of the 2 values" in (found["CDDL"].remark or "")


@settings(max_examples=examples(50), deadline=None)
@given(any_samples(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(rows: Rows, seed: int) -> None:
    random = np.random.default_rng(seed)
    order = random.permutation(rows.member.size)
    # Few distinct values: many neighbours are equally near.
    features = random.integers(0, 3, (rows.member.size, 2)).astype(np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    assert rows.taken(order).metrics(features[order]) == rows.metrics(features)


@settings(max_examples=examples(50), deadline=None)
@given(any_samples(), st.integers(0, 2**32 - 1))
def test_a_weight_stands_for_that_many_rows(rows: Rows, seed: int) -> None:
    weights = np.random.default_rng(seed).integers(0, 4, rows.member.size)
    repeated = rows.taken(np.repeat(np.arange(rows.member.size), weights))
    assert pre_training(rows.member, rows.favoured, weights, rows.stratum) == pre_training(
        repeated.member, repeated.favoured, stratum=repeated.stratum
    )


@settings(max_examples=examples(50), deadline=None)
@given(samples())
def test_swapping_the_groups_turns_the_differences_round(rows: Rows) -> None:
    before = values(rows.metrics())
    after = values(Rows(~rows.member, rows.favoured, rows.predicted, rows.stratum).metrics())
    for name in DIFFERENCES:
        assert after[name] == same(-(before[name] or 0)), name
    for name in DISTANCES:
        assert after[name] == same(before[name]), name
    assert after["DI"] == same(1 / (before["DI"] or math.nan))


@settings(max_examples=examples(50), deadline=None)
@given(samples())
def test_groups_that_are_alike_have_the_fair_values(rows: Rows) -> None:
    one = rows.taken(np.flatnonzero(rows.member))
    both = one.taken(np.tile(np.arange(one.member.size), 2))
    second = np.arange(both.member.size) >= one.member.size
    found = Rows(second, both.favoured, both.predicted, both.stratum).metrics()
    for name, metric in found.items():
        if name != "FT":
            assert metric.value == same(metric.fair), name


@settings(max_examples=examples(100), deadline=None)
@given(any_samples())
def test_a_metric_has_a_finite_value_or_a_reason(rows: Rows) -> None:
    features = np.arange(2 * rows.member.size, dtype=np.float32).reshape(-1, 2)
    for metric in rows.metrics(features).values():
        if metric.value is None:
            assert metric.remark
            assert metric.remark.endswith(".")
        else:
            assert math.isfinite(metric.value)


@pytest.mark.parametrize(("member", "says"), [(0, "No row is of the group"), (1, "Every row is of the group")])
def test_without_one_of_the_groups_nothing_is_measured(member: int, says: str) -> None:
    found = of_counts((member, 1, 1, 0, 2), (member, 0, 0, 0, 2)).metrics(np.ones((4, 1), np.float32))
    assert {metric.value for metric in found.values()} == {None}
    assert all(says in (metric.remark or "") for metric in found.values())


def test_no_rows_at_all_measure_nothing() -> None:
    none = np.empty(0, dtype=np.bool_)
    found = pre_training(none, none) + post_training(none, none, none, features=np.empty((0, 3), np.float32))
    assert {metric.value for metric in found} == {None}


TRUE_POSITIVE, FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_NEGATIVE = (1, 1), (1, 0), (0, 1), (0, 0)


@pytest.mark.parametrize(
    ("name", "of_group", "others", "says"),
    [
        ("KL", [TRUE_NEGATIVE], [TRUE_POSITIVE, TRUE_NEGATIVE], "No row of the group has the favoured label, but"),
        ("KL", [TRUE_POSITIVE], [TRUE_POSITIVE, TRUE_NEGATIVE], "All rows of the group have the favoured label"),
        ("CDDL", [TRUE_NEGATIVE], [FALSE_POSITIVE], "No row has the favoured label."),
        ("CDDL", [TRUE_POSITIVE], [FALSE_NEGATIVE], "Every row has the favoured label."),
        ("DI", [TRUE_POSITIVE], [FALSE_NEGATIVE], "No row outside the group is predicted to have the favoured label."),
        ("DCA", [FALSE_NEGATIVE], [TRUE_POSITIVE], "No row of the group is predicted to have the favoured label."),
        ("DCR", [FALSE_NEGATIVE], [TRUE_POSITIVE], "No row outside the group is predicted to have another than"),
        ("RD", [TRUE_NEGATIVE], [TRUE_POSITIVE], "No row of the group has the favoured label."),
        ("SD", [TRUE_NEGATIVE], [TRUE_POSITIVE], "No row outside the group has another than the favoured label."),
        ("TE", [FALSE_POSITIVE], [TRUE_POSITIVE], "No row outside the group is predicted to have the favoured label w"),
        ("CDDPL", [TRUE_NEGATIVE], [FALSE_NEGATIVE], "No row has the favoured predicted label."),
        ("CDDPL", [TRUE_POSITIVE], [FALSE_POSITIVE], "Every row has the favoured predicted label."),
    ],
)
def test_what_is_undefined_says_why(
    name: str, of_group: list[tuple[int, int]], others: list[tuple[int, int]], says: str
) -> None:
    rows = [(1, *kind, 0, 2) for kind in of_group] + [(0, *kind, 0, 2) for kind in others]
    found = of_counts(*rows).metrics()[name]
    assert found.value is None
    assert says in (found.remark or "")


def test_a_label_that_only_the_group_has_leaves_the_distances_defined() -> None:
    found = pre_training(member=bools(1, 1, 0), favoured=bools(1, 0, 0))
    by_name = {metric.name: metric.value for metric in found}
    # The others are all rejected; of the group a half.
    assert by_name["KL"] == same(math.log(1 / (1 / 2)))
    assert by_name["JS"] == same((math.log(1 / (3 / 4)) + 1 / 2 * math.log(2 / 3) + 1 / 2 * math.log(2)) / 2)
    assert (by_name["TVD"], by_name["KS"]) == (1 / 2, 1 / 2)


def test_without_a_group_variable_there_is_no_conditional_disparity() -> None:
    member, label = bools(1, 0, 1, 0), bools(1, 1, 0, 0)
    for found in (pre_training(member, label)[-1], post_training(member, label, label)[-2]):
        assert found.value is None
        assert "group variable" in (found.remark or "")


def flip_test(
    member: Bools, predicted: Bools, features: NDArray[np.float32] | NDArray[np.float64], seed: int = 0
) -> BiasMetric:
    return post_training(member, predicted, predicted, features=features.astype(np.float32), seed=seed)[-1]


def test_flips_by_obvious_neighbours() -> None:
    """Three of the group are far from each other, each beside one of the others, two of which were treated better."""
    found = flip_test(
        member=bools(1, 1, 1, 0, 0, 0),
        predicted=bools(0, 0, 1, 1, 1, 0),
        features=np.array([[0.0], [10], [20], [0.1], [10.1], [20.1]]),
    )
    assert found.value == same((2 - 1) / 3)
    assert found.remark is None


def test_a_group_treated_worse_than_its_likes_has_a_positive_flip_test() -> None:
    """The developer guide's sign; smclarify 0.5 has the opposite one."""
    near = np.array([[0.0], [0.1]])
    assert flip_test(bools(1, 0), bools(0, 1), near).value == 1
    assert flip_test(bools(1, 0), bools(1, 0), near).value == -1


def test_five_neighbours_vote_where_there_are_ten_others() -> None:
    features = np.array([[0.0], [0], [1], [2], [3], [4], [50], [51], [52], [53], [54]])
    member = np.arange(11) == 0
    assert flip_test(member, bools(0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0), features).value == 1, "three of five"
    assert flip_test(member, bools(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1), features).value == 0, "two of five"
    assert flip_test(member[:10], bools(0, 0, 1, 1, 1, 1, 1, 1, 1, 1), features[:10]).value == 0, "the nearest of nine"


def test_the_unit_of_a_feature_does_not_matter() -> None:
    random = np.random.default_rng(4)
    features = random.normal(size=(60, 3))
    member, predicted = random.random(60) < 0.5, features[:, 0] > 0
    in_other_units = features * [1e6, 1, 1e-6] + [0, 1e3, 0]
    assert flip_test(member, predicted, features).value == same(flip_test(member, predicted, in_other_units).value)


def test_a_feature_that_is_the_same_in_all_rows_changes_nothing() -> None:
    random = np.random.default_rng(5)
    features = random.normal(size=(61, 2))
    member, predicted = random.random(61) < 0.5, features[:, 0] > 0
    with_constants = np.column_stack([features, np.full((61, 3), [0.1, 1e30, np.nan])])
    assert flip_test(member, predicted, with_constants).value == flip_test(member, predicted, features).value


def test_what_is_missing_counts_as_the_median() -> None:
    found = flip_test(
        member=bools(1, 0, 0, 0),
        predicted=bools(0, 1, 0, 0),
        features=np.array([[np.nan, np.nan], [5, np.nan], [0, np.nan], [9, np.inf]]),
    )
    assert found.value == 1


@pytest.mark.parametrize(
    "features", [np.full((4, 2), 0.1), np.full((4, 2), np.nan), np.empty((4, 0))], ids=["constant", "missing", "none"]
)
def test_rows_that_nothing_tells_apart_have_no_neighbours(features: NDArray[np.float64]) -> None:
    found = flip_test(bools(1, 1, 0, 0), bools(0, 1, 0, 1), features)
    assert found.value is None
    assert "same features" in (found.remark or "")


def test_without_features_there_is_no_flip_test() -> None:
    found = post_training(bools(1, 0), bools(1, 0), bools(0, 1))[-1]
    assert found.value is None
    assert "features" in (found.remark or "")


def test_large_groups_are_sampled_and_the_remark_says_so() -> None:
    random = np.random.default_rng(0)
    size = 3 * FLIP_TEST_ROWS
    features = random.normal(size=(size, 2))
    member = np.arange(size) < 500
    predicted = features[:, 0] > np.where(member, 0.5, 0)
    found = flip_test(member, predicted, features, seed=7)
    assert found == flip_test(member, predicted, features, seed=7)
    assert found.remark == "Of a random sample: 500 of the group's 500 rows, 2,000 of the 5,500 others."
    # Those from 0 to 0.5, of a standard normal distribution, would be accepted were they not of the group.
    assert found.value == pytest.approx(0.191, abs=0.05)


def test_the_nearest_are_found_as_scikit_learn_finds_them() -> None:
    random = np.random.default_rng(2)
    features = random.normal(size=(700, 4))
    features = ((features - features.mean(axis=0)) / features.std(axis=0)).astype(np.float32)
    member, predicted = random.random(700) < 0.6, random.random(700) < 0.4
    votes = KNeighborsClassifier(5).fit(features[~member], predicted[~member]).predict(features[member])
    expected = (np.sum(votes & ~predicted[member]) - np.sum(~votes & predicted[member])) / member.sum()
    assert flip_test(member, predicted, features).value == same(float(expected))
