"""Types: what Coze calls variables and block inputs, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from engine.canvas import JsonSchema
from engine.conversion import convert
from engine.errors import FlowError
from engine.findings import short
from engine.interchange.coze.fields import Fields, shown
from engine.interchange.coze.notes import Notes
from engine.interchange.coze.places import Place
from engine.values import Json

_TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "list": "array",
    "array": "array",
    "time": "string",
    "file": "string",
    "image": "string",
}
_FORMATS: Final[Mapping[int, str]] = {
    1: "file",
    2: "image",
    3: "doc",
    4: "code",
    5: "ppt",
    6: "txt",
    7: "excel",
    8: "audio",
    9: "zip",
    10: "video",
    11: "svg",
    12: "voice",
    10000: "time",
}
_BY_WORD: Final[Mapping[str, str]] = {"time": "time", "file": "file", "image": "image"}
TIME: Final = "time"
_EDITOR: Final = (
    "required",
    "type",
    "schema",
    "assistType",
    "name",
    "readOnly",
    "rawMeta",
    "id",
    "key",
    "deletable",
    "children",
)
"""Keys of a variable that only an editor reads, or that are read before."""


def is_file(schema: JsonSchema) -> bool:
    """Whether values of this type are files, named by their URLs."""
    kind = schema.get("format")
    return schema.get("type") == "string" and isinstance(kind, str) and kind != TIME


class Types:
    """Reads the types of one node."""

    def __init__(self, notes: Notes, place: Place) -> None:
        self._notes, self._place = notes, place

    def of(self, fields: Fields) -> JsonSchema:
        """The type that a variable or a block input declares. One that makes no sense is that of any value."""
        word, assist, schema = fields.get("type"), fields.get("assistType"), fields.get("schema")
        kind = _TYPES.get(word) if isinstance(word, str) else None
        if kind is None:
            said = "declares no type" if word is None else f"has the type {shown(word)}, which is none"
            self._error("unknown_type", f"It {said}; any value is taken.", fields.at("type"))
            return {}
        if kind == "array":
            return {"type": "array"} | self._items(schema, fields)
        if kind == "object":
            return {"type": "object"} | self._members(schema, fields)
        if kind == "string":
            return {"type": "string"} | self._format(str(word), assist, fields)
        return {"type": kind}

    def record(self, variables: object, path: str) -> JsonSchema:
        """The object type of a list of variables: outputs, or the members of an object."""
        properties: dict[str, Json] = {}
        required: list[Json] = []
        if variables is not None and not isinstance(variables, list):
            self._error("wrong_shape", "Variables are a list; these are none.", path)
            return {"type": "object", "properties": {}}
        for number, variable in enumerate(variables or ()):
            fields = Fields(variable, f"{path}.{number}")
            name = fields.get("name")
            if not isinstance(name, str) or not name:
                self._error("nameless", "A variable without a name is left out.", fields.path)
                continue
            if name in properties:
                self._warning("declared_twice", f'"{short(name)}" is declared twice; the last one counts.', fields.path)
            properties[name] = self._variable(fields)
            if fields.get("required") is True and name not in required:
                required.append(name)
        made: JsonSchema = {"type": "object", "properties": properties}
        if required:
            made["required"] = required
        return made

    def _variable(self, fields: Fields) -> JsonSchema:
        schema = self.of(fields)
        description, default = fields.get("description"), fields.get("defaultValue")
        if isinstance(description, str) and description:
            schema["description"] = description
        if default is not None and (value := self._default(default, schema, fields)) is not None:
            schema["default"] = value
        if fields.done:
            return schema
        fields.skip(_EDITOR)
        for key in fields.rest():
            self._warning("unknown_key", f'Nothing is known of the key "{short(key)}"; it is left out.', fields.at(key))
        return schema

    def _default(self, default: Any, schema: JsonSchema, fields: Fields) -> Json:
        if default == "" and schema.get("type") != "string":
            return None
        try:
            made, problems = convert(default, schema, path="The default")
        except FlowError as error:
            made, problems = None, [error.message]
        if problems:
            message = f"{problems[0]} The default is left out."
            self._error("default_type", message, fields.at("defaultValue"))
            return None
        return cast("Json", made)

    def _items(self, schema: object, fields: Fields) -> JsonSchema:
        if schema is None or schema == [] or schema == {}:
            return {}
        if not isinstance(schema, dict):
            self._error("wrong_shape", "The element type of a list is a variable.", fields.at("schema"))
            return {}
        return {"items": self._variable(Fields(schema, fields.at("schema")))}

    def _members(self, schema: object, fields: Fields) -> JsonSchema:
        if schema is None or schema == [] or schema == {}:
            return {}
        if isinstance(schema, list) and any(isinstance(one, dict) and "input" in one for one in schema):
            return self._parameters(schema, fields.at("schema"))
        made = self.record(schema, fields.at("schema"))
        return {key: value for key, value in made.items() if key != "type"}

    def _parameters(self, schema: list[Any], path: str) -> JsonSchema:
        """The members of an object that is put together of expressions: each with its block input."""
        properties: dict[str, Json] = {}
        for number, one in enumerate(schema):
            fields = Fields(one, f"{path}.{number}")
            name = fields.get("name")
            if isinstance(name, str) and name:
                properties[name] = self.of(fields.inner("input") if "input" in fields else fields)
        return {"properties": properties} if properties else {}

    def _format(self, word: str, assist: object, fields: Fields) -> JsonSchema:
        if assist is None or assist == 0:
            return {"format": _BY_WORD[word]} if word in _BY_WORD else {}
        if isinstance(assist, str) and assist.isascii() and assist.isdecimal() and len(assist) < 9:
            assist = int(assist)
        found = _FORMATS.get(assist) if isinstance(assist, int) else None
        if found is None:
            message = f"There is no assistType {shown(assist)}; the value is a plain text."
            self._error("unknown_assist_type", message, fields.at("assistType"))
            return {}
        return {"format": found}

    def _error(self, code: str, message: str, field: str) -> None:
        say = self._notes.warning if self._place.isolated else self._notes.error
        say(code, message, self._place.id, field)

    def _warning(self, code: str, message: str, field: str) -> None:
        self._notes.warning(code, message, self._place.id, field)
