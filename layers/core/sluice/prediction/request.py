"""What a person asks the predict function, read from a function URL's event (payload format 2.0). Pure.

JSON and CSV come to the same: records by the user's own column names. Whether the columns are right is for the recipe
to say; here a request is refused that cannot be read, and nothing of it is guessed.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from sluice.dataset.recipe import WHITESPACE
from sluice.wording import known_instead, one_line

MAX_RECORDS: Final = 10_000
MAX_EXPLAINED: Final = 100
MAX_BODY_BYTES: Final = 5_000_000
"""Lambda takes 6 MB with what stands round the body, which may be base64."""
MAX_ERRORS: Final = 100
"""Problems that a refusal lists; if there are more, it says how many."""

COUNTED_STATUSES: Final = frozenset({400, 413, 415})
"""Of the refusals of a request that named a dataset, and that its caller has to change."""

USAGE: Final = (
    "POST /<dataset> with Content-Type application/json (one record, a list of records, or "
    '{"records": [...], "explain": 3}) or text/csv (a header line with your column names). '
    "Add ?explain=3 for the columns that count most."
)

_DATASET: Final = re.compile(r"/([a-z0-9](?:-?[a-z0-9])*)/?")
_DELIMITERS: Final = (",", ";", "\t")
_CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
_MAX_CELL_CHARACTERS: Final = MAX_BODY_BYTES


class RefusedError(Exception):
    """A request that gets no prediction: the HTTP status, a sentence, and what is wrong by record."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class PredictRequest:
    """Records to predict. Cells are as they came: of any JSON type, text if they came as CSV."""

    dataset: str
    records: Sequence[Mapping[str, Any]]
    explain: int = 0


def method_of(event: Mapping[str, Any]) -> str:
    return str(event.get("requestContext", {}).get("http", {}).get("method", "POST")).upper()


def dataset_in(event: Mapping[str, Any]) -> str | None:
    """The dataset that the path of a function URL's event names; None if it names none."""
    named = _DATASET.fullmatch(unquote(event.get("rawPath") or "/"))
    return named[1] if named else None


def read_request(event: Mapping[str, Any]) -> PredictRequest:
    """The request in an event of a function URL.

    Raises:
        RefusedError: it cannot be read, is too large, or names no dataset.
    """
    if method_of(event) != "POST":
        raise RefusedError(405, f"send a POST request to get predictions. {USAGE}", headers={"allow": "POST"})
    dataset = dataset_in(event)
    if dataset is None:
        raise RefusedError(404, f"the path names no dataset. {USAGE}")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    kind = _content_type(headers.get("content-type", ""))
    text = _body(event)
    explain = _number_to_explain((event.get("queryStringParameters") or {}).get("explain", "0"))
    if kind == "text/csv":
        records: Sequence[Mapping[str, Any]] = read_csv(text)
    else:
        records, asked = read_json_records(text)
        explain = explain if asked is None else asked
    if not records:
        raise RefusedError(400, "there are no records")
    if len(records) > MAX_RECORDS:
        raise RefusedError(413, f"there are {len(records):,} records; the maximum is {MAX_RECORDS:,} at a time")
    if explain and len(records) > MAX_EXPLAINED:
        what = f"{len(records):,} records are too many to explain; the maximum is {MAX_EXPLAINED} at a time"
        raise RefusedError(413, what)
    return PredictRequest(dataset, records, explain)


def _content_type(header: str) -> str:
    kind, _, parameters = header.partition(";")
    kind = kind.strip().lower()
    if kind not in ("application/json", "text/csv"):
        raise RefusedError(415, f"Content-Type {kind or '(none)'} is not supported; send application/json or text/csv")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in _CHARSETS:
            raise RefusedError(415, "the charset must be utf-8")
    return kind


def _body(event: Mapping[str, Any]) -> str:
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        text = raw.decode("utf-8-sig")
    except (binascii.Error, UnicodeError) as error:
        raise RefusedError(400, "the body is not text in UTF-8") from error
    if len(raw) > MAX_BODY_BYTES:
        raise RefusedError(413, f"the body has {len(raw):,} bytes; the maximum is {MAX_BODY_BYTES:,} at a time")
    if not text.strip():
        raise RefusedError(400, f"the body is empty. {USAGE}")
    return text


def _number_to_explain(value: Any) -> int:
    """How many contributions are asked for, from a query parameter or from JSON."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RefusedError(400, "`explain` is the number of columns to name, such as 3")
    return value


# JSON


def read_json_records(text: str) -> tuple[list[Mapping[str, Any]], int | None]:
    """Records of a JSON body, and its ``explain`` if it has one.

    Raises:
        RefusedError: it is no JSON, or no records.
    """
    try:
        value = json.loads(text, parse_constant=_no_number, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise RefusedError(400, "the body is nested too deeply") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(400, f"the body is not JSON: {error.msg} at {where}") from error
    except ValueError as error:
        raise RefusedError(400, "the body has a number of too many digits") from error
    explain = None
    if isinstance(value, dict) and isinstance(value.get("records"), list):
        if unknown := sorted(value.keys() - {"records", "explain"}):
            hint = known_instead(unknown[:1], ["explain"])
            raise RefusedError(400, f"unknown key `{one_line(unknown[0])}` beside `records`; {hint}")
        explain = _number_to_explain(value.get("explain", 0))
        value = value["records"]
    records = value if isinstance(value, list) else [value]
    wrong = [
        {"record": number, "column": None, "message": "expected an object with a value for each column"}
        for number, record in enumerate(records, start=1)
        if not isinstance(record, dict)
    ]
    if wrong:
        raise RefusedError(400, refusal_message(len(wrong), "record", "is not an object"), wrong[:MAX_ERRORS])
    return records, explain


def refusal_message(count: int, noun: str, what: str) -> str:
    """Says how many there are, and that not all of them are listed if that is so."""
    said = f"1 {noun} {what}" if count == 1 else f"{count:,} {noun}s: each {what}"
    return f"{said}; the first {MAX_ERRORS} are listed" if count > MAX_ERRORS else said


def _no_number(name: str) -> None:
    raise RefusedError(400, f"the body is not JSON: {name} is not a number; write null for an unknown value")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(400, f"an object has `{twice}` twice")
    return made


# CSV


def read_csv(text: str) -> list[Mapping[str, Any]]:
    """Records of a CSV body with a header line: comma, semicolon or tab, quotes as usual, any line end.

    Raises:
        RefusedError: the header names a column twice, a line is broken or has another number of cells.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    lines = _csv_lines(text)
    _, header = next(lines)
    names = [name.strip(WHITESPACE) for name in header]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RefusedError(400, f"the header has the column `{twice[0]}` twice")
    records: list[Mapping[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for line, cells in lines:
        if len(cells) == len(names):
            records.append(dict(zip(names, cells, strict=True)))
        else:
            what = f"line {line} has {_count(len(cells))}; the header has {len(names)}"
            errors.append({"record": len(records) + len(errors) + 1, "column": None, "line": line, "message": what})
    if errors:
        message = refusal_message(len(errors), "line", "has a different number of cells than the header")
        raise RefusedError(400, message, errors[:MAX_ERRORS])
    return records


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number of its first line and cells of each row; without the blank lines at the end."""
    reader = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise RefusedError(400, f"line {line} cannot be read as CSV: {error}") from error


def _delimiter(text: str) -> str:
    """The one that makes most columns of the header; a comma if none does."""

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)
