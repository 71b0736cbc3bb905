"""The examples of every node type hold: what the docs show is what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.conversion import convert
from engine.node_type import Example, NodeType, Role
from nodes.palette import palette_entry
from tests.nodes.context import RUN, NodeWorld
from tests.nodes.drawing import LIBRARY, Walk, alone, node

NEEDS_MORE = {"start", "end", "set_variable", "subworkflow", "unavailable"}
"""Node types that say nothing alone: tests/nodes/test_control_nodes.py runs them."""
NEEDS_MORE |= {"create_conversation", "delete_conversation", "conversation_history"}
"""And these need a conversation: tests/nodes/test_conversation_nodes.py."""
IN_AN_APPLICATION = replace(RUN, app_id="shop")


def examples() -> Iterator[Any]:
    for name, node_type in LIBRARY.types.items():
        for number, example in enumerate(node_type.examples):
            yield pytest.param(node_type, example, id=f"{name}-{number}")


def expressions(values: Any) -> dict[str, Any]:
    return {
        name: {"template": value} if isinstance(value, str) and "{{" in value else {"value": value}
        for name, value in values.items()
    }


def drawn(node_type: NodeType, example: Example) -> dict[str, Any]:
    """The example as a node of a canvas."""
    data: dict[str, Any] = {"settings": dict(example.settings)} if example.settings else {}
    if node_type.outputs is None and node_type.name == "json_from":
        data["outputs"] = {"type": "object", "properties": {"output": {"type": "object"}}}
    if node_type.outputs is None and node_type.name.startswith("database_"):
        data["outputs"] = rows_like(example.output)
    return node("n", node_type.name, expressions(example.inputs), **data)


def rows_like(output: Any) -> dict[str, Any]:
    """What a node on a user table declares: rows with the members that the example shows."""
    types = {str: "string", int: "integer", bool: "boolean"}
    row = {name: {"type": types[type(value)]} for one in output["outputList"] for name, value in one.items()}
    items = {"type": "object", "properties": row}
    rows = {"outputList": {"type": "array", "items": items}, "rowNum": {"type": "integer"}}
    return {"type": "object", "properties": rows}


def test_every_node_type_has_a_description_and_an_example() -> None:
    for node_type in LIBRARY.types.values():
        assert node_type.description.endswith((".", "`.")), node_type.name
        assert node_type.examples, node_type.name


@pytest.mark.parametrize(("node_type", "example"), list(examples()))
def test_an_example_fits_the_schemas(node_type: NodeType, example: Example) -> None:
    assert convert(dict(example.inputs), node_type.inputs) == (dict(example.inputs), [])
    allowed = node_type.inputs.get("additionalProperties") not in (None, False)
    assert allowed or example.inputs.keys() <= palette_entry(node_type)["inputs"]["properties"].keys()  # type: ignore[index, call-overload, union-attr]
    if node_type.settings is not None:
        node_type.settings.model_validate(dict(example.settings))
    if node_type.outputs is not None:
        assert convert(example.output, node_type.outputs) == (example.output, [])


@pytest.mark.parametrize(
    ("node_type", "example"),
    [one for one in examples() if one.values[0].role is Role.PLAIN and one.values[0].name not in NEEDS_MORE],
)
async def test_an_example_gives_the_output_it_shows(node_type: NodeType, example: Example) -> None:
    settings = node_type.settings.model_validate(dict(example.settings)) if node_type.settings is not None else None
    walk = Walk(alone(drawn(node_type, example), node_type.ports_of(settings)), NodeWorld(run=IN_AN_APPLICATION))
    run = asyncio.create_task(walk.run())
    opened = asyncio.create_task(walk.runtime.wait_opened.wait())
    await asyncio.wait([run, opened], return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if walk.runtime.waits:
        given: Any = example.output
        walk.runtime.answer("n", given["answer"] if node_type.name == "question" else given)
    result = await run
    assert result.output == {"out": example.output}
