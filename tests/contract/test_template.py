"""The template, the state machine, the events and the code say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from sluice import messages, settings
from sluice.aws.objects import WORKING_DATA_TAG
from sluice.dataset.config import KeepDays
from sluice.layout import KEEP_DAYS_TAG
from sluice.runs.approval import APPROVAL_SECONDS
from sluice.runs.aws import ledger, reconciliation
from tests.template import RESOURCES, TEMPLATE, as_list, resources, statements

ROOT = Path(__file__).parents[2]

MAX_METRICS_OF_AN_ALARM = 10
"""Of an alarm on metric math, by CloudWatch's documentation."""

PIPELINE: dict[str, Any] = json.loads((ROOT / "statemachine" / "pipeline.asl.json").read_text())

FUNCTIONS: dict[str, tuple[type[messages.Message], type[messages.Message], type[BaseModel] | None]] = {
    "claim_run": (messages.ClaimRequest, messages.Claim, settings.ClaimSettings),
    "validate_data": (messages.ValidateRequest, messages.ValidationResult, settings.ValidateSettings),
    "start_training": (messages.StartTrainingRequest, messages.TrainingStarted, settings.TrainSettings),
    "check_training": (messages.CheckTrainingRequest, messages.TrainingStatus, None),
    "start_refit": (messages.StartRefitRequest, messages.TrainingStarted, settings.TrainSettings),
    "evaluate_model": (messages.EvaluateRequest, messages.EvaluationResult, settings.EvaluateSettings),
    "deploy_endpoint": (messages.DeployRequest, messages.Deployment, settings.DeploySettings),
    "check_endpoint": (messages.CheckEndpointRequest, messages.EndpointStatus, None),
    "verify_endpoint": (messages.VerifyRequest, messages.Verification, settings.EndpointSettings),
    "restore_endpoint": (messages.RestoreRequest, messages.Restoration, settings.RestoreSettings),
    "record_outcome": (messages.RecordRequest, messages.RunResult, settings.RecordSettings),
    "register_model": (messages.RegisterRequest, messages.Registered, settings.RegisterSettings),
    "render_report": (messages.RenderRequest, messages.Rendered, settings.RenderSettings),
    "ask_for_approval": (messages.AskForApprovalRequest, messages.AskedForApproval, settings.AskSettings),
    "clean_up": (messages.CleanUpRequest, messages.CleanedUp, settings.CleanSettings),
}
"""Function folder, its request, its answer, and the settings that it reads."""

OTHERS: dict[str, type[BaseModel]] = {
    "decide_approval": settings.DecideSettings,
    "monitor": settings.MonitorSettings,
    "predict": settings.PredictSettings,
    "reconcile": settings.ReconcileSettings,
    "report_misplaced_file": settings.MisplacedSettings,
    "tear_down": settings.TearDownSettings,
}
"""Those that the state machine does not call, and the settings that they read."""
SETTINGS = {name: reads for name, (_, _, reads) in FUNCTIONS.items()} | OTHERS


def pascal(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))


def states_of(name: str) -> list[dict[str, Any]]:
    """The states that call a function: one or more."""
    found = [
        state
        for state in PIPELINE["States"].values()
        if state.get("Arguments", {}).get("FunctionName") == f"${{{pascal(name)}Function}}"
    ]
    assert found
    return found


def test_each_folder_under_functions_is_one_function_of_the_template() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    in_template = {
        body["Properties"]["CodeUri"].split("/")[1] for body in resources("AWS::Serverless::Function").values()
    }
    assert folders == in_template == set(SETTINGS)
    assert folders == {path.stem for path in (ROOT / "events").glob("*.json")} - {"object_created", "env"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_an_event_that_it_parses(name: str) -> None:
    FUNCTIONS[name][0].model_validate(json.loads((ROOT / "events" / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_template_gives_each_function_the_settings_that_it_reads_and_no_more(name: str) -> None:
    given = set(RESOURCES[f"{pascal(name)}Function"]["Properties"].get("Environment", {}).get("Variables", {}))
    reads = SETTINGS[name]
    wanted = {field.upper() for field in reads.model_fields} if reads is not None else set()
    assert given == wanted - {"AWS_REGION"}, "AWS_REGION is Lambda's own"


def test_each_substitution_of_the_state_machine_is_made_and_used() -> None:
    made = set(RESOURCES["PipelineStateMachine"]["Properties"]["DefinitionSubstitutions"])
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(PIPELINE)))
    assert made == used


def test_the_state_machine_may_call_exactly_the_functions_that_it_names() -> None:
    allowed = next(
        statement["Resource"]
        for role, statement in statements()
        if role == "PipelineRole" and "lambda:InvokeFunction" in as_list(statement["Action"])
    )
    named = {
        state["Arguments"]["FunctionName"].strip("${}")
        for state in PIPELINE["States"].values()
        if "lambda:invoke" in state.get("Resource", "")
    }
    assert {item["Fn::GetAtt"].split(".")[0] for item in allowed} == named
    assert named == {f"{pascal(name)}Function" for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_state_machine_sends_each_function_the_fields_of_its_request(name: str) -> None:
    fields = FUNCTIONS[name][0].model_fields
    for state in states_of(name):
        sent = set(state["Arguments"]["Payload"])
        assert sent <= set(fields)
        assert {field for field, info in fields.items() if info.is_required()} <= sent


@pytest.mark.parametrize("name", [name for name, state in PIPELINE["States"].items() if state["Type"] == "Task"])
def test_each_task_retries_and_catches_everything(name: str) -> None:
    state = PIPELINE["States"][name]
    assert any("States.ALL" in retry["ErrorEquals"] and retry["MaxAttempts"] > 0 for retry in state["Retry"])
    assert "States.ALL" in state["Catch"][-1]["ErrorEquals"]


def test_only_a_deployment_a_duplicate_and_a_folder_marker_end_green() -> None:
    green = {name for name, state in PIPELINE["States"].items() if state["Type"] == "Succeed"}
    assert green == {"Deployed", "Duplicate", "Ignored"}
    to_deployed = [choice for choice in PIPELINE["States"]["HowItEnded"]["Choices"] if choice["Next"] == "Deployed"]
    assert [choice["Condition"] for choice in to_deployed] == ["{% $result.outcome = 'deployed' %}"]


def test_each_outcome_has_its_fail_state() -> None:
    branches = {
        re.findall(r"'(\w+)'", choice["Condition"])[0]: choice["Next"]
        for choice in PIPELINE["States"]["HowItEnded"]["Choices"]
    }
    assert set(branches) == {str(outcome) for outcome in messages.Outcome} - {"duplicate", "error", "awaiting_approval"}
    assert PIPELINE["States"]["HowItEnded"]["Default"] == "PipelineError"


def test_the_lifecycle_forgets_what_the_code_tags() -> None:
    rules = RESOURCES["ArtifactBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    tagged = {f"{tag['Key']}={tag['Value']}": rule for rule in rules for tag in rule.get("TagFilters", [])}
    kept = {f"{KEEP_DAYS_TAG}={days}": days for days in get_args(KeepDays.__value__)}
    assert tagged.keys() == {WORKING_DATA_TAG, *kept}
    assert {tag: tagged[tag]["ExpirationInDays"] for tag in kept} == kept
    assert {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in tagged.values()} == {1}


def test_the_indexes_of_the_ledger_are_those_that_the_code_reads() -> None:
    indexes = {
        index["IndexName"]: [part["AttributeName"] for part in index["KeySchema"]]
        for index in RESOURCES["RunsTable"]["Properties"]["GlobalSecondaryIndexes"]
    }
    assert indexes == {ledger.BY_DATASET: ["dataset", "started_at"], ledger.BY_RUNNING: ["running_since"]}


@pytest.mark.parametrize("queue", resources("AWS::SQS::Queue"))
def test_queues_are_open_to_named_rules_alone_and_watched(queue: str) -> None:
    arn = {"Fn::GetAtt": f"{queue}.Arn"}
    (policy,) = [
        body["Properties"]["PolicyDocument"]["Statement"]
        for body in resources("AWS::SQS::QueuePolicy").values()
        if body["Properties"]["Queues"] == [{"Ref": queue}]
    ]
    allowed, denied = policy
    assert (denied["Effect"], denied["Principal"], denied["Resource"]) == ("Deny", "*", arn)
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (allowed["Action"], allowed["Resource"]) == ("sqs:SendMessage", arn)
    sources = {
        source["Fn::GetAtt"].removesuffix(".Arn")
        for source in as_list(allowed["Condition"]["ArnEquals"]["aws:SourceArn"])
    }
    sending = {
        name
        for name, body in resources("AWS::Events::Rule").items()
        if any(target["DeadLetterConfig"] == {"Arn": arn} for target in body["Properties"]["Targets"])
    }
    assert sources == sending
    (alarm,) = [
        name
        for name, body in resources("AWS::CloudWatch::Alarm").items()
        if body["Properties"].get("Dimensions")
        == [{"Name": "QueueName", "Value": {"Fn::GetAtt": f"{queue}.QueueName"}}]
    ]
    assert f"${{{alarm}.Arn}}" in RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]


def test_the_dashboard_shows_every_alarm() -> None:
    shown = set(re.findall(r"\$\{(\w+Alarm)\.Arn\}", RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]))
    assert shown == {*resources("AWS::CloudWatch::Alarm"), *resources("AWS::CloudWatch::CompositeAlarm")}


def test_one_alarm_tells_of_throttled_functions_and_watches_every_function_once() -> None:
    ((told, composite),) = resources("AWS::CloudWatch::CompositeAlarm").items()
    watching = re.findall(r'ALARM\("\$\{(\w+)\}"\)', composite["Properties"]["AlarmRule"]["Fn::Sub"])
    assert watching
    assert composite["Properties"]["AlarmRule"]["Fn::Sub"] == " OR ".join(f'ALARM("${{{name}}}")' for name in watching)
    assert composite["Properties"]["AlarmActions"] == [{"Ref": "OutcomeTopic"}]
    watched = []
    for name in watching:
        properties = RESOURCES[name]["Properties"]
        assert "AlarmActions" not in properties, f"{told} tells for it"
        total, *metrics = properties["Metrics"]
        assert len(metrics) <= MAX_METRICS_OF_AN_ALARM
        assert total["Expression"] == "+".join(f"FILL({metric['Id']},0)" for metric in metrics)
        for metric in metrics:
            assert metric["ReturnData"] is False
            of = metric["MetricStat"]["Metric"]
            assert (of["Namespace"], of["MetricName"]) == ("AWS/Lambda", "Throttles")
            watched += [dimension["Value"]["Ref"] for dimension in of["Dimensions"]]
    assert sorted(watched) == sorted(resources("AWS::Serverless::Function"))


def test_each_alarm_tells_someone_or_is_told_of_by_another() -> None:
    ((_, composite),) = resources("AWS::CloudWatch::CompositeAlarm").items()
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        told_by_another = f"${{{name}}}" in composite["Properties"]["AlarmRule"]["Fn::Sub"]
        assert told_by_another or alarm["Properties"]["AlarmActions"] == [{"Ref": "OutcomeTopic"}]


PARTITION_OF = ("template.yaml", "statemachine/pipeline.asl.json", "README.md", "SECURITY.md", "docs/*.md")


def test_no_arn_names_the_partition_so_that_all_of_them_are_served() -> None:
    literal = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for pattern in PARTITION_OF
        for file in sorted(ROOT.glob(pattern))
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"arn:aws(-[a-z]+)*:", line)
    ]
    assert literal == []


def test_what_a_schedule_calls_leaves_what_fails_in_a_queue_that_its_role_may_write_to() -> None:
    called = {
        target["Arn"]["Fn::GetAtt"].removesuffix(".Arn")
        for body in resources("AWS::Events::Rule").values()
        if "ScheduleExpression" in body["Properties"]
        for target in body["Properties"]["Targets"]
    }
    assert called == {"CleanUpFunction", "MonitorFunction", "ReconcileFunction"}
    for function in called:
        properties = RESOURCES[function]["Properties"]
        failed = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        assert failed == {"Type": "SQS", "Destination": {"Fn::GetAtt": "RoundDeadLetters.Arn"}}
        role = properties["Role"]["Fn::GetAtt"].removesuffix(".Arn")
        assert failed["Destination"] in [
            statement["Resource"]
            for name, statement in statements()
            if name == role and statement["Action"] == "sqs:SendMessage"
        ]


def test_a_reconciliation_misses_nothing_that_a_queue_still_holds_and_waits_for_functions_at_work() -> None:
    kept = RESOURCES["UploadDeadLetters"]["Properties"]["MessageRetentionPeriod"]
    assert reconciliation.WINDOW.total_seconds() == kept
    for name in ("deploy_endpoint", "verify_endpoint", "restore_endpoint", "record_outcome"):
        properties = RESOURCES[f"{pascal(name)}Function"]["Properties"]
        timeout = properties.get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
        assert timeout < reconciliation.GRACE.total_seconds()


def test_the_function_timeouts_stay_below_those_of_their_states() -> None:
    for name in FUNCTIONS:
        timeout = RESOURCES[f"{pascal(name)}Function"]["Properties"].get(
            "Timeout", TEMPLATE["Globals"]["Function"]["Timeout"]
        )
        assert all(timeout < state["TimeoutSeconds"] for state in states_of(name))


def test_the_template_and_the_layers_are_built_for_the_same_processor_by_default() -> None:
    makefile = (ROOT / "layers" / "Makefile").read_text()
    (default,) = re.findall(r"^SLUICE_ARCHITECTURE \?= (\w+)$", makefile, re.MULTILINE)
    assert TEMPLATE["Parameters"]["Architecture"]["Default"] == default


def test_a_change_of_processor_makes_sam_build_the_layers_anew() -> None:
    """SAM's cache does not see SLUICE_ARCHITECTURE; without this it hands out wheels for the other processor."""
    for layer in resources("AWS::Serverless::LayerVersion").values():
        assert layer["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": {"Ref": "Architecture"}}


def test_the_outputs_are_those_that_people_are_told_of() -> None:
    assert {"InboxBucketName", "ArtifactBucketName", "StateMachineArn", "RunsTableName", "DashboardUrl"} <= set(
        TEMPLATE["Outputs"]
    )
    page = (ROOT / "docs" / "stack.md").read_text()
    assert not [name for name in TEMPLATE["Outputs"] if name not in page]
    assert not [name for name in TEMPLATE["Parameters"] if name not in page]


def test_a_person_has_as_long_as_the_run_waits() -> None:
    assert PIPELINE["States"]["AskForApproval"]["TimeoutSeconds"] == APPROVAL_SECONDS
    assert PIPELINE["TimeoutSeconds"] > APPROVAL_SECONDS
