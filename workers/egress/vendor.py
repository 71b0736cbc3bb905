"""A client of httpx2 for a vendor's SDK: guarded like every call, and with no header more than was agreed."""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Final, TypeVar

import httpx2

from workers.egress.client import EgressClient

NetworkTrouble: Final = httpx2.TransportError
"""What the network does to an SDK's call, as it comes out amid an answer; `failure_behind` puts it into words."""
UnreadableUrl: Final = httpx2.InvalidURL
"""What a URL that is none makes of an SDK, as soon as it is told."""
T = TypeVar("T")
_FRAMING: Final = frozenset({"content-length", "content-type", "host", "transfer-encoding"})


_current: ContextVar[list[httpx2.Response] | None] = ContextVar("answers of the call under way", default=None)


class Answers:
    """The HTTP answers that an SDK gets in the course of one call: to look at beside it, and to close for it.

    An SDK that gives an answer through several generators within each other leaves their closing to the garbage
    collector, which may come late; until then the provider goes on.
    """

    def __init__(self) -> None:
        self._opened: list[httpx2.Response] = []

    async def within(self, work: Awaitable[T]) -> T:
        """Wait for a part of the call: the answers that begin meanwhile belong to it."""
        token = _current.set(self._opened)
        try:
            return await work
        finally:
            _current.reset(token)

    @property
    def content_type(self) -> str:
        """What the last answer says it is, without its parameters; empty where there is none."""
        if not self._opened:
            return ""
        kind = str(self._opened[-1].headers.get("content-type", ""))
        return kind.partition(";")[0].strip().lower()

    async def aclose(self) -> None:
        """Close them all, read to the end or not."""
        for answer in self._opened:
            await answer.aclose()


def vendor_client(egress: EgressClient, *, headers: frozenset[str]) -> httpx2.AsyncClient:
    """What an SDK takes as its HTTP client. Of the headers it sets, these and those of the body are sent, no others:
    SDKs describe the machine they run on, and add what environment variables say.
    """
    transport = _Plain(egress.transport(), headers | _FRAMING)
    return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None)


class _Plain(httpx2.AsyncBaseTransport):
    """Sends requests with no other headers than these."""

    def __init__(self, guarded: httpx2.AsyncBaseTransport, headers: frozenset[str]) -> None:
        self._guarded = guarded
        self._headers = headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a copy: an SDK goes on reading the headers of its own."""
        kept = [(name, value) for name, value in request.headers.multi_items() if name in self._headers]
        answer = await self._guarded.handle_async_request(
            httpx2.Request(
                request.method,
                request.url,
                headers=[*kept, ("user-agent", "Mainspring")],
                stream=request.stream,
                extensions=request.extensions,
            )
        )
        if (answers := _current.get()) is not None:
            answers.append(answer)
        return answer
