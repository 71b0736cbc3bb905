"""What can go wrong with a store that is nobody's mistake."""

from __future__ import annotations

from engine.errors import FlowError


class StorageUnavailable(FlowError):
    """The store cannot take this now: another process holds it too long, or the disk is full. Trying again may help."""

    code = "storage_unavailable"
    retryable = True
