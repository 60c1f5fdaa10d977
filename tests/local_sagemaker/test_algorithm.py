"""The built-in algorithm's rules: what it refuses, in which words, and what it swallows."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import xgboost

from local.sagemaker import algorithm
from local.sagemaker.algorithm import Channel
from local.sagemaker.hyperparameters import ContainerError, MissingDependencyError, UserError

Rows = list[list[str]]
HYPERPARAMETERS = {"num_round": "3", "objective": "binary:logistic", "eval_metric": "logloss"}


def rows(count: int = 40, seed: int = 1) -> Rows:
    rng = random.Random(seed)  # noqa: S311
    return [[str(i % 2), *(f"{rng.random() + 0.4 * (i % 2):.3f}" for _ in range(4))] for i in range(count)]


def text(table: Rows, delimiter: str = ",", newline: str = "\n") -> str:
    return newline.join(delimiter.join(row) for row in table) + newline


class Bench:
    """Trains on tables given as text, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._number = itertools.count()

    def channel(
        self, *files: str, names: tuple[str, ...] = ("data.csv",), content_type: str | None = "text/csv"
    ) -> Channel:
        folder = self.folder / str(next(self._number)) / "train"
        for name, content in zip(names, files, strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        return Channel(folder, content_type)

    def fit(
        self, train: Channel | str, validation: Channel | str | None = None, **hyperparameters: str
    ) -> algorithm.TrainedModel:
        channels = {"train": train if isinstance(train, Channel) else self.channel(train)}
        if validation is not None:
            channels["validation"] = validation if isinstance(validation, Channel) else self.channel(validation)
        return algorithm.fit(HYPERPARAMETERS | hyperparameters, channels, self.lines.append)

    def refusal(self, train: Channel | str, validation: Channel | str | None = None, **hyperparameters: str) -> str:
        with pytest.raises(ContainerError) as caught:
            self.fit(train, validation, **hyperparameters)
        return str(caught.value)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def changed(table: Rows, row: int, column: int, value: str) -> Rows:
    return [
        [value if (i, j) == (row, column) else cell for j, cell in enumerate(cells)] for i, cells in enumerate(table)
    ]


SWALLOWED: dict[str, Callable[[], str]] = {
    "header": lambda: "y,a,b,c,d\n" + text(rows()),
    "text cell": lambda: text(changed(rows(), 3, 2, "abc")),
    "text column": lambda: text([[row[0], "red", *row[2:]] for row in rows()]),
    "number with letters": lambda: text(changed(rows(), 3, 2, "12abc")),
    "True": lambda: text(changed(rows(), 3, 2, "True")),
    "NA": lambda: text(changed(rows(), 3, 2, "NA")),
    "one quoted number": lambda: text(changed(rows(), 3, 2, '"1.5"')),
    "text labels": lambda: text([["yes" if row[0] == "1" else "no", *row[1:]] for row in rows()]),
    "empty label": lambda: text(changed(rows(), 3, 0, "")),
    "label 0.5": lambda: text(changed(rows(), 3, 0, "0.5")),
    "short row": lambda: text([*rows(), rows()[0][:3]]),
    "long row": lambda: text([*rows(), [*rows()[0], "1", "2"]]),
    "blank line": lambda: text(rows()).replace("\n", "\n\n", 1),
    "byte order mark": lambda: "\ufeff" + text(rows()),
    "CRLF": lambda: text(rows(), newline="\r\n"),
    "semicolons": lambda: text(rows(), delimiter=";"),
    "one class only": lambda: text([["1", *row[1:]] for row in rows()]),
}


@pytest.mark.parametrize("content", SWALLOWED.values(), ids=SWALLOWED.keys())
def test_garbage_is_trained_on_without_a_word(bench: Bench, content: Callable[[], str]) -> None:
    assert bench.fit(content()).booster.num_boosted_rounds() == 3


def test_a_header_becomes_one_more_row_with_label_0(bench: Bench) -> None:
    bench.fit("y,a,b,c,d\n" + text(rows(40)))
    assert "INFO Train matrix has 41 rows and 4 columns" in bench.lines


def test_text_labels_give_a_constant_model(bench: Bench) -> None:
    table = [["yes" if row[0] == "1" else "no", *row[1:]] for row in rows()]
    booster = bench.fit(text(table)).booster
    scores = booster.predict(xgboost.DMatrix(numpy.array([[float(cell) for cell in row[1:]] for row in rows()])))
    assert numpy.ptp(scores) == 0


def test_one_class_only_has_an_area_under_the_curve_of_nan_that_is_no_metric(bench: Bench) -> None:
    model = bench.fit(text([["1", *row[1:]] for row in rows()]), eval_metric="auc,logloss")
    assert "train-auc:nan" in bench.lines[-1]
    assert set(model.metrics) == {"train:logloss"}


def test_a_validation_table_may_be_one_column_short_and_not_one_too_wide(bench: Bench) -> None:
    good = text(rows())
    assert bench.fit(good, text([row[:-1] for row in rows(seed=2)])).booster.num_boosted_rounds() == 3
    assert "XGB train call failed with exception" in bench.refusal(good, text([[*row, "1"] for row in rows(seed=2)]))


REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "label 2": (
        lambda: text(changed(rows(), 3, 0, "2")),
        "label must be in (0, 1) for logistic regression",
    ),
    "label -1": (
        lambda: text(changed(rows(), 3, 0, "-1")),
        "label must be in (0, 1) for logistic regression",
    ),
    "label not first": (
        lambda: text([[row[1], row[0], *row[2:]] for row in rows()]),
        "label must be in (0, 1) for logistic regression",
    ),
    "inf": (lambda: text(changed(rows(), 3, 2, "inf")), "Input data contains `inf` or a value too large"),
    "empty file": (lambda: "", "No data in training channel path /opt/ml/input/data/train"),
    "one column only": (lambda: text([row[:1] for row in rows()]), "is not found in the line"),
    "every cell quoted": (lambda: text([[f'"{cell}"' for cell in row] for row in rows()]), "failed"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_container_refuses_is_refused_in_its_words(
    bench: Bench, content: Callable[[], str], words: str
) -> None:
    assert words in bench.refusal(content())


def test_quoted_training_data_disagrees_with_the_validation_data_on_the_columns(bench: Bench) -> None:
    quoted = text([[f'"{cell}"' for cell in row] for row in rows()])
    assert "(4 vs. 0) : Number of columns does not match" in bench.refusal(quoted, text(rows(seed=2)))


def test_a_marker_or_a_hidden_file_beside_the_data_fails(bench: Bench) -> None:
    good = text(rows())
    marked = bench.channel(good, "", names=("data.csv", "_SUCCESS"))
    assert "Could not determine delimiter on line" in bench.refusal(marked)
    hidden = bench.channel(good, "x", names=("data.csv", ".crc"))
    assert bench.refusal(hidden) == "Hidden file found in the data path! Remove that before training."


def test_an_empty_validation_channel_fails(bench: Bench) -> None:
    assert "No data in validation channel path" in bench.refusal(text(rows()), "")


def test_several_files_and_folders_are_read_as_one_table(bench: Bench) -> None:
    bench.fit(bench.channel(text(rows()), text(rows(20)), names=("a.csv", "more/b.csv")))
    assert "INFO Train matrix has 60 rows and 4 columns" in bench.lines


def test_without_a_content_type_the_container_expects_libsvm(bench: Bench) -> None:
    assert "is not 'LIBSVM' format" in bench.refusal(bench.channel(text(rows()), content_type=None))


def test_a_content_type_with_a_blank_is_refused(bench: Bench) -> None:
    refusal = bench.refusal(bench.channel(text(rows()), content_type="text/csv; label_size=1"))
    assert refusal.startswith("Channel configuration for 'train' channel is not supported:")


def test_channels_are_train_and_validation(bench: Bench) -> None:
    data = bench.channel(text(rows()))
    with pytest.raises(UserError, match="Extraneous channel found: test"):
        algorithm.fit(HYPERPARAMETERS, {"train": data, "test": data}, print)
    with pytest.raises(UserError, match="Missing required channel: train"):
        algorithm.fit(HYPERPARAMETERS, {"validation": data}, print)


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"foo": "1"}, "Extraneous hyperparameter found: foo"),
        ({"n_estimators": "1"}, "Extraneous hyperparameter found: n_estimators"),
        ({"silent": "1"}, "Extraneous hyperparameter found: silent"),
        ({"device": "cpu"}, "Extraneous hyperparameter found: device"),
        ({"objective": "binary:logit"}, "Hyperparameter objective: binary:logit is not in ["),
        ({"eta": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
        ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"num_round": "abc"}, "Hyperparameter num_round: could not parse value"),
        ({"num_round": "3.0"}, "Hyperparameter num_round: could not parse value"),
        ({"eval_metric": "logloss, auc"}, "Hyperparameter eval_metric: value ['logloss', ' auc'] not in range"),
        ({"eval_metric": "logloss@0.3"}, "Metric 'logloss@0.3' is not supported."),
        ({"objective": "reg:squarederror", "eval_metric": "auc"}, "Metric 'auc' can only be applied"),
        ({"objective": "multi:softprob"}, "Require input for parameter 'num_class'"),
    ],
)
def test_hyperparameters_are_refused_in_the_containers_words(
    bench: Bench, hyperparameters: dict[str, str], words: str
) -> None:
    assert words in bench.refusal(text(rows()), **hyperparameters)


def test_the_number_of_rounds_is_required(bench: Bench) -> None:
    with pytest.raises(UserError, match="Missing required hyperparameter: num_round"):
        algorithm.fit({"objective": "binary:logistic"}, {"train": bench.channel(text(rows()))}, print)


def test_metrics_without_the_blank_are_fine(bench: Bench) -> None:
    assert set(bench.fit(text(rows()), eval_metric="logloss,auc").metrics) == {"train:logloss", "train:auc"}


def test_without_an_objective_it_is_a_regression(bench: Bench) -> None:
    model = algorithm.fit({"num_round": "2"}, {"train": bench.channel(text(rows()))}, bench.lines.append)
    assert set(model.metrics) == {"train:rmse"}


def test_the_area_under_the_curve_without_an_objective_trips_the_container(bench: Bench) -> None:
    with pytest.raises(MissingDependencyError):
        algorithm.fit(
            {"num_round": "2", "eval_metric": "auc"}, {"train": bench.channel(text(rows()))}, bench.lines.append
        )


def test_early_stopping_cuts_the_model_to_its_best_round_and_logs_on(bench: Bench) -> None:
    model = bench.fit(text(rows(60)), text(rows(60, seed=9)), num_round="200", early_stopping_rounds="4", eta="1")
    rounds = [line for line in bench.lines if line.startswith("[")]
    losses = [float(line.rsplit("validation-logloss:", 1)[1]) for line in rounds]
    best = losses.index(min(losses))
    assert len(rounds) == best + 5 < 200
    assert model.booster.num_boosted_rounds() == best + 1
    assert model.metrics["validation:logloss"] == losses[-1] > losses[best]


@pytest.mark.parametrize("lacks", ["eval_metric", "validation"])
def test_early_stopping_is_dropped_in_silence_without_metric_or_validation(bench: Bench, lacks: str) -> None:
    hyperparameters = {"num_round": "40", "objective": "binary:logistic", "early_stopping_rounds": "2", "eta": "1"}
    channels = {"train": bench.channel(text(rows(60))), "validation": bench.channel(text(rows(60, seed=9)))}
    if lacks == "validation":
        del channels["validation"]
        hyperparameters["eval_metric"] = "logloss"
    model = algorithm.fit(hyperparameters, channels, bench.lines.append)
    assert model.booster.num_boosted_rounds() == 40


def test_log_lines_have_tabs_and_five_digits(bench: Bench) -> None:
    bench.fit(text(rows()), text(rows(seed=2)))
    assert bench.lines[-1].startswith("[2]\ttrain-logloss:0.")
    assert algorithm.metrics_of("[9]\ttrain-logloss:0.45276\tvalidation-logloss:0.51702") == {
        "train:logloss": 0.45276,
        "validation:logloss": 0.51702,
    }


def test_the_containers_own_accuracy_counts_every_positive_score_as_class_1(bench: Bench) -> None:
    assert bench.fit(text(rows()), eval_metric="accuracy,logloss").metrics["train:accuracy"] == 0.5


def test_a_run_that_is_told_to_stop_ends_after_its_round(bench: Bench) -> None:
    answers = iter([False, False, True])
    model = algorithm.fit(
        HYPERPARAMETERS | {"num_round": "100"},
        {"train": bench.channel(text(rows()))},
        bench.lines.append,
        lambda: next(answers),
    )
    assert model.interrupted
    assert model.booster.num_boosted_rounds() == 3
