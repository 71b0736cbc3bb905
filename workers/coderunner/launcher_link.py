"""One launcher, as the pool sees it: a process that forks zygotes."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from workers.coderunner.control import Control
from workers.coderunner.limits import Limits
from workers.coderunner.options import Options, command
from workers.coderunner.registry import Kind
from workers.coderunner.zygote_link import ZygoteLink

_READY: Final = 30.0
"""Seconds in which a launcher has imported everything, also on a machine that has much else to do."""
_SPAWN: Final = 5.0


class LaunchFailed(Exception):
    """There is no launcher, or it makes no zygotes; the text says why."""


class LauncherLink:
    """Made by `start`. With its end all its zygotes end."""

    def __init__(self, gone: Callable[[], None], zygote_gone: Callable[[ZygoteLink], None]) -> None:
        loop = asyncio.get_running_loop()
        self.threads = 0
        self._gone, self._zygote_gone = gone, zygote_gone
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: asyncio.Future[None] = loop.create_future()
        self._spawned: dict[int, asyncio.Future[int]] = {}
        self._numbers = count(1)
        self.control = Control(self._hear, self._end)

    @classmethod
    async def start(
        cls, options: Options, kind: Kind, gone: Callable[[], None], zygote_gone: Callable[[ZygoteLink], None]
    ) -> LauncherLink:
        """Start one and wait until it has imported everything. Raises `LaunchFailed`."""
        link = cls(gone, zygote_gone)
        theirs = link.control.theirs
        arguments = command("launch", str(os.getpid()), str(theirs.fileno()), kind, options.to_json())
        try:
            # From the main thread, which lives as long as this process: its end is the end of the launcher.
            link._process = subprocess.Popen(  # noqa: ASYNC220 - the interpreter's fork and exec take a millisecond
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            link.kill()
            raise LaunchFailed(f"it cannot be started: {error}") from error
        finally:
            theirs.close()
        try:
            async with asyncio.timeout(_READY):
                await link._ready
        except TimeoutError:
            link.kill()
            raise LaunchFailed(f"it was not ready within {_READY:g} seconds") from None
        except BaseException:  # cancelled as well: nothing stays behind
            link.kill()
            raise
        return link

    @property
    def alive(self) -> bool:
        return self.control.open

    async def spawn(self, limits: Limits, spares: int) -> ZygoteLink:
        """Fork a zygote, whose children have these limits. Raises `LaunchFailed`."""
        if not self.alive:
            raise LaunchFailed("it ended")
        number = next(self._numbers)
        zygote = ZygoteLink(number, limits, spares, kill=self._kill_zygote, gone=self._zygote_gone)
        spawned = self._spawned[number] = asyncio.get_running_loop().create_future()
        self.control.tell(zygote.control.theirs, spawn=number)
        zygote.control.theirs.close()
        try:
            async with asyncio.timeout(_SPAWN):
                await spawned
                await asyncio.wait([zygote.hello])
        except TimeoutError:
            zygote.kill()
            self.kill()
            raise LaunchFailed(f"it made no zygote within {_SPAWN:g} seconds") from None
        except LaunchFailed:
            zygote.control.close()
            raise
        finally:
            self._spawned.pop(number, None)
        if zygote.hello.cancelled():
            raise LaunchFailed("a zygote ended before it was ready")
        return zygote

    def kill(self) -> None:
        """End it, and with it all its zygotes."""
        if self._process is not None:
            self._process.kill()
        self.control.close()

    def _kill_zygote(self, number: int) -> None:
        self.control.tell(kill=number)

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"ready": True, "threads": int(threads)}:
                self.threads = threads
                if not self._ready.done():
                    self._ready.set_result(None)
            case {"failed": str(reason)}:
                if not self._ready.done():
                    self._ready.set_exception(LaunchFailed(reason))
            case {"spawned": int(number), "process": int(process)}:
                if (spawned := self._spawned.get(number)) is not None and not spawned.done():
                    spawned.set_result(process)
            case {"died": int()}:
                pass  # its own channel has told already
            case _:
                self.control.close()

    def _end(self) -> None:
        ended = LaunchFailed("it ended")
        if not self._ready.done():
            self._ready.set_exception(ended)
        for spawned in self._spawned.values():
            if not spawned.done():
                spawned.set_exception(ended)
        if self._ready.done():
            self._ready.exception()  # looked at, so that nobody complains that nobody did
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._gone()
