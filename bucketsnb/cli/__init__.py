"""The ``bucketsnb`` command; subcommands import heavy modules only when they run, so that ``--help`` stays quick."""

from __future__ import annotations

from bucketsnb.cli.group import main

__all__ = ["main"]
