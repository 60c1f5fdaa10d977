"""A valid table is never refused; a valid table with one thing broken is always told of, in its rule and place.

Tables of every make are generated: kinds of columns, names, delimiters, line ends, quotes, encodings. They are valid,
and what is done to them breaks them, by construction, so nothing is filtered out by asking the program. Hypothesis
draws what tables and breakages are made of; the cells are then chosen by a seed, which is much faster than drawing
each.
"""

from __future__ import annotations

import gzip
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from sluice.dataset.config import DatasetConfig
from sluice.dataset.recipe import BOOLEAN_PAIRS, WHITESPACE, Recipe
from tabular import TableReport, validate_table
from tabular.findings import Rule
from tests.search import examples
from tests.unit.tabular.conftest import FIRST, Judged

DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
MISSING: Final = DatasetConfig.model_validate({}).missing
LABEL: Final = "label"
INVISIBLE: Final = "\u200b\u2060\ufeff"
"""What is left out of names."""
NUMBERS: Final = ("number", "integer", "decimal comma")
DATES: Final = ("date", "time")
TEXTS: Final = ("few", "accented", "many", "flag")
VARIED: Final = ("number", "integer", "many", *DATES)
"""Kinds of which enough values are different to tell all rows apart."""
KEPT: Final = ("number", "few", "accented", "flag", *DATES)
"""Kinds of which no column looks like an identifier, so that a model is left something to learn from."""

MIN_CLASS_ROWS: Final = 18
"""Different rows. Of fewer, so few may train by chance that the split is refused: of 12 once in 5,000 tables."""

ALLOWED_WARNINGS: Final = {
    Rule.SMALL_TEST_PART,
    Rule.SPELLINGS,
    Rule.LEADING_ZEROS,
    Rule.DUPLICATE_ROWS,
    Rule.REPEATED_IN_TEST,
    Rule.INEXACT_INTEGERS,
    Rule.NUMBER_NOTATION,
    Rule.MULTI_LINE_CELL,
}
"""What is true of valid tables here and there."""

# How a table is written.


@dataclass(frozen=True)
class Make:
    delimiter: str
    ending: str
    all_quoted: bool
    ended: bool
    encoding: str
    marked: bool
    zipped: bool

    def cell(self, text: str, *, special: str = "") -> str:
        if self.all_quoted or set(text) & {self.delimiter, *'"\r\n', *special}:
            return quoted(text)
        return text

    def row(self, cells: Sequence[str]) -> str:
        return self.delimiter.join(map(self.cell, cells))

    def header(self, names: Sequence[str]) -> str:
        """Names with any delimiter in them are quoted: otherwise that might be taken for the file's, and rightly so."""
        return self.delimiter.join(self.cell(name, special="".join(DELIMITERS)) for name in names)

    def text(self, records: Sequence[str]) -> str:
        return self.ending.join(records) + self.ending * self.ended

    def encoded(self, text: str) -> bytes:
        return ("\ufeff" * self.marked + text).encode(self.encoding)

    def packed(self, content: bytes) -> bytes:
        """Of two members where it is zipped: an archive may have several."""
        middle = len(content) // 2
        members = (content[:middle], content[middle:])
        return b"".join(gzip.compress(one, mtime=0) for one in members) if self.zipped else content

    def file(self, text: str) -> bytes:
        return self.packed(self.encoded(text))


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@st.composite
def makes(draw: st.DrawFn) -> Make:
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-16-le", "utf-16-be"]))
    return Make(
        delimiter=draw(st.sampled_from([*DELIMITERS])),
        ending=draw(st.sampled_from(["\n", "\r\n"])),
        all_quoted=draw(st.booleans()),
        ended=draw(st.booleans()),
        encoding=encoding,
        marked=encoding != "utf-8" or draw(st.booleans()),
        zipped=draw(st.booleans()),
    )


# What a table holds.


@dataclass(frozen=True)
class Table:
    """``header`` as it is written, blanks around names included. One of the ``kinds`` is the label. ``named``: the
    configuration names the target, whose name is one of the conventional ones otherwise."""

    make: Make
    header: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    named: bool

    @property
    def names(self) -> list[str]:
        return ["".join(char for char in name if char not in INVISIBLE).strip() for name in self.header]

    @property
    def target(self) -> int:
        return self.kinds.index(LABEL)

    @property
    def config(self) -> dict[str, Any]:
        return {"target": self.names[self.target]} if self.named else {}

    @property
    def labels(self) -> list[str]:
        return [row[self.target].strip(WHITESPACE) for row in self.rows]

    def records(self) -> list[str]:
        return [self.make.header(self.header), *map(self.make.row, self.rows)]

    def file(self) -> bytes:
        return self.make.file(self.make.text(self.records()))

    def labelled(self, labels: Sequence[str]) -> Table:
        rows = [
            (*row[: self.target], label, *row[self.target + 1 :]) for row, label in zip(self.rows, labels, strict=True)
        ]
        return replace(self, rows=tuple(rows))


# Neither has an underscore, which every name has: no name is one of its column's values.
LETTERS: Final = st.characters(exclude_categories=["Cc", "Cs", "Zs"], exclude_characters='_,;|"\ufeff')
WORDS: Final = st.text(LETTERS, min_size=1, max_size=4).map(lambda text: f"w{text}")
LABELS: Final = (
    "yes",
    "no",
    "α",
    "two\nlines",
    "0",
    "1",
    "-1",
    "2.5",
    "日本",
    "it's",
    'say "hi"',
    "a, b",
    "x;y|z",
    "a b",
)
CASED: Final = 4
"""So many of the labels, the first ones, have letters of two cases."""
NAMES: Final = st.one_of(
    WORDS,
    st.sampled_from(
        ["größe", "customer name", 'so "called"', "it's", "年齢", "=SUM(A1)", "-5", "two\nlines", "a,b;c", "KG"]
    ),
)
SPELLINGS: Final = ("red", "Red", " blue", "it's", '"q"', "a, b", "x;y", "two\nlines", "tab\tbed", "to be | not", "🙂")
ACCENTED: Final = ("Zürich", "Köln", "日本", "Αθήνα", "naïve")
JOINTS: Final = (" ", "-", ",", ";", "\t", "|", '"', "'", "\\", "\n", "\r\n", "\r", "\u2028", "\u00a0")


def a_number(chance: random.Random) -> str:
    value = chance.choice([chance.uniform(-1, 1), chance.uniform(-1e6, 1e6), chance.uniform(-1, 1) * 1e30])
    edges = ("+5", ".5", "5.", "-0", "1E3", "1e-400", "007", " 3 ", "-.5e-3", "123456789012345678", "0.1")
    return chance.choice([repr(value), f"{value:.3f}", f"{value:+.2e}", chance.choice(edges)])


def an_integer(chance: random.Random) -> str:
    return chance.choice([str(chance.randint(-1000, 1000)), str(chance.randint(-(10**6), 10**6)), "+7", "007", " 4"])


def a_decimal_comma(chance: random.Random) -> str:
    whole, part = chance.randint(-2000, 2000), chance.randint(0, 99)
    grouped = f"{whole:,}".replace(",", chance.choice([".", "", " "]))
    return chance.choice([f"{whole},{part}", f"{grouped},{part:02}", f",{part}", f"{whole},5e-3", str(part)])


def a_date(chance: random.Random) -> str:
    year = chance.choice([chance.randint(1990, 2030), chance.randint(1000, 2999)])
    return f"{year}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def a_time(chance: random.Random) -> str:
    hour = f"{chance.choice('T ')}{chance.randint(0, 23):02}:{chance.randint(0, 59):02}"
    return a_date(chance) + chance.choice(["", hour, hour + ":07", hour + ":59.125", hour + ":30Z"])


@st.composite
def values(draw: st.DrawFn, kind: str) -> Callable[[random.Random], str]:
    """Makes cells of a column of that kind."""
    if kind == "many":
        words = draw(st.lists(WORDS, min_size=12, max_size=12))

        def many(chance: random.Random) -> str:
            # Delimiters and line ends have a word on either side. A cell of which a line is a row by itself would be
            # told of, and rightly so.
            text = chance.choice(words)
            for joint in chance.choices(JOINTS, k=chance.randint(0, 3)):
                text += joint + chance.choice(words)
            return text

        return many
    if kind == "flag":
        pair = draw(st.sampled_from(BOOLEAN_PAIRS))
        spelt = [word for no_or_yes in pair for word in (no_or_yes, no_or_yes.title(), no_or_yes.upper() + " ")]
        return lambda chance: chance.choice(spelt)
    if kind in {"few", "accented"}:
        pool = draw(
            st.lists(st.sampled_from(SPELLINGS if kind == "few" else ACCENTED), min_size=2, max_size=5, unique=True)
        )
        return lambda chance: chance.choice(pool)
    return {
        "number": a_number,
        "integer": an_integer,
        "decimal comma": a_decimal_comma,
        "date": a_date,
        "time": a_time,
    }[kind]


@st.composite
def tables(
    draw: st.DrawFn, *, needed: Sequence[str] = (), among: Sequence[str] = (), make: Make | None = None
) -> Table:
    """Valid tables.

    Args:
        needed: a column is of one of these kinds.
        among: the kinds there may be; all by default.
        make: how they are written; otherwise drawn.
    """
    make = make or draw(makes())
    allowed = [*(among or (*NUMBERS, *DATES, *TEXTS))]
    if make.delimiter != ";":
        allowed = [kind for kind in allowed if kind != "decimal comma"]
    groups = (KEPT, VARIED, *([needed] if needed else []))
    kinds = [draw(st.sampled_from([kind for kind in group if kind in allowed])) for group in groups]
    kinds += draw(st.lists(st.sampled_from(allowed), max_size=8 - len(kinds)))
    kinds = draw(st.permutations([LABEL, *kinds]))
    columns = {i: draw(values(kind)) for i, kind in enumerate(kinds) if kind != LABEL}
    gaps = [draw(st.sampled_from([0, 0.05, 0.3])) for _ in kinds]
    named = draw(st.booleans())
    names = [draw(st.sampled_from(["{}_{}", "_{1} {0}", " {}_{}  "])).format(draw(NAMES), i) for i in range(len(kinds))]
    if not named:
        names[kinds.index(LABEL)] = draw(st.sampled_from(["target", "Label", "CLASS", "Y"]))
    classes = [
        draw(st.sampled_from(LABELS[:CASED])),
        *draw(st.lists(st.sampled_from(LABELS[CASED:]), min_size=1, max_size=3, unique=True)),
    ]
    size = draw(st.integers(max(60, MIN_CLASS_ROWS * len(classes)), 117))
    chance = random.Random(draw(st.integers(0, 1 << 32)))  # noqa: S311
    labels = [*classes * MIN_CLASS_ROWS, *chance.choices(classes, k=size - MIN_CLASS_ROWS * len(classes))]
    chance.shuffle(labels)
    rows: list[list[str]] = []
    seen: set[tuple[str, ...]] = set()
    while len(rows) < size:
        # Every third row has no gap, so that a column of numbers or dates has at least 20 of them.
        cells = [
            ""
            if kind == LABEL
            else chance.choice(MISSING)
            if len(rows) % 3 and chance.random() < gap
            else columns[i](chance)
            for i, (kind, gap) in enumerate(zip(kinds, gaps, strict=True))
        ]
        if (told := tuple(cell.strip(WHITESPACE) for cell in cells)) not in seen:
            seen.add(told)
            rows.append(cells)
    _vary(rows, kinds, columns)
    for row, label in zip(rows, labels, strict=True):
        row[kinds.index(LABEL)] = chance.choice(["", "", " "]) + label
    for _ in range(draw(st.integers(0, 3))):
        rows.insert(chance.randint(1, len(rows)), chance.choice(rows))
    return Table(make, tuple(names), tuple(kinds), tuple(map(tuple, rows)), named)


def _vary(rows: list[list[str]], kinds: Sequence[str], columns: dict[int, Callable[[random.Random], str]]) -> None:
    """Makes sure that columns of few values have two, and that the first row's value stands again below."""
    for i in (i for i, kind in enumerate(kinds) if kind in TEXTS and kind != "many"):
        chance = random.Random(0)  # noqa: S311
        first = rows[0][i]
        while _value(kinds[i], rows[3][i]) == _value(kinds[i], first):
            rows[3][i] = columns[i](chance)
        rows[6][i] = first


def _value(kind: str, cell: str) -> str:
    """Case tells texts apart, but not booleans."""
    return cell.strip(WHITESPACE).lower() if kind == "flag" else cell.strip(WHITESPACE)


# How a table is judged.


@dataclass(frozen=True)
class Outcome:
    report: TableReport
    rejected: list[dict[str, str]]
    recipe: Recipe | None
    parts: list[list[str]]


def judged(content: bytes, config: dict[str, Any]) -> Outcome:
    note(f"config {config}")
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.csv", Path(folder) / "out"
        path.write_bytes(content)
        parsed = DatasetConfig.model_validate(config)
        report = validate_table(path, name="table.csv", config=parsed, default_target=None, out=out, contract=FIRST)
        found = Judged(report, out)
        note(f"reasons {report.reasons}, warnings {report.warnings}")
        if report.verdict == "accepted":
            return Outcome(report, found.rejected_rows, found.recipe, found.rows())
        assert report.reasons
        assert not (out / "train").exists()
        assert not (out / "recipe.json").exists()
        return Outcome(report, found.rejected_rows, None, [])


def check_accepted(outcome: Outcome, table: Table, aside: Sequence[int] = ()) -> None:
    """All rows but those are in the parts, each with the numbers that the recipe makes of it; and the make is known."""
    report, recipe, make = outcome.report, outcome.recipe, table.make
    assert report.verdict == "accepted", report.reasons
    assert recipe is not None
    kept = [dict(zip(table.names, row, strict=True)) for i, row in enumerate(table.rows) if i not in aside]
    assert (report.rows.received, report.rows.accepted, report.rows.rejected) == (
        len(table.rows),
        len(kept),
        len(aside),
    )
    assert report.rows.train + report.rows.validation + report.rows.test == len(kept) == len(outcome.parts)
    # Training rows have rates of classes without their own fold (test_target_rates.py).
    same = [0, *(i for i, feature in enumerate(recipe.features, start=1) if "#rate" not in feature.name)]
    made = [(recipe.class_number(row[recipe.target.name]), *map(_told, recipe.apply(row))) for row in kept]
    read = [[float(cell) if cell else None for cell in row] for row in outcome.parts]
    assert Counter(tuple(row[i] for i in same) for row in read) == Counter(tuple(row[i] for i in same) for row in made)
    assert report.dialect is not None
    assert report.dialect.encoding == ("utf-8" if make.encoding == "utf-8" else "utf-16")
    assert report.dialect.compression == ("gzip" if make.zipped else None)
    assert report.dialect.delimiter == DELIMITERS[make.delimiter]
    assert report.dialect.header_line == 1
    assert [column.name for column in report.columns] == table.names


def _told(number: float) -> float | None:
    """NaN does not equal itself."""
    return None if math.isnan(number) else number


def listed(name: str) -> str:
    """A name as rejected_rows.csv has it: no spreadsheet takes it for a formula."""
    return "'" + name if name.startswith(("=", "+", "-", "@")) else name


@given(tables())
@settings(max_examples=examples(40), deadline=None)
def test_a_valid_table_is_accepted_with_every_row(table: Table) -> None:
    outcome = judged(table.file(), table.config)
    check_accepted(outcome, table)
    assert outcome.rejected == []
    assert {finding.rule for finding in outcome.report.findings} <= ALLOWED_WARNINGS


# One row is broken.

type Broken = tuple[str, int | None]
"""The row as it is written then, and the column that is broken; none if the whole row is."""


@st.composite
def a_cell_too_few(draw: st.DrawFn, table: Table, at: int) -> Broken:
    cells = [*table.rows[at]]
    del cells[draw(st.integers(0, len(cells) - 1))]
    return table.make.row(cells), None


@st.composite
def a_cell_too_many(draw: st.DrawFn, table: Table, at: int) -> Broken:
    cells = [*table.rows[at]]
    cells.insert(draw(st.integers(0, len(cells))), draw(st.sampled_from(["", " ", "7", "x"])))
    return table.make.row(cells), None


@st.composite
def another_cell(draw: st.DrawFn, table: Table, at: int, kinds: Sequence[str], cells: st.SearchStrategy[str]) -> Broken:
    column = draw(st.sampled_from([i for i, kind in enumerate(table.kinds) if kind in kinds]))
    row = [*table.rows[at]]
    row[column] = draw(st.sampled_from(["", "", " "])) + draw(cells)
    return table.make.row(row), column


NO_NUMBERS: Final = (
    *(
        "n.a.",
        "na",
        "none",
        "Null",
        "TRUE",
        "#REF!",
        "12 years",
        "1_000",
        "0x1F",
        "1e",
        "e5",
        "--5",
        "+",
        ".",
        "1/2",
    ),
    *("½", "1.2.3", "1,2,3", "1 2", "5 %", "$5", "5e5.5", "2024-01-01", "5\n6", "1;2"),
)
"""In no notation: one number in another notation may well be how its column writes them."""
LETTERED: Final = st.text(st.characters(categories=["L"]), min_size=1, max_size=9).filter(
    lambda word: word.lower() not in {"inf", "infinity", "nan", *map(str.lower, MISSING)}
)
INFINITE: Final = [
    sign + word
    for sign in ("", "+", "-")
    for word in ("inf", "Inf", "INF", "infinity", "Infinity", "nan", "NaN", "NAN", "Nan")
    if sign + word not in MISSING
]
TOO_LARGE: Final = ["1e39", "-1E+39", "35e37", "+1e999", "9" * 39, "-" + "9" * 400]
NO_DAYS: Final = st.builds(
    str.__add__,
    st.sampled_from(["2023-02-29", "1900-02-29", "2024-02-30", "2021-04-31", "2030-06-31", "1999-11-31", "1582-09-31"]),
    st.sampled_from(["", "T12:00", " 23:59:59", "T00:00:00Z"]),
)
NO_DATES: Final = (
    *(
        "today",
        "n.a.",
        "2024",
        "20240105",
        "05.06.2024",
        "12/31/2024",
        "5 Nov 2024",
        "0999-01-01",
    ),
    *(
        "2024-00-10",
        "2024-13-01",
        "2024-01-00",
        "2024-01-32",
        "2024-01-01T24:00",
        "-2024-01-01",
    ),
)


def _on_one_line(cells: Sequence[str]) -> list[str]:
    return [cell.replace("\r", " ").replace("\n", " ") for cell in cells]


def _bare(cells: Sequence[str]) -> list[str]:
    """Cells that need no quotes."""
    return ["".join(" " if char in '",;\t|' else char for char in cell) for cell in _on_one_line(cells)]


@st.composite
def an_unclosed_quote(draw: st.DrawFn, table: Table, at: int) -> Broken:
    """No other quote stands behind it on its line: that would close it."""
    column = draw(st.integers(0, len(table.kinds) - 1))
    cells = table.rows[at]
    before = [table.make.cell(cell) for cell in _on_one_line(cells[:column])]
    return table.make.delimiter.join([*before, '"' + _bare(cells)[column], *_bare(cells[column + 1 :])]), column


@st.composite
def text_after_a_quote(draw: st.DrawFn, table: Table, at: int) -> Broken:
    column = draw(st.integers(0, len(table.kinds) - 1))
    cells = _on_one_line(table.rows[at])
    written = [table.make.cell(cell) for cell in cells]
    written[column] = quoted(cells[column]) + draw(st.sampled_from(["x", " x", " ", "é", "'", "7"]))
    return table.make.delimiter.join(written), column


@st.composite
def a_bare_return(draw: st.DrawFn, table: Table, at: int) -> Broken:
    """Not as the last character: that would be the line's end."""
    last = len(table.kinds) - 1
    column = draw(st.integers(0, last))
    written = [table.make.cell(cell) for cell in _on_one_line(table.rows[at])]
    after = draw(st.sampled_from(["b", "7", " b"] + [""] * (column < last)))
    written[column] = draw(st.sampled_from(["", "a", "5"])) + "\r" + after
    return table.make.delimiter.join(written), column


@st.composite
def a_long_cell(draw: st.DrawFn, table: Table, at: int) -> Broken:
    """One byte more than may be, or far more."""
    column = draw(st.integers(0, len(table.kinds) - 1))
    piece = draw(st.sampled_from(["x", "7", "é", "日本 ", "a, b; ", '"']))
    size = draw(st.sampled_from([1 + (1 << 16), 200_000]))
    cell = "x" + piece * -(-(size - 1) // len(piece.encode()))
    return table.make.row([*table.rows[at][:column], cell, *table.rows[at][column + 1 :]]), column


@dataclass(frozen=True)
class Breakage:
    rule: Rule
    broken: Callable[[Table, int], st.SearchStrategy[Broken]]
    needed: Sequence[str] = ()


def _of(rule: Rule, kinds: Sequence[str], cells: st.SearchStrategy[str]) -> Breakage:
    needed = kinds if kinds != (LABEL,) else ()
    return Breakage(rule, lambda table, at: another_cell(table, at, kinds, cells), needed)


BREAKAGES: Final = {
    "a cell too few": Breakage(Rule.RAGGED_ROW, a_cell_too_few),
    "a cell too many": Breakage(Rule.RAGGED_ROW, a_cell_too_many),
    "text for a number": _of(Rule.NOT_A_NUMBER, NUMBERS, st.one_of(st.sampled_from(NO_NUMBERS), LETTERED)),
    "infinity": _of(Rule.INFINITE_NUMBER, NUMBERS, st.sampled_from(INFINITE)),
    "beyond float32": _of(Rule.NUMBER_TOO_LARGE, NUMBERS, st.sampled_from(TOO_LARGE)),
    "no such day": _of(Rule.NOT_A_DATE, DATES, NO_DAYS),
    "text for a date": _of(Rule.NOT_A_DATE, DATES, st.one_of(st.sampled_from(NO_DATES), LETTERED)),
    "no label": _of(Rule.TARGET_MISSING, (LABEL,), st.sampled_from(["", " ", "\u00a0", *MISSING])),
    "unclosed quote": Breakage(Rule.UNCLOSED_QUOTE, an_unclosed_quote),
    "text after a quote": Breakage(Rule.STRAY_QUOTE, text_after_a_quote),
    "bare return": Breakage(Rule.STRAY_CARRIAGE_RETURN, a_bare_return),
}


def check_one_broken_row(data: st.DataObject, breakage: Breakage, *, lined: bool = False) -> None:
    """``lined``: one more cell, of two lines, stands in the row before all others."""
    table = data.draw(tables(needed=breakage.needed))
    at = data.draw(st.integers(0, len(table.rows) - 1))
    raw, column = data.draw(breakage.broken(table, at))
    if lined:
        table = replace(
            table,
            header=("before_all", *table.header),
            kinds=("few", *table.kinds),
            rows=tuple((("one", "two\nlines")[i % 2 or i == at], *row) for i, row in enumerate(table.rows)),
        )
        raw, column = quoted("two\nlines") + table.make.delimiter + raw, 1 + (column or 0)
    records = table.records()
    records[at + 1] = raw
    before = table.make.ending.join([*records[: at + 1], ""])
    outcome = judged(table.make.file(table.make.text(records)), {**table.config, "max_rejected_share": 0.1})
    name = None if column is None else table.names[column]
    line = 1 + before.count("\n")
    (rejected,) = outcome.rejected
    place = (rejected["rule"], rejected["line"], rejected["column"])
    assert place == (breakage.rule, str(line), listed(name or ""))
    mark = len("\ufeff".encode()) if table.make.marked and table.make.encoding == "utf-8" else 0
    assert int(rejected["byte_offset"]) == mark + len(before.encode())
    check_accepted(outcome, table, aside=[at])
    (problem,) = outcome.report.problems
    assert (problem.rule, problem.first_line, problem.column, problem.rows) == (breakage.rule, line, name, 1)
    (finding,) = [one for one in outcome.report.findings if one.rule not in ALLOWED_WARNINGS]
    assert (finding.rule, finding.severity, finding.line, finding.column) == (breakage.rule, "warning", line, name)
    assert any(f"table.csv, line {line}" in warning for warning in outcome.report.warnings)


@pytest.mark.parametrize("kind", BREAKAGES)
@given(data=st.data())
@settings(max_examples=examples(25), deadline=None)
def test_one_broken_row_is_set_aside_with_its_place_and_no_other(kind: str, data: st.DataObject) -> None:
    check_one_broken_row(data, BREAKAGES[kind])


@given(data=st.data())
@settings(max_examples=examples(8), deadline=None)
def test_a_row_with_a_cell_of_more_than_64_kib_is_set_aside(data: st.DataObject) -> None:
    """Few examples: each is a large file."""
    check_one_broken_row(data, Breakage(Rule.CELL_TOO_LONG, a_long_cell))


LINED: Final = {
    "unclosed quote": Breakage(Rule.UNCLOSED_QUOTE, an_unclosed_quote),
    "text after a quote": Breakage(Rule.STRAY_QUOTE, text_after_a_quote),
    "bare return": Breakage(Rule.STRAY_CARRIAGE_RETURN, a_bare_return),
}


@pytest.mark.parametrize("kind", LINED)
@given(data=st.data())
@settings(max_examples=examples(12), deadline=None, report_multiple_bugs=False)
def test_a_row_that_breaks_behind_a_cell_of_two_lines_is_one_row(kind: str, data: st.DataObject) -> None:
    """The cell before is closed: its quote is not to blame, and the line that it ends on is no row of its own."""
    check_one_broken_row(data, LINED[kind], lined=True)


ROWS_IN_ALL: Final = ("a cell too few", "a cell too many", "no label", "text after a quote", "bare return")
"""These change no column's kind, however many rows they break."""


@pytest.mark.parametrize("beyond", [False, True])
@given(data=st.data())
@settings(max_examples=examples(20), deadline=None)
def test_more_bad_rows_than_the_share_refuse_the_file_and_as_many_do_not(beyond: bool, data: st.DataObject) -> None:
    table = data.draw(tables())
    share = data.draw(st.sampled_from([0.0, 0.01, 0.03, 0.05, 0.07, 0.1]))
    most = math.floor(round(share * len(table.rows), 9))
    chosen = data.draw(st.permutations(range(len(table.rows))))
    broken = sorted(chosen[: most + beyond])
    records, expected = table.records(), []
    for at in broken:
        breakage = BREAKAGES[data.draw(st.sampled_from(ROWS_IN_ALL))]
        records[at + 1], column = data.draw(breakage.broken(table, at))
        expected.append((at, breakage.rule, "" if column is None else listed(table.names[column])))
    lines = [str(1 + table.make.ending.join([*records[: at + 1], ""]).count("\n")) for at in broken]
    outcome = judged(table.make.file(table.make.text(records)), {**table.config, "max_rejected_share": share})
    assert [(row["line"], row["rule"], row["column"]) for row in outcome.rejected] == [
        (line, rule, column) for line, (_, rule, column) in zip(lines, expected, strict=True)
    ]
    if beyond:
        assert outcome.report.rules == (Rule.TOO_MANY_REJECTED,)
        assert outcome.report.rows.received == len(table.rows)
        assert outcome.report.rows.rejected == len(broken)
    else:
        check_accepted(outcome, table, aside=broken)


# The file is broken.


def check_refused(
    content: bytes, config: dict[str, Any], *rules: Rule, line: int | None = None, column: str | None = None
) -> TableReport:
    """The file is refused by these rules alone, the first of them with its place, and no row is to blame."""
    outcome = judged(content, config)
    report = outcome.report
    assert report.verdict == "rejected"
    assert report.rules == rules
    assert (report.findings[0].line, report.findings[0].column) == (line, column)
    assert {finding.severity for finding in report.findings} == {"error"}
    assert {finding.rule for finding in report.findings} == {*rules}
    assert outcome.rejected == []
    return report


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_column_without_a_name_is_told_by_its_number(table: Table, data: st.DataObject) -> None:
    """It is refused, or left out with a warning if it is an index or empty."""
    column = data.draw(st.sampled_from([i for i in range(len(table.header)) if i != table.target]))
    header = [*table.header]
    header[column] = data.draw(st.sampled_from(["", "  ", "\u200b", "\u00a0"]))
    report = judged(replace(table, header=tuple(header)).file(), table.config).report
    (finding,) = [finding for finding in report.findings if finding.line == 1]
    if report.verdict == "rejected":
        assert report.rules == (finding.rule,) == (Rule.HEADER_BLANK,)
    else:
        assert finding.rule in (Rule.ROW_INDEX, Rule.UNNAMED_COLUMN)
    assert finding.what.startswith((f"column {column + 1} has n", f"{len(table.header) - 1} of"))


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_name_that_stands_twice_is_told_with_its_columns(table: Table, data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.permutations(range(len(table.header))))[:2])
    name = table.names[first]
    header = [*table.header]
    header[second] = data.draw(st.sampled_from(["{}", " {}", "{}\u200b"])).format(name)
    content = replace(table, header=tuple(header)).file()
    report = check_refused(content, table.config, Rule.HEADER_DUPLICATE, line=1, column=name)
    assert report.findings[0].what.endswith(f"in columns {first + 1} and {second + 1}")


@given(tables(among=[*NUMBERS, "few", "accented", "flag", *DATES]))
@settings(max_examples=examples(25), deadline=None)
def test_a_table_that_begins_with_data_has_no_header(table: Table) -> None:
    """Of kinds that tell: the first row's numbers stand over numbers, its dates over dates, its words stand again."""
    content = table.make.file(table.make.text(table.records()[1:]))
    check_refused(content, table.config, Rule.HEADER_MISSING, line=1)


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_nul_byte_is_told_with_its_line_and_byte(table: Table, data: st.DataObject) -> None:
    text = table.make.text(table.records())
    at = data.draw(st.integers(1, len(text)))  # a mark of UTF-16 and a NUL are the mark of UTF-32
    content = table.make.file(text[:at] + "\0" + text[at:])
    report = check_refused(content, table.config, Rule.NUL_BYTE, line=1 + text[:at].count("\n"))
    assert report.findings[0].byte_offset == len(table.make.encoded(text[:at]))


@given(tables(needed=["accented"]), st.integers(0x80, 0xFF), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_byte_that_is_not_utf_8_is_told_with_its_line_and_byte(table: Table, value: int, data: st.DataObject) -> None:
    """In a file of many characters of several bytes: of few, it may as well be a code page."""
    make = replace(table.make, encoding="utf-8", marked=data.draw(st.booleans()))
    text = make.text(table.records())
    at = data.draw(st.integers(0, len(text)))
    before = make.encoded(text[:at])
    content = make.packed(before + bytes([value]) + text[at:].encode())
    report = check_refused(content, table.config, Rule.ENCODING, line=1 + text[:at].count("\n"))
    assert report.findings[0].byte_offset == len(before)


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_cut_archive_is_damaged(table: Table, data: st.DataObject) -> None:
    content = gzip.compress(replace(table.make, zipped=False).file(table.make.text(table.records())), mtime=0)
    cut = data.draw(
        st.one_of(
            st.integers(1, 30), st.integers(1, len(content) - 1), st.integers(1, 10).map(lambda n: len(content) - n)
        )
    )
    check_refused(content[:cut], table.config, Rule.GZIP_DAMAGED)


@given(tables(), st.booleans())
@settings(max_examples=examples(25), deadline=None)
def test_a_target_that_the_file_does_not_have_is_unknown(table: Table, renamed: bool) -> None:
    wanted = table.names[table.target]
    if renamed:
        header = [*table.header[: table.target], "another_name", *table.header[table.target + 1 :]]
        broken = replace(table, header=tuple(header))
    else:
        header, *rows = [[*cells[: table.target], *cells[table.target + 1 :]] for cells in (table.header, *table.rows)]
        broken = replace(table, header=tuple(header), rows=tuple(map(tuple, rows)))
    report = check_refused(broken.file(), {"target": wanted}, Rule.TARGET_UNKNOWN)
    assert wanted.replace("\n", "\\n") in report.reasons[0]


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_single_class_is_refused(table: Table, data: st.DataObject) -> None:
    label = data.draw(st.sampled_from(sorted({*table.labels})))
    content = table.labelled([label] * len(table.rows)).file()
    check_refused(content, table.config, Rule.TARGET_ONE_CLASS, column=table.names[table.target])


@given(tables(), st.integers(1, 9), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_class_of_fewer_than_ten_rows_beside_one_other_is_refused(
    table: Table, size: int, data: st.DataObject
) -> None:
    small, other, *_ = data.draw(st.permutations(sorted({*table.labels})))
    kept = data.draw(st.permutations([i for i, label in enumerate(table.labels) if label == small]))[:size]
    labels = [small if i in kept else other for i, label in enumerate(table.labels)]
    content = table.labelled(labels).file()
    report = check_refused(content, table.config, Rule.CLASS_TOO_SMALL, column=table.names[table.target])
    assert f"has {size} rows" in report.findings[0].what


@given(tables(), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_labels_that_differ_in_case_only_are_refused(table: Table, data: st.DataObject) -> None:
    label = next(label for label in table.labels if label in LABELS[:CASED])
    places = [i for i, one in enumerate(table.labels) if one == label]
    shouted = data.draw(st.permutations(places))[: data.draw(st.integers(1, len(places) - 1))]
    labels = [one.upper() if i in shouted else one for i, one in enumerate(table.labels)]
    content = table.labelled(labels).file()
    few = [Rule.CLASS_TOO_SMALL] if min(len(shouted), len(places) - len(shouted)) < 10 else []
    check_refused(content, table.config, Rule.LABELS_ALIKE, *few, column=table.names[table.target])


@given(tables(), st.sampled_from([None, ":", " ", "^", "~", "\u001f"]), st.data())
@settings(max_examples=examples(25), deadline=None)
def test_a_table_without_a_known_delimiter_has_one_column(
    table: Table, delimiter: str | None, data: st.DataObject
) -> None:
    """It has a single column, or its columns are separated by something else."""
    make = replace(table.make, delimiter=delimiter or table.make.delimiter)
    if delimiter is None:
        column = data.draw(st.integers(0, len(table.header) - 1))
        records = [make.header([table.header[column]]), *(make.row([row[column]]) for row in table.rows)]
    else:
        make = replace(make, all_quoted=False)
        records = [delimiter.join(f"name{i}" for i in range(len(table.header))), *map(make.row, table.rows)]
    check_refused(make.file(make.text(records)), table.config, Rule.SINGLE_COLUMN, line=1)
