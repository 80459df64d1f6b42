"""A server that is started within a session of JupyterHub is had by the hub's address."""

from __future__ import annotations

from bucketsnb.cli.jupyter_server import HubSession


def test_outside_a_hub_there_is_no_session() -> None:
    assert HubSession.of({"JUPYTERHUB_PUBLIC_URL": "https://hub.example/"}) is None


def test_the_server_answers_below_the_path_that_the_hub_passes_on() -> None:
    session = HubSession.of({"JUPYTERHUB_SERVICE_PREFIX": "/hub/user/ada"})
    assert session is not None
    options = session.network(4000)
    assert "--ServerApp.ip=127.0.0.1" in options
    assert "--ServerApp.base_url=/hub/user/ada/proxy/absolute/4000/" in options


def test_a_free_port_is_known_before_the_server_starts() -> None:
    address, port, _, base, _ = HubSession("/user/ada/").network(0)
    number = port.rpartition("=")[2]
    assert (address, int(number) > 0) == ("--ServerApp.ip=127.0.0.1", True)
    assert base.endswith(f"/proxy/absolute/{number}/")


def test_an_address_is_the_hubs_where_its_name_is_known_and_a_path_elsewhere() -> None:
    inner = "http://127.0.0.1:4000/user/ada/proxy/absolute/4000/"
    known = HubSession("/user/ada/", "https://hub.example/user/ada/")
    assert known.public(inner) == "https://hub.example/user/ada/proxy/absolute/4000/"
    assert HubSession("/user/ada/").public(inner) == "/user/ada/proxy/absolute/4000/"
    assert "behind the address of your JupyterHub" in HubSession("/user/ada/").way_in
    assert "behind" not in known.way_in
