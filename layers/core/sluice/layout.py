"""Where everything lies in S3: the one place that knows prefixes and file names.

The inbox and the artifact bucket are separate, so that nothing that the pipeline writes can start it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

INCOMING: Final = "incoming/"
DATASETS: Final = "datasets/"
LABELS: Final = "labels/"
CONFIG_FILE: Final = "config.yaml"

VALIDATION_REPORT: Final = "validation.json"
"""The files of a run, by their names below its prefix. The table engine writes those that it makes under the same names
into a folder on disk."""
REJECTED_ROWS: Final = "rejected_rows.csv"
RECIPE: Final = "recipe.json"
CONFIG: Final = "config.json"
CONTRACT: Final = "contract.json"
FACETS: Final = "facets.json"
HELD_OUT: Final = "held_out/"
HELD_OUT_ROWS: Final = HELD_OUT + "rows.csv"
GROUP_SAMPLES: Final = ("group_sample.csv", "group_sample_2.csv", "group_sample_3.csv")
FOLDS: Final = "folds.csv"
EVALUATION: Final = "evaluation.json"
GOLDEN: Final = "golden.json"
MODEL_QUALITY: Final = "model_quality.json"
DECISION: Final = "decision.json"
OUTCOME: Final = "outcome.json"
REPORT: Final = "report.html"
LEARNING: Final = "learning/"
"""Holds the folders of the training and the validation part, and nothing else: one prefix for a job on both."""

type Part = Literal["train", "validation", "test"]
PARTS: Final[tuple[Part, ...]] = ("train", "validation", "test")


def part_file(part: Part) -> str:
    """The file of a part below the run's prefix. The container fails on foreign files beside it, so it lies alone."""
    return f"{part}/{part}.csv"


def part_file_uri(folder_uri: str, part: Part) -> str:
    """The S3 URI, or the key, of a part's file, from that of its folder."""
    return f"{folder_uri}{part}.csv"


def incoming_key(folder: str, file: str) -> str:
    """Inbox key under which a file of the dataset in ``folder`` is dropped."""
    return f"{INCOMING}{folder}/{file}"


def config_key(folder: str) -> str:
    """Inbox key of the optional configuration of the dataset in ``incoming/<folder>/``."""
    return f"{DATASETS}{folder}/{CONFIG_FILE}"


def labels_prefix(folder: str) -> str:
    """Inbox prefix of the files that say how what was predicted turned out."""
    return f"{LABELS}{folder}/"


def contract_key(dataset: str) -> str:
    """Artifact bucket's key of the contract that the dataset's files are compared with."""
    return f"{dataset}/{CONTRACT}"


def runs_prefix(dataset: str) -> str:
    """Prefix of all runs of a dataset in the artifact bucket."""
    return f"{dataset}/runs/"


def is_report(key: str) -> bool:
    """Whether an object is a run's page."""
    return key.endswith(f"/{REPORT}")


def captured_prefix(dataset: str) -> str:
    """Where SageMaker writes requests and answers of the dataset's endpoint."""
    return f"{dataset}/captured/"


KEEP_DAYS_TAG: Final = "sluice-keep-days"
"""Tag of an object that the artifact bucket removes after as many days as its value says. The bucket has a rule for
each value of ``sluice.dataset.config.KeepDays``."""


def predictions_prefix(dataset: str) -> str:
    """Where the log of the dataset's predictions lies: a folder a day, with files of lines, some in gzip."""
    return f"{dataset}/predictions/"


def prediction_key(dataset: str, at: datetime, request_id: str) -> str:
    """Where the records and answers of one request to the predict function are kept, by day (UTC)."""
    return f"{predictions_prefix(dataset)}day={at:%Y-%m-%d}/{at:%H%M%S}-{request_id}.jsonl.gz"


def day_of_predictions_prefix(dataset: str, day: date) -> str:
    """Where the log of a day's predictions (UTC) is."""
    return f"{predictions_prefix(dataset)}day={day:%Y-%m-%d}/"


def monitor_prefix(dataset: str) -> str:
    """Where the reports on the predictions of a dataset's live model are."""
    return f"{dataset}/monitor/"


def monitor_report_key(dataset: str, day: date) -> str:
    """The report on the predictions of the days up to this one."""
    return f"{monitor_prefix(dataset)}{day:%Y-%m-%d}/report.json"


def uri(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{key}"


def split_uri(s3_uri: str) -> tuple[str, str]:
    """``s3://bucket/some/key`` as ``("bucket", "some/key")``.

    Raises:
        ValueError: it is no S3 URI.
    """
    scheme, _, rest = s3_uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"not an S3 URI: {s3_uri!r}")
    return bucket, key


@dataclass(frozen=True)
class RunLayout:
    """Keys of one run in the artifact bucket."""

    dataset: str
    run_id: str

    @property
    def prefix(self) -> str:
        return f"{runs_prefix(self.dataset)}{self.run_id}/"

    def _key(self, name: str) -> str:
        return self.prefix + name

    @property
    def validation_report(self) -> str:
        return self._key(VALIDATION_REPORT)

    @property
    def rejected_rows(self) -> str:
        return self._key(REJECTED_ROWS)

    @property
    def recipe(self) -> str:
        return self._key(RECIPE)

    @property
    def config(self) -> str:
        return self._key(CONFIG)

    @property
    def contract(self) -> str:
        """The contract as this run used or made it; the dataset's own may be edited or replaced later."""
        return self._key(CONTRACT)

    def part(self, part: Part) -> str:
        """Prefix of the part's folder: of training and validation the job's channel."""
        return f"{self.prefix if part == 'test' else self.learning}{part}/"

    def part_file(self, part: Part) -> str:
        return part_file_uri(self.part(part), part)

    @property
    def learning(self) -> str:
        """Prefix of the training and the validation part together: the channel of a refit."""
        return self._key(LEARNING)

    @property
    def held_out_rows(self) -> str:
        """The rows of the test part with the cells that the user's file has."""
        return self._key(HELD_OUT_ROWS)

    def group_sample(self, number: int) -> str:
        """Features of rows by the value of an identifier that they share. ``number``: of the identifier, from 0."""
        return self._key(GROUP_SAMPLES[number])

    @property
    def folds(self) -> str:
        """Features of a small table's rows by fold."""
        return self._key(FOLDS)

    @property
    def facets(self) -> str:
        return self._key(FACETS)

    @property
    def model(self) -> str:
        """Prefix under which SageMaker writes ``<job name>/output/model.tar.gz``."""
        return self._key("model/")

    @property
    def evaluation(self) -> str:
        return self._key(EVALUATION)

    @property
    def golden(self) -> str:
        return self._key(GOLDEN)

    @property
    def model_quality(self) -> str:
        """The metrics as SageMaker's model registry reads them."""
        return self._key(MODEL_QUALITY)

    @property
    def decision(self) -> str:
        return self._key(DECISION)

    @property
    def outcome(self) -> str:
        return self._key(OUTCOME)

    @property
    def report(self) -> str:
        """The page for people."""
        return self._key(REPORT)
