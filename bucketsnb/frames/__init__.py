"""Frames of works: the service's answers as typed DataFrames, and back to records without loss."""

from __future__ import annotations

from bucketsnb.frames.accessor import WorksAccessor
from bucketsnb.frames.baseline import Baseline
from bucketsnb.frames.build import ColumnBuffer, assemble, empty, frame_of
from bucketsnb.frames.caption import caption
from bucketsnb.frames.columns import COLUMNS, DTYPES, HEAVY, LIGHT, NEEDS
from bucketsnb.frames.decode import columns_of
from bucketsnb.frames.json_array import JSONArray, JSONDtype
from bucketsnb.frames.json_text import python_texts
from bucketsnb.frames.records import to_records
from bucketsnb.frames.summary_frame import SummaryFrame
from bucketsnb.frames.work_view import WorkView
from bucketsnb.frames.works_frame import WorksFrame

__all__ = [
    "COLUMNS",
    "DTYPES",
    "HEAVY",
    "LIGHT",
    "NEEDS",
    "Baseline",
    "ColumnBuffer",
    "JSONArray",
    "JSONDtype",
    "SummaryFrame",
    "WorkView",
    "WorksAccessor",
    "WorksFrame",
    "assemble",
    "caption",
    "columns_of",
    "empty",
    "frame_of",
    "python_texts",
    "to_records",
]
