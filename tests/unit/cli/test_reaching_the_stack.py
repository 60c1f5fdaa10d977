"""What stands between a person and the stack is one sentence that says what to do, and exit status 2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from cli import runs
from cli.app import hoisted
from cli.connection import connect
from local.home import Home, State

from .conftest import ACCOUNT, INBOX, OUTPUTS, World


def refusal(code: str, message: str = "because") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), "--profile"),
        (NoRegionError(), "--region"),
        (ProfileNotFound(profile="nobody"), "aws configure list-profiles"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (EndpointConnectionError(endpoint_url="https://nowhere"), "cannot be reached"),
        (refusal("ExpiredToken"), "log in again"),
        (refusal("InvalidClientTokenId"), "does not recognize your credentials"),
        (refusal("AccessDenied"), "may not call DescribeStacks"),
        (refusal("Throttling"), "try again in a minute"),
        (refusal("ValidationError"), "because"),
    ],
)
def test_each_failure_to_reach_aws_is_a_sentence_with_the_way_out(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(runs, "list_runs", fails)
    called = world.call("runs")
    assert (called.exit_code, called.stdout) == (2, "")
    assert words in called.stderr
    assert len(called.stderr.splitlines()) == 1


def test_a_fault_of_the_program_itself_is_not_hidden(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "list_runs", fails)
    assert isinstance(world.call("runs").exception, ZeroDivisionError)


def test_no_credentials_are_found_out_by_the_first_call(bare: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    called = bare.call("runs")
    assert called.exit_code == 2
    assert "There are no AWS credentials" in called.stderr


def test_without_a_region_the_way_out_is_said(bare: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    called = bare.call("runs")
    assert called.exit_code == 2
    assert "--region" in called.stderr


def test_a_stack_that_is_not_there_is_named(bare: World) -> None:
    called = bare.call("runs", "--stack", "shop")
    assert (called.exit_code, called.stdout) == (2, "")
    assert "There is no stack 'shop'" in called.stderr
    assert "us-east-1" in called.stderr


def test_a_stack_of_something_else_is_refused(bare: World) -> None:
    bare.deploy("shop", InboxBucketName=INBOX)
    called = bare.call("runs", "--stack", "shop")
    assert called.exit_code == 2
    assert "ArtifactBucketName" in called.stderr


def test_the_stack_may_be_named_by_the_environment(bare: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.deploy("shop", **OUTPUTS)
    monkeypatch.setenv("SLUICE_STACK", "shop")
    assert bare.call("runs").exit_code == 0


def test_a_stack_without_the_function_asks_to_be_deployed_again(bare: World) -> None:
    bare.deploy(**{name: value for name, value in OUTPUTS.items() if name != "ApprovalUrl"})
    called = bare.call("approve", "0123456789ab")
    assert called.exit_code == 2
    assert "Deploy it again" in called.stderr


def test_with_json_a_failure_is_a_document_too(bare: World) -> None:
    called = bare.call("runs", "--json")
    assert called.exit_code == 2
    assert "There is no stack" in json.loads(called.stdout)["error"]


def test_account_ids_are_not_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise refusal("AccessDenied", f"User: arn:aws:sts::{ACCOUNT}:assumed-role/A/b is not authorized")

    monkeypatch.setattr(runs, "list_runs", fails)
    called = world.call("runs", "--json")
    assert "assumed-role/A/b" in called.output
    assert ACCOUNT not in called.output


@pytest.mark.parametrize("arguments", [["nonsense"], ["runs", "--limit", "0"], ["show"], ["drop"], ["--stack"]])
def test_a_wrong_call_has_status_2(world: World, arguments: list[str]) -> None:
    called = world.call(*arguments)
    assert (called.exit_code, called.stdout) == (2, "")
    assert "Traceback" not in called.stderr


def test_an_interrupted_command_has_status_130(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "list_runs", interrupted)
    called = world.call("runs")
    assert (called.exit_code, called.stdout, called.stderr) == (130, "", "Interrupted.\n")


def test_global_options_may_stand_anywhere_but_behind_two_hyphens() -> None:
    given = ["runs", "--json", "churn", "--stack", "a", "--region=b", "--", "--local"]
    assert hoisted(given) == ["--json", "--stack", "a", "--region=b", "runs", "churn", "--", "--local"]


def test_a_dead_address_is_one_sentence_that_names_it(bare: World, monkeypatch: Any) -> None:
    address = "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("SLUICE_STATE_DIR", "/nonexistent")

    def refuse(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url=address)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    called = bare.call("runs")
    assert called.exit_code == 2
    assert called.stderr.splitlines() == [
        f"Nothing answers at {address}, to which AWS_ENDPOINT_URL sends this call: start the local AWS (sluice local "
        "up), or unset the AWS_ variables of this shell to reach AWS itself."
    ]


# Where to go


def at(home: Home) -> dict[str, str]:
    return {"SLUICE_STATE_DIR": str(home.root)}


@pytest.fixture
def home(tmp_path: Any, bare: World) -> Home:
    """The state folder of a local AWS, and an account beside it."""
    made = Home(tmp_path)
    made.write(State(endpoint_url="http://127.0.0.1:4566", sagemaker_url="http://127.0.0.1:5000"))
    return made


def test_the_local_aws_that_is_down_says_how_to_start_it(world: World, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("SLUICE_STATE_DIR", str(tmp_path))
    for arguments in (["--local", "runs"], ["runs"]):
        called = world.call(*arguments)
        assert (called.exit_code, "sluice local up" in called.stderr) == (2, True)
        monkeypatch.setenv("SLUICE_LOCAL", "1")


def test_the_local_aws_is_reached_with_its_own_credentials(home: Home, monkeypatch: Any) -> None:
    monkeypatch.setattr("local.cloud.is_up", lambda _: True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example")
    connection = connect("nobody", local=True, environ=at(home))
    assert connection.client("s3").meta.endpoint_url == "http://127.0.0.1:4566"
    for service in ("sagemaker", "sagemaker-runtime", "application-autoscaling"):
        assert connection.client(service).meta.endpoint_url == "http://127.0.0.1:5000"
    credentials = connection.session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "test"
    assert connection.is_local


def test_an_endpoint_on_this_machine_has_the_sagemaker_of_the_state_folder(home: Home) -> None:
    environ = {**at(home), "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
    connection = connect(region="us-east-1", environ=environ)
    assert connection.client("sagemaker").meta.endpoint_url == "http://127.0.0.1:5000"
    told = connect(region="us-east-1", environ={**environ, "AWS_ENDPOINT_URL_SAGEMAKER": "http://127.0.0.1:1"})
    assert told.urls == {}
    other = connect(region="us-east-1", environ={**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert other.urls == {}


def test_a_function_url_is_found_below_the_endpoint(home: Home) -> None:
    url = "https://abc.lambda-url.us-east-1.on.aws/churn?explain=1"
    here = connect(region="us-east-1", environ={**at(home), "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert here.address(url) == "http://127.0.0.1:4566/_aws/lambda-url/abc/churn?explain=1"
    assert connect(region="us-east-1", environ={}).address(url) == url
