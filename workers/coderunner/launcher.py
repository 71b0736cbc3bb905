"""Imports the engines once, and forks zygotes into jails of their own; never touches anything of a task itself."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from workers.coderunner import kernel, seccomp
from workers.coderunner.engine import Engine
from workers.coderunner.jail import Jail
from workers.coderunner.limits import address_space_mb
from workers.coderunner.options import Options
from workers.coderunner.registry import ENGINES, Entry, load_engine
from workers.coderunner.zygote import MESSAGE_BYTES, Zygote

PROBE = "probe"


def launch(options: Options, kind: str, channel: socket.socket) -> NoReturn:
    """Serve the pool through `channel` until it is gone."""
    try:
        engines = _prepare(options, kind)
    except Exception as error:  # noqa: BLE001 - a module that is missing or breaks: whoever asked for it is told
        channel.send(json.dumps({"failed": f"{type(error).__name__}: {error}"[:1_000]}).encode())
        os._exit(1)
    Launcher(engines, channel, restricted=options.restricted).serve()


class Launcher:
    """Forks zygotes, ends them, and tells of their end."""

    def __init__(self, engines: Mapping[str, Engine], channel: socket.socket, *, restricted: bool) -> None:
        self._engines, self._channel, self._restricted = engines, channel, restricted
        self._zygotes: dict[int, int] = {}
        """Process → the number that the pool gave."""

    def serve(self) -> NoReturn:
        """Until the pool is gone; the zygotes go with us."""
        kernel.adopt_orphans()
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(wake, select.POLLIN)
        self._tell(ready=True, threads=len(os.listdir("/proc/self/task")))
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    os.read(wake, 4_096)
                    self._reap()
                else:
                    self._listen()

    def _tell(self, **message: Any) -> None:
        self._channel.send(json.dumps(message).encode())

    def _listen(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._channel, MESSAGE_BYTES, 1)
        if not data:
            os._exit(0)
        message = json.loads(data)
        if "spawn" in message and descriptors:
            self._spawn(message["spawn"], socket.socket(fileno=descriptors[0]))
        elif "kill" in message:
            for process, number in self._zygotes.items():
                if number == message["kill"]:
                    os.kill(process, signal.SIGKILL)

    def _spawn(self, number: int, control: socket.socket) -> None:
        """Fork twice: the process between leaves the namespaces, so that what it starts is PID 1 of new ones."""
        gate, open_gate = os.pipe()
        found, tell = os.pipe()
        between = os.fork()
        if between == 0:
            try:
                os.close(open_gate)
                os.close(found)
                self._between(control, gate, tell)
            finally:
                os._exit(70)
        control.close()
        os.close(gate)
        os.close(tell)
        process = os.read(found, 16)
        os.close(found)
        os.waitpid(between, 0)
        if process:
            self._zygotes[int(process)] = number
        # Only now are we its parent, with whom it asks to die.
        with suppress(BrokenPipeError):  # it is gone already, of which we shall hear
            os.write(open_gate, b".")
        os.close(open_gate)
        self._tell(spawned=number, process=int(process or 0))

    def _between(self, control: socket.socket, gate: int, tell: int) -> NoReturn:
        jail = Jail()
        _be_first_to_go()
        taken = address_space_mb()
        jail.leave_namespaces()
        process = os.fork()
        if process:
            os.write(tell, str(process).encode())
            os._exit(0)
        os.close(tell)
        if os.read(gate, 1) != b".":
            os._exit(0)
        os.close(gate)
        entered = jail.entered()
        jail.close()
        # After the change of users, which would undo it.
        kernel.die_with_parent(signal.SIGKILL)
        _only(control)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        zygote = Zygote(control, self._engines, taken, restricted=self._restricted)
        zygote.tell(hello={"namespaces": entered, **_seen_from_within(), "refused": jail.refused})
        zygote.serve()

    def _reap(self) -> None:
        while self._zygotes:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            number = self._zygotes.pop(process, None)
            if number is not None:
                self._tell(died=number, status=status)


def _prepare(options: Options, kind: str) -> dict[str, Engine]:
    # Libraries for numbers start threads when they are imported, of which a fork keeps none.
    for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    known = dict(ENGINES)
    known |= {name: Entry(module, "code") for name, module in options.engines.items()}
    known[PROBE] = Entry("workers.coderunner.engines.probe", "code")
    engines: dict[str, Engine] = {}
    for name, entry in known.items():
        if (entry.kind == kind and name not in options.leave_out) or name == PROBE:
            engines[name] = load_engine(entry)
            engines[name].prepare(options.modules)
    with suppress(OSError):  # where there is none, the first child will say so
        seccomp.compiled()
    os.environ.clear()
    # A task has no use for where we are installed, and where the service listens.
    sys.argv[1:] = []
    sys.orig_argv.clear()
    sys.path.clear()
    sys.path_importer_cache.clear()
    gc.set_threshold(10_000, 10, 10)
    gc.collect()
    # What is here stays; a collection in a child must not write to all of it, which would copy it.
    gc.freeze()
    return engines


def _seen_from_within() -> dict[str, Any]:
    try:
        root: Sequence[str] | None = os.listdir("/")
    except OSError:
        root = None
    return {
        "first": os.getpid() == 1,
        "empty": root is not None and len(root) == 0,
        "user": os.getuid(),
        "privileges": not kernel.no_new_privileges(),
        "capabilities": kernel.has_capabilities(),
        "dumpable": kernel.dumpable(),
    }


def _be_first_to_go() -> None:
    """When the machine runs out of memory, code goes before everything else."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("900")
    except OSError:  # no harm: the limits of each child hold all the same
        pass


def _only(control: socket.socket) -> None:
    """Close all but the control socket and the way into nothing, which the standard streams lead to."""
    nothing = os.dup(0)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, control.fileno())
    os.closerange(control.fileno() + 1, 65_536)
