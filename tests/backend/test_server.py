"""A backend in a thread: how it begins and ends, what it logs, and the faults it can be told to have."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from bucketsnb import LocalBackend
from bucketsnb.backend.faults import LoggedRequest, RequestLog
from bucketsnb.backend.server import serve
from bucketsnb.backend.stores.base import StoreUnavailable
from bucketsnb.backend.stores.sqlite.store import SQLiteStore
from tests.backend.serving import served
from tests.factory import make_work, make_works
from tests.patience import until, within


def ask(backend: LocalBackend, method: str, path: str, timeout: float = 10, **options: object) -> requests.Response:
    return requests.request(method, backend.url + path, timeout=timeout, **options)


def test_it_leaves_no_thread_no_file_and_no_port() -> None:
    before = set(threading.enumerate())
    with LocalBackend() as backend:
        folder = backend.store.path.parent
        assert folder.exists()
        ask(backend, "POST", "/view", json={"query": {}})
        port = int(backend.url.rpartition(":")[2])
    assert not folder.exists()
    until(lambda: set(threading.enumerate()) <= before)  # threads of tests before may end meanwhile
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_works_on_disk_are_there_the_next_time(tmp_path: Path) -> None:
    for expected in (0, 3):
        with LocalBackend(f"sqlite:///{tmp_path}/works.db") as backend:
            assert expected == backend.store.status()["total"]
            backend.store.deposit(make_works(3))


def test_a_store_that_was_lent_stays_open() -> None:
    store = SQLiteStore()
    with LocalBackend(store):
        pass
    assert store.status()["total"] == 0
    store.close()


def test_a_closed_store_says_so() -> None:
    store = SQLiteStore()
    store.close()
    for act in (store.status, lambda: store.deposit([make_work()])):
        with pytest.raises(StoreUnavailable, match="is closed"):
            act()


def test_the_repr_says_where_and_whether_it_serves_and_never_the_token() -> None:
    with LocalBackend(token="hush") as backend:
        serving = repr(backend)
    assert serving.startswith("<LocalBackend serving sqlite:///")
    assert backend.url in serving
    assert "hush" not in serving
    assert repr(backend).startswith("<LocalBackend closed, was sqlite:///")


def test_a_port_that_is_taken_is_named(backend: LocalBackend) -> None:
    port = int(backend.url.rpartition(":")[2])
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"):
        LocalBackend(port=port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_other_machines_need_a_token(host: str) -> None:
    with pytest.raises(ValueError, match="can be reached from other machines: give a token with token="):
        LocalBackend(host=host)
    with pytest.raises(ValueError, match="give a token with --token-file"):
        serve(host, 0, None)


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_no_token(token: str) -> None:
    with pytest.raises(ValueError, match="the token is empty"):
        LocalBackend(token=token)


def test_with_a_token_any_address_may_be_listened_on() -> None:
    with LocalBackend(host="0.0.0.0", token="hush") as backend:
        port = backend.url.rpartition(":")[2]
        assert requests.get(f"http://127.0.0.1:{port}/status", timeout=10).status_code == 401


def test_requests_are_logged_whole_and_in_order(backend: LocalBackend) -> None:
    ask(backend, "GET", "/status?a=1&a=2", headers={"X-Access-Token": "hush", "X-Other": "y"})
    ask(backend, "POST", "/work", data=b"[" + b" " * 200_000)
    first, second = backend.requests
    assert (first.method, first.path, first.params, first.status) == ("GET", "/status", [("a", "1"), ("a", "2")], 200)
    assert (first.headers.get("x-other"), first.headers.get("x-access-token")) == ("y", None)
    assert (second.method, second.path, len(second.body), second.status) == ("POST", "/work", 200_001, 400)
    assert [second] == backend.requests.of("POST", "/wo*")
    backend.clear()
    assert len(backend.requests) == 0


@pytest.mark.parametrize("of", ["address", "header", "body"])
def test_the_log_of_requests_is_bounded_in_bytes_whatever_they_are_of(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    monkeypatch.setattr("bucketsnb.backend.faults._LOGGED_BYTES_MAX", 100_000)
    filling = "x" * 30_000
    sent = {"address": {"params": {"a": filling}}, "header": {"headers": {"a": filling}}, "body": {"data": filling}}
    for _ in range(10):
        ask(backend, "POST", "/work", **sent[of])
    assert len(backend.requests) == 3


def test_what_comes_of_a_request_that_was_forgotten_is_not_kept() -> None:
    log, request = RequestLog(), LoggedRequest("POST", "/work", "", {})
    log.add(request)
    log.clear()
    log.grow(request, b"x" * 1_000)
    assert (log._bytes, request.body) == (0, b"")


def test_a_fault_answers_in_place_of_the_service_as_often_as_asked(backend: LocalBackend) -> None:
    backend.faults.add("POST /work", status=503, headers={"retry-after": "7"}, times=2, skip=1)
    answers = [ask(backend, "POST", "/work", json=[make_work()]) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["retry-after"] == "7"
    assert backend.store.status()["total"] == 2


def test_a_fault_may_answer_with_any_body(backend: LocalBackend) -> None:
    backend.faults.add("GET /status*", body=b"<html>", times=None)
    assert [ask(backend, "GET", path).content for path in ("/status", "/status/pipelines", "/status")] == [
        b"<html>"
    ] * 3
    assert ask(backend, "GET", "/version").status_code == 200


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_fault_hangs_up_before_or_after_the_service_acts(backend: LocalBackend, when: str, stored: int) -> None:
    backend.faults.add("POST /work", hang_up=when)
    with pytest.raises(requests.ConnectionError):
        ask(backend, "POST", "/work", json=[make_work()])
    assert stored == backend.store.status()["total"]
    assert ask(backend, "POST", "/work", json=[make_work()]).status_code == 200


def test_a_slow_service_acts_though_nobody_waits(backend: LocalBackend) -> None:
    backend.faults.add("POST /work", delay=0.3)
    with pytest.raises(requests.ReadTimeout):
        ask(backend, "POST", "/work", json=[make_work()], timeout=0.1)
    until(lambda: backend.store.status()["total"] == 1)


def test_a_client_that_leaves_amid_its_request_is_no_failure_of_the_service(
    backend: LocalBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(backend.url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /work HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n[{")
    until(lambda: [logged.status for logged in backend.requests] == [400])
    assert caplog.records == []
    assert ask(backend, "GET", "/status").json()["total"] == 0


def test_works_may_change_under_a_request(backend: LocalBackend) -> None:
    (one,) = backend.store.deposit([make_work()])
    backend.faults.add("DELETE /work", change=lambda store: store.update([{"id": one, "status": "running"}]))
    backend.faults.add("POST /view", change=lambda store: store.delete([one]))
    assert ask(backend, "DELETE", f"/work?ids={'f' * 24}").json() is False
    assert backend.store.status()["running"] == 1
    assert ask(backend, "POST", "/view", json={"query": {}}).json() == []


def test_faults_are_counted_and_taken_back(backend: LocalBackend) -> None:
    backend.faults.add(status=500)
    assert len(backend.faults) == 1
    backend.faults.clear()
    assert (len(backend.faults), ask(backend, "GET", "/status").status_code) == (0, 200)


def test_it_ends_soon_though_a_request_hangs() -> None:
    backend = LocalBackend()
    backend.faults.add("GET /status", delay=600)
    with pytest.raises(requests.ReadTimeout):
        ask(backend, "GET", "/status", timeout=0.1)
    with within(60):
        backend.close()


def test_many_connections_that_ask_nothing_keep_nobody_out(tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -Sn 60 && exec "$@"', "few")
    with served(f"sqlite:///{tmp_path}/works.db", *few) as url, ExitStack() as idle:
        where = urlsplit(url)
        for _ in range(100):
            idle.enter_context(socket.create_connection((where.hostname or "", where.port or 0)))
        assert requests.get(f"{url}/status", timeout=20).json()["total"] == 0
