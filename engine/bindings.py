"""Bindings as functions: where a value comes from, resolved once, looked up at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Protocol

from engine.conditions import type_name
from engine.errors import NodeFailed
from engine.limits import Limits
from engine.plan import (
    Arr,
    Binding,
    Choose,
    Const,
    Emit,
    Finish,
    FromInput,
    FromScope,
    FromStep,
    Merge,
    Obj,
    Placeholder,
    Step,
    Text,
)
from engine.templates import Filled, look_up, render
from engine.values import MISSING, Json, has_refs, select


class Status(IntEnum):
    """Where a step stands."""

    PENDING = 0
    RUNNING = 1
    DONE = 2
    SKIPPED = 3


class Place(Protocol):
    """What a binding may look at: the outputs around it, and the turn it is in."""

    outputs: list[object]
    status: list[Status]
    item: object
    index: int | None
    variables: dict[str, object] | None

    @property
    def outer(self) -> Place | None: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def system(self) -> Mapping[str, Json]: ...


Bound = dict[str, object]
Stored = Mapping[str, Mapping[str, object]]
"""User and app variables, read before the step that refers to them is bound: `{"user": {name: value}, "app": {…}}`."""
Bind = Callable[[Place, Bound, Stored], object]


def _from_step(binding: FromStep) -> Bind:
    number, path = binding.step, binding.path
    follow = _select_strictly if binding.strict else select

    def here(place: Place, bound: Bound, stored: Stored) -> object:
        value = place.outputs[number]
        return follow(value, path) if path and value is not MISSING else value

    def around(place: Place, bound: Bound, stored: Stored) -> object:
        return MISSING if place.outer is None else here(place.outer, bound, stored)

    return around if binding.outer else here


def _select_strictly(value: object, path: Sequence[str | int]) -> object:
    """Follow a path as `select` does. Raises `NodeFailed` where it goes on behind something that it cannot go into."""
    found = select(value, path)
    if found is not MISSING:
        return found
    for position, part in enumerate(path):
        if isinstance(value, dict) and str(part) not in value:
            return MISSING
        if not isinstance(value, dict) and not (isinstance(value, list) and value):
            way, end = ".".join(map(str, path)), ".".join(map(str, path[:position])) or "the output"
            raise NodeFailed(
                f"The path {way} leads nowhere: {end} is {'an empty list' if value == [] else type_name(value)}.",
                reference=way,
            )
        value = select(value, (part,))
    return MISSING


def _from_scope(binding: FromScope) -> Bind:
    path = binding.path
    match binding.scope:
        case "item":
            return lambda place, bound, stored: select(place.item, path) if place.item is not MISSING else MISSING
        case "index":
            return lambda place, bound, stored: MISSING if place.index is None else place.index
        case "loop":
            return lambda place, bound, stored: MISSING if place.variables is None else select(place.variables, path)
        case "system":
            return lambda place, bound, stored: select(place.system, path)
        case "user" | "app" as scope:
            return lambda place, bound, stored: select(dict(stored.get(scope, {})), path)


def _from_input(binding: FromInput) -> Bind:
    name, path = binding.name, binding.path

    def sibling(place: Place, bound: Bound, stored: Stored) -> object:
        value = bound.get(name, MISSING)
        return select(value, path) if path and value is not MISSING else value

    return sibling


class Fill(Protocol):
    """A template's parts with their values, all or some of them."""

    def __call__(
        self, place: Place, bound: Bound, stored: Stored, first: int = 0, end: int | None = None
    ) -> list[str | Filled]: ...


def fill_parts(text: Text, siblings: Mapping[str, Binding]) -> Fill:
    """A template's parts with their values; what renders or forwards them comes after."""
    made: list[str | tuple[str, Bind | None, Sequence[str | int], Callable[[Place], bool]]] = []
    for part in text.parts:
        if isinstance(part, str):
            made.append(part)
        elif part.source is None:
            made.append((part.text, None, (), _skipped(part, siblings)))
        else:
            root = bind(part.source.model_copy(update={"path": _root_path(part.source)}))
            rest = part.source.path[len(_root_path(part.source)) :]
            made.append((part.text, root, rest, _skipped(part, siblings)))

    def fill(place: Place, bound: Bound, stored: Stored, first: int = 0, end: int | None = None) -> list[str | Filled]:
        filled: list[str | Filled] = []
        for part in made[first:end]:
            if isinstance(part, str):
                filled.append(part)
                continue
            literal, source, path, skipped = part
            value = MISSING if source is None else source(place, bound, stored)
            # Of a skipped source there may be a zero or an empty object; what it would have said is not known.
            absent = skipped(place)
            filled.append(Filled(value=MISSING if absent else look_up(value, path), text=literal, skipped=absent))
        return filled

    return fill


def _root_path(source: FromStep | FromScope | FromInput) -> tuple[str | int, ...]:
    """The part of a placeholder's path that only names something; what comes behind it is looked up in its value."""
    return () if isinstance(source, FromInput) or source.path == () else source.path[:1]


def _skipped(part: Placeholder, siblings: Mapping[str, Binding]) -> Callable[[Place], bool]:
    """Whether a placeholder's source did not run; an object counts as skipped when all its leaves were."""
    source = siblings.get(part.source.name) if isinstance(part.source, FromInput) else part.source
    leaves = list(leaves_of(source)) if source is not None else []
    if not leaves or not all(isinstance(leaf, FromStep) for leaf in leaves):
        return lambda place: False
    steps = [(leaf.step, leaf.outer) for leaf in leaves if isinstance(leaf, FromStep)]

    def all_skipped(place: Place) -> bool:
        for number, outer in steps:
            here = place.outer if outer else place
            if here is not None and here.status[number] is not Status.SKIPPED:
                return False
        return True

    return all_skipped


def bind(binding: Binding) -> Bind:
    """The binding as a function. A template bound this way is rendered; see `fill_parts` for its parts."""
    match binding:
        case Const(value=value):
            return lambda place, bound, stored: value
        case FromStep():
            return _from_step(binding)
        case FromScope():
            return _from_scope(binding)
        case FromInput():
            return _from_input(binding)
        case Obj(members=members):
            made = [(name, bind(member)) for name, member in members.items()]

            def build(place: Place, bound: Bound, stored: Stored) -> object:
                found = ((name, member(place, bound, stored)) for name, member in made)
                return {name: value for name, value in found if value is not MISSING}

            return build
        case Arr(items=items):
            binds = [bind(item) for item in items]

            def collect(place: Place, bound: Bound, stored: Stored) -> object:
                found = [item(place, bound, stored) for item in binds]
                return [None if value is MISSING else value for value in found]

            return collect
        case Text():
            return _nested_text(binding)


def _nested_text(text: Text) -> Bind:
    """A template inside an object or a list: rendered where it stands."""
    fill = fill_parts(text, {})

    def rendered(place: Place, bound: Bound, stored: Stored) -> object:
        parts = fill(place, bound, stored)
        if any(isinstance(part, Filled) and has_refs(part.value) for part in parts):
            raise NodeFailed(
                "A template inside an object or a list cannot hold a value this large: make the text an input."
            )
        return render(parts, limit_bytes=place.limits.rendered_bytes)

    return rendered


def leaves_of(binding: Binding) -> Iterator[Const | FromStep | FromScope | FromInput]:
    """Every source a binding reads, in order."""
    match binding:
        case Obj(members=members):
            for member in members.values():
                yield from leaves_of(member)
        case Arr(items=items):
            for item in items:
                yield from leaves_of(item)
        case Text(parts=parts):
            for part in parts:
                if isinstance(part, Placeholder) and part.source is not None:
                    yield part.source
        case _:
            yield binding


def bindings_of(step: Step) -> Iterator[Binding]:
    """Every binding of a step: its inputs, then those its action carries."""
    yield from step.inputs.values()
    match step.action:
        case Finish(answer=Text() as text) | Emit(content=text):
            yield text
        case Choose(cases=cases):
            for case in cases:
                for comparison in case.comparisons:
                    yield comparison.left
                    if comparison.right is not None:
                        yield comparison.right
        case Merge(groups=groups):
            for candidates in groups.values():
                yield from candidates
        case _:
            pass
