"""What this package uses of other libraries that their documentation does not promise: all of it, each with its test.

Tried with Python 3.10 and 3.11; urllib3 1.26.20 and 2.8.0; requests 2.31.0 and 2.34.2; pandas 2.2.2 and 3.1.1;
uvicorn 0.30.0 and 0.54.0 with Python 3.11 alone.
When one of these fails after an upgrade, look there before anywhere else.
"""

from __future__ import annotations

import http.client
import io
import socket
from types import SimpleNamespace

import pandas as pd
import pytest
from urllib3.util.ssltransport import SSLTransport

from bucketsnb import LocalBackend
from bucketsnb.frames import Baseline, JSONArray, frame_of
from bucketsnb.transport.connection import _Connection, new_session
from bucketsnb.transport.failures import _TUNNEL
from tests.factory import make_works


class _Refusing:
    """A socket to a proxy that wants a login."""

    def sendall(self, data):
        pass

    def makefile(self, mode):
        return io.BytesIO(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    def close(self):
        pass


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxy", [None, "http://proxy.example:3128", "https://proxy.example:3128"])
def test_pools_of_urllib3_make_connections_of_the_class_that_their_manager_is_given(scheme, proxy):
    """`pool_classes_by_scheme` and `ConnectionCls`, for the time a request has and for what a late one may send."""
    with new_session() as session:
        adapter = session.get_adapter(f"{scheme}://buckets.example")
        manager = adapter.proxy_manager_for(proxy) if proxy else adapter.poolmanager
        connection = manager.connection_from_url(f"{scheme}://buckets.example").ConnectionCls("buckets.example")

    assert isinstance(connection, _Connection)


def test_a_connection_of_http_client_has_a_socket():
    """`sock`, to cut a connection that is left."""
    assert _Connection("buckets.example").sock is None


def test_a_connection_of_urllib3_in_two_layers_of_tls_has_the_socket_below():
    """`socket`, to cut a connection that is left."""
    here, there = socket.socketpair()
    tls = SimpleNamespace(wrap_bio=lambda *about, **more: SimpleNamespace(do_handshake=lambda: None))
    with here, there:
        assert SSLTransport(here, tls).socket is here


def test_http_client_says_with_which_status_a_proxy_refused_to_connect():
    """The words are the only place where the status stands."""
    connection = http.client.HTTPConnection("proxy.example")
    connection.set_tunnel("buckets.example", 443)
    connection.sock = _Refusing()
    with pytest.raises(OSError, match="407") as caught:
        connection._tunnel()
    found = _TUNNEL.search(str(caught.value))
    assert found is not None
    assert found[1] == "407"


def test_str_of_pandas_asks_an_array_for_its_methods():
    """`_str_len` and its kind, which give ``series.str`` of nested cells what it has for lists."""
    assert pd.Series(JSONArray._from_sequence([[1, 2], None])).str.len().tolist()[0] == 2


def test_pandas_asks_an_array_what_its_operations_become():
    """`_from_scalars` and `_cast_pointwise_result`: lists stay JSON, and plain values get a dtype of their own."""
    column = pd.Series(JSONArray._from_sequence([[1], [2, 3]]))

    assert str(column.combine(column, lambda one, other: one + other).dtype) == "json"
    assert column.map(len).dtype == "int64"


def test_pandas_says_of_an_array_that_it_must_not_be_changed():
    """`_readonly`, which pandas 3 sets on arrays that it hands out, and which slices have from their array."""
    array = JSONArray._from_sequence([[1], [2], [3]])
    array._readonly = True
    for part in (array, array[:2], array.view()):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = [9]
    if pd.__version__ >= "3":
        assert pd.Series(array, copy=False).array._readonly


def test_pandas_hands_the_frames_that_were_put_together_to_finalize():
    """`objs`, `input_objs`, `left` and `right`, by which a joined frame knows what its works were."""
    one, other = (frame_of(works) for works in (make_works(2), make_works(1)))
    notes = pd.DataFrame({"id": one["id"], "note": ["a", "b"]})

    assert Baseline.of(pd.concat([one, other])).works == 3
    assert Baseline.of(one.merge(notes, on="id")).works == 2


def test_frames_are_made_of_what_pandas_gives_to_the_constructor_of_a_subclass():
    """Pickles and operations go by `_constructor` alone, which is documented; its frames share their columns."""
    frame = frame_of(make_works(2))
    file = io.BytesIO()
    frame.to_pickle(file)
    file.seek(0)

    assert type(pd.read_pickle(file)) is type(frame) is type(frame.head(1))


def test_a_server_of_uvicorn_says_that_it_started_ends_when_told_and_knows_its_connections():
    """`started`, to end in order; `should_exit`; and `server_state`, as there is no other way to close a connection."""
    with LocalBackend() as backend:
        host, port = backend.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall(b"GET /version HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            (connection,) = backend._server.server_state.connections
            assert connection.client == client.getsockname()
            assert callable(connection.transport.close)
        assert backend._server.started
        backend._server.should_exit = True
        backend._thread.join(20)
        assert not backend._thread.is_alive()
