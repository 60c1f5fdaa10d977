"""How one raw record becomes the numbers that the model sees: the one definition, written to ``recipe.json``.

Built-in XGBoost takes numbers only. Validation learns a recipe (types on the whole file, levels and ranks on the
training part alone) and the training files are made from it by the table engine (``tabular.transform``); a single
prediction is made from it here, by :meth:`Recipe.apply`. A property test holds the two to the same numbers, so that
training and serving cannot drift apart.

Semantics, for both:

- A cell is trimmed of :data:`WHITESPACE`; if what is left is one of the recipe's missing tokens (or nothing), the cell
  is missing. Every feature made from a missing cell is missing: NaN here, an empty cell in CSV, NaN to XGBoost.
- ``number``: decimal or exponent notation in the column's one ``Notation`` (``sluice.dataset.numbers``); no infinities.
  If the column has a ``form``, its texts have a unit, a currency or a multiplier, or are durations. The number is then
  in the column's unit, and a JSON number is taken to be in it.
- ``boolean``: one of the pairs of :data:`BOOLEAN_PAIRS` in any case; 0 or 1.
- ``one_hot``: one feature a level, 1 if equal. A level that training did not see: 0 in all of them.
- ``frequency_rank``: 1 for the commonest level of the training part, 2 for the next. A level that it did not see, one
  that it saw once, or one too rare to be listed: number of levels + 1, so that it sorts after the rarest. Recipes of
  version 1 rank levels that were seen once, too. With ``rates`` there follow the shares of classes, or the mean of the
  number to predict, beside the level in the training part; of a level that has no rank of its own, those of the whole
  part. The rows that the model learns from have other rates, without their own fold (``tabular.target_rates``).
  Recipes before version 4 have none.
- ``one_hot`` and ``frequency_rank`` with ``merged``: all spellings of a level are that level
  (``sluice.dataset.spellings``).
- ``date``: a date in the column's one ``DateForm`` (``sluice.dataset.dates``), an optional time of day ignored but for
  the hour, which is that of the column's own time zone; its parts as numbers.
- ``text_score``: a free text, as what its terms (``sluice.dataset.texts``) say of the target: the sum of the weights of
  those that are listed, by the square root of how many they are; 0 if none is. There is one score for the positive
  class if there are two classes, one for each if there are more, and one for a target of numbers. The rows that the
  model learns from have other weights, learned without their own fold (``tabular.text_scores``). Recipes before
  version 5 have none.
- ``dropped``: no feature, with the reason.
"""

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from sluice.dataset.dates import EPOCH, DateForm, DateFormat, read_date
from sluice.dataset.numbers import Notation, NumberForm, number_example, read_number
from sluice.dataset.spellings import word_of
from sluice.dataset.texts import terms_of
from sluice.documents import ExactDocument, Part
from sluice.messages import Task

type Cell = str | int | float | bool | None

WHITESPACE: Final = " \t\n\r\v\f\u00a0"

FLOAT32_MAX: Final = 3.4028234663852886e38
"""XGBoost holds features as float32; the container refuses what does not fit."""

BOOLEAN_PAIRS: Final = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
FALSE_WORDS: Final = frozenset(pair[0] for pair in BOOLEAN_PAIRS)
TRUE_WORDS: Final = frozenset(pair[1] for pair in BOOLEAN_PAIRS)

SCORE_DIGITS: Final = 4
"""After the point, of the score of a text."""

type DatePart = Literal["year", "month", "day", "weekday", "days", "hour"]
DATE_PARTS: Final[tuple[DatePart, ...]] = ("year", "month", "day", "weekday", "days")
PERIOD_PARTS: Final[tuple[DatePart, ...]] = ("year", "month", "days")
"""Of a month, a quarter or a week."""


class Problem(NamedTuple):
    """What is wrong with one cell of a record; ``what`` does not name the column again."""

    column: str
    what: str

    def __str__(self) -> str:
        return f"column `{self.column}`: {self.what}"


class RecordError(ValueError):
    """A record that the recipe cannot take. ``problems`` are sentences, each naming the column and the remedy; if
    they are of cells, ``by_column`` has them with the column apart."""

    def __init__(self, problems: Sequence[str | Problem]) -> None:
        self.problems = [str(problem) for problem in problems]
        self.by_column = tuple(problem for problem in problems if isinstance(problem, Problem))
        super().__init__("; ".join(self.problems))


class Target(Part):
    name: str
    task: Task = Field("classification", description="What is predicted: one of the classes, or a number.")
    classes: tuple[str, ...] = Field(
        (), description="Label text by class number; the positive class is last. None of a target of numbers."
    )

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if (len(self.classes) < 2) if self.task == "classification" else self.classes:
            raise ValueError("a target has two classes or more, or is a number")
        return self


class _Column(Part):
    name: str

    @property
    def width(self) -> int:
        """Number of its features, which costs less than their names."""
        return 1

    def feature_names(self) -> tuple[str, ...]:
        return (self.name,)

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        """The features of a cell that is not missing. Raises ValueError with what was expected."""
        raise NotImplementedError


class NumberColumn(_Column):
    kind: Literal["number"] = "number"
    integer: bool = Field(False, description="Every value seen was whole; only says how the files write it.")
    notation: Notation = Field("plain", description="How texts write its numbers; JSON numbers are what they are.")
    form: NumberForm | None = Field(
        None, description="What stands around the figures; JSON numbers are in the column's unit, as the features are."
    )
    minimum: float | None = Field(None, description="Of the training part; None if not known.")
    maximum: float | None = Field(None, description="Of the training part; None if not known.")

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        number = None if isinstance(cell, bool) else self._number(cell)
        if number is None:
            raise ValueError(f"expected a number such as {number_example(self.notation, self.form)}")
        if not abs(number) <= FLOAT32_MAX:
            raise ValueError("expected a finite number that fits 32-bit floating point")
        yield number

    def _number(self, cell: str | float) -> float | None:
        return read_number(cell, self.notation, self.form) if isinstance(cell, str) else float(cell)


class BooleanColumn(_Column):
    kind: Literal["boolean"] = "boolean"

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        word = str(cell).lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise ValueError("expected true or false, yes or no")
        yield float(word in TRUE_WORDS)


class OneHotColumn(_Column):
    kind: Literal["one_hot"] = "one_hot"
    levels: tuple[str, ...] = Field(description="Levels of the training part, sorted by code point.")
    merged: bool = Field(False, description="Spellings of a level are one; levels are words as `word_of` makes them.")

    @property
    def width(self) -> int:
        return len(self.levels)

    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={level}" for level in self.levels)

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        text = word_of(str(cell)) if self.merged else str(cell)
        return (float(text == level) for level in self.levels)


class TargetRates(Part):
    """Shares of classes in the training part: of the positive class alone if there are two, otherwise of each; the mean
    of a target of numbers."""

    prior: tuple[float, ...] = Field(min_length=1, description="Of the whole part, and of levels that are not listed.")
    levels: tuple[tuple[float, ...], ...] = Field(
        description="Beside each of the column's levels, smoothed towards those of the whole part."
    )


class FrequencyRankColumn(_Column):
    kind: Literal["frequency_rank"] = "frequency_rank"
    levels: tuple[str, ...] = Field(description="Levels of the training part, commonest first; ties by code point.")
    merged: bool = Field(False, description="Spellings of a level are one; levels are words as `word_of` makes them.")
    once: tuple[str, ...] = Field(
        (), description="Levels that the training part has once, by code point. They have the rank of unseen ones."
    )
    all_listed: bool = Field(True, description="False: the training part has rarer levels, which are not listed.")
    rates: TargetRates | None = Field(
        None, description="Of the target beside the levels; none if these hardly differ in it."
    )

    @model_validator(mode="after")
    def _each_level_has_its_rates(self) -> Self:
        if self.rates is not None:
            widths = {len(self.rates.prior), *map(len, self.rates.levels)}
            if len(self.rates.levels) != len(self.levels) or len(widths) > 1:
                raise ValueError(f"the rates of column `{self.name}` are not those of its levels")
        return self

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {level: rank for rank, level in enumerate(self.levels, start=1)}

    @property
    def unseen(self) -> int:
        """The rank of every level that is not listed."""
        return len(self.levels) + 1

    @cached_property
    def _seen(self) -> frozenset[str]:
        return frozenset({*self.levels, *self.once})

    def has_seen(self, cell: str | int | float | bool) -> bool:
        """Whether training saw the level, be it once; meant for columns that are ``all_listed``."""
        return self._level(cell) in self._seen

    def _level(self, cell: str | int | float | bool) -> str:
        return word_of(str(cell)) if self.merged else str(cell)

    @property
    def width(self) -> int:
        return 1 if self.rates is None else 1 + len(self.rates.prior)

    def feature_names(self) -> tuple[str, ...]:
        rates = () if self.rates is None else self.rates.prior
        return (f"{self.name}#rank", *(f"{self.name}#rate{number}" for number, _ in enumerate(rates, start=1)))

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        rank = self._ranks.get(self._level(cell), self.unseen)
        yield float(rank)
        if self.rates is not None:
            yield from self.rates.prior if rank == self.unseen else self.rates.levels[rank - 1]


class DateColumn(_Column):
    kind: Literal["date"] = "date"
    format: DateFormat = Field("iso", description="How texts write its dates.")
    zone: str = Field(
        "", description="Of its times, an offset (`+02:00`) or an abbreviation (`CET`); blank if it is UTC or not said."
    )
    first_year: int | None = Field(
        None, description="Its years have two digits, and are those of the hundred years from this one on."
    )
    parts: tuple[DatePart, ...] = Field(
        DATE_PARTS, description="weekday: Monday 1 to Sunday 7; days: since 1970-01-01; hour: 0 if no time is given."
    )
    minimum: datetime.date | None = Field(None, description="Of the training part; None if not known.")
    maximum: datetime.date | None = Field(None, description="Of the training part; None if not known.")

    @cached_property
    def form(self) -> DateForm:
        return DateForm(self.format, self.zone, self.first_year)

    @property
    def width(self) -> int:
        return len(self.parts)

    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}.{part}" for part in self.parts)

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        read = read_date(str(cell), self.form)
        if read is None:
            raise ValueError(f"expected a date such as {self.form.example}")
        day, hour = read
        values: dict[DatePart, int] = {
            "year": day.year,
            "month": day.month,
            "day": day.day,
            "weekday": day.isoweekday(),
            "days": (day - EPOCH).days,
            "hour": hour or 0,
        }
        return (float(values[part]) for part in self.parts)


class TextScoreColumn(_Column):
    kind: Literal["text_score"] = "text_score"
    terms: tuple[str, ...] = Field(description="Those that have a weight, by code point.")
    weights: tuple[tuple[int, ...], ...] = Field(
        min_length=1,
        description="By score, those of the terms, in thousandths: of log odds, or of a standard deviation of a target "
        "of numbers.",
    )
    always_known: bool = Field(
        False, description="Nearly every text of the training part has a word that is listed: one without is outside."
    )

    @model_validator(mode="after")
    def _each_term_has_its_weights(self) -> Self:
        if any(len(weights) != len(self.terms) for weights in self.weights):
            raise ValueError(f"the weights of column `{self.name}` are not those of its terms")
        return self

    @property
    def width(self) -> int:
        return len(self.weights)

    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}#score{number}" for number, _ in enumerate(self.weights, start=1))

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(self.terms)

    @cached_property
    def _by_term(self) -> tuple[dict[str, int], ...]:
        return tuple(dict(zip(self.terms, weights, strict=True)) for weights in self.weights)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(term for term in self.terms if " " not in term and any(map(str.isalnum, term)))

    def knows(self, cell: str | int | float | bool) -> bool:
        """Whether a word of the text is listed: signs stand in any language."""
        return not self._words.isdisjoint(terms_of(str(cell)))

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        known = self._listed & terms_of(str(cell))
        scale = 1000 * math.sqrt(len(known) or 1)  # the weights are whole, so the order of the terms is no matter
        return (round(sum(map(weights.__getitem__, known)) / scale, SCORE_DIGITS) for weights in self._by_term)


class DroppedColumn(_Column):
    kind: Literal["dropped"] = "dropped"
    reason: str

    @property
    def width(self) -> int:
        return 0

    def feature_names(self) -> tuple[str, ...]:
        return ()

    def numbers(self, cell: str | int | float | bool) -> Iterator[float]:
        return iter(())


type Column = Annotated[
    NumberColumn | BooleanColumn | OneHotColumn | FrequencyRankColumn | DateColumn | TextScoreColumn | DroppedColumn,
    Field(discriminator="kind"),
]


class Feature(Part):
    """One column of the training files after the label."""

    name: str
    source: str = Field(description="Header of the column that it is made from.")


class Recipe(ExactDocument):
    """The columns of a table in the file's order, the target apart, and what happens to each."""

    KIND = "recipe"

    schema_version: int = Field(5, ge=1, description="Of the document's format.")
    target: Target
    missing: tuple[str, ...] = Field(description="Cells that mean: no value. Compared after trimming, in exact case.")
    columns: tuple[Column, ...]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The features in the order of the training files."""
        return tuple(
            Feature(name=name, source=column.name) for column in self.columns for name in column.feature_names()
        )

    def apply(self, record: Mapping[str, Cell]) -> list[float]:
        """The features of one record, in the order of :attr:`features`; NaN if missing.

        Args:
            record: cells by header. Dropped columns and the target may be left out; no other column may, and an
                absent value is given as None or an empty text.

        Raises:
            RecordError: a column is missing or unknown, or a value does not fit its column.
        """
        problems = [*self._unknown(record), *self._absent(record)]
        features: list[float] = []
        for column in self.columns:
            cell = record.get(column.name)
            try:
                features.extend(self.column_numbers(column, cell))
            except (ValueError, OverflowError) as error:
                problems.append(Problem(column.name, f"got {self.present(cell)!r}; {error}"))
        if problems:
            raise RecordError(problems)
        return features

    def column_numbers(self, column: Column, cell: Cell) -> list[float]:
        """The features that a cell of one of the columns becomes; NaN if it is missing.

        Raises:
            ValueError: the cell does not fit the column; says what was expected.
            OverflowError: it is a whole number beyond 64-bit floating point.
        """
        present = self.present(cell)
        return [math.nan] * column.width if present is None else list(column.numbers(present))

    def class_number(self, label: str) -> int:
        """The number that the training files hold for a label.

        Raises:
            RecordError: the label is none of the target's classes.
        """
        text = label.strip(WHITESPACE)
        if text not in self.target.classes:
            raise RecordError([f"target `{self.target.name}`: got {label!r}; known: {', '.join(self.target.classes)}"])
        return self.target.classes.index(text)

    def present(self, cell: Cell) -> str | int | float | bool | None:
        """The trimmed cell, or None if it is missing."""
        if isinstance(cell, str):
            text = cell.strip(WHITESPACE)
            return None if not text or text in self.missing else text
        if isinstance(cell, float) and math.isnan(cell):
            return None
        return cell

    def _unknown(self, record: Mapping[str, Cell]) -> list[Problem]:
        known = {column.name for column in self.columns} | {self.target.name}
        if known.issuperset(record):
            return []
        listed = ", ".join(f"`{column.name}`" for column in self.columns if column.width)
        what = f"unknown; the model was trained on {listed}"
        return [Problem(name, what) for name in record if name not in known]

    def _absent(self, record: Mapping[str, Cell]) -> list[Problem]:
        what = "missing; send it, or null if its value is not known"
        return [Problem(column.name, what) for column in self.columns if column.width and column.name not in record]
