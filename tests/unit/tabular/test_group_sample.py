"""Rows by the identifier that they share are kept for the evaluation: whole values, in bounded size, without a name."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, Final

import pytest

from tabular import group_sample
from tabular.findings import Rule
from tabular.identities import MAX_ROWS_PER_VALUE
from tests.unit.tabular.conftest import Judge, Judged

SHARED: Final = "customer_id,size,colour,label"


def rows(customers: int = 300, of_each: int = 4, seed: int = 0) -> list[str]:
    """Nine in ten rows of a customer have the customer's label."""
    chance = random.Random(seed)  # noqa: S311 - a table, no secret
    made = []
    for customer in range(customers):
        label = chance.random() < 0.5
        for _ in range(of_each):
            own = label if chance.random() < 0.9 else not label
            number = f"K{customer:05d}"
            made.append(f"{number},{chance.gauss(10, 2):.9f},{chance.choice('rgb')},{'yes' if own else 'no'}")
    chance.shuffle(made)
    return made


def table(lines: list[str], header: str = SHARED) -> str:
    return "\n".join([header, *lines]) + "\n"


def sampled(judged: Judged) -> list[list[str]]:
    return [line.split(",") for line in (judged.out / "group_sample.csv").read_text(encoding="ascii").splitlines()]


def test_the_rows_are_those_of_the_parts_with_the_numbers_of_their_values(judge: Judge) -> None:
    lines = rows()
    judged = judge(table(lines))
    assert Rule.LABEL_SHARED in {finding.rule for finding in judged.report.findings}
    told = judged.report.group_sample
    assert told is not None
    assert (told.column, told.rows, told.groups) == ("customer_id", 1200, 300)
    found = sampled(judged)
    assert Counter((row[0], *row[3:]) for row in found) == Counter(map(tuple, judged.rows()))
    by_size = {float(line.split(",")[1]): line.split(",")[0] for line in lines}
    customers: dict[str, set[str]] = {}
    for row in found:
        customers.setdefault(row[1], set()).add(by_size[float(row[3])])
    assert all(len(names) == 1 for names in customers.values())
    assert {*customers} == {str(number) for number in range(300)}
    assert sorted(int(row[2]) for row in found) == [*range(1200)]


def test_no_value_of_the_identifier_is_written(judge: Judge) -> None:
    judged = judge(table(rows()))
    assert "K0" not in (judged.out / "group_sample.csv").read_text(encoding="ascii")


def test_the_order_of_the_rows_does_not_matter(judge: Judge) -> None:
    lines = rows()
    once = sampled(judge(table(lines)))
    assert once == sampled(judge(table(sorted(lines))))
    assert [row[0] for row in once] != sorted(row[0] for row in once)


def test_the_sample_is_bounded_and_a_value_comes_with_its_rows(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sample, "MAX_ROWS", 500)
    judged = judge(table(rows()))
    found = sampled(judged)
    assert 200 < len(found) <= 500
    assert {*Counter(row[1] for row in found).values()} == {4}
    monkeypatch.setattr(group_sample, "MAX_CELLS", 300)
    width = len(found[0]) - 3
    assert 30 < len(sampled(judge(table(rows())))) <= 300 // width


def test_of_a_large_value_some_rows_are_kept(judge: Judge) -> None:
    found = sampled(judge(table(rows(customers=30, of_each=90))))
    assert {*Counter(row[1] for row in found).values()} == {MAX_ROWS_PER_VALUE}


def test_copies_and_rows_without_a_value_are_left_out(judge: Judge) -> None:
    lines = rows()
    without = [f",{line.partition(',')[2]}" for line in rows(customers=20, seed=1)]
    judged = judge(table([*lines, *lines[:100], *without]))
    assert judged.report.rows.accepted == 1380
    assert len(sampled(judged)) == 1200


@pytest.mark.parametrize(
    "config",
    [
        {"split": {"group_by": "customer_id"}},
        {"split": {"by_time": "size"}},
        {"drop": ["customer_id"], "leaks": {"allow": ["customer_id"]}},
        {"keep": ["customer_id"]},
    ],
)
def test_nothing_is_kept_if_nothing_is_to_be_asked(judge: Judge, config: dict[str, Any]) -> None:
    judged = judge(table(rows()), target="label", **config)
    assert judged.report.verdict == "accepted"
    assert judged.report.group_sample is None
    assert not (judged.out / "group_sample.csv").exists()


def test_up_to_three_identifiers_are_taken_those_first_that_tell_most(judge: Judge) -> None:
    wider = [
        f"G{int(line[1:6]) // 3:05d},S{int(line[1:6]) // 2:05d},T{int(line[1:6]) // 4:05d},{line}" for line in rows(900)
    ]
    judged = judge(table(wider, "household_id,street_id,town_id,customer_id,size,colour,label"))
    shared = {finding.column for finding in judged.report.findings if finding.rule is Rule.LABEL_SHARED}
    assert shared == {"household_id", "street_id", "town_id", "customer_id"}
    told = judged.report.group_sample
    assert told is not None
    assert (told.column, told.groups) == ("customer_id", 900)
    more = judged.report.more_group_samples
    assert [(one.column, one.groups) for one in more] == [("street_id", 450), ("household_id", 300)]
    lines = (judged.out / "group_sample_2.csv").read_text(encoding="ascii").splitlines()
    assert len({line.split(",")[1] for line in lines}) == 450
    assert (judged.out / "group_sample_3.csv").exists()


@pytest.mark.parametrize("config", [{}, {"drop": ["customer_id"]}])
def test_of_a_number_to_predict_the_sample_has_the_numbers(judge: Judge, config: dict[str, Any]) -> None:
    chance = random.Random(7)  # noqa: S311 - a table, no secret
    own = {line[:6]: chance.gauss(50, 10) for line in rows()}
    lines = [f"{line[:6]},{line.split(',')[1]},{own[line[:6]] + chance.gauss(0, 3):.3f}" for line in rows()]
    judged = judge(table(lines, "customer_id,size,price"), target="price", task="regression", **config)
    told = judged.report.group_sample
    assert told is not None
    assert (told.column, told.rows, told.groups) == ("customer_id", 1200, 300)
    found = {(float(row[3]), float(row[0])) for row in sampled(judged)}
    assert found == {(float(line.split(",")[1]), float(line.split(",")[2])) for line in lines}


def test_an_identifier_of_numbers_is_sampled_too(judge: Judge) -> None:
    chance = random.Random(5)  # noqa: S311 - a table, no secret
    numbers = chance.sample(range(10**6), 300)
    judged = judge(table([f"{numbers[int(line[1:6])]}{line[6:]}" for line in rows()]))
    told = judged.report.group_sample
    assert told is not None
    assert (told.rows, told.groups) == (1200, 300)


def test_rates_of_the_classes_are_blank_since_they_know_the_labels_of_the_rows(judge: Judge) -> None:
    chance = random.Random(6)  # noqa: S311 - a table, no secret
    towns = {f"town {number}": chance.choice((0.1, 0.9)) for number in range(80)}
    lines = []
    for customer in range(500):
        town = chance.choice([*towns])
        label = chance.random() < towns[town]
        for _ in range(4):
            own = label if chance.random() < 0.9 else not label
            lines.append(f"K{customer:05d},{town},{chance.random():.9f},{'yes' if own else 'no'}")
    judged = judge(table(lines, "customer_id,town,size,label"))
    names = [feature.name for feature in judged.recipe.features]
    rates = [place for place, name in enumerate(names) if "#rate" in name]
    assert rates
    found = sampled(judged)
    assert {len(row) for row in found} == {len(names) + 3}
    assert {row[place + 3] for row in found for place in rates} == {""}
    assert all(row[place + 1] for row in judged.rows() for place in rates)
