"""Whatever dies, at whatever moment: the next call works, and nothing is left over."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.coderunner.running import ATTEMPTS, LANGUAGES, Running, code_runner
from workers.coderunner.client import Answer, RunnerClient, RunnerGone
from workers.coderunner.engine import TaskFailed
from workers.coderunner.options import Options, command


@pytest.fixture
def mortal() -> Iterator[Running]:
    with code_runner(processes=2, spares=0, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as running:
        yield running


@pytest.fixture
def stocked() -> Iterator[Running]:
    """As it is by default: with a child that waits in each zygote."""
    with code_runner(processes=2, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as running:
        yield running


async def run(runner: Running, source: str, **more: Any) -> Answer:
    return await runner.client.run({"engine": "attempts", "source": source}, **more)


async def until(holds: Callable[[], bool]) -> None:
    """Processes come and go without telling anybody."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def launcher(runner: Running) -> psutil.Process:
    (found,) = psutil.Process(runner.pid).children()
    return found


def zygotes(runner: Running) -> list[psutil.Process]:
    found = []
    for parent in psutil.Process(runner.pid).children():
        with suppress(psutil.NoSuchProcess):
            found += parent.children()
    return found


def tasks(runner: Running) -> list[psutil.Process]:
    found = []
    for zygote in zygotes(runner):
        with suppress(psutil.NoSuchProcess):
            found += zygote.children()
    return found


async def busy(runner: Running, count: int = 1) -> AsyncIterator[list[asyncio.Task[Answer]]]:
    """Tasks that wait for ever, all of them begun."""
    begun = [asyncio.create_task(run(runner, "time.sleep(100)", seconds=60)) for _ in range(count)]
    await until(lambda: len(tasks(runner)) == count)
    yield begun
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)


async def test_a_child_that_is_killed_fails_its_own_task_alone(mortal: Running) -> None:
    async for begun in busy(mortal, 3):
        victim = tasks(mortal)[0]
        victim.kill()
        done, waiting = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting)) == (1, 2)
        with pytest.raises(TaskFailed) as failed:
            await done.pop()
        # Nobody but the kernel kills here, when there is no memory.
        assert failed.value.reason == "memory"
        assert (await run(mortal, "1")).value == 1


async def test_a_zygote_that_is_killed_takes_its_children_along_and_their_tasks_are_done_again(mortal: Running) -> None:
    async for begun in busy(mortal, 2):
        before = tasks(mortal)
        for zygote in zygotes(mortal):
            zygote.kill()
        psutil.wait_procs(before, timeout=60)
        assert not any(process.is_running() for process in before)
        # They wait for ever again, in new zygotes.
        await until(lambda: len(tasks(mortal)) == 2)
        assert not any(task.done() for task in begun)
        assert (await run(mortal, "1")).value == 1
        # A second time it might be their own doing.
        for zygote in zygotes(mortal):
            zygote.kill()
        for task in begun:
            with pytest.raises(TaskFailed) as failed:
                await task
            assert (failed.value.reason, failed.value.message) == ("crashed", "What the code ran in has ended twice.")
        assert (await run(mortal, "1")).value == 1


async def test_a_zygote_that_hangs_is_replaced(mortal: Running) -> None:
    for zygote in zygotes(mortal):
        zygote.suspend()
    assert (await run(mortal, "1")).value == 1
    await until(lambda: len(zygotes(mortal)) == 2)


async def test_a_launcher_that_is_killed_takes_everything_along_and_comes_back(mortal: Running) -> None:
    async for begun in busy(mortal, 2):
        before = mortal.family()
        launcher(mortal).kill()
        psutil.wait_procs(before, timeout=60)
        assert not any(process.is_running() for process in before)
        await until(lambda: len(tasks(mortal)) == 2)
        assert not any(task.done() for task in begun)
        assert (await run(mortal, "1")).value == 1


async def test_a_service_that_is_killed_takes_everything_along(mortal: Running) -> None:
    async for begun in busy(mortal, 2):
        family = mortal.family()
        mortal.process.kill()
        for task in begun:
            with pytest.raises(RunnerGone):
                await task
        psutil.wait_procs(family, timeout=60)
        assert not any(process.is_running() for process in family)


async def test_a_service_that_is_asked_to_stop_leaves_nothing(mortal: Running) -> None:
    family, folder = mortal.family(), Path(mortal.client.socket).parent
    assert folder.exists()
    async for begun in busy(mortal, 2):
        mortal.process.terminate()
        for task in begun:
            with pytest.raises(RunnerGone):
                await task
    assert await asyncio.to_thread(mortal.process.wait, 10) == 0
    psutil.wait_procs(family, timeout=60)
    assert not any(process.is_running() for process in family)
    assert not folder.exists()


PARENT = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:4] + ["serve", str(os.getpid()), sys.argv[4]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


async def test_nothing_survives_a_parent_that_is_killed() -> None:
    folder = Path(tempfile.mkdtemp(prefix="code-"))
    engines = {"attempts": ATTEMPTS}
    options = Options.here(str(folder / "runner"), processes=1, spares=0, engines=engines, leave_out=LANGUAGES)
    interpreter, *_ = command("serve")
    arguments = [sys.executable, "-c", PARENT, interpreter, "-IS", command("serve")[3], options.to_json()]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        service = psutil.Process(int(parent.stdout.readline()))
        runner = Running(RunnerClient(options.socket), parent, [])
        waiting = asyncio.create_task(run(runner, "time.sleep(100)", seconds=60))
        await until(lambda: len(service.children(recursive=True)) == 3)
        family = [service, *service.children(recursive=True)]
        parent.kill()
        with pytest.raises(RunnerGone):
            await waiting
    psutil.wait_procs(family, timeout=60)
    assert not any(process.is_running() for process in family)
    await until(lambda: not folder.exists())


async def test_a_caller_that_goes_takes_its_task_along(mortal: Running) -> None:
    async for begun in busy(mortal, 2):
        begun[0].cancel()
        await until(lambda: len(tasks(mortal)) == 1)
        assert not begun[1].done()


async def test_a_caller_that_goes_while_it_waits_for_its_turn_leaves_no_gap(mortal: Running) -> None:
    async for _ in busy(mortal, 4):  # all that one organisation may have
        waiting = [asyncio.create_task(run(mortal, "1")) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert (await run(mortal, "2", org="another")).value == 2
    assert (await run(mortal, "3")).value == 3


async def test_a_child_that_dies_before_it_has_a_task_is_nobodys_loss(stocked: Running) -> None:
    for _ in range(3):
        await until(lambda: bool(tasks(stocked)))
        for spare in tasks(stocked):
            spare.kill()
        assert (await run(stocked, "1")).value == 1


async def test_zygotes_that_hang_hold_up_nobody_for_long(stocked: Running) -> None:
    await until(lambda: len(tasks(stocked)) == 2)
    before = zygotes(stocked)
    for zygote in before:
        zygote.suspend()
    for _ in range(3):
        assert (await run(stocked, "1")).value == 1
    await until(lambda: not any(zygote.is_running() for zygote in before) and len(zygotes(stocked)) == 2)


@pytest.mark.parametrize("spares", [0, 1])
async def test_kills_at_any_moment(spares: int) -> None:
    with code_runner(processes=2, spares=spares, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as runner:
        await kill_at_any_moment(runner)
        await until(lambda: len(runner.family()) == 3 + 2 * spares)


async def kill_at_any_moment(mortal: Running) -> None:
    chance = random.Random(3)
    for number in range(25):
        callers = [asyncio.create_task(run(mortal, f"time.sleep({chance.random() / 50})\n1")) for _ in range(4)]
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        victims = [process for process in mortal.family() if process.is_running()]
        if victims:
            with suppress(psutil.NoSuchProcess):
                chance.choice(victims).send_signal(signal.SIGKILL)
        for ended in await asyncio.gather(*callers, return_exceptions=True):
            assert isinstance(ended, Answer | TaskFailed), ended
        assert (await run(mortal, f"{number}")).value == number


async def test_a_zygote_makes_room_for_a_fresh_one_after_its_share_of_tasks() -> None:
    with code_runner(processes=1, recycle=3, spares=0, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as runner:
        seen = set()
        for _ in range(10):
            seen |= {process.pid for process in zygotes(runner)}
            assert (await run(runner, "1")).value == 1
        assert len(seen) >= 3
        await until(lambda: len(runner.family()) == 2)


async def test_a_zygote_of_which_something_odd_came_makes_room(mortal: Running) -> None:
    before = {process.pid for process in zygotes(mortal)}
    with pytest.raises(TaskFailed):
        await run(mortal, "__import__('os').write(3, b'nonsense')\n1")
    await until(lambda: len({process.pid for process in zygotes(mortal)} - before) == 1 and len(mortal.family()) == 3)


async def test_no_descriptor_is_left_open(mortal: Running) -> None:
    service = psutil.Process(mortal.pid)

    async def round() -> None:
        await asyncio.gather(*(run(mortal, "1") for _ in range(20)))
        with pytest.raises(TaskFailed):
            await run(mortal, "__import__('os')._exit(1)")

    await round()
    await until(lambda: not tasks(mortal))
    before = service.num_fds()
    for _ in range(5):
        await round()
    await until(lambda: service.num_fds() <= before)
    assert len(os.listdir(f"/proc/{zygotes(mortal)[0].pid}/fd")) <= 6
