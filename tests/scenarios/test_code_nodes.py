"""Code, templates and documents through everything that `mainspring up` starts: the real jail is at the end of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.draw import node
from tests.scenarios.conftest import Stage
from tests.scenarios.drawing import Document, begin, document, end
from tests.scenarios.journey import Journey, publish

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT: Document = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
NUMBER: Document = {"type": "object", "properties": {"n": {"type": "integer"}}}


def python(id: str, source: str, inputs: Document, outputs: Document, **data: Any) -> Document:
    return node(id, "code", inputs, settings={"language": "python", "source": source}, outputs=outputs, **data)


async def ran(stage: Stage, workflow: str, inputs: Document) -> tuple[Document, dict[str, Document]]:
    """A run once it has ended, and the records of its steps by their places."""
    client = stage.system.client
    start = {"inputs": inputs, "wait_seconds": 120}
    run = (await client.post(f"/workflows/{workflow}/runs", json=start, timeout=150)).json()
    page = (await client.get(f"/runs/{run['id']}/nodes", params={"limit": 200})).json()
    return run, {record["path"]: record for record in page["items"]}


async def test_a_document_is_read_counted_by_code_and_told_by_a_template(stage: Stage) -> None:
    count = """
import json, collections
async def main(args: Args) -> Output:
    letters = collections.Counter(json.loads(args.params["text"])["text"])
    print("字:", dict(letters))
    return {"letter": letters.most_common(1)[0][0], "count": letters.total()}
"""
    double = "function main(args) { console.log('twice', args.params.n); return { n: args.params.n * 2 }; }"
    counted: Document = {
        "type": "object",
        "properties": {"letter": {"type": "string"}, "count": {"type": "integer"}},
    }
    canvas = document(
        begin(base="string"),
        node("paper", "read_document", {"url": "{{start.base}}/bytes?size=320"}),
        python("count", count, {"text": "=paper.text"}, counted),
        node(
            "double",
            "code",
            {"n": "=count.count"},
            settings={"language": "javascript", "source": double},
            outputs=NUMBER,
        ),
        node(
            "tell",
            "text_template",
            {"letter": "=count.letter", "n": "=double.n", "kind": "=paper.kind"},
            settings={"template": "{{ kind }}: {{ letter }}{% if n > 100 %} × {{ n }}{% endif %}"},
        ),
        end(said="=tell.output"),
        lines="start>paper>count>double>tell>end",
    )
    await publish(stage.system.client, "code-and-more", canvas)
    run, records = await ran(stage, "code-and-more", {"base": stage.out.url})
    assert run["output"] == {"said": "json: 文 × 200"}
    assert records["count"]["logs"] == ["字: {'文': 100}"]
    assert records["double"]["logs"] == ["twice 100"]
    assert records["tell"]["logs"] is None


async def test_each_turn_of_a_batch_runs_code_that_knows_nothing_of_the_others(stage: Stage) -> None:
    source = """
import random
seen = []
def main(args):
    seen.append(args.params["word"])
    return {"text": args.params["word"] * len(seen), "chance": random.random()}
"""
    outputs = {"type": "object", "properties": {"text": {"type": "string"}, "chance": {"type": "number"}}}
    batch = node(
        "each", "batch", {"items": "=start.words", "concurrency": 5},
        blocks=[python("work", source, {"word": "=item"}, outputs)], lines="each>work>each",
        results={"texts": "=work.text", "chances": "=work.chance"},
    )  # fmt: skip
    canvas = document(
        begin(words="array"), batch, end(texts="=each.texts", chances="=each.chances"), lines="start>each>end"
    )
    await publish(stage.system.client, "code-in-a-batch", canvas)
    words = [f"茶{number}" for number in range(20)]
    run, _ = await ran(stage, "code-in-a-batch", {"words": words})
    assert run["output"]["texts"] == words
    assert len({*run["output"]["chances"]}) == 20


async def test_code_that_fails_tells_its_line_and_what_it_had_printed(stage: Stage) -> None:
    source = "def main(args):\n    print('到这里')\n    return {'text': args.params['nope']}\n"
    failing = python("work", source, {}, TEXT)
    rescued = python("try", source, {}, TEXT, on_error={"policy": "default", "default": {"text": "instead"}})
    canvas = document(begin(), rescued, failing, end(text="=work.text"), lines="start>try>work>end")
    await publish(stage.system.client, "code-that-fails", canvas)
    run, records = await ran(stage, "code-that-fails", {})
    assert run["state"] == "failed"
    assert run["error"]["message"] == "KeyError in line 3: 'nope'"
    facts = records["work"]["error"]["facts"]
    assert (facts["type"], facts["line"], facts["logs"]) == ("KeyError", 3, ["到这里"])
    assert (records["try"]["handled"], records["try"]["output"]["text"]) == ("default", "instead")


async def test_code_that_never_ends_is_cancelled_at_once_and_the_next_one_runs(stage: Stage) -> None:
    endless = python("work", "def main(args):\n    while True:\n        pass\n", {}, TEXT)
    await publish(stage.system.client, "code-without-end", document(begin(), endless, end(), lines="start>work>end"))
    journey = await Journey.begin(stage.system.client, "code-without-end", {})
    assert await journey.follower.until(lambda: journey.follower.seen("work:started"), 60)
    await stage.system.client.post(f"/runs/{journey.run_id}/cancel", json={"reason": "enough"})
    assert (await journey.finish())["type"] == "run.cancelled"
    quick = python("work", "def main(args):\n    return {'text': '好'}\n", {}, TEXT)
    await publish(
        stage.system.client, "code-after", document(begin(), quick, end(text="=work.text"), lines="start>work>end")
    )
    assert (await ran(stage, "code-after", {}))[0]["output"] == {"text": "好"}
