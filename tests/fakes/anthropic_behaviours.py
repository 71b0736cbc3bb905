"""How a server of Anthropic's messages protocol answers: well, badly, or hardly at all, by the name of the model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.talk import Asked, Behaviour, Talk, in_halves

USAGE = {
    "input_tokens": 7,
    "cache_read_input_tokens": 4,
    "cache_creation_input_tokens": 2,
    "output_tokens": 1,
    "service_tier": "standard",
}
END_USAGE = {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}}
SIGNATURE = "c2lnbmVk"
WEATHER = '{"city": "北京", "days": [1, 2], "deep": {"quote": "\\"}"}}'


def prompt(asked: Asked) -> str:
    """The last turn in words: its texts as they are, the rest described."""
    return " ".join(_said(block) for block in asked.body["messages"][-1]["content"])


def _said(block: Mapping[str, Any]) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "tool_result", "content": content}:
            return " ".join(_said(one) for one in content)
        case {"type": kind, "source": {"type": "url", "url": url}}:
            return f"[{kind} at {url}]"
        case {"type": kind, "source": {"media_type": media_type, "data": data}}:
            return f"[{kind} {media_type} {len(data)}]"
        case _:
            return f"[{block['type']}]"


def event(kind: str, **more: Any) -> bytes:
    """An event as it goes over the wire."""
    data = json.dumps({"type": kind, **more}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def begin(usage: Mapping[str, Any] | None = USAGE) -> bytes:
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "x", "content": []}
    return event("message_start", message={**message, "stop_reason": None, **({"usage": usage} if usage else {})})


def block(index: int, content: Mapping[str, Any], *deltas: Mapping[str, Any]) -> bytes:
    told = [event("content_block_delta", index=index, delta=delta) for delta in deltas]
    start = event("content_block_start", index=index, content_block=content)
    return b"".join([start, *told, event("content_block_stop", index=index)])


def text_block(index: int, *words: str) -> bytes:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": word} for word in words))


def tool_block(index: int, call: str, name: str, *pieces: str) -> bytes:
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return block(index, {"type": "tool_use", "id": call, "name": name, "input": {}}, *deltas)


def thought(index: int, *words: str, signature: str = SIGNATURE) -> bytes:
    deltas = [{"type": "thinking_delta", "thinking": word} for word in words]
    sign = {"type": "signature_delta", "signature": signature}
    return block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, sign)


def close(reason: str = "end_turn", usage: Mapping[str, Any] | None = END_USAGE) -> bytes:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=delta, **({"usage": usage} if usage else {})) + event("message_stop")


def words(text: str) -> list[str]:
    return [word if place == 0 else f" {word}" for place, word in enumerate(text.split(" "))]


PING = event("ping")


async def told(talk: Talk, *events: bytes) -> None:
    """A whole stream."""
    await talk.stream()
    await talk.pieces(events)


async def refuse(talk: Talk, status: int, kind: str, message: str, *headers: str, **more: Any) -> None:
    """An error as the protocol words it."""
    error = {"type": kind, "message": message, **more}
    await talk.whole(status, {"type": "error", "error": error, "request_id": "req_1"}, *headers)


async def echo(asked: Asked, talk: Talk) -> None:
    """Say the last turn back, word by word."""
    await told(talk, begin(), PING, text_block(0, *words(prompt(asked))), close())


async def slow(asked: Asked, talk: Talk) -> None:
    """A word every 50 ms."""
    await talk.stream()
    await talk.piece(begin() + event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    for word in words(prompt(asked)):
        await asyncio.sleep(0.05)
        await talk.piece(event("content_block_delta", index=0, delta={"type": "text_delta", "text": word}))
    await talk.piece(event("content_block_stop", index=0) + close())
    await talk.end()


async def bytewise(asked: Asked, talk: Talk) -> None:
    """Every byte by itself, and lines that end like those of Windows."""
    stream = (begin() + text_block(0, *words(prompt(asked))) + close()).replace(b"\n", b"\r\n")
    await told(talk, *(bytes([byte]) for byte in stream))


async def odd(asked: Asked, talk: Talk) -> None:
    """What may be missing is: starts, stops, indexes, usage; what nobody knows yet comes between."""
    await talk.stream()
    await talk.piece(b": keep-alive\n\nevent: message\nretry: 5\n\n")
    await talk.piece(event("message_start", message=None) + event("news", of={"a": "later version"}))
    await talk.piece(event("content_block_start", index=0, content_block={"type": "text", "text": None}))
    first, *rest = words(prompt(asked))
    await talk.piece(event("content_block_delta", delta={"type": "text_delta", "text": first}))
    await talk.piece(event("content_block_delta", index=0, delta=None))
    citation = {"type": "citations_delta", "citation": {"type": "char_location"}}
    await talk.piece(event("content_block_delta", index=0, delta=citation))
    for word in rest:
        await talk.piece(event("content_block_delta", index=7, delta={"type": "text_delta", "text": word}))
    await talk.piece(event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": "many"}))
    await talk.end()


async def reasoning(asked: Asked, talk: Talk) -> None:
    """Thinks first: aloud, then in secret."""
    hidden = block(1, {"type": "redacted_thinking", "data": "aGlkZGVu"})
    answer = text_block(2, *words(prompt(asked)))
    await told(talk, begin(), thought(0, "Let me ", "think. 想"), hidden, answer, close())


async def thinks_and_calls(asked: Asked, talk: Talk) -> None:
    """Thinks between the parts of its answer, and calls a tool; then answers what the tool said."""
    if asked.body["messages"][-1]["content"][0]["type"] == "tool_result":
        await echo(asked, talk)
        return
    again = thought(2, "Then this.", signature="YWdhaW4=")
    call = tool_block(3, "toolu_1", "weather", '{"city": "北京"}')
    await told(talk, begin(), thought(0, "First."), text_block(1, "I look."), again, call, close("tool_use"))


async def tools(asked: Asked, talk: Talk) -> None:
    """Calls a tool, its arguments in pieces that are no JSON by themselves."""
    pieces = ["", WEATHER[:4], WEATHER[4:12], WEATHER[12:13], WEATHER[13:]]
    await told(talk, begin(), text_block(0, "I look."), tool_block(1, "toolu_1", "weather", *pieces), close("tool_use"))


async def parallel(asked: Asked, talk: Talk) -> None:
    """Calls three tools at once; their pieces come mixed, and one has no arguments."""
    start = [
        event(
            "content_block_start",
            index=index,
            content_block={"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}},
        )
        for index, name in enumerate(("weather", "time", "weather"))
    ]
    pieces = [(0, '{"city": '), (2, '{"city"'), (0, '"北京"}'), (2, ': "上海"}')]
    mixed = [
        event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        for index, piece in pieces
    ]
    await told(talk, begin(), *start, *mixed, close("tool_use"))


async def nameless(asked: Asked, talk: Talk) -> None:
    """Calls without ids, and with arguments that come at once."""
    calls = [
        block(place, {"type": "tool_use", "id": "", "name": "weather", "input": {"city": city}})
        for place, city in enumerate(("北京", "上海"))
    ]
    await told(talk, begin(), *calls, close("end_turn"))


async def half_a_call(asked: Asked, talk: Talk) -> None:
    """Reaches its limit amid the arguments of a second call."""
    first = tool_block(0, "toolu_0", "time", "{}")
    await told(talk, begin(), first, tool_block(1, "toolu_1", "weather", '{"city": "北'), close("max_tokens"))


async def barely_a_call(asked: Asked, talk: Talk) -> None:
    """Reaches its limit when nothing but a tool's name has been told."""
    await told(talk, begin(), tool_block(0, "toolu_1", "weather"), close("max_tokens"))


async def broken_call(asked: Asked, talk: Talk) -> None:
    """Calls a tool with arguments that are no JSON."""
    await told(talk, begin(), tool_block(0, "toolu_1", "weather", '{"city": }'), close("tool_use"))


async def refusal(asked: Asked, talk: Talk) -> None:
    """Stops, because it may not go on."""
    await told(talk, begin(), text_block(0, "I"), close("refusal"))


async def limit(asked: Asked, talk: Talk) -> None:
    """Reaches its limit."""
    await told(talk, begin(), text_block(0, "The first"), close("max_tokens"))


async def paused(asked: Asked, talk: Talk) -> None:
    """Pauses, as it may after much work of its own tools."""
    await told(talk, begin(), text_block(0, "The first"), close("pause_turn"))


async def no_usage(asked: Asked, talk: Talk) -> None:
    """Tells no usage."""
    await told(talk, begin(None), text_block(0, *words(prompt(asked))), close(usage=None))


async def whole(asked: Asked, talk: Talk) -> None:
    """Does not stream."""
    content = [{"type": "text", "text": prompt(asked)}]
    message = {"id": "m", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    await talk.whole(200, {**message, "usage": {"input_tokens": 7, "output_tokens": 3}})


async def html(asked: Asked, talk: Talk) -> None:
    """A page where a stream should be, as behind a wrong base_url."""
    await talk.whole(200, "<html><body>Welcome</body></html>", kind="text/html")


async def wrong_type(asked: Asked, talk: Talk) -> None:
    """A stream that calls itself something else."""
    await talk.head(200, "application/octet-stream")
    await talk.pieces([begin(), text_block(0, *words(prompt(asked))), close()])


async def busy(asked: Asked, talk: Talk) -> None:
    """Too many requests."""
    await refuse(talk, 429, "rate_limit_error", "This request would exceed your rate limit.", "Retry-After: 3")


async def spent(asked: Asked, talk: Talk) -> None:
    """Nothing left to spend, said with the same status."""
    details = {"error_code": "enforced_spend_limit_reached"}
    await refuse(talk, 429, "rate_limit_error", "The limit of this workspace is reached.", details=details)


async def poor(asked: Asked, talk: Talk) -> None:
    """Nothing left to spend."""
    await refuse(talk, 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")


async def overloaded(asked: Asked, talk: Talk) -> None:
    """Overloaded, in the status of its own."""
    await refuse(talk, 529, "overloaded_error", "Overloaded")


async def broken(asked: Asked, talk: Talk) -> None:
    """Fails, without a word."""
    await talk.whole(500, "", kind="text/plain")


async def gossip(asked: Asked, talk: Talk) -> None:
    """Refuses the key, and repeats it."""
    await refuse(talk, 401, "authentication_error", f"invalid key: {asked.headers['authorization']}")


async def forbidden(asked: Asked, talk: Talk) -> None:
    """A model that this key may not use."""
    await refuse(talk, 403, "permission_error", "Your API key does not have permission to use this model.")


async def too_long(asked: Asked, talk: Talk) -> None:
    """A conversation that does not fit."""
    message = "prompt is too long: 213712 tokens > 200000 maximum"
    await refuse(talk, 400, "invalid_request_error", message)


async def too_large(asked: Asked, talk: Talk) -> None:
    """A request that does not fit."""
    await refuse(talk, 413, "request_too_large", "Request exceeds the maximum size")


async def filtered(asked: Asked, talk: Talk) -> None:
    """An answer that was withheld."""
    await refuse(talk, 400, "invalid_request_error", "Output blocked by content filtering policy")


async def late(asked: Asked, talk: Talk) -> None:
    """Overloaded amid the answer."""
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    await told(talk, begin(), text_block(0, "The first"), error)


async def late_limit(asked: Asked, talk: Talk) -> None:
    """Too many requests, found out amid the answer."""
    await told(talk, begin(), event("error", error={"type": "rate_limit_error", "message": "Slow down."}))


async def late_fault(asked: Asked, talk: Talk) -> None:
    """A prompt that turned out to be too long."""
    error = {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}
    await told(talk, begin(), event("error", error=error))


async def cut_head(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off before the answer."""
    await talk.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-")
    talk.cut()


async def cut(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off amid an event."""
    await talk.stream()
    await talk.piece(begin() + text_block(0, "The first"))
    await talk.piece(b'event: content_block_delta\ndata: {"type": "content_blo')
    talk.cut()


async def cut_character(asked: Asked, talk: Talk) -> None:
    """Ends politely, amid a character."""
    first, _ = in_halves(text_block(1, "中文").decode(), "文")
    await talk.stream()
    await talk.pieces([begin(), text_block(0, "The first"), first])


async def cut_call(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off amid a call, after one that was whole."""
    await talk.stream()
    await talk.piece(begin() + tool_block(0, "toolu_0", "time", "{}"))
    await talk.piece(tool_block(1, "toolu_1", "weather", '{"city"').rpartition(b"event:")[0])
    talk.cut()


async def unfinished(asked: Asked, talk: Talk) -> None:
    """Ends politely, but before its answer does."""
    await told(talk, begin(), text_block(0, "The first"))


async def garbage(asked: Asked, talk: Talk) -> None:
    """An event that is no JSON."""
    await told(talk, begin(), b"event: content_block_start\ndata: {not json\n\n")


async def listed(asked: Asked, talk: Talk) -> None:
    """An event that is no object."""
    await told(talk, begin(), b"event: content_block_start\ndata: [1]\n\n")


async def silent(asked: Asked, talk: Talk) -> None:
    """Never begins, though it says that it is still there."""
    await talk.stream()
    await talk.piece(begin())
    for _ in range(600):
        await talk.piece(PING)
        await asyncio.sleep(0.05)


async def mute(asked: Asked, talk: Talk) -> None:
    """Not even a head."""
    await talk.stall()


async def stalls(asked: Asked, talk: Talk) -> None:
    """Begins, and falls silent."""
    await talk.stream()
    await talk.piece(begin() + text_block(0, "The first"))
    await talk.stall()


async def clings(asked: Asked, talk: Talk) -> None:
    """Has said all, but does not end its answer."""
    await talk.stream()
    await talk.piece(begin() + text_block(0, *words(prompt(asked))) + close())
    await talk.stall()


async def modern(asked: Asked, talk: Talk) -> None:
    """Knows no sampling and counts no thinking."""
    if extra := {"temperature", "top_p", "top_k"} & asked.body.keys():
        name = min(extra)
        await refuse(talk, 400, "invalid_request_error", f"{name}: Extra inputs are not permitted")
    elif asked.body.get("thinking", {}).get("type") == "enabled":
        message = '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive".'
        await refuse(talk, 400, "invalid_request_error", message)
    else:
        await echo(asked, talk)


async def old(asked: Asked, talk: Talk) -> None:
    """Counts its thinking and always tells it; holds its answers to no schema, and takes one sampling only."""
    thinking = asked.body.get("thinking", {})
    if "output_config" in asked.body:
        await refuse(talk, 400, "invalid_request_error", "output_config.format: Extra inputs are not permitted")
    elif thinking.get("type") == "adaptive":
        await refuse(talk, 400, "invalid_request_error", "adaptive thinking is not supported on this model")
    elif "display" in thinking:
        message = "thinking.enabled.display: Extra inputs are not permitted"
        await refuse(talk, 400, "invalid_request_error", message)
    elif {"temperature", "top_p"} <= asked.body.keys():
        message = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        await refuse(talk, 400, "invalid_request_error", message)
    else:
        await echo(asked, talk)


async def obedient(asked: Asked, talk: Talk) -> None:
    """Says what it was asked for beside the messages."""
    told_of = {key: asked.body.get(key) for key in ("output_config", "tool_choice", "thinking", "system")}
    await told(talk, begin(), text_block(0, json.dumps(told_of, ensure_ascii=False)), close())


BEHAVIOURS: Mapping[str, Behaviour] = {
    one.__name__.replace("_", "-"): one
    for one in (
        echo, slow, bytewise, odd, reasoning, thinks_and_calls, tools, parallel, nameless, half_a_call, barely_a_call,
        broken_call, refusal, limit, paused, no_usage, whole, html, wrong_type, busy, spent, poor, overloaded, broken,
        gossip, forbidden, too_long, too_large, filtered, late, late_limit, late_fault, cut_head, cut, cut_character,
        cut_call, unfinished, garbage, listed, silent, mute, stalls, clings, modern, old, obedient,
    )
}  # fmt: skip
