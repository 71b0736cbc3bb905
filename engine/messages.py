"""Messages of a run while their text is still being made: what was sent ahead, and what is left to send."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.bindings import Bound, Place, Status
from engine.errors import FlowError
from engine.events import EventType
from engine.plan import Finish
from engine.prepare import UNKNOWN, Choice, Consumer, Node, Prepared, streamed_by, thought_by
from engine.runtime import RunContext, StreamTarget
from engine.templates import Filled, render
from engine.values import MISSING, Json, has_refs
from engine.walk import Walk


@dataclass(slots=True)
class Progress:
    """One message: how many parts of its template were sent, and their text; and whose pieces it forwards just now."""

    parts: int = 0
    before: str = ""
    sent: bool = False
    void: bool = False
    done: bool = False
    streaming: int | None = None


@dataclass(slots=True)
class Mirror:
    """A message elsewhere that forwards the answer of this graph: one of the run around it, also further out.

    `opened` once it has got what there was of the answer, and gets the rest as it comes.
    """

    target: StreamTarget
    opened: bool = False
    void: bool = False


@dataclass(slots=True)
class Entrusted:
    """What a streaming step was told to forward to a message, the same for its every attempt.

    With a `cue` the message was not ready when the step began; `cued` once it is, and was told so.
    """

    consumer: Consumer
    before: Progress
    """Where the message stood."""
    targets: tuple[StreamTarget, ...] = ()
    cue: str = ""
    cued: bool = False
    between: str | None = None
    """Where it goes on from what the same step tells before: what stands between the two."""


class Walking(Place, Protocol):
    """What a message must know of the walk it belongs to."""

    prepared: Prepared
    walk: Walk
    context: RunContext

    def path_of(self, node: Node) -> str: ...
    def bind_plain(self, node: Node) -> Bound: ...
    def certain(self, producer: int, steps: tuple[int, ...]) -> list[int] | None: ...


class Messages:
    """The messages of one walk through a graph, and those elsewhere (`mirrors`) that forward its answer."""

    def __init__(self, mirrors: tuple[StreamTarget, ...] = ()) -> None:
        self.progress: dict[int, Progress] = {}
        self.mirrors = [Mirror(target) for target in mirrors]
        self._entrusted: dict[int, list[Entrusted]] = {}
        self._waiting = 0

    # --- a step begins ------------------------------------------------------------------------------------------------

    def targets(self, producer: Node, place: Walking) -> tuple[StreamTarget, ...]:
        """The messages that forward this step's pieces while it runs.

        A message does when it is certain to be sent once the step succeeds and all that stands before the streamed part
        is known. One that may come to that while the step runs has a cue.
        """
        entrusted = self._entrusted.get(producer.number)
        if entrusted is not None:
            for known in entrusted:
                # A message that was told so meanwhile is ready for this attempt from its beginning.
                known.cue = "" if known.cued else known.cue
        else:
            entrusted = self._entrusted[producer.number] = []
            for consumer in producer.consumers:
                thought = next((one for one in entrusted if _is_followed_by(one, consumer)), None)
                one = self._entrust(consumer, producer, place, thought)
                if one is not None:
                    entrusted.append(one)
        return tuple(target for one in entrusted for target in one.targets)

    def _entrust(
        self, consumer: Consumer, producer: Node, place: Walking, thought: Entrusted | None
    ) -> Entrusted | None:
        node = place.prepared.nodes[consumer.step]
        if not self._is_heard(node, place):
            return None
        if thought is not None:
            text = self._known(node, place, thought.consumer.part + 1, consumer.part)
            if not isinstance(text, str):
                return None
            targets = tuple(replace(target, prefix=text, early=False) for target in thought.targets)
            return Entrusted(consumer, replace(self.progress[consumer.step]), targets, between=text)
        found = self._look(consumer, producer, place)
        progress = self.progress[consumer.step]
        if isinstance(found, str):
            one = Entrusted(consumer, replace(progress))
            self._begin(progress, consumer, producer, found)
            one.targets = self._sent_now(node, place, found, progress.before)
            if consumer.early:
                # Who has to catch up gets what was thought and said together, later.
                one.targets = tuple(replace(target, early=True) for target in one.targets if not target.cue)
            return one
        if found and not consumer.early and not any(place.prepared.waits_for(step, producer.number) for step in found):
            cue = f"{place.path_of(node)}:opened:{place.path_of(producer)}:{consumer.part}"
            self._waiting += 1
            return Entrusted(consumer, replace(progress), self._sent_later(node, place, cue), cue)
        return None

    def _begin(self, progress: Progress, consumer: Consumer, producer: Node, text: str) -> None:
        progress.before += text
        progress.parts, progress.sent, progress.streaming = consumer.part, True, producer.number

    def _is_heard(self, node: Node, place: Walking) -> bool:
        """Whether anybody is told what this message says."""
        return not place.context.quiet or bool(self._mirrors_of(node))

    def _mirrors_of(self, node: Node) -> list[Mirror]:
        return [one for one in self.mirrors if not one.void] if isinstance(node.step.action, Finish) else []

    def _sent_now(self, node: Node, place: Walking, prefix: str, before: str) -> tuple[StreamTarget, ...]:
        found = [] if place.context.quiet else [StreamTarget(place.path_of(node), node.step.id, prefix)]
        for mirror in self._mirrors_of(node):
            target = mirror.target
            if mirror.opened:
                found.append(replace(target, prefix=prefix, cue=""))
            else:
                found.append(replace(target, prefix=target.prefix + before))
        return tuple(found)

    def _sent_later(self, node: Node, place: Walking, cue: str) -> tuple[StreamTarget, ...]:
        """All wait for the same cue. A message elsewhere that waits for one of its own cannot wait for two."""
        found = [] if place.context.quiet else [StreamTarget(place.path_of(node), node.step.id, cue=cue)]
        ready = (mirror for mirror in self._mirrors_of(node) if mirror.opened or not mirror.target.cue)
        return (*found, *(replace(mirror.target, prefix="", cue=cue) for mirror in ready))

    def _look(self, consumer: Consumer, producer: Node, place: Walking) -> str | list[int] | None:
        """The text to send before the pieces; the steps that have to be settled before; None where it cannot be."""
        node = place.prepared.nodes[consumer.step]
        progress = self.progress.setdefault(consumer.step, Progress())
        if progress.void or progress.parts > consumer.part or node.parts is None:
            return None
        waiting = place.certain(producer.number, (*(one.step for one in consumer.via), node.number))
        if waiting is None:
            return None
        for choice in consumer.via:
            earlier = _earlier(choice, place)
            if earlier is None:
                return None
            waiting += earlier
        known = self._known(node, place, progress.parts, consumer.part)
        if known is None:
            return None
        waiting += known if isinstance(known, list) else []
        if progress.streaming is not None:
            waiting.append(progress.streaming)
        if producer.number in waiting:
            return None
        return waiting or known

    def _known(self, node: Node, place: Walking, first: int, end: int) -> str | list[int] | None:
        """The text of some parts of a message; the steps that have to be settled before; None where it cannot be."""
        reads = [step for reads in node.part_reads[first:end] for step in reads]
        if UNKNOWN in reads or node.parts is None:
            return None
        waiting = [step for step in reads if place.status[step] not in (Status.DONE, Status.SKIPPED)]
        if waiting:
            return waiting
        try:
            parts = node.parts(place, place.bind_plain(node), {}, first, end)
            if any(isinstance(part, Filled) and has_refs(part.value) for part in parts):
                return None
            return render(parts, limit_bytes=place.limits.rendered_bytes)
        except FlowError:
            # The message itself will fail of it, when its turn comes.
            return None

    # --- while it runs ------------------------------------------------------------------------------------------------

    def reconsider(self, place: Walking) -> None:
        """Something was settled: tell the messages that are ready now for pieces of a step that runs."""
        if not self._waiting:
            return
        for number, entrusted in self._entrusted.items():
            if place.status[number] is not Status.RUNNING:
                continue
            for one in entrusted:
                if one.cue and not one.cued:
                    self._cue(one, place.prepared.nodes[number], place)

    def _cue(self, one: Entrusted, producer: Node, place: Walking) -> None:
        text = self._look(one.consumer, producer, place)
        if not isinstance(text, str):
            return
        node = place.prepared.nodes[one.consumer.step]
        progress = self.progress[one.consumer.step]
        self._begin(progress, one.consumer, producer, text)
        self._send_mark(place, node, f"part{one.consumer.part}", text, progress.before)
        path = place.path_of(node)
        place.walk.emit(one.cue, EventType.MESSAGE_OPENED, path, node.step.id, source=place.path_of(producer))
        one.before, one.cued = replace(progress), True
        self._waiting -= 1
        one.targets = tuple(target for target in self._sent_now(node, place, "", "") if not target.cue)

    def _send_mark(self, place: Walking, node: Node, mark: str, text: str, before: str) -> None:
        """Send a text that is known to a message, and to those elsewhere that forward it."""
        path = place.path_of(node)
        if text and not place.context.quiet:
            _delta(place, f"{path}:{mark}", path, node.step.id, text, path)
        for mirror in self._mirrors_of(node):
            target = mirror.target
            if target.cue and not mirror.opened:
                continue
            told = text if mirror.opened else target.prefix + before
            mirror.opened = True
            if told:
                _delta(place, f"{target.path}:{mark}:{path}", target.path, target.node, told, path)

    # --- it ends ------------------------------------------------------------------------------------------------------

    def streamed(
        self,
        producer: Node,
        place: Walking,
        output: Mapping[str, object],
        *,
        forwarded: Collection[str] = (),
        void: Collection[str] | None = (),
        certain: bool = True,
    ) -> None:
        """The step has succeeded: its text now stands in the messages that forwarded it.

        `forwarded` names those whose cue came in time, and where the step is not `certain` to have told pieces at all,
        those that got them. `void` names those that got something else; None says that all did.
        """
        said = output.get(streamed_by(producer.step.action) or "")
        thought = output.get(thought_by(producer.step.action) or "")
        for one in self._entrusted.get(producer.number, ()):
            text = ("" if thought is None else thought) if one.consumer.early else said
            self._waiting -= bool(one.cue and not one.cued)
            if one.cue and not one.cued:
                continue
            node = place.prepared.nodes[one.consumer.step]
            progress = self.progress[one.consumer.step]
            progress.streaming = None
            mirrors = self._mirrors_of(node)
            direct = place.path_of(node) if not place.context.quiet else mirrors[0].target.path if mirrors else ""
            if void is None or direct in void:
                self._spoil(progress, mirrors)
                continue
            if (one.cue or not certain) and direct not in forwarded:
                # It got no piece, nor what stands before the first.
                was = one.before
                progress.parts, progress.before, progress.sent = was.parts, was.before, was.sent
                continue
            if not isinstance(text, str):
                self._spoil(progress, mirrors)
                continue
            progress.before += (one.between or "") + text
            progress.parts = one.consumer.part + 1
            for mirror in mirrors:
                if not mirror.target.cue or mirror.target.path in forwarded:
                    mirror.opened = True
                mirror.void = mirror.target.path in void

    def lost(self, producer: Node, place: Walking) -> None:
        """The step has failed for good: what was forwarded of it is void."""
        for one in self._entrusted.get(producer.number, ()):
            self._waiting -= bool(one.cue and not one.cued)
            if one.cue and not one.cued:
                continue
            progress = self.progress[one.consumer.step]
            progress.streaming = None
            self._spoil(progress, self._mirrors_of(place.prepared.nodes[one.consumer.step]))

    def _spoil(self, progress: Progress, mirrors: list[Mirror]) -> None:
        progress.void = True
        for mirror in mirrors:
            mirror.void = True

    # --- the message itself -------------------------------------------------------------------------------------------

    def complete(self, node: Node, place: Walking, text: object) -> None:
        """Send what is left of a message, and the mark of its end; nothing of an empty one.

        A text by reference goes as it is: readers load it.
        """
        path, name, quiet = place.path_of(node), node.step.id, place.context.quiet
        progress = self.progress.setdefault(node.number, Progress())
        progress.done = True
        if progress.sent:
            if progress.void or not isinstance(text, str) or not text.startswith(progress.before):
                self._spoil(progress, self._mirrors_of(node))
                if not quiet and isinstance(text, str):
                    place.walk.emit(f"{path}:reset", EventType.MESSAGE_RESET, path, name, text=text)
            elif rest := text[len(progress.before) :]:
                self._send_rest(node, place, rest)
        if not quiet and text != "":
            place.walk.emit(f"{path}:message", EventType.MESSAGE_COMPLETED, path, name, text=text)

    def _send_rest(self, node: Node, place: Walking, rest: str) -> None:
        path = place.path_of(node)
        if not place.context.quiet:
            _delta(place, f"{path}:rest", path, node.step.id, rest, path)
        for mirror in self._mirrors_of(node):
            if mirror.opened:
                _delta(place, f"{mirror.target.path}:rest:{path}", mirror.target.path, mirror.target.node, rest, path)

    def skipped(self, node: Node, place: Walking) -> None:
        """The message will not be sent: pieces that were are void."""
        progress = self.progress.get(node.number)
        if progress is not None and progress.sent and not place.context.quiet:
            progress.done = True
            path = place.path_of(node)
            place.walk.emit(f"{path}:reset", EventType.MESSAGE_RESET, path, node.step.id, text="")

    def abandoned(self, place: Walking) -> None:
        """The walk ends here, and the run may go on without it: messages that were begun have no end any more."""
        for number, progress in self.progress.items():
            if not progress.done:
                self.skipped(place.prepared.nodes[number], place)

    def outcome(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the messages elsewhere: which have got the whole answer, and which something that is not it."""
        whole = tuple(one.target.path for one in self.mirrors if one.opened and not one.void)
        return whole, tuple(one.target.path for one in self.mirrors if one.void)

    # --- handing over -------------------------------------------------------------------------------------------------

    def snapshot(self) -> Json:
        """What a fresh history must know of messages that were begun."""
        begun: list[Json] = [
            [number, one.parts, one.before, one.void, one.done] for number, one in self.progress.items() if one.sent
        ]
        mirrors: list[Json] = [[one.opened, one.void] for one in self.mirrors]
        return {"begun": begun, "mirrors": mirrors}

    def restore(self, snapshot: Any) -> None:
        """Take up where `snapshot` was made."""
        for number, parts, before, void, done in snapshot["begun"]:
            self.progress[number] = Progress(parts, before, sent=True, void=void, done=done)
        for mirror, (opened, void) in zip(self.mirrors, snapshot["mirrors"], strict=False):
            mirror.opened, mirror.void = opened, void


def _is_followed_by(thought: Entrusted, consumer: Consumer) -> bool:
    """Whether a step goes on in the same message with what it says, right after what it thought."""
    first = thought.consumer
    if not first.early or consumer.early or first.step != consumer.step or first.via or consumer.via:
        return False
    return first.part < consumer.part


def _earlier(choice: Choice, place: Walking) -> list[int] | None:
    """What has to be settled before a merge is known to choose this candidate; None when it will not."""
    node = place.prepared.nodes[choice.step]
    (candidates,) = (candidates for name, candidates in node.candidates if name == choice.group)
    waiting: list[int] = []
    for number in range(choice.candidate):
        reads = node.candidate_reads[choice.group][number]
        if UNKNOWN in reads:
            return None
        if open_ := [step for step in reads if place.status[step] not in (Status.DONE, Status.SKIPPED)]:
            waiting += open_
            continue
        value = candidates[number](place, {}, {})
        if value is not MISSING and value is not None:
            return None
    return waiting


def _delta(place: Walking, key: str, path: str, node: str, text: str, source: str) -> None:
    place.walk.emit(key, EventType.MESSAGE_DELTA, path, node, text=text, source=source, attempt=1)
