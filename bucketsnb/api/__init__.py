"""The service's endpoints as plain calls: JSON in, JSON out."""

from bucketsnb.api.arguments import DELETE_CHUNK, LINE_MAX, chunks
from bucketsnb.api.endpoints import Api
from bucketsnb.api.together import ask_together

__all__ = ["DELETE_CHUNK", "LINE_MAX", "Api", "ask_together", "chunks"]
