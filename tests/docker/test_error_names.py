"""Failures get the names that the state machine's Retry and Catch wait for, from the runtime that Lambda has.

Two names never occur here, and docs/local-aws.md says so: the SAM CLI stops a function that is out of time without
one, and the runtime does not know why it was killed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import pytest

from local.stack import architecture
from tests.docker.conftest import Docker, sam_environment
from tests.docker.sam_local import InvocationError, SamLocal

# The first test waits for the image, too.
pytestmark = pytest.mark.timeout(900)

CODE: Final = """
import os
import time


class OwnError(Exception):
    pass


def raises(event, context):
    raise OwnError("it is broken")


def exits(event, context):
    os._exit(3)


def hangs(event, context):
    time.sleep(600)


def eats(event, context):
    held = []
    while True:
        held.append(b"x" * 50_000_000)
"""
HANDLERS: Final = ("raises", "exits", "hangs", "eats")

type Fail = Callable[[str], InvocationError]


@pytest.fixture(scope="module")
def fail(docker: Docker, base: str, tmp_path_factory: pytest.TempPathFactory) -> Fail:
    """Invokes one of the handlers above, each of which fails in its own way, and gives the failure."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(CODE)
    (folder / "event.json").write_text("{}")
    (folder / "template.json").write_text(json.dumps(template()))
    sam_local = SamLocal(
        template=folder / "template.json",
        image=base,
        parameters=f"Architecture={architecture()}",
        environment=sam_environment(docker),
        scratch=folder,
        aws_url="",  # these functions call nothing
    )

    def invoke(handler: str) -> InvocationError:
        with pytest.raises(InvocationError) as failure:
            sam_local.invoke(handler.title(), folder / "event.json", {})
        return failure.value

    return invoke


def template() -> dict[str, object]:
    shared = {"Runtime": "python3.13", "CodeUri": "code", "Timeout": 5, "MemorySize": 256}
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Architecture": {"Type": "String"}},
        "Resources": {
            handler.title(): {
                "Type": "AWS::Serverless::Function",
                "Properties": {**shared, "Handler": f"app.{handler}", "Architectures": [architecture()]},
            }
            for handler in HANDLERS
        },
    }


def test_an_exception_has_the_name_of_its_class(fail: Fail) -> None:
    assert fail("raises").error_type == "OwnError"


def test_a_function_whose_process_ends_is_an_exit_error(fail: Fail) -> None:
    failure = fail("exits")
    assert failure.error_type == "Runtime.ExitError"
    assert "exit status 3" in str(failure)


def test_a_function_that_takes_too_much_memory_is_killed_and_an_exit_error(fail: Fail) -> None:
    failure = fail("eats")
    assert failure.error_type == "Runtime.ExitError"
    assert "signal: killed" in str(failure)


def test_a_function_that_runs_out_of_time_is_stopped_and_has_no_name(fail: Fail) -> None:
    failure = fail("hangs")
    assert failure.error_type is None
    assert "timed out after 5 seconds" in str(failure)
