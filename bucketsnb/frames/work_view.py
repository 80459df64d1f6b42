"""One work in full, as text and as HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bucketsnb.display import markup
from bucketsnb.display.texts import age, format_time, printable, truncate
from bucketsnb.schema import FIELD_NAMES, TIME_FIELDS

__all__ = ["WorkView"]

_FIRST = ("id", "pipeline", "status", "event", "site", "user", "priority", "attempt", "retries", "timeout")
_LONGEST = 20_000
_ONE_LINE = 100
_LINE = "\n"


class WorkView(Mapping[str, Any]):
    """One work, as the service returned it: a read-only mapping that shows itself in full.

    Parameters
    ----------
    record
        The work.
    now
        Epoch seconds that ages are counted to.

    Examples
    --------
    >>> work = WorkView({"id": "a", "pipeline": "sample", "status": "queued", "creation": 0.0}, now=90061.0)
    >>> print(work)
    Work a
    field     value
    id        a
    pipeline  sample
    status    queued
    creation  1970-01-01 00:00 UTC (1 d 1 h ago)
    >>> work["pipeline"]
    'sample'
    """

    def __init__(self, record: Mapping[str, Any], *, now: float) -> None:
        self._record = dict(record)
        self._now = now

    def __getitem__(self, name: str) -> Any:
        return self._record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)

    def __repr__(self) -> str:
        rows = [("field", "value"), *((name, self._text(name, value)) for name, value in self._rows())]
        width = max(len(printable(name)) for name, _ in rows)
        gap = "\n" + " " * (width + 2)
        return "\n".join(
            [self._title, *(f"{printable(name):{width}}  {gap.join(text.split(_LINE))}" for name, text in rows)]
        )

    def _repr_html_(self) -> str:
        rows = [(name, self._html(name, value)) for name, value in self._rows()]
        return markup.block(self._title, markup.table(["field", "value"], rows))

    @property
    def _title(self) -> str:
        return f"Work {truncate(self._record.get('id') or '(no id)', 60)}"

    def _rows(self) -> Iterator[tuple[str, Any]]:
        order = dict.fromkeys((*_FIRST, *TIME_FIELDS, *FIELD_NAMES, *self._record))
        return ((name, self._record[name]) for name in order if name in self._record)

    def _text(self, name: str, value: Any) -> str:
        if name in TIME_FIELDS and type(value) in {int, float}:
            return f"{format_time(value)} ({age(self._now - value)} ago)"
        if name == "timeout" and type(value) is int and value >= 60:
            return f"{value} s ({age(value)})"
        if value is None or isinstance(value, str):
            return _bounded(printable(value or ""))
        short = json.dumps(value, ensure_ascii=False)
        text = short if len(short) <= _ONE_LINE else json.dumps(value, ensure_ascii=False, indent=1)
        return _bounded(printable(text, keep=_LINE))

    def _html(self, name: str, value: Any) -> Any:
        if name == "status":
            return markup.chip(value)
        text = markup.escape(self._text(name, value), keep=_LINE)
        return markup.element("pre", text, style="margin: 0") if _LINE in text else text


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters in all)"
