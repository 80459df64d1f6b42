"""The verbs by which works are changed, one module each: its plan, its act and its inverse.

To add a verb: copy the module that is most like it, and list the class at its end here; then give the client a method
that calls its plan function (:class:`bucketsnb.client.Buckets`). Undo and the journal ask this table. If its plans may
be saved in files, give it a row of :data:`bucketsnb.changes.plan_file.SIDES` too.
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
"""Every verb by the name that plans and the journal call it."""
