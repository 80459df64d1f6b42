"""A Jupyter server as a child process: start it on a loopback port, wait until it is ready, and always stop it."""

from __future__ import annotations

import encodings.idna  # noqa: F401 - the first connection would import it, when a Ctrl-C may be lost
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

from bucketsnb.errors import BucketsError

__all__ = ["HubSession", "JupyterLab", "VoilaPage", "running_as_root"]

_POLL = 0.1
"""Seconds between two checks of a process that is starting."""


class JupyterLab:
    """A JupyterLab of this Python, as a context manager.

    It listens on loopback only; in a session of JupyterHub, a browser reaches it through the hub. Its token is passed
    in the environment, because every user of the machine can read a command line.

    File browser and kernels start in `folder`; port 0 means any free one. `page` is the page that a browser shows
    first, below ``/lab``, such as ``"tree/01-first-look.ipynb"``; `log` is an open file for the server's output.
    """

    name = "JupyterLab"
    _module = "jupyterlab"
    _default_url = "LabApp.default_url"
    _below = "lab"

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        environ: Mapping[str, str],
        browser: bool = False,
        page: str = "",
        options: Sequence[str] = (),
        log: IO[bytes],
    ) -> None:
        self.token = environ.get("JUPYTER_TOKEN") or secrets.token_urlsafe(24)
        self.url = ""
        self._path = f"{self._below}/{page}".rstrip("/")
        self._log = log
        self._environ = {
            **environ,
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_PREFER_ENV_PATH": "1",  # this Python's kernel, not one of the same name in the user's folder
        }
        self.session = HubSession.of(environ)
        self._runtime_folder = _runtime_folder(environ)  # imports now, as later a Ctrl-C during an import may be lost
        self._command = [
            *(sys.executable, "-m", "bucketsnb.cli.orphan", str(os.getpid()), self._module),
            *(self.session.network(port) if self.session else _network(port)),
            f"--ServerApp.root_dir={folder}",
            f"--ServerApp.open_browser={browser and self.session is None}",
            f"--{self._default_url}=/{self._path}",
            *(["--allow-root"] if running_as_root() else []),
            *options,
        ]

    def __enter__(self) -> JupyterLab:
        # In a session of its own, a Ctrl-C in the terminal reaches only this process, which then stops the server.
        self.process = subprocess.Popen(  # noqa: S603 - this Python and options made here
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and its kernels with SIGTERM; kill them after 15 seconds, or at another Ctrl-C."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C
                _kill_group(self.process)
        self.process.wait()

    @property
    def address(self) -> str:
        """Address of the first page for a browser, with the token."""
        url = self.session.public(self.url) if self.session else self.url
        return f"{url}{self._path}?token={self.token}"

    def wait_until_ready(self, timeout: float = 120.0) -> None:
        """Wait until the server accepts connections, and set `url`; raise BucketsError if it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while not _takes_connections(self.url):
            if self.process.poll() is not None:
                raise BucketsError(f"{self.name} ended as it started (exit code {self.process.returncode})")
            if time.monotonic() > deadline:
                raise BucketsError(f"{self.name} did not come up within {timeout:.0f} seconds")
            time.sleep(_POLL)
            self.url = self._announced_url()

    def _announced_url(self) -> str:
        """Read the address from the file that a Jupyter server writes at its start; ``""`` if there is none yet."""
        try:
            announced = (self._runtime_folder / f"jpserver-{self.process.pid}.json").read_text("utf-8")
            return str(json.loads(announced)["url"])
        except (OSError, ValueError):
            return ""


class VoilaPage(JupyterLab):
    """A Jupyter server that shows one notebook as a page, run anew for each browser that opens it."""

    name = "Voila"
    _module = "jupyter_server"
    _default_url = "ServerApp.default_url"
    _below = "voila/render"


@dataclass(frozen=True)
class HubSession:
    """A session of JupyterHub, by what the hub tells the servers of a user.

    A browser reaches the hub's machine only through the hub's own address. Requests to other ports there are
    forwarded by the package jupyter-server-proxy, if the hub has it.

    `prefix` is the path of the user's server, such as ``"/hub/user/ada/"``, and `url` its whole address, or ``""`` if
    the hub does not tell it.
    """

    prefix: str
    url: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> HubSession | None:
        """Return the session that an environment describes, or None outside a hub."""
        prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX")
        return cls(f"{prefix.rstrip('/')}/", environ.get("JUPYTERHUB_PUBLIC_URL", "")) if prefix else None

    def network(self, port: int) -> list[str]:
        """Return the options of a server on a port (0: a free one) that serves below the path of the hub's proxy."""
        if not port:  # it is part of the path, so it must be known before the server starts
            with socket.create_server(("127.0.0.1", 0)) as listening:
                port = listening.getsockname()[1]
        return [
            *_network(port),
            f"--ServerApp.base_url={self.prefix}proxy/absolute/{port}/",
            "--ServerApp.allow_remote_access=True",  # by the host name of the hub, which admits only this user
        ]

    @property
    def way_in(self) -> str:
        """What the user must know in addition to the address."""
        where = "" if self.url else "behind the address of your JupyterHub; "
        return f"{where}it opens where the hub has jupyter-server-proxy (pip install jupyter-server-proxy)."

    def public(self, url: str) -> str:
        """Return an address of this machine as the hub forwards it; only the path if the hub's name is not known."""
        return urljoin(self.url, urlsplit(url).path)


def _runtime_folder(environ: Mapping[str, str]) -> Path:
    from jupyter_core.paths import jupyter_runtime_dir  # of the extra `lab`

    return Path(environ.get("JUPYTER_RUNTIME_DIR") or jupyter_runtime_dir())


def _network(port: int) -> list[str]:
    # If a port that was asked for is taken, the server must not try others.
    retries = ["--ServerApp.port_retries=0"] if port else []
    return ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", *retries]


def _takes_connections(url: str) -> bool:
    if not url:
        return False
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def running_as_root() -> bool:
    """Return whether this process runs as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
