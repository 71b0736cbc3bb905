"""Messages of a run as pieces that nobody takes back: who reads them this way cannot be told that one is void."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.events import EventType, RunEvent

Number = tuple[int, int]
"""Of an attempt, and of the delivery of it."""
_FIRST: Number = (1, 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the message of one place; `number` counts them from 0.

    With `replaces` it is the whole message: what was sent before came of an attempt that was lost, and is not how the
    new one begins.
    """

    path: str
    node: str
    number: int
    text: str
    last: bool = False
    replaces: bool = False


@dataclass(slots=True)
class _Message:
    """A message that is under way."""

    node: str
    pieces: list[tuple[str, Number, str]] = field(default_factory=list[tuple[str, Number, str]])
    sent: list[str] = field(default_factory=list[str])
    held: str = ""
    """What comes next: kept back until it is known whether it is the last."""
    waits: bool = False
    """Something was taken back: nothing is sent before the text goes beyond what was sent."""

    @property
    def whole(self) -> str:
        return "".join(text for _, _, text in self.pieces)


@dataclass(slots=True)
class Pieces:
    """Puts messages together from events, as docs/api.md tells, and gives out each piece of a text once.

    When a step is tried again, its pieces are taken back here; what the new attempt says again is not sent again.
    """

    _open: dict[str, _Message] = field(default_factory=dict[str, _Message])
    _latest: dict[str, Number] = field(default_factory=dict[str, Number])
    _gone: tuple[str, ...] = ()

    def read(self, event: RunEvent, text: str) -> Iterator[Piece]:
        """What an event adds to what was sent. `text` is that of the event: it may have been loaded from elsewhere."""
        data: dict[str, Any] = event.data
        number = (int(data.get("attempt", 1)), int(data.get("delivery", 1)))
        match event.type:
            case EventType.STEP_RETRIED:
                self._retried(event.path, number, below=bool(data.get("below")))
            case EventType.MESSAGE_DELTA:
                source = str(data.get("source", event.path))
                if not source.startswith(self._gone or ("\0",)) and number >= self._latest.get(source, _FIRST):
                    yield from self._more(event, source, number, text)
            case EventType.MESSAGE_RESET:
                yield from self._reset(event, number, text)
            case EventType.MESSAGE_COMPLETED:
                yield self._completed(event, text)
            case _:
                pass

    def _retried(self, path: str, number: Number, *, below: bool) -> None:
        self._latest[path] = number
        if below:
            self._gone += (f"{path}/",)
        for message in self._open.values():
            kept = [one for one in message.pieces if one[0] != path or one[1] >= number]
            if self._gone:
                kept = [one for one in kept if not one[0].startswith(self._gone)]
            if len(kept) < len(message.pieces):
                message.pieces = kept
                _compare(message)

    def _more(self, event: RunEvent, source: str, number: Number, text: str) -> Iterator[Piece]:
        message = self._open.setdefault(event.path, _Message(event.node))
        message.pieces.append((source, number, text))
        if message.waits:
            _compare(message)
            return
        if message.held:
            yield _piece(event.path, message, message.held)
        message.held = text

    def _reset(self, event: RunEvent, number: Number, text: str) -> Iterator[Piece]:
        message = self._open.get(event.path)
        if message is None:
            return
        message.pieces = [("", number, text)] if text else []
        _compare(message)
        if not text:
            # It will not be said after all, and no mark of its end follows.
            if message.sent:
                yield _piece(event.path, message, "", last=True)
            del self._open[event.path]

    def _completed(self, event: RunEvent, text: str) -> Piece:
        message = self._open.pop(event.path, None) or _Message(event.node)
        sent = "".join(message.sent)
        if text.startswith(sent):
            return _piece(event.path, message, text[len(sent) :], last=True)
        return _piece(event.path, message, text, last=True, replaces=True)


def _compare(message: _Message) -> None:
    """See what is left to be sent, now that the text is another."""
    sent, whole = "".join(message.sent), message.whole
    message.held = whole[len(sent) :] if whole.startswith(sent) else ""
    message.waits = not message.held and bool(sent)


def _piece(path: str, message: _Message, text: str, *, last: bool = False, replaces: bool = False) -> Piece:
    made = Piece(path, message.node, len(message.sent), text, last, replaces)
    message.sent.append(text)
    return made
