"""How values become Temporal payloads and back: plain JSON, in which a reference to a big value keeps its type."""

from __future__ import annotations

import json
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

_MARK: Final = b'"' + BLOB_KEY.encode() + b'"'


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
    """UTF-8 JSON. A number JSON does not know (NaN, infinity) is a ValueError, what is no JSON a TypeError."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_to_wire)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which a node may have cut out of a text: escaped it is valid JSON.
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_to_wire).encode()


def read_json(data: bytes) -> Any:
    """The value. The search for the mark saves most values from a Python call for each of their objects."""
    if _MARK in data:
        return json.loads(data, object_hook=_from_wire)
    return json.loads(data)


def _to_wire(value: object) -> Any:
    if isinstance(value, BlobRef):
        return value.to_wire()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _from_wire(value: dict[str, Any]) -> Any:
    if BLOB_KEY not in value:
        return value
    ref = BlobRef.from_wire(value)
    return value if ref is None else ref
