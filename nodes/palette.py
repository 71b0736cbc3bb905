"""The palette: a node type as an editor needs it, from one entry alone."""

from __future__ import annotations

from pydantic import ValidationError

from engine.node_type import Category, NodeType, Role
from engine.schema import as_schema, properties_of, required_of, zero_of
from engine.values import Json
from nodes.schema import schema_of

CATEGORY_TITLES: dict[Category, str] = {
    Category.AI: "AI",
    Category.LOGIC: "Logic",
    Category.TEXT: "Text",
    Category.DATA: "Data",
    Category.KNOWLEDGE: "Knowledge",
    Category.CONVERSATION: "Conversation",
    Category.TOOLS: "Tools",
}


def palette_entry(node_type: NodeType) -> dict[str, Json]:
    """The entry of a node type.

    `inputs`, `settings` and `outputs` are schemas; `outputs` is null where the canvas declares the output. In a
    settings schema the format `expression` stands for an expression. `ports` are those of a new node;
    `settings_make_ports` says that others come with other settings. `data` is what a new node starts with.
    """
    settings, ports = starting_settings(node_type), starting_ports(node_type)
    return {
        "name": node_type.name,
        "title": node_type.title,
        "category": node_type.category.value,
        "category_title": CATEGORY_TITLES[node_type.category],
        "description": node_type.description,
        "inputs": dict(node_type.inputs),
        "settings": schema_of(node_type.settings) if node_type.settings is not None else None,
        "outputs": dict(node_type.outputs) if node_type.outputs is not None else None,
        "ports": list(ports),
        "settings_make_ports": callable(node_type.ports),
        "role": node_type.role.value,
        "handles_errors": node_type.handles_errors,
        "examples": [
            {"title": one.title, "inputs": dict(one.inputs), "settings": dict(one.settings), "output": one.output}
            for one in node_type.examples
        ],
        "data": _data(node_type, settings),
        "source": node_type.source,
        "version": node_type.version,
    }


def starting_settings(node_type: NodeType) -> dict[str, Json]:
    """What a new node is set to: nothing where the defaults do, otherwise what the first example shows."""
    if node_type.settings is None:
        return {}
    for candidate in ({}, *(example.settings for example in node_type.examples)):
        try:
            node_type.settings.model_validate(dict(candidate))
        except ValidationError:
            continue
        return dict(candidate)
    return {}


def starting_ports(node_type: NodeType) -> tuple[str, ...]:
    """The ports of a new node; none where its settings are the author's to choose first."""
    if node_type.settings is None or not callable(node_type.ports):
        return node_type.ports_of(None)
    try:
        return node_type.ports_of(node_type.settings.model_validate(starting_settings(node_type)))
    except ValidationError:
        return ()


def _data(node_type: NodeType, settings: dict[str, Json]) -> dict[str, Json]:
    """What a new node starts with: its title, its settings, an empty value for every input it cannot do without."""
    properties = properties_of(node_type.inputs)
    inputs: dict[str, Json] = {
        name: {"value": zero_of(as_schema(properties.get(name)))} for name in required_of(node_type.inputs)
    }
    data: dict[str, Json] = {"title": node_type.title, "inputs": inputs}
    if settings:
        data["settings"] = settings
    # With settings of its own an output would contradict them, unless both are the example's.
    as_shown = node_type.settings is None or bool(settings)
    if node_type.outputs is None and node_type.role in (Role.START, Role.PLAIN) and as_shown:
        data["outputs"] = _declaration(node_type.examples[0].output if node_type.examples else {})
    return data


def _declaration(output: Json) -> dict[str, Json]:
    """The type of an example's output, as a first declaration of it."""
    match output:
        case dict():
            return {"type": "object", "properties": {name: _declaration(value) for name, value in output.items()}}
        case list():
            return {"type": "array", "items": _declaration(output[0]) if output else {}}
        case str():
            return {"type": "string"}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case None:
            return {}
