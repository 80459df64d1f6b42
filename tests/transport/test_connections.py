from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bucketsnb import errors
from bucketsnb.transport import Idempotency
from tests.patience import until
from tests.stub import Stub, answer, fail, head, polite, redirect, then_close


def get(transport, path="/version"):
    return transport.request("GET", path, idempotency=Idempotency.SAFE)


def test_a_hundred_calls_take_one_connection(stub, connect):
    transport = connect(stub.url)
    for _ in range(100):
        get(transport)

    assert (len(stub.requests), stub.connections) == (100, 1)


def test_errors_and_calls_that_may_be_repeated_keep_the_connection(stub, connect):
    transport = connect(stub.url)
    stub.then(polite, fail(404), fail(500))
    get(transport)
    for _ in range(2):
        with pytest.raises(errors.ServiceError):
            get(transport)
    transport.request("DELETE", "/work", idempotency=Idempotency.REPEATABLE)

    assert stub.connections == 1


@pytest.mark.parametrize("idle", [0.05, 1.2], ids=["just now", "a while ago"])
def test_an_idle_connection_that_the_service_closed_costs_a_deposit_nothing(stub, connect, idle):
    transport = connect(stub.url)
    stub.then(then_close(polite))
    get(transport)
    time.sleep(idle)

    assert transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]").status == 200
    assert stub.routes == ["GET /version", "POST /work"]


def test_a_call_that_may_be_sent_once_has_a_connection_of_its_own_that_is_closed_after_it(stub, connect):
    transport = connect(stub.url)
    once = {"idempotency": Idempotency.ONCE, "body": b"[]"}
    get(transport)
    transport.request("POST", "/work", **once)
    get(transport)
    transport.request("PUT", "/work", **once)

    assert [seen.connection for seen in stub.requests] == [1, 2, 1, 3]
    until(lambda: stub.open == 1)


def test_a_connection_closed_before_anything_was_read_is_lost_for_a_call_that_may_be_sent_once(stub, connect):
    stub.hang_up_on_connect = 1

    with pytest.raises(errors.NoAnswer):
        connect(stub.url).request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert stub.requests == []


def test_one_client_serves_sixteen_threads(stub, connect):
    transport = connect(stub.url)
    stub.default = lambda exchange: answer({"path": exchange.request.path})(exchange)
    paths = [f"/status/details/p{number}" for number in range(160)]
    with ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(lambda path: get(transport, path).body, paths))

    assert bodies == [f'{{"path": "{path}"}}'.encode() for path in paths]
    assert stub.connections <= 16


def test_two_clients_share_no_connection_and_no_token(stub, connect):
    get(connect(stub.url, token="first"))
    get(connect(stub.url))

    assert [seen.headers.get("x-access-token") for seen in stub.requests] == ["first", None]
    assert stub.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_after_a_fork_the_child_has_a_connection_of_its_own(stub, connect):
    transport = connect(stub.url)
    get(transport)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if get(transport).status == 200 else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    get(transport)

    assert [seen.connection for seen in stub.requests] == [1, 2, 1]


def test_a_cookie_is_not_kept(stub, connect):
    transport = connect(stub.url)
    stub.then(answer({}, set_cookie="a=b"))
    get(transport)
    get(transport)

    assert "cookie" not in stub.requests[1].headers


# --- addresses ---


def test_a_slash_at_the_end_and_a_prefix_are_harmless(stub, connect):
    get(connect(stub.url + "/prefix/"))

    assert stub.routes == ["GET /prefix/version"]


def test_of_several_addresses_the_first_that_answers_is_used_and_remembered(stub, connect):
    with Stub() as gone, Stub(default=fail(503)) as broken:
        gone_url = gone.url
        gone.__exit__()
        transport = connect([gone_url, broken.url, stub.url], token="t")
        assert transport.known_url is None
        get(transport)
        get(transport)

    assert transport.url == transport.known_url == stub.url
    assert stub.routes == ["HEAD /version", "GET /version", "GET /version"]
    assert broken.routes == ["HEAD /version"]


def test_asking_an_address_whether_it_answers_does_not_show_it_the_token(stub, connect):
    with Stub(default=fail(404)) as stranger:
        get(connect([stranger.url, stub.url], token="t"))

    assert ["x-access-token" in seen.headers for seen in (*stranger.requests, *stub.requests)] == [False, False, True]


def test_when_none_answers_each_is_listed_with_its_reason(connect):
    with Stub() as gone, Stub(default=fail(502)) as broken:
        gone.__exit__()
        with pytest.raises(errors.Unreachable) as caught:
            get(connect([gone.url, broken.url]))

    assert caught.value.tried == {gone.url: "connection refused", broken.url: "answered 502"}
    assert all(f"{url}: {reason}" in str(caught.value) for url, reason in caught.value.tried.items())


def test_an_address_that_wants_a_token_answers(stub, connect):
    stub.then(fail(401))

    assert connect([stub.url, "http://127.0.0.1:1"], token="t").url == stub.url


def test_building_a_transport_sends_nothing(stub, connect):
    connect([stub.url, stub.url + "/other"])

    assert stub.connections == 0


def test_a_login_in_the_address_is_sent_and_never_shown(stub, connect):
    transport = connect(stub.url.replace("//", "//me:pa%20ss@"))
    get(transport)

    assert stub.requests[0].headers["authorization"] == "Basic bWU6cGEgc3M="
    assert "pa" not in repr(transport) + repr(transport.settings)


def test_no_login_of_a_netrc_file_is_sent(stub, connect, environment):
    (environment / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    get(connect(stub.url))

    assert "authorization" not in stub.requests[0].headers


# --- redirects ---


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_redirect_to_another_host_is_named_and_not_followed(stub, connect, method):
    with Stub() as stranger:
        stub.then(redirect(f"{stranger.url}/version?x=1"))
        with pytest.raises(errors.Refused, match=f"127.0.0.1:{stranger.port}/version, which is not followed"):
            connect(stub.url, token="t").request(method, "/version", idempotency=Idempotency.ONCE)

    assert stranger.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_on_the_same_origin_is_not_followed_either(stub, connect, method, status):
    stub.then(redirect("/other", status))

    with pytest.raises(errors.Refused, match=f"answered {status}, a redirect to /other, which is not followed"):
        connect(stub.url).request(method, "/work", idempotency=Idempotency.ONCE)
    assert stub.routes == [f"{method} /work"]


HOSTILE = [
    r"http://{evil}\@{good}/version",
    r"http://{evil}\\@{good}/version",
    r"http://{evil}%5C@{good}/version",
    r"http:\\{evil}/version",
    r"http:/\{evil}/version",
    r"/\{evil}/version",
    r"\\{evil}/version",
    r"\/{evil}/version",
    "//{evil}/version",
    "///{evil}/version",
    "////{evil}/version",
    "http:///{evil}/version",
    "http:/{evil}/version",
    "http:{evil}/version",
    "{evil}/version",
    "http://{good}@{evil}/version",
    "http://{good}:x@{evil}/version",
    "http://{evil}@{good}/version",
    "http://{evil}#@{good}/version",
    "http://{evil}?@{good}/version",
    "http://{evil};@{good}/version",
    "http://{evil}/\t@{good}/version",
    "ht\ttp://{evil}/version",
    "/\t/{evil}/version",
    "http://{evil}\t/version",
    "http://{good}\x00@{evil}/version",
    "http://{good}\x7f.{evil}/version",
    "http://{good}%2f@{evil}/version",
    "http://{evil}%2f@{good}/version",
    "http://{evil}%23@{good}/version",
    "http://{good}%00.{evil}/version",
    "http://127\u30020\u30020\u30021:{evil_port}/version",
    "http://127\uff0e0\uff0e0\uff0e1:{evil_port}/version",
    "http://\u2460\u2461\u2466.0.0.1:{evil_port}/version",
    "http://127.1:{evil_port}/version",
    "http://2130706433:{evil_port}/version",
    "http://0x7f000001:{evil_port}/version",
    "http://[::ffff:127.0.0.1]:{evil_port}/version",
    "http://[::1%25lo]:{evil_port}/version",
    "http://[::1%lo]:{evil_port}/version",
    "HTTP://{evil}/version",
    "HtTp:\\\\{evil}/version",
    "https://{good}/version",
    "https:{good}/version",
    "ftp://{good}/version",
    "file:///etc/passwd",
    "javascript:fetch('http://{evil}')",
    "data:text/plain,{evil}",
    "gopher://{evil}/version",
    "version",
    "../version",
    "?http://{evil}/version",
    "http://{good}/version, http://{evil}/version",
    "http://{good} http://{evil}/version",
]
"""What a service may write to have the token sent to another one, or to where two readers see two places."""


@pytest.mark.parametrize("location", HOSTILE)
def test_no_spelling_of_a_redirect_brings_the_token_elsewhere(stub, connect, location):
    with Stub(default=answer({"version": "false"})) as evil:
        places = {"good": f"127.0.0.1:{stub.port}", "evil": f"127.0.0.1:{evil.port}", "evil_port": evil.port}
        stub.default = redirect_in_utf8(location.format(**places))
        with pytest.raises(errors.Refused, match="which is not followed") as caught:
            get(connect(stub.url, token="t0ken-hush"))

        assert (evil.connections, evil.requests) == (0, [])
    assert stub.routes == ["GET /version"]
    assert "t0ken" not in str(caught.value)


def redirect_in_utf8(location):
    def act(exchange):
        exchange.send(head(302, 0)[:-2] + b"Location: " + location.encode() + b"\r\n\r\n")

    return act
