"""Where everything lies in S3: the one place that knows prefixes and file names.

The inbox and the artifact bucket are apart, so that nothing which the pipeline writes can start it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

INCOMING = "incoming/"


def config_key(folder: str) -> str:
    """Inbox key of the optional configuration of the dataset in ``incoming/<folder>/``."""
    return f"datasets/{folder}/config.yaml"


def contract_key(dataset: str) -> str:
    """Artifact bucket's key of the contract that the dataset's files are held against."""
    return f"{dataset}/contract.json"


def captured_prefix(dataset: str) -> str:
    """Where SageMaker writes requests and answers of the dataset's endpoint."""
    return f"{dataset}/captured/"


def prediction_key(dataset: str, at: datetime, request_id: str) -> str:
    """Where the records and answers of one request to the predict function are kept, by day (UTC)."""
    return f"{dataset}/predictions/day={at:%Y-%m-%d}/{at:%H%M%S}-{request_id}.jsonl"


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
        return f"{self.dataset}/runs/{self.run_id}/"

    def _key(self, name: str) -> str:
        return self.prefix + name

    @property
    def validation_report(self) -> str:
        return self._key("validation.json")

    @property
    def rejected_rows(self) -> str:
        return self._key("rejected_rows.csv")

    @property
    def recipe(self) -> str:
        return self._key("recipe.json")

    @property
    def config(self) -> str:
        return self._key("config.json")

    @property
    def contract(self) -> str:
        """The contract as this run used or made it; the dataset's own may be edited or replaced later."""
        return self._key("contract.json")

    @property
    def train(self) -> str:
        """Prefix of the training channel. The container fails on foreign files beside the data, so it has its own."""
        return self._key("train/")

    @property
    def validation(self) -> str:
        return self._key("validation/")

    @property
    def test(self) -> str:
        return self._key("test/")

    @property
    def held_out_rows(self) -> str:
        """The rows of the test part with the cells that the user's file has."""
        return self._key("held_out/rows.csv")

    @property
    def facets(self) -> str:
        return self._key("facets.json")

    @property
    def model(self) -> str:
        """Prefix under which SageMaker writes ``<job name>/output/model.tar.gz``."""
        return self._key("model/")

    @property
    def evaluation(self) -> str:
        return self._key("evaluation.json")

    @property
    def golden(self) -> str:
        return self._key("golden.json")

    @property
    def model_quality(self) -> str:
        """The metrics as SageMaker's model registry reads them."""
        return self._key("model_quality.json")

    @property
    def decision(self) -> str:
        return self._key("decision.json")

    @property
    def outcome(self) -> str:
        return self._key("outcome.json")

    @property
    def report(self) -> str:
        """The page for people."""
        return self._key("report.html")
