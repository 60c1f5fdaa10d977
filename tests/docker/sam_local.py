"""Calls ``sam local invoke``, and tells an answer from a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class InvocationError(AssertionError):
    """The function failed, or SAM could not run it. The message ends with what was printed.

    Attributes:
        error_type: the runtime's name for the failure, which is what Step Functions matches; None if none came.
    """

    def __init__(self, message: str, error_type: str | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass(frozen=True)
class SamLocal:
    """One built template, and how its functions are run. ``aws_url``: the local AWS as containers see it."""

    template: Path
    image: str
    parameters: str
    environment: Mapping[str, str]
    scratch: Path
    aws_url: str

    def invoke(self, function: str, event: Path, variables: Mapping[str, str]) -> Any:
        """The function's answer to the event in a file.

        Args:
            function: logical id.
            event: JSON.
            variables: in the place of the template's values, for those that the function declares.

        Raises:
            InvocationError: see there.
        """
        variables_file = self.scratch / "variables.json"
        variables_file.write_text(json.dumps({"Parameters": dict(variables)}))
        finished = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("sam")), "local", "invoke", function),
                *("--template-file", str(self.template), "--event", str(event)),
                *("--env-vars", str(variables_file), "--parameter-overrides", self.parameters),
                *("--invoke-image", self.image, "--skip-pull-image", "--force-image-build"),
                *("--layer-cache-basedir", str(self.scratch)),
            ],
            env={**_without_aws(os.environ), "SAM_CLI_TELEMETRY": "0", **self.environment},
            check=False,
            capture_output=True,
            text=True,
        )
        return _answer(function, finished)


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _answer(function: str, finished: subprocess.CompletedProcess[str]) -> Any:
    """SAM exits with 0 even if the function failed: only the payload says so."""
    said = f"{function}\n{finished.stderr}\n{finished.stdout}"
    if finished.returncode != 0:
        raise InvocationError(f"sam local invoke ended with {finished.returncode}: {said}")
    try:
        answer = json.loads(finished.stdout)
    except ValueError as error:
        raise InvocationError(f"no answer came: {said}") from error
    if isinstance(answer, dict) and "errorType" in answer:
        raise InvocationError(f"the function failed: {said}", answer["errorType"])
    return answer
