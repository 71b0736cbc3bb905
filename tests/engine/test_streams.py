"""Streamed texts on their way into messages: through merges and sub-workflows, in order, and taken back where wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.compile import Callee
from engine.events import EventType
from engine.interpret import RunResult
from engine.memory import InMemoryRuntime
from engine.runtime import CallRequest, CallResult
from tests.engine.draw import answer, callee, canvas, choose, end, node, run, start
from tests.engine.streaming_world import POEM, StreamingWorld, is_live, merge, pieces, read, say, sub, write


async def walk(drawn: Canvas, *callees: Callee, **inputs: Any) -> tuple[RunResult, InMemoryRuntime]:
    return await run(drawn, inputs, StreamingWorld(), callees=callees)


def teller(text: str = POEM, around: str = "«{{w.text}}»", **how: Any) -> Callee:
    """A workflow that answers with a streamed text."""
    return callee("teller", canvas(start(), write("w", text, **how), answer(around), lines="start>w>end"))


async def test_a_text_streams_into_the_message_right_behind_it() -> None:
    drawn = canvas(start(), write("w"), say("m", "So: {{w.text}}!"), end(), lines="start>w>m>end")
    _, there = await walk(drawn)
    assert read(there) == {"m": f"So: {POEM}!"}
    assert pieces(there, "m") == ["So: Ri", *(POEM[at : at + 2] for at in range(2, len(POEM), 2)), "!"]


async def test_a_merge_hands_on_the_stream_of_the_branch_that_was_taken() -> None:
    drawn = canvas(
        start({"number": "integer"}),
        choose("p", yes=("=start.number", "greater", 1)),
        write("a", "from a"),
        write("b", "from b"),
        merge("g", text=["a.text", "b.text"]),
        answer("{{g.text}}."),
        lines="start>p p:yes>a>g p:otherwise>b>g g>end",
    )
    for number, taken in ((2, "a"), (1, "b")):
        _, there = await walk(drawn, number=number)
        assert read(there) == {"end": f"from {taken}."}
        assert is_live(there, "end", taken)


async def test_a_merge_decides_as_soon_as_the_earlier_candidates_are_known() -> None:
    drawn = canvas(
        start(),
        write("slow", "slow one", pace=9),
        write("quick", "quick"),
        merge("g", first=["slow.text", "quick.text"], other=["quick.text", "slow.text"]),
        say("m", "{{g.first}}"),
        say("n", "{{g.other}}"),
        answer(""),
        lines="start>slow>g start>quick>g g>m>end g>n>end",
    )
    _, there = await walk(drawn)
    assert read(there) == {"m": "slow one", "n": "quick"}
    # Both branches lead to the merge: it is certain once the other one is there, and then the slow one is heard live.
    assert is_live(there, "m", "slow")
    assert not is_live(there, "n", "quick")


async def test_merges_behind_merges_hand_a_stream_on() -> None:
    drawn = canvas(
        start(),
        write("a", ""),
        write("w"),
        merge("g", text=["start.none", "w.text"]),
        merge("h", text=["g.text", "a.text"]),
        answer("> {{h.text}}"),
        lines="start>a>w>g>h>end",
    )
    _, there = await walk(drawn)
    assert read(there) == {"end": f"> {POEM}"}
    assert is_live(there, "end", "w")


async def test_a_sub_workflow_that_answers_streams_into_the_message_of_its_caller() -> None:
    drawn = canvas(start(), sub("s", "teller"), answer("It says {{s.output}}!"), lines="start>s>end")
    result, there = await walk(drawn, teller())
    assert result.answer == f"It says «{POEM}»!"
    # The answer of the sub-workflow is a message of its own too.
    assert read(there) == {"s/end": f"«{POEM}»", "end": f"It says «{POEM}»!"}
    assert pieces(there, "end")[0] == "It says «Ri"
    assert is_live(there, "end", "s/w")


async def test_a_stream_comes_through_sub_workflows_several_deep_and_merges_on_the_way() -> None:
    inner = teller()
    middle = callee(
        "middle",
        canvas(
            start(),
            sub("t", "teller"),
            merge("g", text=["start.none", "t.output"]),
            answer("[{{g.text}}]"),
            lines="start>t>g>end",
        ),
        lambda workflow, version: inner,
    )
    outer = callee(
        "outer", canvas(start(), sub("u", "middle"), answer("({{u.output}})"), lines="start>u>end"), lambda *_: middle
    )
    drawn = canvas(start(), sub("s", "outer"), say("m", "{{s.output}}"), answer("done"), lines="start>s>m>end")
    _, there = await run(drawn, {}, StreamingWorld(), callees=(inner, middle, outer))
    assert read(there) == {
        "s/u/t/end": f"«{POEM}»",
        "s/u/end": f"[«{POEM}»]",
        "s/end": f"([«{POEM}»])",
        "m": f"([«{POEM}»])",
        "end": "done",
    }
    assert pieces(there, "m")[:2] == ["([«Ri", "ve"]
    assert is_live(there, "m", "s/u/t/w")


async def test_a_sub_workflow_whose_answer_does_not_stream_leaves_no_prefix_behind() -> None:
    still = callee(
        "still", canvas(start(), node("w", "work", {"text": "x"}), answer("{{w.text}}"), lines="start>w>end")
    )
    drawn = canvas(start(), sub("s", "still"), write("v"), answer("A {{s.output}} B {{v.text}}"), lines="start>s>v>end")
    _, there = await walk(drawn, still)
    assert read(there)["end"] == f"A x B {POEM}"
    assert pieces(there, "end")[0] == "A x B Ri"


async def test_several_streams_in_one_message_come_in_its_order() -> None:
    drawn = canvas(
        start(),
        write("a", "first one", pace=3),
        write("b", "the second", pace=1),
        write("c", "and the third", pace=6),
        say("m", "1 {{a.text}} 2 {{b.text}} 3 {{c.text}} 4"),
        end(),
        lines="start>a>m start>b>m start>c>m m>end",
    )
    _, there = await walk(drawn)
    assert read(there) == {"m": "1 first one 2 the second 3 and the third 4"}
    # What was made before its turn came at once, the rest as it came.
    assert is_live(there, "m", "c")


async def test_a_message_that_waits_for_another_branch_catches_up_with_a_stream_that_runs() -> None:
    drawn = canvas(
        start(),
        write("w", "a long long long text", pace=3),
        node("x", "work", {"text": "known", "pace": 2}),
        say("m", "{{x.text}}: {{w.text}}"),
        end(),
        lines="start>w>m start>x>m m>end",
    )
    _, there = await walk(drawn)
    assert read(there) == {"m": "known: a long long long text"}
    assert pieces(there, "m")[0] == "known: "
    assert is_live(there, "m", "w")
    opened = [one for one in there.events if one.type is EventType.MESSAGE_OPENED]
    assert [(one.path, one.data["source"]) for one in opened] == [("m", "w")]


async def test_a_sub_workflow_catches_up_too() -> None:
    drawn = canvas(
        start(),
        sub("s", "teller"),
        node("x", "work", {"text": "known", "pace": 2}),
        answer("{{x.text}}: {{s.output}}."),
        lines="start>s>end start>x>end",
    )
    _, there = await walk(drawn, teller("a long long long text", pace=5))
    assert read(there)["end"] == "known: «a long long long text»."
    assert is_live(there, "end", "s/w")


async def test_a_sub_workflow_within_one_catches_up_with_what_stands_around_it() -> None:
    inner = teller("a long long long text", pace=5)
    middle = callee(
        "middle", canvas(start(), sub("t", "teller"), answer("[{{t.output}}]"), lines="start>t>end"), lambda *_: inner
    )
    drawn = canvas(
        start(),
        sub("s", "middle"),
        node("x", "work", {"text": "known", "pace": 2}),
        answer("{{x.text}}: {{s.output}}."),
        lines="start>s>end start>x>end",
    )
    _, there = await walk(drawn, inner, middle)
    assert read(there)["end"] == "known: [«a long long long text»]."
    assert is_live(there, "end", "s/t/w")


async def test_nobody_waits_for_a_step_that_comes_after_the_stream() -> None:
    drawn = canvas(
        start(), write("a"), write("b", "b"), say("m", "{{a.text}} {{b.text}}"), end(), lines="start>a>b>m>end"
    )
    world = StreamingWorld()
    _, there = await run(drawn, {}, world)
    assert read(there) == {"m": f"{POEM} b"}
    assert [request.targets for request in world.requests if request.node == "a"] == [()]
    # Known by then: it stands before the first piece of the other.
    assert pieces(there, "m") == [f"{POEM} b"]


async def test_the_same_stream_twice_in_one_message_is_told_twice() -> None:
    drawn = canvas(start(), write("w", "abcd"), answer("{{w.text}}, {{w.text}}"), lines="start>w>end")
    _, there = await walk(drawn)
    assert read(there) == {"end": "abcd, abcd"}
    assert pieces(there, "end") == ["ab", "cd", ", abcd"]


async def test_an_object_with_a_stream_in_it_comes_when_it_is_whole_and_its_member_as_it_comes() -> None:
    inputs = {"o": {"object": {"text": {"ref": ["w", "text"]}, "n": {"value": 1}}}}
    drawn = canvas(
        start(), write("w", "abcd"), say("m", "{{o}}", inputs), say("n", "{{o.text}}", inputs), end(),
        lines="start>w>m>end w>n>end",
    )  # fmt: skip
    _, there = await walk(drawn)
    assert read(there) == {"m": '{"n":1,"text":"abcd"}', "n": "abcd"}
    assert (pieces(there, "m"), pieces(there, "n")) == ([], ["ab", "cd"])


@pytest.mark.parametrize("thought", ["first this", "", None])
async def test_what_a_model_thinks_streams_before_what_it_says(thought: str | None) -> None:
    drawn = canvas(
        start(),
        write("w", "abcd", thought=thought),
        say("m", "<{{w.thought}}> {{w.text}}."),
        say("n", "{{w.text}} ({{w.thought}})"),
        answer("{{w.thought}}"),
        lines="start>w>m>end w>n>end",
    )
    _, there = await walk(drawn)
    shown = thought or ""
    whole = {"m": f"<{shown}> abcd.", "n": f"abcd ({shown})", "end": shown}
    assert read(there) == {path: text for path, text in whole.items() if text}
    if thought:
        assert pieces(there, "m") == ["<fi", "rs", "t ", "th", "is", "> ab", "cd", "."]
    else:
        assert pieces(there, "m") == ["<", "> ab", "cd", "."]
    # Thoughts behind the text come when they are known, which is when it is.
    assert pieces(there, "n") == ["ab", "cd", f" ({shown})"]


@pytest.mark.parametrize("text", ["", POEM])
async def test_an_empty_message_says_nothing(text: str) -> None:
    drawn = canvas(start(), write("w", text), say("m", "{{w.text}}"), end(), lines="start>w>m>end")
    _, there = await walk(drawn)
    assert read(there) == ({"m": text} if text else {})
    if not text:
        assert [one for one in there.events if one.type.startswith("message.")] == []


async def test_what_stands_before_an_empty_stream_is_told() -> None:
    drawn = canvas(start(), write("w", ""), say("m", "Well: {{w.text}}"), end(), lines="start>w>m>end")
    _, there = await walk(drawn)
    assert read(there) == {"m": "Well: "}
    assert pieces(there, "m") == ["Well: "]


async def test_a_skipped_placeholder_prints_nothing() -> None:
    drawn = canvas(
        start({"number": "integer"}),
        choose("p", yes=("=start.number", "greater", 1)),
        write("a"),
        write("b", "bb"),
        answer("{{a.text}}|{{b.text}}"),
        lines="start>p p:yes>a>end p:otherwise>b>end",
    )
    _, there = await walk(drawn, number=1)
    assert read(there) == {"end": "|bb"}
    assert pieces(there, "end") == ["|bb"]


async def test_pieces_of_a_failed_attempt_are_void() -> None:
    drawn = canvas(start(), write("w", fails=2, attempts=3), answer("> {{w.text}}"), lines="start>w>end")
    _, there = await walk(drawn)
    assert read(there) == {"end": f"> {POEM}"}
    assert len([one for one in there.events if one.type is EventType.STEP_RETRIED]) == 2


async def test_a_default_stands_in_for_a_stream_that_failed() -> None:
    instead = {"policy": "default", "default": {"text": "no poem"}}
    drawn = canvas(
        start(), write("w", fails=1, on_error=instead), write("v", "v"), answer("> {{w.text}} {{v.text}}"),
        lines="start>w>v>end start>v",
    )  # fmt: skip
    _, there = await walk(drawn)
    assert read(there) == {"end": "> no poem v"}


async def test_a_step_that_says_something_else_in_the_end_is_taken_at_that() -> None:
    drawn = canvas(start(), write("w", lies=True), answer("> {{w.text}}"), lines="start>w>end")
    _, there = await walk(drawn)
    assert read(there) == {"end": "> something else"}


class FailsOnce(StreamingWorld):
    """What runs within `s` for the second time does well."""

    async def work(self, request: CallRequest) -> CallResult:
        if request.path.startswith("s~2/"):
            request = replace(request, inputs={**request.inputs, "fails": 0})
        return await super().work(request)


async def test_a_sub_workflow_that_is_tried_again_takes_back_what_it_said() -> None:
    again = {"policy": "fail", "retries": 1}
    drawn = canvas(start(), sub("s", "teller", on_error=again), answer("> {{s.output}}"), lines="start>s>end")
    _, there = await run(drawn, {}, FailsOnce(), callees=(teller(fails=1),))
    assert read(there) == {"s~2/end": f"«{POEM}»", "end": f"> «{POEM}»"}
    assert is_live(there, "end", "s/w")
    assert is_live(there, "end", "s~2/w")


async def test_a_sub_workflow_that_fails_for_good_leaves_the_default() -> None:
    instead = {"policy": "default", "default": {"output": "none"}}
    drawn = canvas(start(), sub("s", "teller", on_error=instead), answer("> {{s.output}}"), lines="start>s>end")
    _, there = await walk(drawn, teller(fails=9))
    assert read(there)["end"] == "> none"
    assert is_live(there, "end", "s/w")


async def test_messages_in_loops_batches_and_sub_workflows_reach_the_reader() -> None:
    inner = callee("inner", canvas(start(), write("w", "ab"), say("m", "{{w.text}}"), end(), lines="start>w>m>end"))

    def body(name: str) -> dict[str, Any]:
        blocks = [write(f"{name}w", "cd"), say(f"{name}m", f"{{{{{name}w.text}}}}{{{{index}}}}")]
        lines = f"{name}>{name}w>{name}m>{name}"
        return {"blocks": blocks, "results": {"r": f"={name}w.text"}, "lines": lines}

    drawn = canvas(
        start(),
        sub("s", "inner"),
        node("l", "loop", {"items": ["x", "y"]}, settings={"mode": "array"}, **body("l")),
        node("b", "batch", {"items": ["x", "y"]}, **body("b")),
        end(),
        lines="start>s>l>b>end",
    )
    _, there = await walk(drawn, inner)
    whole = {"s/m": "ab", "l[0]/lm": "cd0", "l[1]/lm": "cd1", "b[0]/bm": "cd0", "b[1]/bm": "cd1"}
    assert read(there) == whole
    assert all(is_live(there, path, f"{path[:-1]}w") for path in whole)
