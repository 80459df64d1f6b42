"""Claim one queued work to do by hand: forecast, claim, then success, failure or give back before its time runs out."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import ipywidgets  # type: ignore[import-untyped]  # it ships no types
import traitlets

from bucketsnb.changes.claim import Claim
from bucketsnb.changes.undo import context_of
from bucketsnb.errors import QueryError, WorkError
from bucketsnb.formatting import printable
from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.cells import pretty
from bucketsnb.widgets.change_panel import PlanPanel, text_field
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.panel import button, names_to_offer, note, row_of, show
from bucketsnb.widgets.worker import Run, Worker

__all__ = ["WithdrawPanel"]


class _Countdown(Front):
    """The time left, counted in the page."""

    _esm = traitlets.Unicode(source("countdown")).tag(sync=True)
    _css = traitlets.Unicode(sheet()).tag(sync=True)


class WithdrawPanel(PlanPanel):
    """Claim a work, and end it.

    Parameters
    ----------
    source
        The client, or the state to share with other panels.

    Attributes
    ----------
    claim
        The work in your hands, a :class:`~bucketsnb.changes.claim.Claim`, or None.
    """

    def __init__(self, source: Any = None) -> None:
        super().__init__(source, title="Withdraw a work", verb="Forecast")
        self.claim: Any = None
        self.pipeline = ipywidgets.Combobox(description="pipeline", placeholder="type or choose")
        hints = {
            "site": "any",
            "user": "any",
            "tags": "any of: a, b",
            "event": "any",
            "priority": "any",
            "parent": "any",
        }
        self.fields = {name: text_field(name, hint) for name, hint in hints.items()}
        self.watch(self.pipeline, *self.fields.values())
        self.countdown = _Countdown(self.guard, {"hello": lambda _: self._count_down()})
        self.work = note()
        self.results = ipywidgets.Textarea(description="Results", placeholder='{"snr": 12.5}', rows=3)
        self.results.add_class("bnb-area")
        self.success = button("Success", self.guard, lambda: self._end("success"))
        self.failure = button("Failure", self.guard, lambda: self._end("failure"))
        self.give_back = button("Give back", self.guard, lambda: self._end("give_back"))
        self.ending = Worker(self.guard, name="bucketsnb end of a claim")
        self.held = ipywidgets.VBox(
            [self.countdown, self.work, self.results, row_of(self.give_back, self.failure, self.success)]
        )
        self.names = Worker(self.guard, name="bucketsnb pipelines")
        self.follow("receipt", self._claimed)
        form = ipywidgets.Box([self.pipeline, *self.fields.values()])
        form.add_class("bnb-form-grid")
        self.lay_out(form, row_of(*self.begin), self.box, self.held)
        self._draw()
        if self.state.buckets is not None:
            self.names.start(lambda _: names_to_offer(self.state), self._offer)

    def _offer(self, names: tuple[str, ...]) -> None:
        self.pipeline.options = tuple(name for name in sorted(names) if printable(name) == name)

    def make_plan(self) -> Callable[[Run], Any] | None:
        """Forecast which work would be claimed, by reads only."""
        if self.claim is not None and self.claim.held:
            raise QueryError("one work is in your hands already: end it, or give it back, before claiming another")
        asked, buckets = self._asked(), self.state.buckets
        return lambda _: buckets.plan_withdraw(**asked)

    def _asked(self) -> dict[str, Any]:
        typed = {name: field.value.strip() for name, field in self.fields.items()}
        asked: dict[str, Any] = {name: text for name, text in typed.items() if text}
        if "tags" in asked:
            asked["tags"] = [tag.strip() for tag in asked["tags"].split(",") if tag.strip()]
        for name in ("event", "priority"):
            if name in asked:
                asked[name] = _whole(name, asked[name])
        return {"pipeline": self.pipeline.value.strip(), **asked}

    def _claimed(self, receipt: Any) -> None:
        """Take the claimed work in hand, if the receipt is of this panel's claim."""
        if receipt is not None and receipt.verb == "withdraw" and not (self.claim is not None and self.claim.held):
            claim = Claim(context_of(self.state.buckets.api), receipt)
            self.claim = claim if claim else None
            show(self.box.undo, on=False)
            self._draw()

    def _end(self, how: str) -> None:
        claim = self.claim
        if claim is None or not claim.held or self.ending.running:
            return
        results = self._results() if how != "give_back" else None
        act = {"success": claim.success, "failure": claim.failure}.get(how)
        self.ending.start(lambda _: act(results) if act else claim.give_back(), self._ended)

    def _results(self) -> dict[str, Any] | None:
        text = self.results.value.strip()
        if not text:
            return None
        try:
            found = json.loads(text)
        except ValueError as error:
            raise WorkError(f"the results are not JSON: {error}", field="results") from error
        if not isinstance(found, dict):
            raise WorkError('the results are to be a JSON object, such as {"snr": 12.5}', field="results")
        return found

    def _ended(self, receipt: Any) -> None:
        self.claim = None
        self.results.value = ""
        self.box.show_receipt(receipt)
        self._draw()

    def _draw(self) -> None:
        claim = self.claim
        held = claim is not None and claim.held
        show(self.held, held)
        self.work.value = _work(claim) if held else ""
        self._count_down()

    def _count_down(self) -> None:
        left = self.claim.remaining if self.claim is not None and self.claim.held else math.inf
        self.countdown.tell("until", at=None if math.isinf(left) else time.time() + left)

    def static(self) -> Markup:
        """Return the last receipt, and the work that was in hand."""
        return element("div", super().static(), Markup(self.work.value))

    def close(self) -> None:
        """Stop the work, leave the state, and close; a work in hand stays claimed, as its receipt says."""
        self.names.close()
        self.ending.close()
        super().close()


def _work(claim: Any) -> Markup:
    record = claim.work
    heading = printable(f"In your hands: work {record.get('id')} of {record.get('pipeline')}")
    body = element("pre", pretty(record), class_="bnb-record", tabindex="0")
    return element("div", element("strong", heading), element("details", element("summary", "The whole work"), body))


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise QueryError(f"{name} is a whole number, and {text!r} is not") from error
