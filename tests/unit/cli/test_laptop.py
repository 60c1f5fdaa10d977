"""``sluice local`` and ``sluice demo`` are the local AWS's own command line; every other command counts as its user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from cli import laptop, runs
from cli.app import hoisted
from local import processes
from local.home import Home, Process, State

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


# Who uses the local AWS

ADDRESS, SAGEMAKER = "http://127.0.0.1:4566", "http://127.0.0.1:5000"


@pytest.fixture
def home(tmp_path: Path, bare: World, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The state folder of a local AWS that is up, as far as its processes tell."""
    made = Home(tmp_path)
    both = (processes.this("aws"), processes.this("sagemaker"))
    made.write(State(processes=both, endpoint_url=ADDRESS, sagemaker_url=SAGEMAKER))
    monkeypatch.setenv("SLUICE_STATE_DIR", str(tmp_path))
    return made


@pytest.fixture
def noted(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was noted as a user while `sluice runs` ran."""
    found: list[str] = []

    def list_runs(*_: Any) -> None:
        found.extend(Process.model_validate_json(note.read_text()).name for note in home.users.glob("[0-9]*"))

    monkeypatch.setattr(runs, "list_runs", list_runs)
    monkeypatch.setattr("cli.app.find_stack", lambda *_: None)
    return found


def test_a_command_counts_as_a_user_of_the_local_aws_until_it_ends(home: Home, noted: list[str]) -> None:
    called = _runs(home, "--local")
    assert (called, noted, list(home.users.iterdir())) == (0, ["sluice runs"], [])


def test_a_command_that_the_environment_sends_to_the_local_aws_counts_too(
    home: Home, noted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ADDRESS)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", SAGEMAKER)
    assert (_runs(home), noted, list(home.users.iterdir())) == (0, ["sluice runs"], [])


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:1", "https://elsewhere.example:4566"])
def test_a_command_that_goes_elsewhere_does_not_count(
    home: Home, noted: list[str], monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    if address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    assert (_runs(home), home.users.exists()) == (0, False)


def test_a_command_that_fails_no_longer_counts(home: Home, noted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "list_runs", fails)
    assert (_runs(home, "--local"), list(home.users.iterdir())) == (130, [])


def _runs(home: Home, *arguments: str) -> int:
    return World(None, None, None).call("runs", *arguments).exit_code


@pytest.mark.parametrize("error", [EndpointConnectionError, ReadTimeoutError])
@pytest.mark.parametrize("address", [ADDRESS, SAGEMAKER])
def test_a_local_aws_that_was_stopped_meanwhile_is_one_sentence_with_the_way_out(
    home: Home, noted: list[str], monkeypatch: pytest.MonkeyPatch, error: Any, address: str
) -> None:
    def fails(*_: Any) -> None:
        raise error(endpoint_url=f"{address}/runs", error="refused")

    monkeypatch.setattr(runs, "list_runs", fails)
    called = World(None, None, None).call("runs", "--local")
    assert called.exit_code == 2
    assert called.stderr.splitlines() == [
        f"The local AWS does not answer at {address}: it was stopped, or its processes have ended. Start it with "
        "`sluice local up`, and it has the runs, models and endpoints again."
    ]
