"""A question to a chat model in the words of Anthropic's messages protocol."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.ai.reply import json_instruction
from nodes.chat import ChatMessage, ChatOptions, ChatRequest, MediaPart, ModelFailed, Part, TextPart
from workers.models.habits import Habits
from workers.models.media import is_text, mime_type_of
from workers.models.provider import ModelConnection

STATE: Final = "anthropic"
"""Under this name an answer's `provider_state` holds its blocks, and the model that signed them."""
MAX_TOKENS: Final = 4096
"""The protocol wants a limit; this one where neither the request nor the model's row has any."""
LEAST_BUDGET: Final = 1024
PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
ANY_OBJECT: Final = "Answer with one JSON object and nothing else: no explanation, no code fence."
OPENING: Final = "…"
"""Said by the user where a conversation begins with the assistant, which the protocol does not allow."""
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    # The newest models have none of the three; some take one of the last two, but not both.
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "temperature": ("temperature",),
    "json_schema": ("output_config", "output_format", "json_schema", "structured output", "schema"),
    "display": ("thinking.display", "thinking.enabled.display", "thinking.adaptive.display", "display"),
    # Older models count their thinking, newer ones decide on it; some of either kind know the other's word as well.
    "budget": ("budget_tokens", "thinking.type.enabled", "'enabled'", '"enabled"'),
    "adaptive": ("adaptive",),
    "thinking": ("thinking",),
}
"""What may be refused, and how refusals name it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it is sent, and what of it could be left out."""

    body: Mapping[str, Any]
    """What the SDK takes as arguments."""
    further: Mapping[str, Any]
    """What older models take and the SDK does not know any more."""
    extras: frozenset[str]


def asking(
    connection: ModelConnection, request: ChatRequest, habits: Habits, schema: Mapping[str, Any] | None
) -> Asking:
    """The request in the protocol's form, without what the model has refused before.

    `schema` is the request's, as the SDK makes it fit for being held to; None where it cannot be.
    """
    wishes = connection.wishes(request.options)
    extras: set[str] = set()
    system = [message.text for message in request.messages if message.role == "system" and message.text.strip()]
    body: dict[str, Any] = {"model": connection.vendor_model, "max_tokens": wishes.max_tokens or MAX_TOKENS}
    forced = bool(request.tools) and request.tool_choice not in ("auto", "none")
    if (thinking := _thinking(wishes, habits, extras, forced)) is not None:
        body["thinking"] = thinking
        if (budget := thinking.get("budget_tokens", 0)) >= body["max_tokens"]:
            # The limit counts the thinking too: what was meant for the answer comes on top.
            body["max_tokens"] += budget
    if wishes.stop:
        body["stop_sequences"] = [text for text in wishes.stop if text.strip()]
    if schema is not None and habits.takes("json_schema"):
        extras.add("json_schema")
        body["output_config"] = {"format": {"type": "json_schema", "schema": dict(schema)}}
    elif request.json_schema is not None:
        system.append(json_instruction(request.json_schema))
    elif request.json_object:
        system.append(ANY_OBJECT)
    if request.tools:
        body["tools"] = [
            {
                "name": tool.name,
                **({"description": tool.description} if tool.description else {}),
                "input_schema": {"type": "object", **tool.parameters},
            }
            for tool in request.tools
        ]
        if request.tool_choice != "auto":
            body["tool_choice"] = _choice(request.tool_choice)
    messages = list(_turns(connection, request.messages))
    if not messages and system:
        # All was said to the system: somebody must ask.
        messages = [{"role": "user", "content": [{"type": "text", "text": system.pop()}]}]
    if system:
        body["system"] = "\n\n".join(system)
    body["messages"] = messages
    further = _sampling(wishes, habits) if thinking is None or thinking["type"] == "disabled" else {}
    return Asking(body, further, frozenset(extras | further.keys()))


def _sampling(wishes: ChatOptions, habits: Habits) -> dict[str, Any]:
    given = {"temperature": wishes.temperature, "top_p": wishes.top_p, "top_k": wishes.top_k}
    return {name: value for name, value in given.items() if value is not None and habits.takes(name)}


def _thinking(wishes: ChatOptions, habits: Habits, extras: set[str], forced: bool) -> dict[str, Any] | None:
    # A model that must call a tool may not think first; the call is what was asked for.
    if wishes.thinking is None or forced or not habits.takes("thinking"):
        return None
    extras.add("thinking")
    if wishes.thinking == "disabled":
        return {"type": "disabled"}
    counted = wishes.thinking == "enabled" and wishes.thinking_tokens is not None
    kind = "budget" if counted else "adaptive"
    if not habits.takes(kind):
        kind = "adaptive" if kind == "budget" else "budget"
        if not habits.takes(kind):
            return None
    extras.add(kind)
    shown: dict[str, Any] = {}
    if habits.takes("display"):
        # Left to themselves, some models tell nothing of what they thought.
        extras.add("display")
        shown = {"display": "summarized"}
    if kind == "adaptive":
        return {"type": "adaptive", **shown}
    return {"type": "enabled", "budget_tokens": max(LEAST_BUDGET, wishes.thinking_tokens or LEAST_BUDGET), **shown}


def _choice(choice: str) -> dict[str, Any]:
    match choice:
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any"}
        case name:
            return {"type": "tool", "name": name}


def _turns(connection: ModelConnection, messages: Sequence[ChatMessage]) -> Iterable[dict[str, Any]]:
    """The messages by turns: those of one side, one after the other, are one."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = list(_blocks(connection, message))
        if not blocks:
            continue
        if not turns and role == "assistant":
            turns.append({"role": "user", "content": [{"type": "text", "text": OPENING}]})
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if turns and turns[-1]["role"] == "assistant" and turns[-1]["content"][-1]["type"] == "text":
        # What the model is to go on with may not end in white space.
        last = turns[-1]["content"][-1]
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


def _blocks(connection: ModelConnection, message: ChatMessage) -> Iterable[dict[str, Any]]:
    match message.role:
        case "assistant":
            return _answer(connection, message)
        case "tool":
            content = list(_parts(connection, message.content))
            result = {"type": "tool_result", "tool_use_id": message.tool_call_id}
            return [{**result, "content": content} if content else result]
        case _:
            return _parts(connection, message.content)


def _answer(connection: ModelConnection, message: ChatMessage) -> list[dict[str, Any]]:
    """What the model said, as it said it: its signed thoughts stand where they stood."""
    calls = {
        call.id: {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
    }
    said = list(_parts(connection, message.content))
    kept = _kept(connection, message)
    if (
        "".join(block["text"] for block in kept if block["type"] == "text") == message.text
        and [block["id"] for block in kept if block["type"] == "tool_use"] == list(calls)
    ):  # fmt: skip
        return [
            calls[block["id"]] if block["type"] == "tool_use" else block
            for block in kept
            if block["type"] != "text" or block["text"].strip()
        ]
    # Somebody has changed the message since: the thoughts still go first.
    thoughts = [block for block in kept if block["type"] not in ("text", "tool_use")]
    return [*thoughts, *said, *calls.values()]


def _kept(connection: ModelConnection, message: ChatMessage) -> list[dict[str, Any]]:
    """The blocks of an answer of this very model: another would not know the signatures."""
    match message.provider_state.get(STATE):
        case {"model": connection.vendor_model, "blocks": list(blocks)}:
            return [dict(block) for block in blocks if isinstance(block, dict)]
        case _:
            return []


def _parts(connection: ModelConnection, content: str | tuple[Part, ...]) -> Iterable[dict[str, Any]]:
    for part in (TextPart(content),) if isinstance(content, str) else content:
        if isinstance(part, MediaPart):
            yield _media(connection, part)
        elif part.text.strip():
            yield {"type": "text", "text": part.text}


def _media(connection: ModelConnection, part: MediaPart) -> dict[str, Any]:
    kind = mime_type_of(part)
    if part.kind == "image" or kind.startswith("image/"):
        if part.data is None:
            return {"type": "image", "source": {"type": "url", "url": part.url}}
        if kind not in PICTURES:
            raise _unsupported(connection, f"takes pictures as JPEG, PNG, GIF or WebP, but not as {kind}")
        return {"type": "image", "source": _base64(kind, part.data)}
    if part.kind != "file":
        raise _unsupported(connection, f"takes no {part.kind}")
    titled = {"title": part.name} if part.name else {}
    if kind == "application/pdf":
        source = {"type": "url", "url": part.url} if part.data is None else _base64(kind, part.data)
        return {"type": "document", "source": source, **titled}
    if part.data is not None and is_text(kind):
        text = part.data.decode(errors="replace")
        return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}, **titled}
    raise _unsupported(connection, f"takes PDF and text files, but not {kind}")


def _base64(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode("ascii")}


def _unsupported(connection: ModelConnection, what: str) -> ModelFailed:
    model = connection.vendor_model
    return ModelFailed(f"The model {model} {what}.", reason="unsupported", model=model)
