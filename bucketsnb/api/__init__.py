"""The service's endpoints as plain calls: JSON in, JSON out."""

from bucketsnb.api.arguments import DELETE_CHUNK, LINE_MAX, chunks
from bucketsnb.api.clock import Clock, ClockChoice, ClockSkew
from bucketsnb.api.endpoints import Api
from bucketsnb.api.together import AT_ONCE, ask_together

__all__ = ["AT_ONCE", "DELETE_CHUNK", "LINE_MAX", "Api", "Clock", "ClockChoice", "ClockSkew", "ask_together", "chunks"]
