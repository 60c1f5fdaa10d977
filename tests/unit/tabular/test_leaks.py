"""Columns that give the target away are found, and honest columns are not, however strong they are."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from sluice.dataset.config import DatasetConfig, Leaks
from tabular import TableReport
from tabular.leaks import Candidate, Leak, LeakSample, find_leaks, look
from tests.search import examples
from tests.shared import shared_case, shared_table
from tests.unit.tabular.conftest import Judge

ROWS = 900


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - tables, no secrets


def leakage(report: TableReport) -> dict[str | None, str]:
    """Severity by column."""
    return {found.column: found.severity for found in report.findings if found.rule.value == "leakage"}


# The files that lie beside the repository.


def test_a_column_of_which_the_label_is_a_function_refuses_the_file(judge: Judge) -> None:
    path = shared_case("leak_many_to_one.csv")
    report = judge(path, target="happy").report
    assert (report.verdict, report.rules, leakage(report)) == ("rejected", ("leakage",), {"stars": "error"})
    assert "`0` up to 2.5, `1` above" in report.reasons[0]
    assert "`drop: [stars]`" in report.reasons[0]
    assert judge(path, target="happy", drop=["stars"]).report.verdict == "accepted"
    allowed = judge(path, target="happy", leaks={"allow": ["stars"]}).report
    assert (allowed.verdict, leakage(allowed)) == ("accepted", {})
    warned = judge(path, target="happy", leaks="warn").report
    assert (warned.verdict, leakage(warned)) == ("accepted", {"stars": "warning"})
    ignored = judge(path, target="happy", leaks="ignore").report
    assert (ignored.verdict, leakage(ignored)) == ("accepted", {})


def test_a_column_that_is_nearly_a_copy_is_warned_of(judge: Judge) -> None:
    report = judge(shared_case("leak_almost_a_copy.csv"), target="card_granted").report
    assert (report.verdict, leakage(report)) == ("accepted", {"spent_with_card": "warning"})


HONEST = {
    "adult.csv": "income",
    "telco-customer-churn.csv": "Churn",
    **{
        f"tables/{name}.csv": "label"
        for name in ("breast_cancer", "glass", "haberman", "ionosphere", "mammography", "oil", "phoneme", "pima")
    },
    **{f"tables/{name}.csv": "label" for name in ("sonar", "wine", "winequality")},
    "tables/bank_churn.csv": "Exited",
    "tables/diamonds_cut.csv": "cut",
    "tables/income9.csv": "INCOME",
    "tables/letter.csv": "lettr",
    "tables/mushrooms.csv": "type",
    "tables/soybean.csv": "Class",
    "tables/spam.csv": "type",
    "tables/vehicle.csv": "Class",
}


@pytest.mark.longer
@pytest.mark.parametrize(("name", "target"), HONEST.items())
def test_no_column_of_a_real_table_is_a_leak(judge: Judge, tmp_path: Path, name: str, target: str) -> None:
    """The odor of a mushroom tells 98.5 % of them apart, and so do the other columns."""
    lines = shared_table(name).read_bytes().splitlines(keepends=True)
    path = tmp_path / "table.csv"
    path.write_bytes(b"".join(lines[:12_001]))
    report = judge(path, target=target).report
    assert (report.verdict, leakage(report)) == ("accepted", {})


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_iris, load_wine])
def test_no_column_of_a_table_of_scikit_learn_is_a_leak(judge: Judge, load: Callable[..., Any]) -> None:
    report = judge(load(as_frame=True).frame.to_csv(index=False)).report
    assert (report.verdict, leakage(report)) == ("accepted", {})


# Siblings of them.

type Column = list[float] | list[str]


def frame(labels: Sequence[str], column: Column, others: Sequence[Column] = (), *, seed: int = 0) -> pl.DataFrame:
    """A sample as the census keeps it: the column is number 0, the others follow."""
    values: dict[str, pl.Series] = {}
    for i, cells in enumerate([column, *others]):
        series = pl.Series([None if cell in ("", None) else cell for cell in cells])
        if series.dtype == pl.String:
            known = series.is_not_null()
            for prefix, text in (("t", series.str.to_lowercase()), ("w", series.str.replace_all(r"[^\p{L}]+", ""))):
                values[f"{prefix}{i}"] = text.hash().zip_with(known, pl.Series([None], dtype=pl.UInt64))
        else:
            values[f"x{i}"] = series.cast(pl.Float64)
    keys = seeded(seed).sample(range(1 << 52), len(labels))
    return pl.DataFrame(
        {
            "key": pl.Series(keys, dtype=pl.UInt64),
            "label": pl.Series(labels).hash(),
            "u": pl.Series(keys, dtype=pl.UInt64),
            "rows": pl.Series([1] * len(labels), dtype=pl.Int64),
            **values,
        }
    )


def leaks_of(labels: Sequence[str], column: Column, others: Sequence[Column] = (), *, seed: int = 0) -> list[Leak]:
    sample = frame(labels, column, others, seed=seed)
    candidates = [Candidate(i, ordered=f"x{i}" in sample.columns) for i, _ in enumerate([column, *others])]
    return find_leaks(sample, sorted(set(labels)), candidates)


def noise(rng: random.Random, count: int = 2, rows: int = ROWS) -> list[Column]:
    """Columns that say nothing."""
    return [
        *([rng.gauss(0, 1) for _ in range(rows)] for _ in range(count)),
        [rng.choice("abcde") for _ in range(rows)],
    ]


def flipped(labels: list[str], share: float, rng: random.Random) -> list[str]:
    """A share of the rows of the rarest class, and as many others, get the label of another row."""
    rows = round(share * min(labels.count(label) for label in set(labels)))
    found = list(labels)
    for i in rng.sample(range(len(labels)), 2 * rows):
        found[i] = rng.choice([label for label in set(labels) if label != labels[i]])
    return found


def by_threshold(rng: random.Random, share: float) -> tuple[list[str], Column]:
    column = [rng.lognormvariate(3, 1) for _ in range(ROWS)]
    end = sorted(column)[int((1 - share) * ROWS)]
    return ["ja" if x > end else "nein" for x in column], column


def by_interval(rng: random.Random, share: float) -> tuple[list[str], Column]:
    column = [rng.uniform(-5, 5) for _ in range(ROWS)]
    low, high = sorted(column)[ROWS // 4], sorted(column)[ROWS // 4 + int(share * ROWS)]
    return [str(int(low < x < high)) for x in column], column


def by_levels(rng: random.Random, share: float) -> tuple[list[str], Column]:
    said = {True: ["paid in full", "Paid late", "written off"], False: ["open", "new", "in dispute", "reminded"]}
    true = [rng.random() < share for _ in range(ROWS)]
    return [str(t).lower() for t in true], [rng.choice(said[t]) for t in true]


def by_grade(rng: random.Random, share: float) -> tuple[list[str], Column]:
    """Several classes by the points."""
    column = [float(rng.randrange(101)) for _ in range(ROWS)]
    return ["ABCDE"[min(int(x // 21), 4)] for x in column], column


def by_missingness(rng: random.Random, share: float) -> tuple[list[str], Column]:
    true = [rng.random() < share for _ in range(ROWS)]
    return ["gone" if t else "here" for t in true], [f"2024-{1 + rng.randrange(12):02d}" if t else "" for t in true]


def by_zero(rng: random.Random, share: float) -> tuple[list[str], Column]:
    true = [rng.random() < share for _ in range(ROWS)]
    return ["gone" if t else "here" for t in true], [rng.lognormvariate(1, 1) if t else 0.0 for t in true]


def by_text(rng: random.Random, share: float) -> tuple[list[str], Column]:
    """The label stands in a text that differs from row to row."""
    true = [rng.random() < share for _ in range(ROWS)]
    return ["1" if t else "0" for t in true], [
        f"{'approved' if t else 'rejected'}-{rng.randrange(10**6)}" for t in true
    ]


KINDS = [by_threshold, by_interval, by_levels, by_grade, by_missingness, by_zero, by_text]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=examples(8), deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.2, 0.5), wrong=st.sampled_from([0.0, 0.0, 0.005, 0.01]))
def test_a_column_that_decides_the_label_is_found(
    kind: Callable[[random.Random, float], tuple[list[str], Column]], seed: int, share: float, wrong: float
) -> None:
    rng = seeded(seed)
    labels, column = kind(rng, share)
    leaks = leaks_of(flipped(labels, wrong, rng), column, noise(rng), seed=seed)
    assert [leak.position for leak in leaks] == [0]
    assert leaks[0].certain or wrong or share < 0.25


@settings(max_examples=examples(8), deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_rare_class_that_one_column_gives_away_is_found(seed: int) -> None:
    rng = seeded(seed)
    labels = ["1" if i < 60 else "0" for i in range(6000)]
    column = [rng.uniform(1, 9) if label == "1" else 0.0 for label in labels]
    (leak,) = leaks_of(labels, column, noise(rng, rows=6000), seed=seed)
    assert leak.position == 0


@settings(max_examples=examples(12), deadline=None)
@given(seed=st.integers(0, 10**6), apart=st.sampled_from([1.0, 2.0, 3.0, 3.3]))
def test_an_honest_column_is_no_leak_however_strong(seed: int, apart: float) -> None:
    """Classes that are 3.3 standard deviations apart have a ROC AUC of 0.99."""
    rng = seeded(seed)
    labels = [rng.choice(["no", "yes"]) for _ in range(ROWS)]
    column = [rng.gauss(apart * (label == "yes"), 1) for label in labels]
    assert leaks_of(labels, column, noise(rng), seed=seed) == []


@settings(max_examples=examples(10), deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(60, 2000))
def test_columns_that_say_nothing_are_no_leak(seed: int, rows: int) -> None:
    rng = seeded(seed)
    labels = [rng.choice("abc") for _ in range(rows)]
    assert leaks_of(labels, [str(rng.randrange(rows)) for _ in range(rows)], noise(rng, 5, rows), seed=seed) == []


def test_a_label_that_the_other_columns_tell_as_well_is_no_secret() -> None:
    rng = seeded(5)
    labels = [rng.choice(["no", "yes"]) for _ in range(ROWS)]
    sums: list[Column] = [[rng.gauss(2 * (label == "yes"), 1) for label in labels] for _ in range(6)]
    column = [rng.gauss(4.5 * (label == "yes"), 1) for label in labels]
    assert leaks_of(labels, column, sums) == []
    assert [leak.position for leak in leaks_of(labels, column, noise(rng))] == [0]


def test_a_column_is_not_taken_for_a_leak_for_what_luck_gives_one_of_many() -> None:
    """Of 400 columns with 8 filled cells one has all of them in the rare class sooner or later."""
    labels = ["1" if i % 50 == 0 else "0" for i in range(400)]
    column = [1.0 if label == "1" else None for label in labels]
    assert leaks_of(labels, column) == []  # type: ignore[arg-type]


def test_a_table_with_many_rows_of_one_machine_is_no_leak_of_the_label() -> None:
    rng = seeded(7)
    machines = [rng.randrange(90) for _ in range(ROWS)]
    labels = ["yes" if machine * 7919 % 13 < 6 else "no" for machine in machines]
    assert leaks_of(labels, [f"machine {machine:03d}" for machine in machines], noise(rng)) == []


def test_two_columns_that_give_the_label_away_are_both_found() -> None:
    rng = seeded(3)
    labels, column = by_zero(rng, 0.3)
    also = [rng.choice(["x", "y"]) if label == "gone" else "" for label in labels]
    leaks = leaks_of(labels, column, [also, *noise(rng)])
    assert [(leak.position, leak.certain) for leak in leaks] == [(0, True), (1, True)]


# The sample.


@settings(max_examples=examples(30), deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 400), st.sampled_from("aab")), max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_the_sample_does_not_depend_on_how_rows_are_split_and_merged(
    rows: list[tuple[int, str]], cuts: list[int], order: random.Random
) -> None:
    keyed = pl.DataFrame(
        {
            "key": pl.Series([key for key, _ in rows], dtype=pl.UInt64),
            "label": pl.Series([label for _, label in rows], dtype=pl.String).hash(),
            "rows": pl.Series([1] * len(rows), dtype=pl.Int64),
            "x0": pl.Series([float(key) for key, _ in rows], dtype=pl.Float64),
        }
    )
    whole = LeakSample(50)
    whole.add(keyed)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    samples = []
    for start, stop in itertools.pairwise(bounds):
        sample = LeakSample(50)
        sample.add(keyed[start:stop])
        samples.append(sample)
    order.shuffle(samples)
    merged = LeakSample(50)
    for sample in samples:
        merged.merge(sample)
    expected, found = whole.rows(), merged.rows()
    assert (expected is None) == (found is None) == (not rows)
    if expected is not None and found is not None:
        assert found.equals(expected)
        assert found.height <= 50
        assert found["rows"].sum() <= len(rows)


def csv(labels: Sequence[str], columns: dict[str, Column]) -> str:
    rows = zip(labels, *columns.values(), strict=True)
    return "\n".join([",".join(["label", *columns]), *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_the_sample_of_a_file_is_bounded_and_made_of_training_rows(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[pl.DataFrame] = []

    def noted(sample: pl.DataFrame, *_: object) -> list[Leak]:
        seen.append(sample)
        return []

    monkeypatch.setattr("tabular.leak_findings.find_leaks", noted)
    rng = seeded(1)
    labels, column = by_threshold(rng, 0.4)
    judged = judge(csv(labels, {"spent": column, "twice": [i // 2 * 1.0 for i in range(ROWS)]}))
    (sample,) = seen
    assert sample["rows"].sum() == judged.report.rows.train == sample.height
    monkeypatch.setattr("tabular.census.sample_size", lambda columns: 100)
    judge(csv(labels, {"spent": column}))
    assert seen[1].height == 100
    assert seen[1].group_by("label").len()["len"].to_list() == [50, 50]


# What is said.


@pytest.mark.parametrize("kind", KINDS)
def test_dropping_or_allowing_the_column_as_the_sentence_says_leads_to_acceptance(
    judge: Judge, kind: Callable[[random.Random, float], tuple[list[str], Column]]
) -> None:
    rng = seeded(11)
    labels, column = kind(rng, 0.4)
    text = csv(labels, {"name, with: signs": column, "a": noise(rng)[0]}).replace(
        "name, with: signs", '"name, with: signs"', 1
    )
    report = judge(text).report
    if column == [""] or report.columns[1].use == "dropped":  # text that differs in every row is left out anyhow
        return
    assert (report.verdict, leakage(report)) == ("rejected", {"name, with: signs": "error"}), report.reasons
    (said,) = [found.what for found in report.findings]
    assert '`drop: ["name, with: signs"]`' in said
    assert '`leaks: {allow: ["name, with: signs"]}`' in said
    assert judge(text, drop=["name, with: signs"]).report.verdict == "accepted"
    assert judge(text, leaks={"allow": ["name, with: signs"]}).report.verdict == "accepted"


def test_the_sentence_says_how_the_column_tells_the_label(judge: Judge) -> None:
    rng = seeded(2)
    others: dict[str, Column] = {"a": noise(rng)[0]}

    def said(labels: list[str], column: Column) -> str:
        return judge(csv(labels, {"told": column, **others})).report.reasons[0]

    dates: Column = [f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(ROWS)]
    assert "(`early` up to 2024-06-" in said(["late" if str(d) > "2024-06-15" else "early" for d in dates], dates)
    kinds: Column = [("bus", "tram", "car", "bike")[i % 4] for i in range(ROWS)]
    assert "`yes` for `bus`, `tram`)" in said(["yes", "yes", "no", "no"] * (ROWS // 4), kinds)
    filled: Column = [f"{i % 97}.5" if i % 3 else "" for i in range(ROWS)]
    assert "(`yes` with a value, `no` without a value)" in said(["yes" if i % 3 else "no" for i in range(ROWS)], filled)


def test_an_allowed_copy_of_the_target_is_used(judge: Judge) -> None:
    rng = seeded(4)
    labels, _ = by_threshold(rng, 0.4)
    text = csv(labels, {"copy": [label.upper() for label in labels], "a": noise(rng)[0]})
    report = judge(text).report
    assert (report.verdict, leakage(report), report.columns[1].use) == ("accepted", {"copy": "warning"}, "dropped")
    for leaks in ({"allow": ["copy"]}, "ignore"):
        report = judge(text, leaks=leaks).report
        assert (report.verdict, leakage(report), report.columns[1].use) == ("accepted", {}, "one_hot")


def test_a_column_that_is_allowed_but_not_there_is_refused(judge: Judge) -> None:
    report = judge(csv(["a", "b"] * 60, {"x": [i * 1.7 % 3 for i in range(120)]}), leaks={"allow": ["y"]}).report
    assert report.rules == ("leaks_unknown",)


def test_a_group_is_in_one_half_of_the_sample(judge: Judge) -> None:
    """Otherwise a column of machines would tell the label of rows that were fitted on."""
    rng = seeded(6)
    machines = [i // 30 for i in range(ROWS)]
    labels = ["yes" if machine * 7919 % 13 < 6 else "no" for machine in machines]
    text = csv(
        labels, {"machine": [f"m{m}" for m in machines], "site": [f"s{m}" for m in machines], "a": noise(rng)[0]}
    )
    assert leakage(judge(text, split={"group_by": "machine"}).report) == {}


def test_the_action_alone_is_short_for_the_section() -> None:
    assert DatasetConfig.model_validate({"leaks": "warn"}).leaks == Leaks(action="warn")


@settings(max_examples=examples(30), deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 90), st.sampled_from("aaab")), min_size=1, max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    late=st.integers(0, 3),
)
def test_a_chunk_leaves_out_no_row_that_the_sample_keeps(
    rows: list[tuple[int, str]], cuts: list[int], late: int
) -> None:
    """Whether the chunk knows the limits of the sample, or none yet, or those of some chunks ago."""
    table = pl.DataFrame(
        {
            "u": pl.Series([key for key, _ in rows], dtype=pl.UInt64),
            "label": pl.Series([label for _, label in rows], dtype=pl.String),
            "c4": pl.Series([f"text {key}" for key, _ in rows], dtype=pl.String),
        }
    )
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    sample, whole = LeakSample(45), LeakSample(1000)
    limits = [sample.limits] * (late + 1)
    for start, stop in itertools.pairwise(bounds):
        some = table[start:stop]
        for into, known in ((sample, limits[-late - 1]), (whole, whole.limits)):
            into.add(look(some, some["label"].unique(), some["u"], known, [], ["c4"], [""]))
        limits.append(sample.limits)
    kept, found = sample.rows(), whole.rows()
    assert kept is not None
    assert found is not None
    most = max(45 // found["label"].n_unique(), 20)
    assert kept.equals(found.filter(pl.int_range(pl.len()).over("label") < most))
