"""Writes the corpus into a folder, for people to look at: ``python -m tests.corpus FOLDER``.

Beside the files there is ``index.csv``, which says of each what is nasty about it and what is to be said of it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from tests.corpus.cases import CASES


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "kind", "note", "verdict", "rules"])
        for case in CASES:
            (folder / case.file_name).write_bytes(case.data)
            writer.writerow([case.file_name, case.kind, case.note, case.verdict, " ".join(sorted(case.all_rules))])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description="Write the corpus of nasty files.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write(folder)
    print(f"{len(CASES)} files in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
