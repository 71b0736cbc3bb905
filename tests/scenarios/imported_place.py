"""Where an imported canvas runs: the model and the plugin that it asks, and the stores that it writes to."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.fakes.openai_server import ChatTalk, chunk
from tests.fakes.talk import Asked
from tests.scenarios.imported_canvas import (
    APP,
    ASKING,
    DATABASE,
    KNOWLEDGE,
    PLUGIN,
    TELLING,
    TOOL,
    WORDS,
    Document,
    asking,
    outer,
    telling,
)


@dataclass
class Provider:
    """The model: what it says depends on what it is asked alone; counts how often each thing was asked."""

    asked: Counter[str] = field(default_factory=Counter)

    async def reply(self, asked: Asked, talk: ChatTalk) -> None:
        messages = asked.body["messages"]
        told = json.dumps(messages, ensure_ascii=False)
        await talk.stream()
        if "persona" in told:
            await self._read(told, talk)
        elif asked.body.get("tools"):
            await self._shop(messages, talk)
        elif "tell 茶" in told:
            self.asked["write"] += 1
            for word in WORDS:
                await talk.text(word)
                await asyncio.sleep(0.05)
            await talk.done()
        else:
            self.asked["want"] += 1
            await talk.text("2")
            await talk.done()

    async def _read(self, told: str, talk: ChatTalk) -> None:
        fields: Document = {"name": "Ada"}
        question = "How old?"
        if "36" in told:
            fields, question = fields | {"age": 36}, "Where from?"
        if "Hangzhou" in told:
            fields, question = fields | {"city": "杭州"}, ""
        self.asked[f"who {len(fields)}"] += 1
        await talk.text(json.dumps({"fields": fields, "question": question}, ensure_ascii=False))
        await talk.done()

    async def _shop(self, messages: Any, talk: ChatTalk) -> None:
        turn = sum(message["role"] == "assistant" for message in messages)
        self.asked[f"talk {turn}"] += 1
        if turn:
            for word in WORDS:
                await talk.text(word)
                await asyncio.sleep(0.02)
            await talk.done()
            return
        for index, (name, arguments) in enumerate((("order", {"tea": "茶"}), ("ts_asking_asking", {"tea": "茶"}))):
            function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
            call = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
            await talk.event(chunk({"tool_calls": [call]}))
        await talk.done(reason="tool_calls")


def shop(base: str) -> Document:
    """The plugin."""
    text = {"type": "object", "properties": {"tea": {"type": "string"}}}
    heard = {"type": "object", "properties": {"heard": {"type": "string"}}}
    order = {
        "operationId": "order",
        "summary": "Order tea",
        "requestBody": {"content": {"application/json": {"schema": text}}},
        "responses": {"200": {"description": "done", "content": {"application/json": {"schema": heard}}}},
    }
    info = {"title": "Shop", "version": "1", "description": "Sells tea."}
    return {"openapi": "3.0.1", "info": info, "servers": [{"url": base}], "paths": {"/order": {"post": order}}}


@dataclass
class Place:
    """Where the canvas was imported to, and what its runs leave behind there."""

    client: httpx2.AsyncClient
    base: str
    workflow: str = ""
    plugin: str = ""
    knowledge: str = ""

    async def prepare(self) -> None:
        """Make what the canvas needs, import it, and publish it."""
        fields = [{"name": "name"}, {"name": "age", "type": "integer"}]
        await self._made("/databases", {"name": "guests", "access": "unlimited", "fields": fields})
        self.knowledge = str((await self._made("/knowledge", {"name": "teas"}))["id"])
        self.plugin = str((await self._made("/plugins", {"document": shop(self.base), "key": "shop"}))["id"])
        await self._made(f"/plugins/{self.plugin}/versions", {})
        await self._made("/variables", {"app_id": APP, "scope": "app", "name": "visits", "type": {"type": "integer"}})
        documents = [
            {"id": "7400", "name": "outer", "canvas": outer(self.base)},
            {"id": ASKING, "name": "asking", "description": "Asks for a colour.", "canvas": asking()},
            {"id": TELLING, "name": "telling", "canvas": telling()},
        ]
        table = {
            "model": {"*": "agent"},
            "plugin": {PLUGIN: self.plugin},
            "tool": {TOOL: "order"},
            "database": {DATABASE: "guests"},
            "field": {f"{DATABASE}/1": "name", f"{DATABASE}/2": "age"},
            "knowledge": {KNOWLEDGE: self.knowledge},
        }
        done = await self._made(
            "/workflows/import", {"from": "coze", "documents": documents, "table": table, "publish": True}
        )
        assert all(one["published"] for one in done["workflows"]), done
        assert done.get("unmapped", []) == [], done["unmapped"]
        self.workflow = next(one["id"] for one in done["workflows"] if one["external_id"] == "7400")

    async def left(self) -> dict[str, int]:
        """How much there is of what runs leave behind."""
        values = (await self._items("/variable-values", scope="app", app_id=APP))[0]["value"]
        conversations = await self._items("/conversations", app_id=APP)
        messages = [await self._items(f"/conversations/{one['id']}/messages") for one in conversations]
        return {
            "rows": len(await self._items("/databases/guests/rows")),
            "messages": sum(len(said) for said in messages),
            "documents": len(await self._items(f"/knowledge/{self.knowledge}/documents")),
            "visits": values or 0,
        }

    async def clear(self) -> None:
        """Take away what runs left behind."""
        for row in await self._items("/databases/guests/rows"):
            await self._gone(f"/databases/guests/rows/{row['id']}")
        for one in await self._items("/conversations", app_id=APP):
            await self._gone(f"/conversations/{one['id']}")
        for one in await self._items(f"/knowledge/{self.knowledge}/documents"):
            await self._gone(f"/knowledge/{self.knowledge}/documents/{one['id']}")
        values = {"scope": "app", "app_id": APP, "values": {"visits": 0}}
        assert (await self.client.put("/variable-values", json=values)).status_code == 200

    async def _made(self, path: str, body: Document) -> Document:
        reply = await self.client.post(path, json=body)
        assert reply.status_code in (200, 201), reply.text
        return dict(reply.json())

    async def _items(self, path: str, **query: str) -> list[Document]:
        reply = await self.client.get(path, params=query)
        assert reply.status_code == 200, reply.text
        return list(reply.json()["items"])

    async def _gone(self, path: str) -> None:
        reply = await self.client.delete(path)
        assert reply.status_code == 204, reply.text
