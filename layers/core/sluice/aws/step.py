"""What every function does around its own work: parse, name the run on every log line, time itself, answer in JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from botocore.config import Config

from sluice.messages import Message, Request
from sluice.settings import NAMESPACE

CLIENT_CONFIG = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=20)
"""The state machine retries, and nothing below it: two layers would multiply. Shorter than the functions' time limit,
so that a call that hangs is an error with a name."""
TRANSFER_CONFIG = Config(retries={"total_max_attempts": 4, "mode": "standard"}, connect_timeout=5, read_timeout=60)
"""For transfers, of which one lost part must not repeat minutes of work, and for the notice."""

logger = Logger(service="sluice")


def step[Asked: Request, Answer: Message](
    request_type: type[Asked],
) -> Callable[[Callable[[Asked], Answer]], Callable[[dict[str, Any], Any], dict[str, Any]]]:
    """Turns ``request -> answer`` into a Lambda handler.

    The handler logs with ``run_id`` and ``dataset`` on every line, emits ``StepSeconds`` by dataset and step, and
    answers with the message as JSON. What the function raises passes through, logged: the state machine
    retries.
    """

    def decorate(work: Callable[[Asked], Answer]) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
        name = request_type.__name__.removesuffix("Request")

        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            request = request_type.model_validate(event)
            run = request.run
            logger.append_keys(
                step=name, run_id=run.run_id, dataset=run.dataset, request_id=getattr(context, "aws_request_id", None)
            )
            started = time.monotonic()
            try:
                answer = work(request)
            except Exception:
                logger.exception("fault")
                raise
            seconds = time.monotonic() - started
            emit(run.dataset, {"StepSeconds": (seconds, MetricUnit.Seconds)}, step=name)
            verdict = (
                getattr(answer, "verdict", None) or getattr(answer, "status", None) or getattr(answer, "outcome", "")
            )
            logger.info("done", extra={"verdict": str(verdict), "seconds": round(seconds, 3)})
            return answer.model_dump(mode="json")

        return handler

    return decorate


def emit(dataset: str, values: dict[str, tuple[float, MetricUnit]], **dimensions: str) -> None:
    """Writes metrics to the log in CloudWatch's embedded metric format, with ``dataset`` as a dimension.

    No ``service`` dimension: the dashboard searches by the exact set, so POWERTOOLS_SERVICE_NAME stays unset.
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("dataset", dataset)
    for key, text in dimensions.items():
        metrics.add_dimension(key, text)
    for name, (value, unit) in values.items():
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()
