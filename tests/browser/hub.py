"""A JupyterHub for tests, with its proxy, on loopback, below a prefix; whoever logs in gets a server of this Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.browser.processes import free_ports, wait_until_answers
from tests.cached import cached
from tests.conftest import FOREIGN

PREFIX = "/hub-prefix/"
PROXY = "configurable-http-proxy@4.6.3"  # the last line that goes with the Node.js of Debian 12
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{prefix}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.default_url = "/lab"
c.Spawner.notebook_dir = {notebooks!r}
c.Spawner.env_keep = ["PATH"]
c.Spawner.environment = {environ!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
"""


def npm() -> str | None:
    """Return npm, if this machine has it."""
    return shutil.which("npm")


def _install(folder: Path) -> None:
    """Install the proxy from npm."""
    subprocess.run(
        [npm() or "npm", "install", "--silent", "--no-fund", "--prefix", folder, PROXY], check=True, timeout=240
    )


@contextmanager
def hub(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """Start a hub whose servers show the notebooks of ``folder / "notebooks"``; give its address."""
    proxy = cached(PROXY.replace("@", "-"), _install) / "node_modules" / ".bin" / "configurable-http-proxy"
    port, hub_port, api_port = free_ports(3)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    values = {
        "port": port,
        "hub_port": hub_port,
        "api_port": api_port,
        "prefix": PREFIX,
        "proxy": str(proxy),
        "home": str(folder / "home"),
        "notebooks": str(folder / "notebooks"),
        "python": sys.executable,
        "environ": environ,
    }
    (folder / "hub.py").write_text(CONFIG.format(**values), "utf-8")
    with (folder / "hub.log").open("wb") as log:
        command = [sys.executable, "-m", "jupyterhub", "--config", folder / "hub.py"]
        process = subprocess.Popen(command, cwd=folder, env=inherited, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}{PREFIX}"
    try:
        wait_until_answers(process, f"{url}hub/login", folder / "hub.log")
        yield url
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the hub and all that it started."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for left in psutil.wait_procs(family, timeout=10)[1]:
        left.kill()
