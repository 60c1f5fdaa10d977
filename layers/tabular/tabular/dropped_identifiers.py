"""Tells which columns that a person ruled out are identifiers whose rows share their label.

A person drops ``customer_id`` because no model should learn from it. A random split puts the rows of a customer into
training and test data all the same, and the other columns may tell who it is: town and year of birth are the same in
each of a customer's rows. So the test may measure how well a model knows customers by heart. The file is refused if
that is certain: the label is the same in all rows of each value, and so are columns that tell the values apart.
Otherwise there is no customer that a model could know, or it knows them by numbers that are only close together: then
it is a warning, and the evaluation measures what it comes to.

A column whose name does not surely say identifier may have been dropped for anything, also because it gives the target
away. It is an identifier if its values are whole numbers or codes and have attributes of their own, as things do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from sluice.wording import in_yaml
from tabular.findings import Finding, Rule, listed
from tabular.identifier_names import MIN_CODED, SURE
from tabular.identifiers import MAX_TOP_SHARE, Identified
from tabular.identities import Identities
from tabular.question import Question
from tabular.sharing import MIN_GAP, MIN_GAP_OF_CATEGORY, Shared, shared

_MIN_CONSTANT: Final = 0.99
"""Of the values with several rows: the share from which on a column is an attribute of the values."""

_MAX_ALIKE: Final = 0.25
"""Other values that have all attributes of a value, in the mean: up to here the attributes tell values apart."""

_MIN_NUMBERS: Final = 0.99
"""Share of plain numbers from which on the values have an order, and neighbours."""

_MAX_SHOWN: Final = 3


@dataclass(frozen=True)
class Attributes:
    """Columns that are the same in all rows of a value, and how many other values have the same in all of them."""

    columns: tuple[str, ...]
    alike: float

    @property
    def tell_apart(self) -> bool:
        return bool(self.columns) and self.alike <= _MAX_ALIKE


def identify_dropped(identities: Identities, question: Question, used: Collection[int]) -> Iterator[Identified]:
    """The dropped columns that are identifiers whose rows share their label.

    Args:
        identities: samples of the table, which are taken only if the split is random.
        question: as they were taken, with the split.
        used: the columns that the model learns from, by position.
    """
    names, of_used = question.names, {f"v{position}" for position in used}
    for position, sample in sorted(identities.dropped.items()):
        table = sample.table()
        if table is None:
            continue
        name, says = names[position], question.says_identifier(position)
        evidence = _evidence(table.filter(question.places.part() == 0), compared=len(names))
        if evidence is None or not _is_worth_a_look(evidence, says, table):
            continue
        attributes = attributes_of(table, sample.share, {v: identities.name(v) for v in table.columns if v in of_used})
        if _shares(evidence, attributes, says):
            certain = evidence.label_is_constant and attributes.tell_apart
            refuses = certain and question.config.leaks.action == "refuse"
            yield _found(position, name, evidence, attributes, refuses=refuses)


def _evidence(train: pl.DataFrame, compared: int) -> Shared | None:
    number = train["number"]
    ordered = train.height > 0 and 1 - number.null_count() / train.height >= _MIN_NUMBERS
    told = [name for name in ("label", "y") if name in train.columns]
    if not ordered:
        return shared(train.select("value", *told), ordered=False, compared=compared)
    return shared(train.select(number.alias("value"), *told).drop_nulls("value"), ordered=True, compared=compared)


def _is_worth_a_look(evidence: Shared, says: int, table: pl.DataFrame) -> bool:
    if not evidence.beyond_chance(MIN_GAP):
        return False
    if says == SURE:
        return True
    number = table["number"]
    whole = bool((number == number.floor()).all()) and number.null_count() <= (1 - _MIN_NUMBERS) * table.height
    coded = number.null_count() == table.height and float(table["coded"].mean() or 0.0) >= MIN_CODED  # type: ignore[arg-type]
    return evidence.top_share <= MAX_TOP_SHARE and (whole or coded)


def _shares(evidence: Shared, attributes: Attributes, says: int) -> bool:
    if says == SURE:
        return True
    if not attributes.tell_apart:
        return False
    return evidence.label_is_constant or (says > 0 and evidence.beyond_chance(MIN_GAP_OF_CATEGORY))


def attributes_of(table: pl.DataFrame, share: float, names: Mapping[str, str]) -> Attributes:
    """The columns that are attributes of the values.

    Args:
        table: ``value`` and v0, v1, ... of different rows, ordered.
        share: of the table's values, which are in the sample with all their rows.
        names: the columns among v0, v1, ... that may be, and what they are called.
    """
    columns = [*names]
    by_value = table.group_by("value", maintain_order=True).agg(
        pl.len().alias("n"),
        *(pl.col(column).first() for column in columns),
        *(pl.col(column).n_unique().alias(f"{column} different") for column in columns),
    )
    repeated = by_value.filter(pl.col("n") > 1)
    if not repeated.height:
        return Attributes((), 0.0)
    constant = repeated.select((pl.col(f"{column} different") == 1).mean().alias(column) for column in columns)
    same = [column for column in columns if (constant[column].item() or 0.0) >= _MIN_CONSTANT]
    same = [column for column in same if by_value[column].n_unique() > 1]
    if not same:
        return Attributes((), 0.0)
    alike = by_value.group_by(same).len()["len"].cast(pl.Float64)
    others = float((alike * (alike - 1)).sum()) / by_value.height / share
    most_telling = sorted(same, key=lambda column: -by_value[column].n_unique())
    return Attributes(tuple(names[column] for column in most_telling), others)


def _found(position: int, name: str, evidence: Shared, attributes: Attributes, *, refuses: bool) -> Identified:
    setting = f"`split: {{group_by: {in_yaml(name)}}}`"
    rows = "no model learns from it, but rows with the same value"
    if refuses:
        what = (
            f"{rows} have the same {evidence.target} ({evidence.values:,} values, {evidence.rows_per_value:,.1f} rows "
            f"each on average), and are the same in {_named(attributes)}, by which a model can tell the values apart. "
            f"A random split puts them into training and test data: {evidence.losses}. The test would measure "
            f"the first; with {setting} it measures the second"
        )
        finding = Finding(rule=Rule.LABEL_BY_IDENTIFIER, column=name, what=what)
        return Identified(position, None, finding, refuses=True)
    known = f" (they are the same in {_named(attributes)})" if attributes.tell_apart else ""
    what = (
        f"{rows} share their {evidence.target} beyond chance: {evidence.losses}. A random split puts them into "
        f"training and test data, so the test may flatter a model that knows them by other columns{known}; {setting} "
        "keeps them together"
    )
    return Identified(position, None, Finding(rule=Rule.LABEL_SHARED, column=name, what=what), gap=evidence.gap)


def _named(attributes: Attributes) -> str:
    more = len(attributes.columns) - _MAX_SHOWN
    named = listed(list(attributes.columns[:_MAX_SHOWN]))
    return f"{named} and {more} more columns" if more > 0 else named
