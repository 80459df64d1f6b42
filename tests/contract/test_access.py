"""What every route has in common: versions, errors, tokens, sizes, broken input."""

from __future__ import annotations

import email.utils
import json
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from bucketsnb import LocalBackend
from tests.factory import make_work

from .conftest import Asking

ROUTES = [
    ("GET", "/"),
    ("GET", "/version"),
    ("GET", "/__health__"),
    ("POST", "/work"),
    ("PUT", "/work"),
    ("DELETE", "/work"),
    ("POST", "/work/withdraw"),
    ("POST", "/view"),
    ("GET", "/status"),
    ("GET", "/status/pipelines"),
    ("GET", "/status/details"),
    ("GET", "/status/details/x"),
    ("GET", "/audit/failed"),
    ("GET", "/audit/expired"),
    ("GET", "/audit/stale/7.0"),
]
WITH_BODY = [(method, path) for method, path in ROUTES if method in ("POST", "PUT")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_version_is_answered_at_once(ask: Asking, method: str) -> None:
    answer = ask(method, "/version")
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 1
    assert method == "HEAD" or isinstance(answer.json()["version"], str)


@pytest.mark.parametrize("path", ["/", "/__health__"])
def test_the_service_says_that_it_is_there(ask: Asking, path: str) -> None:
    assert isinstance(ask.json("GET", path), dict)


def test_an_unknown_route_is_a_404_in_the_shape_of_the_service(ask: Asking) -> None:
    answer = ask("GET", "/nope")
    expected = {"description": "Not Found", "status": 404, "message": "Requested URL /nope not found"}
    assert (404, expected) == (answer.status_code, answer.json())


@pytest.mark.parametrize(("method", "path"), [("GET", "/work"), ("DELETE", "/status"), ("GET", "/view")])
def test_a_wrong_method_is_a_405(ask: Asking, method: str, path: str) -> None:
    answer = ask(method, path)
    expected = f"Method {method} not allowed for URL {path}"
    assert (405, expected) == (answer.status_code, answer.json()["message"])


@pytest.mark.parametrize("path", ["/status", "/work/withdraw"])
def test_a_slash_at_the_end_is_harmless(ask: Asking, path: str) -> None:
    options = {"json": {"pipeline": "x"}} if path != "/status" else {}
    assert ask("POST" if options else "GET", f"{path}/", allow_redirects=False, **options).status_code == 200


def test_answers_are_json_with_a_date_for_any_origin(ask: Asking) -> None:
    headers = ask("GET", "/status").headers
    assert (headers["content-type"], headers["access-control-allow-origin"]) == ("application/json", "*")
    assert abs(email.utils.parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 5


def test_a_browser_may_ask_before_it_asks(ask: Asking) -> None:
    answer = ask("OPTIONS", "/work", headers={"origin": "http://x", "access-control-request-method": "DELETE"})
    assert answer.status_code == 200
    assert "DELETE" in answer.headers["access-control-allow-methods"]


ELSEWHERE = ["http://evil.example", "https://evil.example:8004", "null", "http://localhost.evil.example", "http://[::1"]
HERE = ["http://localhost:8888", "http://127.0.0.1", "http://[::1]:3000", "https://localhost"]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/version"], ids=" ".join)
def test_without_a_token_a_page_of_another_machine_is_refused(ask: Asking, method: str, path: str) -> None:
    ask.deposit(make_work())
    headers = {"content-type": "text/plain"}  # what a browser sends without asking before
    for origin in ELSEWHERE:
        assert ask(method, path, data=b"[]", headers={**headers, "origin": origin}).status_code == 403, origin
    assert {ask(method, path, data=b"[]", headers={**headers, "origin": origin}).status_code for origin in HERE} != {
        403
    }


def test_an_image_on_a_page_of_another_machine_makes_no_audit(ask: Asking) -> None:
    ask.deposit(make_work(creation=0.0))
    assert ask("GET", "/audit/stale/0", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert ask("GET", "/status", headers={"sec-fetch-site": "cross-site"}).json()["queued"] == 1
    assert ask("GET", "/audit/stale/0", headers={"sec-fetch-site": "none"}).json() == 1


BROKEN = {
    "empty": b"",
    "cut off": b'[{"pipeline": "a"',
    "trailing": b'[{"pipeline": "a"}] x',
    "not a number": b'[{"pipeline": "a", "results": NaN}]',
    "infinity": b'[{"pipeline": "a", "results": 1e999}]',
    "minus infinity": b'[{"pipeline": "a", "results": -Infinity}]',
    "lone surrogate": b'[{"pipeline": "\\ud800"}]',
    "encoded surrogate": b'[{"pipeline": "\xed\xa0\x80"}]',
    "not UTF-8": b'[{"pipeline": "\xff"}]',
    "latin 1": '[{"pipeline": "é"}]'.encode("latin-1"),
    "null byte": b"\0",
    "single quotes": b"[{'pipeline': 'a'}]",
    "very deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "number": b"5",
    "text": b'"text"',
    "null": b"null",
    "huge integer": b"1" + b"0" * 5_000,
}


@pytest.mark.parametrize(("method", "path"), WITH_BODY, ids=" ".join)
@pytest.mark.parametrize("body", list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_body_is_a_400_and_changes_nothing(ask: Asking, method: str, path: str, body: bytes) -> None:
    ask.deposit(make_work())
    before = ask.view()
    answer = ask(method, path, data=body)
    assert (answer.status_code, answer.json()["status"]) == (400, 400), answer.text
    assert before == ask.view()


def test_the_last_of_two_equal_keys_counts(ask: Asking) -> None:
    ask.json("POST", "/work", data=b'[{"pipeline": "a", "pipeline": "b"}]')
    assert ask.json("GET", "/status/pipelines") == ["b"]


def test_a_body_over_100_megabytes_is_refused_before_it_is_read(ask: Asking) -> None:
    with socket.create_connection(ask.url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: x\r\ncontent-length: 100000001\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/view", "/work/withdraw"])
def test_a_query_over_16_megabytes_is_refused_before_it_is_understood(ask: Asking, path: str) -> None:
    answer = ask("POST", path, data=b"{" * 2**24 + b"{")
    assert (answer.status_code, answer.json()["message"]) == (413, "a query has at most 16,777,216 bytes")


def test_a_body_of_unsaid_length_over_the_limit_is_refused(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bucketsnb.backend.http.access.BODY_BYTES_MAX", 4_000_000)
    pieces = (b" " * 1_000_000 for _ in range(5))
    answer = ask("POST", "/work", data=pieces)
    assert (
        answer.status_code,
        answer.json()["description"].replace("Request Entity", "Content"),
    ) == (413, "Content Too Large")


def test_a_request_line_of_64_kilobytes_is_read_and_an_endless_one_is_not(ask: Asking) -> None:
    assert ask("DELETE", "/work", params={"ids": "", "more": "x" * 65_536}).status_code == 400
    # Whichever of the HTTP parser and the backend comes first to its limit refuses it.
    assert ask("GET", "/status", params={"more": "x" * 1_100_000}).status_code in (400, 414)


@pytest.mark.parametrize(
    "path", ["/status/details/%ff", "/status/details/%00", "/%f0%9f", "/status/details/" + "x" * 9_000]
)
def test_an_odd_address_is_no_failure_of_the_service(ask: Asking, path: str) -> None:
    assert ask("GET", path).status_code in (200, 404)


def test_pieces_of_a_request_that_never_comes_whole_hold_up_nobody(ask: Asking) -> None:
    with socket.create_connection(ask.url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n[{")
        assert ask.status()["total"] == 0
    assert ask.status()["total"] == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalBackend]:
    with LocalBackend(token="the secret") as backend:
        yield backend


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/version"], ids=" ".join)
@pytest.mark.parametrize("token", [None, "", "another", "the secret1"], ids=["none", "empty", "wrong", "longer"])
def test_every_route_but_the_version_needs_the_token(
    guarded: LocalBackend, method: str, path: str, token: str | None
) -> None:
    headers = {} if token is None else {"x-access-token": token}
    answer = requests.request(method, guarded.url + path, headers=headers, data=b"[]", timeout=10)

    assert answer.status_code == 401
    assert "the secret" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_version_needs_no_token(guarded: LocalBackend, method: str) -> None:
    assert requests.request(method, f"{guarded.url}/version", timeout=10).status_code == 200


def test_the_right_token_is_let_in(guarded: LocalBackend) -> None:
    answer = requests.get(f"{guarded.url}/status", headers={"x-access-token": "the secret"}, timeout=10)
    assert answer.json()["total"] == 0


def test_a_page_of_any_machine_that_has_the_token_is_let_in(guarded: LocalBackend) -> None:
    headers = {"x-access-token": "the secret", "origin": "https://another.example"}
    assert requests.get(f"{guarded.url}/status", headers=headers, timeout=10).json()["total"] == 0


def test_the_token_is_in_no_log_and_no_repr(guarded: LocalBackend) -> None:
    requests.get(f"{guarded.url}/status", headers={"x-access-token": "the secret"}, timeout=10)
    assert "the secret" not in json.dumps([repr(guarded), repr(list(guarded.requests))])
