"""How fast the evaluation is, and in how much memory: ``python -m benchmarks.evaluate`` from the repository's root.

Makes rows, a model and its scores, runs each job (``benchmarks.evaluation_jobs``) in a process of its own, checks that
its log loss is right, measures what the evaluate function imports from the built layers, and prints the ratios last.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.built import build_layers, import_seconds, runtime_packages
from benchmarks.measure import ROOT, JobError, peak_mib, python_module
from benchmarks.validate import Ratio, short

MAX_TIMES_PREDICT: Final = 2.5
MIN_TIMES_SCIKIT: Final = 3.0
MAX_TIMES_IMPORT: Final = 1.5
MEMORY_MIB: Final = 3072.0

FEATURES: Final = 30
ROUNDS: Final = 200

_PAIRS: Final = 5
_SAME: Final = 1e-6
_MISSED, _NO_RESULT = 1, 2

PREDICT, EVALUATION, SCIKIT = "bare_predict", "evaluation", "scikit_learn"
TITLES: Final = {
    PREDICT: "XGBoost's bare predict of the test rows",
    EVALUATION: "evaluation, whole",
    SCIKIT: "scikit-learn in a loop, 20 resamples",
}

BARE_IMPORT: Final = "import xgboost, pandas"
OWN_IMPORT: Final = "import functions.evaluate_model.app"
_ENVIRONMENT: Final = {
    "ARTIFACT_BUCKET": "bucket",
    "RUNS_TABLE": "table",
    "DEFAULT_MAX_LOG_LOSS_SHARE_OF_PRIOR": "",
    "DEFAULT_GATES": "",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class Run:
    """One run of a job: its peak is the process's largest resident set, with imports and the rows."""

    seconds: float
    peak_mib: float
    log_loss: float | None


@dataclass(frozen=True)
class Measured:
    """Runs by job, in the order they were made; seconds of the imports in pairs."""

    rows: int
    runs: dict[str, list[Run]]
    imports: list[tuple[float, float]]

    def times(self, job: str, other: str) -> float:
        """How often the other's time goes into the job's: the median over the pairs, or over what there is of one."""
        own, others = ([run.seconds for run in self.runs[name]] for name in (job, other))
        if len(own) == len(others):
            return median(a / b for a, b in zip(own, others, strict=True))
        return median(own) / median(others)


def judge(measured: Measured) -> list[Ratio]:
    """Holds what was measured to what is wanted."""
    of_predict = measured.times(EVALUATION, PREDICT)
    faster = measured.times(SCIKIT, EVALUATION)
    peak = max(run.peak_mib for run in measured.runs[EVALUATION])
    size = short(measured.rows)
    return [
        _ratio(f"evaluation vs bare predict, {size} rows", of_predict, MAX_TIMES_PREDICT, "its time"),
        Ratio(
            f"evaluation vs scikit-learn with 20 of its 1,000 resamples, {size} rows",
            f"{faster:.2f}x faster",
            f"at least {MIN_TIMES_SCIKIT:g}x",
            faster >= MIN_TIMES_SCIKIT,
        ),
        Ratio(
            f"evaluation's peak memory, {size} rows",
            f"{peak:,.1f} MiB",
            f"under {MEMORY_MIB:,.0f} MiB",
            peak < MEMORY_MIB,
        ),
        judge_imports(measured.imports),
    ]


def judge_imports(imports: Sequence[tuple[float, float]]) -> Ratio:
    of_import = median(own / bare for own, bare in imports)
    return _ratio(f"imports of the evaluate function vs `{BARE_IMPORT}`", of_import, MAX_TIMES_IMPORT, "its time")


def _ratio(name: str, value: float, max_value: float, of_what: str) -> Ratio:
    return Ratio(name, f"{value:.2f}x {of_what}", f"at most {max_value:g}x", value <= max_value)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.job:
            name, folder = options.job
            _run_here(name, Path(folder))
            return 0
        if options.imports:
            return _benchmark_imports(options.pairs, options.check)
        return _benchmark(options.rows, options.pairs, options.check, options.json)
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluate",
        description="Measures the evaluation of a model against XGBoost's bare predict and scikit-learn in a loop.",
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="test rows, and as many of validation (1M)")
    parser.add_argument("--pairs", type=int, default=_PAIRS, help="runs of the evaluation, each with one of predict")
    parser.add_argument("--imports", action="store_true", help="measure the imports alone")
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} if a ratio is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured there, too")
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    return parser


def _benchmark(rows: int, pairs: int, check: bool, result: Path | None) -> int:
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        _progress("making rows, a model and its scores")
        python_module("benchmarks.make_scores", folder, str(rows), str(FEATURES), str(ROUNDS))
        runs: dict[str, list[Run]] = {PREDICT: [], EVALUATION: [], SCIKIT: []}
        for number in range(1, pairs + 1):
            for job in (PREDICT, EVALUATION):
                _progress(f"{TITLES[job]}, run {number} of {pairs}")
                runs[job].append(_run_apart(job, folder))
        _progress(TITLES[SCIKIT])
        runs[SCIKIT].append(_run_apart(SCIKIT, folder))
    imports = _imports(pairs)
    check_results(runs)
    measured = Measured(rows, runs, imports)
    _print(measured)
    ratios = judge(measured)
    if result is not None:
        content: dict[str, Any] = {
            "rows": rows,
            "runs": {job: [vars(run) for run in made] for job, made in runs.items()},
            "imports": imports,
            "ratios": [vars(ratio) for ratio in ratios],
        }
        result.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print("\n".join(map(str, ratios)))
    return _MISSED if check and any(ratio.met is False for ratio in ratios) else 0


def _benchmark_imports(pairs: int, check: bool) -> int:
    imports = _imports(pairs)
    for statement, place in ((OWN_IMPORT, 0), (BARE_IMPORT, 1)):
        print(f"{statement:<44}{median(pair[place] for pair in imports):>6.2f} s")
    ratio = judge_imports(imports)
    print(ratio)
    return _MISSED if check and not ratio.met else 0


def check_results(runs: dict[str, list[Run]]) -> None:
    """A wrong result has no time."""
    expected = runs[SCIKIT][0].log_loss
    for run in runs[EVALUATION]:
        if expected is None or run.log_loss is None or not math.isclose(run.log_loss, expected, rel_tol=_SAME):
            raise JobError(f"the evaluation's log loss is {run.log_loss}, scikit-learn's {expected}")


def _run_here(name: str, folder: Path) -> None:
    job = importlib.import_module(f"benchmarks.evaluation_jobs.{name}")
    prepared = job.prepare(folder)
    start = time.perf_counter()
    log_loss = job.run(prepared)
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_mib": peak_mib(), "log_loss": log_loss}))


def _run_apart(job: str, folder: str) -> Run:
    return Run(**json.loads(python_module("benchmarks.evaluate", "--job", job, folder).splitlines()[-1]))


def _imports(pairs: int) -> list[tuple[float, float]]:
    """CPU seconds of our import and of the bare one, in turns, from the built layers as on Lambda."""
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        _progress("building the layers")
        built = build_layers(["CoreLayer", "ScoringLayer"], Path(folder))
        path = (*built, runtime_packages(Path(folder) / "runtime"), ROOT)
        _progress("imports")
        timed = [
            (import_seconds(OWN_IMPORT, path, _ENVIRONMENT), import_seconds(BARE_IMPORT, path, _ENVIRONMENT))
            for _ in range(pairs + 1)
        ]
    return timed[1:]  # the first reads the files


def _print(measured: Measured) -> None:
    print(f"{short(measured.rows)} test rows, {FEATURES} features, {ROUNDS} rounds")
    print(f"  {'job':<44}{'seconds':>10}{'peak MiB':>10}")
    for job, title in TITLES.items():
        runs = measured.runs[job]
        seconds, peak = median(run.seconds for run in runs), max(run.peak_mib for run in runs)
        print(f"  {title:<44}{seconds:>10.2f}{peak:>10,.0f}")
    for title, place in ((OWN_IMPORT, 0), (BARE_IMPORT, 1)):
        print(f"  {title:<44}{median(pair[place] for pair in measured.imports):>10.2f}")
    print()
    print(
        "Evaluation and predict: medians of runs made in turns, ratios of the pairs. The evaluation makes 1,000 "
        "resamples, scikit-learn 20, so the loop for as many would take longer yet. Imports: CPU seconds."
    )
    print()


def _progress(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
