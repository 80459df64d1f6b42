"""What stands above a frame of works: how many are shown, how many match, what was asked, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from bucketsnb.display.texts import count_of, format_time, host_of, join_truncated, truncate

__all__ = ["caption"]

_QUERY = 200


def caption(frame: pd.DataFrame) -> str:
    """Say how many works are shown, how many match, what was asked, and when: a few lines of text."""
    return "\n".join(_caption(frame))


def _caption(frame: pd.DataFrame) -> Iterator[str]:
    about = frame.attrs
    here, shown = len(frame), about.get("shown")
    if shown is None or "matched" not in about:
        yield count_of(here, "work")
        return
    number = f"{about['matched']:,} matched"
    matched = number if about.get("exact", True) else f"at least {number} (buckets.count says how many)"
    yield f"shown {shown:,} of {matched}" if here == shown else f"{here:,} here, of {shown:,} read, of {matched}"
    yield f"query: {truncate(json.dumps(about.get('query') or {}, ensure_ascii=False, default=str), _QUERY)}"
    yield ", ".join(_circumstances(about))


def _circumstances(about: Any) -> Iterator[str]:
    yield f"read {format_time(about.get('read_at'))}" + (f" from {host_of(about['url'])}" if about.get("url") else "")
    if about.get("columns", "all") != "all":
        yield f"only {join_truncated(about['columns'], most=12)} read"
    if about.get("moved"):
        yield f"{count_of(about['moved'], 'work')} moved during the read"
    if about.get("cancelled"):
        yield "stopped before the end"
