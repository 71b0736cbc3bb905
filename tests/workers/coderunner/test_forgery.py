"""A task that has its whole process for itself: it can spoil its own answer, and nobody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.workers.coderunner.running import Running
from workers.coderunner.client import Answer
from workers.coderunner.engine import LOG_LINES, TaskFailed
from workers.coderunner.frames import ANSWER, FAILURE, HEAD, LOG, frame

WRITE = "import os\nos.write(3, bytes.fromhex('{hex}'))\n"


async def run(jail: Running, source: str, **more: Any) -> Answer:
    return await jail.client.run({"engine": "attempts", "source": source}, **more)


@pytest.mark.parametrize(
    ("written", "finding"),
    [
        (b"garbage, and more of it", "a frame of no known kind"),
        (frame(ANSWER, b'{"forged": true}'), "an answer without its mark"),
        (frame(ANSWER, bytes(16) + b'{"forged": true}'), "an answer without its mark"),
        (frame(FAILURE, bytes(16) + b"{}"), "an answer without its mark"),
        (HEAD.pack(ANSWER, 0xFFFFFFFF), "more than the limit"),
        (HEAD.pack(LOG, 1_000_000) + b"x" * 1_000_000, "more lines than were agreed"),
        (frame(LOG, b"line") * (LOG_LINES + 1), "more lines than were agreed"),
        (b"x" * 10_000_000, "a frame of no known kind"),
        (HEAD.pack(ANSWER, 500), "an answer without its mark"),
    ],
)
async def test_what_is_written_past_the_engine_is_no_answer(jail: Running, written: bytes, finding: str) -> None:
    source = (
        "import os\nview = memoryview(task['data'])\nwhile view: view = view[os.write(3, view):]\n'the answer' * 60"
    )
    with pytest.raises(TaskFailed) as failed:
        await jail.client.run({"engine": "attempts", "source": source, "data": written})
    assert failed.value.reason == "crashed"
    assert finding in failed.value.message
    assert (await run(jail, "'honest'")).value == "honest"


MARK = """
import os, gc
def mark():
    frame = sys._getframe()
    while 'nonce' not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals['nonce']
def send(kind, payload):
    os.write(3, kind + len(payload).to_bytes(4, 'big') + mark() + payload[16:])
"""


async def test_a_task_that_finds_its_mark_can_only_answer_for_itself(jail: Running) -> None:
    source = MARK + "send(b'A', bytes(16) + b'[\"instead\"]')\nos._exit(0)"
    assert (await run(jail, source)).value == ["instead"]


async def test_two_answers_are_none(jail: Running) -> None:
    source = MARK + "send(b'A', bytes(16) + b'1')\n2"
    with pytest.raises(TaskFailed, match="more after the answer"):
        await run(jail, source)


async def test_half_an_answer_is_none(jail: Running) -> None:
    source = MARK + "os.write(3, b'A' + (100).to_bytes(4, 'big') + mark() + b'1')\nos._exit(0)"
    with pytest.raises(TaskFailed, match="half a frame"):
        await run(jail, source)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"[1, Infinity]", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"', b"[" * 200 + b"]" * 200]
)
async def test_an_answer_that_is_no_json_is_none(jail: Running, body: bytes) -> None:
    source = MARK + "send(b'A', bytes(16) + task['data'])\nos._exit(0)"
    with pytest.raises(TaskFailed) as failed:
        await jail.client.run({"engine": "attempts", "source": source, "data": body or b" "})
    assert failed.value.reason in ("crashed", "output")


@pytest.mark.parametrize(
    "facts", [b"", b"[]", b'{"reason": "none of ours", "message": "", "type": "", "line": null}', b'{"reason": {}}']
)
async def test_a_failure_that_makes_no_sense_is_a_crash(jail: Running, facts: bytes) -> None:
    source = MARK + f"send(b'F', bytes(16) + {facts!r})\nos._exit(0)"
    with pytest.raises(TaskFailed) as failed:
        await run(jail, source)
    assert failed.value.reason == "crashed"


async def test_a_task_that_answers_and_lives_on_is_ended(jail: Running) -> None:
    source = MARK + "send(b'A', bytes(16) + b'1')\nos.close(3)\nwhile True: time.sleep(1)"
    assert (await run(jail, source)).value == 1
    # Nothing of it is left when its organisation's turns are all needed again.
    answers = await asyncio.gather(*(run(jail, "2", org="other") for _ in range(30)))
    assert {answer.value for answer in answers} == {2}


async def test_a_task_sees_nothing_of_the_one_before(jail: Running) -> None:
    leave = "sys.modules['json'].canary = 1\nimport builtins\nbuiltins.canary = 1\nsys.path.append('canary')\n1"
    look = """
import builtins, json, gc
secret = ' '.join(['a', 'secret', 'of', 'somebody'])
held = [held for one in gc.get_objects() if one is not task for held in gc.get_referents(one)]
secrets = [text for text in held if isinstance(text, str) and text.startswith(secret) and text is not secret]
[hasattr(builtins, 'canary'), hasattr(json, 'canary'), 'canary' in sys.path, secrets]
"""
    for _ in range(4):  # both zygotes, and each again
        task = {"engine": "attempts", "source": leave, "params": "a secret of somebody else"}
        await jail.client.run(task, org="one")
        assert (await run(jail, look, org="two")).value == [False, False, False, []]


async def test_chance_is_different_each_time(jail: Running) -> None:
    source = "import os\n[random.random(), str(uuid.uuid4()), os.urandom(8).hex()]"
    answers = [(await run(jail, source)).value for _ in range(6)]
    assert all(len({answer[which] for answer in answers}) == 6 for which in range(3))


async def test_answers_find_those_who_asked(jail: Running) -> None:
    async def one(number: int) -> None:
        task = {"engine": "attempts", "source": "task['params']", "params": number}
        assert (await jail.client.run(task, org=f"o{number % 7}")).value == number

    await asyncio.gather(*(one(number) for number in range(150)))
