"""What every panel has: shared state, parts, one place for messages and questions, and a plain form for saving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from IPython import get_ipython
from IPython.display import HTML, DisplayHandle, display

from bucketsnb.display.markup import Markup, element
from bucketsnb.display.texts import place_of, printable
from bucketsnb.errors import ServiceError
from bucketsnb.widgets.core.error_boundary import ErrorBoundary
from bucketsnb.widgets.core.front_end import FrontEnd
from bucketsnb.widgets.core.messages import Messages
from bucketsnb.widgets.core.part import Part
from bucketsnb.widgets.core.state import State

__all__ = ["PRINT_STYLE", "Panel", "names_to_offer", "state_of"]


PRINT_STYLE = """@media print {
.bnb-paper table { font-size: 8pt; } .bnb-paper tr { break-inside: avoid; } .bnb-paper h3 { break-after: avoid; }
.bnb-paper th, .bnb-paper td { padding: 0.1em 0.25em !important; overflow-wrap: anywhere; }
.bnb-paper [style*='nowrap'] { white-space: normal !important; overflow-wrap: normal; }
.bnb-paper td > div { width: 4em !important; } .bnb-paper pre { white-space: pre-wrap; overflow-wrap: anywhere; } }"""
"""Style of the plain form in print: a sheet is narrower than a screen, so that cells break into lines,
but a short one only between words."""


def state_of(source: Any) -> State:
    """Return the state that a panel was given, or a new one for the client that it was given."""
    return source if isinstance(source, State) else State(source)


class Panel(FrontEnd):
    """A whole task on screen: one widget, in which its parts are mounted.

    A panel displays itself as two outputs: the live one, and plain HTML of its last facts, which the page hides while
    the kernel answers. A saved notebook keeps the plain one.

    Parameters
    ----------
    source
        The client, or the :class:`~bucketsnb.widgets.core.state.State` to share with other panels.
    title
        Name of the panel for screen readers.

    Attributes
    ----------
    state
        The facts on the page.
    messages
        What went wrong, and news.
    """

    def __init__(self, source: Any = None, *, title: str = "") -> None:
        self._parts: dict[str, Part] = {}  # before the widget opens, which may be all that ever happens to it
        super().__init__()
        self.title = title
        self.label = title
        self.mark = f"bnb-saved-{self.model_id}"
        self.state = state_of(source)
        self.messages = Messages(self._messages_changed)
        self._plain: DisplayHandle | None = None
        self._guard = ErrorBoundary(lambda message: self.messages.show(message, "page"), lock=self.state.lock)
        self.on_msg(self._on_message)

    def take(self, part: Part) -> None:
        """Take a part over; the page shows it once it is laid out."""
        self._parts[part.name] = part

    def lay_out(self, *parts: Part, hidden: Iterable[Part] = ()) -> None:
        """Say which parts the page shows, in which order."""
        away = list(hidden)
        self.parts = [[part.name, part.kind, part not in away] for part in parts]

    def _on_message(self, _: object, content: dict[str, Any], __: object = None) -> None:
        if content["part"]:
            self._guard.run(lambda: self._parts[content["part"]].receive(content))
        self.tell("", "alive")  # whatever came of it: a page that hears nothing says that nobody is there

    def _messages_changed(self) -> None:
        if "box" in self._parts:
            self._parts["box"].draw()

    def close(self) -> None:
        """Stop the work, leave the state, and take the panel off the page."""
        for part in self._parts.values():
            part.close()
        super().close()

    @property
    def where(self) -> str:
        """Host, port and path of the service, for titles; empty without a client."""
        url = getattr(getattr(self.state.buckets, "api", None), "url", "")
        return place_of(url) if url else ""

    def static(self) -> Markup:
        """Return what the panel shows as plain HTML: what a saved notebook keeps."""
        sections = [self._parts[name].section() for name, _, shown in self.parts if shown]
        return element("div", element("style", Markup(PRINT_STYLE)), *sections, class_="bnb-paper")

    def keep(self) -> None:
        """Bring the plain form in the notebook up to date; before the panel is displayed there is none."""
        if self._plain is not None:
            self._plain.update(self._marked())  # type: ignore[no-untyped-call]

    def _marked(self) -> HTML:
        return HTML(element("div", self.static(), class_=self.mark))  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        place = f" on {self.where}" if self.where else ""
        return printable(f"<{type(self).__name__}{place}>")

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live panel beside its plain form, for a front end that shows no widgets."""
        live, about = super()._repr_mimebundle_(**options) or ({}, {})
        return {**live, "text/html": self._repr_html_()}, about

    def _repr_html_(self) -> str:
        return str(self.static())

    def _ipython_display_(self, **_: Any) -> None:
        """Display the live panel, then its plain form as an output of its own, which can be brought up to date."""
        live, _ = super()._repr_mimebundle_() or ({}, {})
        display(live, raw=True)  # type: ignore[no-untyped-call]  # IPython's is untyped
        if self._plain is None and get_ipython() is not None:
            self._plain = display(self._marked(), display_id=True)  # type: ignore[no-untyped-call]


def names_to_offer(state: State) -> tuple[str, ...]:
    """Read the names of the pipelines, to be offered; where the status is on the page, that alone says if it fails.

    A name that cannot be shown as it is cannot be typed either, and is left out.
    """
    try:
        return tuple(sorted(name for name in state.buckets.pipelines() if printable(name) == name))
    except ServiceError:
        if state.followed("status"):
            return ()
        raise
