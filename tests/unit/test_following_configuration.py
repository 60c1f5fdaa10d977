"""Nothing that a person wrote into a dataset's configuration is overwritten without a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from following.configuration import Change, DeclinedError, plan, prepare, with_key
from following.dropping import Drop, WrongCallError, check_drop
from sluice.dataset.config import parse_config

INBOX = "inbox"
KEY = "datasets/churn/config.yaml"
NAME = f"s3://{INBOX}/{KEY}"
GUARDED = """\
# agreed with risk on Monday
gates:
  log_loss: {max: 0.4}  # not above
approval: {required: true}
"""


class Person:
    """Somebody at the terminal, or nobody; ``told``: what was shown and asked."""

    def __init__(self, answer: bool | None = None) -> None:
        self.answer = answer
        self.told: list[str] = []

    def confirm(self, question: str) -> bool | None:
        self.told.append(question)
        return self.answer


class Inbox:
    def __init__(self, table: Path) -> None:
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=INBOX)
        self.table = table

    def write(self, text: str, key: str = KEY) -> None:
        self.s3.put_object(Bucket=INBOX, Key=key, Body=text.encode())

    @property
    def config(self) -> str | None:
        try:
            return self.s3.get_object(Bucket=INBOX, Key=KEY)["Body"].read().decode()
        except self.s3.exceptions.NoSuchKey:
            return None

    def prepare(self, person: Person, config: Path | None = None, target: str | None = None) -> None:
        prepare(self.s3, INBOX, check_drop(self.table, "churn", config, target), person.confirm, person.told.append)


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    table = tmp_path / "churn.csv"
    table.write_text("age,plan,Churn\n1,a,yes\n")
    with mock_aws():
        yield Inbox(table)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("target: Churn\n")
    return path


def test_a_target_is_written_if_there_is_no_configuration(inbox: Inbox) -> None:
    inbox.prepare(Person(), target="Churn")
    assert inbox.config == "target: Churn\n"


def test_a_target_is_merged_in_and_gates_approval_and_comments_stay(inbox: Inbox) -> None:
    inbox.write(GUARDED)
    person = Person()
    inbox.prepare(person, target="Churn")
    assert inbox.config == GUARDED.replace("gates:", "target: Churn\ngates:")
    assert person.told == [f"{NAME} is written"]


def test_a_target_that_is_there_already_writes_nothing(inbox: Inbox) -> None:
    inbox.write(f"target: Churn  # sic\n{GUARDED}")
    person = Person()
    inbox.prepare(person, target="Churn")
    assert inbox.config == f"target: Churn  # sic\n{GUARDED}"
    assert person.told == []


def test_another_target_is_a_conflict_that_names_both_and_the_ways_out(inbox: Inbox) -> None:
    inbox.write("target: plan\n")
    with pytest.raises(WrongCallError, match=r"says `target: plan`, and --target says `Churn`.*--dataset.*--config"):
        inbox.prepare(Person(True), target="Churn")
    assert inbox.config == "target: plan\n"


def test_another_configuration_is_shown_as_a_difference_and_replaced_if_a_person_agrees(
    inbox: Inbox, given: Path
) -> None:
    inbox.write(GUARDED)
    person = Person(True)
    inbox.prepare(person, given)
    assert inbox.config == "target: Churn\n"
    difference, question, done = person.told
    assert "-approval: {required: true}" in difference.splitlines()
    assert "+target: Churn" in difference.splitlines()
    assert question == f"Replace {NAME}?"
    assert done == f"{NAME} is written"


@pytest.mark.parametrize(("answer", "error"), [(None, WrongCallError), (False, DeclinedError)])
def test_another_configuration_stays_if_nobody_can_be_asked_or_the_answer_is_no(
    inbox: Inbox, given: Path, answer: bool | None, error: type[Exception]
) -> None:
    inbox.write(GUARDED)
    person = Person(answer)
    with pytest.raises(error):
        inbox.prepare(person, given)
    assert inbox.config == GUARDED
    assert "-approval: {required: true}" in person.told[0].splitlines()


def test_a_configuration_that_says_the_same_stays_as_the_person_wrote_it(inbox: Inbox, given: Path) -> None:
    inbox.write("# mine\ntarget:   Churn\n")
    inbox.prepare(Person(), given)
    assert inbox.config == "# mine\ntarget:   Churn\n"


def test_without_a_target_and_a_configuration_nothing_is_written(inbox: Inbox) -> None:
    inbox.prepare(Person())
    assert inbox.config is None
    inbox.write(GUARDED)
    inbox.prepare(Person())
    assert inbox.config == GUARDED


def test_what_somebody_writes_between_the_look_and_the_write_stays(inbox: Inbox, given: Path) -> None:
    def write_first(question: str) -> bool:
        inbox.write(GUARDED)
        return True

    inbox.write("target: plan\n")
    drop = check_drop(inbox.table, "churn", given)
    with pytest.raises(WrongCallError, match="has changed meanwhile"):
        prepare(inbox.s3, INBOX, drop, write_first, lambda _: None)
    assert inbox.config == GUARDED


def test_a_configuration_that_may_not_be_read_is_not_overwritten(inbox: Inbox, given: Path) -> None:
    inbox.write(GUARDED)
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")

    class Blind:
        """A client that may write, and may not read."""

        def get_object(self, **_: Any) -> None:
            raise denied

        def put_object(self, **what: Any) -> Any:
            return inbox.s3.put_object(**what)

    blind: Any = Blind()
    with pytest.raises(WrongCallError, match="your credentials may not read it"):
        prepare(blind, INBOX, check_drop(inbox.table, "churn", given), lambda _: True, lambda _: None)
    assert inbox.config == GUARDED
    prepare(blind, INBOX, check_drop(inbox.table, "churn"), lambda _: True, lambda _: None)


def test_columns_of_the_stored_configuration_are_compared_with_the_header(inbox: Inbox) -> None:
    inbox.write("target: churn\ndrop: [plam]\nslices: [age]\nfacets: [{column: sex, group: [f], condition_on: x}]\n")
    with pytest.raises(WrongCallError) as refused:
        inbox.prepare(Person())
    lines = str(refused.value).splitlines()
    assert [line.split("`")[1] for line in lines] == ["churn", "plam", "sex", "x"]
    assert "did you mean `Churn`?" in lines[0]
    assert "which `drop` names; did you mean `plan`?" in lines[1]
    assert lines[-1].endswith("The columns are `age`, `plan`, `Churn`.")


def test_a_stored_configuration_that_is_damaged_is_told_and_left_to_the_pipeline(inbox: Inbox) -> None:
    inbox.write("gate: 1\n")
    person = Person()
    inbox.prepare(person)
    assert "unknown key `gate`" in person.told[0]
    with pytest.raises(WrongCallError, match="unknown key `gate`"):
        inbox.prepare(person, target="Churn")
    assert inbox.config == "gate: 1\n"


def test_a_config_yml_is_told_and_without_another_configuration_nothing_is_dropped(inbox: Inbox, given: Path) -> None:
    inbox.write(GUARDED, "datasets/churn/config.yml")
    with pytest.raises(WrongCallError, match=r"config\.yml is not read.*aws s3 mv"):
        inbox.prepare(Person(), target="Churn")
    assert inbox.config is None
    person = Person()
    inbox.prepare(person, given)
    assert "config.yml is not read" in person.told[0]
    assert inbox.config == "target: Churn\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\ndrop: [a]\n", "---\ntarget: y\ndrop: [a]\n"),
        ("  drop: [a]\n  slices: [b]\n", "  target: y\n  drop: [a]\n  slices: [b]\n"),
        ("target: x  # old\ndrop: [a]", "target: y  # old\ndrop: [a]"),
        ("{drop: [a]}", "{target: y, drop: [a]}"),
        ("{}", "{target: y}"),
        ("# only a comment", "# only a comment\ntarget: y\n"),
    ],
)
def test_a_target_goes_into_any_form_of_yaml(before: str, after: str) -> None:
    assert with_key(before, "target", "y", "config.yaml") == after


def test_a_plan_writes_nothing_it_was_not_asked_for(tmp_path: Path) -> None:
    make: Callable[..., Drop] = lambda **what: Drop(tmp_path / "t.csv", "churn", **what)  # noqa: E731
    assert plan(None, make(), NAME) == Change(None)
    assert plan(None, make(config="a: 1"), NAME) == Change("a: 1")
    first = {"target": "y", "first_config": "champion: {policy: ignore}\n"}
    assert plan(None, make(**first), NAME) == Change("target: y\nchampion: {policy: ignore}\n")
    assert plan("target: y\napproval: {required: true}\n", make(**first), NAME) == Change(None)
    assert plan("b: 1", make(config="a: 1"), NAME) == Change("a: 1", replaces=True)


REGRESSION = Drop(Path("flats.csv"), "flats", target="price", task="regression")


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        (None, "target: price\ntask: regression\n"),
        ("target: price\n", "task: regression\ntarget: price\n"),
        ("# ours\ntask: regression\n", "# ours\ntarget: price\ntask: regression\n"),
        ("task: regression\ntarget: price\n", None),
    ],
)
def test_a_task_is_merged_in_like_a_target(stored: str | None, written: str | None) -> None:
    found = plan(stored, REGRESSION, "config.yaml")
    assert found.replaces is False
    assert (found.text is None) == (written is None)
    if found.text is not None:
        assert parse_config(found.text, "config").model_dump(include={"target", "task"}) == {
            "target": "price",
            "task": "regression",
        }
        assert ("# ours" in found.text) == ("# ours" in (stored or ""))


def test_another_task_than_the_stored_one_is_not_put_in_its_place() -> None:
    with pytest.raises(WrongCallError, match=r"says `task: classification`, and --task says `regression`"):
        plan("target: price\ntask: classification\n", REGRESSION, "config.yaml")


def test_a_misspelled_task_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    table = tmp_path / "flats.csv"
    table.write_text("price,rooms\n1,2\n")
    with pytest.raises(WrongCallError, match="`task`"):
        check_drop(table, target="price", task="regresion")
