"""Asks a live endpoint for the scores of records, and makes sure that the model whose recipe was used has answered.

The ledger names the champion. While an endpoint is updated, another model may answer: the seal of each request (see
``prediction_seal``) tells. Then the ledger and the endpoint are looked at again, and the versions that may be live are
tried in turns, for a few seconds.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own

from sluice.aws.errors import is_invalid, is_not_ready, is_unavailable, model_status
from sluice.endpoint.aws.calls import describe_config, describe_endpoint
from sluice.endpoint.aws.golden import ask
from sluice.endpoint.golden import parse_scores
from sluice.endpoint.requests import pending_config
from sluice.names import endpoint_name
from sluice.prediction.aws.version import read_version
from sluice.prediction.request import RefusedError
from sluice.prediction.rows import Rows
from sluice.prediction.seal import BrokenSealError, NonsenseError, Score, open_sealed, sealed_bodies
from sluice.prediction.version import Answered, Kept, Version
from sluice.runs.aws.ledger import read_champion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

POINTER_SECONDS: Final = 5.0
"""How long a container goes by what it last saw live."""
TRIES: Final = 8
PATIENCE_SECONDS: Final = 20.0
MAX_PAUSE_SECONDS: Final = 1.0
RETRY_AFTER_SECONDS: Final = 5
NOT_READY_RETRY_AFTER_SECONDS: Final = 20
"""A serverless variant is provisioned for minutes; to ask for it every few seconds only fills its queue."""
_FIRST_PAUSE: Final = 0.05
_VERSIONS_KEPT: Final = 16

_RUN_ID: Final = re.compile(r"-([0-9a-f]{12})")


@dataclass(frozen=True)
class Target:
    """Who is to answer: the run of the model, and the variant to ask if there are several."""

    run_id: str
    variant: str | None = None


@dataclass(frozen=True)
class Weighted:
    target: Target
    weight: float


@dataclass(frozen=True)
class _Pointer:
    config_name: str
    until: float


@dataclass(frozen=True)
class Clients:
    s3: S3Client
    dynamodb: DynamoDBClient
    sagemaker: SageMakerClient
    runtime: SageMakerRuntimeClient


class NotRightNowError(RefusedError):
    """The endpoint is throttled, or being changed: later it will answer."""

    def __init__(self, message: str, retry_after: int = RETRY_AFTER_SECONDS) -> None:
        super().__init__(503, message, headers={"retry-after": str(retry_after)})


class Endpoints:
    """The live endpoints of a stack's datasets, with what a container remembers of them."""

    def __init__(
        self,
        clients: Clients,
        *,
        bucket: str,
        table: str,
        prefix: str,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._clients = clients
        self._table = table
        self._prefix = prefix
        self._clock = clock
        self._pause = pause
        self._draw = draw
        self._pointers: dict[str, _Pointer] = {}
        self._versions: Kept[tuple[str, str], Version] = Kept(
            _VERSIONS_KEPT, lambda key: read_version(clients.s3, bucket, *key)
        )
        self._variants: Kept[str, tuple[Weighted, ...]] = Kept(_VERSIONS_KEPT, self._read_variants)

    def ask(self, dataset: str, records: Sequence[Mapping[str, Any]]) -> Answered:
        """The scores of records.

        Raises:
            RefusedError: 400 if records do not fit the live model, 404 if none is live, 502 if the endpoint failed,
                503 if it will answer later.
        """
        deadline = self._clock() + PATIENCE_SECONDS
        for retries, config_name in enumerate(self._candidates(dataset)):
            try:
                answered = self._try(dataset, config_name, records, retries)
            except RefusedError as error:
                # The champion's word counts. That a model which is about to come or to go takes others may pass.
                if error.status != 400 or self._champion(dataset) == config_name:
                    raise
            except BrokenSealError:
                pass
            else:
                self._pointers[dataset] = _Pointer(config_name, self._clock() + POINTER_SECONDS)
                return answered
            self._pointers.pop(dataset, None)
            pause = min(MAX_PAUSE_SECONDS, _FIRST_PAUSE * 2**retries) if retries else 0.0
            if retries + 1 == TRIES or self._clock() + pause > deadline:
                break
            self._pause(pause)
        raise NotRightNowError(f"the endpoint of {dataset} is being changed; ask again in a few seconds")

    def is_live(self, dataset: str) -> bool:
        """Whether a dataset has a live model."""
        return dataset in self._pointers or read_champion(self._clients.dynamodb, self._table, dataset) is not None

    def _candidates(self, dataset: str) -> Iterator[str]:
        """Configurations that may be live, the likeliest first, over and over.

        Raises:
            RefusedError: there is no champion, or no endpoint.
        """
        pointer = self._pointers.get(dataset)
        last = pointer.config_name if pointer and self._clock() < pointer.until else self._champion(dataset)
        yield last
        while True:
            found = dict.fromkeys([self._champion(dataset), *self._on_the_endpoint(dataset)])
            # What has just failed is not tried twice in a row, unless it is the only one.
            for config_name in sorted(found, key=last.__eq__):
                last = config_name
                yield config_name

    def _champion(self, dataset: str) -> str:
        champion = read_champion(self._clients.dynamodb, self._table, dataset)
        if champion is None:
            raise RefusedError(404, f"no model is live for the dataset {dataset}")
        return champion.config_name

    def _on_the_endpoint(self, dataset: str) -> Iterator[str]:
        found = describe_endpoint(self._clients.sagemaker, endpoint_name(self._prefix, dataset))
        if found is None:
            raise RefusedError(404, f"no endpoint is live for the dataset {dataset}")
        names = (found.get("EndpointConfigName"), pending_config(found))
        yield from (name for name in names if name and run_of(name))

    def _try(self, dataset: str, config_name: str, records: Sequence[Mapping[str, Any]], retries: int) -> Answered:
        target, version, rows = self._fitting(dataset, config_name, records)
        scores: list[Score] = []
        for body in sealed_bodies(version.seal, rows.lines):
            count = body.count(b"\n") + 1 - len(version.seal.lines)
            try:
                scores += open_sealed(version.seal, self._scores(dataset, target, body), count)
            except NonsenseError as error:
                raise RefusedError(502, f"the endpoint of {dataset} gave an answer that is none") from error
        return Answered(version, rows, scores, retries)

    def _fitting(
        self, dataset: str, config_name: str, records: Sequence[Mapping[str, Any]]
    ) -> tuple[Target, Version, Rows]:
        """Whom to ask, and the rows for it. If the previous model cannot take the records, the new one is asked."""
        own, target = self._targets(dataset, config_name)
        version = self._versions[dataset, target.run_id]
        try:
            return target, version, version.row_maker.rows(records)
        except RefusedError:
            if target == own:
                raise
        version = self._versions[dataset, own.run_id]
        return own, version, version.row_maker.rows(records)

    def _targets(self, dataset: str, config_name: str) -> tuple[Target, Target]:
        """The model that a configuration is of, and the one to ask: of two that answer, one drawn by their weights."""
        own = Target(run_of(config_name) or "")
        if not self._versions[dataset, own.run_id].has_variants:
            return own, own
        variants = self._variants[config_name]
        if len(variants) < 2:
            return own, own
        own = next((its.target for its in variants if its.target.run_id == own.run_id), own)
        left = self._draw() * sum(its.weight for its in variants)
        for its in variants:
            left -= its.weight
            if left < 0:
                return own, its.target
        return own, own

    def _read_variants(self, config_name: str) -> tuple[Weighted, ...]:
        found = describe_config(self._clients.sagemaker, config_name)
        if found is None:
            raise BrokenSealError  # an older configuration, which is not live any more
        return tuple(
            Weighted(Target(run_of(its["ModelName"]) or "", its["VariantName"]), its.get("InitialVariantWeight", 1.0))
            for its in found["ProductionVariants"]
        )

    def _scores(self, dataset: str, target: Target, body: bytes) -> list[float]:
        """What the endpoint answers.

        Raises:
            BrokenSealError: another model, or another set of variants, is there.
            NonsenseError: these are no scores.
            RefusedError: it failed, or has no time.
        """
        try:
            text = ask(self._clients.runtime, endpoint_name(self._prefix, dataset), body, target.variant)
        except ClientError as error:
            raise _meaning(error, dataset) from error
        except (ConnectionError, HTTPClientError) as error:
            message = f"the endpoint of {dataset} did not answer in time"
            raise NotRightNowError(message, NOT_READY_RETRY_AFTER_SECONDS) from error
        except UnicodeError as error:
            raise NonsenseError("not text") from error
        try:
            return parse_scores(text)
        except ValueError as error:
            raise NonsenseError("not numbers") from error


def run_of(name: str) -> str | None:
    """The run that a model or a configuration is of, by its name; None if it is not named after one."""
    found = _RUN_ID.search(name, max(0, len(name) - 13))
    return found[1] if found else None


def _meaning(error: ClientError, dataset: str) -> Exception:
    """What an error of InvokeEndpoint means."""
    by_model = model_status(error)
    if by_model is not None and 400 <= by_model < 500:
        return BrokenSealError()  # a model of another width
    if is_invalid(error):
        return BrokenSealError()  # no such variant, or no such endpoint
    if is_not_ready(error):
        message = f"the endpoint of {dataset} is being provisioned, which takes minutes; ask again later"
        return NotRightNowError(message, NOT_READY_RETRY_AFTER_SECONDS)
    if is_unavailable(error) or by_model in (0, 503):
        return NotRightNowError(f"the endpoint of {dataset} is busy; ask again in a few seconds")
    return RefusedError(502, f"the endpoint of {dataset} failed")
