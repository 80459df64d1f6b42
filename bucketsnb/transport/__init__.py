"""The one way to the service: a request goes out, an answer or one of our errors comes back."""

from bucketsnb.transport.failures import MAY_REPEAT, FailureKind, Idempotency
from bucketsnb.transport.session import MAX_BYTES, Answer, Transport

__all__ = ["MAX_BYTES", "MAY_REPEAT", "Answer", "FailureKind", "Idempotency", "Transport"]
