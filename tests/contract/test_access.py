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


@pytest.fixture(scope="module")
def running_service() -> Iterator[LocalBackend]:
    """The door is the same in front of either store, and is tried in front of one."""
    with LocalBackend() as backend:
        yield backend


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_version_is_answered(ask: Asking, method: str) -> None:
    answer = ask(method, "/version")
    assert answer.status_code == 200
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


@pytest.mark.parametrize("slash", ["/", "%2F", "//"])
@pytest.mark.parametrize("path", ["/status", "/work/withdraw"])
def test_a_slash_at_the_end_is_harmless(ask: Asking, path: str, slash: str) -> None:
    options = {"json": {"pipeline": "x"}} if path != "/status" else {}
    assert ask("POST" if options else "GET", path + slash, allow_redirects=False, **options).status_code == 200


def test_answers_are_json_with_a_date_for_any_origin(ask: Asking) -> None:
    headers = ask("GET", "/status").headers
    assert (headers["content-type"], headers["access-control-allow-origin"]) == ("application/json", "*")
    assert abs(email.utils.parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 5


def test_a_browser_may_ask_before_it_asks(ask: Asking) -> None:
    headers = {"access-control-request-method": "DELETE"}
    answer = ask("OPTIONS", "/work", headers={**headers, "origin": "http://localhost:8888"})
    assert answer.status_code == 200
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    refused = ask("OPTIONS", "/work", headers={**headers, "origin": "http://x.example"})
    assert (refused.status_code, [name for name in refused.headers if "access-control" in name.lower()]) == (403, [])


ELSEWHERE = ["http://evil.example", "https://evil.example:8004", "null", "http://localhost.evil.example", "http://[::1"]
ELSEWHERE += ["http://evil.example\\@localhost", "http://evil.example@localhost", "http://[::1].evil.example"]
HERE = ["http://localhost:8888", "http://127.0.0.1", "http://[::1]:3000", "https://localhost"]
MOZILLA = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/60.0"}
"""What a browser says of itself that is older than `Sec-Fetch-Site`."""

OTHER_NAMES = [
    *("rebound.example", "rebound.example:8004", "localhost.rebound.example", "127.0.0.1.rebound.example", "10.0.0.1"),
    *("0.0.0.0", "0.0.0.0:8004", "[::]", "", "localhost@rebound.example", "rebound.example#localhost", "[::1"),
    *("[::1].rebound.example", "[::1]rebound.example", "127.0.0.1#.rebound.example", "127.0.0.1/rebound.example"),
    *("rebound.example@localhost", "rebound.example\\@localhost", "127.0.0.1.nip.io", "localhost.", "a.localhost"),
]
OWN_NAMES = ["localhost", "LOCALHOST:8004", "127.0.0.1", "127.8.9.1:1", "[::1]:3000"]


@pytest.fixture
def one_old(ask: Asking) -> Iterator[None]:
    """Keep one queued work that every audit of stale works fails, and hold that it is as it was."""
    ask.deposit(make_work(creation=0.0))
    before = ask.view()
    yield
    assert before == ask.view()


@pytest.mark.usefixtures("one_old")
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
def test_without_a_token_a_page_of_another_machine_is_refused(ask: Asking, method: str, path: str) -> None:
    headers = {"content-type": "text/plain"}  # what a browser sends without asking before
    page = {"referer": "https://evil.example/page"}
    pages = [*({"origin": origin} for origin in ELSEWHERE), page, {**MOZILLA, **page}, {"sec-fetch-site": "cross-site"}]
    for said in pages:
        answer = ask(method, path, data=b"[]", headers={**headers, **said})
        assert answer.status_code == 403, said
        assert "access-control-allow-origin" not in answer.headers, "and the page reads nothing"


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if "audit" not in one[1]], ids=" ".join)
def test_without_a_token_a_page_of_this_machine_is_answered(ask: Asking, method: str, path: str) -> None:
    for origin in HERE:
        assert ask(method, path, data=b"[]", headers={**MOZILLA, "origin": origin}).status_code != 403, origin


@pytest.mark.usefixtures("one_old")
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
def test_without_a_token_only_this_machines_own_names_are_answered(ask: Asking, method: str, path: str) -> None:
    """A page can have its own name lead to this machine, and is of the same origin then."""
    for name in OTHER_NAMES:
        answer = ask(method, path, data=b"[]", headers={"host": name})
        assert (answer.status_code, name) == (403, name)
    for name in OWN_NAMES if "audit" not in path else []:
        assert (ask(method, path, data=b"[]", headers={"host": name}).status_code != 403, name) == (True, name)


SENT_BY_A_BROWSER = {
    "an address typed, or a link in a mail": {"sec-fetch-site": "none"},
    "a page of another port": {"sec-fetch-site": "same-site", "origin": "http://localhost:8888"},
    "an image on a page of another port": {"sec-fetch-site": "same-site"},
    "an image on a page of another machine": {"sec-fetch-site": "cross-site"},
    "a page that is called by the name of this service": {"sec-fetch-site": "same-origin"},
    "something new": {"sec-fetch-site": "unheard-of"},
    "an old browser, on a page of another port": {**MOZILLA, "origin": "http://localhost:8888"},
    "an old browser, followed from another port": {**MOZILLA, "referer": "http://localhost:8888/page"},
    "an old browser that says no page": MOZILLA,
}


@pytest.mark.usefixtures("one_old")
@pytest.mark.parametrize("path", ["/audit/stale/0", "/audit/stale/0/", "/%61udit/stale/0", "/audit/expired"])
@pytest.mark.parametrize("said", SENT_BY_A_BROWSER.values(), ids=SENT_BY_A_BROWSER)
def test_no_browser_is_led_to_make_an_audit(ask: Asking, path: str, said: dict[str, str]) -> None:
    assert ask("GET", path, headers=said).status_code == 403


def test_a_program_makes_audits(ask: Asking) -> None:
    ask.deposit(make_work(creation=0.0))
    assert ask.json("GET", "/audit/stale/0") == 1


@pytest.mark.usefixtures("one_old")
def test_a_question_for_the_head_of_an_audit_makes_none(ask: Asking) -> None:
    answer = ask("HEAD", "/audit/stale/0")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.usefixtures("one_old")
@pytest.mark.parametrize("said", [MOZILLA, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}])
def test_a_browser_that_does_not_say_which_page_asks_changes_nothing(ask: Asking, said: dict[str, str]) -> None:
    body = b'[{"pipeline": "x", "tags": ["="]}]'  # what a form sends as text/plain
    assert ask("POST", "/work", data=body, headers={**said, "content-type": "text/plain"}).status_code == 403


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


@pytest.mark.parametrize("body", list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_body_is_a_400_and_changes_nothing(ask: Asking, body: bytes) -> None:
    ask.deposit(make_work())
    before = ask.view()
    for method, path in WITH_BODY:
        answer = ask(method, path, data=body)
        assert (answer.status_code, answer.json()["status"]) == (400, 400), f"{method} {path}: {answer.text}"
    assert before == ask.view()


def test_the_last_of_two_equal_keys_counts(ask: Asking) -> None:
    ask.json("POST", "/work", data=b'[{"pipeline": "a", "pipeline": "b"}]')
    assert ask.json("GET", "/status/pipelines") == ["b"]


def test_a_body_over_100_megabytes_is_refused_before_it_is_read(ask: Asking) -> None:
    with socket.create_connection(ask.url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000001\r\n\r\n")
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


def test_an_address_of_a_thousand_ids_is_read(ask: Asking) -> None:
    assert ask("DELETE", "/work", params={"ids": ["f" * 24] * 2_000}).json() is False


@pytest.mark.parametrize(
    "path", ["/status/details/%ff", "/status/details/%00", "/%f0%9f", "/status/details/" + "x" * 9_000]
)
def test_an_odd_address_is_no_failure_of_the_service(ask: Asking, path: str) -> None:
    assert ask("GET", path).status_code in (200, 404)


def test_pieces_of_a_request_that_never_comes_whole_hold_up_nobody(ask: Asking) -> None:
    with socket.create_connection(ask.url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n[{")
        assert ask.status()["total"] == 0
    assert ask.status()["total"] == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalBackend]:
    with LocalBackend(token="the secret") as backend:
        yield backend


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] != "/version"], ids=" ".join)
def test_every_route_but_the_version_needs_the_token(guarded: LocalBackend, method: str, path: str) -> None:
    for token in (None, "", "another", "the secret1"):
        headers = {} if token is None else {"x-access-token": token}
        answer = requests.request(method, guarded.url + path, headers=headers, data=b"[]", timeout=10)
        assert answer.status_code == 401, token
        assert "the secret" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_version_needs_no_token(guarded: LocalBackend, method: str) -> None:
    assert requests.request(method, f"{guarded.url}/version", timeout=10).status_code == 200


def test_the_right_token_is_let_in(guarded: LocalBackend) -> None:
    answer = requests.get(f"{guarded.url}/status", headers={"x-access-token": "the secret"}, timeout=10)
    assert answer.json()["total"] == 0


@pytest.mark.parametrize("said", [{"origin": "https://another.example"}, {"host": "another.example"}], ids=str)
def test_whoever_has_the_token_is_let_in_from_anywhere(guarded: LocalBackend, said: dict[str, str]) -> None:
    headers = {"x-access-token": "the secret", **said}
    assert requests.get(f"{guarded.url}/status", headers=headers, timeout=10).json()["total"] == 0


def test_the_token_is_in_no_log_and_no_repr(guarded: LocalBackend) -> None:
    requests.get(f"{guarded.url}/status", headers={"x-access-token": "the secret"}, timeout=10)
    assert "the secret" not in json.dumps([repr(guarded), repr(list(guarded.requests))])
