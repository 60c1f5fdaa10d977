from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sluice.prediction.request import (
    MAX_BODY_BYTES,
    MAX_ERRORS,
    MAX_EXPLAINED,
    MAX_RECORDS,
    PredictRequest,
    RefusedError,
    read_request,
)


def event(body: str | None, kind: str = "application/json", **changes: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": "/churn",
        "headers": {"Content-Type": kind},
        "requestContext": {"http": {"method": "POST"}},
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }


def asked(body: str, kind: str = "application/json", **changes: Any) -> PredictRequest:
    return read_request(event(body, kind, **changes))


def refused(body: str | None, kind: str = "application/json", **changes: Any) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        read_request(event(body, kind, **changes))
    return refusal.value


@pytest.mark.parametrize(
    ("body", "explain"),
    [
        ('{"age": 39}', 0),
        ('[{"age": 39}]', 0),
        ('{"records": [{"age": 39}], "explain": 3}', 3),
        ('\ufeff {"age": 39}\r\n', 0),
    ],
)
def test_one_record_a_list_and_an_envelope_are_read_alike(body: str, explain: int) -> None:
    request = asked(body)
    assert (request.dataset, list(request.records), request.explain) == ("churn", [{"age": 39}], explain)


def test_a_column_may_be_called_records() -> None:
    assert list(asked('{"records": 3}').records) == [{"records": 3}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_is_read_by_its_header_with_quotes_and_any_line_end(delimiter: str, end: str) -> None:
    rows = [["name", '"said ""so"", twice"', "x"], ["Ann", f'"a{delimiter} b\nc"', ""]]
    text = "\ufeff" + end.join(delimiter.join(row) for row in rows) + end
    assert list(asked(text, "text/csv; charset=UTF-8").records) == [
        {"name": "Ann", 'said "so", twice': f"a{delimiter} b\nc", "x": ""}
    ]


def test_a_body_may_be_base64_and_the_query_may_ask_for_an_explanation() -> None:
    body = base64.b64encode("größe\n3\n".encode()).decode()
    request = asked(body, "text/csv", isBase64Encoded=True, queryStringParameters={"explain": "2"})
    assert (list(request.records), request.explain) == ([{"größe": "3"}], 2)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[]", "no records"),
        ('{"records": []}', "no records"),
        ("{", "line 1, column 2"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": 1, "a": 2}', "`a` twice"),
        ("3", "1 record is not an object"),
        ("null", "1 record is not an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
        (
            '{"records": [{"a": 1}], "explian": 3}',
            "unknown key `explian` beside `records`; did you mean `explain`? Known here: explain",
        ),
        ('{"records": [{"a": 1}], "zzz": 3}', "unknown key `zzz` beside `records`; known here: explain"),
        ('{"records": [{"a": 1}], "explain": "many"}', "`explain` is the number"),
        ('{"records": [{"a": 1}], "explain": true}', "`explain` is the number"),
        ('{"records": [{"a": 1}], "explain": -1}', "`explain` is the number"),
    ],
)
def test_json_that_holds_no_records_is_refused_with_the_way_out(body: str, said: str) -> None:
    refusal = refused(body)
    assert refusal.status == 400
    assert said in refusal.message


def test_each_item_that_is_no_object_is_named() -> None:
    refusal = refused('[{"a": 1}, 2, "x"]')
    assert [error["record"] for error in refusal.errors] == [2, 3]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a,b,a\n1,2,3\n", "`a` twice"),
        ('a,b\n1,"2\n', "line 2 cannot be read"),
        ('a,b\n1,2\n3,"4"x\n', "line 3 cannot be read"),
        ("a,b\n", "no records"),
    ],
)
def test_csv_that_cannot_be_read_is_refused_by_line(body: str, said: str) -> None:
    refusal = refused(body, "text/csv")
    assert refusal.status == 400
    assert said in refusal.message


def test_each_ragged_line_is_named_by_its_number() -> None:
    refusal = refused('a,b\n"1\n2",3\n4\n\n5,6,7\n', "text/csv")
    assert [(error["line"], error["record"]) for error in refusal.errors] == [(4, 2), (5, 3), (6, 4)]
    assert refusal.errors[0]["message"] == "line 4 has 1 cell; the header has 2"


def test_more_errors_than_are_listed_are_counted() -> None:
    refusal = refused("a,b\n" + "1\n" * 250, "text/csv")
    assert len(refusal.errors) == MAX_ERRORS
    assert "250 lines" in refusal.message


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "text/csv; charset=utf-16"])
def test_other_content_types_are_refused(kind: str) -> None:
    assert refused("{}", kind).status == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods_are_refused_with_the_one_that_is_allowed(method: str) -> None:
    refusal = refused("{}", requestContext={"http": {"method": method}})
    assert (refusal.status, refusal.headers) == (405, {"allow": "POST"})


@pytest.mark.parametrize("path", ["/", "/a/b", "/Churn", "/../x", "//"])
def test_a_path_that_names_no_dataset_is_not_found(path: str) -> None:
    assert refused("{}", rawPath=path).status == 404


def test_too_much_at_a_time_is_refused() -> None:
    assert refused(json.dumps([{}] * (MAX_RECORDS + 1))).status == 413
    assert refused(json.dumps({"records": [{}] * (MAX_EXPLAINED + 1), "explain": 1})).status == 413
    assert refused(json.dumps({"a": "x" * MAX_BODY_BYTES})).status == 413
    assert len(asked(json.dumps([{}] * MAX_RECORDS)).records) == MAX_RECORDS


@pytest.mark.parametrize("body", [base64.b64encode(b"\xff\xfe{").decode(), "no base64!"])
def test_a_body_that_is_no_text_is_refused(body: str) -> None:
    assert refused(body, isBase64Encoded=True).status == 400
