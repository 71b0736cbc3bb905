"""How a server of Google's Gemini protocol answers: well, badly, or hardly at all, by the name of the model."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.talk import Asked, Behaviour, Talk, in_halves

USAGE = {
    "promptTokenCount": 9,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 3,
    "thoughtsTokenCount": 2,
    "totalTokenCount": 14,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
}
SIGNATURE = base64.b64encode(b"signed \xff").decode()
LENGTH = 4
"""Of the vectors, where nobody says it."""


def prompt(asked: Asked) -> str:
    """The last turn in words: its texts as they are, the rest described."""
    return " ".join(_said(part) for part in asked.body["contents"][-1]["parts"])


def _said(part: Mapping[str, Any]) -> str:
    match part:
        case {"text": str(text)}:
            return text
        case {"functionResponse": {"name": name, "response": {"output": output}}}:
            return f"{name} says {output}"
        case {"inlineData": {"mimeType": kind, "data": data}}:
            return f"[{kind} {len(_decoded(data))}]"
        case {"fileData": {"mimeType": kind, "fileUri": uri}}:
            return f"[{kind} at {uri}]"
        case _:
            return f"[{', '.join(part)}]"


def _decoded(data: str) -> bytes:
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))


def chunk(*parts: Mapping[str, Any], **candidate: Any) -> dict[str, Any]:
    """A chunk of an answer."""
    content = {"content": {"role": "model", "parts": [*parts]}} if parts else {}
    return {"candidates": [{**content, "index": 0, **candidate}], "modelVersion": "x", "responseId": "r"}


def end(*parts: Mapping[str, Any], reason: str = "STOP", usage: Mapping[str, Any] | None = USAGE) -> dict[str, Any]:
    """The last chunk."""
    return {**chunk(*parts, finishReason=reason), **({"usageMetadata": usage} if usage else {})}


def event(data: Any) -> bytes:
    """An event as it goes over the wire."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\r\n\r\n".encode(errors="replace")


def call(name: str, args: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A part that calls a function."""
    return {"functionCall": {"name": name, **({} if args is None else {"args": args})}, **more}


def words(text: str) -> list[dict[str, Any]]:
    return [{"text": word if place == 0 else f" {word}"} for place, word in enumerate(text.split(" "))]


async def told(talk: Talk, *chunks: Any) -> None:
    """A whole stream."""
    await talk.stream()
    await talk.pieces([event(one) for one in chunks])


async def refuse(talk: Talk, code: int, status: str, message: str, *details: Mapping[str, Any]) -> None:
    """An error as the protocol words it."""
    error = {"code": code, "message": message, "status": status, **({"details": [*details]} if details else {})}
    await talk.whole(code, [{"error": error}])


async def echo(asked: Asked, talk: Talk) -> None:
    """Say the last turn back, word by word."""
    begun = {"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}}
    first, *rest = words(prompt(asked))
    await told(talk, {**chunk(first), **begun}, *(chunk(word) for word in rest), end({"text": ""}))


async def slow(asked: Asked, talk: Talk) -> None:
    """A word every 50 ms."""
    await talk.stream()
    for word in words(prompt(asked)):
        await asyncio.sleep(0.05)
        await talk.piece(event(chunk(word)))
    await talk.piece(event(end()))
    await talk.end()


async def bytewise(asked: Asked, talk: Talk) -> None:
    """Every byte by itself."""
    stream = b"".join(event(one) for one in (*(chunk(word) for word in words(prompt(asked))), end()))
    await talk.stream()
    await talk.pieces([bytes([byte]) for byte in stream])


async def odd(asked: Asked, talk: Talk) -> None:
    """What may be missing is: candidates, content, parts, usage; what nobody knows yet comes between."""
    await talk.stream()
    first, *rest = words(prompt(asked))
    await talk.pieces(
        [
            event(one)
            for one in (
                {"usageMetadata": {"promptTokenCount": 3}},
                {"candidates": [], "news": {"of": "a later version"}},
                {"candidates": [{"index": 0, "content": {"role": "model"}}]},
                {"candidates": [{"content": {"parts": [first]}, "safetyRatings": [{"category": "HARM_CATEGORY_NEW"}]}]},
                *({"candidates": [{"content": {"parts": [word, {"newPart": {"x": 1}}]}}]} for word in rest),
                {"candidates": [{"finishReason": "STOP", "avgLogprobs": -0.1}]},
                {"usageMetadata": {"candidatesTokenCount": 2, "trafficType": "NEW"}},
            )
        ]
    )


async def reasoning(asked: Asked, talk: Talk) -> None:
    """Thinks first, and signs its answer at the end."""
    thoughts = [chunk({"text": "Let me ", "thought": True}), chunk({"text": "think. 想", "thought": True})]
    signed = end({"text": "", "thoughtSignature": SIGNATURE})
    await told(talk, *thoughts, *(chunk(word) for word in words(prompt(asked))), signed)


async def thinks_and_calls(asked: Asked, talk: Talk) -> None:
    """Signs the first of two calls; then answers what the tools said."""
    if "functionResponse" in asked.body["contents"][-1]["parts"][0]:
        await echo(asked, talk)
        return
    calls = [call("weather", {"city": "北京"}, thoughtSignature=SIGNATURE), call("weather", {"city": "上海"})]
    await told(
        talk, chunk({"text": "Hm.", "thought": True}), chunk({"text": "I look."}), chunk(calls[0]), end(calls[1])
    )


async def tools(asked: Asked, talk: Talk) -> None:
    """Calls a function, with the id that the server gave it."""
    asking = call("weather", {"city": "北京", "days": [1, 2]})
    asking["functionCall"]["id"] = "fc_1"
    await told(talk, chunk({"text": "I look."}), end(asking))


async def parallel(asked: Asked, talk: Talk) -> None:
    """Calls three functions at once, in two chunks, without ids; one has no arguments."""
    await told(talk, chunk(call("weather", {"city": "北京"}), call("time")), end(call("weather", {"city": "上海"})))


async def limit(asked: Asked, talk: Talk) -> None:
    """Reaches its limit."""
    await told(talk, chunk({"text": "The first"}), end(reason="MAX_TOKENS"))


async def withheld(asked: Asked, talk: Talk) -> None:
    """Stops, because it may not go on."""
    await told(talk, chunk({"text": "The first"}), end(reason="SAFETY"))


async def recited(asked: Asked, talk: Talk) -> None:
    """Stops, because it was repeating somebody."""
    await told(talk, end(reason="RECITATION"))


async def new_reason(asked: Asked, talk: Talk) -> None:
    """Stops for a reason that nobody knows yet."""
    await told(talk, chunk({"text": "The first"}), end(reason="A_NEW_REASON"))


async def blocked(asked: Asked, talk: Talk) -> None:
    """Does not answer at all."""
    await told(talk, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE})


async def bad_call(asked: Asked, talk: Talk) -> None:
    """Called a function as nobody can."""
    await told(talk, end(reason="MALFORMED_FUNCTION_CALL"))


async def no_usage(asked: Asked, talk: Talk) -> None:
    """Tells no usage."""
    await told(talk, *(chunk(word) for word in words(prompt(asked))), end(usage=None))


async def html(asked: Asked, talk: Talk) -> None:
    """A page where a stream should be, as behind a wrong base_url."""
    await talk.whole(200, "<html><body>Welcome</body></html>", kind="text/html")


async def wrong_type(asked: Asked, talk: Talk) -> None:
    """A stream that calls itself something else."""
    await talk.head(200, "text/plain")
    await talk.pieces([event(chunk(word)) for word in words(prompt(asked))] + [event(end())])


async def busy(asked: Asked, talk: Talk) -> None:
    """Too many requests, and when to come back."""
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "39.5s"}
    quota = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
    }
    await refuse(talk, 429, "RESOURCE_EXHAUSTED", "You exceeded your current rate.", quota, retry)


async def spent(asked: Asked, talk: Talk) -> None:
    """Nothing left for today."""
    quota = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
    }
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "20s"}
    await refuse(talk, 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", quota, retry)


async def overloaded(asked: Asked, talk: Talk) -> None:
    """Overloaded."""
    await refuse(talk, 503, "UNAVAILABLE", "The model is overloaded. Please try again later.")


async def broken(asked: Asked, talk: Talk) -> None:
    """Fails, without a word."""
    await talk.whole(500, "", kind="text/plain")


async def timed_out(asked: Asked, talk: Talk) -> None:
    """Took too long by its own clock."""
    await refuse(talk, 504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")


async def bad_key(asked: Asked, talk: Talk) -> None:
    """Refuses the key, with the status of a bad request."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    await refuse(talk, 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)


async def gossip(asked: Asked, talk: Talk) -> None:
    """Refuses the key, and repeats it."""
    key = asked.headers.get("x-goog-api-key") or asked.headers.get("authorization")
    await refuse(talk, 403, "PERMISSION_DENIED", f"The key {key} may not use this model.")


async def too_long(asked: Asked, talk: Talk) -> None:
    """A conversation that does not fit."""
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    await refuse(talk, 400, "INVALID_ARGUMENT", message)


async def late(asked: Asked, talk: Talk) -> None:
    """Overloaded amid the answer."""
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    await told(talk, chunk({"text": "The first"}), error)


async def late_and_vague(asked: Asked, talk: Talk) -> None:
    """Says amid the answer that something is wrong, and no more."""
    await told(talk, chunk({"text": "The first"}), {"error": {"message": "Something."}})


async def cut_head(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off before the answer."""
    await talk.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-")
    talk.cut()


async def cut(asked: Asked, talk: Talk) -> None:
    """Breaks the connection off amid an event."""
    await talk.stream()
    await talk.piece(event(chunk({"text": "The first"})))
    await talk.piece(b'data: {"candidates": [{"content')
    talk.cut()


async def cut_character(asked: Asked, talk: Talk) -> None:
    """Ends politely, amid a character."""
    first, _ = in_halves(event(chunk({"text": "中文"})).decode(), "文")
    await talk.stream()
    await talk.pieces([event(chunk({"text": "The first"})), first])


async def unfinished(asked: Asked, talk: Talk) -> None:
    """Ends politely, but before its answer does."""
    await told(talk, chunk({"text": "The first"}), chunk(call("weather", {"city": "北京"})))


async def garbage(asked: Asked, talk: Talk) -> None:
    """An event that is no JSON."""
    await talk.stream()
    await talk.pieces([event(chunk({"text": "The first"})), b"data: {not json\n\n"])


async def listed(asked: Asked, talk: Talk) -> None:
    """An event that is no object."""
    await told(talk, chunk({"text": "The first"}), [1])


async def misshapen(asked: Asked, talk: Talk) -> None:
    """An event whose fields hold what they cannot."""
    await told(talk, chunk({"text": "The first"}), {"candidates": [{"content": {"parts": "none"}}]})


async def silent(asked: Asked, talk: Talk) -> None:
    """Never begins, though it keeps the connection alive."""
    await talk.stream()
    for _ in range(600):
        await talk.piece(event({"candidates": [], "usageMetadata": {"promptTokenCount": 9}}))
        await asyncio.sleep(0.05)


async def mute(asked: Asked, talk: Talk) -> None:
    """Not even a head."""
    await talk.stall()


async def stalls(asked: Asked, talk: Talk) -> None:
    """Begins, and falls silent."""
    await talk.stream()
    await talk.piece(event(chunk({"text": "The first"})))
    await talk.stall()


async def continues(asked: Asked, talk: Talk) -> None:
    """Reaches the limit of one request, and goes on in another."""
    if "continuationToken" in asked.body:
        await told(talk, end({"text": " and the second"}))
    else:
        await told(talk, chunk({"text": "The first"}), chunk(finishReason="CONTINUATION", continuationToken="bW9yZQ=="))


async def strict(asked: Asked, talk: Talk) -> None:
    """Holds no answer to a schema while there are functions, has no penalties, and cannot but think."""
    config = asked.body.get("generationConfig", {})
    if "presencePenalty" in config or "frequencyPenalty" in config:
        await refuse(talk, 400, "INVALID_ARGUMENT", "Penalty is not enabled for this model")
    elif asked.body.get("tools") and "responseMimeType" in config:
        message = "Function calling with a response mime type: 'application/json' is unsupported"
        await refuse(talk, 400, "INVALID_ARGUMENT", message)
    elif config.get("thinkingConfig", {}).get("thinkingBudget") == 0:
        await refuse(talk, 400, "INVALID_ARGUMENT", "Budget 0 is invalid. This model only works in thinking mode.")
    else:
        await echo(asked, talk)


async def signed(asked: Asked, talk: Talk) -> None:
    """Wants the first call of each turn signed."""
    for content in asked.body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and "thoughtSignature" not in calls[0]:
            message = "Function call `weather` in the 2. content block is missing a `thought_signature`."
            await refuse(talk, 400, "INVALID_ARGUMENT", message)
            return
    await echo(asked, talk)


async def thoughtless(asked: Asked, talk: Talk) -> None:
    """Does not think."""
    if "thinkingConfig" in asked.body.get("generationConfig", {}):
        await refuse(talk, 400, "INVALID_ARGUMENT", "Thinking is not enabled for models/thoughtless")
    else:
        await echo(asked, talk)


async def vectors(asked: Asked, talk: Talk) -> None:
    """A vector for each text: its length, its place, and what it is for."""
    requests = asked.body["requests"]
    found = []
    for place, one in enumerate(requests):
        text = one["content"]["parts"][0]["text"]
        size = one.get("outputDimensionality", LENGTH)
        found.append({"values": [float(len(text)), float(place), *[0.5] * (size - 2)]})
    await talk.whole(200, {"embeddings": found, "usageMetadata": {"promptTokenCount": 2 * len(requests)}})


async def too_few(asked: Asked, talk: Talk) -> None:
    """A vector too few."""
    await talk.whole(200, {"embeddings": [{"values": [1.0, 2.0]}] * (len(asked.body["requests"]) - 1)})


async def no_task(asked: Asked, talk: Talk) -> None:
    """Wants to be told in words what the vectors are for."""
    if "taskType" in asked.body["requests"][0]:
        await refuse(talk, 400, "INVALID_ARGUMENT", "task_type is not supported by this model")
    else:
        await vectors(asked, talk)


async def uneven(asked: Asked, talk: Talk) -> None:
    """Vectors of different lengths."""
    values = [[1.0] * (place + 1) for place in range(len(asked.body["requests"]))]
    await talk.whole(200, {"embeddings": [{"values": one} for one in values]})


BEHAVIOURS: Mapping[str, Behaviour] = {
    one.__name__.replace("_", "-"): one
    for one in (
        echo, slow, bytewise, odd, reasoning, thinks_and_calls, tools, parallel, limit, withheld, recited, new_reason,
        blocked, bad_call, no_usage, html, wrong_type, busy, spent, overloaded, broken, timed_out, bad_key, gossip,
        too_long, late, late_and_vague, cut_head, cut, cut_character, unfinished, garbage, listed, misshapen, silent,
        mute, stalls, continues, strict, signed, thoughtless,
    )
}  # fmt: skip

EMBEDDINGS: Mapping[str, Behaviour] = {
    one.__name__.replace("_", "-"): one
    for one in (vectors, too_few, uneven, no_task, busy, bad_key, broken, html, gossip, mute)
} | {"gemini-embedding-2": vectors}
"""The models that turn texts into vectors."""
