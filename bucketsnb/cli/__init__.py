"""The ``bucketsnb`` command: its list of subcommands, and one place that turns errors into one line and an exit code.

Each subcommand is a module of its own that is imported when it is called, so that ``bucketsnb --help`` stays quick.
"""

from __future__ import annotations

from bucketsnb.cli.group import main

__all__ = ["main"]
