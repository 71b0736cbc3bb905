"""Two processes that serve over one folder: what one does, the other shows."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from engine.events import EventType, RunEvent
from storage.ids import new_id
from storage.runs import NewRun
from storage.stores import open_stores
from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.serving import Serving, client_of, serve
from tests.api.streams import frames_of


async def publish_bye(serving: Serving) -> None:
    bye = chain(start(name=TEXT), concat("greet", "Bye {{n}}!", n=["start", "name"]), end(text=["greet", "output"]))
    await serving.put("/workflows/greet/draft", {"canvas": bye, "revision": 1})
    assert (await serving.post("/workflows/greet/versions", {})).status_code == 201


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.1)


async def says_bye(serving: Serving) -> bool:
    return bool((await serving.run("greet", {"name": "A"}))["output"] == {"text": "Bye A!"})


async def is_gone(serving: Serving) -> bool:
    return (await serving.post("/workflows/greet/runs", {"inputs": {"name": "A"}})).status_code == 404


async def test_what_one_process_publishes_the_other_runs_a_moment_later(tmp_path: Path) -> None:
    async with serve(tmp_path) as one, serve(tmp_path) as other:
        await one.published(greeting(), key="greet")
        assert (await other.run("greet", {"name": "A"}))["output"] == {"text": "Hello A!"}
        await publish_bye(one)
        assert (await one.run("greet", {"name": "A"}))["output"] == {"text": "Bye A!"}
        await until(lambda: says_bye(other))
        await one.client.delete("/api/v1/workflows/greet")
        await until(lambda: is_gone(other))


async def test_a_token_of_one_process_opens_the_other(tmp_path: Path) -> None:
    async with serve(tmp_path) as one, serve(tmp_path) as other, client_of(other.app, one.token) as client:
        assert (await client.get("/api/v1/workflows")).status_code == 200


async def test_a_stream_tells_what_another_process_writes(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving:
        with open_stores(tmp_path) as elsewhere:
            home = await elsewhere.organisations.ensure_default()
            run = new_id()
            new = NewRun(
                id=run, workflow_id=1, workflow_key="k", workflow_name="n", version="v0.0.1", plan_hash="", created=1,
                mode="durable", kind="run", inputs={},
            )  # fmt: skip
            await elsewhere.runs(home.org_id, home.space_id).create(new)

            async def write() -> None:
                for number in range(20):
                    piece = RunEvent(f"d{number}", EventType.MESSAGE_DELTA, 1, "p", "n", {"text": str(number)})
                    await elsewhere.events.append(str(run), [piece])
                await elsewhere.events.append(
                    str(run), [RunEvent("end", EventType.RUN_SUCCEEDED, 2, data={"output": {}})]
                )

            writing = asyncio.create_task(write())
            async with serving.client.stream("GET", f"/api/v1/runs/{run}/events/stream") as answer:
                frames = [frame async for frame in frames_of(answer)]
            await writing
    assert [frame.id for frame in frames] == [*range(1, 22)]
    assert [frame.data["data"].get("text") for frame in frames[:-1]] == [str(number) for number in range(20)]
