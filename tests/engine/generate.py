"""Random canvases: every shape the language has, always valid, for properties that must hold of all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from engine.canvas import Canvas
from tests.engine.draw import choose, edges, node

TEXTS = st.sampled_from(["", "a", "甲", "x{{start.text}}", "{{start.number}}!", "{{system.run_id}}"])


class _Sketch:
    """A canvas under construction: nodes and lines of one level, and which outputs a node here may read."""

    def __init__(self, names: list[int], readable: list[str]) -> None:
        self.names = names
        self.readable = readable
        self.nodes: list[dict[str, Any]] = []
        self.lines: list[str] = []

    def name(self, kind: str) -> str:
        self.names[0] += 1
        return f"{kind}{self.names[0]}"


@st.composite
def canvases(draw: st.DrawFn, *, people: bool = False, size: int = 4) -> Canvas:
    """A valid canvas over the test library. Its inputs are `text`, `number` and `list`; `people` puts questions in."""
    sketch = _Sketch([0], ["=start.text"])
    outputs = {"text": {"type": "string"}, "number": {"type": "integer"}, "list": {"type": "array"}}
    start = node("start", "start", outputs={"type": "object", "properties": outputs})
    tails = _series(draw, sketch, ["start"], depth=2, length=draw(st.integers(1, size)), people=people, inside=False)
    shown = draw(st.lists(st.sampled_from(sketch.readable), max_size=4, unique=True))
    end = node("end", "end", {f"r{i}": {"ref": one[1:].split(".")} for i, one in enumerate(shown)}, settings={})
    _join(sketch, tails, "end")
    return Canvas.model_validate({"nodes": [start, *sketch.nodes, end], "edges": edges(" ".join(sketch.lines))})


def _join(sketch: _Sketch, tails: list[str], target: str) -> None:
    sketch.lines += [f"{tail}>{target}" for tail in dict.fromkeys(tails)]


def _series(
    draw: st.DrawFn, sketch: _Sketch, tails: list[str], *, depth: int, length: int, people: bool, inside: bool
) -> list[str]:
    for _ in range(length):
        kinds = ["work", "work", "local", "compute", "message"]
        kinds += ["choose", "parallel", "guarded"] if depth else []
        kinds += ["loop", "batch", "delay"] if not inside else []
        kinds += ["ask"] if people else []
        tails = _STEPS[draw(st.sampled_from(kinds))](draw, sketch, tails, depth, people, inside)
    return tails


def _read(draw: st.DrawFn, sketch: _Sketch, inside: bool) -> Any:
    known = ["=item", "=index"] if inside else []
    return draw(st.one_of(TEXTS, st.sampled_from([*sketch.readable, *known])))


def _add(sketch: _Sketch, made: dict[str, Any], tails: list[str], *, output: str = "") -> list[str]:
    sketch.nodes.append(made)
    _join(sketch, tails, made["id"])
    if output:
        sketch.readable.append(f"={made['id']}.{output}")
    return [made["id"]]


def _work(
    draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool, tier: str = "activity"
) -> list[str]:
    name = sketch.name("w")
    return _add(
        sketch, node(name, "work", {"text": _read(draw, sketch, inside)}, settings={"tier": tier}), tails, output="text"
    )


def _local(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    return _work(draw, sketch, tails, depth, people, inside, "local")


def _compute(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    name = sketch.name("c")
    made = node(name, "compute", {"input": _read(draw, sketch, inside)}, settings={"operation": "json.to"})
    return _add(sketch, made, tails, output="output")


def _message(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    content = "says " + "".join(
        "{{" + one[1:] + "}}" for one in draw(st.lists(st.sampled_from(sketch.readable), max_size=2))
    )
    return _add(sketch, node(sketch.name("m"), "message", {}, settings={"content": content}), tails)


def _delay(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    return _add(sketch, node(sketch.name("d"), "delay", {"seconds": 0.01}), tails)


def _ask(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    return _add(sketch, node(sketch.name("q"), "ask", {"question": "?"}), tails, output="answer")


def _choose(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    name = sketch.name("p")
    left = draw(st.sampled_from(["=start.number", 1, 2]))
    _add(sketch, choose(name, yes=(left, "greater", 1)), tails)
    ends: list[str] = []
    for port in ("yes", "otherwise"):
        length = draw(st.integers(0, 2))
        branch = _series(draw, sketch, [f"{name}:{port}"], depth=depth - 1, length=length, people=people, inside=inside)
        ends += branch
    return ends


def _parallel(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    ends: list[str] = []
    for _ in range(draw(st.integers(2, 3))):
        ends += _series(
            draw, sketch, tails, depth=depth - 1, length=draw(st.integers(1, 2)), people=people, inside=inside
        )
    return ends


def _guarded(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    """A step that fails always or never, with an error branch or a default."""
    name = sketch.name("f" if draw(st.booleans()) else "w")
    if draw(st.booleans()):
        on_error = {"policy": "default", "default": {"text": "instead"}}
        return _add(sketch, node(name, "work", {"text": "x"}, on_error=on_error), tails, output="text")
    _add(sketch, node(name, "work", {"text": "x"}, on_error={"policy": "branch"}), tails, output="text")
    well = _series(draw, sketch, [name], depth=depth - 1, length=1, people=people, inside=inside)
    badly = _series(draw, sketch, [f"{name}:error"], depth=depth - 1, length=1, people=people, inside=inside)
    return [*well, *badly]


def _composite(draw: st.DrawFn, sketch: _Sketch, tails: list[str], people: bool, kind: str) -> list[str]:
    name = sketch.name(kind)
    inner = _Sketch(sketch.names, list(sketch.readable))
    before = len(inner.readable)
    ends = _series(draw, inner, [name], depth=1, length=draw(st.integers(1, 2)), people=people, inside=True)
    _join(inner, ends, name)
    made = {one[1:].split(".")[0]: {"ref": one[1:].split(".")} for one in inner.readable[before:]}
    if not made:
        extra = inner.name("c")
        inner.nodes.append(node(extra, "compute", {"input": "=index"}, settings={"operation": "json.to"}))
        inner.lines = [line for line in inner.lines if not line.endswith(f">{name}")]
        _join(inner, ends, extra)
        inner.lines.append(f"{extra}>{name}")
        made = {extra: {"ref": [extra, "output"]}}
    items = draw(st.sampled_from(["=start.list", ["a", "b", "c"], []]))
    settings = {"settings": {"mode": "array"}} if kind == "loop" else {}
    sketch.nodes.append(
        node(name, kind, {"items": items}, blocks=inner.nodes, lines=" ".join(inner.lines), results=made, **settings)
    )
    _join(sketch, tails, name)
    sketch.readable += [f"={name}.{one}" for one in made]
    return [name]


def _loop(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    return _composite(draw, sketch, tails, people, "loop")


def _batch(draw: st.DrawFn, sketch: _Sketch, tails: list[str], depth: int, people: bool, inside: bool) -> list[str]:
    return _composite(draw, sketch, tails, people, "batch")


_STEPS = {
    "work": _work,
    "local": _local,
    "compute": _compute,
    "message": _message,
    "delay": _delay,
    "ask": _ask,
    "choose": _choose,
    "parallel": _parallel,
    "guarded": _guarded,
    "loop": _loop,
    "batch": _batch,
}
