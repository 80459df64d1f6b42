"""A queue in a list, that changes between two requests as it is told: what a reader of many pages meets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bucketsnb.api import Api, Clock
from bucketsnb.api.completeness import LongestAnswer
from bucketsnb.matching import compile_projection, compile_query
from bucketsnb.transport import Answer


class Shelf(Api):
    """Stands in for ``Buckets.api``: newest first, in the order of the list, and at most `cap` works in one answer."""

    url = "http://shelf"

    def __init__(
        self,
        works: list[dict[str, Any]],
        between: Callable[[Shelf, int], None] = lambda shelf, n: None,
        cap: int | None = None,
    ) -> None:
        self.works = works
        self.between = between
        self.cap = cap
        self.requests: list[dict[str, Any]] = []
        self.largest = 0
        self.clock = Clock("local")
        self.longest_answer = LongestAnswer()

    def status(self, pipeline: str | None = None) -> dict[str, int]:
        found = [work for work in self.works if pipeline in (None, work.get("pipeline"))]
        return {"total": len(found), "queued": len(found), "running": 0, "success": 0, "failure": 0}

    def _view_answer(self, document: Any, projection: Any, skip: int, limit: int | None) -> Answer:
        if self.requests:
            self.between(self, len(self.requests))
        self.requests.append({"query": document, "projection": projection, "skip": skip, "limit": limit})
        matches = compile_query(dict(document or {}))
        found = [work for work in self.works if matches(work)]
        sent = list(map(compile_projection(projection), found[skip : skip + limit if limit else None][: self.cap]))
        self.largest = max(self.largest, 0 if projection == {"id": True} else len(sent))
        return Answer(200, json.dumps(sent).encode())
