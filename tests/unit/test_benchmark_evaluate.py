from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import evaluate, make_scores
from benchmarks.evaluate import EVALUATION, PREDICT, SCIKIT, Measured, Run, check_results, judge, main
from benchmarks.evaluation_jobs import bare_predict, evaluation, scikit_learn
from benchmarks.measure import JobError


def measured(
    *, predict: float = 2.0, own: float = 5.0, scikit: float = 15.0, peak: float = 3000.0, imports: float = 1.5
) -> Measured:
    """By default everything is just met."""
    return Measured(
        1_000_000,
        {
            PREDICT: [Run(predict, 100, None)] * 2,
            EVALUATION: [Run(own, peak, 0.5)] * 2,
            SCIKIT: [Run(scikit, 100, 0.5)],
        },
        [(imports, 1.0)] * 3,
    )


def missed(found: Measured) -> list[str]:
    return [ratio.name.split(",")[0] for ratio in judge(found) if ratio.met is False]


def test_the_ratios_say_what_was_wanted() -> None:
    assert [str(ratio) for ratio in judge(measured())] == [
        "evaluation vs bare predict, 1M rows: 2.50x its time (wanted: at most 2.5x) met",
        "evaluation vs scikit-learn with 20 of its 1,000 resamples, 1M rows: 3.00x faster (wanted: at least 3x) met",
        "evaluation's peak memory, 1M rows: 3,000.0 MiB (wanted: under 3,072 MiB) met",
        "imports of the evaluate function vs `import xgboost, pandas`: 1.50x its time (wanted: at most 1.5x) met",
    ]


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (measured(predict=1.9), ["evaluation vs bare predict"]),
        (measured(scikit=14.9), ["evaluation vs scikit-learn with 20 of its 1"]),
        (measured(peak=3072.0), ["evaluation's peak memory"]),
        (measured(imports=1.51), ["imports of the evaluate function vs `import xgboost"]),
    ],
)
def test_a_ratio_beyond_its_limit_is_missed(found: Measured, names: list[str]) -> None:
    assert missed(found) == names


def test_a_wrong_result_has_no_time() -> None:
    with pytest.raises(JobError, match="log loss"):
        check_results({EVALUATION: [Run(1, 1, 0.5)], SCIKIT: [Run(1, 1, 0.4)]})


def test_the_jobs_come_to_the_same_log_loss_on_what_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_scores, "_TRAINING_ROWS", 500)
    monkeypatch.setattr(scikit_learn, "RESAMPLES", 2)
    make_scores.make(tmp_path, rows=400, features=4, rounds=5)
    assert np.load(tmp_path / "test.npy").shape == (400, 5)
    assert bare_predict.run(bare_predict.prepare(tmp_path)) is None
    own, other = evaluation.run(evaluation.prepare(tmp_path)), scikit_learn.run(scikit_learn.prepare(tmp_path))
    assert own == pytest.approx(other)


@pytest.mark.parametrize(("scikit", "code"), [(40.0, 0), (20.0, 1)])
def test_the_ratios_come_last_and_decide_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, scikit: float, code: int
) -> None:
    seconds = {PREDICT: 5.0, EVALUATION: 10.0, SCIKIT: scikit}
    monkeypatch.setattr(evaluate, "python_module", lambda *command: "")
    monkeypatch.setattr(evaluate, "_run_apart", lambda job, folder: Run(seconds[job], 100.0, 0.5))
    monkeypatch.setattr(evaluate, "build_layers", lambda names, folder: (folder,))
    monkeypatch.setattr(evaluate, "import_seconds", lambda statement, path, environment: 1.0)
    assert main(["--rows", "1000", "--pairs", "2", "--check", "--json", str(tmp_path / "out.json")]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-5] == ""
    assert lines[-3].startswith("evaluation vs scikit-learn")
    assert (tmp_path / "out.json").exists()
