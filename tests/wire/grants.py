"""Which of the permissions that the template grants its functions were used, and which were used without one.

With ``SLUICE_RECORD_GRANTS`` naming a file, the tests on the local AWS put a wire before the functions and note there
each action that a call takes and on what. IAM is enforced behind the wire, so nothing that is used can be missing; this
tells what is granted and used by nothing.

``python -m tests.wire.grants RECORD`` writes what was used to ``used_grants.json``, by which a contract test holds the
template; with ``--check`` it exits 1 if something was used that is not there.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from local.aws import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from local.sagemaker.authorization import lambda_access_key
from tests.template import as_list, statements
from tests.wire.calls import Call

USED: Final = Path(__file__).parents[1] / "contract" / "used_grants.json"
VARIABLE: Final = "SLUICE_RECORD_GRANTS"

NOT_GRANTED: Final = "not granted"
"""In the place of a resource: the call was answered, and no policy of the template allows it."""

Grant = tuple[str, str, str]
"""Role of the template, action, and a resource of its policy as the template writes it."""


class Recorder:
    """Notes in a file which grants the calls of functions use. Several may write to one file.

    Args:
        file: one JSON list a line: role, action, resource.
        granted: by role of the template and action, the resources as the template writes them, with the patterns that
            they are in the deployed policies.
        roles: of the template, by the access keys of the functions.
    """

    def __init__(self, file: Path, granted: dict[tuple[str, str], dict[str, str]], roles: dict[str, str]) -> None:
        self._file = file
        self._granted = granted
        self._roles = roles
        self._known: set[Grant] = set()

    def __call__(self, call: Call, status: int | None) -> None:
        """The wire's witness. A call that was not allowed used nothing."""
        role = self._roles.get(call.caller)
        if role is None or status in (None, 401, 403):
            return
        new = set(self._grants(role, call, found=status != 404)) - self._known
        if new:
            self._known |= new
            with self._file.open("a", encoding="utf-8") as file:
                file.write("".join(f"{json.dumps(grant)}\n" for grant in sorted(new)))

    def _grants(self, role: str, call: Call, *, found: bool) -> Iterator[Grant]:
        for action, arn in _checked(call, found=found):
            matching = [
                written
                for written, pattern in self._granted.get((role, action), {}).items()
                if fnmatchcase(arn, pattern.replace("[", "[[]"))
            ]
            for written in matching or [NOT_GRANTED]:
                yield role, action, written


def _checked(call: Call, *, found: bool) -> Iterator[tuple[str, str]]:
    yield from call.permissions(ACCOUNT)
    if call.service == "s3" and call.operation in ("GetObject", "HeadObject") and not found:
        # Only who may list a bucket is told that an object is missing; others, that access is denied.
        yield "s3:ListBucket", f"arn:aws:s3:::{call.subject.partition('/')[0]}"


def clients(endpoint_url: str) -> Callable[[str], Any]:
    """Makes boto3 clients of services' names, of the local AWS's root."""
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    config = Config(proxies={}, read_timeout=120)
    return lambda service: session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]


def recorder(file: Path, client: Callable[[str], Any], stack: str) -> Recorder:
    """For a deployed stack.

    Args:
        client: makes a boto3 client of a service's name.
    """
    pages = client("lambda").get_paginator("list_functions").paginate()
    roles = {
        lambda_access_key(function["FunctionArn"], function["Role"]): logical_name(function["Role"])
        for page in pages
        for function in page["Functions"]
    }
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    arns = {
        item["LogicalResourceId"]: _arn(item["ResourceType"], item["PhysicalResourceId"])
        for page in pages
        for item in page["StackResourceSummaries"]
    }
    granted: dict[tuple[str, str], dict[str, str]] = {}
    for role, action, resource in template_grants():
        if role in roles.values():
            granted.setdefault((role, action), {})[as_written(resource)] = _pattern(as_written(resource), arns)
    return Recorder(file, granted, roles)


def logical_name(role_arn: str) -> str:
    """``arn:aws:iam::000000000000:role/sluice-ClaimRunRole-1A2B`` as ``ClaimRunRole``."""
    return re.sub(r"^.*?-(\w+Role)-\w+$", r"\1", role_arn)


def template_grants() -> Iterator[tuple[str, str, Any]]:
    """Role, action and resource of each grant of the template's own policies."""
    for role, statement in statements():
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                yield role, action, resource


def _arn(kind: str, physical: str) -> str:
    """ARN of a resource by its type and physical id, if that is not an ARN already."""
    if physical.startswith("arn:"):
        return physical
    here = f"{REGION}:{ACCOUNT}"
    return {
        "AWS::S3::Bucket": f"arn:aws:s3:::{physical}",
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{here}:table/{physical}",
        "AWS::Logs::LogGroup": f"arn:aws:logs:{here}:log-group:{physical}:*",
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{physical}",
        "AWS::Lambda::Function": f"arn:aws:lambda:{here}:function:{physical}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{here}:{physical.rstrip('/').rpartition('/')[2]}",
    }.get(kind, physical)


def _pattern(written: str, arns: dict[str, str]) -> str:
    """What a resource of a policy is once the stack is there, with IAM's wildcards."""
    pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "NamePrefix": "sluice"}

    def value(name: str) -> str:
        logical, _, attribute = name.partition(".")
        if attribute == "Name":
            return arns[logical].rpartition(":")[2]
        return pseudo.get(name) or arns[logical]

    if written.partition(".")[0] in arns:
        return value(written)
    return re.sub(r"\$\{([^}]+)\}", lambda found: value(found[1]), written)


def as_written(resource: Any) -> str:
    """A resource of a policy in one line: ``RunsTable.Arn``, ``${ArtifactBucket.Arn}/*/runs/*``."""
    if isinstance(resource, dict):
        ((_, value),) = resource.items()
        return str(value)
    return str(resource)


def read(files: Iterable[Path]) -> dict[str, dict[str, list[str]]]:
    """What records say, by role and action."""
    grants = {tuple(json.loads(line)) for file in files for line in file.read_text(encoding="utf-8").splitlines()}
    found: dict[str, dict[str, list[str]]] = {}
    for role, action, resource in sorted(grants):
        found.setdefault(role, {}).setdefault(action, []).append(resource)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wire.grants", description=__doc__)
    parser.add_argument("record", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true", help=f"exit 1 if something was used that is not in {USED.name}")
    arguments = parser.parse_args()
    found = read(arguments.record)
    if not arguments.check:
        USED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return 0
    now, known = grants_of(found), grants_of(json.loads(USED.read_text(encoding="utf-8")))
    for grant in sorted(known - now):
        print(f"not used this time: {' '.join(grant)}")
    for grant in sorted(now - known):
        print(f"used, and not in {USED.name}: {' '.join(grant)}", file=sys.stderr)
    return 1 if now - known else 0


def grants_of(found: dict[str, dict[str, list[str]]]) -> set[Grant]:
    """What a record holds, one by one."""
    return {
        (role, action, resource)
        for role, actions in found.items()
        for action, resources in actions.items()
        for resource in resources
    }


if __name__ == "__main__":
    sys.exit(main())
