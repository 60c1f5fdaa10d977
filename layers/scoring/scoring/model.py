"""What the evaluation and the predictions ask of a model, whatever trained it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scoring.metrics import Floats, Ints
from sluice.dataset.recipe import Recipe
from sluice.evaluation.document import ClassCount, TrainingReport

type Matrix = NDArray[np.float32]
"""(n, f), the features of the model's recipe in their order; NaN if missing."""


class UnsafeArtifactError(ValueError):
    """The artifact is not what training writes; the message says how it differs. Such a model is never deployed."""


class Model(Protocol):
    """A model that was loaded safely."""

    @property
    def rounds(self) -> int:
        """How many rounds of training it has."""

    def scores(self, features: Matrix) -> Floats:
        """(n,) probabilities of class 1; (n, k) from three classes on; (n,) numbers of a target of numbers."""

    def retrained(
        self,
        train: tuple[Matrix, Ints | Floats],
        validation: tuple[Matrix, Ints | Floats],
        hyperparameters: Mapping[str, str],
        max_rounds: int,
    ) -> Model:
        """Another model of the same kind, trained here on a few rows. The same rows give the same scores.

        Args:
            train: features (n, f) and class numbers, or the numbers to predict (n,).
            validation: rows by which its training ends, of the same form.
            hyperparameters: as a training job is given them.
            max_rounds: of its training, if the hyperparameters ask for more.
        """

    def refitted(self, rows: tuple[Matrix, Ints | Floats], hyperparameters: Mapping[str, str]) -> Model:
        """Another model with as many rounds, trained here on other rows, as a second training job does it.

        Args:
            rows: features (n, f) and class numbers, or the numbers to predict (n,).
            hyperparameters: as the first training job is given them.
        """

    def explain(
        self,
        recipe: Recipe,
        features: Sequence[Sequence[float]],
        predicted: Sequence[int],
        records: Sequence[Mapping[str, Any]],
        max_columns: int,
    ) -> list[dict[str, Any]]:
        """What single predictions rest on: the largest contributions of the user's columns, in log odds.

        Args:
            recipe: of the model.
            features: (n, f), NaN if missing.
            predicted: number of the class of each row; from three classes on, contributions are to that one's margin.
            records: the values of the columns, to be named.
            max_columns: columns of a row.

        Returns:
            By row ``base``, the log odds of a row of which nothing is known, and ``contributions``, the largest first;
            of two classes they are towards the positive one.
        """

    def training_report(
        self,
        recipe: Recipe,
        features: Matrix,
        labels: Ints | Floats,
        scores: Floats,
        predicted: Ints | Floats,
        *,
        classes: Sequence[str],
        class_counts: tuple[ClassCount, ...],
        log: Iterable[str],
        hyperparameters: Mapping[str, str],
    ) -> TrainingReport:
        """How the training went, and what the model learned.

        Args:
            recipe: of the model.
            features: (n, f) of the test rows.
            labels: (n,) class numbers, or true numbers.
            scores: (n,) or (n, k), as of :meth:`scores`.
            predicted: (n,) class numbers, by the cutoff if there is one; of numbers the scores.
            classes: label by class number; none of a target of numbers.
            class_counts: rows by class and part.
            log: lines of the training job's log.
            hyperparameters: as the job was given them.
        """
