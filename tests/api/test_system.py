"""Whether the process is alive and ready, which node types there are, and the schema of a canvas."""

import asyncio
from pathlib import Path

from engine.canvas import canvas_schema
from engine.errors import NodeUnavailable
from tests.api.drawings import greeting
from tests.api.serving import Serving, client_of, serve


async def test_a_process_that_answers_is_alive(serving: Serving) -> None:
    async with client_of(serving.app, None) as anybody:
        assert (await anybody.get("/api/v1/health/live")).json() == {"live": True}


async def test_a_process_is_ready_when_everything_it_needs_is_there(serving: Serving) -> None:
    answer = await serving.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "checks": {"database": True}})


async def test_a_process_that_lacks_something_is_not_ready(tmp_path: Path) -> None:
    async def temporal() -> None:
        raise NodeUnavailable("nobody there")

    async with serve(tmp_path, checks={"temporal": temporal}) as serving:
        answer = await serving.get("/health/ready")
        assert (answer.status_code, answer.json()) == (
            503,
            {"ready": False, "checks": {"database": True, "temporal": False}},
        )
        serving.stores.close()
        assert (await serving.get("/health/ready")).json()["checks"] == {"database": False, "temporal": False}


async def test_a_check_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async def temporal() -> None:
        await asyncio.Event().wait()

    async with serve(tmp_path, checks={"temporal": temporal, "another": temporal}) as serving, asyncio.timeout(60):
        answer = await serving.get("/health/ready")
    assert (answer.status_code, answer.json()) == (
        503,
        {"ready": False, "checks": {"database": True, "temporal": False, "another": False}},
    )


async def test_the_palette_holds_every_node_type(serving: Serving) -> None:
    palette = (await serving.get("/node-types")).json()
    assert palette["diagnostics"] == []
    names = [one["name"] for one in palette["items"]]
    assert {"start", "end", "condition", "loop", "batch", "llm", "http_request", "question"} <= {*names}
    for one in palette["items"]:
        assert (await serving.get(f"/node-types/{one['name']}")).json() == one
        assert one["title"]
        assert one["description"]
    assert (await serving.get("/node-types/nope")).status_code == 404


async def test_the_schema_of_a_canvas_is_published(serving: Serving) -> None:
    answer = await serving.get("/canvas-schema")
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.json() == canvas_schema()


async def test_nothing_is_kept_by_caches(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    for path in ("/workflows", f"/workflows/{workflow}/draft", "/runs", "/node-types", "/health/live"):
        answer = await serving.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
