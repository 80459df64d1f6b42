"""A period of the queue in five sentences: works done, failed and waiting, the oldest, and the changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bucketsnb.display.markup import Markup, element
from bucketsnb.display.texts import age, count_of, format_time, printable
from bucketsnb.schema import STATUS_KEYS

__all__ = ["Digest", "digest_of"]


@dataclass(frozen=True, repr=False)
class Digest:
    """Sentences by their labels (``Done``, ``Failed``, ``Waiting``, ``Oldest``, ``Changed``), shown as a list."""

    sentences: Mapping[str, str]

    def __repr__(self) -> str:
        return "\n".join(f"{label}: {printable(text)}" for label, text in self.sentences.items())

    def _repr_html_(self) -> str:
        items = (
            element("li", element("strong", label), Markup(": ", ": "), text) for label, text in self.sentences.items()
        )
        return str(element("div", element("ul", *items)))


def digest_of(
    status: pd.DataFrame,
    ended: pd.DataFrame,
    waiting: Mapping[str, pd.DataFrame],
    before: pd.DataFrame | None = None,
) -> Digest:
    """Sum up a period in five sentences.

    Parameters
    ----------
    status
        What ``buckets.status()`` returned: index ``pipeline``, columns ``total`` to ``failure``.
    ended
        The works that ended in the period, with the columns ``pipeline`` and ``status``.
    waiting
        Works that need a person, by a word for the reason; those under ``stale`` with the columns ``pipeline``,
        ``status`` and ``age``.
    before
        The snapshot of the status to compare with, as ``buckets.history().at()`` returns it, or None.

    Examples
    --------
    >>> counts = {"total": [3], "queued": [1], "running": [0], "success": [1], "failure": [1]}
    >>> status = pd.DataFrame(counts, index=pd.Index(["fitburst"], name="pipeline"), dtype="Int64")
    >>> ended = pd.DataFrame({"pipeline": ["fitburst", "fitburst"], "status": ["success", "failure"]})
    >>> digest_of(status, ended, {})
    Done: 1 work ended in success.
    Failed: 1 work ended in failure (50 %), most in fitburst (1).
    Waiting: 1 queued and 0 running now.
    Oldest: no work is stale.
    Changed: there is no earlier snapshot to compare with.
    """
    return Digest(
        {
            "Done": f"{count_of(int((ended['status'] == 'success').sum()), 'work')} ended in success.",
            "Failed": _failed(ended),
            "Waiting": _waiting(status, waiting),
            "Oldest": _oldest(waiting.get("stale")),
            "Changed": _changed(status, before),
        }
    )


def _failed(ended: pd.DataFrame) -> str:
    failed = ended[ended["status"] == "failure"]
    if failed.empty:
        return "no works ended in failure."
    most = failed["pipeline"].value_counts()
    share = f"{100 * len(failed) / len(ended):.0f} %"
    return f"{count_of(len(failed), 'work')} ended in failure ({share}), most in {most.index[0]} ({most.iloc[0]:,})."


def _waiting(status: pd.DataFrame, waiting: Mapping[str, pd.DataFrame]) -> str:
    counts = f"{int(status['queued'].sum()):,} queued and {int(status['running'].sum()):,} running now"
    parts = [f"{len(frame):,} {word}" for word, frame in waiting.items()]
    unread = int(status["total"].isna().sum())
    parts += [f"{count_of(unread, 'pipeline')} could not be read"] if unread else []
    return f"{counts}{'; ' if parts else ''}{', '.join(parts)}."


def _oldest(stale: pd.DataFrame | None) -> str:
    if stale is None or stale.empty:
        return "no work is stale."
    oldest = stale.sort_values("age").iloc[-1]
    return f"a {oldest['status']} work of {oldest['pipeline']}, {age(oldest['age'])} old."


def _changed(status: pd.DataFrame, before: pd.DataFrame | None) -> str:
    if before is None:
        return "there is no earlier snapshot to compare with."
    if before.attrs.get("pipelines") is None:  # of some only: the others had works then too
        status = status[status.index.isin(before.index)]
    unread = status.index[status["total"].isna()].union(before.index[before["total"].isna()])
    names = status.index.union(before.index).difference(unread)  # a pipeline that is missing had no works
    now, then = (frame.reindex(names, fill_value=0)[list(STATUS_KEYS)].sum() for frame in (status, before))
    parts = ", ".join(f"{key} {int(now[key] - then[key]):+,}" for key in STATUS_KEYS)
    return f"{parts}, since {format_time(before.attrs.get('read_at'))}."
