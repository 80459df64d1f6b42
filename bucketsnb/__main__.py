"""``python -m bucketsnb`` is the ``bucketsnb`` command."""

from __future__ import annotations

from bucketsnb.cli import main

main(prog_name="bucketsnb")
