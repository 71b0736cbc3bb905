"""What one attempt at a streamed output sends to which messages: beginnings, pieces, and what had to wait for a cue."""

from __future__ import annotations

from collections.abc import Iterable

from engine.runtime import StreamTarget

Sent = list[tuple[StreamTarget, str]]
"""Texts to send, each to its message."""


class Forwarding:
    """The messages of one attempt. Whoever makes the pieces sends what this hands out, in its order."""

    def __init__(self, targets: Iterable[StreamTarget]) -> None:
        self._open: list[StreamTarget] = []
        self._owed: dict[str, str] = {}
        """By path, what a message gets before its first piece."""
        self._shut: list[StreamTarget] = []
        self._told: list[str] = []
        self.forwarded: tuple[str, ...] = ()
        """Paths of the messages whose cue came."""
        for target in targets:
            if target.cue:
                self._shut.append(target)
            else:
                self._admit(target)

    @property
    def cues(self) -> frozenset[str]:
        """Events that a message is still waiting for."""
        return frozenset(target.cue for target in self._shut)

    def add(self, piece: str) -> Sent:
        """A piece was made."""
        self._told.append(piece)
        return [(target, self._owed.pop(target.path, "") + piece) for target in self._open]

    def cue(self, key: str) -> Sent:
        """An event was told: the messages that waited for it get all that was made until now."""
        ready = [target for target in self._shut if target.cue == key]
        if not ready:
            return []
        self._shut = [target for target in self._shut if target.cue != key]
        self.forwarded = (*self.forwarded, *(target.path for target in ready))
        made = "".join(self._told)
        for target in ready:
            self._admit(target)
        return [(target, self._owed.pop(target.path, "") + made) for target in ready] if made else []

    def rest_of(self, output: str) -> str | None:
        """What of the output was not told; None when something else was."""
        made = "".join(self._told)
        return output[len(made) :] if output.startswith(made) else None

    def finish(self) -> Sent:
        """There is no piece any more: what was to stand before the first is sent by itself."""
        return [(target, owed) for target in self._open if (owed := self._owed.pop(target.path, ""))]

    def _admit(self, target: StreamTarget) -> None:
        self._open.append(target)
        if target.prefix:
            self._owed[target.path] = target.prefix
