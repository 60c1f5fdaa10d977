"""How often gates let useless models through, and how many good ones: ``python -m benchmarks.gates`` from the root.

Models are made of samples of each table (``benchmarks.model_jobs.tables``), some with exchanged labels
(``benchmarks.model_jobs.trials``), and each gate judges all of them. Each table has a process of its own. Trials are
kept, so that a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Final

import numpy as np

from benchmarks.measure import ROOT, JobError, python_module
from benchmarks.model_jobs.tables import names_of, tables
from benchmarks.model_jobs.trials import SIZES, Trial
from benchmarks.validate import Ratio
from scoring.evaluation import Scored, constant_scores, measure, shares_of_prior
from scoring.gates import judge
from scoring.metrics import log_loss
from sluice.dataset.config import Gates
from sluice.messages import CrossValidation

MAX_FALSE_DEPLOYS: Final = 0.01
"""Share of the useless models that the default gate may let through."""


@dataclass(frozen=True)
class Rule:
    """Gates; without any the default applies. ``folds``: the cross-validation of a small table is known."""

    gates: Gates
    folds: bool = False


def _limits(share: float, **more: bool) -> Gates:
    return Gates.model_validate({"log_loss": {"max_of_prior": share, **more}})


RULES: Final[Mapping[str, Rule]] = {
    "default": Rule(Gates(), folds=True),
    "default by held-out rows": Rule(Gates()),
    "at most 0.9": Rule(_limits(0.9)),
    "surely at most 0.98": Rule(_limits(0.98, certain=True)),
    "surely at most 1": Rule(_limits(1, certain=True)),
    "at most 0.9 of all rows": Rule(_limits(0.9, cross_validated=True), folds=True),
    "surely 0.985 of all rows": Rule(_limits(0.985, certain=True, cross_validated=True), folds=True),
    "surely 1 of all rows": Rule(_limits(1, certain=True, cross_validated=True), folds=True),
}
"""By what they are called in the report."""

KINDS: Final[Mapping[str, Callable[[Trial], bool]]] = {
    "useless: all labels exchanged": lambda trial: trial.exchanged == 1,
    "really 0.9 to 0.98 of the baseline": lambda trial: trial.exchanged < 1 and 0.9 <= trial.true_share < 0.98,
    "really 0.7 to 0.9": lambda trial: trial.exchanged < 1 and 0.7 <= trial.true_share < 0.9,
    "really less than 0.7": lambda trial: trial.exchanged < 1 and trial.true_share < 0.7,
}

CACHE: Final = ROOT / ".sluice" / "benchmarks" / "gates"
_MISSED, _NO_RESULT = 1, 2


@dataclass(frozen=True)
class Judged:
    """A trial, its cross-validation, and whether each rule lets its model through."""

    trial: Trial
    folds: CrossValidation | None
    passed: Mapping[str, bool]


def judged(trial: Trial) -> Judged:
    """Measures the model on its test rows, and judges it by every rule."""
    scored = Scored(trial.labels, trial.scores)
    baseline = log_loss(scored.labels, constant_scores(scored, trial.shares))
    # The intervals that no rule asks for are left out: those of areas take most of the time.
    metrics = measure(scored, baseline, intervals=False).model_copy(
        update={"of_prior": shares_of_prior(scored, trial.shares)}
    )
    folds = trial.cross_validation()
    known = {False: metrics, True: metrics.model_copy(update={"cross_validated": folds})}
    verdicts = {name: judge(known[rule.folds], rule.gates, None) for name, rule in RULES.items()}
    return Judged(trial, folds, {name: all(check.passed for check in checks) for name, checks in verdicts.items()})


def interval(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    z = NormalDist().inv_cdf(0.975)
    share, rest = hits / total, z**2 / total
    middle, half = share + rest / 2, z * math.sqrt(share * (1 - share) / total + rest / (4 * total))
    return max((middle - half) / (1 + rest), 0.0), min((middle + half) / (1 + rest), 1.0)


def check(found: Sequence[Judged]) -> Ratio:
    """Holds the default to what is wanted of it."""
    useless = [one for one in found if one.trial.exchanged == 1]
    hits = sum(one.passed["default"] for one in useless)
    low, high = interval(hits, len(useless))
    return Ratio(
        "useless models that the default gate lets through",
        f"{hits} of {len(useless):,}, {hits / len(useless):.2%} (95 % interval {low:.2%} to {high:.2%})",
        f"at most {MAX_FALSE_DEPLOYS:.0%}",
        hits <= MAX_FALSE_DEPLOYS * len(useless),
    )


def report(found: Sequence[Judged]) -> Iterator[str]:
    """Lines: for each kind of model and each rule, how many models it lets through, by the rows of the table."""
    for kind, belongs in KINDS.items():
        chosen = [one for one in found if belongs(one.trial)]
        if not chosen:
            continue
        yield f"{kind}: let through, by rows of the table"
        yield f"  {'gate':<24}" + "".join(f"{size:>13,}" for size in SIZES) + f"{'all':>13}"
        for rule in RULES:
            cells = [[one.passed[rule] for one in chosen if one.trial.size == size] for size in SIZES]
            told = [f"{sum(cell)} of {len(cell)}" if cell else "-" for cell in cells]
            every = [one.passed[rule] for one in chosen]
            yield f"  {rule:<24}" + "".join(f"{cell:>13}" for cell in told) + f"{np.mean(every):>13.1%}"
    yield from _intervals(found)
    yield ""


def _intervals(found: Sequence[Judged]) -> Iterator[str]:
    """How many intervals of cross-validations hold the share of the baseline that the model has on fresh rows."""
    sizes = {size: [one for one in found if one.trial.size == size and one.folds] for size in SIZES}
    held = {size: sum(_holds(one) for one in of_size) for size, of_size in sizes.items()}
    yield "intervals over all rows that hold the share on fresh rows, by rows of the table"
    told = [f"{held[size]} of {len(of_size)}" if of_size else "-" for size, of_size in sizes.items()]
    total = sum(map(len, sizes.values()))
    every = f"{sum(held.values()) / total:.1%}" if total else "-"
    yield f"  {'':<24}" + "".join(f"{cell:>13}" for cell in [*told, every])


def _holds(one: Judged) -> bool:
    return one.folds is not None and one.folds.interval[0] <= one.trial.true_share <= one.folds.interval[1]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        found = [judged(trial) for trial in _trials(options.tables, options.seeds, options.cache.resolve())]
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    print("\n".join(report(found)))
    ratio = check(found)
    print(ratio)
    return _MISSED if options.check and ratio.met is False else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gates",
        description="Shows how many useless and how many good models each gate lets through.",
    )
    parser.add_argument("--seeds", type=int, default=12, help="useless models of each table and size (12)")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="only these")
    parser.add_argument(
        "--check", action="store_true", help=f"exit with {_MISSED} if the default lets too many through"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where trials are kept ({CACHE.relative_to(ROOT)})")
    return parser


def _trials(chosen: Sequence[str] | None, seeds: int, cache: Path) -> Iterator[Trial]:
    made = 0
    for name in names_of(chosen, tables(cache / "tables")):
        print(f"{name} ...", file=sys.stderr, flush=True)
        said = python_module("benchmarks.model_jobs.trials", str(cache), name, str(seeds))
        for file in json.loads(said.splitlines()[-1]):
            made += 1
            yield Trial.load(Path(file))
    if not made:
        raise JobError("no table is large enough")


if __name__ == "__main__":
    sys.exit(main())
