"""The server as a process of its own, and what lies beside the two protocols."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.local_sagemaker.conftest import ACCOUNT, Lab, SageMaker


def fetch(url: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as response:
        return json.load(response)


def test_its_health_names_its_account(sagemaker: SageMaker) -> None:
    health = fetch(f"{sagemaker.server.url}/_health")
    assert (health["status"], health["account"]) == ("ok", ACCOUNT)


def test_as_a_process_it_prints_its_address_first_and_ends_when_told_to(lab: Lab) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "local.sagemaker",
            "--aws-endpoint",
            lab.url,
            "--pace",
            "0",
            "--wait-scale",
            "0.5",
            "--auth",
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert lab.client("sagemaker", url).list_endpoints()["Endpoints"] == []
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()  # type: ignore[union-attr]
    assert process.wait(timeout=10) == 0
