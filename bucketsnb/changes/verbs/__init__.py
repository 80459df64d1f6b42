"""The verbs that change works, one module each: its plan, its act and its inverse.

Undo and the journal find a verb in :data:`VERBS`. The README says, under "The map of the code", how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bucketsnb.changes.verbs.audit import Audit
from bucketsnb.changes.verbs.base import Verb
from bucketsnb.changes.verbs.delete import Delete
from bucketsnb.changes.verbs.deposit import Deposit
from bucketsnb.changes.verbs.requeue import Requeue
from bucketsnb.changes.verbs.update import Update
from bucketsnb.changes.verbs.withdraw import Withdraw

__all__ = ["VERBS"]

VERBS: Mapping[str, Verb] = MappingProxyType(
    {verb.plan.verb: verb for verb in (Delete(), Requeue(), Update(), Deposit(), Withdraw(), Audit())}
)
"""Every verb by its name in plans and in the journal."""
