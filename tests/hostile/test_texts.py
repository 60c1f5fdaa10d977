"""Headers, cells, names and settings that are markup, formulas, log lines or orders to a terminal."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.predicting import Predictions, write_csv
from following.report import print_report
from functions.render_report import app as render_app
from functions.validate_data import app
from local.__main__ import main
from sluice.messages import Metrics, RunResult, ValidationResult
from sluice.wording import as_it_was, inert, one_line
from tests.functions.conftest import ARTIFACTS, INBOX, Aws, Context, request
from tests.hostile import classic
from tests.messages import GOOD
from tests.unit.cli.conftest import FIRST, World, bare, world
from tests.unit.plotting.test_page import Page

__all__ = ["bare", "world"]

MARKUP: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><iframe src=javascript:alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>here</a>",
)
FORMULAS: Final = ("=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", ' "=1+1')
ORDERS: Final = ("\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "a\n" + json.dumps({"level": "INFO"}), "\u202egnp.exe")
STARTS: Final = re.compile(r"[ '\"]*[=+\-@\t\r\n＝＋－＠]")
TARGET: Final = "<b>target</b>"
BAD: Final = ("=cmd|' /C calc'!A0", "1;=cmd|' /C calc'!A0", "x\n=1+1", MARKUP[0], ORDERS[0])


def hostile_table() -> str:
    """Its names are all of these texts; rows 2 to 6 have a cell that is no number, and each cell of text is hostile."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    texts = list(dict.fromkeys(text.strip() for text in (*MARKUP, *FORMULAS, *ORDERS)))
    writer.writerow([*texts, "=number", TARGET])
    for i in range(600):
        number = BAD[i] if i < len(BAD) else str(i)
        writer.writerow([*(text if i % 3 else "z" for text in texts), number, ("=yes", "<i>no")[i % 7 < 3]])
    return stream.getvalue()


@pytest.fixture
def validated(aws: Aws, context: Context, log: io.StringIO) -> ValidationResult:
    event = request("validate_data")
    event["run"]["etag"] = aws.put(INBOX, GOOD.run.key, hostile_table())
    aws.put(INBOX, f"datasets/{GOOD.run.folder}/config.yaml", json.dumps({"target": TARGET, "positive": "=yes"}))
    return ValidationResult.model_validate(app.handler(event, context))


class Live(HTMLParser):
    """What of a page would run or load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loads = [
            value for name, value in attrs if name in {"src", "href"} and not (value or "").startswith(("#", "data:,"))
        ]
        self.found += [tag] if tag in {"script", "iframe", "img", "object", "embed", "b", "i"} else []
        self.found += [name for name, _ in attrs if name.startswith("on")] + [value or "" for value in loads]


def test_nothing_on_the_page_of_a_hostile_file_is_live(aws: Aws, context: Context, validated: ValidationResult) -> None:
    assert validated.verdict == "accepted", validated.reasons
    event = request("render_report")
    result = {**event["result"], "warnings": validated.warnings, "reasons": [*MARKUP]}
    aws.put(ARTIFACTS, aws.layout.outcome, json.dumps(result))
    event.update(result=result, validation=validated.model_dump(mode="json"), evaluation=None)
    render_app.handler(event, context)
    html = aws.read(aws.layout.report).decode()
    assert Live(html).found == []
    assert all(" ".join(text.split()) in Page(html).text for text in (*MARKUP, TARGET))


def test_the_page_of_the_sample_code_is_live() -> None:
    assert {"script", "img", "iframe", "onerror", "onload"} <= set(Live(classic.page(MARKUP[2], MARKUP)).found)


def read_as(text: str, delimiter: str) -> list[str]:
    """Cells as a spreadsheet cuts the text; it does so by semicolons in half of Europe."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


def formulas(cells: Iterable[str]) -> list[str]:
    return [
        cell for cell in cells if re.match(r"\s*[=+\-@＝＋－＠]", cell) and not re.fullmatch(r"[+-]?[\d.e+-]+", cell)
    ]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_rejected_rows_hold_no_formula(aws: Aws, validated: ValidationResult, delimiter: str) -> None:
    assert validated.rows.rejected == len(BAD)
    text = aws.read(aws.layout.rejected_rows).decode()
    assert formulas(read_as(text, delimiter)) == []
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert as_it_was(rows[0]["raw"]) in hostile_table()
    assert as_it_was(rows[0]["column"]) == "=number"


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_scored_rows_hold_no_formula_and_numbers_stay(tmp_path: Path, delimiter: str) -> None:
    records = [{"=name": text, "n": "-1.5", "m": -2.5} for text in (*FORMULAS, *BAD, "a;=1", "'=1")]
    made = [{"label": "=yes", "probability": 0.5}] * len(records)
    write_csv(tmp_path / "scored.csv", records, Predictions(made=made, classes=["no", "=yes"], positive="=yes"))
    text = (tmp_path / "scored.csv").read_bytes().decode()
    assert formulas(read_as(text, delimiter)) == []
    back = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [as_it_was(row[0]) for row in back] == [record["=name"] for record in records]
    assert {tuple(row[1:3]) for row in back} == {("-1.5", "-2.5")}


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_bad_rows_of_the_sample_code_are_live(tmp_path: Path, delimiter: str) -> None:
    classic.write_bad_rows(tmp_path / "bad.csv", [("1", text) for text in (*FORMULAS, *BAD)])
    assert formulas(read_as((tmp_path / "bad.csv").read_bytes().decode(), delimiter))


@given(st.text(st.sampled_from("=+-@\t\r\n; '\"1.eax＝")))
def test_nothing_is_lost_by_taking_the_life_out_of_a_cell(text: str) -> None:
    assert as_it_was(inert(text)) == text
    for cell in re.split("[;\t\r\n]", inert(text)):
        assert not STARTS.match(cell) or cell.lstrip(' "')[:1] == "'" or re.fullmatch(r"[+-][0-9.,eE+-]+", cell)


def test_each_line_of_the_log_is_one_object(
    aws: Aws, context: Context, validated: ValidationResult, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("\n".join(ORDERS) + GOOD.run.key)

    monkeypatch.setattr(app, "fetch", fails)
    event = request("validate_data")
    event["run"].update(key="incoming/a\n{}/b.csv", folder="a\n{}")
    with pytest.raises(RuntimeError):
        app.handler(event, context)
    lines = log.getvalue().removesuffix("\n").split("\n")
    assert [json.loads(line)["message"] for line in lines] == ["done", "fault"]
    assert not re.search("[\x00-\x1f]", "".join(lines))


def test_the_log_of_the_sample_code_is_forged() -> None:
    stream = io.StringIO()
    logger = logging.Logger("classic")
    logger.addHandler(logging.StreamHandler(stream))
    classic.log(logger, ORDERS[3])
    assert {"level": "INFO"} in [json.loads(line) for line in stream.getvalue().splitlines() if line.startswith("{")]


def is_quiet(text: str) -> bool:
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("text", [*ORDERS, *MARKUP])
def test_the_terminal_gets_words_only(world: World, text: str) -> None:
    world.claim(FIRST, "2026-11-23T09:00:00Z", object_key=f"incoming/churn/{text}.csv")
    for arguments in (["runs"], ["show", FIRST], ["predict", "churn", f"/nowhere/{text}"]):
        called = world.call(*arguments)
        assert is_quiet(called.output)
        assert text not in called.output or is_quiet(text)
    assert is_quiet(world.call("runs", "--json").stdout)


@pytest.mark.parametrize("text", ORDERS)
def test_the_report_on_the_terminal_is_words_only(text: str) -> None:
    metrics = Metrics.model_validate(request("record_outcome")["evaluation"]["metrics"])
    result = RunResult.model_validate({**request("render_report")["result"], "warnings": [text], "metrics": metrics})
    validation = GOOD.validation.model_copy(update={"classes": (text, "b"), "left_out": {text: text}})  # type: ignore[union-attr]
    prediction = {"score": 0.5, "positive": text, "predicted": text, "actual": text}
    shown = {
        "endpoint": None,
        "prediction": prediction,
        "artifacts": {},
        "seconds": {"total": 1, "training": 1},
        "outcome": "x",
    }
    stream = io.StringIO()
    print_report(Console(file=stream, width=200), shown, result, validation)
    assert is_quiet(stream.getvalue())
    assert one_line(text.strip())[:5] in stream.getvalue()


def test_what_the_local_command_complains_of_is_words_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "t\x1b[31m.csv"
    table.write_text("a\x1b[31m,b\n1,2\n")
    assert main(["--state-dir", str(tmp_path), "run", str(table), "--target", "a\x1b[32m"]) == 2
    said = capsys.readouterr().err
    assert is_quiet(said)
    assert "there is no column" in said
