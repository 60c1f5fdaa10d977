"""docs/architecture.md says which package and which room imports which, as the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.contract.test_rooms import CORE, ROOMS, imports

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS: Final = {name: f"layers/{'core' if name == 'sluice' else name}/{name}" for name in
                  ("sluice", "tabular", "scoring", "plotting")}  # fmt: skip
"""Where a package's modules are, if that is not the folder of its name."""


def table(name: str) -> dict[str, set[str]]:
    """What each row of a table of docs/architecture.md may import."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found, name
    rows = [line.split("|")[1:3] for line in found[1].splitlines()[2:]]
    return {first.strip(" `"): set(re.findall(r"`(\w+)`", second)) for first, second in rows}


def imported(folder: Path) -> set[str]:
    return {name for module in folder.rglob("*.py") for name in imports(module)}


def test_packages_import_what_the_page_says_and_the_page_says_what_they_import() -> None:
    packages = table("packages")
    used = {
        package: {name.split(".")[0] for name in imported(ROOT / FOLDERS.get(package, package))}
        & (packages.keys() - {package})
        for package in packages
    }
    assert used == packages


def test_every_package_that_ships_or_serves_a_person_is_on_the_page() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {
        path.parent.name for path in ROOT.glob("layers/*/*/__init__.py")
    }
    assert found - {"scripts", "tests", "benchmarks"} == table("packages").keys() - {"functions"}


def test_rooms_import_what_the_page_says_and_the_page_says_what_they_import() -> None:
    rooms = table("rooms")
    assert rooms.keys() == ROOMS
    used = {
        room: {name.split(".")[1] for name in imported(CORE / room) if name.startswith("sluice.")} & (ROOMS - {room})
        for room in rooms
    }
    assert used == rooms


def test_no_function_imports_another() -> None:
    for folder in (path for path in (ROOT / "functions").iterdir() if path.is_dir()):
        others = {name.split(".")[1] for name in imported(folder) if name.startswith("functions.")}
        assert others <= {folder.name}


def test_the_page_names_every_function() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    way = PAGE[PAGE.index("## The way of a file") : PAGE.index("## On a laptop")]
    assert functions <= set(re.findall(r"`(\w+)`", way))
