"""References that must not lead through nothing: what imported canvases expect of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from engine.canvas import Canvas
from engine.errors import FlowError
from tests.engine.draw import canvas, end, node, run, start


def reading(path: list[str], *, strict: bool) -> Canvas:
    """A canvas whose end reads that path of a node's output."""
    middle = node("one", "compute", {"input": "=start.text"}, settings={"operation": "json.from"})
    middle["data"]["outputs"] = {"type": "object", "properties": {"output": {}}}
    reference: dict[str, Any] = {"ref": ["one", "output", *path], "strict": strict}
    last = end({"found": reference})
    last["data"]["inputs"]["found"] = reference
    return canvas(start({"text": "string"}), middle, last, lines="start>one>end")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("null", "The path output.a.b leads nowhere: output is null."),
        ('{"a": null}', "The path output.a.b leads nowhere: output.a is null."),
        ('{"a": []}', "The path output.a.b leads nowhere: output.a is an empty list."),
        ('{"a": 5}', "The path output.a.b leads nowhere: output.a is a number."),
        ('[{"a": null}]', "The path output.a.b leads nowhere: output.a is null."),
    ],
)
async def test_a_strict_path_that_goes_on_behind_nothing_fails_the_step(text: str, sentence: str) -> None:
    with pytest.raises(FlowError) as caught:
        await run(reading(["a", "b"], strict=True), {"text": text})
    assert caught.value.message == sentence
    assert caught.value.facts["path"] == "end"
    result, _ = await run(reading(["a", "b"], strict=False), {"text": text})
    assert result.output == {}


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('{"a": {"b": 1}}', {"found": 1}),
        ('{"a": [{"b": 1}, {"b": 2}]}', {"found": 1}),
        ('{"a": {"b": null}}', {"found": None}),
        ('{"a": {}}', {}),
        ("{}", {}),
    ],
)
async def test_a_strict_path_may_end_at_null_and_may_name_a_key_that_is_not_there(text: str, output: object) -> None:
    result, _ = await run(reading(["a", "b"], strict=True), {"text": text})
    assert result.output == output
