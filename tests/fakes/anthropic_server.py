"""A server that speaks Anthropic's messages protocol as servers do: well, badly, or hardly at all. The model's name
says how.

`python -m tests.fakes.anthropic_server PORT` starts one on loopback; `BEHAVIOURS` names the models. It is no model: it
says back what it was asked. What the real one refuses of a request, it refuses as well.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.fakes.anthropic_behaviours import BEHAVIOURS, refuse
from tests.fakes.talk import Asked, FakeServer, Talk, listening

FIELDS = {
    "model", "max_tokens", "messages", "system", "stream", "stop_sequences", "thinking", "tools", "tool_choice",
    "output_config", "temperature", "top_p", "top_k",
}  # fmt: skip


def complaint(body: Mapping[str, Any]) -> str:
    """What the real server would refuse of a request; empty when it is as it should be."""
    if unknown := sorted(body.keys() - FIELDS):
        return f"{unknown[0]}: Extra inputs are not permitted"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    budget = body.get("thinking", {}).get("budget_tokens")
    if budget is not None and not 1024 <= budget < body["max_tokens"]:
        return "`max_tokens` must be greater than `thinking.budget_tokens`"
    if "system" in body and not body["system"].strip():
        return "system: text content blocks must contain non-whitespace text"
    return _turns(body["messages"])


def _turns(messages: Sequence[Mapping[str, Any]]) -> str:
    if not messages or messages[0]["role"] != "user":
        return "messages: the first message must use the user role"
    called: set[str] = set()
    before = ""
    for message in messages:
        if message["role"] == before:
            return "messages: roles must alternate"
        before = message["role"]
        blocks = message["content"]
        if not blocks:
            return "messages: content must not be empty"
        if any(one["type"] == "text" and not one["text"].strip() for one in blocks):
            return "messages: text content blocks must contain non-whitespace text"
        results = [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"]
        if message["role"] == "user" and (set(results) != called or len(results) != len(called)):
            return "messages: each `tool_use` block must have a corresponding `tool_result` block in the next message"
        if [one["type"] for one in blocks[: len(results)]] != ["tool_result"] * len(results):
            return "messages: `tool_result` blocks come first"
        called = {one["id"] for one in blocks if one["type"] == "tool_use"}
    return ""


@asynccontextmanager
async def anthropic_server(port: int = 0) -> AsyncIterator[FakeServer]:
    """A server on loopback."""

    async def answer(asked: Asked, talk: Talk) -> None:
        model = str((asked.body or {}).get("model"))
        behaviour = BEHAVIOURS.get(model)
        if (asked.method, asked.path) != ("POST", "/v1/messages"):
            await refuse(talk, 404, "not_found_error", "Not found")
        elif "anthropic-version" not in asked.headers:
            await refuse(talk, 400, "invalid_request_error", "anthropic-version: header is required")
        elif wrong := complaint(asked.body):
            await refuse(talk, 400, "invalid_request_error", wrong)
        elif model == "script":
            await talk.stream()
            await talk.pieces(fake.script)
        elif behaviour is None:
            await refuse(talk, 404, "not_found_error", f"model: {model}")
        else:
            await behaviour(asked, talk)

    fake = FakeServer(answer)
    async with listening(fake, port):
        yield fake


async def main(port: int) -> None:
    """Serve until interrupted."""
    async with anthropic_server(port) as server:
        print(f"{server.base_url} with the models {', '.join(BEHAVIOURS)}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
