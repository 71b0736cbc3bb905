"""Ids: 63 bits, ordered by time, made in this process without asking anyone, and strings in JSON."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from engine.errors import NotFound

EPOCH_MS: Final = 1_704_067_200_000
"""The beginning of 2024; 41 bits of milliseconds from here last until 2093."""

_WORKER_BITS: Final = 12
_COUNTER_BITS: Final = 10
_COUNTER_END: Final = 1 << _COUNTER_BITS


class IdMaker:
    """Makes ids that grow. When the clock steps back, or a millisecond is used up, they run ahead of the clock."""

    def __init__(self, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._process = 0
        self._worker = 0
        self._moment = 0
        self._counter = 0

    def __call__(self) -> int:
        with self._lock:
            if self._process != os.getpid():
                # The first id of this process, which may be a fork: it must not make its parent's ids.
                self._process = os.getpid()
                self._worker = secrets.randbits(_WORKER_BITS)
            moment = self._clock() // 1_000_000 - EPOCH_MS
            if moment > self._moment:
                self._moment = moment
                # Two processes that drew the same worker number still make different ids, as a rule.
                self._counter = secrets.randbelow(_COUNTER_END // 2)
            else:
                self._counter += 1
                if self._counter == _COUNTER_END:
                    self._moment += 1
                    self._counter = 0
            return (self._moment << _WORKER_BITS | self._worker) << _COUNTER_BITS | self._counter


new_id: Final = IdMaker()


def made_at(id_: int) -> int:
    """When an id was made, in UTC milliseconds."""
    return (id_ >> (_WORKER_BITS + _COUNTER_BITS)) + EPOCH_MS


def read_id(text: str) -> int | None:
    """The id that a string from JSON stands for; None when it is none."""
    if text.isascii() and text.isdecimal() and len(text) <= 19 and (number := int(text)) < 1 << 63:
        return number
    return None


def parse_id(text: str, what: str = "thing") -> int:
    """The id that a string stands for. Raises `NotFound`: what cannot be an id is the id of nothing."""
    if (number := read_id(text)) is None:
        raise NotFound(f"There is no such {what}.", id=text[:64])
    return number
