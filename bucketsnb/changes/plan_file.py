"""A plan as a file that can be passed on: what was shown, as JSON, with a digest that tells whether it was altered.

It holds ids, works as they were seen and as they will be, the address of the service, who planned it, when and why,
until when it may be applied, and no token. The digest is not a signature, as anybody can compute it: it detects a file
that was damaged or edited by mistake.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from bucketsnb.changes.journal import who
from bucketsnb.changes.snapshot import Change, WorkSnapshot
from bucketsnb.display.texts import format_time, truncate
from bucketsnb.errors import PlanError, PlanExpired
from bucketsnb.files import replace_file

if TYPE_CHECKING:
    from bucketsnb.changes.plan import Plan

__all__ = ["KEEPS", "SIDES", "SavedPlan", "read_plan_file", "write_plan_file"]

KEEPS = 86_400.0
"""Seconds for which a plan in a file may be applied, by default."""

SIDES: Mapping[str, tuple[bool, bool]] = {
    "delete": (True, False),
    "update": (True, True),
    "requeue": (True, True),
    "deposit": (False, True),
}
"""Verbs whose plans can be saved, and whether their changes have a work before and a work after.

Other plans cannot be saved: which works a withdrawal or an audit changes is decided when it is applied, and an undo
needs the journal that has its entry.
"""

_FORMAT = "bucketsnb plan"
_VERSION = 1


_Record: TypeAlias = dict[str, Any]
_Time: TypeAlias = Annotated[float, msgspec.Meta(ge=0, lt=2**33)]


class SavedPlan(msgspec.Struct, frozen=True):
    """The content of a plan file; times are in epoch seconds."""

    entry: str
    verb: str
    url: str
    user: str
    machine: str
    reason: str
    query: str
    created_at: _Time
    expires_at: _Time
    notes: tuple[str, ...]
    left_out: tuple[tuple[str | None, str], ...]
    changes: tuple[tuple[_Record | None, _Record | None], ...]


def write_plan_file(path: Path, plan: Plan, entry: str, expires_after: float) -> None:
    """Write a plan as a file; see :meth:`bucketsnb.changes.plan.Plan.save`."""
    if plan.verb not in SIDES:
        raise PlanError(
            f"A plan to {plan.verb} cannot be passed on: it is made where it is applied. Plans to "
            f"{', '.join(SIDES)} works can."
        )
    if not 0 < expires_after < math.inf:
        raise PlanError(f"expires_after={truncate(repr(expires_after), 40)} must be seconds above 0.")
    if time.time() > plan.expires_at:
        raise PlanExpired(f"“{plan.summary}” expired at {format_time(plan.expires_at)}. Build it again, and save that.")
    planner = who()
    content = {
        **plan.document,
        "entry": entry,
        "user": str(planner["user"]),
        "machine": str(planner["machine"]),
        "expires_at": time.time() + expires_after,
        "left_out": [[left.id, left.why] for left in plan.left_out],
        "changes": [[side and side.record for side in (change.before, change.after)] for change in plan.changes],
    }
    document = {"format": _FORMAT, "version": _VERSION, "digest": _digest(content), "plan": content}
    try:
        replace_file(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise PlanError(f"The plan could not be saved in {path}: {error.strerror}.") from error


def read_plan_file(path: Path) -> tuple[SavedPlan, list[Change]]:
    """Read a plan and its changes from a file; PlanError is raised if it cannot be read, is no plan, or was altered."""
    content = _content(path)
    try:
        saved = msgspec.convert(content, SavedPlan)
        if saved.verb not in SIDES:
            raise ValueError(f"{truncate(repr(saved.verb), 40)} in the place of a verb")  # noqa: TRY301
        return saved, [_change(saved.verb, *sides) for sides in saved.changes]
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path} is not a plan that can be applied: {truncate(error, 200)}.") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PlanError(f"The plan in {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise PlanError(f"{path} is not a plan: plan.save(path) writes them.")
    if document.get("version") != _VERSION:
        raise PlanError(
            f"{path} was written by another version of this package (its form is "
            f"{truncate(document.get('version'), 20)}, and {_VERSION} can be read). "
            "Save the plan again with this version."
        )
    content = document.get("plan")
    if not isinstance(content, dict) or document.get("digest") != _digest(content):
        raise PlanError(f"{path} was altered since it was saved, so it is not applied. Ask for it again.")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _change(verb: str, before: _Record | None, after: _Record | None) -> Change:
    """Return one change; raise ValueError if the verb makes none like it, or the sides are not one work with an id."""
    change = Change(*(None if side is None else WorkSnapshot.of(side) for side in (before, after)))
    if (before is not None, after is not None) != SIDES[verb]:
        raise ValueError(f"no change that a plan to {verb} makes")
    if verb != "deposit" and (change.id is None or (change.after is not None and change.after.id != change.id)):
        raise ValueError("a change without the id of its work")
    return change
