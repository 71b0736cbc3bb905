"""One task, in a process that was forked for it: close the last doors, run, answer once, and end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from workers.coderunner import kernel, limits, seccomp
from workers.coderunner.engine import LOG_CHARS, LOG_LINES, MESSAGE_CHARS, Engine, TaskFailed
from workers.coderunner.exact import encode
from workers.coderunner.frames import ANSWER, BEGUN, DATA, FAILURE, HEAD, HEADER, LOG, NONCE, TASK, frame
from workers.coderunner.registry import ENGINES

_UNPROTECTED: Final = 71
"""The exit status of a child that could not close a door, and so ran nothing."""
_LARGEST: Final = 1 << 30


@dataclass(frozen=True)
class Order:
    """What a child is told by its zygote. Nothing of a task: that it reads when all doors are closed."""

    engines: Mapping[str, Engine]
    warm: str
    """The engine of which a task is likely to come; empty if nobody knows."""
    limits: limits.Limits
    taken_mb: int
    """The address space of the zygote."""
    lenient: bool
    """Go on where a door cannot be closed."""
    restricted: bool
    """Whether the language layer is on."""
    parent: int


def work(order: Order, call: socket.socket) -> NoReturn:
    """Run the one task that comes through `call`, answer there, and end this process."""
    try:
        channel = _alone_with(call)
        _close_doors(order)
        _warm_up(order)
        _answer(order, channel)
    except BaseException:  # noqa: BLE001 - whatever it is, a fork must not run on in the code of its parent
        os._exit(70)
    os._exit(0)


def _alone_with(call: socket.socket) -> int:
    """Keep the standard streams, which lead nowhere, and the call: nothing else that the zygote has open."""
    channel = 3
    if call.fileno() != channel:
        os.dup2(call.fileno(), channel)
    os.closerange(channel + 1, 65_536)
    return channel


def _close_doors(order: Order) -> None:
    for engine in order.engines.values():
        engine.enter()
    if order.parent != 1:
        # Without a namespace of processes the zygote's end would leave us behind.
        _door(order, kernel.die_with_parent, signal.SIGKILL)
    if os.getppid() != order.parent:
        os._exit(_UNPROTECTED)
    if chance := sys.modules.get("numpy.random"):
        chance.seed()  # the standard library sees to its own; what is drawn must not be the same in every child
    _door(order, limits.impose, order.limits, order.taken_mb)
    _door(order, seccomp.install)


def _warm_up(order: Order) -> None:
    """Run a task of ours while nobody waits. It leaves nothing that a task could find: engines see to that."""
    entry = ENGINES.get(order.warm)
    if entry is not None and entry.trial and order.warm in order.engines:
        with suppress(Exception):
            encode(order.engines[order.warm].run({**entry.trial, "restricted": order.restricted}, lambda _: None))


def _door(order: Order, close: Callable[..., None], *arguments: object) -> None:
    try:
        close(*arguments)
    except (OSError, ValueError):
        if not order.lenient:
            os._exit(_UNPROTECTED)


def _answer(order: Order, channel: int) -> None:
    nonce = _read(channel, NONCE)
    # Made while there is memory.
    no_memory = _failure(nonce, TaskFailed("memory", "The code took more memory than it may."))
    head: dict[str, Any] = json.loads(_read(channel, HEADER))
    engine = order.engines[head["engine"]]
    task: dict[str, Any] = json.loads(_read(channel, TASK))
    task["restricted"] = order.restricted
    if data := _read(channel, DATA):
        task["data"] = data
    del data
    _write(channel, frame(BEGUN, b""))
    try:
        answer = frame(ANSWER, nonce + _run(engine, task, channel, head["bytes"]))
    except TaskFailed as failed:
        answer = _failure(nonce, failed)
    except MemoryError:
        answer = no_memory
    except RecursionError:
        answer = _failure(nonce, TaskFailed("error", "The code called itself too often.", type="RecursionError"))
    except BaseException as error:  # noqa: BLE001 - a fault of the engine, or code that found a way around it
        kind = type.__getattribute__(type(error), "__name__")
        answer = _failure(nonce, TaskFailed("crashed", f"The engine broke ({kind}).", type=str(kind)))
    _write(channel, answer)


def _run(engine: Engine, task: Mapping[str, Any], channel: int, most: int) -> bytes:
    left = LOG_LINES

    def log(line: str) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            _write(channel, frame(LOG, _text(line, LOG_CHARS).encode()))

    return encode(engine.run(task, log), most)


def _failure(nonce: bytes, failed: TaskFailed) -> bytes:
    facts = {
        "reason": failed.reason,
        "message": _text(failed.message, MESSAGE_CHARS),
        "type": _text(failed.type, 100),
        "line": failed.line if type(failed.line) is int else None,
    }
    return frame(FAILURE, nonce + json.dumps(facts).encode())


def _text(text: str, most: int) -> str:
    """What the author wrote may hold halves of characters, which nobody else could write down again."""
    return str(text)[:most].encode(errors="replace").decode()


def _read(channel: int, expected: bytes) -> bytes:
    kind, length = HEAD.unpack(_exactly(channel, HEAD.size))
    if kind != expected or length > _LARGEST:
        os._exit(70)
    return _exactly(channel, length)


def _exactly(channel: int, length: int) -> bytes:
    pieces: list[bytes] = []
    while length > 0:
        piece = os.read(channel, min(length, 1 << 20))
        if not piece:  # nobody waits for us any more
            os._exit(0)
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _write(channel: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(channel, view) :]
