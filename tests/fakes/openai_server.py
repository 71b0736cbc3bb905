"""A server that speaks OpenAI's chat protocol as servers do: well, badly, or hardly at all. The model's name says how.

`python tests/fakes/openai_server.py PORT` starts one on loopback; `BEHAVIOURS` names the models. It is no model: it
says the prompt back.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
STALL_SECONDS = 30.0


@dataclass
class Asked:
    """A request as it came: its headers, names in lower case, and its body."""

    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        """What is said back."""
        return str(self.body["messages"][-1]["content"])


class Talk:
    """One answer being written."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def head(self, status: int, kind: str, *headers: str, length: int | None = None) -> None:
        """The status and the headers; without a length the body is chunked."""
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", "Connection: close", framing, *headers]
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def piece(self, data: bytes) -> None:
        """A chunk of the body."""
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, data: Any) -> None:
        """An event of the stream."""
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        await self.piece(f"data: {text}\n\n".encode())

    async def text(self, content: str, **more: Any) -> None:
        """A piece of the answer."""
        await self.event(chunk({"content": content}, **more))

    async def done(self, usage: Mapping[str, int] | None = USAGE) -> None:
        """The end of an answer as it should be."""
        await self.event(chunk({}, finish_reason="stop"))
        if usage is not None:
            await self.event({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage})
        await self.event("[DONE]")
        await self.piece(b"")

    async def whole(self, status: int, body: Any, *headers: str, kind: str = "application/json") -> None:
        """An answer that is no stream."""
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        await self.head(status, kind, *headers, length=len(data))
        await self.raw(data)

    async def refuse(self, status: int, message: str, *headers: str, **more: Any) -> None:
        """An error as OpenAI words it."""
        await self.whole(status, {"error": {"message": message, "type": "error", **more}}, *headers)

    def cut(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()


def chunk(delta: Mapping[str, Any] | None, **choice: Any) -> dict[str, Any]:
    """A chunk of an answer."""
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **choice}]}


async def echo(asked: Asked, talk: Talk, pause: float = 0.0) -> None:
    """Say the prompt back, word by word, with usage at the end."""
    await talk.head(200, "text/event-stream")
    await talk.event(chunk({"role": "assistant", "content": ""}))
    for number, word in enumerate(asked.prompt.split(" ")):
        await asyncio.sleep(pause)
        await talk.text(word if number == 0 else f" {word}")
    await talk.done(USAGE if asked.body.get("stream_options") else None)


async def slow(asked: Asked, talk: Talk) -> None:
    """A word every 50 ms."""
    await echo(asked, talk, 0.05)


async def split(asked: Asked, talk: Talk) -> None:
    """The same stream, byte by byte: events, lines and characters come in pieces."""
    await talk.head(200, "text/event-stream; charset=utf-8")
    events = [chunk({"content": asked.prompt}), chunk({}, finish_reason="stop")]
    for event in events:
        for byte in f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode():
            await talk.piece(bytes([byte]))
    await talk.event("[DONE]")
    await talk.piece(b"")


async def odd(asked: Asked, talk: Talk) -> None:
    """Everything that may be missing is: ids, deltas, choices; comments and empty pieces come between."""
    await talk.head(200, "text/event-stream")
    await talk.piece(b": keep-alive\n\nevent: message\nretry: 5\n\n")
    await talk.event({"id": "", "choices": []})
    await talk.event({"id": None, "choices": None, "usage": None})
    await talk.event({"choices": [{"delta": None, "finish_reason": None}]})
    await talk.event({"choices": [{"delta": {"content": None, "role": None}}]})
    await talk.event({"choices": [{"delta": {"content": [{"type": "text", "text": asked.prompt}]}}], "model": ""})
    await talk.event({"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 2, "completion_tokens": 1}})
    await talk.piece(b"")


async def reasoning(asked: Asked, talk: Talk) -> None:
    """Thinks first."""
    await talk.head(200, "text/event-stream")
    await talk.event(chunk({"reasoning_content": "Let me "}))
    await talk.event(chunk({"reasoning": "think."}))
    await talk.text(asked.prompt)
    await talk.done()


async def no_usage(asked: Asked, talk: Talk) -> None:
    """Tells no usage, whatever is asked for."""
    await talk.head(200, "text/event-stream")
    await talk.text(asked.prompt)
    await talk.done(None)


async def whole(asked: Asked, talk: Talk) -> None:
    """Does not stream."""
    message = {"role": "assistant", "content": asked.prompt}
    await talk.whole(200, {"id": "c", "choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE})


async def html(asked: Asked, talk: Talk) -> None:
    """A page where a stream should be, as behind a wrong base_url."""
    await talk.whole(200, "<html><body>Welcome</body></html>", kind="text/html")


async def busy(asked: Asked, talk: Talk) -> None:
    """Too many requests."""
    await talk.refuse(429, "Slow down.", "Retry-After: 3")


async def broken(asked: Asked, talk: Talk) -> None:
    """Fails, without a word."""
    await talk.whole(500, "", kind="text/plain")


async def gossip(asked: Asked, talk: Talk) -> None:
    """Refuses the key, and repeats it."""
    await talk.refuse(401, f"Incorrect API key provided: {asked.headers['authorization'].removeprefix('Bearer ')}.")


async def cut(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off in the middle."""
    await talk.head(200, "text/event-stream")
    await talk.text("The first")
    talk.cut()


async def unfinished(asked: Asked, talk: Talk) -> None:
    """Ends politely, but before its answer does."""
    await talk.head(200, "text/event-stream")
    await talk.text("The first")
    await talk.piece(b"")


async def complaint(asked: Asked, talk: Talk) -> None:
    """An error in the middle of the stream."""
    await talk.head(200, "text/event-stream")
    await talk.text("The first")
    await talk.event({"error": {"message": "The server is overloaded.", "type": "server_error", "code": 503}})
    await talk.piece(b"")


async def too_long(asked: Asked, talk: Talk) -> None:
    """An error in the stream that will not go away."""
    await talk.head(200, "text/event-stream")
    await talk.event({"error": {"message": "The prompt is too long.", "type": "invalid_request_error"}})
    await talk.piece(b"")


async def garbage(asked: Asked, talk: Talk) -> None:
    """A piece that is no JSON."""
    await talk.head(200, "text/event-stream")
    await talk.event("{not json")
    await talk.piece(b"")


async def silent(asked: Asked, talk: Talk) -> None:
    """Never begins, though it keeps the connection alive."""
    await talk.head(200, "text/event-stream")
    for _ in range(int(STALL_SECONDS * 20)):
        await talk.piece(b": keep-alive\n\n")
        await asyncio.sleep(0.05)


async def stalls(asked: Asked, talk: Talk) -> None:
    """Begins, and falls silent."""
    await talk.head(200, "text/event-stream")
    await talk.text("The first")
    await asyncio.sleep(STALL_SECONDS)


async def old(asked: Asked, talk: Talk) -> None:
    """Knows neither stream_options nor JSON schemas."""
    if "stream_options" in asked.body:
        await talk.refuse(400, "Unrecognized request argument supplied: stream_options")
    elif asked.body.get("response_format", {}).get("type") == "json_schema":
        await talk.refuse(422, "response_format.type must be json_object or text")
    else:
        await echo(asked, talk)


async def new(asked: Asked, talk: Talk) -> None:
    """Has another name for the limit."""
    if "max_tokens" in asked.body:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        await talk.refuse(400, message, param="max_tokens", code="unsupported_parameter")
    else:
        await echo(asked, talk)


Behaviour = Callable[[Asked, Talk], Awaitable[None]]
BEHAVIOURS: Mapping[str, Behaviour] = {
    one.__name__.replace("_", "-"): one
    for one in (
        echo, slow, split, odd, reasoning, no_usage, whole, html, busy, broken, gossip, cut, unfinished, complaint,
        too_long, garbage, silent, stalls, old, new,
    )
}  # fmt: skip


@dataclass
class OpenAIServer:
    """A server for the time of a test; remembers what it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What the provider's settings name."""
        return f"http://{self.place}/v1"

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
            body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
            asked = Asked(headers, body)
            self.asked.append(asked)
            talk = Talk(writer)
            behaviour = BEHAVIOURS.get(str(body.get("model")))
            if not head[0].startswith("POST /v1/chat/completions"):
                await talk.refuse(404, "There is nothing here.")
            elif behaviour is None:
                await talk.refuse(404, f"The model {body.get('model')} does not exist.", code="model_not_found")
            else:
                await behaviour(asked, talk)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client may leave at any moment: what that means is the test's to say.
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def openai_server(port: int = 0) -> AsyncIterator[OpenAIServer]:
    """A server on loopback."""
    fake = OpenAIServer()
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        try:
            await fake.speak(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            talks.discard(talk)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for talk in list(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


async def main(port: int) -> None:
    """Serve until interrupted."""
    async with openai_server(port) as server:
        print(f"{server.base_url} with the models {', '.join(BEHAVIOURS)}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
