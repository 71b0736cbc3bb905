"""A server that speaks OpenAI's chat protocol as servers do: well, badly, or hardly at all. The model's name says how.

`python -m tests.fakes.openai_server PORT` starts one on loopback; `BEHAVIOURS` of the modules beside this one name the
models, and `cut-after-120-echo` is what the model `echo` would say, broken off after 120 bytes. It is no model: it says
the prompt back.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.talk import Asked, FakeServer, Talk, listening

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def prompt_of(asked: Asked) -> str:
    """What is said back: the last message, media in it as their kind and the beginning of what there is of them."""
    content = asked.body["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(_said(part) for part in content)


def _said(part: Mapping[str, Any]) -> str:
    kind = str(part["type"])
    told = part[kind]
    if kind == "text":
        return str(told)
    what = told.get("url") or told.get("file_data") or told.get("data")
    more = f"/{told['format']}" if "format" in told else ""
    return f"[{kind}{more} {what[:40]}]"


def chunk(delta: Mapping[str, Any] | None, **choice: Any) -> dict[str, Any]:
    """A chunk of an answer."""
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **choice}]}


class ChatTalk(Talk):
    """One answer being written, in OpenAI's words."""

    async def event(self, data: Any) -> None:
        """An event of the stream."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        await self.piece(f"data: {text}\n\n".encode())

    async def text(self, content: str, **more: Any) -> None:
        """A piece of the answer."""
        await self.event(chunk({"content": content}, **more))

    async def done(self, usage: Mapping[str, Any] | None = USAGE, reason: str = "stop") -> None:
        """The end of an answer as it should be."""
        await self.event(chunk({}, finish_reason=reason))
        if usage is not None:
            await self.event({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        await self.event("[DONE]")
        await self.end()

    async def refuse(self, status: int, message: str, *headers: str, **more: Any) -> None:
        """An error as OpenAI words it."""
        await self.whole(status, {"error": {"message": message, "type": "error", **more}}, *headers)


Behaviour = Callable[[Asked, ChatTalk], Awaitable[None]]


@dataclass
class OpenAIServer(FakeServer):
    """A server for the time of a test; a test may add behaviours of its own."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """What the provider's settings name."""
        return f"http://{self.place}/v1"

    async def reply(self, asked: Asked, talk: Talk) -> None:
        """The model is named by the body; at a deployment of Azure the path says it too."""
        assert isinstance(talk, ChatTalk)
        model = str(asked.body.get("model"))
        path = asked.path.partition("?")[0]
        if model.startswith("cut-after-"):
            size, model = model.removeprefix("cut-after-").split("-", 1)
            talk.limit = int(size)
        behaviour = self.behaviours.get(model)
        if not path.endswith("/chat/completions") or ("/deployments/" in path and f"/deployments/{model}/" not in path):
            await talk.refuse(404, "There is nothing here.")
        elif behaviour is None:
            await talk.refuse(404, f"The model {model} does not exist.", code="model_not_found")
        else:
            await behaviour(asked, talk)


@asynccontextmanager
async def openai_server(port: int = 0) -> AsyncIterator[OpenAIServer]:
    """A server on loopback."""
    # They are written with what stands above.
    from tests.fakes.openai_behaviours import BEHAVIOURS
    from tests.fakes.openai_tool_behaviours import BEHAVIOURS as WITH_TOOLS

    async def answer(asked: Asked, talk: Talk) -> None:
        await fake.reply(asked, talk)

    fake = OpenAIServer(answer, talk=ChatTalk, behaviours={**BEHAVIOURS, **WITH_TOOLS})
    async with listening(fake, port):
        yield fake


async def main(port: int) -> None:
    """Serve until interrupted."""
    async with openai_server(port) as server:
        print(f"{server.base_url} with the models {', '.join(server.behaviours)}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
