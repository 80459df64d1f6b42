"""The service's endpoints as plain calls: JSON in, JSON out."""

from bucketsnb.api.clock import Clock, ClockChoice, ClockSkew
from bucketsnb.api.endpoints import DELETE_CHUNK, Api, chunks, is_path_segment
from bucketsnb.api.together import AT_ONCE, ask_together

__all__ = [
    "AT_ONCE",
    "DELETE_CHUNK",
    "Api",
    "Clock",
    "ClockChoice",
    "ClockSkew",
    "ask_together",
    "chunks",
    "is_path_segment",
]
