"""`mainspring plugins`, as a person uses it: a document becomes tools, and a key never stands on a command line."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from httpx2 import AsyncClient

from tests.architecture.source import ROOT
from tests.cli.command import mainspring, result, standing
from tests.fakes.tool_server import described, tools
from tests.workers.egress.loopback import serving

KEY = "sk-canary-0123456789-9f3a"


async def spoken(*words: str | Path, given: str = "", **more: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(mainspring, *words, given=given, **more)


async def test_a_plugin_is_added_published_called_and_taken_away(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "数据")
    async with serving(tools) as server:
        document = described(server.url(""), scheme={"type": "http", "scheme": "bearer"})
        document["paths"]["/soap"] = {"post": {"requestBody": {"required": True, "content": {"text/xml": {}}}}}
        file = tmp_path / "tools.json"
        file.write_text(json.dumps(document), "utf-8")
        allowed = {"MAINSPRING_EGRESS_ALLOW": server.place}

        added = await spoken("plugins", "add", file, "--key", "tools", *folder)
        assert added.returncode == 0, added.stderr
        assert "GET /forecast/{city}" in added.stdout
        assert "city, [days]" in added.stdout
        assert "error: paths./soap.post.requestBody.content: A body of the type text/xml" in added.stderr
        assert "key: none yet" in added.stdout

        with standing(tmp_path / "数据", **allowed):
            without = await spoken("plugins", "call", "tools", "forecast", "--input", '{"city": "a"}', *folder)
            assert (without.returncode, "needs a key" in without.stderr) == (1, True)

            stored = await spoken("plugins", "key", "tools", "--key-env", "A_KEY", *folder, A_KEY=KEY)
            assert stored.returncode == 0, stored.stderr
            called = await spoken(
                "plugins", "call", "tools", "forecast", "--input", '{"city": "杭州", "x": 1}', *folder
            )
            assert result(called) == {"city": "杭州", "days": 1, "sky": "雨"}
            assert "takes no x" in called.stderr
            assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"

            published = await spoken("plugins", "publish", "tools", "--version", "v1.0.0", *folder)
            assert "published as v1.0.0" in published.stdout
            shown = await spoken("plugins", "show", "tools", *folder)
            assert "key: …9f3a" in shown.stdout
            listed = result(await spoken("plugins", "list", "--json", *folder))
            assert [(one["key"], one["latest_version"]) for one in listed] == [("tools", "v1.0.0")]
            newest = await spoken("plugins", "call", "tools", "echo", "--version", "v1.0.0", "--json", *folder)
            assert result(newest)["ok"]
            assert all(KEY not in one.stdout + one.stderr for one in (added, stored, called, published, shown, newest))

            assert (await spoken("plugins", "delete", "tools", "--yes", *folder)).returncode == 0
            assert "no plugins" in (await spoken("plugins", "list", *folder)).stdout


async def test_the_example_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path)
    shop = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "examples/tea_shop.py"), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert shop.stdout is not None
        url = (await shop.stdout.readline()).decode().rpartition(" ")[2].strip()
        place = url.removeprefix("http://").removesuffix("/openapi.json")
        async with AsyncClient() as client:
            document = (await client.get(url)).text
        added = await spoken("plugins", "add", "-", "--key", "tea-shop", *folder, given=document)
        assert (added.returncode, added.stderr) == (0, "")
        allowed = {"MAINSPRING_EGRESS_ALLOW": place}
        found = await spoken(
            "plugins", "call", "tea-shop", "find_teas", "--input", '{"search": "井"}', *folder, **allowed
        )
        assert result(found) == {"teas": [{"name": "龙井", "price": 90}]}
        await spoken("plugins", "key", "tea-shop", "--key-file", "-", *folder, given="open-sesame")
        order = ("tea-shop", "order_tea", "--input", '{"name": "龙井", "grams": "250"}')
        ordered = await spoken("plugins", "call", *order, *folder, **allowed)
        assert result(ordered) == {"name": "龙井", "grams": 250, "total": 225.0}
    finally:
        shop.terminate()
        await shop.wait()


async def test_a_document_that_gives_no_tool_says_why(tmp_path: Path) -> None:
    done = await spoken("plugins", "add", "-", "--data-dir", tmp_path, given="openapi: 3.0.3\npaths: {}\n")
    assert done.returncode == 1
    assert "There is no operation in the document that can be a tool." in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("call", "a", "b", "--input", "{oops"), "--input is not JSON"),
        (("call", "a", "b", "--input", "[1]"), "--input is an object"),
        (("key", "a", "--forget", "--key-env", "X"), "given or taken away, not both"),
        (("add", "missing.yaml"), "missing.yaml: No such file"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_done(words: tuple[str, ...], sentence: str) -> None:
    done = mainspring("plugins", *words)
    assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
