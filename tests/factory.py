"""The one small factory that the works of the tests come from."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import Any

CREATION = 1_790_000_000.0
"""Epoch seconds of the first work made; each further one is a second younger."""

_ORDER = count()

_CONFIG = {
    "archive": {"results": True, "products": "copy", "plots": "copy", "logs": "move"},
    "metrics": False,
    "parent": None,
    "orgs": ["chimefrb"],
    "teams": None,
}
_SLACK = ("channel_id", "member_ids", "message", "results", "products", "plots", "blocks", "reply")


def make_work(**changes: Any) -> dict[str, Any]:
    """Return the payload of a fresh work: all 22 fields, in the public client's order, with ``changes`` made."""
    work: dict[str, Any] = {
        "pipeline": "baseband-converter",
        "site": "chime",
        "user": "tester",
        "function": None,
        "parameters": None,
        "command": None,
        "results": None,
        "products": None,
        "plots": None,
        "tags": None,
        "event": None,
        "id": None,
        "creation": CREATION + next(_ORDER),
        "start": None,
        "stop": None,
        "attempt": 0,
        "status": "created",
        "timeout": 3600,
        "retries": 2,
        "priority": 3,
        "config": deepcopy(_CONFIG),
        "notify": {"slack": dict.fromkeys(_SLACK)},
    }
    return {**work, **changes}


def make_works(number: int, **changes: Any) -> list[dict[str, Any]]:
    """Return ``number`` works that differ in their creation."""
    return [make_work(**changes) for _ in range(number)]
