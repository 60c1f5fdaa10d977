"""``python -m benchmarks.imports``: what a control function's cold start pays beside boto3.

Control functions have the core layer alone: they only talk to AWS. Each is imported from the built layer, in a process
of its own, in turns with a process that makes the same boto3 clients and nothing else; the difference is what
Powertools, pydantic and our own modules cost. CPU seconds; the ratios of the pairs come last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.built import build_layers, import_seconds, runtime_packages
from benchmarks.measure import ROOT, JobError
from benchmarks.validate import Ratio

MAX_TIMES_CLIENTS: Final = 1.5
CONTROL_FUNCTIONS: Final = (
    "claim_run", "start_training", "check_training", "ask_for_approval", "decide_approval", "deploy_endpoint",
    "check_endpoint", "verify_endpoint", "restore_endpoint", "record_outcome", "register_model", "clean_up",
    "reconcile", "tear_down", "report_misplaced_file",
)  # fmt: skip
_NO_RESULT: Final = 2
_PROBE: Final = """
import boto3, importlib, json
made, client = [], boto3.client
def noted(service, *arguments, **options):
    made.append(service)
    return client(service, *arguments, **options)
boto3.client = noted
importlib.import_module({module!r})
print(json.dumps(made))
"""
"""Prints the services that a module makes clients of."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of processes a function (7)")
    parser.add_argument("--only", nargs="+", default=CONTROL_FUNCTIONS, metavar="FUNCTION", help="some functions alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a figure is missed")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(options.only, options.pairs, Path(folder))
    except JobError as error:
        print(f"no result: {error}", file=sys.stderr)
        return _NO_RESULT
    for name, (clients, pairs) in found.items():
        own, bare = (median(pair[place] for pair in pairs) for place in (0, 1))
        print(f"{name:<18}{own:>7.2f} s; {bare:.2f} s for {', '.join(clients)}")
    ratios = judge({name: pairs for name, (_, pairs) in found.items()})
    print(*ratios, sep="\n")
    return int(options.check and not all(ratio.met for ratio in ratios))


def measure(
    functions: Sequence[str], pairs: int, folder: Path
) -> dict[str, tuple[list[str], list[tuple[float, float]]]]:
    """By function its clients, and CPU seconds of pairs: the function's import, and its clients alone."""
    path = (*build_layers(["CoreLayer"], folder), runtime_packages(folder / "runtime"), ROOT)
    environment = settings_environment(path)
    found = {}
    for name in functions:
        module = f"functions.{name}.app"
        clients = json.loads(_output(_PROBE.format(module=module), path, environment))
        bare = "; ".join(["import boto3", *(f"boto3.client({service!r})" for service in clients)])
        own = f"import {module}"
        timed = [
            (import_seconds(own, path, environment), import_seconds(bare, path, environment)) for _ in range(pairs + 1)
        ]
        found[name] = (clients, timed[1:])  # the first reads the files
    return found


def settings_environment(path: Sequence[Path]) -> dict[str, str]:
    """Each variable that a function may read, with a value that fits all their kinds."""
    listed = (
        "import json; from sluice import settings; print(json.dumps([name.upper() for model in vars(settings).values()"
        " for name in getattr(model, 'model_fields', ())]))"
    )
    credentials = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**dict.fromkeys(json.loads(_output(listed, path, {})), "1"), **credentials, "AWS_REGION": "us-east-1"}


def judge(pairs: Mapping[str, Sequence[tuple[float, float]]]) -> list[Ratio]:
    """Holds each function's median ratio to what is wanted."""
    found = []
    for name, timed in pairs.items():
        times = median(own / bare for own, bare in timed)
        wanted = f"at most {MAX_TIMES_CLIENTS:g}x"
        found.append(
            Ratio(f"import of {name} vs its boto3 clients", f"{times:.2f}x", wanted, times <= MAX_TIMES_CLIENTS)
        )
    return found


def _output(statement: str, path: Sequence[Path], environment: Mapping[str, str]) -> str:
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-S", "-c", statement],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join(map(str, path))},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise JobError(f"a process that was to import {path[-1].name} ended with code {ended.returncode}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
