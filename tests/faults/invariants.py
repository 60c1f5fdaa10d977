"""What must be true of the stack after a run and its repetition, whatever went wrong meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from sluice.dataset.config import Endpoint
from sluice.endpoint.golden import flat_scores
from sluice.layout import RunLayout
from sluice.names import alarm_names
from sluice.runs.aws.ledger import Champion, read_champion
from tests.faults.bench import Bench, Upload, Watch
from tests.faults.scenarios import Scenario

_SAYS: Final = {
    "deployed": "is live behind the endpoint",
    "model_rejected": "The model was not deployed",
    "dataset_rejected": "The file was rejected",
    "deployment_failed": "but its deployment failed",
}
"""What a page says of an outcome and of no other."""


def violations(
    bench: Bench, scenario: Scenario, upload: Upload, before: Champion | None, watch: Watch, told: list[str]
) -> Iterator[str]:
    """Each promise that was not kept, in words.

    Args:
        before: the champion before the run.
        watch: of all deliveries of the upload.
        told: what people heard meanwhile.
    """
    item = bench.item(f"RUN#{upload.run_id}")
    status = item.get("status", {}).get("S", "not claimed")
    if status not in scenario.outcomes:
        yield f"the ledger says {status}, not {' or '.join(scenario.outcomes)}"
        return
    yield from _ledger_and_objects_agree(bench, upload, item)
    yield from _training_jobs(bench, upload, watch, expected=status != "dataset_rejected")
    champion = read_champion(bench.aws.dynamodb, bench.outputs["RunsTableName"], upload.dataset)
    yield from _right_champion(upload, status, before, champion)
    yield from _endpoint_is_the_champion(bench, upload.dataset, champion)
    yield from _no_leftovers(bench, upload.dataset, champion)
    if turn := bench.item(f"TURN#{upload.dataset}"):
        yield f"the turn is still held by {turn['execution_arn']['S']}"
    if holders := bench.item("SLOTS").get("holders"):
        yield f"a slot is still held: {holders['SS']}"
    yield from _nothing_is_due(bench, upload, item)
    if not outcomes_heard(upload, told):
        yield "nobody was told of the outcome"


def outcomes_heard(upload: Upload, told: list[str]) -> list[str]:
    """Of all that people were told what is about the run's end."""
    return [text for text in told if upload.run_id in text and "waits for your approval" not in text]


def _nothing_is_due(bench: Bench, upload: Upload, item: dict[str, Any]) -> Iterator[str]:
    """The page is drawn, a model that was measured is in the registry, and the rounds have forgotten the run."""
    if left := {"due", "asked", "running_since"} & item.keys():
        yield f"the ledger still has {', '.join(sorted(left))} of the run"
    result = json.loads(item["result"]["S"])
    page = bench.text(RunLayout(upload.dataset, upload.run_id).report)
    if _SAYS[result["outcome"]] not in page:
        yield "the page does not tell of the outcome"
    if result["metrics"]:
        group = f"sluice-{upload.dataset}"
        packages = bench.aws.sagemaker.list_model_packages(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )["ModelPackageSummaryList"]
        mine = [item for item in packages if upload.run_id in item.get("ModelPackageDescription", "")]
        if len(mine) != 1:
            yield f"the registry has {len(mine)} versions of the run's model"


def _ledger_and_objects_agree(bench: Bench, upload: Upload, item: dict[str, Any]) -> Iterator[str]:
    layout = RunLayout(upload.dataset, upload.run_id)
    result = json.loads(item["result"]["S"])
    if bench.artifact(layout.outcome) != result:
        yield "outcome.json is not what the ledger has"
    decided = bench.artifact(layout.decision)["outcome"]
    if not decided == result["outcome"] == item["status"]["S"]:
        yield f"decision.json says {decided}, the result {result['outcome']}, the ledger {item['status']['S']}"


def _training_jobs(bench: Bench, upload: Upload, watch: Watch, *, expected: bool) -> Iterator[str]:
    """The first job and the refit, each made once."""
    jobs = 2 if expected else 0
    listed = bench.aws.sagemaker.list_training_jobs(NameContains=upload.run_id)["TrainingJobSummaries"]
    if len(listed) != jobs:
        yield f"there are {len(listed)} training jobs"
    if (made := watch.made["sagemaker:CreateTrainingJob"]) != jobs:
        yield f"{made} training jobs were made"


def _right_champion(upload: Upload, status: str, before: Champion | None, champion: Champion | None) -> Iterator[str]:
    wanted = upload.run_id if status == "deployed" else before and before.run_id
    if (champion and champion.run_id) != wanted:
        yield f"the champion is {champion and champion.run_id}, not {wanted}"


def _endpoint_is_the_champion(bench: Bench, dataset: str, champion: Champion | None) -> Iterator[str]:
    name = f"sluice-{dataset}"
    listed = bench.aws.sagemaker.list_endpoints(NameContains=name, MaxResults=100)["Endpoints"]
    there = [item for item in listed if item["EndpointName"] == name]
    if champion is None:
        if there:
            yield f"there is an endpoint ({there[0]['EndpointStatus']}) and no champion"
        return
    try:
        live = bench.aws.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        yield f"the champion has no endpoint: {error}"
        return
    if (live["EndpointStatus"], live["EndpointConfigName"]) != ("InService", champion.config_name):
        yield f"live is {live['EndpointConfigName']} ({live['EndpointStatus']}), not {champion.config_name}"
    golden = bench.artifact(RunLayout(dataset, champion.run_id).golden)
    offline, row = flat_scores(golden["scores"])[0], golden["rows"][0]
    if bench.answer(name, row) != pytest.approx(offline, abs=1e-5):
        yield "the endpoint does not answer with the champion's scores"


def _no_leftovers(bench: Bench, dataset: str, champion: Champion | None) -> Iterator[str]:
    keep = Endpoint().keep
    kept = {past.config_name for past in (champion.itself, *champion.history)[:keep]} if champion else set()
    sagemaker, name = bench.aws.sagemaker, f"sluice-{dataset}"
    models = sagemaker.list_models(NameContains=f"{name}-", MaxResults=100)["Models"]
    configs = sagemaker.list_endpoint_configs(NameContains=f"{name}-", MaxResults=100)["EndpointConfigs"]
    for what, names in (
        ("model", {item["ModelName"] for item in models}),
        ("endpoint configuration", {item["EndpointConfigName"] for item in configs}),
    ):
        mine = {found for found in names if found.rpartition("-")[0] == name}
        for orphan in sorted(mine - kept):
            yield f"{what} {orphan} is left over"
        if champion and champion.config_name not in mine:
            yield f"the champion's {what} is gone"
    alarms = bench.cloudwatch.describe_alarms(AlarmNamePrefix=f"{name}/")["MetricAlarms"]
    found = {alarm["AlarmName"] for alarm in alarms}
    wanted = set(alarm_names(name)) if champion else set()
    if found != wanted:
        yield f"alarms are {sorted(found)}, not {sorted(wanted)}"
