"""Pinned data: in a test run a node gives an output that somebody wrote down, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from engine.canvas import Canvas, JsonSchema, Node
from engine.conversion import convert
from engine.errors import InvalidInput
from engine.findings import short
from engine.limits import Limits
from engine.node_type import NodeLibrary, NodeType, Role
from engine.plan import Give

NOT_PINNED = (Role.START, Role.END, Role.LEAVE)
"""A start gives what the run is given, an end is what the run gives, and what leaves a loop gives nothing."""


class Pin(BaseModel):
    """What a node gives instead of doing anything, and the port that it leaves by where it has several."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    output: dict[str, JsonValue]
    port: str | None = None


Pins = Mapping[str, Pin]
"""By the id of the node, wherever in the canvas it stands; within a composite the same in every turn."""


def check_pins(canvas: Canvas, library: NodeLibrary, pins: Pins, limits: Limits) -> None:
    """Refuse pins that cannot be. Raises `InvalidInput`."""
    known = {node.id: node for top in canvas.nodes for node in (top, *top.blocks)}
    for name, pin in pins.items():
        node = known.get(name)
        if node is None:
            raise InvalidInput(f'There is no node "{short(name)}" to be pinned.', field=f"pins.{short(name)}")
        kind = library.get(node.type)
        if kind is None or kind.role in NOT_PINNED:
            raise InvalidInput(f'A node of the type "{node.type}" cannot be pinned.', field=f"pins.{name}")
        size = len(json.dumps(pin.output).encode())
        if size > limits.inline_value_bytes:
            raise InvalidInput(
                f"The output pinned to {node.title} is {size} bytes long; the limit is {limits.inline_value_bytes}.",
                field=f"pins.{name}.output",
                limit=limits.inline_value_bytes,
            )
        _check_port(node, kind, pin)


def silent_nodes(canvas: Canvas, pins: Pins) -> frozenset[str]:
    """The ids of all nodes that do nothing: the pinned ones, with what is in their bodies."""
    inner = (block.id for node in canvas.nodes if node.id in pins for block in node.blocks)
    return frozenset((*pins, *inner))


def pinned(node: Node, pin: Pin, outputs: JsonSchema | None) -> Give:
    """The action of a pinned node: the output in the declared types, as far as it fits."""
    output: dict[str, Any] = dict(pin.output)
    if outputs is not None:
        fitting, _ = convert(output, outputs)
        output = fitting if isinstance(fitting, dict) else output
    return Give(output=output, port=pin.port)


def ports_of(node: Node, kind: NodeType) -> tuple[str, ...]:
    """The named ways out of a node as it is set; none where its settings do not fit."""
    if kind.settings is None:
        return kind.ports_of(None)
    try:
        return kind.ports_of(kind.settings.model_validate(node.data.settings))
    except ValidationError:
        return ()


def _check_port(node: Node, kind: NodeType, pin: Pin) -> None:
    own = ports_of(node, kind)
    every = (*own, *(("error",) if node.data.on_error.policy == "branch" else ()))
    ways = ", ".join(every)
    if pin.port is None and own:
        raise InvalidInput(f"{node.title} has several ways out: pin one of {ways}.", field=f"pins.{node.id}.port")
    if pin.port is not None and pin.port not in every:
        there = f"it has {ways}" if every else "it has none"
        raise InvalidInput(f'{node.title} has no port "{short(pin.port)}"; {there}.', field=f"pins.{node.id}.port")
