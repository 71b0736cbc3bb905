"""What a tool answers, made to fit what its document says: nothing more than that, and every value of its type."""

from __future__ import annotations

from typing import cast

from engine.canvas import JsonSchema
from engine.conversion import convert
from engine.openapi.tool import HIDDEN
from engine.schema import as_schema, items_of, properties_of
from engine.values import Json


def trimmed(answer: dict[str, Json], result: JsonSchema | None) -> tuple[dict[str, Json], list[str]]:
    """The answer without what the document does not name, and a sentence for each value that had another type.

    Such a value becomes the default of its type if there is one, else null; a list becomes empty. Where the document
    says nothing of an object's members all are kept, as they are where it allows for others.
    """
    if result is None:
        return answer, []
    fitting, warnings = convert(answer, {**result, "type": "object"})
    made = _trimmed(cast("Json", fitting), {**result, "type": "object"})
    return made if isinstance(made, dict) else {}, warnings


def _trimmed(value: Json, type_: JsonSchema) -> Json:
    if value is None:
        return type_.get("default")
    if isinstance(value, list):
        items = items_of(type_)
        return [_trimmed(one, items) for one in value] if items else value
    if not isinstance(value, dict):
        return value
    properties = {name: as_schema(one) for name, one in properties_of(type_).items()}
    others = type_.get("additionalProperties")
    open_ = not properties or others is True or isinstance(others, dict)
    made: dict[str, Json] = {}
    for name, one in value.items():
        if (member := properties.get(name)) is not None:
            if not member.get(HIDDEN):
                made[name] = _trimmed(one, member)
        elif open_:
            made[name] = one
    return made
