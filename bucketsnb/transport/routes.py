"""The route of a request: through which proxy, if any, and which certificates are trusted."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

import requests

from bucketsnb.addresses import leads_to_this_machine
from bucketsnb.display.texts import host_of
from bucketsnb.settings import Secret, proxy_at

__all__ = ["Route", "route_to"]


@dataclass(frozen=True)
class Route:
    """The route to one address: the proxy, and the certificates that are trusted (as in requests)."""

    url: str
    proxy: Secret | None = None
    verify: bool | str = True

    @property
    def via(self) -> str:
        """Host and port of the proxy, without its login; empty if there is none."""
        return host_of(self.proxy.reveal()) if self.proxy else ""

    @property
    def is_relayed(self) -> bool:
        """Whether an answer may be the proxy's own, as it reads the requests: not over TLS, nor with a SOCKS proxy."""
        if self.proxy is None or self.proxy.reveal().startswith("socks"):
            return False
        return urlsplit(self.url).scheme == "http"

    @property
    def proxies(self) -> dict[str, str]:
        """The `proxies` argument of requests: this proxy and no other, or none."""
        parts = urlsplit(self.url)
        return {f"{parts.scheme}://{parts.hostname}": self.proxy.reveal() if self.proxy else ""}

    @property
    def secrets(self) -> list[str]:
        """Password and login of the proxy, as they are and encoded, which no message may contain."""
        parts = urlsplit(self.proxy.reveal()) if self.proxy else None
        if parts is None or not parts.password:
            return []
        login = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
        return [parts.password, unquote(parts.password), base64.b64encode(login.encode()).decode("ascii")]


def route_to(url: str, proxies: Mapping[str, Secret] | None = None) -> Route:
    """Return the route to an address.

    Parameters
    ----------
    proxies
        By scheme, by scheme and host, or for ``all``; None means those of the environment, which are not used for a
        service on this machine, nor for those in ``no_proxy``.

    Raises
    ------
    ConfigurationError
        If what the environment names as the proxy is not the address of one.
    """
    parts = urlsplit(url)
    environment = requests.Session().merge_environment_settings(url, {}, None, None, None)
    names = (f"{parts.scheme}://{parts.hostname}", parts.scheme, f"all://{parts.hostname}", "all")
    if proxies is not None:
        proxy = next((proxies[name] for name in names if name in proxies), None)
    elif leads_to_this_machine(parts.hostname or "") or _is_exempt(parts):
        proxy = None
    else:
        address = next(filter(None, map(environment["proxies"].get, names)), None)
        proxy = proxy_at(address, "the environment") if address else None
    return Route(url, proxy, True if environment["verify"] is None else environment["verify"])


def _is_exempt(parts: SplitResult) -> bool:
    """Return whether ``no_proxy`` names the IP address of a service, also with a port or by an IPv6 network.

    requests supports neither of the two.
    """
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    own_port = str(parts.port or {"http": 80, "https": 443}[parts.scheme])
    for entry in re.split(r"[,\s]+", listed):
        with_port = re.fullmatch(r"(\[.*\]|[^:]*):([0-9]+)", entry)
        name, port = with_port.groups() if with_port else (entry, own_port)
        with suppress(ValueError):  # a host name, which requests has compared
            if port == own_port and ip_address(parts.hostname or "") in ip_network(name.strip("[]"), strict=False):
                return True
    return False
