"""The works shown: a grid that is paged and sorted in Python, with a selection by id.

A page of rows is drawn when it comes into sight and travels as a message, so a hundred thousand works open as fast as a
hundred, and none of them is written into the notebook's widget state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pandas as pd

from bucketsnb.changes.receipt import Outcome
from bucketsnb.display.markup import STATUS_COLOURS, Markup, chip, element, table
from bucketsnb.display.texts import count_of, printable, truncate
from bucketsnb.frames import empty, to_records
from bucketsnb.query import Query
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Handlers, Panel, Part
from bucketsnb.widgets.parts.box import Box
from bucketsnb.widgets.parts.cells import facts_of, pretty, title_of
from bucketsnb.widgets.parts.reader import LIMITS, WorksReader
from bucketsnb.widgets.parts.rows import Rows

__all__ = ["Grid", "WorksGrid"]

KEPT = 20
"""Rows of the plain table in a saved notebook."""
CAUSES = 50
"""Number of causes that are offered, the most frequent first."""
EVENTS = 20
"""Maximum number of events of a work that have a button; a work with more is a summary of many."""
_EMPTY_QUEUE = "The queue is empty. To try the page on made-up works, run bucketsnb.app(bucketsnb.practice())."
FIRST = 60
"""Rows that the page gets at first."""
MOST = 500
"""Maximum number of rows in one message."""


class Grid(Part):
    """Show the works of the state; the ticked rows are its selection.

    Rows are drawn in one order until the next ``reset``, which starts another generation: requests of the page for
    rows of an older generation are ignored, as other works are in their places.
    """

    kind = "grid"
    heading = "Works"

    def __init__(
        self,
        panel: Panel,
        *,
        columns: Iterable[str] | None = None,
        height: int = 328,
        empty_note: str = "No work matches.",
        reader: WorksReader | None = None,
    ) -> None:
        super().__init__(panel)
        self._height = height
        self._empty_note = empty_note
        self._reader = reader
        self._generation = 0
        self._shown_for: Any = self.state.query
        self._queries = 0
        self.rows = Rows(empty() if self.state.frame is None else self.state.frame, columns, self.state.causes)
        self._told = self.state.selection  # the selection that the page knows
        self.follow("frame", self._take_frame)
        self.follow("selection", self._take_selection)
        for fact in ("query", "read_for", "reading", "why", "counted"):
            self.follow(fact, lambda _: self._draw_state())

    # ---- which works, in which order

    def sort(self, name: str | None, *, descending: bool = False) -> None:
        """Sort by a column; None restores the order in which the works were read."""
        self.rows.sort_by(name, descending)
        self.draw()

    def filter_by(self, text: str) -> None:
        """Show only works of this query that have a text in one of the columns shown; an empty text shows all."""
        self.rows.text = text.strip()
        self.rows.arrange()
        self.draw()

    def narrow_to(self, name: str) -> None:
        """Show only works of this query that failed for a cause; the same cause again, or an empty one, shows all."""
        self.rows.cause = "" if name == self.rows.cause else name
        self.rows.arrange()
        self.draw()

    def show_columns(self, names: Iterable[str]) -> None:
        """Choose the columns."""
        chosen, shown = set(names), [column.name for column in self.rows.columns]
        wanted = [name for name in dict.fromkeys([*shown, *self.rows.choices]) if name in chosen]
        if not wanted:
            raise ValueError("a grid needs at least one column: choose one of " + ", ".join(self.rows.choices))
        self.rows.show(wanted)
        self.draw()

    def _take_frame(self, frame: pd.DataFrame | None) -> None:
        rows, state = self.rows, self.state
        if state.query != self._shown_for:  # a text or a cause narrows the works of one query
            self._shown_for, rows.text, rows.cause = state.query, "", ""
            self._queries += 1
        rows.implied = _implied(state.query)
        rows.replace(empty() if frame is None else frame, state.causes)
        known = rows.known
        gone = len(set(state.selection) - known - self._just_changed())
        self._told = tuple(work for work in (rows.ids if state.everything else state.selection) if work in known)
        state.selection = self._told
        self.draw()
        self.panel.messages.clear(self.name)
        if gone and not state.everything:
            verb = "is" if gone == 1 else "are"
            text = f"{count_of(gone, 'selected work')} {verb} no longer among the works shown, and unselected."
            self.show(Message("info", text))

    def _just_changed(self) -> set[str | None]:
        """Return the ids of works of the last change: it is no news that they do not match any more."""
        results = self.state.receipt.results if self.state.receipt is not None else ()
        return {result.id for result in results if result.outcome is Outcome.DONE}

    # ---- selection

    def choose(self, ids: Iterable[str], *, on: bool = True, view: str = "") -> None:
        """Add works to the selection, or remove them; ids that are not in the frame are ignored."""
        named, before = dict.fromkeys(ids), self.state.selection
        self.select([*before, *named] if on else [work for work in before if work not in named], view)

    def choose_range(self, generation: int, first: int, last: int, *, on: bool) -> None:
        """Add the works of some rows to the selection, or remove them."""
        if generation == self._generation:
            low, high = sorted((first, last))
            self.choose(self.rows.ids[self.rows.order[max(low, 0) : high + 1]], on=on)

    def select(self, ids: Iterable[str], view: str = "") -> None:
        """Select these works and no others; ids that are not in the frame are ignored."""
        known = self.rows.known
        self._told = tuple(work for work in dict.fromkeys(ids) if work in known)
        self.state.everything = False
        self.state.selection = self._told
        self._tell_selection(view)

    def chosen(self) -> pd.DataFrame:
        """Return the selected works as a frame, in the order of the frame shown."""
        return self.rows.frame[pd.Series(self.rows.ids, dtype=object).isin(self.state.selection).to_numpy()]

    def _take_selection(self, selection: tuple[str, ...]) -> None:
        if selection != self._told:
            self._told = selection
            self._tell_selection()

    def _tell_selection(self, view: str = "") -> None:
        """Send the page the number of selected works; a view that has ticked one row itself needs no rows."""
        self.tell("selection", **self._counts(), view=view)

    def _counts(self) -> dict[str, int]:
        """Return how many works are selected, and how many of them are shown."""
        selected = frozenset(self.state.selection)
        here = sum(work in selected for work in self.rows.ids[self.rows.order]) if selected else 0
        return {"selected": len(selected), "here": here}

    # ---- what the page asks for

    def send_rows(self, generation: int, first: int, count: int) -> None:
        """Send rows that come into view."""
        if generation == self._generation:
            self.tell("rows", generation=generation, first=first, rows=self._page(first, min(count, MOST)))

    def _page(self, first: int, count: int) -> list[dict[str, Any]]:
        return self.rows.page(first, count, frozenset(self.state.selection))

    def open_work(self, generation: int, row: int, view: str = "") -> None:
        """Send the whole work of a row."""
        if generation != self._generation or not 0 <= row < len(self.rows):
            return
        place, frame = int(self.rows.order[row]), self.rows.frame
        record = to_records(frame.iloc[[place]])[0]
        self.tell(
            "work",
            title=printable(f"Work {record.get('id') or 'without an id'} of {record.get('pipeline')}"),
            facts=facts_of(record, frame.attrs.get("read_at")),
            events=self._events_to_show(record),
            json=pretty(record),
            row=row,
            id=self.rows.id_at(place),
            view=view,
        )

    def _events_to_show(self, record: Mapping[str, Any]) -> list[str]:
        """Return the events of a work whose works can be shown, if works are read at all."""
        found = record.get("event")
        events = [str(one) for one in found if type(one) is int] if isinstance(found, list) else []
        return events if self._reader is not None and len(events) <= EVENTS else []

    # ---- drawing

    def draw(self) -> None:
        """Send the page the columns and the first rows."""
        self._generation += 1
        rows = self.rows
        self.tell(
            "reset",
            generation=self._generation,
            queries=self._queries,
            shown=len(rows),
            **self._counts(),
            narrowed=rows.narrowed,
            causes=self._causes(),
            why=self._why_failed(),
            text=rows.text,
            columns=[column._asdict() for column in rows.columns],
            choices=[[name, title_of(name)] for name in rows.choices],
            sort={"name": rows.sort[0], "descending": rows.sort[1]} if rows.sort else None,
            colours=dict(STATUS_COLOURS),
            height=self._height,
            limit=None if self._reader is None else {"value": self._reader.limit, "choices": LIMITS},
            first=self._page(0, FIRST),
        )
        self._draw_state()

    def _causes(self) -> list[dict[str, Any]]:
        """Return the most frequent causes, with how many works each has."""
        counts = list(self.rows.causes.counts.items())[:CAUSES] if self.rows.causes is not None else ()
        return [
            {"name": name, "label": truncate(name, 300), "count": count, "on": name == self.rows.cause}
            for name, count in counts
        ]

    def _why_failed(self) -> str:
        """Return the label of the causes, with the number of works if not all were checked."""
        causes = self.rows.causes
        whole = causes is None or len(causes.of) == len(causes.frame)
        return "Why:" if causes is None or whole else f"Why the newest {len(causes.of):,} failed:"

    def _draw_state(self) -> None:
        """Tell the page whether the rows are those of the query, and what to say instead of rows."""
        state = self.state
        stale = state.frame is not None and not state.up_to_date and state.query is not None
        self.tell(
            "state",
            reading=state.reading,
            stale=stale and self._reader is not None,
            note=self._note(),
            why=self._why(),
            order=self._order(),
        )

    def _note(self) -> str:
        """Return why there are no rows: nothing read is not the same as nothing found."""
        if self.state.frame is None:
            return "" if self.state.reading else "No works have been read."
        if self.rows.text and not len(self.rows) and len(self.rows.frame):
            return f"None of the {count_of(len(self.rows.frame), 'work')} that were read has this text in it."
        if len(self.rows) or self._why():
            return ""
        return _EMPTY_QUEUE if self._reader and self.state.query.is_empty else self._empty_note

    def _why(self) -> list[str]:
        """Return which condition leaves no works, in lines."""
        why = self.state.why
        if why is None or len(self.rows.frame):
            return []
        lines = [why.attrs.get("summary", "")]
        for _, row in why.iterrows():
            known = not pd.isna(row["without"])
            said = f'Without "{row["condition"]}", {int(row["without"]):,} match' if known else row["condition"]
            hint = "" if pd.isna(row["suggestion"]) or not row["suggestion"] else f" ({row['suggestion']})"
            lines.append(f"{said}{hint}")
        return [truncate(line, 300) for line in lines]

    def _order(self) -> str:
        """Return which of all matching works are here, what sorting orders, and how many moved meanwhile."""
        state = self.state
        moved = self.rows.frame.attrs.get("moved")
        texts = [f"{count_of(moved, 'work')} moved during the read: deleted, or no longer a match."] if moved else []
        if state.matched > state.read_count or not state.is_exact:
            texts.insert(0, f"The newest {state.read_count:,} of {state.matched_text} were read; sorting orders these.")
        return " ".join(texts)

    def static(self) -> Markup:
        """Return the first rows as a plain table, or why there are none."""
        with self.state.lock:
            columns, page = self.rows.columns, self.rows.page(0, KEPT)
        status = next((place for place, column in enumerate(columns) if column.kind == "status"), None)
        rows = [
            [chip(text) if place == status else text for place, (text, *_) in enumerate(row["cells"])] for row in page
        ]
        caption = f"Works: {len(page):,} here, {len(self.rows.frame):,} read, {self.state.matched_text} match"
        why = element("div", *(element("p", line) for line in self._why()))
        return element("div", why, table([column.title for column in columns], rows, caption=caption))

    def show_event(self, event: str) -> None:
        """Show all works of an event instead of the current filters, which an undo restores."""
        self.state.query = Query(event=int(event))

    handlers: ClassVar[Handlers] = {
        "rows": send_rows,
        "sort": sort,
        "columns": show_columns,
        "select": choose,
        "range": choose_range,
        "all": lambda self: self.choose(self.rows.ids[self.rows.order]),
        "none": lambda self: self.select(()),
        "open": open_work,
        "event": show_event,
        "filter": filter_by,
        "cause": narrow_to,
        "limit": lambda self, limit: self._reader.read_at_most(limit),
        "stop": lambda self: self._reader.worker.stop(),
        "ids": lambda self, view: self.tell("ids", text="\n".join(self.state.selection), view=view),
        "csv": lambda self, view: self.tell("csv", text=self.chosen().to_csv(index=False), view=view),
    }


def _implied(query: Any) -> frozenset[str]:
    """Return the columns that have one value in all matching works, which is in the filters."""
    if query is None:
        return frozenset()
    limits = {"pipeline": query.pipelines, "status": query.statuses}
    return frozenset(name for name, values in limits.items() if values is not None and len(values) == 1)


class WorksGrid(Panel):
    """Show works; the ids of the selected ones are known to Python.

    Parameters
    ----------
    source
        A frame of works, or a :class:`~bucketsnb.widgets.State` whose frame is shown and whose selection is set.
    columns
        Names of the columns to open with; None for those that the works need.
    height
        Of the box with the rows, in pixels.
    empty_note
        What to say when there is no work to show.

    Examples
    --------
    >>> from bucketsnb.frames import empty
    >>> grid = WorksGrid(empty())
    >>> grid.selected_ids
    ()
    >>> grid.close()
    """

    def __init__(
        self,
        source: Any = None,
        *,
        columns: Iterable[str] | None = None,
        height: int = 360,
        empty_note: str = "No works to show.",
    ) -> None:
        frame = source if isinstance(source, pd.DataFrame) else None
        super().__init__(None if frame is not None else source, title="Works")
        if frame is not None:
            self.state.frame = frame
        self.table = Grid(self, columns=columns, height=height, empty_note=empty_note)
        self.lay_out(Box(self), self.table)

    @property
    def frame(self) -> pd.DataFrame:
        """The works shown; setting it keeps the sort, the columns, and what of the selection is still there."""
        return self.table.rows.frame

    @frame.setter
    def frame(self, frame: pd.DataFrame) -> None:
        self.state.frame = frame

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """Ids of the selected works, in the order they were chosen."""
        return self.state.selection

    @property
    def selected(self) -> pd.DataFrame:
        """The selected works, as a frame in the order of the frame shown."""
        return self.table.chosen()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns shown."""
        return tuple(column.name for column in self.table.rows.columns)

    def select(self, ids: Iterable[str]) -> None:
        """Select these works and no others; ids that are not in the frame are ignored."""
        self.table.select(ids)

    def sort(self, name: str | None, *, descending: bool = False) -> None:
        """Sort by a column; None restores the order in which the works were read."""
        self.table.sort(name, descending=descending)

    def show_columns(self, names: Iterable[str]) -> None:
        """Choose the columns.

        Raises
        ------
        ValueError
            If none of them is a column of the frame.
        """
        self.table.show_columns(names)
