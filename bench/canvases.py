"""The canvases that are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Canvas = dict[str, Any]
TEXT: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}


def _node(name: str, kind: str, **data: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "data": {"title": name, **data}}


def _edges(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"sourceNodeID": source, "targetNodeID": target} for source, target in pairs]


def _start(outputs: dict[str, Any] = TEXT) -> dict[str, Any]:
    return _node("start", "start", outputs=outputs)


def _end(source: str, key: str) -> dict[str, Any]:
    return _node("end", "end", inputs={"text": {"ref": [source, key]}}, settings={"mode": "variables"})


def _inline(name: str, source: list[str]) -> dict[str, Any]:
    return _node(name, "text_concat", inputs={"before": {"ref": source}, "template": {"template": "{{before}}·文"}})


def _call(kind: str) -> Callable[[str, list[str]], dict[str, Any]]:
    return lambda name, source: _node(name, kind, inputs={"text": {"ref": source}})


def _chain(steps: list[tuple[str, Callable[[str, list[str]], dict[str, Any]], str]]) -> Canvas:
    nodes, edges, source = [_start()], [], ["start", "text"]
    for name, make, key in steps:
        nodes.append(make(name, source))
        edges.append((source[0], name))
        source = [name, key]
    nodes.append(_end(*source))
    return {"nodes": nodes, "edges": _edges(*edges, (source[0], "end"))}


def inline(count: int) -> Canvas:
    """A chain of inline steps; start and end count among them."""
    return _chain([(f"step{number}", _inline, "output") for number in range(count - 2)])


def calls(count: int, kind: str) -> Canvas:
    """A chain of steps that do nothing, of one tier."""
    return _chain([(f"step{number}", _call(kind), "text") for number in range(count)])


def mixed() -> Canvas:
    """Twenty nodes, three of them activities."""
    activity = ("bench_activity", _call("bench_activity"), "text")
    return _chain(
        [
            (f"{activity[0]}{number}", activity[1], "text")
            if number in (4, 9, 14)
            else (f"s{number}", _inline, "output")
            for number in range(18)
        ]
    )


def fan_out(count: int) -> Canvas:
    """Activities side by side."""
    names = [f"step{number}" for number in range(count)]
    nodes = [_start(), *(_call("bench_activity")(name, ["start", "text"]) for name in names), _end(names[0], "text")]
    pairs = [pair for name in names for pair in (("start", name), (name, "end"))]
    return {"nodes": nodes, "edges": _edges(*pairs)}


def composite(kind: str, body: str, *, turns: int | None = None) -> Canvas:
    """A loop of so many turns, or a batch over the run's items, with one step in its body."""
    inputs: dict[str, Any] = {"items": {"ref": ["start", "items"]}, "concurrency": {"value": 64}}
    settings: dict[str, Any] = {}
    if kind == "loop":
        inputs, settings = {"count": {"value": turns}}, {"mode": "count"}
    step = _node("step", body, inputs={"text": {"template": "{{index}}"}})
    around = _node("turns", kind, inputs=inputs, settings=settings, results={"all": {"ref": ["step", "text"]}})
    around |= {"blocks": [step], "edges": _edges(("turns", "step"), ("step", "turns"))}
    given = {"type": "object", "properties": {"items": {"type": "array"}}}
    end = _node("end", "end", inputs={"all": {"ref": ["turns", "all"]}}, settings={"mode": "variables"})
    return {"nodes": [_start(given), around, end], "edges": _edges(("start", "turns"), ("turns", "end"))}


def talking() -> Canvas:
    """A model whose answer streams."""
    model = _node("model", "llm", inputs={"model": {"value": "scripted"}, "prompt": {"value": "你好"}})
    end = _node("end", "end", settings={"mode": "answer", "answer": "{{model.output}}"})
    return {"nodes": [_start(), model, end], "edges": _edges(("start", "model"), ("model", "end"))}
