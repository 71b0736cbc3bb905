"""Code: what the author's function is given, what becomes of its result, and what is told when it fails."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import NodeUnavailable
from engine.events import EventType
from engine.runtime import StepError
from engine.values import Json
from nodes.logic.code import LOG_CHARS, SOURCE_BYTES, code
from nodes.sandbox import CodeFailed, CodeTask, Finished, Task
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, canvas, end, findings, node, start
from tests.nodes.jail import OpenJail
from workers.sandbox import NoSandbox


def world(source: str, language: str = "python", outputs: dict[str, Json] | None = None) -> NodeWorld:
    return NodeWorld(settings={"language": language, "source": source}, output_schema=outputs)


def drawn(source: str, outputs: dict[str, Any], inputs: dict[str, Any] | None = None, **more: Any) -> Walk:
    """A canvas around one code node; its whole output is the output of the run."""
    step = node("n", "code", inputs or {}, settings={"source": source}, outputs={"type": "object", **outputs}, **more)
    return Walk(canvas(start(), step, end({"out": {"ref": ["n"]}}), lines="start>n>end"))


async def test_the_inputs_are_the_params_null_and_all() -> None:
    here = world("def main(args):\n    return dict(args.params)")
    given: dict[str, Json] = {"text": "茶", "none": None, "list": [1, {"a": True}], "language": "x", "model_config": 1}
    assert await code.run(given, here) == given
    assert isinstance(here.sandbox, OpenJail)
    assert here.sandbox.asked == [
        ("10", CodeTask("python", "def main(args):\n    return dict(args.params)", given, 60.0))
    ]


async def test_the_result_is_converted_to_the_declared_outputs_and_what_is_not_declared_passes() -> None:
    outputs = {"properties": {"count": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "integer"}}}}
    walk = drawn("def main(args):\n    return {'count': '7', 'tags': [1, 'x', '2'], 'more': {'a': 1}}", outputs)
    result = await walk.run()
    assert result.output == {"out": {"count": 7, "tags": [1, 2], "more": {"a": 1}}}
    done = next(event for event in walk.runtime.events if event.key == "n:succeeded")
    assert len(done.data["warnings"]) == 1  # type: ignore[arg-type]


async def test_a_declared_output_that_is_not_given_is_null_and_a_required_one_makes_the_node_fail() -> None:
    outputs: dict[str, Any] = {"properties": {"a": {"type": "string"}}}
    assert (await drawn("def main(args): return {}", outputs).run()).output == {"out": {"a": None}}
    with pytest.raises(StepError, match="without a, which is a required output") as found:
        await drawn("def main(args):\n    print('hm')\n    return {}", {**outputs, "required": ["a"]}).run()
    assert found.value.error_code == "code_failed"
    assert (found.value.facts["reason"], found.value.facts["logs"]) == ("output", ["hm"])


@pytest.mark.parametrize(
    ("value", "what"),
    [("None", "nothing"), ("[1]", "a list"), ("'茶'", "a text"), ("7", "a number"), ("True", "true or false")],
)
async def test_a_result_that_is_no_object_makes_the_node_fail(value: str, what: str) -> None:
    with pytest.raises(CodeFailed) as found:
        await code.run({}, world(f"def main(args):\n    return {value}"))
    assert found.value.facts["reason"] in ("output", "error")
    assert what in found.value.message or "object" in found.value.message or "dict" in found.value.message


async def test_printed_lines_stand_in_the_record_of_the_step_and_nowhere_else() -> None:
    walk = drawn("def main(args):\n    print('第一行')\n    print('second', 2)\n    return {'a': 'x'}", {})
    await walk.run()
    done = next(event for event in walk.runtime.events if event.key == "n:succeeded")
    assert done.data["logs"] == ["第一行", "second 2"]
    assert done.data["output"] == {"a": "x"}
    assert "warnings" not in done.data
    silent = drawn("def main(args): return {}", {})
    await silent.run()
    assert not any("logs" in event.data for event in silent.runtime.events)


async def test_no_more_is_kept_of_what_is_printed_than_a_few_pages() -> None:
    here = world("def main(args):\n    for n in range(100):\n        print(str(n) * 999)\n    return {}")
    await code.run({}, here)
    assert sum(len(line) for line in here.logged) <= LOG_CHARS + 100
    assert here.logged[-1].startswith("… and ")
    with pytest.raises(CodeFailed) as found:
        await code.run({}, world("def main(args):\n    for n in range(100):\n        print(str(n) * 999)\n    boom"))
    assert len(str(found.value.facts["logs"])) < LOG_CHARS + 2_000


async def test_an_error_names_its_type_and_the_line_of_the_code_and_is_not_tried_again() -> None:
    walk = drawn("def main(args):\n    x = {}\n    print('before')\n    return x['价格']", {})
    with pytest.raises(StepError, match="KeyError in line 4: '价格'") as found:
        await walk.run()
    facts = found.value.facts
    assert (facts["type"], facts["line"], facts["logs"], facts["reason"]) == ("KeyError", 4, ["before"], "error")
    assert not any(event.type is EventType.STEP_RETRIED for event in walk.runtime.events)


async def test_code_that_cannot_be_read_names_the_line() -> None:
    with pytest.raises(CodeFailed) as found:
        await code.run({}, world("def main(args):\n    return {\n"))
    assert found.value.facts["reason"] == "syntax"
    assert found.value.facts["line"] in (2, 3)


async def test_code_in_javascript_is_called_the_same_way() -> None:
    source = (
        "function main(args) { console.log('长度', args.params.text.length); return {n: args.params.text.length}; }"
    )
    here = world(source, "javascript")
    assert await code.run({"text": "山高月小"}, here) == {"n": 4}
    assert here.logged == ["长度 4"]


async def test_what_on_error_says_holds_for_code_too() -> None:
    handled = {"policy": "default", "default": {"price": 0}}
    walk = drawn("def main(args): return 1 / 0", {"properties": {"price": {"type": "integer"}}}, on_error=handled)
    out: Any = (await walk.run()).output["out"]
    assert (out["price"], out["isSuccess"], out["errorBody"]["errorCode"]) == (0, False, "code_failed")


async def test_a_runner_that_is_away_is_waited_for() -> None:
    class Late(OpenJail):
        """There from the third time on."""

        times = 0

        async def run(self, org_id: str, task: Task) -> Finished:
            self.times += 1
            if self.times < 3:
                raise NodeUnavailable("There is no code runner just now.")
            return await super().run(org_id, task)

    walk = drawn("def main(args): return {'a': 1}", {})
    walk.world.sandbox = Late()
    assert (await walk.run()).output == {"out": {"a": 1}}
    assert walk.runtime.slept == [1.0, 2.0]


async def test_without_a_runner_the_node_says_so() -> None:
    with pytest.raises(NodeUnavailable, match="no code runner"):
        await code.run({}, NodeWorld(settings={"source": "def main(args): return {}"}, sandbox=NoSandbox()))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "no_code"),
        ("  \n\t", "no_code"),
        ("x" * (SOURCE_BYTES + 1), "code_too_long"),
        ("茶" * (SOURCE_BYTES // 2), "code_too_long"),
        ("print('hello')", "no_main"),
    ],
)
def test_code_that_cannot_work_is_found_before_it_runs(source: str, expected: str) -> None:
    step = node("n", "code", {}, settings={"source": source})
    (finding,) = findings(start(), step, end(), lines="start>n>end")
    assert (finding.code, finding.node, finding.field) == (expected, "n", "data.settings.source")


def test_code_is_not_read_to_be_checked() -> None:
    broken = node("n", "code", {}, settings={"source": "def main(:\n\x00"})
    assert findings(start(), broken, end(), lines="start>n>end") == []


@pytest.mark.parametrize("settings", [{}, {"source": "main", "language": "ruby"}, {"source": "main", "timeout": 9}])
def test_settings_that_do_not_fit_are_found(settings: dict[str, Any]) -> None:
    assert findings(start(), node("n", "code", {}, settings=settings), end(), lines="start>n>end")
