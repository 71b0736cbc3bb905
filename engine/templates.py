"""Templates: values become text, once; what a value says is never read as a template again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from engine.errors import LimitExceeded, NodeFailed
from engine.json_text import number_text, write_json
from engine.values import MISSING, BlobRef, select


@dataclass(frozen=True, slots=True)
class Filled:
    """A placeholder with its value.

    `text` stands again when the value is MISSING; nothing does when its source was `skipped`.
    """

    value: object
    text: str
    skipped: bool = False


def to_text(value: object) -> str:
    """A value as it reads in a text: strings as they are, null as nothing, numbers in digits, the rest as compact JSON.

    Raises an `EngineError` for a value by reference, which must be loaded first.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return write_json(value)


def look_up(value: object, path: Sequence[str | int]) -> object:
    """Follow a placeholder's path from its root's value; MISSING, so that its text stays, where a key is unknown.

    An index is a claim, so it fails when a list is shorter, or null or absent; on anything else it leads nowhere.
    """
    for position, part in enumerate(path):
        if isinstance(value, BlobRef):
            return value.at(*path[position:])
        if isinstance(part, int):
            value = _item(value, part, path[:position])
        else:
            value = select(value, (part,)) if value is not MISSING else MISSING
    return value


def _item(value: object, index: int, path: Sequence[str | int]) -> object:
    name = ".".join(str(part) for part in path)
    if value is None or value is MISSING:
        raise NodeFailed(
            f"{name or 'The value'} is no list but null, so that it has no item {index}.", number=777777774
        )
    if not isinstance(value, list):
        return MISSING
    items = cast("list[object]", value)
    if index >= len(items):
        raise NodeFailed(
            f"{name or 'The list'} has {len(items)} items, so that there is no item {index} (counting from 0).",
            index=index,
            length=len(items),
            number=720712014,
        )
    return items[index]


def render(parts: Iterable[str | Filled], *, limit_bytes: int) -> str:
    """The text of the parts, in one pass."""
    pieces: list[str] = []
    size = 0
    for part in parts:
        piece = part if isinstance(part, str) else filled_text(part)
        size += len(piece) if piece.isascii() else len(piece.encode("utf-8", "surrogatepass"))
        if size > limit_bytes:
            raise LimitExceeded(
                f"The text of the template is longer than {limit_bytes} bytes, which is the limit.",
                limit=limit_bytes,
                setting="MAINSPRING_RENDERED_BYTES",
            )
        pieces.append(piece)
    return "".join(pieces)


def filled_text(part: Filled) -> str:
    """What stands in the place of a placeholder."""
    if part.skipped:
        return ""
    if part.value is MISSING:
        return part.text
    return to_text(part.value)
