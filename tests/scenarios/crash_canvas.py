"""The canvas of the crash matrix: every tier of step there is, in an order in which a process may die anywhere."""

from __future__ import annotations

from typing import Any, Final

from tests.engine.draw import edges, node

Document = dict[str, Any]

ITEMS: Final = ["一", "two", "trois"]
MANY: Final = ["a", "b", "c", "d", "e", "f"]
FUSED: Final = list(range(30))
PIECES: Final = 24
SENTENCE: Final = " ".join(f"词{number}" for number in range(PIECES))
PERSON: Final = {"ask": "go on", "form": {"name": "李雷", "copies": "2"}}
"""What the person behind the run answers, by node."""


def _say(id: str, text: Any, **inputs: Any) -> Document:
    """A step that calls the endpoint."""
    said = {"url": "{{start.base}}/say", "method": "POST", "body_type": "raw_text", "body": text, **inputs}
    return node(id, "http_request", said)


def _start(**properties: Any) -> Document:
    made = {name: {"type": kind} for name, kind in properties.items()}
    return node("start", "start", outputs={"type": "object", "properties": made})


def inner() -> Document:
    """The sub-workflow: it calls out, so it runs as a child."""
    nodes = [
        _start(base="string", text="string"),
        _say("inside", "=start.text"),
        node("join", "text_concat", {"template": "{{heard}}!", "heard": "=inside.body"}),
        node("end", "end", {"text": "=join.output"}),
    ]
    return {"nodes": nodes, "edges": edges("start>inside>join>end")}


def outer(child: str) -> Document:
    """The canvas; `child` is the workflow that it calls."""
    loop = node(
        "each",
        "loop",
        {"items": "=start.items", "variables": {"object": {"seen": {"value": 0}}}},
        settings={"mode": "array"},
        blocks=[
            _say("turn", "{{index}}: {{item}}"),
            node("count", "set_variable", {"seen": "=index"}),
        ],
        lines="each>turn>count>each",
        results={"heard": "=turn.body", "seen": "=loop.seen"},
    )
    batch = node(
        "many",
        "batch",
        {"items": "=start.many", "concurrency": 3},
        blocks=[_say("work", "=item")],
        lines="many>work>many",
        results={"heard": "=work.body"},
    )
    fused = node(
        "fused",
        "batch",
        {"items": "=start.numbers", "concurrency": 4},
        blocks=[
            node("label", "text_concat", {"template": "#{{item}}"}),
            node("keep", "assign_variables", {"latest": "=label.output"}, settings={"scopes": {"latest": "app"}}),
        ],
        lines="fused>label>keep>fused",
        results={"labels": "=label.output"},
    )
    nodes = [
        _start(base="string", topic="string", items="array", many="array", numbers="array"),
        node("greet", "text_concat", {"template": "Of {{topic}}", "topic": "=start.topic"}),
        _say("fetch", "=greet.output"),
        node("note", "assign_variables", {"topic": "=greet.output"}, settings={"scopes": {"topic": "app"}}),
        node("recall", "text_concat", {"template": "{{topic}}, again", "topic": {"ref": ["app", "topic"]}}),
        node(
            "good",
            "condition",
            settings={
                "cases": [
                    {
                        "port": "yes",
                        "comparisons": [
                            {"left": {"ref": ["fetch", "statusCode"]}, "operator": "equal", "right": {"value": 200}}
                        ],
                    }
                ]
            },
        ),
        _say("never", "not this way"),
        loop,
        batch,
        fused,
        node("child", "subworkflow", {"base": "=start.base", "text": "=start.topic"}, settings={"workflow": child}),
        node("pause", "delay", {"seconds": 0.4}),
        node(
            "ask",
            "question",
            {"question": "Go on with {{recall.output}}?"},
            settings={"options": ["go on", "stop"], "free": False},
        ),
        node("stopped", "text_concat", {"template": "stopped"}),
        node(
            "form",
            "form",
            {"question": "For whom?"},
            settings={
                "schema": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "copies": {"type": "integer"}},
                    "required": ["name"],
                }
            },
        ),
        node("write", "llm", {"model": "scripted", "prompt": f"delay: 40\nsay: {SENTENCE}"}),
        node("tell", "message", {}, settings={"content": "{{form.name}} reads: {{write.output}} ({{form.copies}}×)"}),
        _say("last", "{{write.output}}"),
        node(
            "end",
            "end",
            {},
            settings={
                "mode": "answer",
                "answer": "{{recall.output}} | {{each.heard}} | {{each.seen}} | {{many.heard}} | {{fused.labels}} | "
                "{{child.text}} | {{ask.answer}} | {{last.body}}",
            },
        ),
    ]
    lines = (
        "start>greet>fetch>note>recall>good good:yes>each good:otherwise>never>end each>many>fused>child>pause>ask "
        "ask:option_0>form ask:option_1>stopped>end form>write>tell>last>end"
    )
    return {"nodes": nodes, "edges": edges(lines)}


def inputs(base: str) -> Document:
    """What the run is given; `base` is where the endpoint listens."""
    return {"base": base, "topic": "rivers 河", "items": ITEMS, "many": MANY, "numbers": FUSED}
