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
from bucketsnb.changes.seen import Seen, described, differences, same
from bucketsnb.changes.undo import context_of
from bucketsnb.errors import PlanError, QueryError, WorkError
from bucketsnb.formatting import printable
from bucketsnb.formatting_html import Markup, element
from bucketsnb.widgets.cells import pretty
from bucketsnb.widgets.change_panel import PlanPanel, text_field
from bucketsnb.widgets.front import Front, sheet, source
from bucketsnb.widgets.guard import Message
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
        self.looking = Worker(self.guard, name="bucketsnb look at a claim")
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
        asked, buckets, claim = self._asked(), self.state.buckets, self.claim if self._holds else None

        def forecast(_: Run) -> Any:
            lost = what_became(buckets.api, claim.work) if claim is not None else ""
            if claim is not None and not lost:
                raise QueryError("one work is in your hands already: end it, or give it back, before claiming another")
            return claim, lost, buckets.plan_withdraw(**asked)

        return forecast

    def _planned(self, plan: Any) -> None:
        claim, lost, forecast = plan
        self._let_go(claim, lost)
        super()._planned(forecast)

    @property
    def _holds(self) -> bool:
        return self.claim is not None and self.claim.held

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
        """Take the claimed work in hand, if the receipt is of this panel's claim; any other may be of what is held."""
        if self._holds:
            self._look()
        elif receipt is not None and receipt.verb == "withdraw" and receipt is self.box.receipt:
            claim = Claim(context_of(self.state.buckets.api), receipt)
            self.claim = claim if claim else None
            self._draw()

    def _look(self) -> None:
        claim, api = self.claim, self.state.buckets.api
        self.looking.start(lambda _: what_became(api, claim.work), lambda lost: self._let_go(claim, lost))

    def _let_go(self, claim: Any, lost: str) -> None:
        """Let go of a work that is lost: any change of it, whoever made it, keeps this panel from ending it."""
        if not lost or claim is not self.claim or self.ending.running:
            return
        self.messages.show(Message("warning", lost, details=self.results.value))  # what was typed can be copied there
        self._put_down()
        self.keep()

    def _put_down(self) -> None:
        self.claim = None
        self.results.value = ""
        self._draw()

    def _end(self, how: str) -> None:
        claim = self.claim
        if not self._holds or self.ending.running:
            return
        results = self._results() if how != "give_back" else None
        act = {"success": claim.success, "failure": claim.failure}.get(how)
        self.ending.start(
            lambda _: act(results) if act else claim.give_back(),
            self._ended,
            failed=lambda error: self._look() if isinstance(error, PlanError) else None,
        )

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
        self._put_down()
        self.box.show_receipt(receipt)

    def _draw(self) -> None:
        show(self.held, self._holds)
        self.work.value = _work(self.claim) if self._holds else ""
        self._count_down()

    def _count_down(self) -> None:
        left = self.claim.remaining if self._holds else math.inf
        self.countdown.tell("until", at=None if math.isinf(left) else time.time() + left)

    def static(self) -> Markup:
        """Return the last receipt, and the work that was in hand."""
        return element("div", super().static(), Markup(self.work.value))

    def close(self) -> None:
        """Stop the work, leave the state, and close; a work in hand stays claimed, as its receipt says."""
        self.names.close()
        self.ending.close()
        self.looking.close()
        super().close()


def what_became(api: Any, claimed: dict[str, Any]) -> str:
    """Say what became of a work since it was claimed; nothing while it is just as it was then."""
    now = api.view({"id": claimed["id"]})
    if now and same(now[0], Seen.of(claimed)):
        return ""
    became = f"changed since you claimed it ({described(differences(claimed, now[0]))})" if now else "is gone"
    return printable(f"Work {claimed['id']} is not in your hands any more: it {became}.")


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
