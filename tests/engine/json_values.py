"""JSON values and schemas as hypothesis draws them, up to three levels deep."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hypothesis import strategies as st

from engine.canvas import JsonSchema
from engine.errors import FlowError
from engine.values import BlobRef, Json

P = ParamSpec("P")
T = TypeVar("T")

BLOB = BlobRef(sha="ab" * 32, size=300_000, kind="array", length=1_000)
KEYS = st.sampled_from(["a", "b", "中", "", "a.b", "$blob"])


def outcome(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | FlowError:
    """What the call gives, be it a value or a finding; any other error is a mistake."""
    try:
        return call(*args, **kwargs)
    except FlowError as finding:
        return finding


def _containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)


TEXTS = st.text('ab中é😀 "\\{}[]0.\n', max_size=4) | st.sampled_from(
    ["", "true", "0", "-12", "3.5", "1e3", "{}", "[]", '{"a": 1}', "[1, null]", "中文", "{{a}}", "null", "1_000", "٣"]
)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS: st.SearchStrategy[Json] = st.sampled_from([None, True, False, 0, 1, -0.0, 1.0]) | NUMBERS | TEXTS
FLAT = SCALARS | _containers(SCALARS)
VALUES = FLAT | _containers(FLAT)

SCALAR_SCHEMAS: st.SearchStrategy[JsonSchema] = st.sampled_from(
    [
        {},
        {"type": "string"},
        {"type": "string", "enum": ["true", "", "中文"]},
        {"type": "integer"},
        {"type": "integer", "default": 7},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "object"},
        {"type": "array"},
        {"enum": [1, None]},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ]
)


def _nested(inner: st.SearchStrategy[JsonSchema]) -> st.SearchStrategy[JsonSchema]:
    members = st.dictionaries(KEYS, inner, max_size=3)
    records = st.builds(lambda properties: {"type": "object", "properties": properties}, members)
    return records | st.builds(lambda items: {"type": "array", "items": items}, inner)


FLAT_SCHEMAS = SCALAR_SCHEMAS | _nested(SCALAR_SCHEMAS)
SCHEMAS = FLAT_SCHEMAS | _nested(FLAT_SCHEMAS)
