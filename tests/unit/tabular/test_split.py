"""The split: by content and seed alone, so the same row always lands in the same part."""

from __future__ import annotations

import random

import xxhash

from tests.unit.tabular.conftest import HEADER, Judge, Judged, data_rows, table

RANDOM = random.Random(5)  # noqa: S311 - a table to split, no secret
ROWS = [
    f"{score / 1e6:.6f},{RANDOM.choice('abc')},{'yes' if RANDOM.random() < 0.3 else 'no'}"
    for score in RANDOM.sample(range(1000, 10**6), 3000)
]
SMALL_HEADER = "score,kind,label"


def places(judged: Judged) -> dict[str, str]:
    """The part of each row, by its score."""
    return {row[1]: part for part in ("train", "validation", "test") for row in judged.part(part)}


def test_a_row_keeps_its_part_when_rows_come_and_go_and_change_places(judge: Judge) -> None:
    before = places(judge(table(ROWS[:2000], SMALL_HEADER)))
    after = places(judge(table(list(reversed(ROWS[500:])), SMALL_HEADER)))
    shared = before.keys() & after.keys()
    assert len(shared) == 1500
    assert all(before[row] == after[row] for row in shared)


def test_a_row_keeps_its_part_when_columns_change_places(judge: Judge) -> None:
    turned = [",".join(reversed(row.split(","))) for row in ROWS]
    judged = judge(table(turned, "label,kind,score"))
    score = 1 + [feature.name for feature in judged.recipe.features].index("score")
    moved = {row[score]: part for part in ("train", "validation", "test") for row in judged.part(part)}
    assert moved == places(judge(table(ROWS, SMALL_HEADER)))


def test_the_hash_is_xxh64_as_any_engine_computes_it(judge: Judge) -> None:
    """Pins the split across engine versions: the columns by name, unit separators, the seed first, 52 bits."""
    judged = judge(table(ROWS, SMALL_HEADER), split={"seed": 7, "validation": 0.2, "test": 0.1})
    placed = places(judged)
    for row in ROWS:
        score, kind, label = row.split(",")
        u = (xxhash.xxh64("\x1f".join(["7", kind, label, score]).encode()).intdigest() >> 12) / 2**52
        expected = "test" if u < 0.1 else "validation" if u < 0.3 else "train"
        assert placed[str(float(score))] == expected, row


def test_another_seed_gives_another_split(judge: Judge) -> None:
    content = table(ROWS, SMALL_HEADER)
    assert places(judge(content)) != places(judge(content, split={"seed": 1}))


def test_duplicates_land_together(judge: Judge) -> None:
    judged = judge(table(ROWS[:200] * 3, SMALL_HEADER))
    parts = [{row[1] for row in judged.part(part)} for part in ("train", "validation", "test")]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert "400 rows repeat another row exactly" in judged.report.warnings[0]


def test_shares_are_those_asked_for_in_each_class(judge: Judge) -> None:
    report = judge(table(ROWS, SMALL_HEADER), split={"validation": 0.2, "test": 0.1}).report
    for label in report.classes:
        total = sum(counts[label] for counts in report.class_counts.values())
        assert abs(report.class_counts["validation"][label] / total - 0.2) < 0.05
        assert abs(report.class_counts["test"][label] / total - 0.1) < 0.05


def test_a_small_class_is_in_every_part_whatever_the_seed(judge: Judge) -> None:
    rows = [row.replace("yes", "no") if i > 27 else row for i, row in enumerate(data_rows())]
    for seed in range(8):
        report = judge(table(rows, HEADER), split={"seed": seed}).report
        assert report.verdict == "accepted"
        assert all(counts["yes"] > 0 for counts in report.class_counts.values()), seed


def copies(rows: int = 300) -> list[str]:
    """Each case three times, told apart by a code alone."""
    return [f"C{i * 7919 % 10007},{row}" for i, row in enumerate([*data_rows(rows)] * 3)]


def test_what_is_dropped_does_not_tell_rows_apart(judge: Judge) -> None:
    judged = judge(table(copies(), "code," + HEADER), drop=["code"])
    parts = [{tuple(row) for row in judged.part(part)} for part in ("train", "validation", "test")]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    (warning,) = judged.report.warnings
    assert "600 rows repeat another row exactly, `drop` columns apart" in warning


def test_the_same_case_in_training_and_test_data_is_warned_of(judge: Judge) -> None:
    judged = judge(table(copies(), "code," + HEADER))
    train = {tuple(row) for row in judged.part("train")}
    again = sum(tuple(row) in train for row in judged.part("test"))
    assert again > 0
    (warning,) = judged.report.warnings
    assert f"{again} of {judged.report.rows.test} test rows equal a training row in the label" in warning
    assert "List the columns that tell such rows apart under `drop`" in warning


def test_everything_dropped_is_still_an_answer(judge: Judge) -> None:
    names = [name for name in HEADER.split(",") if name != "label"]
    assert judge(table(), drop=names).report.rules == ("no_features",)
    assert judge(table(), drop=[*names, "label"]).report.rules == ("target_dropped",)


def test_a_training_part_too_small_to_learn_from_is_refused(judge: Judge) -> None:
    reports = [
        judge(table(data_rows(80)), split={"validation": 0.45, "test": 0.45, "seed": seed}).report for seed in range(4)
    ]
    assert {report.rules for report in reports} == {("split_impossible",)}
    reason = next(report.reasons[0] for report in reports if "of 80 rows are left to train on" in report.reasons[0])
    assert reason.startswith("table.csv: only ")
    assert "20 are needed" in reason
    assert "set smaller shares" in reason


def test_a_class_too_small_to_learn_from_is_refused(judge: Judge) -> None:
    rows = [row.replace("yes", "no") if i > 27 else row for i, row in enumerate(data_rows(400))]
    shares = {"validation": 0.45, "test": 0.45}
    refusals = [judge(table(rows), split={**shares, "seed": seed}).report.reasons for seed in range(6)]
    assert any("rows of class `yes` are left to train on; 3 are needed" in "".join(reasons) for reasons in refusals)
