"""The cuts of the split: each class has its share in each part, to the row, whatever the sizes and repetitions."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.dataset.config import Split
from sluice.dataset.recipe import FrequencyRankColumn
from sluice.evaluation.split import HASH_BITS
from tabular import census, chunks
from tabular.ranks import Cuts, Ranks, count_ranks, fitting_cuts, usual_cuts
from tests.search import examples
from tests.shared import shared_case, shared_table
from tests.unit.tabular.conftest import Judge, Judged, table

RANGE = 1 << HASH_BITS
LABEL = pl.col("label")


def rows_of(counted: Iterable[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame(list(counted), {"label": pl.String, "u": pl.UInt64}, orient="row")


def found_in(ranks: Ranks) -> dict[str, tuple[int, list[tuple[int, int]]]]:
    return {stratum: (ranks.width(stratum), list(keys.iter_rows())) for stratum, keys in ranks.strata()}


def keys_of(weights: Sequence[int], seed: int = 0) -> pl.DataFrame:
    """Blocks of so many equal rows, at places drawn at random."""
    draws = random.Random(seed)  # noqa: S311 - places, no secret
    places = sorted(draws.sample(range(RANGE), len(weights)))
    return pl.DataFrame(
        {"u": places, "rows": draws.sample(list(weights), len(weights))}, {"u": pl.UInt64, "rows": pl.Int64}
    )


def part_of(u: int, cuts: Cuts) -> str:
    if any(start <= u < end for start, end in cuts.trained):
        return "train"
    return "test" if u < cuts.test else "validation" if u < cuts.validation else "train"


def rows_by_part(keys: pl.DataFrame, cuts: Cuts) -> Counter[str]:
    counts: Counter[str] = Counter()
    for u, rows in keys.iter_rows():
        counts[part_of(u, cuts)] += rows
    return counts


# Counting.

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, RANGE - 1)), min_size=1, max_size=120)


@given(rows=ROWS, data=st.data(), max_keys=st.sampled_from([4, 16, 1000]))
@settings(max_examples=examples(80), deadline=None)
def test_counts_merge_in_any_order_whatever_was_counted_together(
    rows: list[tuple[str, int]], data: st.DataObject, max_keys: int
) -> None:
    at_once = Ranks(max_keys)
    at_once.add(count_ranks(rows_of(rows), LABEL, {}))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    pieces = [rows[start:end] for start, end in itertools.pairwise([0, *cuts, len(rows)])]
    counted = []
    for piece in data.draw(st.permutations(pieces)):
        ranks = Ranks(max_keys)
        half = len(piece) // 2
        for some in (piece[half:], piece[:half]):
            # As the census does: each chunk with the resolution that is known when it is measured.
            ranks.add(count_ranks(rows_of(some), LABEL, ranks.widths()))
        counted.append(ranks)
    while len(counted) > 1:
        into = counted.pop(data.draw(st.integers(0, len(counted) - 1)))
        counted[0].merge(into)
    assert found_in(counted[0]) == found_in(at_once)
    assert all(len(keys) <= max_keys for _, keys in found_in(at_once).values())
    assert sum(count for _, keys in found_in(at_once).values() for _, count in keys) == len(rows)


def test_few_different_rows_are_counted_exactly() -> None:
    ranks = Ranks(4)
    ranks.add(count_ranks(rows_of([("a", 7), ("a", 7), ("a", 8), ("b", 7)]), LABEL, {}))
    assert found_in(ranks) == {"a": (1, [(7, 2), (8, 1)]), "b": (1, [(7, 1)])}


# Cutting.

SHARES = st.tuples(st.floats(0.02, 0.45), st.floats(0.02, 0.45)).map(
    lambda pair: Split(test=round(pair[0], 3), validation=round(pair[1], 3))
)


@given(rows=st.integers(3, 3000), split=SHARES, seed=st.integers(0, 1000))
@settings(max_examples=examples(150), deadline=None)
def test_different_rows_are_cut_at_their_shares_to_the_row(rows: int, split: Split, seed: int) -> None:
    keys = keys_of([1] * rows, seed)
    cuts = fitting_cuts(keys, 1, split)
    assert cuts is not None
    counts = rows_by_part(keys, cuts)
    assert counts["test"] == pytest.approx(split.test * rows, abs=0.5 + 1e-6) or counts["test"] == 1
    held = counts["test"] + counts["validation"]
    assert held == pytest.approx((split.test + split.validation) * rows, abs=0.5 + 1e-6) or counts["validation"] == 1
    assert counts["train"] >= 1
    assert not cuts.trained


@given(
    weights=st.lists(st.integers(1, 6), min_size=60, max_size=400),
    split=st.sampled_from([Split(), Split(test=0.1, validation=0.2), Split(test=0.3, validation=0.3)]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=examples(80), deadline=None)
def test_repeated_rows_cost_half_of_the_largest_block_at_most(weights: list[int], split: Split, seed: int) -> None:
    keys = keys_of(weights, seed)
    cuts = fitting_cuts(keys, 1, split)
    assert cuts is not None
    counts = rows_by_part(keys, cuts)
    total = sum(weights)
    assert abs(counts["test"] - split.test * total) <= max(weights) / 2
    assert abs(counts["test"] + counts["validation"] - (split.test + split.validation) * total) <= max(weights) / 2


@pytest.mark.parametrize("percent", range(10, 100, 10))
@pytest.mark.parametrize("seed", range(6))
def test_a_block_of_equal_rows_trains_and_the_others_fill_the_parts(percent: int, seed: int) -> None:
    rows = 600
    block = rows * percent // 100
    keys = keys_of([block, *[1] * (rows - block)], seed)
    cuts = fitting_cuts(keys, 1, Split())
    assert cuts is not None
    counts = rows_by_part(keys, cuts)
    (place,) = keys.filter(pl.col("rows") == block)["u"]
    assert part_of(place, cuts) == "train"
    # Half of the other rows at most: training must have some of them, too.
    wanted = min(0.15 * rows, 0.25 * (rows - block))
    assert counts["test"] == pytest.approx(wanted, abs=0.5)
    assert counts["validation"] == pytest.approx(wanted, abs=1)


@given(weights=st.lists(st.integers(1, 2000), min_size=3, max_size=40), split=SHARES, seed=st.integers(0, 50))
@settings(max_examples=examples(150), deadline=None)
def test_every_part_has_rows_if_there_are_three_different_ones(weights: list[int], split: Split, seed: int) -> None:
    keys = keys_of(weights, seed)
    cuts = fitting_cuts(keys, 1, split)
    assert cuts is not None
    counts = rows_by_part(keys, cuts)
    assert all(counts[part] > 0 for part in ("train", "validation", "test"))
    assert sum(counts.values()) == sum(weights)


def test_two_different_rows_cannot_be_in_three_parts() -> None:
    assert fitting_cuts(keys_of([5, 9]), 1, Split()) is None


@given(rows=st.integers(3000, 20_000), seed=st.integers(0, 20), share=st.sampled_from([0.02, 0.15, 0.3]))
@settings(max_examples=examples(20), deadline=None)
def test_the_cuts_of_a_large_stratum_stay_where_they_are(rows: int, seed: int, share: float) -> None:
    split = Split(test=share, validation=share)
    draws = random.Random(seed)  # noqa: S311 - places, no secret
    ranks = Ranks(1000)
    ranks.add(count_ranks(rows_of(("a", draws.randrange(RANGE)) for _ in range(rows)), LABEL, {}))
    ((stratum, keys),) = ranks.strata()
    assert ranks.width(stratum) > 1
    assert fitting_cuts(keys, ranks.width(stratum), split) == usual_cuts(split)


def test_a_block_in_a_large_stratum_trains() -> None:
    draws = random.Random(3)  # noqa: S311 - places, no secret
    block = RANGE // 20 + 12345
    places = [*(draws.randrange(RANGE) for _ in range(20_000)), *[block] * 10_000]
    ranks = Ranks(1000)
    ranks.add(count_ranks(rows_of(("a", u) for u in places), LABEL, {}))
    ((stratum, keys),) = ranks.strata()
    cuts = fitting_cuts(keys, ranks.width(stratum), Split())
    assert cuts is not None
    assert part_of(block, cuts) == "train"
    counts = Counter(part_of(u, cuts) for u in places)
    assert counts["test"] == pytest.approx(4500, abs=30)
    assert counts["validation"] == pytest.approx(4500, abs=60)


# Through the whole validation.


def part_counts(judged: Judged) -> dict[str, dict[str, int]]:
    assert judged.report.verdict == "accepted", judged.report.reasons
    counts = judged.report.class_counts
    for part, rows in counts.items():
        written = Counter(judged.report.classes[int(row[0])] for row in judged.part(part))
        assert written == rows, "what is counted is what is written"
    return counts


def test_a_small_table_has_its_share_of_each_class_in_each_part(judge: Judge) -> None:
    for seed in range(5):
        counts = part_counts(judge(shared_case("small_stratified.csv"), target="label", split={"seed": seed}))
        assert sum(counts["test"].values()) in (22, 23)
        assert counts["test"]["yes"] in (4, 5)
        assert counts["validation"]["yes"] in (4, 5)


@given(
    sizes=st.lists(st.integers(10, 90), min_size=2, max_size=6).filter(lambda sizes: sum(sizes) >= 60),
    split=st.sampled_from([{}, {"test": 0.1, "validation": 0.2}, {"test": 0.25, "validation": 0.25}]),
    seed=st.integers(0, 99),
)
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_classes_of_any_sizes_have_their_shares_in_each_part(
    sizes: list[int], split: dict[str, float], seed: int, judge: Judge
) -> None:
    draws = random.Random(seed)  # noqa: S311 - a table, no secret
    labels = [f"k{i}" for i, size in enumerate(sizes) for _ in range(size)]
    rows = [f"{draws.random():.6f},{draws.random():.6f},{label}" for label in draws.sample(labels, len(labels))]
    judged = judge(table(rows, "a,b,label"), split={**split, "seed": seed})
    counts = part_counts(judged)
    test, held = split.get("test", 0.15), split.get("test", 0.15) + split.get("validation", 0.15)
    for i, size in enumerate(sizes):
        of_class = {part: rows[f"k{i}"] for part, rows in counts.items()}
        assert abs(of_class["test"] - test * size) <= 0.5 + 1e-6
        assert abs(of_class["test"] + of_class["validation"] - held * size) <= 0.5 + 1e-6


@pytest.mark.parametrize("percent", [10, 35, 60, 90])
def test_a_repeated_row_does_not_fill_a_part(judge: Judge, percent: int) -> None:
    rows = 400
    block = rows * percent // 100
    draws = random.Random(percent)  # noqa: S311 - a table, no secret
    lines = [f"{draws.random():.6f},{'yn'[i % 5 != 0]}" for i in range(rows - block)] + ["0.5,y"] * block
    judged = judge(table(draws.sample(lines, rows), "a,label"), positive="y")
    part_counts(judged)
    assert ["1", "0.5"] not in [*judged.part("test"), *judged.part("validation")]
    assert judged.part("train").count(["1", "0.5"]) == block


def mixed(rows: int, seed: int) -> list[str]:
    """One class is large, one small, one of the size between."""
    draws = random.Random(seed)  # noqa: S311 - a table, no secret
    labels = draws.choices(["often", "seldom", "rare"], [0.9, 0.08, 0.02], k=rows)
    return [f'{draws.random():.6f},"{draws.choice("abc")}, {i % 11}",{label}' for i, label in enumerate(labels)]


@pytest.mark.longer
@pytest.mark.parametrize("room", [True, False])
@pytest.mark.parametrize("odd", [True, False])
def test_rows_whose_part_is_open_are_counted_as_all_others(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, room: bool, odd: bool
) -> None:
    """A file of many chunks, with and without room to keep them, where one class is soon large and others are not."""
    monkeypatch.setattr(chunks, "_CHUNK_BYTES", 4096)
    monkeypatch.setattr(census, "MAX_RANKED", 300)
    if not room:
        monkeypatch.setattr("tabular.validate._ROOM", 1e12)
    lines = mixed(3000, 4)
    if odd:
        monkeypatch.setattr(chunks, "_MAX_PIECES", 0)
        lines[700] += ",too many"
    judged = judge(table(lines, "a,kind,label"))
    counts = part_counts(judged)
    for label in ("seldom", "rare"):
        rows = sum(by_label[label] for by_label in counts.values())
        assert abs(counts["test"][label] - 0.15 * rows) <= 0.5
    held_out = (judged.out / "held_out" / "rows.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [float(line.partition(",")[0]) for line in held_out] == [float(row[1]) for row in judged.part("test")]
    assert held_out == [line for line in lines if line in set(held_out)], "rows and their order are the file's"
    ranked = {column.name: column for column in judged.recipe.columns}["kind"]
    assert isinstance(ranked, FrequencyRankColumn)
    train = Counter(line.split('"')[1] for line in lines if float(line.partition(",")[0]) in trained(judged))
    assert train[ranked.levels[0]] == max(train.values()), "levels are ranked by the training part alone"


def trained(judged: Judged) -> set[float]:
    return {float(row[1]) for row in judged.part("train")}


def counted_passes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Gets an item for each pass over a file."""
    passes: list[Path] = []
    take = census.Census.take

    def counted(self: census.Census, path: Path) -> None:
        passes.append(path)
        take(self, path)

    monkeypatch.setattr(census.Census, "take", counted)
    return passes


def test_a_block_that_is_seen_late_costs_a_second_pass_and_no_more(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_CHUNK_BYTES", 4096)
    monkeypatch.setattr(census, "MAX_RANKED", 300)
    passes = counted_passes(monkeypatch)
    for seed in range(12):
        passes.clear()
        judged = judge(table([*mixed(2000, 5), *["0.5,x,often"] * 1500], "a,kind,label"), split={"seed": seed})
        counts = part_counts(judged)
        assert 0.5 not in {float(row[1]) for row in [*judged.part("test"), *judged.part("validation")]}
        rows = sum(by_label["often"] for by_label in counts.values())
        assert counts["test"]["often"] == pytest.approx(0.15 * rows, rel=0.12)
        if len(passes) == 2:
            return
    pytest.fail("in none of the splits did the block fall into a part that was counted already")


def test_a_table_of_one_pass_has_one_pass(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = counted_passes(monkeypatch)
    judge(table([line.replace('"', "").replace(", ", "-") for line in mixed(800, 6)], "a,kind,label"))
    assert len(passes) == 1


# Groups.


def grouped(sizes: Sequence[int], seed: int = 0) -> list[str]:
    draws = random.Random(seed)  # noqa: S311 - a table, no secret
    rows = [
        f"G{group},{draws.random():.6f},{'yn'[draws.random() < 0.3]}"
        for group, size in enumerate(sizes)
        for _ in range(size)
    ]
    return draws.sample(rows, len(rows))


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_have_their_shares_as_far_as_groups_allow(judge: Judge, seed: int) -> None:
    sizes = [1 + i * 7 % 30 for i in range(90)]
    judged = judge(table(grouped(sizes, seed), "customer,a,label"), split={"group_by": "customer", "seed": seed})
    part_counts(judged)
    rows = judged.report.rows
    assert abs(rows.test - 0.15 * sum(sizes)) <= 15
    assert abs(rows.test + rows.validation - 0.3 * sum(sizes)) <= 15


@pytest.mark.parametrize("seed", range(4))
def test_a_group_that_is_larger_than_a_part_trains(judge: Judge, seed: int) -> None:
    sizes = [400, *[3] * 200]
    rows = grouped(sizes, seed)
    judged = judge(table(rows, "customer,a,label"), split={"group_by": "customer", "seed": seed})
    part_counts(judged)
    large = {float(row.split(",")[1]) for row in rows if row.startswith("G0,")}
    assert large <= trained(judged)
    assert abs(judged.report.rows.test - 150) <= 3
    assert abs(judged.report.rows.validation - 150) <= 3


# Real tables.

REAL = [
    "glass",
    "soybean",
    "bank_churn",
    "breast_cancer",
    "diamonds_cut",
    "haberman",
    "income9",
    "ionosphere",
    "letter",
    "mammography",
    "mushrooms",
    "oil",
    "phoneme",
    "pima",
    "sonar",
    "spam",
    "taxis_pay",
    "vehicle",
    "wine",
    "winequality",
]


@pytest.mark.longer
@pytest.mark.parametrize("name", REAL)
def test_real_tables_have_their_shares_of_each_class(judge: Judge, name: str) -> None:
    """As far as equal rows allow; at most 6,000 rows of each."""
    config = json.loads(shared_table("tables/tables.json").read_text(encoding="utf-8"))[name]
    lines = shared_table(f"tables/{name}.csv").read_text(encoding="utf-8").splitlines()
    judged = judge("\n".join(lines[:6001]) + "\n", max_rejected_share=0.5, **config)
    if judged.report.verdict == "rejected":
        assert set(judged.report.rules) == {"class_too_small"}, judged.report.reasons
        return
    counts = part_counts(judged)
    warned = any(finding.rule == "small_test_part" for finding in judged.report.findings)
    assert warned == (min(counts["test"].values()) < 5)
    repeated = max(Counter(lines[1:6001]).values())
    for label in judged.report.classes:
        rows = sum(by_label[label] for by_label in counts.values())
        assert abs(counts["test"][label] - 0.15 * rows) <= repeated / 2
        assert abs(counts["test"][label] + counts["validation"][label] - 0.3 * rows) <= repeated / 2
