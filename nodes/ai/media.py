"""Pictures, sounds and films that an LLM node's author has declared: shown to a model that takes them, where they are
named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.canvas import JsonSchema
from engine.schema import as_schema, items_of, properties_of
from engine.values import Json
from nodes.chat import MediaKind, MediaPart, Part, TextPart
from storage.ports.files import INNER

SETTING: Final = "media"
"""Under this name the plan says which inputs hold media: their declared types."""
SORTS: Final[Mapping[str, MediaKind]] = {
    "image": "image",
    "svg": "image",
    "audio": "audio",
    "voice": "audio",
    "video": "video",
}
"""What a declared format is before a model."""
CAPABILITY: Final[Mapping[MediaKind, str]] = {"image": "images", "audio": "audio", "video": "video", "file": "files"}
_PLACES: Final = ("https://", "http://", "data:", INNER)


def holds_media(schema: JsonSchema) -> bool:
    """Whether a type is that of media, or has such in it."""
    if schema.get("type") == "string":
        return schema.get("format") in SORTS
    members = (as_schema(member) for member in properties_of(schema).values())
    return any(holds_media(member) for member in (items_of(schema), *members) if member)


def declared_media(values: Mapping[str, Json], types: Mapping[str, JsonSchema]) -> dict[str, MediaKind]:
    """The URLs among some values that are declared to lead to media, and to which."""
    return {url: kind for name, schema in types.items() for url, kind in _found(values.get(name), schema)}


def _found(value: Json, schema: JsonSchema) -> Iterator[tuple[str, MediaKind]]:
    match value:
        case str() if value.lower().startswith(_PLACES):
            kind = SORTS.get(str(schema.get("format")))
            if kind is not None:
                yield value, kind
        case list():
            for item in value:
                yield from _found(item, items_of(schema))
        case dict():
            for name, member in properties_of(schema).items():
                yield from _found(value.get(name), as_schema(member))
        case _:
            return


def split_media(text: str, media: Mapping[str, MediaKind], takes: frozenset[str]) -> list[Part]:
    """A rendered prompt as parts: its text, and the media that it names and the model takes, each in its place.

    What the model does not take stays text, and so does a URL between quotes: it is a part of some JSON.
    """
    known = [url for url, kind in media.items() if CAPABILITY[kind] in takes]
    if not known:
        return [TextPart(text)]
    # The longest first: a URL may begin as another one does.
    pattern = "|".join(re.escape(url) for url in sorted(known, key=len, reverse=True))
    parts: list[Part] = []
    end = 0
    for match in re.finditer(pattern, text):
        if text[match.start() - 1 : match.start()] == '"' and text[match.end() : match.end() + 1] == '"':
            continue
        if before := text[end : match.start()]:
            parts.append(TextPart(before))
        parts.append(MediaPart(media[match[0]], url=match[0]))
        end = match.end()
    if rest := text[end:]:
        parts.append(TextPart(rest))
    return parts or [TextPart(text)]
