"""Documents of other releases: those of the first format lie in ``tests/documents/v1``, as that release wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel, ValidationError

from plotting import TableProfile
from sluice.dataset.config import DatasetConfig, read_known_config, read_whole_config, stored_config
from sluice.dataset.contract import Contract, ContractError, parse_contract
from sluice.dataset.facets import FacetCounts
from sluice.dataset.recipe import Recipe
from sluice.documents import Document, ExactDocument, NewerDocumentError, read_stored, stored, stored_text
from sluice.evaluation.document import Evaluation
from sluice.messages import Approval, Outcome, RecordRequest, Restoration, Run, RunResult
from sluice.prediction.seal import make_seal
from sluice.runs.decision import Decision
from tests.messages import GOOD

FIRST: Final = Path(__file__).parents[2] / "documents" / "v1"


def kept(name: str) -> Any:
    return json.loads((FIRST / f"{name}.json").read_text())


def attribute(item: str, name: str) -> Any:
    """What an item of the ledger has as JSON under a name."""
    return json.loads(kept(f"{item}.item")[name]["S"])


READERS: Final[dict[str, tuple[Any, Callable[[Any], Any]]]] = {
    "evaluation": (kept("evaluation"), Evaluation.read),
    "decision": (kept("decision"), Decision.read),
    "outcome": (kept("outcome"), lambda value: read_stored(RunResult, value)),
    "facets": (kept("facets"), FacetCounts.read),
    "golden": (kept("golden"), make_seal),
    "recipe": (kept("recipe"), Recipe.read),
    "contract": (kept("contract"), Contract.read),
    "config": (kept("config"), read_whole_config),
    "validation": (kept("validation"), lambda value: read_stored(TableProfile, value)),
    "run of a claim": (attribute("claimed_run", "run"), lambda value: read_stored(Run, value)),
    "run of a closed run": (attribute("closed_run", "run"), lambda value: read_stored(Run, value)),
    "result of a closed run": (attribute("closed_run", "result"), lambda value: read_stored(RunResult, value)),
    "what a closed run was made of": (
        attribute("closed_run", "asked"),
        lambda value: read_stored(RecordRequest, value),
    ),
    "approval": (attribute("approval", "approval"), lambda value: read_stored(Approval, value)),
}
"""Each document as it lies there, and what reads it."""
EXACT: Final = {"recipe", "contract", "config"}
FREE: Final = {"left_out", "metrics", "intervals", "hyperparameters", "training_metrics", "artifacts", "levels"}
"""Maps whose keys are names of a person's or of metrics."""


def dumped(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def test_every_file_of_the_first_format_is_read_by_a_test() -> None:
    files = {path.name.removesuffix(".json") for path in FIRST.glob("*.json")}
    items = {"claimed_run.item", "closed_run.item", "approval.item", "champion.item"}  # the last by tests/functions
    assert files - items <= READERS.keys()
    assert items <= files


@pytest.mark.parametrize("name", READERS)
def test_a_document_of_the_first_format_is_read_whole(name: str) -> None:
    value, read = READERS[name]
    found = dumped(read(value))
    if isinstance(found, Mapping):
        for key, there in value.items():
            if key in found and not isinstance(there, dict | list | float):
                assert found[key] == there, key


@pytest.mark.parametrize("name", READERS)
def test_a_document_without_a_version_is_of_the_first_one(name: str) -> None:
    value, read = READERS[name]
    bare = {key: there for key, there in value.items() if key != "schema_version"}
    assert dumped(read(bare)) == dumped(read(value))


@pytest.mark.parametrize("name", [name for name in READERS if name not in EXACT])
def test_what_is_told_about_is_read_from_a_newer_release_for_what_is_known(name: str) -> None:
    """The fields more stand at the top and in each part."""
    value, read = READERS[name]
    newer = {**more_in_each_part(value), "schema_version": 2}
    as_before = dumped(read(value))
    found = dumped(read(newer))
    if isinstance(found, dict) and "schema_version" in found:
        assert found.pop("schema_version") == 2
        as_before.pop("schema_version")
    assert found == as_before


def more_in_each_part(value: Any) -> Any:
    """The document with a field more wherever its parts have fixed fields; maps of a person's names get none."""
    if isinstance(value, list):
        return [more_in_each_part(part) for part in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: there if key in FREE and isinstance(there, dict) else more_in_each_part(there)
        for key, there in value.items()
    }
    return {**made, "made_up": {"by": "a newer release"}}


@pytest.mark.parametrize(("name", "kind"), [("recipe", Recipe), ("contract", Contract)])
def test_what_is_computed_with_is_refused_by_name_if_it_is_newer(name: str, kind: type[ExactDocument]) -> None:
    newer = {**kept(name), "schema_version": kind.newest() + 1, "made_up": 1}
    newest = kind.newest()
    said = rf"made by a newer Sluice: {name} version {newest + 1}, this one reads up to {newest}; deploy the newer "
    with pytest.raises(NewerDocumentError, match=said):
        kind.read(newer)
    with pytest.raises(NewerDocumentError, match=said):
        kind.read(json.dumps(newer))


@pytest.mark.parametrize(("name", "kind"), [("recipe", Recipe), ("contract", Contract)])
def test_what_is_computed_with_has_no_field_that_its_version_does_not_have(
    name: str, kind: type[ExactDocument]
) -> None:
    with pytest.raises(ValidationError, match="made_up"):
        kind.read({**kept(name), "made_up": 1})


def fields(schema: Mapping[str, Any]) -> Iterator[str]:
    """Each field of a model and of its parts, from its JSON schema."""
    for part, what in {"": schema, **schema.get("$defs", {})}.items():
        for name in what.get("properties", {}):
            yield f"{part}.{name}"


FIELDS: Final = {Recipe: {1: 30, 2: 43, 3: 44, 4: 47, 5: 52}, Contract: {1: 19, 2: 21}}
"""By document and version: how many fields its schema has."""


@pytest.mark.parametrize("kind", FIELDS)
def test_a_field_more_raises_the_version_of_what_is_computed_with(kind: type[ExactDocument]) -> None:
    assert len(set(fields(kind.model_json_schema()))) == FIELDS[kind][kind.newest()], (
        "an older release would refuse the new field as a typing error; raise the version, so that it says why"
    )


def test_a_newer_contract_is_refused_with_its_name_and_the_way_out() -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(json.dumps({**kept("contract"), "schema_version": 3}), "s3://bucket/churn/contract.json")
    assert refused.value.reasons == [
        "s3://bucket/churn/contract.json: made by a newer Sluice: contract version 3, this one reads up to 2; deploy "
        "the newer release or set `contract: reset` in config.yaml to have the next accepted file make a new one."
    ]


def test_a_mistyped_key_of_a_contract_is_not_taken_for_a_newer_release() -> None:
    with pytest.raises(ContractError, match="`colums`: unknown key"):
        parse_contract('{"colums": []}', "contract.json")


def test_a_configuration_is_kept_and_read_as_it_was() -> None:
    config = DatasetConfig.model_validate({"target": "churned", "gates": {"roc_auc": {"min": 0.6}}})
    assert read_whole_config(stored_config(config)) == read_known_config(stored_config(config)) == config
    assert stored_config(config)["schema_version"] == 1


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_a_key_of_a_newer_configuration_may_say_nothing(nothing: object) -> None:
    value = kept("config")
    value["gates"]["made_up"] = nothing
    assert read_whole_config({**value, "labels": nothing}) == read_whole_config(kept("config"))


def test_a_gate_of_a_newer_release_is_not_ignored_where_a_model_is_judged() -> None:
    value = kept("config")
    value["gates"]["made_up"] = {"min": 0.9}
    with pytest.raises(NewerDocumentError, match=r"configuration with `gates\.made_up`; deploy the newer release"):
        read_whole_config(value)
    assert read_known_config(value) == read_known_config(kept("config")), "a run that has ended was judged by it"
    with pytest.raises(NewerDocumentError, match="configuration version 2, this one reads up to 1"):
        read_whole_config({**kept("config"), "schema_version": 2})


def test_a_value_that_does_not_fit_is_no_newer_configuration() -> None:
    with pytest.raises(ValidationError, match="split"):
        read_whole_config({**kept("config"), "split": 3, "made_up": 1})


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        GOOD.run,
        Restoration(verdict="in_progress", attempts=2, config_name="config"),
        Approval(decision="approved", decided_by="user/alice", decided_at="2026-11-23T10:00:00+00:00"),
        RunResult(outcome=Outcome.DEPLOYED, run_id="0" * 12, dataset="churn", finished_at="2026-11-23T10:00:00+00:00"),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_that_is_kept_says_its_version_and_is_read_as_it_was(message: BaseModel) -> None:
    assert stored(message)["schema_version"] == 1
    assert read_stored(type(message), stored_text(message)) == message
    with pytest.raises(ValidationError, match="schema_version"):
        type(message).model_validate(stored(message))  # between states nothing more than the fields is let through


@pytest.mark.parametrize("kind", [Evaluation, Decision, FacetCounts, Recipe, Contract])
def test_code_cannot_misspell_a_field_of_a_document(kind: type[Document]) -> None:
    with pytest.raises(ValidationError, match="made_up"):
        kind.model_validate({"made_up": 1})
