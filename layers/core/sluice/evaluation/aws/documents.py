"""``evaluation.json`` in the artifact bucket. The client is the first argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sluice.aws.objects import read_json
from sluice.aws.step import logger
from sluice.evaluation.document import Evaluation
from sluice.messages import EvaluationResult

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def read_evaluation(s3: S3Client, result: EvaluationResult | None) -> Evaluation | None:
    """The evaluation in full, or None if there is none, or none that this code can read.

    Whoever asks has the essentials in ``result``: a document that is gone or damaged is logged and not raised.
    """
    if result is None or result.evaluation_uri is None:
        return None
    try:
        return Evaluation.read(read_json(s3, result.evaluation_uri))
    except (ClientError, BotoCoreError, OSError, ValueError):
        logger.warning("the evaluation cannot be read in full", exc_info=True)
        return None
