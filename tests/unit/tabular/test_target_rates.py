"""Target statistics of texts with many values: no training row says its own label, and what is served says the same."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import FrequencyRankColumn, Recipe
from tabular import TableReport, identities, target_rates, validate_table
from tabular.split import hash_expression
from tabular.target_rates import FOLDS, MAX_TOLD_CLASSES, difference_of_classes, difference_of_numbers, smoothing_of
from tabular.validate import _Validation

type Row = tuple[str, ...]
"""Its number as a fraction, by which it is known again; a text; the label."""


def judged(rows: Sequence[Row], header: str = "row,text,label", **config: Any) -> tuple[TableReport, Recipe, list[Any]]:
    """The report, the recipe, and of each row of the parts: the part, and its cells as numbers."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(header.split(","))
    lines.writerows(rows)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_text(written.getvalue(), encoding="utf-8")
        asked = DatasetConfig.model_validate({"target": "label", **config})
        report = validate_table(path, name=path.name, config=asked, default_target=None, out=out)
        assert report.verdict == "accepted", report.reasons
        recipe = Recipe.read((out / "recipe.json").read_text(encoding="utf-8"))
        made = [
            (part, [float(cell) if cell else math.nan for cell in line.split(",")])
            for part in ("train", "validation", "test")
            for line in (out / part / f"{part}.csv").read_text(encoding="ascii").splitlines()
        ]
    return report, recipe, made


def towns(
    levels: int = 30, rows: int = 900, classes: int = 2, effect: float = 2.0, seed: int = 0, name: str = "town"
) -> list[Row]:
    """Towns of very different sizes, whose class shares differ by the effect, in log odds."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, effect, (levels, classes))
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    town = random.choice(levels, rows, p=random.dirichlet(np.full(levels, 2.0)))
    label = [random.choice(classes, p=shares[at]) for at in town]
    return [
        (f"{i * 37 % 9973}.5", "" if i % 41 == 0 else f"{name} {at}", "abcdefghijkl"[one])
        for i, (at, one) in enumerate(zip(town, label, strict=True))
    ]


def text_column(recipe: Recipe) -> FrequencyRankColumn:
    column = recipe.columns[-1]
    assert isinstance(column, FrequencyRankColumn)
    return column


def folds_of(rows: Sequence[Row]) -> list[int]:
    """By row, with an independent reading of the rule: the hash of the split, modulo the folds."""
    # The columns in the order of their names: label, row, text.
    frame = pl.DataFrame({"l": [row[2] for row in rows], "r": [row[0] for row in rows], "t": [row[1] for row in rows]})
    return [u % FOLDS for u in frame.select(hash_expression(["l", "r", "t"], 0)).to_series().to_list()]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_rates_of_a_training_row_are_those_of_the_rows_outside_its_fold(classes: int) -> None:
    rows = towns(classes=classes)
    _, recipe, made = judged(rows)
    column = text_column(recipe)
    assert column.rates is not None
    fold = {float(row[0]): number for row, number in zip(rows, folds_of(rows), strict=True)}
    text = {float(row[0]): row[1] for row in rows}
    train = [(int(cells[0]), cells[1], cells[3:]) for part, cells in made if part == "train"]
    told = [1] if classes == 2 else range(classes)
    # The smoothing follows from one level's served rate: (c + m p) / (n + m).
    level = column.levels[0]
    beside = [label for label, row, _ in train if text[row] == level]
    prior, rate, of_class = column.rates.prior[0], column.rates.levels[0][0], beside.count(told[0])
    smoothing = (of_class - rate * len(beside)) / (rate - prior)
    for _, row, rates in train:
        if not text[row]:
            assert all(map(math.isnan, rates))
            continue
        others = [(label, text[other]) for label, other, _ in train if fold[other] != fold[row]]
        for number, got in zip(told, rates, strict=True):
            share = sum(label == number for label, _ in others) / len(others)
            same = [label for label, town in others if town == text[row]] if text[row] in column.levels else []
            weight = smoothing if same else 1.0
            expected = (same.count(number) + weight * share) / (len(same) + weight)
            assert got == pytest.approx(expected, abs=2e-3)


@st.composite
def texts(draw: st.DrawFn) -> list[Row]:
    """Texts of any script beside which the classes differ, some of which stand once, and blanks."""
    alphabet = draw(st.sampled_from(["abcdefgh", "абвгдежз", "東京大阪京都名古", "a,\"'; é\u00df"]))
    levels = draw(st.lists(st.text(alphabet, min_size=2, max_size=4).map(str.strip), min_size=24, max_size=30))
    single = draw(st.lists(st.text(alphabet, min_size=5, max_size=7).map(str.strip), max_size=20))
    classes = draw(st.integers(2, 4))
    cells = [(level, i % classes) for i, level in enumerate(levels) for _ in range(5)]
    cells += [(level, i % classes) for i, level in enumerate([*single, "", "NA", " ? "])]
    return [(f"{i * 37 % 997}.5", text, "abcd"[label]) for i, (text, label) in enumerate(draw(st.permutations(cells)))]


def with_numbers(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """Rows whose labels are numbers: those of a class lie together."""
    random = np.random.default_rng(seed)
    return [(row, text, f"{'abcdefghijkl'.index(label) * 10 + random.normal():.4f}") for row, text, label in rows]


@given(texts(), st.booleans(), st.sampled_from(["classification", "regression"]))
@settings(max_examples=14, deadline=None)
def test_rows_that_are_not_trained_on_have_the_numbers_of_a_single_record(
    rows: list[Row], merged: bool, task: str
) -> None:
    rows = with_numbers(rows) if task == "regression" else rows
    _, recipe, made = judged(rows, merge_spellings=merged, task=task)
    text = {float(row[0]): row[1] for row in rows}
    for part, (_, *features) in made:
        expected = recipe.apply({"row": features[0], "text": text[features[0]]})
        count = 2 if part == "train" else len(features)
        np.testing.assert_array_equal(features[:count], expected[:count])


def test_a_level_that_training_does_not_have_or_has_once_has_the_rates_of_all_rows() -> None:
    rows = [*towns(), *((f"{20_000 + i}.5", f"hamlet {i}", "ab"[i % 2]) for i in range(20))]
    _, recipe, made = judged(rows)
    column = text_column(recipe)
    assert column.rates is not None
    assert column.once
    for cell in ("Atlantis", column.once[0]):
        assert [*column.numbers(cell)] == [column.unseen, *column.rates.prior]
    shares = [cells[0] for part, cells in made if part == "train"]
    assert column.rates.prior[0] == pytest.approx(np.mean(shares), abs=1e-6)


def test_a_text_that_says_nothing_of_the_target_has_its_rank_alone() -> None:
    _, recipe, made = judged(towns(effect=0.0))
    assert text_column(recipe).rates is None
    assert {len(cells) for _, cells in made} == {3}


def test_levels_that_hardly_differ_have_no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = towns(levels=40, rows=6000, effect=0.25)
    assert text_column(judged(rows)[1]).rates is None
    monkeypatch.setattr(target_rates, "MAX_SMOOTHING", math.inf)
    assert text_column(judged(rows)[1]).rates is not None


def test_levels_that_differ_by_chance_alone_have_no_rates() -> None:
    random = np.random.default_rng(0)
    found = 0
    for _ in range(500):
        rows = random.integers(2, 40, random.integers(20, 300))
        share = random.uniform(0.1, 0.9)
        counts = [(int(n), int(random.binomial(n, share))) for n in rows]
        prior = sum(count for _, count in counts) / rows.sum()
        found += smoothing_of(difference_of_classes(counts, [prior])) is not None
    assert found <= 0.01 * 500


def test_the_smoothing_is_the_variance_within_levels_by_that_between_them() -> None:
    random = np.random.default_rng(0)
    shares = random.beta(6, 14, 2_000)  # a beta prior of 20 rows
    counts = [(n := int(random.integers(5, 60)), int(random.binomial(n, share))) for share in shares]
    prior = sum(count for _, count in counts) / sum(n for n, _ in counts)
    assert smoothing_of(difference_of_classes(counts, [prior])) == pytest.approx(20, rel=0.15)


def counts_of(
    shares: NDArray[np.float64], rows: NDArray[np.int64], random: np.random.Generator
) -> list[tuple[int, int]]:
    return [(int(n), int(random.binomial(n, share))) for n, share in zip(rows, shares, strict=True)]


def prior_of(counts: Sequence[tuple[int, int]]) -> float:
    return sum(count for _, count in counts) / sum(n for n, _ in counts)


def test_a_sample_sifts_out_no_column_whose_rows_give_it_rates() -> None:
    random = np.random.default_rng(0)
    rated = sifted = 0
    for _ in range(250):
        levels = int(random.integers(21, 500))
        size = random.dirichlet(np.full(levels, random.choice([0.3, 2.0])))
        prior = random.choice([0.02, 0.2, 0.5])
        smoothing = np.exp(random.uniform(np.log(5), np.log(2000)))
        shares = random.beta(prior * smoothing, (1 - prior) * smoothing, levels)
        sample, table = (
            counts_of(shares[rows > 1], rows[rows > 1], random)
            for rows in (random.multinomial(5_000, size), random.multinomial(60_000, size))
        )
        found = smoothing_of(difference_of_classes(table, [prior_of(table)]))
        has_rates = found is not None and found <= target_rates.MAX_SMOOTHING
        may_have = target_rates._may_smooth(difference_of_classes(sample, [prior_of(sample)]))
        assert may_have or not has_rates
        rated += has_rates
        sifted += not may_have
    assert rated > 30
    assert sifted > 80


@pytest.mark.parametrize(("effect", "counted"), [(0.0, 0), (2.0, 1)])
def test_rows_are_gone_through_again_only_for_columns_whose_sample_shows_an_effect(
    effect: float, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = towns(rows=4000, effect=effect)
    calls: list[int] = []
    count = target_rates._count

    def counted_once(*args: Any) -> pl.DataFrame:
        calls.append(1)
        return count(*args)

    monkeypatch.setattr(target_rates, "_count", counted_once)
    whole = judged(rows)[1]
    assert len(calls) == 1
    monkeypatch.setattr(identities, "MAX_ROWS", 1500)
    assert judged(rows)[1] == whole
    assert len(calls) == 1 + counted


def test_a_table_whose_rows_repeat_is_not_judged_by_a_sample_of_different_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What all rows say must not depend on how large the table is; equal rows make levels differ."""
    repeated = [row for row in towns(rows=1700, levels=100, effect=0.0) for _ in range(10)]
    whole = judged(repeated)[1]
    monkeypatch.setattr(identities, "MAX_ROWS", 1600)
    monkeypatch.setattr(target_rates, "_SIFTED", 2)
    assert judged(repeated)[1] == whole
    assert text_column(whole).rates is not None


def test_of_many_classes_there_are_no_rates() -> None:
    few = judged(towns(rows=3000, classes=MAX_TOLD_CLASSES))
    many = judged(towns(rows=3000, classes=MAX_TOLD_CLASSES + 1))
    assert text_column(few[1]).width == 1 + MAX_TOLD_CLASSES
    assert text_column(many[1]).width == 1


def test_a_target_of_numbers_has_the_means_of_the_rows_outside_the_fold() -> None:
    rows = with_numbers(towns(classes=5))
    _, recipe, made = judged(rows, task="regression")
    column = text_column(recipe)
    assert column.rates is not None
    assert recipe.features[-1].source == "text"
    fold = {float(row[0]): number for row, number in zip(rows, folds_of(rows), strict=True)}
    text = {float(row[0]): row[1] for row in rows}
    train = [(cells[0], cells[1], cells[3]) for part, cells in made if part == "train"]
    level = column.levels[0]
    beside = [y for y, row, _ in train if text[row] == level]
    mean, rate = column.rates.prior[0], column.rates.levels[0][0]
    assert mean == pytest.approx(np.mean([y for y, *_ in train]))
    smoothing = (sum(beside) - rate * len(beside)) / (rate - mean)
    for _, row, got in train:
        if not text[row]:
            assert math.isnan(got)
            continue
        others = [(y, text[other]) for y, other, _ in train if fold[other] != fold[row]]
        same = [y for y, town in others if town == text[row]] if text[row] in column.levels else []
        weight = smoothing if same else 1.0
        expected = (sum(same) + weight * np.mean([y for y, _ in others])) / (len(same) + weight)
        assert got == pytest.approx(expected, abs=2e-3)


def test_a_text_that_training_does_not_have_or_has_once_has_the_mean_of_all_rows() -> None:
    rows = with_numbers([*towns(), *((f"{20_000 + i}.5", f"hamlet {i}", "ab"[i % 2]) for i in range(20))])
    _, recipe, made = judged(rows, task="regression")
    column = text_column(recipe)
    assert column.rates is not None
    assert column.once
    for cell in ("Atlantis", column.once[0]):
        assert [*column.numbers(cell)] == [column.unseen, *column.rates.prior]
    assert column.rates.prior[0] == pytest.approx(np.mean([cells[0] for part, cells in made if part == "train"]))


def test_means_outside_the_fold_say_nothing_of_a_number_that_is_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    rows = [(row, text, f"{random.normal():.6f}") for row, text, _ in towns(levels=200, rows=2400)]
    assert text_column(judged(rows, task="regression")[1]).rates is None
    monkeypatch.setattr(target_rates, "MAX_SMOOTHING", math.inf)
    monkeypatch.setattr(target_rates, "smoothing_of", lambda _: 5.0)
    _, recipe, made = judged(rows, task="regression")
    column, text = text_column(recipe), {float(row[0]): row[1] for row in rows}
    train = [(cells[0], cells[3], [*column.numbers(text[cells[1]])][1]) for part, cells in made if part == "train"]
    y, outside, served = (
        np.array(of_rows) for of_rows in zip(*(row for row in train if row[1] == row[1]), strict=True)
    )
    deviation = 1 / len(y) ** 0.5
    assert np.corrcoef(y, outside)[0, 1] < 2 * deviation
    assert np.corrcoef(y, served)[0, 1] > 5 * deviation  # what a row would be told by its own number


@pytest.mark.parametrize("draw", ["normal", "lognormal", "exponential"])
def test_means_that_differ_by_chance_alone_are_no_rates(draw: str) -> None:
    """Long tails make the means of small levels differ more."""
    random = np.random.default_rng(0)
    found = 0
    for _ in range(120):
        sizes = random.integers(2, 40, random.integers(20, 300))
        numbers = {
            "normal": random.normal(5, 2, sizes.sum()),
            "lognormal": random.lognormal(0, 1.5, sizes.sum()),
            "exponential": random.exponential(1, sizes.sum()),
        }[draw]
        levels = [moments(some) for some in np.split(numbers, np.cumsum(sizes)[:-1])]
        difference = difference_of_numbers(levels, moments(numbers))
        found += difference is not None and smoothing_of(difference) is not None
    assert found <= 0.02 * 120


def moments(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    return (float(len(numbers)), *(float((numbers**power).sum()) for power in (1, 2, 4)))


def test_the_smoothing_of_means_is_the_variance_within_levels_by_that_between_them() -> None:
    random = np.random.default_rng(0)
    sizes = random.integers(5, 60, 2000)
    levels = [random.normal(random.normal(0, 1), 20**0.5, size) for size in sizes]
    difference = difference_of_numbers([moments(some) for some in levels], moments(np.concatenate(levels)))
    assert difference is not None
    assert smoothing_of(difference) == pytest.approx(20, rel=0.15)


def test_rows_of_one_group_are_in_one_fold() -> None:
    """Otherwise a row would learn its label from its group's other rows, which new data has not."""
    random = np.random.default_rng(0)
    rows: list[Row] = []
    for household in range(300):
        label = "ab"[random.integers(2)]
        rows += [(f"{household * 4 + i}.5", f"street {household // 2}", label, f"h{household}") for i in range(4)]
    _, recipe, made = judged(rows, "row,text,label,household", split={"group_by": "household"})
    column = next(column for column in recipe.columns if column.name == "text")
    assert isinstance(column, FrequencyRankColumn)
    assert column.rates is not None
    by_household: dict[int, set[float]] = {}
    for part, cells in made:
        if part == "train":
            by_household.setdefault(int(cells[1] // 4), set()).add(cells[3])
    assert {len(rates) for rates in by_household.values()} == {1}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_rows_that_are_read_again_for_lack_of_room_have_the_same_rates(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = with_numbers(towns()) if task == "regression" else towns()
    kept = judged(rows, task=task)
    monkeypatch.setattr(_Validation, "_has_room", lambda _: False)
    again = judged(rows, task=task)
    assert again[1] == kept[1]
    assert again[2] == kept[2]


def test_test_rows_that_equal_a_training_row_are_known_though_their_rates_differ() -> None:
    """What is left out tells them apart; what is used does not."""
    rows = [(text, label, f"ref-{i}-{i * 7919 % 10007}") for i, (_, text, label) in enumerate(towns(rows=600))]
    report, recipe, _ = judged(rows, "text,label,reference")
    assert any("#rate" in feature.name for feature in recipe.features)
    assert any("test rows equal a training row" in warning for warning in report.warnings)
