"""More tasks in one moment than the service can take at once."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.workers.coderunner.running import Running
from workers.coderunner.client import RunnerClient, RunnerGone
from workers.coderunner.frames import HEADER, frame


async def test_a_rush_while_the_service_stands_still_is_answered_to_the_last(short: Running) -> None:
    async def one(number: int) -> object:
        task = {"engine": "attempts", "source": str(number)}
        return (await short.client.run(task, org=str(number % 5))).value

    os.kill(short.pid, signal.SIGSTOP)
    try:
        tasks = [asyncio.create_task(one(number)) for number in range(1_200)]
        await asyncio.sleep(0.3)
    finally:
        os.kill(short.pid, signal.SIGCONT)
    try:
        async with asyncio.timeout(60):
            assert await asyncio.gather(*tasks[:300], *tasks[-10:]) == [*range(300), *range(1_190, 1_200)]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_is_cut_off_in_the_middle_is_told_so(tmp_path: Path) -> None:
    path = f"{tmp_path}/runner"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(1)
        asking = asyncio.create_task(RunnerClient(path).run({"engine": "python", "source": "", "params": {}}))
        listening.setblocking(False)
        taken, _ = await asyncio.get_running_loop().sock_accept(listening)
        taken.close()
        with pytest.raises(RunnerGone, match="before it answered"):
            await asking


async def test_a_header_with_a_number_beyond_all_numbers_ends_the_connection_alone(short: Running) -> None:
    header = b'{"engine": "attempts", "org": "", "seconds": ' + b"9" * 4_000 + b"}"
    with socket.socket(socket.AF_UNIX) as channel:
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(channel, short.client.socket)
        await loop.sock_sendall(channel, frame(HEADER, header))
        assert await loop.sock_recv(channel, 1) == b""
    assert (await short.client.run({"engine": "attempts", "source": "'honest'"})).value == "honest"
