"""``frame.works``: methods that only a frame of works has, and the lines above such a frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bucketsnb.display.texts import count_of, format_time, host_of, join_truncated, truncate
from bucketsnb.errors import WorkError
from bucketsnb.frames.columns import COLUMNS, LIGHT
from bucketsnb.frames.json_array import JSONArray
from bucketsnb.frames.records import Baseline, parts_of, to_records
from bucketsnb.schema import FIELD_NAMES

__all__ = ["WorksAccessor", "caption"]

_QUERY = 200

_ELEMENTS: Mapping[str, Any] = {
    "event": "Int64",
    **dict.fromkeys(("tags", "products", "plots"), pd.StringDtype("python")),
}


class WorksAccessor:
    """Methods of a frame of works: one that ``view`` returned, or one that pandas made from such a frame.

    Examples
    --------
    >>> from bucketsnb.frames import frame_of
    >>> frame = frame_of([{"id": "a", "event": [1, 2]}], query={"pipeline": "sample"}, matched=7)
    >>> frame.works.shown, frame.works.matched, frame.works.query
    (1, 7, {'pipeline': 'sample'})
    >>> frame.works.explode("event").event.tolist()
    [1, 2]
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __repr__(self) -> str:
        return caption(self._frame)

    @property
    def query(self) -> dict[str, Any]:
        """The query document with which the works of this frame were read."""
        return dict(self._told("query"))

    @property
    def matched(self) -> int:
        """How many works matched when the frame was read; see :attr:`exact`."""
        return int(self._told("matched"))

    @property
    def exact(self) -> bool:
        """False if more works than :attr:`matched` may have matched."""
        return bool(self._told("exact"))

    @property
    def shown(self) -> int:
        """How many works are in this frame."""
        return len(self._frame)

    def to_records(self, *, partial: bool = False) -> list[dict[str, Any]]:
        """Return the works as the service holds them, with the cells that were changed here.

        See :func:`bucketsnb.frames.to_records`.
        """
        return to_records(self._frame, partial=partial)

    def explode(self, column: str = "event") -> pd.DataFrame:
        """Return one row for each element of a column of lists; a work without any keeps one row.

        ``event`` becomes ``Int64`` and ``tags``, ``products`` and ``plots`` become text, where all elements allow it.
        """
        if column not in self._frame:
            raise WorkError(f"this frame has no column {column!r}", field=column)
        frame = self._frame.explode(column)
        wanted = _ELEMENTS.get(column)
        if wanted is not None and isinstance(frame[column].array, JSONArray) and frame[column].isna().all():
            frame[column] = frame[column].astype(object).astype(wanted)
        return frame

    def extra(self) -> pd.DataFrame:
        """Return the fields that the schema does not know, one column each, for the works that have any.

        Raises
        ------
        WorkError
            If only fields that the schema knows were read, or if it is not known what was read.
        """
        known = Baseline.of(self._frame)
        if known is None and len(self._frame):
            raise WorkError("it is not known what was read of these works: ask a frame that view returned")
        places = {} if known is None else known.places_of(self._frame)
        works = [] if known is None else known.works_at(list(places.values()))
        unknown = {row: _unknown(work) for row, work in zip(places, works, strict=True)}
        found = {row: fields for row, fields in unknown.items() if fields}
        read = self._frame.attrs.get("columns", "all")
        read = next(iter(parts_of(self._frame).values()), "all") if read == "all" else read
        if not found and read != "all" and set(read) <= {*FIELD_NAMES, "parent"}:
            raise WorkError(
                f"this frame has only {join_truncated(read, most=22)} of its works: read it with columns='all', or "
                "name the fields in columns="
            )
        names = dict.fromkeys(name for fields in found.values() for name in fields)
        columns = {name: JSONArray._from_sequence([fields.get(name) for fields in found.values()]) for name in names}
        return pd.DataFrame(columns, index=self._frame.index.take(list(found)))

    def light(self) -> pd.DataFrame:
        """Return the columns of ``columns="light"``, ``age``, and any columns that were added."""
        keep = {*LIGHT, "age"}
        return self._frame[[name for name in self._frame if name in keep or name not in COLUMNS]]

    def _told(self, what: str) -> Any:
        if what not in self._frame.attrs:
            raise WorkError(f"this frame does not say its {what}: it was joined or made by hand, not read by view")
        return self._frame.attrs[what]


def _unknown(work: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in work.items() if name not in FIELD_NAMES}


def caption(frame: pd.DataFrame) -> str:
    """Return a few lines of text: how many works are shown and match, what was asked, and when."""
    about, here = frame.attrs, len(frame)
    shown = about.get("shown")
    if shown is None or "matched" not in about:
        return count_of(here, "work")
    number = f"{about['matched']:,} matched"
    matched = number if about.get("exact", True) else f"at least {number} (buckets.count says how many)"
    read = [
        f"read {format_time(about.get('read_at'))}" + (f" from {host_of(about['url'])}" if about.get("url") else "")
    ]
    if about.get("columns", "all") != "all":
        read.append(f"only {join_truncated(about['columns'], most=12)} read")
    if about.get("moved"):
        read.append(f"{count_of(about['moved'], 'work')} moved during the read")
    if about.get("cancelled"):
        read.append("stopped before the end")
    return "\n".join(
        [
            f"shown {shown:,} of {matched}" if here == shown else f"{here:,} here, of {shown:,} read, of {matched}",
            f"query: {truncate(json.dumps(about.get('query') or {}, ensure_ascii=False, default=str), _QUERY)}",
            ", ".join(read),
        ]
    )
