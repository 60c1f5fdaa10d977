"""Answers predictions over a function URL: the caller's own columns in, probabilities and labels out.

The recipe of the live model makes the features, the endpoint scores them, and the answer says which model it was.
"""

from __future__ import annotations

import io
import json
import os
import random
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sluice.aws.errors import code_of
from sluice.aws.step import CLIENT_CONFIG, TRANSFER_CONFIG, logger
from sluice.layout import KEEP_DAYS_TAG, prediction_key, split_uri
from sluice.prediction.answer import MAX_ANSWER_BYTES, answer, predicted_class, predictions
from sluice.prediction.aws.afterwards import Afterwards
from sluice.prediction.aws.endpoint import Clients, Endpoints
from sluice.prediction.ids import new_ids
from sluice.prediction.log import log_lines
from sluice.prediction.metrics import emit_not_logged, emit_predictions, emit_refused
from sluice.prediction.request import (
    COUNTED_STATUSES,
    USAGE,
    PredictRequest,
    RefusedError,
    dataset_in,
    method_of,
    read_request,
)
from sluice.prediction.version import Answered, Kept
from sluice.settings import PredictSettings

if TYPE_CHECKING:
    from scoring.model import Model

_MODELS_KEPT = 2

settings = PredictSettings.load()
clients_config = CLIENT_CONFIG.merge(Config(tcp_keepalive=True))
"""Connections are kept: a new one costs more than the question."""
s3 = boto3.client("s3", config=TRANSFER_CONFIG)
clients = Clients(
    s3=s3,
    dynamodb=boto3.client("dynamodb", config=clients_config),
    sagemaker=boto3.client("sagemaker", config=clients_config),
    # A serverless endpoint may start for its first answer. With the time of earlier tries it stays below the function's
    # own 60 s, so that the caller gets an answer.
    runtime=boto3.client("sagemaker-runtime", config=clients_config.merge(Config(read_timeout=35))),
)
afterwards = Afterwards.of(os.environ.get("AWS_LAMBDA_RUNTIME_API"))
endpoints = Endpoints(clients, bucket=settings.artifact_bucket, table=settings.runs_table, prefix=settings.name_prefix)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    with afterwards.invocation():
        return answered_to(event, getattr(context, "aws_request_id", ""))


def answered_to(event: dict[str, Any], request_id: str) -> dict[str, Any]:
    logger.append_keys(step="Predict", request_id=request_id)
    started = time.monotonic()
    try:
        status, headers, body = respond(event, request_id)
    except RefusedError as error:
        status, headers, body = error.status, error.headers, refusal(error)
        count_refusal(event, status)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer, and no word of ours
        log_fault(error)
        status, headers, body = 500, {}, dumped({"message": "an internal error; the log has it", "request": request_id})
    logger.info("done", extra={"status": status, "seconds": round(time.monotonic() - started, 3)})
    return {"statusCode": status, "headers": {"content-type": "application/json", **headers}, "body": body}


def respond(event: dict[str, Any], request_id: str) -> tuple[int, dict[str, str], str]:
    if method_of(event) == "GET" and event.get("rawPath", "/") == "/":
        return 200, {}, dumped({"message": USAGE})
    request = read_request(event)
    answered = endpoints.ask(request.dataset, request.records)
    at = datetime.now(UTC)
    made = predictions(answered, new_ids(at, len(request.records)))
    if request.explain:
        explain(request, answered, made)
    body = dumped(answer(request.dataset, answered.version, made))
    if len(body) > MAX_ANSWER_BYTES:
        raise RefusedError(413, f"the answer would have {len(body):,} bytes; send fewer records at a time")
    if random.random() < answered.version.log_share:  # noqa: S311
        afterwards.do(lambda: keep(request, answered, made, at, request_id))
    without_key = 0 if answered.version.key is None else answered.rows.keys.count(None)
    emit_predictions(request.dataset, answered.rows.outside, answered.retries, without_key=without_key)
    return 200, {}, body


def explain(request: PredictRequest, answered: Answered, made: list[dict[str, Any]]) -> None:
    """Adds to each prediction what it rests on."""
    version = answered.version
    predicted = [predicted_class(version, score) for score in answered.scores]
    model = models[version.model_uri, len(version.recipe.features)]
    found = model.explain(version.recipe, answered.rows.features, predicted, request.records, request.explain)
    for prediction, explanation in zip(made, found, strict=True):
        prediction.update(explanation)


def fetch_model(key: tuple[str, int]) -> Model:
    from scoring.xgboost import load  # noqa: PLC0415 - half a second, which few requests need

    model_uri, features = key
    bucket, path = split_uri(model_uri)
    archive = s3.get_object(Bucket=bucket, Key=path)["Body"].read()
    return load(io.BytesIO(archive), features)


models: Kept[tuple[str, int], Model] = Kept(_MODELS_KEPT, fetch_model)


def keep(
    request: PredictRequest, answered: Answered, made: list[dict[str, Any]], at: datetime, request_id: str
) -> None:
    """Keeps records and answers in S3. A prediction does not fail for it."""
    version = answered.version
    lines = log_lines(
        request.records, made, at=at, request_id=request_id, model_version=version.run_id, key=version.key
    )
    tagging: dict[str, Any] = {} if version.keep_days is None else {"Tagging": f"{KEEP_DAYS_TAG}={version.keep_days}"}
    try:
        s3.put_object(
            Bucket=settings.artifact_bucket,
            Key=prediction_key(request.dataset, at, request_id),
            Body=lines,
            ContentType="application/gzip",
            **tagging,
        )
    except (ClientError, BotoCoreError) as error:
        logger.warning("predictions were not logged", extra={"dataset": request.dataset, "kind": type(error).__name__})
        emit_not_logged(request.dataset, len(made))


def refusal(error: RefusedError) -> str:
    if error.status == 503:
        logger.warning("later", extra={"kind": type(error.__cause__).__name__ if error.__cause__ else "BrokenSeal"})
    elif error.status > 500:
        log_fault(error.__cause__ or error)
    return dumped({"message": error.message, **({"errors": error.errors} if error.errors else {})})


def count_refusal(event: Mapping[str, Any], status: int) -> None:
    """Counts a request that its caller has to change. What fails here only leaves it uncounted."""
    dataset = dataset_in(event)
    try:
        if status in COUNTED_STATUSES and dataset is not None and endpoints.is_live(dataset):
            emit_refused(dataset)
    except (ClientError, BotoCoreError) as error:
        logger.warning("a refusal was not counted", extra={"kind": type(error).__name__})


def log_fault(error: BaseException) -> None:
    """Says what went wrong and where, without the message: it may hold a value of a row."""
    code = code_of(error) if isinstance(error, ClientError) else None
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error("fault", extra={"exception_name": type(error).__name__, "code": code, "exception": "\n".join(frames)})


def dumped(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
