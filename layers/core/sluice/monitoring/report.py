"""``monitor/<day>/report.json``: what the predictions of some days showed, and what that comes to."""

from typing import Literal

from pydantic import Field

from sluice.documents import Document, Part

type State = Literal["ok", "drifting", "silent"]

type Rule = Literal["distribution", "missing_share", "unseen_levels", "outside_range", "scores", "labels"]


class Finding(Part):
    """A change that counts: it is beyond chance, and beyond its limit."""

    rule: Rule
    column: str | None = Field(None, description="None: it is of scores or labels.")
    measured: float = Field(description="PSI, or a share.")
    limit: float = Field(description="Of the configuration.")
    p_value: float = Field(description="Holm's adjusted one, of all tests of the report.")
    what: str = Field(description="A sentence for people, without any value of a record.")


class Distribution(Part):
    """Shares by bin, in the reference and in the predictions. All None or empty if that was not compared."""

    bins: tuple[str, ...] = Field((), description="Bounds of numbers, levels of texts.")
    expected: tuple[float, ...] = ()
    actual: tuple[float, ...] = ()
    psi: float | None = Field(None, description="Population stability index.")
    jensen_shannon: float | None = Field(None, description="Jensen-Shannon distance, from 0 to 1.")
    p_value: float | None = Field(None, description="Holm's adjusted one, that chance alone makes such a difference.")


class ColumnReport(Part):
    """One of the columns that the model uses. None: the contract does not say what to compare it with."""

    name: str
    kind: Literal["number", "date", "boolean", "text"]
    filled: int = Field(ge=0)
    missing: int = Field(ge=0)
    unread: int = Field(0, ge=0, description="Values that do not fit the column's kind.")
    missing_share: float | None = Field(None, description="Of the predictions.")
    expected_missing_share: float | None = Field(None, description="In the contract.")
    unseen_share: float | None = Field(None, description="Of the values: levels that the contract does not list.")
    outside_share: float | None = Field(None, description="Of the values: numbers outside the contract's range.")
    minimum: float | None = None
    maximum: float | None = None
    distribution: Distribution = Field(default_factory=Distribution)


class EndpointTraffic(Part):
    """What CloudWatch has counted of the endpoint and of the predict function on these days. None: nothing."""

    invocations: int | None = None
    server_errors: int | None = Field(None, description="Answers of the endpoint with a status of 500 or above.")
    latency_ms: float | None = Field(None, description="Mean time that the model takes for an answer.")
    refused_share: float | None = Field(None, description="Of the requests to the predict function.")


class Limits(Part):
    """By which a change counts, as the configuration had them."""

    min_rows: int
    psi: float
    missing_share: float
    unseen_levels: float
    outside_range: float


class MonitorReport(Document):
    """A model's predictions of some days beside what the model was made with."""

    dataset: str
    since: str = Field(description="The first day, UTC: YYYY-MM-DD.")
    until: str = Field(description="The last day.")
    made_at: str = Field(description="ISO 8601, UTC.")
    model_version: str = Field(description="The run whose model is live; the predictions of others are not compared.")
    state: State
    reason: str = Field(description="One sentence for people.")
    compared: bool = Field(description="False: there were too few predictions to judge by.")
    rows: int = Field(ge=0, description="Predictions of this model in the log.")
    rows_of_others: int = Field(0, ge=0, description="Predictions of other models.")
    unread_lines: int = Field(0, ge=0, description="Lines of the log that are no predictions.")
    broken_files: int = Field(0, ge=0, description="Files of the log that end in the middle.")
    read_share: float = Field(1.0, gt=0, le=1, description="Share of the log's files that were read.")
    findings: tuple[Finding, ...] = Field((), description="What counts; the largest first.")
    columns: tuple[ColumnReport, ...] = ()
    scores: Distribution | None = None
    labels: Distribution | None = None
    endpoint: EndpointTraffic | None = Field(None, description="None: CloudWatch was not asked.")
    tests: int = Field(0, ge=0, description="How many were made, and corrected for.")
    false_alarm: float = Field(description="The chance, at most, that a report without any change has a finding.")
    limits: Limits
