"""Claim one queued work to do by hand: show which, claim it, then end or return it before its time runs out."""

from __future__ import annotations

import json
import math
from typing import Any

from bucketsnb.changes.snapshot import WorkSnapshot, described, differences, same
from bucketsnb.changes.undo import context_of
from bucketsnb.changes.verbs.withdraw import Claim
from bucketsnb.display.markup import Markup, element
from bucketsnb.display.texts import printable
from bucketsnb.errors import PlanError, QueryError, WorkError
from bucketsnb.widgets.core.messages import Message
from bucketsnb.widgets.core.panel import Panel
from bucketsnb.widgets.panels.update import value_of
from bucketsnb.widgets.parts.box import Box, Request
from bucketsnb.widgets.parts.cells import pretty
from bucketsnb.widgets.parts.form import Field, Form

__all__ = ["ClaimForm"]

_FIELDS = (
    Field("pipeline", "Pipeline", hint="type or choose"),
    Field("site", "Site", hint="any"),
    Field("user", "User", hint="any"),
    Field("tags", "Tags, any of", hint="a, b"),
    Field("event", "Event", hint="any"),
    Field("priority", "Priority", hint="any"),
    Field("parent", "Parent", hint="any"),
)
_TYPED = ("tags", "event", "priority")
_RESULTS = Field("results", "Results, as JSON", "area", hint='{"snr": 12.5}')


class ClaimForm(Form):
    """Claim a work, and end it."""

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, box, "claim", "Claim one work", (*_FIELDS, _RESULTS))
        self.claim: Any = None  # of the held work
        self.ending = self.new_worker("end of a claim")
        self.looking = self.new_worker("look at a claim")
        self.follow("receipt", self._received)
        self.offer_pipelines()

    @property
    def holds(self) -> bool:
        """Whether a work is held."""
        return self.claim is not None and self.claim.held

    def edited(self) -> None:
        """Withdraw a question of this form; the results of a held work are in no question."""
        if not self.holds:
            super().edited()

    def content(self) -> dict[str, Any]:
        """Return the fields that choose a work to claim or, while one is held, those that end it."""
        if not self.holds:
            return {
                "intro": "The service gives the queued work of the highest priority, the oldest first, and marks it "
                "running.",
                "fields": [field.name for field in _FIELDS],
                "buttons": [("plan", "Show which one", self.plan)],
            }
        left = self.claim.remaining
        return {
            "intro": self._in_hand(),
            "fields": ["results"],
            "record": pretty(self.claim.work),
            "left": None if math.isinf(left) else left,
            "buttons": [
                ("give_back", "Return it to the queue", lambda: self.end("give_back")),
                ("failure", "Report failure", lambda: self.end("failure")),
                ("success", "Report success", lambda: self.end("success")),
            ],
        }

    def _in_hand(self) -> str:
        work = self.claim.work
        return printable(f"In your hands: work {work.get('id')} of {work.get('pipeline')}.")

    def plan(self) -> None:
        """Forecast which work would be claimed, by reads only, and ask."""
        asked, buckets, claim = self._asked(), self.state.buckets, self.claim if self.holds else None

        def forecast(reason: str) -> Any:
            lost = _what_became(buckets.api, claim.work) if claim is not None else ""
            if claim is not None and not lost:
                raise QueryError("One work is in your hands already: end it, or return it, before you claim another.")
            self.run(lambda: self._let_go(claim, lost))
            return buckets.plan_withdraw(**asked, reason=reason)

        self.box.ask(Request(self, forecast, {"reason": ""}))

    def _asked(self) -> dict[str, Any]:
        typed = {field.name: self.values[field.name].strip() for field in _FIELDS}
        values = {name: value_of(name, text) if name in _TYPED else text for name, text in typed.items() if text}
        return {"pipeline": typed["pipeline"], **values}

    def _received(self, receipt: Any) -> None:
        """Hold the claimed work if the receipt is of the claim of this form; while one is held, check if it changed."""
        if self.holds:
            self._look()
        elif receipt is not None and receipt.verb == "withdraw" and receipt is self.box.receipt:
            claim = Claim(context_of(self.state.buckets.api), receipt)
            self.claim = claim if claim else None
            self.draw()

    def _look(self) -> None:
        claim, api = self.claim, self.state.buckets.api
        self.looking.start(lambda _: _what_became(api, claim.work), lambda lost: self._let_go(claim, lost))

    def _let_go(self, claim: Any, lost: str) -> None:
        """Stop holding a work that is lost: after any change of it, by whoever, this form cannot end it."""
        if not lost or claim is not self.claim or self.ending.running:
            return
        results = self.values["results"]
        self._put_down()
        self.show(Message("warning", lost, details=results))  # the typed results can be copied there
        self.panel.keep()

    def _put_down(self) -> None:
        self.claim = None
        self.values["results"] = ""
        self.draw()

    def end(self, how: str) -> None:
        """End the held work: ``success``, ``failure`` or ``give_back``."""
        if not self.holds or self.ending.running:
            return
        given = () if how == "give_back" else (self._results(),)
        act = getattr(self.claim, how)
        self.ending.start(
            lambda _: act(*given),
            self._ended,
            failed=lambda error: self._look() if isinstance(error, PlanError) else None,
        )

    def _results(self) -> Any:
        try:
            return json.loads(self.values["results"].strip() or "null")
        except ValueError as error:
            raise WorkError(f"the results are not JSON: {error}", field="results") from error

    def _ended(self, receipt: Any) -> None:
        self._put_down()
        self.box.show_receipt(receipt)

    def static(self) -> Markup:
        """Return the held work as HTML."""
        if not self.holds:
            return Markup("")
        return element("div", element("strong", self._in_hand()), element("pre", pretty(self.claim.work)))


def _what_became(api: Any, claimed: dict[str, Any]) -> str:
    """Return what happened to a work since it was claimed; empty if it is unchanged."""
    now = api.view({"id": claimed["id"]})
    if now and same(now[0], WorkSnapshot.of(claimed)):
        return ""
    became = f"changed since you claimed it ({described(differences(claimed, now[0]))})" if now else "is gone"
    return printable(f"Work {claimed['id']} is not in your hands any more: it {became}.")
