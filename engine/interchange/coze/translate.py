"""One node of Coze becomes one of ours; one that runs in batches becomes a batch around it."""

from __future__ import annotations

from typing import Any, Final

from engine.findings import short
from engine.interchange.coze.edges import Lines, Ports
from engine.interchange.coze.fields import Fields, text_of
from engine.interchange.coze.handling import on_error
from engine.interchange.coze.node_types import ASKED_IN_BATCHES, NEVER_HANDLES, NODE_TYPES
from engine.interchange.coze.nodes.composites import USUAL, sizes
from engine.interchange.coze.nodes.kept import unknown
from engine.interchange.coze.parameters import named_values
from engine.interchange.coze.places import COMPOSITES, Place, names_of_arrays
from engine.interchange.coze.reader import Expr, Made, Reader, Surroundings

LONGEST_TITLE: Final = 200
LONGEST_DESCRIPTION: Final = 4_000
INNER: Final = "_inner"
_EDITOR_OF_NODE: Final = ("meta", "version", "_temp", "_parentId", "parentId")
_EDITOR_OF_DATA: Final = (
    "size", "trigger_parameters", "inputDefs", "version", "inputParameters", "settingOnError", "outputsDefs",
)  # fmt: skip
_EDITOR_OF_INPUTS: Final = (
    "callTransferVoice", "chatHistoryWriting", "generationDiversity", "allArrayItemConcatChars", "typeMapping",
    "version", "ext", "batchMode", "chatHistorySetting",
)  # fmt: skip
_EDITOR_OF_META: Final = ("title", "description", "icon", "subTitle", "mainColor", "mainColour")


class Translation:
    """Translates nodes, and remembers how the ports of each are called."""

    def __init__(self, around: Surroundings, bodies: dict[Place, Lines]) -> None:
        self._around, self._bodies = around, bodies
        self.ports: dict[str, Ports] = {}

    def node(self, place: Place) -> dict[str, Any]:
        """The node as our canvas has it."""
        batch = _batch_mode(place)
        if batch is not None:
            return self._in_batches(place, batch)
        reader = Reader(place, self._around)
        made, handling = self._made(reader)
        return self._written(place, made, handling, reader)

    def _made(self, reader: Reader) -> tuple[Made, dict[str, Any]]:
        place = reader.place
        if not isinstance(reader.data.get("nodeMeta"), dict):
            reader.error("no_node_meta", "The node has no nodeMeta, so that it has no title.", "data.nodeMeta")
        composite = place.type in COMPOSITES
        if not composite:
            reader.declared = reader.types.record(reader.data.get("outputs"), "data.outputs")
        reader.inputs.skip(("batch",))
        handling = on_error(reader)
        made = NODE_TYPES.get(place.type, unknown)(reader)
        if handling and made.type in NEVER_HANDLES:
            reader.not_kept("data.inputs.settingOnError", "A node of this type does not fail, so nothing is handled.")
            handling = {}
        reader.unknown(reader.inputs, (*_EDITOR_OF_INPUTS, "inputParameters") if composite else _EDITOR_OF_INPUTS)
        reader.unknown(reader.data, _EDITOR_OF_DATA)
        reader.node.skip(("id", "type", "data", *_EDITOR_OF_NODE))
        self._children_of_no_composite(reader, made)
        reader.unknown(reader.node)
        self.ports[place.id] = Ports(place.type, made.type, made.settings, branches=handling.get("policy") == "branch")
        if made.type == "unavailable":
            self._rename_ports(place, made)
        return made, handling

    def _children_of_no_composite(self, reader: Reader, made: Made) -> None:
        composite = made.type in ("loop", "batch")
        if composite and reader.place.owner is None:
            reader.node.skip(("blocks", "edges"))
            return
        for name in ("blocks", "edges"):
            if reader.node.get(name) and made.type != "unavailable":
                what = "inside another composite" if composite else "of a node that is no composite"
                reader.error("nested_composite", f'The "{name}" {what} cannot be kept.', name)

    def _rename_ports(self, place: Place, made: Made) -> None:
        named = [self.ports[place.id].named(port) or "" for port in made.settings["ports"]]
        made.settings["ports"] = [*dict.fromkeys(port for port in named if port not in ("", "error"))]

    def _written(
        self, place: Place, made: Made, handling: dict[str, Any], reader: Reader, *, inner: bool = False
    ) -> dict[str, Any]:
        said = reader.data.inner("nodeMeta")
        data: dict[str, Any] = {}
        if title := text_of(said.get("title")):
            data["title"] = _cut(reader, title + (INNER if inner else ""), LONGEST_TITLE, "title")
        if (description := text_of(said.get("description"))) and not inner:
            data["description"] = _cut(reader, description, LONGEST_DESCRIPTION, "description")
        if not inner:
            reader.unknown(said, _EDITOR_OF_META)
        for name, value in (
            ("inputs", made.inputs),
            ("types", made.types),
            ("settings", made.settings),
            ("results", made.results),
            ("on_error", handling),
        ):
            if value:
                data[name] = value
        if made.outputs is not None:
            data["outputs"] = made.outputs
        written: dict[str, Any] = {"id": place.id, "type": made.type, "data": data}
        meta = reader.node.get("meta")
        if isinstance(meta, dict) and meta and not inner:
            written["meta"] = meta
        if made.type in ("loop", "batch") and place.owner is None and not inner and place in self._bodies:
            written["blocks"] = [self.node(child) for child in place.children]
            written["edges"] = self._bodies[place].made(self._around.places, self.ports)
        return written

    # --- batch mode ---

    def _in_batches(self, place: Place, said: Fields) -> dict[str, Any]:
        """A batch with the node's id, and the node in it."""
        items = Place(place.source, place.id, "28", place.raw, place.path, place.owner)
        items.arrays = frozenset({*_list_names(said), *names_of_arrays(said.get("inputLists"))})
        outer = Reader(place, self._around)
        outer.data.skip(("inputs",))
        found = named_values(outer, said, "inputLists")
        inputs: dict[str, Expr] = {"items": {"object": {name: one for name, (one, _) in found.items()}}}
        types: dict[str, Any] = {
            "items": {"type": "object", "properties": {name: schema for name, (_, schema) in found.items()}}
        }
        if not found:
            outer.error("no_value", "The node runs in batches, but over no list.", said.at("inputLists"))
        sizes(outer, said, inputs, types)
        outer.unknown(said, ("batchEnable", "inputLists"))
        name = self._around.places.free_id(f"{place.id[:56]}{INNER}")
        child = Place(place.source + INNER, name, place.type, place.raw, place.path, items)
        reader = Reader(child, self._around, owner=items)
        declared = outer.types.record(outer.data.get("outputs"), "data.outputs")
        made, handling = self._made(_with_elements(reader))
        results: dict[str, Expr] = {one: {"ref": [name]} for one in _lists(outer, declared)}
        around = Made("batch", inputs, types, dict(USUAL), results=results, outputs=declared)
        inner = self._written(child, made, handling, reader, inner=True)
        edges = [{"sourceNodeID": place.id, "targetNodeID": name}, {"sourceNodeID": name, "targetNodeID": place.id}]
        if handling.get("policy") == "branch":
            edges.append({"sourceNodeID": name, "targetNodeID": place.id, "sourcePortID": "error"})
        written = self._written(place, around, {}, outer)
        self.ports[place.id] = Ports("28", "batch", {}, branches=False)
        return written | {"blocks": [inner], "edges": edges}


def _batch_mode(place: Place) -> Fields | None:
    """What is said of running in batches, when the node does."""
    if place.type not in ASKED_IN_BATCHES:
        return None
    said = Fields(place.raw, "").inner("data").inner("inputs").inner("batch")
    enabled = said.get("batchEnable")
    said.path = "data.inputs.batch"
    return said if enabled is True or enabled in ("true", "True", 1) else None


def _list_names(said: Fields) -> list[str]:
    lists = said.get("inputLists")
    return [text_of(Fields(one, "").get("name")) for one in lists] if isinstance(lists, list) else []


def _lists(reader: Reader, declared: Any) -> list[str]:
    """The output that holds the elements: there is exactly one."""
    names = [name for name, schema in declared["properties"].items() if schema.get("type") == "array"]
    others = [name for name in declared["properties"] if name not in names]
    if len(names) != 1 or others:
        message = "A node that runs in batches declares one output, a list of objects."
        reader.error("batch_outputs", message, "data.outputs", outputs=[short(name) for name in (*names, *others)])
    return names


def _with_elements(reader: Reader) -> Reader:
    """The reader of the inner node: its outputs are the members of the list's elements."""
    outputs = reader.data.get("outputs")
    first = next((one for one in outputs if isinstance(one, dict)), {}) if isinstance(outputs, list) else {}
    element = Fields(first, "").inner("schema")
    reader.data = Fields({**dict(reader.data.items()), "outputs": element.get("schema")}, "data")
    reader.data.skip(("inputs",))
    return reader


def _cut(reader: Reader, text: str, longest: int, what: str) -> str:
    if len(text) <= longest:
        return text
    reader.not_kept(f"data.nodeMeta.{what}", f"The {what} is longer than {longest} characters; the rest is gone.")
    return text[:longest]
