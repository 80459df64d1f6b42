"""What the panels that change works have in common: which works, how, the plan, the question, the receipt.

Given a client, such a panel stands on its own, with a query builder and a preview. Given a state, it leaves those to
the other panels on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types

from bucketsnb.formatting import count_of, excerpt
from bucketsnb.formatting_html import Markup, element
from bucketsnb.query import Query
from bucketsnb.widgets.confirm_box import ConfirmBox
from bucketsnb.widgets.guard import Message
from bucketsnb.widgets.panel import Panel, button, folded, note, row_of, show
from bucketsnb.widgets.preview import Preview
from bucketsnb.widgets.query_builder import QueryBuilder
from bucketsnb.widgets.state import State
from bucketsnb.widgets.targets import Targets
from bucketsnb.widgets.warned import warned
from bucketsnb.widgets.worker import Run

__all__ = ["ChangePanel", "PlanPanel", "text_field"]

MAX_AFFECTED = 1000

_EDITED = "Something was edited while the plan was made, so there is none; nothing was sent."


def text_field(label: str, hint: str = "", *, wide: bool = False) -> ipywidgets.Text:
    """Return a labelled field for one line of text."""
    field = ipywidgets.Text(description=label, placeholder=hint)
    field.add_class("bnb-wide" if wide else "bnb-short")
    return field


class PlanPanel(Panel):
    """A panel that makes a plan and hands it to its confirm box.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    title
        Heading.
    verb
        Of the button that makes the plan.

    Attributes
    ----------
    plan_button
        Builds the plan; nothing but reads is sent.
    begin
        That button, one that gives up, and the words beside them.
    box
        Plan, question, progress and receipt.
    """

    def __init__(self, source: Any, *, title: str, verb: str) -> None:
        super().__init__(source, title=title)
        self.plan_button = button(f"{verb} …", self.guard, self.plan, tooltip="Show the plan; nothing is changed yet")
        self.plan_button.button_style = "primary"
        self.stop = button("Stop", self.guard, self._give_up, tooltip="Make no plan")
        self.planning = note()
        self.begin = (self.plan_button, self.stop, self.planning)
        self.box = ConfirmBox(self)
        self._enable()

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Return what builds the plan on a thread, from the controls as they are now; None while it cannot."""
        raise NotImplementedError

    def plan(self) -> None:
        """Build the plan and show it with its question."""
        if self.worker.running or self.box.busy or self.box.armed:
            return
        self.messages.clear()
        job = self.make_plan()
        if job is not None:
            self._disable()
            self.worker.start(lambda run: warned(lambda: job(run)), self._take_plan, failed=lambda _: self._enable())

    def _take_plan(self, answer: tuple[Any, list[str]]) -> None:
        plan, said = answer
        for text in reversed(said):
            self.messages.show(Message("warning", text))
        self._planned(plan)

    def _planned(self, plan: Any) -> None:
        self._enable()
        self.box.offer(plan)
        self.keep()

    def _disable(self) -> None:
        """Say that the plan is being made: a service may take its time to answer."""
        self.plan_button.disabled = True
        self.planning.value = element("span", "Reading what would change …", class_="bnb-faint", role="status")
        show(self.stop, on=True)

    def _enable(self, said: str = "") -> None:
        self.plan_button.disabled = False
        self.planning.value = element("span", said, class_="bnb-faint") if said else ""
        show(self.stop, on=False)

    def _give_up(self) -> None:
        if self.worker.running:
            self.worker.start(lambda run: None)  # what the older run still brings is dropped
            self._enable("Stopped: there is no plan, and nothing was sent.")

    def edited(self, _: Any = None) -> None:
        """Take the question away: what it was about has changed, also if its plan is only being built."""
        if self.worker.running:
            self.worker.start(lambda run: None, lambda _: self._enable(_EDITED))
        self.box.disarm("Something was edited, so the question was taken away; nothing was sent.")

    def watch(self, *controls: ipywidgets.Widget) -> None:
        """Take the question away when one of these controls changes."""
        for control in controls:
            control.observe(self.guard(self.edited), "value")

    def static(self) -> Markup:
        """Return what is shown, with the plan or the last receipt, as plain HTML."""
        return element("div", super().static(), self.box.static())


class ChangePanel(PlanPanel):
    """A panel that changes the selected works, or all that match.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.
    query
        What to start from, when the panel stands on its own.
    title, verb
        As for :class:`PlanPanel`.
    limit
        At most so many works are shown, when the panel stands on its own.
    """

    def __init__(self, source: Any, query: Any = None, *, title: str, verb: str, limit: int | None = 1000) -> None:
        super().__init__(source, title=title, verb=verb)
        alone = not isinstance(source, State)
        self.builder = QueryBuilder(self.state, query) if alone else None
        self.preview = Preview(self.state, limit=limit, height=280) if alone else None
        self._verb = verb
        self.targets = Targets(self, self.edited)
        self.targets.choice.observe(self.guard(lambda _: self._name_button()), "value")
        self.reason = text_field("Reason", "kept in the journal", wide=True)
        self.most = ipywidgets.BoundedIntText(value=MAX_AFFECTED, min=1, max=10**7, description="At most")
        self.most.add_class("bnb-short")
        self.running = _flag("running works too")
        self.anywhere = _flag("without a pipeline in the query")
        self.watch(self.reason, self.most, self.running, self.anywhere, *self.options())
        self.follow("selection", self.edited)
        self.follow("query", self.edited)
        for fact in ("selection", "frame", "query", "read_for"):
            self.follow(fact, lambda _: self._name_button())
        self._name_button()
        self.lay_out(*self._rows())

    def options(self) -> tuple[ipywidgets.Widget, ...]:
        """Return the controls that only this change has."""
        return ()

    def _rows(self) -> list[ipywidgets.Widget]:
        return [
            *self._above(),
            self.targets,
            row_of(*self.options(), self.reason, self.most),
            row_of(ipywidgets.HTML("Allow:"), self.running, self.anywhere),
            row_of(*self.begin),
            self.box,
        ]

    def _above(self) -> list[ipywidgets.Widget]:
        """Return the query, folded when there is one already, and the works; nothing on a shared page."""
        if self.builder is None or self.preview is None:
            return []
        self._parts += [self.builder]
        self.fold = folded("Query", self.builder, open_=self.builder.query == Query())
        self.follow("query", lambda _: self._name_fold())
        self._name_fold()
        return [self.fold, self.preview]

    def _name_fold(self) -> None:
        query = self.state.query
        self.fold.titles = ("Query (not complete)" if query is None else excerpt(query.to_code(), most=100),)

    def _name_button(self) -> None:
        number = self.targets.count
        said = f"{self._verb} {count_of(number, 'work', at_least=not self.targets.exact)} …"
        self.plan_button.description = said if number else f"{self._verb} …"

    @property
    def limits(self) -> dict[str, Any]:
        """What every plan is told: why, and how wide it may be."""
        return {
            "reason": self.reason.value.strip(),
            "allow_running": self.running.value,
            "allow_all": self.anywhere.value,
            "max_affected": self.most.value,
        }


def _flag(label: str) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(value=False, description=label, indent=False, layout={"width": "auto"})
