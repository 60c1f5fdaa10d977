"""Command line of the local AWS: ``python -m local up|down|status|run|report|demo``.

``sluice local`` and ``sluice demo`` hand their arguments on to it, so that each flag stands in one place.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from following.configuration import Confirm
from following.console import PatientConsole
from following.dropping import WrongCallError, check_drop
from local import cloud, stack, users
from local.aws import Aws, answering
from local.cloud import Options
from local.demo import DEMOS, FIRST_CONFIG
from local.guide import guide
from local.home import Home, LocalError
from local.run import (
    NOT_DEPLOYED,
    WRONG_CALL,
    StoppedWatchingError,
    check_result_path,
    newest_page,
    run,
    start_and_deploy,
)
from sluice.wording import one_line

_INTERRUPTED: Final = 130

type Command = Callable[[Home, argparse.Namespace, Console], int]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m local") -> int:
    """Args: ``prog``: the command that the person typed, for help and usage.

    Returns: exit status, see docs/automation.md.
    """
    of_shell = argparse.Namespace(shell_address=os.environ.get("AWS_ENDPOINT_URL"))
    _forget_real_aws()
    options = _parser(prog).parse_args(arguments, of_shell)
    home = Home.at(options.state_dir)
    console = PatientConsole(highlight=False)
    try:
        with answering():
            return int(options.command(home, options, console))
    except WrongCallError as error:
        print("\n".join(map(one_line, str(error).split("\n"))), file=sys.stderr)
        return WRONG_CALL
    except LocalError as error:
        print("\n".join(map(one_line, str(error).split("\n"))), file=sys.stderr)
        return NOT_DEPLOYED
    except StoppedWatchingError as error:
        print(error, file=sys.stderr)
        return _INTERRUPTED
    except KeyboardInterrupt:
        print("interrupted; `sluice local status` says what is up", file=sys.stderr)
        return _INTERRUPTED


def _up(home: Home, options: argparse.Namespace, console: Console) -> int:
    if options.fresh:
        with home.locked():
            users.refuse_if_used(home)
            cloud.stop(home)
            cloud.forget(home)
    with users.using(home, "sluice local up"):
        _, outputs = start_and_deploy(home, _options(options), console, verbose=options.verbose)
    console.print(guide(home, home.read(), outputs), markup=False, soft_wrap=True)
    return 0


def _down(home: Home, options: argparse.Namespace, console: Console) -> int:
    with home.locked():
        if not options.force:
            users.refuse_if_used(home)
        stopped = cloud.stop(home)
    console.print(f"stopped {' and '.join(stopped)}" if stopped else "nothing was up", markup=False)
    if options.shell_address and options.shell_address == home.read().endpoint_url:
        console.print(
            f"this shell still sends its AWS tools to {options.shell_address}; to take that back: sluice_local_off",
            markup=False,
            soft_wrap=True,
        )
    return 0


def _status(home: Home, options: argparse.Namespace, console: Console) -> int:
    state = home.read()
    up = cloud.is_up(state)
    if not up:
        console.print("the local AWS is down; start it with: sluice local up", markup=False)
        return 1
    for process in state.processes:
        console.print(
            f"{process.name:<10} pid {process.pid}, log {home.log(process.name)}", markup=False, soft_wrap=True
        )
    console.print(f"{'AWS':<10} {state.endpoint_url}", markup=False)
    console.print(f"{'SageMaker':<10} {state.sagemaker_url}", markup=False)
    for name, value in (stack.stack_outputs(Aws.of(state)) or {}).items():
        console.print(f"{name:<20} {value}", markup=False, soft_wrap=True)
    return 0


def _run(home: Home, options: argparse.Namespace, console: Console) -> int:
    call = check_drop(options.file, options.dataset, options.config, options.target, options.task)
    check_result_path(options.json, options.file, options.config)
    with users.using(home, f"a run of {call.dataset}"):
        return run(
            home,
            call,
            _options(options),
            console,
            json_path=options.json,
            confirm=_confirm(options.yes, console),
            verbose=options.verbose,
        )


def _report(home: Home, options: argparse.Namespace, console: Console) -> int:
    console.print(newest_page(home, options.dataset), markup=False, soft_wrap=True)
    return 0


def _demo(home: Home, options: argparse.Namespace, console: Console) -> int:
    """Runs the main job. The local AWS stays up, so that the next one takes seconds."""
    if bool(options.csv) != bool(options.target):
        raise WrongCallError("--csv and --target go together (make demo CSV=file.csv TARGET=COLUMN)")
    shipped = DEMOS["regression" if options.task == "regression" else "classification"]
    table = options.csv or shipped.write(home.root / "demo")
    call = check_drop(table, options.dataset, options.config, options.target or shipped.target, options.task)
    if not options.csv:
        call = replace(call, first_config=FIRST_CONFIG)
    check_result_path(options.json, table, options.config)
    with users.using(home, f"a demo of {call.dataset}"):
        status = run(
            home,
            call,
            _options(options),
            console,
            json_path=options.json,
            keep=home.root / "demo" / call.dataset,
            confirm=_confirm(options.yes, console),
            verbose=options.verbose,
        )
    if cloud.is_up(home.read()):
        console.print("the local AWS stays up; stop it with: sluice local down", markup=False)
    return status


def _confirm(yes: bool, console: Console) -> Confirm:
    """Asks on the terminal; nobody can be asked if standard input is none."""

    def ask(question: str) -> bool | None:
        if yes:
            return True
        if not sys.stdin.isatty():
            return None
        console.print(f"{one_line(question)} [y/N] ", end="", markup=False)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask


def _options(options: argparse.Namespace) -> Options:
    return Options(port=options.port, wait_scale=options.wait_scale, pace=options.pace)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="The local AWS on this machine.")
    parser.add_argument(
        "--state-dir", type=Path, help="folder of its state (default: SLUICE_STATE_DIR, otherwise .sluice)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    starting = argparse.ArgumentParser(add_help=False)
    starting.add_argument(
        "--port",
        type=int,
        help="port of the AWS endpoint; 0: any free one (default: 4566, or any free one if it is taken)",
    )
    starting.add_argument("--wait-scale", type=float, default=Options.wait_scale, help="factor on waits (%(default)s)")
    starting.add_argument("--pace", type=float, help="seconds between the statuses of a training job or an endpoint")
    starting.add_argument(
        "--verbose", action="store_true", help="also list what the local AWS leaves out of the template"
    )

    running = argparse.ArgumentParser(add_help=False)
    running.add_argument("--dataset", metavar="NAME", help="folder below incoming/ (default: the file's name)")
    running.add_argument("--task", metavar="TASK", help="regression if the target is a number")
    running.add_argument("--config", type=Path, metavar="FILE", help="the dataset's config.yaml")
    running.add_argument(
        "--yes", "-y", action="store_true", help="do not ask before --config replaces another configuration"
    )
    running.add_argument("--json", type=Path, metavar="FILE", help="where to write the result")

    def command(name: str, does: Command, purpose: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=parents, help=purpose, description=purpose)
        added.set_defaults(command=does)
        return added

    up = command("up", _up, "start it, deploy the stack, and say what to type", starting)
    up.add_argument("--fresh", action="store_true", help="forget all earlier runs, models and endpoints")
    down = command("down", _down, "stop it; the next up restores all runs, models and endpoints")
    down.add_argument("--force", action="store_true", help="stop it even if other commands use it")
    command("status", _status, "show what is running; exit status 1 if nothing is")
    for_file = command("run", _run, "drop a table and show each step of its run", starting, running)
    for_file.add_argument("file", type=Path, metavar="FILE.csv")
    for_file.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    page = command("report", _report, "print the address of the page of a dataset's newest run")
    page.add_argument("dataset", metavar="DATASET")
    demo = command("demo", _demo, "run the whole pipeline on real data", starting, running)
    demo.add_argument("--csv", type=Path, metavar="FILE", help="a table (default: one that scikit-learn ships)")
    demo.add_argument("--target", metavar="COLUMN", help="the column to predict in it")
    return parser


def _forget_real_aws() -> None:
    """Nothing of a real account or region in the environment may reach the local AWS, nor its requests a real one."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


if __name__ == "__main__":
    sys.exit(main())
