"""A server that is started within a session of JupyterHub is had by the hub's address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bucketsnb.cli.jupyter_server import HubSession

IMPORTS = """
import os, sys
from pathlib import Path
from bucketsnb.cli.jupyter_server import JupyterLab

starting = False
sys.addaudithook(lambda event, found: print(found[0]) if starting and event == "import" else None)
with JupyterLab(Path(), environ=os.environ, log=open("lab.log", "wb")) as lab:
    starting = True
    lab.wait_until_ready()
    starting = False
print("ready")
"""


@pytest.mark.slow
def test_nothing_is_imported_while_the_server_starts_as_python_may_lose_a_ctrl_c_then(tmp_path: Path) -> None:
    program = subprocess.run([sys.executable, "-c", IMPORTS], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert program.stdout == "ready\n"


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
