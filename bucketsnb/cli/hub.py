"""A session of JupyterHub: how a browser reaches another server that is started in it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

__all__ = ["HubSession"]


@dataclass(frozen=True)
class HubSession:
    """What JupyterHub tells the servers of a person.

    A browser reaches the hub's machine only through the hub's own address. Requests to other ports there are
    forwarded by the package jupyter-server-proxy, if the hub has it.

    Parameters
    ----------
    prefix
        Path of the person's server, such as ``"/hub/user/ada/"``.
    url
        Its whole address, if the hub knows it; else empty.

    Examples
    --------
    >>> session = HubSession("/user/ada/", "https://hub.example/user/ada/")
    >>> session.public("http://127.0.0.1:4000/user/ada/proxy/absolute/4000/")
    'https://hub.example/user/ada/proxy/absolute/4000/'
    """

    prefix: str
    url: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> HubSession | None:
        """Return the session that an environment tells of, or None outside a hub."""
        prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX")
        return cls(f"{prefix.rstrip('/')}/", environ.get("JUPYTERHUB_PUBLIC_URL", "")) if prefix else None

    def network(self, port: int) -> list[str]:
        """Return the options of a server on a port (0: a free one) that serves below the path of the hub's proxy."""
        port = port or _free_port()  # it is part of the path, so it must be known before the server starts
        return [
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.base_url={self.prefix}proxy/absolute/{port}/",
            "--ServerApp.allow_remote_access=True",  # by the hub's name: who gets through the hub is its person
        ]

    @property
    def way_in(self) -> str:
        """What the person has to know beside the address."""
        where = "" if self.url else "behind the address of your JupyterHub; "
        return f"{where}it opens where the hub has jupyter-server-proxy (pip install jupyter-server-proxy)."

    def public(self, url: str) -> str:
        """Return an address of this machine as the hub passes it on; only the path if the hub's name is not known."""
        return urljoin(self.url, urlsplit(url).path)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
