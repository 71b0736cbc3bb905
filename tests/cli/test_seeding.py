"""The first start publishes the examples, and no trouble on the way keeps it from being a start."""

from __future__ import annotations

import socket
from pathlib import Path

from cli.canvas_files import family
from cli.data_folder import DataFolder
from cli.examples import seed
from cli.http_client import ApiClient
from cli.saving import create
from tests.api.open.coze import programs
from tests.cli.memory_run import EXAMPLES

KEYS = {file.stem for file in EXAMPLES.glob("*.json")}


async def test_an_api_that_does_not_answer_in_time_leaves_the_examples_to_the_next_start(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
    async with ApiClient(f"http://127.0.0.1:{port}", "ms_none") as nobody:
        assert await seed(nobody, folder) == 0
    assert not folder.has_examples()


async def test_an_example_that_was_made_and_not_published_is_published_by_the_next_start(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    async with programs(tmp_path) as there, ApiClient(there.url, there.serving.token) as client:
        (tea,) = family(EXAMPLES / "find-tea.json")
        await create(client, tea)
        # Somebody's own, which only has the key of an example.
        await client.post("/workflows", {"name": "Mine", "key": "write-invoice", "canvas": tea.document})
        assert await seed(client, folder) == len(KEYS) - 1
        shown = {one["key"]: one["latest_version"] for one in (await client.get("/workflows", limit=100))["items"]}
        assert shown == {**dict.fromkeys(KEYS, "v0.0.1"), "write-invoice": None}
        assert folder.has_examples()
        assert await seed(client, folder) == 0
