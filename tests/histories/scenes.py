"""What is recorded: one scene per feature that leaves its own marks in a history. Add a scene, then record it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.canvas import Canvas
from engine.compile import Callee
from engine.errors import NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.limits import DEFAULT_LIMITS, Limits
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import answer, callee, canvas, choose, end, node, start
from tests.workers.harness import Bench, Handler
from workers.client import RunStart

_SECOND = re.compile(r"_(\d)$")

Drive = Callable[[Bench, RunStart], Awaitable[None]]


@dataclass(frozen=True)
class Scene:
    """A canvas, what its steps do, and what people do while it runs."""

    drawn: Canvas
    inputs: Mapping[str, Json] = field(default_factory=dict)
    callees: tuple[Callee, ...] = ()
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    drive: Drive | None = None
    limits: Limits = DEFAULT_LIMITS
    hand_over_events: int = 0
    encrypted: bool = False


async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    raise NodeFailed("No.", status=404)


async def away_twice(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    if ctx.attempt < 3:
        raise NodeUnavailable("Away.")
    return inputs


async def sleep(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    await asyncio.sleep(60)
    return {}


async def large(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    return {"text": "长" * 2_000, "list": [{"n": n} for n in range(500)]}


async def read(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    """Read answers: three are wanted, and reading the second fails once."""
    rounds = inputs["rounds"]
    if len(rounds) == 2 and ctx.attempt == 1:
        raise NodeUnavailable("Away.")
    if len(rounds) < 3:
        ctx.ask(f"And then? ({len(rounds)})")
        return {}
    return {"answer": " ".join(one["answer"] for one in rounds)}


async def write(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    for piece in ("Rivers ", "flow ", "down."):
        await ctx.emit(piece)
    return {"text": "Rivers flow down."}


def answers(**given: Json) -> Drive:
    """Answer these waits as they open: `a__b` is a place, `ask_2` the second question of a step."""

    async def drive(here: Bench, run: RunStart) -> None:
        for number, (name, said) in enumerate(given.items()):
            opened = await here.asked(run, _SECOND.sub(r".\1", name.replace("__", "/")))
            data: Any = opened.data
            await here.client.answer(data["executor"], data["wait_id"], said, answer_id=f"answer {number}")

    return drive


async def cancel(here: Bench, run: RunStart) -> None:
    """Cancel the run once its first step is under way."""
    await here.told(run, EventType.STEP_STARTED)
    await here.client.cancel(run.executor, "Enough.")


def work(id: str, **inputs: Any) -> dict[str, Any]:
    return node(id, "work", inputs)


def local(id: str, **inputs: Any) -> dict[str, Any]:
    return node(id, "work", inputs, settings={"tier": "local"})


def turns(count: int, *blocks: dict[str, Any], lines: str, **data: Any) -> dict[str, Any]:
    return node("turns", "loop", {"count": count}, settings={"mode": "count"}, blocks=list(blocks), lines=lines, **data)


_INNER = canvas(
    start({"name": "string"}), work("a", text="Hi {{start.name}}"), end({"said": "=a.text"}), lines="start>a>end"
)
_ASKS = canvas(start(), node("ask", "ask", {"question": "?"}), end({"said": "=ask.answer"}), lines="start>ask>end")
_ITEMS: Json = list(range(130))

SCENES: Mapping[str, Scene] = {
    "inline_steps": Scene(
        canvas(
            start({"n": "integer"}),
            choose("pick", large=("=start.n", "greater", 3)),
            node("big", "compute", {"template": "big {{start.n}}"}, settings={"operation": "text.concat"}),
            node("small", "compute", {"template": "small"}, settings={"operation": "text.concat"}),
            node(
                "both",
                "merge",
                settings={"groups": {"text": [{"ref": ["big", "output"]}, {"ref": ["small", "output"]}]}},
            ),
            end({"text": "=both.text"}),
            lines="start>pick pick:large>big>both>end pick:otherwise>small>both",
        ),
        {"n": 5},
    ),
    "activities_in_a_row": Scene(
        canvas(
            start(),
            work("a", text="1"),
            local("b", text="{{a.text}}2"),
            work("c", text="{{b.text}}3"),
            end({"t": "=c.text"}),
            lines="start>a>b>c>end",
        ),
    ),
    "branches_side_by_side": Scene(
        canvas(
            start(),
            work("a", text="1"),
            work("b", text="2"),
            local("c", text="3"),
            end({"a": "=a.text", "b": "=b.text", "c": "=c.text"}),
            lines="start>a>end start>b>end start>c>end",
        ),
    ),
    "variables": Scene(
        canvas(start(), work("a", text="{{user.name}} {{app.word}}"), end({"t": "=a.text"}), lines="start>a>end"),
    ),
    "retries": Scene(
        canvas(
            start(),
            node("a", "work", {"text": "x"}, settings={"attempts": 3, "backoff_ms": 10}),
            end({"t": "=a.text"}),
            lines="start>a>end",
        ),
        handlers={"a": away_twice},
    ),
    "error_branch": Scene(
        canvas(
            start(),
            node("a", "work", {"text": "x"}, on_error={"policy": "branch", "retries": 1}),
            work("b", text="plan b"),
            end({"t": "=b.text", "why": "=a.errorBody.errorMessage"}),
            lines="start>a>end a:error>b>end",
        ),
        handlers={"a": fail},
    ),
    "failure": Scene(
        canvas(start(), work("a", text="x"), end({"t": "=a.text"}), lines="start>a>end"), handlers={"a": fail}
    ),
    "node_timeout": Scene(
        canvas(
            start(),
            node("a", "work", {}, on_error={"policy": "default", "timeout_ms": 100, "default": {"text": "late"}}),
            end({"t": "=a.text"}),
            lines="start>a>end",
        ),
        handlers={"a": sleep},
    ),
    "cancelled_in_an_activity": Scene(
        canvas(start(), work("a", text="x"), end({"t": "=a.text"}), lines="start>a>end"),
        handlers={"a": sleep},
        drive=cancel,
    ),
    "cancelled_in_a_sub_workflow": Scene(
        canvas(
            start(),
            node("sub", "subworkflow", {"name": "x"}, settings={"workflow": "inner"}),
            end({"t": "=sub.said"}),
            lines="start>sub>end",
        ),
        callees=(callee("inner", _INNER),),
        handlers={"a": sleep},
        drive=cancel,
    ),
    "loop": Scene(
        canvas(
            start(),
            turns(4, work("a", n="=index"), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"all": "=turns.all"}),
            lines="start>turns>end",
        ),
    ),
    "loop_over_several_histories": Scene(
        canvas(
            start(),
            turns(12, work("a", n="=index"), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"all": "=turns.all"}),
            lines="start>turns>end",
        ),
        hand_over_events=30,
    ),
    "question_over_several_histories": Scene(
        canvas(
            start(),
            node("ask", "ask", {"question": "?"}),
            turns(12, work("a", n="=index"), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"said": "=ask.answer", "all": "=turns.all"}),
            lines="start>ask>end start>turns>end",
        ),
        drive=answers(ask="yes"),
        hand_over_events=30,
    ),
    "question_in_rounds": Scene(
        canvas(
            start(),
            node("ask", "ask", {"question": "?"}, settings={"reader": {}}),
            end({"said": "=ask.answer"}),
            lines="start>ask>end",
        ),
        handlers={"ask": read, "ask.2": read, "ask.3": read},
        drive=answers(ask="a", ask_2="b", ask_3="c"),
    ),
    "question_in_rounds_over_several_histories": Scene(
        canvas(
            start(),
            node("ask", "ask", {"question": "?"}, settings={"reader": {}}),
            turns(12, work("a", n="=index"), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"said": "=ask.answer", "all": "=turns.all"}),
            lines="start>ask>end start>turns>end",
        ),
        handlers={"ask": read, "ask.2": read, "ask.3": read},
        drive=answers(ask="a", ask_2="b", ask_3="c"),
        hand_over_events=30,
    ),
    "long_loop_of_inline_steps": Scene(
        canvas(
            start(),
            turns(
                2_500,
                node("n", "compute", {"template": "x"}, settings={"operation": "text.concat"}),
                lines="turns>n>turns",
                results={"all": "=n.output"},
            ),
            end({"n": "=turns.all.0"}),
            lines="start>turns>end",
        ),
    ),
    "batch_of_activities": Scene(
        canvas(
            start({"items": "array"}),
            node(
                "each",
                "batch",
                {"items": "=start.items", "concurrency": 3},
                blocks=[work("a", n="=item")],
                lines="each>a>each",
                results={"all": "=a.n"},
            ),
            end({"all": "=each.all"}),
            lines="start>each>end",
        ),
        {"items": [1, 2, 3, 4, 5, 6, 7]},
    ),
    "batch_in_fused_slices": Scene(
        canvas(
            start({"items": "array"}),
            node(
                "each",
                "batch",
                {"items": "=start.items", "limit": 1_000},
                blocks=[local("a", n="=item")],
                lines="each>a>each",
                results={"all": "=a.n"},
            ),
            end({"all": "=each.all"}),
            lines="start>each>end",
        ),
        {"items": _ITEMS},
    ),
    "sub_workflow": Scene(
        canvas(
            start(),
            node("sub", "subworkflow", {"name": "x"}, settings={"workflow": "inner"}),
            end({"t": "=sub.said"}),
            lines="start>sub>end",
        ),
        callees=(callee("inner", _INNER),),
    ),
    "question": Scene(_ASKS, drive=answers(ask="yes")),
    "questions_side_by_side": Scene(
        canvas(
            start(),
            node("one", "ask", {"question": "1?"}),
            node("two", "ask", {"question": "2?"}),
            end({"one": "=one.answer", "two": "=two.answer"}),
            lines="start>one>end start>two>end",
        ),
        drive=answers(two="b", one="a"),
    ),
    "question_in_a_sub_workflow": Scene(
        canvas(
            start(),
            node("sub", "subworkflow", {}, settings={"workflow": "inner"}),
            end({"t": "=sub.said"}),
            lines="start>sub>end",
        ),
        callees=(callee("inner", _ASKS),),
        drive=answers(sub__ask="yes"),
    ),
    "talk_with_tools": Scene(
        canvas(
            start(),
            node(
                "talk",
                "talk",
                {"script": {"value": [[[0, {}], [1, {"name": "x"}], [2, {"text": "y"}], [9, {}]], [[0, {}]]]}},
                settings={"tools": ["asks", "inner", "work"]},
            ),
            end({"told": "=talk.told"}),
            lines="start>talk>end",
        ),
        callees=(callee("asks", _ASKS), callee("inner", _INNER)),
        drive=answers(**{"talk__tools[1.0]__ask": "yes", "talk__tools[2.0]__ask": "no"}),
    ),
    "delay": Scene(canvas(start(), node("wait", "delay", {"seconds": 0.05}), end({}), lines="start>wait>end")),
    "streamed_answer": Scene(
        canvas(
            start(),
            node("a", "work", {}, settings={"streams": "text"}),
            answer("Well: {{said}}", {"said": "=a.text"}),
            lines="start>a>end",
        ),
        handlers={"a": write},
    ),
    "nested_stream": Scene(
        canvas(
            start(),
            node("s", "subworkflow", {}, settings={"workflow": "teller"}),
            node("v", "work", {}, settings={"streams": "text"}),
            answer("It says {{s.output}}, and {{v.text}}!"),
            lines="start>s>end start>v>end",
        ),
        callees=(
            callee(
                "teller",
                canvas(
                    start(),
                    node("w", "work", {}, settings={"streams": "text"}),
                    answer("«{{w.text}}»"),
                    lines="start>w>end",
                ),
            ),
        ),
        handlers={"w": write, "v": write},
    ),
    "values_by_reference": Scene(
        canvas(
            start(),
            work("a"),
            work("b", text="<{{a.text}}>", part="=a.list.3.n"),
            answer("{{t}} {{p}}", {"t": "=a.text", "p": "=b.part"}),
            lines="start>a>b>end",
        ),
        handlers={"a": large},
        limits=Limits(inline_value_bytes=2_048),
    ),
    "encrypted": Scene(
        canvas(
            start({"q": "string"}),
            node("a", "work", {"q": "=start.q"}, on_error={"policy": "branch"}),
            local("b", text="{{a.errorBody.errorMessage}} {{start.q}}"),
            node("sub", "subworkflow", {"name": "=b.text"}, settings={"workflow": "inner"}),
            turns(12, work("t", n="{{sub.said}} {{index}}"), lines="turns>t>turns", results={"all": "=t.n"}),
            end({"t": "=turns.all"}),
            lines="start>a a:error>b>sub>turns>end a>end",
        ),
        {"q": "西湖"},
        callees=(callee("inner", _ASKS),),
        handlers={"a": fail},
        drive=answers(sub__ask="yes"),
        hand_over_events=30,
        encrypted=True,
    ),
}
"""Every scene by its name, which is also the name of its file."""
