"""A Jupyter server as a child process: started on a loopback port, waited for, and always stopped."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import urlsplit

import click

from bucketsnb.cli.hub import HubSession
from bucketsnb.display.texts import printable
from bucketsnb.errors import BucketsError, ConfigurationError

__all__ = ["JupyterLab", "VoilaPage", "require", "running_as_root", "wait_until_ready"]

_LOG_LINES = 15

_POLL = 0.1
"""Seconds between two checks of a process that is starting."""


def require(module: str, *, extra: str, what: str) -> None:
    """Raise an error with the command that installs it if an optional part is missing.

    Parameters
    ----------
    module
        What has to be importable; it is looked for, not imported.
    extra
        The extra of this package that brings it.
    what
        Its name for people.

    Raises
    ------
    ConfigurationError
        It is missing.

    Examples
    --------
    >>> require("json", extra="lab", what="JupyterLab")
    """
    if find_spec(module) is None:
        line = shlex.join([sys.executable, "-m", "pip", "install", f"bucketsnb[{extra}]"])
        raise ConfigurationError(f"{what} is not installed here. Install it with: {line}")


class JupyterLab:
    """A JupyterLab of this Python, as a context manager.

    It listens on loopback only; within a session of JupyterHub a browser gets in by way of the hub. Its token reaches
    it through the environment, because every user of the machine can read a command line.

    Parameters
    ----------
    folder
        Where its file browser starts, and where its kernels run.
    port
        Port to listen on; 0 takes a free one.
    environ
        The environment of the server and its kernels.
    browser
        Whether it opens the person's browser.
    page
        What the browser shows first, below ``/lab``, such as ``"tree/01-first-look.ipynb"``.
    options
        More options for its command line.
    log
        Open file for the output of the server.
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
        environ: Mapping[str, str] | None = None,
        browser: bool = False,
        page: str = "",
        options: Sequence[str] = (),
        log: IO[bytes],
    ) -> None:
        self.page = page
        self.token = (environ or {}).get("JUPYTER_TOKEN") or secrets.token_urlsafe(24)
        self.url = ""
        self._log = log
        self._environ = {
            **(os.environ if environ is None else environ),
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_PREFER_ENV_PATH": "1",  # this Python's kernel, not one of the same name in the user's folder
        }
        self.session = HubSession.of(self._environ)
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
        # In a session of its own, a Ctrl-C in the terminal reaches only us, and we stop it in order.
        self.process = subprocess.Popen(  # noqa: S603 - this Python and options made here
            self._command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where a browser gets in: the first page, with the token."""
        url = self.session.public(self.url) if self.session else self.url
        return f"{url}{self._path}?token={self.token}"

    @property
    def _path(self) -> str:
        return f"{self._below}/{self.page}".rstrip("/")

    def wait_until_ready(self, timeout: float = 120.0) -> None:
        """Wait until it takes connections, and learn its address.

        Parameters
        ----------
        timeout
            Seconds.

        Raises
        ------
        BucketsError
            It ended, or did not come up in time.
        """
        deadline = time.monotonic() + timeout
        while not _takes_connections(self.url):
            if self.process.poll() is not None:
                raise BucketsError(f"{self.name} ended as it started (exit code {self.process.returncode})")
            if time.monotonic() > deadline:
                raise BucketsError(f"{self.name} did not come up within {timeout:.0f} seconds")
            time.sleep(_POLL)
            self.url = self._announced_url()

    def wait(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        return self.process.wait()

    def stop(self, grace: float = 15.0) -> None:
        """End it and its kernels: with SIGTERM first, and by killing them after `grace` seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(grace)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: no more patience
                _kill_group(self.process)
        self.process.wait()

    def _announced_url(self) -> str:
        """Read the address from the file that a Jupyter server writes, which may be before it listens."""
        try:
            server = json.loads((self._runtime_folder() / f"jpserver-{self.process.pid}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return ""
        return str(server["url"])

    def _runtime_folder(self) -> Path:
        from jupyter_core.paths import jupyter_runtime_dir  # of the extra `lab`

        return Path(self._environ.get("JUPYTER_RUNTIME_DIR") or jupyter_runtime_dir())


class VoilaPage(JupyterLab):
    """A Jupyter server that shows one notebook as a page, run anew for each browser that opens it."""

    name = "Voila"
    _module = "jupyter_server"
    _default_url = "ServerApp.default_url"
    _below = "voila/render"


def _takes_connections(url: str) -> bool:
    if not url:
        return False
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until_ready(server: JupyterLab, log: IO[bytes]) -> None:
    """Wait until a server is ready, and print its address; if it fails, print the end of its log.

    Raises
    ------
    BucketsError
        It ended, or did not come up in time.
    """
    click.echo(f"{server.name} is starting ...")
    try:
        server.wait_until_ready()
    except BucketsError:
        log.seek(0)
        for line in log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]:
            click.echo(f"  {printable(line)}", err=True)
        raise
    click.echo(f"{server.name}: {server.address}")
    if server.session:
        click.echo(f"  {server.session.way_in}")
    click.echo("Ctrl-C stops it.")
    sys.stdout.flush()


def running_as_root() -> bool:
    """Whether this process may do anything on this machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _network(port: int) -> list[str]:
    # A port that was asked for is taken or refused; only a free one may be any.
    retries = ["--ServerApp.port_retries=0"] if port else []
    return ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", *retries]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
