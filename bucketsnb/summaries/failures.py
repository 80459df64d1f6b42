"""Why works failed: groups of equal errors, with counts, times and an example."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import starmap
from typing import Any

import pandas as pd

from bucketsnb.display.texts import count_of
from bucketsnb.frames import SummaryFrame

__all__ = ["FOLDED_MOST", "Failures", "error_text", "failures_of", "fold"]

FOLDED_MOST = 1000
"""Characters of an error's text that are compared; errors that differ only after them count as equal."""

_KEYS = ("error", "exception", "errors", "message", "reason", "detail", "stderr", "traceback")
_DEEP = 3

_FOLDS = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b", re.I), "<id>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"),]+", re.I), "<url>"),
    (re.compile(r"(?<![\w<])(?:~|\.{1,2})?(?:/[\w.@%+=:,-]+)+/?"), "<path>"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"(?<![\w<])[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?", re.I), "#"),
    (re.compile(r"\d+"), "#"),
)
_GROUP = ["pipeline", "function", "site", "user", "error"]
_UNSEEN = ["function", "first_seen", "text"]
"""Columns that are not drawn: the function, when it was first seen, and an unfolded example of the error."""
_TEXT = pd.StringDtype("python")


class Failures(SummaryFrame):
    """Groups of failed works; its views say how many works were grouped if these are not all that match.

    Its ``attrs`` hold how many works were ``read`` and how many ``matched``, a lower bound unless ``exact``.
    """

    def _displayed(self) -> pd.DataFrame:
        """Leave out columns that would take space from the error."""
        return pd.DataFrame(self).drop(columns=_UNSEEN, errors="ignore")

    def _footer(self) -> str:
        footer, read = super()._footer(), self.attrs.get("read", 0)
        if read < self.attrs.get("matched", 0):
            failed = count_of(self.attrs["matched"], "failed work", at_least=not self.attrs["exact"])
            footer += f", made of the newest {read:,} of {failed}"
        return f"{footer}; not shown: {', '.join(_UNSEEN)}"


def error_text(results: Any, *, deep: int = _DEEP) -> str | None:
    """Return the text under the first key of results that says what went wrong (``error``, ``exception``), or None.

    Of a Python traceback only the last line is kept: it is the one that names the error.

    Examples
    --------
    >>> error_text({"snr": 9.1, "error": {"message": "disk full"}})
    'disk full'
    """
    if not isinstance(results, Mapping) or deep <= 0:
        return None
    for key in _KEYS:
        text = _as_text(results.get(key), deep)
        if text:
            return text
    inner = (error_text(value, deep=deep - 1) for value in results.values() if isinstance(value, Mapping))
    return next((text for text in inner if text), None)


def _as_text(value: Any, deep: int) -> str | None:
    if isinstance(value, str):
        lines = [line.strip() for line in value.strip().splitlines() if line.strip()]
        return (lines[-1] if lines[0].startswith("Traceback") else lines[0]) if lines else None
    if isinstance(value, list) and deep > 0:
        return next((text for text in (_as_text(part, deep - 1) for part in value) if text), None)
    return error_text(value, deep=deep - 1)


def fold(text: str, site: str | None = None) -> str:
    """Return an error's text with marks for numbers, ids, paths, addresses, times and the name of its site.

    Examples
    --------
    >>> fold("no such file: /data/2026/11/event_9385707.h5 after 31.5 s")
    'no such file: <path> after # s'
    >>> fold("no answer from chime-node07", site="chime")
    'no answer from <site>-node#'
    """
    text = text[:FOLDED_MOST]  # the patterns take time that is quadratic in the length
    for pattern, mark in _FOLDS:
        text = pattern.sub(mark, text)
    return re.sub(rf"\b{re.escape(site)}\b", "<site>", text, flags=re.I) if site else text


def failures_of(frame: pd.DataFrame) -> Failures:
    """Group failed works by where and why.

    Parameters
    ----------
    frame
        Works, with the columns ``pipeline, site, user, function, command, results, creation, start, stop, id``.

    Returns
    -------
    pandas.DataFrame
        Columns ``pipeline, function, site, user, error`` (text; `function` is the command's first word where there is
        no function, `error` is missing where the results carry none), ``n_works`` (``Int64``), ``first_seen``,
        ``last_seen`` (UTC: when the works ended, or else began or were created), ``example`` (id of the latest),
        ``text`` (its error, unfolded); the largest group first.
    """
    texts = [error_text(results) for results in frame["results"]]
    rows = pd.DataFrame(
        {
            "pipeline": frame["pipeline"].to_numpy(),
            "function": _text(map(_doer, frame["function"], frame["command"])),
            "site": frame["site"].to_numpy(),
            "user": frame["user"].to_numpy(),
            "error": _text(starmap(_folded, zip(texts, frame["site"], strict=True))),
            "when": frame["stop"].fillna(frame["start"]).fillna(frame["creation"]).to_numpy(),
            "example": frame["id"].to_numpy(),
            "text": _text(texts),
        }
    ).sort_values("when", kind="stable", na_position="first")
    whole = rows.groupby(_GROUP, dropna=False, sort=True, as_index=False).agg(
        n_works=("when", "size"),
        first_seen=("when", "min"),
        last_seen=("when", "max"),
        example=("example", "last"),
        text=("text", "last"),
    )
    return Failures(_typed(whole).sort_values("n_works", ascending=False, kind="stable", ignore_index=True))


def _folded(text: str | None, site: Any) -> str | None:
    return None if text is None else fold(text, site if isinstance(site, str) else None)


def _doer(function: Any, command: Any) -> str | None:
    if isinstance(function, str):
        return function
    return str(command[0]) if isinstance(command, list) and command else None


def _text(values: Iterable[str | None]) -> Any:
    return pd.array(list(values), dtype=_TEXT)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    dtypes: dict[str, Any] = dict.fromkeys((*_GROUP, "example", "text"), _TEXT)
    for name in ("first_seen", "last_seen"):
        table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[ns, UTC]")
    return table.astype({**dtypes, "n_works": "Int64"})
