"""How servers of OpenAI's protocol answer, and fail to: each behaviour under the name of a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.openai_server import USAGE, Behaviour, ChatTalk, chunk, prompt_of
from tests.fakes.talk import STALL_SECONDS, Asked


async def echo(asked: Asked, talk: ChatTalk, pause: float = 0.0) -> None:
    """Say the prompt back, word by word, with usage at the end."""
    await talk.stream()
    await talk.event(chunk({"role": "assistant", "content": ""}))
    for number, word in enumerate(prompt_of(asked).split(" ")):
        await asyncio.sleep(pause)
        await talk.text(word if number == 0 else f" {word}")
    await talk.done(USAGE if asked.body.get("stream_options") else None)


async def slow(asked: Asked, talk: ChatTalk) -> None:
    """A word every 50 ms."""
    await echo(asked, talk, 0.05)


async def split(asked: Asked, talk: ChatTalk) -> None:
    """The same stream, byte by byte: events, lines and characters come in pieces."""
    await talk.stream()
    events = [chunk({"content": prompt_of(asked)}), chunk({}, finish_reason="stop")]
    for event in events:
        for byte in f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode():
            await talk.piece(bytes([byte]))
    await talk.event("[DONE]")
    await talk.end()


async def drip(asked: Asked, talk: ChatTalk) -> None:
    """Byte by byte, and slowly."""
    await talk.stream()
    events = [chunk({"content": prompt_of(asked)}), chunk({}, finish_reason="stop")]
    for byte in "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events).encode():
        await talk.piece(bytes([byte]))
        await asyncio.sleep(0.001)
    await talk.end()


async def odd(asked: Asked, talk: ChatTalk) -> None:
    """Everything that may be missing is: ids, deltas, choices; comments and empty pieces come between."""
    await talk.stream()
    await talk.piece(b"\xef\xbb\xbf: keep-alive\n\nevent: message\nretry: 5\n\n")
    await talk.event({"id": "", "choices": []})
    await talk.event({"id": None, "choices": None, "usage": None})
    await talk.event({"choices": [{"delta": None, "finish_reason": None}]})
    await talk.event({"choices": [{"delta": {"content": None, "role": None, "tool_calls": None}}]})
    await talk.event({"choices": "none", "usage": "none"})
    await talk.event({"choices": [{"delta": "none", "finish_reason": 0}]})
    text = [{"type": "text", "text": prompt_of(asked)}]
    await talk.event({"choices": [{"delta": {"content": text, "tool_calls": []}}], "model": ""})
    await talk.event({"choices": [{"finish_reason": "stop"}], "usage": {"prompt_tokens": 2, "completion_tokens": 1}})
    await talk.end()


async def separators(asked: Asked, talk: ChatTalk) -> None:
    """Text with what some take for the end of a line, as it is; lines that end in CR alone."""
    await talk.stream()
    for event in (chunk({"content": "a\u2028b\u0085c"}), chunk({}, finish_reason="stop")):
        await talk.piece(f"data: {json.dumps(event, ensure_ascii=False)}\r\r".encode())
    await talk.end()


async def plain(asked: Asked, talk: ChatTalk) -> None:
    """A stream that calls itself a text."""
    await talk.head(200, "text/plain")
    await talk.text(prompt_of(asked))
    await talk.done()


async def reasoning(asked: Asked, talk: ChatTalk) -> None:
    """Thinks first, and counts what it thought and what it had kept."""
    await talk.stream()
    await talk.event(chunk({"reasoning_content": "Let me "}))
    await talk.event(chunk({"reasoning": "think."}))
    await talk.text(prompt_of(asked))
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
    await talk.done({**USAGE, **details})


async def think(asked: Asked, talk: ChatTalk) -> None:
    """Thinks within its text, between tags that come in pieces."""
    await talk.stream()
    for piece in ("\n<th", "ink>\nLet me", " think.</", "think>\n\n", prompt_of(asked)):
        await talk.text(piece)
    await talk.done()


async def no_usage(asked: Asked, talk: ChatTalk) -> None:
    """Tells no usage, whatever is asked for."""
    await talk.stream()
    await talk.text(prompt_of(asked))
    await talk.done(None)


async def whole(asked: Asked, talk: ChatTalk) -> None:
    """Does not stream."""
    message = {"role": "assistant", "content": prompt_of(asked)}
    await talk.whole(200, {"id": "c", "choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE})


async def endless(asked: Asked, talk: ChatTalk) -> None:
    """Ends its answer, and leaves it open."""
    await talk.stream()
    await talk.text(prompt_of(asked), finish_reason="stop")
    await talk.stall()


async def html(asked: Asked, talk: ChatTalk) -> None:
    """A page where a stream should be, as behind a wrong base_url."""
    await talk.whole(200, "<html><body>Welcome</body></html>", kind="text/html")


async def empty(asked: Asked, talk: ChatTalk) -> None:
    """A stream of nothing."""
    await talk.stream()
    await talk.end()


async def busy(asked: Asked, talk: ChatTalk) -> None:
    """Too many requests."""
    await talk.refuse(429, "Slow down.", "Retry-After: 3")


async def spent(asked: Asked, talk: ChatTalk) -> None:
    """Nothing left to spend, which goes by the same status."""
    await talk.refuse(429, "You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota")


async def broken(asked: Asked, talk: ChatTalk) -> None:
    """Fails, without a word."""
    await talk.whole(500, "", kind="text/plain")


async def gossip(asked: Asked, talk: ChatTalk) -> None:
    """Refuses the key, and repeats it."""
    key = asked.headers.get("authorization", asked.headers.get("api-key", "")).removeprefix("Bearer ")
    await talk.refuse(401, f"Incorrect API key provided: {key}.")


async def cut(asked: Asked, talk: ChatTalk) -> None:
    """Breaks the connection off in the middle."""
    await talk.stream()
    await talk.text("The first")
    talk.cut()


async def cut_before_done(asked: Asked, talk: ChatTalk) -> None:
    """Breaks the connection off when all is said but that it is."""
    await talk.stream()
    await talk.text(prompt_of(asked))
    await talk.event(chunk({}, finish_reason="stop"))
    talk.cut()


async def unfinished(asked: Asked, talk: ChatTalk) -> None:
    """Ends politely, but before its answer does."""
    await talk.stream()
    await talk.text("The first")
    await talk.end()


async def starved(asked: Asked, talk: ChatTalk) -> None:
    """Ends for a reason that is none."""
    await talk.stream()
    await talk.text("The first")
    await talk.done(reason="insufficient_system_resource")


async def complaint(asked: Asked, talk: ChatTalk) -> None:
    """An error in the middle of the stream."""
    await talk.stream()
    await talk.text("The first")
    await talk.event({"error": {"message": "The server is overloaded.", "type": "server_error", "code": 503}})
    await talk.end()


async def bare_complaint(asked: Asked, talk: ChatTalk) -> None:
    """An error as a whole event, as DashScope sends it."""
    await talk.stream()
    await talk.event({"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded.", "request_id": "r"})
    await talk.end()


async def too_long(asked: Asked, talk: ChatTalk) -> None:
    """An error in the stream that will not go away."""
    await talk.stream()
    await talk.event({"error": {"message": "The prompt is too long.", "type": "invalid_request_error"}})
    await talk.end()


async def garbage(asked: Asked, talk: ChatTalk) -> None:
    """A piece that is no JSON."""
    await talk.stream()
    await talk.event("{not json")
    await talk.end()


async def deep(asked: Asked, talk: ChatTalk) -> None:
    """JSON that is nested without an end."""
    await talk.stream()
    await talk.event('{"choices":' + "[" * 100_000)
    await talk.end()


async def mute(asked: Asked, talk: ChatTalk) -> None:
    """Takes the question and says nothing."""
    await talk.stall()


async def silent(asked: Asked, talk: ChatTalk) -> None:
    """Never begins, though it keeps the connection alive."""
    await talk.stream()
    for _ in range(int(STALL_SECONDS * 20)):
        await talk.piece(b": keep-alive\n\n")
        await asyncio.sleep(0.05)


async def stalls(asked: Asked, talk: ChatTalk) -> None:
    """Begins, and falls silent."""
    await talk.stream()
    await talk.text("The first")
    await talk.stall()


async def old(asked: Asked, talk: ChatTalk) -> None:
    """Knows neither stream_options nor JSON schemas."""
    if "stream_options" in asked.body:
        await talk.refuse(400, "Unrecognized request argument supplied: stream_options")
    elif asked.body.get("response_format", {}).get("type") == "json_schema":
        await talk.refuse(422, "response_format.type must be json_object or text")
    else:
        await echo(asked, talk)


async def new(asked: Asked, talk: ChatTalk) -> None:
    """Has another name for the limit, decides itself how much chance there is, and always thinks a little."""
    for name in ("max_tokens", "temperature"):
        if name in asked.body:
            message = f"Unsupported parameter: '{name}'. Use 'max_completion_tokens' instead."
            await talk.refuse(400, message, param=name, code="unsupported_parameter")
            return
    if asked.body.get("reasoning_effort") in ("none", "minimal"):
        effort = asked.body["reasoning_effort"]
        message = (
            f"Unsupported value: '{effort}' is not supported with this model. Supported values are: 'low', 'high'."
        )
        await talk.refuse(400, message, param="reasoning_effort", code="unsupported_value")
        return
    await echo(asked, talk)


async def strict(asked: Asked, talk: ChatTalk) -> None:
    """Takes nothing that it does not know, and says so as pydantic does."""
    known = {"model", "messages", "stream", "temperature", "max_tokens", "tools"}
    if extra := sorted(asked.body.keys() - known):
        found = [{"type": "extra_forbidden", "loc": ["body", extra[0]], "msg": "Extra inputs are not permitted"}]
        await talk.whole(422, {"object": "error", "message": {"detail": found}})
    else:
        await echo(asked, talk)


def told(*events: Any) -> Behaviour:
    """A behaviour that sends these events, and the end."""

    async def tell(asked: Asked, talk: ChatTalk) -> None:
        await talk.stream()
        for event in events:
            await talk.event(event)
        await talk.event("[DONE]")
        await talk.end()

    return tell


BEHAVIOURS: Mapping[str, Behaviour] = {
    one.__name__.replace("_", "-"): one
    for one in (
        echo, slow, split, drip, odd, separators, plain, reasoning, think, no_usage, whole, endless, html, empty, busy,
        spent, broken, gossip, cut, cut_before_done, unfinished, starved, complaint, bare_complaint, too_long, garbage,
        deep, mute, silent, stalls, old, new, strict,
    )
}  # fmt: skip
