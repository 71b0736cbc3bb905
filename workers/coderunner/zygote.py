"""PID 1 of the jail: has everything imported, forks a child for each task, and tells how each ended."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Mapping
from typing import Any, NoReturn

from workers.coderunner.child import Order, work
from workers.coderunner.engine import Engine
from workers.coderunner.limits import Limits

MESSAGE_BYTES = 4_096


class Zygote:
    """Serves the pool through `control`: a message that a task is to run brings the socket of that task."""

    def __init__(
        self, control: socket.socket, engines: Mapping[str, Engine], taken_mb: int, *, restricted: bool
    ) -> None:
        self._restricted = restricted
        self._control, self._engines, self._taken_mb = control, engines, taken_mb
        self._children: dict[int, int] = {}
        """Process → the number of its task."""

    def serve(self) -> NoReturn:
        """Until the pool is gone. Ending ends every child: the kernel sees to that where there is a PID namespace."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        # A handler that does nothing: without one there is no waking either.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    os.read(wake, 4_096)
                    self._reap()
                else:
                    self._listen()

    def tell(self, **message: Any) -> None:
        """Say something to the pool; without one there is no reason to be."""
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            os._exit(0)

    def _listen(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
        except OSError:
            os._exit(0)
        if not data:
            os._exit(0)
        message = json.loads(data)
        if "fork" in message and descriptors:
            self._start(message, socket.socket(fileno=descriptors[0]))
        elif "kill" in message:
            for process, number in self._children.items():
                if number == message["kill"]:
                    # It cannot be another process: nobody has waited for this one yet.
                    os.kill(process, signal.SIGKILL)

    def _start(self, message: dict[str, Any], call: socket.socket) -> None:
        number = message["fork"]
        me = os.getpid()
        try:
            process = os.fork()
        except OSError as error:
            call.close()
            self.tell(ended=number, refused=str(error))
            return
        if process == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            work(
                Order(
                    self._engines,
                    message["warm"],
                    Limits(message["cpu"], message["memory"]),
                    self._taken_mb,
                    lenient=message["lenient"],
                    restricted=self._restricted,
                    parent=me,
                ),
                call,
            )
        call.close()
        self._children[process] = number
        self.tell(started=number)

    def _reap(self) -> None:
        while self._children:
            process, status, usage = os.wait4(-1, os.WNOHANG)
            if process == 0:
                return
            number = self._children.pop(process, None)
            if number is not None:
                self.tell(ended=number, status=status, cpu=usage.ru_utime + usage.ru_stime)
