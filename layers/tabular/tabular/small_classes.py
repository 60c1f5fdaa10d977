"""Classes that a person merges or drops, and classes too small to split, which are set aside.

A class of a few rows cannot be in training, validation and test data at once. If all such classes together stay within
the share of rows that may be rejected, their rows are set aside and the others are used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import WHITESPACE
from sluice.wording import nearest
from tabular.findings import Finding, Rule, listed, shown
from tabular.sketch import Levels

MIN_ROWS_PER_CLASS: Final = 10

_MIN_CLASSES: Final = 2


@dataclass(frozen=True)
class SmallClasses:
    """Labels with too few rows, and how many each has. ``needed`` are those that a person named: never set aside."""

    rows: Mapping[str, int]
    others: int
    """How many labels have enough rows."""
    needed: Sequence[str] = ()

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def can_be_set_aside(self) -> bool:
        """Whether a target of two classes or more is left, and no one asked for one of these."""
        return bool(self.rows) and self.others >= _MIN_CLASSES and not self.needed

    def warning(self, target: str, line: int) -> Finding:
        """What is said once they are set aside. ``target``: the column; ``line``: of the first of their rows."""
        were = "1 row was" if self.total == 1 else f"{self.total:,} rows were"
        what = (
            f"{self._too_few()}, so {were} set aside, within `max_rejected_share`, and the model does not know "
            f"{'this class' if len(self.rows) == 1 else 'these classes'}"
        )
        return Finding(rule=Rule.CLASS_SET_ASIDE, line=line, column=target, what=what)

    def beyond(self, target: str, rejected: int, received: int, max_share: float) -> Finding:
        """Why the file is refused. ``rejected``: rows, beside those of these classes."""
        lost = rejected + self.total
        beside = f" and {rejected:,} rejected rows" if rejected else ""
        what = (
            f"{self._too_few()}, and their {self.total:,} rows{beside} are {lost / received:.2%} of all, more than the "
            f"{max_share:.1%} that `max_rejected_share` allows to set aside"
        )
        return Finding(rule=Rule.CLASSES_TOO_SMALL, column=target, what=what)

    def _too_few(self) -> str:
        have, they = ("class", "has") if len(self.rows) == 1 else ("classes", "have")
        few = f"fewer than the {MIN_ROWS_PER_CLASS} rows that the split needs"
        return f"the {have} {_with_rows(self.rows)} {they} {few}"


def small_classes(labels: Levels, config: DatasetConfig) -> SmallClasses:
    """The labels with fewer rows than a class needs; none if there are too many labels to count each.

    Args:
        labels: of the rows that are not rejected.
        config: of the dataset.
    """
    if not labels.exact:
        return SmallClasses({}, 0)
    table = labels.table().sort(["rows", "cell"], descending=[True, False])
    few = table.filter(pl.col("rows") < MIN_ROWS_PER_CLASS)
    rows = {str(label): int(count) for label, count in few.select("cell", "rows").iter_rows()}
    asked = (config.positive, *(facet.favoured_label for facet in config.facets))
    named = {label.strip(WHITESPACE) for label in asked if label is not None}
    return SmallClasses(rows, table.height - few.height, tuple(label for label in rows if label in named))


def unknown_labels(labels: Collection[str], config: DatasetConfig, target: str) -> list[Finding]:
    """What is said of labels under ``classes`` that the file does not have.

    Args:
        labels: as they stand in the file.
        config: of the dataset.
        target: the column.
    """
    if config.classes is None:
        return []
    findings = []
    for label in config.classes.named:
        if label in labels:
            continue
        near = nearest(label, labels)
        hint = f"did you mean `{shown(near)}`? " if near is not None else ""
        what = f"`classes` names `{shown(label)}`, which is not a label; {hint}the labels are {listed(sorted(labels))}"
        findings.append(Finding(rule=Rule.CLASS_UNKNOWN, column=target, what=what))
    return findings


def _with_rows(rows: Mapping[str, int], max_labels: int = 10) -> str:
    said = [f"`{shown(label)}` ({count} {'row' if count == 1 else 'rows'})" for label, count in rows.items()]
    if len(said) > max_labels:
        return f"{', '.join(said[:max_labels])} and {len(said) - max_labels:,} more"
    return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
