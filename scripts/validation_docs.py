"""Writes the parts of docs/validation.md that follow from the code, and docs/validation.schema.json.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. Rules, limits and fields come from the code.
What a rule does to a file comes from the corpus of nasty files, whose expectations a test holds. pandas and the local
stand-in of SageMaker's container are really run on the files.

Run ``python scripts/validation_docs.py`` after a change; with ``--check`` nothing is written, and what is stale is
named.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
for _folder in (ROOT, *(ROOT / "layers" / name for name in ("core", "tabular", "scoring"))):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

import pandas  # noqa: E402
import xgboost  # noqa: E402

from local.sagemaker import algorithm  # noqa: E402
from local.sagemaker.hyperparameters import ContainerError  # noqa: E402
from sluice.dataset.config import DatasetConfig  # noqa: E402
from sluice.dataset.numbers import NUMBER  # noqa: E402
from tabular import TableReport, findings, records, small_classes, split, target, validate  # noqa: E402
from tabular.dialect import MAX_COLUMNS  # noqa: E402
from tabular.findings import FIX, Rule  # noqa: E402
from tests.corpus.case import Case  # noqa: E402
from tests.corpus.cases import CASES, THEMES, by_kind  # noqa: E402

DOCUMENT: Final = ROOT / "docs" / "validation.md"
SCHEMA: Final = ROOT / "docs" / "validation.schema.json"

_PART: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NOT_COMPARED: Final = frozenset(
    {
        "a target that is not named, and a config.yaml that does not fit the file",
        "a split by group or by time",
    }
)
"""Kinds of cases that are about config.yaml, which pandas and the container do not know."""

_OWN_LIMITS: Final = frozenset(
    {
        Rule.FILE_TOO_LARGE,
        Rule.TOO_MANY_COLUMNS,
        Rule.TOO_MANY_ROWS,
        Rule.TOO_FEW_ROWS,
        Rule.RECORD_TOO_LONG,
        Rule.CELL_TOO_LONG,
        Rule.CLASS_TOO_SMALL,
        Rule.BLANK_LINES,
    }
)
"""Rules that another reader does not fail by not having them."""

_MAX_ERROR_CHARACTERS: Final = 110

WHAT: Final[dict[Rule, str]] = {
    Rule.FILE_EMPTY: "The file, or the archive, has no bytes or nothing but blank lines.",
    Rule.NOT_CSV: "Its first bytes are those of another format, or it is not text.",
    Rule.ENCODING: "It has bytes that are no character of its encoding, or an encoding that Sluice does not read.",
    Rule.ENCODING_GUESSED: "It is not UTF-8 and was read as Windows-1252 or Latin-1; nothing proves which one it is.",
    Rule.GZIP_DAMAGED: "The gzip archive breaks off, or its checksum is wrong.",
    Rule.FILE_TOO_LARGE: "Its text, after decompression, has more bytes than the cap.",
    Rule.NUL_BYTE: "It holds a NUL byte.",
    Rule.SINGLE_COLUMN: "No delimiter gives its first row two columns.",
    Rule.TOO_MANY_COLUMNS: "It has more columns than the cap.",
    Rule.TOO_MANY_ROWS: "It has more rows than the cap.",
    Rule.NO_ROWS: "It has a header and nothing below.",
    Rule.TOO_FEW_ROWS: "Fewer rows than the minimum are left after the bad ones were rejected.",
    Rule.TOO_MANY_REJECTED: "More rows than `max_rejected_share` had to be rejected.",
    Rule.HEADER_MISSING: "The first row holds numbers, or values like the rows below it.",
    Rule.HEADER_BLANK: "A column has no name, and is neither empty nor an index; or no column has one.",
    Rule.UNNAMED_COLUMN: "A column has neither a name nor values, as delimiters at the end of each line make one. It "
    "is left out.",
    Rule.HEADER_DUPLICATE: "Two columns have the same name; blanks around it and invisible characters do not count.",
    Rule.HEADER_UNREADABLE: "The quotes or line ends of the header row cannot be read.",
    Rule.HEADER_TOO_LONG: "A name has more characters than the cap.",
    Rule.HEADER_UNEXPECTED: "`header: false` is set, and the first row holds names.",
    Rule.HEADER_BELOW_TITLE: "A title stands in the first line, and no names clearly stand below it.",
    Rule.HEADER_REPEATED: "The header stands again among the rows; it is left out and counts as no row.",
    Rule.TITLE_LINES: "Lines above the header were left out; the sentence says from which line the names were read.",
    Rule.FOOTER_LINES: "Lines below the last row were left out: remarks of one text, or a total.",
    Rule.LINES_QUOTED: "Each line stands in quotes, so it is a single cell.",
    Rule.RAGGED_ROW: "A row has more or fewer cells than the header.",
    Rule.UNCLOSED_QUOTE: "A quoted cell is not closed. The rows below it are read all the same.",
    Rule.STRAY_QUOTE: "Text stands before the opening quote of a cell or after its closing quote.",
    Rule.STRAY_CARRIAGE_RETURN: "A carriage return stands alone: inside an unquoted cell, or as the end of every line.",
    Rule.RECORD_TOO_LONG: "A row has more bytes than the cap.",
    Rule.CELL_TOO_LONG: "A cell has more bytes than the cap.",
    Rule.MULTI_LINE_CELL: "A quoted cell goes over a few lines that look like rows.",
    Rule.BLANK_LINES: "Blank lines were skipped.",
    Rule.DUPLICATE_ROWS: "Rows repeat others exactly.",
    Rule.REPEATED_IN_TEST: "More than 1 % of the test rows equal a training row in all that the model sees.",
    Rule.NOT_A_NUMBER: "A cell of a column of numbers is not a number.",
    Rule.INFINITE_NUMBER: "A cell of a column of numbers is an infinity or a NaN that `missing` does not list.",
    Rule.NUMBER_TOO_LARGE: "A number is beyond the range of 32-bit floats.",
    Rule.NOT_A_DATE: "A cell of a column of dates is not a date, or not in the form of the others.",
    Rule.MIXED_COLUMN: "Half of a column's values or more are numbers, but fewer than 90 %: all are read as texts.",
    Rule.INEXACT_INTEGERS: "Whole numbers are beyond 2^24, where 32-bit floats skip some.",
    Rule.NUMBER_NOTATION: "A column's separators or units can be read in two ways; the sentence says which one was "
    "used.",
    Rule.NUMBER_AS_TEXT: "Nearly all values of a column mean numbers, in no notation that is read or in several units.",
    Rule.NUMBER_RANGES: "The values of a column are ranges of numbers: they are categories, and their order is lost.",
    Rule.SPELLINGS: "Texts of a column differ only in case, or in blanks, hyphens or underscores between words.",
    Rule.MERGE_UNKNOWN: "`merge_spellings` names a column that the file does not have.",
    Rule.LEADING_ZEROS: "Digits with zeros before them are codes, that is categories; these may be a quantity.",
    Rule.DATE_AS_TEXT: "Nearly all values of a column mean dates, in no form that is read or in two readings.",
    Rule.DATE_AS_NUMBER: "Nearly all values of a column of numbers are dates in digits, but others are not, or the "
    "order of day and month is not clear.",
    Rule.DATE_FORMAT: "How the dates of a column are written was detected: the order of day and month, the century of "
    "years of two digits, dates in digits alone.",
    Rule.DROP_UNKNOWN: "`drop` names a column that the file does not have.",
    Rule.SLICE_UNKNOWN: "`slices` names a column that the file does not have.",
    Rule.FACET_UNKNOWN: "`facets` names a column that the file does not have, or the target.",
    Rule.FACET_LABEL: "`favoured_label` is not a label of the target, or a facet of more than two labels has none.",
    Rule.FACET_EMPTY: "A value of a facet's group does not occur, or no row is of the group, or every row.",
    Rule.FACET_STRATA: "`condition_on` names a column of more than 1,000 different values: it is not taken into "
    "account.",
    Rule.NO_FEATURES: "Every column was left out.",
    Rule.LEAKAGE: "A column gives the target away. A copy of it is left out; a column that decides it refuses the "
    "file, and one that nearly does is warned of.",
    Rule.LEAKS_UNKNOWN: "`leaks` allows a column that the file does not have.",
    Rule.ROW_INDEX: "A column numbers the rows, in any order or with gaps: it is left out.",
    Rule.IDENTIFIER: "A column names things, and its values repeat: it is no quantity, and is left out.",
    Rule.LABEL_SHARED: "The split is random, and rows with one value of an identifier share their label beyond chance.",
    Rule.LABEL_BY_IDENTIFIER: "The split is random, and the label is the same in all rows with one value of an "
    "identifier.",
    Rule.KEEP_UNKNOWN: "`keep` names a column that the file does not have.",
    Rule.KEY_ABSENT: "`key` names a column that the file does not have.",
    Rule.KEY_IS_TARGET: "`key` names the target.",
    Rule.TARGET_UNKNOWN: "The target is not a column of the file.",
    Rule.TARGET_NOT_NAMED: "No target is named, and no column is called `target`, `label`, `class` or `y`.",
    Rule.TARGET_AMBIGUOUS: "No target is named, and several columns have such a name.",
    Rule.TARGET_DROPPED: "The target is listed under `drop`.",
    Rule.TARGET_MISSING: "A row has no label.",
    Rule.TARGET_ONE_CLASS: "All labels are the same.",
    Rule.TARGET_MANY_CLASSES: "There are more labels than the cap, and they are texts.",
    Rule.TARGET_QUANTITY: "There are more labels than the cap, and nearly all are numbers.",
    Rule.TARGET_NOT_NUMBERS: "`task: regression` is set, and the target is no column of numbers.",
    Rule.TARGET_ONE_NUMBER: "`task: regression` is set, and all numbers of the target are the same.",
    Rule.TARGET_LIKE_CLASSES: "`task: regression` is set, and the target has fewer than 10 different numbers.",
    Rule.TARGET_TAILS: "`task: regression` is set, and the farthest 1 % of the training rows have more than half of "
    "the squared deviations from the mean.",
    Rule.CLASS_TOO_SMALL: "A label has fewer rows than the minimum, and without it fewer than two classes are left, or "
    "the configuration names it as the positive or favoured one.",
    Rule.CLASSES_TOO_SMALL: "Labels have fewer rows than the minimum, and with what else is rejected these are "
    "more rows than `max_rejected_share`.",
    Rule.CLASS_SET_ASIDE: "Labels have fewer rows than the minimum, and are within `max_rejected_share`; two "
    "classes or more are left.",
    Rule.CLASS_DROPPED: "A row has a label that `classes.drop` lists.",
    Rule.CLASS_UNKNOWN: "`classes` names a label that the file does not have; of a file after the dataset's "
    "first, that is a warning.",
    Rule.LABELS_ALIKE: "Labels look like one, written in several ways: `Yes` and `yes`, `1` and `1.0`.",
    Rule.LABEL_TOO_LONG: "A label has more characters than the cap.",
    Rule.POSITIVE_UNKNOWN: "`positive` is no label of the target.",
    Rule.POSITIVE_OF_MANY: "`positive` is set, and the target has more than two classes.",
    Rule.SPLIT_IMPOSSIBLE: "A class cannot be in all three parts, or too little is left to train on.",
    Rule.SMALL_TEST_PART: "The test part has fewer than 5 rows of a class; the sentence says what can be told of them.",
    Rule.SPLIT_COLUMN_UNKNOWN: "`group_by` or `by_time` names a column that the file does not have, or the target.",
    Rule.SPLIT_COLUMN_KIND: "`by_time` names a column whose values are neither dates nor numbers.",
    Rule.SPLIT_VALUE_MISSING: "A row has no value in the column that the split uses.",
}
"""What breaks each rule. Those of the contract stand in docs/contract.md."""

REJECTED_COLUMNS: Final[dict[str, str]] = {
    "line": "Line of the file, counted from 1 as an editor counts: the header, blank lines and lines inside quoted "
    "cells count. A row that spans lines is named by its first.",
    "byte_offset": "Where the row begins: bytes from the start of the text in UTF-8, after decompression. In a file "
    "that is UTF-8 and not compressed, that is the place in the file itself.",
    "column": "Name of the column; blank if the whole row is bad.",
    "rule": "Id of the rule.",
    "what": "What is wrong, with the cell as it stands.",
    "raw": "The row as it stands in the file, up to 2,000 characters, with its first fault only.",
    "how_to_fix": "What to do.",
}

FIELDS: Final[dict[str, str]] = {
    "schema_version": "Of this report; 1.",
    "name": "The file, as the sentences call it.",
    "verdict": "`accepted` or `rejected`.",
    "reasons": "Why the file is refused, in sentences. At most 20 and one that says how many more; the kinds of bad "
    "rows come last.",
    "warnings": "What a person should know of an accepted file, in sentences, in the same way.",
    "rows": "Row counts. `received` = `accepted` + `rejected`; the header and blank lines are no rows.",
    "rows.received": "Rows of the file.",
    "rows.accepted": "Rows that were accepted.",
    "rows.rejected": "Rows that were rejected.",
    "rows.train": "Rows of the training part.",
    "rows.validation": "Rows of the validation part.",
    "rows.test": "Rows in test/test.csv.",
    "target": "The column that is predicted.",
    "features": "How many numbers the model sees of a row.",
    "dialect": "How the file is written; none if it could not be told.",
    "dialect.encoding": "`utf-8`, `utf-16`, `utf-32`, `windows-1252` or `latin-1`.",
    "dialect.compression": "`gzip`, or none.",
    "dialect.delimiter": "`comma`, `semicolon`, `tab` or `vertical bar`.",
    "dialect.header_line": "Line of the header; none if there is none.",
    "columns": "Every column of the file, in its order.",
    "columns[].name": "As in the header, without blanks around it and invisible characters.",
    "columns[].kind": "`number`, `boolean`, `date`, `text` or `empty`.",
    "columns[].missing": "Rows without a value.",
    "columns[].use": "What happens to it: `number`, `boolean`, `date`, `one_hot`, `frequency_rank`, `text_score`, "
    "`dropped` or `target`; none if the file was rejected.",
    "problems": "The faults of rejected_rows.csv, summed up by rule and column. They count also what is not listed.",
    "problems[].rule": "Id of the rule.",
    "problems[].column": "The column; none if whole rows are bad.",
    "problems[].rows": "How many rows.",
    "problems[].first_line": "Line of the first of them.",
    "findings[].rule": "Id of the rule.",
    "findings[].what": "What is wrong; without place and advice.",
    "findings[].line": "None if there is none.",
    "findings[].byte_offset": "None if there is none.",
    "findings[].column": "None if there is none.",
    "findings[].rows": "How many rows, if the rule is about rows.",
    "split": "How rows were put into the parts.",
    "split.seed": "Of the hash.",
    "contract": "The dataset's contract, as the file was compared with it or as it made it; see contract.md.",
    "contract.version": "Which version.",
}
"""What a field of validation.json holds, where the model itself does not say."""


# -- the rules


def rules() -> str:
    """Every rule of the file: what it does, what breaks it, and what to do."""
    effects = _effects()
    rows = [
        (f"`{rule}`", ", ".join(effects[rule]), WHAT[rule], FIX[rule])
        for rule in Rule
        if not rule.startswith("contract_")
    ]
    return _table(("rule", "effect", "what breaks it", "how to fix the file"), rows)


def _effects() -> dict[Rule, list[str]]:
    """What each rule does to a file, as the corpus shows it."""
    found: dict[Rule, dict[str, None]] = {rule: {} for rule in Rule}
    for effect, said in (
        ("refuses the file", lambda case: case.rules[:1]),  # what is said beside it is not the cause
        ("rejects the row", lambda case: [rule for _, rule, _ in case.rejected_rows]),
        ("warning", lambda case: [one.rule for one in case.warnings]),
    ):
        for case in CASES:
            for rule in said(case):
                found[Rule(rule)][effect] = None
    return {rule: list(effects) for rule, effects in found.items()}


def limits() -> str:
    rows = [
        ("bytes of the text, after decompression", "the stack's `MaxCsvBytes`", Rule.FILE_TOO_LARGE),
        ("rows", f"{validate.MAX_ROWS:,}", Rule.TOO_MANY_ROWS),
        ("columns", f"{MAX_COLUMNS:,}", Rule.TOO_MANY_COLUMNS),
        ("bytes of a row", f"{records.MAX_RECORD_BYTES:,}", Rule.RECORD_TOO_LONG),
        ("bytes of a cell", f"{records.MAX_CELL_BYTES:,}", Rule.CELL_TOO_LONG),
        ("characters of a name", f"{findings.MAX_NAME_BYTES:,}", Rule.HEADER_TOO_LONG),
        ("characters of a label", f"{findings.MAX_NAME_BYTES:,}", Rule.LABEL_TOO_LONG),
        ("classes", f"{target.MAX_CLASSES:,}", Rule.TARGET_MANY_CLASSES),
        ("usable rows, at least", f"{validate.MIN_ROWS:,}", Rule.TOO_FEW_ROWS),
        ("rows of a class, at least", f"{small_classes.MIN_ROWS_PER_CLASS:,}", Rule.CLASS_TOO_SMALL),
        ("training rows, at least", f"{split.MIN_TRAINING_ROWS:,}", Rule.SPLIT_IMPOSSIBLE),
        (
            "training rows of a class, at least",
            f"{split.MIN_TRAINING_ROWS_PER_CLASS:,}",
            Rule.SPLIT_IMPOSSIBLE,
        ),
    ]
    return _table(("what", "limit", "rule beyond it"), [(what, limit, f"`{rule}`") for what, limit, rule in rows])


def missing() -> str:
    tokens = DatasetConfig.model_validate({}).missing
    return f"{', '.join(f'`{token}`' for token in tokens if token)}, and cells of blanks or nothing.\n"


# -- the report


def schema() -> str:
    return json.dumps(TableReport.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def fields() -> str:
    """The fields of validation.json, those of its parts one level down."""
    rows = [(f"`{name}`", _described(name, said)) for name, said in report_fields(TableReport.model_json_schema())]
    return _table(("field", "what"), rows)


def report_fields(model: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Names of the report's fields and of its parts' fields, each with what the model says of it."""
    for name, field in model["properties"].items():
        yield name, field.get("description")
        part, brackets = _part_of(model, field)
        for inner, value in part.get("properties", {}).items():
            yield f"{name}{brackets}.{inner}", value.get("description")


def _part_of(model: Mapping[str, Any], field: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The model behind a field, and what its name gets where the field is a list of these."""
    candidates = [field, field.get("items", {}), *field.get("anyOf", [])]
    for candidate in candidates:
        if reference := candidate.get("$ref"):
            return model["$defs"][reference.rpartition("/")[2]], "[]" if candidate is field.get("items") else ""
    return {}, ""


def _described(name: str, said: str | None) -> str:
    return FIELDS.get(name) or said or ""


def rejected_columns() -> str:
    return _table(("column", "what"), [(f"`{name}`", what) for name, what in REJECTED_COLUMNS.items()])


# -- the comparison


def counts() -> str:
    return (
        f"{len(CASES)} files of {len(by_kind())} kinds, compared with pandas {pandas.__version__} and, for SageMaker's "
        f"built-in XGBoost {algorithm.VERSION}, the local stand-in with XGBoost {xgboost.__version__}.\n"
    )


def comparison(theme: str) -> Callable[[], str]:
    def part() -> str:
        rows = []
        for kind, cases in by_kind(THEMES[theme]).items():
            if kind in _NOT_COMPARED:
                continue
            first = cases[0]
            rows.append(
                (
                    f"{kind} ({len(cases)})",
                    f"{first.note} (`{first.file_name}`)",
                    *_others(first),
                    sluice_says(first),
                )
            )
        return _table(
            ("kind (cases)", "the first of them", "pandas `read_csv`", "SageMaker's container", "Sluice"), rows
        )

    return part


def _others(case: Case) -> tuple[str, str]:
    """What pandas and the container do with the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train" / case.file_name
        path.parent.mkdir()
        path.write_bytes(case.data)
        loud = bool(case.all_rules - _OWN_LIMITS)
        return pandas_says(path, case, loud), container_says(path, case, loud)


def pandas_says(path: Path, case: Case, loud: bool) -> str:
    """What ``read_csv`` makes of the file by default. ``loud``: there is something to say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = pandas.read_csv(path)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what pandas says
            return f"{type(error).__name__}: {_short(str(error))}"
    rows, columns = len(frame), len(frame.columns)
    names = [str(name) for name in frame.columns]
    wrong = []
    if not isinstance(frame.index, pandas.RangeIndex):
        wrong.append("the first column taken for row names")
    if made := [name for name in names if name.startswith("Unnamed: ") or re.fullmatch(r".+\.1", name)]:
        wrong.append(f"a column called {_listed(made)}")
    if texts := [name for name in names if _ought_to_be_numbers(name, case) and _is_text(frame[name])]:
        wrong.append(f"{_listed(texts)} as text")
    said = [_rows(rows, case), f"{columns:,} {'column' if columns == 1 else 'columns'}", *wrong]
    if caught:
        return "; ".join([*said, *(warning.category.__name__ for warning in caught)])
    return _silent(loud or bool(wrong) or columns == 1 or rows != _rows_of(case)) + ", ".join(said)


def _ought_to_be_numbers(name: str, case: Case) -> bool:
    kind = case.kinds.get(name, "number" if name in {"label", "age", "score"} else "text")
    return kind in {"number", "date"} or any(one.column == name for one in case.warnings)


def _is_text(column: Any) -> bool:
    return bool(pandas.api.types.is_string_dtype(column.dtype)) and bool(column.notna().any())


def _rows_of(case: Case) -> int:
    return 120 if case.rows is None else case.rows


def _rows(rows: int, case: Case) -> str:
    there = _rows_of(case)
    return f"{rows:,} rows" + (f" where there are {there:,}" if there and rows != there else "")


def _silent(something: bool) -> str:
    return "**silent:** " if something else ""


def container_says(path: Path, case: Case, loud: bool) -> str:
    """What the built-in algorithm does with the file as its training channel."""
    log: list[str] = []
    several = len(case.classes or ()) > 2
    parameters = {"num_round": "1", "objective": "binary:logistic"}
    if several:
        parameters |= {"objective": "multi:softprob", "num_class": str(len(case.classes or ()))}
    try:
        algorithm.fit(parameters, {"train": algorithm.Channel(path.parent, "text/csv")}, log.append)
    except ContainerError as error:
        return f"{error.kind.rpartition('.')[2]}: {_short(str(error))}"
    delimiter = next(line for line in log if "Determined delimiter" in line).rpartition(" is ")[2][1:-1]
    with xgboost.config_context(verbosity=0):
        matrix = xgboost.DMatrix(f"{path}?format=csv&label_column=0&delimiter={delimiter}")
    odd = []
    if delimiter != _delimiter_of(case):
        odd.append(f"`{_visible(delimiter)}` for the delimiter")
    header = _lines(case)[0].split(_delimiter_of(case))
    headed = not re.fullmatch(NUMBER, header[0])
    odd.extend(_too_many(matrix.num_row() - _rows_of(case) - headed, "row"))
    become = _become(case, matrix, header)
    # A column at the end that is all missing is not counted.
    if become is None or matrix.num_col() + 1 > len(header):
        odd.extend(_too_many(matrix.num_col() + 1 - len(header), "feature"))
    if not matrix.get_label().any():
        odd.append("every label is 0")
    elif become:
        odd.append(become)
    return _silent(loud or bool(odd)) + (f"trains: {', '.join(odd)}" if odd else "trains as on a table without fault")


def _delimiter_of(case: Case) -> str:
    return {"semicolon": ";", "tab": "\t", "vertical bar": "|"}.get(case.delimiter or "", ",")


def _lines(case: Case) -> list[str]:
    """As the container cuts the file."""
    return re.split("\r\n|[\r\n]", case.data.decode("utf-8-sig", errors="replace"))


def _too_many(more: int, what: str) -> list[str]:
    return [f"{abs(more)} {what}{'s' * (abs(more) > 1)} too {'many' if more > 0 else 'few'}"] if more else []


def _become(case: Case, matrix: Any, header: list[str]) -> str | None:
    """What happens to the cell to look at."""
    numbers = {name for name in header if name not in {"city", "note"}}
    places = [(line, name) for line, _, name in case.rejected_rows] if case.look_at is None else [case.look_at]
    for line, name in [place for place in places if place[1] in numbers][:1]:
        column = header.index(name)
        cell = _visible(_lines(case)[line - 1].split(_delimiter_of(case))[column])
        if column == 0:
            return f"the label `{cell}` becomes {matrix.get_label()[line - 1]:g}" if cell else "no label becomes 0"
        values = matrix.get_data()[line - 1]
        # What is missing is not stored, and 0 is.
        held = dict(zip(values.indices.tolist(), values.data.tolist(), strict=True))
        return f"`{cell}` becomes {f'{held[column - 1]:.8g}' if column - 1 in held else 'a missing value'}"
    return None


def sluice_says(case: Case) -> str:
    """The case's expectation, which the corpus test holds."""
    if case.refusals:
        return f"refused: {_listed(list(case.rules))}"
    said = ["accepted"]
    if case.rejected_rows:
        rows = len({line for line, _, _ in case.rejected_rows})
        aside = list(dict.fromkeys(rule for _, rule, _ in case.rejected_rows))
        said.append(f"{rows} {'row' if rows == 1 else 'rows'} rejected: {_listed(aside)}")
    if case.warnings:
        said.append(f"warning: {_listed([one.rule for one in case.warnings])}")
    left_out = [
        name for name, use in case.uses.items() if use == "dropped" and name not in {w.column for w in case.warnings}
    ]
    if left_out:
        said.append(f"{_listed(left_out)} left out")
    return "; ".join(said)


def _short(message: str) -> str:
    """The gist of an error, without the time, the place in a library's source and the folder it was run in."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    line = lines[1] if lines[0].endswith("with exception:") and len(lines) > 1 else lines[0]
    line = re.sub(r"\[\d\d:\d\d:\d\d\] \S+: ", "", line)
    line = re.sub(r"/\S*/(?=[\w.-]+)", "", line)
    line = _visible(line)
    return line if len(line) <= _MAX_ERROR_CHARACTERS else line[: _MAX_ERROR_CHARACTERS - 1] + "…"


def _visible(text: str) -> str:
    """Without characters that a page does not show."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _listed(names: Sequence[str], max_names: int = 3) -> str:
    shown = [f"`{_visible(name)}`" for name in names[:max_names]]
    return ", ".join(shown) + (f" and {len(names) - max_names} more" if len(names) > max_names else "")


# -- the document


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


QUICK: Final[dict[str, Callable[[], str]]] = {
    "rules": rules,
    "limits": limits,
    "missing": missing,
    "fields": fields,
    "rejected-columns": rejected_columns,
}
"""The parts that follow from the code alone."""

PARTS: Final[dict[str, Callable[[], str]]] = {
    **QUICK,
    "counts": counts,
    "comparison-file": comparison("The file"),
    "comparison-lines": comparison("Lines and quotes"),
    "comparison-header": comparison("The header"),
    "comparison-cells": comparison("Cells"),
    "comparison-meaning": comparison("Rows, columns and labels"),
}


def rendered(document: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The document with those parts written again."""

    def replaced(found: re.Match[str]) -> str:
        name = found.group(2)
        return f"{found.group(1)}{parts[name]()}{found.group(3)}" if name in parts else found.group(0)

    return _PART.sub(replaced, document)


def parts_of(document: str) -> list[str]:
    return [name for _, name, _ in _PART.findall(document)]


def stale(parts: Mapping[str, Callable[[], str]]) -> list[str]:
    """Names of what is not as it should be: parts of the document, and the schema."""
    document = DOCUMENT.read_text(encoding="utf-8")
    found = [name for name in parts if name not in parts_of(document)]
    for name, part in parts.items():
        if name not in found and rendered(document, {name: part}) != document:
            found.append(name)
    if not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != schema():
        found.append(SCHEMA.name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the generated parts of docs/validation.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale, with exit status 1")
    if parser.parse_args(arguments).check:
        found = stale(PARTS)
        for name in found:
            print(f"stale: {name}; run python scripts/validation_docs.py", file=sys.stderr)
        return 1 if found else 0
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(rendered(document, PARTS), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
