"""The one way out: every call that leaves this system is checked, bounded and made here."""

from workers.egress.client import EgressClient, EgressResponse
from workers.egress.failures import (
    AnswerTooLarge,
    BadUrl,
    EgressFailed,
    EgressRefused,
    EgressUnavailable,
    failure_behind,
)
from workers.egress.guard import Resolve
from workers.egress.multipart import multipart
from workers.egress.policy import EgressPolicy

__all__ = [
    "AnswerTooLarge",
    "BadUrl",
    "EgressClient",
    "EgressFailed",
    "EgressPolicy",
    "EgressRefused",
    "EgressResponse",
    "EgressUnavailable",
    "Resolve",
    "failure_behind",
    "multipart",
]
