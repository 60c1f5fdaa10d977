"""``python -m tests.faults``: the enumeration of faults, on as many local AWS as are asked for.

It prints what was not survived and exits 1 if there is any; ``--write`` puts the table into docs/reliability.md,
``--check`` exits 1 if the table that is there says something else. ``--sample`` tries a quarter of the cases, chosen by
the commit's hash, and those of what changed (``tests.faults.selection``).
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.faults.bench import Bench
from tests.faults.enumeration import Case, Enumeration, Result
from tests.faults.selection import Tried, changed_since, head, select, touched_functions
from tests.faults.table import PAGE, page

ROOT: Final = Path(__file__).parents[2]


def main() -> int:
    arguments = _arguments()
    # Whoever ends this ends the local AWS that it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if arguments.shard:
        number, of = (int(part) for part in arguments.shard.split("/"))
        return shard(number, of, Path(arguments.results), arguments.only, arguments.sample)
    started = time.monotonic()
    results = enumerate_faults(arguments.workers, arguments.only, arguments.sample)
    if results is None:
        return 1
    if arguments.again and any(result.broken for result in results):
        tell(results, "NOT SURVIVED AT FIRST")
        results = again(results, arguments.workers)
    tell(results, "NOT SURVIVED")
    broken = [result for result in results if result.broken]
    print(
        f"{len(results)} cases, {len(results) - len(broken)} survived, in {time.monotonic() - started:.0f} s "
        f"on {arguments.workers} local AWS"
    )
    if arguments.write:
        PAGE.write_text(page(results), encoding="utf-8")
    elif arguments.check and page(results) != PAGE.read_text(encoding="utf-8"):
        print(f"{PAGE.relative_to(ROOT)} says something else; write it again: make faults", file=sys.stderr)
        return 1
    return 1 if broken else 0


def tell(results: list[Result], what: str) -> None:
    """Prints the cases that were not survived, and the promises that were not kept."""
    for result in results:
        if result.broken:
            print(f"{what}  {describe(result.case)}: {result.first}, then {result.second}")
            print("".join(f"    {promise}\n" for promise in result.broken), end="")


def again(results: list[Result], workers: int) -> list[Result]:
    """The results with those cases that were not survived tried once more, on a local AWS that did nothing before.

    A machine that others use stalls now and then, and a time-out there says nothing of a case.
    """
    broken = [describe(result.case) for result in results if result.broken]
    only = f"^({'|'.join(map(re.escape, broken))})$"
    found = {result.case: result for result in enumerate_faults(min(workers, len(broken)), only) or ()}
    return [found.get(result.case, result) for result in results]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="local AWS that share the work")
    parser.add_argument("--only", default="", help="cases whose description this regular expression finds")
    parser.add_argument("--again", action="store_true", help="try once more what was not survived, and tell of both")
    parser.add_argument(
        "--sample",
        nargs="?",
        const="HEAD~1",
        default="",
        metavar="BASE",
        help="a quarter of the cases, by the commit's hash, and those of what changed since BASE (HEAD~1)",
    )
    parser.add_argument("--shard", default="", help=argparse.SUPPRESS)
    parser.add_argument("--results", default="", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    parser.add_argument("--check", action="store_true", help="exit 1 if docs/reliability.md says something else")
    return parser.parse_args()


def enumerate_faults(workers: int, only: str, sample: str = "") -> list[Result] | None:
    """All results in the order of their cases; None if a worker failed."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.jsonl" for number in range(workers)]
        processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults", "--only", only),
                    *(["--sample", sample] if sample else []),
                    *("--shard", f"{number}/{workers}", "--results", str(file)),
                ],
                cwd=ROOT,
            )
            for number, file in enumerate(files)
        ]
        try:
            failed = sum(process.wait() for process in processes)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
        if failed:
            return None
        found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [Result.of(entry["result"]) for entry in sorted(found, key=lambda entry: entry["number"])]


def sampled(cases: list[tuple[int, Case]], base: str, *, told: bool) -> list[tuple[int, Case]]:
    """Those of the cases that this commit tries, in their order."""
    changed = touched_functions(changed_since(base))
    found = select([tried(case) for _, case in cases], head(), changed)
    if told:
        print(f"{len(found.chosen)} of {len(cases)} cases: {found}", flush=True)
    return [numbered for place, numbered in enumerate(cases) if place in found.chosen]


def shard(number: int, of: int, results: Path, only: str, sample: str) -> int:
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder)) as bench:
        enumeration = Enumeration(bench)
        cases = [(at, case) for at, case in enumerate(enumeration.cases()) if re.search(only, describe(case))]
        if sample:
            cases = sampled(cases, sample, told=number == 0)
        mine = cases[number::of]
        with results.open("w", encoding="utf-8") as file:
            for done, ((at, _), result) in enumerate(
                zip(mine, enumeration.run([case for _, case in mine]), strict=True), start=1
            ):
                file.write(f"{json.dumps({'number': at, 'result': result.as_json()})}\n")
                file.flush()
                said = "; ".join(result.broken) or f"survived ({result.first}, then {result.second})"
                print(f"[{number}] {done}/{len(mine)} {describe(result.case)}: {said}", flush=True)
    return 0


def tried(case: Case) -> Tried:
    point = case.point
    nth = f" #{point.nth}" if point.nth > 1 else ""
    return Tried(case.scenario, point.function, f"{point.call} {point.subject}{nth}, {case.fault}")


def describe(case: Case) -> str:
    return str(tried(case))


if __name__ == "__main__":
    sys.exit(main())
