from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.output import Output, clean, moment
from local.home import REPOSITORY


def test_account_ids_and_control_characters_are_never_said() -> None:
    assert clean("arn:aws:sts::123456789012:assumed-role/A/b\x1b[31m") == "arn:aws:sts:::assumed-role/A/b�[31m"
    assert clean("run 123456789012") == "run 123456789012", "an id of a run may be all digits"


def test_what_goes_to_no_terminal_is_neither_wrapped_nor_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.print("word " * 100)
    output.complain("word " * 100)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert len(text.splitlines()) == 1
        assert "\x1b" not in text


def test_a_document_is_written_as_json_and_tables_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.print("a table")
    output.document({"key": ("arn:aws:iam::123456789012:user/a", 1)})
    assert capsys.readouterr().out == '{\n  "key": [\n    "arn:aws:iam:::user/a",\n    1\n  ]\n}\n'


def test_a_moment_is_shown_to_the_minute() -> None:
    assert moment("2026-11-25T07:45:00.123Z") == "2026-11-25 07:45 UTC"
    assert moment(None) == ""


def test_the_command_starts_without_the_heavy_libraries() -> None:
    heavy = ("boto3", "botocore", "xgboost", "duckdb", "polars", "pandas", "numpy", "matplotlib", "pydantic")
    script = f"import sys, cli.app; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": "layers/core"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[]\n"


@pytest.mark.parametrize("shape", ["words", "table", "document"])
def test_a_reader_that_goes_away_changes_neither_the_status_nor_what_is_said(shape: str) -> None:
    script = f"""
import sys
from cli.output import Output, table
output = Output(as_json={shape == "document"})
for number in range(20000):
    output.print("a line of words" if {shape == "words"} else table(["a"], [["b"]]))
    output.document([number])
sys.exit(7)
"""
    shell = f"{sys.executable} -c '{script}' | head -n 1; echo ${{PIPESTATUS[0]}}"
    told = subprocess.run(
        ["bash", "-c", shell],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": "layers/core"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stderr == ""
    assert told.stdout.splitlines()[-1] == "7"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    help_to_nobody = f"{Path(sys.executable).with_name('sluice')} --help | :"
    told = subprocess.run(["sh", "-c", help_to_nobody], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "Traceback" not in told.stderr
    assert io.StringIO(told.stdout).read() == ""
