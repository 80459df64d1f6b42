"""Proxies between a client and a service: a proxy process of the standard library, and services that count."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import trustme

from bucketsnb import errors
from bucketsnb.client import Buckets
from bucketsnb.errors import ConfigurationError
from bucketsnb.settings import resolve
from bucketsnb.transport import Idempotency
from bucketsnb.transport.routes import route_to
from tests.stub import fail, hang_up, polite, silent
from tests.transport.proxy import copy_both_ways
from tests.transport.test_secrecy import everything_said_by

AWAY = "http://buckets.invalid:8004"
VARIABLES = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"]


def get(transport, path="/version"):
    return transport.request("GET", path, idempotency=Idempotency.SAFE)


class RunningProxy:
    """A proxy process, and the requests that it got."""

    def __init__(self, log, **settings):
        script = Path(__file__).with_name("proxy.py")
        self._log = log.open("w+")
        self.process = subprocess.Popen([sys.executable, "-I", str(script), json.dumps(settings)], stdout=self._log)
        while not (lines := self.new_lines()):
            assert self.process.poll() is None
            time.sleep(0.01)
        self.port = lines[0]["port"]
        self.address = f"{'https' if 'tls' in settings else 'http'}://127.0.0.1:{self.port}"
        self.place = f"127.0.0.1:{self.port}"

    def with_login(self, login):
        return self.address.replace("://", f"://{login}@")

    def new_lines(self):
        """Return what it got since this was last asked; it writes before it answers."""
        with Path(self._log.name).open() as log:
            log.seek(getattr(self, "_place", 0))
            lines = log.readlines()
            self._place = log.tell()
        return [json.loads(line) for line in lines]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self._log.close()


@pytest.fixture
def proxy(stub, tmp_path):
    """Return a maker of proxies that lead to the stub."""
    with ExitStack() as stack:

        def make(**settings):
            log = tmp_path / f"proxy-{len(list(tmp_path.iterdir()))}"
            made = RunningProxy(log, **{"to": ["127.0.0.1", stub.port], **settings})
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(scope="module")
def running_trap(tmp_path_factory):
    made = RunningProxy(tmp_path_factory.mktemp("trap") / "log", status=403)
    yield made
    made.stop()


@pytest.fixture
def trap(running_trap):
    """Return a proxy that refuses all, and has got nothing yet."""
    running_trap.new_lines()
    return running_trap


@pytest.fixture
def through(monkeypatch):
    """Have every scheme go through a proxy."""

    def through(address, **variables):
        for name in VARIABLES:
            monkeypatch.setenv(name, address)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return through


# --- a service on this machine ---

HERE = ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "127.0.0.1.", "localhost.", "0.0.0.0", "2130706433"]


@pytest.mark.parametrize("no_proxy", ["", "example.org", "10.0.0.0/8,.chime"])
@pytest.mark.parametrize("host", HERE)
def test_a_proxy_of_the_environment_never_gets_a_request_for_this_machine(stub, connect, trap, through, host, no_proxy):
    through(trap.address, no_proxy=no_proxy, NO_PROXY=no_proxy)

    with suppress(errors.Unreachable):  # some systems do not look up some spellings, and that is no proxy's business
        get(connect(f"http://{host}:{stub.port}", token="t0p"))
    assert trap.new_lines() == []
    assert [seen.headers["x-access-token"] for seen in stub.requests] in ([], ["t0p"])


@pytest.mark.parametrize(
    "host", [*HERE, "127.0.0.2", "127.255.1.1", "[::1]", "[::ffff:127.0.0.1]", "[::]", "a.localhost"]
)
def test_a_service_on_this_machine_has_no_proxy_by_the_environment_in_any_spelling(monkeypatch, through, host):
    through("http://proxy.invalid:3128")

    assert route_to(f"http://{host}:8004").proxy is None
    monkeypatch.setenv("BUCKETSNB_PROXY", "http://proxy.invalid:1")
    assert resolve(f"http://{host}:8004").proxies == {}


@pytest.mark.parametrize("host", ["localhost.example", "128.0.0.1", "notlocalhost", "[::2]", "127.0.0.1.example"])
def test_a_service_elsewhere_has_its_proxy_also_where_its_name_is_like_that_of_this_machine(through, host):
    through("http://proxy.invalid:3128")

    assert route_to(f"http://{host}:8004").via == "proxy.invalid:3128"


# --- through it ---


def test_the_environment_s_proxy_carries_reads_and_changes(stub, connect, proxy, through):
    between = proxy()
    through(between.address)
    transport = connect(AWAY + "/prefix", token="t")
    get(transport)
    transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")

    assert stub.routes == ["GET /prefix/version", "POST /prefix/work"]
    assert [seen["target"] for seen in between.new_lines()] == [f"{AWAY}/prefix/version", f"{AWAY}/prefix/work"]


@pytest.mark.parametrize("login", ["me:hunter2", "me:hunt%40er2"])
def test_a_proxy_that_needs_a_login_gets_it_from_its_address(stub, connect, proxy, through, login):
    between = proxy(login=login.replace("%40", "@"))
    through(between.with_login(login))

    assert get(connect(AWAY)).status == 200
    assert stub.routes == ["GET /version"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("given", [None, "me:wrong-hunter2"], ids=["no login", "a wrong one"])
def test_a_proxy_that_wants_another_login_is_named_with_what_it_needs(
    stub, connect, proxy, through, given, scheme, naps
):
    between = proxy(login="me:hunter2")
    through(between.with_login(given) if given else between.address)

    with pytest.raises(errors.ServiceError, match="The proxy needs a login") as caught:
        get(connect(AWAY.replace("http", scheme), token="t"))
    said = str(caught.value)
    assert f"through the proxy 127.0.0.1:{between.port}, which answered 407" in said
    assert "hunter2" not in everything_said_by(caught.value)
    assert "bWU6" not in everything_said_by(caught.value)
    assert (len(between.new_lines()), naps, stub.requests) == (1, [], [])


@pytest.mark.parametrize("status", [403, 407, 404, 429, 500, 502, 503])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_may_be_the_proxy_s_names_the_proxy_and_how_to_go_without(
    connect, proxy, through, scheme, status
):
    between = proxy(status=status)
    through(between.with_login("me:hunter2"))

    with pytest.raises(errors.ServiceError) as caught:
        get(connect(AWAY.replace("http", scheme), token="t"))
    said = str(caught.value)
    assert f"on buckets.invalid:8004 through the proxy 127.0.0.1:{between.port}, which answered {status}" in said
    assert "BUCKETSNB_PROXY=off" in said
    assert "hunter2" not in said
    assert not isinstance(caught.value, errors.Unauthorized)
    assert "token that was sent" not in said


def test_a_service_that_says_no_to_the_token_through_a_proxy_is_told_as_both(stub, connect, proxy, through):
    stub.default = fail(401)
    between = proxy()
    through(between.address)

    with pytest.raises(errors.Unauthorized, match=rf"proxy 127\.0\.0\.1:{between.port}.*came from token=.*PROXY=off"):
        get(connect(AWAY, token="t"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_is_named_without_its_password(connect, through, scheme):
    through("http://me:hunter2@127.0.0.1:1")

    with pytest.raises(
        errors.Unreachable, match=r"through the proxy 127\.0\.0\.1:1: no connection \(connection re"
    ) as e:
        connect(f"{scheme}://buckets.invalid").request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert "BUCKETSNB_PROXY=off" in str(e.value)
    assert "hunter2" not in everything_said_by(e.value)


def test_a_page_of_the_proxy_in_place_of_the_service_s_answer_names_the_proxy(proxy, through):
    between = proxy(status=200)
    through(between.address)

    with pytest.raises(errors.BadAnswer, match=rf"through the proxy 127\.0\.0\.1:{between.port}: .*the proxy says no"):
        Buckets(AWAY).pipelines()


def test_of_several_addresses_each_is_told_with_its_proxy(proxy, through):
    between = proxy(status=403)
    through(between.address)

    with pytest.raises(errors.Unreachable) as caught:
        Buckets([AWAY, "https://other.invalid"]).pipelines()
    assert list(caught.value.tried.values()) == [
        f"through the proxy 127.0.0.1:{between.port}, which answered 403",
        f"the proxy 127.0.0.1:{between.port} answered 403",
    ]


def test_a_proxy_whose_page_repeats_its_login_does_not_bring_it_out(connect, proxy, through):
    between = proxy(login="other:login")
    through(between.with_login("me:hunter2"))

    with pytest.raises(errors.Refused, match=r"who are you.*hidden") as caught:
        get(connect(AWAY))
    assert "bWU6aHVudGVyMg" not in str(caught.value) + caught.value.excerpt


def test_a_proxy_that_repeats_its_login_in_place_of_http_does_not_bring_it_out_while_an_address_is_chosen(
    stub, connect, through
):
    def echo(exchange):
        exchange.send(exchange.request.headers["proxy-authorization"].encode() + b"\r\n\r\n")
        exchange.keep = False

    stub.default = echo
    through(stub.url.replace("://", "://me:hunter2@"))
    with pytest.raises(errors.Unreachable) as caught:
        get(connect(["https://buckets.invalid", "https://other.invalid"]))
    assert "hidden" in str(caught.value)
    assert "bWU6aHVudGVyMg" not in everything_said_by(caught.value)


# --- settled by argument and variable ---


@pytest.mark.parametrize("off", ["off", "OFF", "0", "no", "false"])
def test_buckets_proxy_off_settles_it(connect, trap, through, off):
    through(trap.address, BUCKETSNB_PROXY=off)

    with pytest.raises(errors.Unreachable, match="name of the host is not known") as caught:
        get(connect(AWAY))
    assert "proxy" not in str(caught.value).lower()
    assert trap.new_lines() == []


def test_no_proxies_as_an_argument_settle_it_whatever_the_environment_says(trap, through):
    through(trap.address, BUCKETSNB_PROXY=trap.address)

    with pytest.raises(errors.Unreachable, match="name of the host is not known"):
        Buckets(AWAY, proxies={}).pipelines()
    assert trap.new_lines() == []


@pytest.mark.parametrize("key", ["http", "all", "http://buckets.invalid"])
def test_a_proxy_that_is_given_is_used_also_for_this_machine(stub, connect, proxy, through, key):
    between = proxy()
    through("http://127.0.0.1:1", no_proxy="*")
    get(connect(AWAY, proxies={key: between.address.removeprefix("http://")}))
    get(connect(stub.url, proxies={"http": between.address}))

    assert [seen["target"] for seen in between.new_lines()] == [f"{AWAY}/version", f"{stub.url}/version"]


def test_a_proxy_in_our_own_variable_comes_before_those_of_the_environment(connect, proxy, through):
    between = proxy()
    through("http://127.0.0.1:1", BUCKETSNB_PROXY=between.address, no_proxy="*")

    assert get(connect(AWAY)).status == 200


@pytest.mark.parametrize(
    ("proxies", "culprit"),
    [
        ("http://me:hunter2@proxy:1", "not str"),
        ({"htp": "http://me:hunter2@proxy:1"}, "'htp'"),
        ({"http": "htp://me:hunter2@proxy:1"}, "'htp://proxy:1'"),
        ({"http": "http://me:hunter2@"}, "'http:"),
        ({"http": "http://me:hunter2@proxy:x1"}, "'http://proxy:x1'"),
        ({"http": "http://me:hunter2\\@proxy:1"}, "proxies['http']"),
        ({"http": 3128}, "'int'"),
    ],
)
def test_a_proxy_that_cannot_be_one_is_named_without_its_password(proxies, culprit):
    with pytest.raises(ConfigurationError) as caught:
        Buckets(AWAY, proxies=proxies)
    assert culprit in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://me:hunter2@",
        "htp://me:hunter2@proxy:1",
        "http://me:hunter2@proxy:x",
        "http://me:hunter2@proxy:99999",
        "http://me:hu/hunter2@proxy:1",
        "http:/me:hunter2@proxy:1",
    ],
)
def test_a_variable_that_holds_no_proxy_is_named_without_its_password(connect, through, address):
    through(address)
    with pytest.raises(ConfigurationError, match="from the environment is no address") as caught:
        get(connect(AWAY))

    assert "hu" not in str(caught.value).replace("http", "")


def test_a_proxy_that_is_silent_is_named(stub, connect, proxy, through):
    stub.default = silent
    between = proxy()
    through(between.address)

    with pytest.raises(errors.NoAnswer, match=rf"through the proxy {between.place}: no whole answer within 0\.3 s"):
        get(connect(AWAY, timeout=0.3))


def test_a_client_does_not_show_the_login_of_its_proxy():
    buckets = Buckets(AWAY, proxies={"http": "http://me:hunter2@proxy:1"})

    assert (
        "hunter2" not in f"{buckets!r} {buckets.settings!r} {vars(buckets)} {buckets.api.transport.call('GET', '/')!r}"
    )


# --- no_proxy ---


@pytest.mark.parametrize(
    ("url", "no_proxy", "direct"),
    [
        ("http://buckets.invalid:8004", "buckets.invalid", True),
        ("http://buckets.invalid:8004", "buckets.invalid:8004", True),
        ("http://buckets.invalid:8004", "buckets.invalid:9000", False),
        ("http://buckets.invalid:8004", ".invalid", True),
        ("http://buckets.invalid:8004", "other.example, buckets.invalid", True),
        ("http://buckets.invalid:8004", "*", True),
        ("http://buckets.invalid:8004", "kets.example", False),
        ("http://192.0.2.7:8004", "192.0.2.7", True),
        ("http://192.0.2.7:8004", "192.0.2.7:8004", True),
        ("http://192.0.2.7:8004", "192.0.2.7:9000", False),
        ("http://192.0.2.7:8004", "192.0.2.0/24", True),
        ("http://192.0.2.7:8004", "192.0.3.0/24", False),
        ("http://192.0.2.7:8004", "10.0.0.0/8, 192.0.2.0/24", True),
        ("http://192.0.2.7", "192.0.2.7:80", True),
        ("http://[2001:db8::7]:8004", "2001:db8::/32", True),
        ("http://[2001:db8::7]:8004", "[2001:db8::7]:8004", True),
        ("http://[2001:db8::7]:8004", "[2001:db8::7]:9000", False),
        ("http://[2001:db8::7]:8004", "2001:db9::/32", False),
    ],
)
def test_what_no_proxy_lists_by_name_port_or_network_gets_none(connect, trap, through, url, no_proxy, direct):
    through(trap.address, no_proxy=no_proxy)

    with pytest.raises(errors.ServiceError) as caught:
        get(connect(url, timeout=0.2 if direct else 20))  # nobody answers there; the proxy does
    assert (trap.new_lines() == []) is direct
    assert ("proxy" in str(caught.value)) is not direct


def test_no_proxy_may_be_written_in_capitals(connect, trap, through):
    through(trap.address, NO_PROXY="192.0.2.7:8004")

    with pytest.raises(errors.ServiceError):
        get(connect("http://192.0.2.7:8004", timeout=0.2))
    assert trap.new_lines() == []


# --- TLS ---


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority, tmp_path):
    """Return a maker of files with a certificate and its key."""

    def make(*names):
        path = tmp_path / f"{names[0]}.pem"
        authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(path))
        return str(path)

    return make


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_proxy_that_opens_tls_with_its_own_certificate_is_trusted_where_the_bundle_has_it(
    stub, connect, proxy, through, certificate, bundle, monkeypatch, name
):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    between = proxy(intercept=certificate("buckets.invalid"))
    through(between.address, **{name: bundle})

    assert get(connect("https://buckets.invalid:8004", token="t")).status == 200
    assert [seen["method"] for seen in between.new_lines()] == ["CONNECT", "GET"]


def test_a_proxy_that_opens_tls_with_a_certificate_nobody_trusts_gets_no_token(
    stub, connect, proxy, through, certificate, naps
):
    between = proxy(intercept=certificate("buckets.invalid"))
    through(between.address)

    with pytest.raises(errors.Unreachable, match=rf"proxy 127\.0\.0\.1:{between.port}.*certificate is not trusted"):
        get(connect("https://buckets.invalid:8004", token="t"))
    assert [seen["method"] for seen in between.new_lines()] == ["CONNECT"]
    assert stub.requests == []


@pytest.mark.parametrize("idempotency", Idempotency)
def test_silence_through_two_layers_of_tls_ends_with_the_timeout(
    stub, connect, proxy, through, certificate, bundle, idempotency
):
    stub.default = silent
    service = proxy(tls=certificate("buckets.invalid"))
    between = proxy(tls=certificate("127.0.0.1"), to=["127.0.0.1", service.port])
    through(between.address, REQUESTS_CA_BUNDLE=bundle)
    transport = connect("https://buckets.invalid:8004", timeout=0.5)

    with pytest.raises(errors.NoAnswer, match=r"no whole answer within 0\.5 s\. .*timeout=") as caught:
        transport.request("POST", "/view", idempotency=idempotency, body=b"[]")
    assert "timeout=" not in caught.value.problem, "front ends other than Python have words of their own"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_spoken_to_by_tls_is_trusted_where_the_bundle_has_it(
    stub, connect, proxy, through, certificate, bundle, scheme
):
    service = proxy(tls=certificate("buckets.invalid")).port if scheme == "https" else stub.port
    between = proxy(tls=certificate("127.0.0.1"), to=["127.0.0.1", service])
    through(between.address, REQUESTS_CA_BUNDLE=bundle)

    assert get(connect(f"{scheme}://buckets.invalid:8004", token="t")).status == 200
    assert stub.routes == ["GET /version"]
    assert [seen["method"] for seen in between.new_lines()] == ["CONNECT" if scheme == "https" else "GET"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_spoken_to_by_tls_and_that_nobody_trusts_gets_no_token(
    stub, connect, proxy, through, certificate, scheme
):
    between = proxy(tls=certificate("127.0.0.1"))
    through(between.address)

    with pytest.raises(errors.Unreachable, match="certificate is not trusted"):
        get(connect(f"{scheme}://buckets.invalid:8004", token="t0p"))
    assert between.new_lines() == []


# --- SOCKS ---

SOCKS = """
import socket, struct, sys, types

module = types.ModuleType("socks")
module.PROXY_TYPE_SOCKS4, module.PROXY_TYPE_SOCKS5 = 1, 2
module.ProxyError = module.GeneralProxyError = type("ProxyError", (OSError,), {})


def create_connection(address, timeout, *, proxy_addr, proxy_port, **options):
    made = socket.create_connection((proxy_addr, proxy_port), timeout)
    host = address[0].encode()
    made.sendall(b"\\5\\1\\0" + b"\\5\\1\\0\\3" + bytes([len(host)]) + host + struct.pack("!H", address[1]))
    made.recv(1024)
    return made


module.create_connection = create_connection
sys.modules["socks"] = module
"""
"""A stand-in for PySocks, which requests needs for such a proxy; what goes over the wire is SOCKS 5."""


@pytest.fixture
def socks_proxy(stub):
    """Give the port of a SOCKS 5 proxy that leads to the stub."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError), listener:
            while True:
                threading.Thread(target=carry, args=(listener.accept()[0],), daemon=True).start()

    def carry(client):
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", stub.port)) as service:
            client.recv(1024)
            client.sendall(b"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            copy_both_ways(client, service)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_a_deposit_that_is_lost_behind_a_socks_proxy_is_not_sent_again_and_a_refusal_is_the_service_s(
    stub, socks_proxy
):
    code = f"""{SOCKS}
from bucketsnb import Buckets, errors
api = Buckets("http://buckets.invalid:8004", proxies={{"all": "socks5h://127.0.0.1:{socks_proxy}"}}, timeout=5).api
print(api.version()["version"])
try:
    api.deposit([{{"pipeline": "p", "site": "s", "user": "u"}}])
except errors.OutcomeUnknown as error:
    print(error)
try:
    api.version()
except errors.Unauthorized as error:
    print(error)
"""
    stub.then(polite, hang_up, fail(403))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert stub.routes == ["GET /version", "POST /work", "GET /version"]
    assert done.stdout.count(f"through the proxy 127.0.0.1:{socks_proxy}: the ") == 2


@pytest.mark.slow
def test_a_socks_proxy_without_the_library_for_it_is_said():
    code = """
import sys

sys.modules["socks"] = None
from bucketsnb import Buckets, errors
try:
    Buckets("http://buckets.invalid:8004", proxies={"all": "socks5h://me:hunter2@127.0.0.1:1"}).pipelines()
except errors.Unreachable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert "through the proxy 127.0.0.1:1: no connection (Missing dependencies for SOCKS" in done.stdout
    assert "hunter2" not in done.stdout
