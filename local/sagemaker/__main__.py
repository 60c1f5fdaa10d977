"""``python -m local.sagemaker``: a SageMaker until it is told to end. Its first line on stdout is its URL."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from local.sagemaker.server import DEFAULT_PACE_SECONDS, LocalSageMaker
from local.sagemaker.storage import StateError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sagemaker", description="A SageMaker for the laptop.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 for a free one")
    parser.add_argument(
        "--aws-endpoint", required=True, help="URL of the AWS with S3, STS, IAM, CloudWatch and its Logs"
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=DEFAULT_PACE_SECONDS,
        help="seconds that each phase takes in which AWS would wait for machines (default: %(default)s)",
    )
    parser.add_argument(
        "--wait-scale",
        type=float,
        default=1.0,
        help="what the waits of a guarded update are multiplied by (default: %(default)s)",
    )
    parser.add_argument("--auth", action="store_true", help="callers need IAM permissions, except for root")
    parser.add_argument("--account-id", help="default: MINISTACK_ACCOUNT_ID, otherwise 000000000000")
    parser.add_argument("--state", type=Path, help="file that keeps what there is, for the next process to take up")
    options = parser.parse_args()

    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    with LocalSageMaker(
        options.aws_endpoint,
        options.pace,
        auth=options.auth,
        account=options.account_id,
        port=options.port,
        wait_scale=options.wait_scale,
        state=options.state,
    ) as sagemaker:
        print(sagemaker.url, flush=True)
        ending.wait()


if __name__ == "__main__":
    try:
        main()
    except StateError as error:
        sys.exit(str(error))
