"""Notebook toolkit for the CHIME/FRB Buckets work queue: DataFrames out, guarded changes in.

::

    import bucketsnb

    buckets = bucketsnb.practice()             # a queue to practise on; a real one: bucketsnb.Buckets("http://...")
    buckets.status()                           # how many works each pipeline has
    works = buckets.view(pipeline="fitburst", status="failure", older_than="2d")
    plan = buckets.plan_requeue(works)         # what would be done, to look at
    receipt = plan.apply()                     # done once, and read back
    receipt.undo()                             # taken back

=================  =================================================================================
``Buckets``        a client of one service: every method is on it, see ``help(bucketsnb.Buckets)``
``practice``       a client of a practice queue of its own
``Query``          a question about works as a value; ``any_of`` and ``not_`` join them
``STATUSES``       the statuses that a work can have
``app``            all panels on one page of a notebook
``widgets``        the panels one by one
``plots``          figures of a status, of ages, of a history
``LocalBackend``   a Buckets service of your own, for practice and tests
=================  =================================================================================

Importing this package does no work: each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bucketsnb import plots, widgets
    from bucketsnb.backend.server import LocalBackend
    from bucketsnb.client import Buckets
    from bucketsnb.client.practice import practice
    from bucketsnb.query import Query, any_of, not_
    from bucketsnb.schema import STATUSES
    from bucketsnb.widgets.app import app

__all__ = [
    "STATUSES",
    "Buckets",
    "LocalBackend",
    "Query",
    "__version__",
    "any_of",
    "app",
    "not_",
    "plots",
    "practice",
    "widgets",
]

__version__ = "0.2.0"

_HOMES = {
    "Buckets": "bucketsnb.client",
    "LocalBackend": "bucketsnb.backend.server",
    "Query": "bucketsnb.query",
    "STATUSES": "bucketsnb.schema",
    "any_of": "bucketsnb.query",
    "app": "bucketsnb.widgets",
    "not_": "bucketsnb.query",
    "practice": "bucketsnb.client.practice",
}
_MODULES = frozenset({"plots", "widgets"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"bucketsnb.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'bucketsnb' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
