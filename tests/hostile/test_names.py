"""Keys with every odd character, from the event to the last word on the run."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from functions.validate_data import app
from plotting import ReportInput, render
from sluice.layout import INCOMING, split_uri, uri
from sluice.messages import Run, ValidationResult
from sluice.names import dataset_name
from sluice.runs.outcome import close, notice
from tests import report_samples
from tests.contract.test_names import named
from tests.corpus.case import table
from tests.functions.conftest import INBOX, Aws, Context, request
from tests.hostile import classic
from tests.messages import GOOD
from tests.unit.plotting.test_page import Page

FOLDERS: Final = {
    "plain": "churn",
    "space": "a b",
    "plus": "a+b",
    "percent": "a%2Fb%41",
    "unicode": "größe-данные",
    "emoji": "👩‍👩‍👧",
    "quotes": 'it\'s "so"`',
    "newline": "a\nDeployed: all is well",
    "carriage return": "a\r\nb",
    "backslash": "a\\b",
    "dots": "..",
    "blank": " ",
    "controls": "a\x01\x1b[31mb\x7f\x9bc",
    "right to left": "a\u202egpj.exe\u2066",
    "line separator": "a\u2028b",
    "markup": "<img src=x onerror=alert(1)>",
    "formula": "=cmd|' /C calc'!A0",
    "template": "{{7*7}}${x}{% raise %}",
    "query": "?a=1&b#c",
    "long": "l" * 990,
}
KEYS: Final = {name: f"{INCOMING}{folder}/t.csv" for name, folder in FOLDERS.items()} | {
    "odd name": f"{INCOMING}churn/=1+1\n\x1b[2J\u202e.csv",
    "double slash": f"{INCOMING}churn//t.csv",
    "deep": f"{INCOMING}churn/../../t.csv",
    "1,024 bytes": f"{INCOMING}churn/{'é' * 502}a.csv",
}


def run_of(key: str) -> Run:
    """As the state machine's first state names it."""
    made = {**named(key), "execution_arn": GOOD.run.execution_arn, "started_at": GOOD.run.started_at}
    return Run.model_validate(made)


@pytest.mark.parametrize("name", KEYS)
def test_a_run_is_named_safely_and_as_the_command_line_names_it(name: str) -> None:
    assert len(KEYS[name].encode()) <= 1024
    run = run_of(KEYS[name])
    assert (run.key, run.folder) == (KEYS[name], KEYS[name].split("/")[1])
    assert run.dataset == dataset_name(run.folder)
    assert split_uri(uri("bucket", run.key)) == ("bucket", run.key)


def test_different_folders_are_different_datasets() -> None:
    assert len({dataset_name(folder) for folder in FOLDERS.values()}) == len(FOLDERS)


@pytest.mark.parametrize("name", KEYS)
def test_the_object_of_the_event_is_the_one_that_is_read(aws: Aws, context: Context, name: str) -> None:
    run = run_of(KEYS[name])
    etag = aws.put(INBOX, run.key, table())
    event = request("validate_data")
    event["run"].update(run.model_dump(mode="json"), bucket=INBOX, version_id=None, etag=etag)
    result = ValidationResult.model_validate(app.handler(event, context))
    assert result.verdict == "accepted", result.reasons
    assert all(is_quiet(said) for said in (*result.reasons, *result.warnings))


@pytest.mark.parametrize("name", ["plus", "percent"])
def test_the_sample_code_reads_another_object(aws: Aws, name: str) -> None:
    aws.put(INBOX, KEYS[name], table())
    with pytest.raises(ClientError, match="NoSuchKey"):
        aws.s3.get_object(Bucket=INBOX, Key=classic.key_of(event_of(KEYS[name])))


def event_of(key: str) -> dict[str, Any]:
    return {"detail": {"object": {"key": key}}}


def is_quiet(text: str) -> bool:
    """One line, in reading order, that steers no terminal."""
    return not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)


@pytest.mark.parametrize("name", KEYS)
def test_a_notice_fits_sns_and_each_of_its_lines_is_ours(name: str) -> None:
    honest = notice(close(GOOD, GOOD.run.started_at, "artifacts"), "k")[1].split("\n")
    told = GOOD.model_copy(update={"run": run_of(KEYS[name])})
    subject, text = notice(close(told, GOOD.run.started_at, "artifacts"), told.run.key)
    assert re.fullmatch(r"[ -~]{1,100}", subject)
    assert len(text.split("\n")) == len(honest)
    assert all(map(is_quiet, text.split("\n")))
    assert len(text.encode()) < 256 * 1024


@pytest.mark.parametrize("name", ["newline", "unicode", "long"])
def test_sns_refuses_the_subject_of_the_sample_code(name: str) -> None:
    assert not re.fullmatch(r"[ -~]{1,100}", classic.subject(KEYS[name]))


@pytest.mark.parametrize("name", KEYS)
def test_a_page_shows_the_key_as_text(name: str) -> None:
    sample = report_samples.binary()
    shown = Page(render(ReportInput(run_of(KEYS[name]), sample.result, sample.profile, sample.training, None)))
    assert not shown.tags["img"]
    assert not shown.tags["script"]
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown.text)
    if name == "markup":
        assert FOLDERS[name] in shown.text
