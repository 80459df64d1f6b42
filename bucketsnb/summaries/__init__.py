"""Summaries of the queue in a few rows: status, a digest, failures, events, families and orphans.

Each function takes its input as arguments, so that it can be tested and used without a client;
:class:`bucketsnb.Buckets` offers them as methods.
"""

from __future__ import annotations

from bucketsnb.api import ClockSkew
from bucketsnb.frames import SummaryFrame
from bucketsnb.summaries.digest import Digest, digest_of
from bucketsnb.summaries.failures import error_text, failures_of, fold
from bucketsnb.summaries.families import Family, events_of
from bucketsnb.summaries.status import IncompleteStatus, StatusDiffers, StatusFrame, read_status

__all__ = [
    "ClockSkew",
    "Digest",
    "Family",
    "IncompleteStatus",
    "StatusDiffers",
    "StatusFrame",
    "SummaryFrame",
    "digest_of",
    "error_text",
    "events_of",
    "failures_of",
    "fold",
    "read_status",
]
