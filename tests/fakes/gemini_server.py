"""A server that speaks Google's Gemini protocol as servers do: well, badly, or hardly at all. The model's name says
how.

`python -m tests.fakes.gemini_server PORT` starts one on loopback; `BEHAVIOURS` names the models. It is no model: it
says back what it was asked. What the real one refuses of a request, it refuses as well.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.fakes.gemini_behaviours import BEHAVIOURS, EMBEDDINGS, refuse
from tests.fakes.talk import Asked, FakeServer, Talk, listening

ROAD = re.compile(
    r"/(?P<version>v1beta1?)/(?P<scope>projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?models/(?P<model>[^:/]+)"
    r":(?P<action>\w+)(?:\?alt=sse)?"
)
FIELDS = {"contents", "generationConfig", "systemInstruction", "tools", "toolConfig", "continuationToken"}


AS_IS = {"args", "response", "parametersJsonSchema", "responseJsonSchema"}
"""Where names are not the protocol's."""


def camel(value: Any) -> Any:
    """A request with its names as the protocol spells them: servers take both spellings, and the SDK sends both."""
    match value:
        case dict():
            named = {re.sub("_([a-z])", lambda found: found[1].upper(), name): one for name, one in value.items()}
            return {name: one if name in AS_IS else camel(one) for name, one in named.items()}
        case list():
            return [camel(one) for one in value]
        case _:
            return value


def complaint(body: Mapping[str, Any]) -> str:
    """What the real server would refuse of a request; empty when it is as it should be."""
    if unknown := sorted(body.keys() - FIELDS):
        return f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.'
    if not body.get("contents"):
        return "* GenerateContentRequest.contents: contents is not specified"
    return _turns(body["contents"])


def _turns(contents: Sequence[Mapping[str, Any]]) -> str:
    called: dict[str, str] = {}
    before = "model"
    for content in contents:
        if content["role"] == before:
            return "Please ensure that multiturn requests alternate between user and model."
        before = content["role"]
        if not content["parts"]:
            return "Unable to submit request because it must have a text parameter."
        answers = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if {one["id"]: one["name"] for one in answers} != called:
            return (
                "Please ensure that the number of function response parts is equal to the number of function call"
                " parts of the function call turn."
            )
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        called = {one["id"]: one["name"] for one in calls}
    return ""


@asynccontextmanager
async def gemini_server(port: int = 0) -> AsyncIterator[FakeServer]:
    """A server on loopback."""

    async def answer(asked: Asked, talk: Talk) -> None:
        road = ROAD.fullmatch(asked.path)
        if road is None or asked.method != "POST":
            await talk.whole(404, "<html>404</html>", kind="text/html")
            return
        asked.body = camel(asked.body)
        chats = road["action"] == "streamGenerateContent"
        behaviour = (BEHAVIOURS if chats else EMBEDDINGS).get(road["model"])
        if chats and (wrong := complaint(asked.body)):
            await refuse(talk, 400, "INVALID_ARGUMENT", wrong)
        elif road["model"] == "script":
            await talk.stream()
            await talk.pieces(fake.script)
        elif behaviour is None:
            message = f"models/{road['model']} is not found for API version v1beta, or is not supported."
            await refuse(talk, 404, "NOT_FOUND", message)
        else:
            await behaviour(asked, talk)

    fake = FakeServer(answer)
    async with listening(fake, port):
        yield fake


async def main(port: int) -> None:
    """Serve until interrupted."""
    async with gemini_server(port) as server:
        print(f"{server.base_url} with the models {', '.join(BEHAVIOURS)}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
