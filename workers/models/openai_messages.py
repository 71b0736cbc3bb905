"""A question to a model as OpenAI's protocol writes it down, in the words of one dialect."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from engine.json_text import write_json
from nodes.chat import ChatMessage, ChatRequest, MediaPart, ModelFailed, TextPart
from workers.models.media import mime_type_of
from workers.models.openai_dialect import Dialect, options_in
from workers.models.provider import ModelConnection

SOUNDS: Final[Mapping[str, str]] = {"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "mp4": "m4a"}
"""Kinds of sound whose format has another name than their MIME type."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_KINDS: Final = {"image": "pictures", "audio": "sound", "video": "films", "file": "files"}


def body_of(connection: ModelConnection, dialect: Dialect, request: ChatRequest) -> dict[str, Any]:
    """The whole body. Raises `ModelFailed` (unsupported) for media that there are no words for."""
    body: dict[str, Any] = {
        "model": connection.option("deployment") or connection.vendor_model,
        "messages": list(_messages(connection, dialect, request.messages)),
        "stream": True,
        "stream_options": {"include_usage": True},
        **options_in(dialect, connection.wishes(request.options)),
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": one.name, "description": one.description, "parameters": dict(one.parameters)},
            }
            for one in request.tools
        ]
        if request.tool_choice != "auto":
            named = {"type": "function", "function": {"name": request.tool_choice}}
            body["tool_choice"] = request.tool_choice if request.tool_choice in ("none", "required") else named
    if request.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "output", "schema": dict(request.json_schema)},
        }
    elif request.json_object:
        body["response_format"] = {"type": "json_object"}
    return body


def _messages(
    connection: ModelConnection, dialect: Dialect, messages: tuple[ChatMessage, ...]
) -> Iterator[dict[str, Any]]:
    last_question = max((place for place, one in enumerate(messages) if one.role == "user"), default=-1)
    shown: list[MediaPart] = []
    for place, message in enumerate(messages):
        if shown and message.role != "tool":
            yield _exhibits(connection, dialect, shown)
            shown = []
        match message.role:
            case "assistant":
                # A provider that wants its reasoning back wants it within one turn, and refuses that of turns before.
                yield _answer(message, dialect.returns_reasoning if place > last_question else "")
            case "tool":
                yield {"role": "tool", "tool_call_id": message.tool_call_id, "content": _whole(message.text)}
                # The answer of a tool is text alone in this protocol: its pictures follow as the user's.
                shown += _media(message)
            case _:
                yield {"role": message.role, "content": _content(connection, dialect, message)}
    if shown:
        yield _exhibits(connection, dialect, shown)


def _answer(message: ChatMessage, reasoning: str) -> dict[str, Any]:
    made: dict[str, Any] = {"role": "assistant", "content": _whole(message.text)}
    if message.tool_calls:
        made["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": write_json(dict(call.arguments))},
            }
            for call in message.tool_calls
        ]
        if reasoning and message.reasoning:
            made[reasoning] = message.reasoning
    return made


def _exhibits(connection: ModelConnection, dialect: Dialect, shown: list[MediaPart]) -> dict[str, Any]:
    said = TextPart("What the tools gave besides text:")
    return {"role": "user", "content": _parts(connection, dialect, (said, *shown))}


def _media(message: ChatMessage) -> list[MediaPart]:
    return [] if isinstance(message.content, str) else [one for one in message.content if isinstance(one, MediaPart)]


def _content(connection: ModelConnection, dialect: Dialect, message: ChatMessage) -> str | list[dict[str, Any]]:
    """A text as a text, which every server takes; parts where there is more than that."""
    if isinstance(message.content, str) or not _media(message):
        return _whole(message.text)
    return _parts(connection, dialect, message.content)


def _parts(
    connection: ModelConnection, dialect: Dialect, content: Iterable[TextPart | MediaPart]
) -> list[dict[str, Any]]:
    return [
        {"type": "text", "text": _whole(part.text)}
        if isinstance(part, TextPart)
        else _medium(connection, dialect, part)
        for part in content
    ]


def _whole(text: str) -> str:
    """The text, half characters in it replaced: they cannot be sent."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _medium(connection: ModelConnection, dialect: Dialect, part: MediaPart) -> dict[str, Any]:
    if part.kind not in dialect.media:
        raise _unsupported(connection, f"takes no {_KINDS[part.kind]}")
    match part.kind:
        case "image":
            return {"type": "image_url", "image_url": {"url": _url(part)}}
        case "video":
            return {"type": "video_url", "video_url": {"url": _url(part)}}
        case "audio" if dialect.sound_as_uri:
            return {"type": "input_audio", "input_audio": {"data": _url(part), "format": _format(part)}}
        case "audio":
            if part.data is None:
                raise _unsupported(connection, "takes sound as its bytes only, not as a URL")
            return {"type": "input_audio", "input_audio": {"data": _base64(part.data), "format": _format(part)}}
        case "file":
            if part.data is None:
                raise _unsupported(connection, "takes files as their bytes only, not as a URL")
            return {"type": "file", "file": {"filename": part.name or "file", "file_data": _url(part)}}


def _url(part: MediaPart) -> str:
    if part.data is None:
        return part.url
    return f"data:{mime_type_of(part)};base64,{_base64(part.data)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _format(part: MediaPart) -> str:
    kind = mime_type_of(part).rpartition("/")[2]
    return SOUNDS.get(kind, kind)


def _unsupported(connection: ModelConnection, what: str) -> ModelFailed:
    return ModelFailed(
        f"The model {connection.vendor_model} {what}, as far as its provider's protocol says.",
        reason="unsupported",
        model=connection.vendor_model,
    )
