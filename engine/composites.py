"""Composites: loops walk their turns one after another, batches side by side or in slices elsewhere."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from engine.bindings import Bound, Status
from engine.conditions import type_name
from engine.conversion import convert_strictly, zero_of
from engine.errors import InvalidInput, LimitExceeded
from engine.inline import measure
from engine.json_text import read_structure
from engine.plan import FromStep, Loop, Map
from engine.prepare import Node
from engine.runtime import SliceRequest
from engine.schema import properties_of
from engine.values import MISSING, BlobRef, Json

if TYPE_CHECKING:
    from engine.frame import Frame

DEFAULT_CONCURRENCY: Final = 10
INLINE_TURNS: Final = 200
"""A batch of inline steps up to this long is walked where it stands; a longer one would hold up its workflow task."""
WINDOW_ACTIVITIES: Final = 2_000
"""Activities that one history takes from a batch; above that each slice gets a history of its own (measured: temporal
floors).
"""
FUSED_SLICE: Final = 100
CHILD_SLICE: Final = 200
SLICES_IN_FLIGHT: Final = 4


class Parked(Exception):
    """A composite stopped between two turns so that the run can be handed over; `cursor` is what it goes on from."""

    def __init__(self, cursor: dict[str, Any]) -> None:
        super().__init__("parked")
        self.cursor = cursor


class Items:
    """The elements that a composite walks over: a list, lists walked together, or a list by reference.

    Raises `InvalidInput` for what is no list: no turns would pass for an empty one. Where the author declares what the
    items are, null is an empty list: that is the zero of the type.
    """

    def __init__(self, value: object, *, zipped: bool, declared: bool = False) -> None:
        self._lists: dict[str, object] | None = None
        self._list: object = None
        if zipped:
            if not isinstance(value, dict):
                raise _no_list(value, "items", "an object of lists")
            self._lists = {name: _a_list(one, f"items.{name}", declared) for name, one in value.items()}
        else:
            self._list = _a_list(value, "items", declared)

    async def count(self, frame: Frame, node: Node) -> int:
        """How many elements there are: those of the shortest list."""
        if self._lists is not None:
            counts = [await _length(frame, node, one) for one in self._lists.values()]
            return min(counts, default=0)
        return await _length(frame, node, self._list)

    def at(self, index: int) -> Any:
        """The element of a turn; `MISSING` where a counted loop goes beyond its items."""
        if self._lists is not None:
            members = {name: _element(one, index) for name, one in self._lists.items()}
            return {name: value for name, value in members.items() if value is not MISSING}
        return _element(self._list, index)


def _a_list(value: object, name: str, declared: bool) -> list[Json] | BlobRef:
    """What is walked over: a list, the JSON text of one, or one by reference, which is looked at once it is counted."""
    if value is None and declared:
        return []
    found = read_structure(cast("Json", value), "array")
    if isinstance(found, list) or (isinstance(value, BlobRef) and (value.path or value.kind == "array")):
        return cast("list[Json] | BlobRef", found)
    raise _no_list(value, name, "a list")


def _no_list(value: object, name: str, wanted: str) -> InvalidInput:
    came = {"string": "a text", "object": "an object"}[value.kind] if isinstance(value, BlobRef) else type_name(value)
    return InvalidInput(f"{name} is {came}; {wanted} is needed.", field=f"inputs.{name}")


async def _length(frame: Frame, node: Node, value: object) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, BlobRef):
        return await measure(frame, node, value)
    return 0


def _element(value: object, index: int) -> object:
    if isinstance(value, BlobRef):
        return value.at(index)
    return value[index] if isinstance(value, list) and index < len(value) else MISSING


async def walk_loop(frame: Frame, node: Node, action: Loop, bound: Bound, path: str) -> dict[str, object]:
    """Walk turns one after another until the items, the count or a `break` end it."""
    limits = frame.walk.limits
    # Turns that are merely counted may have items beside them, or none.
    given = bound.get("items")
    items = Items(
        [] if given is None and action.mode != "array" else given,
        zipped=action.zipped and given is not None,
        declared=_declares(node),
    )
    total: int | None = None
    if action.mode == "array":
        total = await items.count(frame, node)
    elif action.mode == "count":
        count = bound.get("count")
        total = count if isinstance(count, int) else 0
    if total is not None and total > limits.loop_turns:
        raise _too_many("turns of a loop", total, limits.loop_turns, "MAINSPRING_LOOP_TURNS")
    cursor: dict[str, Any] = frame.parked.pop(node.number, {})
    variables: dict[str, object] = cursor.get("variables") or _first_values(action, bound)
    collected: dict[str, list[object]] = cursor.get("collected") or {
        name: [] for name, result, _ in node.results if isinstance(result.source, FromStep)
    }
    first = index = cursor.get("index", 0)
    while total is None or index < total:
        if index > first and frame.may_park():
            raise Parked({"index": index, "variables": variables, "collected": collected})
        if index >= limits.loop_turns:
            raise _too_many("turns of a loop", index, limits.loop_turns, "MAINSPRING_LOOP_TURNS")
        turn = frame.enter(node, path, index, items.at(index), variables)
        await turn.turn()
        index += 1
        for name, result, source in node.results:
            if isinstance(result.source, FromStep) and turn.status[result.source.step] is Status.DONE:
                value = source(turn, {}, {})
                collected[name].append(None if value is MISSING else value)
        if turn.left == "break":
            break
    output: dict[str, object] = {}
    for name, result, _ in node.results:
        if isinstance(result.source, FromStep):
            output[name] = collected[name]
        else:
            output[name] = variables.get(str(result.source.path[0])) if result.source.path else dict(variables)
    return output


def _declares(node: Node) -> bool:
    """Whether the author declares what the items are."""
    return node.step.types is not None and "items" in properties_of(node.step.types)


def _first_values(action: Loop, bound: Bound) -> dict[str, object]:
    """A loop's variables as it begins: null becomes the zero of the variable's type."""
    given = bound.get("variables")
    values = dict(given) if isinstance(given, dict) else {}
    for name, schema in action.variable_types.items():
        value = convert_strictly(values.get(name), schema, field=f"inputs.variables.{name}")
        values[name] = zero_of(schema) if value is None else value
    return values


async def walk_map(frame: Frame, node: Node, action: Map, bound: Bound, path: str) -> dict[str, object]:
    """Walk every item's turn, some at a time; results keep the order of the items."""
    limits = frame.walk.limits
    items = Items(bound.get("items"), zipped=action.zipped, declared=_declares(node))
    count = await items.count(frame, node)
    given = bound.get("limit")
    limit = given if isinstance(given, int) and given > 0 else action.usual_limit
    if limit > 0:
        count = min(count, limit)
    if count > limits.batch_items:
        raise _too_many("items of a batch", count, limits.batch_items, "MAINSPRING_BATCH_ITEMS")
    asked = bound.get("concurrency")
    concurrency = asked if isinstance(asked, int) and asked > 0 else DEFAULT_CONCURRENCY
    concurrency = min(concurrency, limits.batch_concurrency)
    batch = _Batch(frame, node, action, items, path, concurrency)
    if (action.inline and count <= INLINE_TURNS) or (
        not action.fused and count * action.activities <= WINDOW_ACTIVITIES
    ):
        await batch.walk(count, 1, concurrency, batch.one_turn)
    else:
        size = FUSED_SLICE if action.fused else CHILD_SLICE
        await batch.walk(count, size, min(SLICES_IN_FLIGHT, concurrency), batch.one_slice)
    return {name: values[:count] for name, values in batch.results.items()}


class _Batch:
    """A batch under way: results by item, and where its next item is."""

    def __init__(self, frame: Frame, node: Node, action: Map, items: Items, path: str, concurrency: int) -> None:
        self.frame, self.node, self.action = frame, node, action
        self.items, self.path, self.concurrency = items, path, concurrency
        cursor: dict[str, Any] = frame.parked.pop(node.number, {})
        self.next: int = cursor.get("next", 0)
        self.results: dict[str, list[Any]] = cursor.get("results") or {name: [] for name, _, _ in node.results}

    async def walk(
        self, count: int, size: int, width: int, work: Callable[[int, int], Awaitable[dict[str, list[Any]]]]
    ) -> None:
        """Run `work(start, end)` over all items in pieces of `size`, `width` at a time; the first error cancels the
        rest.
        """
        for values in self.results.values():
            values.extend([None] * (count - len(values)))
        running: dict[asyncio.Task[dict[str, list[Any]]], int] = {}
        finished: deque[asyncio.Task[dict[str, list[Any]]]] = deque()
        wake: list[asyncio.Future[None]] = []

        def on_done(task: asyncio.Task[dict[str, list[Any]]]) -> None:
            finished.append(task)
            if wake and not wake[0].done():
                wake[0].set_result(None)

        first = self.next
        parking = False
        try:
            while running or (self.next < count and not parking):
                parking = parking or (self.next > first and self.frame.may_park())
                while not parking and self.next < count and len(running) < width:
                    end = min(self.next + size, count)
                    task = asyncio.ensure_future(work(self.next, end))
                    running[task] = self.next
                    task.add_done_callback(on_done)
                    self.next = end
                if running and not finished:
                    wake[:] = [asyncio.get_running_loop().create_future()]
                    await wake[0]
                    wake.clear()
                while finished:
                    task = finished.popleft()
                    start = running.pop(task)
                    for name, values in task.result().items():
                        self.results[name][start : start + len(values)] = values
        except (Exception, asyncio.CancelledError):
            # Nothing else: a coroutine that is thrown away (GeneratorExit) may not wait any more.
            for task in running:
                task.cancel()
            for task in running:
                # Their errors have lost: one ended the batch already.
                await asyncio.gather(task, return_exceptions=True)
            raise
        if self.next < count:
            raise Parked({"next": self.next, "results": self.results})

    async def one_turn(self, start: int, end: int) -> dict[str, list[Any]]:
        """One item's turn, here."""
        return await walk_turn(self.frame, self.node, self.path, start, self.items.at(start))

    async def one_slice(self, start: int, end: int) -> dict[str, list[Any]]:
        """Some items' turns, elsewhere."""
        frame, node = self.frame, self.node
        outer: dict[str, Json] = {}
        for number in node.outer_reads:
            value: Any = frame.outputs[number]
            if value is not MISSING:
                outer[str(number)] = value
        width = min(SLICES_IN_FLIGHT, self.concurrency)
        done = await frame.walk.runtime.slice(
            SliceRequest(
                step=node.step.id,
                path=self.path,
                title=node.step.title,
                start=start,
                items=tuple(self.items.at(index) for index in range(start, end)),
                outer=outer,
                concurrency=max(1, self.concurrency // width),
                context=frame.context,
                fused=self.action.fused,
            )
        )
        frame.walk.executed += done.executed
        frame.walk.spend(done.usage)
        frame.walk.look_for_refs(done.results)
        return done.results


async def walk_turn(frame: Frame, node: Node, path: str, index: int, item: object) -> dict[str, list[Any]]:
    """One turn of a batch; a result whose step did not run is null."""
    turn = frame.enter(node, path, index, item, None)
    await turn.turn()
    found: dict[str, list[Any]] = {}
    for name, _, source in node.results:
        value = source(turn, {}, {})
        found[name] = [None if value is MISSING else value]
    return found


async def walk_slice(frame: Frame, node: Node, request: SliceRequest) -> dict[str, list[Json]]:
    """The turns of a slice, `request.concurrency` at a time."""
    action = node.step.action
    if not isinstance(action, Map):
        raise TypeError(f"{node.step.id} is no batch")
    batch = _Batch(frame, node, action, Items(list(request.items), zipped=False), request.path, request.concurrency)

    async def one(start: int, end: int) -> dict[str, list[Any]]:
        return await walk_turn(frame, node, request.path, request.start + start, request.items[start])

    await batch.walk(len(request.items), 1, request.concurrency, one)
    return batch.results


def _too_many(what: str, count: int, limit: int, setting: str) -> LimitExceeded:
    return LimitExceeded(f"There are {count} {what}; the limit is {limit}.", limit=limit, setting=setting)
