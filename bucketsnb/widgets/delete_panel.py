"""Delete works in four steps on one panel: say which, look at them, confirm, read what became of each.

The panel decides nothing about deleting: a plan does (:meth:`bucketsnb.Buckets.plan_delete`), and the panel shows it,
asks, and applies it on a thread.
"""

from __future__ import annotations

from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import pandas as pd

from bucketsnb.formatting import count_of, excerpt
from bucketsnb.formatting_html import Markup, element
from bucketsnb.query import Query
from bucketsnb.widgets.confirm import Confirm
from bucketsnb.widgets.grid import WorksGrid
from bucketsnb.widgets.panel import Panel, row_of
from bucketsnb.widgets.query_builder import QueryBuilder

__all__ = ["DeletePanel"]

TYPED_ABOVE = 100
"""From so many works on, and whenever one of them is running, the count has to be typed."""


class DeletePanel(Panel):
    """Delete works that match a query, or those selected among them.

    Parameters
    ----------
    source
        The client, or the :class:`~bucketsnb.widgets.state.State` to share with other panels.
    query
        What the form starts from: a query, a document, or None.
    limit
        At most so many works are shown and deleted at once.
    """

    def __init__(self, source: Any = None, query: Any = None, *, limit: int = 1000) -> None:
        super().__init__(source, title="Delete works")
        self.limit = limit
        self.builder = QueryBuilder(self.state, query)
        self.fold = ipywidgets.Accordion([self.builder], selected_index=0 if query is None else None)
        self.preview = ipywidgets.Button(description="Preview", button_style="primary", icon="search")
        self.note = ipywidgets.HTML()
        self.grid = WorksGrid(self.state, height=260)
        self.delete = ipywidgets.Button(icon="trash", layout={"width": "auto"})
        self.undo = ipywidgets.Button(description="Undo", icon="undo", tooltip="Put the deleted works back")
        self.stop = ipywidgets.Button(description="Stop", icon="stop")
        self.bar = ipywidgets.IntProgress(layout={"width": "14em"})
        self.confirm = Confirm(self.guard)
        self.receipt = ipywidgets.HTML()
        self._wire()
        self._parts.append(self.builder)  # closed and saved with this panel, though it lies in the fold
        self.lay_out(
            self.fold,
            row_of(self.preview, self.note),
            self.grid,
            row_of(self.delete, self.bar, self.stop),
            self.confirm,
            self.receipt,
            row_of(self.undo),
        )
        self._draw()

    def _wire(self) -> None:
        self.preview.on_click(self.guard(lambda _: self._read()))
        self.delete.on_click(self.guard(lambda _: self._plan()))
        self.undo.on_click(self.guard(lambda _: self._take_back()))
        self.stop.on_click(self.guard(lambda _: self.worker.stop()))
        self.follow("query", lambda _: self._edited())
        self.follow("selection", lambda _: self._disarm())
        self.follow("frame", lambda _: self._disarm())

    @property
    def chosen(self) -> pd.DataFrame | None:
        """The works that would be deleted: the selected ones, or without a selection all that are shown."""
        frame = self.state.frame
        return frame if frame is None or not self.state.selection else self.grid.selected

    def static(self) -> Markup:
        """Return the last works and the last receipt as plain HTML."""
        return element("div", super().static(), Markup(self.receipt.value))

    def _edited(self) -> None:
        """Put away what was shown: it is no longer what is asked."""
        self.messages.clear("error")
        self.state.selection = ()
        self.state.frame = None
        self._disarm()

    def _disarm(self) -> None:
        self.confirm.disarm()
        self.state.plan = None
        self._draw()

    def _read(self) -> None:
        query = self.state.query
        if self.worker.running or query is None:
            return
        self._disarm()
        self._start(lambda run: self._seen(query), self._read_done)

    def _seen(self, query: Query) -> pd.DataFrame:
        frame: pd.DataFrame = self.state.buckets.view(query, limit=self.limit)
        if not frame.attrs["exact"]:
            frame.attrs.update(matched=self.state.buckets.count(query), exact=True)
        return frame

    def _read_done(self, frame: pd.DataFrame) -> None:
        self.state.frame = frame
        self._draw()
        self.keep()

    def _plan(self) -> None:
        chosen = self.chosen
        if self.worker.running or self.confirm.armed or chosen is None or chosen.empty:
            return
        self.messages.clear()
        self._start(lambda run: self._planned(chosen), self._ask)

    def _planned(self, chosen: pd.DataFrame) -> Any:
        # Running works are allowed here because the question then wants their count typed.
        return self.state.buckets.plan_delete(chosen, allow_running=True, max_affected=self.limit)

    def _ask(self, plan: Any) -> None:
        self.state.plan = plan
        running = f", of which {plan.running:,} running" if plan.running else ""
        wants_typing = plan.running or plan.count > TYPED_ABOVE
        self.confirm.ask(
            f"{plan.summary}{running}? They are put on record first, and can be brought back with Undo.",
            plan.summary,
            yes=lambda: self._apply(plan),
            no=self._disarm,
            word=str(plan.count) if wants_typing else None,
        )
        self._draw()

    def _apply(self, plan: Any) -> None:
        self.state.plan = None
        self._start(lambda run: plan.apply(progress=run.progress, cancel=run.cancel), self._applied)

    def _applied(self, receipt: Any) -> None:
        self.state.receipt = receipt
        self.state.changes += 1
        self.receipt.value = receipt._repr_html_()
        self.state.selection = ()
        self._read()

    def _take_back(self) -> None:
        receipt = self.state.receipt
        if self.worker.running or receipt is None:
            return
        self._disarm()
        self._start(lambda run: receipt.undo(), self._taken_back)

    def _taken_back(self, receipt: Any) -> None:
        self._applied(receipt)
        self.state.receipt = None
        self._draw()

    def _start(self, job: Any, done: Any) -> None:
        def failed(_: Exception) -> None:
            self._draw()

        def progress(done: int, total: int) -> None:
            self.bar.max, self.bar.value = total, done

        self.bar.value = 0
        self.worker.start(job, done, progress=progress, failed=failed)
        self._draw()

    def _draw(self) -> None:
        """Bring the buttons and the words in line with the facts; handlers check the facts again."""
        busy = self.worker.running
        number = 0 if self.chosen is None else len(self.chosen)
        self.preview.disabled = busy or self.state.query is None
        self.delete.description = f"Delete {count_of(number, 'work')} …" if number else "Delete …"
        self.delete.disabled = busy or self.confirm.armed or not number
        self.undo.disabled = busy
        _show(self.grid, self.state.frame is not None)
        _show(self.delete, self.state.frame is not None)
        _show(self.receipt, bool(self.receipt.value))
        _show(self.undo, self.state.receipt is not None)
        _show(self.bar, busy)
        _show(self.stop, busy)
        self.fold.titles = (self._asked(),)
        self.note.value = element("span", self._said())

    def _asked(self) -> str:
        query = self.state.query
        return "Query (not complete)" if query is None else excerpt(query.to_code(), most=100)

    def _said(self) -> str:
        frame = self.state.frame
        if self.worker.running:
            return "Working ..."
        if frame is None:
            return "Nothing is deleted by looking."
        left = int(frame.attrs.get("matched") or 0) - len(frame)
        return f"These are the newest {len(frame):,}; delete them, and the next come into sight." if left > 0 else ""


def _show(part: ipywidgets.Widget, on: Any) -> None:
    part.layout.display = None if on else "none"
