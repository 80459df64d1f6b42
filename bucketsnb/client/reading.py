"""The part of the client that reads works: views of what matches, and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bucketsnb.client.base import ClientBase
from bucketsnb.frames import HEAVY, LIGHT, WorksFrame, frame_of
from bucketsnb.query import Query
from bucketsnb.schema import FIELD_NAMES

__all__ = ["Reading"]


class Reading(ClientBase):
    """Read works; see :class:`~bucketsnb.client.Buckets`."""

    def view(
        self,
        query: Query | Mapping[str, Any] | None = None,
        projection: Mapping[str, Any] | None = None,
        skip: int = 0,
        limit: int | None = 100,
        *,
        columns: str | Sequence[str] | None = None,
    ) -> WorksFrame:
        """Return the works that match as a frame, newest first.

        Parameters
        ----------
        query
            A query, or a query document; None for every work.
        projection
            Which fields to read, as the service's own client takes it, such as ``{"id": True}``.
        skip
            How many to leave out at the start.
        limit
            How many at most; None for all.
        columns
            ``"light"`` leaves out the large fields; or the names of fields.

        Returns
        -------
        DataFrame
            Its ``attrs`` say how many are shown and how many match: exactly, or at least when more may follow.
        """
        fields = _fields(columns, projection)
        document = Query.parse(query).to_document()
        chosen = None if fields is None else dict.fromkeys(fields, True)
        data = self.api.view_bytes(document, chosen, skip=skip, limit=None if limit is None else limit + 1)
        frame = frame_of(data, query=document, url=self.api.url, fields=fields or FIELD_NAMES)
        more = limit is not None and len(frame) > limit
        if more:
            frame = frame_of(
                self.api.view_bytes(document, chosen, skip=skip, limit=limit),
                query=document,
                matched=skip + len(frame),
                exact=False,
                url=self.api.url,
                fields=fields or FIELD_NAMES,
            )
        return frame

    def count(self, query: Query | Mapping[str, Any] | None = None) -> int:
        """Return how many works match."""
        return len(self.api.view_ids(Query.parse(query).to_document()))


def _fields(columns: str | Sequence[str] | None, projection: Mapping[str, Any] | None) -> Sequence[str] | None:
    if columns is None or columns == "all":
        return [name for name, wanted in projection.items() if wanted] if projection else None
    if columns == "light":
        return [name for name in FIELD_NAMES if name in LIGHT or name not in HEAVY]
    return [columns] if isinstance(columns, str) else list(columns)
