"""A client of httpx2 for a vendor's SDK: guarded like every call, and with no header more than was agreed."""

from __future__ import annotations

from typing import Final

import httpx2

from workers.egress.client import EgressClient

NetworkTrouble: Final = httpx2.TransportError
"""What the network does to an SDK's call, as it comes out amid an answer; `failure_behind` puts it into words."""
_FRAMING: Final = frozenset({"content-length", "content-type", "host", "transfer-encoding"})


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
        return await self._guarded.handle_async_request(
            httpx2.Request(
                request.method,
                request.url,
                headers=[*kept, ("user-agent", "Mainspring")],
                stream=request.stream,
                extensions=request.extensions,
            )
        )
