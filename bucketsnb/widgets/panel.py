"""What every panel has: shared state, guard, worker, message area, and a plain form for the saved notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
from IPython.display import display

from bucketsnb.errors import ServiceError
from bucketsnb.formatting import place_of, printable
from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.guard import Guard
from bucketsnb.widgets.messages import MessageArea
from bucketsnb.widgets.page import Page
from bucketsnb.widgets.state import State
from bucketsnb.widgets.worker import Worker

__all__ = ["Panel", "button", "every_widget", "folded", "names_to_offer", "note", "row_of", "show", "state_of"]


def state_of(source: Any) -> State:
    """Return the state that a panel was given, or a new one for the client that it was given."""
    return source if isinstance(source, State) else State(source)


def every_widget(root: ipywidgets.Widget) -> Iterable[ipywidgets.Widget]:
    """Yield a widget's children, deepest first, each once, then the widget."""
    for child in getattr(root, "children", ()):
        yield from every_widget(child)
    yield root


class Panel(ipywidgets.VBox):  # type: ignore[misc]  # its base is untyped
    """A whole task on screen.

    Parameters
    ----------
    source
        The client, or the :class:`~bucketsnb.widgets.state.State` to share with other panels.
    title
        Heading of the panel, and its name for screen readers.

    Attributes
    ----------
    state
        The facts on the page.
    messages
        Where errors and news stand.
    """

    def __init__(self, source: Any = None, *, title: str = "") -> None:
        super().__init__()
        self.add_class("bnb")
        self.title = title
        self.state = state_of(source)
        self.messages = MessageArea()
        self.guard = Guard(self.messages.show, lock=self.state.lock)
        self.worker = Worker(self.guard, name=f"bucketsnb {type(self).__name__}")
        self._page: Page | None = None
        self._offs: list[Callable[[], None]] = []
        self._parts: list[Panel] = []

    def lay_out(self, *children: ipywidgets.Widget) -> None:
        """Set the children, with the message area last; panels among them are closed with this one."""
        self._parts += [child for child in children if isinstance(child, Panel)]
        self.children = (*children, self.messages)

    def follow(self, fact: str, callback: Callable[[Any], None]) -> None:
        """Call back, under guard, whenever a fact of the state changes, until the panel is closed."""
        self._offs.append(self.state.observe(fact, self.guard(callback)))

    def close(self) -> None:
        """Stop the work, leave the state, and close every widget of the panel."""
        for off in self._offs:
            off()
        for part in self._parts:
            part.close()
        self.worker.close()
        for widget in every_widget(self):
            if widget is not self:
                widget.close()
        super().close()

    @property
    def where(self) -> str:
        """Host, port and path of the service, for titles; empty without a client."""
        url = getattr(getattr(self.state.buckets, "api", None), "url", "")
        return place_of(url) if url else ""

    def static(self) -> Markup:
        """Return what the panel shows as plain HTML: what a saved notebook keeps."""
        return element("div", *(part.static() for part in self._parts), self.messages.static())

    def keep(self) -> None:
        """Bring the plain form in the notebook up to date; before the panel is displayed there is none."""
        if self._page is not None:
            self._page.update(self.static())

    def __repr__(self) -> str:
        place = f" on {self.where}" if self.where else ""
        return printable(f"<{type(self).__name__}{place}>")

    def _ipython_display_(self, **_: Any) -> None:
        """Display the live panel, then its plain form, which the page hides while the panel is alive."""
        first = self._page is None
        if self._page is None:
            self._page = Page(self.guard)
            self.children = (*self.children, self._page)
        display(self._repr_mimebundle_(), raw=True)  # type: ignore[no-untyped-call]  # IPython's is untyped
        if first:
            self._page.display(self.static())


def names_to_offer(state: State) -> tuple[str, ...]:
    """Read the names of the pipelines, to be offered; where the status is on the page, that alone says if it fails."""
    try:
        return tuple(state.buckets.pipelines())
    except ServiceError:
        if state.followed("status"):
            return ()
        raise


def row_of(*controls: ipywidgets.Widget) -> ipywidgets.HBox:
    """Put controls beside each other; the row wraps on a narrow page."""
    row = ipywidgets.HBox(list(controls))
    row.add_class("bnb-row")
    return row


def button(
    label: str, guard: Guard, action: Callable[[], Any], *, tooltip: str = "", style: str = ""
) -> ipywidgets.Button:
    """Make a button as wide as its words; the action runs under guard."""
    made = ipywidgets.Button(description=label, tooltip=tooltip or None, button_style=style, layout={"width": "auto"})
    made.on_click(guard(lambda _: action()))
    return made


def folded(title: str, part: ipywidgets.Widget, *, open_: bool) -> ipywidgets.Accordion:
    """Put a part under a heading that opens and closes it."""
    fold = ipywidgets.Accordion([part], selected_index=0 if open_ else None)
    fold.titles = (title,)
    return fold


def note() -> ipywidgets.HTML:
    """Make a place for words or drawn HTML; whoever sets its value escapes it."""
    made = ipywidgets.HTML()
    made.add_class("bnb-note-line")
    return made


def show(part: ipywidgets.Widget, on: object) -> None:
    """Show or hide a part; hiding is only paint."""
    part.layout.display = None if on else "none"
