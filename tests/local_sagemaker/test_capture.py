"""Data capture over the wire, and what is written with the model's role."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from local.sagemaker import LocalSageMaker
from sluice.dataset.recipe import NumberColumn, Recipe, Target
from sluice.prediction.captured import read_captured
from sluice.prediction.seal import Seal
from sluice.prediction.version import Version
from tests.local_sagemaker.conftest import (
    BUCKET,
    PACE_SECONDS,
    Lab,
    SageMaker,
    policy,
    refused,
    serverless_variant,
    variant,
    wait_for,
)  # fmt: skip

KEY = re.compile(r"captured/[^/]+/[^/]+/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl")


OF_FOUR_NUMBERS = Version(
    run_id="4f1c09b2a7de",
    recipe=Recipe(
        target=Target(name="y", classes=("no", "yes")),
        missing=(),
        columns=tuple(NumberColumn(name=name) for name in "abcd"),
    ),
    seal=Seal(("0,0,0,0",), ((0.5,),)),
    cutoff=0.5,
    model_uri="s3://b/m",
    log_share=0,
    has_variants=False,
)


def capture(*modes: str, **changes: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured/",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes or ("Input", "Output")],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
        **changes,
    }


def deployed(sagemaker: SageMaker, artefact: str, config: dict[str, Any]) -> str:
    made = sagemaker.variants_config({"champion": artefact}, DataCaptureConfig=config)
    endpoint: str = sagemaker.deploy_config(made)["EndpointName"]
    return endpoint


def captured(lab: Lab, endpoint: str, variant: str = "champion") -> list[dict[str, Any]]:
    found = lab.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{endpoint}/{variant}/").get("Contents", [])
    assert all(KEY.fullmatch(item["Key"]) for item in found)
    bodies = [lab.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in found]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_requests_and_answers_are_written_in_the_documented_format(
    lab: Lab, sagemaker: SageMaker, artefact: str
) -> None:
    endpoint = deployed(sagemaker, artefact, capture())
    answer = sagemaker.ask(endpoint, InferenceId="case-7")["Body"].read().decode()
    (event,) = wait_for(lambda: captured(lab, endpoint))
    assert event["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "0.1,0.2,0.3,0.4",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "OUTPUT",
            "data": answer,
            "encoding": "CSV",
        },
    }
    (read,) = read_captured([json.dumps(event)], OF_FOUR_NUMBERS).predictions
    assert read.record == {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    assert (read.probability, read.request_id) == (float(answer), event["eventMetadata"]["eventId"])
    assert re.fullmatch(r"[0-9a-f-]{36}", event["eventMetadata"]["eventId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["eventMetadata"]["inferenceTime"])
    assert (event["eventMetadata"]["inferenceId"], event["eventVersion"]) == ("case-7", "0")
    shown = sagemaker.describe(endpoint)["DataCaptureConfig"]
    assert (shown["EnableCapture"], shown["CaptureStatus"], shown["CurrentSamplingPercentage"]) == (
        True,
        "Started",
        100,
    )


def test_what_is_not_named_as_text_is_base64(lab: Lab, sagemaker: SageMaker, artefact: str) -> None:
    plain = capture("Output")
    del plain["CaptureContentTypeHeader"]
    endpoint = deployed(sagemaker, artefact, plain)
    answer = sagemaker.ask(endpoint)["Body"].read()
    (event,) = wait_for(lambda: captured(lab, endpoint))
    assert list(event["captureData"]) == ["endpointOutput"]
    output = event["captureData"]["endpointOutput"]
    assert (output["encoding"], base64.b64decode(output["data"])) == ("BASE64", answer)


def test_json_answers_are_kept_as_text(lab: Lab, sagemaker: SageMaker, artefact: str) -> None:
    endpoint = deployed(sagemaker, artefact, capture("InputAndOutput"))
    answer = sagemaker.ask(endpoint, Accept="application/json")["Body"].read().decode()
    (event,) = wait_for(lambda: captured(lab, endpoint))
    output = event["captureData"]["endpointOutput"]
    assert (output["encoding"], output["data"]) == ("JSON", answer)


def test_what_an_endpoint_has_captured_is_written_when_it_changes_and_when_it_goes(
    lab: Lab, sagemaker: SageMaker, artefact: str
) -> None:
    endpoint = deployed(sagemaker, artefact, capture())
    sagemaker.ask(endpoint)
    off = sagemaker.variants_config({"champion": artefact}, DataCaptureConfig=capture(EnableCapture=False))
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=off)
    shown = sagemaker.settled(endpoint)
    assert shown["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
    sagemaker.ask(endpoint)
    on = sagemaker.variants_config({"champion": artefact}, DataCaptureConfig=capture())
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=on)
    sagemaker.settled(endpoint)
    sagemaker.ask(endpoint, "0.4,0.3,0.2,0.1")
    sagemaker.api.delete_endpoint(EndpointName=endpoint)
    wait_for(lambda: len(captured(lab, endpoint)) == 2)
    rows = {event["captureData"]["endpointInput"]["data"] for event in captured(lab, endpoint)}
    assert rows == {"0.1,0.2,0.3,0.4", "0.4,0.3,0.2,0.1"}


def test_what_has_been_captured_is_written_when_the_server_stops(lab: Lab, execution_role: str, artefact: str) -> None:
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS) as server:
        sagemaker = SageMaker(lab, server, execution_role)
        endpoint = deployed(sagemaker, artefact, capture())
        answer = sagemaker.ask(endpoint)["Body"].read().decode()
    (event,) = captured(lab, endpoint)
    assert event["captureData"]["endpointOutput"]["data"] == answer


def test_a_shadow_gets_its_share_of_copies_and_its_answers_are_captured(
    lab: Lab, execution_role: str, artefact: str, other: str
) -> None:
    made = lab.name("shadowed")
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS) as server:
        sagemaker = SageMaker(lab, server, execution_role)
        sagemaker.api.create_endpoint_config(
            EndpointConfigName=made,
            ProductionVariants=[variant("champion", sagemaker.model(artefact), weight=2)],
            ShadowProductionVariants=[variant("previous", sagemaker.model(other), weight=1)],
            DataCaptureConfig=capture(),
        )
        endpoint = sagemaker.deploy_config(made)["EndpointName"]
        for number in range(60):
            sagemaker.ask(endpoint, InferenceId=str(number))
    mine = {event["eventMetadata"]["inferenceId"]: event["captureData"] for event in captured(lab, endpoint)}
    copies = {
        event["eventMetadata"]["inferenceId"]: event["captureData"] for event in captured(lab, endpoint, "previous")
    }
    assert len(mine) == 60
    assert 10 <= len(copies) <= 50
    for number, copy in copies.items():
        assert copy["endpointInput"] == mine[number]["endpointInput"]
        assert copy["endpointOutput"]["data"] != mine[number]["endpointOutput"]["data"]


def test_only_the_sampled_share_is_captured(lab: Lab, execution_role: str, artefact: str) -> None:
    with LocalSageMaker(aws_endpoint=lab.url, pace=PACE_SECONDS) as server:
        sagemaker = SageMaker(lab, server, execution_role)
        none = deployed(sagemaker, artefact, capture(InitialSamplingPercentage=0))
        some = deployed(sagemaker, artefact, capture(InitialSamplingPercentage=50))
        for endpoint in (none, some):
            for _ in range(60):
                sagemaker.ask(endpoint)
    assert captured(lab, none) == []
    assert 10 <= len(captured(lab, some)) <= 50


def test_a_role_that_may_not_write_loses_the_capture_and_no_request(
    lab: Lab, sagemaker: SageMaker, artefact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    may = (["s3:GetObject"], [f"arn:aws:s3:::{BUCKET}/*"])
    reader = SageMaker(lab, sagemaker.server, lab.role(lab.name("reader"), policy(may)))
    endpoint = deployed(reader, artefact, capture())
    reader.ask(endpoint)
    said = f"endpoint {endpoint}: cannot write captured data"
    heard: list[str] = []

    def told() -> bool:
        heard.append(capsys.readouterr().err)
        return said in "".join(heard)

    wait_for(told)
    reader.ask(endpoint)
    reader.api.delete_endpoint(EndpointName=endpoint)
    assert captured(lab, endpoint) == []


def test_serverless_variants_have_no_data_capture(sagemaker: SageMaker, artefact: str) -> None:
    code, message = refused(
        sagemaker.api.create_endpoint_config,
        EndpointConfigName=sagemaker.lab.name("serverless"),
        ProductionVariants=[serverless_variant("champion", sagemaker.model(artefact))],
        DataCaptureConfig=capture(),
    )
    assert (code, message) == ("ValidationException", "Data capture is not supported for serverless variants.")
