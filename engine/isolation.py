"""One node alone: a canvas that runs it between a start and an end, with all that it reads as inputs of the run.

An input that refers to something is an input of the run by its own name, with its type. One that is made of parts
(an object, a list) is given in the same shape. What settings, templates and the nodes of a body read of other nodes is
given under the id of that node, in the shape of its output: `{"ask": {"answer": "yes"}}`; `item`, `index` and `loop`
likewise, when a node of a body is run without its composite. Variables of users and applications are read as ever.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from engine.canvas import (
    Canvas,
    Expression,
    JsonSchema,
    ListOf,
    Literally,
    Node,
    ObjectOf,
    Reference,
    Template,
)
from engine.errors import InvalidInput, NotFound
from engine.node_type import NodeLibrary, NodeType, Role
from engine.pins import ports_of
from engine.references import Path, split_template
from engine.schema import as_schema, items_of, properties_of

START: Final = "debug_start"
END: Final = "debug_end"
_TURN: Final = ("item", "index", "loop")
_ELSEWHERE: Final = ("user", "app", "system")
_LOOP_ONLY: Final = frozenset({"set_variable"})


@dataclass(frozen=True)
class Isolated:
    """A node alone. `inputs` is the schema of what such a run is given; `roots` are those that are other nodes."""

    canvas: Canvas
    inputs: JsonSchema
    roots: tuple[str, ...]


def isolate(canvas: Canvas, node_id: str, library: NodeLibrary) -> Isolated:
    """The canvas that runs one node alone, a composite with its body.

    The output of the node is the run's `output`. Raises `NotFound`, and `InvalidInput` for what is nothing alone.
    """
    found = _find(canvas, node_id)
    if found is None:
        raise NotFound(f'The canvas has no node "{node_id}".', node=node_id)
    node, owner = found
    kind = library.get(node.type)
    if kind is not None and (kind.role in (Role.START, Role.LEAVE) or kind.name in _LOOP_ONLY):
        why = "a start does nothing but begin a run" if kind.role is Role.START else "it works only within its loop"
        raise InvalidInput(f"{node.title} cannot run alone: {why}.", node=node_id)
    outside = frozenset(one.id for one in canvas.nodes) | {one.id for one in (owner.blocks if owner else ())}
    work = _Isolation(canvas, library, outside - {node_id}, in_turn=owner is not None)
    alone = work.alone(node, kind)
    inputs: JsonSchema = {"type": "object", "properties": dict(work.declared)}
    begin = _made({"id": START, "type": "start", "data": {"title": "Start", "outputs": inputs}})
    if kind is not None and kind.role is Role.END:
        return Isolated(_canvas([begin, alone], [(START, node_id, "")]), inputs, tuple(work.roots))
    output = {"output": {"ref": [node_id]}}
    end = _made({"id": END, "type": "end", "data": {"title": "End", "inputs": output}})
    ports = ports_of(node, kind) if kind is not None else ()
    ways = [*(ports or ("",)), *(("error",) if node.data.on_error.policy == "branch" else ())]
    edges = [(START, node_id, ""), *((node_id, END, port) for port in ways)]
    return Isolated(_canvas([begin, alone, end], edges), inputs, tuple(work.roots))


@dataclass
class _Isolation:
    """Rewrites what a node reads, and notes what must be given for it."""

    canvas: Canvas
    library: NodeLibrary
    outside: frozenset[str]
    in_turn: bool
    declared: dict[str, Any] = field(default_factory=dict)
    roots: dict[str, None] = field(default_factory=dict)

    def alone(self, node: Node, kind: NodeType | None) -> Node:
        """The node with everything that it reads rewritten."""
        schema = kind.inputs if kind is not None else {}
        inputs: dict[str, Expression] = {}
        for name, expression in node.data.inputs.items():
            wanted = as_schema(node.data.types.get(name) or properties_of(schema).get(name))
            inputs[name] = self._input(name, expression, wanted, node)
        data = node.data.model_copy(update={"inputs": inputs, "settings": self._settings(node, kind, self._outer)})
        inner = {block.id for block in node.blocks}

        def of_body(root: str) -> bool:
            return root in self.outside and root not in inner

        blocks = [self._block(block, of_body) for block in node.blocks]
        return node.model_copy(update={"data": data, "blocks": blocks})

    def _outer(self, root: str) -> bool:
        return root in self.outside or (self.in_turn and root in _TURN)

    def _block(self, block: Node, outer: Callable[[str], bool]) -> Node:
        """A node of a body: what it reads from around its composite is given by the id of what it reads."""
        kind = self.library.get(block.type)
        inputs = {name: self._rewrite(one, block, outer) for name, one in block.data.inputs.items()}
        data = block.data.model_copy(update={"inputs": inputs, "settings": self._settings(block, kind, outer)})
        return block.model_copy(update={"data": data})

    def _input(self, name: str, expression: Expression, wanted: JsonSchema, node: Node) -> Expression:
        if isinstance(expression, Template | Literally):
            return self._rewrite(expression, node, self._outer)
        given, schema = self._given(expression, (name,), wanted, node)
        if schema is not None:
            self.declared[name] = schema
        return given

    def _given(
        self, expression: Expression, place: Path, wanted: JsonSchema, node: Node
    ) -> tuple[Expression, JsonSchema | None]:
        """An input that is given to the run, and the type of what is given; None when there is nothing to give."""
        match expression:
            case Reference(ref=[str(root), *_]) if self._outer(root):
                return Reference(ref=[START, *place]), {key: value for key, value in wanted.items() if key != "default"}
            case ObjectOf(object=members):
                types = properties_of(wanted)
                made = {
                    name: self._given(one, (*place, name), as_schema(types.get(name)), node)
                    for name, one in members.items()
                }
                schemas: dict[str, Any] = {name: schema for name, (_, schema) in made.items() if schema is not None}
                whole: JsonSchema | None = {"type": "object", "properties": schemas} if schemas else None
                return ObjectOf(object={name: one for name, (one, _) in made.items()}), whole
            case ListOf(list=items):
                listed = [self._given(one, (*place, at), items_of(wanted), node) for at, one in enumerate(items)]
                any_given = any(schema is not None for _, schema in listed)
                return ListOf(list=[one for one, _ in listed]), {"type": "array"} if any_given else None
            case _:
                return self._rewrite(expression, node, self._outer), None

    def _settings(self, node: Node, kind: NodeType | None, outer: Callable[[str], bool]) -> dict[str, Any]:
        """The settings, with the expressions in them rewritten where they stand."""
        settings: dict[str, Any] = copy.deepcopy(dict(node.data.settings))
        if kind is None or kind.settings is None or kind.expressions is None:
            return settings
        try:
            read: BaseModel = kind.settings.model_validate(settings)
        except ValidationError:
            # Compiling tells what is wrong with them.
            return settings
        for at, expression in kind.expressions(read):
            rewritten = self._rewrite(expression, node, outer)
            if rewritten != expression:
                _put(settings, at.split("."), rewritten)
        return settings

    def _rewrite(self, expression: Expression, node: Node, outer: Callable[[str], bool]) -> Expression:
        """The expression, reading from the start what it read from elsewhere."""
        match expression:
            case Reference(ref=[str(root), *path]) if outer(root):
                self._root(root, path)
                return Reference(ref=[START, root, *path])
            case Template(template=template):
                return Template(template=self._template(template, node, outer))
            case ObjectOf(object=members):
                return ObjectOf(object={name: self._rewrite(one, node, outer) for name, one in members.items()})
            case ListOf(list=items):
                return ListOf(list=[self._rewrite(one, node, outer) for one in items])
            case _:
                return expression

    def _template(self, template: str, node: Node, outer: Callable[[str], bool]) -> str:
        made: list[str] = []
        for part in split_template(template):
            if isinstance(part, str):
                made.append(part)
                continue
            path, text = part
            root = str(path[0])
            own = node.data.inputs.get(root)
            if (own is not None and not isinstance(own, Template)) or not outer(root):
                made.append(text)
            else:
                self._root(root, path[1:])
                made.append(f"{{{{{_written((START, *path))}}}}}")
        return "".join(made)

    def _root(self, root: str, path: Sequence[str | int]) -> None:
        """Something is read of what is not there: it is to be given, under its own name."""
        if root not in _TURN:
            self.roots[root] = None
        if root == "index":
            self.declared.setdefault(root, {"type": "integer"})
            return
        if not path or not isinstance(path[0], str) or root == "item":
            self.declared.setdefault(root, {})
            return
        known = self.declared.setdefault(root, {"type": "object", "properties": {}})
        if isinstance(members := known.get("properties"), dict):
            members.setdefault(path[0], self._type_of(root, path[0]))

    def _type_of(self, root: str, key: str) -> JsonSchema:
        found = _find(self.canvas, root)
        if found is None:
            return {}
        node, kind = found[0], self.library.get(found[0].type)
        outputs = node.data.outputs or (kind.outputs if kind is not None else None) or {}
        known = as_schema(properties_of(outputs).get(key))
        return {name: value for name, value in known.items() if name != "default"}


def _find(canvas: Canvas, node_id: str) -> tuple[Node, Node | None] | None:
    """A node, and the composite around it."""
    for node in canvas.nodes:
        if node.id == node_id:
            return node, None
    for node in canvas.nodes:
        for block in node.blocks:
            if block.id == node_id:
                return block, node
    return None


def _put(settings: Any, way: Sequence[str], expression: Expression) -> None:
    """Replace what stands at a place: a template as its text where it stood as one."""
    for step in way[:-1]:
        settings = settings[int(step)] if isinstance(settings, list) else settings[step]
    last: Any = int(way[-1]) if isinstance(settings, list) else way[-1]
    plain = isinstance(settings[last], str) and isinstance(expression, Template)
    settings[last] = expression.template if plain and isinstance(expression, Template) else expression.model_dump()


def _written(path: Path) -> str:
    """A path as a placeholder writes it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def _made(document: Mapping[str, Any]) -> Node:
    return Node.model_validate(document)


def _canvas(nodes: Sequence[Node], edges: Sequence[tuple[str, str, str]]) -> Canvas:
    made = [
        {"sourceNodeID": source, "targetNodeID": target, **({"sourcePortID": port} if port else {})}
        for source, target, port in edges
    ]
    return Canvas.model_validate({"nodes": list(nodes), "edges": made})
