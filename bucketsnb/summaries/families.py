"""How the works of an event or of a parent are doing: a row for each event and pipeline, a tree for each family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from bucketsnb.display.markup import chip, element
from bucketsnb.display.texts import age, count_of, printable
from bucketsnb.frames import SummaryFrame
from bucketsnb.schema import STATUSES

if TYPE_CHECKING:
    from bucketsnb.api import Api

__all__ = ["Family", "events_of", "orphans_of"]

_TEXT = pd.StringDtype("python")
_MOST_SHOWN = 200
_LATEST = ["status", "attempt", "retries", "creation", "age", "id"]


def events_of(frame: pd.DataFrame, events: Sequence[int]) -> SummaryFrame:
    """Return one row per event and pipeline; see ``Buckets.events``.

    Of works created at the same time, the first of the frame is the latest, as ``view`` shows them. Events that were
    asked for and have no works are listed in ``attrs["without_works"]``.

    Returns
    -------
    pandas.DataFrame
        Columns ``event`` (``Int64``), ``pipeline``, ``status`` (of the latest work), ``attempt``, ``retries``,
        ``creation``, ``age``, ``id`` (of the latest), ``n_works`` (how many there are); by event, then pipeline.
    """
    wanted = [int(event) for event in events]
    places, found = _about(frame, set(wanted))
    rows = pd.DataFrame(frame.iloc[places][["pipeline", *_LATEST]]).assign(event=pd.array(found, dtype="Int64"))
    rows = rows[["event", "pipeline", *_LATEST]][::-1].sort_values("creation", kind="stable", na_position="first")
    works = rows.groupby(["event", "pipeline"], dropna=False).size().rename("n_works").astype("Int64")
    latest = rows.drop_duplicates(["event", "pipeline"], keep="last")
    table = SummaryFrame(
        latest.merge(works.reset_index(), on=["event", "pipeline"]).sort_values(
            ["event", "pipeline"], ignore_index=True
        )
    )
    table.attrs = {"without_works": sorted(set(wanted) - set(found))}
    return table


def _about(frame: pd.DataFrame, wanted: set[int]) -> tuple[list[int], list[int]]:
    """Return, for every pair of a work and a wanted event of it, the place in the frame and the event."""
    pairs = [
        (place, event)
        for place, events in enumerate(frame["event"])
        for event in {
            number: None for number in (events if isinstance(events, list) else [events]) if isinstance(number, int)
        }
        if event in wanted
    ]
    return [place for place, _ in pairs], [event for _, event in pairs]


def orphans_of(api: Api, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the works of a frame whose parent is not in the queue any more; costs one request for the parents' ids."""
    parents = sorted({str(parent) for parent in frame["parent"].dropna()})
    present = set(api.view_ids({"id": {"$in": parents}})) if parents else set()
    return frame[frame["parent"].notna() & ~frame["parent"].isin(present)]


class Family:
    """The works of one parent, as a tree with their statuses.

    Attributes
    ----------
    parent
        Id of the parent.
    frame
        The parent, if it is in the queue, and everything below it.
    complete
        Whether that is all: False if there are works further down that were not read.
    """

    def __init__(self, parent: str, frame: pd.DataFrame, *, complete: bool = True) -> None:
        self.parent = parent
        self.frame = frame
        self.complete = complete

    @property
    def counts(self) -> Mapping[str, int]:
        """How many works of each status are below the parent."""
        below = self.frame[self.frame["id"] != self.parent]
        found = below["status"].value_counts()
        return {status: int(found[status]) for status in STATUSES if found.get(status)}

    def __repr__(self) -> str:
        """Draw the tree as text, at most 200 works of it."""
        return "\n".join(
            [self._heading(), *(f"{'   ' * depth}{_line(row)}" for depth, row in self._walk()), *self._more()]
        )

    def _repr_html_(self) -> str:
        rows = [
            element("div", chip(row["status"]), " ", _line(row), style=f"margin-left: {1.5 * depth}em")
            for depth, row in self._walk()
        ]
        return str(element("div", element("strong", self._heading()), *rows, *self._more()))

    def _heading(self) -> str:
        summary = ", ".join(f"{number} {status}" for status, number in self.counts.items()) or "no works"
        known = "" if (self.frame["id"] == self.parent).any() else " (the parent itself is not in the queue)"
        further = "" if self.complete else "; there are more generations, which were not read"
        return f"family of {printable(self.parent)}{known}: {summary}{further}"

    def _more(self) -> list[str]:
        more = len(self.frame) - _MOST_SHOWN
        return [f"... and {count_of(more, 'more work', 'more works')} in .frame"] if more > 0 else []

    def _walk(self) -> Iterator[tuple[int, Any]]:
        """Yield (depth, work) of the works to show, each once, even if a record names itself as its parent."""
        rows = list(self.frame.sort_values("creation").to_dict("records"))
        below: dict[str, list[Any]] = {}
        for row in rows:
            if row["id"] != self.parent:
                below.setdefault(str(row["parent"]), []).append(row)
        waiting = [(0, row) for row in rows if row["id"] == self.parent] or [
            (1, row) for row in reversed(below.pop(self.parent, []))
        ]
        shown = 0
        while waiting and shown < _MOST_SHOWN:
            depth, row = waiting.pop()
            shown += 1
            yield depth, row
            waiting += [(depth + 1, child) for child in reversed(below.pop(str(row["id"]), []))]


def _line(row: Mapping[str, Any]) -> str:
    since = age(row["age"])
    told = f"attempt {row['attempt']} of {row['retries']}" + (f", {since} old" if since else "")
    return printable(f"{row['pipeline']} {row['status']} ({told}) {row['id']}")
