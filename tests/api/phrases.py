"""Finds in the source every sentence that an answer of the API can carry: what `conf/phrases` translates."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Final

from tests.api.phrase_syntax import (
    Function,
    annotated,
    argument,
    assigned_by,
    assignments,
    default_of,
    last_name,
    parameters,
    returned,
)
from tests.architecture.source import Source, sources

SPEAKERS: Final = ("api", "storage", "engine", "nodes")
"""Whatever these say may reach who asks the API."""
WORKERS: Final = ("workers/client.py", "workers/connection.py", "workers/tool_trial.py")
"""The faces of the workers that the API calls itself."""
OPERATORS: Final = ("storage/migrations/", "engine/probe", "nodes/docs.py")
"""What only speaks to who runs the machine."""
GAP: Final = object()
"""Stands in a sentence for what is only known when it is said."""
_MOST_FORMS: Final = 12

Part = str | object
Form = tuple[Part, ...]


@dataclass(frozen=True)
class Said:
    """A sentence, and where it stands. Its gaps are numbered in the pattern, as in `no node {0}`."""

    pattern: str
    path: str
    line: int


@dataclass(frozen=True)
class Unseen:
    """An expression that gives a sentence, and whose text the source does not show."""

    text: str
    path: str
    line: int


@dataclass
class Module:
    """What one file holds, by name."""

    source: Source
    origins: dict[str, str] = field(default_factory=dict[str, str])
    values: dict[str, list[ast.expr]] = field(default_factory=dict[str, list[ast.expr]])


@dataclass
class Found:
    """Everything the search has found."""

    said: dict[str, Said] = field(default_factory=dict[str, Said])
    unseen: dict[str, Unseen] = field(default_factory=dict[str, Unseen])


@dataclass(frozen=True)
class Place:
    """Where an expression stands: its file, and the functions and the class around it, the innermost last."""

    module: Module
    around: tuple[Function, ...] = ()
    owner: str = ""


class Search:
    """Follows the sentence of every error back to where it is written: through variables, parameters and returns."""

    def __init__(self, read: Sequence[Source]) -> None:
        self._modules = [_module(source) for source in read]
        self._classes: dict[str, tuple[ast.ClassDef, Module]] = {}
        self._calls: dict[str, list[tuple[ast.Call, Place]]] = {}
        self._functions: dict[str, list[tuple[Function, Place]]] = {}
        for module in self._modules:
            self._index(module.source.tree, Place(module))
        self._errors = self._kinds()
        self._heard: set[tuple[int, str]] = set()
        self._found = Found()

    def run(self) -> Found:
        """Every sentence of an error or a finding."""
        for name in self._errors:
            self._listen_to_class(name)
        for name, (body, module) in self._classes.items():
            if any(annotated(one) == "message" for one in body.body) and module.source.path.startswith(
                ("engine", "storage")
            ):
                self._listen_to_class(name)
        for call, place in self._calls.get("ValueError", []):
            self._hear(call.args[0] if call.args else None, place)
        for call, place in self._calls.get("AssertionError", []) + self._calls.get("PydanticCustomError", []):
            self._hear(call.args[-1] if call.args else None, place)
        return self._found

    def _index(self, tree: ast.AST, place: Place) -> None:
        for node in ast.iter_child_nodes(tree):
            inner = place
            match node:
                case ast.ClassDef(name=name):
                    self._classes[name] = (node, place.module)
                    inner = Place(place.module, place.around, name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self._functions.setdefault(name, []).append((node, place))
                    inner = Place(place.module, (*place.around, node), place.owner)
                case ast.Call(func=called):
                    if (last := last_name(called)) is not None:
                        self._calls.setdefault(last, []).append((node, place))
            self._index(node, inner)

    def _kinds(self) -> set[str]:
        kinds = {"FlowError"}
        while True:
            more = {
                name
                for name, (body, _) in self._classes.items()
                if any(last_name(one) in kinds for one in body.bases) and name not in kinds
            }
            if not more:
                return kinds
            kinds |= more

    def _listen_to_class(self, name: str) -> None:
        if (own := self._constructor(name)) is not None:
            for node in ast.walk(own[0]):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")):
                        self._hear(node.args[0] if node.args else None, Place(own[1], (own[0],), name))
            return
        position = self._message_at(name)
        for call, place in self._calls.get(name, []):
            self._hear(argument(call, position, "message"), place)

    def _constructor(self, name: str) -> tuple[Function, Module] | None:
        if name == "FlowError" or name not in self._classes:
            return None
        body, module = self._classes[name]
        for one in body.body:
            if isinstance(one, Function) and one.name == "__init__":
                return one, module
        for base in body.bases:
            if (last := last_name(base)) and (found := self._constructor(last)):
                return found
        return None

    def _message_at(self, name: str) -> int:
        body, _ = self._classes[name]
        fields = [one for node in body.body if (one := annotated(node))]
        return 0 if name in self._errors else fields.index("message")

    def _hear(self, said: ast.expr | None, place: Place) -> None:
        if said is None:
            return
        for form in self._forms(said, place, 0):
            pattern = _numbered(form)
            if pattern.strip("{}0 "):
                self._found.said.setdefault(pattern, Said(pattern, place.module.source.path, said.lineno))

    def _forms(self, said: ast.expr, place: Place, depth: int) -> list[Form]:
        """Every text an expression can have. What comes from outside is a gap; a whole sentence from there is told."""
        if depth > 8:
            return [(GAP,)]
        match said:
            case ast.Constant(value=str(text)):
                return [(text,)]
            case ast.JoinedStr(values=values):
                return self._joined(values, place, depth)
            case ast.FormattedValue(value=value):
                return self._within(value, place, depth)
            case ast.IfExp(body=one, orelse=other):
                return [*self._forms(one, place, depth + 1), *self._forms(other, place, depth + 1)]
            case ast.BoolOp(values=values):
                return [form for value in values for form in self._forms(value, place, depth + 1)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._product([self._within(left, place, depth), self._within(right, place, depth)])
            case ast.NamedExpr(value=value):
                return self._forms(value, place, depth + 1)
            case ast.Name(id=name):
                return self._named(name, said, place, depth)
            case ast.Call(func=called):
                return self._called(said, called, place, depth)
            case ast.Subscript(value=ast.Name(id=name)):
                return self._looked_up(name, said, place, depth)
            case ast.Constant() | ast.Attribute(attr="message"):
                return []
            case _:
                return self._out_of_sight(said, place)

    def _out_of_sight(self, said: ast.expr, place: Place) -> list[Form]:
        text = ast.unparse(said)
        path = place.module.source.path
        self._found.unseen.setdefault(f"{path}: {text}", Unseen(text, path, said.lineno))
        return []

    def _joined(self, values: Sequence[ast.expr], place: Place, depth: int) -> list[Form]:
        return self._product([self._within(value, place, depth) for value in values])

    def _product(self, parts: Sequence[list[Form]]) -> list[Form]:
        while len([*islice(product(*parts), _MOST_FORMS + 1)]) > _MOST_FORMS:
            widest = max(range(len(parts)), key=lambda at: len(parts[at]))
            parts = [[(GAP,)] if at == widest else part for at, part in enumerate(parts)]
        return [tuple(part for form in forms for part in form) for forms in product(*parts)]

    def _within(self, value: ast.expr, place: Place, depth: int) -> list[Form]:
        """The texts of a part of a sentence: words that the source chooses among, otherwise a gap."""
        match value:
            case ast.FormattedValue(value=inner, format_spec=None):
                return self._within(inner, place, depth)
            case ast.Constant(value=str(text)):
                return [(text,)]
            case ast.BinOp(right=ast.Constant(value=int())):
                return [(GAP,)]
            case ast.JoinedStr() | ast.IfExp() | ast.BinOp(op=ast.Add()):
                return self._quietly(value, place, depth)
            case ast.Name(id=name) if self._assigned(name, place):
                return self._quietly(value, place, depth)
            case _:
                return [(GAP,)]

    def _quietly(self, value: ast.expr, place: Place, depth: int) -> list[Form]:
        unseen = dict(self._found.unseen)
        heard = set(self._heard)
        said = dict(self._found.said)
        forms = list(dict.fromkeys(self._forms(value, place, depth + 1)))
        blind = len(self._found.unseen) > len(unseen) or not forms or self._heard != heard
        self._found.unseen, self._heard, self._found.said = unseen, heard, said
        if blind or len(forms) > 6 or any(form == (GAP,) for form in forms):
            return [(GAP,)]
        return forms

    def _assigned(self, name: str, place: Place) -> list[tuple[ast.expr, Place]]:
        for at in range(len(place.around), 0, -1):
            function = place.around[at - 1]
            inner = Place(place.module, place.around[:at], place.owner)
            if found := [*assignments(name, function)]:
                return [(value, inner) for value in found]
            if name in parameters(function):
                return []
        return [(value, Place(place.module)) for value in place.module.values.get(name, [])]

    def _named(self, name: str, said: ast.expr, place: Place, depth: int) -> list[Form]:
        if found := self._assigned(name, place):
            return [form for value, inner in found for form in self._forms(value, inner, depth + 1)]
        for at in range(len(place.around), 0, -1):
            function = place.around[at - 1]
            if name in parameters(function):
                self._listen_to_parameter(function, name, Place(place.module, place.around[: at - 1], place.owner))
                return []
        if (origin := place.module.origins.get(name)) is not None:
            home, _, last = origin.rpartition(".")
            for module in self._modules:
                if module.source.module == home and last in module.values:
                    return [form for one in module.values[last] for form in self._forms(one, Place(module), depth + 1)]
        return self._out_of_sight(said, place)

    def _listen_to_parameter(self, function: Function, name: str, place: Place) -> None:
        if (id(function), name) in self._heard:
            return
        self._heard.add((id(function), name))
        names = parameters(function)
        position = names.index(name) - (names[0] in ("self", "cls"))
        keyword_only = name in [one.arg for one in function.args.kwonlyargs]
        called = place.owner if function.name == "__init__" else function.name
        kinds = self._below(called) if function.name == "__init__" else {called}
        default = default_of(function, name)
        if default is not None:
            self._hear(default, place)
        for kind in kinds:
            for call, where in self._calls.get(kind, []):
                if self._is_of(call, function, place, where):
                    self._hear(argument(call, None if keyword_only else position, name), where)

    def _below(self, name: str) -> set[str]:
        kinds = {name}
        for other, (body, _) in self._classes.items():
            if any(last_name(base) == name for base in body.bases):
                kinds |= self._below(other)
        return kinds

    def _is_of(self, call: ast.Call, function: Function, place: Place, where: Place) -> bool:
        """Whether a call by this name means this function: its own module's, or the one that was imported."""
        home = place.module.source.module
        match call.func:
            case ast.Name(id=name):
                origin = where.module.origins.get(name)
                return origin == f"{home}.{name}" if origin else where.module is place.module
            case ast.Attribute(value=ast.Name(id="_log" | "log" | "logger" | "structlog")):
                return False
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                return where.owner == place.owner or bool(self._below(place.owner) & {where.owner})
            case ast.Attribute(value=ast.Name(id=holder), attr=name):
                if holder in where.module.origins or place.owner == "":
                    return where.module.origins.get(holder) == home
                return len(self._functions[name]) == 1 or _folder(place) == _folder(where)
            case ast.Attribute(attr=name):
                return len(self._functions[name]) == 1 or _folder(place) == _folder(where)
        return False

    def _called(self, said: ast.Call, called: ast.expr, place: Place, depth: int) -> list[Form]:
        match called:
            case ast.Attribute(value=ast.Name(id=name), attr="get"):
                found = self._looked_up(name, said, place, depth)
                return found + [form for one in said.args[1:] for form in self._forms(one, place, depth + 1)]
            case ast.Name(id="str" | "repr") if isinstance(said.args[0], ast.Name):
                return []
            case ast.Attribute(value=ast.Constant(), attr="join"):
                return self._out_of_sight(said, place)
        last = last_name(called)
        if last is not None and not hasattr(builtins, last):
            forms: list[Form] = []
            for function, where in self._functions.get(last, []):
                if self._is_of(said, function, where, place):
                    inner = Place(where.module, (*where.around, function), where.owner)
                    for value in returned(function):
                        forms += self._forms(value, inner, depth + 1)
            if forms:
                return forms
        return self._out_of_sight(said, place)

    def _looked_up(self, name: str, said: ast.expr, place: Place, depth: int) -> list[Form]:
        found = self._assigned(name, place)
        if not found and (origin := place.module.origins.get(name)):
            home, _, last = origin.rpartition(".")
            found = [
                (value, Place(module))
                for module in self._modules
                if module.source.module == home
                for value in module.values.get(last, [])
            ]
        forms: list[Form] = []
        for value, inner in found:
            if isinstance(value, ast.Dict):
                for one in value.values:
                    forms += self._forms(one, inner, depth + 1)
        return forms or self._out_of_sight(said, place)


def collected() -> Found:
    """What the project says to who asks the API."""
    read = [one for one in sources(*SPEAKERS) if not one.path.startswith(OPERATORS)]
    read += [one for one in sources("workers") if one.path in WORKERS]
    return Search(read).run()


def _module(source: Source) -> Module:
    module = Module(source)
    for node in source.tree.body:
        for name, value in assigned_by(node):
            module.values.setdefault(name, []).append(value)
    for one in ast.walk(source.tree):
        if isinstance(one, ast.ImportFrom) and one.module:
            module.origins |= {alias.asname or alias.name: f"{one.module}.{alias.name}" for alias in one.names}
    return module


def _folder(place: Place) -> str:
    """Methods of one name mean different things in different parts: this is how far a name is the same."""
    return place.module.source.path.rpartition("/")[0].replace("/nodes", "")


def _numbered(form: Iterable[Part]) -> str:
    number = 0
    text, after_gap = "", False
    for part in form:
        if isinstance(part, str):
            text += part
            after_gap = after_gap and not part
        elif not after_gap:
            # Two gaps side by side are one.
            text += f"{{{number}}}"
            number += 1
            after_gap = True
    return text
