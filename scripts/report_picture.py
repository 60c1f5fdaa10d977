"""Renews ``docs/report.png``, the README's picture: the first screen of a run's report page.

Run `make demo`, and then `python scripts/report_picture.py` with the path that it prints as "open this". Needs Chromium
(`apt-get install chromium`) and the packages of requirements-dev.txt.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

PICTURE: Final = Path(__file__).parents[1] / "docs" / "report.png"
_SCREEN: Final = {"width": 1280, "height": 900}
MAX_BYTES: Final = 300_000


def take_picture(page: Path, picture: Path) -> None:
    """Writes the first screen of an HTML file as a PNG.

    Raises:
        FileNotFoundError: there is no Chromium, or no such page.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise FileNotFoundError("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root; what it opens is the project's own page.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport=_SCREEN, color_scheme="light")  # type: ignore[arg-type]
        tab.goto(page.resolve(strict=True).as_uri())
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python scripts/report_picture.py REPORT.html")
    take_picture(Path(sys.argv[1]), PICTURE)
    size = PICTURE.stat().st_size
    print(f"{PICTURE}: {size:,} bytes")
    if size > MAX_BYTES:
        sys.exit(f"The picture exceeds the maximum of {MAX_BYTES:,} bytes.")
