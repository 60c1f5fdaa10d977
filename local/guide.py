"""What to type once the local AWS is up."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from local.aws import Aws
from local.home import Home, State
from sluice.layout import config_key, incoming_key


def exports(aws: Aws) -> str:
    """Shell lines that send every AWS tool to the local AWS."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in aws.environment().items())


def write_exports(home: Home, aws: Aws) -> str:
    """Writes them to a file to be sourced, with a function that takes them back, and returns its path."""
    path = home.root / "env.sh"
    names = " ".join(aws.environment())
    path.write_text(
        f"# Sends the AWS tools of this shell to the local AWS of {home.root}; sluice_local_off takes it back.\n"
        f"{exports(aws)}\n"
        f"sluice_local_off() {{ unset {names}; unset -f sluice_local_off; }}\n"
    )
    return str(path)


def guide(home: Home, state: State, outputs: dict[str, str]) -> str:
    """Ten lines: a table from the drop to the prediction, by ``sluice``; and how other AWS tools get here."""
    exported, sluice = write_exports(home, Aws.of(state)), _command()
    return f"""\
The local AWS is up at {state.endpoint_url}. To get from your own table to predictions:
  export SLUICE_LOCAL=1                                   # or pass --local each time
  {sluice} drop my.csv --target COLUMN --dataset mydata --follow
  {sluice} why mydata                                        # what is live, and why
  {sluice} predict mydata new.csv                            # your own columns in, label and probability out
  {sluice} local report mydata                               # the address of the newest run's page
With any AWS tool (after: source {exported}):
  echo 'target: COLUMN' | aws s3 cp - s3://{outputs["InboxBucketName"]}/{config_key("mydata")}
  aws s3 cp my.csv s3://{outputs["InboxBucketName"]}/{incoming_key("mydata", "")}
Stop it: {sluice} local down"""


def _command() -> str:
    """How ``sluice`` is called here: by its name if that finds it."""
    if shutil.which("sluice"):
        return "sluice"
    path = Path(sys.executable).with_name("sluice")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
