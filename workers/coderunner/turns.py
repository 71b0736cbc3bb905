"""Whose turn it is: so many tasks at once, organisations one after another, none with more than its share."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque


class Turns:
    """A semaphore that is fair between organisations: a long queue of one does not hold up the next."""

    def __init__(self, at_once: int, per_organisation: int) -> None:
        self._free, self._share = at_once, per_organisation
        self._running = Counter[str]()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """The organisations in the order in which it is their turn."""

    async def take(self, org: str) -> None:
        """Wait for a turn. Whoever has taken one gives it back."""
        if self._free > 0 and self._running[org] < self._share and org not in self._waiting:
            self._begin(org)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(org, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(org)  # it came in the very moment in which nobody wanted it any more
            else:
                self._forget(org, turn)
            raise

    def give_back(self, org: str) -> None:
        """A task has ended."""
        self._free += 1
        self._running[org] -= 1
        if self._running[org] <= 0:
            del self._running[org]
        self._next()

    @property
    def idle(self) -> bool:
        """Nobody runs, nobody waits."""
        return not self._running and not self._waiting

    def _begin(self, org: str) -> None:
        self._free -= 1
        self._running[org] += 1

    def _next(self) -> None:
        while self._free > 0:
            org = next((org for org in self._waiting if self._running[org] < self._share), None)
            if org is None:
                return
            turn = self._waiting[org].popleft()
            if self._waiting[org]:
                self._waiting.move_to_end(org)
            else:
                del self._waiting[org]
            if not turn.done():
                self._begin(org)
                turn.set_result(None)

    def _forget(self, org: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(org)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[org]
