"""The pool's end of a channel to a process of the tree: messages, some with a socket, and the news of its end."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, Final

_MESSAGE_BYTES: Final = 8_192


class Control:
    """One channel. `heard` gets each message; `ended` is called once: the other side is gone, or speaks nonsense."""

    def __init__(self, heard: Callable[[dict[str, Any]], None], ended: Callable[[], None]) -> None:
        self._heard, self._ended = heard, ended
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._ours, self._listen)
        self.open = True

    def tell(self, sent: socket.socket | None = None, **message: Any) -> None:
        """Say something; a process that does not even take in a message has ended, as far as we are concerned."""
        if not self.open:
            return
        try:
            socket.send_fds(self._ours, [json.dumps(message).encode()], [] if sent is None else [sent.fileno()])
        except OSError:
            self.close()

    def close(self) -> None:
        """The process at the other end takes this as its own end."""
        if self.open:
            self.open = False
            self._loop.remove_reader(self._ours)
            self._ours.close()
            self._ended()

    def _listen(self) -> None:
        try:
            data = self._ours.recv(_MESSAGE_BYTES)
            message = json.loads(data) if data else None
        except BlockingIOError:
            return
        except (OSError, ValueError):
            message = None
        if isinstance(message, dict):
            self._heard(message)
        else:
            self.close()
