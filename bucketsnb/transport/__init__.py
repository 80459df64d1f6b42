"""The one way to the service: a request goes out, an answer or one of our errors comes back."""

from bucketsnb.transport.retry import Idempotency, Policy
from bucketsnb.transport.session import MAX_BYTES, Answer, Transport

__all__ = ["MAX_BYTES", "Answer", "Idempotency", "Policy", "Transport"]
