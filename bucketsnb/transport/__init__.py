"""Send requests to the service: each returns an answer, or raises one of our errors."""

from bucketsnb.transport.failures import MAY_REPEAT, FailureKind, Idempotency
from bucketsnb.transport.session import MAX_BYTES, Answer, Transport

__all__ = ["MAX_BYTES", "MAY_REPEAT", "Answer", "FailureKind", "Idempotency", "Transport"]
