"""Loop and batch, and what stands only in them."""

from __future__ import annotations

from typing import Any, Final

from engine.canvas import JsonSchema
from engine.findings import short
from engine.interchange.coze.fields import Fields, shown, text_of
from engine.interchange.coze.parameters import named_values
from engine.interchange.coze.places import Place
from engine.interchange.coze.reader import UNSET, Expr, Made, Reader
from engine.interchange.coze.values import block_input

USUAL: Final = {"usual_limit": 100}
"""How many items a batch takes whose size is 0."""
_MODES: Final = ("array", "count", "infinite")
_EDITOR: Final = ("variableParametersOpen", "canvasSchema")


def loop(reader: Reader) -> Made:
    """Loop (21)."""
    mode = reader.inputs.get("loopType")
    if mode not in _MODES:
        message = f"There is no loopType {shown(mode)}; the loop walks over its lists."
        reader.error("unknown_value", message, "data.inputs.loopType")
        mode = "array"
    inputs, types = _items(reader, named_values(reader, reader.inputs, "inputParameters"))
    if mode == "count":
        inputs["count"], types["count"] = _number(reader, "loopCount")
    else:
        reader.inputs.skip(("loopCount",))
    variables = named_values(reader, reader.inputs, "variableParameters")
    if variables:
        inputs["variables"] = {"object": {name: expression for name, (expression, _) in variables.items()}}
        types["variables"] = _record({name: schema for name, (_, schema) in variables.items()})
    reader.inputs.skip(_EDITOR)
    return Made("loop", inputs, types, {"mode": mode}, results=results(reader))


def batch(reader: Reader) -> Made:
    """Batch (28)."""
    inputs, types = _items(reader, named_values(reader, reader.inputs, "inputParameters"))
    sizes(reader, reader.inputs, inputs, types)
    reader.inputs.skip(_EDITOR)
    return Made("batch", inputs, types, dict(USUAL), results=results(reader))


def sizes(reader: Reader, holder: Fields, inputs: dict[str, Expr], types: dict[str, JsonSchema]) -> None:
    """How many items a batch takes, and how many at once; as numbers, or as block inputs."""
    for name, there in (("limit", "batchSize"), ("concurrency", "concurrentSize")):
        value = holder.get(there)
        if isinstance(value, dict):
            inputs[name], types[name] = block_input(reader, value, holder.at(there))
        elif value is not None:
            inputs[name] = {"value": reader.whole(holder, there)}


def _number(reader: Reader, name: str) -> tuple[Expr, JsonSchema]:
    value = reader.inputs.get(name)
    if isinstance(value, dict):
        expression, schema = block_input(reader, value, f"data.inputs.{name}")
        return expression, schema or {"type": "integer"}
    return {"value": reader.whole(reader.inputs, name)}, {"type": "integer"}


def _items(reader: Reader, found: dict[str, tuple[Expr, JsonSchema]]) -> tuple[dict[str, Expr], dict[str, JsonSchema]]:
    """The lists that are walked together; the others are of no use to anyone."""
    lists = {name: pair for name, pair in found.items() if pair[1].get("type") == "array"}
    for name in (one for one in found if one not in lists):
        message = f'"{short(name)}" is no list, so that no turn can read it; it is left out.'
        reader.not_kept("data.inputs.inputParameters", message)
    if not lists:
        return {}, {}
    items = {"object": {name: expression for name, (expression, _) in lists.items()}}
    return {"items": items}, {"items": _record({name: schema for name, (_, schema) in lists.items()})}


def _record(schemas: dict[str, JsonSchema]) -> JsonSchema:
    properties: dict[str, Any] = dict(schemas)
    return {"type": "object", "properties": properties}


def results(reader: Reader) -> dict[str, Expr]:
    """What a composite hands on: outputs of its children, or its variables."""
    made: dict[str, Expr] = {}
    for one in reader.objects(reader.data, "outputs"):
        name = text_of(one.get("name"))
        if not name:
            reader.error("nameless", "A result without a name is left out.", one.path)
            continue
        said = one.inner("input")
        made[name] = _result(reader, said)
        reader.types.of(said)
        reader.unknown(one, ("name", "input", "type", "schema", "required", "assistType", "description", "readOnly"))
    return made


def _result(reader: Reader, said: Fields) -> Expr:
    content = said.inner("value").inner("content")
    block, name = text_of(content.get("blockID")), content.get("name")
    keys = name.split(".") if isinstance(name, str) and name else []
    place: Place = reader.place
    if block == place.source and len(keys) == 1 and keys[0] in place.variables:
        return {"ref": ["loop", keys[0]]}
    if not block:
        reader.error("empty_reference", "The result refers to nothing.", said.path)
        return dict(UNSET)
    inner = reader.around.places.by_source.get(block)
    if inner is None or inner.owner is not place:
        message = f'A result refers to a node of the body or to a variable of the loop; "{short(block)}" is neither.'
        reader.error("invalid_result", message, said.path)
        return {"ref": [inner.id if inner is not None else block, *keys]}
    return {"ref": [inner.id, *(inner.outputs.get(key, key) for key in keys[:1]), *keys[1:]]}


def break_loop(reader: Reader) -> Made:
    """Break (19)."""
    return Made("break")


def continue_loop(reader: Reader) -> Made:
    """Continue (29)."""
    return Made("continue")


def set_variable(reader: Reader) -> Made:
    """Set variable (20): each input is called like the variable of the loop that it sets."""
    made = Made("set_variable")
    owner = reader.owner
    for one in reader.objects(reader.inputs, "inputParameters"):
        target = one.inner("left")
        target = target.inner("input") if "input" in target else target
        content = target.inner("value").inner("content")
        block, name = text_of(content.get("blockID")), text_of(content.get("name"))
        right = one.get("right")
        if isinstance(right, dict) and "input" in right:
            right = right["input"]
        expression, schema = block_input(reader, right, one.at("right"))
        reader.unknown(one, ("name",))
        if not name:
            reader.error("empty_reference", "It does not say which variable it sets.", one.at("left"))
            continue
        if owner is None or block != owner.source or name not in owner.variables:
            message = f'"{short(name)}" is no variable of the loop around this node.'
            reader.error("unknown_variable", message, one.at("left"))
        made.inputs[name] = expression
        if schema:
            made.types[name] = schema
    return made
