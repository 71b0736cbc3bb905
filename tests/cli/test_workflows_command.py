"""`mainspring workflows`, `versions`, `diff`, `rollback` and `trash`, as a person uses them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from cli.http_client import ApiClient
from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.cli.command import Service, mainspring, result


def farewell() -> dict[str, object]:
    return chain(
        start(("name",), name=TEXT),
        concat("greet", "再见 {{name}}!", name=["start", "name"]),
        end(text=["greet", "output"]),
    )


async def publish_twice(folder: Path, url: str, key: str) -> None:
    async with ApiClient(url, (folder / "token").read_text("utf-8").strip()) as client:
        await client.post("/workflows", {"name": "问候", "key": key, "canvas": greeting()})
        await client.post(f"/workflows/{key}/versions", {"notes": "第一版"})
        await client.put(f"/workflows/{key}/draft", {"canvas": farewell(), "revision": 1})
        await client.post(f"/workflows/{key}/versions")


def test_versions_are_compared_brought_back_and_taken_back(up: Service, data_dir: Path) -> None:
    url = json.loads((data_dir / "api.json").read_text("utf-8"))["url"]
    asyncio.run(publish_twice(data_dir, url, "cli-greet"))
    folder = ("--data-dir", data_dir)
    shown = mainspring("diff", "cli-greet", "v0.0.1", "v0.0.2", *folder)
    assert shown.returncode == 0, shown.stderr
    assert "~ greet" in shown.stdout
    assert '+ "再见 {{name}}!"' in shown.stdout
    assert "They are the same." in mainspring("diff", "cli-greet", *folder).stdout

    back = mainspring("rollback", "cli-greet", "v0.0.1", *folder)
    assert "draft@2" in back.stdout, back.stderr
    assert result(mainspring("diff", "cli-greet", "v0.0.1", "draft", "--json", *folder))["same"]
    assert result(mainspring("run", "cli-greet", "--version", "v0.0.1", "--set", "name=李雷", *folder)) == {
        "text": "Hello 李雷!"
    }

    listed = mainspring("versions", "cli-greet", "--withdraw", "v0.0.2", *folder)
    assert "withdrawn" in listed.stdout, listed.stderr
    assert "第一版" in listed.stdout
    (found,) = result(mainspring("workflows", "list", "--search", "问候", "--json", *folder))
    assert found["latest_version"] == "v0.0.1"

    copied = mainspring("workflows", "copy", "cli-greet", "--name", "副本", "--json", *folder)
    key = result(copied)["key"]
    deleted = mainspring("workflows", "delete", key, "--yes", *folder)
    assert deleted.returncode == 0, deleted.stderr
    assert key in mainspring("trash", "list", *folder).stdout
    id_ = result(mainspring("trash", "list", "--json", *folder))[0]["id"]
    assert f"{key} is back." in mainspring("trash", "restore", id_, *folder).stdout
    assert "nobody uses it" in mainspring("workflows", "uses", key, *folder).stdout
