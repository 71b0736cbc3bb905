"""What is replayed takes time, order and chance from its runtime and from nowhere else."""

from collections.abc import Iterator

import pytest

from tests.architecture.source import Source, is_within, sources

BANNED = {
    "asyncio.TaskGroup": "its children are cancelled in no fixed order",
    "asyncio.as_completed": "it walks over a set",
    "asyncio.wait": "it returns sets",
    "datetime.date.today": "take runtime.now()",
    "datetime.datetime.now": "take runtime.now()",
    "datetime.datetime.today": "take runtime.now()",
    "datetime.datetime.utcnow": "take runtime.now()",
    "os.urandom": "chance comes from the runtime",
    "random": "chance comes from the runtime",
    "secrets": "chance comes from the runtime",
    "time": "take runtime.now()",
    "uuid.uuid1": "ids come from the runtime",
    "uuid.uuid4": "ids come from the runtime",
}


def is_replayed(source: Source) -> bool:
    return is_within(source.module, "engine") or source.module.startswith("workers.workflow")


def by_chance(source: Source) -> Iterator[str]:
    names = {*source.imports(), *source.mentions()}
    for line, name in sorted(names):
        for banned, reason in BANNED.items():
            if is_within(name, banned):
                yield f"{source.path}:{line} uses {name}: {reason}"


def test_what_is_replayed_leaves_nothing_to_chance() -> None:
    replayed = [source for source in sources("engine", "workers") if is_replayed(source)]
    assert [finding for source in replayed for finding in by_chance(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasync def f(tasks):\n    await asyncio.wait(tasks)",
        "import asyncio as aio\nasync def f(tasks):\n    async with aio.TaskGroup() as group: ...",
        "from asyncio import as_completed",
        "import time\nstarted = time.monotonic()",
        "from datetime import datetime\nnow = datetime.now()",
        "import datetime as dt\nnow = dt.datetime.now(dt.UTC)",
        "def f():\n    from random import choice",
        "from uuid import uuid4 as make_id",
    ],
)
def test_what_is_left_to_chance_is_found(text: str) -> None:
    assert [*by_chance(Source("engine/interpret.py", text))]


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasync def f(tasks):\n    await asyncio.gather(*tasks)",
        "import asyncio\nasync def f(task):\n    await asyncio.wait_for(task, 1)",
        "from datetime import datetime, timedelta\nat = datetime.fromisoformat('2026-01-01') + timedelta(1)",
        "async def f(runtime):\n    return runtime.random.choice([1]), runtime.time",
    ],
)
def test_what_always_comes_out_the_same_is_left_alone(text: str) -> None:
    assert [*by_chance(Source("engine/interpret.py", text))] == []


def test_workflow_modules_count_as_replayed() -> None:
    paths = ("engine/plan.py", "workers/workflows.py", "workers/workflows/run.py", "workers/client.py")
    assert [is_replayed(Source(path, "")) for path in paths] == [True, True, True, False]
