"""Small questions that the tests of changes ask."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bucketsnb import Buckets, LocalBackend
from bucketsnb.changes.journal import Journal
from tests.factory import make_works

PIPELINE = "baseband-converter"
CHANGING = {("POST", "/work"), ("PUT", "/work"), ("DELETE", "/work"), ("POST", "/work/withdraw")}


def filled(backend: LocalBackend, number: int, **changes: Any) -> list[str]:
    """Put works into the store just as they are given, and return their ids, the oldest first."""
    return backend.store.load(make_works(number, **{"status": "queued", **changes}))


def stored(buckets: Buckets, query: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Return the works in the store by id."""
    return {work["id"]: work for work in buckets.api.view(query, limit=None)}


def changes_sent(backend: LocalBackend) -> list[str]:
    """Return method and path of each request so far that could change works."""
    lines = [(one.method, one.path) for one in backend.requests]
    return [f"{method} {path}" for method, path in lines if (method, path) in CHANGING or path.startswith("/audit")]


def lines(entry: str) -> list[dict[str, Any]]:
    """Return the lines of an entry of the journal."""
    return [json.loads(line) for line in journal_file(entry).read_text().splitlines()]


def journal_file(entry: str) -> Path:
    """Return the file of an entry."""
    return Journal().path(entry)


def but_id(work: Mapping[str, Any]) -> dict[str, Any]:
    """Return a work without its id, the one thing that an undo cannot put back."""
    return {name: value for name, value in work.items() if name != "id"}
