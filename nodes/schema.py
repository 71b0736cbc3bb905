"""The JSON Schema of a pydantic model, in the subset that canvases use: no references and no unions."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, WithJsonSchema

from engine.canvas import Expression, JsonSchema

KEPT: Final = ("type", "description", "default", "enum", "format")
FREE_OBJECT: Final[JsonSchema] = {"type": "object", "properties": {}, "additionalProperties": True}
"""An object with names of the author's own."""
NO_MEMBERS: Final[JsonSchema] = {"type": "object", "properties": {}, "additionalProperties": False}

ExpressionField = Annotated[Expression, WithJsonSchema({"format": "expression"})]
"""An expression inside a node's settings. Expressions hold expressions: the subset can only name them, by a format."""


def schema_of(model: type[BaseModel]) -> JsonSchema:
    """The schema of a model. Raises `TypeError` for a model that contains itself: the subset has no references."""
    return deepcopy(_schema_of(model))


@cache
def _schema_of(model: type[BaseModel]) -> JsonSchema:
    # Kept, because it takes milliseconds and never changes.
    whole = model.model_json_schema()
    definitions = cast("Mapping[str, Mapping[str, Any]]", whole.get("$defs", {}))
    schema = _Subset(definitions, model.__qualname__).of(whole, ())
    schema.setdefault("properties", {})
    schema.setdefault("additionalProperties", False)
    return schema


class _Subset:
    """Translates one model's schema, its definitions at hand."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]], model: str) -> None:
        self._definitions = definitions
        self._model = model

    def of(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> JsonSchema:
        """The same type in the subset; `inside` names the definitions on the way here."""
        if (reference := schema.get("$ref")) is not None:
            name = str(reference).removeprefix("#/$defs/")
            if name in inside:
                raise TypeError(f"{self._model} contains {name} within itself: canvas schemas have no references.")
            return self.of(self._definitions[name], (*inside, name)) | _kept(schema)
        if (choices := schema.get("anyOf") or schema.get("oneOf")) is not None:
            return self._any_of(choices, inside) | _kept(schema)
        made = _kept(schema)
        if "const" in schema:
            made["enum"] = [schema["const"]]
        if (properties := schema.get("properties")) is not None:
            made["properties"] = {name: self.of(one, inside) for name, one in properties.items()}
        if required := schema.get("required"):
            made["required"] = list(required)
        if (items := schema.get("items")) is not None:
            made["items"] = self.of(items, inside)
        match schema.get("additionalProperties"):
            case bool() as allowed:
                made["additionalProperties"] = allowed
            case dict() as members:
                made["additionalProperties"] = self.of(cast("Mapping[str, Any]", members), inside) or True
            case _:
                pass
        return made

    def _any_of(self, choices: list[Mapping[str, Any]], inside: tuple[str, ...]) -> JsonSchema:
        """Optional is the absence of `required`, so null goes; what then is more than one type is any type."""
        given = [self.of(one, inside) for one in choices if one.get("type") != "null"]
        if len(given) == 1:
            return given[0]
        numbers = all(one.get("type") in ("integer", "number") for one in given)
        return {"type": "number"} if numbers else {}


def _kept(schema: Mapping[str, Any]) -> JsonSchema:
    return {key: schema[key] for key in KEPT if key in schema and not (key == "default" and schema[key] is None)}
