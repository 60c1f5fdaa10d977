"""Why a dataset's model is live, and why its newest run's is not: sentences from ``decision.json`` of both runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.connection import Connection
from cli.failure import NO, AnswerIsNoError, CommandError
from cli.output import Output, moment
from cli.runs import DEPLOYED, Run, find_run, runs_of
from cli.stack import Stack
from cli.suggesting import dataset_hint

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from sluice.messages import AnyMetrics
    from sluice.runs.approval import Pending
    from sluice.runs.decision import Decision, Grounds


@dataclass(frozen=True)
class LiveModel:
    """The champion as the ledger has it; ``history``: ids of the runs whose models were live before, the newest
    first."""

    run_id: str
    config_name: str
    since: str
    rolled_back_by: str | None
    rolled_back_from: str | None
    history: tuple[str, ...]


@dataclass(frozen=True)
class Situation:
    """A dataset's live model and its newest run, each with its decision if it has one."""

    dataset: str
    live: LiveModel | None
    live_run: Run | None
    live_decision: Decision | None
    newest: Run | None
    newest_decision: Decision | None
    newest_waits: bool = False
    """Whether it waits for a person to approve it."""

    @property
    def newest_is_live(self) -> bool:
        return self.live is not None and self.newest is not None and self.live.run_id == self.newest.run_id


def live_model(dynamodb: DynamoDBClient, table: str, dataset: str) -> LiveModel | None:
    from sluice.runs.aws.ledger import dataset_key, read_champion

    champion = read_champion(dynamodb, table, dataset)
    item = dynamodb.get_item(TableName=table, Key=dataset_key(dataset), ConsistentRead=True).get("Item")
    if champion is None or item is None:
        return None
    text = {name: value["S"] for name, value in item.items() if "S" in value}
    by = text.get("rolled_back_by")
    return LiveModel(
        champion.run_id,
        champion.config_name,
        text.get("since", ""),
        by,
        text.get("previous_run_id") if by else None,
        tuple(past.run_id for past in champion.history),
    )


def read_decision(s3: S3Client, bucket: str, run: Run) -> Decision | None:
    """The run's decision; None if it has none (it is still running, or was closed without one).

    Raises:
        CommandError: another version of Sluice wrote it.
    """
    from pydantic import ValidationError

    from sluice.layout import RunLayout
    from sluice.runs.decision import Decision

    try:
        found = s3.get_object(Bucket=bucket, Key=RunLayout(run.dataset, run.run_id).decision)
    except s3.exceptions.NoSuchKey:
        return None
    try:
        return Decision.read(found["Body"].read())
    except ValidationError as error:
        raise CommandError(
            f"Another version of Sluice wrote the decision.json of run {run.run_id}; update this one."
        ) from error


def undecided(dynamodb: DynamoDBClient, table: str, run: Run) -> Pending | None:
    """The ledger's record of the approval that the run waits for; None if it does not wait."""
    from sluice.runs.aws.approval import read_pending

    pending = read_pending(dynamodb, table, run.run_id) if run.goes_on else None
    return pending if pending and pending.approval is None else None


def situation(connection: Connection, stack: Stack, dataset: str) -> Situation:
    dynamodb, table = connection.dynamodb, stack.runs_table

    def decision(run: Run | None) -> Decision | None:
        return read_decision(connection.s3, stack.artifacts, run) if run and not run.goes_on else None

    live = live_model(dynamodb, table, dataset)
    newest = next(runs_of(dynamodb, table, dataset), None)
    live_run = find_run(dynamodb, table, live.run_id) if live else None
    waits = newest is not None and undecided(dynamodb, table, newest) is not None
    return Situation(dataset, live, live_run, decision(live_run), newest, decision(newest), waits)


def why(connection: Connection, stack: Stack, dataset: str, output: Output) -> int:
    """Returns: exit status, 1 if nothing is live.

    Raises:
        AnswerIsNoError: the dataset has had no run.
    """
    found = situation(connection, stack, dataset)
    if found.live is None and found.newest is None:
        raise AnswerIsNoError(
            f"Dataset {dataset} has no runs in this stack; drop a file: sluice drop FILE --dataset {dataset}"
            f"{dataset_hint(connection, stack, dataset)}"
        )
    said = list(sentences(found))
    output.document(_document(found, said))
    for sentence in said:
        output.print(sentence)
    return 0 if found.live else NO


def _document(found: Situation, said: list[str]) -> dict[str, Any]:
    def told(decision: Decision | None) -> Any:
        return decision.model_dump(mode="json") if decision else None

    live, newest = found.live, found.newest
    return {
        "dataset": found.dataset,
        "live": live
        and {
            "run_id": live.run_id,
            "config_name": live.config_name,
            "since": live.since,
            "rolled_back_by": live.rolled_back_by,
            "decision": told(found.live_decision),
        },
        "newest": newest
        and {
            **newest.as_json(),
            "waits_for_approval": found.newest_waits,
            "decision": told(found.newest_decision),
        },
        "sentences": said,
    }


def sentences(found: Situation) -> Iterator[str]:
    """What the command prints: the live model first, then the newest run if that is another."""
    if found.live is None:
        yield f"Nothing is live for dataset {found.dataset}."
    else:
        yield from _of_live(found, found.live)
    if found.newest is None:
        return
    yield ""
    if found.newest_is_live:
        yield "It comes from the newest run."
    else:
        yield from _of_newest(found, found.newest)


def _of_live(found: Situation, live: LiveModel) -> Iterator[str]:
    decision, run = found.live_decision, found.live_run
    endpoint = decision.live.endpoint_name if decision and decision.live else found.dataset
    yield f"{endpoint} is live with the model of run {live.run_id} since {moment(live.since)}."
    if live.rolled_back_by:
        yield f"- {live.rolled_back_by} put it back, in place of the model of run {live.rolled_back_from}."
    if run and run.key:
        yield f"- It was trained on {run.key}, dropped {moment(run.started_at)}."
    if decision is None:
        yield "- Its decision.json no longer exists, so the reasons are not known."
        return
    rows = decision.data.rows
    tuned = "the cutoff" if decision.data.classes else "the intervals"
    parts = f"{rows.train:,} to train, {rows.validation:,} for early stopping and {tuned}, {rows.test:,} held out"
    yield f"- {rows.accepted:,} rows were accepted: {parts}."
    if decision.grounds:
        yield from _taken(decision.grounds)
    if decision.live:
        yield _verified(decision.live.verified_rows, decision.live.largest_difference)
    yield _decided_by(decision)


def _taken(grounds: Grounds) -> Iterator[str]:
    if grounds.metrics:
        yield f"- {_measured(grounds.metrics)}"
    # The comparison with the champion is a gate, too, and has its own line.
    kept = [gate for gate in grounds.gates if gate.passed and not gate.name.startswith("champion.")]
    if kept:
        noun = "the gate" if len(kept) == 1 else f"all {len(kept)} gates"
        yield f"- It passed {noun}:"
        yield from (f"    {gate.name}: {gate.reason}" for gate in kept)
    if grounds.champion:
        yield f"- Against run {grounds.champion.run_id}, which was live: {grounds.champion.reason}"
    else:
        yield "- It was compared with no other model: none was live."


def _measured(metrics: AnyMetrics) -> str:
    from sluice.evaluation.metrics import METRICS

    metric = METRICS[metrics.leading]
    interval = metrics.intervals.get(metric.name)
    between = f" (95% interval {metric.shown(interval[0])} to {metric.shown(interval[1])})" if interval else ""
    baseline = metrics.prior_loss
    share = f", {metrics.loss / baseline:.0%} of the baseline's {metric.shown(baseline)}" if baseline else ""
    return f"On {metrics.rows:,} held-out rows its {metric.words} is {metric.shown(metrics.loss)}{between}{share}."


def _verified(rows: int, difference: float | None) -> str:
    most = "" if difference is None else f" (largest difference {difference:.1g})"
    return f"- The live endpoint gave the scores of the evaluation on {rows:,} rows{most}."


def _decided_by(decision: Decision) -> str:
    approval = decision.approval
    if approval is None or approval.decision == "expired":
        return f"- The pipeline decided, in execution {decision.decided_by.execution}; nobody was asked."
    comment = f": {approval.comment}" if approval.comment else ""
    who = approval.decided_by or "a person"
    return f"- It was {approval.decision} by {who}, {moment(approval.decided_at)}{comment or '.'}"


def _of_newest(found: Situation, newest: Run) -> Iterator[str]:
    name = f"The newest run, {newest.run_id} ({newest.key.rpartition('/')[2]}, {moment(newest.started_at)}),"
    if found.newest_waits:
        yield f"{name} passed its gates and waits for approval: sluice approve {newest.run_id}, or sluice reject."
        return
    if newest.goes_on:
        yield f"{name} is still running; to see its progress: sluice show {newest.run_id}"
        return
    if newest.status == DEPLOYED:
        yield f"{name} was deployed, and is no longer live: {_how_it_went(found, newest)}"
        return
    yield f"{name} was not deployed: {newest.status.replace('_', ' ')}."
    closed = newest.closed()
    told = closed.reasons if closed else ()
    yield from (f"- {reason}" for reason in told)
    decision = found.newest_decision
    if decision and decision.grounds:
        yield from _refused(decision.grounds, told)
    yield f"- To try again, fix the reasons above and drop a file: sluice drop FILE --dataset {found.dataset}"


def _refused(grounds: Grounds, told: Sequence[str]) -> Iterator[str]:
    if grounds.metrics:
        yield f"- {_measured(grounds.metrics)}"
    said = " ".join(told)  # which quotes the reasons of gates that failed
    for gate in grounds.gates:
        if not gate.passed and gate.reason not in said:
            yield f"- Gate {gate.name} failed: {gate.reason}"
    champion = grounds.champion
    if champion and champion.reason not in said:
        yield f"- Against run {champion.run_id}, which was live: {champion.reason}"


def _how_it_went(found: Situation, newest: Run) -> str:
    live = found.live
    if live is None:
        return "the endpoint was retired, or removed because nobody called it."
    if live.rolled_back_from == newest.run_id:
        return f"{live.rolled_back_by} rolled it back."
    return f"run {live.run_id} is, since {moment(live.since)}."
