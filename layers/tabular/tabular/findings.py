"""The rules that a table must keep, and what is said if it breaks one.

A rule has an id (its value, which validation.json and rejected_rows.csv carry) and one sentence on how to fix the file.
To add a rule: name it here with its advice, then yield a :class:`Finding` of it where the fault is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from sluice.wording import one_line

MAX_NAME_BYTES: Final = 256
"""Characters of a column's name or of a label: longer ones are text that slipped there, and answers carry them."""

_SHOWN_CHARACTERS: Final = 60


class Rule(StrEnum):
    """Ids of the rules; the file's own first, then its header, its rows, its columns and its target.

    Those that begin with ``contract_`` are the rules of ``sluice.dataset.drift``.
    """

    FILE_EMPTY = "file_empty"
    NOT_CSV = "not_csv"
    ENCODING = "encoding"
    ENCODING_GUESSED = "encoding_guessed"
    GZIP_DAMAGED = "gzip_damaged"
    FILE_TOO_LARGE = "file_too_large"
    NUL_BYTE = "nul_byte"
    SINGLE_COLUMN = "single_column"
    TOO_MANY_COLUMNS = "too_many_columns"
    TOO_MANY_ROWS = "too_many_rows"
    NO_ROWS = "no_rows"
    TOO_FEW_ROWS = "too_few_rows"
    TOO_MANY_REJECTED = "too_many_rejected"

    HEADER_MISSING = "header_missing"
    HEADER_BLANK = "header_blank"
    HEADER_DUPLICATE = "header_duplicate"
    HEADER_UNREADABLE = "header_unreadable"
    HEADER_TOO_LONG = "header_too_long"
    HEADER_UNEXPECTED = "header_unexpected"
    HEADER_BELOW_TITLE = "header_below_title"
    HEADER_REPEATED = "header_repeated"
    TITLE_LINES = "title_lines"
    FOOTER_LINES = "footer_lines"
    LINES_QUOTED = "lines_quoted"
    UNNAMED_COLUMN = "unnamed_column"

    RAGGED_ROW = "ragged_row"
    UNCLOSED_QUOTE = "unclosed_quote"
    STRAY_QUOTE = "stray_quote"
    STRAY_CARRIAGE_RETURN = "stray_carriage_return"
    RECORD_TOO_LONG = "record_too_long"
    CELL_TOO_LONG = "cell_too_long"
    MULTI_LINE_CELL = "multi_line_cell"
    BLANK_LINES = "blank_lines"
    DUPLICATE_ROWS = "duplicate_rows"
    REPEATED_IN_TEST = "repeated_in_test"

    NOT_A_NUMBER = "not_a_number"
    INFINITE_NUMBER = "infinite_number"
    NUMBER_TOO_LARGE = "number_too_large"
    NOT_A_DATE = "not_a_date"
    MIXED_COLUMN = "mixed_column"
    INEXACT_INTEGERS = "inexact_integers"
    NUMBER_NOTATION = "number_notation"
    NUMBER_AS_TEXT = "number_as_text"
    NUMBER_RANGES = "number_ranges"
    SPELLINGS = "spellings"
    MERGE_UNKNOWN = "merge_unknown"
    LEADING_ZEROS = "leading_zeros"
    DATE_AS_TEXT = "date_as_text"
    DATE_AS_NUMBER = "date_as_number"
    DATE_FORMAT = "date_format"
    DROP_UNKNOWN = "drop_unknown"
    SLICE_UNKNOWN = "slice_unknown"
    FACET_UNKNOWN = "facet_unknown"
    FACET_LABEL = "facet_label"
    FACET_EMPTY = "facet_empty"
    FACET_STRATA = "facet_strata"
    NO_FEATURES = "no_features"
    LEAKAGE = "leakage"
    LEAKS_UNKNOWN = "leaks_unknown"
    ROW_INDEX = "row_index"
    IDENTIFIER = "identifier"
    LABEL_SHARED = "label_shared"
    LABEL_BY_IDENTIFIER = "label_by_identifier"
    KEEP_UNKNOWN = "keep_unknown"
    KEY_ABSENT = "key_absent"
    KEY_IS_TARGET = "key_is_target"

    TARGET_UNKNOWN = "target_unknown"
    TARGET_NOT_NAMED = "target_not_named"
    TARGET_AMBIGUOUS = "target_ambiguous"
    TARGET_DROPPED = "target_dropped"
    TARGET_MISSING = "target_missing"
    TARGET_ONE_CLASS = "target_one_class"
    TARGET_MANY_CLASSES = "target_many_classes"
    TARGET_QUANTITY = "target_quantity"
    TARGET_NOT_NUMBERS = "target_not_numbers"
    TARGET_ONE_NUMBER = "target_one_number"
    TARGET_LIKE_CLASSES = "target_like_classes"
    TARGET_TAILS = "target_tails"
    CLASS_TOO_SMALL = "class_too_small"
    CLASSES_TOO_SMALL = "classes_too_small"
    CLASS_SET_ASIDE = "class_set_aside"
    CLASS_DROPPED = "class_dropped"
    CLASS_UNKNOWN = "class_unknown"
    LABELS_ALIKE = "labels_alike"
    LABEL_TOO_LONG = "label_too_long"
    POSITIVE_UNKNOWN = "positive_unknown"
    POSITIVE_OF_MANY = "positive_of_many"
    SPLIT_IMPOSSIBLE = "split_impossible"
    SMALL_TEST_PART = "small_test_part"
    SPLIT_COLUMN_UNKNOWN = "split_column_unknown"
    SPLIT_COLUMN_KIND = "split_column_kind"
    SPLIT_VALUE_MISSING = "split_value_missing"

    CONTRACT_MISSING_COLUMN = "contract_missing_column"
    CONTRACT_NEW_COLUMN = "contract_new_column"
    CONTRACT_KIND = "contract_kind"
    CONTRACT_NULLS = "contract_nulls"
    CONTRACT_MISSING_SHARE = "contract_missing_share"
    CONTRACT_UNSEEN_LEVELS = "contract_unseen_levels"
    CONTRACT_RANGE = "contract_range"
    CONTRACT_PSI = "contract_psi"
    CONTRACT_MOVED_BACK = "contract_moved_back"
    CONTRACT_JUMPED = "contract_jumped"
    CONTRACT_TARGET = "contract_target"
    CONTRACT_CLASS_VANISHED = "contract_class_vanished"
    CONTRACT_CLASS_NEW = "contract_class_new"
    CONTRACT_CLASS_SHARE = "contract_class_share"
    CONTRACT_ROW_COUNT = "contract_row_count"
    CONTRACT_RESET = "contract_reset"


_RESET: Final = "or, if the change is intended, set `contract: reset` in config.yaml."

FIX: Final[dict[Rule, str]] = {
    Rule.FILE_EMPTY: "Upload a CSV file with a header row and data rows.",
    Rule.NOT_CSV: "Export the table as CSV (UTF-8, comma-separated) and upload that.",
    Rule.ENCODING: "Save the file as UTF-8 and upload it again.",
    Rule.ENCODING_GUESSED: "Nothing to do if the texts look right; otherwise save the file as UTF-8.",
    Rule.GZIP_DAMAGED: "Compress the file again (`gzip table.csv`), or upload it uncompressed.",
    Rule.FILE_TOO_LARGE: "Sample it, or split off a part.",
    Rule.NUL_BYTE: "Remove the NUL bytes or export the table again; they usually mean a damaged or binary file.",
    Rule.SINGLE_COLUMN: "Separate the columns by comma, semicolon, tab or vertical bar; there must be two at least.",
    Rule.TOO_MANY_COLUMNS: "Remove columns from the file that cannot help the prediction.",
    Rule.TOO_MANY_ROWS: "Sample it, or split off a part.",
    Rule.NO_ROWS: "Add data rows below the header.",
    Rule.TOO_FEW_ROWS: "Add rows: a model cannot be trained and measured on fewer.",
    Rule.TOO_MANY_REJECTED: "Fix the rows listed in rejected_rows.csv; if the others are enough, raise "
    "`max_rejected_share` in config.yaml.",
    Rule.HEADER_MISSING: "Put the column names in the first row. If it is a row of data and the file has no names, set "
    "`header: false` in config.yaml: the columns are then called `label`, `x1`, `x2` and so on, and `target` may name "
    "any of these.",
    Rule.HEADER_BLANK: "Give the column a name, remove it from the file, or list it under `drop` in config.yaml.",
    Rule.HEADER_DUPLICATE: "Give each column a name of its own.",
    Rule.HEADER_UNREADABLE: "Fix the quotes in the header row.",
    Rule.HEADER_TOO_LONG: "Give the column a shorter name; one this long usually means a quote that is not closed.",
    Rule.UNNAMED_COLUMN: "Nothing to do, or remove the delimiter at the end of each line.",
    Rule.HEADER_UNEXPECTED: "Take `header: false` out of config.yaml, or the header row out of the file.",
    Rule.HEADER_BELOW_TITLE: "Remove the lines above the column names; if there are no names, add a row of them.",
    Rule.HEADER_REPEATED: "Nothing to do: a header is no row, so these lines were left out.",
    Rule.TITLE_LINES: "Nothing to do if the names are right; otherwise remove the lines above them.",
    Rule.FOOTER_LINES: "Nothing to do if these are no rows; otherwise give them as many cells as the header, and put "
    "another row last.",
    Rule.LINES_QUOTED: "Remove the quotes around each whole line, and write a quote inside a line once.",
    Rule.RAGGED_ROW: "Give the row as many cells as the header; put a cell that holds the delimiter in double quotes.",
    Rule.UNCLOSED_QUOTE: 'Close the quoted cell, and write a quote inside quotes twice ("").',
    Rule.STRAY_QUOTE: "Put the whole cell in quotes, without blanks between them and the delimiters, and write a quote "
    'inside quotes twice ("").',
    Rule.STRAY_CARRIAGE_RETURN: "End lines with LF or CRLF, and quote cells that hold line ends.",
    Rule.RECORD_TOO_LONG: "Shorten the row; a very long one usually means an unclosed quote.",
    Rule.CELL_TOO_LONG: "Shorten the cell; a very long one usually means an unclosed quote.",
    Rule.MULTI_LINE_CELL: "Nothing to do if the text has these lines; otherwise close the quoted cell on its line.",
    Rule.BLANK_LINES: "Nothing to do: they were skipped.",
    Rule.DUPLICATE_ROWS: "Nothing to do if they are real cases; equal rows stay in one part of the split.",
    Rule.REPEATED_IN_TEST: "List the columns that distinguish such rows under `drop` in config.yaml: equal rows then "
    "stay in one part of the split.",
    Rule.NOT_A_NUMBER: "Write the number as the others of its column are (most often plain, as 1234.5), leave the cell "
    "empty, or add the text to `missing` in config.yaml.",
    Rule.INFINITE_NUMBER: "Leave the cell empty or write a finite number; training stops at infinities.",
    Rule.NUMBER_TOO_LARGE: "Leave the cell empty or rescale the column; training holds numbers as 32-bit floats.",
    Rule.NOT_A_DATE: "Write the date as the others of its column are, leave the cell empty, or add the text to "
    "`missing` in config.yaml.",
    Rule.MIXED_COLUMN: "Use one kind of value in each column, or add the text to `missing` in config.yaml.",
    Rule.INEXACT_INTEGERS: "Nothing to do for quantities; drop the column in config.yaml if these are codes.",
    Rule.NUMBER_NOTATION: "Nothing to do if that is right; otherwise write plain numbers such as 1234.5.",
    Rule.NUMBER_AS_TEXT: "Write plain numbers such as 1234.5, all in one unit, or drop the column in config.yaml.",
    Rule.NUMBER_RANGES: "Nothing to do for a few groups; if their order matters, write the middle of each range as a "
    "plain number such as 12.5.",
    Rule.SPELLINGS: "Nothing to do if they are different things; otherwise write each in one way, or set "
    "`merge_spellings: true` in config.yaml.",
    Rule.MERGE_UNKNOWN: "Correct `merge_spellings` in config.yaml.",
    Rule.LEADING_ZEROS: "Nothing to do for codes; write a quantity without the zeros before it.",
    Rule.DATE_AS_TEXT: "Write dates as 2026-11-23, or drop the column in config.yaml.",
    Rule.DATE_AS_NUMBER: "Write dates as 2026-11-23 and leave cells without a date empty, or add what stands there to "
    "`missing` in config.yaml.",
    Rule.DATE_FORMAT: "Nothing to do if that is right; otherwise write dates as 2026-11-23, and numbers that are no "
    "dates with separators of thousands, as 20,261,123.",
    Rule.DROP_UNKNOWN: "Correct `drop` in config.yaml.",
    Rule.SLICE_UNKNOWN: "Correct `slices` in config.yaml.",
    Rule.FACET_UNKNOWN: "Correct `facets` in config.yaml.",
    Rule.FACET_LABEL: "Say under `facets` in config.yaml which label is desirable: `favoured_label: <label>`.",
    Rule.FACET_EMPTY: "Correct the group under `facets` in config.yaml; its bias cannot be measured on such rows.",
    Rule.FACET_STRATA: "Name a column with few values as `condition_on`, or take it out of `facets` in config.yaml.",
    Rule.NO_FEATURES: "Add a column that varies: numbers, dates, or categories that stand in several rows each; or "
    "take such a column out of `drop` in config.yaml.",
    Rule.LEAKAGE: "In config.yaml, leave out what is known only after the outcome, and keep what is known when a "
    "prediction is made.",
    Rule.LEAKS_UNKNOWN: "Correct `leaks` in config.yaml.",
    Rule.ROW_INDEX: "Nothing to do if it numbers the rows (pandas writes none with `to_csv(..., index=False)`); if it "
    "is a quantity, give it a name and list that under `keep` in config.yaml.",
    Rule.IDENTIFIER: "Nothing to do if its values name things; if it is a quantity, list it under `keep` in "
    "config.yaml.",
    Rule.LABEL_SHARED: "Set `group_by` under `split` in config.yaml to the column if other data will have other "
    "values; otherwise list it under `allow` of `leaks`, or under `keep` to use it.",
    Rule.LABEL_BY_IDENTIFIER: "Set `group_by` under `split` in config.yaml to the column. If other data will have the "
    "same values, list it under `allow` of `leaks`; if it is a quantity that is known before the label, under `keep`.",
    Rule.KEEP_UNKNOWN: "Correct `keep` in config.yaml.",
    Rule.KEY_ABSENT: "Nothing to do if only the records to predict have the column; otherwise correct `key` in "
    "config.yaml.",
    Rule.KEY_IS_TARGET: "Correct `key` in config.yaml: records are known by another column than the one to predict.",
    Rule.TARGET_UNKNOWN: "Name one of the file's columns as `target` in config.yaml.",
    Rule.TARGET_NOT_NAMED: "Say which column to predict: `target: <column>` in config.yaml.",
    Rule.TARGET_AMBIGUOUS: "Say which column to predict: `target: <column>` in config.yaml.",
    Rule.TARGET_DROPPED: "Take the target out of `drop` in config.yaml.",
    Rule.TARGET_MISSING: "Fill in the label or remove the row; if a text such as `-` or `None` is a label, set "
    "`missing` in config.yaml without it.",
    Rule.TARGET_ONE_CLASS: "Add rows of another class: a model needs at least two.",
    Rule.TARGET_MANY_CLASSES: "Reduce the labels to at most 50, or name another column as `target` in config.yaml.",
    Rule.TARGET_QUANTITY: "To predict the number itself, set `task: regression` in config.yaml. Otherwise replace the "
    "numbers by at most 50 classes, such as `low` and `high`, or name another column as `target`.",
    Rule.TARGET_NOT_NUMBERS: "Write numbers such as 1234.5, all in one unit, name another column as `target` in "
    "config.yaml, or take `task: regression` out of it to predict classes.",
    Rule.TARGET_ONE_NUMBER: "Add rows with other numbers, or name another column as `target` in config.yaml.",
    Rule.TARGET_LIKE_CLASSES: "Nothing to do if their distances mean something; otherwise take `task: regression` out "
    "of config.yaml.",
    Rule.TARGET_TAILS: "Look for typing errors. If these rows are real, predict the logarithm in place of the number, "
    "or set gates on `mae` or `median_error`, which the few rows do not decide.",
    Rule.CLASS_TOO_SMALL: "Add rows of that class, or correct the label if it is a typing error.",
    Rule.CLASSES_TOO_SMALL: "Merge them with others (`classes: {merge: {other: [a, b]}}`) or drop them "
    "(`classes: {drop: [a, b]}`) in config.yaml, raise `max_rejected_share` there, or add rows of them.",
    Rule.CLASS_SET_ASIDE: "Nothing to do if the model may do without; otherwise add rows, or merge such classes under "
    "`classes` in config.yaml.",
    Rule.CLASS_DROPPED: "Nothing to do: `classes.drop` in config.yaml asks for it.",
    Rule.CLASS_UNKNOWN: "Correct `classes` in config.yaml.",
    Rule.LABELS_ALIKE: "Write each label in one way only, or merge them under `classes` in config.yaml.",
    Rule.LABEL_TOO_LONG: "Shorten the labels, or name another column as `target` in config.yaml.",
    Rule.POSITIVE_UNKNOWN: "Correct `positive` in config.yaml.",
    Rule.POSITIVE_OF_MANY: "Remove `positive` from config.yaml, or reduce the labels to two.",
    Rule.SPLIT_IMPOSSIBLE: "Add different rows (of that class), or set smaller shares or another seed under `split` in "
    "config.yaml.",
    Rule.SMALL_TEST_PART: "Add rows of that class, or set a larger `test` under `split` in config.yaml.",
    Rule.SPLIT_COLUMN_UNKNOWN: "Correct `split` in config.yaml.",
    Rule.SPLIT_COLUMN_KIND: "Name a column of dates or numbers as `by_time` under `split` in config.yaml.",
    Rule.SPLIT_VALUE_MISSING: "Fill in the value, or take the column out of `split` in config.yaml.",
    Rule.CONTRACT_MISSING_COLUMN: "Add the column or give it its old name, " + _RESET,
    Rule.CONTRACT_NEW_COLUMN: "Nothing to do if it is intended: it is used from this run on. Otherwise remove it.",
    Rule.CONTRACT_KIND: "Write its values as before, " + _RESET,
    Rule.CONTRACT_NULLS: "Fill in the values, " + _RESET,
    Rule.CONTRACT_MISSING_SHARE: "Fill in the values, " + _RESET,
    Rule.CONTRACT_UNSEEN_LEVELS: "Write the levels as before, " + _RESET,
    Rule.CONTRACT_RANGE: "Look for typing errors and changed units, " + _RESET,
    Rule.CONTRACT_PSI: "Look for changed units, codes or a partial export, " + _RESET,
    Rule.CONTRACT_MOVED_BACK: "Look for rows of an older export, " + _RESET,
    Rule.CONTRACT_JUMPED: "Look for typing errors and changed units, " + _RESET,
    Rule.CONTRACT_TARGET: "Correct `target` in config.yaml, " + _RESET,
    Rule.CONTRACT_CLASS_VANISHED: "Add rows of the class, " + _RESET,
    Rule.CONTRACT_CLASS_NEW: "Write the label as before, " + _RESET,
    Rule.CONTRACT_CLASS_SHARE: "Look for a partial export, " + _RESET,
    Rule.CONTRACT_ROW_COUNT: "Look for a partial export, " + _RESET,
    Rule.CONTRACT_RESET: "Take `contract: reset` out of config.yaml, or every file starts a new one.",
}


CELL_FAULTS: Final[dict[Rule, str]] = {
    Rule.NOT_A_NUMBER: "`{cell}` is not a number",
    Rule.INFINITE_NUMBER: "`{cell}` is not a finite number",
    Rule.NUMBER_TOO_LARGE: "`{cell}` is too large for a 32-bit floating-point number",
    Rule.NOT_A_DATE: "`{cell}` is not a date such as {date}",
    Rule.TARGET_MISSING: "the label is missing{cell}",
    Rule.CLASS_SET_ASIDE: "the class `{cell}` has too few rows to be split",
    Rule.CLASS_DROPPED: "the class `{cell}` is listed under `classes.drop`",
    Rule.SPLIT_VALUE_MISSING: "the value that `split` uses is missing{cell}",
}
"""What is said of a single cell, by its rule."""


class Finding(BaseModel):
    """One breach of a rule: the place, what is wrong, and the fix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Rule
    what: str
    line: int | None = None
    byte_offset: int | None = None
    column: str | None = None
    rows: int | None = None

    def sentence(self, name: str) -> str:
        """For a person. The file is called ``name``; the header row is line 1."""
        place = name
        if self.line is not None:
            place += f", line {self.line}"
        if self.byte_offset is not None and self.rule in (Rule.ENCODING, Rule.NUL_BYTE):
            place += f" (byte offset {self.byte_offset})"
        if self.column is not None:
            place += f", column `{shown(self.column)}`"
        more = f" (and {self.rows - 1:,} more like it)" if self.rows is not None and self.rows > 1 else ""
        return one_line(f"{place}: {self.what}{more}. {FIX[self.rule]}")


_GRAVE: Final = frozenset({Rule.LEAKAGE, Rule.LABEL_SHARED, Rule.REPEATED_IN_TEST})
"""A model that is trained in spite of them may be worth nothing."""


def by_importance(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, and last those that need no action; pages and notices show the first ones."""
    return sorted(findings, key=lambda found: (found.rule not in _GRAVE, FIX[found.rule].startswith("Nothing to do")))


class RefusedError(Exception):
    """The file cannot be used. Caught in one place, ``validate``, and turned into the report's reasons."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.what for finding in findings))
        self.findings = findings


def shown(text: str) -> str:
    """A cell as messages quote it: on one line, and not longer than fits one."""
    flat = one_line(text)
    return flat if len(flat) <= _SHOWN_CHARACTERS else flat[: _SHOWN_CHARACTERS - 1] + "…"


def listed(names: list[str], max_names: int = 40) -> str:
    """Names in backticks. Of more than ``max_names`` the first ones and the last: it is often the target."""
    quoted = [
        f"`{shown(name)}`" for name in (names if len(names) <= max_names else [*names[: max_names - 1], names[-1]])
    ]
    if len(names) <= max_names:
        return ", ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {len(names) - max_names} more and {quoted[-1]}"
