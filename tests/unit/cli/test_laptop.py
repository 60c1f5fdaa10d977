"""``sluice local`` and ``sluice demo`` are the local AWS's own command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import laptop
from cli.app import hoisted

from .conftest import World


@pytest.mark.parametrize(
    ("called", "handed_on"),
    [
        (["demo"], (["demo"], "sluice")),
        (
            ["demo", "--csv", "a.csv", "--target", "y", "--json", "r.json", "--yes"],
            (["demo", "--csv", "a.csv", "--target", "y", "--json", "r.json", "--yes"], "sluice"),
        ),
        (["local", "up", "--verbose"], (["up", "--verbose"], "sluice local")),
        (["local", "--state-dir", "x", "status"], (["--state-dir", "x", "status"], "sluice local")),
        (["local", "--help"], (["--help"], "sluice local")),
    ],
)
def test_every_argument_is_handed_on_as_it_is_and_the_status_comes_back(
    bare: World, monkeypatch: pytest.MonkeyPatch, called: list[str], handed_on: tuple[list[str], str]
) -> None:
    calls: list[tuple[list[str], str]] = []

    def main(arguments: list[str], prog: str) -> int:
        calls.append((arguments, prog))
        return 7

    monkeypatch.setattr("local.__main__.main", main)
    assert bare.call(*called).exit_code == 7
    assert calls == [handed_on]


def test_a_run_named_like_a_command_is_none() -> None:
    assert hoisted(["runs", "demo", "--json"]) == ["--json", "runs", "demo"]
    assert hoisted(["demo", "--json", "r.json"]) == ["demo", "--json", "r.json"]


def test_a_local_aws_that_is_down_is_told_with_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert laptop.call_local(["--state-dir", str(tmp_path), "status"], "sluice local") == 1
    assert "sluice local up" in capsys.readouterr().out
