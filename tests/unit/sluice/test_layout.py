from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluice.layout import INCOMING, PARTS, RunLayout, config_key, part_file_uri, prediction_key, split_uri, uri


def test_uris_come_apart_as_they_were_put_together() -> None:
    assert split_uri(uri("bucket", "a/b c.csv")) == ("bucket", "a/b c.csv")


@pytest.mark.parametrize("text", ["", "bucket/key", "http://bucket/key", "s3:///key"])
def test_what_is_no_s3_uri_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an S3 URI"):
        split_uri(text)


def test_channels_hold_nothing_but_data() -> None:
    layout = RunLayout("churn", "0123456789ab")
    files = [layout.validation_report, layout.rejected_rows, layout.recipe, layout.config, layout.evaluation]
    for channel in (*map(layout.part, PARTS), layout.model):
        assert channel.endswith("/")
        assert not any(file.startswith(channel) for file in files)


def test_a_part_has_one_file_wherever_it_is_named_from() -> None:
    layout = RunLayout("churn", "0123456789ab")
    for part in PARTS:
        assert part_file_uri(uri("bucket", layout.part(part)), part) == uri("bucket", layout.part_file(part))


def test_a_configuration_does_not_start_a_run() -> None:
    assert not config_key("churn").startswith(INCOMING)


def test_predictions_are_kept_by_day_and_request() -> None:
    at = datetime(2026, 11, 5, 7, 8, 9, tzinfo=UTC)
    assert prediction_key("churn", at, "abc-1") == "churn/predictions/day=2026-11-05/070809-abc-1.jsonl.gz"
