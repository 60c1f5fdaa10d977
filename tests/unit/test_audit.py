from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.audit import KNOWN_VULNERABLE, locks, report

CLEAN = {"name": "fine", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "mirrored", "skip_reason": "Dependency not found on PyPI and could not be audited: mirrored (1.0)"}
BAD = {
    "name": "bad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"]}],
}
JINJA = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "aliases": [], "fix_versions": ["2.7.2"]}],
}
LOCK = Path("/locks/requirements.txt")

Answers = dict[str, list[dict[str, Any]] | None]


def services(
    known: Answers, packages: list[dict[str, Any]] | None = None
) -> Callable[[Path, str], list[dict[str, Any]] | None]:
    """What each service says of the package that it should know, and what all say of a lock."""

    def audit(file: Path, service: str) -> list[dict[str, Any]] | None:
        return packages if file == LOCK else known[service]

    return audit


@pytest.mark.parametrize(
    "known",
    [
        {"pypi": None, "osv": None},
        {"pypi": [UNKNOWN], "osv": None},
        {"pypi": [CLEAN], "osv": None},
    ],
    ids=["out of reach", "an index of files only", "an answer without knowledge"],
)
def test_where_no_service_knows_anything_nothing_is_said_to_be_fine(
    known: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report([LOCK], services(known, [CLEAN])) == 0
    said = capsys.readouterr().out
    assert said.startswith("NOT AUDITED")
    assert KNOWN_VULNERABLE in said
    assert "0 with findings" not in said


def test_the_second_service_is_asked_where_the_first_knows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([LOCK], services({"pypi": [UNKNOWN], "osv": [JINJA]}, [CLEAN])) == 0
    assert "1 packages audited by osv, 0 with findings" in capsys.readouterr().out


def test_a_finding_is_named_with_its_version_and_what_fixes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([LOCK], services({"pypi": [JINJA]}, [CLEAN, BAD])) == 1
    assert "bad 1.0: PYSEC-2026-1, CVE-2026-1; fixed in 1.1" in capsys.readouterr().out


def test_packages_that_the_service_does_not_know_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([LOCK], services({"pypi": [JINJA]}, [CLEAN, UNKNOWN])) == 0
    said = capsys.readouterr().out
    assert "1 packages audited" in said
    assert "not audited, pypi does not know them: mirrored" in said


def test_a_service_that_is_lost_on_the_way_is_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([LOCK], services({"pypi": [JINJA]}, None)) == 0
    assert "NOT AUDITED, pypi gave no answer" in capsys.readouterr().out


def test_what_the_layers_ship_is_audited() -> None:
    audited = {file.parent.name for file in locks() if file.parent.parent.name == "layers"}
    assert audited == {"core", "tabular", "scoring", "plotting"}
