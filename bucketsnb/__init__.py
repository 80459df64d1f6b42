"""Notebook toolkit for the CHIME/FRB Buckets work queue: DataFrames out, guarded changes in.

Importing this package does no work: each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bucketsnb.backend.server import LocalBackend
    from bucketsnb.client import Buckets
    from bucketsnb.query import Query, any_of, not_
    from bucketsnb.schema import STATUSES
    from bucketsnb.widgets.app import app

__all__ = ["STATUSES", "Buckets", "LocalBackend", "Query", "__version__", "any_of", "app", "not_"]

__version__ = "0.1.0"

_HOMES = {
    "Buckets": "bucketsnb.client",
    "LocalBackend": "bucketsnb.backend.server",
    "Query": "bucketsnb.query",
    "STATUSES": "bucketsnb.schema",
    "any_of": "bucketsnb.query",
    "app": "bucketsnb.widgets",
    "not_": "bucketsnb.query",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bucketsnb' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
