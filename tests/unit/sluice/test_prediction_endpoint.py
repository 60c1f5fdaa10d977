"""Which model answers: a fake endpoint that flips between versions, with the ledger and SageMaker's word on it."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from sluice.dataset.recipe import NumberColumn, Recipe, Target
from sluice.layout import RunLayout
from sluice.prediction.aws.endpoint import PATIENCE_SECONDS, POINTER_SECONDS, TRIES, Clients, Endpoints, run_of
from sluice.prediction.request import RefusedError

OLD, NEW, WIDE = "0" * 12, "1" * 12, "2" * 12
RECORD = {"x": 1.5}


def config(run_id: str) -> str:
    return f"sluice-churn-{run_id}"


def score(run_id: str, line: str) -> float:
    """What the model of a run says of a row: any number that hangs on both."""
    return (zlib.crc32(f"{run_id} {line}".encode()) % 1000) / 1000


def failing(code: str, message: str = "no", **more: Any) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(answer, "InvokeEndpoint")


class World:
    """One dataset's endpoint. ``live`` gives the run that answers a request, or what goes wrong."""

    def __init__(self) -> None:
        self.champion: str | None = OLD
        self.on_endpoint: tuple[str, str | None] | None = (OLD, None)
        self.live: Callable[[dict[str, Any]], str | Exception] = lambda _: OLD
        self.answer: Callable[[list[float]], str] = lambda scores: "".join(f"{value}\n" for value in scores)
        self.asked: list[dict[str, Any]] = []
        self.read: list[str] = []
        self.looks = 0
        self.now = 0.0
        self.drawn = 0.0
        self.variants: list[dict[str, Any]] = []
        self.documents: dict[str, str] = {}
        for run_id in (OLD, NEW):
            self.add_run(run_id, ["x"])
        self.add_run(WIDE, ["x", "y"])
        client = cast(Any, self)
        self.endpoints = Endpoints(
            Clients(s3=client, dynamodb=client, sagemaker=client, runtime=client),
            bucket="artifacts",
            table="runs",
            prefix="sluice",
            clock=lambda: self.now,
            pause=self._pause,
            draw=lambda: self.drawn,
        )

    def add_run(self, run_id: str, columns: list[str], role: str = "none") -> None:
        layout = RunLayout("churn", run_id)
        recipe = Recipe(
            target=Target(name="churn", classes=("no", "yes")),
            missing=(),
            columns=tuple(NumberColumn(name=name) for name in columns),
        )
        rows = [",".join([str(number)] * len(columns)) for number in (7, 8, 9)]
        golden = {"rows": rows, "scores": [score(run_id, row) for row in rows]}
        evaluation = {"model_uri": "s3://artifacts/model.tar.gz", "metrics": {"cutoff": 0.4}}
        self.documents |= {
            layout.recipe: recipe.model_dump_json(),
            layout.golden: json.dumps(golden),
            layout.evaluation: json.dumps(evaluation),
            layout.config: json.dumps({"endpoint": {"previous": {"role": role}}, "predictions": {"log_share": 0.5}}),
        }

    def _pause(self, seconds: float) -> None:
        self.now += seconds

    # The clients' calls.

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "artifacts"
        self.read.append(Key)
        return {"Body": io.BytesIO(self.documents[Key].encode()), "ETag": ""}

    def get_item(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        if self.champion is None:
            return {}
        return {"Item": {"run_id": {"S": self.champion}, "config_name": {"S": config(self.champion)}}}

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        assert EndpointName == "sluice-churn"
        if self.on_endpoint is None:
            raise failing("ValidationException", "Could not find endpoint")
        now, pending = self.on_endpoint
        coming = {"PendingDeploymentSummary": {"EndpointConfigName": config(pending)}} if pending else {}
        return {"EndpointConfigName": config(now), **coming}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803
        return {"EndpointConfigName": EndpointConfigName, "ProductionVariants": self.variants}

    def invoke_endpoint(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        who = self.live(arguments)
        if isinstance(who, Exception):
            raise who
        lines = arguments["Body"].decode().split("\n")
        width = 2 if who == WIDE else 1
        if any(line.count(",") + 1 > width for line in lines):
            raise failing("ModelError", OriginalStatusCode=400)
        return {"Body": io.BytesIO(self.answer([score(who, line) for line in lines]).encode())}

    # What the tests ask.

    def said(self, *records: dict[str, Any]) -> tuple[str, list[float], int]:
        answered = self.endpoints.ask("churn", records or [RECORD])
        return answered.version.run_id, [value for (value,) in answered.scores], answered.retries

    def refused(self, *records: dict[str, Any]) -> RefusedError:
        with pytest.raises(RefusedError) as refusal:
            self.said(*records)
        return refusal.value


@pytest.fixture
def world() -> World:
    return World()


def by_turns(*runs: str) -> Callable[[dict[str, Any]], str]:
    left = list(runs)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_the_champion_answers_and_the_seal_is_cut_off(world: World) -> None:
    assert world.said({"x": 1.5}, {"x": None}) == (OLD, [score(OLD, "1.5"), score(OLD, "nan")], 0)
    assert len(world.asked) == 1
    assert "TargetVariant" not in world.asked[0]


def test_what_was_read_is_kept_and_the_champion_is_looked_up_after_some_seconds(world: World) -> None:
    for _ in range(3):
        world.said()
    assert (world.looks, len(world.read)) == (1, 4)
    world.now += POINTER_SECONDS
    world.said()
    assert (world.looks, len(world.read)) == (2, 4)


def test_a_new_champion_is_found_by_its_seal_before_the_pointer_is_looked_up(world: World) -> None:
    world.said()
    world.champion, world.on_endpoint, world.live = NEW, (NEW, None), lambda _: NEW
    assert world.said() == (NEW, [score(NEW, "1.5")], 1)
    assert world.said() == (NEW, [score(NEW, "1.5")], 0)


def test_the_next_model_answers_before_the_ledger_knows_it(world: World) -> None:
    world.on_endpoint, world.live = (OLD, NEW), lambda _: NEW
    assert world.said() == (NEW, [score(NEW, "1.5")], 1)


def test_the_model_before_answers_though_the_ledger_has_the_next(world: World) -> None:
    world.champion, world.on_endpoint = NEW, (OLD, NEW)
    assert world.said() == (OLD, [score(OLD, "1.5")], 1)


def test_models_that_answer_by_turns_are_met_by_turns(world: World) -> None:
    world.on_endpoint, world.live = (OLD, NEW), by_turns(NEW, OLD, OLD, NEW, OLD, OLD)
    run_id, scores, retries = world.said()
    assert scores == [score(run_id, "1.5")]
    assert retries > 1


def test_every_chunk_of_a_request_is_of_one_model(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.prediction.seal.sealed_bodies.__defaults__", (12,))
    world.on_endpoint, world.live = (OLD, NEW), by_turns(OLD, OLD, NEW)
    records = [{"x": float(number)} for number in range(20)]
    run_id, scores, _ = world.said(*records)
    assert (run_id, scores) == (NEW, [score(NEW, str(number)) for number in range(20)])


def test_an_endpoint_that_goes_on_flipping_is_left_alone_for_a_while(world: World) -> None:
    world.on_endpoint, world.live = (OLD, NEW), lambda _: WIDE
    refusal = world.refused()
    assert (refusal.status, refusal.headers) == (503, {"retry-after": "5"})
    assert len(world.asked) == TRIES
    assert world.now < PATIENCE_SECONDS


def test_a_model_of_another_width_is_another_model(world: World) -> None:
    world.champion, world.on_endpoint, world.live = WIDE, (OLD, WIDE), by_turns(OLD, WIDE)
    answered = world.endpoints.ask("churn", [{"x": 1.5, "y": 2}])
    assert (answered.version.run_id, answered.scores) == (WIDE, [(score(WIDE, "1.5,2"),)])


def test_records_that_fit_the_model_that_goes_alone_wait_for_the_other(world: World) -> None:
    world.on_endpoint, world.live = (OLD, WIDE), lambda _: WIDE
    assert world.refused({"x": 1.5}).status == 503


def test_records_that_do_not_fit_the_champion_are_refused_after_one_look(world: World) -> None:
    world.said()
    assert world.refused({"z": 1}).status == 400
    assert world.looks == 2
    world.champion, world.on_endpoint, world.live = WIDE, (WIDE, None), lambda _: WIDE
    assert world.said({"x": 1.5, "y": 2})[0] == WIDE


def test_a_dataset_without_champion_or_endpoint_is_not_found(world: World) -> None:
    world.champion = None
    assert world.refused().status == 404
    world.champion, world.on_endpoint = OLD, None
    world.live = lambda _: failing("ValidationError", "Endpoint sluice-churn of account 1 not found.")
    assert world.refused().status == 404


@pytest.mark.parametrize("error", [failing("ModelNotReadyException"), ReadTimeoutError(endpoint_url="here")])
def test_a_variant_that_is_being_provisioned_is_to_be_asked_later_than_one_that_is_busy(
    world: World, error: Exception
) -> None:
    world.live = lambda _: error
    assert world.refused().headers == {"retry-after": "20"}
    world.live = lambda _: failing("ThrottlingException")
    assert world.refused().headers == {"retry-after": "5"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (failing("ThrottlingException"), 503),
        (failing("ServiceUnavailable"), 503),
        (failing("ModelNotReadyException"), 503),
        (failing("ModelError", OriginalStatusCode=503), 503),
        (failing("Unknown", ResponseMetadata={"HTTPStatusCode": 429}), 503),
        (ReadTimeoutError(endpoint_url="here"), 503),
        (failing("ModelError", OriginalStatusCode=500), 502),
        (failing("AccessDeniedException"), 502),
    ],
)
def test_an_endpoint_that_fails_is_no_answer(world: World, error: Exception, status: int) -> None:
    world.live = lambda _: error
    refusal = world.refused()
    assert refusal.status == status
    assert ("retry-after" in refusal.headers) == (status == 503)
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: "<html>",
        lambda scores: "\n".join(map(str, scores[:2])),
        lambda scores: "\n".join([*map(str, scores), "nan"]),
        lambda scores: "\n".join(map(str, [*scores, 0.5])),
    ],
)
def test_an_answer_that_is_none_is_told_apart(world: World, answer: Callable[[list[float]], str]) -> None:
    world.answer = answer
    assert world.refused().status == 502


@pytest.fixture
def two_variants(world: World) -> World:
    world.add_run(NEW, ["x"], role="variant")
    world.champion, world.on_endpoint = NEW, (NEW, None)
    world.variants = [
        {"VariantName": "champion", "ModelName": config(NEW), "InitialVariantWeight": 0.9},
        {"VariantName": "previous", "ModelName": config(OLD), "InitialVariantWeight": 0.1},
    ]
    world.live = lambda asked: NEW if asked["TargetVariant"] == "champion" else OLD
    return world


@pytest.mark.parametrize(("drawn", "run_id"), [(0.0, NEW), (0.89, NEW), (0.91, OLD), (0.999, OLD)])
def test_of_two_variants_one_is_asked_by_weight_with_its_own_recipe(
    two_variants: World, drawn: float, run_id: str
) -> None:
    two_variants.drawn = drawn
    assert two_variants.said() == (run_id, [score(run_id, "1.5")], 0)


def test_records_that_the_model_before_cannot_take_go_to_the_new_one(two_variants: World) -> None:
    two_variants.add_run(NEW, ["x", "y"], role="variant")
    two_variants.drawn = 0.95
    two_variants.live = lambda asked: WIDE if asked["TargetVariant"] == "champion" else OLD
    two_variants.documents[RunLayout("churn", NEW).golden] = two_variants.documents[RunLayout("churn", WIDE).golden]
    assert two_variants.said({"x": 1, "y": 2}) == (NEW, [score(WIDE, "1,2")], 0)


def test_a_configuration_of_one_variant_names_none(two_variants: World) -> None:
    two_variants.variants = two_variants.variants[:1]
    two_variants.live = lambda asked: NEW if "TargetVariant" not in asked else OLD
    assert two_variants.said()[0] == NEW


@pytest.mark.parametrize(
    ("name", "run_id"),
    [
        ("sluice-churn-4f1c09b2a7de", "4f1c09b2a7de"),
        ("sluice-4f1c09b2a7de", "4f1c09b2a7de"),
        ("sluice-churn-4f1c09b2a7de-2", None),
        ("sluice-churn-4F1C09B2A7DE", None),
        ("churn", None),
    ],
)
def test_a_configuration_is_named_after_its_run(name: str, run_id: str | None) -> None:
    assert run_of(name) == run_id
