"""The ``bucketsnb`` command; a command imports what is heavy when it runs, so that ``--help`` stays quick."""

from __future__ import annotations

from bucketsnb.cli.group import main

__all__ = ["main"]
