"""The service's own description is true: what it allows is served, what it forbids refused, every answer foreseen."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from bucketsnb import LocalBackend
from bucketsnb.backend.http.openapi import description
from tests.budget import examples
from tests.factory import make_work, make_works
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

SECONDS = 15.0
"""Of processor time of service and test together, which no other process of the machine adds to."""
ANSWERS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(description())
OPERATIONS = [(method.upper(), path) for path, methods in description()["paths"].items() for method in methods]
FORBIDDING = [
    ("POST", "/work"), ("PUT", "/work"), ("DELETE", "/work"), ("POST", "/work/withdraw"), ("POST", "/view"),
    ("GET", "/audit/stale/{days}"),
]  # fmt: skip
# What the description says in words, as JSON Schema cannot.
IN_WORDS = re.compile(
    "more than 64 bits|not Unicode|hold no null character|operator|expression|projection|path|name the works to delete"
)
WHOLE = ("priority", "timeout", "retries", "attempt", "skip", "limit")

quick = settings(
    max_examples=examples(30),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def operation(method: str, path: str) -> Any:
    return SCHEMA[path][method]


def ask(backend: LocalBackend, case: Case) -> Any:
    """Send a case and return the answer, which must come after little work."""
    before = time.process_time()
    answer = case.call(base_url=backend.url, timeout=PATIENCE)
    assert time.process_time() - before < SECONDS, f"{case.method} {case.path} took too much work"
    return answer


def written(body: Any) -> Any:
    """Write whole numbers without a fraction: 2.0 is an integer to JSON Schema, and not to the service."""
    if isinstance(body, list):
        return [written(work) for work in body]
    if not isinstance(body, dict):
        return body
    return {name: int(value) if name in WHOLE and isinstance(value, float) else value for name, value in body.items()}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@quick
@given(data=st.data())
def test_what_the_description_allows_is_served(
    running_backend: LocalBackend, method: str, path: str, data: st.DataObject
) -> None:
    case = data.draw(operation(method, path).as_strategy(generation_mode=GenerationMode.POSITIVE))
    case.body = written(case.body)
    answer = ask(running_backend, case)
    case.validate_response(answer, checks=ANSWERS)
    if not (answer.status_code == 400 and IN_WORDS.search(answer.json()["message"])):
        case.validate_response(answer, checks=[positive_data_acceptance])


@pytest.mark.parametrize(("method", "path"), FORBIDDING)
@quick
@given(data=st.data())
def test_what_the_description_forbids_is_refused(
    running_backend: LocalBackend, method: str, path: str, data: st.DataObject
) -> None:
    case = data.draw(operation(method, path).as_strategy(generation_mode=GenerationMode.NEGATIVE))
    case.validate_response(ask(running_backend, case), checks=[*ANSWERS, negative_data_rejection])


def edges(schema: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return values that a schema just allows, and values that it just forbids."""
    if "enum" in schema:
        return schema["enum"], ["other", 7, []]
    if schema["type"] == "string":
        least, most = schema["minLength"], schema["maxLength"]
        return ["p" * least, "ß" * most], ["p" * (least - 1), "p" * (most + 1), 7, None]
    least, most = (schema.get(f"{edge}imum", schema.get(f"exclusive{edge.title()}imum")) for edge in ("min", "max"))
    empty = [None] if "null" in schema["type"] else []
    if "minimum" in schema:
        return [least, most, *empty], [least - 1, most + 1, "1", True, [], *([] if empty else [None])]
    return [least * 0.999, most * 0.999, 0, *empty], [least, most, "1", True, [], *([] if empty else [None])]


def fields(method: str) -> list[Any]:
    described = description()["paths"]["/work"][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    named = {name: schema for name, schema in described["items"]["properties"].items() if name != "id"}
    return [pytest.param(method, name, schema, id=f"{method} {name}") for name, schema in named.items()]


@pytest.mark.parametrize(("method", "name", "schema"), [*fields("POST"), *fields("PUT")])
def test_a_field_has_just_the_values_that_are_described(
    backend: LocalBackend, method: str, name: str, schema: dict[str, Any]
) -> None:
    (one,) = backend.store.deposit(make_works(1))
    work = {"id": one} if method == "PUT" else make_work()
    for values, status in zip(edges(schema), (200, 400), strict=True):
        for value in values:
            answer = ask(backend, operation(method, "/work").Case(body=[{**work, name: value}]))
            assert answer.status_code == status, (name, value)


def test_the_description_is_the_one_that_is_served(running_backend: LocalBackend) -> None:
    assert ask(running_backend, operation("GET", "/openapi.json").Case()).json() == description()


def test_the_life_of_works_is_as_described(backend: LocalBackend) -> None:
    def told(method: str, path: str, status: int = 200, **parts: Any) -> Any:
        case = operation(method, path).Case(**parts)
        answer = ask(backend, case)
        case.validate_response(answer, checks=ANSWERS)
        assert answer.status_code == status, answer.text
        return answer.json()

    assert told("POST", "/work", body=make_works(2, pipeline="a b"), query={"return_ids": "False"}) is True
    one, two = told("POST", "/work", body=make_works(2), query={"return_ids": "True"})
    claimed = told("POST", "/work/withdraw", body={"pipeline": {"$in": ["baseband-converter"]}})
    assert claimed["id"] in (one, two)
    assert told("POST", "/work/withdraw", body={"pipeline": "nothing"}) is None
    assert told("PUT", "/work", body=[{"id": one, "status": "failure"}]) is True
    told("PUT", "/work", 404, body=[{"id": "nobody", "status": "failure"}])
    assert len(told("POST", "/view", body={"query": {}, "projection": {"id": True}, "skip": 1, "limit": -1})) == 3
    told("POST", "/view", 400, body={"query": {"$where": "1"}})
    assert told("GET", "/status/details/{pipeline}", path_parameters={"pipeline": "a b"})["total"] == 2
    for path in ("/status", "/status/pipelines", "/status/details", "/audit/failed"):
        assert told("GET", path)
    assert told("GET", "/audit/expired") == 0
    assert told("GET", "/audit/stale/{days}", path_parameters={"days": 0.0}) > 0
    assert told("DELETE", "/work", query={"ids": [one]}, body={"ids": [two]}) is True
    assert told("DELETE", "/work", body={"ids": [one]}) is False
    told("POST", "/work", 413, body=[make_work(results="x" * 17_000_000)])


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 418},
        {"status": 500},
        {"body": b'{"total": "some"}'},
        {"body": b"[]", "headers": {"content-type": "text/html"}},
    ],
    ids=["a status that is not described", "a failure", "counts that are none", "another content type"],
)
def test_an_answer_that_is_not_described_is_found(backend: LocalBackend, fault: dict[str, Any]) -> None:
    backend.faults.add("GET /status", **fault)
    case = operation("GET", "/status").Case()
    with pytest.raises(FailureGroup):
        case.validate_response(ask(backend, case), checks=ANSWERS)


def test_an_answer_that_takes_much_work_is_found(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hardening.test_schema.SECONDS", 0.0)
    with pytest.raises(AssertionError, match="GET /status took too much work"):
        ask(backend, operation("GET", "/status").Case())


def test_an_answer_that_does_not_come_is_found(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.hardening.test_schema.PATIENCE", 0.1)
    backend.faults.add("GET /status", delay=2)
    with pytest.raises(requests.Timeout):
        ask(backend, operation("GET", "/status").Case())
