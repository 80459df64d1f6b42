"""Realistic works for notebooks, demos and tests."""

from .works import sample_works

__all__ = ["sample_works"]
