from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.monitoring.truth import Answer, Joined, Label, join
from tests.search import examples

START = datetime(2026, 11, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def answer(id_: str | None, key: str | None = None, at: float = 0) -> Answer:
    return Answer(id_, key, day(at), "m", 0.5)


def label(
    truth: str,
    id_: str | None = None,
    key: str | None = None,
    at: float | None = None,
    arrived: float = 30,
    file: str = "a",
    row: int = 0,
) -> Label:
    return Label(id_, key, None if at is None else day(at), truth, day(arrived), file, row)


def test_a_label_with_an_id_is_of_that_prediction_and_of_no_other_of_its_key() -> None:
    found = join([label("yes", "1", "c")], [answer("1", "c"), answer("2", "c")])
    assert found == Joined(("yes", None), repeated=0, contradicted=0, unmatched=0)


def test_a_label_with_a_key_is_of_every_prediction_before_its_file_arrived() -> None:
    made = [answer("1", "c", 1), answer("2", "c", 2), answer("3", "c", 31), answer("4", "d", 1)]
    assert join([label("yes", key="c")], made).truths == ("yes", "yes", None, None)


def test_a_label_with_a_key_and_a_time_is_of_the_newest_prediction_before_it() -> None:
    made = [answer("2", "c", 20), answer("1", "c", 10)]
    said = [label("no", key="c", at=15), label("yes", key="c", at=25), label("no", key="c", at=5)]
    assert join(said, made) == Joined(("yes", "no"), repeated=0, contradicted=0, unmatched=1)


def test_the_newest_truth_counts_by_its_time_otherwise_by_when_its_file_arrived() -> None:
    timed = [label("old", "1", at=9, arrived=31), label("new", "1", at=10, arrived=30)]
    assert join(timed, [answer("1")]) == Joined(("new",), repeated=0, contradicted=1, unmatched=0)
    untimed = [label("new", "1", arrived=31), label("old", "1", arrived=30)]
    assert join(untimed, [answer("1")]).truths == ("new",)
    lines = [label("old", "1", row=0), label("new", "1", row=1)]
    assert join(lines, [answer("1")]).truths == ("new",)


def test_what_is_said_again_is_repeated_and_no_contradiction() -> None:
    said = [label("yes", "1"), label("yes", "1", file="b"), label("yes", key="c")]
    assert join(said, [answer("1", "c")]) == Joined(("yes",), repeated=1, contradicted=0, unmatched=0)


def test_labels_of_no_prediction_are_counted() -> None:
    assert join([label("yes", "9"), label("yes", key="z")], [answer("1", "c")]).unmatched == 2


LABELS = st.lists(
    st.builds(
        label,
        st.sampled_from(["yes", "no"]),
        st.sampled_from([None, "1", "2", "9"]),
        st.sampled_from(["c", "d", "z"]),
        st.sampled_from([None, 0, 3, 6]),
        st.sampled_from([5, 8]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 9),
    ),
    max_size=8,
    unique_by=lambda one: (one.file, one.row),
)
ANSWERS = [answer("1", "c", 1), answer("2", "c", 4), answer(None, "d", 4), answer("3", None, 2), answer("4", "d", 4)]


@given(LABELS, st.randoms(use_true_random=False))
@settings(max_examples=examples(100))
def test_the_order_of_files_and_predictions_does_not_matter(said: list[Label], draw: object) -> None:
    mixed, places = [*said], [*range(len(ANSWERS))]
    draw.shuffle(mixed)  # type: ignore[attr-defined]
    draw.shuffle(places)  # type: ignore[attr-defined]
    found, again = join(said, ANSWERS), join(mixed, [ANSWERS[place] for place in places])
    assert again.truths == tuple(found.truths[place] for place in places)
    assert (again.repeated, again.contradicted, again.unmatched) == (
        found.repeated,
        found.contradicted,
        found.unmatched,
    )


@given(LABELS)
@settings(max_examples=examples(100))
def test_the_join_is_what_its_rules_say_of_each_prediction_by_itself(said: list[Label]) -> None:
    def is_of(one: Label, made: Answer) -> bool:
        if one.id is not None:
            return one.id == made.id
        until = one.at or one.arrived
        if one.key != made.key or made.at > until:
            return False
        return one.at is None or not any(other.key == one.key and made.at < other.at <= until for other in ANSWERS)

    found = join(said, ANSWERS)
    for made, truth in zip(ANSWERS, found.truths, strict=True):
        of_one = sorted(
            (one for one in said if is_of(one, made)),
            key=lambda one: (one.at or one.arrived, one.arrived, one.file, one.row),
        )
        assert truth == (of_one[-1].truth if of_one else None)
    assert found.unmatched == sum(not any(is_of(one, made) for made in ANSWERS) for one in said)
    assert found.repeated + found.contradicted <= Counter(truth is not None for truth in found.truths)[True]
