from __future__ import annotations

import http.server
import socket
import ssl
import threading

import pytest
import trustme

from bucketsnb import errors
from bucketsnb.transport import Idempotency
from bucketsnb.transport.connection import cut
from tests.patience import within
from tests.stub import Stub


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(self.headers.get("x-access-token"))
        if self.path.endswith("/slow"):
            self.server.stopping.wait(10)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - as above

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """The file with the authority's certificate."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def tls_server(authority):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen, server.stopping = [], threading.Event()
    server.daemon_threads = True
    server.handle_error = lambda *about: None
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.stopping.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def url(tls_server):
    return f"https://127.0.0.1:{tls_server.server_port}"


def test_a_certificate_that_is_trusted_is_accepted_and_the_connection_kept(
    connect, tls_server, url, monkeypatch, trusted
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    transport = connect(url, token="t0p")
    for _ in range(3):
        assert transport.request("GET", "/version", idempotency=Idempotency.SAFE).body == b"{}"

    assert tls_server.seen == ["t0p"] * 3


def test_silence_over_tls_ends_with_the_timeout(connect, tls_server, url, monkeypatch, trusted):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    with within(20), pytest.raises(errors.NoAnswer, match=r"0\.3 s"):
        connect(url, timeout=0.3).request("GET", "/slow", idempotency=Idempotency.SAFE)


def test_a_connection_over_tls_is_cut_while_its_encryption_stays():
    here, there = socket.socketpair()
    tls = ssl.create_default_context()
    with there, tls.wrap_socket(here, do_handshake_on_connect=False, server_hostname="buckets.invalid") as connection:
        cut(connection)
        with pytest.raises(OSError, match=r"."):  # ssl raises ValueError where the encryption is gone
            connection.write(b"x")
        assert there.recv(1) == b""


def test_a_call_that_may_be_sent_once_reconnects_over_tls(connect, tls_server, url, monkeypatch, trusted):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    transport = connect(url)
    for _ in range(2):
        assert transport.request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]").status == 200


def test_a_certificate_that_is_not_trusted_is_said_at_once_and_gets_no_token(connect, tls_server, url, naps):
    with pytest.raises(errors.Unreachable, match="certificate is not trusted"):
        connect(url, token="t0p").request("GET", "/version", idempotency=Idempotency.SAFE)

    assert (tls_server.seen, naps) == ([], [])


def test_tls_spoken_to_a_service_without_it_is_said(connect):
    with Stub() as stub, pytest.raises(errors.Unreachable, match="TLS failed; is it an http:// address"):
        connect(stub.url.replace("http:", "https:")).request("GET", "/version", idempotency=Idempotency.SAFE)


def test_a_proxy_of_the_environment_is_used(connect, monkeypatch):
    with Stub() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        connect("http://buckets.invalid:8004/prefix").request("GET", "/version", idempotency=Idempotency.SAFE)
        (seen,) = proxy.requests

    assert seen.target == "http://buckets.invalid:8004/prefix/version"


def test_a_host_that_needs_no_proxy_gets_none(stub, connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert connect(stub.url).request("GET", "/version", idempotency=Idempotency.SAFE).status == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_away_means_that_nothing_was_sent_and_its_password_is_not_shown(connect, monkeypatch, scheme):
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", "http://me:hunter2@127.0.0.1:1")

    with pytest.raises(errors.Unreachable, match="connection refused") as caught:
        connect(f"{scheme}://buckets.invalid").request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
    assert "hunter2" not in str(caught.value)


def test_a_proxy_that_refuses_the_tunnel_means_that_nothing_was_sent(connect, monkeypatch):
    with Stub() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(errors.Unreachable):
            connect("https://buckets.invalid").request("POST", "/work", idempotency=Idempotency.ONCE, body=b"[]")
        assert all(seen.method == "CONNECT" for seen in proxy.requests)
