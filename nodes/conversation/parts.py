"""What a message consists of: its plain text, or its parts as a model takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from engine.errors import FlowError
from engine.json_text import read_json
from nodes.chat import MediaKind, MediaPart, Part, TextPart
from storage.ports.conversations import ContentType, Message

_KINDS: Final[Mapping[str, MediaKind]] = {"image": "image", "audio": "audio", "video": "video", "file": "file"}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part as it is kept: a text, or the URL of something."""

    kind: str
    text: str = ""
    url: str = ""


def flat_text(content: str, content_type: ContentType) -> str:
    """A message as one text: its texts, then the URLs of everything else, joined by commas."""
    if content_type == "text":
        return content
    pieces = [*_pieces(content)]
    return ",".join([piece.text for piece in pieces if piece.text] + [piece.url for piece in pieces if piece.url])


def model_content(message: Message) -> str | tuple[Part, ...]:
    """A message as a model takes it: a text, or its parts with media by their URLs."""
    if message.content_type == "text":
        return message.content
    parts: list[Part] = []
    for piece in _pieces(message.content):
        if piece.text:
            parts.append(TextPart(piece.text))
        if piece.url:
            parts.append(MediaPart(_KINDS.get(piece.kind, "file"), url=piece.url))
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return tuple(parts)


def _pieces(content: str) -> Iterator[_Piece]:
    """What can be read of it. Content that is no list of parts, which may come from anywhere, is a text."""
    try:
        found = read_json(content)
    except FlowError:
        found = None
    if not isinstance(found, list):
        yield _Piece("text", text=content)
        return
    for part in found:
        if isinstance(part, dict):
            kind, text, url = (part.get(name) for name in ("type", "text", "file_url"))
            yield _Piece(
                kind if isinstance(kind, str) else "text",
                text=text if isinstance(text, str) else "",
                url=url if isinstance(url, str) else "",
            )
