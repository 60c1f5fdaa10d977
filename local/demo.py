"""The tables of ``make demo`` as CSV files: of those that scikit-learn ships breast cancer, 569 rows, and for
``TASK=regression`` diabetes, 442 rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sluice.messages import Task

if TYPE_CHECKING:
    import pandas as pd

FIRST_CONFIG: Final = "champion: {policy: ignore}\n"
"""What the dataset is configured with if nobody did before: a model is deployed, though it predicts what the live one
of the demo before predicts."""


@dataclass(frozen=True)
class Demo:
    """A table that the demo runs on. ``make``: it, from scikit-learn."""

    file: str
    target: str
    make: Callable[[str], pd.DataFrame]

    def write(self, folder: Path) -> Path:
        """The table as a file in the folder, which is written unless it is there."""
        path = folder / self.file
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        self.make(self.target).to_csv(unfinished, index=False)
        unfinished.replace(path)
        return path


def _breast_cancer(target: str) -> pd.DataFrame:
    """The 30 measurements, and whether they are malignant or benign."""
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415  (two seconds that only the demo needs)

    bunch = load_breast_cancer(as_frame=True)
    table: pd.DataFrame = bunch.data.assign(**{target: bunch.target.map(dict(enumerate(bunch.target_names)))})
    return table


def _diabetes(target: str) -> pd.DataFrame:
    """Ten measurements of patients, and how far the disease had gone on a year later."""
    from sklearn.datasets import load_diabetes  # noqa: PLC0415  (see above)

    table: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": target})
    return table


DEMOS: Final[dict[Task, Demo]] = {
    "classification": Demo("breast-cancer.csv", "diagnosis", _breast_cancer),
    "regression": Demo("diabetes.csv", "progression", _diabetes),
}
"""By task."""
