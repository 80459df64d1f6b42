"""Whatever is sent, the service refuses or serves and never hangs, stays as large as it was, and breaks nothing."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketsnb import Buckets
from tests.backend.serving import served
from tests.budget import examples
from tests.factory import make_work, make_works
from tests.matching.test_fuzz import json as any_json
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

SECONDS = 15.0
"""Of processor time, which no other process of the machine adds to: an answer takes well under two."""
HANG = 2 * PATIENCE
"""Seconds without a byte, after which a request hangs."""
GROWTH = 250_000_000
"""Bytes that the service may be larger after all that: what it keeps for reading, and what Python keeps."""

PATHS = [
    "/", "/version", "/work", "/work/", "/work/withdraw", "/view", "/status", "/status/pipelines", "/status/details/",
    "/audit/failed", "/audit/expired", "/audit/stale/", "/openapi.json", "/__health__", "//work", "/%", "*",
]  # fmt: skip
TRICKS = [
    "..", ".", "../../status", "%2e%2e%2fversion", "a%2fb", "%00", "%ff", "%ed%a0%80", "?", "#", ";x=1", "\\", "é",
    "nan", "1e999",
]  # fmt: skip
NASTY = [
    "a/",
    "/a",
    "a//b",
    "a/../b",
    "a\nb",
    "a\n",
    "?x=1",
    "#f",
    "%2e%2e",
    "a%2fb",
    " ",
    "\x00",
    "\u202e",
    "😀",
    "-" * 128,
]


class Service:
    """A service in a process of its own, and raw requests to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._host = urlsplit(url).netloc
        listening = urlsplit(url).port
        mine = psutil.Process(os.getpid()).children(recursive=True)
        (self.process,) = [
            one for one in mine if any(bound.laddr.port == listening for bound in one.net_connections() if bound.laddr)
        ]

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send what no well-behaved client would, and return status and body."""
        connection = http.client.HTTPConnection(self._host, timeout=HANG)
        connection._validate_path = connection._validate_method = lambda _: None  # type: ignore[method-assign, attr-defined]  # a hostile client does not check
        connection._encode_request = lambda line: line.encode("utf-8", "surrogatepass")  # type: ignore[attr-defined]
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answered(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request that must be answered, by no failure of the service."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        status, answer = self.send(method, path, sent, headers)
        assert status < 500, answer[:300]
        return status, answer

    def timed(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request that must be answered after little work, by no failure of the service."""
        before = self.work()
        status, answer = self.answered(method, path, body, headers)
        assert self.work() - before < SECONDS, f"{method} {path[:80]} took too much work"
        return status, answer

    def work(self) -> float:
        """Seconds of processor time that the service has taken so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Bytes that the process has in memory."""
        return int(self.process.memory_info().rss)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service with a few thousand works, which is as large at the end as it was."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with served(f"sqlite:///{folder}/works.db") as url:
        one = Service(url)
        works = [make_work(user="a" * 40 + "!", tags=[str(number)], event=[number]) for number in range(3_000)]
        assert one.timed("POST", "/work", works)[0] == 200
        before = one.memory()
        yield one
        assert one.process.is_running()
        assert one.memory() - before < GROWTH
        status, answer = one.timed("POST", "/view", {"query": {}, "projection": {"id": True}})
        assert (200, json.loads(one.timed("GET", "/status")[1])["total"]) == (status, len(json.loads(answer)))


paths = st.builds(str.__add__, st.sampled_from(PATHS), st.one_of(st.just(""), st.sampled_from(TRICKS)))
parameters = st.one_of(
    st.just(""),
    st.sampled_from(
        ["?ids=", "?ids=null&ids=%00", "?return_ids=True", "?return_ids=%ff&", "?&=&", "?" + "a=b&" * 2_000]
    ),
)
documents = st.fixed_dictionaries(
    {}, optional={"query": any_json, "projection": any_json, "skip": any_json, "limit": any_json, "pipeline": any_json}
)
field = st.sampled_from(
    [
        "pipeline",
        "id",
        "status",
        "priority",
        "creation",
        "start",
        "timeout",
        "attempt",
        "config",
        "_id",
        "tags",
        "$set",
        "a.b",
    ]
)
works = st.lists(st.dictionaries(field, any_json, max_size=5), max_size=3)
bodies = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.one_of(documents, works, any_json).map(lambda value: json.dumps(value).encode()),
)
sent_headers = st.dictionaries(
    st.sampled_from(
        ["x-access-token", "content-type", "content-encoding", "accept", "x", "range", "expect", "upgrade"]
    ),
    st.one_of(st.text("abc/*;=, 0-9", max_size=20), st.just("x" * 8_000), st.just("100-continue"), st.just("gzip")),
    max_size=3,
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"]),
    paths,
    parameters,
    bodies,
    sent_headers,
)
def test_any_request_is_served_or_refused(
    service: Service, method: str, path: str, more: str, body: bytes | None, headers: dict[str, str]
) -> None:
    status, answer = service.timed(method, path + more, body, headers)
    assert method == "HEAD" or answer[:1] != b"<", "every answer is JSON, or text of the HTTP parser"
    assert status != 200 or method in {"HEAD", "OPTIONS"} or json.loads(answer) is not ...


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(documents)
def test_any_view_is_an_array_or_a_refusal_with_a_message(service: Service, document: dict[str, Any]) -> None:
    status, answer = service.timed("POST", "/view", {"limit": 20, **document})
    decoded = json.loads(answer)
    assert isinstance(decoded, list) if status == 200 else (status == 400 and decoded["message"])


def nested(levels: int, inside: Any, wrap: str = "$and") -> Any:
    for _ in range(levels):
        inside = {wrap: [inside]} if wrap.startswith("$") else {wrap: inside}
    return inside


MANY_PATTERNS = {"$or": [{"user": {"$regex": f"(a+)+{n}$"}} for n in range(1_000)]}
EXPLODING = [
    r"(a+)+$",
    r"(a|aa)+$",
    r"(a*)*b",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(.*a){20}$",
    r"(a?){40}a{40}$",
    r"(?:a{1,500}){1,500}$",
    r"((a{0,50}){0,50}){0,50}$",
]
BOMBS: dict[str, tuple[str, str, Any]] = {
    **{f"regex {p}": ("POST", "/view", {"query": {"user": {"$regex": p}}, "limit": 0}) for p in EXPLODING},
    "a thousand regexes": ("POST", "/view", {"query": MANY_PATTERNS}),
    "a regex in a claim": ("POST", "/work/withdraw", {"pipeline": {"$regex": "(b|.)*$"}, "user": {"$regex": "(a+)+$"}}),
    "nested 50 levels": ("POST", "/view", {"query": nested(50, {"user": "x"})}),
    "nested 900 levels": ("POST", "/view", b'{"query": ' + b'{"$and": [' * 900 + b"1" + b"]}" * 900 + b"}"),
    "nested 400 objects": ("POST", "/view", {"query": nested(400, 1, "a")}),
    "a million brackets": ("POST", "/view", b'{"query": ' + b"[" * 1_000_000),
    "balanced brackets": ("POST", "/view", b'{"query": ' + b'{"a":' * 500_000 + b"1" + b"}" * 500_001),
    "expressions": ("POST", "/view", {"query": {"$expr": nested(55, 1, "$abs")}}),
    "two thousand clauses": ("POST", "/view", {"query": {"$or": [{f"r.{n}": {"$ne": n}} for n in range(2_000)]}}),
    "ten thousand clauses": ("POST", "/view", {"query": {"$and": [{"event": n} for n in range(10_000)]}}),
    "a path of a thousand names": ("POST", "/view", {"query": {".".join("a" * 1_000): 1}}),
    "a wide projection": ("POST", "/view", {"projection": {f"f{n}": True for n in range(50_000)}, "limit": 0}),
    "a deep projection": ("POST", "/view", {"query": {}, "projection": {".".join(["a"] * 5_000): True}}),
    "a huge limit": ("POST", "/view", b'{"query": {}, "limit": 1' + b"0" * 4_000 + b"}"),
    "a huge skip": ("POST", "/view", {"query": {}, "skip": 2**63 - 1}),
    "a huge integer": ("POST", "/view", {"query": {"event": 10**4_000}}),
    "a huge modulus": ("POST", "/view", {"query": {"event": {"$mod": [2**62, -(2**63)]}}}),
    "a large element number": ("POST", "/view", {"query": {"event.99999999999999999999": 1}}),
    "NaN": ("POST", "/view", b'{"query": {"priority": NaN}}'),
    "a lone surrogate": ("POST", "/view", b'{"query": {"user": "\\ud800"}}'),
    "surrogates in a name": ("POST", "/view", b'{"query": {"\xed\xa0\x80": 1}}'),
    "nothing to find among many": ("POST", "/view", {"query": {"id": {"$in": [f"{n:024x}" for n in range(10_000)]}}}),
    "ten thousand ids to delete": ("DELETE", "/work", {"ids": [f"{n:024x}" for n in range(10_000)]}),
    "ten thousand updates": ("PUT", "/work", [{"id": f"{n:024x}", "user": "x"} for n in range(10_000)]),
    "a million works that are none": ("POST", "/work", b"[" + b"1," * 1_000_000 + b"1]"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_answered_in_time(service: Service, method: str, path: str, body: Any) -> None:
    service.timed(method, path, body)


@pytest.mark.parametrize(
    "headers",
    [{"x": "y" * 60_000}, {f"x-{n}": "y" * 50 for n in range(99)}, {"x-access-token": "é"}],
    ids=["long", "many", "latin"],
)
def test_headers_of_any_size_are_no_failure(service: Service, headers: dict[str, str]) -> None:
    assert service.timed("GET", "/status", None, headers)[0] in (200, 400, 431)


def test_works_of_sixteen_megabytes_come_and_go(service: Service) -> None:
    work = make_work(pipeline="large", results={"data": "x" * 15_900_000})
    before = service.memory()
    with Buckets(service.url) as client:
        for _ in range(3):
            (one,) = client.deposit([work], return_ids=True)
            assert len(client.api.view({"id": one})[0]["results"]["data"]) == 15_900_000
            assert client.delete_ids([one])
    assert service.memory() - before < GROWTH


def test_while_eight_ask_for_what_explodes_others_are_served(service: Service) -> None:
    exploding = {"query": {"user": {"$regex": "(a+)+$"}, "tags": {"$ne": "x"}}, "limit": 0}
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(service.send, "POST", "/view", json.dumps(exploding).encode()) for _ in range(8)]
        time.sleep(0.05)
        service.answered("POST", "/work", make_works(1))
        service.answered("GET", "/version")
        assert {answer.result()[0] for answer in asked} <= {200, 400}


def test_a_pipeline_of_any_name_is_counted_under_its_own(service: Service) -> None:
    for name in NASTY:
        assert service.timed("POST", "/work", [make_work(pipeline=name)])[0] == 200
        with Buckets(service.url) as client:
            assert client.api.status(name)["total"] == 1, name
            assert client.api.view({"pipeline": name})[0]["pipeline"] == name
        status, answer = service.timed("GET", f"/status/details/{quote(name, safe='')}")
        assert (status, json.loads(answer)["total"]) == (200, 1), name


@pytest.mark.parametrize(
    "trick", ["/status/details/../../version", "/status/details/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"]
)
def test_a_path_leads_nowhere_else(service: Service, trick: str) -> None:
    status, answer = service.timed("GET", trick)
    assert status == 404 or json.loads(answer)["total"] == 0


def test_the_description_names_every_route_there_is(service: Service) -> None:
    from bucketsnb.backend.http.routes import build_app
    from bucketsnb.backend.stores.open import open_store

    described = json.loads(service.timed("GET", "/openapi.json")[1])["paths"]
    store = open_store()
    routes = build_app(store)._app.routes  # type: ignore[attr-defined]
    store.close()
    served_here = {(r.path.replace(":name", ""), method.lower()) for r in routes for method in r.methods - {"HEAD"}}
    assert served_here == {(path, method) for path, methods in described.items() for method in methods}
