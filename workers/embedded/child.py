"""A child process that does not outlive its parent, however the parent dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

# The child asks to be killed with its parent (1 is PR_SET_PDEATHSIG, which survives the exec), makes sure that the
# parent did not die before it asked, and becomes the command. A program of its own, because code between fork and exec
# (`preexec_fn`) may deadlock where there are threads.
_LAUNCHER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]): sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Child:
    """One process, from its start to its end, belonging to no event loop.

    Linux ties the death signal to the *thread* that started the child, not to the process. So each child has a thread
    that starts it and then waits for its end: while the child lives, so does the thread, unless the process dies.
    Only Linux can be asked for the signal; elsewhere a killed parent leaves the child behind.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: int,
        keep_open: Sequence[int] = (),
    ) -> None:
        """Start the command in `folder`; it writes to the descriptor `output` and inherits the others, `keep_open`."""
        self._ended = Future[int]()
        # A running future cannot be cancelled, so whoever stops waiting does not stop the others.
        self._ended.set_running_or_notify_cancel()
        started = Future[subprocess.Popen[bytes]]()

        def live() -> None:
            try:
                process = subprocess.Popen(
                    [*_launcher(), *command],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=keep_open,
                    start_new_session=True,
                )
            except OSError as problem:
                started.set_exception(problem)
                return
            started.set_result(process)
            self._ended.set_result(process.wait())

        Thread(target=live, name=f"child {Path(command[0]).name}", daemon=True).start()
        # A few milliseconds. Not awaited: a caller cancelled here would never learn of the process it has started.
        self._process = started.result()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._ended.done()

    async def wait(self) -> int:
        """The exit status, once there is one; a negative number is the signal that ended the process."""
        return await asyncio.wrap_future(self._ended)

    def kill(self) -> None:
        self._process.kill()

    async def stop(self, patience: float) -> int:
        """Ask the process to end; kill it if it has not within `patience` seconds, or if the caller stops waiting."""
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience):
                await self.wait()
        except TimeoutError:
            pass
        finally:
            self.kill()
        return await self.wait()


def _launcher() -> list[str]:
    if sys.platform == "linux":
        return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
    return []
