"""Looks at what came of a change do not wait here."""

from __future__ import annotations

from tests.changes.conftest import quick_looks

__all__ = ["quick_looks"]
