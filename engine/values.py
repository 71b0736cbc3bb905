"""The values that flow through a run: JSON, and references to values too big to carry along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from pydantic import JsonValue

Json = JsonValue

BLOB_KEY: Final = "$blob"
_PARTS: Final = 6
"""sha, size, kind, length, path and preview: an object with other keys merely looks like a reference."""


_DIGITS: Final = 18
"""A longer number is no index of anything; beyond some thousand digits Python would refuse to read it."""


class Missing(Enum):
    """The mark for "no value": a skipped source or an absent key. It never leaves the engine; null is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Stands for a JSON value kept in the blob store under its content hash.

    `sha` names the stored bytes (UTF-8 JSON of the whole value) within the run's organisation, `path` leads to the part
    meant. `kind` and `length` (items, keys or characters) describe that stored whole, so that a loop can count it
    unread.
    """

    sha: str
    size: int
    kind: Literal["string", "array", "object"]
    length: int
    path: tuple[str | int, ...] = ()
    preview: str = ""

    def at(self, *path: str | int) -> BlobRef:
        """The same blob, one step deeper. Whether the path exists is known when the value is loaded."""
        return BlobRef(self.sha, self.size, self.kind, self.length, (*self.path, *path))

    def to_wire(self) -> dict[str, Json]:
        """The JSON form, as it stands in Temporal payloads and in records."""
        return {
            BLOB_KEY: {
                "sha": self.sha,
                "size": self.size,
                "kind": self.kind,
                "length": self.length,
                "path": list(self.path),
                "preview": self.preview,
            }
        }

    @classmethod
    def from_wire(cls, value: Mapping[str, Json]) -> BlobRef | None:
        """Read the JSON form; None when the object merely looks like one.

        Messages between the parts of a run escape what others wrote, so none comes from there. In a record one may, and
        gives nothing away: blobs are shown to one organisation, by the hash of their content.
        """
        body = value.get(BLOB_KEY)
        if len(value) != 1 or not isinstance(body, dict):
            return None
        path = body.get("path")
        match body.get("sha"), body.get("size"), body.get("kind"), body.get("length"), body.get("preview"):
            case str(sha), int(size), "string" | "array" | "object" as kind, int(length), str(preview):
                if len(body) == _PARTS and isinstance(path, list):
                    parts = tuple(part for part in path if isinstance(part, str | int))
                    return cls(sha, size, kind, length, parts, preview) if len(parts) == len(path) else None
            case _:
                pass
        return None


Value = Json | BlobRef
"""A value at run time. A `BlobRef` may also sit anywhere inside a list or an object; the type checker is not told."""


def has_refs(value: object) -> bool:
    """Whether a `BlobRef` sits anywhere in the value."""
    if isinstance(value, BlobRef):
        return True
    if isinstance(value, Mapping):
        return any(has_refs(item) for item in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(has_refs(item) for item in value)
    return False


def select(value: object, path: Sequence[str | int]) -> object:
    """Follow a path into a value; `MISSING` where it leads nowhere, and through null.

    A segment that names a key of a list's elements takes the first element (canvases depend on it). Inside a `BlobRef`
    the path is only noted down.
    """
    for position, part in enumerate(path):
        if isinstance(value, BlobRef):
            return value.at(*path[position:])
        if isinstance(value, list):
            index = part if isinstance(part, int) else int(part) if part.isdecimal() and len(part) <= _DIGITS else None
            if index is None:
                if not value:
                    return MISSING
                value = select(value[0], (part,))
            elif 0 <= index < len(value):
                value = value[index]
            else:
                return MISSING
        elif isinstance(value, dict):
            key = str(part)
            if key not in value:
                return MISSING
            value = value[key]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value
