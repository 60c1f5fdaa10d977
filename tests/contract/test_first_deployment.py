"""docs/first-deployment.md, the checklist that carries it out, and docs/local-aws.md name the same things."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.cloud import test_cloud
from tests.cloud.checklist import STEPS, Checklist

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = (DOCS / "first-deployment.md").read_text()
UNGUARDED: Final = "first thing to look at on AWS"


def test_the_page_has_a_section_for_each_step_in_order() -> None:
    assert tuple(re.findall(r"^<!-- step: (\w+) -->$", PAGE, re.MULTILINE)) == STEPS
    assert all(getattr(Checklist, step).__doc__ for step in STEPS)


def test_each_section_says_what_to_see_what_it_costs_and_what_it_answers() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    of_steps = [section for section in sections if "<!-- step: " in section]
    assert len(of_steps) == len(STEPS)
    for section in of_steps:
        for word in ("**See**", "**Costs**"):
            assert word in section, section.splitlines()[0]


def test_what_no_test_guards_is_on_the_page() -> None:
    rows = [line for line in (DOCS / "local-aws.md").read_text().splitlines() if line.startswith("|")]
    unguarded = [line.split("|")[1].strip() for line in rows if UNGUARDED in line]
    assert unguarded
    assert [name for name in unguarded if name not in PAGE] == []


def test_without_a_stack_the_cloud_lane_says_why_it_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(test_cloud.VARIABLE, raising=False)
    assert test_cloud.why_not() == "no stack is named: make cloud-check STACK=name"
