"""What a pass over a file is to count and how it reads the file: guesses from the file's first rows, to begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import polars as pl

from sluice.dataset.config import DatasetConfig
from sluice.dataset.dates import NUMBER_LIKE, read_date
from sluice.dataset.numbers import Duration, Notation, Quantity, is_number_like
from tabular.chunks import Chunk
from tabular.columns import Kind, Reading, reading_of
from tabular.dates import NUMBER_LIKE_DATE, day, hour, seconds_of_day
from tabular.dialect import Dialect
from tabular.findings import Rule
from tabular.forms import count_forms
from tabular.identifier_names import SURE, strength
from tabular.notation import NEEDED_SHARE, best_numbers, fits, number
from tabular.patterns import matches
from tabular.quantities import is_single_form, may_be_code, may_be_quantity
from tabular.split import ALL_ROWS, Places, hash_expression

LIKELY_SHARE: Final = 0.5
"""Of a column's first cells: the share from which on a form is counted on all of them."""

_SIGHTED_ROWS: Final = 2_000
_REPEATED_HEADER_SHARE: Final = 0.1
"""Of the first rows: if more equal the first line, they are a common row rather than the header of a joined file."""

_MAX_DISTINCT_CELLS: Final = 1000
"""With more, it stays open whether the name of the column is one of them."""


@dataclass(frozen=True)
class Question:
    """What a pass is to count, and how it reads the file.

    ``edges`` are those of the bins to be counted, by column; ``listed`` the columns whose texts are counted although
    they are numbers or dates; ``sampled``: keep a sample of the numbers; ``placed``: the places are those that fit the
    whole file.
    """

    dialect: Dialect
    config: DatasetConfig
    target: int
    readings: tuple[Reading, ...]
    places: Places
    edges: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    listed: frozenset[int] = frozenset()
    sampled: bool = False
    placed: bool = False
    max_rows: int | None = None
    too_small: frozenset[str] = frozenset()
    """Classes whose rows are set aside."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.dialect.header.cells

    def position(self, name: str | None) -> int | None:
        return None if name is None else self.names.index(name)

    @property
    def stratum(self) -> pl.Expr | None:
        """Within which each part gets its share of the rows; None if their places do not follow from u."""
        if self.time is not None:
            return None
        if self.group is None:
            return pl.col("label")  # of a target of numbers all rows have the same one
        # Of the frame's height, as what rows are filtered by must be.
        return pl.when(pl.col("u").is_not_null()).then(pl.lit(ALL_ROWS))

    @property
    def has_classes(self) -> bool:
        """Whether the target is one of classes; otherwise it is a number."""
        return self.config.task == "classification"

    @property
    def target_value(self) -> list[int]:
        """The target's position if it is a column of numbers that is read so; otherwise none."""
        return [self.target] if not self.has_classes and self.readings[self.target].kind is Kind.NUMBER else []

    @cached_property
    def group(self) -> int | None:
        return self.position(self.config.split.group_by)

    @cached_property
    def time(self) -> int | None:
        return self.position(self.config.split.by_time)

    @cached_property
    def used(self) -> list[int]:
        """The columns that a model may learn from."""
        ruled_out = {*self.config.ruled_out, self.names[self.target], self.config.split.group_by}
        return [i for i, name in enumerate(self.names) if name not in ruled_out]

    @cached_property
    def read(self) -> list[int]:
        """The columns whose cells must be read right: those that are used, and those that the split and the groups of
        ``facets`` go by."""
        return sorted({*self.used, *self.named})

    @cached_property
    def named(self) -> list[int]:
        """The columns that are read right though no model learns from them: the split or a group of numbers goes by
        them, or they are the numbers to predict."""
        facets = (self.names.index(facet.column) for facet in self.config.facets if not facet.group)
        target = [] if self.has_classes else [self.target]
        return sorted({*facets, *target, *([] if self.time is None else [self.time])})

    @cached_property
    def unused(self) -> list[int]:
        others = {*self.used, self.target}
        return [i for i in range(len(self.names)) if i not in others]

    def asking(self, positions: Iterable[int]) -> Question:
        """The same, with some columns asked for all forms of their cells."""
        readings = list(self.readings)
        for i in positions:
            readings[i] = replace(readings[i], asked=True)
        return replace(self, readings=tuple(readings))

    def of_kind(self, *kinds: Kind) -> list[int]:
        return [i for i in self.used if self.readings[i].kind in kinds]

    @cached_property
    def levelled(self) -> list[int]:
        """The columns whose different texts are counted."""
        return [i for i in self.used if self.readings[i].kind is Kind.TEXT or i in self.listed]

    @cached_property
    def hashed(self) -> list[str]:
        """The columns that tell rows apart, in an order that does not depend on the file's.

        What a person ruled out does not: the same case would stand in training and test data.
        """
        by_name = sorted(range(len(self.names)), key=lambda i: self.names[i])
        return [f"c{i}" for i in by_name if self.names[i] not in self.config.ruled_out] or [f"c{i}" for i in by_name]

    @cached_property
    def placed_by(self) -> list[str]:
        """The columns that u is the hash of."""
        return self.hashed if self.group is None else [f"c{self.group}"]

    def hash_of(self, columns: Sequence[str]) -> pl.Expr:
        """``u`` of a row by some columns. Of the target the class is hashed: rows that merging makes equal stay
        together."""
        own = self.label if self.has_classes else pl.col(f"c{self.target}")
        cells = [own if name == f"c{self.target}" else pl.col(name) for name in columns]
        return hash_expression(cells, self.config.split.seed).alias("u")

    @cached_property
    def tokens(self) -> list[str]:
        return sorted({"", *self.config.missing})

    @cached_property
    def label(self) -> pl.Expr:
        """The class of a row, over a chunk's cells: its label, or what this is merged into; one for all rows if the
        target is a number."""
        if not self.has_classes:
            return pl.lit(ALL_ROWS)
        return pl.col(f"c{self.target}") if self.merged is None else self.merged

    @cached_property
    def merged(self) -> pl.Expr | None:
        """The column of the target with merged labels; None if the configuration merges none."""
        rules = self.config.classes
        if rules is None or not rules.merge:
            return None
        return pl.col(f"c{self.target}").replace(rules.class_of)

    def as_learned(self, cells: pl.DataFrame) -> pl.DataFrame:
        """A chunk's cells with merged labels."""
        return cells if self.merged is None else cells.with_columns(self.merged)

    @cached_property
    def left_out(self) -> dict[str, Rule]:
        """The classes whose rows are set aside, with the rule that says why."""
        dropped = [] if self.config.classes is None else [label.strip() for label in self.config.classes.drop]
        return {**dict.fromkeys(dropped, Rule.CLASS_DROPPED), **dict.fromkeys(self.too_small, Rule.CLASS_SET_ASIDE)}

    def is_missing(self, position: int) -> pl.Expr:
        return pl.col(f"c{position}").is_in(self.tokens)

    def value(self, position: int) -> pl.Expr:
        """The number or the date of a cell; null if it is missing or does not fit."""
        reading = self.readings[position]
        if reading.kind is Kind.NUMBER:
            return self.number_of(position, reading.notation, reading.form)
        cell = pl.col(f"c{position}")
        alike = [token for token in self.tokens if read_date(token, reading.date) is not None]
        return _unless_in(alike, cell, day(cell, reading.date))

    def number_of(self, position: int, notation: Notation, form: Quantity | Duration | None) -> pl.Expr:
        """The number of a cell of any column; null if it is missing or no number that is written in that way."""
        cell = pl.col(f"c{position}")
        alike = [token for token in self.tokens if is_number_like(token, notation, form)]
        return _unless_in(alike, cell, fits(number(cell, notation, form)))

    def says_identifier(self, position: int) -> int:
        """How much a column's name says that its values name things (see :func:`strength`). Those of the key do."""
        name = self.names[position]
        return SURE if name == self.config.key else strength(name)

    @property
    def is_random(self) -> bool:
        """Whether chance splits the rows, those of one value of a column into several parts."""
        return self.config.split.group_by is None and self.config.split.by_time is None

    def identity(self, position: int) -> pl.Expr:
        """What tells the values of a column apart: its numbers, or the hashes of its texts; null if it is missing. Of
        a column that no model learns from, the hashes of its cells."""
        if self.readings[position].kind is Kind.NUMBER and position in self.used:
            return pl.col(f"x{position}")
        return pl.when(~self.is_missing(position)).then(pl.col(f"c{position}").hash())

    def moment(self) -> pl.Expr | None:
        """The time of a row that the split uses, as a number that grows with it; null if there is none."""
        if self.time is None:
            return None
        reading = self.readings[self.time]
        if reading.kind is Kind.NUMBER:
            return self.value(self.time).alias("time")
        cell = pl.col(f"c{self.time}")
        days = self.value(self.time).cast(pl.Int32).cast(pl.Float64)
        return (days * 86_400 + seconds_of_day(cell, reading.date)).alias("time")

    @cached_property
    def frame(self) -> list[pl.Expr]:
        """Of each row, over a chunk's cells, all that is counted and written: ``label``; ``u`` for its part, and
        ``time`` where the split uses it; x3, the value of number or date column 3, or of a target of numbers; h4, the
        hour of date column 4; c5, the text of column 5."""
        moment = self.moment()
        return [
            self.label.alias("label"),
            self.hash_of(self.placed_by),
            *([] if moment is None else [moment]),
            *(self.value(i).alias(f"x{i}") for i in [*self.of_kind(Kind.NUMBER, Kind.DATE), *self.target_value]),
            *(hour(pl.col(f"c{i}"), self.readings[i].date).alias(f"h{i}") for i in self.of_kind(Kind.DATE)),
            *(pl.col(f"c{i}") for i in [*self.levelled, *self.unused]),
        ]


def _unless_in(tokens: Sequence[str], cell: pl.Expr, value: pl.Expr) -> pl.Expr:
    """The value, but null if the cell is one of these tokens. Nearly none looks like a value, as -999 does."""
    return pl.when(~cell.is_in(tokens)).then(value) if tokens else value


def sight(first: Chunk, dialect: Dialect, missing: Sequence[str]) -> tuple[tuple[Reading, ...], list[bool | None]]:
    """Readings of the columns by a file's first rows, and whether they hold their own names (see ``columns``).

    Rows that equal the header are another header, as joined exports have it, unless other rows hold its words, too.
    """
    cells = first.cells.head(_SIGHTED_ROWS)
    names = dialect.header.cells
    same = cells.select(pl.all_horizontal(pl.col(f"c{i}") == name for i, name in enumerate(names)).alias("same"))[
        "same"
    ]
    repeated = int(same.sum())
    if not repeated:
        return _sight(cells, dialect, missing)
    readings, held = _sight(cells.filter(~same), dialect, missing)
    if any(held) or repeated > _REPEATED_HEADER_SHARE * cells.height:
        return readings, _sight(cells, dialect, missing)[1]
    return readings, held


def _sight(
    cells: pl.DataFrame, dialect: Dialect, missing: Sequence[str]
) -> tuple[tuple[Reading, ...], list[bool | None]]:
    if not cells.height:
        return (Reading(Kind.TEXT, asked=True),) * dialect.width, [None] * dialect.width
    unlike = cells.select(
        (fits(number(pl.col(name), "plain")).is_null() & (pl.col(name) != "")).any()
        | (pl.col(name) == "").all()
        | may_be_code(pl.col(name)).any()
        | (matches(pl.col(name), NUMBER_LIKE_DATE).sum() >= LIKELY_SHARE * (pl.col(name) != "").sum())
        for name in cells.columns
    ).row(0)
    # With `;` between cells, numbers of which each point stands before three digits may mean thousands.
    doubtful = [i for i, is_unlike in enumerate(unlike) if is_unlike or dialect.delimiter == b";"]
    forms = count_forms(counted(cells, doubtful, sorted({"", *missing})))
    readings = [Reading(Kind.NUMBER)] * dialect.width
    for i in doubtful:
        found = forms.get(i, Counter())
        reading = reading_of(found, dialect.delimiter, asked=False)
        readings[i] = replace(reading, asked=_is_open(reading, found, dialect.delimiter))
    known = zip(cells.iter_columns(), readings, dialect.header.cells, strict=True)
    held = [_holds(column, reading, name) for column, reading, name in known]
    return tuple(readings), held


def _holds(cells: pl.Series, reading: Reading, name: str) -> bool | None:
    """Whether a column holds its own name, or may as well: a date is one of its dates."""
    if reading.kind is Kind.DATE:
        return read_date(name, reading.date) is not None
    if reading.kind is Kind.NUMBER or cells.n_unique() > _MAX_DISTINCT_CELLS:
        return None
    return bool(name) and bool((cells == name).any())


def counted(cells: pl.DataFrame, positions: Sequence[int], tokens: Sequence[str]) -> pl.DataFrame:
    """``column``, the different texts of it that are not missing, ``cell``, and how often each stands, ``rows``."""
    none = pl.DataFrame(schema={"column": pl.Int64, "cell": pl.String, "rows": pl.Int64})
    return pl.concat(
        [
            none,
            *(
                cells[f"c{i}"]  # a select or a group_by of a wide frame is slow
                .to_frame("cell")
                .group_by("cell")
                .agg(pl.len().cast(pl.Int64).alias("rows"))
                .select(pl.lit(i, pl.Int64).alias("column"), "cell", "rows")
                for i in positions
            ),
        ]
    ).filter(~pl.col("cell").is_in(tokens))


def _is_open(reading: Reading, forms: Mapping[str, int], delimiter: bytes) -> bool:
    """Whether later rows may well show that another reading fits better."""
    filled = forms["filled"]
    if not filled:
        return True
    if reading.kind is Kind.NUMBER:
        is_plain = reading.notation == "plain" and reading.form is None
        is_sure = is_plain and best_numbers(forms, delimiter).doubt is None
        is_sure = is_sure and max(forms[form] for form in NUMBER_LIKE) < LIKELY_SHARE * filled
        return not is_sure or filled - forms["plain"] > NEEDED_SHARE * filled
    if reading.kind is Kind.DATE:
        return reading.date.format != "iso" or bool(reading.date.zone) or filled - forms["iso"] > NEEDED_SHARE * filled
    likely = max((count for form, count in forms.items() if is_single_form(form)), default=0)
    return max(likely, may_be_quantity(forms)) >= LIKELY_SHARE * filled
