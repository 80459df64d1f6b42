"""Frames of works: the service's answers as typed DataFrames, and back to records without loss."""

from __future__ import annotations

from bucketsnb.frames.accessor import WorksAccessor
from bucketsnb.frames.build import ColumnBuffer, assemble, empty, frame_of
from bucketsnb.frames.columns import COLUMNS, DTYPES, LIGHT, NEEDS
from bucketsnb.frames.decode import columns_of
from bucketsnb.frames.json_array import JSONArray, JSONDtype
from bucketsnb.frames.records import Baseline, to_records
from bucketsnb.frames.summary_frame import SummaryFrame
from bucketsnb.frames.work_view import WorkView
from bucketsnb.frames.works_frame import WorksFrame

__all__ = [
    "COLUMNS",
    "DTYPES",
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
    "columns_of",
    "empty",
    "frame_of",
    "to_records",
]
