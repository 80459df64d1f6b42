"""Frames of works: the service's answers as typed DataFrames, and back to records without loss.

Importing this package gives every DataFrame its accessor ``frame.works``.
"""

from __future__ import annotations

from bucketsnb.frames.accessor import WorksAccessor
from bucketsnb.frames.as_read import AsRead
from bucketsnb.frames.build import Gathered, assemble, concat, empty, frame_of
from bucketsnb.frames.columns import COLUMNS, DTYPES, HEAVY, LIGHT, NEEDS
from bucketsnb.frames.decode import columns_of
from bucketsnb.frames.json_array import JSONArray, JSONDtype
from bucketsnb.frames.json_text import python_texts
from bucketsnb.frames.records import to_records
from bucketsnb.frames.summary_frame import SummaryFrame
from bucketsnb.frames.work_view import WorkView
from bucketsnb.frames.works_frame import WorksFrame, caption

__all__ = [
    "COLUMNS",
    "DTYPES",
    "HEAVY",
    "LIGHT",
    "NEEDS",
    "AsRead",
    "Gathered",
    "JSONArray",
    "JSONDtype",
    "SummaryFrame",
    "WorkView",
    "WorksAccessor",
    "WorksFrame",
    "assemble",
    "caption",
    "columns_of",
    "concat",
    "empty",
    "frame_of",
    "python_texts",
    "to_records",
]
