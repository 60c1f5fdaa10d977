"""Reads files of labels: how what was predicted turned out. The text and its rows are read as those of a table are; a
line that is no label is set aside, and a file that cannot hold any is told of."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from sluice.dataset.config import ClassRules
from sluice.dataset.numbers import EXAMPLES, Notation
from sluice.dataset.recipe import Recipe
from sluice.monitoring.quality import SetAside
from sluice.monitoring.truth import Label, Truth
from sluice.prediction.key import key_text
from sluice.wording import nearest, one_line
from tabular.chunks import Chunk, chunks
from tabular.dialect import Dialect, detect
from tabular.encoding import plain_text
from tabular.findings import RefusedError, listed, shown
from tabular.notation import fits, notation_forms, number, read_numbers

PREDICTION_ID: Final = "prediction_id"
ID: Final = "id"
AT: Final = "at"
"""Names of columns; ``prediction_id`` is what ``sluice predict --output`` calls it."""

MAX_TEXT_BYTES: Final = 1 << 30
"""Of one file, unpacked."""

_CLASSES_SHOWN: Final = 10
_END_OF_DAY: Final = datetime.time(23, 59, 59, 999999)


@dataclass(frozen=True)
class Wanted:
    """What the labels of a dataset look like. ``key``: the dataset's key column, if it has one."""

    recipe: Recipe
    key: str | None = None
    classes: ClassRules | None = None

    @property
    def target(self) -> str:
        return self.recipe.target.name


@dataclass
class ReadLabels:
    """What was read of files. ``blank``: lines whose truth is not known yet."""

    labels: list[Label] = field(default_factory=list)
    blank: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    refused: list[SetAside] = field(default_factory=list)
    """Files of which nothing was read."""


def read_labels(
    path: Path, work: Path, name: str, arrived: datetime.datetime, wanted: Wanted, into: ReadLabels
) -> None:
    """Adds the labels of a file.

    Args:
        path: the file, as it was dropped.
        work: a folder for its text.
        name: of the file, in messages.
        arrived: when it was dropped; UTC.
        wanted: what its labels look like.
        into: what was read so far.
    """
    try:
        text = plain_text(path, work, max_bytes=MAX_TEXT_BYTES).path
        dialect = detect(text)
        _Reader(name, arrived, wanted, dialect.header.cells).read(text, dialect, into)
    except RefusedError as refused:
        first = refused.findings[0]
        into.refused.append(SetAside(file=name, line=first.line, what=first.sentence(name)))
    except _NoLabelsError as error:
        into.refused.append(SetAside(file=name, line=error.line, what=f"{one_line(name)}: {error}"))


class _NoLabelsError(Exception):
    """A file that has not the columns that labels need."""

    def __init__(self, what: str, line: int | None = 1) -> None:
        super().__init__(what)
        self.line = line


def _places(names: Sequence[str], wanted: Wanted) -> Mapping[str, int]:
    """The numbers of the columns that are read, by what they are.

    Raises:
        _NoLabelsError: a column is missing, or is there twice.
    """
    # A dataset whose key column is called `id` means that column by it.
    ids = (PREDICTION_ID,) if ID in (wanted.key, wanted.target) else (PREDICTION_ID, ID)
    found: dict[str, int] = {}
    columns = {"id": ids, "key": (wanted.key,) if wanted.key else (), "at": (AT,), "target": (wanted.target,)}
    if AT in (wanted.key, wanted.target):
        columns["at"] = ()
    for what, called in columns.items():
        for column in called:
            if names.count(column) > 1:
                raise _NoLabelsError(f"the header has the column `{shown(column)}` twice. Leave one of them out.")
            if column in names:
                found.setdefault(what, names.index(column))
    if "target" not in found:
        near = nearest(wanted.target, names)
        hint = f" Did you mean `{shown(near)}`?" if near is not None else ""
        raise _NoLabelsError(
            f"it has no column `{shown(wanted.target)}`, the target; the columns are {listed([*names])}.{hint}"
        )
    if "id" not in found and "key" not in found:
        key = f" or the key column `{shown(wanted.key)}`" if wanted.key else ""
        more = "" if wanted.key else " To name records by a column of your own, set `key` in config.yaml."
        raise _NoLabelsError(
            f"nothing in it says which prediction a line is of: it needs the prediction's id in a column "
            f"`{ids[-1]}`{key}; the columns are {listed([*names])}.{more}"
        )
    return found


@dataclass(frozen=True)
class _Fault:
    """Why a line is no label."""

    column: str | None
    what: str


class _Reader:
    """One file."""

    def __init__(self, name: str, arrived: datetime.datetime, wanted: Wanted, header: Sequence[str]) -> None:
        places = _places(header, wanted)
        self._name = name
        self._arrived = arrived
        self._wanted = wanted
        self._places = places
        self._classes = _spellings(wanted)
        self._is_of_numbers = wanted.recipe.target.task == "regression"
        self._id = header[places["id"]] if "id" in places else None

    def read(self, text: Path, dialect: Dialect, into: ReadLabels) -> None:
        notation = self._notation(text, dialect)
        for chunk in chunks(text, dialect):
            for malformed in chunk.malformed:
                column = None if malformed.column is None else dialect.column(malformed.column)
                into.set_aside.append(self._aside(malformed.line, column, f"{malformed.what}; correct the line"))
            wrong: dict[int, _Fault] = {}
            for row, found in enumerate(self._labels(chunk, notation)):
                match found:
                    case None:
                        into.blank += 1
                    case _Fault():
                        wrong[row] = found
                    case _:
                        into.labels.append(found)
            lines = chunk.places([*wrong])
            into.set_aside += [
                self._aside(line, fault.column, fault.what)
                for (line, _, _), fault in zip(lines, wrong.values(), strict=True)
            ]

    def _aside(self, line: int, column: str | None, what: str) -> SetAside:
        return SetAside(file=self._name, line=line, column=column, what=what)

    def _notation(self, text: Path, dialect: Dialect) -> Notation:
        """How the file writes the target's numbers."""
        if not self._is_of_numbers:
            return "plain"
        forms: dict[str, int] = {}
        for chunk in chunks(text, dialect):
            cells = self._target(chunk.cells).drop_nulls().to_frame("cell")
            asked = (form.sum().alias(name) for name, form in notation_forms(pl.col("cell")).items())
            counted = cells.select(pl.len().alias("filled"), *asked).row(0, named=True)
            forms = {name: forms.get(name, 0) + int(count) for name, count in counted.items()}
        return read_numbers(forms, dialect.delimiter).notation if forms.get("filled") else "plain"

    def _target(self, cells: pl.DataFrame) -> pl.Series:
        """Of each row, the cell; null if it is missing."""
        target = cells[f"c{self._places['target']}"]
        missing = ["", *self._wanted.recipe.missing]
        return target.to_frame("cell").select(pl.when(~pl.col("cell").is_in(missing)).then(pl.col("cell"))).to_series()

    def _labels(self, chunk: Chunk, notation: Notation) -> Iterator[Label | _Fault | None]:
        """Of each row its label, or why it has none; None if the truth is not known yet."""
        target = self._target(chunk.cells)
        truths = self._numbers(target, notation) if self._is_of_numbers else self._named(target)
        nothing = [""] * target.len()
        ids, keys, times = (
            chunk.cells[f"c{self._places[what]}"].to_list() if what in self._places else nothing
            for what in ("id", "key", "at")
        )
        rows = zip(target.is_null().to_list(), truths, ids, keys, times, strict=True)
        for row, (blank, truth, id_, key, at) in enumerate(rows, start=chunk.first):
            yield None if blank else self._label(row, truth, id_ or None, key, at)

    def _label(self, row: int, truth: Truth | _Fault, id_: str | None, key: str, at: str) -> Label | _Fault:
        if isinstance(truth, _Fault):
            return truth
        own = key_text(self._wanted.recipe, key)
        if id_ is None and own is None:
            column = self._wanted.key if "key" in self._places else self._id
            return _Fault(column, "it is empty, so it is not known which prediction the line is of; fill it in")
        try:
            moment = _moment(at)
        except ValueError:
            return _Fault(AT, "it is no time; write one such as 2026-11-30 or 2026-11-30T14:05:00Z")
        return Label(id_, own, moment, truth, self._arrived, self._name, row)

    def _numbers(self, target: pl.Series, notation: Notation) -> Iterator[Truth | _Fault]:
        what = f"it is no number; write one such as {EXAMPLES[notation]}, or nothing if it is not known"
        fault = _Fault(self._wanted.target, what)
        frame = target.to_frame("cell").select(fits(number(pl.col("cell"), notation)))
        return (fault if value is None else float(value) for value in frame.to_series().to_list())

    def _named(self, target: pl.Series) -> Iterator[Truth | _Fault]:
        known = listed([*self._wanted.recipe.target.classes], _CLASSES_SHOWN)
        what = f"it is none of the classes {known}; write one of them, or nothing if it is not known"
        fault = _Fault(self._wanted.target, what)
        return (self._classes.get(text, fault) for text in target.to_list())


def _spellings(wanted: Wanted) -> dict[str, str]:
    """The class that each label of a file is learned as."""
    merge = wanted.classes.merge if wanted.classes else {}
    merged = {label.strip(): name.strip() for name, labels in merge.items() for label in labels}
    own = {name: name for name in wanted.recipe.target.classes}
    return {label: name for label, name in (merged | own).items() if name in own}


def _moment(text: str) -> datetime.datetime | None:
    """A time in UTC; a day is its end.

    Raises:
        ValueError: it is none.
    """
    if not text:
        return None
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        moment = datetime.datetime.fromisoformat(text)
    else:
        moment = datetime.datetime.combine(day, _END_OF_DAY)
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)
