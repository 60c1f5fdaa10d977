"""How good the models are that Sluice makes by default: ``python -m benchmarks.models`` from the repository's root.

On each table (``benchmarks.model_jobs.tables``; of some the target is a number) and each seed of the split, Sluice's
own validation, recipe and split make the rows, and the container's algorithm trains on them as the local SageMaker
does: with the defaults, with the preset ``tutorial``, and with XGBoost's own defaults. LightGBM and CatBoost, with
theirs, get the same rows (``benchmarks.model_jobs.contestants``); they need ``make setup-models``, and are left out
otherwise. Each table has a process of its own. What was measured is kept, so that a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT, JobError, python_module
from benchmarks.model_jobs.results import PEERS, PEERS_PYTHON, SLUICE, Name, Result
from benchmarks.model_jobs.tables import all_tables, names_of
from benchmarks.validate import Ratio

MAX_CHANGE_AGAINST_TUTORIAL: Final = -0.05
"""Of the loss, in the median over the tables."""
MAX_ERRORS_WORSE: Final = 2.0
"""Standard errors by which the default may be worse than the tutorial's preset on any table."""
MAX_ERRORS_BEHIND: Final = 1.0
"""Standard errors by which the default may be behind another package's defaults in the mean over the tables."""

MAX_SHARE_OF_USELESS: Final = 0.01
"""Of the models of permuted labels, that may be deployed."""

CACHE: Final = ROOT / ".sluice" / "benchmarks" / "models"
_MISSED, _NO_RESULT = 1, 2
_OTHERS: Final[tuple[Name, ...]] = (*SLUICE[1:], *PEERS)


@dataclass(frozen=True)
class Measured:
    """One table: ``results`` by model, one for each seed; ``priors`` are by seed the losses of always predicting the
    class shares, or the mean. A loss is the log loss, or RMSE where the target is a number."""

    table: str
    priors: Sequence[float]
    results: Mapping[Name, Sequence[Result]]

    def loss(self, name: Name) -> float:
        return fmean(result.loss for result in self.results[name])

    @property
    def prior(self) -> float:
        return fmean(self.priors)


@dataclass(frozen=True)
class Difference:
    """The default's loss less that of another model, on the same rows.

    Attributes:
        mean: over rows and seeds.
        error: its standard error, from the differences row by row; each seed has other test rows.
        change: the mean by the other's loss.
        points: the mean by the prior's loss, in %.
    """

    table: str
    mean: float
    error: float
    change: float
    points: float


@dataclass(frozen=True)
class Useless:
    """Models of permuted labels: how many were judged, those that the default gate let pass, and of how many tables the
    texts at random got rates of the classes, and scores."""

    judged: int
    deployed: Sequence[str]
    rated: int
    scored: int


def difference(measured: Measured, other: Name) -> Difference:
    pairs = zip(measured.results["default"], measured.results[other], strict=True)
    rows = [_by_row(own, theirs) for own, theirs in pairs]
    mean = fmean(float(found.mean()) for found in rows)
    error = math.sqrt(sum(float(found.var(ddof=1)) / found.size for found in rows)) / len(rows)
    return Difference(measured.table, mean, error, mean / measured.loss(other), 100 * mean / measured.prior)


def _by_row(own: Result, theirs: Result) -> NDArray[np.float64]:
    """(n,), whose mean is the difference of the losses: a - b is (a² - b²) / (a + b)."""
    found: NDArray[np.float64] = own.losses - theirs.losses
    return found / (own.loss + theirs.loss) if own.squared else found


def judge(measured: Sequence[Measured]) -> list[Ratio]:
    """Holds what was measured to what is wanted."""
    against = [difference(one, "tutorial") for one in measured]
    change = median(one.change for one in against)
    worse = [one for one in against if one.mean > MAX_ERRORS_WORSE * one.error]
    found = [
        Ratio(
            "the default against the tutorial's preset, median of the tables",
            f"{change:+.1%} log loss or RMSE",
            f"at most {MAX_CHANGE_AGAINST_TUTORIAL:+.0%}",
            change <= MAX_CHANGE_AGAINST_TUTORIAL,
        ),
        Ratio(
            f"tables on which it is worse by more than {MAX_ERRORS_WORSE:g} standard errors",
            ", ".join(f"{one.table} ({one.mean:+.4f} ± {one.error:.4f})" for one in worse) or "none",
            "none",
            not worse,
        ),
    ]
    return [*found, *(_judge_peer(measured, peer) for peer in PEERS)]


def _judge_peer(measured: Sequence[Measured], peer: Name) -> Ratio:
    name, wanted = f"the default against {peer}'s defaults", f"at most {MAX_ERRORS_BEHIND:g} standard error above 0"
    points = [difference(one, peer).points for one in measured if peer in one.results]
    if not points:
        return Ratio(name, "not measured", wanted, None)
    mean, error = fmean(points), _standard_error(points)
    value = f"{mean:+.2f} ± {error:.2f} % of the prior's loss"
    return Ratio(name, value, wanted, mean <= MAX_ERRORS_BEHIND * error)


def judge_useless(found: Useless) -> Ratio:
    share = len(found.deployed) / found.judged
    told = f": {', '.join(found.deployed)}" if found.deployed else ""
    value = f"{len(found.deployed)} of {found.judged} deployed{told}"
    wanted = f"at most {MAX_SHARE_OF_USELESS:.0%}"
    return Ratio("models of permuted labels", value, wanted, share <= MAX_SHARE_OF_USELESS)


def _standard_error(values: Sequence[float]) -> float:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if not PEERS_PYTHON.exists():
        print("LightGBM and CatBoost are left out: `make setup-models` installs them", file=sys.stderr)
    try:
        measured = _measure_all(options.tables, options.seeds, options.cache.resolve())
        useless = _permuted(options.permuted) if options.permuted else None
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    print("\n".join(report(measured, options.seeds)))
    ratios = judge(measured)
    if useless is not None:
        ratios.append(judge_useless(useless))
    print("\n".join(map(str, ratios)))
    if options.json is not None:
        told = {"seeds": options.seeds, "tables": [_told(one) for one in measured], "ratios": list(map(vars, ratios))}
        options.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return _MISSED if options.check and any(ratio.met is False for ratio in ratios) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models",
        description="Compares the models that Sluice makes by default with others on the same rows.",
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the split, from 0 on (3)")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--permuted", type=int, default=0, metavar="N", help="judge models of N permuted tables, too")
    parser.add_argument("--check", action="store_true", help=f"exit with {_MISSED} if something wanted is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where results are kept ({CACHE.relative_to(ROOT)})")
    return parser


def _measure_all(chosen: Sequence[str] | None, seeds: int, cache: Path) -> list[Measured]:
    measured = []
    for name in names_of(chosen, all_tables(cache / "tables")):
        said = python_module("benchmarks.model_jobs.contestants", str(cache), name, str(seeds))
        told = json.loads(said.splitlines()[-1])
        if reason := told.get("refused"):
            print(f"{name} is left out, Sluice makes no model of it: {reason}", file=sys.stderr)
            continue
        results = {model: [Result.load(Path(file)) for file in files] for model, files in told["files"].items()}
        measured.append(Measured(name, told["priors"], results))
    if not measured:
        raise JobError("no table was measured")
    return measured


def _permuted(count: int) -> Useless:
    return Useless(**json.loads(python_module("benchmarks.model_jobs.permuted", str(count))))


def report(measured: Sequence[Measured], seeds: int) -> Iterator[str]:
    """Lines: a table of each table's losses and differences, then the models beside each other."""
    others = [name for name in _OTHERS if name in measured[0].results]
    yield f"Test log loss, or RMSE of a number, mean of {seeds} splits"
    yield "In brackets the default's less the other's, with its standard error"
    yield f"  {'table':<15}{'rows':>7}{'prior':>8}{'default':>9}" + "".join(f"{name:>28}" for name in others)
    for one in measured:
        cells = []
        for name in others:
            found = difference(one, name)
            cells.append(f"{one.loss(name):>10.4f} ({found.mean:+.4f} ± {found.error:.4f})".rjust(28))
        rows = one.results["default"][0].losses.size
        yield f"  {one.table:<15}{rows:>7,}{one.prior:>8.4f}{one.loss('default'):>9.4f}{''.join(cells)}"
    yield ""
    yield (
        f"  {'model':<10}{'default less it':>20}{'median change':>15}{'better on':>11}{'calibration error':>19}"
        f"{'seconds':>9}{'rounds':>8}{'KiB':>8}"
    )
    for model in ("default", *others):
        yield f"  {model:<10}{_standing(measured, model)}{_beside(measured, model)}"
    yield "Default less it: in % of the prior's loss, mean of the tables with its standard error; minus is better."
    yield "Seconds: CPU time of training, all tables and splits. Rounds and KiB: median model."
    yield ""


def _standing(measured: Sequence[Measured], name: Name) -> str:
    if name == "default":
        return " " * 46
    found = [difference(one, name) for one in measured]
    points = [one.points for one in found]
    mean = f"{fmean(points):+.2f} ± {_standard_error(points):.2f}"
    better = f"{sum(one.mean < 0 for one in found)} of {len(found)}"
    return f"{mean:>20}{median(one.change for one in found):>+15.1%}{better:>11}"


def _beside(measured: Sequence[Measured], name: Name) -> str:
    results = [result for one in measured for result in one.results[name]]
    of_classes = [one.results[name] for one in measured if not one.results[name][0].squared]
    calibration = fmean(fmean(result.calibration_error for result in found) for found in of_classes or [results])
    rounds, size = median(result.rounds for result in results), median(result.size for result in results)
    return f"{calibration:>19.4f}{sum(result.seconds for result in results):>9.0f}{rounds:>8.0f}{size / 1024:>8.0f}"


def _told(one: Measured) -> dict[str, Any]:
    models = {
        name: {
            "loss": [result.loss for result in results],
            "calibration_error": [result.calibration_error for result in results],
            "seconds": [result.seconds for result in results],
            "rounds": [result.rounds for result in results],
            "size": [result.size for result in results],
        }
        for name, results in one.results.items()
    }
    differences = {name: vars(difference(one, name)) for name in one.results if name != "default"}
    return {"table": one.table, "prior": list(one.priors), "models": models, "differences": differences}


if __name__ == "__main__":
    sys.exit(main())
