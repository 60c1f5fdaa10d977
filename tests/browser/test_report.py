"""The report page in a real browser: Debian's Chromium, driven by Playwright, with axe-core for accessibility."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from plotting import ReportInput, render
from tests import report_samples as samples

REQUIRED = os.environ.get("SLUICE_BROWSER_REQUIRED") == "1"
LAYOUTS: Final = (
    "binary", "awaiting_approval", "rejected_by_a_person", "model_rejected", "multi_class", "many_classes",
    "numbers",
    "training_failed", "refused", "stopped",
)  # fmt: skip
"""The other outcomes' pages are laid out as one of these."""
type Scheme = Literal["light", "dark"]


@dataclass
class Opened:
    """A page, with what the browser had to say of it and what it asked for."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        reason = "there is no Chromium here; on Debian: apt-get install chromium"
        assert not REQUIRED, reason
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, who CI is; what it opens was written by this test.
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    written = {name: folder / f"{name}.html" for name in LAYOUTS}
    for name, path in written.items():
        path.write_text(render(samples.SAMPLES[name]()), encoding="utf-8")
    return written


@pytest.fixture
def visit(browser: Browser, files: dict[str, Path]) -> Iterator[Callable[[str, int, Scheme], Opened]]:
    pages: list[Page] = []

    def visit(name: str, width: int, scheme: Scheme) -> Opened:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        opened = Opened(page)
        page.on("console", lambda message: opened.console.append(message.text))
        page.on("pageerror", lambda error: opened.console.append(str(error)))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(files[name].as_uri())
        return opened

    yield visit
    for page in pages:
        page.close()


type Visit = Callable[[str, int, Scheme], Opened]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light"), (1920, "light")])
def test_the_page_fits_and_the_browser_has_nothing_to_say(
    visit: Visit, files: dict[str, Path], name: str, width: int, scheme: Scheme
) -> None:
    opened = visit(name, width, scheme)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate("document.body.scrollWidth") <= width
    assert opened.console == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [files[name].as_uri()]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "light"), (1280, "dark")])
def test_axe_finds_no_violation(visit: Visit, name: str, width: int, scheme: Scheme) -> None:
    found = Axe().run(visit(name, width, scheme).page).response
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 10


_CUT: Final = """() => [...document.querySelectorAll('.scroll, .cells, pre, figure, dl')]
    .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("width", [1280, 1920])
def test_no_table_is_cut_on_a_desk(visit: Visit, name: str, width: int) -> None:
    assert visit(name, width, "light").page.evaluate(_CUT) == []


_SHEET: Final = round((210 - 2 * 12) / 25.4 * 96)
"""CSS pixels of a sheet of A4 without the margins of the style sheet."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_is_cut_on_paper(visit: Visit, name: str) -> None:
    page = visit(name, _SHEET, "light").page
    page.emulate_media(media="print")
    assert page.evaluate(_CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= _SHEET


def test_a_legend_covers_no_curve(visit: Visit) -> None:
    covered = visit("multi_class", 1280, "light").page.evaluate(
        """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
            const names = [...svg.querySelectorAll('text')].filter(text => / \\(0\\.\\d+\\)$/.test(text.textContent))
                .map(text => text.getBoundingClientRect());
            const curves = [...svg.querySelectorAll('path[clip-path]')].map(path => path.getBoundingClientRect())
                .filter(box => box.height > 40 && box.width > 40);
            if (names.length && !curves.length) return ['no curve'];
            return names.filter(name => curves.some(curve => name.top < curve.bottom && name.left < curve.right
                && name.right > curve.left && name.bottom > curve.top)).map(() => svg.textContent.slice(0, 40));
        })"""
    )
    assert covered == []


@pytest.mark.parametrize("width", [360, 1280])
def test_every_figure_is_seen_and_its_words_can_be_read(visit: Visit, width: int) -> None:
    page = visit("binary", width, "light").page
    figures = page.locator("figure svg")
    assert figures.count() == 15
    for number in range(figures.count()):
        box = figures.nth(number).bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 60
        text = figures.nth(number).locator("text").first.bounding_box()
        assert text is not None
        assert min(text["width"], text["height"]) > 5


def test_the_names_in_a_figure_stay_inside_it(visit: Visit) -> None:
    outside = visit("binary", 1280, "light").page.evaluate(
        """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2
                    || box.bottom > frame.bottom + 2;
            }).map(text => text.textContent);
        })"""
    )
    assert outside == []


def test_the_dark_page_is_dark_and_its_figures_with_it(visit: Visit) -> None:
    script = """() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('figure svg text')).fill,
        getComputedStyle(document.querySelector('figure svg path[stroke="var(--accent)"]')).stroke,
    ]"""
    light, dark = (visit("binary", 1280, scheme).page.evaluate(script) for scheme in ("light", "dark"))
    assert light[0] == "rgb(252, 252, 251)"
    assert dark[0] == "rgb(20, 23, 26)"
    assert all(one != other for one, other in zip(light, dark, strict=True))


def test_the_printed_page_is_light_whatever_the_screen_is(visit: Visit) -> None:
    page = visit("binary", 1280, "dark").page
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
    assert page.locator("nav").is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_the_keyboard_gets_past_the_head_and_into_each_table(visit: Visit) -> None:
    page = visit("binary", 360, "light").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert (page.locator(".skip").bounding_box() or {"x": -1})["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "report"
    table = page.locator(".scroll").nth(1)
    table.focus()
    page.keyboard.press("ArrowRight")
    for _ in range(200):  # four seconds, since scrolling may be smooth
        if table.evaluate("element => element.scrollLeft") > 0:
            return
        page.wait_for_timeout(20)
    pytest.fail("the table did not scroll")


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path) -> None:
    sample = samples.refused()
    attacks = ("<img src=x onerror=alert(1)>", "</style><script>document.title='owned'</script>", "javascript:alert(1)")
    result = sample.result.model_copy(update={"reasons": attacks})
    path = tmp_path / "hostile.html"
    path.write_text(render(ReportInput(sample.run, result, sample.profile, None, None)), encoding="utf-8")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert page.title().startswith("loan-defaults")
    assert page.locator("img, script").count() == 0
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    page.close()
