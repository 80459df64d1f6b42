"""The client of a Buckets service."""

from __future__ import annotations

from bucketsnb.client.buckets import Buckets

__all__ = ["Buckets"]
