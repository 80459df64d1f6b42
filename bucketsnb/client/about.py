"""What is known of both sides of a connection."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bucketsnb.api import Api
from bucketsnb.settings import Settings

__all__ = ["info_of"]


def info_of(api: Api, settings: Settings) -> dict[str, Any]:
    """Return what is known of the client and of the service; see ``Buckets.info``."""
    server = api.version()
    token = settings.token
    client = {
        "baseurl": api.url,
        "timeout": settings.timeout,
        "token": f"from {token.source}" if token else None,
        "read_only": settings.read_only,
        "version": _version(),
        "python": platform.python_version(),
    }
    return {"client": client, "server": server}


def _version() -> str:
    try:
        return version("bucketsnb")
    except PackageNotFoundError:
        return "not installed"
