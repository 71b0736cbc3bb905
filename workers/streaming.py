"""What a node says while it works: small pieces put together for a moment, then told to whoever follows the run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

from engine.converse import DELIVERIES
from engine.events import EventType, RunEvent
from engine.forwarding import Forwarding, Sent
from engine.runtime import CallRequest
from engine.values import Json
from workers.event_writer import EventWriter

_MOMENT: Final = 0.02
_ENOUGH: Final = 1024


class Pieces:
    """The streamed output of one attempt, and the messages that forward it.

    `delivery` counts how often Temporal handed this attempt out: more than once when the process that had it died. A
    second delivery announces itself first, so that readers drop the pieces of the lost one. Every turn of a
    conversation begins anew too: its pieces count as those of a later delivery. A message that waits for
    its cue is watched for in the log: whoever tells it may be another process.
    """

    def __init__(self, request: CallRequest, delivery: int, writer: EventWriter) -> None:
        self._request = request
        self._again = delivery > 1
        self._delivery = delivery + request.turn * DELIVERIES
        self._writer = writer
        self._run_id = request.context.run_id
        self._forwarding = Forwarding(target for target in request.targets if not target.early)
        self._early = Forwarding(target for target in request.targets if target.early)
        self._thinks = any(target.early for target in request.targets)
        self._thoughts = 0
        self._hushed = False
        self._late = False
        self._held: list[str] = []
        self._size = 0
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self._settled = False

    def begin(self) -> None:
        """Announce a delivery that is not the first, and look out for cues."""
        if self._again:
            request = self._request
            lost: dict[str, Json] = {
                "code": "worker_lost",
                "message": "The process that ran this step died; it starts over.",
            }
            self._tell(
                f"{request.path}:retried:{self._mark}",
                EventType.STEP_RETRIED,
                request.path,
                request.node,
                error=lost,
                delay_ms=0,
            )
        if self._forwarding.cues:
            self._watching = asyncio.create_task(self._watch(), name=f"cues for {self._request.path}")

    async def add(self, text: str) -> None:
        """Take a piece. The first is told at once: somebody is waiting for it."""
        if not text or self._request.call.streams is None:
            return
        await self._writer.room()
        self._hush()
        self._hold(text, first=self._sent == 0)

    async def think(self, text: str) -> bool:
        """Take a piece of what comes before; False when nobody wants it."""
        if not self._thinks or not text:
            return False
        if self._hushed:
            # It goes on thinking while it speaks: what messages were told stands in another order.
            self._late = True
            return False
        await self._writer.room()
        self._hold(text, first=self._thoughts == 0)
        return True

    async def settle(self, output: object, thought: object = None) -> bool:
        """The attempt succeeded with this text. What was not told of it is told now; False when something else was."""
        if self._thinks:
            self._send()
            left = self._early.rest_of(thought) if isinstance(thought, str) else ""
            if left is None or self._late or (left and not await self.think(left)):
                return False
        self._hush()
        self._send()
        self._settled = True
        rest = self._forwarding.rest_of(output) if isinstance(output, str) else ""
        if rest is None:
            return False
        await self.add(rest)
        self._send()
        self._forward(self._forwarding.finish(), f"{self._mark}.{self._sent + 1}")
        return True

    @property
    def forwarded(self) -> tuple[str, ...]:
        """Paths of the messages whose cue came in time."""
        return self._forwarding.forwarded

    async def end(self) -> None:
        """Tell what is left, and wait until all of it is stored."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        self._send()
        if self._sent or self._again or self._request.targets:
            await self._writer.flush(self._run_id)

    async def _watch(self) -> None:
        """Hand on what was made to each message whose cue comes, until none is missing."""
        async with contextlib.aclosing(self._writer.follow(self._run_id)) as events:  # type: ignore[type-var]
            async for stored in events:
                if stored.event.type is EventType.MESSAGE_OPENED and not self._settled:
                    sent = self._forwarding.cue(stored.event.key)
                    self._forward(sent, f"{self._mark}.{self._sent}")
                if self._settled or not self._forwarding.cues:
                    return

    def _hold(self, text: str, *, first: bool) -> None:
        self._held.append(text)
        self._size += len(text)
        if first or self._size >= _ENOUGH:
            self._send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_MOMENT, self._send)

    def _hush(self) -> None:
        """There are no more thoughts: what is to stand before them stands, also where there were none."""
        if self._hushed:
            return
        self._send()
        self._hushed = True
        self._forward(self._early.finish(), f"{self._mark}.t{self._thoughts + 1}")

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._held:
            return
        text = "".join(self._held)
        self._held.clear()
        self._size = 0
        if not self._hushed:
            self._thoughts += 1
            self._forward(self._early.add(text), f"{self._mark}.t{self._thoughts}")
            return
        self._sent += 1
        request = self._request
        number = f"{self._mark}.{self._sent}"
        self._tell(
            f"{request.path}:delta:{number}",
            EventType.STEP_DELTA,
            request.path,
            request.node,
            field=request.call.streams,
            text=text,
        )
        self._forward(self._forwarding.add(text), number)

    def _forward(self, sent: Sent, number: str) -> None:
        for target, text in sent:
            self._tell(
                # The message may forward other steps too: whose piece this is belongs to the key.
                f"{target.path}:delta:{self._request.path}:{number}",
                EventType.MESSAGE_DELTA,
                target.path,
                target.node,
                text=text,
                source=self._request.path,
            )

    @property
    def _mark(self) -> str:
        return f"{self._request.attempt}.{self._delivery}"

    def _tell(self, key: str, kind: EventType, path: str, node: str, **data: Json) -> None:
        data |= {"attempt": self._request.attempt, "delivery": self._delivery}
        self._writer.tell(self._run_id, RunEvent(key, kind, time.time_ns() // 1_000_000, path, node, data))
