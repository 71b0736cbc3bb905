"""The services of a shop, which write down every request: what counts is what arrived, not what a run says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


@dataclass(frozen=True)
class Arrival:
    """A request that has arrived: what is wanted of which service, the key it carries, and when (of the event loop)."""

    service: str
    wanted: str
    key: str
    at: float


class Shop:
    """Does what it is asked once for each key, as any service should that can be asked twice; it counts both."""

    def __init__(self, *, slow: Callable[[Arrival, int], float] = lambda arrival, number: 0.0) -> None:
        """`slow` says how many seconds an answer takes, given the request and its number for its service, from 1."""
        self.arrivals: list[Arrival] = []
        self.done: dict[str, str] = {}
        """What was done, by key: the answer to whoever asks again."""
        self._slow = slow
        self._arrived = asyncio.Condition()
        self._numbers: Counter[str] = Counter()

    def app(self) -> Starlette:
        """The HTTP application."""
        return Starlette(routes=[Route("/{service}", self._serve, methods=["POST"])])

    def wishes(self) -> dict[tuple[str, str], list[Arrival]]:
        """The requests for each thing that is wanted, in the order in which they first came."""
        found: dict[tuple[str, str], list[Arrival]] = {}
        for arrival in self.arrivals:
            found.setdefault((arrival.service, arrival.wanted), []).append(arrival)
        return found

    async def wait_for(self, service: str, number: int) -> Arrival:
        """Return when so many requests for a service have arrived; the last of them."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._count(service) >= number)
        return [arrival for arrival in self.arrivals if arrival.service == service][number - 1]

    async def wait_for_more(self, than: int) -> Arrival:
        """Return when more requests than so many have arrived; the next one."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.arrivals) > than)
        return self.arrivals[than]

    def _count(self, service: str) -> int:
        return sum(arrival.service == service for arrival in self.arrivals)

    async def _serve(self, request: Request) -> Response:
        service: str = request.path_params["service"]
        body = await request.body()
        key = request.headers.get("idempotency-key") or f"no key {len(self.arrivals)}"
        arrival = Arrival(service, body.decode(), key, asyncio.get_running_loop().time())
        if key not in self.done:
            self._numbers[service] += 1
            self.done[key] = f"{service} no. {self._numbers[service]}"
        async with self._arrived:
            self.arrivals.append(arrival)
            self._arrived.notify_all()
        await asyncio.sleep(self._slow(arrival, self._count(service)))
        return PlainTextResponse(self.done[key])
