from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.home import LocalError
from local.template import for_ministack, with_alarms_on_all, with_packed_code, without, without_tls_only

QUERY = {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "q"}}
TLS_ONLY = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
ALLOW = {"Effect": "Allow", "Action": "sns:Publish"}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def policy(*statements: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "b", "PolicyDocument": {"Statement": [*statements]}},
    }


def test_a_resource_that_is_left_out_takes_the_outputs_and_dependencies_that_name_it_along() -> None:
    whole = {
        **template(Query=QUERY, Topic={"Type": "AWS::SNS::Topic", "DependsOn": ["Query", "Other"]}),
        "Outputs": {"QueryId": {"Value": {"Ref": "Query"}}, "TopicArn": {"Value": {"Fn::GetAtt": ["Topic", "Arn"]}}},
    }

    kept, left_out = without(whole, frozenset({"AWS::Logs::QueryDefinition"}))

    assert left_out == {"Query": "AWS::Logs::QueryDefinition"}
    assert kept["Resources"] == {"Topic": {"Type": "AWS::SNS::Topic", "DependsOn": ["Other"]}}
    assert set(kept["Outputs"]) == {"TopicArn"}


def test_a_resource_is_left_out_for_one_property_and_its_like_without_that_property_stay() -> None:
    alarms = template(
        Sum={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}},
        Plain={"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
    )

    kept, left_out = without(alarms, frozenset({"AWS::CloudWatch::Alarm.Metrics"}))

    assert set(kept["Resources"]) == {"Plain"}
    assert left_out == {"Sum": "AWS::CloudWatch::Alarm.Metrics"}


def test_leaving_out_what_another_resource_needs_is_an_error_that_names_both() -> None:
    needed = template(Query=QUERY, Topic={"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Query"}}})

    with pytest.raises(LocalError, match=r"Topic needs .*Query"):
        without(needed, frozenset({"AWS::Logs::QueryDefinition"}))


def test_statements_that_deny_plain_http_are_left_out_and_all_others_stay() -> None:
    kept, guarded = without_tls_only(template(Only=policy(TLS_ONLY), Both=policy(ALLOW, TLS_ONLY), None_=policy(ALLOW)))

    assert guarded == ["Both", "Only"]
    assert set(kept["Resources"]) == {"Both", "None_"}
    assert kept["Resources"]["Both"]["Properties"]["PolicyDocument"]["Statement"] == [ALLOW]


def test_every_left_out_resource_is_named_with_its_reason() -> None:
    _, remarks = for_ministack(template(RunQuery=QUERY, BucketPolicy=policy(TLS_ONLY)))

    assert remarks == [
        "RunQuery: MiniStack does not know AWS::Logs::QueryDefinition",
        "the TLS-only statements of BucketPolicy: plain HTTP is spoken here, on 127.0.0.1 alone",
    ]


def test_code_is_taken_from_its_zip_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "CoreLayer.zip").touch()
    functions = template(
        Core={"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "CoreLayer"}},
        Other={"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "Other", "Handler": "app.handler"}},
    )

    packed = with_packed_code(functions, tmp_path)["Resources"]

    assert packed["Core"]["Properties"] == {"ContentUri": "CoreLayer.zip"}
    assert packed["Other"]["Properties"] == {"CodeUri": "Other", "Handler": "app.handler"}


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    policies = [{"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}]
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}


def test_calls_that_name_several_alarms_are_allowed_on_all_and_nothing_else_is() -> None:
    alarms = {
        "Effect": "Allow",
        "Action": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms"],
        "Resource": "arn:alarm:sluice-*",
    }

    kept, widened = with_alarms_on_all(template(Deploy=role(ALLOW, alarms), Other=role(ALLOW)))

    assert widened == ["Deploy"]
    (found,) = kept["Resources"]["Deploy"]["Properties"]["Policies"]
    assert found["PolicyDocument"]["Statement"] == [
        ALLOW,
        {"Effect": "Allow", "Action": ["cloudwatch:PutMetricAlarm"], "Resource": "arn:alarm:sluice-*"},
        {"Effect": "Allow", "Action": ["cloudwatch:DescribeAlarms"], "Resource": "*"},
    ]
    assert kept["Resources"]["Other"] == role(ALLOW)
