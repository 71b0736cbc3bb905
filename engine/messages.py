"""Messages of a run while their text is still being made: what was sent ahead, and what is left to send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.bindings import Bound, Place, Status
from engine.prepare import Node, Prepared, streamed_by
from engine.runtime import StreamTarget
from engine.templates import Filled, render
from engine.values import has_refs


@dataclass(slots=True)
class Progress:
    """One message: how many parts of its template were sent (the streamed one included), and the text before that."""

    parts: int = 0
    before: str = ""
    sent: bool = False
    void: bool = False


class Walking(Place, Protocol):
    """What a message must know of the walk it belongs to."""

    prepared: Prepared

    def path_of(self, node: Node) -> str: ...
    def bind_plain(self, node: Node) -> Bound: ...
    def would_run(self, node: Node, producer: int) -> bool: ...


@dataclass(slots=True)
class Messages:
    """The messages of one walk through a graph."""

    progress: dict[int, Progress] = field(default_factory=dict)
    forwarded: dict[int, tuple[StreamTarget, ...]] = field(default_factory=dict)
    """What each producer was told to forward to, the same for its every attempt."""

    def targets(self, producer: Node, place: Walking, limit_bytes: int) -> tuple[StreamTarget, ...]:
        """The messages that forward this step's pieces while it runs.

        A message does when it is certain to be sent once the producer succeeds (every other wire into it is settled)
        and all parts before the streamed one are known.
        """
        if (known := self.forwarded.get(producer.number)) is not None:
            return known
        found: list[StreamTarget] = []
        for consumer in producer.consumers:
            node = place.prepared.nodes[consumer.step]
            progress = self.progress.setdefault(consumer.step, Progress())
            if progress.parts > consumer.part or not place.would_run(node, producer.number) or node.parts is None:
                continue
            if any(place.status[number] not in (Status.DONE, Status.SKIPPED) for number in consumer.reads_before):
                continue
            before = node.parts(place, place.bind_plain(node), {})[: consumer.part]
            if any(isinstance(part, Filled) and has_refs(part.value) for part in before):
                continue
            text = render(before, limit_bytes=limit_bytes)
            found.append(StreamTarget(path=place.path_of(node), node=node.step.id, prefix=text[len(progress.before) :]))
            self.progress[consumer.step] = Progress(parts=consumer.part + 1, before=text, sent=True)
        self.forwarded[producer.number] = tuple(found)
        return self.forwarded[producer.number]

    def streamed(self, producer: Node, output: Mapping[str, object]) -> None:
        """The producer has succeeded: its whole text now stands in the messages that forwarded it."""
        text = output.get(streamed_by(producer.step.action) or "")
        for progress in self._forwarding(producer):
            if isinstance(text, str):
                progress.before += text
            else:
                progress.void = True

    def lost(self, producer: Node) -> None:
        """The producer has failed for good: what was forwarded of it is void."""
        for progress in self._forwarding(producer):
            progress.void = True

    def _forwarding(self, producer: Node) -> list[Progress]:
        if producer.number not in self.forwarded:
            return []
        found = ((self.progress.get(one.step), one.part) for one in producer.consumers)
        return [
            progress
            for progress, part in found
            if progress is not None and progress.sent and progress.parts == part + 1
        ]

    def rest(self, number: int, text: str) -> tuple[str, bool]:
        """What is left to send of the whole text, and whether the pieces sent so far were wrong and are void."""
        progress = self.progress.get(number)
        if progress is None or not progress.sent:
            return text, False
        if not progress.void and text.startswith(progress.before):
            return text[len(progress.before) :], False
        return text, True

    def was_sent(self, number: int) -> bool:
        """Whether pieces of this message have left already."""
        progress = self.progress.get(number)
        return progress is not None and progress.sent
