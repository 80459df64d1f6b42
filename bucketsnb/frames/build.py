"""Make a frame of works from columns, with facts about the read in its ``attrs``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bucketsnb.frames.columns import COLUMNS, GATHERED, STORED, Columns, derived, joined, missing
from bucketsnb.frames.decode import columns_of
from bucketsnb.frames.json_array import encode_json
from bucketsnb.frames.records import Baseline
from bucketsnb.frames.works_frame import WorksFrame
from bucketsnb.schema import FIELD_NAMES

__all__ = ["ColumnBuffer", "assemble", "empty", "frame_of"]


def frame_of(data: bytes | Sequence[Any], *, fields: Sequence[str] = FIELD_NAMES, **about: Any) -> WorksFrame:
    """Return a frame of the works of an answer.

    Parameters
    ----------
    data
        The body of the answer, or its works decoded.
    fields
        Fields that were asked for.
    **about
        What is known of the read; see :func:`assemble`.

    Returns
    -------
    DataFrame
        With the columns and dtypes of :data:`~bucketsnb.frames.columns.DTYPES`.

    Examples
    --------
    >>> frame = frame_of([{"id": "a", "pipeline": "sample", "status": "queued", "event": [1, 2]}])
    >>> frame.event[0], frame.attrs["matched"]
    ([1, 2], 1)
    """
    columns = columns_of(data if isinstance(data, bytes) else encode_json(list(data)), fields)
    return assemble(columns, read=None if set(fields) >= set(FIELD_NAMES) else fields, **about)


def empty() -> WorksFrame:
    """Return a frame without works, with the same columns and dtypes as any other."""
    return frame_of(b"[]")


def assemble(
    columns: Columns,
    *,
    read: Sequence[str] | None = None,
    query: Mapping[str, Any] | None = None,
    matched: int | None = None,
    exact: bool = True,
    now: float | None = None,
    url: str = "",
    **more: Any,
) -> WorksFrame:
    """Return the frame of stored columns, with what is known of the read in its ``attrs``.

    Beside what is given here, these hold ``shown`` (how many works there are) and ``as_read`` (what the works were,
    whatever is edited later).

    Parameters
    ----------
    columns
        What :func:`~bucketsnb.frames.decode.columns_of` returned.
    read
        The columns that were read, if not all were (``attrs["columns"]``, otherwise ``"all"``).
    query
        The query document that was sent.
    matched, exact
        How many works match (as many as there are, if not given), and False if that is only a lower bound.
    now
        Epoch seconds at which the works were read (``attrs["read_at"]``): what ages are counted to.
    """
    now = time.time() if now is None else now
    whole = columns | derived(columns, now, STORED if read is None else read)
    frame = WorksFrame({name: whole[name] for name in COLUMNS}, copy=False)
    about: dict[Any, Any] = {
        "shown": len(frame),
        "matched": len(frame) if matched is None else matched,
        "exact": exact,
        "query": dict(query or {}),
        "read_at": now,
        "url": url,
        "columns": "all" if read is None else list(read),
        "as_read": Baseline.keep(columns),
        **more,
    }
    frame.attrs = about
    return frame


class ColumnBuffer:
    """Columns of many pages; each page is moved into its place at once, so that no value is in memory twice.

    Joining the columns of a hundred pages at the end would leave gaps in memory as large as the columns.
    """

    def __init__(self) -> None:
        self._whole: Columns = {}
        self._room = 0
        self._filled = 0
        self._beyond: list[Columns] = []

    def add(self, page: Columns, expected: int) -> None:
        """Move the columns of a page here; `expected` is the number of works of all pages, as far as known."""
        count = len(page["id"])
        if not self._whole and count < expected:
            self._whole, self._room = {name: missing(name, expected) for name in GATHERED}, expected
        if not self._whole or self._beyond or self._filled + count > self._room:
            self._beyond.append(page)  # the only page, or works that came after they were counted
            return
        for name in GATHERED:
            self._whole[name][self._filled : self._filled + count] = page.pop(name)
        self._filled += count

    def columns(self, on_column: Callable[[], None]) -> Columns:
        """Return the columns of all pages; `on_column` as for :func:`joined`."""
        whole, self._whole = self._whole, {}
        if self._filled < self._room:
            whole = {name: array[: self._filled] for name, array in whole.items()}
        return joined([*([whole] if whole else []), *self._beyond], on_column)
