"""A question to a chat model in the words of Google's Gemini protocol, as its SDK takes them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodes.ai.reply import json_instruction
from nodes.chat import ChatMessage, ChatOptions, ChatRequest, MediaPart, Part, TextPart, ToolCall
from workers.models.habits import Habits
from workers.models.media import mime_type_of
from workers.models.provider import ModelConnection
from workers.models.schemas import holdable

STATE: Final = "gemini"
"""Under this name an answer's `provider_state` holds its parts, and the model that signed them."""
OPENING: Final = "…"
"""Said by the user where a conversation begins with the model, which the protocol does not allow."""
UNSIGNED: Final = b"skip_thought_signature_validator"
"""Stands for the signature of a call that another model has made."""
ANY_OBJECT: Final = "Answer with one JSON object and nothing else: no explanation, no code fence."
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "json_schema": ("schema", "response mime type", "mime_type", "mimetype", "json mode"),
    "json": ("response mime type", "mime_type", "mimetype", "json mode"),
    "penalties": ("penalty", "penalties"),
    "seed": ("seed",),
    "top_k": ("top_k", "topk", "top-k"),
    "level": ("thinking level", "thinking_level", "thinkinglevel"),
    "budget": ("budget", "thinking_budget", "thinkingbudget"),
    "thoughts": ("include_thoughts", "includethoughts", "thinking", "thoughts"),
    "unsigned": ("thought_signature", "thought signature", "thoughtsignature"),
}
"""What may be refused, and how refusals name it. `unsigned` is no wish, but a call without a signature."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as the SDK takes it, and what of it could be left out."""

    contents: list[dict[str, Any]]
    config: dict[str, Any]
    extras: frozenset[str]


def asking(connection: ModelConnection, request: ChatRequest, habits: Habits) -> Asking:
    """The request in the protocol's form, without what the model has refused before."""
    wishes = connection.wishes(request.options)
    extras: set[str] = set()
    system = [message.text for message in request.messages if message.role == "system" and message.text.strip()]
    config = _sampling(wishes, habits, extras)
    if (thinking := _thinking(wishes, habits, extras)) is not None:
        config["thinking_config"] = thinking
    if request.json_schema is not None and habits.takes("json_schema") and holdable(request.json_schema):
        extras.add("json_schema")
        config |= {"response_mime_type": "application/json", "response_json_schema": dict(request.json_schema)}
    elif request.json_schema is not None or request.json_object:
        system.append(ANY_OBJECT if request.json_schema is None else json_instruction(request.json_schema))
        if habits.takes("json"):
            extras.add("json")
            config["response_mime_type"] = "application/json"
    if request.tools:
        config["tools"] = [{"function_declarations": [_declaration(tool) for tool in request.tools]}]
        config["tool_config"] = {"function_calling_config": _choice(request.tool_choice)}
    contents = _turns(connection, request.messages, habits, extras)
    if not contents and system:
        # All was said to the system: somebody must ask.
        contents = [{"role": "user", "parts": [{"text": system.pop()}]}]
    if system:
        config["system_instruction"] = "\n\n".join(system)
    # The SDK would otherwise call functions by itself, were there any that it could.
    config["automatic_function_calling"] = {"disable": True}
    return Asking(contents, config, frozenset(extras))


def _sampling(wishes: ChatOptions, habits: Habits, extras: set[str]) -> dict[str, Any]:
    extra = {"top_k": "top_k", "seed": "seed", "frequency_penalty": "penalties", "presence_penalty": "penalties"}
    given: dict[str, Any] = {
        "temperature": wishes.temperature,
        "top_p": wishes.top_p,
        "top_k": wishes.top_k,
        "max_output_tokens": wishes.max_tokens,
        "frequency_penalty": wishes.frequency_penalty,
        "presence_penalty": wishes.presence_penalty,
        "stop_sequences": list(wishes.stop) or None,
        "seed": wishes.seed,
    }
    taken = {
        name: value for name, value in given.items() if value is not None and habits.takes(extra.get(name, "always"))
    }
    extras.update(extra[name] for name in taken if name in extra)
    return taken


def _thinking(wishes: ChatOptions, habits: Habits, extras: set[str]) -> dict[str, Any] | None:
    if wishes.thinking is None:
        return None
    config: dict[str, Any] = {}
    if wishes.thinking != "disabled" and habits.takes("thoughts"):
        extras.add("thoughts")
        config["include_thoughts"] = True
    budget = 0 if wishes.thinking == "disabled" else wishes.thinking_tokens
    if budget is None and wishes.thinking == "enabled":
        budget = -1  # as much as it likes; some models think only when they are told to
    if budget is not None and habits.takes("budget"):
        extras.add("budget")
        config["thinking_budget"] = budget
    elif wishes.thinking == "disabled" and habits.takes("level"):
        # A model that cannot do without may at least think little.
        extras.add("level")
        config["thinking_level"] = "LOW"
    return config or None


def _declaration(tool: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.parameters.get("properties"):
        declared["parameters_json_schema"] = {"type": "object", **tool.parameters}
    return declared


def _choice(choice: str) -> dict[str, Any]:
    match choice:
        case "auto" | "none":
            return {"mode": choice.upper()}
        case "required":
            return {"mode": "ANY"}
        case name:
            return {"mode": "ANY", "allowed_function_names": [name]}


def _turns(
    connection: ModelConnection, messages: Sequence[ChatMessage], habits: Habits, extras: set[str]
) -> list[dict[str, Any]]:
    """The messages by turns: those of one side, one after the other, are one."""
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {call.id: call.name for call in message.tool_calls}
        match message.role:
            case "system":
                continue
            case "assistant":
                role, parts = "model", _answer(connection, message, habits, extras)
            case "tool":
                role, parts = "user", list(_result(message, names))
            case _:
                role, parts = "user", list(_parts(message.content))
        if not parts:
            continue
        if not turns and role == "model":
            turns.append({"role": "user", "parts": [{"text": OPENING}]})
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": parts})
    return turns


def _result(message: ChatMessage, names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """What a tool said: its words as the output, its pictures beside them."""
    call = message.tool_call_id
    response = {"id": call, "name": names.get(call, call), "response": {"output": message.text}}
    yield {"function_response": response}
    if not isinstance(message.content, str):
        yield from _parts(tuple(part for part in message.content if isinstance(part, MediaPart)))


def _answer(
    connection: ModelConnection, message: ChatMessage, habits: Habits, extras: set[str]
) -> list[dict[str, Any]]:
    """What the model said, as it said it: each part with its signature."""
    calls = {call.id: _call(call) for call in message.tool_calls}
    kept = _kept(connection, message)
    texts = "".join(str(part["text"]) for part in kept if "text" in part and not part.get("thought"))
    if kept and texts == message.text and [part["call"] for part in kept if "call" in part] == list(calls):
        parts = [_signed(calls[part["call"]] if "call" in part else _text(part), part) for part in kept]
    else:
        parts = [*_parts(message.content), *calls.values()]
    first = next((part for part in parts if "function_call" in part), None)
    if first is not None and "thought_signature" not in first:
        # The newest models want the first call of a turn signed, and take this where it never was.
        extras.add("unsigned")
        if not habits.takes("unsigned"):
            first["thought_signature"] = UNSIGNED
    return parts


def _kept(connection: ModelConnection, message: ChatMessage) -> list[dict[str, Any]]:
    """The parts of an answer of this very model: another would not know the signatures."""
    match message.provider_state.get(STATE):
        case {"model": connection.vendor_model, "parts": list(parts)}:
            return [dict(part) for part in parts if isinstance(part, dict)]
        case _:
            return []


def _call(call: ToolCall) -> dict[str, Any]:
    return {"function_call": {"id": call.id, "name": call.name, "args": dict(call.arguments)}}


def _text(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": part.get("text", ""), **({"thought": True} if part.get("thought") else {})}


def _signed(part: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    signature = kept.get("signature")
    if not isinstance(signature, str):
        return part
    try:
        return {**part, "thought_signature": base64.b64decode(signature, validate=True)}
    except binascii.Error:
        return part


def _parts(content: str | tuple[Part, ...]) -> Iterable[dict[str, Any]]:
    for part in (TextPart(content),) if isinstance(content, str) else content:
        if isinstance(part, TextPart):
            if part.text:
                yield {"text": part.text}
        elif part.data is None:
            yield {"file_data": {"file_uri": part.url, "mime_type": mime_type_of(part)}}
        else:
            yield {"inline_data": {"data": part.data, "mime_type": mime_type_of(part)}}
