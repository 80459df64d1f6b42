"""The frame shown: a grid of works that is paged and sorted in Python, with a selection by id.

A page of rows is drawn when it comes into sight and travels as a message, so a hundred thousand works open as fast as a
hundred, and none of them is written into the notebook's widget state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
import traitlets

from bucketsnb.formatting import count_of, printable
from bucketsnb.formatting_html import STATUS_COLOURS, Markup, chip, table
from bucketsnb.frames import empty, to_records
from bucketsnb.widgets.cells import column_title, pretty
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.grid_rows import COLUMNS, Rows
from bucketsnb.widgets.guard import Message
from bucketsnb.widgets.panel import Panel

__all__ = ["WorksGrid"]

KEPT = 20
"""Rows of the plain table in a saved notebook."""
MOST = 500
"""Rows of one message."""


class _Table(Front):
    """The grid in the page."""

    _esm = traitlets.Unicode(source("grid")).tag(sync=True)
    _css = traitlets.Unicode(sheet("grid")).tag(sync=True)


class WorksGrid(Panel):
    """Show works; what is selected reaches Python by id.

    Parameters
    ----------
    source
        A frame of works, or a :class:`~bucketsnb.widgets.state.State` whose frame is shown and whose selection is set.
    columns
        Names of the columns to open with.
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
        columns: Iterable[str] = COLUMNS,
        height: int = 360,
        empty_note: str = "No works to show.",
    ) -> None:
        frame = source if isinstance(source, pd.DataFrame) else None
        super().__init__(None if frame is not None else source, title="Works")
        if frame is not None:
            self.state.frame = frame
        self._height = height
        self._empty_note = empty_note
        self._generation = 0
        self._rows = Rows(empty() if self.state.frame is None else self.state.frame, columns)
        self._rows.select(self.state.selection)
        self.table = _Table(self.guard, self._handlers())
        self.follow("frame", self._take_frame)
        self.follow("selection", self._take_selection)
        self.lay_out(self.table)

    def _handlers(self) -> dict[str, Callable[[dict[str, Any]], None]]:
        return {
            "hello": lambda _: self._reset(),
            "rows": self._send_rows,
            "sort": lambda asked: self.sort(asked["name"], descending=asked["descending"]),
            "columns": lambda asked: self.show_columns(asked["names"]),
            "select": lambda asked: self._choose(asked, lambda: self._rows.select(asked["ids"], on=asked["on"])),
            "range": self._choose_range,
            "all": lambda asked: self._choose(asked, self._rows.select_all),
            "none": lambda asked: self._choose(asked, self._rows.clear),
            "open": self._open,
        }

    @property
    def frame(self) -> pd.DataFrame:
        """The works shown; setting it keeps the sort, the columns, and what of the selection is still there."""
        return self._rows.frame

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
        return self._rows.chosen()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns shown."""
        return tuple(column.name for column in self._rows.columns)

    def select(self, ids: Iterable[str]) -> None:
        """Select these works and no others; ids that are not shown are passed over."""
        self._rows.clear()
        self._rows.select(ids)
        self._selection_changed()

    def sort(self, name: str | None, *, descending: bool = False) -> None:
        """Sort by a column; None brings back the order in which the works came."""
        self._rows.sort_by(name, descending)
        self._reset()

    def show_columns(self, names: Iterable[str]) -> None:
        """Choose the columns.

        Raises
        ------
        ValueError
            If none of them is a column of the frame.
        """
        wanted = [name for name in self._rows.frame.columns if name in set(names)]
        if not wanted:
            raise ValueError("a grid needs at least one column: choose one of " + ", ".join(self._rows.frame.columns))
        self._rows.show(wanted)
        self._reset()

    def _take_frame(self, frame: pd.DataFrame | None) -> None:
        gone = self._rows.replace(empty() if frame is None else frame)
        self._reset()
        if gone:
            verb = "is" if gone == 1 else "are"
            text = f"{count_of(gone, 'selected work')} {verb} no longer among the works shown, and unselected."
            self.messages.show(Message("info", text))
            self.state.selection = tuple(self._rows.selected)
        self.keep()

    def _take_selection(self, selection: tuple[str, ...]) -> None:
        if tuple(self._rows.selected) != selection:
            self._rows.clear()
            self._rows.select(selection)
            self.table.tell("selection", selected=len(self._rows.selected), view="")

    def _choose(self, asked: dict[str, Any], change: Callable[[], None]) -> None:
        change()
        self._selection_changed(asked.get("view", ""))

    def _choose_range(self, asked: dict[str, Any]) -> None:
        if asked["generation"] == self._generation:  # rows of another order are other works
            self._rows.select_rows(asked["first"], asked["last"], on=asked["on"])
            self._selection_changed()

    def _selection_changed(self, view: str = "") -> None:
        self.state.selection = tuple(self._rows.selected)
        self.table.tell("selection", selected=len(self._rows.selected), view=view)

    def _send_rows(self, asked: dict[str, Any]) -> None:
        if asked["generation"] == self._generation:
            first, count = int(asked["first"]), min(int(asked["count"]), MOST)
            rows = self._rows.page(first, count)
            self.table.tell("rows", generation=self._generation, first=first, rows=rows)

    def _open(self, asked: dict[str, Any]) -> None:
        if asked["generation"] != self._generation or not 0 <= asked["row"] < len(self._rows):
            return
        place = self._rows.place(asked["row"])
        record = to_records(self._rows.frame.iloc[[place]])[0]
        title = printable(f"Work {record.get('id') or 'without an id'} of {record.get('pipeline')}")
        known = {"row": asked["row"], "id": self._rows.id_at(place), "view": asked.get("view", "")}
        self.table.tell("work", title=title, json=pretty(record), **known)

    def _reset(self) -> None:
        self._generation += 1
        attrs = self._rows.frame.attrs
        sort = self._rows.sort
        self.table.tell(
            "reset",
            generation=self._generation,
            shown=len(self._rows),
            matched=self.counts_text,
            more=max(int(attrs.get("matched") or 0) - len(self._rows), 0),
            selected=len(self._rows.selected),
            columns=[column.message() for column in self._rows.columns],
            choices=[[name, column_title(name)] for name in self._rows.frame.columns],
            sort={"name": sort[0], "descending": sort[1]} if sort else None,
            colours=dict(STATUS_COLOURS),
            height=self._height,
            note=self._note(),
            first=self._rows.page(0, 60),
        )

    def _note(self) -> str:
        """Say why there are no rows: that nothing was read is not that nothing is there."""
        if self.state.frame is None:
            return "No works have been read."
        return "" if len(self._rows) else self._empty_note

    @property
    def counts_text(self) -> str:
        """How many works matched, with "at least" where the read was cut short, and "?" while nobody knows."""
        if self.state.frame is None:
            return "?"
        attrs = self._rows.frame.attrs
        matched = attrs.get("matched")
        known = len(self._rows) if matched is None else int(matched)
        return f"{'' if attrs.get('exact', True) else 'at least '}{known:,}"

    def static(self) -> Markup:
        """Return the first rows as a plain table."""
        with self.state.lock:
            page = self._rows.page(0, KEPT)
        rows = [
            [
                chip(text) if column.kind == "status" else text
                for (text, _), column in zip(row["cells"], self._rows.columns, strict=True)
            ]
            for row in page
        ]
        caption = f"Works: {len(page):,} here, {len(self._rows):,} shown, {self.counts_text} matched"
        return table([column_title(name) for name in self.columns], rows, caption=caption)
