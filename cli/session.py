"""A server to speak with: the one that is up on the data folder, or the embedded whole within this process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from cli.chosen_space import CHOSEN_SPACE
from cli.complaint import CommandFailed, FolderBusy
from cli.data_folder import DataFolder
from cli.http_client import ApiClient
from conf.settings import Settings

if TYPE_CHECKING:
    from cli.whole import Services

T = TypeVar("T")

_BUSY_SECONDS: Final = 60.0
_POLL: Final = 0.1


def speak(settings: Settings, work: Callable[[ApiClient], Awaitable[T]], *, reading: bool = False) -> T:
    """Do work that needs a server. With `reading` no worker is started for it: what lies there is only looked at."""
    from cli.event_loop import run_loop

    async def whole() -> T:
        task = asyncio.current_task()
        if task is not None:
            # Like Ctrl-C: what was started is stopped.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        async with session(settings, reading=reading) as client:
            return await work(client)

    return run_loop(whole())


def speak_with_running(settings: Settings, work: Callable[[ApiClient], Awaitable[T]]) -> T:
    """Do work for which a server must be up already. Raises `CommandFailed`."""
    from cli.event_loop import run_loop

    async def whole() -> T:
        client = await _running(DataFolder(settings.data_dir))
        if client is None:
            raise CommandFailed(f"Nothing is up on {settings.data_dir}. Start `mainspring up` there.")
        async with client:
            _enter(client, settings)
            return await work(client)

    return run_loop(whole())


@asynccontextmanager
async def session(settings: Settings, *, reading: bool = False) -> AsyncGenerator[ApiClient]:
    """A client of a server that answers."""
    from conf.logging import configure_logging

    # Between the lines of a run nobody wants to read what the parts say of themselves, unless they ask for it.
    configure_logging(settings.log_level if "log_level" in settings.model_fields_set else "error", settings.log_format)
    if "log_level" not in settings.model_fields_set:
        logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    folder = DataFolder(settings.data_dir)
    deadline = asyncio.get_running_loop().time() + _BUSY_SECONDS
    while True:
        if (client := await _running(folder)) is not None:
            async with client:
                _enter(client, settings)
                yield client
            return
        try:
            async with _own(settings, _services(reading)) as client:
                _enter(client, settings)
                yield client
            return
        except FolderBusy:
            # Somebody is just starting there, or just stopping.
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_POLL)


def _enter(client: ApiClient, settings: Settings) -> None:
    # Not before: whether a server answers is asked where the token is at home.
    if space := CHOSEN_SPACE.get() or settings.space.strip():
        client.enter(space)


async def _running(folder: DataFolder) -> ApiClient | None:
    """A client of the server that is up on the folder, if one is."""
    where, token = folder.api(), folder.token()
    # Only to a process that still lives: the token is not for whoever has the port now.
    if where is None or token is None or not lives(where.pid):
        return None
    client = ApiClient(where.url, token)
    if await client.ready():
        return client
    await client.close()
    return None


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@asynccontextmanager
async def _own(settings: Settings, services: Services) -> AsyncGenerator[ApiClient]:
    from cli.whole import Whole

    free = {"port": 0, "host": "127.0.0.1", "temporal_port": 0, "temporal_ui_port": -1}
    async with Whole(settings.model_copy(update=free), services) as whole, ApiClient(whole.url, whole.token) as client:
        yield client


def _services(reading: bool) -> Services:
    from cli.whole import Services

    return Services(worker=False, temporal=False) if reading else Services(adopt=True)
