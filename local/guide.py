"""What to type once the local AWS is up."""

from __future__ import annotations

import shlex

from local.aws import Aws
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
    inbox, artifacts = outputs["InboxBucketName"], outputs["ArtifactBucketName"]
    machine = outputs["StateMachineArn"]
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

Look at the page of the newest run, in a browser:
  .venv/bin/python -m local report mydata

Ask the endpoint, with a row that it never saw (a row holds the features in the order of recipe.json, without the
label; one with too few is scored without a word):
  KEY=$(aws s3 ls --recursive s3://{artifacts}/mydata/ | grep test/test.csv | sort | tail -n 1 | awk '{{print $4}}')
  aws s3 cp s3://{artifacts}/$KEY - | head -n 1 | cut -d, -f2- > row.csv
  aws sagemaker-runtime invoke-endpoint --endpoint-name sluice-mydata --content-type text/csv \\
    --body fileb://row.csv /dev/stdout

Without the AWS CLI (pip install awscli), which also asks the endpoint:
  .venv/bin/python -m local run my.csv --target COLUMN --dataset mydata

Stop it, which forgets all that was made: make down"""
