from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gates
from benchmarks.gates import RULES, Judged, check, interval, judged, report
from benchmarks.model_jobs import trials
from benchmarks.model_jobs.tables import Table
from benchmarks.model_jobs.trials import Trial, kept_trial, make_trial

LABELS = np.arange(120) % 2
USELESS = Trial(
    table="one",
    size=400,
    seed=0,
    exchanged=1.0,
    labels=LABELS,
    scores=np.random.default_rng(0).uniform(0.4, 0.6, 120),
    shares=np.array([0.5, 0.5]),
    true_share=1.01,
    losses=np.full(400, 0.70),
    baseline=np.full(400, 0.69),
    units=np.arange(400),
    times=1,
    folds=5,
)
GOOD = replace(
    USELESS,
    exchanged=0.0,
    scores=np.where(LABELS == 1, 0.8, 0.2),
    true_share=0.4,
    losses=np.random.default_rng(1).normal(0.28, 0.1, 400),
)


def plain_table(folder: Path, rows: int = 400) -> Table:
    rng = np.random.default_rng(1)
    lines = ["a,b,label"]
    for _ in range(rows):
        a, b = rng.normal(size=2)
        lines.append(f"{a:.4f},{b:.4f},{'yes' if a + 0.3 * rng.normal() > 0 else 'no'}")
    path = folder / "plain.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Table("plain", path, "label")


def cells(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


def test_a_trial_is_of_a_model_that_the_columns_help_or_do_not(tmp_path: Path) -> None:
    table = plain_table(tmp_path)
    useless, good = (make_trial(table, 150, 0, exchanged) for exchanged in (1.0, 0.0))
    assert useless is not None
    assert good is not None
    assert good.true_share < 0.6
    assert useless.true_share > 0.95
    assert useless.labels.size == useless.scores.size == pytest.approx(0.15 * 150, abs=3)
    assert useless.shares.sum() == pytest.approx(1)
    for trial, ok in ((useless, False), (good, True)):
        folds = trial.cross_validation()
        assert folds is not None
        assert (folds.rows, folds.folds, folds.times) == (150, 5, 3)
        assert (folds.interval[1] < 0.9) is ok


def test_labels_are_exchanged_between_rows_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[list[str]]] = {}

    def remember(sample: Table, folder: Path, *_: object) -> None:
        seen.update({name: cells(folder / f"{name}.csv") for name in ("sample", "others")})

    table = plain_table(tmp_path)
    monkeypatch.setattr(trials, "_trial", remember)
    truth = {tuple(row[:2]): row[2] for row in cells(table.path)}
    for exchanged in (0.0, 0.7, 1.0):
        make_trial(table, 150, 0, exchanged)
        for name, rows in (("sample", 150), ("others", 250)):
            _, *found = seen[name]
            assert len(found) == rows
            before = [truth[row[0], row[1]] for row in found]
            assert sorted(before) == sorted(row[2] for row in found)
            moved = np.mean([own != row[2] for own, row in zip(before, found, strict=True)])
            assert moved == pytest.approx(exchanged / 2, abs=0.12)


def test_a_trial_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, cache = plain_table(tmp_path), tmp_path / "cache"
    monkeypatch.setattr(trials, "make_trial", lambda *_: USELESS)
    kept = kept_trial(table, 60, 0, 1.0, cache)
    assert kept is not None
    found = Trial.load(kept)
    assert (found.scores == USELESS.scores).all()
    assert found.cross_validation() == USELESS.cross_validation()
    assert (found.table, found.size, found.true_share) == (USELESS.table, USELESS.size, USELESS.true_share)
    monkeypatch.setattr(trials, "make_trial", lambda *_: None)
    assert kept_trial(table, 60, 0, 1.0, cache) == kept
    assert kept_trial(table, 60, 1, 1.0, cache) is None


def test_a_table_that_leaves_too_few_rows_to_tell_the_truth_has_no_trial(tmp_path: Path) -> None:
    table = plain_table(tmp_path, rows=220)
    assert make_trial(table, 60, 0, 1.0) is not None
    assert make_trial(table, 100, 0, 1.0) is None


def test_every_rule_judges_a_model() -> None:
    assert judged(USELESS).passed == dict.fromkeys(RULES, False)
    assert judged(GOOD).passed == dict.fromkeys(RULES, True)


def test_the_default_is_about_all_rows_of_a_small_table_and_can_be_seen_without_them() -> None:
    """The held-out rows were lucky."""
    lucky = replace(GOOD, losses=USELESS.losses)
    passed = judged(lucky).passed
    assert (passed["default"], passed["default by held-out rows"]) == (False, True)
    assert judged(replace(lucky, times=0)).passed["default"], "it is no small table"


@pytest.mark.parametrize(("passing", "met"), [(1, True), (2, False)])
def test_the_default_may_let_one_useless_model_of_a_hundred_through(passing: int, met: bool) -> None:
    found = [Judged(USELESS, None, dict.fromkeys(RULES, place < passing)) for place in range(100)]
    ratio = check([*found, Judged(GOOD, None, dict.fromkeys(RULES, True))])
    assert ratio.met is met
    assert ratio.value.startswith(f"{passing} of 100, {passing}.00% (95 % interval")


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = interval(1, 100)
    assert (low, high) == pytest.approx((0.00177, 0.05446), abs=1e-4)
    assert interval(0, 100)[0] == 0


def test_the_report_has_a_line_for_each_rule_and_each_kind_of_model() -> None:
    lines = list(report([judged(USELESS), judged(GOOD)]))
    assert lines[0].startswith("useless")
    assert [line.split()[-1] for line in lines if line.startswith("  default ")] == ["0.0%", "0.0%", "100.0%", "100.0%"]
    (held,) = (after for before, after in itertools.pairwise(lines) if before.startswith("intervals over all rows"))
    assert "1 of 2" in held, "of the good model the interval holds 0.4"


def test_an_unknown_table_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert gates.main(["--tables", "nowhere", "--cache", str(tmp_path)]) == 2
    assert "no such table: nowhere" in capsys.readouterr().err
