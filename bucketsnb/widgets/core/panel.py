"""What every panel has: one widget in the page, its parts, one place for messages, and a plain form for saving.

The front end is one ES module and one style sheet, shipped in the wheel: no build step, no CDN. What parts show
travels as custom messages, not as synced traits, so it is not written into the notebook's saved widget state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets
from IPython import get_ipython
from IPython.display import HTML, DisplayHandle, display

from bucketsnb.display.markup import Markup, element
from bucketsnb.display.texts import place_of, printable
from bucketsnb.widgets.core.messages import Message, Messages, message_of
from bucketsnb.widgets.core.state import State
from bucketsnb.widgets.core.worker import Worker

__all__ = ["PRINT_STYLE", "Handlers", "Panel", "Part"]

Handlers = Mapping[str, Callable[..., Any]]

PRINT_STYLE = """@media print {
.bnb-paper table { font-size: 8pt; } .bnb-paper tr { break-inside: avoid; } .bnb-paper h3 { break-after: avoid; }
.bnb-paper th, .bnb-paper td { padding: 0.1em 0.25em !important; overflow-wrap: anywhere; min-width: 0 !important; }
.jp-OutputArea-child:has(.bnb-paper) { break-inside: auto !important; }
.bnb-paper table:not(:has(tr:nth-child(12))) { break-inside: avoid; }
.bnb-paper [style*='nowrap']:not([style*='keep-all']) { white-space: normal !important; overflow-wrap: normal; }
.bnb-paper td > div { width: 4em !important; } .bnb-paper pre { white-space: pre-wrap; overflow-wrap: anywhere; } }"""
"""Style of the plain form in print: a sheet is narrower than a screen, so that cells break into lines,
but a short one only between words."""

_STATIC = Path(__file__).parent.parent / "static"
_FILES = ("shared", "fields", "menu", "status", "filters", "actions", "box", "form", "journal", "grid", "page")
"""Files of the front end: shared code, the parts, and the page that mounts them."""

_KEPT = ("query", "frame", "why", "status", "plan", "receipt", "changes", "counted")
"""Facts that the plain form shows."""


def _joined(ending: str) -> str:
    found = (_STATIC / f"{name}.{ending}" for name in _FILES)
    return "\n".join(file.read_text("utf-8") for file in found if file.is_file())


class Panel(anywidget.AnyWidget):
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

    _esm = traitlets.Unicode(_joined("js")).tag(sync=True)
    _css = traitlets.Unicode(_joined("css")).tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    mark = traitlets.Unicode("").tag(sync=True)
    """Class of the plain form, which the page hides while the kernel answers."""
    parts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Name, kind, and whether it is shown, of each part, in their order on the page."""

    def __init__(self, source: Any = None, *, title: str = "") -> None:
        self._parts: dict[str, Part] = {}  # before the widget opens: `close` needs it, even if that fails
        super().__init__()
        self.label = title
        self.mark = f"bnb-saved-{self.model_id}"
        self.state = source if isinstance(source, State) else State(source)
        self.messages = Messages(self._messages_changed)
        self._plain: DisplayHandle | None = None
        self.on_msg(self._on_message)

    def take(self, part: Part) -> None:
        """Add a part; the page shows it once it is laid out."""
        self._parts[part.name] = part

    def lay_out(self, *parts: Part, hidden: Iterable[Part] = ()) -> None:
        """Choose which parts the page shows, and their order."""
        if not self.parts:  # its parts observe the state already, so they are up to date when `keep` is called
            for fact in _KEPT:
                parts[0].follow(fact, lambda _: self.keep())
        away = list(hidden)
        self.parts = [[part.name, part.kind, part not in away] for part in parts]

    def tell(self, part: str, kind: str, **content: Any) -> None:
        """Send a message to a part in the page; after closing, nothing is sent."""
        if self.comm is not None:
            self.send({"part": part, "type": kind, **content})

    def _on_message(self, _: object, content: dict[str, Any], __: object = None) -> None:
        if content["part"]:
            self._parts[content["part"]].receive(content)
        self.tell("", "alive")  # in any case: without an answer, the page says that the kernel is gone

    def _messages_changed(self) -> None:
        if "box" in self._parts:
            self._parts["box"].draw()

    def close(self) -> None:
        """Stop the work, stop observing the state, and remove the panel and its layout from the page."""
        for part in self._parts.values():
            part.close()
        layout = getattr(self, "layout", None)
        super().close()
        if layout is not None:
            layout.close()

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
        """Update the plain form in the notebook; there is none before the panel is displayed."""
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
        """Display the live panel, then its plain form as a separate output that can be updated."""
        live, _ = super()._repr_mimebundle_() or ({}, {})
        display(live, raw=True)  # type: ignore[no-untyped-call]  # IPython's is untyped
        if self._plain is None and get_ipython() is not None:
            self._plain = display(self._marked(), display_id=True)  # type: ignore[no-untyped-call]


class Part:
    """One region of a panel, with its messages, its threads, and its plain form.

    Any exception of a callback is shown in the panel, with what to do next: otherwise it would only be in the log
    console of JupyterLab, and nowhere in Voila.
    """

    kind: ClassVar[str] = ""
    """The kind of part in the page; also its name, unless another is given."""
    heading: ClassVar[str] = ""
    """The heading of its plain form."""
    handlers: ClassVar[Handlers] = {}
    """Handlers of messages from the page, by type; the rest of the message becomes keyword arguments."""

    def __init__(self, panel: Panel, name: str = "") -> None:
        self.name = name or self.kind
        self.panel = panel
        self.state = panel.state
        self._offs: list[Callable[[], None]] = []
        self._workers: list[Worker] = []
        panel.take(self)

    def receive(self, content: dict[str, Any]) -> None:
        """Handle one message as if the page had sent it; a view that has just opened sends ``hello``."""
        kind = content["type"]
        given = {name: value for name, value in content.items() if name not in ("part", "type")}
        self.run(self.draw if kind == "hello" else lambda: self.handlers[kind](self, **given))

    def run(self, action: Callable[[], Any]) -> None:
        """Run an action; an exception becomes a message, and the panel stays usable."""
        try:
            with self.state.lock:
                action()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the border where errors become messages
            self.report(error)

    def report(self, error: BaseException) -> None:
        """Show an error."""
        self.show(message_of(error))

    def show(self, message: Message) -> None:
        """Show a message in the place for messages, until this part clears its messages."""
        with self.state.lock:
            self.panel.messages.show(message, self.name)

    def tell(self, kind: str, **content: Any) -> None:
        """Send one message to the page."""
        self.panel.tell(self.name, kind, **content)

    def draw(self) -> None:
        """Send the page everything that the part shows."""

    def new_worker(self, name: str) -> Worker:
        """Return a worker whose threads end with this part."""
        worker = Worker(self, name)
        self._workers.append(worker)
        return worker

    def follow(self, fact: str, callback: Callable[[Any], Any]) -> None:
        """Call back whenever a fact of the state changes, until the part is closed."""
        self._offs.append(self.state.observe(fact, lambda value: self.run(lambda: callback(value))))

    def static(self) -> Markup:
        """Return the plain HTML of the part."""
        return Markup("")

    def section(self) -> Markup:
        """Return its plain form under its heading; nothing if it shows nothing."""
        shown = self.static()
        return Markup(element("h3", self.heading) + shown) if self.heading and shown else shown

    def close(self) -> None:
        """Stop the work and stop observing the state."""
        for off in self._offs:
            off()
        for worker in self._workers:
            worker.close()
