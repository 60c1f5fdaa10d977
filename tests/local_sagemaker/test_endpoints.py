"""Endpoints over the wire: how they come up, change, fail, roll back and answer."""

from __future__ import annotations

import io
import json
import tarfile

import numpy
import pytest
import xgboost
from botocore.exceptions import ClientError

from tests.local_sagemaker.conftest import (
    ACCOUNT,
    BUCKET,
    IMAGE,
    Lab,
    SageMaker,
    policy,
    refused,
    tarball,
    trained,
    wait_for,
)

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. Please check "
    "CloudWatch logs for this endpoint."
)


def content(lab: Lab, uri: str) -> bytes:
    body: bytes = lab.s3.get_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    return body


@pytest.fixture
def endpoint(sagemaker: SageMaker, artefact: str) -> str:
    name: str = sagemaker.deploy(artefact)["EndpointName"]
    return name


def test_an_endpoint_is_created_in_its_time_and_described(sagemaker: SageMaker, artefact: str) -> None:
    config = sagemaker.config(artefact)
    sagemaker.api.create_endpoint(EndpointName="Mixed-Case", EndpointConfigName=config)
    assert sagemaker.api.describe_endpoint(EndpointName="Mixed-Case")["EndpointStatus"] == "Creating"
    code, message = refused(sagemaker.runtime.invoke_endpoint, EndpointName="Mixed-Case", Body=b"1,2,3,4")
    assert (code, message) == ("ValidationError", f"Endpoint Mixed-Case of account {ACCOUNT} not found.")

    shown = sagemaker.settled("Mixed-Case")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config)
    assert shown["EndpointArn"] == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/mixed-case"
    variant = shown["ProductionVariants"][0]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["CurrentWeight"]) == ("AllTraffic", 1, 1.0)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE


def test_answers_equal_the_models_own_scores(lab: Lab, sagemaker: SageMaker, endpoint: str, artefact: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(content(lab, artefact))) as tar:
        member = tar.extractfile("xgboost-model")
        assert member is not None
        booster = xgboost.Booster(model_file=bytearray(member.read()))
    cases = numpy.array([[0.1, numpy.nan, 0.3, 0.4], [1.2, 1.1, 0.9, 1.0]])
    answer = sagemaker.ask(endpoint, "0.1,,0.3,0.4\n1.2,1.1,0.9,1.0\n")
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    scores = [float(line) for line in answer["Body"].read().decode().split()]
    assert scores == booster.predict(xgboost.DMatrix(cases)).tolist()


def test_json_answers_are_a_list_of_scores(sagemaker: SageMaker, endpoint: str) -> None:
    answer = json.loads(sagemaker.ask(endpoint, "0.1,0.2,0.3,0.4\n1,1,1,1", Accept="application/json")["Body"].read())
    assert [set(item) for item in answer["predictions"]] == [{"score"}, {"score"}]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("a,b,c,d\n1,2,3,4", {}, 415),
        ("1,red,3,4", {}, 415),
        ('"1","2","3","4"', {}, 415),
        ("1,2,3,4\n1,2,3", {}, 415),
        ("1,2,3,4,5", {}, 400),
        ("1,2,3,4", {"ContentType": "application/json"}, 415),
        ("1,2,3,4", {"Accept": "text/plain"}, 406),
        ("1,2,3,4", {"Accept": "application/jsonlines"}, 500),
        ("1,2,3,4\n" * 786_433, {}, 413),
    ],
    ids=["header", "text", "quotes", "ragged", "wide", "content type", "accept", "json lines", "too large"],
)
def test_errors_of_the_container_are_model_errors(
    sagemaker: SageMaker, endpoint: str, body: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(sagemaker.runtime.exceptions.ModelError) as caught:
        sagemaker.ask(endpoint, body, **headers)
    response = caught.value.response
    assert response["OriginalStatusCode"] == status
    side = "client" if status < 500 else "server"
    assert response["Error"]["Message"].startswith(f"Received {side} error ({status}) from primary with message")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_too_few_columns_are_scored_in_silence(sagemaker: SageMaker, endpoint: str) -> None:
    assert float(sagemaker.ask(endpoint, "0.1,0.2,0.3")["Body"].read()) > 0


def test_an_empty_body_has_an_empty_answer(sagemaker: SageMaker, endpoint: str) -> None:
    answer = sagemaker.ask(endpoint, b"")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (204, b"")


def test_an_update_goes_on_answering_and_then_has_the_new_configuration(
    lab: Lab, sagemaker: SageMaker, endpoint: str
) -> None:
    before = sagemaker.ask(endpoint)["Body"].read()
    config = sagemaker.config(lab.put("other/model.tar.gz", tarball(xgboost_model=trained(seed=3))))
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    shown = sagemaker.api.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "Updating"
    assert shown["PendingDeploymentSummary"]["EndpointConfigName"] == config
    assert sagemaker.ask(endpoint)["Body"].read() == before
    assert refused(sagemaker.api.update_endpoint, EndpointName=endpoint, EndpointConfigName=config) == (
        "ValidationException",
        f'Cannot update in-progress endpoint "{shown["EndpointArn"]}".',
    )
    shown = sagemaker.settled(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config)
    assert sagemaker.ask(endpoint)["Body"].read() != before


def test_an_update_that_fails_is_in_service_on_the_old_configuration_with_a_reason(
    lab: Lab, sagemaker: SageMaker, endpoint: str
) -> None:
    old = sagemaker.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    before = sagemaker.ask(endpoint)["Body"].read()
    broken = sagemaker.config(lab.put("broken/model.tar.gz", tarball(xgboost_model=b"no model")))
    sagemaker.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
    shown = sagemaker.settled(endpoint)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", old)
    assert shown["FailureReason"] == PING
    assert sagemaker.ask(endpoint)["Body"].read() == before


def test_a_further_file_in_the_artefact_keeps_the_endpoint_from_starting(lab: Lab, sagemaker: SageMaker) -> None:
    extra = tarball(xgboost_model=trained(seed=1), notes=b"hello")
    shown = sagemaker.deploy(lab.put("extra/model.tar.gz", extra))
    assert (shown["EndpointStatus"], shown["FailureReason"]) == ("Failed", PING)
    code, message = refused(
        sagemaker.api.update_endpoint,
        EndpointName=shown["EndpointName"],
        EndpointConfigName=shown["EndpointConfigName"],
    )
    assert (code, message) == ("ValidationException", f'Cannot update failed endpoint "{shown["EndpointArn"]}".')


def test_two_models_in_an_artefact_answer_with_their_mean(lab: Lab, sagemaker: SageMaker) -> None:
    models = {"a": trained(seed=1), "b": trained(seed=2)}
    row = xgboost.DMatrix(numpy.array([[0.1, 0.2, 0.3, 0.4]]))
    scores = [xgboost.Booster(model_file=bytearray(model)).predict(row)[0] for model in models.values()]
    both = sagemaker.deploy(lab.put("both/m", tarball(**models)))["EndpointName"]
    assert float(sagemaker.ask(both)["Body"].read()) == pytest.approx(sum(scores) / 2)


# A tarball holds the time at which it was packed, so that tests cannot be named after one.
@pytest.mark.parametrize(
    "artefact",
    [b"", b"no tarball", tarball(), tarball(m=b"\x80\x04K\x01.")],
    ids=["empty", "no tarball", "no model", "pickle"],
)
def test_an_artefact_without_a_model_fails_the_endpoint(lab: Lab, sagemaker: SageMaker, artefact: bytes) -> None:
    assert sagemaker.deploy(lab.put(lab.name("bad") + "/model.tar.gz", artefact))["FailureReason"] == PING


def test_what_is_missing_is_not_found_in_the_words_of_aws(sagemaker: SageMaker) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    api = sagemaker.api
    for call, arguments, words in [
        (api.describe_endpoint, {"EndpointName": "no"}, f'Could not find endpoint "{arn}:endpoint/no".'),
        (api.delete_endpoint, {"EndpointName": "no"}, f'Could not find endpoint "{arn}:endpoint/no".'),
        (
            api.describe_endpoint_config,
            {"EndpointConfigName": "no"},
            f'Could not find endpoint configuration "{arn}:endpoint-config/no".',
        ),
        (
            api.create_endpoint,
            {"EndpointName": "no", "EndpointConfigName": "no"},
            f'Could not find endpoint configuration "{arn}:endpoint-config/no".',
        ),
        (api.describe_model, {"ModelName": "no"}, f'Could not find model "{arn}:model/no".'),
        (api.delete_model, {"ModelName": "no"}, f'Could not find model "{arn}:model/no".'),
    ]:
        assert refused(call, **arguments) == ("ValidationException", words)
    assert refused(sagemaker.runtime.invoke_endpoint, EndpointName="no", Body=b"1") == (
        "ValidationError",
        f"Endpoint no of account {ACCOUNT} not found.",
    )


def test_names_that_are_taken_are_refused(sagemaker: SageMaker, endpoint: str) -> None:
    config = sagemaker.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    code, message = refused(sagemaker.api.create_endpoint, EndpointName=endpoint, EndpointConfigName=config)
    assert (code, message[:38]) == ("ValidationException", "Cannot create already existing endpoin")
    shown = sagemaker.api.describe_endpoint_config(EndpointConfigName=config)
    code, message = refused(
        sagemaker.api.create_endpoint_config,
        EndpointConfigName=config,
        ProductionVariants=shown["ProductionVariants"],
    )
    assert message == f'Cannot create already existing endpoint configuration "{shown["EndpointConfigArn"]}".'
    model = sagemaker.api.describe_model(ModelName=config)
    code, message = refused(
        sagemaker.api.create_model,
        ModelName=config,
        PrimaryContainer=model["PrimaryContainer"],
        ExecutionRoleArn=model["ExecutionRoleArn"],
    )
    assert message == f'Cannot create already existing model "{model["ModelArn"]}".'


def test_what_is_deleted_is_gone(sagemaker: SageMaker, endpoint: str) -> None:
    config = sagemaker.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    sagemaker.api.delete_endpoint(EndpointName=endpoint)
    assert sagemaker.api.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"] == []

    def gone() -> bool:
        try:
            sagemaker.api.describe_endpoint(EndpointName=endpoint)
        except ClientError:
            return True
        return False

    wait_for(gone)
    sagemaker.api.delete_endpoint_config(EndpointConfigName=config)
    sagemaker.api.delete_model(ModelName=config)
    names = [item["EndpointConfigName"] for item in sagemaker.api.list_endpoint_configs()["EndpointConfigs"]]
    assert config not in names


def test_a_model_needs_its_image_its_data_and_a_role_that_may_read_them(
    lab: Lab, sagemaker: SageMaker, artefact: str
) -> None:
    def create(image: str = IMAGE, data: str = artefact, role: str = sagemaker.role) -> tuple[str, str]:
        return refused(
            sagemaker.api.create_model,
            ModelName=lab.name("model"),
            PrimaryContainer={"Image": image, "ModelDataUrl": data},
            ExecutionRoleArn=role,
        )

    old = IMAGE.replace("3.2-0", "1.7-1")
    assert create(image=old) == ("ValidationException", f"Requested image {old} not found.")
    blind = lab.role(lab.name("blind"), policy((["s3:ListBucket"], ["*"])))
    assert create(role=blind)[1].startswith(f'Could not access model data at {artefact}. Please ensure that the role "')
    assert create(role=f"arn:aws:iam::{ACCOUNT}:role/nobody")[1].startswith("Could not access model data at")


def test_an_endpoint_on_instances_does_not_become_serverless(sagemaker: SageMaker, artefact: str) -> None:
    endpoint = sagemaker.deploy(artefact)
    with pytest.raises(ClientError, match="not supported"):
        sagemaker.api.update_endpoint(
            EndpointName=endpoint["EndpointName"], EndpointConfigName=sagemaker.serverless_config(artefact)
        )
    assert sagemaker.settled(endpoint["EndpointName"])["EndpointConfigName"] == endpoint["EndpointConfigName"]


def test_a_serverless_variant_is_described_as_one(sagemaker: SageMaker, artefact: str) -> None:
    name = sagemaker.serverless_config(artefact)
    sagemaker.api.create_endpoint(EndpointName=name, EndpointConfigName=name)
    variant = sagemaker.settled(name)["ProductionVariants"][0]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert float(sagemaker.ask(name)["Body"].read()) > 0
