"""A deployed stack: all that the commands need to know about it comes from CloudFormation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from cli.failure import CommandError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from sluice.endpoint.aws.operations import StackNames

DEFAULT_NAME: Final = "sluice"
_ALWAYS: Final = ("InboxBucketName", "ArtifactBucketName", "RunsTableName", "StateMachineArn")


@dataclass(frozen=True)
class Stack:
    name: str
    prefix: str
    outputs: Mapping[str, str]

    @property
    def inbox(self) -> str:
        return self.outputs["InboxBucketName"]

    @property
    def artifacts(self) -> str:
        return self.outputs["ArtifactBucketName"]

    @property
    def runs_table(self) -> str:
        return self.outputs["RunsTableName"]

    @property
    def state_machine(self) -> str:
        return self.outputs["StateMachineArn"]

    def url(self, output: str) -> str:
        """A function URL of the stack, or a queue's.

        Raises:
            CommandError: the stack is of a version without it.
        """
        try:
            return self.outputs[output]
        except KeyError as error:
            raise CommandError(
                f"Stack {self.name} has no output {output}: it is older than this command. Deploy it again."
            ) from error

    def dead_letters(self, of: Literal["Upload", "Round"]) -> str:
        """URL of the queue that keeps what could not be started."""
        return self.url(f"{of}DeadLettersUrl")

    @property
    def names(self) -> StackNames:
        from sluice.endpoint.aws.operations import StackNames

        return StackNames(self.runs_table, self.artifacts, self.prefix)


def find_stack(cloudformation: CloudFormationClient, name: str) -> Stack:
    """Raises: CommandError if there is no such stack, or it is not one of Sluice."""
    from botocore.exceptions import ClientError

    from sluice.aws.errors import is_not_found

    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if not is_not_found(error):
            raise
        raise CommandError(
            f"There is no stack {name!r} in this account and region ({cloudformation.meta.region_name}). Deploy it "
            "(make deploy), or name another with --stack, --region and --profile. For the local AWS, pass --local."
        ) from error
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in found.get("Parameters", [])}
    missing = [name for name in _ALWAYS if name not in outputs]
    if "NamePrefix" not in parameters or missing:
        raise CommandError(
            f"Stack {name!r} ({found['StackStatus']}) is not a stack of Sluice, or its deployment failed: it has no "
            f"{', '.join(missing) or 'NamePrefix'}. Name another stack with --stack."
        )
    return Stack(name, parameters["NamePrefix"], outputs)
