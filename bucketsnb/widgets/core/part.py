"""A part of a panel: one region of the page, with its messages, its threads, and its plain form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from bucketsnb.display.markup import Markup, element
from bucketsnb.widgets.core.error_boundary import ErrorBoundary, Message
from bucketsnb.widgets.core.worker import Worker

if TYPE_CHECKING:
    from bucketsnb.widgets.core.panel import Panel

__all__ = ["Part"]


class Part:
    """One region of a panel.

    Parameters
    ----------
    panel
        The panel that it is on.
    name
        Unique on the panel; the kind if it is not given.

    Attributes
    ----------
    kind
        What draws it in the page.
    heading
        What stands above its plain form, or nothing.
    """

    kind: ClassVar[str] = ""
    heading: ClassVar[str] = ""

    def __init__(self, panel: Panel, name: str = "") -> None:
        self.name = name or self.kind
        self.panel = panel
        self.state = panel.state
        self.guard = ErrorBoundary(self.show, lock=self.state.lock)
        self._offs: list[Callable[[], None]] = []
        self._workers: list[Worker] = []
        panel.take(self)

    def handlers(self) -> Mapping[str, Callable[[dict[str, Any]], Any]]:
        """Return what to do by a message's type."""
        return {}

    def receive(self, content: dict[str, Any]) -> None:
        """Handle one message as if the page had sent it; ``hello`` comes from a view that has just opened."""
        if content["type"] == "hello":
            self.guard.run(self.draw)
        else:
            self.guard.run(lambda: self.handlers()[content["type"]](content))

    def tell(self, kind: str, **content: Any) -> None:
        """Send one message to the page."""
        self.panel.tell(self.name, kind, **content)

    def draw(self) -> None:
        """Tell the page everything that it is to show."""

    def show(self, message: Message) -> None:
        """Show a message in the one place for them; it goes when this part has something newer to say."""
        self.panel.messages.show(message, self.name)

    def new_worker(self, name: str) -> Worker:
        """Return a worker whose threads end with this part."""
        worker = Worker(self.guard, name=f"bucketsnb {name}")
        self._workers.append(worker)
        return worker

    def follow(self, fact: str, callback: Callable[[Any], Any]) -> None:
        """Call back, under guard, whenever a fact of the state changes, until the part is closed."""
        self._offs.append(self.state.observe(fact, self.guard(callback)))

    def static(self) -> Markup:
        """Return what it shows as plain HTML."""
        return Markup("")

    def section(self) -> Markup:
        """Return its plain form under its heading; nothing where it has nothing to show."""
        shown = self.static()
        return Markup(element("h3", self.heading) + shown) if self.heading and shown else shown

    def close(self) -> None:
        """Stop the work and leave the state."""
        for off in self._offs:
            off()
        for worker in self._workers:
            worker.close()
