"""The commands and their options. They import the modules that do the work only when they are called."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli.connection import Connection, connect
from cli.failure import INTERRUPTED, CommandError, sentence_for
from cli.laptop import counted
from cli.operating import Confirm
from cli.output import Output
from cli.stack import DEFAULT_NAME, Stack, find_stack
from sluice.names import dataset_name

_VALUED: Final = ("--stack", "--profile", "--region")
_PLAIN: Final = ("--local", "--json")
_HANDED_ON: Final = ("demo", "local")
"""Commands with options of their own, which the local AWS reads."""
_AS_GIVEN: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_EPILOG: Final = (
    "You can also write --stack, --profile, --region, --local and --json after the command. Exit status: 0 done; 1 the "
    "answer is no (not deployed, rejected, nothing live); 2 the call is wrong or the stack cannot be reached; 130 "
    "interrupted. docs/cli.md describes each command."
)


@dataclass(frozen=True)
class Shell:
    """What every command works with. It connects only when a command needs it."""

    stack_name: str
    profile: str | None
    region: str | None
    local: bool
    output: Output
    context: typer.Context

    @cached_property
    def connection(self) -> Connection:
        made = connect(self.profile, self.region, self.local)
        if made.endpoint_url and made.is_local:
            # Until the command ends.
            self.context.with_resource(
                counted(made.endpoint_url, os.environ, f"sluice {self.context.invoked_subcommand}")
            )
        return made

    @cached_property
    def stack(self) -> Stack:
        return find_stack(self.connection.cloudformation, self.stack_name)


class Commands(TyperGroup):
    """Takes the global options anywhere, and turns failures into sentences."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoisted(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            failure = sentence_for(error)
            if failure is None:
                raise
            _output_of(ctx).complain(str(failure))
            raise typer.Exit(failure.status) from error
        except KeyboardInterrupt:
            _output_of(ctx).complain("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None


def _output_of(ctx: Any) -> Output:
    return ctx.obj.output if isinstance(ctx.obj, Shell) else Output()


def hoisted(arguments: Iterable[str]) -> list[str]:
    """Global options in front of the command, wherever they stood. What follows ``--`` stays, as does what is handed on
    to the local AWS."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--" or (argument in _HANDED_ON and not rest):
            rest += [argument, *left]
        elif argument in _VALUED:
            front += [argument, *(value for value in [next(left, None)] if value is not None)]
        elif argument in _PLAIN or argument.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(argument)
        else:
            rest.append(argument)
    return [*front, *rest]


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Boxes are for terminals.
    rich_markup_mode="rich" if sys.stdout.isatty() and sys.stderr.isatty() else None,
    epilog=_EPILOG,
    help="Drop a table, see how its run ended and why, get predictions, approve or roll back.",
)

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="The dataset's name, or its folder below incoming/.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `sluice runs` shows it.")]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="A reason, kept with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback()
def _options(
    ctx: typer.Context,
    stack: Annotated[
        str, typer.Option("--stack", metavar="NAME", envvar="SLUICE_STACK", help="The stack's name.")
    ] = DEFAULT_NAME,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="A profile of your AWS configuration.")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="NAME", help="AWS region.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Use the local AWS of this checkout (also: SLUICE_LOCAL=1).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    here = local or os.environ.get("SLUICE_LOCAL") == "1"
    ctx.obj = Shell(stack, profile, region, here, Output(as_json), ctx)


@app.command()
def drop(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table: CSV, or CSV in gzip.")],
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Folder below incoming/ (default: the file's name).")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="The dataset's config.yaml; the command writes it first."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="COLUMN",
            help="The column to predict; the command adds it to the dataset's config.yaml.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="TASK",
            help="regression if the target is a number; the command adds it to the dataset's config.yaml.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each step until the run ends.")] = False,
    yes: Yes = False,
) -> None:
    """Drop a table into the inbox, which starts a run. With --follow, the exit status is 0 if the model is deployed."""
    from cli import dropping
    from following.dropping import check_drop

    shell: Shell = ctx.obj
    asked = check_drop(file, dataset, config, target, task)
    confirm = _confirm_on_terminal(yes, shell.output)
    raise typer.Exit(dropping.drop(shell.connection, shell.stack, asked, confirm, follow, shell.output))


@app.command()
def runs(
    ctx: typer.Context,
    dataset: Annotated[str | None, typer.Argument(metavar="[DATASET]", help="Only the runs of this dataset.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to show.")] = 20,
) -> None:
    """List runs, the newest first."""
    from cli.runs import list_runs

    shell: Shell = ctx.obj
    named = dataset_name(dataset) if dataset is not None else None
    list_runs(shell.connection, shell.stack, named, limit, shell.output)


@app.command()
def show(
    ctx: typer.Context,
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each step until the run ends.")] = False,
) -> None:
    """Show one run: outcome, reasons, metrics, gates and files, or its progress."""
    from cli import showing

    shell: Shell = ctx.obj
    if follow:
        raise typer.Exit(showing.follow(shell.connection, shell.stack, run, shell.output))
    showing.show(shell.connection, shell.stack, run, shell.output)


@app.command()
def why(ctx: typer.Context, dataset: Dataset) -> None:
    """Say why a dataset's model is live, and why the newest run's is not. Exit status 1 if nothing is live."""
    from cli import decisions

    shell: Shell = ctx.obj
    raise typer.Exit(decisions.why(shell.connection, shell.stack, dataset_name(dataset), shell.output))


@app.command()
def predict(
    ctx: typer.Context,
    dataset: Dataset,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV, JSON or JSONL; -: standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the rows with their predictions as CSV."),
    ] = None,
    explain: Annotated[
        int, typer.Option("--explain", metavar="K", min=0, help="Name the K columns that move each prediction most.")
    ] = 0,
    yes: Yes = False,
) -> None:
    """Get predictions for rows with the columns of your own table. Exit status 1 if rows are refused."""
    from cli import predicting

    shell: Shell = ctx.obj
    named, confirm = dataset_name(dataset), _confirm_on_terminal(yes, shell.output)
    status = predicting.predict(shell.connection, shell.stack, named, file, explain, output, confirm, shell.output)
    raise typer.Exit(status)


@app.command()
def monitor(
    ctx: typer.Context,
    dataset: Dataset,
    since: Annotated[
        str,
        typer.Option("--since", metavar="DAY", help="The first day (UTC), such as 2026-11-23, or 7d for seven days."),
    ] = "2d",
) -> None:
    """Compare the predictions of the live model with what it was made with. Exit status 1 if it drifts or is silent."""
    from cli import monitoring

    shell: Shell = ctx.obj
    named = dataset_name(dataset)
    raise typer.Exit(monitoring.monitor(shell.connection, shell.stack, named, since, shell.output))


@app.command()
def quality(
    ctx: typer.Context,
    dataset: Dataset,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="DAY",
            help="The first day of the predictions (UTC), such as 2026-11-23, or 7d for seven days.",
        ),
    ] = "30d",
) -> None:
    """Measure the live model on predictions whose labels came. Exit status 1 if it is degraded or nothing is known."""
    from cli import measuring

    shell: Shell = ctx.obj
    raise typer.Exit(measuring.quality(shell.connection, shell.stack, dataset_name(dataset), since, shell.output))


@app.command()
def approve(ctx: typer.Context, run: RunId, comment: Comment = "") -> None:
    """Approve a model that waits for approval; the pipeline deploys it."""
    from cli import approving

    shell: Shell = ctx.obj
    approving.decide(shell.connection, shell.stack, run, "approved", comment, shell.output)


@app.command()
def reject(ctx: typer.Context, run: RunId, comment: Comment = "") -> None:
    """Reject a model that waits for approval; the pipeline does not deploy it."""
    from cli import approving

    shell: Shell = ctx.obj
    approving.decide(shell.connection, shell.stack, run, "rejected", comment, shell.output)


@app.command()
def redrive(
    ctx: typer.Context,
    named: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|DATASET]", help="A run that a fault stopped, or a dataset for its newest such run."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show each step until the run ends.")] = False,
) -> None:
    """Restart a run that a fault stopped; without RUN, everything that waits in the dead-letter queues."""
    from cli import redriving

    shell: Shell = ctx.obj
    if named is None:
        if follow:
            raise CommandError("--follow shows one run; name the run, or omit --follow")
        raise typer.Exit(redriving.redrive_queues(shell.connection, shell.stack, shell.output))
    raise typer.Exit(redriving.redrive_run(shell.connection, shell.stack, named, follow, shell.output))


@app.command()
def rollback(ctx: typer.Context, dataset: Dataset, yes: Yes = False) -> None:
    """Put the previous model back."""
    from cli import operating

    shell: Shell = ctx.obj
    operating.roll_back(shell.connection, shell.stack, dataset_name(dataset), _confirm(yes, shell.output), shell.output)


@app.command()
def retire(ctx: typer.Context, dataset: Dataset, yes: Yes = False) -> None:
    """Remove a dataset's endpoint and what only that endpoint uses."""
    from cli import operating

    shell: Shell = ctx.obj
    operating.retire(shell.connection, shell.stack, dataset_name(dataset), _confirm(yes, shell.output), shell.output)


@app.command()
def forget(
    ctx: typer.Context,
    dataset: Dataset,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The value of the dataset's `key` column.")],
    yes: Yes = False,
) -> None:
    """Remove what the log of a dataset's predictions knows of one key."""
    from cli import forgetting

    shell: Shell = ctx.obj
    confirm = _confirm(yes, shell.output)
    forgetting.forget(shell.connection, shell.stack, dataset_name(dataset), key, confirm, shell.output)


@app.command(context_settings=_AS_GIVEN)
def demo(ctx: typer.Context) -> None:
    """Run the whole pipeline on this machine, on real data or on your own table."""
    from cli.laptop import call_local

    raise typer.Exit(call_local(["demo", *ctx.args], "sluice"))


@app.command(context_settings=_AS_GIVEN)
def local(ctx: typer.Context) -> None:
    """Start, stop or show the local AWS: up, down, status, report."""
    from cli.laptop import call_local

    raise typer.Exit(call_local(ctx.args, "sluice local"))


def _confirm_on_terminal(yes: bool, output: Output) -> Confirm:
    """Asks if a terminal is there: standard input may be the file, or the list that a loop reads."""
    return _confirm(yes, output) if yes or sys.stdin.isatty() else lambda _: None


def _confirm(yes: bool, output: Output) -> Confirm:
    def ask(question: str) -> bool | None:
        if yes:
            return True
        # typer.confirm writes a blank to standard output, which --json keeps for its document.
        output.err.print(f"{question} [y/N] ", end="", markup=False)
        answer = sys.stdin.readline()
        if not answer:
            output.say("")
            return None
        return answer.strip().lower() in ("y", "yes")

    return ask
