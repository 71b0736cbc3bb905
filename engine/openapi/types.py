"""Types in an OpenAPI document, read into the subset of JSON Schema that canvases use: no references, no unions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.canvas import JsonSchema
from engine.openapi.findings import Findings, Unusable
from engine.openapi.references import References
from engine.openapi.tool import HIDDEN

MOST_PARTS: Final = 5_000
"""Of the types of one tool: references let a small document describe an endless one."""
MOST_IN_ALL: Final = 100_000
"""Of a whole document."""
DEEPEST: Final = 50

ASSISTED: Final = frozenset(
    {"file", "image", "doc", "ppt", "code", "excel", "zip", "video", "audio", "txt", "svg", "voice"}
)
"""`x-assist-type`: what the file at a URL is."""
_KEPT: Final = (
    "description", "default", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "pattern", "title",
)  # fmt: skip
_UNREAD: Final = ("not", "if", "patternProperties", "prefixItems", "dependentSchemas", "propertyNames", "contains")
_TYPES: Final = frozenset({"string", "integer", "number", "boolean", "object", "array"})

Direction = Literal["request", "response"]


@dataclass
class Meter:
    """Counts what was read of a whole document."""

    parts: int = 0


class Types:
    """Reads the types of one tool."""

    def __init__(
        self, references: References, findings: Findings, meter: Meter, direction: Direction = "request"
    ) -> None:
        self._references = references
        self._findings = findings
        self._meter = meter
        self._direction = direction
        self._parts = 0

    def read(self, schema: object, place: str) -> JsonSchema:
        """A type as a canvas knows it. Raises `Unusable` for references that lead nowhere."""
        return self._read(schema, place, ())

    def _read(self, schema: object, place: str, inside: tuple[str, ...], depth: int = 0) -> JsonSchema:
        self._parts += 1
        self._meter.parts += 1
        if self._parts > MOST_PARTS or self._meter.parts > MOST_IN_ALL or depth > DEEPEST:
            sentence = (
                f"The types of a tool have at most {MOST_PARTS} parts ({MOST_IN_ALL} in the whole document) and are at"
                f" most {DEEPEST} levels deep; these, with what they refer to, have more."
            )
            raise Unusable(place, "type_too_large", sentence)
        if schema is True or schema is None:
            return {}
        if not isinstance(schema, dict):
            raise Unusable(place, "not_a_type", "This must be a schema: an object.")
        if (reference := schema.get("$ref")) is not None:
            if reference in inside:
                self._findings.warn(
                    place, "type_repeats", f"{reference} contains itself: from here on anything is taken."
                )
                kind = self._references.target(reference, place).get("type")
                return {"type": kind} if kind in ("object", "array") else {}
            here = {name: value for name, value in schema.items() if name != "$ref"}
            target = self._references.target(reference, place)
            return self._read({**target, **here}, place, (*inside, str(reference)), depth + 1)
        return self._plain(schema, place, inside, depth)

    def _plain(self, schema: Mapping[str, Any], place: str, inside: tuple[str, ...], depth: int) -> JsonSchema:
        made = self._own(schema, place)
        if parts := _list(schema.get("allOf")):
            for number, part in enumerate(parts):
                made = _both(self._read(part, f"{place}.allOf.{number}", inside, depth + 1), made)
        for word in ("oneOf", "anyOf"):
            if choices := _list(schema.get(word)):
                made = _both(self._one_of(choices, f"{place}.{word}", inside, depth), made)
        if isinstance(properties := schema.get("properties"), dict):
            made = _both({"type": "object", "properties": self._members(properties, place, inside, depth)}, made)
            known = as_members(made)
            if names := [name for name in _list(schema.get("required")) if isinstance(name, str) and name in known]:
                made["required"] = [*dict.fromkeys([*_list(made.get("required")), *names])]
        if "items" in schema:
            made["items"] = self._read(schema["items"], f"{place}.items", inside, depth + 1)
            made.setdefault("type", "array")
        match schema.get("additionalProperties"):
            case bool() as allowed:
                made["additionalProperties"] = allowed
            case dict() as members:
                others = self._read(members, f"{place}.additionalProperties", inside, depth + 1)
                made["additionalProperties"] = others or True
                made.setdefault("type", "object")
            case _:
                pass
        return made

    def _own(self, schema: Mapping[str, Any], place: str) -> JsonSchema:
        """What a type says of itself, without its parts."""
        for word in _UNREAD:
            if word in schema:
                self._findings.warn(f"{place}.{word}", "not_read", f"{word} is not looked at.")
        made: JsonSchema = {
            word: value
            for word in _KEPT
            if (value := schema.get(word)) is not None and not isinstance(value, dict | list | bool)
        }
        if (default := schema.get("default")) is not None:
            made["default"] = default
        if kind := self._type(schema.get("type"), place):
            made["type"] = kind
        if "const" in schema:
            made["enum"] = [schema["const"]]
        elif choices := [one for one in _list(schema.get("enum")) if one is not None]:
            made["enum"] = choices
        if (assisted := schema.get("x-assist-type")) is not None:
            if isinstance(assisted, str) and assisted in ASSISTED:
                made |= {"type": "string", "format": assisted}
            else:
                self._findings.warn(place, "unknown_assist_type", f"There is no x-assist-type {str(assisted)[:50]!r}.")
        if "x-variable-ref" in schema:
            self._findings.warn(
                place, "variable_not_read", "x-variable-ref is not followed: give the argument instead."
            )
        if made.get("type") == "file":
            made |= {"type": "string", "format": "file"}
        if schema.get("x-global-disable") is True or schema.get("x-local-disable") is True:
            made[HIDDEN] = True
        return made

    def _type(self, kind: object, place: str) -> str:
        kinds = [str(one) for one in (kind if isinstance(kind, list) else [kind]) if one not in ("null", None)]
        if len(kinds) > 1:
            if set(kinds) == {"integer", "number"}:
                return "number"
            self._findings.warn(place, "union", f"It may be {' or '.join(kinds)[:200]}: anything is taken.")
            return ""
        if kinds and kinds[0] not in _TYPES | {"file"}:
            raise Unusable(place, "unknown_type", f"There is no type {kinds[0][:50]!r}.")
        return kinds[0] if kinds else ""

    def _one_of(self, choices: list[Any], place: str, inside: tuple[str, ...], depth: int) -> JsonSchema:
        """Null goes: optional is the absence of `required`. What is more than one type then is any type."""
        given = [
            self._read(one, f"{place}.{number}", inside, depth + 1)
            for number, one in enumerate(choices)
            if not (isinstance(one, dict) and one.get("type") == "null")
        ]
        if len(given) == 1:
            return given[0]
        kinds = {str(one.get("type", "")) for one in given}
        self._findings.warn(place, "union", "It may be one of several: what they have in common is its type.")
        if kinds == {"object"}:
            members: dict[str, Any] = {}
            for one in reversed(given):
                members |= as_members(one)
            return {"type": "object", "properties": members, "additionalProperties": True}
        if kinds <= {"integer", "number"}:
            return {"type": "number"}
        return {"type": kinds.pop()} if len(kinds) == 1 and "" not in kinds else {}

    def _members(
        self, properties: Mapping[str, Any], place: str, inside: tuple[str, ...], depth: int
    ) -> dict[str, Any]:
        unwanted = "readOnly" if self._direction == "request" else "writeOnly"
        return {
            str(name): self._read(one, f"{place}.properties.{name}", inside, depth + 1)
            for name, one in properties.items()
            if not (isinstance(one, dict) and one.get(unwanted) is True)
        }


def as_members(schema: JsonSchema) -> dict[str, Any]:
    """The declared members of a type by name."""
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _both(first: JsonSchema, second: JsonSchema) -> JsonSchema:
    """What fits both types; where they say different things, the second is right."""
    made = {**first, **second}
    if members := {**as_members(first), **as_members(second)}:
        made["properties"] = members
    if required := [*dict.fromkeys([*_list(first.get("required")), *_list(second.get("required"))])]:
        made["required"] = required
    return made


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
