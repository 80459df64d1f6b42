"""A queue in a list, that changes between two requests as it is told: what a reader of many pages meets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bucketsnb.matching import compile_query, project


class Shelf:
    """Stands in for ``Buckets.api``: newest first, in the order of the list."""

    url = "http://shelf"
    clock_skew = None

    def __init__(
        self, works: list[dict[str, Any]], between: Callable[[Shelf, int], None] = lambda shelf, n: None
    ) -> None:
        self.works = works
        self.between = between
        self.requests: list[dict[str, Any]] = []
        self.largest = 0

    def _asked(self, document: Any, projection: Any, skip: int, limit: int | None) -> list[dict[str, Any]]:
        if self.requests:
            self.between(self, len(self.requests))
        self.requests.append({"query": document, "projection": projection, "skip": skip, "limit": limit})
        matches = compile_query(dict(document or {}))
        found = [work for work in self.works if matches(work)]
        return [project(work, projection) for work in found[skip : None if not limit else skip + limit]]

    def view_bytes(
        self, document: Any = None, projection: Any = None, *, skip: int = 0, limit: int | None = 100
    ) -> bytes:
        found = self._asked(document, projection, skip, limit)
        self.largest = max(self.largest, len(found))
        return json.dumps(found).encode()

    def view_ids(self, document: Any = None) -> list[str | None]:
        ids = (work.get("id") for work in self._asked(document, {"id": True}, 0, None))
        return [one if isinstance(one, str) else None for one in ids]

    def view(self, document: Any = None, projection: Any = None, *, skip: int = 0, limit: int | None = 100) -> Any:
        return self._asked(document, projection, skip, limit)
