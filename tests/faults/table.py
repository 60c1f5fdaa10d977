"""docs/reliability.md: what was tried, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.faults.enumeration import Result
from tests.faults.scenarios import SCENARIOS
from tests.wire.wire import Fault

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN: Final = "<!-- made by `make faults`; do not edit below -->\n"


def page(results: Sequence[Result]) -> str:
    """The page with its table made again; the words above it stay."""
    words, found, _ = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    if not found:
        raise ValueError(f"{PAGE} has no line {_BEGIN!r}")
    return words + _BEGIN + "".join(f"{line}\n" for line in _lines(results))


def _lines(results: Sequence[Result]) -> Iterator[str]:
    survived = sum(not result.broken for result in results)
    calls = len({(result.case.scenario, result.case.point) for result in results})
    yield ""
    yield f"**{calls} calls x {len(Fault)} faults: {survived} of {len(results)} survived.**"
    titles = {scenario.name: scenario.title for scenario in SCENARIOS}
    for name, of_scenario in groupby(results, key=lambda result: result.case.scenario):
        yield ""
        yield f"### {titles[name].capitalize()}"
        yield ""
        yield f"| function | call | on | {' | '.join(Fault)} |"
        yield f"|{'---|' * (3 + len(Fault))}"
        for point, of_point in groupby(of_scenario, key=lambda result: result.case.point):
            nth = f" ({point.nth})" if point.nth > 1 else ""
            cells = {result.case.fault: _cell(result) for result in of_point}
            row = (point.function, f"{point.call}{nth}", f"`{point.subject}`")
            yield f"| {' | '.join((*row, *(cells.get(fault, '') for fault in Fault)))} |"


def _cell(result: Result) -> str:
    if result.broken:
        return "**lost**"
    if result.later:
        return "later"
    return "again" if result.second != "duplicate" else "retried"
