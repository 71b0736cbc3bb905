"""What a task may take, and what its author hears when it takes more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workers.coderunner.running import Running
from workers.coderunner.client import Answer
from workers.coderunner.engine import LOG_CHARS, LOG_LINES, TaskFailed


async def run(jail: Running, source: str, **more: Any) -> Answer:
    return await jail.client.run({"engine": "attempts", "source": source}, **more)


async def failure(jail: Running, source: str, **more: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as failed:
        await run(jail, source, **more)
    # Whatever it was, the next one works.
    assert (await run(jail, "6 * 7")).value == 42
    return failed.value


async def test_a_task_that_waits_is_ended_by_the_clock(jail: Running) -> None:
    failed = await failure(jail, "log('before')\ntime.sleep(60)", seconds=0.3)
    assert (failed.reason, failed.message) == ("timeout", "The code took longer than 0.3 seconds.")
    assert failed.logs == ("before",)


async def test_a_task_that_computes_is_ended_by_the_clock_too(jail: Running) -> None:
    assert (await failure(jail, "while True: pass", seconds=0.3)).reason == "timeout"


async def test_a_task_that_ignores_every_signal_is_ended_all_the_same(jail: Running) -> None:
    source = """
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        time.sleep(1)
    except BaseException:
        pass
"""
    assert (await failure(jail, source, seconds=0.3)).reason == "timeout"


async def test_a_task_that_computes_for_too_long_is_ended_before_its_time(short: Running) -> None:
    failed = await failure(short, "log('on')\nwhile True: pass", seconds=30)
    assert (failed.reason, failed.message) == ("timeout", "The code computed for longer than 1 seconds.")
    assert failed.logs == ("on",)


async def test_a_task_that_ignores_the_limit_of_computing_is_ended_a_second_later(short: Running) -> None:
    source = "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert (await failure(short, source, seconds=30)).reason == "timeout"


@pytest.mark.parametrize(
    "source",
    [
        "'x' * (1 << 40)",
        "held = []\nwhile True: held.append(bytearray(1 << 20))",
        "held = []\nwhile True: held.append([0] * 1000)",
        "[*range(10 ** 9)]",
        "mmap.mmap(-1, 1 << 34)",
    ],
)
async def test_a_task_that_takes_too_much_memory_is_told_so(jail: Running, source: str) -> None:
    failed = await failure(jail, source, seconds=30)
    # What asks the kernel itself gets an answer of the kernel, which is the code's own to deal with.
    assert failed.reason == ("crashed" if "mmap" in source else "memory")


async def test_a_task_may_take_what_it_was_promised(jail: Running) -> None:
    assert (await run(jail, "len(bytearray(100 << 20))")).value == 100 << 20


async def test_a_task_that_calls_itself_for_ever_is_told_so(jail: Running) -> None:
    failed = await failure(jail, "def f(): return f()\nf()")
    assert (failed.reason, failed.type) == ("error", "RecursionError")


async def test_a_task_that_destroys_its_own_process_fails_alone(jail: Running) -> None:
    failed = await failure(jail, "ctypes.string_at(0)")
    assert (failed.reason, failed.message) == ("crashed", "The process of the code crashed (SIGSEGV).")


async def test_a_task_that_ends_its_own_process_has_given_no_answer(jail: Running) -> None:
    for status in (0, 1, 70):
        failed = await failure(jail, f"__import__('os')._exit({status})")
        assert (failed.reason, failed.message) == ("crashed", "The process of the code ended before it gave an answer.")


async def test_a_flood_of_lines_is_cut_off(jail: Running) -> None:
    answer = await run(jail, "for n in range(100_000): log(f'{n} ' + '很' * 5_000)\n'done'")
    assert answer.value == "done"
    assert len(answer.logs) == LOG_LINES
    assert {len(line) for line in answer.logs} == {LOG_CHARS}
    assert answer.logs[199].startswith("199 很很")


async def test_lines_that_are_no_unicode_arrive_all_the_same(jail: Running) -> None:
    assert (await run(jail, "log('a\\ud800b')\n1")).logs == ("a?b",)


async def test_an_answer_as_large_as_agreed_arrives(jail: Running) -> None:
    assert len((await run(jail, "'x' * 999_998")).value) == 999_998


async def test_a_larger_answer_is_refused(jail: Running) -> None:
    failed = await failure(jail, "'x' * 999_999")
    assert (failed.reason, failed.message) == ("output", "The result is larger than 1,000,000 bytes.")


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("float('nan')", "a number that JSON does not know"),
        ("[1, {'a': float('inf')}]", "a number that JSON does not know"),
        ("{1: 2}", "a key that is no text: int"),
        ("(1, 2)", "a value that JSON does not know: tuple"),
        ("b'x'", "a value that JSON does not know: bytes"),
        ("{'a': {1, 2}}", "a value that JSON does not know: set"),
        ("type('Fake', (str,), {})('x')", "a value that JSON does not know: Fake"),
        ("type('Fake', (dict,), {'items': lambda self: 1})()", "a value that JSON does not know: Fake"),
        ("'\\ud800'", "no Unicode"),
        ("{'\\udfff': 1}", "no Unicode"),
        ("x = []\nx.append(x)\nx", "nested deeper than 100 levels"),
        ("10 ** 5000", "cannot be written down"),
    ],
)
async def test_what_is_no_json_is_named(jail: Running, source: str, finding: str) -> None:
    failed = await failure(jail, source)
    assert failed.reason == "output"
    assert finding in failed.message


@pytest.mark.parametrize(
    "value", [None, True, 0, -(2**70), 1.5, "", "中文 🀄\x00\n", [], {}, [1, [2, {"三": [None, False]}]], "\u2028"]
)
async def test_what_is_json_arrives_as_it_was(jail: Running, value: Any) -> None:
    task = {"engine": "attempts", "source": "task['params']", "params": value}
    assert (await jail.client.run(task)).value == value


async def test_bytes_travel_beside_the_task(jail: Running) -> None:
    data = bytes(range(256)) * 40_000
    task = {"engine": "attempts", "source": "[len(task['data']), sum(task['data'][:256])]", "data": data}
    assert (await jail.client.run(task)).value == [len(data), sum(range(256))]
