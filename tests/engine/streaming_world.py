"""Activities that stream in memory, and a reader that puts messages together and looks whether they keep their word."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine.errors import NodeUnavailable
from engine.events import EventType, RunEvent
from engine.forwarding import Forwarding, Sent
from engine.memory import InMemoryRuntime
from engine.plan import Plan
from engine.runtime import CallRequest, CallResult
from tests.engine.draw import World, node
from tests.scenarios.follower import texts

POEM = "Rivers flow down"
_MESSAGE = (EventType.MESSAGE_DELTA, EventType.MESSAGE_RESET, EventType.MESSAGE_COMPLETED, EventType.MESSAGE_OPENED)


class StreamingWorld(World):
    """`work` tells its input `text` in pieces of two characters, resting `pace` moments before each; before all of it
    its `thought`.

    With `fails` that many attempts end in the middle of it; with `lies` the output is something else in the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.there: InMemoryRuntime | None = None

    def runtime(self, plans: Mapping[str, Plan] | None = None, *given: Any, **more: Any) -> InMemoryRuntime:
        self.there = super().runtime(plans, *given, **more)
        return self.there

    async def work(self, request: CallRequest) -> CallResult:
        self.calls.append(request.path)
        self.requests.append(request)
        told = _Told(self, request)
        script: Any = request.inputs
        text, fails = str(script.get("text") or ""), int(script.get("fails") or 0)
        thought: Any = script.get("thought")
        for at in range(0, len(thought or ""), 2):
            told.think(thought[at : at + 2])
        pieces = [text[at : at + 2] for at in range(0, len(text), 2)]
        for number, piece in enumerate(pieces):
            for _ in range(int(script.get("pace") or 0)):
                await asyncio.sleep(0)
            if request.attempt <= fails and number >= len(pieces) // 2:
                break
            told.add(piece)
        if request.attempt <= fails:
            raise NodeUnavailable(f"{request.node} is away.")
        output = "something else" if script.get("lies") else text
        whole = told.finish(output)
        made: dict[str, Any] = {"text": output, **({"thought": thought} if "thought" in script else {})}
        return CallResult(made, forwarded=told.forwarding.forwarded, void=not whole)


class _Told:
    """What one attempt tells, as the worker does it."""

    def __init__(self, world: StreamingWorld, request: CallRequest) -> None:
        assert world.there is not None
        self.forwarding = Forwarding(target for target in request.targets if not target.early)
        self._early = Forwarding(target for target in request.targets if target.early)
        self._runtime, self._request = world.there, request
        self._number = 0

    def think(self, piece: str) -> None:
        self._number += 1
        self._send(self._early.add(piece))

    def add(self, piece: str) -> None:
        self._hear()
        self._number += 1
        self._send(self._early.finish())
        self._number += 1
        key = f"{self._request.path}:delta:{self._request.attempt}.1.{self._number}"
        self._emit(EventType.STEP_DELTA, key, self._request.path, piece)
        self._send(self.forwarding.add(piece))

    def finish(self, output: str) -> bool:
        self._hear()
        self._number += 1
        self._send(self._early.finish())
        rest = self.forwarding.rest_of(output)
        if rest is None:
            return False
        if rest:
            self.add(rest)
        self._number += 1
        self._send(self.forwarding.finish())
        return True

    def _hear(self) -> None:
        for event in [*self._runtime.events]:
            if event.key in self.forwarding.cues:
                self._send(self.forwarding.cue(event.key))

    def _send(self, sent: Sent) -> None:
        for target, text in sent:
            key = f"{target.path}:delta:{self._request.path}:{self._request.attempt}.1.{self._number}"
            self._emit(EventType.MESSAGE_DELTA, key, target.path, text)

    def _emit(self, kind: EventType, key: str, path: str, text: str) -> None:
        data: dict[str, Any] = {"text": text, "source": self._request.path, "attempt": self._request.attempt}
        self._runtime.emit(RunEvent(key, kind, self._runtime.now(), path, self._request.node, data))


def read(runtime: InMemoryRuntime) -> dict[str, str]:
    """The messages of a run, each looked at: its pieces are its text, it has one end, and nothing comes after that."""
    events = [event.to_json() for event in runtime.events]
    made, whole = texts([{**event, "received": 0.0} for event in events])
    ends = Counter(event.path for event in runtime.events if event.type is EventType.MESSAGE_COMPLETED)
    for path, count in ends.items():
        assert count == 1, f"{path} ends {count} times"
        mine = [(number, one) for number, one in enumerate(runtime.events) if one.path == path]
        last = max(number for number, one in mine if one.type in _MESSAGE)
        assert runtime.events[last].type is EventType.MESSAGE_COMPLETED, f"{path} goes on after its end"
        assert whole[path], f"{path} is empty and has an end"
        done = [number for number, one in mine if one.type is EventType.STEP_SUCCEEDED]
        assert all(number > last for number in done), f"the step of {path} succeeded before its message"
    for path, text in made.items():
        assert text == whole.get(path, ""), f"{path}: the pieces {text!r} are not the text {whole.get(path)!r}"
    return whole


def pieces(runtime: InMemoryRuntime, path: str) -> list[str]:
    """The pieces of one message, as they came."""
    found = (one for one in runtime.events if one.type is EventType.MESSAGE_DELTA and one.path == path)
    return [str(one.data["text"]) for one in found]


def is_live(runtime: InMemoryRuntime, path: str, producer: str) -> bool:
    """Whether the message had a piece of the step while that was not done."""
    for event in runtime.events:
        if event.type is EventType.MESSAGE_DELTA and event.path == path and event.data["source"] == producer:
            return True
        if event.type is EventType.STEP_SUCCEEDED and event.path == producer:
            return False
    return False


# --- what is drawn ---


def write(id: str, text: str = POEM, *, pace: int = 1, fails: int = 0, **data: Any) -> dict[str, Any]:
    """A step that streams this text."""
    given = {"text": text, "pace": pace, "fails": fails, "lies": data.pop("lies", False)}
    given |= {"thought": data.pop("thought")} if "thought" in data else {}
    tries = {"attempts": data.pop("attempts", 1), "backoff_ms": 0}
    return node(id, "work", given, settings={"streams": "text", "thinks": "thought", **tries}, **data)


def merge(id: str, **groups: list[str]) -> dict[str, Any]:
    found = {name: [{"ref": one.split(".")} for one in those] for name, those in groups.items()}
    outputs = {"type": "object", "properties": {name: {"type": "string"} for name in groups}}
    return node(id, "merge", settings={"groups": found}, outputs=outputs)


def sub(id: str, workflow: str, inputs: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return node(id, "subworkflow", inputs or {}, settings={"workflow": workflow}, **data)


def say(id: str, content: str, inputs: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return node(id, "message", inputs or {}, settings={"content": content}, **data)
