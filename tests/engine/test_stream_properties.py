"""Streamed texts on their way into messages, whatever is drawn: every message keeps its word."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.canvas import Canvas
from tests.engine.draw import answer, callee, canvas, choose, run, start
from tests.engine.streaming_world import StreamingWorld, merge, read, say, sub, write


class _Sketch:
    """A canvas under construction: nodes, lines, and the texts that may be shown."""

    def __init__(self, draw: st.DrawFn, callees: tuple[str, ...], may_fail: bool) -> None:
        self.draw, self.callees, self.may_fail = draw, callees, may_fail
        self.nodes: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.texts: list[str] = []

    def add(self, made: dict[str, Any], tails: list[str], text: str = "") -> list[str]:
        self.nodes.append(made)
        self.lines += [f"{tail}>{made['id']}" for tail in dict.fromkeys(tails)]
        self.texts += [text] if text else []
        return [made["id"]]

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def template(self) -> str:
        """A few texts, those that came last more often than others, and words between them."""
        known = [*self.texts, *self.texts[-3:], *self.texts[-3:]]
        shown = self.draw(
            st.lists(st.sampled_from(["{{start.none}}", *("{{" + one + "}}" for one in known)]), max_size=4)
        )
        return self.draw(st.sampled_from(["", "a "])) + self.draw(st.sampled_from(["", " b "])).join(shown)

    def series(self, tails: list[str], depth: int) -> list[str]:
        for _ in range(self.draw(st.integers(1, 3))):
            kinds = ["write", "write", "message", "merge"] + ["sub"] * 2 * bool(self.callees)
            more = ["parallel", "choose", "gather", "gather"] * bool(depth)
            tails = self.step(tails, self.draw(st.sampled_from(kinds + more)), depth)
        return tails

    def step(self, tails: list[str], kind: str, depth: int) -> list[str]:
        draw, name = self.draw, self.name(kind[0])
        match kind:
            case "write":
                instead = {"policy": "default", "default": {"text": "instead"}}
                text = draw(st.sampled_from(["甲乙丙丁戊", "a long text", "ab", ""]))
                how: dict[str, Any] = {"pace": draw(st.integers(0, 4)), "fails": draw(st.sampled_from([0, 0, 0, 1, 2]))}
                how |= {"lies": draw(st.integers(0, 9)) == 0, "attempts": 2}
                if draw(st.booleans()):
                    how["thought"] = draw(st.sampled_from(["first this", "", None]))
                    self.texts.append(f"{name}.thought")
                how |= {} if self.may_fail and draw(st.booleans()) else {"on_error": instead}
                return self.add(write(name, text, **how), tails, f"{name}.text")
            case "message":
                return self.add(say(name, self.template()), tails)
            case "merge" if self.texts:
                chosen = draw(st.lists(st.sampled_from(self.texts), min_size=1, max_size=3))
                return self.add(merge(name, text=chosen), tails, f"{name}.text")
            case "sub":
                again = {"policy": "default", "default": {"output": "none"}, "retries": 1}
                made = sub(name, draw(st.sampled_from(self.callees)), on_error=again)
                return self.add(made, tails, f"{name}.output")
            case "parallel":
                return [end for _ in range(2) for end in self.series(tails, depth - 1)]
            case "gather":
                # What runs side by side, told by one message in any order.
                kinds = ["write", "write", "sub"] if self.callees else ["write"]
                ends, known = [], len(self.texts)
                for _ in range(draw(st.integers(1, 3))):
                    ends += self.step(tails, draw(st.sampled_from(kinds)), 0)
                shown = draw(st.permutations(self.texts[known:]))
                content = draw(st.sampled_from(["", "so "])) + ", ".join("{{" + one + "}}" for one in shown)
                return self.add(say(self.name("m"), content), ends)
            case "choose":
                self.add(choose(name, yes=(draw(st.integers(0, 1)), "equal", 1)), tails)
                return [end for port in ("yes", "otherwise") for end in self.series([f"{name}:{port}"], depth - 1)]
            case _:
                return tails


@st.composite
def canvases(draw: st.DrawFn, callees: tuple[str, ...] = (), *, may_fail: bool = True) -> Canvas:
    sketch = _Sketch(draw, callees, may_fail)
    tails = sketch.series(["start"], 2)
    if draw(st.booleans()):
        # Most of what is worth hearing is said right before the end.
        tails = sketch.step(tails, draw(st.sampled_from(["sub", "write"] if callees else ["write"])), 0)
    shown = draw(st.sampled_from([sketch.template(), *("[{{" + one + "}}]" for one in sketch.texts[-2:])]))
    sketch.add(answer(shown), tails)
    return canvas(start(), *sketch.nodes, lines=" ".join(sketch.lines))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
async def test_every_message_keeps_its_word(data: st.DataObject) -> None:
    low = callee("low", data.draw(canvases()))
    high = callee("high", data.draw(canvases(callees=("low",))), lambda workflow, version: low)
    drawn = data.draw(canvases(callees=("low", "high"), may_fail=False))
    result, there = await run(drawn, {}, StreamingWorld(), callees=(low, high))
    told = read(there)
    assert told.get("end", "") == result.answer
