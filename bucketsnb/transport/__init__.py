"""The one road to the service: a request out, an answer or one of our errors back."""

from bucketsnb.transport.retry import Means, Policy
from bucketsnb.transport.session import MAX_BYTES, Answer, Transport

__all__ = ["MAX_BYTES", "Answer", "Means", "Policy", "Transport"]
