"""How values become Temporal payloads and back: plain JSON, in which a reference to a big value keeps its type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    BinaryProtoPayloadConverter,
    CompositePayloadConverter,
    EncodingPayloadConverter,
    JSONProtoPayloadConverter,
)

from engine.values import BLOB_KEY, BlobRef

# A key of somebody's object that reads like ours gets one more `$` at its end on the way, and loses it there.
_MARK: Final = '"' + BLOB_KEY
_OURS: Final = re.compile(re.escape(BLOB_KEY) + r"\$*")


class _JsonConverter(EncodingPayloadConverter):
    """The standard library's JSON: unlike faster ones it keeps integers of any size exact."""

    @property
    def encoding(self) -> str:
        return "json/plain"

    def to_payload(self, value: Any) -> Payload:
        return Payload(metadata={"encoding": b"json/plain"}, data=write_json(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        return read_json(payload.data)


class JsonPayloadConverter(CompositePayloadConverter):
    """Temporal's own converters, with our JSON."""

    def __init__(self) -> None:
        super().__init__(
            BinaryNullPayloadConverter(),
            BinaryPlainPayloadConverter(),
            JSONProtoPayloadConverter(),
            BinaryProtoPayloadConverter(),
            _JsonConverter(),
        )


def write_json(value: Any) -> bytes:
    """UTF-8 JSON. A number JSON does not know (NaN, infinity) is a ValueError, what is no JSON a TypeError.

    Only a `BlobRef` is written as a reference: an object that looks like one comes back as the object it is.
    """
    references = 0

    def count(found: object) -> Any:
        nonlocal references
        references += 1
        return _to_wire(found)

    text = _dump(value, count)
    # Every reference has the mark once; only where there are more of them a walk finds out whose they are.
    return _encode(text if text.count(_MARK) == references else _dump(_escaped(value), _to_wire))


def write_plain_json(value: Any) -> bytes:
    """The same for what is no message: nothing is escaped, and no `BlobRef` comes back from it."""
    return _encode(_dump(value, _to_wire))


def read_json(data: bytes) -> Any:
    """The value. The search for the mark saves most values from a Python call for each of their objects."""
    if _MARK.encode() in data:
        return json.loads(data, object_hook=_from_wire)
    return json.loads(data)


def _dump(value: Any, to_wire: Callable[[object], Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=to_wire)


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which a node may have cut out of a text: escaped it is valid JSON.
        return json.dumps(json.loads(text), allow_nan=False, separators=(",", ":")).encode()


def _escaped(value: Any) -> Any:
    """The value with references in their JSON form, and every key that could be taken for theirs made longer."""
    match value:
        case BlobRef():
            return value.to_wire()
        case dict():
            return {_longer(key): _escaped(member) for key, member in value.items()}
        case list() | tuple():
            return [_escaped(item) for item in value]
        case _:
            return value


def _longer(key: Any) -> Any:
    return f"{key}$" if isinstance(key, str) and _OURS.fullmatch(key) else key


def _to_wire(value: object) -> Any:
    if isinstance(value, BlobRef):
        return value.to_wire()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _from_wire(value: dict[str, Any]) -> Any:
    if BLOB_KEY in value and (ref := BlobRef.from_wire(value)) is not None:
        return ref
    if any(_OURS.fullmatch(key) for key in value):
        return {key[:-1] if _OURS.fullmatch(key) and key != BLOB_KEY else key: one for key, one in value.items()}
    return value
