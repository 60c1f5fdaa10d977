"""What forgetting leaves of the log, on moto."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sluice.layout import KEEP_DAYS_TAG, predictions_prefix
from sluice.prediction.aws.forgetting import BusyError, Forgotten, forget, has_captured
from sluice.prediction.log import LogError
from tests.functions.conftest import ARTIFACTS, Aws

DATASET = "churn"
FOLDER = f"{predictions_prefix(DATASET)}day=2026-11-05/"


def text_of(*keys: str | None) -> str:
    lines = ({"record": {"age": 1}} | ({} if key is None else {"key": key}) for key in keys)
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def log(aws: Aws) -> Aws:
    """A log in a bucket with versions: the key 17 is in three objects of four, and in one alone."""
    aws.s3.put_bucket_versioning(Bucket=ARTIFACTS, VersioningConfiguration={"Status": "Enabled"})
    for name, keys in {"some": ("17", "18", None, "17"), "only": ("17",), "others": ("18",)}.items():
        aws.s3.put_object(
            Bucket=ARTIFACTS,
            Key=f"{FOLDER}{name}.jsonl.gz",
            Body=gzip.compress(text_of(*keys).encode()),
            ContentType="application/gzip",
            Tagging=f"{KEEP_DAYS_TAG}=90",
        )
    aws.put(ARTIFACTS, f"{FOLDER}old.jsonl", text_of("17", "19"))
    aws.put(ARTIFACTS, f"{predictions_prefix('other')}day=2026-11-05/x.jsonl", text_of("17"))
    return aws


def kept(aws: Aws) -> dict[str, str]:
    """The text of every version of every object that the bucket still has, by its name."""
    found = aws.s3.list_object_versions(Bucket=ARTIFACTS, Prefix=FOLDER).get("Versions", [])
    made = {}
    for version in found:
        raw = aws.s3.get_object(Bucket=ARTIFACTS, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        name = version["Key"].removeprefix(FOLDER)
        assert name not in made, "an old version was left"
        made[name] = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
    return made


def test_the_lines_of_a_key_go_from_every_version_and_no_others(log: Aws) -> None:
    assert forget(log.s3, ARTIFACTS, DATASET, "17", None) == Forgotten(lines=4, objects=3)
    assert kept(log) == {
        "some.jsonl.gz": text_of("18", None),
        "others.jsonl.gz": text_of("18"),
        "old.jsonl": text_of("19"),
    }
    assert "17" in log.read(f"{predictions_prefix('other')}day=2026-11-05/x.jsonl").decode()


def test_forgetting_again_finds_nothing(log: Aws) -> None:
    forget(log.s3, ARTIFACTS, DATASET, "17", None)
    before = kept(log)
    assert forget(log.s3, ARTIFACTS, DATASET, "17", None) == Forgotten()
    assert kept(log) == before


def test_what_is_replaced_is_kept_for_no_longer_than_it_was_to_be(log: Aws) -> None:
    forget(log.s3, ARTIFACTS, DATASET, "17", None, now=lambda: datetime.now(UTC) + timedelta(days=45))
    tags = {
        name: log.s3.get_object_tagging(Bucket=ARTIFACTS, Key=FOLDER + name)["TagSet"]
        for name in ("some.jsonl.gz", "others.jsonl.gz", "old.jsonl")
    }
    assert tags == {
        "some.jsonl.gz": [{"Key": KEEP_DAYS_TAG, "Value": "30"}],
        "others.jsonl.gz": [{"Key": KEEP_DAYS_TAG, "Value": "90"}],
        "old.jsonl": [],
    }


@pytest.mark.parametrize("broken_off", [0, 1, 2, 3])
def test_a_call_that_broke_off_is_completed_by_the_next(
    log: Aws, monkeypatch: pytest.MonkeyPatch, broken_off: int
) -> None:
    real, calls = log.s3.delete_object, iter(range(100))

    def deletes(**arguments: Any) -> Any:
        if next(calls) >= broken_off:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "no"}}, "DeleteObject")
        return real(**arguments)

    with monkeypatch.context() as patched:
        patched.setattr(log.s3, "delete_object", deletes)
        with pytest.raises(ClientError):
            forget(log.s3, ARTIFACTS, DATASET, "17", None)
    forget(log.s3, ARTIFACTS, DATASET, "17", None)
    assert "17" not in "".join(kept(log).values())
    assert "".join(kept(log).values()).count("18") == 2


def test_an_object_that_another_call_has_changed_is_not_overwritten(log: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    real = log.s3.get_object_tagging

    def meanwhile(**arguments: Any) -> Any:
        log.put(ARTIFACTS, arguments["Key"], text_of("20"))
        return real(**arguments)

    monkeypatch.setattr(log.s3, "get_object_tagging", meanwhile)
    with pytest.raises(BusyError, match="predictions/day="):
        forget(log.s3, ARTIFACTS, DATASET, "17", None)


def test_what_is_no_file_of_the_log_is_named(log: Aws) -> None:
    log.put(ARTIFACTS, f"{FOLDER}torn.jsonl.gz", b"s3cret")
    with pytest.raises(LogError, match=f"s3://{ARTIFACTS}/{FOLDER}torn.jsonl.gz") as refused:
        forget(log.s3, ARTIFACTS, DATASET, "17", None)
    assert "s3cret" not in str(refused.value)


def test_captured_data_is_seen(log: Aws) -> None:
    assert not has_captured(log.s3, ARTIFACTS, DATASET)
    log.put(ARTIFACTS, f"{DATASET}/captured/e/champion/2026/11/05/07/x.jsonl", b"{}")
    assert has_captured(log.s3, ARTIFACTS, DATASET)
