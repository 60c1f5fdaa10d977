"""The enumeration: each call of each scenario's good run, with each fault, and what became of the run.

A run is given one fault. Then its event is delivered once more, as a person would, with all being well again: it must
finish the work, or find it done. What must be true afterwards is in ``invariants``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Final

from sluice.runs.aws.ledger import read_champion
from tests.faults.bench import Bench, Ended, Point, Upload, Watch
from tests.faults.invariants import outcomes_heard, violations
from tests.faults.scenarios import ROW, SCENARIOS, Scenario
from tests.wire.wire import Fault

_NAMED_ENDS: Final = frozenset(
    {
        "deployed", "duplicate", "DatasetRejected", "TrainingFailed", "ModelRejected", "DeploymentFailed", "Superseded",
        "PipelineError", "OutcomeNotRecorded",
    }
)  # fmt: skip
"""How executions may end. Any other end has no name that a person could look up."""
_WARM_UP_RUNS: Final = 4
"""Until models and configurations are removed as fast as they come, so that each run makes the same calls."""


@dataclass(frozen=True)
class Case:
    scenario: str
    point: Point
    fault: Fault


@dataclass(frozen=True)
class Result:
    """What became of a case.

    Attributes:
        first: how the execution with the fault ended.
        second: how the next delivery of the same event ended.
        notices: how often people were told.
        broken: promises that were not kept, in words; none: it survived.
        later: whether it took a function with a schedule.
    """

    case: Case
    first: str
    second: str
    notices: int
    broken: tuple[str, ...]
    later: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, found: dict[str, Any]) -> Result:
        case = found["case"]
        return cls(
            Case(case["scenario"], Point(**case["point"]), Fault(case["fault"])),
            found["first"],
            found["second"],
            found["notices"],
            tuple(found["broken"]),
            found["later"],
        )


class Enumeration:
    """All scenarios on one local AWS."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._uploads: Counter[str] = Counter()

    def cases(self) -> list[Case]:
        """Records the good runs. A call that an earlier scenario has too is not done again."""
        found: list[Case] = []
        seen: set[Point] = set()
        for scenario in SCENARIOS:
            points = self._good_run(scenario)
            # Where a person is asked a page is drawn before, by the function that draws the last one.
            again = {point for point in points if scenario.asks and point.function == "RenderReport"}
            new = [point for point in points if point not in seen or point in again]
            found += [Case(scenario.name, point, fault) for point in new for fault in Fault]
            seen |= set(points)
        return found

    def _good_run(self, scenario: Scenario) -> Sequence[Point]:
        scenario.prepare(self._bench)
        for _ in range(_WARM_UP_RUNS if scenario.has_champion else 0):
            scenario.arm(self._bench)
            scenario.deliver(self._bench, self._next(scenario))
        self._bench.notices()
        before = self._champion(upload := self._next(scenario))
        scenario.arm(self._bench)
        with self._bench.watched(upload) as watch:
            ended = scenario.deliver(self._bench, upload)
        broken = list(violations(self._bench, scenario, upload, before, watch, self._bench.notices()))
        if broken:
            raise AssertionError(f"a good run of {scenario.name!r} ended as {ended.outcome}: {'; '.join(broken)}")
        return watch.points

    def run(self, cases: Sequence[Case]) -> Iterator[Result]:
        scenarios = {scenario.name: scenario for scenario in SCENARIOS}
        for case in cases:
            yield self._run(scenarios[case.scenario], case)

    def _run(self, scenario: Scenario, case: Case) -> Result:
        bench, upload = self._bench, self._next(scenario)
        before = self._champion(upload)
        bench.notices()
        with ExitStack() as stack:
            probe = bench.probed(f"sluice-{upload.dataset}", ROW) if before else nullcontext(list[str]())
            errors = stack.enter_context(probe)
            watch = stack.enter_context(bench.watched(upload, (case.point, case.fault)))
            scenario.arm(bench)
            first = scenario.deliver(bench, upload)
            watch.armed = None
            bench.faults.clear()
            second = scenario.deliver(bench, upload)
            told = bench.notices()
            broken = self._violations(scenario, upload, before, watch, told)
            later = bool(broken) and self._call_schedule(case.point)
            if later:
                told += bench.notices()
                broken = self._violations(scenario, upload, before, watch, told)
        broken += _ends(first, second, watch)
        if errors:
            broken.append(f"the endpoint answered {len(errors)} requests by errors: {errors[0]}")
        heard = outcomes_heard(upload, told)
        if len(set(heard)) < len(heard) and not _may_be_told_twice(case.point):
            broken.append("people were told the same twice")
        return Result(case, first.outcome, second.outcome, len(heard), tuple(broken), later=later)

    def _violations(self, scenario: Scenario, upload: Upload, before: Any, watch: Watch, told: list[str]) -> list[str]:
        try:
            return list(violations(self._bench, scenario, upload, before, watch, told))
        except Exception as error:  # noqa: BLE001 - what is not there to be looked at is a promise that was not kept
            return [f"what should be there is not: {type(error).__name__}: {error}"]

    def _call_schedule(self, point: Point) -> bool:
        """To the daily round is left what could not be removed, to the reconciliation what is due after the record.

        Returns:
            whether there is one for what can go wrong with this call.
        """
        if point.function == "CleanUp":
            self._bench.invoke("CleanUp", {})
        elif point.function in ("RecordOutcome", "RegisterModel", "RenderReport"):
            self._bench.reconcile()
        else:
            return False
        return True

    def _next(self, scenario: Scenario) -> Upload:
        self._uploads[scenario.name] += 1
        return scenario.next_upload(self._bench, self._uploads[scenario.name])

    def _champion(self, upload: Upload) -> Any:
        return read_champion(self._bench.aws.dynamodb, self._bench.outputs["RunsTableName"], upload.dataset)


def _may_be_told_twice(point: Point) -> bool:
    """Whether the notice itself goes wrong, or the note that it went out: then nobody knows whether it did."""
    note = ("RecordOutcome", "dynamodb:UpdateItem", "RUN#RUN", 2)
    return (point.function, point.call) == ("RecordOutcome", "sns:Publish") or (
        (point.function, point.call, point.subject, point.nth) == note
    )


def _ends(first: Ended, second: Ended, watch: Watch) -> Iterator[str]:
    if not watch.struck:
        yield "the fault did not happen: the run did not make this call"
    for ended in (first, second):
        if ended.outcome not in _NAMED_ENDS:
            yield f"an execution ended as {ended.outcome}: {ended.cause[:300]}"
    if first.status == "SUCCEEDED" and first.outcome != "deployed":
        yield f"the first execution ended green as {first.outcome}"
    if second.outcome in ("PipelineError", "OutcomeNotRecorded"):
        yield f"delivered again with all being well, it ended as {second.outcome}: {second.cause[:300]}"
