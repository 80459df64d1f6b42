"""Claim one queued work to do by hand: show which, claim it, then end or return it before its time runs out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from bucketsnb.changes.claim import Claim
from bucketsnb.changes.snapshot import WorkSnapshot, described, differences, same
from bucketsnb.changes.undo import context_of
from bucketsnb.display.markup import Markup, element
from bucketsnb.display.texts import printable
from bucketsnb.errors import PlanError, QueryError, WorkError
from bucketsnb.widgets.core.error_boundary import Message
from bucketsnb.widgets.core.panel import Panel, names_to_offer
from bucketsnb.widgets.parts.box import Box, Options, Request
from bucketsnb.widgets.parts.cells import pretty
from bucketsnb.widgets.parts.form import Field, Form, split

__all__ = ["ClaimForm", "what_became"]

_FIELDS = (
    Field("pipeline", "Pipeline", hint="type or choose"),
    Field("site", "Site", hint="any"),
    Field("user", "User", hint="any"),
    Field("tags", "Tags, any of", hint="a, b"),
    Field("event", "Event", hint="any"),
    Field("priority", "Priority", hint="any"),
    Field("parent", "Parent", hint="any"),
    Field("results", "Results, as JSON", "area", hint='{"snr": 12.5}'),
)


class ClaimForm(Form):
    """Claim a work, and end it.

    Attributes
    ----------
    claim
        The work in your hands, a :class:`~bucketsnb.changes.claim.Claim`, or None.
    """

    def __init__(self, panel: Panel, box: Box) -> None:
        super().__init__(panel, box, "claim", "Claim one work", _FIELDS)
        self.claim: Any = None
        self.ending = self.new_worker("end of a claim")
        self.looking = self.new_worker("look at a claim")
        self.naming = self.new_worker("pipelines")
        self.follow("receipt", self._claimed)
        if self.state.buckets is not None:
            self.naming.start(lambda _: names_to_offer(self.state), self._offer)

    def _offer(self, names: tuple[str, ...]) -> None:
        self.offers["pipeline"] = names
        self.draw()

    @property
    def holds(self) -> bool:
        """Whether a work is in your hands."""
        return self.claim is not None and self.claim.held

    def visible(self) -> list[str]:
        """Return the fields that say which work, or, with one in hand, its results."""
        return ["results"] if self.holds else [name for name in self.fields if name != "results"]

    def edited(self) -> None:
        """Take a question of this form away; the results of a work in hand are in no question."""
        if not self.holds:
            super().edited()

    def intro(self) -> str:
        """Say what a claim is, or which work is in hand."""
        if not self.holds:
            return "The service gives the queued work of the highest priority, the oldest first, and marks it running."
        record = self.claim.work
        return printable(f"In your hands: work {record.get('id')} of {record.get('pipeline')}.")

    def buttons(self) -> list[tuple[str, str, Callable[[], Any]]]:
        """Return the buttons that claim, or those that end."""
        if self.holds:
            return [
                ("give_back", "Return it to the queue", lambda: self.end("give_back")),
                ("failure", "Report failure", lambda: self.end("failure")),
                ("success", "Report success", lambda: self.end("success")),
            ]
        return [("plan", "Show which one", self.plan)]

    def more(self) -> dict[str, Any]:
        """Return the work in hand, and the seconds that are left for it."""
        left = self.claim.remaining if self.holds else math.inf
        record = pretty(self.claim.work) if self.holds else ""
        return {"record": record, "left": None if math.isinf(left) else left}

    def plan(self) -> None:
        """Forecast which work would be claimed, by reads only, and ask."""
        asked, buckets, claim = self._asked(), self.state.buckets, self.claim if self.holds else None

        def forecast(options: Options) -> Any:
            lost = what_became(buckets.api, claim.work) if claim is not None else ""
            if claim is not None and not lost:
                raise QueryError("One work is in your hands already: end it, or return it, before you claim another.")
            if lost:
                self.guard.run(lambda: self._let_go(claim, lost))
            return buckets.plan_withdraw(**asked, reason=options.reason.strip())

        self.ask(Request(forecast, title=_title_of))

    def _asked(self) -> dict[str, Any]:
        names = [name for name in self.fields if name not in ("pipeline", "results")]
        typed = {name: self.values[name].strip() for name in names}
        asked: dict[str, Any] = {name: text for name, text in typed.items() if text}
        if "tags" in asked:
            asked["tags"] = split(asked["tags"])
        for name in ("event", "priority"):
            if name in asked:
                asked[name] = _whole(name, asked[name])
        return {"pipeline": self.values["pipeline"].strip(), **asked}

    def _claimed(self, receipt: Any) -> None:
        """Take the claimed work in hand, if the receipt is of this form's claim; any other may be of what is held."""
        if self.holds:
            self._look()
        elif receipt is not None and receipt.verb == "withdraw" and receipt is self.box.receipt:
            claim = Claim(context_of(self.state.buckets.api), receipt)
            self.claim = claim if claim else None
            self.draw()

    def _look(self) -> None:
        claim, api = self.claim, self.state.buckets.api
        self.looking.start(lambda _: what_became(api, claim.work), lambda lost: self._let_go(claim, lost))

    def _let_go(self, claim: Any, lost: str) -> None:
        """Let go of a work that is lost: any change of it, whoever made it, keeps this form from ending it."""
        if not lost or claim is not self.claim or self.ending.running:
            return
        results = self.values["results"]
        self._put_down()
        self.show(Message("warning", lost, details=results))  # what was typed can be copied there
        self.panel.keep()

    def _put_down(self) -> None:
        self.claim = None
        self.values["results"] = ""
        self.draw()

    def end(self, how: str) -> None:
        """End the work in hand: ``success``, ``failure`` or ``give_back``."""
        claim = self.claim
        if not self.holds or self.ending.running:
            return
        results = self._results() if how != "give_back" else None
        act = {"success": claim.success, "failure": claim.failure}.get(how)
        self.ending.start(
            lambda _: act(results) if act else claim.give_back(),
            self._ended,
            failed=lambda error: self._look() if isinstance(error, PlanError) else None,
        )

    def _results(self) -> dict[str, Any] | None:
        text = self.values["results"].strip()
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

    def static(self) -> Markup:
        """Return the work that is in hand."""
        if not self.holds:
            return Markup("")
        return element("div", element("strong", self.intro()), element("pre", pretty(self.claim.work)))


def what_became(api: Any, claimed: dict[str, Any]) -> str:
    """Say what became of a work since it was claimed; nothing while it is just as it was then."""
    now = api.view({"id": claimed["id"]})
    if now and same(now[0], WorkSnapshot.of(claimed)):
        return ""
    became = f"changed since you claimed it ({described(differences(claimed, now[0]))})" if now else "is gone"
    return printable(f"Work {claimed['id']} is not in your hands any more: it {became}.")


def _title_of(plan: Any) -> str:
    return (
        str(plan.summary).replace("Withdraw", "Claim", 1) if plan.count else "No queued work matches: nothing to claim"
    )


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise QueryError(f"{name} is a whole number, and {text!r} is not") from error
