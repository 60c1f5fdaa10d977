"""What to type once the local AWS is up."""

from __future__ import annotations

import shlex

from local.aws import REGION, Aws
from local.home import Home, State


def exports(aws: Aws) -> str:
    """Shell lines that send every AWS tool to the local AWS."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in aws.environment().items())


def write_exports(home: Home, aws: Aws) -> str:
    """Writes them to a file to be sourced, and returns its path."""
    path = home.root / "env.sh"
    path.write_text(exports(aws) + "\n")
    return str(path)


def guide(home: Home, state: State, outputs: dict[str, str]) -> str:
    aws = Aws.of(state)
    inbox, machine = outputs["InboxBucketName"], outputs["StateMachineArn"]
    return f"""\
The local AWS is up at {state.endpoint_url}, its SageMaker at {state.sagemaker_url}.

Send your AWS tools there (source {write_exports(home, aws)} does the same):
{exports(aws)}

Drop a table, with its target column named once:
  echo 'target: COLUMN' | aws s3 cp - s3://{inbox}/datasets/mydata/config.yaml
  aws s3 cp my.csv s3://{inbox}/incoming/mydata/

Watch the execution:
  aws stepfunctions list-executions --state-machine-arn {machine} --max-items 1
  aws stepfunctions get-execution-history --execution-arn ARN --query 'events[].stateEnteredEventDetails.name'

Ask the endpoint (a row without its label, in the order of recipe.json):
  aws sagemaker-runtime invoke-endpoint --endpoint-name sluice-mydata --content-type text/csv \\
    --cli-binary-format raw-in-base64-out --body '1,2,3' /dev/stdout

Without the AWS CLI:
  .venv/bin/python -m local run my.csv --target COLUMN --dataset mydata
  .venv/bin/python -c 'import boto3; print(boto3.client("sagemaker-runtime", endpoint_url="{state.sagemaker_url}",
    region_name="{REGION}", aws_access_key_id="test", aws_secret_access_key="test").invoke_endpoint(
    EndpointName="sluice-mydata", ContentType="text/csv", Body="1,2,3")["Body"].read().decode())'

Stop it: make down"""
