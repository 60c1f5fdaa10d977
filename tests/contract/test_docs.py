"""README and docs: links lead somewhere, commands exist, and generated tables are as the code has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer
from typer.core import TyperGroup

from cli.app import app
from scripts import reference_docs
from tests.template import TEMPLATE

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
MAX_README_LINES: Final = 150

_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = _FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def links(page: Path) -> Iterator[str]:
    text = _SPAN.sub("", _FENCE.sub("", page.read_text()))
    # A link's text may be a code span, which is gone by now.
    yield from (one or two for one, two in _LINK.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_has_the_marks_of_a_conflict_between_two_changes(page: Path) -> None:
    assert not re.findall(r"^(?:<{7}|>{7}) .*$", page.read_text(), re.MULTILINE)


def test_the_link_check_sees_what_is_broken(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `code` title, with a comma\n[one](gone.md) [`two`](#here)\n```\n[three](no-link)\n```\n")
    assert list(links(page)) == ["gone.md", "#here"]
    assert anchors(page) == {"a-code-title-with-a-comma"}


def test_the_index_lists_every_page_once() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    listed = re.findall(r"^\| \[[^\]]+\]\(([\w.-]+\.md)\)", index, re.MULTILINE)
    assert sorted(listed) == sorted(page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MAX_README_LINES


def commands(page: Path) -> Iterator[str]:
    """What a page tells people to type: the lines of its code blocks, and its code spans."""
    text = page.read_text()
    for language, block in _FENCE.findall(text):
        if language in ("", "sh", "bash"):
            for line in block.splitlines():
                yield from re.split(r" && |; |\| ", line.strip().removeprefix("$ "))
    yield from (" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", text)))


def first_words(page: Path, program: str) -> set[str]:
    """The word after the program in what a page tells people to type."""
    typed = (re.match(rf"(?:[A-Z_]+=\S+ )*{program}(?: [A-Z_]+=\S+)* ([a-z][a-z-]*)\b", one) for one in commands(page))
    return {found[1] for found in typed if found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert first_words(page, "make") <= targets


def test_the_stack_page_and_the_configuration_page_are_as_the_script_writes_them() -> None:
    assert reference_docs.stale() == [], "run python scripts/reference_docs.py"


def test_every_key_of_the_configuration_says_what_it_is() -> None:
    assert reference_docs.undescribed() == []


def test_every_alarm_has_a_line_that_says_what_to_do() -> None:
    page = (ROOT / "docs" / "stack.md").read_text()
    alarms = [
        name
        for name, body in TEMPLATE["Resources"].items()
        if body["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    ]
    advice = page.rpartition("<!-- end -->")[2]
    assert [name for name in alarms if f"`{name}`" not in advice] == []


def test_every_sluice_command_that_a_page_names_exists() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    named = {(page.name, word) for page in PAGES for word in first_words(page, "sluice")}
    assert {word for _, word in named} >= {"drop", "why", "predict", "local", "demo"}
    assert sorted((page, word) for page, word in named if word not in group.commands) == []


def test_the_commands_of_a_page_are_seen_in_blocks_and_in_spans(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("`sluice drop F`\n```\nX=1 sluice why a && sluice runs | head\n```\n```python\nsluice no\n```\n")
    assert first_words(page, "sluice") == {"drop", "why", "runs"}


MAY_CALL: Final = re.compile(r"\blambda:InvokeFunction\b")
MAY_CALL_URL: Final = re.compile(r"\blambda:InvokeFunctionUrl\b")


def paragraphs_that_name_one_permission_alone(text: str) -> list[str]:
    """Paragraphs that name one of the two actions that a caller of a function URL needs, and not the other."""
    return [part for part in re.split(r"\n\s*\n", text) if MAY_CALL_URL.search(part) and not MAY_CALL.search(part)]


def texts_with_permissions() -> Iterator[tuple[str, str]]:
    """Each page, each output of the template and each module of the command, with its text."""
    yield from ((str(page.relative_to(ROOT)), page.read_text()) for page in PAGES)
    yield from ((f"output {name}", output["Description"]) for name, output in TEMPLATE["Outputs"].items())
    yield from ((str(module.relative_to(ROOT)), module.read_text()) for module in sorted((ROOT / "cli").glob("*.py")))


def test_what_names_one_permission_of_a_function_url_names_both() -> None:
    """Since October 2025 a caller of a function URL needs lambda:InvokeFunction, too."""
    texts = dict(texts_with_permissions())
    alone = {name: found for name, text in texts.items() if (found := paragraphs_that_name_one_permission_alone(text))}
    assert not alone
    assert {"docs/cli.md", "docs/predict.md", "output PredictUrl", "cli/connection.py"} <= {
        name for name, text in texts.items() if MAY_CALL_URL.search(text)
    }


def test_a_permission_that_is_named_alone_is_seen() -> None:
    both = "It needs lambda:InvokeFunctionUrl and\nlambda:InvokeFunction."
    alone = "It needs `lambda:InvokeFunctionUrl`."
    assert paragraphs_that_name_one_permission_alone(f"{both}\n\n{alone}\n") == [f"{alone}\n"]
