"""A process that was taken over and says what it likes of its own failure: others do not notice, and nothing odd is
passed on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.workers.coderunner.running import Running
from workers.coderunner.client import Answer
from workers.coderunner.engine import LOG_CHARS, MESSAGE_CHARS, TaskFailed
from workers.coderunner.frames import BEGUN, FAILURE, LOG, frame

HANG_UP = "import os, time\nos.close(3)\ntime.sleep(60)"
WRITE = """
import os
frame = sys._getframe()
while 'nonce' not in frame.f_locals:
    frame = frame.f_back
view = memoryview(task['data'].replace(b'the mark of 16 b', frame.f_locals['nonce']))
while view:
    view = view[os.write(3, view):]
os._exit(0)
"""
MARK = b"the mark of 16 b"


async def run(jail: Running, source: str, **more: Any) -> Answer:
    return await jail.client.run({"engine": "attempts", "source": source}, **more)


async def written(jail: Running, data: bytes) -> TaskFailed:
    with pytest.raises(TaskFailed) as failed:
        await jail.client.run({"engine": "attempts", "source": WRITE, "data": data})
    return failed.value


async def test_who_hangs_up_and_lives_on_takes_nobody_along(short: Running) -> None:
    """All tasks are in the one zygote."""
    honest = asyncio.create_task(run(short, "time.sleep(5)\n'honest'", org="another"))
    async with asyncio.timeout(60):
        for _ in range(2):
            with pytest.raises(TaskFailed, match="hung up before it gave an answer") as failed:
                await run(short, HANG_UP)
            assert failed.value.reason == "crashed"
        assert (await honest).value == "honest"


async def test_who_hangs_up_is_not_tried_again(short: Running) -> None:
    # Whatever is tried again is told to have ended twice.
    with pytest.raises(TaskFailed, match="hung up"):
        await run(short, HANG_UP)


@pytest.mark.parametrize("line", ["true", "0", "-1", "9" * 4_000, "1.5", '"1"', "[1]"])
async def test_a_line_is_a_number_of_a_line(jail: Running, line: str) -> None:
    said = f'{{"reason": "error", "message": "m", "type": "t", "line": {line}}}'
    failed = await written(jail, frame(FAILURE, MARK + said.encode()))
    assert (failed.reason, failed.line) == ("crashed", None)


async def test_what_is_said_is_unicode_and_no_longer_than_agreed(jail: Running) -> None:
    said = {"reason": "error", "message": "\ud800" + "茶" * 600, "type": "\udfff" * 300, "line": 3}
    failed = await written(jail, frame(FAILURE, MARK + json.dumps(said).encode()))
    assert (failed.message, failed.type) == ("?" + "茶" * (MESSAGE_CHARS - 1), "?" * 100)


async def test_a_failure_of_megabytes_is_not_even_read(jail: Running) -> None:
    said = {"reason": "error", "message": "m" * 500_000, "type": "t", "line": 1}
    assert "a failure of that size" in (await written(jail, frame(FAILURE, MARK + json.dumps(said).encode()))).message


async def test_a_task_begins_once(jail: Running) -> None:
    assert "more than one beginning" in (await written(jail, frame(BEGUN, b"") * 100_000)).message


async def test_a_line_of_the_log_is_cut_where_lines_are_cut(jail: Running) -> None:
    failed = await written(jail, frame(LOG, b"x" * (LOG_CHARS * 3)))
    assert failed.logs == ("x" * LOG_CHARS,)


async def test_a_task_does_not_see_how_its_zygote_was_started(jail: Running) -> None:
    assert (await run(jail, "[sys.argv[1:], sys.orig_argv, sys.path]")).value == [[], [], []]
