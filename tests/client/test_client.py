"""The client itself: built without a request, named, closed, and with the methods of the service's own client."""

from __future__ import annotations

import gc
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bucketsnb import Buckets, errors
from tests.factory import make_works
from tests.stub import Stub, fail

REQUIRED = inspect.Parameter.empty

SERVICE_CLIENT = {
    "audit": {},
    "delete_ids": {"ids": REQUIRED},
    "delete_many": {
        "pipeline": REQUIRED,
        "status": None,
        "events": None,
        "tags": None,
        "parent": None,
        "force": False,
        "limit": 100,
    },
    "deposit": {"works": REQUIRED, "return_ids": False},
    "info": {},
    "pipelines": {},
    "status": {"pipeline": None},
    "update": {"works": REQUIRED},
    "view": {"query": REQUIRED, "projection": {}, "skip": 0, "limit": 100},
    "withdraw": {
        "pipeline": REQUIRED,
        "event": None,
        "site": None,
        "priority": None,
        "user": None,
        "tags": None,
        "parent": None,
    },
}
"""Parameters and defaults of each method of the public client, ``workflow.core`` 1.12.0."""


@pytest.mark.parametrize("name", SERVICE_CLIENT)
def test_a_call_written_for_the_services_own_client_fits(name):
    theirs = SERVICE_CLIENT[name]
    ours = list(inspect.signature(getattr(Buckets, name)).parameters.values())[1:]
    positional = [one for one in ours if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]

    assert [one.name for one in positional[: len(theirs)]] == list(theirs)
    for one in positional[: len(theirs)]:
        expected = theirs[one.name]
        if expected is REQUIRED:
            continue
        assert one.default == (expected if expected != {} else None) or one.default == expected
    for one in [*positional[len(theirs) :], *(one for one in ours if one not in positional)]:
        assert one.default is not REQUIRED or one.kind is inspect.Parameter.VAR_KEYWORD


def test_no_method_has_a_default_that_calls_could_change():
    for name in SERVICE_CLIENT:
        for one in inspect.signature(getattr(Buckets, name)).parameters.values():
            assert not isinstance(one.default, dict | list | set), (name, one)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "Buckets('http://localhost:8004')"),
        ({"token": "t0p"}, "Buckets('http://localhost:8004', token from token=)"),
        ({"read_only": True}, "Buckets('http://localhost:8004', read only)"),
        ({"token": "t0p", "read_only": True}, "Buckets('http://localhost:8004', token from token=, read only)"),
    ],
)
def test_a_client_says_where_it_goes_and_what_it_may(options, expected):
    assert repr(Buckets("http://localhost:8004/", **options)) == expected


def test_a_client_of_several_addresses_shows_them_until_one_is_picked():
    with Stub() as stub, Buckets([stub.url, "http://b:2"]) as buckets:
        assert repr(buckets) == f"Buckets(['{stub.url}', 'http://b:2'])"
        buckets.pipelines()
        assert repr(buckets) == f"Buckets('{stub.url}')"


def test_building_showing_and_closing_a_client_sends_nothing():
    with Stub() as stub:
        with Buckets([stub.url, stub.url + "/x"]) as buckets:
            assert repr(buckets)
        assert stub.connections == 0


def test_a_closed_client_can_be_used_again():
    with Stub() as stub:
        with Buckets(stub.url) as buckets:
            buckets.pipelines()
        assert buckets.pipelines() == []
        buckets.close()
        assert stub.connections == 2


def test_a_client_that_is_forgotten_leaves_no_open_connection(recwarn):
    with Stub() as stub:
        Buckets(stub.url).pipelines()
        gc.collect()
    assert [str(one.message) for one in recwarn if one.category is ResourceWarning] == []


def test_info_tells_of_both_sides_and_no_token(backend):
    with Buckets(backend.url + "/", token="hush-hush", timeout=3, read_only=True) as buckets:
        info = buckets.info()

    assert set(info) == {"client", "server"}
    assert info["client"]["baseurl"] == backend.url
    assert info["client"]["token"] == "from token="
    assert (info["client"]["timeout"], info["client"]["read_only"]) == (3.0, True)
    assert "version" in info["server"]
    assert "hush-hush" not in repr(info)


def test_pipelines_are_those_that_have_works(buckets):
    assert buckets.pipelines() == []
    buckets.api.deposit([*make_works(2, pipeline="a"), *make_works(1, pipeline="b")])
    assert sorted(buckets.pipelines()) == ["a", "b"]


def test_an_audit_acts_and_counts(buckets, backend):
    backend.store.load(
        [
            *make_works(1, status="failure", attempt=1, retries=2, id="a" * 24),
            *make_works(1, status="failure", attempt=2, retries=2, id="b" * 24),
        ]
    )
    counts = buckets.audit()

    assert counts["failed"] == 1
    assert set(counts) == {"failed", "expired", "stale"}


def test_reads_take_one_connection_and_each_deposit_a_fresh_one_as_it_may_be_sent_only_once():
    with Stub() as stub, Buckets(stub.url) as buckets:
        for _ in range(50):
            buckets.pipelines()
        assert (len(stub.requests), stub.connections) == (50, 1)
        for _ in range(5):
            buckets.api.deposit(make_works(1))
        assert (len(stub.requests), stub.connections) == (55, 6)


def test_one_client_serves_sixteen_threads(buckets, backend):
    barrier = threading.Barrier(16)

    def work(number: int) -> int:
        barrier.wait(10)
        return len(buckets.api.deposit(make_works(5, pipeline=f"p{number}"), return_ids=True))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(work, range(16))) == 80
    assert buckets.api.status()["total"] == 80
    assert len(buckets.pipelines()) == 16


@pytest.mark.parametrize("switch", ["argument", "environment"])
def test_a_read_only_client_changes_nothing(backend, monkeypatch, switch):
    if switch == "environment":
        monkeypatch.setenv("BUCKETSNB_READ_ONLY", "1")
    with Buckets(backend.url, read_only=True if switch == "argument" else None) as buckets:
        for change in (buckets.audit, lambda: buckets.api.deposit(make_works(1)), lambda: buckets.api.delete(["a"])):
            with pytest.raises(errors.ReadOnly):
                change()
        assert buckets.pipelines() == []
    assert [request.method for request in backend.requests if request.method != "GET"] == []


def test_an_unreachable_service_is_a_bucketserror_and_no_error_of_requests():
    with Stub(default=fail(500)) as stub, pytest.raises(errors.BucketsError) as caught:
        Buckets(stub.url).pipelines()
    assert type(caught.value).__module__ == "bucketsnb.errors"
