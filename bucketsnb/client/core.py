"""The client's core: how one is built, named and closed, and the methods that need neither frames nor plans."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, TypeVar

from bucketsnb.api import Api, Clock, ClockChoice
from bucketsnb.client.base import ClientBase
from bucketsnb.settings import Secret, resolve
from bucketsnb.transport import Transport

__all__ = ["Core"]

Self = TypeVar("Self", bound="Core")


class Core(ClientBase):
    """Build, name and close a client; see :class:`~bucketsnb.client.Buckets`."""

    def __init__(
        self,
        baseurl: str | Sequence[str] | None = None,
        *,
        token: str | None = None,
        timeout: float | None = None,
        read_only: bool | None = None,
        github_token: bool = False,
        proxies: Mapping[str, str] | None = None,
        clock: ClockChoice | None = None,
    ) -> None:
        secret = None if token is None else Secret(token, "token=")
        del token  # so that no traceback of what follows can show it
        self.settings = resolve(
            baseurl, token=secret, timeout=timeout, read_only=read_only, github_token=github_token, proxies=proxies
        )
        del proxies  # their addresses may hold passwords
        self.api = Api(Transport(self.settings), Clock(clock))

    def __repr__(self) -> str:
        if not hasattr(self, "api"):  # a traceback may show a client that could not be built
            return "Buckets(not built)"
        known = self.api.transport.known_url
        urls = repr(known) if known else "[" + ", ".join(map(repr, self.settings.urls)) + "]"
        token = f", token from {self.settings.token.source}" if self.settings.token else ""
        return f"Buckets({urls}{token}{', read only' if self.settings.read_only else ''})"

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept alive; using the client again opens new ones."""
        self.api.transport.close()

    def info(self) -> dict[str, Any]:
        """Return what is known of both sides: ``{"client": {...}, "server": {...}}``, never with a token.

        Raises
        ------
        ServiceError
            The service did not say its version.
        """
        server = self.api.version()
        token = self.settings.token
        client = {
            "baseurl": self.api.url,
            "timeout": self.settings.timeout,
            "token": f"from {token.source}" if token else None,
            "read_only": self.settings.read_only,
            "version": _version(),
            "python": platform.python_version(),
        }
        return {"client": client, "server": server}

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have works."""
        return self.api.pipelines()

    def audit(self) -> dict[str, int]:
        """Have the service run its three audit passes now, and return how many works each acted on.

        Failed works with attempts left are queued again, running works past their timeout are failed, and so are
        unfinished works older than seven days. The plan of an audit says beforehand which.

        Raises
        ------
        ReadOnly
            This client may not change works.
        ServiceError
            A pass failed; its `counts` hold those that were answered before.
        """
        return self.api.audit()


def _version() -> str:
    try:
        return version("bucketsnb")
    except PackageNotFoundError:
        return "not installed"
