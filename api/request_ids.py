"""The id of the request that is being answered, for answers that carry it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

_CURRENT: Final[ContextVar[str]] = ContextVar("request_id", default="")


def request_begins(request_id: str) -> None:
    """From here on this request is answered."""
    _CURRENT.set(request_id)


def current_request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _CURRENT.get()
