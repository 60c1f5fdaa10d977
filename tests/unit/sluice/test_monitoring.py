from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import boto3
import pytest
from moto import mock_aws

from benchmarks.quiet_months import CHANGES, false_alarms, power
from sluice.dataset.config import Monitor, parse_config
from sluice.dataset.contract import ColumnTerms, Contract
from sluice.dataset.recipe import Column, DroppedColumn
from sluice.monitoring.aws.log import log_batches, log_files
from sluice.monitoring.aws.watched import read_watched, report_before
from sluice.monitoring.comparison import Window, compare
from sluice.monitoring.log_files import LogFile, chosen, first_day
from sluice.monitoring.question import KIND_OF, ask
from sluice.monitoring.report import MonitorReport
from sluice.monitoring.rounds import due_days, in_turn, notice
from tabular.traffic import count_traffic
from tests.live_model import CONTRACT, EVALUATION, RECIPE, documents, in_months, log_objects, quiet

RUN = "111111111111"
DAY = datetime.date(2026, 11, 29)
WINDOW = Window("churn", "2026-11-29", "2026-11-29", "2026-11-30T00:10:00+00:00", log_share=1.0)
QUESTION = ask(RUN, RECIPE, CONTRACT, EVALUATION)


def report(
    lines: Iterable[dict[str, Any]], before: MonitorReport | None = None, window: Window = WINDOW, **limits: Any
) -> MonitorReport:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    return compare(QUESTION, count_traffic(QUESTION, [text]), Monitor(**limits), window, before)


def changed(lines: Iterable[dict[str, Any]], **cells: Any) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {**line, "record": {**line["record"], **cells}}


def rules(found: MonitorReport) -> set[tuple[str, str | None]]:
    return {(one.rule, one.column) for one in found.findings}


def test_the_question_asks_for_the_columns_that_the_model_uses_by_the_contracts_terms() -> None:
    age, plan, paid = QUESTION.columns
    assert (age.edges, age.minimum, age.maximum, age.values) == ((28, 38, 48, 58), 18, 68, 3600)
    assert (plan.levels, plan.shares, plan.known) == (("tin", "gold"), (0.6, 0.4, 0.0), frozenset({"tin", "gold"}))
    assert paid.shares == (0.5, 0.5)
    assert QUESTION.labels == {"no": 300, "yes": 300}
    assert QUESTION.score is not None
    assert QUESTION.score.counts == (60,) * 10


def test_every_kind_of_column_that_has_features_is_counted() -> None:
    kinds = set(get_args(get_args(Column.__value__)[0]))
    assert {*KIND_OF, DroppedColumn} == kinds


def test_predictions_like_the_table_are_no_drift() -> None:
    found = report(quiet(1000, RUN))
    assert (found.state, found.compared, found.rows, found.findings) == ("ok", True, 1000, ())
    assert found.tests == 10
    assert all(0 <= (one.distribution.psi or 0) < 0.05 for one in found.columns)


def test_a_column_in_another_unit_is_named_first_with_its_reason() -> None:
    found = report(in_months(quiet(400, RUN)))
    assert found.state == "drifting"
    assert rules(found) == {("distribution", "age"), ("outside_range", "age")}
    assert "column `age`: 100.0% of the values are outside the contract's range" in found.reason


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"age": None}, ("missing_share", "age")),
        ({"age": 20}, ("missing_share", "age")),
        ({"plan": "platinum"}, ("unseen_levels", "plan")),
        ({"paid": "no"}, ("distribution", "paid")),
    ],
)
def test_a_change_is_found_by_its_rule(cells: dict[str, Any], rule: tuple[str, str]) -> None:
    assert rule in rules(report(changed(quiet(300, RUN), **cells)))


def test_scores_and_labels_are_compared_with_those_of_the_test_rows() -> None:
    moved = ({**line, "probability": line["probability"] ** 3, "label": "no"} for line in quiet(400, RUN))
    found = report(moved)
    assert rules(found) == {("scores", None), ("labels", None)}
    assert found.scores is not None
    assert found.labels is not None
    assert found.labels.actual == (1.0, 0.0)


def test_a_change_beyond_chance_but_within_its_limit_does_not_count() -> None:
    lines = list(quiet(2000, RUN))
    few = [*changed(lines[:60], plan="platinum"), *lines[60:]]
    assert rules(report(few)) == {("unseen_levels", "plan")}
    assert report(few, unseen_levels=0.05).state == "ok"


def test_few_predictions_are_not_compared_and_the_state_before_stands() -> None:
    few = list(in_months(quiet(60, RUN)))
    assert (report(few).state, report(few).compared) == ("ok", False)
    drifting = report(in_months(quiet(400, RUN)))
    stands = report(few, before=drifting)
    assert (stands.state, stands.findings) == ("drifting", ())
    assert stands.reason.startswith("The state before stands: 60 predictions are too few")
    other = drifting.model_copy(update={"model_version": "222222222222"})
    assert report(few, before=other).state == "ok"


def test_no_prediction_is_silence_and_says_why() -> None:
    assert report([]).state == "silent"
    assert "1 are of other models" in report(quiet(1, "222222222222")).reason
    unkept = report([], window=Window("churn", "2026-11-29", "2026-11-29", "", log_share=0.0))
    assert "set `predictions: {log_share: 1}`" in unkept.reason


def test_what_moves_on_by_nature_and_what_the_contract_does_not_know_is_held_to_no_distribution() -> None:
    terms = [ColumnTerms(name="age", kind="number", moves="counter", minimum=18, maximum=68, missing_share=0.1)]
    question = ask(RUN, RECIPE, Contract(rows=4000, columns=tuple(terms)), {})
    lines = "".join(json.dumps(line) + "\n" for line in in_months(quiet(400, RUN))).encode()
    found = compare(question, count_traffic(question, [lines]), Monitor(), WINDOW)
    assert (found.state, found.tests, found.scores, found.labels) == ("ok", 1, None, None)


def test_without_a_contract_the_report_says_that_no_column_was_compared() -> None:
    question = ask(RUN, RECIPE, None, EVALUATION)
    lines = "".join(json.dumps(line) + "\n" for line in quiet(400, RUN)).encode()
    found = compare(question, count_traffic(question, [lines]), Monitor(), WINDOW)
    assert (found.state, found.tests) == ("ok", 2)
    assert "no contract" in found.reason


def test_a_report_holds_no_value_of_a_record() -> None:
    lines = changed(quiet(300, RUN), plan="secret-4711", note="secret-4711")
    assert "4711" not in report(lines).model_dump_json()


def test_a_report_is_read_again_by_older_and_newer_code() -> None:
    found = report(in_months(quiet(300, RUN)))
    stored = {**json.loads(found.model_dump_json()), "schema_version": 2, "later": 1}
    assert MonitorReport.read(stored) == found.model_copy(update={"schema_version": 2})


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-11-23", "2026-11-23"), ("1d", "2026-11-30"), ("7d", "2026-11-24"), ("2026-11-30", "2026-11-30")],
)
def test_a_first_day_is_a_day_or_a_number_of_days(text: str, day: str) -> None:
    assert first_day(text, datetime.date(2026, 11, 30)).isoformat() == day


@pytest.mark.parametrize("text", ["", "0d", "yesterday", "2026-13-01", "2026-12-01", "7"])
def test_what_is_no_day_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 2026-11-23|lies in the future"):
        first_day(text, datetime.date(2026, 11, 30))


def test_of_too_many_files_the_same_sample_is_read() -> None:
    files = [LogFile(f"churn/predictions/day=2026-11-29/{i}.jsonl", 1) for i in range(500)]
    some = chosen(files, 50)
    assert len(some) == 50
    assert chosen(files[::-1], 50) == some
    assert chosen(files, 500) is files
    assert sum(int(file.key.split("/")[-1].split(".")[0]) for file in some) / 50 == pytest.approx(250, abs=90)


class Bucket:
    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket="artifacts")

    def put(self, objects: dict[str, Any]) -> None:
        for key, body in objects.items():
            self.s3.put_object(Bucket="artifacts", Key=key, Body=body)

    def read(self, days: Sequence[datetime.date], batch_bytes: int = 1 << 20) -> tuple[list[bytes], list[str]]:
        broken: list[str] = []
        files = log_files(self.s3, "artifacts", "churn", days)
        return [*log_batches(self.s3, "artifacts", files, broken, batch_bytes)], broken


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Bucket()


def test_the_log_of_some_days_is_read_plain_and_in_gzip_in_batches_of_whole_lines(bucket: Bucket) -> None:
    lines = list(quiet(40, RUN))
    bucket.put(log_objects("churn", DAY, lines))
    bucket.put(log_objects("churn", DAY - datetime.timedelta(days=1), [{"day": "before"}]))
    bucket.put({"churn/predictions/day=2026-11-29/_SUCCESS": b"x", "churn-2/predictions/day=2026-11-29/1.jsonl": b"{}"})
    batches, broken = bucket.read([DAY], batch_bytes=2000)
    assert len(batches) > 1
    assert all(batch.endswith(b"\n") for batch in batches)
    found = [json.loads(line) for batch in batches for line in batch.splitlines()]
    assert sorted(found, key=str) == sorted(lines, key=str)
    assert not broken


def test_large_files_are_read_piece_by_piece(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.monitoring.aws.log._SMALL_BYTES", 1000)
    lines = list(quiet(60, RUN))
    objects = log_objects("churn", DAY, lines)
    key = next(key for key in objects if key.endswith("00-r.jsonl"))
    bucket.put({**objects, key: objects[key].removesuffix(b"\n")})
    batches, _ = bucket.read([DAY], batch_bytes=1)
    assert len(batches) > 10
    found = [json.loads(line) for batch in batches for line in batch.splitlines()]
    assert sorted(found, key=str) == sorted(lines, key=str)


def test_a_file_that_ends_in_the_middle_is_told_and_the_others_are_read(bucket: Bucket) -> None:
    objects = log_objects("churn", DAY, quiet(30, RUN))
    zipped = next(key for key in objects if key.endswith(".gz"))
    bucket.put({**objects, zipped: objects[zipped][:-20]})
    batches, broken = bucket.read([DAY])
    assert broken == [zipped]
    assert 20 <= sum(batch.count(b"\n") for batch in batches) <= 30


def test_a_file_that_is_gone_since_it_was_listed_is_left_out(bucket: Bucket) -> None:
    bucket.put(log_objects("churn", DAY, quiet(3, RUN), files=2))
    files = log_files(bucket.s3, "artifacts", "churn", [DAY])
    bucket.s3.delete_object(Bucket="artifacts", Key=files[0].key)
    assert b"".join(log_batches(bucket.s3, "artifacts", files, [])).count(b"\n") == 1


def test_the_live_models_documents_make_the_question(bucket: Bucket) -> None:
    bucket.put(documents("churn", RUN, log_share=0.25, monitor={"psi": 0.3}))
    watched = read_watched(bucket.s3, "artifacts", "churn", RUN)
    assert watched.question == QUESTION
    assert (watched.monitor.psi, watched.predictions.log_share) == (0.3, 0.25)


def test_the_report_before_is_the_newest_of_earlier_days(bucket: Bucket) -> None:
    assert report_before(bucket.s3, "artifacts", "churn", DAY) is None
    for day in ("2026-11-27", "2026-11-28", "2026-11-29"):
        made = report([]).model_copy(update={"until": day})
        bucket.put({f"churn/monitor/{day}/report.json": made.model_dump_json()})
    bucket.put({"churn/monitor/2026-11-28x/report.html": b"", "churn/monitor/state/x": b""})
    found = report_before(bucket.s3, "artifacts", "churn", DAY)
    assert found is not None
    assert found.until == "2026-11-28"


def test_a_quiet_month_has_no_alarm() -> None:
    assert false_alarms(1, 2, 1000, [Monitor()]) == [0]


@pytest.mark.longer
@pytest.mark.timeout(900)
def test_of_a_thousand_quiet_months_at_most_three_in_a_hundred_have_an_alarm() -> None:
    """The stated rate: thirty reports of 0.001 each."""
    alarms = [false_alarms(rows, 500, rows, [Monitor()])[0] for rows in (200, 2000)]
    assert sum(alarms) / 1000 <= 0.03


@pytest.mark.parametrize("name", [name for name in CHANGES if "another unit" in name or "by 1" in name])
def test_a_named_change_is_found(name: str) -> None:
    assert power(5, 10, 1000, name, Monitor()) == 1


@pytest.mark.parametrize(
    ("every", "last", "days"),
    [
        (None, None, 0),
        ("1d", None, 1),
        ("1d", "2026-11-28", 1),
        ("1d", "2026-11-29", 0),
        ("7d", None, 7),
        ("7d", "2026-11-23", 0),
        ("7d", "2026-11-22", 7),
    ],
)
def test_a_report_is_due_when_as_many_days_have_passed(every: str | None, last: str | None, days: int) -> None:
    before = report([]).model_copy(update={"until": last}) if last else None
    due = due_days(Monitor(every=every), before, datetime.date(2026, 11, 30))
    assert len(due) == days
    assert not due or due[-1] == DAY


def test_each_hour_another_dataset_comes_first() -> None:
    assert [in_turn(["a", "b", "c"], hour) for hour in (0, 4)] == [["a", "b", "c"], ["b", "c", "a"]]
    assert in_turn([], 5) == []


@pytest.mark.parametrize("every", ["0d", "1h", "100d", "daily"])
def test_how_often_is_a_number_of_days(every: str) -> None:
    with pytest.raises(ValueError, match="every"):
        Monitor(every=every)


def test_monitor_off_in_yaml_makes_no_report() -> None:
    assert parse_config("monitor: off", "config.yaml").monitor == Monitor()
    assert parse_config("monitor: {every: 1d}", "config.yaml").monitor.days == 1


def test_a_subject_is_never_too_long_for_a_mail() -> None:
    drifting = report(in_months(quiet(300, RUN))).model_copy(update={"dataset": "d" * 120})
    told = notice(drifting, None)
    assert told is not None
    assert len(told[0]) == 100
