"""Asks a dataset's live model about the rows of a file: records in, labels and probabilities, or numbers, out.

A file is sent in batches; what is refused is named by its record in the whole file.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from cli.connection import Answer, Connection
from cli.failure import NO, AnswerIsNoError, CommandError, as_sentence, interruptible
from cli.operating import Confirm
from cli.output import Output, table
from cli.stack import Stack
from cli.suggesting import dataset_hint

Record = Mapping[str, Any]
Kind = Literal["csv", "json", "jsonl"]

STANDARD_INPUT: Final = "-"
BATCH: Final = 1000
_EXPLAINED_BATCH: Final = 100
_ERRORS_SHOWN: Final = 100
"""Of refused records; a file whose every row is wrong need not be sent to its end."""
_KINDS: Final[dict[str, Kind]] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Predictions:
    """Of a whole file, in its order. ``models``: ids of the runs whose models answered. ``target``: the column of
    predicted numbers; None of classes."""

    made: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    positive: str | None = None
    cutoff: float | None = None
    target: str | None = None

    def take(self, body: Mapping[str, Any]) -> None:
        if self.models and (self.classes, self.target) != (body.get("classes", []), body.get("target")):
            raise CommandError("A model with other classes became live meanwhile; run the command again.")
        self.made += body["predictions"]
        self.classes, self.target = body.get("classes", []), body.get("target")
        self.positive, self.cutoff = body.get("positive"), body.get("cutoff")
        if body["model_version"] not in self.models:
            self.models.append(body["model_version"])

    def refuse(self, errors: Sequence[Mapping[str, Any]], first: int) -> None:
        """Args: ``first``: how many records of the file stand before those that the errors count."""
        self.errors += [{**error, "record": error["record"] + first} for error in errors]

    @property
    def is_hopeless(self) -> bool:
        """Whether all records of a batch have the same problem, such as a missing column: the rest will, too."""
        return any("records" in error for error in self.errors)


def predict(
    connection: Connection,
    stack: Stack,
    dataset: str,
    source: str,
    explain: int,
    target: Path | None,
    confirm: Confirm,
    output: Output,
) -> int:
    """Predicts. Returns: exit status, 1 if records were refused; then nothing is written.

    Raises:
        AnswerIsNoError: nothing is live.
        CommandError: the file cannot be read, or the function does not answer.
    """
    if target:
        _check_target(target, source, confirm)
    url = stack.url("PredictUrl")
    found = Predictions()
    records: Sequence[Record] = ()
    try:
        records = read_records(source)
    except RecordsError as error:
        found.refuse(error.errors, 0)
    else:
        try:
            with interruptible(
                "Interrupted: no predictions are shown or written. To get them, call the command again."
            ):
                ask(connection, f"{url.rstrip('/')}/{dataset}", records, explain, found, output)
        except AnswerIsNoError as error:
            raise AnswerIsNoError(f"{error}{dataset_hint(connection, stack, dataset)}") from error
    if found.errors:
        return _tell_errors(found, source, output)
    if target:
        write_csv(target, records, found)
        output.say(f"{target}: {len(found.made):,} rows with their predictions")
    _tell(dataset, found, target, explain, output)
    return 0


def _check_target(target: Path, source: str, confirm: Confirm) -> None:
    """Asks before a file is overwritten, and never overwrites the file that the command reads."""
    if target.is_dir():
        raise CommandError(f"--output {target} is a folder; name a file")
    if not target.absolute().parent.is_dir():
        raise CommandError(f"--output {target}: the folder {target.absolute().parent} does not exist")
    if not target.exists():
        return
    if source != STANDARD_INPUT and Path(source).exists() and target.samefile(source):
        raise CommandError(f"--output {target} would overwrite the file that the command reads; name another one")
    answer = confirm(f"Replace {target}?")
    if answer is None:
        raise CommandError(f"--output {target} exists; pass --yes to replace it, or name another file")
    if not answer:
        raise AnswerIsNoError("Nothing was changed.")


def ask(
    connection: Connection, url: str, records: Sequence[Record], explain: int, found: Predictions, output: Output
) -> None:
    """Sends all records; a batch that is too large for the function is sent in halves."""
    size = _EXPLAINED_BATCH if explain else BATCH
    waiting = deque((at, min(at + size, len(records))) for at in range(0, len(records), size))
    while waiting and len(found.errors) < _ERRORS_SHOWN and not found.is_hopeless:
        start, stop = waiting.popleft()
        body: dict[str, Any] = {"records": records[start:stop], **({"explain": explain} if explain else {})}
        answer = connection.post(url, json.dumps(body, ensure_ascii=False).encode())
        if answer.status == 413 and stop - start > 1:
            middle = (start + stop) // 2
            waiting.extendleft([(middle, stop), (start, middle)])
        else:
            _take(answer, start, found)
            if waiting:
                output.say(f"{stop:,} of {len(records):,} records")


def _take(answer: Answer, start: int, found: Predictions) -> None:
    if answer.status == 200:
        found.take(answer.body)
    elif answer.status == 400 and isinstance(answer.body, dict) and answer.body.get("errors"):
        found.refuse(answer.body["errors"], start)
    elif answer.status == 404:
        raise AnswerIsNoError(as_sentence(answer.message))
    else:
        raise CommandError(f"The predict function refused ({answer.status}): {answer.message}")


class RecordsError(Exception):
    """Lines of the file that are no records."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(f"{len(errors)} records cannot be read")
        self.errors = errors


def read_records(source: str) -> Sequence[Record]:
    """The records of a CSV, JSON or JSONL file, or of standard input for ``-``. The ending tells which, or the text.

    Raises:
        RecordsError: single records cannot be read.
        CommandError: there is no such file, it is no text in UTF-8, or holds no records.
    """
    from sluice.prediction.request import RefusedError, read_csv, read_json_records

    text = _text(source)
    kind = _KINDS.get(Path(source).suffix.lower()) or kind_of(text)
    name = "standard input" if source == STANDARD_INPUT else source
    if not text.strip():
        raise CommandError(f"{name} is empty")
    try:
        if kind == "jsonl":
            records: Sequence[Record] = _read_lines(text)
        elif kind == "json":
            records, _ = read_json_records(text)
        else:
            records = read_csv(text)
    except RefusedError as error:
        if error.errors:
            raise RecordsError(error.errors) from error
        raise CommandError(f"{name}: {error.message}".replace("the body is", "it is")) from error
    if not records:
        raise CommandError(f"{name} has no records")
    return records


def kind_of(text: str) -> Kind:
    """Of text that has no name: JSON begins with a bracket; JSONL has an object on each line."""
    head = text.lstrip()
    if head.startswith("["):
        return "json"
    if not head.startswith("{"):
        return "csv"
    try:
        json.loads(text)
    except ValueError:
        return "jsonl"
    return "json"


def _text(source: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if source == STANDARD_INPUT else Path(source).read_bytes()
    except OSError as error:
        if Path(source).is_dir():
            raise CommandError(f"{source} is a folder; name the file in it") from error
        raise CommandError(f"{source}: {error.strerror or error}") from error
    try:
        return raw.decode("utf-16" if raw.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{source} is not UTF-8; to convert a file from Windows: iconv -f WINDOWS-1252 -t UTF-8 {source}"
        ) from error


def _read_lines(text: str) -> list[Record]:
    from sluice.prediction.request import RefusedError, read_json_records

    records: list[Record] = []
    errors: list[dict[str, Any]] = []
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            read = read_json_records(line)[0] if isinstance(value, dict) else []
        except (ValueError, RefusedError) as error:
            errors.append({"record": number, "column": None, "message": f"not JSON: {error}"})
            continue
        if len(read) == 1:
            records += read
        else:
            errors.append({"record": number, "column": None, "message": "expected one JSON object on the line"})
    if errors:
        raise RecordsError(errors[:_ERRORS_SHOWN])
    return records


def answer_columns(found: Predictions) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """Headings of what is answered, and what stands below each, of a prediction."""
    columns = _number_columns(found) if found.target is not None else _class_columns(found)
    if any("id" in prediction for prediction in found.made):  # stacks of earlier releases give none
        columns["prediction_id"] = lambda prediction: prediction.get("id", "")
    return columns


def _class_columns(found: Predictions) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    of = probability_columns(found)
    label = {"label": lambda prediction: prediction["label"]}
    return {**label, **{heading: functools.partial(probability, of=name) for heading, name in of.items()}}


def _number_columns(found: Predictions) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    columns: dict[str, Callable[[Mapping[str, Any]], Any]] = {"prediction": lambda prediction: prediction["prediction"]}
    if any("interval" in prediction for prediction in found.made):
        columns["low"] = lambda prediction: prediction["interval"][0]
        columns["high"] = lambda prediction: prediction["interval"][1]
    return columns


def probability_columns(found: Predictions) -> dict[str, str | None]:
    """Headings of the probabilities, by the class that each is of; None: of the positive one of two."""
    if found.positive is not None:
        return {"probability": None}
    return {f"probability_{name}": name for name in found.classes}


def probability(prediction: Mapping[str, Any], of: str | None) -> float:
    return float(prediction["probability"] if of is None else prediction["probabilities"][of])


def explanation(prediction: Mapping[str, Any]) -> str:
    """``size = 0.5 (+1.20), colour = red (-0.31)``: what moved the log odds most, and by how much."""
    return ", ".join(
        f"{item['column']} = {'' if item['value'] is None else item['value']} ({item['contribution']:+.2f})"
        for item in prediction.get("contributions", ())
    )


def write_csv(target: Path, records: Sequence[Record], found: Predictions) -> None:
    """The input's rows with label and probability, or number and interval, and the predictions' ids behind them.

    The file is written as a whole or not at all. Spreadsheets open it, so no text in it is a formula.
    """
    from sluice.wording import inert

    own = list(dict.fromkeys(name for record in records for name in record))
    columns = answer_columns(found)
    explained = ["explanation"] if any("contributions" in prediction for prediction in found.made) else []
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([inert(name) for name in (*own, *(_unused(name, own) for name in (*columns, *explained)))])
    for record, prediction in zip(records, found.made, strict=True):
        cells = [_cell(record.get(name)) for name in own]
        answered = [value(prediction) for value in columns.values()]
        made = [*answered, *(explanation(prediction) for _ in explained)]
        writer.writerow([inert(cell) if isinstance(cell, str) else cell for cell in (*cells, *made)])
    _write(target, stream.getvalue())


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name


def _cell(value: Any) -> Any:
    """A text or number as it is; true and false as in JSON; nothing for null."""
    return json.dumps(value) if isinstance(value, bool) else value


def _write(target: Path, text: str) -> None:
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=target.absolute().parent, prefix=f".{target.name}.", delete=False, encoding="utf-8", newline=""
        ) as beside:
            beside.write(text)
        Path(beside.name).chmod(0o644)
        Path(beside.name).replace(target)
    except OSError as error:
        raise CommandError(f"--output {target}: {error.strerror or error}") from error


def _tell(dataset: str, found: Predictions, target: Path | None, explain: int, output: Output) -> None:
    predictions = [{"record": number, **prediction} for number, prediction in enumerate(found.made, start=1)]
    output.document(
        {
            "dataset": dataset,
            "models": found.models,
            **_said_of_all(found),
            "output": str(target) if target else None,
            "predictions": predictions,
        }
    )
    if len(found.models) > 1:
        output.say(f"The model changed meanwhile; the models of runs {', '.join(found.models)} answered.")
    if not target:
        right = [name for name in answer_columns(found) if name not in ("label", "prediction_id")]
        output.print(table(*_table(found, bool(explain)), right=("record", *right)))
        output.print(f"model of run {', '.join(found.models)}{_about(found)}")


def _said_of_all(found: Predictions) -> dict[str, Any]:
    if found.target is not None:
        return {"task": "regression", "target": found.target}
    return {"classes": found.classes, "positive": found.positive, "cutoff": found.cutoff}


def _about(found: Predictions) -> str:
    if found.target is not None:
        coverage = next((prediction["coverage"] for prediction in found.made if "coverage" in prediction), None)
        return "" if coverage is None else f"; {coverage:.0%} of the true numbers are expected between low and high"
    if found.positive is None:
        return ""
    return f"; probability of {found.positive}, which is the label from {found.cutoff:g} on"


def _table(found: Predictions, explained: bool) -> tuple[list[str], Iterator[list[str]]]:
    columns = answer_columns(found)
    outside = any(prediction.get("outside") for prediction in found.made)
    headings = ["record", *columns, *(["not seen in training"] if outside else []), *(["why"] if explained else [])]
    rows = (
        [
            f"{number:,}",
            *(_shown(value(prediction), found) for value in columns.values()),
            *([", ".join(prediction.get("outside", ()))] if outside else []),
            *([explanation(prediction)] if explained else []),
        ]
        for number, prediction in enumerate(found.made, start=1)
    )
    return headings, rows


def _shown(value: Any, found: Predictions) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.4f}" if found.target is None else f"{value:,.6g}"


def _records(error: Mapping[str, Any]) -> str:
    first, count = error["record"], error.get("records", 1)
    return f"{first:,}" if count == 1 else f"{first:,} to {first + count - 1:,}"


def _tell_errors(found: Predictions, source: str, output: Output) -> int:
    shown = found.errors[:_ERRORS_SHOWN]
    output.document({"error": "records were refused; nothing was predicted", "errors": shown})
    rows = ([_records(error), error.get("column") or "", error["message"]] for error in shown)
    output.print(table(("record", "column", "what is wrong"), rows, right=("record",)))
    more = "; the first ones are listed" if len(found.errors) > _ERRORS_SHOWN else ""
    output.say(f"{source}: {len(found.errors):,} cells or records were refused{more}; fix them and try again")
    return NO
