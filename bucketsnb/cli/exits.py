"""What the exit codes of ``bucketsnb`` mean, and the table of them that ``--help`` shows."""

from __future__ import annotations

__all__ = ["DONE", "FAILED", "INTERRUPTED", "NOTHING_MATCHED", "PARTLY_DONE", "READING", "REFUSED", "TABLE"]

DONE = 0
FAILED = 1
NOTHING_MATCHED = 3
REFUSED = 4
PARTLY_DONE = 5
INTERRUPTED = 130

TABLE = """\b
Exit codes:
  0  done
  1  an error: the service, the network, the address
  2  a wrong option or argument, or a bad row of a deposit
  3  nothing matched, so nothing was changed
  4  refused: too wide, too many, or the question was answered with no
  5  partly done: the receipt names the works that were left
  130  stopped by Ctrl-C before there was a receipt"""

READING = """\b
Exit codes:
  0  shown, also if nothing matched
  1  an error: the service, the network, the address
  2  a wrong option or argument"""
