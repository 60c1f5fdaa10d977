"""Which changes of the predictions count, and what they come to. Pure.

A change counts if it is both beyond chance and beyond a limit. Beyond chance: Holm's correction over all tests of one
report holds the chance of any false finding at :data:`FALSE_ALARM`, for columns that depend on one another, as columns
of a table do. Beyond a limit: of a million predictions every difference is beyond chance, and most are of no account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sluice.dataset.config import Monitor
from sluice.dataset.drift import PSI_FLOOR, population_stability_index
from sluice.monitoring.chance import (
    adjusted,
    change_by_chance,
    distribution_by_chance,
    jensen_shannon,
    outside_by_chance,
    share_by_chance,
)
from sluice.monitoring.question import ColumnQuestion, Question, SeenColumn, SeenTraffic, bins_of, bounds
from sluice.monitoring.report import ColumnReport, Distribution, Finding, Limits, MonitorReport, Rule, State
from sluice.wording import one_line

FALSE_ALARM: Final = 0.001
"""The chance that a report without any change has a finding, as far as the tests' approximations go. Of 30 daily
reports: at most 3 %; docs/monitoring.md has what was simulated."""

_NAMED: Final = 3
"""Findings that the reason names."""


@dataclass(frozen=True)
class Test:
    """One question to chance, and the size of what was seen, which ``what`` tells."""

    rule: Rule
    column: str | None
    p_value: float
    measured: float
    limit: float
    what: str

    def finding(self, p_value: float) -> Finding | None:
        if p_value > FALSE_ALARM or self.measured < self.limit:
            return None
        return Finding(
            rule=self.rule,
            column=self.column,
            measured=self.measured,
            limit=self.limit,
            p_value=p_value,
            what=self.what,
        )


@dataclass(frozen=True)
class Window:
    """The days of a report, and what there is of their log.

    ``log_share`` is the share of the requests that are kept, ``read_share`` that of the log's files that were read.
    """

    dataset: str
    since: str
    until: str
    made_at: str
    log_share: float
    read_share: float = 1.0
    broken_files: int = 0


def compare(
    question: Question, seen: SeenTraffic, limits: Monitor, window: Window, before: MonitorReport | None = None
) -> MonitorReport:
    """The report on the predictions of some days.

    Args:
        question: what was asked.
        seen: what was counted.
        limits: by which a change counts.
        window: the days.
        before: the report before this one, whose state stands if there are too few predictions to judge by.
    """
    enough = seen.rows >= limits.min_rows
    tests = tests_of(question, seen, limits) if enough else []
    p_values = adjusted([test.p_value for test in tests])
    found = findings(tests, p_values)
    known = {(test.rule, test.column): p for test, p in zip(tests, p_values, strict=True)}
    state, reason = _verdict(question, seen, limits, window, found, before)
    return MonitorReport(
        dataset=window.dataset,
        since=window.since,
        until=window.until,
        made_at=window.made_at,
        model_version=question.model_version,
        state=state,
        reason=reason,
        compared=enough,
        rows=seen.rows,
        rows_of_others=seen.others,
        unread_lines=seen.unread,
        broken_files=window.broken_files,
        read_share=window.read_share,
        findings=tuple(found),
        columns=tuple(_column(a, s, known) for a, s in zip(question.columns, seen.columns, strict=True)),
        scores=_scores(question, seen, known),
        labels=_labels(question, seen, known),
        tests=len(tests),
        false_alarm=FALSE_ALARM,
        limits=Limits(**{name: getattr(limits, name) for name in Limits.model_fields}),
    )


def findings(tests: Sequence[Test], p_values: Sequence[float]) -> list[Finding]:
    """The tests that count, the largest change first.

    Args:
        tests: of one report.
        p_values: of each, adjusted for all of them.
    """
    found = [finding for test, p in zip(tests, p_values, strict=True) if (finding := test.finding(p))]
    return sorted(found, key=lambda finding: -finding.measured / finding.limit)


def tests_of(question: Question, seen: SeenTraffic, limits: Monitor) -> list[Test]:
    """What there is to test of one model's predictions."""
    return [*_tests(question, seen, limits)]


def _tests(question: Question, seen: SeenTraffic, limits: Monitor) -> Iterator[Test]:
    for asked, counted in zip(question.columns, seen.columns, strict=True):
        yield from _tests_of_column(asked, counted, limits)
    if question.score and sum(seen.scores):
        yield _moved("scores", "the scores", question.score.counts, seen.scores, limits)
    if question.labels and seen.labels:
        yield _moved(
            "labels", "the predicted labels", [*question.labels.values(), 0], _by_label(question, seen), limits
        )


def _tests_of_column(asked: ColumnQuestion, seen: SeenColumn, limits: Monitor) -> Iterator[Test]:
    name, rows = f"column `{one_line(asked.name)}`", seen.filled + seen.missing
    if asked.missing_share is not None and rows:
        share = seen.missing / rows
        what = f"{name}: {share:.1%} of the values are missing; in the contract {asked.missing_share:.1%} are"
        p_value = change_by_chance(asked.missing_share, asked.rows, seen.missing, rows)
        change = abs(share - asked.missing_share)
        yield Test("missing_share", asked.name, p_value, change, limits.missing_share, what)
    if not seen.filled:
        return
    if asked.shares and sum(seen.bins):
        p_value = distribution_by_chance(asked.shares, asked.values, seen.bins)
        index = _psi(asked.shares, seen.bins)
        what = f"{name}: its distribution moved, population stability index {index:.2f}"
        yield Test("distribution", asked.name, p_value, index, limits.psi, what)
    if asked.known is not None:
        share = seen.unseen / seen.filled
        expected = asked.once / asked.values if asked.values else 0.0
        what = f"{name}: {share:.1%} of the values are unknown to the contract"
        p_value = share_by_chance(expected, asked.values, seen.unseen, seen.filled)
        yield Test("unseen_levels", asked.name, p_value, share, limits.unseen_levels, what)
    if asked.minimum is not None or asked.maximum is not None:
        share = seen.outside / seen.filled
        what = f"{name}: {share:.1%} of the values are outside the contract's range"
        p_value = outside_by_chance(asked.values, seen.outside, seen.filled)
        yield Test("outside_range", asked.name, p_value, share, limits.outside_range, what)


def _moved(rule: Rule, name: str, before: Sequence[int], counts: Sequence[int], limits: Monitor) -> Test:
    """Args: before: test rows by bin. counts: predictions by bin."""
    expected = _shares(before)
    index = _psi(expected, counts)
    what = f"{name} moved away from those of the test rows, population stability index {index:.2f}"
    return Test(rule, None, distribution_by_chance(expected, sum(before), counts), index, limits.psi, what)


def _by_label(question: Question, seen: SeenTraffic) -> list[int]:
    """Predictions by the labels of the test rows, and of any other label, which a model cannot give."""
    counts = [seen.labels.get(label, 0) for label in question.labels]
    return [*counts, sum(seen.labels.values()) - sum(counts)]


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts]


def _psi(expected: Sequence[float], counts: Sequence[int]) -> float:
    return population_stability_index(expected, _shares(counts), max(PSI_FLOOR, 0.5 / sum(counts)))


def _distribution(
    bins: Sequence[str], expected: Sequence[float], counts: Sequence[int], p_value: float | None
) -> Distribution:
    actual = _shares(counts)
    return Distribution(
        bins=tuple(bins),
        expected=tuple(expected),
        actual=tuple(actual),
        psi=_psi(expected, counts),
        jensen_shannon=jensen_shannon(expected, actual),
        p_value=p_value,
    )


type _Known = Mapping[tuple[Rule, str | None], float]
"""Adjusted p-values by rule and column; of those that were made."""


def _column(asked: ColumnQuestion, seen: SeenColumn, known: _Known) -> ColumnReport:
    rows, values = seen.filled + seen.missing, seen.filled
    told = Distribution()
    if asked.shares and sum(seen.bins):
        told = _distribution([*bins_of(asked)], asked.shares, seen.bins, known.get(("distribution", asked.name)))
    has_range = asked.minimum is not None or asked.maximum is not None
    return ColumnReport(
        name=asked.name,
        kind=asked.kind,
        filled=seen.filled,
        missing=seen.missing,
        unread=seen.unread,
        missing_share=seen.missing / rows if rows else None,
        expected_missing_share=asked.missing_share,
        unseen_share=seen.unseen / values if values and asked.known is not None else None,
        outside_share=seen.outside / values if values and has_range else None,
        minimum=seen.minimum,
        maximum=seen.maximum,
        distribution=told,
    )


def _scores(question: Question, seen: SeenTraffic, known: _Known) -> Distribution | None:
    if question.score is None or not sum(seen.scores):
        return None
    expected = _shares(question.score.counts)
    return _distribution(bounds(question.score.edges), expected, seen.scores, known.get(("scores", None)))


def _labels(question: Question, seen: SeenTraffic, known: _Known) -> Distribution | None:
    if not question.labels or not seen.labels:
        return None
    expected, counts = _shares([*question.labels.values()]), _by_label(question, seen)[:-1]
    return _distribution([*question.labels], expected, counts, known.get(("labels", None))) if sum(counts) else None


def _verdict(
    question: Question,
    seen: SeenTraffic,
    limits: Monitor,
    window: Window,
    found: Sequence[Finding],
    before: MonitorReport | None,
) -> tuple[State, str]:
    """The state, and why, in one sentence."""
    if not seen.rows:
        if not window.log_share:
            return (
                "silent",
                "No predictions are kept; set `predictions: {log_share: 1}` in config.yaml and drop a file.",
            )
        others = f"; {seen.others:,} are of other models" if seen.others else ""
        return "silent", f"The log has no predictions of the live model{others}."
    predictions = f"{seen.rows:,} prediction{'' if seen.rows == 1 else 's'}"
    if seen.rows < limits.min_rows:
        few = f"{predictions} are too few to compare (`monitor.min_rows`: {limits.min_rows:,})"
        if before is None or before.state == "silent" or before.model_version != question.model_version:
            return "ok", f"Nothing is known against the model: {few}."
        return before.state, f"The state before stands: {few}."
    unheld = "" if question.has_contract else "; the run has no contract, so its columns were not compared"
    if not found:
        return "ok", f"In {predictions} nothing moved beyond chance and its limit{unheld}."
    named = "; ".join(finding.what for finding in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return "drifting", f"In {predictions}, beyond chance and the limit: {named}{more}{unheld}."
