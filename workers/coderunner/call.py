"""One task under way, as the pool sees it: its own socket, what came through it, and how its process ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any, Final, get_args

from workers.coderunner.engine import LOG_CHARS, LOG_LINES, MESSAGE_CHARS, Reason, TaskFailed
from workers.coderunner.frames import (
    ANSWER,
    BEGUN,
    DATA,
    FAILURE,
    HEAD,
    HEADER,
    LOG,
    NONCE,
    TASK,
    Frames,
    Malformed,
    frame,
)
from workers.coderunner.limits import Limits

_PIECE: Final = 256 * 1024
_NONCE_BYTES: Final = 16
_LOG_BYTES: Final = LOG_CHARS * 4
_BESIDE: Final = LOG_LINES * (_LOG_BYTES + HEAD.size) + 16 * 1024
"""What may come beside the answer itself: lines, a failure, heads of frames."""
_FAILURE_BYTES: Final = 16 * 1024
_LAST_LINE: Final = 10_000_000
"""No text that is run has more."""
_SIGSYS: Final = 31


@dataclass(frozen=True)
class Work:
    """What is to be done. The task itself is passed on as it came."""

    engine: str
    task: bytes
    data: bytes
    seconds: float
    """By the clock."""
    answer_bytes: int


@dataclass(frozen=True)
class Ending:
    """How a process ended: as `wait` tells it, and the seconds it computed."""

    status: int
    cpu: float


class Unanswered(Exception):
    """The process ended without an answer."""


class Call:
    """A process for one task, from before there is one. What comes through its socket answers for no other."""

    def __init__(self, number: int, limits: Limits) -> None:
        self.number, self.limits = number, limits
        self.started = False
        self.begun = False
        """The task is there: from here on its end is the task's own."""
        self.odd = False
        """Something came that no honest process sends."""
        self.ended: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        """None: it ended together with its zygote, or never began."""
        self.logs: list[str] = []
        self._found: tuple[bytes, bytes] | None = None
        self._nonce = token_bytes(_NONCE_BYTES)
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ours.setblocking(False)

    def end(self, ending: Ending | None) -> None:
        """The process is no more."""
        if not self.ended.done():
            self.ended.set_result(ending)

    def close(self) -> None:
        """Take nothing more."""
        self._ours.close()
        self.theirs.close()

    async def converse(self, work: Work) -> bytes:
        """Hand the task over and wait for the answer and for the end of all there is to come.

        Raises `TaskFailed` with what the process said, `Unanswered` if it ended without a word.
        """
        loop = asyncio.get_running_loop()
        head = json.dumps({"engine": work.engine, "bytes": work.answer_bytes}).encode()
        told = frame(NONCE, self._nonce) + frame(HEADER, head) + frame(TASK, work.task) + frame(DATA, work.data)
        frames = Frames(BEGUN + LOG + ANSWER + FAILURE, work.answer_bytes + _BESIDE)
        said: asyncio.Future[tuple[bytes, bytes] | None] = loop.create_future()
        loop.add_reader(self._ours, self._read, frames, said)
        try:
            with suppress(ConnectionError):  # it is gone: reading will tell
                await loop.sock_sendall(self._ours, told)
            found = await said
        except Malformed as fault:
            self.odd = True
            raise TaskFailed("crashed", f"The process of the code gave no proper answer: {fault}.") from fault
        finally:
            loop.remove_reader(self._ours)
        match found:
            case None:
                raise Unanswered
            case (kind, payload) if kind == ANSWER:
                return payload
            case (_, payload):
                raise self._failure(payload)

    def _read(self, frames: Frames, said: asyncio.Future[tuple[bytes, bytes] | None]) -> None:
        """What has come by now; not all that may come, or one that writes without end would have the loop to itself."""
        for _ in range(4):
            try:
                piece = self._ours.recv(_PIECE)
            except BlockingIOError:
                return
            except ConnectionError:
                piece = b""
            try:
                if piece:
                    self._take_in(frames.feed(piece))
                    continue
                if not frames.between:
                    raise Malformed("half a frame")
            except Malformed as fault:
                said.set_exception(fault)
            else:
                said.set_result(self._found)
            asyncio.get_running_loop().remove_reader(self._ours)
            return

    def _take_in(self, frames: Iterator[tuple[bytes, bytes]]) -> None:
        for kind, payload in frames:
            if self._found is not None:
                raise Malformed("more after the answer")
            if kind == BEGUN:
                if self.begun or payload:
                    raise Malformed("more than one beginning")
                self.begun = True
            elif kind == LOG:
                self._note(payload)
            elif kind == FAILURE and len(payload) > _FAILURE_BYTES:
                # It is read where everybody's answers go through.
                raise Malformed("a failure of that size")
            else:
                self._found = kind, self._marked(payload)

    def verdict(self, ending: Ending) -> TaskFailed:
        """Why a process ended that nobody ended, and that gave no answer."""
        if os.WIFEXITED(ending.status):
            return TaskFailed("crashed", "The process of the code ended before it gave an answer.")
        killer = os.WTERMSIG(ending.status)
        most = self.limits.cpu_seconds
        if killer == signal.SIGXCPU or ending.cpu >= most:
            return TaskFailed("timeout", f"The code computed for longer than {most} seconds.")
        if self.odd:
            return TaskFailed("crashed", "The process of the code hung up before it gave an answer.")
        if killer == signal.SIGKILL:
            return TaskFailed("memory", "The process of the code was ended: the machine has no memory left for it.")
        if killer == _SIGSYS:
            return TaskFailed("refused", "The code asked the system for something that it may not.")
        return TaskFailed("crashed", f"The process of the code crashed ({signal.Signals(killer).name}).")

    def _note(self, payload: bytes) -> None:
        if len(payload) > _LOG_BYTES or len(self.logs) >= LOG_LINES:
            raise Malformed("more lines than were agreed")
        self.logs.append(payload.decode(errors="replace")[:LOG_CHARS])

    def _marked(self, payload: bytes) -> bytes:
        if payload[:_NONCE_BYTES] != self._nonce:
            raise Malformed("an answer without its mark")
        return payload[_NONCE_BYTES:]

    def _failure(self, payload: bytes) -> TaskFailed:
        try:
            facts: dict[str, Any] = json.loads(payload)
            reason: Reason = facts["reason"]
            line = facts["line"]
            if reason not in get_args(Reason):
                raise ValueError("no such reason")
            if line is not None and not (type(line) is int and 0 < line <= _LAST_LINE):
                raise ValueError("no such line")
            return TaskFailed(reason, _text(facts["message"], MESSAGE_CHARS), type=_text(facts["type"], 100), line=line)
        except (ValueError, KeyError, TypeError, RecursionError):
            self.odd = True
            return TaskFailed("crashed", "The process of the code failed, and did not say properly why.")


def _text(said: Any, most: int) -> str:
    """What may have been written by anybody: no longer than agreed, and without halves of characters."""
    return str(said)[:most].encode(errors="replace").decode()
